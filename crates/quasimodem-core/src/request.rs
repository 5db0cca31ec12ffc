//! What the host asks of a broker or a gateway, the same for both.

use crate::mqtt::Qos;
use crate::sn::{Predefined, Subject, WillTopic};
use crate::ticket::Ticket;
use crate::time::Instant;

/// What the host asks for. An MQTT client knows names only, and neither registrations nor updates of its will.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    Register(&'a str),
    Publish { subject: Subject<&'a str>, payload: &'a [u8], qos: Qos, retain: bool },
    Subscribe(Subject<&'a str>, Qos),
    Unsubscribe(Subject<&'a str>),
    WillTopic(Option<WillTopic<'a>>),
    WillMessage(&'a [u8]),
}

/// The result that a request decides, and what it may take.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) ticket: Ticket,
    /// When the result is due.
    pub(crate) until: Instant,
    /// Requests that may wait.
    pub(crate) window: u16,
    /// Bytes that may be kept.
    pub(crate) room: usize,
}

/// How far a request came at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It was carried out.
    Done,
    /// An acknowledgement is due.
    Flying,
}

impl<'a> Request<'a> {
    /// A number that is named as a predefined id means that.
    pub(crate) fn fix(&mut self, predefined: &Predefined) {
        if let Some(subject) = self.subject()
            && let Subject::Number(number) = *subject
            && predefined.contains(number)
        {
            *subject = Subject::Predefined(number);
        }
    }

    /// What the host calls the topic that it is about; wills and registrations have names only.
    pub(crate) fn subject(&mut self) -> Option<&mut Subject<&'a str>> {
        match self {
            Request::Publish { subject, .. } | Request::Subscribe(subject, _) | Request::Unsubscribe(subject) => {
                Some(subject)
            }
            Request::Register(_) | Request::WillTopic(_) | Request::WillMessage(_) => None,
        }
    }

    /// Whether it outlives the connection of a kept session: a message that is acknowledged.
    pub(crate) fn may_be_kept(&self) -> bool {
        matches!(self, Request::Publish { qos: Qos::AtLeastOnce | Qos::ExactlyOnce, .. })
    }

    /// Bytes of names and payloads in it.
    pub(crate) fn len(&self) -> usize {
        match self {
            Request::Register(name) => name.len(),
            Request::Publish { subject, payload, .. } => subject.len() + payload.len(),
            Request::Subscribe(subject, _) | Request::Unsubscribe(subject) => subject.len(),
            Request::WillTopic(will) => will.map_or(0, |will| will.topic.len()),
            Request::WillMessage(payload) => payload.len(),
        }
    }
}
