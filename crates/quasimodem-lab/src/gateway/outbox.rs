//! The words between a gateway and its driver.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use quasimodem_core::{Why, mqtt, sn};

use super::note::Note;

/// A client's end of the line: where its datagrams come from. The gateway itself keeps those that it has to remember,
/// so that a driver needs no table of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Peer(pub SocketAddr);

/// A connection to the broker, named by the gateway. A name is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link(pub u64);

/// What a driver tells a gateway. What it says of a link that the gateway does not know is ignored.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram came from there, whoever that may be.
    Datagram(Peer, &'a [u8]),
    /// The connection that [`Effect::Open`] asked for is there.
    Opened(Link),
    /// The broker sent these bytes, and [`Gateway::wants`](super::Gateway::wants) said that the link may be read. The
    /// split into chunks means nothing; chunks of 4 KiB at most keep the effects of one call small.
    Received(Link, &'a [u8]),
    /// The connection could not be opened, or it ended without [`Effect::Close`]. Bytes that arrived before the end
    /// MUST be brought first.
    Closed(Link, Why),
    /// More is waiting to be written to this link than the driver likes to hold.
    Full(Link),
    /// What waits to be written to this link fell below the driver's low-water mark.
    Free(Link),
    /// Nothing happened, but the deadline passed.
    Tick,
}

/// One thing that a driver has to do.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a> {
    /// Send this datagram. If that is not possible at once it may be dropped, as the network may drop it.
    Send(Peer, &'a [u8]),
    /// Connect to the broker.
    Open(Link),
    /// Write these bytes, one packet, to the broker.
    Write(Link, &'a [u8]),
    /// Write out what was written, then close the connection, or give up opening it. No [`Input::Closed`] follows, and
    /// nothing may arrive for this link any more.
    Close(Link),
    /// What happened and why; nothing needs to be done.
    Note(&'a Note),
}

/// The effects of one call, in the order in which they must be carried out.
///
/// The caller owns it, clears it, and may lend it to one gateway after the other. Its memory stays with it.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Nobody is told of each message.
    is_brief: bool,
}

enum Entry {
    Send(Peer, Range<usize>),
    Open(Link),
    Write(Link, Range<usize>),
    Close(Link),
    Note(Note),
}

impl Outbox {
    /// The effects in order.
    pub fn effects(&self) -> impl Iterator<Item = Effect<'_>> {
        let bytes = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.entries.iter().map(move |entry| match entry {
            Entry::Send(peer, range) => Effect::Send(*peer, bytes(range)),
            Entry::Open(link) => Effect::Open(*link),
            Entry::Write(link, range) => Effect::Write(*link, bytes(range)),
            Entry::Close(link) => Effect::Close(*link),
            Entry::Note(note) => Effect::Note(note),
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether each message is noted, which takes memory: it is unless somebody said that nobody is told.
    pub fn note_messages(&mut self, noted: bool) {
        self.is_brief = !noted;
    }

    /// Forgets the effects and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// What was to be sent to clients is lost.
    pub(super) fn send_nothing(&mut self) {
        self.entries.retain(|entry| !matches!(entry, Entry::Send(..)));
    }

    pub(super) fn send(&mut self, peer: Peer, packet: &sn::Packet<'_>) {
        let start = self.bytes.len();
        packet.put(&mut self.bytes);
        self.entries.push(Entry::Send(peer, start..self.bytes.len()));
    }

    pub(super) fn open(&mut self, link: Link) {
        self.entries.push(Entry::Open(link));
    }

    pub(super) fn write(&mut self, link: Link, packet: &mqtt::Packet<'_>) {
        let start = self.bytes.len();
        packet.encode(&mut self.bytes);
        self.entries.push(Entry::Write(link, start..self.bytes.len()));
    }

    pub(super) fn close(&mut self, link: Link) {
        self.entries.push(Entry::Close(link));
    }

    pub(super) fn note(&mut self, note: Note) {
        self.entries.push(Entry::Note(note));
    }

    /// Notes a message, if each is noted.
    pub(super) fn note_message(&mut self, note: impl FnOnce() -> Note) {
        if !self.is_brief {
            self.note(note());
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.effects()).finish()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
