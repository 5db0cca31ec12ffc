//! Clients that publish to each other while their connections break, the broker restarts, and peers are slow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Connect, Filters, Packet, PacketId, Publish, Qos, matches};
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Limits, Note, Outbox, Peer};

const TOPICS: [&str; 3] = ["a", "b", "a/b"];
const FILTERS: [&str; 5] = ["a", "a/#", "+", "#", "a/b"];
const QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];

/// Something that happens to one of the clients.
#[derive(Clone, Copy, Debug)]
enum Event {
    Connect,
    /// A topic and a QoS.
    Publish(usize, usize),
    /// The broker reads one packet of the client.
    Up,
    /// The client reads one packet of the broker.
    Down,
    /// The connection is lost with all that is on its way; whether the broker gets to know.
    Lose(bool),
    Full,
    Free,
    /// The broker restarts with its disk.
    Restart,
}

/// A client that keeps its session, after the standard.
#[derive(Default)]
struct Client {
    id: String,
    filters: Vec<(&'static str, Qos)>,
    peer: Option<Peer>,
    /// A CONNACK came.
    open: bool,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    last_id: u16,
    /// What was published and not acknowledged to the end.
    unacknowledged: Vec<(PacketId, Outgoing)>,
    unreleased: BTreeSet<PacketId>,
    /// QoS and payload.
    received: Vec<(Qos, String)>,
}

enum Outgoing {
    Message(&'static str, Qos, String),
    Pubrel,
}

struct Fleet {
    broker: Broker,
    outbox: Outbox,
    clients: Vec<Client>,
    peers: u64,
    /// Publisher, topic, QoS and payload of what the clients published, in order.
    published: Vec<(usize, &'static str, Qos, String)>,
    /// Payloads of what the broker accepted, in order.
    accepted: Vec<String>,
}

impl Fleet {
    fn new(filters: &[Vec<(usize, usize)>]) -> Fleet {
        let limits = Limits { in_flight: 3, ..Limits::default() };
        let mut clients = Vec::new();
        for (index, filters) in filters.iter().enumerate() {
            let filters = filters.iter().map(|&(filter, qos)| (FILTERS[filter], QOS[qos])).collect();
            clients.push(Client { id: format!("c{index}"), filters, ..Client::default() });
        }
        let mut fleet = Fleet {
            broker: Broker::new(Config { limits, ..Config::default() }),
            outbox: Outbox::default(),
            clients,
            peers: 0,
            published: Vec::new(),
            accepted: Vec::new(),
        };
        // Everybody is subscribed before anything is published.
        for index in 0..fleet.clients.len() {
            fleet.happens(index, Event::Connect);
            fleet.happens(index, Event::Up);
            fleet.happens(index, Event::Down);
            let client = &mut fleet.clients[index];
            if !client.filters.is_empty() {
                let filters = client.filters.clone();
                client.says(&Packet::Subscribe { id: PacketId::MAX, filters: Filters::with_qos(&filters) });
                fleet.happens(index, Event::Up);
                fleet.happens(index, Event::Down);
            }
        }
        fleet
    }

    fn happens(&mut self, index: usize, event: Event) {
        let client = &mut self.clients[index];
        match (event, client.peer) {
            (Event::Connect, None) => {
                self.peers += 1;
                client.peer = Some(Peer(self.peers));
                client.connect();
                self.handle(Input::Connected(Peer(self.peers)));
            }
            (Event::Publish(topic, qos), _) => {
                let payload = format!("{index}:{}", self.published.len());
                client.publish(TOPICS[topic], QOS[qos], payload.clone());
                self.published.push((index, TOPICS[topic], QOS[qos], payload));
            }
            (Event::Up, Some(peer)) if self.broker.wants(peer) => {
                if let Some(bytes) = client.up.pop_front() {
                    self.handle(Input::Received(peer, &bytes));
                }
            }
            (Event::Down, Some(_)) => {
                if let Some(bytes) = client.down.pop_front() {
                    client.hears(&bytes);
                }
            }
            (Event::Lose(told), Some(peer)) => {
                client.lose();
                if told {
                    self.handle(Input::Gone(peer));
                }
            }
            (Event::Full, Some(peer)) => self.handle(Input::Full(peer)),
            (Event::Free, Some(peer)) => self.handle(Input::Free(peer)),
            (Event::Restart, _) => {
                self.broker.restart(true);
                self.clients.iter_mut().for_each(Client::lose);
            }
            _ => {}
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.broker.handle(Instant::START, input, &mut self.outbox);
        for effect in self.outbox.effects() {
            let of = |peer| move |client: &&mut Client| client.peer == Some(peer);
            match effect {
                // To a client that has given the connection up, it goes nowhere.
                Effect::Send(peer, bytes) => {
                    self.clients.iter_mut().filter(of(peer)).for_each(|client| client.down.push_back(bytes.to_vec()));
                }
                Effect::Close(peer) => assert!(!self.clients.iter_mut().any(|client| client.peer == Some(peer))),
                Effect::Note(Note::Published { message, .. }) => {
                    self.accepted.push(text(&message.payload));
                }
                Effect::Note(Note::Dropped { qos, .. }) => assert_eq!(*qos, Qos::AtMostOnce),
                Effect::Note(_) => {}
            }
        }
    }

    /// Everything that waits arrives.
    fn calm_down(&mut self) {
        for _ in 0..10_000 {
            for index in 0..self.clients.len() {
                for event in [Event::Connect, Event::Free, Event::Up, Event::Down] {
                    self.happens(index, event);
                }
            }
            let waits = |client: &Client| !client.open || !client.up.is_empty() || !client.down.is_empty();
            let waiting = self.broker.usage().queued > 0 || self.clients.iter().any(waits);
            if !waiting {
                return;
            }
        }
        panic!("there is no end");
    }

    fn check(&self) {
        let usage = self.broker.usage();
        assert_eq!((usage.in_flight, usage.queued, usage.queued_bytes), (0, 0, 0));
        for (publisher, topic, qos, payload) in &self.published {
            let accepted = self.accepted.iter().filter(|accepted| *accepted == payload).count();
            assert!(is_right(*qos, accepted), "{payload} of {publisher} was accepted {accepted} times at {qos:?}");
            for client in &self.clients {
                // Of the same filter twice, the second counts.
                let filters: BTreeMap<_, _> = client.filters.iter().copied().collect();
                let matching = filters.iter().filter(|(filter, _)| matches(filter, topic));
                let received = client.received.iter().filter(|(_, received)| received == payload).count();
                match matching.map(|(_, granted)| *granted).max() {
                    // At a lower QoS, a message is received as often as it was accepted.
                    Some(granted) if granted >= *qos => assert!(
                        is_right(*qos, received),
                        "{payload} was received {received} times by {} at {qos:?}",
                        client.id
                    ),
                    Some(Qos::AtLeastOnce) => assert!(received >= 1),
                    Some(_) => assert!(received <= accepted),
                    None => assert_eq!(received, 0),
                }
            }
        }
        self.clients.iter().for_each(|client| client.check_order(&self.accepted));
        self.check_publishers();
    }

    /// What a client published with the same topic and QoS was accepted in that order, when it was first.
    fn check_publishers(&self) {
        let mut last = BTreeMap::new();
        for (publisher, topic, qos, payload) in &self.published {
            if let Some(place) = self.accepted.iter().position(|accepted| accepted == payload) {
                let before = last.insert((publisher, topic, qos.number()), place);
                assert!(before < Some(place), "{payload} was accepted too early");
            }
        }
    }
}

/// How often a message may arrive (MQTT 4.3).
fn is_right(qos: Qos, times: usize) -> bool {
    match qos {
        Qos::AtMostOnce => times <= 1,
        Qos::AtLeastOnce => times >= 1,
        Qos::ExactlyOnce => times == 1,
    }
}

impl Client {
    fn connect(&mut self) {
        let id = self.id.clone();
        self.says(&Packet::Connect(Connect {
            client_id: &id,
            clean_session: false,
            keep_alive: 0,
            will: None,
            user_name: None,
            password: None,
            level: Connect::LEVEL,
        }));
    }

    fn publish(&mut self, topic: &'static str, qos: Qos, payload: String) {
        let message = Outgoing::Message(topic, qos, payload);
        if qos == Qos::AtMostOnce {
            if self.open {
                self.sends(None, &message, false);
            }
            return;
        }
        self.last_id += 1;
        let id = PacketId::new(self.last_id).unwrap();
        if self.open {
            self.sends(Some(id), &message, false);
        }
        self.unacknowledged.push((id, message));
    }

    fn lose(&mut self) {
        self.peer = None;
        self.open = false;
        self.up.clear();
        self.down.clear();
    }

    fn hears(&mut self, bytes: &[u8]) {
        match Packet::decode(bytes).unwrap() {
            Packet::Connack { code: 0, .. } => {
                self.open = true;
                let unacknowledged = std::mem::take(&mut self.unacknowledged);
                unacknowledged.iter().for_each(|(id, outgoing)| self.sends(Some(*id), outgoing, true));
                self.unacknowledged = unacknowledged;
            }
            Packet::Publish(Publish { payload, qos, id, .. }) => {
                if qos != Qos::ExactlyOnce || id.is_some_and(|id| self.unreleased.insert(id)) {
                    self.received.push((qos, text(payload)));
                }
                match (qos, id) {
                    (Qos::AtLeastOnce, Some(id)) => self.says(&Packet::Puback(id)),
                    (Qos::ExactlyOnce, Some(id)) => self.says(&Packet::Pubrec(id)),
                    _ => {}
                }
            }
            Packet::Puback(id) | Packet::Pubcomp(id) => self.unacknowledged.retain(|(other, _)| *other != id),
            Packet::Pubrec(id) => {
                if let Some((_, outgoing)) = self.unacknowledged.iter_mut().find(|(other, _)| *other == id) {
                    *outgoing = Outgoing::Pubrel;
                }
                self.says(&Packet::Pubrel(id));
            }
            Packet::Pubrel(id) => {
                self.unreleased.remove(&id);
                self.says(&Packet::Pubcomp(id));
            }
            Packet::Suback { .. } => {}
            packet => panic!("{} does not expect {packet}", self.id),
        }
    }

    fn sends(&mut self, id: Option<PacketId>, outgoing: &Outgoing, dup: bool) {
        match (outgoing, id) {
            (Outgoing::Message(topic, qos, payload), _) => self.says(&Packet::Publish(Publish {
                topic,
                payload: payload.as_bytes(),
                qos: *qos,
                retain: false,
                dup,
                id,
            })),
            (Outgoing::Pubrel, Some(id)) => self.says(&Packet::Pubrel(id)),
            (Outgoing::Pubrel, None) => {}
        }
    }

    fn says(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        self.up.push_back(bytes);
    }

    /// Messages came in the order in which the broker accepted them: of QoS 0 each copy, of QoS 1 and 2 when they came
    /// first. This is more than is asked for messages of the same publisher, topic and QoS [MQTT-4.6.0-6].
    fn check_order(&self, accepted: &[String]) {
        let mut copies = accepted.iter();
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (qos, payload) in &self.received {
            if *qos == Qos::AtMostOnce {
                assert!(copies.any(|copy| copy == payload), "{} received {payload} too late", self.id);
            } else if seen.insert(payload) {
                let place = accepted.iter().position(|copy| copy == payload);
                assert!(last < place, "{} received {payload} too late", self.id);
                last = place;
            }
        }
    }
}

fn text(payload: &[u8]) -> String {
    String::from_utf8(payload.to_vec()).unwrap()
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Connect),
        8 => (0..TOPICS.len(), 0..QOS.len()).prop_map(|(topic, qos)| Event::Publish(topic, qos)),
        20 => Just(Event::Up),
        20 => Just(Event::Down),
        2 => any::<bool>().prop_map(Event::Lose),
        1 => Just(Event::Full),
        2 => Just(Event::Free),
    ]
}

/// Rarely a restart among the rest, since it ends all connections.
fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let one = prop_oneof![100 => event(), 1 => Just(Event::Restart)];
    vec((0..3usize, one), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250) })]

    /// QoS 2 arrives exactly once, QoS 1 at least once, QoS 0 at most once, all in order.
    #[test]
    fn messages_arrive_as_often_as_they_should_and_in_order(
        filters in vec(vec((0..FILTERS.len(), 0..QOS.len()), 0..3), 3),
        events in events(),
    ) {
        let mut fleet = Fleet::new(&filters);
        for (client, event) in events {
            fleet.happens(client, event);
        }
        fleet.calm_down();
        fleet.check();
    }
}
