//! Manual 1.7.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::pending::{Pending, WaitsFor};
use super::raw::{RawData, Use};
use super::{PAYLOAD, TOPIC, URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Payload, Problem};
use crate::client_id::ClientId;
use crate::mqtt::Qos;
use crate::request::Request;
use crate::sn::Subject;
use crate::turn::Turn;

pub(super) const MQTTPUB: Command = Command {
    name: "+MQTTPUB",
    source: "manual 1.7",
    summary: "Publishes a message: its payload as text, or as raw data of the given size behind a prompt.",
    params: &[
        Param::client(Clients::All),
        Param::new("Topic/Topic id", ParamKind::TopicName(TOPIC)),
        Param::number("Qos", 0, 2),
        Param::number("Retain flag", 0, 1),
        Param::new("Payload/Datasize", ParamKind::Payload { max: PAYLOAD, min_size: 1 }),
    ],
    returns: URC_3S,
    errors: ErrorStyle::Plain,
    needs: Needs::DataCall,
    set: Some(set),
    ..Command::ROW
};

/// How long a message of QoS 0 waits for room ("Max Response Duration" of manual 1.7).
const ROOM_WAIT: Duration = Duration::from_millis(1000);

/// A message that is to be published, but for its payload.
pub(crate) struct Outgoing {
    client: ClientId,
    subject: Subject<Box<str>>,
    qos: Qos,
    retain: bool,
}

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let client = args.client(0)?;
    if !turn.modem.is_open(client) {
        return Err(Problem::NotConnected);
    }
    let (subject, qos, retain) = (sn::subject(client, args, 1)?, args.qos(2), args.flag(3));
    let stored = || Outgoing { client, subject: subject.stored(), qos, retain };
    match args.payload(4) {
        Payload::Bytes(payload) => {
            let sent = turn.request(&MQTTPUB, client, Request::Publish { subject, payload, qos, retain });
            or_wait(turn, sent, || (stored(), payload.into()))
        }
        Payload::Size(size) => Ok(Answer::Raw(RawData::new(turn.now, size, Use::Publish(stored())))),
    }
}

/// Publishes a message whose payload came as raw data.
pub(super) fn publish_raw(turn: &mut Turn<'_>, outgoing: Outgoing, payload: Vec<u8>) -> Result<Answer, Problem> {
    let sent = outgoing.send(turn, &payload);
    or_wait(turn, sent, || (outgoing, payload))
}

/// If the link was full, lets the line wait for room.
fn or_wait(
    turn: &Turn<'_>,
    sent: Result<Answer, Problem>,
    message: impl FnOnce() -> (Outgoing, Vec<u8>),
) -> Result<Answer, Problem> {
    if !matches!(sent, Err(Problem::LinkFull)) {
        return sent;
    }
    let (outgoing, payload) = message();
    let until = turn.now + ROOM_WAIT;
    Ok(Answer::Later(Pending::new(&MQTTPUB, until, WaitsFor::Room(outgoing, payload))))
}

impl Outgoing {
    pub(super) fn client(&self) -> ClientId {
        self.client
    }

    pub(super) fn send(&self, turn: &mut Turn<'_>, payload: &[u8]) -> Result<Answer, Problem> {
        let &Outgoing { client, ref subject, qos, retain } = self;
        turn.request(&MQTTPUB, client, Request::Publish { subject: subject.lent(), payload, qos, retain })
    }
}
