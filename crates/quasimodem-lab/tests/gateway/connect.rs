//! MQTT-SN 6.1 to 6.3: how a client comes, with or without a will and a session.

use std::time::Duration;

use quasimodem_core::Why;
use quasimodem_lab::broker::{self, Code, User};
use quasimodem_lab::gateway::{Config, Limits, Login};

use crate::harness::Lab;

#[test]
fn a_connection_of_its_own_for_each_client() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.says(2, r#"connect "b" keepalive 0"#);
    lab.written(&["1 open", "2 open"]);
    lab.handle(quasimodem_lab::gateway::Input::Opened(quasimodem_lab::gateway::Link(1)));
    lab.handle(quasimodem_lab::gateway::Input::Opened(quasimodem_lab::gateway::Link(2)));
    lab.written(&[r#"1 connect "a" clean keepalive 60"#, r#"2 connect "b" keepalive 60"#]);
    lab.hears(1, &[]);
    lab.answers(1, "connack 0");
    lab.hears(1, &["connack 0"]);
    lab.hears(2, &[]);
    lab.answers(2, "connack 0 session");
    lab.hears(2, &["connack 0"]);
    lab.noted("\"b\" connected from 127.0.0.1:10002, its session goes on");
}

#[test]
fn the_will_is_asked_for() {
    let mut lab = Lab::alone(Config::default());
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1 retain"#, &["willmsgreq"]);
    lab.written(&[]);
    lab.talks(1, r#"willmsg "gone""#, &[]);
    lab.written(&["1 open"]);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    // The gateway keeps it.
    lab.written(&[r#"1 connect "a" clean keepalive 60"#]);
}

#[test]
fn each_message_of_the_will_handshake_may_be_lost_or_come_twice() {
    let mut lab = Lab::alone(Config::default());
    let connect = r#"connect "a" clean will keepalive 60"#;
    lab.talks(1, connect, &["willtopicreq"]);
    lab.talks(1, connect, &["willtopicreq"]);
    lab.talks(1, r#"willmsg "too early""#, &[]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, connect, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "gone""#, &[]);
    lab.talks(1, r#"willmsg "gone""#, &[]);
    lab.talks(1, connect, &[]);
    lab.written(&["1 open"]);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    // The CONNACK was lost.
    lab.talks(1, r#"willmsg "gone""#, &["connack 0"]);
    lab.talks(1, connect, &["connack 0"]);
    lab.written(&[r#"1 connect "a" clean keepalive 60"#]);
}

/// Its CONNACK is lost again and again, but it is not silent.
#[test]
fn a_client_that_repeats_itself_is_heard() {
    let mut lab = Lab::default();
    lab.talks(1, r#"connect "a" clean keepalive 4"#, &["connack 0"]);
    lab.talks(2, r#"connect "b" clean will keepalive 4"#, &["willtopicreq"]);
    lab.talks(2, r#"willtopic "w" q0"#, &["willmsgreq"]);
    lab.talks(2, r#"willmsg "gone""#, &["connack 0"]);
    lab.passes(4000);
    lab.talks(1, r#"connect "a" clean keepalive 4"#, &["connack 0"]);
    lab.talks(2, r#"willmsg "gone""#, &["connack 0"]);
    // A copy of WILLTOPICREQ came late.
    lab.talks(2, r#"willtopic "w" q0"#, &["connack 0"]);
    lab.passes(5999);
    lab.hears(1, &[]);
    lab.hears(2, &[]);
    lab.passes(1);
    lab.hears(1, &["disconnect"]);
    lab.hears(2, &["disconnect"]);
}

#[test]
fn an_empty_will_topic_ends_the_handshake() {
    let mut lab = Lab::default();
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, "willtopic", &["connack 0"]);
    lab.talks(1, "willtopic", &["connack 0"]);
}

#[test]
fn a_will_handshake_ends_after_its_time() {
    let mut lab = Lab::default();
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.passes(9999);
    assert_eq!(lab.gateway.usage().handshakes, 1);
    lab.passes(1);
    assert_eq!(lab.gateway.usage().handshakes, 0);
    lab.forget(1);
    lab.talks(1, r#"willtopic "w" q1"#, &[]);
}

#[test]
fn a_will_that_can_not_be_published_is_refused() {
    let limits = Limits { will_bytes: 5, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w/+" q1"#, &["connack 3"]);
    lab.noted("the will's topic is none, or the will is too large");
    lab.talks(1, r#"connect "a" clean will keepalive 60"#, &["willtopicreq"]);
    lab.talks(1, r#"willtopic "w" q1"#, &["willmsgreq"]);
    lab.talks(1, r#"willmsg "12345""#, &["connack 3"]);
    lab.has_links(0);
}

#[test]
fn a_kept_session_keeps_subscriptions_topic_ids_and_what_was_missed() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, r#"register #2 "mine""#, &["regack #2 @2 0"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.own_says(own, r#"publish "news" q1 #1 "one""#);
    lab.own_hears(own, &["puback #1"]);
    lab.has_links(0);
    // From another address; the client may have forgotten what the id stands for.
    lab.talks(2, r#"connect "a" keepalive 60"#, &["connack 0", r#"register #1 @1 "news""#]);
    lab.talks(2, "regack #1 @1 0", &[r#"publish @1 q1 #1 "one""#]);
    lab.talks(2, "puback #1 @1 0", &[]);
    lab.talks(2, r#"publish @2 q1 #3 "two""#, &["puback #3 @2 0"]);
}

#[test]
fn a_clean_session_begins_with_nothing() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.own_says(own, r#"publish "news" q1 #1 "one""#);
    lab.own_hears(own, &["puback #1"]);
    lab.talks(1, r#"publish @1 q1 #3 "two""#, &["puback #3 @1 2"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    assert_eq!(lab.gateway.usage().sessions, 0);
}

#[test]
fn what_is_no_client_is_refused() {
    let mut lab = Lab::new(Config { limits: Limits { client_id_bytes: 3, ..Limits::default() }, ..Config::default() });
    lab.talks(1, r#"connect "a" protocol 2 clean keepalive 60"#, &["connack 3"]);
    lab.noted("its protocol id is 2 and not 1");
    lab.talks(1, r#"connect "" clean keepalive 60"#, &["connack 3"]);
    lab.talks(1, r#"connect "abcd" clean keepalive 60"#, &["connack 3"]);
    lab.noted("the client id is empty or too long");
    lab.has_links(0);
}

#[test]
fn the_broker_refuses() {
    let users = vec![User { name: "u".into(), password: b"secret".as_slice().into(), allowed: true }];
    let refusal = broker::Refusal { client: None, times: Some(1), code: Code::Unavailable };
    let mut lab =
        Lab::before(Config::default(), broker::Config { users, refusals: vec![refusal], ..Default::default() });
    lab.talks(1, r#"connect "a" clean keepalive 60"#, &["connack 1"]);
    lab.noted("refused, rejected: congestion: the broker refused with 3");
    lab.talks(1, r#"connect "a" keepalive 60"#, &["connack 3"]);
    lab.noted("refused, rejected: not supported: the broker refused with 5");
    lab.has_links(0);
}

#[test]
fn the_gateway_logs_in() {
    let user = |password: &[u8]| User { name: "u".into(), password: password.into(), allowed: true };
    let config = || broker::Config { users: vec![user(b"secret")], ..Default::default() };
    let login = |password: &[u8]| Some(Login { name: "u".into(), password: password.into() });
    let mut lab = Lab::before(Config { login: login(b"secret"), ..Config::default() }, config());
    lab.connect(1, r#""a" clean keepalive 60"#);
    let mut lab = Lab::before(Config { login: login(b"wrong"), ..Config::default() }, config());
    lab.talks(1, r#"connect "a" clean keepalive 60"#, &["connack 3"]);
    assert!(!format!("{:?}", login(b"wrong")).contains("wrong"));
}

#[test]
fn no_broker() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.written(&["1 open"]);
    lab.loses(1, Why::Refused);
    lab.hears(1, &["connack 1"]);
    lab.noted("no connection to the broker: connection refused");
    assert_eq!(lab.gateway.usage().sessions, 0);
}

#[test]
fn a_broker_that_does_not_answer() {
    let mut lab = Lab::alone(Config { connect_within: Duration::from_secs(3), ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.written(&["1 open"]);
    lab.passes(3000);
    lab.hears(1, &["connack 1"]);
    lab.written(&["1 close"]);
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.passes(1000);
    lab.handle(quasimodem_lab::gateway::Input::Opened(quasimodem_lab::gateway::Link(2)));
    lab.passes(2999);
    lab.hears(1, &[]);
    lab.passes(1);
    lab.hears(1, &["connack 1"]);
    lab.noted("the broker does not answer");
    lab.written(&["2 open", r#"2 connect "a" clean keepalive 60"#, "2 close"]);
}

#[test]
fn a_client_may_leave_before_it_is_connected() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.written(&["1 open", "1 close"]);
}

#[test]
fn the_answer_to_disconnect_may_be_lost() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.passes(11_000);
    lab.talks(1, "disconnect", &[]);
}

#[test]
fn who_looks_for_a_gateway_finds_it() {
    let mut lab = Lab::new(Config { gateway: 7, ..Config::default() });
    lab.talks(1, "searchgw 1", &[r#"gwinfo 7 """#]);
}

/// What the modem does with such a broker, too.
#[test]
fn a_broker_that_remembers_a_clean_session_breaks_the_protocol() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.written(&["1 open"]);
    lab.handle(quasimodem_lab::gateway::Input::Opened(quasimodem_lab::gateway::Link(1)));
    lab.written(&[r#"1 connect "a" clean keepalive 60"#]);
    lab.answers(1, "connack 0 session");
    lab.hears(1, &["connack 1"]);
    lab.written(&["1 close"]);
    lab.noted("session present in answer to a clean session (MQTT-3.2.2-1)");
}
