//! The device: errors, identity, serial port, power (27.007 and V.250).

use core::fmt::Write;

use super::basic::{MANUFACTURER, VERSION};
use crate::at::{Answer, Args, Command, Needs, Param, ParamKind, Problem, Test};
use crate::failure::Failure;
use crate::mqtt::connack_words;
use crate::turn::Turn;
use crate::uart::{FlowControl, Framing, Rate};
use crate::visible::Visible;

pub(super) const CMEE: Command = Command {
    name: "+CMEE",
    source: "27.007 9.1",
    summary: "Tells errors as ERROR (0), by number (1) or in words (2).",
    params: &[Param::number("n", 0, 2)],
    set: Some(|turn, args| {
        turn.modem.profile.cmee = args.small(0);
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let cmee = turn.modem.profile.cmee;
        turn.info(|line| write!(line, "+CMEE: {cmee}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CEER: Command = Command {
    name: "+CEER",
    source: "27.007 6.10",
    summary: "Tells why the last connection or command failed later than at once, in words after a number: 699 and the CONNACK code of the \
              broker (700 to 704, manual 2.1), 1 name, 2 link, 3 TLS, 4 no answer in time, 5 no answer to a ping, 6 broken \
              protocol, 7 no data call, 8 not registered, 9 ended by the host, 10 refused by the gateway, 11 ended by the \
              gateway, 12 answer of a cloud, 13 no clock, 14 taken over by another client, 15 message too \
              large, 16 subscription not granted, 17 no raw data.",
    ..Command::telling(|turn, _| {
        turn.info_of(|modem, line| match &modem.last_failure {
            None => line.write_str("+CEER: 0,\"none\""),
            Some(failure) => {
                write!(line, "+CEER: {},\"", failure.code())?;
                match **failure {
                    Failure::Refused(code) => line.write_str(connack_words(code))?,
                    _ => write!(Visible(line), "{failure}")?,
                }
                line.write_str("\"")
            }
        });
        Ok(Answer::Done)
    })
};

pub(super) const CGMI: Command = Command {
    name: "+CGMI",
    source: "27.007 5.1",
    summary: "Tells who made the module.",
    ..Command::telling(|turn, _| quoted(turn, &CGMI, MANUFACTURER))
};

pub(super) const CGMM: Command = Command {
    name: "+CGMM",
    source: "27.007 5.2",
    summary: "Tells the model.",
    ..Command::telling(|turn, _| quoted(turn, &CGMM, turn.modem.settings.model.name))
};

pub(super) const CGMR: Command = Command {
    name: "+CGMR",
    source: "27.007 5.3",
    summary: "Tells the version.",
    ..Command::telling(|turn, _| quoted(turn, &CGMR, VERSION))
};

pub(super) const GMI: Command =
    Command { name: "+GMI", source: "V.250 6.1.4", read: Some(gmi), exec: Some(gmi), ..CGMI };

pub(super) const GMM: Command =
    Command { name: "+GMM", source: "V.250 6.1.5", read: Some(gmm), exec: Some(gmm), ..CGMM };

pub(super) const GMR: Command =
    Command { name: "+GMR", source: "V.250 6.1.6", read: Some(gmr), exec: Some(gmr), ..CGMR };

fn gmi(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    quoted(turn, &GMI, MANUFACTURER)
}

fn gmm(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    quoted(turn, &GMM, turn.modem.settings.model.name)
}

fn gmr(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    quoted(turn, &GMR, VERSION)
}

fn quoted(turn: &mut Turn<'_>, row: &Command, text: &str) -> Result<Answer, Problem> {
    turn.info(|line| write!(line, "{}: \"{text}\"", row.name));
    Ok(Answer::Done)
}

pub(super) const GCAP: Command = Command {
    name: "+GCAP",
    source: "V.250 6.1.9",
    summary: "Tells which standards the module follows: 27.007.",
    ..Command::telling(|turn, _| {
        turn.info(|line| line.write_str("+GCAP: +CGSM"));
        Ok(Answer::Done)
    })
};

pub(super) const CPAS: Command = Command {
    name: "+CPAS",
    source: "27.007 8.1",
    summary: "Tells whether the module is ready (0), or asleep since its radio is off (5).",
    test: Test::Words(&["(0,5)"]),
    ..Command::telling(|turn, _| {
        let status = if turn.modem.bearer.fun == 1 { 0 } else { 5 };
        turn.info(|line| write!(line, "+CPAS: {status}"));
        Ok(Answer::Done)
    })
};

pub(super) const CGSN: Command = Command {
    name: "+CGSN",
    source: "27.007 5.4",
    summary: "Tells the IMEI.",
    params: &[Param::number("snt", 0, 1)],
    set: Some(cgsn),
    ..Command::telling(cgsn)
};

fn cgsn(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    let imei = turn.modem.imei;
    turn.info(|line| write!(line, "+CGSN: \"{imei}\""));
    Ok(Answer::Done)
}

pub(super) const GSN: Command = Command {
    name: "+GSN",
    source: "V.250 6.1.7",
    summary: "Tells the IMEI.",
    ..Command::telling(|turn, _| {
        let imei = turn.modem.imei;
        turn.info(|line| write!(line, "+GSN: \"{imei}\""));
        Ok(Answer::Done)
    })
};

pub(super) const CFSN: Command = Command {
    name: "+CFSN",
    source: "Fibocom +CFSN",
    summary: "Tells the factory's serial number, made of the IMEI.",
    ..Command::telling(|turn, _| {
        let imei = turn.modem.imei;
        turn.info(|line| write!(line, "+CFSN: \"QM{imei}\""));
        Ok(Answer::Done)
    })
};

pub(super) const CFUN: Command = Command {
    name: "+CFUN",
    source: "27.007 8.2",
    summary: "Switches the radio on (1) or off (0, 4), or restarts the module (1,1 and 15).",
    params: &[Param::new("fun", ParamKind::OneOf(&[0, 1, 4, 15])), Param::number("rst", 0, 1).optional()],
    set: Some(set_functionality),
    read: Some(|turn, _| {
        let fun = turn.modem.bearer.fun;
        turn.info(|line| write!(line, "+CFUN: {fun}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

fn set_functionality(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    match (args.number(0), args.flag(1)) {
        (Some(15), _) | (_, true) => turn.then = Some(Turn::boot),
        (Some(0 | 4), _) => {
            let fun = args.small(0);
            turn.change_bearer(|bearer, _, _| bearer.radio_off(fun));
        }
        _ => turn.change_bearer(|bearer, now, settings| {
            bearer.fun = 1;
            bearer.search(now, settings.search);
        }),
    }
    Ok(Answer::Done)
}

pub(super) const RESET: Command = Command {
    name: "+RESET",
    source: "Fibocom +RESET",
    summary: "Restarts the module.",
    exec: Some(|turn, _| {
        turn.then = Some(Turn::boot);
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CPWROFF: Command = Command {
    name: "+CPWROFF",
    source: "Fibocom +CPWROFF",
    summary: "Switches the module off; the next host that opens the port switches it on, or the rise of DTR.",
    exec: Some(|turn, _| {
        turn.then = Some(Turn::halt);
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CIMI: Command = Command {
    name: "+CIMI",
    source: "27.007 5.6",
    summary: "Tells the IMSI: of the test network 001 01, ended by the last digits of the IMEI.",
    needs: Needs::Sim,
    ..Command::telling(|turn, _| {
        turn.modem.bearer.check(Needs::Sim)?;
        let number = turn.modem.imei.number() % 10_000_000_000;
        turn.info(|line| write!(line, "00101{number:010}"));
        Ok(Answer::Done)
    })
};

pub(super) const CCID: Command = Command {
    name: "+CCID",
    source: "Fibocom +CCID",
    summary: "Tells the number of the SIM card, made of the IMEI.",
    needs: Needs::Sim,
    ..Command::telling(ccid)
};

pub(super) const ICCID: Command =
    Command { name: "+ICCID", source: "Fibocom +ICCID", read: Some(iccid), exec: Some(iccid), ..CCID };

fn ccid(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    card_number(turn, CCID.name)
}

fn iccid(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    card_number(turn, ICCID.name)
}

/// ITU-T E.118: 89, then a country code of China, as hosts expect it.
fn card_number(turn: &mut Turn<'_>, name: &str) -> Result<Answer, Problem> {
    turn.modem.bearer.check(Needs::Sim)?;
    let imei = turn.modem.imei;
    turn.info(|line| write!(line, "{name}: 89860{imei}"));
    Ok(Answer::Done)
}

pub(super) const IPR: Command = Command {
    name: "+IPR",
    source: "V.250 6.2.10",
    summary: "Sets the rate of the serial port in bits a second, behind its OK; 0 leaves it. Ends without a rate ignore it.",
    params: &[Param::number("rate", 0, Rate::MAX)],
    set: Some(|turn, args| {
        // 0: the module finds the rate itself, so it stays.
        if let Some(rate) = args.number(0).and_then(Rate::new) {
            turn.set_uart(|uart| uart.rate = rate);
        }
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let rate = turn.modem.profile.uart.rate.bits();
        turn.info(|line| write!(line, "+IPR: {rate}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const ICF: Command = Command {
    name: "+ICF",
    source: "V.250 6.2.11",
    summary: "Sets the frame of a character at the serial port, behind its OK: 3 is 8N1, 0 leaves it; parity 0 is odd, 1 even.",
    params: &[Param::number("format", 0, Framing::FORMAT_MAX), Param::number("parity", 0, 3).optional()],
    set: Some(|turn, args| {
        if let Some(framing) = args.number(0).and_then(|format| Framing::new(format, args.number(1))) {
            turn.set_uart(|uart| uart.framing = framing);
        }
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let (format, parity) = turn.modem.profile.uart.framing.numbers();
        turn.info(|line| write!(line, "+ICF: {format},{parity}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const IFC: Command = Command {
    name: "+IFC",
    source: "V.250 6.2.12",
    summary: "Sets the flow control of the serial port, behind its OK: 0 none, 1 XON and XOFF, 2 RTS and CTS; the greater counts for both ways.",
    params: &[Param::number("DCE_by_DTE", 0, 2), Param::number("DTE_by_DCE", 0, 2).optional()],
    set: Some(|turn, args| {
        let flow = match args.number(0).max(args.number(1)) {
            Some(2) => FlowControl::RtsCts,
            Some(1) => FlowControl::XonXoff,
            _ => FlowControl::None,
        };
        turn.set_uart(|uart| uart.flow = flow);
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let flow = turn.modem.profile.uart.flow as u8;
        turn.info(|line| write!(line, "+IFC: {flow},{flow}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// Accepted so that hosts go on; what it sets does not exist here.
const ACCEPTED: Command = Command {
    summary: "Accepted; what it sets does not exist here.",
    params: &[Param::new("anything", ParamKind::Anything)],
    test: Test::No,
    set: Some(|_, _| Ok(Answer::Done)),
    ..Command::ROW
};

pub(super) const GTSET: Command = Command { name: "+GTSET", source: "Fibocom +GTSET", ..ACCEPTED };
pub(super) const GTRAT: Command = Command { name: "+GTRAT", source: "Fibocom +GTRAT", ..ACCEPTED };
pub(super) const GTWAKE: Command = Command { name: "+GTWAKE", source: "Fibocom +GTWAKE", ..ACCEPTED };
