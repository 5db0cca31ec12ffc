//! SIM, registration, signal, data call, clock (27.007, and Fibocom's own +MIPCALL and +MIPDNS).

use core::fmt::Write;
use core::time::Duration;

use super::pending::{Pending, WaitsFor};
use crate::at::{Answer, Args, Command, ErrorStyle, Limit, Needs, Param, ParamKind, Problem, Returns, Test, Texts};
use crate::bearer::Outlook;
use crate::net::{Family, Query};
use crate::profile::{Context, registration_place};
use crate::radio::{Coverage, Registration, Sim, put_cell};
use crate::reports::Report;
use crate::turn::Turn;

pub(super) const CPIN: Command = Command {
    name: "+CPIN",
    source: "27.007 8.3",
    summary: "Tells whether the SIM card is ready.",
    read: Some(|turn, _| {
        let code = match turn.modem.bearer.sim {
            Sim::Ready => "READY",
            Sim::Pin => "SIM PIN",
            sim @ (Sim::Absent | Sim::Failure | Sim::Busy) => return Err(Problem::Sim(sim)),
        };
        turn.info(|line| write!(line, "+CPIN: {code}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CSQ: Command = Command {
    name: "+CSQ",
    source: "27.007 8.5",
    summary: "Tells the signal strength and the bit error rate.",
    test: Test::Words(&["(0-31,99),(0-7,99)"]),
    ..Command::telling(|turn, _| {
        let (rssi, ber) = turn.modem.bearer.signal;
        turn.info(|line| write!(line, "+CSQ: {rssi},{ber}"));
        Ok(Answer::Done)
    })
};

pub(super) const CESQ: Command = Command {
    name: "+CESQ",
    source: "27.007 8.69",
    summary: "Tells the signal as LTE measures it: the last number is RSRP, by the strength that +CSQ tells.",
    test: Test::Words(&["(0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)"]),
    ..Command::telling(|turn, _| {
        let (rssi, _) = turn.modem.bearer.signal;
        // RSSI is in steps of 2 dB from -113 dBm, RSRP in steps of 1 dB from -141 dBm; a carrier of 10 MHz has 600
        // times the power of the one that RSRP is of, which is 28 dB.
        let rsrp = (rssi <= 31).then(|| (2 * rssi).min(97));
        turn.info(|line| match rsrp {
            Some(rsrp) => write!(line, "+CESQ: 99,99,255,255,{GOOD_RSRQ},{rsrp}"),
            None => line.write_str("+CESQ: 99,99,255,255,255,255"),
        });
        Ok(Answer::Done)
    })
};

/// RSRQ of -9.5 dB (27.007 8.69), as it is without much else on the air.
const GOOD_RSRQ: u8 = 20;

/// The commands that tell of the registration; their places are those of `Profile::registration`.
pub(super) const CREG: Command = Command {
    name: "+CREG",
    source: "27.007 7.2",
    summary: "Tells the registration; with 1 its changes too, with 2 the cell as well.",
    params: &[Param::number("n", 0, 2)],
    set: Some(|turn, args| set_registration(turn, args, &CREG)),
    read: Some(|turn, _| registration(turn, &CREG)),
    ..Command::ROW
};

pub(super) const CGREG: Command = Command {
    name: "+CGREG",
    source: "27.007 10.1.20",
    set: Some(|turn, args| set_registration(turn, args, &CGREG)),
    read: Some(|turn, _| registration(turn, &CGREG)),
    ..CREG
};

pub(super) const CEREG: Command = Command {
    name: "+CEREG",
    source: "27.007 10.1.22",
    set: Some(|turn, args| set_registration(turn, args, &CEREG)),
    read: Some(|turn, _| registration(turn, &CEREG)),
    ..CREG
};

fn set_registration(turn: &mut Turn<'_>, args: &Args<'_>, row: &Command) -> Result<Answer, Problem> {
    if let Some(n) = registration_place(row.name).and_then(|place| turn.modem.profile.registration.get_mut(place)) {
        *n = args.small(0);
    }
    Ok(Answer::Done)
}

fn registration(turn: &mut Turn<'_>, row: &Command) -> Result<Answer, Problem> {
    let n = registration_place(row.name)
        .and_then(|place| turn.modem.profile.registration.get(place))
        .copied()
        .unwrap_or_default();
    let stat = turn.modem.bearer.registration;
    turn.info(|line| {
        write!(line, "{}: {n},{}", row.name, stat as u8)?;
        if n == 2 { put_cell(stat, line) } else { Ok(()) }
    });
    Ok(Answer::Done)
}

pub(super) const COPS: Command = Command {
    name: "+COPS",
    source: "27.007 7.3",
    summary: "Tells the operator; 0 and 1 register, 2 deregisters.",
    params: &[Param::number("mode", 0, 2), Param::new("operator", ParamKind::Anything).optional()],
    test: Test::No,
    test_now: Some(|turn, _| {
        turn.modem.bearer.check(Needs::Sim)?;
        // Available, or the one in use (27.007 7.3); with the radio off there is nobody to be heard.
        let state = if turn.modem.bearer.registration.is_registered() { 2 } else { 1 };
        let heard = turn.modem.bearer.fun == 1;
        turn.info(|line| {
            line.write_str("+COPS: ")?;
            if heard {
                write!(line, "({state},\"CHN-UNICOM\",\"UNICOM\",\"46001\",7)")?;
            }
            line.write_str(",,(0-2),(0-2)")
        });
        Ok(Answer::Done)
    }),
    returns: Returns::Final { within: REGISTRATION },
    needs: Needs::Sim,
    set: Some(|turn, args| {
        if args.number(0) == Some(2) {
            turn.change_bearer(|bearer, _, _| bearer.deregister(Registration::None));
            return Ok(Answer::Done);
        }
        turn.change_bearer(|bearer, now, settings| bearer.search(now, settings.search));
        once_registered(turn, &COPS, |_| {})
    }),
    read: Some(|turn, _| {
        let registered = turn.modem.bearer.registration.is_registered();
        turn.info(|line| line.write_str(if registered { "+COPS: 0,0,\"CHN-UNICOM\",7" } else { "+COPS: 0" }));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CGATT: Command = Command {
    name: "+CGATT",
    source: "27.007 10.1.9",
    summary: "Attaches the module to the packet service (1) or detaches it (0), which ends the data call.",
    params: &[Param::number("state", 0, 1)],
    returns: Returns::Final { within: REGISTRATION },
    set: Some(|turn, args| {
        if args.flag(0) {
            return once_registered(turn, &CGATT, |turn| turn.change_bearer(|bearer, _, _| bearer.attached = true));
        }
        turn.change_bearer(|bearer, _, _| {
            bearer.attached = false;
            bearer.address = None;
        });
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let attached = u8::from(turn.modem.bearer.attached);
        turn.info(|line| write!(line, "+CGATT: {attached}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// How long a command waits for the registration. Modules take some seconds for it after a start, and give up later.
const REGISTRATION: Duration = Duration::from_secs(30);

/// Carries out what needs a registration, now or when there is one. The answer waits as long, as it does on real
/// modules: hosts send these commands once, right after a start.
fn once_registered(turn: &mut Turn<'_>, row: &'static Command, then: fn(&mut Turn<'_>)) -> Result<Answer, Problem> {
    match turn.modem.bearer.outlook() {
        Outlook::Registered => {
            then(turn);
            Ok(Answer::Done)
        }
        Outlook::Searching => {
            let until = turn.now + REGISTRATION;
            Ok(Answer::Later(Pending::new(row, until, WaitsFor::Registration(then))))
        }
        Outlook::Hopeless(problem) => {
            turn.failed_to_register();
            Err(problem)
        }
    }
}

/// 27.007 10.1.1 leaves the length to the module; a domain name has 100 characters at most (23.003 9.1).
const APN: Limit = Limit::Fixed(100);

pub(super) const CGDCONT: Command = Command {
    name: "+CGDCONT",
    source: "27.007 10.1.1",
    summary: "Describes the data connection; the module has one.",
    params: &[
        Param::number("cid", 1, 1),
        Param::new("PDP_type", ParamKind::Text(Limit::Fixed(10))),
        Param::new("APN", ParamKind::Text(APN)).optional(),
        Param::new("more", ParamKind::Anything).optional(),
    ],
    test: Test::Words(&["(1),\"IP\",,,(0),(0)", "(1),\"IPV6\",,,(0),(0)", "(1),\"IPV4V6\",,,(0),(0)"]),
    set: Some(|turn, args| {
        turn.modem.set_context(Context { kind: args.text(1).into(), apn: args.text(2).into() });
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        turn.info_of(|modem, line| {
            let (kind, apn) = modem.context().map_or(("IP", ""), |context| (&*context.kind, &*context.apn));
            let address = modem.bearer.address.unwrap_or(core::net::Ipv4Addr::UNSPECIFIED);
            let escapes = modem.settings.escapes;
            line.write_str("+CGDCONT: 1,")?;
            escapes.put(Texts::Plain, kind.as_bytes(), line);
            line.write_str(",")?;
            escapes.put(Texts::Plain, apn.as_bytes(), line);
            write!(line, ",\"{address}\",0,0,0,0")
        });
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

pub(super) const CGPADDR: Command = Command {
    name: "+CGPADDR",
    source: "27.007 10.1.14",
    summary: "Tells the address of the data call.",
    params: &[Param::number("cid", 1, 1)],
    set: Some(address),
    ..Command::telling(address)
};

fn address(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    let address = turn.modem.bearer.address;
    turn.info(|line| match address {
        Some(address) => write!(line, "+CGPADDR: 1,\"{address}\""),
        None => line.write_str("+CGPADDR: 1"),
    });
    Ok(Answer::Done)
}

pub(super) const CGACT: Command = Command {
    name: "+CGACT",
    source: "27.007 10.1.10",
    summary: "Starts the data call (1) or ends it (0).",
    params: &[Param::number("state", 0, 1), Param::number("cid", 1, 1).optional()],
    returns: Returns::Final { within: REGISTRATION },
    set: Some(|turn, args| {
        if args.flag(0) {
            if turn.modem.bearer.coverage == Coverage::NoData {
                return Err(Problem::NoDataCall);
            }
            return once_registered(turn, &CGACT, start_call);
        }
        end_call(turn);
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let up = u8::from(turn.modem.bearer.address.is_some());
        turn.info(|line| write!(line, "+CGACT: 1,{up}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

fn start_call(turn: &mut Turn<'_>) {
    turn.change_bearer(|bearer, _, _| bearer.start_call());
}

fn end_call(turn: &mut Turn<'_>) {
    turn.change_bearer(|bearer, _, _| bearer.address = None);
}

pub(super) const MIPCALL: Command = Command {
    name: "+MIPCALL",
    source: "Fibocom +MIPCALL",
    summary: "Starts the data call (1), whose address follows as +MIPCALL: <address>, or ends it (0).",
    params: &[
        Param::number("action", 0, 1),
        Param::new("apn", ParamKind::Text(APN)).optional(),
        Param::new("user", ParamKind::Text(Limit::Fixed(127))).optional(),
        Param::new("password", ParamKind::Bytes(Limit::Fixed(127))).optional().secret(),
    ],
    returns: Returns::Final { within: REGISTRATION },
    errors: ErrorStyle::Plain,
    set: Some(|turn, args| {
        if args.flag(0) {
            return once_registered(turn, &MIPCALL, |turn| {
                start_call(turn);
                let address = turn.modem.bearer.address;
                turn.modem.reports.push(Report::Call { address, asked: true });
            });
        }
        // The end of a call tells itself.
        if turn.modem.bearer.address.is_none() {
            turn.modem.reports.push(Report::Call { address: None, asked: true });
        }
        end_call(turn);
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let address = turn.modem.bearer.address;
        turn.info(|line| match address {
            Some(address) => write!(line, "+MIPCALL: 1,{address}"),
            None => line.write_str("+MIPCALL: 0"),
        });
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// How long a name may take.
const LOOK_UP: Duration = Duration::from_secs(10);

pub(super) const MIPDNS: Command = Command {
    name: "+MIPDNS",
    source: "Fibocom +MIPDNS",
    summary: "Looks a name up: its IPv4 address (0), its IPv6 address (1), or either, IPv4 first (2 and without).",
    params: &[Param::new("host", ParamKind::Host(255)), Param::number("type", 0, 2).optional()],
    returns: Returns::Final { within: LOOK_UP },
    needs: Needs::DataCall,
    set: Some(|turn, args| {
        let query = turn.modem.tickets.next().number();
        let name = args.text(0);
        let family = match args.number(1) {
            Some(0) => Family::V4,
            Some(1) => Family::V6,
            _ => Family::Any,
        };
        turn.out.resolve(Query(query), family, name);
        let waits_for = WaitsFor::Name(Query(query), name.into());
        Ok(Answer::Later(Pending::new(&MIPDNS, turn.now + LOOK_UP, waits_for)))
    }),
    ..Command::ROW
};
