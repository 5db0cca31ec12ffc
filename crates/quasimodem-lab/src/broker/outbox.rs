//! The words between a broker and its driver.

use std::fmt;
use std::ops::Range;

use quasimodem_core::mqtt::Packet;

use super::note::Note;

/// One transport connection, named by the driver. A name is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Peer(pub u64);

/// What a driver tells a broker. What it says of a peer that the broker does not know is ignored.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Somebody connected: over TLS, after the handshake.
    Connected(Peer),
    /// The connection that was just told of is one over TLS.
    Secured(Peer),
    /// The peer sent these bytes, and [`Broker::wants`](super::Broker::wants) said that it may be read. The split into
    /// chunks means nothing; chunks of 4 KiB at most keep the effects of one call small.
    Received(Peer, &'a [u8]),
    /// The connection ended without [`Effect::Close`]. Bytes that arrived before the end MUST be brought first.
    Gone(Peer),
    /// More is waiting to be written to this peer than the driver likes to hold.
    Full(Peer),
    /// What waits to be written to this peer fell below the driver's low-water mark.
    Free(Peer),
    /// So many seconds have passed since the beginning of 1970. From here on the broker counts by itself; before, it
    /// takes its start for that beginning.
    Clock(i64),
    /// Nothing happened, but the deadline passed.
    Tick,
}

/// One thing that a driver has to do.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a, N = Note> {
    /// Write these bytes, one packet or one answer, to the peer.
    Send(Peer, &'a [u8]),
    /// Write out what was sent, then close the connection. No [`Input::Gone`] follows, and nothing may arrive for this
    /// peer any more.
    Close(Peer),
    /// What happened and why; nothing needs to be done.
    Note(&'a N),
}

/// The effects of one call, in the order in which they must be carried out.
///
/// The caller owns it, clears it, and may lend it to one broker after the other. Its memory stays with it.
pub struct Outbox<N = Note> {
    bytes: Vec<u8>,
    entries: Vec<Entry<N>>,
}

enum Entry<N> {
    Send(Peer, Range<usize>),
    Close(Peer),
    Note(N),
}

impl<N> Default for Outbox<N> {
    fn default() -> Outbox<N> {
        Outbox { bytes: Vec::new(), entries: Vec::new() }
    }
}

impl<N> Outbox<N> {
    /// The effects in order.
    pub fn effects(&self) -> impl Iterator<Item = Effect<'_, N>> {
        self.entries.iter().map(|entry| match entry {
            Entry::Send(peer, range) => Effect::Send(*peer, self.bytes.get(range.clone()).unwrap_or_default()),
            Entry::Close(peer) => Effect::Close(*peer),
            Entry::Note(note) => Effect::Note(note),
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets the effects and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Sends a packet and gives its length.
    pub(super) fn send(&mut self, peer: Peer, packet: &Packet<'_>) -> usize {
        self.write(peer, |bytes| packet.encode(bytes))
    }

    /// Sends what is written, and gives its length.
    pub(crate) fn write(&mut self, peer: Peer, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let range = start..self.bytes.len();
        self.entries.push(Entry::Send(peer, range.clone()));
        range.len()
    }

    pub(crate) fn close(&mut self, peer: Peer) {
        self.entries.push(Entry::Close(peer));
    }

    pub(crate) fn note(&mut self, note: N) {
        self.entries.push(Entry::Note(note));
    }
}

impl<N: fmt::Debug> fmt::Debug for Outbox<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.effects()).finish()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
