//! MQTT-SN 6.2 to 6.4: wills, their updates, and when they are published.

use quasimodem_core::Why;
use quasimodem_lab::gateway::{Config, Input, Limits, Link};

use crate::harness::Lab;

#[track_caller]
fn connect_with_will(lab: &mut Lab, client: u16, connect: &str, topic: &str, payload: &str) {
    lab.talks(client, &format!("connect {connect}"), &["willtopicreq"]);
    lab.talks(client, &format!("willtopic {topic}"), &["willmsgreq"]);
    lab.talks(client, &format!("willmsg {payload:?}"), &["connack 0"]);
}

#[test]
fn a_client_that_falls_silent_leaves_its_will() {
    for qos in 0..3 {
        let mut lab = Lab::default();
        let watcher = lab.watcher();
        connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, &format!(r#""w" q{qos} retain"#), "gone");
        lab.passes(14_999);
        lab.own_hears(watcher, &[]);
        lab.passes(1);
        lab.hears(1, &["disconnect"]);
        let id = if qos > 0 { " #1" } else { "" };
        lab.own_hears(watcher, &[&format!(r#"publish "w" q{qos}{id} "gone""#)]);
        lab.noted("\"a\" ended: silent for too long");
        assert_eq!(lab.gateway.usage().own, 0, "the exchange is over");
        let later = lab.own(r#""later" clean keepalive 0"#);
        lab.own_says(later, r#"subscribe #1 "w" q0"#);
        lab.own_hears(later, &["suback #1 0", r#"publish "w" q0 retain "gone""#]);
    }
}

#[test]
fn a_client_that_says_good_bye_leaves_none() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q1"#, "gone");
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.passes(100_000);
    lab.own_hears(watcher, &[]);
}

/// Also if the next connection of the client takes its place.
#[test]
fn a_clean_session_takes_its_will_and_its_topic_ids_with_it() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q0"#, "gone");
    lab.talks(1, r#"register #1 "a/b""#, &["regack #1 @1 0"]);
    lab.talks(2, r#"connect "a" keepalive 10"#, &["connack 0"]);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q0 "gone""#]);
    assert_eq!(lab.gateway.usage().topics, 0);
    lab.passes(15_000);
    lab.hears(2, &["disconnect"]);
    lab.own_hears(watcher, &[]);
}

#[test]
fn updates_are_what_subscribers_get() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q1"#, "gone");
    lab.talks(1, r#"willtopicupd "other" q2 retain"#, &["willtopicresp 0"]);
    lab.talks(1, r#"willmsgupd "really gone""#, &["willmsgresp 0"]);
    lab.own_hears(watcher, &[]);
    lab.has_links(1);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "other" q2 #1 "really gone""#]);
}

#[test]
fn topic_and_message_change_on_their_own() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.connect(1, r#""a" clean keepalive 10"#);
    lab.talks(1, r#"willmsgupd "late""#, &["willmsgresp 0"]);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[]);

    lab.connect(1, r#""a" clean keepalive 10"#);
    lab.talks(1, r#"willmsgupd "late""#, &["willmsgresp 0"]);
    lab.talks(1, r#"willtopicupd "w" q0"#, &["willtopicresp 0"]);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q0 "late""#]);

    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q1"#, "gone");
    lab.talks(1, "willtopicupd", &["willtopicresp 0"]);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[]);
}

#[test]
fn an_update_that_can_not_be_published_changes_nothing() {
    let limits = Limits { will_bytes: 10, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q0"#, "gone");
    lab.talks(1, r#"willtopicupd "w/+" q0"#, &["willtopicresp 3"]);
    lab.talks(1, r#"willtopicupd "too long" q0"#, &["willtopicresp 3"]);
    lab.talks(1, r#"willmsgupd "1234567890""#, &["willmsgresp 3"]);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q0 "gone""#]);
}

/// MQTT-SN 6.3.
#[test]
fn clean_and_will_in_all_combinations() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    let lose = |lab: &mut Lab| {
        lab.passes(15_000);
        lab.hears(1, &["disconnect"]);
        lab.own_heard(watcher)
    };
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q0"#, "1");
    assert_eq!(lose(&mut lab), [r#"publish "w" q0 "1""#]);
    // The clean session ended with its will.
    lab.connect(1, r#""a" keepalive 10"#);
    assert!(lose(&mut lab).is_empty());
    connect_with_will(&mut lab, 1, r#""a" will keepalive 10"#, r#""w" q0"#, "2");
    assert_eq!(lose(&mut lab), [r#"publish "w" q0 "2""#]);
    // Kept, also over a good-bye, and with its updates.
    lab.connect(1, r#""a" keepalive 10"#);
    lab.talks(1, r#"willmsgupd "3""#, &["willmsgresp 0"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.connect(1, r#""a" keepalive 10"#);
    assert_eq!(lose(&mut lab), [r#"publish "w" q0 "3""#]);
    // Overwritten, deleted, dropped.
    connect_with_will(&mut lab, 1, r#""a" will keepalive 10"#, r#""v" q0"#, "4");
    assert_eq!(lose(&mut lab), [r#"publish "v" q0 "4""#]);
    lab.talks(1, r#"connect "a" will keepalive 10"#, &["willtopicreq"]);
    lab.talks(1, "willtopic", &["connack 0"]);
    assert!(lose(&mut lab).is_empty());
    connect_with_will(&mut lab, 1, r#""a" will keepalive 10"#, r#""w" q0"#, "5");
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.connect(1, r#""a" clean keepalive 10"#);
    assert!(lose(&mut lab).is_empty());
}

/// A client that only began to connect did not change the will.
#[test]
fn a_handshake_that_does_not_end_changes_nothing() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q0"#, "mine");
    lab.talks(2, r#"connect "a" clean will keepalive 10"#, &["willtopicreq"]);
    lab.talks(2, r#"willtopic "x" q0"#, &["willmsgreq"]);
    lab.talks(1, "pingreq", &["pingresp"]);
    lab.passes(15_000);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q0 "mine""#]);
    lab.forget(2);
}

#[test]
fn a_will_comes_when_the_broker_ends_the_connection() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    connect_with_will(&mut lab, 1, r#""a" clean will keepalive 10"#, r#""w" q1"#, "gone");
    // A client of the broker takes the name.
    lab.own(r#""a" clean keepalive 0"#);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q1 #1 "gone""#]);
    lab.noted("ended by the peer");
}

#[test]
fn a_will_waits_for_the_broker() {
    let mut lab = Lab::alone(Config::default());
    lab.talks(1, r#"connect "a" clean will keepalive 10"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.says(1, r#"willmsg "gone""#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.loses(1, Why::Reset);
    lab.hears(1, &["disconnect"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#, "2 open"]);
    lab.loses(2, Why::Refused);
    lab.passes(5000);
    lab.written(&["3 open"]);
    lab.handle(Input::Opened(Link(3)));
    lab.answers(3, "connack 3");
    lab.noted("no connection of its own: the broker refused with 3");
    lab.written(&[r#"3 connect "" clean keepalive 60"#, "3 close"]);
    // Before the next time: somebody else got through.
    lab.says(1, r#"connect "a" clean keepalive 10"#);
    lab.accepts(4);
    lab.hears(1, &["connack 0"]);
    lab.written(&["4 open", r#"4 connect "a" clean keepalive 60"#, "5 open"]);
    lab.accepts(5);
    lab.written(&[r#"5 connect "" clean keepalive 60"#, r#"5 publish "w" q1 #1 "gone""#]);
    // Not acknowledged, so it comes again.
    lab.loses(5, Why::Reset);
    lab.passes(5000);
    lab.accepts(6);
    lab.answers(6, "puback #2");
    lab.written(&["6 open", r#"6 connect "" clean keepalive 60"#, r#"6 publish "w" q1 #2 "gone""#]);
    assert_eq!(lab.gateway.usage().own, 0);
}

/// The client may wait longer than the handshake lasts before it repeats itself: the gateway asks again (MQTT-SN 6.13).
#[test]
fn prompts_are_repeated() {
    let mut lab = Lab::default();
    lab.talks(1, r#"connect "a" clean will keepalive 10"#, &["willtopicreq"]);
    lab.passes(1999);
    lab.hears(1, &[]);
    lab.passes(1);
    lab.hears(1, &["willtopicreq"]);
    lab.passes(1000);
    lab.talks(1, r#"willtopic "w" q0"#, &["willmsgreq"]);
    lab.passes(1999);
    lab.hears(1, &[]);
    lab.passes(2001);
    lab.hears(1, &["willmsgreq", "willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.passes(10_000);
    lab.hears(1, &[]);
    lab.talks(1, "disconnect", &["disconnect"]);
    // Not more often than other messages, and not after the handshake.
    lab.talks(2, r#"connect "b" clean will keepalive 10"#, &["willtopicreq"]);
    lab.passes(60_000);
    lab.hears(2, &["willtopicreq"; 4]);
    let mut lab = Lab::before(Config { retries: 1, ..Config::default() }, Default::default());
    lab.talks(1, r#"connect "a" clean will keepalive 10"#, &["willtopicreq"]);
    lab.passes(60_000);
    lab.hears(1, &["willtopicreq"]);
    assert_eq!(lab.gateway.deadline(), None);
}
