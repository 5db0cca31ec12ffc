//! Bytes that no client would send.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Packet, parse_words};
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Limits, Outbox, Peer};

const LIMITS: Limits = Limits {
    connections: 5,
    clients: 3,
    sessions: 4,
    client_id_bytes: 8,
    subscriptions: 3,
    subscription_bytes: 10,
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

#[derive(Clone, Debug)]
enum Event {
    Connected,
    /// To one of the connections that there are.
    Received(usize, Vec<u8>),
    Gone(usize),
    Full(usize),
    Free(usize),
    Deadline,
    Passed(u64),
    Restart(bool),
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        r#"connect "a" clean keepalive 1"#,
        r#"connect "a" keepalive 0 will "w" q1 retain "gone""#,
        r#"connect "b" keepalive 2 will "t/1" q2 "gone""#,
        r#"connect "b" clean keepalive 0"#,
        r#"connect "c" keepalive 0"#,
        r#"connect "d" keepalive 0 user "u" password "p""#,
        r#"connect "" clean keepalive 5"#,
        r#"connect "" keepalive 5"#,
        r#"connect "far too long" clean keepalive 5"#,
        r#"connect "a" level 3 clean keepalive 5"#,
        r##"subscribe #1 "#" q2"##,
        r##"subscribe #1 "t/+" q1 "t/1" q0 "a" q2 "b" q1"##,
        r##"subscribe #1 "#" q0 "+/#" q0 "#" q2 "w" q0 "w" q1"##,
        r##"unsubscribe #1 "#" "t/1""##,
        r#"publish "t/1" q0 "0""#,
        r#"publish "t/1" q0 retain "0""#,
        r#"publish "t/2" q1 #1 retain "a longer one""#,
        r#"publish "w" q2 #2 retain "twenty bytes, twenty""#,
        r#"publish "t/1" q1 #1 "1""#,
        r#"publish "t/1" q2 #2 "2""#,
        r#"publish "t/1" q2 #2 dup "2""#,
        r#"publish "t/1" q1 #3 retain """#,
        "puback #1",
        "puback #2",
        "pubrec #1",
        "pubrec #2",
        "pubrel #2",
        "pubcomp #1",
        "pubcomp #2",
        "pingreq",
        "disconnect",
    ]);
    prop_oneof![
        20 => words.prop_map(|words| parse_words(words).unwrap()),
        1 => vec(any::<u8>(), 0..40),
        1 => (0..250usize).prop_map(|size| parse_words(&format!(r#"publish "big" q1 #1 "{}""#, "z".repeat(size))).unwrap()),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let cut = |(mut bytes, at): (Vec<u8>, Option<prop::sample::Index>)| {
        let len = bytes.len();
        bytes.truncate(at.map_or(len, |at| at.index(len + 1)));
        bytes
    };
    let bytes = (
        vec(packet(), 1..4).prop_map(|packets| packets.concat()),
        prop::option::weighted(0.05, any::<prop::sample::Index>()),
    );
    prop_oneof![
        4 => Just(Event::Connected),
        30 => (0..8usize, bytes.prop_map(cut)).prop_map(|(peer, bytes)| Event::Received(peer, bytes)),
        1 => (0..8usize).prop_map(Event::Gone),
        2 => (0..8usize).prop_map(Event::Full),
        2 => (0..8usize).prop_map(Event::Free),
        1 => Just(Event::Deadline),
        1 => (0..2000u64).prop_map(Event::Passed),
        1 => prop::bool::weighted(0.8).prop_map(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// Nothing panics, the deadline moves, nobody hears anything after the end, and the limits hold.
    #[test]
    fn any_events_keep_the_contracts(events in vec(event(), 0..80)) {
        let mut broker = Broker::new(Config { limits: LIMITS, ..Config::default() });
        let mut outbox = Outbox::default();
        let mut now = Instant::START;
        let mut peers: Vec<Peer> = Vec::new();
        let mut count = 0;
        for event in &events {
            let at = |index: usize| peers.get(index % peers.len().max(1)).copied().unwrap_or(Peer(0));
            let input = match event {
                Event::Connected => {
                    count += 1;
                    peers.push(Peer(count));
                    Input::Connected(Peer(count))
                }
                Event::Received(index, bytes) if broker.wants(at(*index)) => Input::Received(at(*index), bytes),
                Event::Received(..) => continue,
                Event::Gone(index) => {
                    let peer = at(*index);
                    peers.retain(|other| *other != peer);
                    Input::Gone(peer)
                }
                Event::Full(index) => Input::Full(at(*index)),
                Event::Free(index) => Input::Free(at(*index)),
                Event::Deadline => {
                    now = broker.deadline().map_or(now, |deadline| deadline.max(now));
                    Input::Tick
                }
                Event::Passed(millis) => {
                    now = now + Duration::from_millis(*millis);
                    Input::Tick
                }
                Event::Restart(keep) => {
                    broker.restart(*keep);
                    peers.clear();
                    continue;
                }
            };
            outbox.clear();
            broker.handle(now, input, &mut outbox);
            if let Some(deadline) = broker.deadline() {
                prop_assert!(deadline > now);
            }
            let mut retained = 0;
            for effect in outbox.effects() {
                match effect {
                    Effect::Send(peer, bytes) => {
                        prop_assert!(peers.contains(&peer));
                        let packet = Packet::decode(bytes).unwrap();
                        if let Packet::Publish(publish) = packet && publish.retain {
                            retained += publish.topic.len() + publish.payload.len();
                        }
                    }
                    Effect::Close(peer) => {
                        prop_assert!(peers.contains(&peer));
                        peers.retain(|other| *other != peer);
                    }
                    Effect::Note(note) => prop_assert!(!note.to_string().is_empty()),
                }
            }
            let usage = broker.usage();
            // A restart or Free may send what waited, on top of what is retained.
            prop_assert!(retained <= LIMITS.retained_bytes + LIMITS.queued_bytes * LIMITS.sessions);
            prop_assert!(usage.connections <= LIMITS.connections && usage.clients <= LIMITS.clients);
            prop_assert!(usage.sessions <= LIMITS.sessions);
            prop_assert!(usage.subscriptions <= LIMITS.sessions * LIMITS.subscriptions);
            prop_assert!(usage.in_flight <= LIMITS.sessions * LIMITS.in_flight);
            prop_assert!(usage.queued <= LIMITS.sessions * LIMITS.queued);
            prop_assert!(usage.queued_bytes <= LIMITS.sessions * LIMITS.queued_bytes);
            prop_assert!(usage.partial_bytes <= LIMITS.partial_bytes);
            // What one packet adds may be above it: one message, a place for each session, a filter.
            prop_assert!(usage.held_bytes <= LIMITS.held_bytes + LIMITS.packet + LIMITS.sessions * 32 + 100);
            prop_assert!(usage.retained <= LIMITS.retained && usage.retained_bytes <= LIMITS.retained_bytes);
            prop_assert_eq!(usage.connections, peers.iter().collect::<BTreeSet<_>>().len());
        }
    }

    /// How bytes are cut into chunks changes nothing.
    #[test]
    fn chunks_mean_nothing(packets in vec(packet(), 0..20), sizes in vec(1..30usize, 1..20)) {
        let connect = parse_words(r#"connect "a" keepalive 0"#).unwrap();
        let bytes = [connect, packets.concat()].concat();
        let run = |chunks: &[&[u8]]| {
            let mut broker = Broker::new(Config::default());
            let mut outbox = Outbox::default();
            broker.handle(Instant::START, Input::Connected(Peer(1)), &mut outbox);
            for chunk in chunks {
                broker.handle(Instant::START, Input::Received(Peer(1), chunk), &mut outbox);
            }
            (format!("{outbox:?}"), broker.usage())
        };
        let mut chunks = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(run(&[&bytes]), run(&chunks));
    }
}
