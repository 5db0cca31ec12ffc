//! What happened and why, as values: traces, simulations and metrics live on these.

use std::fmt;
use std::sync::Arc;

use quasimodem_core::mqtt::{PacketId, Qos, Violation};

use super::config::Code;
use super::outbox::Peer;

/// The name of a client, shared by all that speak of it.
pub type Client = Arc<str>;

/// What is published and where to, shared by all that wait for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// Where to.
    pub topic: Box<str>,
    /// What.
    pub payload: Box<[u8]>,
}

impl Message {
    /// Bytes of topic and payload.
    #[allow(clippy::len_without_is_empty, reason = "a message has a topic, so it is never empty")]
    pub fn len(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

/// Something worth telling that needs nothing done. Clones share what they hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A CONNECT was accepted.
    Connected {
        /// On which connection.
        peer: Peer,
        /// The client id, or the one that was given to a client without.
        client: Client,
        /// Whether the session begins empty and ends with the connection.
        clean: bool,
        /// Whether there was a session, which goes on.
        session_present: bool,
    },
    /// A CONNECT was refused. The connection is closed.
    Refused {
        /// On which connection.
        peer: Peer,
        /// The client id of the CONNECT.
        client: Client,
        /// What it was answered.
        code: Code,
        /// What led to that.
        why: &'static str,
    },
    /// A connection ended.
    Ended {
        /// Which one.
        peer: Peer,
        /// Whose it was, if a CONNECT was accepted.
        client: Option<Client>,
        /// Why.
        why: End,
    },
    /// A session ended: with its connection, because the client began a clean one, or to make room.
    SessionEnded {
        /// Whose.
        client: Client,
        /// How many messages of QoS 1 and 2 it did not deliver, or not to the end.
        undelivered: usize,
        /// Whether it was kept, and had to make room for others.
        made_room: bool,
    },
    /// A message was accepted: from here on its delivery is the broker's duty. Said once for each PUBLISH of QoS 0 or
    /// 1, once for each exchange of QoS 2, and once for each will.
    Published {
        /// Who published it.
        client: Client,
        /// What.
        message: Arc<Message>,
        /// The QoS it was published with.
        qos: Qos,
        /// Whether it is to be retained.
        retain: bool,
        /// Whether the client said that it may have sent it before.
        dup: bool,
        /// Its packet identifier, if it has one.
        id: Option<PacketId>,
        /// Whether it is the will of a client that is gone.
        will: bool,
    },
    /// A message was sent to a client that is connected; those of the [`Authority`](super::Authority) are
    /// [`Announced`](Note::Announced).
    Delivered {
        /// To whom.
        client: Client,
        /// What.
        message: Arc<Message>,
        /// The QoS of the delivery.
        qos: Qos,
        /// Whether it is sent as a retained one.
        retain: bool,
        /// Whether it was sent before.
        dup: bool,
    },
    /// A PUBLISH of QoS 2 came again before its PUBREL. It was acknowledged, but not accepted a second time.
    Duplicate {
        /// Who sent it.
        client: Client,
        /// Which one.
        id: PacketId,
        /// The topic, if it came with another message than before: the client used an identifier that is not free
        /// (MQTT 2.3.1), and its message is lost.
        lost: Option<Box<str>>,
    },
    /// A subscription was granted or refused.
    Subscribed {
        /// Whose.
        client: Client,
        /// To what.
        filter: Arc<str>,
        /// `None`: refused.
        granted: Option<Qos>,
    },
    /// A subscription ended, if there was one.
    Unsubscribed {
        /// Whose.
        client: Client,
        /// From what.
        filter: Arc<str>,
        /// Whether there was one.
        existed: bool,
    },
    /// A message of the [`Authority`](super::Authority) was sent to a client.
    Announced {
        /// To whom.
        client: Client,
        /// Where to.
        topic: Box<str>,
        /// How long it is; what it says may be a secret.
        bytes: usize,
    },
    /// A message is not delivered to one of its subscribers.
    Dropped {
        /// Who does not get it.
        client: Client,
        /// What.
        message: Arc<Message>,
        /// The QoS it would have been delivered with.
        qos: Qos,
        /// Why.
        why: Loss,
    },
    /// Some of the retained messages that a new subscription matches are not delivered: they do not fit into the queue,
    /// or one call asked for more than [`Limits::retained_bytes`](super::Limits::retained_bytes) of them.
    RetainedDropped {
        /// Who does not get them.
        client: Client,
        /// The filter of the subscription.
        filter: Arc<str>,
        /// How many.
        messages: usize,
    },
    /// A message was to be retained, but there is no room. Now none is retained for its topic.
    NotRetained {
        /// Which one.
        message: Arc<Message>,
    },
}

/// Why a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The client said DISCONNECT.
    Disconnect,
    /// The transport was lost or closed by the peer.
    Gone,
    /// The client was silent for one and a half keep-alive times [MQTT-3.1.2-24].
    Silent,
    /// No CONNECT came in time.
    NoConnect,
    /// A CONNECT was refused.
    Refused(Code),
    /// The client broke the protocol.
    Violation(Violation),
    /// The same client connected again, on this connection [MQTT-3.1.4-2].
    TakenOver(Peer),
    /// The same, as a fault has it: nobody else is there.
    TakenAway,
    /// The client published to a topic that its session is not for.
    OutOfBounds,
    /// There are too many connections, and all of them are of clients.
    TooMany,
    /// There were too many connections, and of those without a CONNECT it was the oldest.
    MadeRoom,
    /// What it sent would have had to be held, and there is no room for that.
    NoRoom,
    /// Somebody outside ended it.
    Kicked,
    /// The broker went down.
    Restarted,
}

/// Why a message is not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// It is of QoS 0, and the client is not connected.
    Offline,
    /// It is of QoS 0, and too many of these wait.
    SlowPeer,
    /// Too many messages wait.
    QueueFull,
    /// Too many bytes wait.
    QueueBytes,
    /// What waits for all clients together is too much.
    NoRoom,
}

impl Note {
    /// The client whom this is about.
    pub fn client(&self) -> Option<&Client> {
        match self {
            Note::Connected { client, .. }
            | Note::Refused { client, .. }
            | Note::SessionEnded { client, .. }
            | Note::Published { client, .. }
            | Note::Duplicate { client, .. }
            | Note::Subscribed { client, .. }
            | Note::Unsubscribed { client, .. }
            | Note::Delivered { client, .. }
            | Note::Announced { client, .. }
            | Note::Dropped { client, .. }
            | Note::RetainedDropped { client, .. } => Some(client),
            Note::Ended { client, .. } => client.as_ref(),
            Note::NotRetained { .. } => None,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Connected { peer, client, clean, session_present } => {
                let kind = match (clean, session_present) {
                    (true, _) => "a clean session",
                    (false, true) => "its kept session",
                    (false, false) => "a new session to keep",
                };
                write!(f, "{client:?} connected on {peer} with {kind}")
            }
            Note::Refused { peer, client, code, why } => {
                write!(f, "{client:?} on {peer} refused with {}, {code}: {why}", code.number())
            }
            Note::Ended { peer, client: Some(client), why } => write!(f, "{client:?} on {peer} ended: {why}"),
            Note::Ended { peer, client: None, why } => write!(f, "connection {peer} ended: {why}"),
            Note::SessionEnded { client, undelivered, made_room } => {
                write!(f, "session of {client:?} ended with {undelivered} undelivered")?;
                f.write_str(if *made_room { ": others needed the room, and nobody was absent for longer" } else { "" })
            }
            Note::Published { client, message, qos, retain, dup, id, will } => {
                let verb = if *will { "left the will" } else { "published" };
                write!(f, "{client:?} {verb} {:?} q{}", message.topic, qos.number())?;
                if let Some(id) = id {
                    write!(f, " #{id}")?;
                }
                f.write_str(if *retain { " retain" } else { "" })?;
                f.write_str(if *dup { " dup" } else { "" })?;
                write!(f, ", {} bytes", message.payload.len())
            }
            Note::Delivered { client, message, qos, retain, dup } => {
                write!(f, "{client:?} was sent {:?} q{}", message.topic, qos.number())?;
                f.write_str(if *retain { " retain" } else { "" })?;
                f.write_str(if *dup { " dup" } else { "" })?;
                write!(f, ", {} bytes", message.payload.len())
            }
            Note::Duplicate { client, id, lost: None } => {
                write!(f, "{client:?} published #{id} again before its PUBREL")
            }
            Note::Duplicate { client, id, lost: Some(topic) } => write!(
                f,
                "{client:?} published another message to {topic:?} under #{id}, which awaits its PUBREL: \
                 lost (MQTT 2.3.1, MQTT-4.3.3-2)"
            ),
            Note::Subscribed { client, filter, granted: Some(qos) } => {
                write!(f, "{client:?} subscribed to {filter:?} with q{}", qos.number())
            }
            Note::Subscribed { client, filter, granted: None } => {
                write!(f, "{client:?} refused to subscribe to {filter:?}")
            }
            Note::Unsubscribed { client, filter, existed } => {
                write!(f, "{client:?} unsubscribed from {filter:?}")?;
                f.write_str(if *existed { "" } else { ", which it was not subscribed to" })
            }
            Note::Announced { client, topic, bytes } => write!(f, "{client:?} was told {topic:?}, {bytes} bytes"),
            Note::Dropped { client, message, qos, why } => {
                write!(f, "{:?} q{} dropped for {client:?}: {why}", message.topic, qos.number())
            }
            Note::RetainedDropped { client, filter, messages } => {
                write!(f, "{messages} retained of {filter:?} dropped for {client:?}")
            }
            Note::NotRetained { message } => write!(f, "{:?} not retained: no room", message.topic),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Disconnect => f.write_str("DISCONNECT"),
            End::Gone => f.write_str("the connection was lost"),
            End::Silent => f.write_str("silent for one and a half keep-alive times (MQTT-3.1.2-24)"),
            End::NoConnect => f.write_str("no CONNECT came in time (MQTT 3.1)"),
            End::Refused(code) => write!(f, "refused with {}", code.number()),
            End::Violation(violation) => violation.fmt(f),
            End::TakenOver(by) => {
                write!(f, "connection {by} came with the same client id and took its place (MQTT-3.1.4-2)")
            }
            End::TakenAway => {
                f.write_str("another client with the same id took its place (MQTT-3.1.4-2), as a fault has it")
            }
            End::OutOfBounds => f.write_str("published to a topic that its session is not for"),
            End::TooMany => f.write_str("too many connections"),
            End::NoRoom => f.write_str("all that clients have the broker hold is too much together"),
            End::Kicked => f.write_str("an order ended it"),
            End::Restarted => f.write_str("the broker went down"),
            End::MadeRoom => f.write_str("no CONNECT came yet, and another connection needed the room"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Offline => "not connected",
            Loss::SlowPeer => "too many messages of QoS 0 wait",
            Loss::QueueFull => "too many messages wait",
            Loss::QueueBytes => "too many bytes wait",
            Loss::NoRoom => "too many bytes wait for all clients together",
        })
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> End {
        End::Violation(violation)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.topic, String::from_utf8_lossy(&self.payload))
    }
}
