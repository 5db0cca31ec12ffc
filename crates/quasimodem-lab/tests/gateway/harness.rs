//! A driver for a gateway and a broker, with clients on both sides that say and hear packets in words.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use quasimodem_core::{Instant, Why, mqtt, sn};
use quasimodem_lab::broker::{self, Broker};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Link, Outbox, Peer};

/// A gateway with all that its clients have not heard yet. Keeps the contracts of a driver and checks the gateway's.
pub(crate) struct Lab {
    pub(crate) gateway: Gateway,
    pub(crate) now: Instant,
    outbox: Outbox,
    behind: Behind,
    open: BTreeSet<Link>,
    unheard: BTreeMap<Peer, VecDeque<String>>,
    /// Since they were asked for.
    notes: Vec<String>,
}

/// What is at the other end of the links.
enum Behind {
    /// A broker, and its own clients: their peers have numbers from [`OWN`] on.
    Broker { broker: Box<Broker>, outbox: broker::Outbox, own: u64, unheard: BTreeMap<broker::Peer, VecDeque<String>> },
    /// The test.
    Test(VecDeque<String>),
}

/// The first peer of the broker that is not a link of the gateway.
const OWN: u64 = 1_000_000;

/// The address of a client.
pub(crate) fn at(number: u16) -> Peer {
    Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 10_000 + number)))
}

impl Lab {
    /// In front of a lab broker.
    pub(crate) fn new(config: Config) -> Lab {
        Lab::before(config, broker::Config::default())
    }

    pub(crate) fn before(config: Config, broker: broker::Config) -> Lab {
        let broker = Box::new(Broker::new(broker));
        let behind = Behind::Broker { broker, outbox: broker::Outbox::default(), own: OWN, unheard: BTreeMap::new() };
        Lab::with(config, behind)
    }

    /// The test is the broker.
    pub(crate) fn alone(config: Config) -> Lab {
        Lab::with(config, Behind::Test(VecDeque::new()))
    }

    fn with(config: Config, behind: Behind) -> Lab {
        Lab {
            gateway: Gateway::new(config),
            now: Instant::START,
            outbox: Outbox::default(),
            behind,
            open: BTreeSet::new(),
            unheard: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        let mut to_broker = self.tell(input);
        while let Some((link, step)) = to_broker.pop_front() {
            let Behind::Broker { broker, outbox, unheard, .. } = &mut self.behind else { return };
            let peer = broker::Peer(link.0);
            let input = match &step {
                Step::Open => broker::Input::Connected(peer),
                Step::Write(bytes) => broker::Input::Received(peer, bytes),
                Step::Close => broker::Input::Gone(peer),
            };
            outbox.clear();
            broker.handle(self.now, input, outbox);
            let answers = take(outbox, unheard);
            if let Step::Open = step {
                to_broker.extend(self.tell(Input::Opened(link)));
            }
            for (peer, bytes) in answers {
                to_broker.extend(self.brought(peer, bytes));
            }
        }
    }

    /// Brings what the broker says to the gateway, which may read it.
    fn brought(&mut self, peer: broker::Peer, bytes: Option<Vec<u8>>) -> VecDeque<(Link, Step)> {
        let link = Link(peer.0);
        if !self.open.contains(&link) {
            return VecDeque::new();
        }
        match bytes {
            Some(bytes) => {
                assert!(self.gateway.wants(link), "{link} is not read: test that with a broker of your own");
                self.tell(Input::Received(link, &bytes))
            }
            None => {
                self.open.remove(&link);
                self.tell(Input::Closed(link, Why::Ended))
            }
        }
    }

    fn tell(&mut self, input: Input<'_>) -> VecDeque<(Link, Step)> {
        self.outbox.clear();
        self.gateway.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.gateway.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        let mut steps = VecDeque::new();
        for effect in self.outbox.effects() {
            let (link, step, words) = match effect {
                Effect::Send(peer, bytes) => {
                    let packet = sn::Packet::decode(bytes).expect("what the gateway sends is a packet");
                    self.unheard.entry(peer).or_default().push_back(packet.to_string());
                    continue;
                }
                Effect::Note(note) => {
                    self.notes.push(note.to_string());
                    continue;
                }
                Effect::Open(link) => {
                    assert!(self.open.insert(link), "{link} was opened before");
                    (link, Step::Open, "open".to_string())
                }
                Effect::Write(link, bytes) => {
                    assert!(self.open.contains(&link), "{link} is not open");
                    let packet = mqtt::Packet::decode(bytes).expect("what the gateway writes is a packet");
                    (link, Step::Write(bytes.to_vec()), packet.to_string())
                }
                Effect::Close(link) => {
                    assert!(self.open.remove(&link), "{link} is not open");
                    (link, Step::Close, "close".to_string())
                }
            };
            match &mut self.behind {
                Behind::Test(written) => written.push_back(format!("{link} {words}")),
                Behind::Broker { .. } => steps.push_back((link, step)),
            }
        }
        steps
    }

    /// A client sends a datagram.
    pub(crate) fn says(&mut self, client: u16, words: &str) {
        let datagram = sn::parse_words(words).unwrap();
        self.sends(client, &datagram);
    }

    pub(crate) fn sends(&mut self, client: u16, datagram: &[u8]) {
        self.handle(Input::Datagram(at(client), datagram));
    }

    /// All that the client hears.
    #[track_caller]
    pub(crate) fn hears(&mut self, client: u16, words: &[&str]) {
        let heard: Vec<String> = self.unheard.remove(&at(client)).unwrap_or_default().into();
        assert_eq!(heard, words, "what {client} hears");
    }

    /// Whatever the client hears is not looked at.
    pub(crate) fn forget(&mut self, client: u16) {
        self.unheard.remove(&at(client));
    }

    /// Speaks and hears the answers.
    #[track_caller]
    pub(crate) fn talks(&mut self, client: u16, says: &str, hears: &[&str]) {
        self.says(client, says);
        self.hears(client, hears);
    }

    /// Connects a client: what stands behind the word, like `"id" clean keepalive 60`.
    #[track_caller]
    pub(crate) fn connect(&mut self, client: u16, words: &str) {
        self.talks(client, &format!("connect {words}"), &["connack 0"]);
    }

    /// All that was written to the broker, with the numbers of links in front.
    #[track_caller]
    pub(crate) fn written(&mut self, words: &[&str]) {
        let Behind::Test(written) = &mut self.behind else { panic!("there is a broker") };
        let written: Vec<String> = std::mem::take(written).into();
        assert_eq!(written, words, "what the broker gets");
    }

    /// The test as the broker sends a packet.
    pub(crate) fn answers(&mut self, link: u64, words: &str) {
        let bytes = mqtt::parse_words(words).unwrap();
        assert!(self.gateway.wants(Link(link)), "{link} is not read");
        self.handle(Input::Received(Link(link), &bytes));
    }

    /// The link is there, and the broker accepts the connection.
    pub(crate) fn accepts(&mut self, link: u64) {
        self.handle(Input::Opened(Link(link)));
        self.answers(link, "connack 0");
    }

    /// The link is lost.
    pub(crate) fn loses(&mut self, link: u64, why: Why) {
        assert!(self.open.remove(&Link(link)));
        self.handle(Input::Closed(Link(link), why));
    }

    /// A client of the broker itself. Its words begin behind the CONNECT.
    pub(crate) fn own(&mut self, connect: &str) -> broker::Peer {
        let Behind::Broker { own, .. } = &mut self.behind else { panic!("there is no broker") };
        *own += 1;
        let peer = broker::Peer(*own);
        self.own_input(broker::Input::Connected(peer));
        self.own_says(peer, &format!("connect {connect}"));
        assert_eq!(self.own_heard(peer), ["connack 0"]);
        peer
    }

    pub(crate) fn own_says(&mut self, peer: broker::Peer, words: &str) {
        let bytes = mqtt::parse_words(words).unwrap();
        self.own_input(broker::Input::Received(peer, &bytes));
    }

    /// Subscribes at the broker to everything, at QoS 2.
    pub(crate) fn watcher(&mut self) -> broker::Peer {
        let peer = self.own(r#""watcher" clean keepalive 0"#);
        self.own_says(peer, r##"subscribe #1 "#" q2"##);
        assert_eq!(self.own_heard(peer), ["suback #1 2"]);
        peer
    }

    pub(crate) fn own_heard(&mut self, peer: broker::Peer) -> Vec<String> {
        let Behind::Broker { unheard, .. } = &mut self.behind else { panic!("there is no broker") };
        unheard.remove(&peer).unwrap_or_default().into()
    }

    #[track_caller]
    pub(crate) fn own_hears(&mut self, peer: broker::Peer, words: &[&str]) {
        assert_eq!(self.own_heard(peer), words, "what {peer} hears");
    }

    fn own_input(&mut self, input: broker::Input<'_>) {
        let Behind::Broker { broker, outbox, unheard, .. } = &mut self.behind else { panic!("there is no broker") };
        outbox.clear();
        broker.handle(self.now, input, outbox);
        for (peer, bytes) in take(outbox, unheard) {
            for (link, step) in self.brought(peer, bytes) {
                self.step(link, &step);
            }
        }
    }

    /// Something the gateway wants while the broker speaks.
    fn step(&mut self, link: Link, step: &Step) {
        let peer = broker::Peer(link.0);
        match step {
            Step::Open => self.own_input(broker::Input::Connected(peer)),
            Step::Write(bytes) => self.own_input(broker::Input::Received(peer, bytes)),
            Step::Close => self.own_input(broker::Input::Gone(peer)),
        }
        if let Step::Open = step {
            self.handle(Input::Opened(link));
        }
    }

    /// There was a note of these words since the last call; forgets all notes.
    #[track_caller]
    pub(crate) fn noted(&mut self, words: &str) {
        let notes = std::mem::take(&mut self.notes);
        assert!(notes.iter().any(|note| note.contains(words)), "no {words:?} in {notes:#?}");
    }

    /// The notes with these words since the last call; forgets all notes.
    pub(crate) fn notes_about(&mut self, words: &str) -> Vec<String> {
        let notes = std::mem::take(&mut self.notes);
        notes.into_iter().filter(|note| note.contains(words)).collect()
    }

    /// Lets time pass, with a tick at each deadline.
    pub(crate) fn passes(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(deadline) = self.gateway.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    /// So many links are there.
    #[track_caller]
    pub(crate) fn has_links(&self, count: usize) {
        assert_eq!((self.open.len(), self.gateway.usage().links), (count, count));
    }
}

enum Step {
    Open,
    Write(Vec<u8>),
    Close,
}

type Answers = Vec<(broker::Peer, Option<Vec<u8>>)>;

/// What a broker wants: words for its own clients, bytes for links.
fn take(outbox: &broker::Outbox, unheard: &mut BTreeMap<broker::Peer, VecDeque<String>>) -> Answers {
    let mut answers = Vec::new();
    for effect in outbox.effects() {
        match effect {
            broker::Effect::Send(peer, bytes) if peer.0 > OWN => {
                let packet = mqtt::Packet::decode(bytes).expect("what the broker sends is a packet");
                unheard.entry(peer).or_default().push_back(packet.to_string());
            }
            broker::Effect::Send(peer, bytes) => answers.push((peer, Some(bytes.to_vec()))),
            broker::Effect::Close(peer) => answers.push((peer, None)),
            broker::Effect::Note(_) => {}
        }
    }
    answers
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
            match &mut self.behind {
                Behind::Test(written) => assert!(written.is_empty(), "nobody expected this: {written:#?}"),
                Behind::Broker { unheard, .. } => {
                    unheard.retain(|_, words| !words.is_empty());
                    assert!(unheard.is_empty(), "nobody expected this: {unheard:#?}");
                }
            }
        }
    }
}
