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
    lab.connected();
    let second = lab.connected();
    let third = lab.connected();
    lab.hears(third, &["closed"]);
    lab.noted("too many connections");
    lab.gone(second);
    let fourth = lab.connected();
    lab.hears(fourth, &[]);
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
fn sessions_get_3() {
    let mut lab = lab(Limits { sessions: 1, ..Limits::default() });
    let peer = lab.open(r#""a" keepalive 0"#);
    lab.gone(peer);
    let other = lab.connected();
    lab.talks(other, r#"connect "b" clean keepalive 0"#, &["connack 3", "closed"]);
    lab.noted("too many sessions");
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.gone(peer);
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.gone(peer);
    lab.open(r#""b" clean keepalive 0"#);
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
