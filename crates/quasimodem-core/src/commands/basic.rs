//! Basic commands of V.250, and how strings are printed.

use core::fmt::Write;

use super::profile::{Profile, Switches};
use crate::at::{Answer, Args, Command, ErrorStyle, Param, Problem};
use crate::outbox::Sink;
use crate::reports;
use crate::turn::Turn;

/// Basic commands are answered `ERROR` and have no test form.
const BASIC: Command = Command { errors: ErrorStyle::Plain, test: false, ..Command::ROW };

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
    summary: "Brings back the settings of power-up; connections stay.",
    params: &[Param::number("value", 0, 0).optional()],
    set: Some(reset_profile),
    ..BASIC
};

pub(super) const AND_F: Command = Command {
    name: "&F",
    source: "V.250 6.1.2",
    summary: "Brings back the settings of power-up; connections stay.",
    params: &[Param::number("value", 0, 0).optional()],
    set: Some(reset_profile),
    ..BASIC
};

fn reset_profile(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    let Profile { uart, switches, .. } = turn.modem.profile;
    turn.modem.profile = Profile { uart, ..Profile::new(&turn.modem.settings) };
    turn.modem.profile.switches.set(Switches::UART, switches.has(Switches::UART));
    turn.dcd_was(switches.has(Switches::DCD));
    Ok(Answer::Done)
}

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

/// Writes a string constant: control characters as `\HH` (V.250 5.4.2.2), everything else as it was stored.
pub(crate) fn put_quoted(text: &[u8], to: &mut (impl Sink + Write)) {
    to.put(b"\"");
    reports::put_visible(text, to);
    to.put(b"\"");
}
