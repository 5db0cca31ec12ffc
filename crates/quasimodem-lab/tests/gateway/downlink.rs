//! MQTT-SN 6.6, 6.13: messages on their way to a client, one at a time, and again.

use quasimodem_core::mqtt;
use quasimodem_lab::gateway::{Config, Input, Limits, Link};

use crate::harness::Lab;

/// A client that is subscribed to `ab` and `a/#` at QoS 2, and the test as its broker, at link 1.
fn lab(config: Config) -> Lab {
    let connect = format!(r#"1 connect "a" keepalive {}"#, config.keep_alive.as_secs());
    let mut lab = Lab::alone(config);
    lab.says(1, r#"connect "a" keepalive 0"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", &connect]);
    lab
}

#[test]
fn one_exchange_at_a_time_in_order() {
    let mut lab = lab(Config::default());
    lab.answers(1, r#"publish "ab" q1 #1 "1""#);
    lab.answers(1, r#"publish "ab" q2 #2 "2""#);
    lab.answers(1, r#"publish "ab" q0 "3""#);
    lab.answers(1, r#"publish "ab" q1 #3 "4""#);
    lab.hears(1, &[r#"publish short "ab" q1 #1 "1""#]);
    lab.written(&[]);
    lab.talks(1, "puback #1 @0 0", &[r#"publish short "ab" q2 #2 "2""#]);
    lab.written(&["1 puback #1"]);
    lab.talks(1, "pubrec #2", &[]);
    lab.written(&["1 pubrec #2"]);
    lab.answers(1, "pubrel #2");
    lab.hears(1, &["pubrel #2"]);
    lab.talks(1, "pubcomp #2", &[r#"publish short "ab" q0 "3""#, r#"publish short "ab" q1 #3 "4""#]);
    lab.written(&["1 pubcomp #2"]);
    lab.talks(1, "puback #3 @24930 0", &[]);
    lab.written(&["1 puback #3"]);
}

#[test]
fn what_is_not_acknowledged_is_sent_again() {
    let mut lab = lab(Config::default());
    lab.answers(1, r#"publish "a/b" q2 #7 "x""#);
    let register = r#"register #1 @1 "a/b""#;
    lab.hears(1, &[register]);
    lab.passes(1999);
    lab.hears(1, &[]);
    lab.passes(1);
    lab.hears(1, &[register]);
    lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q2 #7 "x""#]);
    lab.passes(4000);
    lab.hears(1, &[r#"publish @1 q2 #7 dup "x""#, r#"publish @1 q2 #7 dup "x""#]);
    lab.says(1, "pubrec #7");
    lab.says(1, "pubrec #7");
    lab.written(&["1 pubrec #7"]);
    lab.passes(10_000);
    lab.hears(1, &[]);
    lab.answers(1, "pubrel #7");
    lab.hears(1, &["pubrel #7"]);
    lab.passes(2000);
    lab.hears(1, &["pubrel #7"]);
    // It has not heard it.
    lab.talks(1, "pubrec #7", &["pubrel #7"]);
    lab.talks(1, "pubcomp #7", &[]);
    lab.talks(1, "pubcomp #7", &[]);
    lab.written(&["1 pubcomp #7"]);
    assert_eq!(lab.gateway.usage().queued, 0);
}

/// Nothing waits for a sign of life that may be minutes away: copies go on, but more and more slowly.
#[test]
fn after_so_many_times_the_gateway_goes_on_more_slowly() {
    for keep_alive in [0, 600] {
        let mut lab = Lab::alone(Config { keep_alive: std::time::Duration::ZERO, ..Config::default() });
        lab.says(1, &format!(r#"connect "a" clean keepalive {keep_alive}"#));
        lab.accepts(1);
        lab.hears(1, &["connack 0"]);
        lab.written(&["1 open", r#"1 connect "a" clean keepalive 0"#]);
        lab.answers(1, r#"publish "a/b" q1 #1 "x""#);
        lab.answers(1, r#"publish "ab" q2 #2 "y""#);
        let register = r#"register #1 @1 "a/b""#;
        lab.hears(1, &[register]);
        for seconds in [2, 2, 2, 2] {
            lab.passes(1000 * seconds);
            lab.hears(1, &[register]);
        }
        // Five copies are lost.
        lab.passes(2000);
        lab.noted("\"a\" does not acknowledge what it is sent");
        lab.hears(1, &[register]);
        for seconds in [4, 8, 16, 32, 60, 60] {
            lab.passes(1000 * seconds - 1);
            lab.hears(1, &[]);
            lab.passes(1);
            lab.hears(1, &[register]);
        }
        // It hears again. What follows has its own tries.
        lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q1 #1 "x""#]);
        lab.passes(2000);
        lab.hears(1, &[r#"publish @1 q1 #1 dup "x""#]);
        lab.talks(1, "puback #1 @1 0", &[r#"publish short "ab" q2 #2 "y""#]);
        lab.talks(1, "pubrec #2", &[]);
        lab.answers(1, "pubrel #2");
        lab.hears(1, &["pubrel #2"]);
        lab.passes(42_000);
        lab.hears(1, &["pubrel #2"; 8]);
        lab.talks(1, "pubcomp #2", &[]);
        lab.written(&["1 puback #1", "1 pubrec #2", "1 pubcomp #2"]);
        assert_eq!(lab.gateway.usage().queued, 0);
    }
}

/// However long nothing is heard, and however long the first waits are.
#[test]
fn the_slowest_pace_is_kept() {
    use std::time::Duration;
    for (retry, slowest) in [(2, 60), (90, 90)] {
        let retry = Duration::from_secs(retry);
        let mut lab = lab(Config { keep_alive: Duration::ZERO, retry, retries: 0, ..Config::default() });
        lab.answers(1, r#"publish "ab" q1 #1 "x""#);
        lab.passes(300 * 1000 * slowest);
        lab.forget(1);
        lab.passes(1000 * slowest);
        lab.hears(1, &[r#"publish short "ab" q1 #1 dup "x""#]);
    }
}

#[test]
fn a_client_that_is_heard_again_gets_its_copy_at_once() {
    let mut lab = lab(Config { keep_alive: std::time::Duration::ZERO, ..Config::default() });
    lab.answers(1, r#"publish "ab" q1 #1 "x""#);
    lab.passes(9000);
    let again = r#"publish short "ab" q1 #1 dup "x""#;
    lab.hears(1, &[r#"publish short "ab" q1 #1 "x""#, again, again, again, again]);
    // Its turn comes soon enough.
    lab.talks(1, "pingreq", &["pingresp"]);
    lab.passes(1000);
    lab.hears(1, &[again]);
    lab.talks(1, "pingreq", &["pingresp", again]);
    lab.talks(1, "pingreq", &["pingresp"]);
    lab.passes(2000);
    lab.hears(1, &[again]);
    lab.talks(1, "puback #1 @0 0", &[]);
    lab.written(&["1 puback #1"]);
    assert_eq!(lab.gateway.deadline(), None);
}

/// Keep-alive decides when it is lost, and what it did not acknowledge stays with the broker.
#[test]
fn a_client_that_stays_deaf_is_lost_by_its_keep_alive() {
    let mut lab = Lab::alone(Config { keep_alive: std::time::Duration::ZERO, ..Config::default() });
    lab.says(1, r#"connect "a" keepalive 20"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", r#"1 connect "a" keepalive 0"#]);
    lab.answers(1, r#"publish "ab" q1 #1 "x""#);
    lab.passes(29_999);
    let again = r#"publish short "ab" q1 #1 dup "x""#;
    lab.hears(1, &[r#"publish short "ab" q1 #1 "x""#, again, again, again, again, again, again, again]);
    lab.passes(1);
    lab.hears(1, &["disconnect"]);
    lab.written(&["1 disconnect", "1 close"]);
    assert_eq!(lab.gateway.deadline(), None);
}

#[test]
fn a_client_that_forgot_an_id_is_told_again() {
    let mut lab = lab(Config::default());
    lab.answers(1, r#"publish "a/b" q1 #1 "x""#);
    lab.hears(1, &[r#"register #1 @1 "a/b""#]);
    lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q1 #1 "x""#]);
    lab.talks(1, "puback #1 @1 2", &[r#"register #2 @1 "a/b""#]);
    lab.talks(1, "regack #2 @1 0", &[r#"publish @1 q1 #1 dup "x""#]);
    // That may be a copy of the first refusal, until no copy can come any more: then it has had its chance.
    for _ in 0..2 {
        lab.talks(1, "puback #1 @1 2", &[]);
        lab.passes(2000);
        lab.hears(1, &[r#"publish @1 q1 #1 dup "x""#]);
    }
    lab.written(&[]);
    lab.passes(2000);
    lab.hears(1, &[r#"publish @1 q1 #1 dup "x""#]);
    lab.talks(1, "puback #1 @1 2", &[]);
    lab.noted("refused by the client");
    lab.written(&["1 puback #1"]);
    // The same without an exchange.
    lab.answers(1, r#"publish "a/b" q0 "y""#);
    lab.hears(1, &[r#"register #3 @1 "a/b""#]);
    lab.talks(1, "regack #3 @1 0", &[r#"publish @1 q0 "y""#]);
    lab.talks(1, "puback #0 @1 2", &[]);
    lab.answers(1, r#"publish "a/b" q0 "z""#);
    lab.hears(1, &[r#"register #4 @1 "a/b""#]);
}

#[test]
fn a_message_that_is_refused_is_not_sent_for_ever() {
    let mut lab = lab(Config::default());
    lab.answers(1, r#"publish "ab" q1 #1 "x""#);
    lab.hears(1, &[r#"publish short "ab" q1 #1 "x""#]);
    lab.talks(1, "puback #1 @24930 3", &[]);
    lab.answers(1, r#"publish "ab" q2 #2 "x""#);
    lab.hears(1, &[r#"publish short "ab" q2 #2 "x""#]);
    lab.talks(1, "puback #2 @24930 3", &[]);
    lab.noted("\"ab\" q2 dropped for \"a\": refused by the client");
    lab.written(&["1 puback #1", "1 pubrec #2"]);
    lab.answers(1, "pubrel #2");
    lab.hears(1, &["pubrel #2"]);
    lab.talks(1, "pubcomp #2", &[]);
    lab.written(&["1 pubcomp #2"]);
}

#[test]
fn a_client_that_reports_congestion_is_left_in_peace() {
    let mut lab = lab(Config { keep_alive: std::time::Duration::ZERO, ..Config::default() });
    lab.answers(1, r#"publish "ab" q1 #1 "x""#);
    lab.hears(1, &[r#"publish short "ab" q1 #1 "x""#]);
    lab.talks(1, "puback #1 @0 1", &[]);
    lab.passes(299_999);
    lab.hears(1, &[]);
    lab.passes(1);
    lab.hears(1, &[r#"publish short "ab" q1 #1 dup "x""#]);
    lab.talks(1, "puback #1 @0 0", &[]);
    lab.answers(1, r#"publish "a/b" q1 #2 "x""#);
    lab.hears(1, &[r#"register #1 @1 "a/b""#]);
    lab.talks(1, "regack #1 @1 1", &[]);
    lab.passes(299_999);
    lab.hears(1, &[]);
    lab.passes(1);
    lab.hears(1, &[r#"register #1 @1 "a/b""#]);
    lab.written(&["1 puback #1"]);
}

/// The broker keeps what a slow client can't take, but for QoS 0.
#[test]
fn what_waits_is_bounded() {
    let limits = Limits { queued: 3, queued_bytes: 30, ..Limits::default() };
    let mut lab = lab(Config { limits, ..Config::default() });
    lab.answers(1, r#"publish "ab" q1 #1 "1""#);
    lab.answers(1, r#"publish "ab" q0 "a message that is too long to wait""#);
    lab.noted("too many messages wait");
    let publish = |id: u16| mqtt::parse_words(&format!(r#"publish "ab" q1 #{id} "{id}""#)).unwrap();
    let chunk: Vec<u8> = (2..8).flat_map(publish).collect();
    lab.handle(Input::Received(Link(1), &chunk));
    assert!(!lab.gateway.wants(Link(1)));
    let usage = lab.gateway.usage();
    assert_eq!((usage.queued, usage.queued_bytes, usage.unread_bytes), (3, 9, chunk.len() - 2 * publish(2).len()));
    let mut heard = vec![r#"publish short "ab" q1 #1 "1""#.to_string()];
    for id in 1..8 {
        lab.hears(1, &[&heard.remove(0)]);
        lab.says(1, &format!("puback #{id} @0 0"));
        lab.written(&[&format!("1 puback #{id}")]);
        heard.push(format!(r#"publish short "ab" q1 #{} "{}""#, id + 1, id + 1));
    }
    lab.hears(1, &[]);
    assert!(lab.gateway.wants(Link(1)));
}

#[test]
fn a_broker_that_is_not_read_is_not_silent() {
    let limits = Limits { queued: 1, ..Limits::default() };
    let mut lab = lab(Config { limits, ..Config::default() });
    lab.answers(1, r#"publish "ab" q1 #1 "1""#);
    assert!(!lab.gateway.wants(Link(1)));
    lab.passes(300_000);
    lab.written(&["1 pingreq"]);
    lab.forget(1);
    lab.talks(1, "puback #1 @0 0", &[]);
    lab.written(&["1 puback #1"]);
    assert!(lab.gateway.wants(Link(1)));
    lab.passes(60_000);
    lab.hears(1, &["disconnect"]);
    lab.noted("the broker does not answer");
    lab.written(&["1 disconnect", "1 close"]);
}

#[test]
fn what_does_not_fit_into_a_datagram_is_dropped() {
    let limits = Limits { datagram: 20, ..Limits::default() };
    let mut lab = lab(Config { limits, ..Config::default() });
    lab.answers(1, r#"publish "ab" q0 "12345678901""#);
    lab.hears(1, &[r#"publish short "ab" q0 "12345678901""#]);
    lab.answers(1, r#"publish "ab" q1 #1 "123456789012""#);
    lab.noted("too large for a datagram");
    lab.answers(1, r#"publish "a/long/topic" q2 #2 "1""#);
    lab.noted("too large for a datagram");
    lab.written(&["1 puback #1", "1 pubrec #2"]);
}

/// The broker sends again what was not acknowledged when the session goes on; both sides know it by its identifier.
#[test]
fn exchanges_go_on_in_the_next_connection() {
    let mut lab = lab(Config::default());
    lab.answers(1, r#"publish "ab" q2 #5 "x""#);
    lab.hears(1, &[r#"publish short "ab" q2 #5 "x""#]);
    lab.talks(1, "pubrec #5", &[]);
    lab.says(1, r#"publish short "cd" q2 #6 "y""#);
    lab.answers(1, "pubrec #6");
    lab.hears(1, &["pubrec #6"]);
    lab.written(&["1 pubrec #5", r#"1 publish "cd" q2 #6 "y""#]);
    lab.loses(1, quasimodem_core::Why::Reset);
    lab.hears(1, &["disconnect"]);
    lab.says(1, r#"connect "a" keepalive 0"#);
    lab.handle(Input::Opened(Link(2)));
    lab.answers(2, "connack 0 session");
    lab.hears(1, &["connack 0"]);
    lab.answers(2, "pubrel #5");
    lab.hears(1, &["pubrel #5"]);
    lab.talks(1, "pubcomp #5", &[]);
    lab.talks(1, "pubrel #6", &[]);
    lab.answers(2, "pubcomp #6");
    lab.hears(1, &["pubcomp #6"]);
    lab.written(&["2 open", r#"2 connect "a" keepalive 60"#, "2 pubcomp #5", "2 pubrel #6"]);
}
