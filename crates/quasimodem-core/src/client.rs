//! The clients of a modem: what the host stored for each, and its session.

use alloc::boxed::Box;
use core::fmt;

use crate::mqtt::{Qos, Session};
use crate::net::Link;
use crate::reports::Ticket;
use crate::sn;

/// The number of a client: 1 and 2 speak MQTT, 101 and 102 MQTT-SN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(u8);

impl ClientId {
    /// All client ids, ascending.
    pub const ALL: [ClientId; 4] = [ClientId(1), ClientId(2), ClientId(101), ClientId(102)];

    /// How many speak MQTT.
    pub(crate) const MQTT: usize = 2;

    /// The id with that number.
    pub fn from_number(number: u32) -> Option<ClientId> {
        ClientId::ALL.into_iter().find(|id| u32::from(id.0) == number)
    }

    /// The MQTT clients.
    pub(crate) fn mqtt() -> impl Iterator<Item = ClientId> {
        ClientId::ALL.into_iter().take(ClientId::MQTT)
    }

    /// The MQTT-SN clients.
    pub(crate) fn mqtt_sn() -> impl Iterator<Item = ClientId> {
        ClientId::ALL.into_iter().skip(ClientId::MQTT)
    }

    /// The client whose link that is.
    pub(crate) fn of_link(link: Link) -> Option<ClientId> {
        ClientId::ALL.into_iter().find(|id| id.link() == link)
    }

    /// The number, as commands and results show it.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether the client speaks MQTT-SN.
    pub const fn is_sn(self) -> bool {
        self.0 > 100
    }

    /// The link of the client's connection.
    pub const fn link(self) -> Link {
        Link(self.0)
    }

    /// Its place among the clients that speak the same protocol.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0 % 100) - 1
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One MQTT client.
#[derive(Default)]
pub(crate) struct Client {
    /// `+MQTTUSER`; kept until power-off.
    pub(crate) user: Option<Box<User>>,
    /// `+MQTTWILL`; kept until power-off.
    pub(crate) will: Option<Box<StoredWill>>,
    /// The connection, from the moment the host asks for it.
    pub(crate) session: Option<Box<Session>>,
}

impl Client {
    /// Bytes of messages that are kept to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.kept_bytes())
    }

    /// How far the connection is, if there is one.
    pub(crate) fn stage(&self) -> Option<Stage> {
        let session = self.session.as_ref()?;
        Some(if session.is_open() { Stage::Open(session.ticket()) } else { Stage::Opening(session.ticket()) })
    }
}

/// One MQTT-SN client.
#[derive(Default)]
pub(crate) struct SnClient {
    /// `+MQTTSNCID`; kept until power-off.
    pub(crate) client_id: Option<Box<str>>,
    /// `+MQTTWILL`, and what `+MQTTWTOPICUD` and `+MQTTWMSGUD` made of it; kept until power-off.
    pub(crate) will: Option<Box<StoredWill>>,
    /// The connection, from the moment the host asks for it.
    pub(crate) session: Option<Box<sn::Session>>,
    /// What is left of the last connection with `<Cleansession flag>` 0.
    pub(crate) kept: Option<Box<sn::Kept>>,
}

impl SnClient {
    /// Ends the connection, if there is one.
    pub(crate) fn end(&mut self) {
        if let Some(session) = self.session.take() {
            self.kept = session.end().or(self.kept.take());
        }
    }

    /// Whether there is nothing of it.
    pub(crate) fn is_empty(&self) -> bool {
        let SnClient { client_id, will, session, kept } = self;
        client_id.is_none() && will.is_none() && session.is_none() && kept.is_none()
    }

    /// The topic names of the session, connected or kept.
    pub(crate) fn names(&mut self) -> Option<&mut sn::Names> {
        match (&mut self.session, &mut self.kept) {
            (Some(session), _) => Some(session.names_mut()),
            (None, kept) => kept.as_mut().map(|kept| kept.names_mut()),
        }
    }

    /// Bytes of names, and of messages that wait or are kept to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        let flying = self.session.as_ref().map_or(0, |session| session.kept_bytes());
        flying + self.kept.as_ref().map_or(0, |kept| kept.bytes())
    }
}

/// How far a connection is, with the result that it decides next or decided last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The broker or gateway has not accepted it.
    Opening(Ticket),
    Open(Ticket),
    /// The host closes it, and the gateway has not confirmed that.
    Closing(Ticket),
}

/// What `+MQTTUSER` stored.
pub(crate) struct User {
    pub(crate) name: Box<str>,
    pub(crate) password: Box<[u8]>,
    pub(crate) client_id: Option<Box<str>>,
}

/// What `+MQTTWILL` stored, and updates of MQTT-SN changed.
#[derive(Clone)]
pub(crate) struct StoredWill {
    /// Empty: only the message was told, by `+MQTTWMSGUD`. That is no will yet.
    pub(crate) topic: Box<str>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) payload: Box<[u8]>,
}

impl StoredWill {
    /// A message without a topic.
    pub(crate) fn of_message(payload: Box<[u8]>) -> StoredWill {
        StoredWill { topic: Box::default(), qos: Qos::AtMostOnce, retain: false, payload }
    }

    /// Whether there is something to publish.
    pub(crate) fn has_topic(&self) -> bool {
        !self.topic.is_empty()
    }
}
