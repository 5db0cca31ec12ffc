//! What happened and why, as values.

use std::fmt;
use std::sync::Arc;

use quasimodem_core::Why;
use quasimodem_core::mqtt::{Qos, Violation};
use quasimodem_core::sn::{Malformed, ReturnCode, TopicId};

use super::outbox::Peer;

/// The name of a client, shared by all that speak of it.
pub type Client = Arc<str>;

/// Something worth telling that needs nothing done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A client is connected.
    Connected {
        /// From where.
        peer: Peer,
        /// Who.
        client: Client,
        /// Whether the session began empty.
        clean: bool,
        /// Whether the broker had a session, which goes on.
        session_present: bool,
    },
    /// A CONNECT was refused.
    Refused {
        /// From where.
        peer: Peer,
        /// Who.
        client: Client,
        /// What it was answered.
        code: ReturnCode,
        /// Why.
        why: Refusal,
    },
    /// A connection ended.
    Ended {
        /// Whose.
        client: Client,
        /// Why.
        why: End,
    },
    /// The broker granted or refused a subscription.
    Subscribed {
        /// Whose.
        client: Client,
        /// To what.
        filter: Box<str>,
        /// `None`: refused.
        granted: Option<Qos>,
    },
    /// A message was passed on to the broker: once, however often the client sent it.
    Published {
        /// Who published it; `None`: it came with QoS -1.
        client: Option<Client>,
        /// What.
        message: Message,
    },
    /// A message was sent to a client.
    Delivered {
        /// To whom.
        client: Client,
        /// What.
        message: Message,
        /// Whether it was sent before.
        dup: bool,
    },
    /// A client sleeps.
    Asleep {
        /// Who.
        client: Client,
        /// For so many seconds at most.
        duration: u16,
    },
    /// A client does not acknowledge what it is sent. It is sent again more slowly, or when the client is heard.
    Unheard {
        /// Who.
        client: Client,
    },
    /// A will is on its way to the broker.
    Will {
        /// Whose.
        client: Client,
        /// Where to.
        topic: Box<str>,
    },
    /// A message of a client was not passed on.
    NotTaken {
        /// From where.
        peer: Peer,
        /// Its topic.
        topic: TopicId,
        /// Why.
        why: Loss,
    },
    /// A message for a client was dropped, or one of the gateway itself.
    Dropped {
        /// For whom; whose, if it is a will; `None`: one of QoS -1.
        client: Option<Client>,
        /// Where it was published.
        topic: Box<str>,
        /// Its QoS.
        qos: Qos,
        /// Why.
        why: Loss,
    },
    /// The connection for wills and for messages of QoS -1 could not be had, or ended.
    OwnLink(LinkEnd),
    /// A datagram that is no MQTT-SN was ignored.
    Malformed {
        /// From where.
        peer: Peer,
        /// What is wrong.
        why: Malformed,
    },
    /// A datagram of somebody who is not connected was answered with DISCONNECT.
    Unknown {
        /// From where.
        peer: Peer,
    },
    /// A forwarder's datagram was ignored: clients behind forwarders are not served.
    Forwarder {
        /// From where.
        peer: Peer,
    },
}

/// A message on its way through the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it is published.
    pub topic: Box<str>,
    /// What.
    pub payload: Box<[u8]>,
    /// With which QoS.
    pub qos: Qos,
    /// Whether it is to be retained, or sent as a retained one.
    pub retain: bool,
}

/// Why a CONNECT was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The protocol id is not 1.
    Protocol(u8),
    /// The client id is empty or too long.
    ClientId,
    /// The topic of the will can't be published to, or the will is too large.
    Will,
    /// There are too many clients.
    TooMany,
    /// The broker's return code.
    Broker(u8),
    /// The connection to the broker could not be had, or ended.
    Link(LinkEnd),
}

/// Why a client's connection ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The client said DISCONNECT.
    Disconnect,
    /// The client was silent for too long (MQTT-SN 7.2).
    Silent,
    /// The client connected again from another address.
    TakenOver(Peer),
    /// Another client connected from this address.
    Replaced,
    /// The connection to the broker ended.
    Link(LinkEnd),
    /// Somebody outside wanted it.
    Kicked,
    /// The gateway went down.
    Restarted,
}

/// Why a connection to the broker ended or could not be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEnd {
    /// What the driver says.
    Closed(Why),
    /// The broker did not answer in time.
    Silent,
    /// The broker broke the protocol.
    Violation(Violation),
    /// The broker's return code to CONNECT.
    Refused(u8),
}

/// Why a message was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// The connection to the broker is full.
    Congestion,
    /// Nobody knows this topic id.
    UnknownTopic,
    /// It is of QoS 0, and too many messages wait.
    TooMany,
    /// It does not fit into a datagram.
    TooLarge,
    /// There is no room for another topic id.
    NoTopicId,
    /// The client refused the topic id or the message.
    Refused,
    /// The broker can't be reached.
    NoBroker,
}

impl Message {
    /// A copy of it.
    pub(super) fn new(topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Message {
        Message { topic: topic.into(), payload: payload.into(), qos, retain }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Connected { peer, client, clean, session_present } => {
                let session = match (clean, session_present) {
                    (true, _) => "clean",
                    (false, true) => "its session goes on",
                    (false, false) => "its session is new",
                };
                write!(f, "{client:?} connected from {peer}, {session}")
            }
            Note::Refused { peer, client, code, why } => {
                write!(f, "{client:?} from {peer} refused, {code}: {why}")
            }
            Note::Ended { client, why } => write!(f, "{client:?} ended: {why}"),
            Note::Subscribed { client, filter, granted: Some(qos) } => {
                write!(f, "{client:?} subscribed to {filter:?} with q{}", qos.number())
            }
            Note::Subscribed { client, filter, granted: None } => {
                write!(f, "{client:?} refused to subscribe to {filter:?}")
            }
            Note::Published { client: Some(client), message } => write!(f, "{client:?} published {message}"),
            Note::Published { client: None, message } => write!(f, "published without a connection {message}"),
            Note::Delivered { client, message, dup } => {
                write!(f, "{client:?} was sent {message}{}", if *dup { " dup" } else { "" })
            }
            Note::Asleep { client, duration } => write!(f, "{client:?} sleeps for {duration} s"),
            Note::Unheard { client } => write!(f, "{client:?} does not acknowledge what it is sent"),
            Note::Will { client, topic } => write!(f, "will of {client:?} goes to {topic:?}"),
            Note::NotTaken { peer, topic, why } => write!(f, "message from {peer} to {topic} dropped: {why}"),
            Note::Dropped { client: Some(client), topic, qos, why } => {
                write!(f, "{topic:?} q{} dropped for {client:?}: {why}", qos.number())
            }
            Note::Dropped { client: None, topic, why, .. } => write!(f, "{topic:?} q-1 dropped: {why}"),
            Note::OwnLink(why) => write!(f, "no connection of its own: {why}"),
            Note::Malformed { peer, why } => write!(f, "datagram from {peer} ignored: {why}"),
            Note::Unknown { peer } => write!(f, "{peer} is not connected"),
            Note::Forwarder { peer } => {
                write!(
                    f,
                    "datagram from {peer} ignored: it comes from a forwarder, whose clients are not served (MQTT-SN 5.5)"
                )
            }
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { topic, payload, qos, retain } = self;
        write!(f, "{topic:?} q{}{}", qos.number(), if *retain { " retain" } else { "" })?;
        write!(f, ", {} bytes", payload.len())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Protocol(id) => write!(f, "its protocol id is {id} and not 1"),
            Refusal::ClientId => f.write_str("the client id is empty or too long"),
            Refusal::Will => f.write_str("the will's topic is none, or the will is too large"),
            Refusal::TooMany => f.write_str("too many clients"),
            Refusal::Broker(code) => write!(f, "the broker refused with {code}"),
            Refusal::Link(why) => write!(f, "no connection to the broker: {why}"),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Disconnect => f.write_str("DISCONNECT"),
            End::Silent => f.write_str("silent for too long (MQTT-SN 7.2)"),
            End::Kicked => f.write_str("kicked"),
            End::Restarted => f.write_str("the gateway restarts"),
            End::TakenOver(by) => write!(f, "the client connected again from {by}"),
            End::Replaced => f.write_str("another client connected from its address"),
            End::Link(why) => write!(f, "connection to the broker: {why}"),
        }
    }
}

impl fmt::Display for LinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkEnd::Closed(why) => why.fmt(f),
            LinkEnd::Silent => f.write_str("the broker does not answer"),
            LinkEnd::Violation(violation) => violation.fmt(f),
            LinkEnd::Refused(code) => write!(f, "the broker refused with {code}"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Congestion => "the connection to the broker is full",
            Loss::UnknownTopic => "unknown topic id",
            Loss::TooMany => "too many messages wait",
            Loss::TooLarge => "too large for a datagram",
            Loss::NoTopicId => "no room for another topic id",
            Loss::Refused => "refused by the client",
            Loss::NoBroker => "the broker can't be reached",
        })
    }
}

impl From<Violation> for LinkEnd {
    fn from(violation: Violation) -> LinkEnd {
        LinkEnd::Violation(violation)
    }
}
