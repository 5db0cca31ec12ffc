//! MQTT 3.1.2.5: wills.

use quasimodem_lab::broker::{Code, Note, Peer, Refusal};

use crate::harness::Lab;

const CONNECT: &str = r#""a" clean keepalive 10 will "w" q1 "gone""#;
const WILL: &str = r#"publish "w" q1 #1 "gone""#;

fn watched() -> (Lab, Peer, Peer) {
    let mut lab = Lab::default();
    let watcher = lab.open(r#""watcher" clean keepalive 0"#);
    lab.talks(watcher, r#"subscribe #1 "w" q2"#, &["suback #1 2"]);
    let peer = lab.open(CONNECT);
    (lab, watcher, peer)
}

#[test]
fn a_lost_connection_publishes_it_3_1_2_8() {
    let (mut lab, watcher, peer) = watched();
    lab.gone(peer);
    lab.hears(watcher, &[WILL]);
    assert!(lab.notes.iter().any(|note| matches!(note, Note::Published { will: true, id: None, .. })));
    lab.noted("left the will \"w\" q1");
}

#[test]
fn silence_publishes_it_3_1_2_8() {
    let (mut lab, watcher, peer) = watched();
    lab.passes(15_000);
    lab.hears(peer, &["closed"]);
    lab.hears(watcher, &[WILL]);
}

#[test]
fn a_violation_publishes_it_3_1_2_8() {
    let (mut lab, watcher, peer) = watched();
    lab.violates(peer, "pingresp", "MQTT 2.2.1");
    lab.hears(watcher, &[WILL]);
}

#[test]
fn a_takeover_publishes_the_older_one_3_1_2_8() {
    let (mut lab, watcher, peer) = watched();
    let newer = lab.open(r#""a" clean keepalive 0 will "w" q0 "newer""#);
    lab.hears(peer, &["closed"]);
    lab.hears(watcher, &[WILL]);
    lab.gone(newer);
    lab.hears(watcher, &[r#"publish "w" q0 "newer""#]);
}

#[test]
fn a_disconnect_discards_it_3_14_4_3() {
    let (mut lab, watcher, peer) = watched();
    lab.talks(peer, "disconnect", &["closed"]);
    lab.hears(watcher, &[]);
    // It belonged to that connection, not to the client [MQTT-3.1.2-10].
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.gone(peer);
    lab.hears(watcher, &[]);
}

#[test]
fn a_refused_client_has_none() {
    let (mut lab, watcher, peer) = watched();
    lab.broker.refuse(Refusal { client: None, times: Some(1), code: Code::Unavailable });
    let refused = lab.connected();
    lab.talks(refused, &format!("connect {CONNECT}"), &["connack 3", "closed"]);
    lab.hears(watcher, &[]);
    lab.talks(peer, "pingreq", &["pingresp"]);
}

#[test]
fn it_may_be_retained_3_1_2_17() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0 will "w" q2 retain "gone""#);
    lab.gone(peer);
    let watcher = lab.open(r#""watcher" clean keepalive 0"#);
    lab.talks(watcher, r#"subscribe #1 "w" q2"#, &["suback #1 2", r#"publish "w" q2 #1 retain "gone""#]);
}

#[test]
fn an_empty_retained_one_clears_the_topic_3_3_1_10() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0 will "w" q0 retain """#);
    lab.talks(peer, r#"publish "w" q0 retain "here""#, &[]);
    lab.gone(peer);
    assert_eq!(lab.broker.usage().retained, 0);
}

#[test]
fn it_waits_for_its_own_client_if_the_session_is_kept() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" keepalive 0 will "w" q1 "gone""#);
    lab.talks(peer, r#"subscribe #1 "w" q1"#, &["suback #1 1"]);
    lab.gone(peer);
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[WILL]);
}
