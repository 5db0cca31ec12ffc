//! The watch that writes a trace for Wireshark: a pcapng file of what crossed serial lines.
//!
//! AT commands are PDUs as Wireshark exports them, with the name of the dissector that reads them. What faults and modems have
//! to say are comments on the packets that it is about, or on the next ones. Secrets are stars, each in its place.

mod pcapng;
mod serial;
mod writer;

use std::collections::BTreeMap;

use quasimodem_core::{Effect, Host, Input, Instant, Link, Modem, Note, Outbox};

use self::serial::{Crossed, Serial};
use self::writer::Writer;
use crate::event::Event;
use crate::fault::Happened;
use crate::watch::{OnLink, Watch, Way};

/// Takes what is written of a trace.
pub trait Blocks {
    /// The next block, which is whole.
    fn block(&mut self, block: Vec<u8>);

    /// It was the last one.
    fn end(&mut self) {}
}

/// Keeps them.
impl Blocks for Vec<u8> {
    fn block(&mut self, block: Vec<u8>) {
        self.extend(block);
    }
}

/// A watch that writes a pcapng file.
pub struct Trace<B> {
    writer: Writer<B>,
    stations: BTreeMap<usize, Station>,
}

#[derive(Default)]
struct Station {
    serial: Serial,
    /// What is to be said with the next packet.
    comments: Vec<String>,
}

/// Comments that wait for a packet; with more they get one of their own.
const COMMENTS: usize = 16;

impl<B: Blocks> Trace<B> {
    /// Begins a trace of the modems of these names; the first is station 0. `start` is the time at [`Instant::START`], in
    /// microseconds since 1970: 0 in virtual time.
    pub fn new(names: impl IntoIterator<Item = String>, start: u64, blocks: B) -> Trace<B> {
        Trace { writer: Writer::new(names, start, blocks), stations: BTreeMap::new() }
    }

    /// Writes what waited for more of it. [`Event::End`] does the same.
    pub fn finish(&mut self, now: Instant) {
        let Trace { writer, stations } = self;
        for (&number, Station { serial, comments }) in stations {
            serial.give_up(&mut |crossed| writer.crossed(number, &crossed, comments));
            writer.only_comments(now, number, comments);
        }
        writer.end();
    }

    /// What took the blocks.
    pub fn into_blocks(self) -> B {
        self.writer.into_blocks()
    }

    fn say(&mut self, now: Instant, number: usize, words: String) {
        let Trace { writer, stations } = self;
        let comments = &mut stations.entry(number).or_default().comments;
        comments.push(words);
        if comments.len() > COMMENTS {
            writer.only_comments(now, number, comments);
        }
    }
}

impl<B: Blocks> Watch for Trace<B> {
    fn modem(&mut self, now: Instant, number: usize, input: &Input<'_>, _: &Modem, out: &Outbox) {
        if let Input::Closed(link, why) = input {
            self.say(now, number, format!("link {link}: {why}"));
        }
        for effect in out.effects() {
            if let Effect::Note(note) = effect
                && !matches!(note, Note::Typed(_) | Note::Data { .. })
            {
                self.say(now, number, note.to_string());
            }
        }
        self.heard(number, input);
        let Trace { writer, stations } = self;
        let station = stations.entry(number).or_default();
        for effect in out.effects() {
            match effect {
                Effect::Serial(kind, marked) => station.serial.written(now, kind, marked),
                Effect::Note(Note::Typed(line)) => station.serial.line(line),
                Effect::Note(Note::Data { size, behind, secret }) => station.serial.data(size, behind, secret),
                _ => {}
            }
        }
        let Station { serial, comments } = station;
        serial.show(&mut |crossed| writer.crossed(number, &crossed, comments));
    }

    fn serial(&mut self, now: Instant, number: usize, way: Way, bytes: &[u8]) {
        let Trace { writer, stations } = self;
        let Station { serial, comments } = stations.entry(number).or_default();
        let mut show = |crossed: Crossed<'_>| writer.crossed(number, &crossed, comments);
        match way {
            Way::ToModem => serial.typed(now, bytes),
            Way::ToHost => serial.crossed(now, bytes, &mut show),
        }
    }

    fn link(&mut self, now: Instant, number: usize, link: Link, what: &OnLink<'_>) {
        match what {
            OnLink::Led { host, port } => {
                self.say(now, number, format!("link {link}: led to {host}:{port} by the host map"));
            }
            OnLink::Secured(agreed) => self.say(now, number, format!("link {link}: {agreed}")),
            OnLink::Lost(size, why) => {
                self.say(now, number, format!("link {link}: lost a datagram of {size} bytes: {why}"));
            }
        }
    }

    fn fault(&mut self, now: Instant, number: usize, what: &Happened<'_>) {
        self.say(now, number, what.to_string());
    }

    fn run(&mut self, now: Instant, event: &Event<'_>) {
        if let Event::End {} = event {
            self.finish(now);
        }
    }
}

impl<B: Blocks> Trace<B> {
    /// What the modem is told.
    fn heard(&mut self, number: usize, input: &Input<'_>) {
        let Trace { writer, stations } = self;
        let Station { serial, comments } = stations.entry(number).or_default();
        if let Input::Host(host @ (Host::Attached | Host::Detached)) = input {
            serial.host(*host == Host::Attached, &mut |crossed| writer.crossed(number, &crossed, comments));
        }
    }
}
