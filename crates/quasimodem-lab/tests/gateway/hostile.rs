//! Datagrams that no client would send, from anywhere, at any time.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::{Instant, Why, mqtt, sn};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Limits, Link, Outbox};

use crate::harness::{Lab, at};

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

fn config() -> Config {
    Config { limits: LIMITS, predefined: [(1, "p/1".into()), (7, "p/7".into())].into(), ..Config::default() }
}

#[derive(Clone, Debug)]
enum Event {
    Datagram(u16, Vec<u8>),
    /// One of the links that there are.
    Opened(usize),
    Received(usize, Vec<u8>),
    Closed(usize),
    Full(usize),
    Free(usize),
    Deadline,
    Passed(u64),
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        r#"connect "a" clean keepalive 1"#,
        r#"connect "a" keepalive 2"#,
        r#"connect "a" clean will keepalive 1"#,
        r#"connect "b" will keepalive 100"#,
        r#"connect "b" keepalive 0"#,
        r#"connect "c" keepalive 5"#,
        r#"connect "d" clean keepalive 5"#,
        r#"connect "e" protocol 2 keepalive 5"#,
        r#"connect "far too long" keepalive 5"#,
        r#"willtopic "w" q1 retain"#,
        r#"willtopic "w/#" q1"#,
        "willtopic",
        r#"willmsg "gone""#,
        r#"willmsg "far too long to be kept""#,
        r#"willtopicupd "v" q2"#,
        "willtopicupd",
        r#"willmsgupd "really gone""#,
        r#"register #1 "a/b""#,
        r#"register #2 "a/c""#,
        r#"register #3 "a name that is long""#,
        "regack #1 @1 0",
        "regack #1 @2 3",
        "regack #2 @2 1",
        r#"publish @1 q0 "x""#,
        r#"publish @2 q1 #1 "x""#,
        r#"publish @3 q2 #2 "x""#,
        r#"publish predefined @1 q2 #3 dup "x""#,
        r#"publish short "ab" q1 #4 retain "x""#,
        r#"publish predefined @7 q-1 "some more""#,
        r#"publish short "ab" q-1 "x""#,
        "puback #1 @1 0",
        "puback #1 @1 2",
        "puback #2 @1 1",
        "puback #0 @1 2",
        "pubrec #1",
        "pubrel #2",
        "pubrel #3",
        "pubcomp #1",
        r##"subscribe #5 "#" q2"##,
        r#"subscribe #6 "a/b" q1 dup"#,
        r#"subscribe #7 predefined @1 q0"#,
        r#"subscribe #8 short "ab" q2"#,
        r#"unsubscribe #9 "a/b""#,
        "pingreq",
        r#"pingreq "a""#,
        "pingresp",
        "disconnect",
        "disconnect 1",
        "disconnect 100",
        "searchgw 1",
        "advertise 1 1",
        r#"encapsulated 1 "node" "\x02\x16""#,
    ]);
    prop_oneof![
        20 => words.prop_map(|words| sn::parse_words(words).unwrap()),
        1 => vec(any::<u8>(), 0..40),
        1 => (0..90usize).prop_map(|size| {
            sn::parse_words(&format!(r#"publish short "ab" q1 #7 "{}""#, "z".repeat(size))).unwrap()
        }),
    ]
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "connack 0",
        "connack 0",
        "connack 0",
        "connack 0 session",
        "connack 3",
        r#"publish "a/b" q0 "x""#,
        r#"publish "a/b" q1 #1 "x""#,
        r#"publish "a/c" q2 #1 "x""#,
        r#"publish "a/d" q2 #2 retain "twenty bytes, twenty""#,
        r#"publish "ab" q1 #3 dup "x""#,
        r#"publish "p/1" q1 #4 "x""#,
        "puback #1",
        "puback #4",
        "pubrec #2",
        "pubrec #3",
        "pubrel #1",
        "pubrel #2",
        "pubcomp #2",
        "pubcomp #3",
        "suback #5 2",
        "suback #6 128",
        "suback #7 0",
        "unsuback #9",
        "pingresp",
        "pingreq",
    ]);
    prop_oneof![
        30 => words.prop_map(|words| mqtt::parse_words(words).unwrap()),
        1 => vec(any::<u8>(), 0..10),
        1 => (0..250usize).prop_map(|size| {
            mqtt::parse_words(&format!(r#"publish "ab" q1 #1 "{}""#, "z".repeat(size))).unwrap()
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        30 => (0..6u16, datagram()).prop_map(|(peer, bytes)| Event::Datagram(peer, bytes)),
        6 => (0..5usize).prop_map(Event::Opened),
        20 => (0..5usize, vec(packet(), 1..4)).prop_map(|(link, packets)| Event::Received(link, packets.concat())),
        1 => (0..5usize).prop_map(Event::Closed),
        1 => (0..5usize).prop_map(Event::Full),
        1 => (0..5usize).prop_map(Event::Free),
        2 => Just(Event::Deadline),
        1 => (0..2000u64).prop_map(Event::Passed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn nothing_harms_it_and_limits_hold(events in vec(event(), 0..150)) {
        let mut gateway = Gateway::new(config());
        let mut outbox = Outbox::default();
        let mut now = Instant::START;
        let mut links: Vec<Link> = Vec::new();
        for event in &events {
            let link = |index: &usize| if links.is_empty() { Link(0) } else { links[index % links.len()] };
            let input = match event {
                Event::Datagram(peer, bytes) => Input::Datagram(at(*peer), bytes),
                Event::Opened(index) => Input::Opened(link(index)),
                Event::Received(index, bytes) if gateway.wants(link(index)) => Input::Received(link(index), bytes),
                Event::Received(..) => continue,
                Event::Closed(index) => {
                    let link = link(index);
                    links.retain(|other| *other != link);
                    Input::Closed(link, Why::Reset)
                }
                Event::Full(index) => Input::Full(link(index)),
                Event::Free(index) => Input::Free(link(index)),
                Event::Deadline => {
                    now = gateway.deadline().map_or(now, |deadline| deadline.max(now));
                    Input::Tick
                }
                Event::Passed(millis) => {
                    now = now + Duration::from_millis(*millis);
                    Input::Tick
                }
            };
            outbox.clear();
            gateway.handle(now, input, &mut outbox);
            if let Some(deadline) = gateway.deadline() {
                prop_assert!(deadline > now);
            }
            for effect in outbox.effects() {
                match effect {
                    Effect::Send(_, bytes) => {
                        prop_assert!(bytes.len() <= LIMITS.datagram, "{} bytes", bytes.len());
                        sn::Packet::decode(bytes).unwrap();
                    }
                    Effect::Open(link) => links.push(link),
                    Effect::Write(link, bytes) => {
                        prop_assert!(links.contains(&link));
                        mqtt::Packet::decode(bytes).unwrap();
                    }
                    Effect::Close(link) => {
                        prop_assert!(links.contains(&link));
                        links.retain(|other| *other != link);
                    }
                    Effect::Note(note) => prop_assert!(!note.to_string().is_empty()),
                }
            }
            let usage = gateway.usage();
            prop_assert!(usage.clients <= LIMITS.clients && usage.sessions <= LIMITS.sessions, "{usage:?}");
            prop_assert!(usage.handshakes <= LIMITS.handshakes && usage.links <= LIMITS.clients + 1, "{usage:?}");
            prop_assert!(usage.topics <= LIMITS.sessions * LIMITS.topics, "{usage:?}");
            prop_assert!(usage.requests <= LIMITS.sessions * LIMITS.requests, "{usage:?}");
            // Of QoS 0 and of the others, each; the last of these may be as large as a packet.
            prop_assert!(usage.queued_bytes <= LIMITS.clients * (2 * LIMITS.queued_bytes + LIMITS.packet), "{usage:?}");
            prop_assert!(usage.queued <= LIMITS.clients * (2 * LIMITS.queued + 1), "{usage:?}");
            prop_assert!(usage.unread_bytes <= LIMITS.clients * (LIMITS.packet + 1024), "{usage:?}");
            prop_assert!(usage.own <= LIMITS.own && usage.own_bytes <= LIMITS.own_bytes, "{usage:?}");
            prop_assert_eq!(usage.links, links.iter().collect::<BTreeSet<_>>().len());
        }
    }

    /// Whatever others send, a client does not notice: as long as they do not take its name.
    #[test]
    fn others_do_not_disturb(datagrams in vec((2..6u16, datagram()), 0..80)) {
        let mut lab = Lab::new(Config { limits: Limits::default(), ..config() });
        let watcher = lab.own(r#""watcher" clean keepalive 0"#);
        lab.own_says(watcher, r#"subscribe #1 "mine" q2"#);
        lab.own_hears(watcher, &["suback #1 2"]);
        lab.talks(1, r#"connect "z" clean will keepalive 100"#, &["willtopicreq"]);
        lab.talks(1, r#"willtopic "mine" q0"#, &["willmsgreq"]);
        lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
        lab.talks(1, r#"register #1 "mine""#, &["regack #1 @2 0"]);
        lab.talks(1, r#"publish @2 q2 #2 "1""#, &["pubrec #2"]);
        lab.own_hears(watcher, &[r#"publish "mine" q2 #1 "1""#]);
        let mut others = BTreeSet::new();
        for (peer, bytes) in &datagrams {
            lab.sends(*peer, bytes);
            others.insert(*peer);
        }
        lab.hears(1, &[]);
        lab.talks(1, "pubrel #2", &["pubcomp #2"]);
        lab.talks(1, r#"publish @2 q1 #3 "2""#, &["puback #3 @2 0"]);
        lab.own_hears(watcher, &[r#"publish "mine" q1 #2 "2""#]);
        lab.talks(1, "pingreq", &["pingresp"]);
        for other in others {
            lab.forget(other);
        }
    }
}

#[test]
fn junk_and_forwarders_are_ignored() {
    let mut lab = Lab::default();
    for junk in [&b""[..], b"\0", b"\x05\xff\0\0\0", b"\x01", b"\x01\0\x03", b"GET / HTTP/1.1\r\n\r\n", b"\x03\x16"] {
        lab.sends(1, junk);
    }
    lab.noted("datagram from 127.0.0.1:10001 ignored");
    lab.says(1, r#"encapsulated 1 "node" "\x02\x16""#);
    lab.noted("it comes from a forwarder");
    assert_eq!(lab.gateway.usage(), quasimodem_lab::gateway::Usage::default());
}
