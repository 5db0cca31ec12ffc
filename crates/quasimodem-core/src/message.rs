//! Messages on their way to the host.

use alloc::boxed::Box;

use crate::mqtt::Qos;

/// What the host is told of a message's topic.
#[derive(Clone, Copy)]
pub(crate) enum Topic<'a> {
    /// Its name.
    Name(&'a [u8]),
    /// The predefined id that stands for it (MQTT-SN), or one that the host takes for no other.
    Id(u16),
    /// An id of the connection (MQTT-SN) and its name: which of them is shown is decided when the host is told.
    Registered(u16, &'a [u8]),
}

impl<'a> Topic<'a> {
    /// `<tlength>`, which is the id itself where there is no name (manual 1.10).
    pub(crate) fn length(self) -> u16 {
        match self {
            Topic::Name(name) => u16::try_from(name.len()).unwrap_or(u16::MAX),
            Topic::Id(id) | Topic::Registered(id, _) => id,
        }
    }

    /// Its name, if there is one.
    pub(crate) fn name(self) -> &'a [u8] {
        match self {
            Topic::Name(name) | Topic::Registered(_, name) => name,
            Topic::Id(_) => &[],
        }
    }

    /// The id that stands for it.
    pub(crate) fn id(self) -> Option<u16> {
        match self {
            Topic::Name(_) => None,
            Topic::Id(id) | Topic::Registered(id, _) => Some(id),
        }
    }
}

/// A part of a message.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) qos: Qos,
    pub(crate) topic: Topic<'a>,
    pub(crate) payload: &'a [u8],
}

/// A message that waits for the line, or for the host to read it.
pub(crate) struct Message {
    qos: Qos,
    /// The id of the topic, if it has one.
    id: Option<u16>,
    /// Bytes of the name.
    topic: u32,
    /// Bytes of the payload that the host has read.
    read: u32,
    /// Topic, then payload.
    bytes: Box<[u8]>,
}

impl Message {
    pub(crate) fn new(qos: Qos, topic: Topic<'_>, payload: &[u8]) -> Message {
        let name = topic.name();
        Message { qos, id: topic.id(), topic: size(name), read: 0, bytes: [name, payload].concat().into() }
    }

    pub(crate) fn qos(&self) -> Qos {
        self.qos
    }

    /// Bytes of its topic and its payload.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What the host has not read of it, at most `max` bytes.
    pub(crate) fn unread(&self, max: usize) -> Part<'_> {
        let (topic, payload) = self.topic_and_payload();
        let payload = payload.get(usize::try_from(self.read).unwrap_or(usize::MAX)..).unwrap_or_default();
        Part { qos: self.qos, topic, payload: payload.get(..max).unwrap_or(payload) }
    }

    /// The host has read that much; tells whether it was all.
    pub(crate) fn read(&mut self, max: usize) -> bool {
        self.read = self.read.saturating_add(size(self.unread(max).payload));
        let (_, payload) = self.topic_and_payload();
        self.read >= size(payload)
    }

    /// How often the host has to read for the rest, at most `max` bytes at a time.
    pub(crate) fn parts_left(&self, max: usize) -> usize {
        self.unread(usize::MAX).payload.len().div_ceil(max).max(1)
    }

    pub(crate) fn topic_and_payload(&self) -> (Topic<'_>, &[u8]) {
        let length = usize::try_from(self.topic).unwrap_or(usize::MAX);
        let (name, payload) = self.bytes.split_at_checked(length).unwrap_or((&self.bytes, &[]));
        let topic = match self.id {
            None => Topic::Name(name),
            Some(id) if name.is_empty() => Topic::Id(id),
            Some(id) => Topic::Registered(id, name),
        };
        (topic, payload)
    }
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A payload in parts of at most `max` bytes; an empty one is one part.
pub(crate) fn parts(payload: &[u8], max: usize) -> impl Iterator<Item = &[u8]> {
    let empty = payload.is_empty().then_some(payload);
    empty.into_iter().chain(payload.chunks(max))
}
