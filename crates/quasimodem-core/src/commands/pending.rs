//! Commands whose final result code comes later.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;

use super::publish::Outgoing;
use crate::at::{Command, Problem, Texts};
use crate::client_id::ClientId;
use crate::failure::Failure;
use crate::net::{Query, Why};
use crate::time::Instant;
use crate::turn::Turn;

/// A line that waits for the end of its command.
pub(crate) struct Pending {
    pub(crate) row: &'static Command,
    /// When the modem waits no longer.
    pub(crate) until: Instant,
    pub(crate) waits_for: WaitsFor,
    /// The commands behind this one.
    pub(crate) rest: Vec<u8>,
    /// What ended the line, if that may have to be echoed.
    pub(crate) line_end: Option<u8>,
    /// What the host sent meanwhile.
    pub(crate) backlog: Vec<u8>,
}

/// What a command waits for.
pub(crate) enum WaitsFor {
    /// `+MIPDNS`: the addresses of this name.
    Name(Query, Box<str>),
    /// `+MQTTOPEN`: the broker's answer.
    Connect(ClientId),
    /// `+COPS`, `+CGATT`, `+CGACT` and `+MIPCALL`: a registration, with what they do then.
    Registration(fn(&mut Turn<'_>)),
    /// `+MQTTPUB`: room on the link for this message of QoS 0.
    Room(Outgoing, Vec<u8>),
}

impl Pending {
    pub(super) fn new(row: &'static Command, until: Instant, waits_for: WaitsFor) -> Box<Pending> {
        Box::new(Pending { row, until, waits_for, rest: Vec::new(), line_end: None, backlog: Vec::new() })
    }
}

impl WaitsFor {
    pub(crate) fn is_query(&self, query: Query) -> bool {
        matches!(self, WaitsFor::Name(of, _) if *of == query)
    }

    pub(crate) fn is_connect(&self, client: ClientId) -> bool {
        matches!(self, WaitsFor::Connect(of) if *of == client)
    }

    /// What is done once the module is registered, if it waits for that.
    pub(crate) fn registration(&self) -> Option<fn(&mut Turn<'_>)> {
        match self {
            WaitsFor::Registration(then) => Some(*then),
            _ => None,
        }
    }

    pub(crate) fn is_room(&self, client: ClientId) -> bool {
        matches!(self, WaitsFor::Room(outgoing, _) if outgoing.client() == client)
    }

    /// Carries out what waited for room.
    pub(crate) fn room_came(&self, turn: &mut Turn<'_>) -> Result<(), Problem> {
        match self {
            WaitsFor::Room(outgoing, payload) => outgoing.send(turn, payload).map(drop),
            _ => Ok(()),
        }
    }

    /// How the command ends if nothing came in time: an open is accepted, its result is still owed.
    pub(crate) fn late(&self, turn: &mut Turn<'_>) -> Result<(), Problem> {
        match self {
            WaitsFor::Name(_, name) => {
                turn.modem.failed(Failure::Link(Why::NotResolved(name.clone(), "no answer in time".into())));
                Err(Problem::NotResolved)
            }
            WaitsFor::Connect(_) => Ok(()),
            WaitsFor::Registration(_) => {
                turn.failed_to_register();
                Err(Problem::NotRegistered)
            }
            WaitsFor::Room(..) => Err(Problem::LinkFull),
        }
    }

    /// Prints the address of a name.
    pub(crate) fn resolved(&self, turn: &mut Turn<'_>, answer: Result<IpAddr, Why>) -> Result<(), Problem> {
        let WaitsFor::Name(_, name) = self else { return Ok(()) };
        let address = match answer {
            Ok(address) => address,
            Err(why) => {
                turn.modem.failed(Failure::Link(why));
                return Err(Problem::NotResolved);
            }
        };
        turn.fresh_info = true;
        let escapes = turn.modem.settings.escapes;
        turn.info(|line| {
            line.write_str("+MIPDNS: ")?;
            escapes.put(Texts::Plain, name.as_bytes(), line);
            write!(line, ",{address}")
        });
        Ok(())
    }
}
