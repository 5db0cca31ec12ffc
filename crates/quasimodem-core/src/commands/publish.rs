//! Manual 1.7.

use super::raw::{Headed, RawData, SnHeaded, Use};
use super::{PAYLOAD, TOPIC, URC_3S, sn};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Needs, Param, ParamKind, Payload, Problem};
use crate::client::ClientId;
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

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let client = args.client(0)?;
    if !turn.modem.is_open(client) {
        return Err(Problem::NotConnected);
    }
    let (topic, qos, retain) = (args.text(1), args.qos(2), args.flag(3));
    if client.is_sn() {
        let subject = sn::subject(args, 1)?;
        return match args.payload(4) {
            Payload::Bytes(payload) => {
                turn.sn_request(&MQTTPUB, client, Request::Publish { subject, payload, qos, retain })
            }
            Payload::Size(size) => {
                let headed = SnHeaded { client, subject: subject.stored(), qos, retain };
                turn.ask_for(RawData::new(turn.now, size, Use::SnPublish(headed)));
                Ok(Answer::Raw)
            }
        };
    }
    match args.payload(4) {
        Payload::Bytes(payload) => publish(turn, client, Publish { topic, payload, qos, retain, dup: false, id: None }),
        Payload::Size(size) => {
            let headed = Headed { client, topic: topic.into(), qos, retain };
            turn.ask_for(RawData::new(turn.now, size, Use::Publish(headed)));
            Ok(Answer::Raw)
        }
    }
}

pub(super) fn publish(turn: &mut Turn<'_>, client: ClientId, message: Publish<'_>) -> Result<Answer, Problem> {
    if message.qos != Qos::AtMostOnce && turn.session(client).is_ok_and(|(session, _)| session.is_kept()) {
        turn.make_room(message.topic.len() + message.payload.len());
    }
    let (window, room) = (turn.modem.settings.window, turn.modem.pool_left());
    turn.request(&MQTTPUB, client, |session, wire, ticket| session.publish(wire, message, ticket, window, room))
}
