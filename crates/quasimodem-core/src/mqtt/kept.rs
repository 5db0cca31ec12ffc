//! What outlives connections that were opened with `<Cleansession flag>` 0 (MQTT 3.1.2.4).

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::flights::Flights;
use crate::net;
use crate::random;

/// Sessions that are kept at most, next to those of open connections. For one more the oldest is forgotten.
const KEPT_MAX: usize = 8;

/// What a broker knows a session by: where it is, and the client id.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(Box<str>);

/// A session without a connection.
pub(crate) struct Kept {
    pub(super) key: Key,
    pub(super) flights: Flights,
}

/// All of a modem, the oldest first, whichever client they were of: a broker does not know the numbers of clients.
#[derive(Default)]
pub(crate) struct KeptSessions(Vec<Kept>);

impl Key {
    /// The same for all spellings of a host.
    pub(crate) fn new(host: &str, port: u16, client_id: &str) -> Key {
        // Neither may hold NUL, so that no two are confused.
        Key(format!("{}\0{port}\0{client_id}", net::canonical(host)).into())
    }

    /// What is the same for equal keys, and hardly for two others.
    pub(super) fn print(&self) -> u16 {
        let mixed = self.0.bytes().fold(0, |state, byte| random::mix(state, byte.into()));
        u16::try_from(mixed >> 48).unwrap_or_default()
    }
}

impl KeptSessions {
    /// Keeps a session; there MUST be none of its key, which [`take`](Self::take) sees to when a broker accepts it. Gives
    /// how many older ones were forgotten for it.
    pub(crate) fn push(&mut self, kept: Kept) -> usize {
        let excess = (self.0.len() + 1).saturating_sub(KEPT_MAX);
        self.0.drain(..excess);
        self.0.reserve_exact(1);
        self.0.push(kept);
        excess
    }

    /// Takes a session out.
    pub(crate) fn take(&mut self, key: &Key) -> Option<Flights> {
        let index = self.0.iter().position(|kept| kept.key == *key)?;
        Some(self.0.remove(index).flights)
    }

    /// Forgets the oldest; false: there was none.
    pub(crate) fn forget_oldest(&mut self) -> bool {
        !self.0.is_empty() && self.0.drain(..1).next().is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of messages that are kept to be sent again.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|kept| kept.flights.kept_bytes()).sum()
    }
}
