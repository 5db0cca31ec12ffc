//! What one call of [`Modem::handle`](crate::Modem::handle) wants done.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use crate::marked::{Marked, Span};
use crate::net::{Family, Link, Query, Transport};
use crate::note::{Note, StoredNote};
use crate::sink::Sink;
use crate::uart::Uart;

/// The effects of one call, in the order in which they must be carried out.
///
/// The caller owns it, clears it, and lends it to one modem after the other, so that a modem at rest owns no buffer.
/// Its memory stays with it: after a few calls nothing is allocated any more.
///
/// ```
/// # use quasimodem_core::{Effect, Host, Imei, Input, Instant, Kind, Modem, Outbox, Settings};
/// # let mut modem = Modem::new(Settings::default().into(), Imei::default());
/// let mut outbox = Outbox::default();
/// modem.handle(Instant::START, Input::Host(Host::Attached), &mut outbox);
/// outbox.clear();
/// modem.handle(Instant::START, Input::Serial(b"AT\r"), &mut outbox);
/// let written: Vec<u8> = outbox
///     .effects()
///     .filter_map(|effect| match effect {
///         Effect::Serial(_, marked) => Some(marked.bytes()),
///         _ => None,
///     })
///     .collect::<Vec<_>>()
///     .concat();
/// assert_eq!(written, b"AT\r\nOK\r\n");
/// ```
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    secrets: Vec<Range<usize>>,
    entries: Vec<Entry>,
    /// Where a modem assembles and unescapes the line at hand; empty between calls.
    pub(crate) scratch: Vec<u8>,
}

/// One thing that a driver has to do.
#[derive(Clone, Debug)]
pub enum Effect<'a> {
    /// Write these bytes to the host. Effects of one outbox MUST reach the transport in order and SHOULD go out in one
    /// write. While no host is attached they are thrown away.
    Serial(Kind, Marked<'a>),
    /// Connect to `host` (a name or an address) and `port`, and answer with
    /// [`Input::Opened`](crate::Input::Opened) or [`Input::Closed`](crate::Input::Closed). Nothing is sent before
    /// `Opened`. The modem limits the time itself and closes an attempt that takes too long.
    Open {
        /// The number of the new link.
        link: Link,
        /// How to reach the peer.
        transport: Transport,
        /// Name or address, as the host typed it.
        host: &'a str,
        /// Port, 1 to 65535.
        port: u16,
    },
    /// Write these bytes to an open link (over UDP: one datagram).
    Send(Link, Marked<'a>),
    /// Write out what was sent, then close the link. No [`Input::Closed`](crate::Input::Closed) follows, and nothing
    /// may arrive for this link until it is opened again.
    Close(Link),
    /// Look up an address of this kind by its name, and answer with [`Input::Resolved`](crate::Input::Resolved).
    Resolve(Query, Family, &'a str),
    /// Set a line or a parameter of the serial end. Ends that have none (PTY, TCP, stdio) ignore it.
    Line(ModemLine),
    /// What happened and why; nothing needs to be done.
    Note(Note<'a>),
}

/// What a piece of serial output is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The host's own bytes, sent back (V.250 6.2.4). Marked as secret as a whole, since nobody knows yet what a
    /// half-typed line will be; [`Note::Typed`] tells the line once it is complete.
    Echo,
    /// An information response.
    Info,
    /// A final result code: `OK`, `ERROR`, `+CME ERROR: <err>`.
    Final,
    /// An unsolicited result code, or the result of an asynchronous command.
    Urc,
    /// The `>` that asks for raw data.
    Prompt,
}

/// What the modem sets at a serial port that has such things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModemLine {
    /// Rate, framing and flow control, once everything written so far has left: it follows the final result code of
    /// the line that asked for it (V.250 6.2.10 to 6.2.12).
    Uart(Uart),
    /// Data carrier detect (V.24 circuit 109); off at power-up.
    Dcd(bool),
    /// Switch the ring indicator (V.24 circuit 125) on for this long, from now.
    RiPulse(Duration),
}

#[derive(Clone)]
struct Entry {
    what: Stored,
    span: Span,
}

#[derive(Clone)]
enum Stored {
    Serial(Kind),
    Open { link: Link, transport: Transport, port: u16 },
    Send(Link),
    Close(Link),
    Resolve(Query, Family),
    Line(ModemLine),
    Note(StoredNote),
}

impl Outbox {
    /// The effects in order.
    pub fn effects(&self) -> impl Iterator<Item = Effect<'_>> {
        self.entries.iter().map(|entry| {
            let marked = self.marked(entry.span);
            match &entry.what {
                Stored::Serial(kind) => Effect::Serial(*kind, marked),
                Stored::Open { link, transport, port } => {
                    Effect::Open { link: *link, transport: transport.clone(), host: marked.text(), port: *port }
                }
                Stored::Send(link) => Effect::Send(*link, marked),
                Stored::Close(link) => Effect::Close(*link),
                Stored::Resolve(query, family) => Effect::Resolve(*query, *family, marked.text()),
                Stored::Line(line) => Effect::Line(*line),
                Stored::Note(note) => Effect::Note(note.lend(marked)),
            }
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Holds what another one holds, in its own memory: for whoever shows it to somebody on another thread.
    pub fn copy_from(&mut self, other: &Outbox) {
        self.clear();
        self.bytes.extend_from_slice(&other.bytes);
        self.secrets.extend_from_slice(&other.secrets);
        self.entries.extend_from_slice(&other.entries);
    }

    /// Bytes of all that it holds, about.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Forgets the effects and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.secrets.clear();
        self.entries.clear();
    }

    pub(crate) fn serial(&mut self, kind: Kind) -> Piece<'_> {
        self.piece(Stored::Serial(kind))
    }

    pub(crate) fn send(&mut self, link: Link) -> Piece<'_> {
        self.piece(Stored::Send(link))
    }

    pub(crate) fn open(&mut self, link: Link, transport: Transport, host: &str, port: u16) {
        self.piece(Stored::Open { link, transport, port }).put(host.as_bytes());
    }

    pub(crate) fn close(&mut self, link: Link) {
        self.piece(Stored::Close(link));
    }

    pub(crate) fn note(&mut self, note: StoredNote) -> Piece<'_> {
        self.piece(Stored::Note(note))
    }

    /// Notes a line of the host.
    pub(crate) fn note_typed(&mut self, line: &[u8]) {
        self.note(StoredNote::Typed).put(line);
    }

    /// Marks as secret what the newest line of the host holds at these places.
    pub(crate) fn hide_typed(&mut self, places: Range<usize>) {
        let typed = |entry: &&Entry| matches!(entry.what, Stored::Note(StoredNote::Typed));
        let Some(span) = self.entries.iter().rfind(typed).map(|entry| entry.span) else {
            debug_assert!(false, "the line at hand was noted");
            return;
        };
        let at = |place: usize| span.start.saturating_add(place).min(span.end);
        let (mut start, mut end) = (at(places.start), at(places.end));
        if start >= end {
            return;
        }
        // Secrets are kept in order and apart from each other.
        let first = self.secrets.partition_point(|secret| secret.end < start);
        let last = self.secrets.partition_point(|secret| secret.start <= end);
        for secret in self.secrets.drain(first..last.max(first)) {
            (start, end) = (start.min(secret.start), end.max(secret.end));
        }
        self.secrets.insert(first, start..end);
    }

    pub(crate) fn resolve(&mut self, query: Query, family: Family, name: &str) {
        self.piece(Stored::Resolve(query, family)).put(name.as_bytes());
    }

    pub(crate) fn line(&mut self, line: ModemLine) {
        self.piece(Stored::Line(line));
    }

    fn piece(&mut self, what: Stored) -> Piece<'_> {
        let start = self.bytes.len();
        self.entries.push(Entry { what, span: Span { start, end: start } });
        Piece { outbox: self }
    }

    fn marked(&self, span: Span) -> Marked<'_> {
        let first = self.secrets.partition_point(|secret| secret.end <= span.start);
        let last = self.secrets.partition_point(|secret| secret.start < span.end);
        Marked { all: &self.bytes, span, secrets: self.secrets.get(first..last).unwrap_or_default() }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.effects()).finish()
    }
}

/// The bytes of the newest effect of an outbox, while they are being written.
pub(crate) struct Piece<'a> {
    outbox: &'a mut Outbox,
}

impl Sink for Piece<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.outbox.bytes.extend_from_slice(bytes);
        let end = self.outbox.bytes.len();
        if let Some(entry) = self.outbox.entries.last_mut() {
            entry.span.end = end;
        }
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        let start = self.outbox.bytes.len();
        self.put(bytes);
        if !bytes.is_empty() {
            self.outbox.secrets.push(start..start + bytes.len());
        }
    }
}

impl fmt::Write for Piece<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
