//! A driver for a broker, and clients that say and hear packets in words.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Packet, parse_words};
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Note, Outbox, Peer};

/// A broker with all that its clients have not heard yet. Keeps the contracts of a driver and checks the broker's.
pub(crate) struct Lab {
    pub(crate) broker: Broker,
    pub(crate) now: Instant,
    outbox: Outbox,
    peers: u64,
    closed: BTreeSet<Peer>,
    unheard: BTreeMap<Peer, VecDeque<String>>,
    /// Of the last input.
    pub(crate) notes: Vec<Note>,
}

impl Lab {
    pub(crate) fn new(config: Config) -> Lab {
        Lab {
            broker: Broker::new(config),
            now: Instant::START,
            outbox: Outbox::default(),
            peers: 0,
            closed: BTreeSet::new(),
            unheard: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.notes.clear();
        self.broker.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.broker.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        for effect in self.outbox.effects() {
            let (peer, words) = match effect {
                Effect::Send(peer, bytes) => {
                    let packet = Packet::decode(bytes).expect("what the broker sends is a packet");
                    (peer, packet.to_string())
                }
                Effect::Close(peer) => (peer, "closed".to_string()),
                Effect::Note(note) => {
                    assert!(!note.to_string().is_empty());
                    self.notes.push(note.clone());
                    continue;
                }
            };
            assert!(!self.closed.contains(&peer), "{words} for {peer} after its end");
            if words == "closed" {
                self.closed.insert(peer);
            }
            self.unheard.entry(peer).or_default().push_back(words);
        }
    }

    pub(crate) fn connected(&mut self) -> Peer {
        self.peers += 1;
        let peer = Peer(self.peers);
        self.handle(Input::Connected(peer));
        peer
    }

    /// A new connection with an accepted CONNECT: what stands behind the word, like `"id" clean keepalive 0`. Without
    /// a kept session.
    pub(crate) fn open(&mut self, connect: &str) -> Peer {
        let peer = self.connected();
        self.says(peer, &format!("connect {connect}"));
        self.hears(peer, &["connack 0"]);
        peer
    }

    /// The same with a session that goes on.
    pub(crate) fn resume(&mut self, connect: &str) -> Peer {
        let peer = self.connected();
        self.says(peer, &format!("connect {connect}"));
        assert_eq!(self.heard(peer).as_deref(), Some("connack 0 session"));
        peer
    }

    pub(crate) fn says(&mut self, peer: Peer, words: &str) {
        self.sends(peer, &parse_words(words).unwrap());
    }

    pub(crate) fn sends(&mut self, peer: Peer, bytes: &[u8]) {
        assert!(self.broker.wants(peer), "{peer} is not read");
        self.handle(Input::Received(peer, bytes));
    }

    pub(crate) fn gone(&mut self, peer: Peer) {
        self.closed.insert(peer);
        self.handle(Input::Gone(peer));
    }

    /// The next that the peer hears, if anything.
    pub(crate) fn heard(&mut self, peer: Peer) -> Option<String> {
        self.unheard.entry(peer).or_default().pop_front()
    }

    /// All that the peer hears, `closed` at the end of a connection.
    #[track_caller]
    pub(crate) fn hears(&mut self, peer: Peer, words: &[&str]) {
        let heard: Vec<String> = self.unheard.remove(&peer).unwrap_or_default().into();
        assert_eq!(heard, words, "what {peer} hears");
    }

    /// Speaks and hears the answers.
    #[track_caller]
    pub(crate) fn talks(&mut self, peer: Peer, says: &str, hears: &[&str]) {
        self.says(peer, says);
        self.hears(peer, hears);
    }

    /// The last input came with a note of these words.
    #[track_caller]
    pub(crate) fn noted(&self, words: &str) {
        let notes: Vec<String> = self.notes.iter().map(ToString::to_string).collect();
        assert!(notes.iter().any(|note| note.contains(words)), "no {words:?} in {notes:#?}");
    }

    /// Lets time pass, with a tick at each deadline.
    pub(crate) fn passes(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(deadline) = self.broker.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    /// A connection broke the protocol.
    #[track_caller]
    pub(crate) fn violates(&mut self, peer: Peer, words: &str, rule: &str) {
        self.says(peer, words);
        self.hears(peer, &["closed"]);
        self.noted(rule);
    }

    /// The broker goes down and comes up, and the driver drops all connections.
    pub(crate) fn restart(&mut self, keep: bool) {
        self.broker.restart(keep);
        self.closed.extend((1..=self.peers).map(Peer));
    }
}

impl Default for Lab {
    fn default() -> Lab {
        Lab::new(Config::default())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.unheard.retain(|_, words| !words.is_empty());
            assert!(self.unheard.is_empty(), "nobody expected this: {:#?}", self.unheard);
        }
    }
}
