//! Manual 1.7.

use alloc::vec::Vec;
use core::time::Duration;

use super::pending::{Pending, WaitsFor};
use super::raw::{Headed, RawData, SnHeaded, Use};
use super::{PAYLOAD, TOPIC, URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Payload, Problem};
use crate::client_id::ClientId;
use crate::mqtt::{Publish, Qos};
use crate::sn::Request;
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
pub(crate) enum Outgoing {
    Mqtt(Headed),
    MqttSn(SnHeaded),
}

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let client = args.client(0)?;
    if !turn.modem.is_open(client) {
        return Err(Problem::NotConnected);
    }
    let (topic, qos, retain) = (args.text(1), args.qos(2), args.flag(3));
    if client.is_sn() {
        let subject = sn::subject(args, 1)?;
        let stored = || Outgoing::MqttSn(SnHeaded { client, subject: subject.stored(), qos, retain });
        return match args.payload(4) {
            Payload::Bytes(payload) => {
                let sent = turn.sn_request(&MQTTPUB, client, Request::Publish { subject, payload, qos, retain });
                or_wait(turn, sent, || (stored(), payload.into()))
            }
            Payload::Size(size) => Ok(Answer::Raw(RawData::new(turn.now, size, Use::Publish(stored())))),
        };
    }
    let stored = || Outgoing::Mqtt(Headed { client, topic: topic.into(), qos, retain });
    match args.payload(4) {
        Payload::Bytes(payload) => {
            let sent = publish(turn, client, Publish { topic, payload, qos, retain, dup: false, id: None });
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
        match self {
            Outgoing::Mqtt(Headed { client, .. }) | Outgoing::MqttSn(SnHeaded { client, .. }) => *client,
        }
    }

    pub(super) fn send(&self, turn: &mut Turn<'_>, payload: &[u8]) -> Result<Answer, Problem> {
        match self {
            Outgoing::Mqtt(Headed { client, topic, qos, retain }) => {
                let message = Publish { topic, payload, qos: *qos, retain: *retain, dup: false, id: None };
                publish(turn, *client, message)
            }
            Outgoing::MqttSn(SnHeaded { client, subject, qos, retain }) => {
                let request = Request::Publish { subject: subject.lent(), payload, qos: *qos, retain: *retain };
                turn.sn_request(&MQTTPUB, *client, request)
            }
        }
    }
}

fn publish(turn: &mut Turn<'_>, client: ClientId, message: Publish<'_>) -> Result<Answer, Problem> {
    if message.qos != Qos::AtMostOnce && turn.session(client).is_ok_and(|(session, _)| session.is_kept()) {
        turn.make_room(message.topic.len() + message.payload.len());
    }
    let (window, room) = (turn.modem.settings.window, turn.modem.pool_left());
    turn.request(&MQTTPUB, client, |session, wire, ticket| session.publish(wire, message, ticket, window, room))
}
