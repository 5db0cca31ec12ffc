//! What happened in a run, as values that checks read and tests can falsify.

use std::collections::BTreeMap;

use quasimodem_core::{ClientId, Effect, Failure, Host, Input, Instant, Link, Modem, Note, Outbox, Port};

use crate::broker;
use crate::network::Wire;
use crate::recorder::Recorder;
use crate::watch::Watch;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// See [`Entry`].
#[derive(Clone, Debug)]
pub enum What {
    /// A station's modem heard or did this.
    Station(usize, Saw),
    /// The broker of this place did this.
    Broker(usize, broker::Note),
    /// The brokers went down and came up, with their sessions or without.
    Restarted(bool),
}

/// What a modem heard or did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saw {
    /// The host typed.
    Typed(Vec<u8>),
    /// A host came (`true`) or went.
    Attached(bool),
    /// The driver's buffer for the host is full (`true`), or free again.
    Full(bool),
    /// A link is this wire now, to the broker of this place.
    Linked(Link, Wire, usize),
    /// A link was opened.
    Opened(Link),
    /// Bytes came from a link.
    Received(Link, Vec<u8>),
    /// A link is gone.
    Closed(Link),
    /// The modem wrote to the host.
    Printed(Vec<u8>),
    /// The modem sent a packet.
    Sent(Link, Vec<u8>),
    /// The modem noted that an open client lost its connection.
    Broken(ClientId),
    /// The modem ended a connection because of what the peer said.
    Blamed(ClientId, String),
    /// The modem lets bytes of an open link wait (`true`), or takes them again.
    Paused(Link, bool),
    /// The call of `handle` is over: the modem's next deadline, and whether it owes the host anything.
    Done(Option<Instant>, bool),
}

/// Keeps all, and the transcript of one station if asked to.
#[derive(Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    pub(super) recorder: Option<(usize, Recorder)>,
    /// Which links of which station are not to be read, or not there.
    paused: BTreeMap<(usize, u8), bool>,
}

impl Log {
    fn saw(&mut self, at: Instant, station: usize, saw: Saw) {
        self.entries.push(Entry { at, what: What::Station(station, saw) });
    }
}

impl Watch for Log {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        if let Some((_, recorder)) = self.recorder.as_mut().filter(|(whose, _)| *whose == station) {
            recorder.modem(now, station, input, modem, out);
        }
        let heard = match input {
            Input::Serial(bytes) => Some(Saw::Typed(bytes.to_vec())),
            Input::Host(Host::Settling) => None,
            Input::Host(host) => Some(Saw::Attached(*host == Host::Attached)),
            Input::Full(Port::Serial) => Some(Saw::Full(true)),
            Input::Free(Port::Serial) => Some(Saw::Full(false)),
            Input::Opened(link) => Some(Saw::Opened(*link)),
            Input::Received(link, bytes) => Some(Saw::Received(*link, bytes.to_vec())),
            Input::Closed(link, _) => Some(Saw::Closed(*link)),
            Input::Full(_)
            | Input::Free(_)
            | Input::Line(_)
            | Input::Resolved(..)
            | Input::Bearer(_)
            | Input::Power(_)
            | Input::Tick => None,
        };
        if let Some(heard) = heard {
            self.saw(now, station, heard);
        }
        for effect in out.effects() {
            match effect {
                Effect::Serial(_, marked) => {
                    if let Some(Entry { what: What::Station(_, Saw::Printed(bytes)), .. }) = self.entries.last_mut() {
                        bytes.extend_from_slice(marked.bytes());
                    } else {
                        self.saw(now, station, Saw::Printed(marked.bytes().to_vec()));
                    }
                }
                Effect::Send(link, marked) => self.saw(now, station, Saw::Sent(link, marked.bytes().to_vec())),
                Effect::Note(note) => {
                    if let Note::Broken(client, why, _) | Note::OpenFailed(client, why) = &note
                        && let Failure::Violation(violation) = why
                    {
                        self.saw(now, station, Saw::Blamed(*client, violation.to_string()));
                    }
                    if let Note::Broken(client, ..) = note {
                        self.saw(now, station, Saw::Broken(client));
                    }
                }
                Effect::Open { .. } | Effect::Close(_) | Effect::Resolve(..) | Effect::Line(_) => {}
            }
        }
        for number in [1, 2] {
            let link = Link(number);
            let paused = !modem.wants(Port::Link(link));
            if std::mem::replace(self.paused.entry((station, number)).or_insert(true), paused) != paused {
                self.saw(now, station, Saw::Paused(link, paused));
            }
        }
        self.saw(now, station, Saw::Done(modem.deadline(), modem.owes()));
    }

    fn linked(&mut self, now: Instant, station: usize, link: Link, wire: Wire, broker: usize) {
        self.saw(now, station, Saw::Linked(link, wire, broker));
    }

    fn broker(&mut self, now: Instant, which: usize, note: &broker::Note) {
        self.entries.push(Entry { at: now, what: What::Broker(which, note.clone()) });
    }

    fn restarted(&mut self, now: Instant, keep: bool) {
        self.entries.push(Entry { at: now, what: What::Restarted(keep) });
    }
}
