//! The messages (MQTT-SN 5) and how they are written.

use core::fmt;

use crate::mqtt::Qos;
use crate::sink::Sink;

/// The longest message, in bytes: what a length of two bytes can tell (MQTT-SN 5.2.1).
pub const MAX_DATAGRAM: usize = 65_535;

/// Ties a message to the messages that answer it; 0 where nothing answers (MQTT-SN 5.3.13).
pub type MsgId = u16;

/// One message. MQTT-SN calls it that; here it is a packet, as in MQTT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// A gateway tells that it is there (MQTT-SN 5.4.1).
    Advertise {
        /// Who it is.
        gateway: u8,
        /// Seconds until it tells again.
        duration: u16,
    },
    /// Asks for a gateway (MQTT-SN 5.4.2).
    Searchgw {
        /// Hops that it goes; 0: all.
        radius: u8,
    },
    /// Answers SEARCHGW (MQTT-SN 5.4.3).
    Gwinfo {
        /// Which gateway.
        gateway: u8,
        /// Where it is; only if a client answers for it.
        address: &'a [u8],
    },
    /// Asks for a connection (MQTT-SN 5.4.4).
    Connect(Connect<'a>),
    /// Answers CONNECT (MQTT-SN 5.4.5).
    Connack(ReturnCode),
    /// Asks for the will topic (MQTT-SN 5.4.6).
    Willtopicreq,
    /// Answers WILLTOPICREQ; `None` deletes the will (MQTT-SN 5.4.7).
    Willtopic(Option<WillTopic<'a>>),
    /// Asks for the will message (MQTT-SN 5.4.8).
    Willmsgreq,
    /// Answers WILLMSGREQ (MQTT-SN 5.4.9).
    Willmsg(&'a [u8]),
    /// A client asks for an id for a name, or a gateway tells one (MQTT-SN 5.4.10).
    Register {
        /// The id; 0 from a client.
        topic: u16,
        /// Comes back in the REGACK.
        id: MsgId,
        /// What the id stands for; at least one byte.
        name: &'a str,
    },
    /// Answers REGISTER (MQTT-SN 5.4.11).
    Regack {
        /// The id that stands for the name.
        topic: u16,
        /// The id of the REGISTER.
        id: MsgId,
        /// Whether it does.
        code: ReturnCode,
    },
    /// A message of MQTT (MQTT-SN 5.4.12).
    Publish(Publish<'a>),
    /// Answers PUBLISH: accepted at QoS 1, or refused at any QoS (MQTT-SN 5.4.13).
    Puback {
        /// The topic id of the PUBLISH, but some gateways write 0.
        topic: u16,
        /// The id of the PUBLISH.
        id: MsgId,
        /// Whether it was accepted.
        code: ReturnCode,
    },
    /// Answers PUBLISH of QoS 2 (MQTT-SN 5.4.14).
    Pubrec(MsgId),
    /// Answers PUBREC (MQTT-SN 5.4.14).
    Pubrel(MsgId),
    /// Answers PUBREL (MQTT-SN 5.4.14).
    Pubcomp(MsgId),
    /// Asks for messages (MQTT-SN 5.4.15).
    Subscribe {
        /// Comes back in the SUBACK.
        id: MsgId,
        /// Of what.
        topic: Topic<'a>,
        /// The highest QoS that they shall come with.
        qos: Qos,
        /// Whether it was sent before.
        dup: bool,
    },
    /// Answers SUBSCRIBE (MQTT-SN 5.4.16).
    Suback {
        /// The QoS that was granted.
        qos: Qos,
        /// The id that stands for the name; 0 if there is none: for wildcards and refusals.
        topic: u16,
        /// The id of the SUBSCRIBE.
        id: MsgId,
        /// Whether it was accepted.
        code: ReturnCode,
    },
    /// Ends a subscription (MQTT-SN 5.4.17).
    Unsubscribe {
        /// Comes back in the UNSUBACK.
        id: MsgId,
        /// Of what.
        topic: Topic<'a>,
    },
    /// Answers UNSUBSCRIBE (MQTT-SN 5.4.18).
    Unsuback(MsgId),
    /// Asks for a sign of life (MQTT-SN 5.4.19).
    Pingreq {
        /// Who wakes up to take what waits for it; empty otherwise.
        client_id: &'a str,
    },
    /// Answers PINGREQ (MQTT-SN 5.4.20).
    Pingresp,
    /// Ends a connection (MQTT-SN 5.4.21).
    Disconnect {
        /// Seconds that the client sleeps, if it will be back.
        duration: Option<u16>,
    },
    /// Changes the will topic; `None` deletes the will (MQTT-SN 5.4.22).
    Willtopicupd(Option<WillTopic<'a>>),
    /// Changes the will message (MQTT-SN 5.4.23).
    Willmsgupd(&'a [u8]),
    /// Answers WILLTOPICUPD (MQTT-SN 5.4.24).
    Willtopicresp(ReturnCode),
    /// Answers WILLMSGUPD (MQTT-SN 5.4.25).
    Willmsgresp(ReturnCode),
    /// A message that a forwarder passes on (MQTT-SN 5.5).
    Encapsulated {
        /// Hops that it goes, 0 to 3.
        radius: u8,
        /// Whose it is; at most 252 bytes.
        node: &'a [u8],
        /// The message, not decoded.
        message: &'a [u8],
    },
}

/// A request for a connection (MQTT-SN 5.4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connect<'a> {
    /// Who connects.
    pub client_id: &'a str,
    /// Whether to begin without subscriptions and without a will (MQTT-SN 6.3).
    pub clean: bool,
    /// Whether the gateway shall ask for a will.
    pub will: bool,
    /// The longest silence of the client, in seconds.
    pub duration: u16,
    /// The protocol: 1 is all that there is.
    pub protocol: u8,
}

impl Connect<'_> {
    /// The id of this protocol (MQTT-SN 5.3.8).
    pub const PROTOCOL: u8 = 1;
}

/// Where a will goes to, and how (MQTT-SN 5.4.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WillTopic<'a> {
    /// The name; at least one byte.
    pub topic: &'a str,
    /// The QoS that it is published with.
    pub qos: Qos,
    /// Whether it is published as a retained message.
    pub retain: bool,
}

/// A message on its way (MQTT-SN 5.4.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'a> {
    /// Where to.
    pub topic: TopicId,
    /// What; any bytes.
    pub payload: &'a [u8],
    /// How it is acknowledged; `None`: QoS -1, not at all and without a connection (MQTT-SN 6.8).
    pub qos: Option<Qos>,
    /// To a gateway: keep it for later subscribers. From a gateway: it was kept.
    pub retain: bool,
    /// Whether it was sent before.
    pub dup: bool,
    /// Comes back in the answers; 0 for QoS 0 and -1.
    pub id: MsgId,
}

/// What stands for a topic in a PUBLISH (MQTT-SN 5.3.11). The numbers of the kinds have nothing to do with each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TopicId {
    /// An id that the gateway gave, 1 to 65534 (0 and 65535 are reserved).
    Normal(u16),
    /// An id that both sides know beforehand.
    Predefined(u16),
    /// The name itself, of two bytes.
    Short([u8; 2]),
}

/// What SUBSCRIBE and UNSUBSCRIBE speak of (MQTT-SN 5.4.15).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic<'a> {
    /// A name or a filter with wildcards, of at least one byte. Whether the wildcards are in place is not checked.
    Name(&'a str),
    /// An id that both sides know beforehand.
    Predefined(u16),
    /// A name of two bytes, without wildcards.
    Short([u8; 2]),
}

/// How a request ended (MQTT-SN 5.3.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnCode {
    /// 0: accepted.
    Accepted,
    /// 1: rejected, congestion. It may be asked again after a while.
    Congestion,
    /// 2: rejected, invalid topic id.
    InvalidTopicId,
    /// 3: rejected, not supported.
    NotSupported,
    /// 4 to 255: reserved, and so no acceptance.
    Reserved(u8),
}

impl ReturnCode {
    /// The code of a number.
    pub const fn from_number(number: u8) -> ReturnCode {
        match number {
            0 => ReturnCode::Accepted,
            1 => ReturnCode::Congestion,
            2 => ReturnCode::InvalidTopicId,
            3 => ReturnCode::NotSupported,
            _ => ReturnCode::Reserved(number),
        }
    }

    /// The number of a code.
    pub const fn number(self) -> u8 {
        match self {
            ReturnCode::Accepted => 0,
            ReturnCode::Congestion => 1,
            ReturnCode::InvalidTopicId => 2,
            ReturnCode::NotSupported => 3,
            ReturnCode::Reserved(number) => number,
        }
    }

    /// Whether it accepts.
    pub const fn is_accepted(self) -> bool {
        matches!(self, ReturnCode::Accepted)
    }
}

/// In the words of MQTT-SN 5.3.10.
impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReturnCode::Accepted => f.write_str("accepted"),
            ReturnCode::Congestion => f.write_str("rejected: congestion"),
            ReturnCode::InvalidTopicId => f.write_str("rejected: invalid topic ID"),
            ReturnCode::NotSupported => f.write_str("rejected: not supported"),
            ReturnCode::Reserved(number) => write!(f, "rejected with the reserved code {number}"),
        }
    }
}

/// Whether no topic can have this id (MQTT-SN 5.3.11).
pub(crate) const fn is_reserved(topic: u16) -> bool {
    matches!(topic, 0 | u16::MAX)
}

impl TopicId {
    /// As it stands in a message.
    pub const fn number(self) -> u16 {
        match self {
            TopicId::Normal(number) | TopicId::Predefined(number) => number,
            TopicId::Short(name) => u16::from_be_bytes(name),
        }
    }

    const fn kind(self) -> u8 {
        match self {
            TopicId::Normal(_) => 0,
            TopicId::Predefined(_) => 1,
            TopicId::Short(_) => 2,
        }
    }
}

impl<'a> Packet<'a> {
    /// Appends the message, with a length of one byte if that is enough.
    ///
    /// What is longer than MQTT-SN can carry is cut off, so that the length is right whatever the packet holds.
    pub fn put(&self, to: &mut impl Sink) {
        let (kind, head, tail) = self.fields();
        let head = head.bytes();
        // A forwarder's length does not count what it forwards (MQTT-SN 5.5).
        if let Packet::Encapsulated { message, .. } = self {
            let node = tail.get(..MAX_NODE).unwrap_or(tail);
            to.put(&[3 + low_byte(node.len()), kind]);
            to.put(head);
            to.put(node);
            to.put(message);
            return;
        }
        let short = 2 + head.len() + tail.len();
        match u8::try_from(short) {
            Ok(length) => to.put(&[length, kind]),
            Err(_) => {
                let length = u16::try_from(short + 2).unwrap_or(u16::MAX);
                let [high, low] = length.to_be_bytes();
                to.put(&[LONG_LENGTH, high, low, kind]);
            }
        }
        to.put(head);
        to.put(tail.get(..MAX_DATAGRAM - 4 - head.len()).unwrap_or(tail));
    }

    /// The type, the fields of fixed size behind it, and the field that goes on to the end.
    fn fields(&self) -> (u8, Head, &'a [u8]) {
        let (kind, head, tail) = match *self {
            Packet::Advertise { gateway, duration } => {
                (ADVERTISE, Head::default().byte(gateway).number(duration), NONE)
            }
            Packet::Searchgw { radius } => (SEARCHGW, Head::default().byte(radius), NONE),
            Packet::Gwinfo { gateway, address } => (GWINFO, Head::default().byte(gateway), address),
            Packet::Connect(connect) => {
                let flags = bit(connect.will, WILL) | bit(connect.clean, CLEAN);
                let head = Head::default().byte(flags).byte(connect.protocol).number(connect.duration);
                (CONNECT, head, connect.client_id.as_bytes())
            }
            Packet::Connack(code) => (CONNACK, Head::default().code(code), NONE),
            Packet::Willtopicreq => (WILLTOPICREQ, Head::default(), NONE),
            Packet::Willtopic(will) => will_topic(WILLTOPIC, will),
            Packet::Willmsgreq => (WILLMSGREQ, Head::default(), NONE),
            Packet::Willmsg(payload) => (WILLMSG, Head::default(), payload),
            Packet::Register { topic, id, name } => {
                (REGISTER, Head::default().number(topic).number(id), name.as_bytes())
            }
            Packet::Regack { topic, id, code } => (REGACK, Head::default().number(topic).number(id).code(code), NONE),
            Packet::Publish(publish) => {
                let flags = bit(publish.dup, DUP)
                    | publish.qos.map_or(QOS, qos_bits)
                    | bit(publish.retain, RETAIN)
                    | publish.topic.kind();
                let head = Head::default().byte(flags).number(publish.topic.number()).number(publish.id);
                (PUBLISH, head, publish.payload)
            }
            Packet::Puback { topic, id, code } => (PUBACK, Head::default().number(topic).number(id).code(code), NONE),
            Packet::Pubrec(id) => (PUBREC, Head::default().number(id), NONE),
            Packet::Pubrel(id) => (PUBREL, Head::default().number(id), NONE),
            Packet::Pubcomp(id) => (PUBCOMP, Head::default().number(id), NONE),
            Packet::Subscribe { id, topic, qos, dup } => topic.fields(SUBSCRIBE, bit(dup, DUP) | qos_bits(qos), id),
            Packet::Suback { qos, topic, id, code } => {
                (SUBACK, Head::default().byte(qos_bits(qos)).number(topic).number(id).code(code), NONE)
            }
            Packet::Unsubscribe { id, topic } => topic.fields(UNSUBSCRIBE, 0, id),
            Packet::Unsuback(id) => (UNSUBACK, Head::default().number(id), NONE),
            Packet::Pingreq { client_id } => (PINGREQ, Head::default(), client_id.as_bytes()),
            Packet::Pingresp => (PINGRESP, Head::default(), NONE),
            Packet::Disconnect { duration: None } => (DISCONNECT, Head::default(), NONE),
            Packet::Disconnect { duration: Some(duration) } => (DISCONNECT, Head::default().number(duration), NONE),
            Packet::Willtopicupd(will) => will_topic(WILLTOPICUPD, will),
            Packet::Willmsgupd(payload) => (WILLMSGUPD, Head::default(), payload),
            Packet::Willtopicresp(code) => (WILLTOPICRESP, Head::default().code(code), NONE),
            Packet::Willmsgresp(code) => (WILLMSGRESP, Head::default().code(code), NONE),
            Packet::Encapsulated { radius, node, .. } => (ENCAPSULATED, Head::default().byte(radius & RADIUS), node),
        };
        (kind, head, tail)
    }
}

impl<'a> Topic<'a> {
    fn fields(self, kind: u8, flags: u8, id: MsgId) -> (u8, Head, &'a [u8]) {
        let head = |topic: u8| Head::default().byte(flags | topic).number(id);
        match self {
            Topic::Name(name) => (kind, head(0), name.as_bytes()),
            Topic::Predefined(number) => (kind, head(1).number(number), NONE),
            Topic::Short(name) => (kind, head(2).number(u16::from_be_bytes(name)), NONE),
        }
    }
}

fn will_topic(kind: u8, will: Option<WillTopic<'_>>) -> (u8, Head, &[u8]) {
    match will {
        None => (kind, Head::default(), NONE),
        Some(will) => {
            let flags = qos_bits(will.qos) | bit(will.retain, RETAIN);
            (kind, Head::default().byte(flags), will.topic.as_bytes())
        }
    }
}

/// A field that is not there.
const NONE: &[u8] = &[];

/// The first byte of a length of three bytes (MQTT-SN 5.2.1).
pub(super) const LONG_LENGTH: u8 = 1;

/// The longest node id behind a length of one byte.
pub(super) const MAX_NODE: usize = 252;

// Message types (MQTT-SN 5.2.2).
pub(super) const ADVERTISE: u8 = 0x00;
pub(super) const SEARCHGW: u8 = 0x01;
pub(super) const GWINFO: u8 = 0x02;
pub(super) const CONNECT: u8 = 0x04;
pub(super) const CONNACK: u8 = 0x05;
pub(super) const WILLTOPICREQ: u8 = 0x06;
pub(super) const WILLTOPIC: u8 = 0x07;
pub(super) const WILLMSGREQ: u8 = 0x08;
pub(super) const WILLMSG: u8 = 0x09;
pub(super) const REGISTER: u8 = 0x0a;
pub(super) const REGACK: u8 = 0x0b;
pub(super) const PUBLISH: u8 = 0x0c;
pub(super) const PUBACK: u8 = 0x0d;
pub(super) const PUBCOMP: u8 = 0x0e;
pub(super) const PUBREC: u8 = 0x0f;
pub(super) const PUBREL: u8 = 0x10;
pub(super) const SUBSCRIBE: u8 = 0x12;
pub(super) const SUBACK: u8 = 0x13;
pub(super) const UNSUBSCRIBE: u8 = 0x14;
pub(super) const UNSUBACK: u8 = 0x15;
pub(super) const PINGREQ: u8 = 0x16;
pub(super) const PINGRESP: u8 = 0x17;
pub(super) const DISCONNECT: u8 = 0x18;
pub(super) const WILLTOPICUPD: u8 = 0x1a;
pub(super) const WILLTOPICRESP: u8 = 0x1b;
pub(super) const WILLMSGUPD: u8 = 0x1c;
pub(super) const WILLMSGRESP: u8 = 0x1d;
pub(super) const ENCAPSULATED: u8 = 0xfe;

// Flags (MQTT-SN 5.3.4).
pub(super) const DUP: u8 = 0x80;
pub(super) const QOS: u8 = 0x60;
pub(super) const QOS_SHIFT: u8 = 5;
pub(super) const RETAIN: u8 = 0x10;
pub(super) const WILL: u8 = 0x08;
pub(super) const CLEAN: u8 = 0x04;
pub(super) const TOPIC_KIND: u8 = 0x03;

/// The radius in the control field of a forwarder (MQTT-SN 5.5).
pub(super) const RADIUS: u8 = 0x03;

fn bit(holds: bool, flag: u8) -> u8 {
    if holds { flag } else { 0 }
}

fn qos_bits(qos: Qos) -> u8 {
    qos.number() << QOS_SHIFT
}

fn low_byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The fields of fixed size: at most those of a SUBACK.
#[derive(Clone, Copy, Default)]
struct Head {
    bytes: [u8; 6],
    length: usize,
}

impl Head {
    fn byte(mut self, byte: u8) -> Head {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        self
    }

    fn number(self, number: u16) -> Head {
        let [high, low] = number.to_be_bytes();
        self.byte(high).byte(low)
    }

    fn code(self, code: ReturnCode) -> Head {
        self.byte(code.number())
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
