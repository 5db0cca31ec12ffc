//! MQTT 3.1.2.4, 4.1 and 4.4: clean sessions and kept ones.

use quasimodem_lab::broker::{Config, Limits, Note, Peer};

use crate::harness::Lab;

/// A kept session that is subscribed to `t` with QoS 2, and a publisher.
fn kept(limits: Limits) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let peer = lab.open(r#""a" keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q2"#, &["suback #1 2"]);
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    (lab, peer, publisher)
}

fn publish(lab: &mut Lab, publisher: Peer, qos: u8, payload: &str) {
    match qos {
        0 => lab.talks(publisher, &format!(r#"publish "t" q0 {payload:?}"#), &[]),
        1 => lab.talks(publisher, &format!(r#"publish "t" q1 #1 {payload:?}"#), &["puback #1"]),
        _ => {
            lab.talks(publisher, &format!(r#"publish "t" q2 #1 {payload:?}"#), &["pubrec #1"]);
            lab.talks(publisher, "pubrel #1", &["pubcomp #1"]);
        }
    }
}

#[test]
fn a_kept_session_queues_qos_1_and_2_3_1_2_5() {
    let (mut lab, peer, publisher) = kept(Limits::default());
    lab.gone(peer);
    publish(&mut lab, publisher, 1, "one");
    publish(&mut lab, publisher, 0, "zero");
    lab.noted("q0 dropped for \"a\": not connected");
    publish(&mut lab, publisher, 2, "two");
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 "one""#, r#"publish "t" q2 #2 "two""#]);
}

#[test]
fn a_kept_session_survives_a_disconnect_too() {
    let (mut lab, peer, publisher) = kept(Limits::default());
    lab.talks(peer, "disconnect", &["closed"]);
    publish(&mut lab, publisher, 1, "one");
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q1 #1 "one""#]);
}

#[test]
fn a_clean_session_discards_the_kept_one_3_1_2_6() {
    let (mut lab, peer, publisher) = kept(Limits::default());
    lab.gone(peer);
    publish(&mut lab, publisher, 1, "one");
    let peer = lab.open(r#""a" clean keepalive 0"#);
    assert!(matches!(lab.notes[..], [Note::SessionEnded { undelivered: 1, .. }, Note::Connected { .. }]));
    publish(&mut lab, publisher, 1, "two");
    lab.gone(peer);
    // The clean one is not kept [MQTT-3.1.2-6], so there is nothing to go on with [MQTT-3.2.2-3].
    lab.open(r#""a" keepalive 0"#);
    assert_eq!(lab.broker.usage().subscriptions, 0);
}

#[test]
fn a_kept_session_is_present_only_if_it_is_there_3_2_2() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" keepalive 0"#);
    lab.talks(peer, "disconnect", &["closed"]);
    let peer = lab.resume(r#""a" keepalive 0"#);
    let newer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &["closed"]);
    lab.talks(newer, "disconnect", &["closed"]);
    lab.open(r#""a" clean keepalive 0"#);
}

#[test]
fn what_was_not_acknowledged_is_sent_again_in_order_4_4_0_1() {
    let (mut lab, peer, publisher) = kept(Limits { in_flight: 4, ..Limits::default() });
    for (qos, payload) in [(2, "1"), (1, "2"), (2, "3"), (2, "4"), (1, "5")] {
        publish(&mut lab, publisher, qos, payload);
    }
    let sent = [1, 2, 3, 4].map(|_| lab.heard(peer));
    assert_eq!(sent[3].as_deref(), Some(r#"publish "t" q2 #4 "4""#));
    // PUBRELs are sent again in the order of the PUBRECs [MQTT-4.6.0-4], PUBLISHes in their own [MQTT-4.6.0-1].
    lab.talks(peer, "pubrec #3", &["pubrel #3"]);
    lab.talks(peer, "pubrec #1", &["pubrel #1"]);
    let all = ["pubrel #3", "pubrel #1", r#"publish "t" q1 #2 dup "2""#, r#"publish "t" q2 #4 dup "4""#];
    let mut peer = peer;
    for _ in 0..3 {
        lab.gone(peer);
        peer = lab.resume(r#""a" keepalive 0"#);
        lab.hears(peer, &all);
    }
    lab.talks(peer, "puback #2", &[r#"publish "t" q1 #5 "5""#]);
    lab.talks(peer, "pubcomp #1", &[]);
    lab.talks(peer, "pubcomp #3", &[]);
    lab.talks(peer, "pubrec #4", &["pubrel #4"]);
    lab.talks(peer, "pubcomp #4", &[]);
    lab.talks(peer, "puback #5", &[]);
    lab.gone(peer);
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[]);
}

#[test]
fn a_taken_over_session_goes_on_4_4_0_1() {
    let (mut lab, peer, publisher) = kept(Limits::default());
    publish(&mut lab, publisher, 1, "x");
    lab.hears(peer, &[r#"publish "t" q1 #1 "x""#]);
    let newer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &["closed"]);
    lab.hears(newer, &[r#"publish "t" q1 #1 dup "x""#]);
}
