//! Reading packets, and what is wrong with those that can't be read.

use super::body::Body;
use super::packet::{Connect, Filters, Packet, Publish, Will};
use super::qos::Qos;
use super::topic::{check_common, has_wildcard};
use super::violation::Violation;

/// The length of the packet that `bytes` begin with, fixed header included; `None`: more bytes are needed to tell.
///
/// The packet itself need not be there yet. A reserved type, a remaining length of more than four bytes, and a packet
/// of more than `max` bytes are violations as soon as they show (MQTT 2.2). `max` is the caller's own limit; MQTT
/// itself allows 268435460 bytes.
pub fn frame_len(bytes: &[u8], max: usize) -> Result<Option<usize>, Violation> {
    Ok(fixed_header(bytes, max)?.map(|header| header.header_len + header.remaining))
}

/// Whether the packet that `bytes` begin with is a PUBLISH.
pub(crate) fn is_publish(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 4 == PUBLISH)
}

impl<'a> Packet<'a> {
    /// Reads exactly one packet: `frame` holds all of it and nothing else.
    pub fn decode(frame: &'a [u8]) -> Result<Packet<'a>, Violation> {
        let Some(header) = fixed_header(frame, usize::MAX)? else {
            return Err(Violation { rule: "MQTT 2.2", what: "the fixed header is not complete" });
        };
        let bytes = frame.get(header.header_len..).unwrap_or_default();
        if bytes.len() != header.remaining {
            return Err(Violation { rule: "MQTT 2.2.3", what: "the remaining length is not what follows" });
        }
        check_flags(header.kind, header.flags)?;
        let mut body = Body { bytes, section: section(header.kind) };
        let packet = match header.kind {
            CONNECT => Packet::Connect(connect(&mut body)?),
            CONNACK => connack(&mut body)?,
            PUBLISH => Packet::Publish(publish(header.flags, &mut body)?),
            PUBACK => Packet::Puback(body.id("MQTT-2.3.1-6")?),
            PUBREC => Packet::Pubrec(body.id("MQTT-2.3.1-6")?),
            PUBREL => Packet::Pubrel(body.id("MQTT-2.3.1-6")?),
            PUBCOMP => Packet::Pubcomp(body.id("MQTT 3.7.2")?),
            SUBSCRIBE => {
                Packet::Subscribe { id: body.id("MQTT-2.3.1-1")?, filters: filters(&mut body, true, "MQTT-3.8.3-3")? }
            }
            SUBACK => suback(&mut body)?,
            UNSUBSCRIBE => Packet::Unsubscribe {
                id: body.id("MQTT-2.3.1-1")?,
                filters: filters(&mut body, false, "MQTT-3.10.3-2")?,
            },
            UNSUBACK => Packet::Unsuback(body.id("MQTT-2.3.1-7")?),
            PINGREQ => Packet::Pingreq,
            PINGRESP => Packet::Pingresp,
            DISCONNECT => Packet::Disconnect,
            _ => return Err(RESERVED_TYPE),
        };
        if !body.bytes.is_empty() {
            return Err(Violation { rule: body.section, what: "the packet is longer than its fields" });
        }
        Ok(packet)
    }
}

// Packet types (MQTT 2.2.1, table 2.1).
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const SUBACK: u8 = 9;
const UNSUBSCRIBE: u8 = 10;
const UNSUBACK: u8 = 11;
const PINGREQ: u8 = 12;
const PINGRESP: u8 = 13;
const DISCONNECT: u8 = 14;

const RESERVED_TYPE: Violation = Violation { rule: "MQTT 2.2.1", what: "the packet type is reserved" };

struct FixedHeader {
    kind: u8,
    flags: u8,
    header_len: usize,
    remaining: usize,
}

fn fixed_header(bytes: &[u8], max: usize) -> Result<Option<FixedHeader>, Violation> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let kind = first >> 4;
    if !(CONNECT..=DISCONNECT).contains(&kind) {
        return Err(RESERVED_TYPE);
    }
    let mut remaining = 0;
    for (at, &byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let header_len = at + 2;
            if header_len + remaining > max {
                return Err(Violation { rule: "MQTT 2.2.3", what: "the packet is longer than what is taken here" });
            }
            return Ok(Some(FixedHeader { kind, flags: first & 0x0f, header_len, remaining }));
        }
    }
    if rest.len() >= 4 {
        return Err(Violation { rule: "MQTT 2.2.3", what: "the remaining length has more than four bytes" });
    }
    Ok(None)
}

fn check_flags(kind: u8, flags: u8) -> Result<(), Violation> {
    let (expected, rule) = match kind {
        PUBLISH => return check_publish_flags(flags),
        PUBREL => (0b0010, "MQTT-3.6.1-1"),
        SUBSCRIBE => (0b0010, "MQTT-3.8.1-1"),
        UNSUBSCRIBE => (0b0010, "MQTT-3.10.1-1"),
        DISCONNECT => (0, "MQTT-3.14.1-1"),
        _ => (0, "MQTT-2.2.2-1"),
    };
    if flags == expected {
        Ok(())
    } else {
        Err(Violation { rule, what: "the reserved flags of the fixed header are wrong" })
    }
}

fn check_publish_flags(flags: u8) -> Result<(), Violation> {
    match flags >> 1 & 3 {
        3 => Err(Violation { rule: "MQTT-3.3.1-4", what: "a PUBLISH has both QoS bits set" }),
        0 if flags & 8 != 0 => Err(Violation { rule: "MQTT-3.3.1-2", what: "a PUBLISH of QoS 0 has DUP set" }),
        _ => Ok(()),
    }
}

/// Where the remaining length of this type is set out.
fn section(kind: u8) -> &'static str {
    match kind {
        CONNECT => "MQTT 3.1.1",
        CONNACK => "MQTT 3.2.1",
        PUBLISH => "MQTT 3.3.1",
        PUBACK => "MQTT 3.4.1",
        PUBREC => "MQTT 3.5.1",
        PUBREL => "MQTT 3.6.1",
        PUBCOMP => "MQTT 3.7.1",
        SUBSCRIBE => "MQTT 3.8.1",
        SUBACK => "MQTT 3.9.1",
        UNSUBSCRIBE => "MQTT 3.10.1",
        UNSUBACK => "MQTT 3.11.1",
        PINGREQ => "MQTT 3.12.1",
        PINGRESP => "MQTT 3.13.1",
        _ => "MQTT 3.14.1",
    }
}

/// The message of a PUBLISH without its payload: of the packet there are the first byte and the variable header.
pub(super) fn publish_front(first: u8, front: &[u8]) -> Result<Publish<'_>, Violation> {
    check_publish_flags(first & 0x0f)?;
    publish(first & 0x0f, &mut Body { bytes: front, section: section(PUBLISH) })
}

fn connect<'a>(body: &mut Body<'a>) -> Result<Connect<'a>, Violation> {
    if body.text()? != "MQTT" {
        return Err(Violation { rule: "MQTT-3.1.2-1", what: "the protocol name is not MQTT" });
    }
    let level = body.byte()?;
    if level != Connect::LEVEL {
        body.rest();
        return Ok(Connect {
            client_id: "",
            clean_session: false,
            keep_alive: 0,
            will: None,
            user_name: None,
            password: None,
            level,
        });
    }
    let flags = body.byte()?;
    check_connect_flags(flags)?;
    // Struct fields are evaluated in the order in which they are written: the order of the payload [MQTT-3.1.3-1].
    Ok(Connect {
        level,
        clean_session: flags & 0x02 != 0,
        keep_alive: body.number()?,
        client_id: body.text()?,
        will: if flags & 0x04 != 0 { Some(will(flags, body)?) } else { None },
        user_name: if flags & 0x80 != 0 { Some(body.text()?) } else { None },
        password: if flags & 0x40 != 0 { Some(body.data()?) } else { None },
    })
}

fn check_connect_flags(flags: u8) -> Result<(), Violation> {
    if flags & 0x01 != 0 {
        return Err(Violation { rule: "MQTT-3.1.2-3", what: "the reserved connect flag is set" });
    }
    if flags & 0x04 == 0 && flags & 0x18 != 0 {
        return Err(Violation { rule: "MQTT-3.1.2-13", what: "there is a will QoS without a will" });
    }
    if flags & 0x04 == 0 && flags & 0x20 != 0 {
        return Err(Violation { rule: "MQTT-3.1.2-15", what: "will retain is set without a will" });
    }
    if flags & 0xc0 == 0x40 {
        return Err(Violation { rule: "MQTT-3.1.2-22", what: "there is a password without a user name" });
    }
    Ok(())
}

fn will<'a>(flags: u8, body: &mut Body<'a>) -> Result<Will<'a>, Violation> {
    let Some(qos) = Qos::from_number(flags >> 3 & 3) else {
        return Err(Violation { rule: "MQTT-3.1.2-14", what: "the will QoS is 3" });
    };
    let topic = body.text()?;
    check_common(topic)?;
    if has_wildcard(topic) {
        return Err(Violation { rule: "MQTT-4.7.1-1", what: "the will topic holds a wildcard" });
    }
    Ok(Will { topic, payload: body.data()?, qos, retain: flags & 0x20 != 0 })
}

fn connack(body: &mut Body<'_>) -> Result<Packet<'static>, Violation> {
    let flags = body.byte()?;
    let code = body.byte()?;
    if flags > 1 {
        return Err(Violation { rule: "MQTT 3.2.2.1", what: "a reserved flag of a CONNACK is set" });
    }
    let session_present = flags == 1;
    if session_present && code != 0 {
        return Err(Violation { rule: "MQTT-3.2.2-4", what: "a CONNACK that refuses has session present set" });
    }
    Ok(Packet::Connack { session_present, code })
}

fn publish<'a>(flags: u8, body: &mut Body<'a>) -> Result<Publish<'a>, Violation> {
    let qos = Qos::from_number(flags >> 1 & 3).unwrap_or(Qos::AtMostOnce);
    let topic = body.text()?;
    check_common(topic)?;
    if has_wildcard(topic) {
        return Err(Violation { rule: "MQTT-3.3.2-2", what: "the topic name of a PUBLISH holds a wildcard" });
    }
    let id = if qos == Qos::AtMostOnce { None } else { Some(body.id("MQTT-2.3.1-1")?) };
    Ok(Publish { topic, payload: body.rest(), qos, retain: flags & 1 != 0, dup: flags & 8 != 0, id })
}

fn suback<'a>(body: &mut Body<'a>) -> Result<Packet<'a>, Violation> {
    let id = body.id("MQTT-2.3.1-7")?;
    let codes = body.rest();
    if codes.is_empty() {
        return Err(Violation { rule: "MQTT 3.9.3", what: "a SUBACK has no return code" });
    }
    if !codes.iter().all(|code| matches!(code, 0..=2 | 0x80)) {
        return Err(Violation { rule: "MQTT-3.9.3-2", what: "a return code of a SUBACK is reserved" });
    }
    Ok(Packet::Suback { id, codes })
}

fn filters<'a>(body: &mut Body<'a>, with_qos: bool, at_least_one: &'static str) -> Result<Filters<'a>, Violation> {
    if body.bytes.is_empty() {
        return Err(Violation { rule: at_least_one, what: "there is no topic filter" });
    }
    let all = *body;
    while !body.bytes.is_empty() {
        body.filter(with_qos)?;
    }
    Ok(Filters::encoded(all, with_qos))
}
