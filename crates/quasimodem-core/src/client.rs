//! The clients of a modem: what the host stored for each, and its session.

use alloc::boxed::Box;

use crate::client_id::ClientId;
use crate::message::Topic;
use crate::mqtt::Session;
use crate::settings::Settings;
use crate::sn;
use crate::ticket::Stage;
use crate::will::StoredWill;

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

/// All of them.
pub(crate) type SnClients = [SnClient; ClientId::ALL.len() - ClientId::MQTT];

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

/// What the host is shown of a message's topic, now that it is. An id of the connection means its name from then on; if
/// the number is another topic's, it is shown the name.
pub(crate) fn shown<'a>(
    id: ClientId,
    topic: Topic<'a>,
    settings: &Settings,
    clients: Option<&mut SnClients>,
) -> Topic<'a> {
    let Topic::Registered(number, name) = topic else { return topic };
    let names = id.sn_place().and_then(|place| clients?.get_mut(place)?.names());
    let Some(names) = names else { return Topic::Name(name) };
    // The gateway may have given the id to another name since.
    let holds = names.name(number).is_some_and(|now| now.as_bytes() == name);
    if settings.sn_predefined.contains(number) || names.is_others(number) || !holds {
        return Topic::Name(name);
    }
    names.show(number);
    Topic::Id(number)
}

/// What `+MQTTUSER` stored.
pub(crate) struct User {
    pub(crate) name: Box<str>,
    pub(crate) password: Box<[u8]>,
    pub(crate) client_id: Option<Box<str>>,
}
