//! The lab gateway, with datagrams from anywhere and a broker that says anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use quasimodem_core::{Instant, Why, mqtt, sn};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Limits, Link, Outbox, Peer};

use crate::reader::Reader;

/// Reads one event after the other off the bytes. Limits are small, so that they are reached.
pub fn gateway(data: &[u8]) {
    let mut reader = Reader::new(data);
    let predefined = [(1, "p/1".into()), (7, "p/7".into())].into();
    let config = Config { limits: LIMITS, predefined, ..Config::default() };
    let mut world =
        World { gateway: Gateway::new(config), outbox: Outbox::default(), now: Instant::START, links: Vec::new() };
    while !reader.is_empty() {
        world.happens(&mut reader);
    }
}

const LIMITS: Limits = Limits {
    clients: 3,
    sessions: 4,
    handshakes: 2,
    client_id_bytes: 8,
    topics: 3,
    topic_bytes: 20,
    will_bytes: 20,
    requests: 3,
    queued: 3,
    queued_bytes: 40,
    own: 4,
    own_bytes: 100,
    packet: 200,
    datagram: 100,
};

struct World {
    gateway: Gateway,
    outbox: Outbox,
    now: Instant,
    /// Those that are open.
    links: Vec<Link>,
}

impl World {
    fn happens(&mut self, reader: &mut Reader<'_>) {
        match reader.byte() % 10 {
            0..=3 => {
                let port = 1024 + u16::from(reader.byte() % 5);
                let peer = Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                self.handle(Input::Datagram(peer, reader.bytes()));
            }
            4 => {
                // What usually follows, in one event.
                let link = self.link(reader);
                self.handle(Input::Opened(link));
                if self.gateway.wants(link) {
                    self.handle(Input::Received(link, &[0x20, 2, 0, 0]));
                }
            }
            5 => {
                let (link, bytes) = (self.link(reader), reader.bytes());
                if self.gateway.wants(link) {
                    self.handle(Input::Received(link, bytes));
                }
            }
            6 => {
                let link = self.link(reader);
                self.links.retain(|other| *other != link);
                self.handle(Input::Closed(link, Why::Reset));
            }
            7 => {
                let link = self.link(reader);
                self.handle(if reader.bit() { Input::Full(link) } else { Input::Free(link) });
            }
            8 => {
                let link = self.link(reader);
                self.handle(Input::Opened(link));
            }
            _ => {
                self.now = match reader.two_bytes() {
                    0 => self.gateway.deadline().map_or(self.now, |deadline| deadline.max(self.now)),
                    millis => self.now + Duration::from_millis(millis.into()),
                };
                self.handle(Input::Tick);
            }
        }
    }

    /// One that is open; if there is none, one that the gateway doesn't know.
    fn link(&self, reader: &mut Reader<'_>) -> Link {
        let index = usize::from(reader.byte());
        if self.links.is_empty() { Link(0) } else { self.links[index % self.links.len()] }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.gateway.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.gateway.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        for effect in self.outbox.effects() {
            match effect {
                Effect::Send(_, bytes) => {
                    sn::Packet::decode(bytes).expect("what the gateway sends is a packet");
                    assert!(bytes.len() <= LIMITS.datagram, "{} bytes", bytes.len());
                }
                Effect::Open(link) => {
                    assert!(!self.links.contains(&link), "link {link} was opened twice");
                    self.links.push(link);
                }
                Effect::Write(link, bytes) => {
                    assert!(self.links.contains(&link), "bytes for link {link}");
                    mqtt::Packet::decode(bytes).expect("what the gateway writes is a packet");
                }
                Effect::Close(link) => {
                    assert!(self.links.contains(&link), "link {link} was closed twice");
                    self.links.retain(|other| *other != link);
                }
                Effect::Note(note) => assert!(!note.to_string().is_empty()),
            }
        }
        let usage = self.gateway.usage();
        assert_eq!(usage.links, self.links.len());
        assert!(usage.clients <= LIMITS.clients && usage.sessions <= LIMITS.sessions, "{usage:?}");
        assert!(usage.handshakes <= LIMITS.handshakes && usage.links <= LIMITS.clients + 1, "{usage:?}");
        assert!(usage.topics <= LIMITS.sessions * LIMITS.topics, "{usage:?}");
        assert!(usage.requests <= LIMITS.sessions * LIMITS.requests, "{usage:?}");
        // Of QoS 0 and of the others, each; the last of these may be as large as a packet.
        assert!(usage.queued_bytes <= LIMITS.clients * (2 * LIMITS.queued_bytes + LIMITS.packet), "{usage:?}");
        assert!(usage.queued <= LIMITS.clients * (2 * LIMITS.queued + 1), "{usage:?}");
        assert!(usage.own <= LIMITS.own && usage.own_bytes <= LIMITS.own_bytes, "{usage:?}");
    }
}
