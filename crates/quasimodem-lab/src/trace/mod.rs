//! The watch that writes a trace for Wireshark: a pcapng file of what crossed serial lines and links.
//!
//! AT commands, MQTT and HTTP are PDUs as Wireshark exports them, with the name of the dissector that reads them, so that no
//! port matters. MQTT-SN, whose dissector only takes datagrams, is UDP. What faults and modems have to say are comments on the
//! packets that it is about, or on the next ones. Secrets are stars, each in its place.

mod links;
mod masks;
mod pcapng;
mod serial;
mod writer;

use std::collections::BTreeMap;

use quasimodem_core::{Effect, Host, Input, Instant, Link, Modem, Note, Outbox};

use self::links::{Form, Packet, Wire};
use self::pcapng::P2p;
use self::serial::{Crossed, Serial};
use self::writer::Writer;
use crate::event::{Event, Names};
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
    wires: BTreeMap<Link, Wire>,
    /// Links that the modem asked for last; what it sent over those in their place goes out before.
    opening: Vec<(Link, Wire)>,
    /// What has secrets of what it sent last: the bytes, and how they may be shown.
    secrets: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is to be said with the next packet.
    comments: Vec<String>,
}

/// Comments that wait for a packet; with more they get one of their own.
const COMMENTS: usize = 16;

impl<B: Blocks> Trace<B> {
    /// Begins a trace of the modems of these names; the first is station 0. `start` is the time at [`Instant::START`], in
    /// microseconds since 1970: 0 in virtual time.
    pub fn new(names: Names, start: u64, blocks: B) -> Trace<B> {
        Trace { writer: Writer::new(names, start, blocks), stations: BTreeMap::new() }
    }

    /// Writes what waited for more of it. [`Event::End`] does the same.
    pub fn finish(&mut self, now: Instant) {
        let Trace { writer, stations } = self;
        for (&number, Station { serial, wires, comments, .. }) in stations {
            serial.give_up(&mut |crossed| writer.crossed(number, &crossed, comments));
            for wire in wires.values_mut() {
                let route = wire.route.back();
                wire.ended(&mut |packet| writer.packet(now, number, P2p::Received, route, &packet, comments));
            }
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
        let opened = self.stations.entry(number).or_default().opening.drain(..).collect::<Vec<_>>();
        for (link, wire) in opened {
            self.open(number, link, wire);
        }
        if let Input::Closed(link, why) = input {
            self.say(now, number, format!("link {link}: {why}"));
        }
        for effect in out.effects() {
            if let Effect::Note(note) = effect
                && !note.is_of_bytes()
            {
                self.say(now, number, note.to_string());
            }
        }
        self.heard(now, number, input);
        let Trace { writer, stations } = self;
        let station = stations.entry(number).or_default();
        station.secrets.clear();
        for effect in out.effects() {
            match effect {
                Effect::Serial(kind, marked) => station.serial.written(now, kind, marked),
                Effect::Note(Note::Typed(line)) => station.serial.line(line),
                Effect::Note(Note::Data { size, behind, secret }) => station.serial.data(size, behind, secret),
                Effect::Open { link, host, port, .. } => {
                    let wire = Wire::new(link, writer.route(host, port));
                    station.opening.push((link, wire));
                }
                Effect::Send(_, marked) if marked.secrets().next().is_some() => {
                    station.secrets.push((marked.bytes().to_vec(), marked.redacted()));
                }
                Effect::Close(link) => {
                    let Station { wires, comments, .. } = station;
                    if let Some(wire) = wires.get_mut(&link) {
                        let route = wire.route.back();
                        wire.ended(&mut |packet| writer.packet(now, number, P2p::Received, route, &packet, comments));
                    }
                }
                Effect::Send(..) | Effect::Resolve(..) | Effect::Line(_) | Effect::Note(_) => {}
            }
        }
        let Station { serial, comments, .. } = station;
        serial.show(&mut |crossed| writer.crossed(number, &crossed, comments));
    }

    fn serial(&mut self, now: Instant, number: usize, way: Way, bytes: &[u8]) {
        let Trace { writer, stations } = self;
        let Station { serial, comments, .. } = stations.entry(number).or_default();
        let mut show = |crossed: Crossed<'_>| writer.crossed(number, &crossed, comments);
        match way {
            Way::ToModem => serial.typed(now, bytes),
            Way::ToHost => serial.crossed(now, bytes, &mut show),
        }
    }

    fn link(&mut self, now: Instant, number: usize, link: Link, what: &OnLink<'_>) {
        match what {
            OnLink::Led { host, port } => {
                let Trace { writer, stations } = self;
                let led = writer.route(host, *port);
                let station = stations.entry(number).or_default();
                if let Some((_, wire)) = station.opening.iter_mut().find(|(opening, _)| *opening == link) {
                    wire.route = led;
                }
                self.say(now, number, format!("link {link}: led to {host}:{port} by the host map"));
            }
            OnLink::Secured(agreed) => self.say(now, number, format!("link {link}: {agreed}")),
            OnLink::Lost(size, why) => {
                self.say(now, number, format!("link {link}: lost a datagram of {size} bytes: {why}"));
            }
        }
    }

    fn sent(&mut self, now: Instant, number: usize, link: Link, bytes: &[u8]) {
        let Trace { writer, stations } = self;
        let Station { wires, secrets, comments, .. } = stations.entry(number).or_default();
        let Some(wire) = wires.get_mut(&link) else { return };
        let shown = secrets.iter().find(|(sent, _)| sent == bytes).map_or(bytes, |(_, shown)| shown);
        let route = wire.route;
        wire.sent(shown, &mut |packet| writer.packet(now, number, P2p::Sent, route, &packet, comments));
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
    /// A link is another one from here on.
    fn open(&mut self, number: usize, link: Link, wire: Wire) {
        let Station { wires, comments, .. } = self.stations.entry(number).or_default();
        if let Some(comment) = self.writer.how_to_read(link, wire.route) {
            comments.push(comment);
        }
        wires.insert(link, wire);
    }

    /// What the modem is told.
    fn heard(&mut self, now: Instant, number: usize, input: &Input<'_>) {
        let Trace { writer, stations } = self;
        let Station { serial, wires, comments, .. } = stations.entry(number).or_default();
        match input {
            Input::Host(host @ (Host::Attached | Host::Detached)) => {
                let attached = *host == Host::Attached;
                serial.host(attached, &mut |crossed| writer.crossed(number, &crossed, comments));
            }
            Input::Received(link, _) | Input::Closed(link, _) => {
                let Some(wire) = wires.get_mut(link) else { return };
                let route = wire.route.back();
                let mut write =
                    |packet: Packet<'_>| writer.packet(now, number, P2p::Received, route, &packet, comments);
                match input {
                    Input::Received(_, bytes) => wire.received(bytes, &mut write),
                    _ => wire.ended(&mut write),
                }
            }
            _ => {}
        }
    }
}
