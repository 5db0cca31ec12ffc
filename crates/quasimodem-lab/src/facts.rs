//! What a packet says of itself, in the words of events and faults.

use quasimodem_core::mqtt::{self, Qos};
use quasimodem_core::{Link, sn};

use crate::transcript::speaks_sn;

/// What is known of a packet without its payload and secrets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// Its type, such as `PUBLISH`; `unknown` if it can't be read.
    pub(crate) kind: &'static str,
    /// The packet identifier.
    pub(crate) id: Option<u16>,
    /// The topic of a PUBLISH or a REGISTER, or the first filter of a request.
    pub(crate) topic: Option<&'a str>,
    /// The QoS of a PUBLISH, or that is asked for or granted over MQTT-SN.
    pub(crate) qos: Option<Qos>,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    /// Of a CONNECT: it wants no session.
    pub(crate) clean: bool,
    /// Of a CONNECT: it has a will.
    pub(crate) will: bool,
    /// The protocol level of a CONNECT.
    pub(crate) level: Option<u8>,
    /// Of a CONNACK: a session goes on.
    pub(crate) session: Option<bool>,
    /// The return code of an answer; of a SUBACK of MQTT, `codes`.
    pub(crate) code: Option<u8>,
    pub(crate) codes: &'a [u8],
    /// Bytes of the payload of a PUBLISH.
    pub(crate) payload: usize,
}

impl<'a> Facts<'a> {
    /// Of a packet that goes over this link.
    pub(crate) fn of(link: Link, bytes: &'a [u8]) -> Facts<'a> {
        let unknown = Facts { kind: UNKNOWN, ..Facts::default() };
        if speaks_sn(link) {
            sn::Packet::decode(bytes).map_or(unknown, Facts::of_sn)
        } else {
            mqtt::Packet::decode(bytes).map_or(unknown, Facts::of_mqtt)
        }
    }

    /// The flags that are set, in words; empty: none.
    pub(crate) fn flags(&self) -> String {
        let flags = [(self.dup, "dup"), (self.retain, "retain"), (self.clean, "clean"), (self.will, "will")];
        let set: Vec<&str> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
        set.join(" ")
    }

    fn of_mqtt(packet: mqtt::Packet<'a>) -> Facts<'a> {
        use mqtt::Packet;
        let with = |kind, id: mqtt::PacketId| Facts { kind, id: Some(id.get()), ..Facts::default() };
        let plain = |kind| Facts { kind, ..Facts::default() };
        match packet {
            Packet::Connect(connect) => Facts {
                clean: connect.clean_session,
                will: connect.will.is_some(),
                level: Some(connect.level),
                ..plain("CONNECT")
            },
            Packet::Connack { session_present, code } => {
                Facts { session: Some(session_present), code: Some(code), ..plain("CONNACK") }
            }
            Packet::Publish(publish) => Facts {
                id: publish.id.map(mqtt::PacketId::get),
                topic: Some(publish.topic),
                qos: Some(publish.qos),
                dup: publish.dup,
                retain: publish.retain,
                payload: publish.payload.len(),
                ..plain("PUBLISH")
            },
            Packet::Puback(id) => with("PUBACK", id),
            Packet::Pubrec(id) => with("PUBREC", id),
            Packet::Pubrel(id) => with("PUBREL", id),
            Packet::Pubcomp(id) => with("PUBCOMP", id),
            Packet::Subscribe { id, filters } => {
                let first = filters.iter().next();
                let (topic, qos) = first.map_or((None, None), |(filter, qos)| (Some(filter), qos));
                Facts { topic, qos, ..with("SUBSCRIBE", id) }
            }
            Packet::Suback { id, codes } => Facts { codes, ..with("SUBACK", id) },
            Packet::Unsubscribe { id, filters } => {
                let topic = filters.iter().next().map(|(filter, _)| filter);
                Facts { topic, ..with("UNSUBSCRIBE", id) }
            }
            Packet::Unsuback(id) => with("UNSUBACK", id),
            Packet::Pingreq => plain("PINGREQ"),
            Packet::Pingresp => plain("PINGRESP"),
            Packet::Disconnect => plain("DISCONNECT"),
        }
    }

    fn of_sn(packet: sn::Packet<'a>) -> Facts<'a> {
        use sn::Packet;
        let with = |kind, id| Facts { kind, id: Some(id), ..Facts::default() };
        let plain = |kind| Facts { kind, ..Facts::default() };
        let answer = |kind, code: sn::ReturnCode| Facts { code: Some(code.number()), ..plain(kind) };
        match packet {
            Packet::Advertise { .. } => plain("ADVERTISE"),
            Packet::Searchgw { .. } => plain("SEARCHGW"),
            Packet::Gwinfo { .. } => plain("GWINFO"),
            Packet::Connect(connect) => {
                Facts { clean: connect.clean, will: connect.will, level: Some(connect.protocol), ..plain("CONNECT") }
            }
            Packet::Connack(code) => answer("CONNACK", code),
            Packet::Willtopicreq => plain("WILLTOPICREQ"),
            Packet::Willtopic(will) => Facts { topic: will.map(|will| will.topic), ..plain("WILLTOPIC") },
            Packet::Willmsgreq => plain("WILLMSGREQ"),
            Packet::Willmsg(_) => plain("WILLMSG"),
            Packet::Register { id, name, .. } => Facts { topic: Some(name), ..with("REGISTER", id) },
            Packet::Regack { id, code, .. } => Facts { id: Some(id), ..answer("REGACK", code) },
            Packet::Publish(publish) => {
                let sn::Publish { qos, dup, retain, payload, id, .. } = publish;
                Facts { qos, dup, retain, payload: payload.len(), ..with("PUBLISH", id) }
            }
            Packet::Puback { id, code, .. } => Facts { id: Some(id), ..answer("PUBACK", code) },
            Packet::Pubrec(id) => with("PUBREC", id),
            Packet::Pubrel(id) => with("PUBREL", id),
            Packet::Pubcomp(id) => with("PUBCOMP", id),
            Packet::Subscribe { id, topic, qos, dup } => {
                Facts { topic: name(topic), qos: Some(qos), dup, ..with("SUBSCRIBE", id) }
            }
            Packet::Suback { qos, id, code, .. } => Facts { id: Some(id), qos: Some(qos), ..answer("SUBACK", code) },
            Packet::Unsubscribe { id, topic } => Facts { topic: name(topic), ..with("UNSUBSCRIBE", id) },
            Packet::Unsuback(id) => with("UNSUBACK", id),
            Packet::Pingreq { .. } => plain("PINGREQ"),
            Packet::Pingresp => plain("PINGRESP"),
            Packet::Disconnect { .. } => plain("DISCONNECT"),
            Packet::Willtopicupd(will) => Facts { topic: will.map(|will| will.topic), ..plain("WILLTOPICUPD") },
            Packet::Willmsgupd(_) => plain("WILLMSGUPD"),
            Packet::Willtopicresp(code) => answer("WILLTOPICRESP", code),
            Packet::Willmsgresp(code) => answer("WILLMSGRESP", code),
            Packet::Encapsulated { .. } => plain("ENCAPSULATED"),
        }
    }
}

/// The name that a request of MQTT-SN speaks of, if it is one.
fn name(topic: sn::Topic<'_>) -> Option<&str> {
    if let sn::Topic::Name(name) = topic { Some(name) } else { None }
}

/// The type of what can't be read.
pub(crate) const UNKNOWN: &str = "unknown";
