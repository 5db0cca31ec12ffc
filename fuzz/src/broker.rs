//! The lab broker, with peers that send anything.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Packet;
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Limits, Outbox, Peer};

use crate::reader::Reader;

/// Reads one event after the other off the bytes. Limits are small, so that they are reached.
pub fn broker(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut world = World {
        broker: Broker::new(Config { limits: LIMITS, ..Config::default() }),
        outbox: Outbox::default(),
        now: Instant::START,
        peers: Vec::new(),
        count: 0,
    };
    while !reader.is_empty() {
        world.happens(&mut reader);
    }
}

const LIMITS: Limits = Limits {
    connections: 5,
    clients: 3,
    sessions: 4,
    client_id_bytes: 8,
    subscriptions: 3,
    subscription_bytes: 20,
    in_flight: 2,
    queued: 4,
    queued_qos0: 2,
    queued_bytes: 40,
    retained: 3,
    retained_bytes: 30,
    held_bytes: 2000,
    partial_bytes: 400,
    packet: 200,
};

struct World {
    broker: Broker,
    outbox: Outbox,
    now: Instant,
    /// Those that are connected.
    peers: Vec<Peer>,
    count: u64,
}

impl World {
    fn happens(&mut self, reader: &mut Reader<'_>) {
        match reader.byte() % 10 {
            0 => {
                self.count += 1;
                let peer = Peer(self.count);
                self.peers.push(peer);
                self.handle(Input::Connected(peer));
            }
            1..=4 => {
                let (peer, bytes) = (self.peer(reader), reader.bytes());
                if self.broker.wants(peer) {
                    self.handle(Input::Received(peer, bytes));
                }
            }
            5 => {
                let peer = self.peer(reader);
                self.peers.retain(|other| *other != peer);
                self.handle(Input::Gone(peer));
            }
            6 => {
                let peer = self.peer(reader);
                self.handle(Input::Full(peer));
            }
            7 => {
                let peer = self.peer(reader);
                self.handle(Input::Free(peer));
            }
            8 => {
                self.now = match reader.two_bytes() {
                    0 => self.broker.deadline().map_or(self.now, |deadline| deadline.max(self.now)),
                    millis => self.now + Duration::from_millis(millis.into()),
                };
                self.handle(Input::Tick);
            }
            _ => {
                self.broker.restart(reader.bit());
                self.peers.clear();
            }
        }
    }

    /// One that is connected; if there is none, one that the broker doesn't know.
    fn peer(&self, reader: &mut Reader<'_>) -> Peer {
        let index = usize::from(reader.byte());
        if self.peers.is_empty() { Peer(0) } else { self.peers[index % self.peers.len()] }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.broker.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.broker.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        for effect in self.outbox.effects() {
            match effect {
                Effect::Send(peer, bytes) => {
                    assert!(self.peers.contains(&peer), "bytes for peer {peer}");
                    Packet::decode(bytes).expect("what the broker sends is a packet");
                }
                Effect::Close(peer) => {
                    assert!(self.peers.contains(&peer), "peer {peer} was closed twice");
                    self.peers.retain(|other| *other != peer);
                }
                Effect::Note(note) => assert!(!note.to_string().is_empty()),
            }
        }
        let usage = self.broker.usage();
        assert_eq!(usage.connections, self.peers.len());
        assert!(usage.connections <= LIMITS.connections && usage.clients <= LIMITS.clients, "{usage:?}");
        assert!(usage.sessions <= LIMITS.sessions, "{usage:?}");
        assert!(usage.subscriptions <= LIMITS.sessions * LIMITS.subscriptions, "{usage:?}");
        assert!(usage.in_flight <= LIMITS.sessions * LIMITS.in_flight, "{usage:?}");
        assert!(usage.queued <= LIMITS.sessions * LIMITS.queued, "{usage:?}");
        assert!(usage.queued_bytes <= LIMITS.sessions * LIMITS.queued_bytes, "{usage:?}");
        assert!(usage.partial_bytes < LIMITS.connections * LIMITS.packet, "{usage:?}");
        assert!(usage.retained <= LIMITS.retained && usage.retained_bytes <= LIMITS.retained_bytes, "{usage:?}");
    }
}
