//! The control packets (MQTT 3) and how they are written.

use core::fmt;

use super::body::Body;
use super::qos::{PacketId, Qos};
use super::topic::MAX_STRING;
use crate::random;
use crate::sink::Sink;

/// The longest remaining length: four bytes of seven bits (MQTT 2.2.3).
const MAX_REMAINING: usize = 268_435_455;

/// One control packet. `Display` and `Debug` do not show passwords.
///
/// What holds beyond the types holds for every packet that was decoded, and MUST be kept by those who encode one:
/// strings, passwords and will payloads have at most 65535 bytes, strings hold no U+0000, and the packet fits into a
/// remaining length of 268435455 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// The first packet of a client (MQTT 3.1).
    Connect(Connect<'a>),
    /// The server's answer to CONNECT (MQTT 3.2).
    Connack {
        /// Whether the server had a session for this client; MUST be false unless `code` is 0.
        session_present: bool,
        /// 0: accepted; 1 to 5: refused (table 3.1); the rest is reserved, but still decoded.
        code: u8,
    },
    /// A message (MQTT 3.3).
    Publish(Publish<'a>),
    /// Answers a PUBLISH of QoS 1 (MQTT 3.4).
    Puback(PacketId),
    /// Answers a PUBLISH of QoS 2 (MQTT 3.5).
    Pubrec(PacketId),
    /// Answers PUBREC (MQTT 3.6).
    Pubrel(PacketId),
    /// Answers PUBREL (MQTT 3.7).
    Pubcomp(PacketId),
    /// Asks for messages (MQTT 3.8).
    Subscribe {
        /// Comes back in the SUBACK.
        id: PacketId,
        /// At least one, each with its QoS; a missing QoS is encoded as 0.
        filters: Filters<'a>,
    },
    /// Answers SUBSCRIBE (MQTT 3.9).
    Suback {
        /// The id of the SUBSCRIBE.
        id: PacketId,
        /// At least one, in the order of the filters: the granted QoS (0, 1, 2), or 0x80 for a failure.
        codes: &'a [u8],
    },
    /// Ends subscriptions (MQTT 3.10).
    Unsubscribe {
        /// Comes back in the UNSUBACK.
        id: PacketId,
        /// At least one; a QoS is not encoded.
        filters: Filters<'a>,
    },
    /// Answers UNSUBSCRIBE (MQTT 3.11).
    Unsuback(PacketId),
    /// Asks for a sign of life (MQTT 3.12).
    Pingreq,
    /// Answers PINGREQ (MQTT 3.13).
    Pingresp,
    /// The last packet of a client (MQTT 3.14).
    Disconnect,
}

/// A request for a connection (MQTT 3.1).
///
/// Of a CONNECT of any other level than 4, only the level is decoded: what follows the level is not MQTT 3.1.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Who connects; empty: the server chooses [MQTT-3.1.3-6]. An empty one without `clean_session` is decoded too,
    /// since the server answers it with code 2 [MQTT-3.1.3-8].
    pub client_id: &'a str,
    /// Whether to start without, and to leave behind, no session (MQTT 3.1.2.4).
    pub clean_session: bool,
    /// The longest silence of the client in seconds; 0: no limit (MQTT 3.1.2.10).
    pub keep_alive: u16,
    /// What the server publishes if the client goes without a DISCONNECT.
    pub will: Option<Will<'a>>,
    /// User name, may be empty.
    pub user_name: Option<&'a str>,
    /// Password, may be empty; MUST be `None` without a user name [MQTT-3.1.2-22].
    pub password: Option<&'a [u8]>,
    /// The protocol level: 4. A server answers others with code 1 [MQTT-3.1.2-2].
    pub level: u8,
}

/// A message that a client leaves with the server (MQTT 3.1.2.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Will<'a> {
    /// Where to; a name ([`is_name`](super::is_name)).
    pub topic: &'a str,
    /// What; at most 65535 bytes.
    pub payload: &'a [u8],
    /// The QoS that it is published with.
    pub qos: Qos,
    /// Whether it is published as a retained message.
    pub retain: bool,
}

/// A message on its way (MQTT 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'a> {
    /// Where to; a name ([`is_name`](super::is_name)).
    pub topic: &'a str,
    /// What; any bytes.
    pub payload: &'a [u8],
    /// How it is acknowledged.
    pub qos: Qos,
    /// To a server: keep it for later subscribers. From a server: it was kept.
    pub retain: bool,
    /// Whether it may have been sent before; MUST be false for QoS 0 [MQTT-3.3.1-2].
    pub dup: bool,
    /// `Some` exactly for QoS 1 and 2; otherwise an id is not encoded, or 0 is encoded in its place.
    pub id: Option<PacketId>,
}

impl Publish<'_> {
    /// A number by which a receiver sees that an identifier came with another message: two messages with different topics
    /// or payloads have the same one once in some four thousand million times. DUP, retain and the identifier do not
    /// count. Not for secrets.
    pub fn fingerprint(&self) -> u32 {
        let lengths = [self.topic.len(), self.payload.len()].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
        let chunks = self.topic.as_bytes().chunks(8).chain(self.payload.chunks(8));
        let words = chunks.map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        let [a, b, c, d, ..] = lengths.into_iter().chain(words).fold(0, random::mix).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}

/// The topic filters of a SUBSCRIBE, with QoS, or of an UNSUBSCRIBE, without.
#[derive(Clone, Copy)]
pub struct Filters<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// Checked by the decoder; the flag tells whether each filter has a QoS.
    Encoded(Body<'a>, bool),
    WithQos(&'a [(&'a str, Qos)]),
    WithoutQos(&'a [&'a str]),
}

impl<'a> Filters<'a> {
    /// For a SUBSCRIBE. Each MUST be a filter ([`is_filter`](super::is_filter)).
    pub const fn with_qos(filters: &'a [(&'a str, Qos)]) -> Filters<'a> {
        Filters(Source::WithQos(filters))
    }

    /// For an UNSUBSCRIBE. Each MUST be a filter ([`is_filter`](super::is_filter)).
    pub const fn without_qos(filters: &'a [&'a str]) -> Filters<'a> {
        Filters(Source::WithoutQos(filters))
    }

    /// `body` MUST hold nothing but sound filters.
    pub(super) const fn encoded(body: Body<'a>, with_qos: bool) -> Filters<'a> {
        Filters(Source::Encoded(body, with_qos))
    }

    /// The filters in order, each with the QoS that is asked for, if any.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<Qos>)> + use<'a> {
        let mut source = self.0;
        core::iter::from_fn(move || match &mut source {
            Source::Encoded(body, with_qos) => body.filter(*with_qos).ok(),
            Source::WithQos(filters) => filters.split_off_first().map(|&(filter, qos)| (filter, Some(qos))),
            Source::WithoutQos(filters) => filters.split_off_first().map(|&filter| (filter, None)),
        })
    }
}

/// By what they hold, not by where they come from.
impl PartialEq for Filters<'_> {
    fn eq(&self, other: &Filters<'_>) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Filters<'_> {}

impl fmt::Debug for Filters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Packet<'_> {
    /// Appends the packet. Only the password goes through [`Sink::put_secret`].
    ///
    /// What is longer than MQTT can carry is cut off, so that the framing is right whatever the packet holds.
    pub fn encode(&self, to: &mut impl Sink) {
        let mut size = Limited { to: &mut Nowhere, left: MAX_REMAINING };
        self.encode_body(&mut size);
        let mut remaining = MAX_REMAINING - size.left;
        to.put(&[self.first_byte()]);
        loop {
            let more = if remaining > 0x7f { 0x80 } else { 0 };
            to.put(&[low_bits(remaining) | more]);
            remaining >>= 7;
            if remaining == 0 {
                break;
            }
        }
        self.encode_body(&mut Limited { to, left: MAX_REMAINING });
    }

    fn first_byte(&self) -> u8 {
        match self {
            Packet::Connect(_) => 0x10,
            Packet::Connack { .. } => 0x20,
            Packet::Publish(publish) => {
                0x30 | u8::from(publish.dup) << 3 | publish.qos.number() << 1 | u8::from(publish.retain)
            }
            Packet::Puback(_) => 0x40,
            Packet::Pubrec(_) => 0x50,
            Packet::Pubrel(_) => 0x62,
            Packet::Pubcomp(_) => 0x70,
            Packet::Subscribe { .. } => 0x82,
            Packet::Suback { .. } => 0x90,
            Packet::Unsubscribe { .. } => 0xa2,
            Packet::Unsuback(_) => 0xb0,
            Packet::Pingreq => 0xc0,
            Packet::Pingresp => 0xd0,
            Packet::Disconnect => 0xe0,
        }
    }

    /// Variable header and payload.
    fn encode_body(&self, to: &mut impl Sink) {
        match self {
            Packet::Connect(connect) => connect.encode_body(to),
            Packet::Connack { session_present, code } => to.put(&[u8::from(*session_present), *code]),
            Packet::Publish(publish) => {
                put_text(to, publish.topic);
                if publish.qos != Qos::AtMostOnce {
                    put_u16(to, publish.id.map_or(0, PacketId::get));
                }
                to.put(publish.payload);
            }
            Packet::Puback(id)
            | Packet::Pubrec(id)
            | Packet::Pubrel(id)
            | Packet::Pubcomp(id)
            | Packet::Unsuback(id) => put_u16(to, id.get()),
            Packet::Subscribe { id, filters } => {
                put_u16(to, id.get());
                for (filter, qos) in filters.iter() {
                    put_text(to, filter);
                    to.put(&[qos.map_or(0, Qos::number)]);
                }
            }
            Packet::Suback { id, codes } => {
                put_u16(to, id.get());
                to.put(codes);
            }
            Packet::Unsubscribe { id, filters } => {
                put_u16(to, id.get());
                filters.iter().for_each(|(filter, _)| put_text(to, filter));
            }
            Packet::Pingreq | Packet::Pingresp | Packet::Disconnect => {}
        }
    }
}

impl Connect<'_> {
    /// The protocol level of MQTT 3.1.1 (MQTT 3.1.2.2).
    pub const LEVEL: u8 = 4;

    fn encode_body(&self, to: &mut impl Sink) {
        put_text(to, "MQTT");
        to.put(&[self.level, self.flags()]);
        put_u16(to, self.keep_alive);
        put_text(to, self.client_id);
        if let Some(will) = &self.will {
            put_text(to, will.topic);
            let payload = put_len(to, will.payload);
            to.put(payload);
        }
        if let Some(user_name) = self.user_name {
            put_text(to, user_name);
        }
        if let Some(password) = self.password {
            let password = put_len(to, password);
            to.put_secret(password);
        }
    }

    /// MQTT 3.1.2.3.
    fn flags(&self) -> u8 {
        let will = self.will.map_or(0, |will| 0x04 | will.qos.number() << 3 | u8::from(will.retain) << 5);
        u8::from(self.user_name.is_some()) << 7
            | u8::from(self.password.is_some()) << 6
            | will
            | u8::from(self.clean_session) << 1
    }
}

/// A string with its length, cut at the end of a character if it is too long.
fn put_text(to: &mut impl Sink, text: &str) {
    let (text, _) = text.split_at(text.floor_char_boundary(MAX_STRING));
    let bytes = put_len(to, text.as_bytes());
    to.put(bytes);
}

/// The length of binary data, and what of the data is to follow.
fn put_len<'a>(to: &mut impl Sink, bytes: &'a [u8]) -> &'a [u8] {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    put_u16(to, len);
    bytes.get(..usize::from(len)).unwrap_or(bytes)
}

fn put_u16(to: &mut impl Sink, number: u16) {
    to.put(&number.to_be_bytes());
}

fn low_bits(number: usize) -> u8 {
    (number & 0x7f).to_le_bytes()[0]
}

/// Throws away what does not fit any more.
struct Limited<'a, S> {
    to: &'a mut S,
    left: usize,
}

impl<S> Limited<'_, S> {
    fn cut<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let bytes = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= bytes.len();
        bytes
    }
}

impl<S: Sink> Sink for Limited<'_, S> {
    fn put(&mut self, bytes: &[u8]) {
        let bytes = self.cut(bytes);
        self.to.put(bytes);
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        let bytes = self.cut(bytes);
        self.to.put_secret(bytes);
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn put(&mut self, _: &[u8]) {}

    fn put_secret(&mut self, _: &[u8]) {}
}
