//! Manual 1.13 to 1.16, and what the other commands do for MQTT-SN clients.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::open::MQTTOPEN;
use super::{PAYLOAD, TOPIC, URC_3S};
use crate::at::{Answer, Args, Clients, Command, ErrorStyle, Limit, Needs, Param, ParamKind, Problem, Texts};
use crate::client::SnClient;
use crate::client_id::ClientId;
use crate::imei::Imei;
use crate::mqtt::Key;
use crate::net::Transport;
use crate::reports::Report;
use crate::request::Request;
use crate::sn::{Greeting, Session, Subject, WillTopic};
use crate::turn::Turn;

const SN: Command = Command { on: |model| model.sn, errors: ErrorStyle::Plain, needs: Needs::DataCall, ..Command::ROW };

pub(super) const MQTTSNCID: Command = Command {
    name: "+MQTTSNCID",
    source: "manual 1.13",
    summary: "Sets the client id of the client's next MQTT-SN connection.",
    params: &[
        Param::client(Clients::MqttSn),
        Param::new("ClientIDStr", ParamKind::Text(Limit::Of(|model| model.sn_client_id))),
    ],
    set: Some(|turn, args| {
        let Some(client) = turn.modem.new_sn_client(args.client(0)?) else { return Err(Problem::NoSuchClient) };
        client.client_id = Some(args.text(1).into());
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        for id in ClientId::mqtt_sn() {
            if turn.modem.own_sn_id(id).is_none() {
                continue;
            }
            turn.info_of(|modem, line| {
                let own = modem.own_sn_id(id).unwrap_or_default();
                write!(line, "+MQTTSNCID: {id},")?;
                modem.settings.escapes.put(Texts::Plain, own.as_bytes(), line);
                Ok(())
            });
        }
        Ok(Answer::Done)
    }),
    ..SN
};

pub(super) const MQTTSNREG: Command = Command {
    name: "+MQTTSNREG",
    source: "manual 1.14",
    summary: "Registers a topic name at the gateway, and tells its id; ? tells the newest names behind OK.",
    params: &[Param::client(Clients::MqttSn), Param::new("TopicName", ParamKind::TopicName(TOPIC))],
    returns: URC_3S,
    set: Some(|turn, args| turn.request(&MQTTSNREG, args.client(0)?, Request::Register(args.text(1)))),
    read: Some(|turn, _| {
        for id in ClientId::mqtt_sn() {
            if turn.modem.is_open(id) {
                turn.modem.reports.push(Report::Names(id));
            }
        }
        Ok(Answer::Done)
    }),
    ..SN
};

pub(super) const MQTTWTOPICUD: Command = Command {
    name: "+MQTTWTOPICUD",
    source: "manual 1.15",
    summary: "Updates the topic of the will at the gateway; an empty one deletes the will.",
    params: &[
        Param::client(Clients::MqttSn),
        Param::number("Qos", 0, 2),
        Param::number("Retain flag", 0, 1),
        Param::new("WilltopicName", ParamKind::WillTopic(TOPIC)),
    ],
    returns: URC_3S,
    set: Some(|turn, args| {
        let topic = args.text(3);
        let will = WillTopic { topic, qos: args.qos(1), retain: args.flag(2) };
        turn.request(&MQTTWTOPICUD, args.client(0)?, Request::WillTopic((!topic.is_empty()).then_some(will)))
    }),
    ..SN
};

pub(super) const MQTTWMSGUD: Command = Command {
    name: "+MQTTWMSGUD",
    source: "manual 1.16",
    summary: "Updates the message of the will at the gateway.",
    params: &[Param::client(Clients::MqttSn), Param::new("WillMessage", ParamKind::Message(PAYLOAD))],
    returns: URC_3S,
    set: Some(|turn, args| {
        let payload = args.bytes(1).unwrap_or_default();
        turn.request(&MQTTWMSGUD, args.client(0)?, Request::WillMessage(payload))
    }),
    ..SN
};

/// `+MQTTOPEN` of a client that is not connected.
pub(super) fn open(turn: &mut Turn<'_>, args: &Args<'_>, id: ClientId) -> Result<(), Problem> {
    if args.number(5).is_some_and(|tls| tls > 0) {
        return Err(Problem::NoDtls);
    }
    let (host, port) = (args.text(1), args.word(2));
    let imei = turn.modem.imei;
    let (ticket, until) = turn.owe(&MQTTOPEN, id);
    let client = turn.modem.new_sn_client(id);
    let Some(SnClient { client_id, will, session, kept }) = client else { return Err(Problem::NoSuchClient) };
    let client_id = self::client_id(client_id.as_deref(), imei, id);
    let clean = args.flag(3);
    if clean {
        // The gateway forgets a message without a topic with the session.
        will.take_if(|will| !will.has_topic());
    }
    let key = (!clean).then(|| Key::new(host, port, &client_id));
    let greeting = Greeting {
        client_id: client_id.into(),
        clean,
        keep_alive: args.word(4),
        will: will.as_deref().filter(|will| will.has_topic()).cloned(),
    };
    // What is kept for another connection is given up once the gateway accepts this one.
    let kept = kept.take_if(|kept| Some(&kept.key) == key.as_ref()).map(|kept| *kept);
    *session = Some(Box::new(Session::open(turn.now, greeting, key, kept, ticket, until)));
    turn.out.open(id.link(), Transport::Udp, host, port);
    Ok(())
}

/// What a topic of the host means. To an MQTT-SN client it is a name in quotes, otherwise a number is an id.
pub(super) fn subject<'a>(client: ClientId, args: &Args<'a>, index: usize) -> Result<Subject<&'a str>, Problem> {
    let text = args.text(index);
    if !client.is_sn() {
        return Ok(Subject::Name(text));
    }
    if args.is_quoted(index) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Subject::of_text(text));
    }
    match text.parse() {
        Ok(number @ 1..) => Ok(Subject::Number(number)),
        _ => Err(Problem::OutOfRange("Topic id", 1, u16::MAX.into())),
    }
}

/// The client id with which an MQTT-SN client connects: its own, or the IMEI and its number.
pub(super) fn client_id(own_id: Option<&str>, imei: Imei, id: ClientId) -> String {
    own_id.filter(|own_id| !own_id.is_empty()).map_or_else(|| format!("{imei}{id}"), String::from)
}
