//! What the broker knows of one transport connection.

use std::time::Duration;

use quasimodem_core::Instant;

use super::note::Client;
use super::outbox::Peer;
use super::session::{Link, Parcel};

/// What may be answered at once to a peer that is full, before it is not read any more.
const REPLIES_WHILE_FULL: usize = 16 << 10;

pub(super) struct Connection {
    pub(super) phase: Phase,
    /// The beginning of a packet that is not whole.
    pub(super) partial: Vec<u8>,
    /// When the connection came.
    pub(super) since: Instant,
    /// When the last packet came; before the first one, when the connection did.
    pub(super) heard: Instant,
    /// The entry in the broker's timers.
    pub(super) timer: Option<Instant>,
    /// When what is due to be announced is, in the broker's announcements.
    pub(super) announced: Option<Instant>,
    /// It runs over TLS.
    pub(super) secure: bool,
    room: Room,
}

pub(super) enum Phase {
    /// The CONNECT did not come yet.
    New,
    Open(Open),
}

/// A connection whose CONNECT was accepted.
pub(super) struct Open {
    pub(super) client: Client,
    /// Seconds; 0: no limit.
    pub(super) keep_alive: u16,
    pub(super) will: Option<Parcel>,
    /// The beginning of the only topics that it may use.
    pub(super) only: Option<Box<str>>,
}

/// Whether the driver likes to have more to write.
enum Room {
    Free,
    /// No, and so many bytes of answers came on top.
    Full(usize),
}

impl Connection {
    pub(super) fn new(now: Instant) -> Connection {
        Connection {
            phase: Phase::New,
            partial: Vec::new(),
            since: now,
            heard: now,
            timer: None,
            announced: None,
            secure: false,
            room: Room::Free,
        }
    }

    pub(super) fn client(&self) -> Option<&Client> {
        match &self.phase {
            Phase::New => None,
            Phase::Open(open) => Some(&open.client),
        }
    }

    /// Whether the client may use this topic, or filter.
    pub(super) fn permits(&self, topic: &str) -> bool {
        match &self.phase {
            Phase::New => false,
            Phase::Open(open) => open.only.as_deref().is_none_or(|only| topic.starts_with(only)),
        }
    }

    pub(super) fn link(&self, peer: Peer) -> Link {
        Link { peer, full: matches!(self.room, Room::Full(_)) }
    }

    pub(super) fn fill(&mut self) {
        if let Room::Free = self.room {
            self.room = Room::Full(0);
        }
    }

    pub(super) fn free(&mut self, now: Instant) {
        if !self.wants() {
            // Nobody listened, so nobody knows how long the client was silent.
            self.heard = now;
        }
        self.room = Room::Free;
    }

    /// An answer of so many bytes was sent.
    pub(super) fn replied(&mut self, len: usize) {
        if let Room::Full(bytes) = &mut self.room {
            *bytes += len;
        }
    }

    pub(super) fn wants(&self) -> bool {
        match self.room {
            Room::Free => true,
            Room::Full(bytes) => bytes < REPLIES_WHILE_FULL,
        }
    }

    /// When the silence of the peer has been too long.
    pub(super) fn due(&self, connect_within: Duration) -> Option<Instant> {
        match &self.phase {
            Phase::New => Some(self.heard + connect_within),
            Phase::Open(open) if open.keep_alive == 0 || !self.wants() => None,
            Phase::Open(open) => Some(self.heard + Duration::from_secs(open.keep_alive.into()) * 3 / 2),
        }
    }
}
