//! Basic commands of V.250.

use core::fmt::Write;

use crate::at::{Answer, Args, Command, ErrorStyle, Param, ParamKind, Problem, Test};
use crate::modem::Modem;
use crate::profile::Switches;
use crate::turn::Turn;
use crate::uart::FlowControl;

/// Basic commands are answered `ERROR` and have no test form.
pub(super) const BASIC: Command = Command { errors: ErrorStyle::Plain, test: Test::No, ..Command::ROW };

pub(super) const E: Command = Command {
    name: "E",
    source: "V.250 6.2.4",
    summary: "Sends what the host types back to it, or not.",
    params: &[Param::number("value", 0, 1).optional()],
    set: Some(|turn, args| {
        turn.modem.profile.switches.set(Switches::ECHO, args.flag(0));
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const V: Command = Command {
    name: "V",
    source: "V.250 6.2.6",
    summary: "Sends result codes as digits (0) or in words (1).",
    params: &[Param::number("value", 0, 1).optional()],
    set: Some(|turn, args| {
        turn.modem.profile.switches.set(Switches::VERBOSE, args.flag(0));
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const Q: Command = Command {
    name: "Q",
    source: "V.250 6.2.5",
    summary: "Sends result codes (0) or none (1).",
    params: &[Param::number("value", 0, 1).optional()],
    set: Some(|turn, args| {
        turn.modem.profile.switches.set(Switches::QUIET, args.flag(0));
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const Z: Command = Command {
    name: "Z",
    source: "V.250 6.1.1",
    summary: "Brings back the settings that &W stored, else those of power-up; connections stay.",
    params: &[Param::number("value", 0, 1).optional()],
    set: Some(|turn, _| reset_profile(turn, Modem::recall_profile)),
    ..BASIC
};

pub(super) const AND_F: Command = Command {
    name: "&F",
    source: "V.250 6.1.2",
    summary: "Brings back the settings of power-up, whatever &W stored; connections stay.",
    params: &[Param::number("value", 0, 0).optional()],
    set: Some(|turn, _| reset_profile(turn, Modem::factory_profile)),
    ..BASIC
};

pub(super) const AND_W: Command = Command {
    name: "&W",
    source: "Hayes &W",
    summary: "Stores the settings that Z and a restart bring back, until the program ends.",
    params: &[Param::number("profile", 0, 1).optional()],
    set: Some(|turn, _| {
        turn.modem.store_profile();
        Ok(Answer::Done)
    }),
    ..BASIC
};

fn reset_profile(turn: &mut Turn<'_>, reset: fn(&mut Modem)) -> Result<Answer, Problem> {
    let dcd = turn.modem.profile.switches.has(Switches::DCD);
    reset(turn.modem);
    turn.dcd_was(dcd);
    Ok(Answer::Done)
}

/// Taken so that hosts go on: what it is about does not exist here, as it does not on a module without a telephone.
const TAKEN: Command = Command { set: Some(|_, _| Ok(Answer::Done)), ..BASIC };

pub(super) const H: Command = Command {
    name: "H",
    source: "V.250 6.3.6",
    summary: "Hangs up; taken, as there are no telephone calls here.",
    params: &[Param::number("value", 0, 1).optional()],
    ..TAKEN
};

pub(super) const L: Command = Command {
    name: "L",
    source: "V.250 6.3.13",
    summary: "Sets the loudness of the monitor; taken, as there is none here.",
    params: &[Param::number("value", 0, 3).optional()],
    ..TAKEN
};

pub(super) const M: Command = Command {
    name: "M",
    source: "V.250 6.3.14",
    summary: "Sets the mode of the monitor; taken, as there is none here.",
    params: &[Param::number("value", 0, 3).optional()],
    ..TAKEN
};

pub(super) const P: Command = Command {
    name: "P",
    source: "V.250 6.3.3",
    summary: "Selects pulse dialling; taken, as there are no telephone calls here.",
    params: &[Param::number("value", 0, 0).optional()],
    ..TAKEN
};

pub(super) const T: Command = Command {
    name: "T",
    source: "V.250 6.3.2",
    summary: "Selects tone dialling; taken, as there are no telephone calls here.",
    params: &[Param::number("value", 0, 0).optional()],
    ..TAKEN
};

pub(super) const X: Command = Command {
    name: "X",
    source: "V.250 6.2.7",
    summary: "Selects what is told of the progress of calls; taken, as there are no telephone calls here.",
    params: &[Param::number("value", 0, 4).optional()],
    ..TAKEN
};

pub(super) const AND_S: Command = Command {
    name: "&S",
    source: "Hayes &S",
    summary: "Selects when the line DSR is on; taken, as it always is.",
    params: &[Param::number("value", 0, 1).optional()],
    ..TAKEN
};

pub(super) const AND_K: Command = Command {
    name: "&K",
    source: "Hayes &K",
    summary: "Sets the flow control of the serial port, after its OK: 0 none, 3 RTS and CTS, 4 XON and XOFF.",
    params: &[Param::new("value", ParamKind::OneOf(&[0, 3, 4])).optional()],
    set: Some(|turn, args| {
        let flow = match args.small(0) {
            3 => FlowControl::RtsCts,
            4 => FlowControl::XonXoff,
            _ => FlowControl::None,
        };
        turn.set_uart(|uart| uart.flow = flow);
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const AND_C: Command = Command {
    name: "&C",
    source: "V.250 6.2.8",
    summary: "Keeps the carrier detect line on (0), or lets it tell of a carrier (1): off, as there are no data calls here.",
    params: &[Param::number("value", 0, 1).optional()],
    set: Some(|turn, args| {
        let before = turn.modem.profile.switches.set(Switches::DCD, !args.flag(0));
        turn.dcd_was(before);
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const AND_D: Command = Command {
    name: "&D",
    source: "V.250 6.2.9",
    summary: "Ignores the line DTR (0), or lets its fall end raw data and half a line (1, 2); connections stay.",
    params: &[Param::number("value", 0, 2).optional()],
    set: Some(|turn, args| {
        turn.modem.profile.switches.set(Switches::DTR, args.small(0) > 0);
        Ok(Answer::Done)
    }),
    ..BASIC
};

pub(super) const I: Command = Command {
    name: "I",
    source: "V.250 6.1.3",
    summary: "Tells who made the module, its model and its version.",
    params: &[Param::number("value", 0, 0).optional()],
    set: Some(identify),
    ..BASIC
};

fn identify(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    let model = turn.modem.settings.model.name;
    turn.info(|line| line.write_str(MANUFACTURER));
    turn.info(|line| line.write_str(model));
    turn.info(|line| line.write_str(VERSION));
    Ok(Answer::Done)
}

/// Hosts look for this word.
pub(super) const MANUFACTURER: &str = "Fibocom";

pub(super) const VERSION: &str = concat!("quasimodem ", env!("CARGO_PKG_VERSION"));
