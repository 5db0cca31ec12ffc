//! MQTT-SN 6.5 to 6.8: what clients publish.

use quasimodem_core::Why;
use quasimodem_lab::gateway::{Config, Input, Limits, Link};

use crate::harness::Lab;

fn predefined() -> Config {
    Config { predefined: [(1, "pre/one".into()), (500, "pre/500".into())].into(), ..Config::default() }
}

#[test]
fn every_qos_with_every_kind_of_topic() {
    let mut lab = Lab::new(predefined());
    let watcher = lab.watcher();
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"register #1 "a/b""#, &["regack #1 @2 0"]);
    for (topic, number, name) in [("@2", 2, "a/b"), ("predefined @1", 1, "pre/one"), ("short \"ab\"", 24930, "ab")] {
        lab.talks(1, &format!(r#"publish {topic} q0 "0""#), &[]);
        lab.own_hears(watcher, &[&format!(r#"publish "{name}" q0 "0""#)]);
        lab.talks(1, &format!(r#"publish {topic} q1 #7 retain "1""#), &[&format!("puback #7 @{number} 0")]);
        let heard = lab.own_heard(watcher);
        assert!(
            heard[0].starts_with(&format!(r#"publish "{name}" q1 #"#)) && heard[0].ends_with(r#" "1""#),
            "{heard:?}"
        );
        lab.talks(1, &format!(r#"publish {topic} q2 #8 "2""#), &["pubrec #8"]);
        lab.talks(1, "pubrel #8", &["pubcomp #8"]);
        let heard = lab.own_heard(watcher);
        assert!(heard[0].starts_with(&format!(r#"publish "{name}" q2 #"#)) && heard.len() == 1, "{heard:?}");
    }
}

#[test]
fn retained_messages_are_passed_on() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"publish short "ab" q1 #1 retain "kept""#, &["puback #1 @24930 0"]);
    lab.connect(2, r#""b" clean keepalive 60"#);
    lab.says(2, r#"subscribe #1 short "ab" q0"#);
    lab.hears(2, &["suback #1 @0 q0 0", r#"publish short "ab" q0 retain "kept""#]);
}

/// What is subscribed to, passed on and delivered is noted once each, and nothing else with messages.
#[test]
fn messages_are_noted() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.says(1, r#"subscribe #1 short "ab" q1"#);
    lab.hears(1, &["suback #1 @0 q1 0"]);
    lab.noted(r#""a" subscribed to "ab" with q1"#);
    lab.says(1, r#"publish short "ab" q1 #2 "hello""#);
    let about = lab.notes_about("\"ab\"");
    assert_eq!(about, [r#""a" published "ab" q1, 5 bytes"#, r#""a" was sent "ab" q1, 5 bytes"#]);
    lab.hears(1, &[r#"publish short "ab" q1 #1 "hello""#, "puback #2 @24930 0"]);
}

#[test]
fn a_name_has_one_id_in_a_connection() {
    let mut lab = Lab::new(predefined());
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.connect(2, r#""b" clean keepalive 60"#);
    lab.talks(1, r#"register #1 "one""#, &["regack #1 @2 0"]);
    lab.talks(1, r#"register #2 "two""#, &["regack #2 @3 0"]);
    lab.talks(1, r#"register #3 "one""#, &["regack #3 @2 0"]);
    lab.talks(2, r#"register #1 "two""#, &["regack #1 @2 0"]);
    lab.talks(1, r#"register #4 "a/+""#, &["regack #4 @0 3"]);
}

#[test]
fn unknown_topic_ids_are_refused_at_any_qos() {
    let mut lab = Lab::new(predefined());
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"publish @9 q0 "x""#, &["puback #0 @9 2"]);
    lab.talks(1, r#"publish @1 q1 #1 "x""#, &["puback #1 @1 2"]);
    lab.talks(1, r#"publish predefined @2 q2 #2 "x""#, &["puback #2 @2 2"]);
    lab.talks(1, r#"publish short "a+" q1 #3 "x""#, &["puback #3 @24875 2"]);
    lab.noted("unknown topic id");
}

#[test]
fn qos_minus_1_needs_no_connection() {
    let mut lab = Lab::new(predefined());
    let watcher = lab.watcher();
    lab.talks(1, r#"publish predefined @500 q-1 "one""#, &[]);
    lab.talks(2, r#"publish short "ab" q-1 "two""#, &[]);
    lab.own_hears(watcher, &[r#"publish "pre/500" q0 "one""#, r#"publish "ab" q0 "two""#]);
    lab.talks(1, r#"publish predefined @2 q-1 "x""#, &[]);
    lab.talks(1, r#"publish @1 q-1 "x""#, &[]);
    lab.noted("unknown topic id");
    // One connection for all of them, and clients may do it too.
    lab.has_links(1);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"publish short "cd" q-1 retain "three""#, &[]);
    lab.own_hears(watcher, &[r#"publish "cd" q0 "three""#]);
    lab.has_links(2);
}

#[test]
fn the_connection_for_qos_minus_1_is_opened_on_demand() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"publish short "ab" q-1 "one""#);
    lab.says(1, r#"publish short "ab" q-1 "two""#);
    lab.written(&["1 open"]);
    lab.accepts(1);
    let publish = |payload| format!(r#"1 publish "ab" q0 "{payload}""#);
    lab.written(&[r#"1 connect "" clean keepalive 60"#, &publish("one"), &publish("two")]);
    lab.handle(Input::Full(Link(1)));
    lab.says(1, r#"publish short "ab" q-1 "three""#);
    lab.written(&[]);
    lab.handle(Input::Free(Link(1)));
    lab.written(&[&publish("three")]);
    // While nobody is there, it is lost.
    lab.loses(1, Why::Reset);
    lab.says(1, r#"publish short "ab" q-1 "four""#);
    lab.written(&["2 open"]);
    lab.loses(2, Why::Refused);
    lab.noted("\"ab\" q-1 dropped: the broker can't be reached");
    assert_eq!(lab.gateway.deadline(), None);
}

#[test]
fn a_full_link_is_congestion() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#]);
    lab.handle(Input::Full(Link(1)));
    for qos in ["q0", "q1 #1", "q2 #2"] {
        let id = qos.split_once(' ').map_or("#0", |(_, id)| id);
        lab.talks(1, &format!(r#"publish short "ab" {qos} "x""#), &[&format!("puback {id} @24930 1")]);
    }
    lab.talks(1, r#"subscribe #3 "a" q0"#, &["suback #3 @0 q0 1"]);
    lab.noted("the connection to the broker is full");
    lab.written(&[]);
    lab.handle(Input::Free(Link(1)));
    lab.talks(1, r#"publish short "ab" q1 #1 "x""#, &[]);
    lab.written(&[r#"1 publish "ab" q1 #1 "x""#]);
}

#[test]
fn requests_that_wait_for_the_broker_are_bounded() {
    let limits = Limits { requests: 2, ..Limits::default() };
    let mut lab = Lab::alone(Config { limits, ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.says(1, r#"publish short "ab" q1 #1 "x""#);
    lab.says(1, r#"subscribe #2 "a" q0"#);
    lab.hears(1, &[]);
    lab.talks(1, r#"publish short "ab" q1 #3 "x""#, &["puback #3 @24930 1"]);
    lab.talks(1, r#"subscribe #4 "b" q0"#, &["suback #4 @0 q0 1"]);
    lab.says(1, r#"unsubscribe #5 "b""#);
    lab.says(1, "pubrel #6");
    lab.answers(1, "puback #1");
    lab.hears(1, &["puback #1 @24930 0"]);
    lab.says(1, "pubrel #6");
    lab.written(&[
        "1 open",
        r#"1 connect "a" clean keepalive 60"#,
        r#"1 publish "ab" q1 #1 "x""#,
        r#"1 subscribe #2 "a" q0"#,
        "1 pubrel #6",
    ]);
}

/// A client that always takes the same identifier.
#[test]
fn identifiers_that_are_taken_are_others_for_the_broker() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.says(1, r#"publish short "ab" q1 #1 "x""#);
    lab.says(1, r#"subscribe #1 "t" q0"#);
    lab.says(1, r#"publish short "ab" q2 #0 "y""#);
    lab.written(&[
        "1 open",
        r#"1 connect "a" clean keepalive 60"#,
        r#"1 publish "ab" q1 #1 "x""#,
        r#"1 subscribe #65535 "t" q0"#,
        r#"1 publish "ab" q2 #65534 "y""#,
    ]);
    lab.answers(1, "suback #65535 0");
    lab.answers(1, "pubrec #65534");
    lab.answers(1, "puback #1");
    lab.hears(1, &["suback #1 @1 q0 0", "pubrec #0", "puback #1 @24930 0"]);
}

#[test]
fn requests_of_strangers_are_answered_with_disconnect() {
    let mut lab = Lab::default();
    for request in [
        r#"register #1 "a""#,
        r#"publish @1 q0 "x""#,
        r#"publish short "ab" q1 #1 "x""#,
        "pubrel #1",
        r#"subscribe #1 "a" q0"#,
        r#"unsubscribe #1 "a""#,
        "pingreq",
        r#"pingreq "me""#,
        r#"willtopicupd "a" q0"#,
        r#"willmsgupd "x""#,
    ] {
        lab.talks(1, request, &["disconnect"]);
    }
    lab.noted("127.0.0.1:10001 is not connected");
    // What answers something is not answered, so that two gateways do not talk for ever.
    for answer in ["disconnect", "disconnect 5", "puback #1 @1 2", "pubcomp #1", "connack 0", "pingresp", "willtopic"] {
        lab.talks(1, answer, &[]);
    }
}

/// A client that gives its exchanges up leaves them to the gateway: they do not take the place of others for good.
#[test]
fn exchanges_that_nobody_ends_make_room() {
    let mut lab = Lab::alone(Config { limits: Limits { requests: 3, ..Limits::default() }, ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 0"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#]);
    for id in 1..=2 {
        lab.talks(1, &format!(r#"publish short "ab" q2 #{id} "x""#), &[]);
        lab.written(&[&format!(r#"1 publish "ab" q2 #{id} "x""#)]);
        lab.answers(1, &format!("pubrec #{id}"));
        lab.hears(1, &[&format!("pubrec #{id}")]);
    }
    lab.talks(1, r#"publish short "ab" q2 #3 "x""#, &[]);
    lab.written(&[r#"1 publish "ab" q2 #3 "x""#, "1 pubrel #1"]);
    lab.talks(1, r#"publish short "ab" q1 #4 "x""#, &["puback #4 @24930 1"]);
    lab.noted("the connection to the broker is full");
    lab.answers(1, "pubcomp #1");
    lab.hears(1, &["pubcomp #1"]);
    lab.talks(1, r#"publish short "ab" q1 #4 "x""#, &[]);
    lab.written(&[r#"1 publish "ab" q1 #4 "x""#, "1 pubrel #2"]);
    lab.answers(1, "pubcomp #2");
    lab.answers(1, "puback #4");
    lab.hears(1, &["pubcomp #2", "puback #4 @24930 0"]);
    // The client may not be done with one of them after all.
    lab.talks(1, "pubrel #1", &[]);
    lab.written(&["1 pubrel #1"]);
    lab.answers(1, "pubcomp #1");
    lab.hears(1, &["pubcomp #1"]);
    // One that waits for the broker is none of them.
    lab.answers(1, "pubrec #3");
    lab.talks(1, "pubrel #3", &["pubrec #3"]);
    lab.written(&["1 pubrel #3"]);
    lab.answers(1, "pubcomp #3");
    lab.hears(1, &["pubcomp #3"]);
    assert_eq!(lab.gateway.usage().requests, 0);
}

/// What waits for the broker is not ended; what the link to it took away is, for the broker may hold it.
#[test]
fn only_exchanges_that_wait_for_the_client_make_room() {
    let mut lab = Lab::alone(Config { limits: Limits { requests: 2, ..Limits::default() }, ..Config::default() });
    lab.says(1, r#"connect "a" keepalive 0"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", r#"1 connect "a" keepalive 60"#]);
    lab.talks(1, r#"publish short "ab" q2 #1 "x""#, &[]);
    lab.talks(1, r#"publish short "ab" q2 #2 "x""#, &[]);
    lab.talks(1, r#"publish short "ab" q2 #3 "x""#, &["puback #3 @24930 1"]);
    lab.written(&[r#"1 publish "ab" q2 #1 "x""#, r#"1 publish "ab" q2 #2 "x""#]);
    lab.loses(1, Why::Reset);
    lab.hears(1, &["disconnect"]);
    lab.says(1, r#"connect "a" keepalive 0"#);
    lab.handle(Input::Opened(Link(2)));
    lab.answers(2, "connack 0 session");
    lab.hears(1, &["connack 0"]);
    lab.written(&["2 open", r#"2 connect "a" keepalive 60"#]);
    // Both are held by the broker. A third has no place, and makes itself one.
    lab.talks(1, r#"publish short "ab" q2 #4 "x""#, &["puback #4 @24930 1"]);
    lab.written(&["2 pubrel #1"]);
    lab.answers(2, "pubcomp #1");
    lab.hears(1, &["pubcomp #1"]);
    lab.talks(1, r#"publish short "ab" q2 #4 "x""#, &[]);
    lab.written(&[r#"2 publish "ab" q2 #4 "x""#, "2 pubrel #2"]);
}
