//! MQTT-SN 6.14: clients that sleep.

use quasimodem_lab::gateway::{Config, Input, Limits, Link};

use crate::harness::Lab;

#[test]
fn a_sleeping_client_gets_its_messages_when_it_wakes_up() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 10"#);
    lab.talks(1, r#"subscribe #1 "a/#" q2"#, &["suback #1 @0 q2 0"]);
    lab.talks(1, "disconnect 100", &["disconnect"]);
    lab.noted("\"a\" sleeps for 100 s");
    lab.own_says(own, r#"publish "a/b" q1 #1 "1""#);
    lab.own_says(own, r#"publish "a/b" q0 "2""#);
    lab.own_says(own, r#"publish "a/b" q2 #2 "3""#);
    lab.own_says(own, "pubrel #2");
    lab.own_hears(own, &["puback #1", "pubrec #2", "pubcomp #2"]);
    lab.passes(90_000);
    lab.hears(1, &[]);
    lab.talks(1, r#"pingreq "a""#, &[r#"register #1 @1 "a/b""#]);
    lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q1 #1 "1""#]);
    // Once more, while it is up.
    lab.talks(1, r#"pingreq "a""#, &[]);
    lab.talks(1, "puback #1 @1 0", &[r#"publish @1 q0 "2""#, r#"publish @1 q2 #2 "3""#]);
    lab.talks(1, "pubrec #2", &["pubrel #2"]);
    lab.talks(1, "pubcomp #2", &["pingresp"]);
    // It sleeps again.
    lab.own_says(own, r#"publish "a/b" q0 "4""#);
    lab.hears(1, &[]);
    lab.talks(1, r#"pingreq "a""#, &[r#"publish @1 q0 "4""#, "pingresp"]);
    lab.talks(1, r#"pingreq "a""#, &["pingresp"]);
}

#[test]
fn a_client_that_comes_back_is_awake() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" keepalive 10"#);
    lab.talks(1, r#"subscribe #1 "ab" q1"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, "disconnect 100", &["disconnect"]);
    lab.own_says(own, r#"publish "ab" q0 "1""#);
    lab.own_says(own, r#"publish "ab" q1 #1 "2""#);
    lab.own_hears(own, &["puback #1"]);
    lab.says(1, r#"connect "a" keepalive 10"#);
    lab.hears(1, &["connack 0", r#"publish short "ab" q0 "1""#, r#"publish short "ab" q1 #1 "2""#]);
    lab.talks(1, "puback #1 @0 0", &[]);
    lab.own_says(own, r#"publish "ab" q0 "3""#);
    lab.hears(1, &[r#"publish short "ab" q0 "3""#]);
    lab.has_links(1);
}

#[test]
fn a_client_that_oversleeps_is_lost() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.talks(1, r#"connect "a" clean will keepalive 10"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q0"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.talks(1, "disconnect 100", &["disconnect"]);
    lab.passes(109_000);
    lab.talks(1, r#"pingreq "a""#, &["pingresp"]);
    lab.passes(109_999);
    lab.own_hears(watcher, &[]);
    lab.passes(1);
    lab.hears(1, &["disconnect"]);
    lab.own_hears(watcher, &[r#"publish "w" q0 "gone""#]);
    lab.talks(1, r#"pingreq "a""#, &["disconnect"]);
}

#[test]
fn a_new_time_to_sleep_and_the_end_of_it() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 10"#);
    lab.talks(1, "disconnect 100", &["disconnect"]);
    lab.talks(1, "disconnect 1000", &["disconnect"]);
    lab.passes(1_000_000);
    lab.hears(1, &[]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.has_links(0);
    assert_eq!(lab.gateway.usage().sessions, 0);
}

/// Its name is not enough: it must come from its address.
#[test]
fn nobody_else_can_wake_it() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 10"#);
    lab.talks(1, r#"subscribe #1 short "ab" q0"#, &["suback #1 @0 q0 0"]);
    lab.talks(1, "disconnect 100", &["disconnect"]);
    lab.own_says(own, r#"publish "ab" q0 "1""#);
    lab.talks(2, r#"pingreq "a""#, &["disconnect"]);
    lab.connect(3, r#""b" clean keepalive 10"#);
    lab.talks(3, r#"pingreq "a""#, &["disconnect"]);
    lab.talks(1, r#"pingreq "a""#, &[r#"publish short "ab" q0 "1""#, "pingresp"]);
}

#[test]
fn what_waits_for_a_sleeping_client_is_bounded() {
    let limits = Limits { queued: 2, ..Limits::default() };
    let mut lab = Lab::alone(Config { limits, ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 10"#);
    lab.accepts(1);
    lab.talks(1, "disconnect 1000", &["connack 0", "disconnect"]);
    lab.answers(1, r#"publish "ab" q0 "1""#);
    lab.answers(1, r#"publish "ab" q1 #1 "2""#);
    lab.answers(1, r#"publish "ab" q0 "3""#);
    lab.noted("\"ab\" q0 dropped for \"a\": too many messages wait");
    // What may not be dropped stays with the broker, from here on.
    lab.answers(1, r#"publish "ab" q1 #2 "4""#);
    assert!(!lab.gateway.wants(Link(1)));
    let usage = lab.gateway.usage();
    assert_eq!((usage.queued, usage.queued_bytes), (3, 9));
    lab.says(1, r#"pingreq "a""#);
    lab.hears(1, &[r#"publish short "ab" q0 "1""#, r#"publish short "ab" q1 #1 "2""#]);
    lab.talks(1, "puback #1 @0 0", &[r#"publish short "ab" q1 #2 "4""#]);
    assert!(lab.gateway.wants(Link(1)));
    lab.talks(1, "puback #2 @0 0", &["pingresp"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#, "1 puback #1", "1 puback #2"]);
}

/// One that falls asleep in the middle gets the rest the next time.
#[test]
fn an_exchange_that_is_cut_off_goes_on() {
    let mut lab = Lab::alone(Config { keep_alive: std::time::Duration::ZERO, ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 10"#);
    lab.accepts(1);
    lab.talks(1, "disconnect 1000", &["connack 0", "disconnect"]);
    lab.answers(1, r#"publish "ab" q2 #1 "x""#);
    lab.talks(1, r#"pingreq "a""#, &[r#"publish short "ab" q2 #1 "x""#]);
    lab.passes(20_000);
    let again = r#"publish short "ab" q2 #1 dup "x""#;
    lab.hears(1, &[again, again, again, again]);
    lab.talks(1, r#"pingreq "a""#, &[again]);
    lab.talks(1, "pubrec #1", &[]);
    // The broker takes its time: the client may go to sleep.
    lab.passes(2000);
    lab.hears(1, &["pingresp"]);
    lab.handle(Input::Received(Link(1), &[0x62, 2, 0, 1]));
    lab.hears(1, &[]);
    lab.talks(1, r#"pingreq "a""#, &["pubrel #1"]);
    lab.talks(1, "disconnect 1000", &["disconnect"]);
    lab.talks(1, r#"pingreq "a""#, &["pubrel #1"]);
    lab.talks(1, "pubcomp #1", &["pingresp"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 0"#, "1 pubrec #1", "1 pubcomp #1"]);
}
