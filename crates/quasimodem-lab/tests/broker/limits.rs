//! What happens at each limit.

use quasimodem_lab::broker::{Config, Input, Limits, Peer};

use crate::harness::Lab;

fn lab(limits: Limits) -> Lab {
    Lab::new(Config { limits, ..Config::default() })
}

/// A kept session that is subscribed to everything, and a publisher.
fn pair(limits: Limits) -> (Lab, Peer, Peer) {
    let mut lab = lab(limits);
    let peer = lab.open(r#""a" keepalive 0"#);
    lab.talks(peer, r##"subscribe #1 "#" q2"##, &["suback #1 2"]);
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    (lab, peer, publisher)
}

#[test]
fn connections() {
    let mut lab = lab(Limits { connections: 2, ..Limits::default() });
    let first = lab.connected();
    let second = lab.connected();
    // The first has said nothing for the longest time.
    let third = lab.connected();
    lab.hears(third, &[]);
    lab.noted("connection 1 ended: no CONNECT came yet, and another connection needed the room");
    lab.hears(first, &["closed"]);
    for (peer, id) in [(second, "b"), (third, "c")] {
        lab.talks(peer, &format!("connect {id:?} clean keepalive 0"), &["connack 0"]);
    }
    // Clients make no room.
    let fourth = lab.connected();
    lab.hears(fourth, &["closed"]);
    lab.noted("too many connections");
    lab.gone(second);
    let fifth = lab.connected();
    lab.hears(fifth, &[]);
}

#[test]
fn clients_get_3() {
    let mut lab = lab(Limits { clients: 1, ..Limits::default() });
    let first = lab.open(r#""a" clean keepalive 0"#);
    let other = lab.connected();
    lab.talks(other, r#"connect "b" clean keepalive 0"#, &["connack 3", "closed"]);
    lab.noted("too many clients");
    // A takeover needs no more room.
    let again = lab.open(r#""a" clean keepalive 0"#);
    lab.hears(first, &["closed"]);
    lab.gone(again);
    lab.open(r#""b" clean keepalive 0"#);
}

#[test]
fn kept_sessions_make_room_and_those_in_use_do_not() {
    let mut lab = lab(Limits { sessions: 3, ..Limits::default() });
    let mut left = |id: &str, filter: &str| {
        let peer = lab.open(&format!("{id:?} keepalive 0"));
        if !filter.is_empty() {
            lab.talks(peer, &format!("subscribe #1 {filter:?} q1"), &["suback #1 1"]);
        }
        lab.gone(peer);
    };
    left("oldest", "t");
    left("empty", "");
    left("younger", "t");
    let publisher = lab.open(r#""a" clean keepalive 0"#);
    // What holds nothing goes first, however young.
    lab.noted("\"a\" connected");
    lab.talks(publisher, r#"publish "t" q1 #1 "x""#, &["puback #1"]);
    let second = lab.connected();
    lab.says(second, r#"connect "b" clean keepalive 0"#);
    lab.noted("session of \"oldest\" ended with 1 undelivered: others needed the room");
    lab.hears(second, &["connack 0"]);
    let younger = lab.resume(r#""younger" keepalive 0"#);
    lab.hears(younger, &[r#"publish "t" q1 #1 "x""#]);
    // Now all are in use.
    let other = lab.connected();
    lab.talks(other, r#"connect "c" clean keepalive 0"#, &["connack 3", "closed"]);
    lab.noted("too many sessions, all of them in use");
    lab.talks(younger, "puback #1", &[]);
    lab.gone(second);
    lab.open(r#""c" clean keepalive 0"#);
}

#[test]
fn what_waits_for_all_together_is_limited() {
    // Each queue is far below its own limit.
    let mut lab = lab(Limits { held_bytes: 40_000, ..Limits::default() });
    let mut peers = Vec::new();
    for id in ["a", "b", "c"] {
        let peer = lab.open(&format!("{id:?} keepalive 0"));
        lab.talks(peer, &format!("subscribe #1 {id:?} q1"), &["suback #1 1"]);
        peers.push(peer);
    }
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    let text = "x".repeat(1000);
    let say = |lab: &mut Lab, topic: &str| {
        lab.talks(publisher, &format!("publish {topic:?} q1 #1 {text:?}"), &["puback #1"]);
    };
    lab.gone(peers[0]);
    for _ in 0..10 {
        say(&mut lab, "a");
    }
    lab.gone(peers[1]);
    let mut dropped = false;
    for _ in 0..25 {
        say(&mut lab, "b");
        // Whoever has been absent for the longest time loses its place.
        dropped |= lab.notes.iter().any(|note| note.to_string().contains("session of \"a\" ended with 10 undelivered"));
        assert!(lab.broker.usage().held_bytes < 40_000);
    }
    assert!(dropped && lab.broker.usage().queued == 25);
    // Nobody is absent: nothing more is queued, what can be sent at once is.
    let back = lab.connected();
    lab.says(back, r#"connect "b" keepalive 0"#);
    assert_eq!(lab.heard(back).as_deref(), Some("connack 0 session"));
    while lab.heard(back).is_some() {}
    for _ in 0..4 {
        say(&mut lab, "b");
    }
    say(&mut lab, "b");
    lab.noted("too many bytes wait for all clients together");
    say(&mut lab, "c");
    assert!(lab.heard(peers[2]).unwrap().starts_with(r#"publish "c" q1 #1"#));
    // Once the messages are acknowledged there is room, and all is given back with the sessions.
    for id in 1..=20 {
        lab.says(back, &format!("puback #{id}"));
    }
    while lab.heard(back).is_some() {}
    say(&mut lab, "b");
    assert!(lab.notes.iter().all(|note| !note.to_string().contains("dropped")));
    while lab.heard(back).is_some() {}
    for (id, peer) in [("b", back), ("c", peers[2])] {
        lab.gone(peer);
        let peer = lab.open(&format!("{id:?} clean keepalive 0"));
        lab.gone(peer);
    }
    assert_eq!(lab.broker.usage().held_bytes, 0);
}

#[test]
fn one_message_for_many_is_counted_once() {
    let mut lab = lab(Limits { held_bytes: 20_000, ..Limits::default() });
    for number in 0..20 {
        let peer = lab.open(&format!("\"{number}\" keepalive 0"));
        lab.talks(peer, r#"subscribe #1 "t" q1"#, &["suback #1 1"]);
        lab.gone(peer);
    }
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    lab.talks(publisher, &format!("publish \"t\" q1 #1 {:?}", "x".repeat(5000)), &["puback #1"]);
    assert_eq!(lab.broker.usage().queued, 20);
}

#[test]
fn packets_that_are_not_whole_are_limited_together() {
    let mut lab = lab(Limits { partial_bytes: 1000, ..Limits::default() });
    let peers = [0; 3].map(|_| lab.connected());
    // The beginning of a CONNECT of some 4 KiB.
    let mut part = b"\x10\x80\x20".to_vec();
    part.resize(400, 0);
    lab.sends(peers[0], &part);
    lab.sends(peers[1], &part);
    lab.sends(peers[2], &part);
    lab.hears(peers[2], &["closed"]);
    lab.noted("all that clients have the broker hold is too much together");
    assert_eq!(lab.broker.usage().partial_bytes, 800);
    lab.gone(peers[0]);
    assert_eq!(lab.broker.usage().partial_bytes, 400);
}

#[test]
fn a_message_of_qos_2_that_there_is_no_room_to_remember_is_not_accepted() {
    let mut lab = lab(Limits { held_bytes: 300, ..Limits::default() });
    let keeper = lab.open(r#""k" keepalive 0"#);
    lab.talks(keeper, &format!("publish \"r\" q1 #1 retain {:?}", "x".repeat(400)), &["puback #1"]);
    lab.talks(keeper, r#"publish "t" q2 #2 "x""#, &["closed"]);
    lab.noted("too much together");
    let keeper = lab.resume(r#""k" keepalive 0"#);
    lab.talks(keeper, r#"publish "r" q1 #1 retain """#, &["puback #1"]);
    lab.talks(keeper, r#"publish "t" q2 #2 dup "x""#, &["pubrec #2"]);
    lab.noted("\"k\" published \"t\" q2 #2 dup");
    // What is remembered is known however full it is.
    lab.talks(keeper, &format!("publish \"r\" q1 #1 retain {:?}", "x".repeat(400)), &["puback #1"]);
    lab.talks(keeper, r#"publish "t" q2 #2 dup "x""#, &["pubrec #2"]);
    let other = lab.connected();
    lab.talks(other, r#"connect "w" clean keepalive 0 will "t" q0 "bye""#, &["connack 3", "closed"]);
    lab.noted("no room to hold its will");
}

#[test]
fn subscriptions_get_0x80() {
    let mut lab = lab(Limits { subscriptions: 2, subscription_bytes: 5, ..Limits::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "123456" q0 "1234" q0"#, &["suback #1 128 0"]);
    lab.talks(peer, r#"subscribe #1 "56" q0 "5" q0"#, &["suback #1 128 0"]);
    // Known ones need no room; a third is not looked at.
    lab.talks(peer, r#"subscribe #1 "5" q1 "1234" q1 "5" q0"#, &["suback #1 1 1 128"]);
    lab.talks(peer, r#"subscribe #1 "6" q0"#, &["suback #1 128"]);
    lab.talks(peer, r#"unsubscribe #2 "5""#, &["unsuback #2"]);
    lab.talks(peer, r#"subscribe #1 "6" q0"#, &["suback #1 0"]);
    assert_eq!(lab.broker.usage().subscriptions, 2);
}

#[test]
fn the_newest_message_is_dropped_from_a_full_queue() {
    let (mut lab, peer, publisher) = pair(Limits { queued: 2, ..Limits::default() });
    lab.gone(peer);
    for payload in ["1", "2", "3"] {
        lab.talks(publisher, &format!(r#"publish "t" q1 #1 {payload:?}"#), &["puback #1"]);
    }
    lab.noted("dropped for \"a\": too many messages");
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 "1""#, r#"publish "t" q1 #2 "2""#]);
}

#[test]
fn the_bytes_of_a_queue_are_limited() {
    let (mut lab, peer, publisher) = pair(Limits { queued_bytes: 10, ..Limits::default() });
    lab.gone(peer);
    lab.talks(publisher, r#"publish "t" q1 #1 "1234567""#, &["puback #1"]);
    lab.talks(publisher, r#"publish "t" q1 #1 "12""#, &["puback #1"]);
    lab.noted("too many bytes");
    lab.talks(publisher, r#"publish "t" q1 #1 "1""#, &["puback #1"]);
    assert_eq!((lab.broker.usage().queued, lab.broker.usage().queued_bytes), (2, 10));
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 "1234567""#, r#"publish "t" q1 #2 "1""#]);
    assert_eq!((lab.broker.usage().queued, lab.broker.usage().queued_bytes), (0, 0));
}

#[test]
fn a_full_peer_loses_qos_0_beyond_a_bound_and_queues_the_rest() {
    let (mut lab, peer, publisher) = pair(Limits { queued_qos0: 1, ..Limits::default() });
    lab.handle(Input::Full(peer));
    lab.talks(publisher, r#"publish "t" q0 "1""#, &[]);
    lab.talks(publisher, r#"publish "t" q0 "2""#, &[]);
    lab.noted("too many messages of QoS 0");
    lab.talks(publisher, r#"publish "t" q1 #1 "3""#, &["puback #1"]);
    lab.talks(publisher, r#"publish "t" q2 #1 "4""#, &["pubrec #1"]);
    lab.hears(peer, &[]);
    // Answers go out all the same.
    lab.talks(peer, "pingreq", &["pingresp"]);
    lab.handle(Input::Free(peer));
    lab.hears(peer, &[r#"publish "t" q0 "1""#, r#"publish "t" q1 #1 "3""#, r#"publish "t" q2 #2 "4""#]);
}

#[test]
fn a_publisher_is_read_however_full_its_subscribers_are() {
    let (mut lab, peer, publisher) = pair(Limits { queued: 1, ..Limits::default() });
    lab.handle(Input::Full(peer));
    for _ in 0..3 {
        lab.talks(publisher, r#"publish "t" q1 #1 "x""#, &["puback #1"]);
    }
    lab.noted("too many messages wait");
    assert!(lab.broker.wants(publisher) && lab.broker.wants(peer));
    lab.handle(Input::Free(peer));
    lab.hears(peer, &[r#"publish "t" q1 #1 "x""#]);
}

#[test]
fn qos_0_that_waited_for_a_lost_connection_is_dropped() {
    let (mut lab, peer, publisher) = pair(Limits::default());
    lab.handle(Input::Full(peer));
    lab.talks(publisher, r#"publish "t" q0 "1""#, &[]);
    lab.talks(publisher, r#"publish "t" q1 #1 "2""#, &["puback #1"]);
    lab.gone(peer);
    lab.noted("q0 dropped for \"a\": not connected");
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 "2""#]);
}

#[test]
fn retained_messages_for_a_full_peer_wait_too() {
    let mut lab = lab(Limits { queued_qos0: 1, ..Limits::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    for topic in ["1", "2", "3"] {
        lab.talks(peer, &format!(r#"publish {topic:?} q0 retain "x""#), &[]);
    }
    lab.handle(Input::Full(peer));
    lab.talks(peer, r#"subscribe #1 "+" q0"#, &["suback #1 0"]);
    lab.noted("2 retained of \"+\" dropped");
    lab.handle(Input::Free(peer));
    lab.hears(peer, &[r#"publish "1" q0 retain "x""#]);
}

#[test]
fn a_packet_that_is_too_long_ends_the_connection_as_soon_as_it_shows() {
    let mut lab = lab(Limits { packet: 20, ..Limits::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"publish "t" q0 "123456789012345""#, &[]);
    lab.violates(peer, "hex 30 13", "MQTT 2.2.3");
}
