//! Reading messages, and what is wrong with those that can't be read.

use core::fmt;

use super::packet::{
    ADVERTISE, CLEAN, CONNACK, CONNECT, Connect, DISCONNECT, DUP, ENCAPSULATED, GWINFO, LONG_LENGTH, MAX_NODE, MsgId,
    PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Packet, Publish, QOS_SHIFT, RADIUS, REGACK, REGISTER,
    RETAIN, ReturnCode, SEARCHGW, SUBACK, SUBSCRIBE, TOPIC_KIND, Topic, TopicId, UNSUBACK, UNSUBSCRIBE, WILL, WILLMSG,
    WILLMSGREQ, WILLMSGRESP, WILLMSGUPD, WILLTOPIC, WILLTOPICREQ, WILLTOPICRESP, WILLTOPICUPD, WillTopic,
};
use crate::mqtt::Qos;

/// How a datagram breaks MQTT-SN 1.2. Whoever receives such a datagram ignores it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// The message type is reserved: a later version may know it.
    UnknownType(u8),
    /// The message is not what its type has to be.
    Broken {
        /// The section that tells how it should be (`MQTT-SN 5.2.1`).
        rule: &'static str,
        /// What is wrong, in words without a full stop.
        what: &'static str,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::UnknownType(kind) => write!(f, "the message type {kind:02x} is reserved (MQTT-SN 5.2.2)"),
            Malformed::Broken { rule, what } => write!(f, "{what} ({rule})"),
        }
    }
}

impl core::error::Error for Malformed {}

const fn broken(rule: &'static str, what: &'static str) -> Malformed {
    Malformed::Broken { rule, what }
}

impl<'a> Packet<'a> {
    /// Reads exactly one message: `datagram` holds all of it and nothing else.
    ///
    /// Gateways in use send more than MQTT-SN allows: a length of three bytes where one is enough, flags that the
    /// message does not have, and bytes behind the last field of an acknowledgement. All of these are taken.
    pub fn decode(datagram: &'a [u8]) -> Result<Packet<'a>, Malformed> {
        let (length, kind, rest) = header(datagram)?;
        let mut body = Body { bytes: rest, rule: rule(kind) };
        if kind == ENCAPSULATED {
            return encapsulated(datagram.len() - length, body);
        }
        if rule(kind).is_empty() {
            return Err(Malformed::UnknownType(kind));
        }
        if length != datagram.len() {
            return Err(broken("MQTT-SN 5.2.1", "the length is not that of the datagram"));
        }
        let packet = match kind {
            ADVERTISE => Packet::Advertise { gateway: body.byte()?, duration: body.number()? },
            SEARCHGW => Packet::Searchgw { radius: body.byte()? },
            GWINFO => Packet::Gwinfo { gateway: body.byte()?, address: body.rest() },
            CONNECT => connect(&mut body)?,
            CONNACK => Packet::Connack(body.code()?),
            WILLTOPICREQ => Packet::Willtopicreq,
            WILLTOPIC => Packet::Willtopic(will_topic(&mut body)?),
            WILLMSGREQ => Packet::Willmsgreq,
            WILLMSG => Packet::Willmsg(body.rest()),
            REGISTER => Packet::Register { topic: body.number()?, id: body.number()?, name: body.name()? },
            REGACK => Packet::Regack { topic: body.number()?, id: body.number()?, code: body.code()? },
            PUBLISH => Packet::Publish(publish(&mut body)?),
            PUBACK => Packet::Puback { topic: body.number()?, id: body.number()?, code: body.code()? },
            PUBREC => Packet::Pubrec(body.number()?),
            PUBREL => Packet::Pubrel(body.number()?),
            PUBCOMP => Packet::Pubcomp(body.number()?),
            SUBSCRIBE => {
                let flags = body.byte()?;
                let (id, topic) = subject(flags, &mut body)?;
                Packet::Subscribe { id, topic, qos: body.qos(flags)?, dup: flags & DUP != 0 }
            }
            SUBACK => {
                let flags = body.byte()?;
                let qos = body.qos(flags)?;
                Packet::Suback { qos, topic: body.number()?, id: body.number()?, code: body.code()? }
            }
            UNSUBSCRIBE => {
                let flags = body.byte()?;
                let (id, topic) = subject(flags, &mut body)?;
                Packet::Unsubscribe { id, topic }
            }
            UNSUBACK => Packet::Unsuback(body.number()?),
            PINGREQ => Packet::Pingreq { client_id: body.text()? },
            PINGRESP => Packet::Pingresp,
            DISCONNECT if body.bytes.is_empty() => Packet::Disconnect { duration: None },
            DISCONNECT => Packet::Disconnect { duration: Some(body.number()?) },
            WILLTOPICUPD => Packet::Willtopicupd(will_topic(&mut body)?),
            WILLMSGUPD => Packet::Willmsgupd(body.rest()),
            WILLTOPICRESP => Packet::Willtopicresp(body.code()?),
            WILLMSGRESP => Packet::Willmsgresp(body.code()?),
            _ => return Err(Malformed::UnknownType(kind)),
        };
        if !body.bytes.is_empty() && !answers(kind) {
            return Err(broken(body.rule, "the message is longer than its fields"));
        }
        Ok(packet)
    }
}

/// The length that the datagram tells, its type, and what follows.
fn header(datagram: &[u8]) -> Result<(usize, u8, &[u8]), Malformed> {
    let (length, rest) = match datagram {
        [] => return Err(broken("MQTT-SN 5.2.1", "the datagram is empty")),
        [LONG_LENGTH, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [LONG_LENGTH, ..] => return Err(broken("MQTT-SN 5.2.1", "the length is not complete")),
        [length, rest @ ..] => (usize::from(*length), rest),
    };
    let header = datagram.len() - rest.len() + 1;
    let Some((&kind, rest)) = rest.split_first() else {
        return Err(broken("MQTT-SN 5.2.2", "there is no message type"));
    };
    if length < header || length > datagram.len() {
        return Err(broken("MQTT-SN 5.2.1", "the length is not that of the datagram"));
    }
    Ok((length, kind, rest))
}

/// Where the fields of this type are set out; empty for types that are reserved.
fn rule(kind: u8) -> &'static str {
    match kind {
        ADVERTISE => "MQTT-SN 5.4.1",
        SEARCHGW => "MQTT-SN 5.4.2",
        GWINFO => "MQTT-SN 5.4.3",
        CONNECT => "MQTT-SN 5.4.4",
        CONNACK => "MQTT-SN 5.4.5",
        WILLTOPICREQ => "MQTT-SN 5.4.6",
        WILLTOPIC => "MQTT-SN 5.4.7",
        WILLMSGREQ => "MQTT-SN 5.4.8",
        WILLMSG => "MQTT-SN 5.4.9",
        REGISTER => "MQTT-SN 5.4.10",
        REGACK => "MQTT-SN 5.4.11",
        PUBLISH => "MQTT-SN 5.4.12",
        PUBACK => "MQTT-SN 5.4.13",
        PUBREC | PUBREL | PUBCOMP => "MQTT-SN 5.4.14",
        SUBSCRIBE => "MQTT-SN 5.4.15",
        SUBACK => "MQTT-SN 5.4.16",
        UNSUBSCRIBE => "MQTT-SN 5.4.17",
        UNSUBACK => "MQTT-SN 5.4.18",
        PINGREQ => "MQTT-SN 5.4.19",
        PINGRESP => "MQTT-SN 5.4.20",
        DISCONNECT => "MQTT-SN 5.4.21",
        WILLTOPICUPD => "MQTT-SN 5.4.22",
        WILLMSGUPD => "MQTT-SN 5.4.23",
        WILLTOPICRESP => "MQTT-SN 5.4.24",
        WILLMSGRESP => "MQTT-SN 5.4.25",
        ENCAPSULATED => "MQTT-SN 5.5",
        _ => "",
    }
}

/// Whether this type answers another, so that some gateways put bytes behind its fields.
fn answers(kind: u8) -> bool {
    matches!(
        kind,
        CONNACK
            | REGACK
            | PUBACK
            | PUBREC
            | PUBREL
            | PUBCOMP
            | SUBACK
            | UNSUBACK
            | PINGRESP
            | WILLTOPICRESP
            | WILLMSGRESP
    )
}

fn connect<'a>(body: &mut Body<'a>) -> Result<Packet<'a>, Malformed> {
    let flags = body.byte()?;
    Ok(Packet::Connect(Connect {
        clean: flags & CLEAN != 0,
        will: flags & WILL != 0,
        protocol: body.byte()?,
        duration: body.number()?,
        client_id: body.text()?,
    }))
}

fn will_topic<'a>(body: &mut Body<'a>) -> Result<Option<WillTopic<'a>>, Malformed> {
    if body.bytes.is_empty() {
        return Ok(None);
    }
    let flags = body.byte()?;
    Ok(Some(WillTopic { qos: body.qos(flags)?, retain: flags & RETAIN != 0, topic: body.name()? }))
}

fn publish<'a>(body: &mut Body<'a>) -> Result<Publish<'a>, Malformed> {
    let flags = body.byte()?;
    let number = body.number()?;
    let topic = match flags & TOPIC_KIND {
        0 => TopicId::Normal(number),
        1 => TopicId::Predefined(number),
        2 => TopicId::Short(body.short(number)?),
        _ => return Err(RESERVED_KIND),
    };
    Ok(Publish {
        topic,
        qos: Qos::from_number(flags >> QOS_SHIFT & 3),
        retain: flags & RETAIN != 0,
        dup: flags & DUP != 0,
        id: body.number()?,
        payload: body.rest(),
    })
}

/// What a SUBSCRIBE or an UNSUBSCRIBE speaks of.
fn subject<'a>(flags: u8, body: &mut Body<'a>) -> Result<(MsgId, Topic<'a>), Malformed> {
    let id = body.number()?;
    let topic = match flags & TOPIC_KIND {
        0 => Topic::Name(body.name()?),
        1 => Topic::Predefined(body.number()?),
        2 => {
            let number = body.number()?;
            Topic::Short(body.short(number)?)
        }
        _ => return Err(RESERVED_KIND),
    };
    Ok((id, topic))
}

/// `behind` bytes follow what the length counts.
fn encapsulated(behind: usize, mut body: Body<'_>) -> Result<Packet<'_>, Malformed> {
    let (mine, message) = body.bytes.split_at(body.bytes.len().saturating_sub(behind));
    body.bytes = mine;
    let radius = body.byte()? & RADIUS;
    if message.is_empty() {
        return Err(broken(body.rule, "nothing is forwarded"));
    }
    if body.bytes.len() > MAX_NODE {
        return Err(broken(body.rule, "the id of a node is longer than 252 bytes"));
    }
    Ok(Packet::Encapsulated { radius, node: body.rest(), message })
}

const RESERVED_KIND: Malformed = broken("MQTT-SN 5.3.4", "the topic id type is reserved");

/// What of a message is still to be read.
struct Body<'a> {
    bytes: &'a [u8],
    /// What is broken if the bytes are too few or too many.
    rule: &'static str,
}

impl<'a> Body<'a> {
    /// Text of at least one byte, to the end of the message.
    fn name(&mut self) -> Result<&'a str, Malformed> {
        match self.text()? {
            "" => Err(broken(self.rule, "a topic name is empty")),
            name => Ok(name),
        }
    }

    /// Text to the end of the message.
    fn text(&mut self) -> Result<&'a str, Malformed> {
        match core::str::from_utf8(self.rest()) {
            Err(_) => Err(broken(self.rule, "a string is not well-formed UTF-8")),
            Ok(text) if text.contains('\0') => Err(broken(self.rule, "a string holds U+0000")),
            Ok(text) => Ok(text),
        }
    }

    fn short(&self, number: u16) -> Result<[u8; 2], Malformed> {
        let name = number.to_be_bytes();
        match core::str::from_utf8(&name) {
            Ok(text) if !text.contains('\0') => Ok(name),
            _ => Err(broken(self.rule, "a short topic name is not UTF-8 without U+0000")),
        }
    }

    fn qos(&self, flags: u8) -> Result<Qos, Malformed> {
        Qos::from_number(flags >> QOS_SHIFT & 3).ok_or(broken(self.rule, "there is no QoS -1 here"))
    }

    fn code(&mut self) -> Result<ReturnCode, Malformed> {
        self.byte().map(ReturnCode::from_number)
    }

    fn number(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.bytes.split_off_first().copied().ok_or(broken(self.rule, "the message is shorter than its fields"))
    }

    fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.bytes)
    }
}
