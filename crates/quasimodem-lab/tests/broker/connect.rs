//! MQTT 3.1, 3.2 and 3.14: who is let in, and how clients go.

use quasimodem_core::mqtt::parse_words;
use quasimodem_lab::broker::{Code, Config, Input, Limits, Note, Refusal, User};

use crate::harness::Lab;

#[test]
fn the_first_packet_is_a_connect_3_1_0_1() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    lab.violates(peer, "pingreq", "MQTT-3.1.0-1");
}

#[test]
fn a_second_connect_is_a_violation_3_1_0_2() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.violates(peer, r#"connect "a" clean keepalive 0"#, "MQTT-3.1.0-2");
}

#[test]
fn a_malformed_connect_is_closed_without_connack_3_1_4_1() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    // The reserved flag is set.
    lab.violates(peer, "hex 10 0d 00 04 4d 51 54 54 04 03 00 00 00 01 61", "MQTT-3.1.2-3");
}

#[test]
fn another_level_gets_1_3_1_2_2() {
    let mut lab = Lab::default();
    for level in [3, 5] {
        let peer = lab.connected();
        lab.says(peer, &format!(r#"connect "a" level {level} clean keepalive 0"#));
        lab.hears(peer, &["connack 1", "closed"]);
        lab.noted("MQTT-3.1.2-2");
    }
}

#[test]
fn an_empty_client_id_gets_a_unique_one_3_1_3_6() {
    let mut lab = Lab::default();
    let mut given = Vec::new();
    lab.open(r#""auto-2" clean keepalive 0"#);
    for _ in 0..3 {
        lab.open(r#""" clean keepalive 0"#);
        given.extend(lab.notes.iter().find_map(Note::client).cloned());
    }
    assert_eq!(given, ["auto-1".into(), "auto-3".into(), "auto-4".into()]);
}

#[test]
fn an_empty_client_id_without_clean_session_gets_2_3_1_3_8() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    lab.talks(peer, r#"connect "" keepalive 0"#, &["connack 2", "closed"]);
    lab.noted("MQTT-3.1.3-8");
}

#[test]
fn what_follows_a_refused_connect_is_not_looked_at_3_1_4_5() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    let watcher = lab.open(r#""watcher" clean keepalive 0"#);
    lab.talks(watcher, r##"subscribe #1 "#" q0"##, &["suback #1 0"]);
    let mut bytes = parse_words(r#"connect "" keepalive 0"#).unwrap();
    bytes.extend(parse_words(r#"publish "t" q0 "x""#).unwrap());
    lab.sends(peer, &bytes);
    lab.hears(peer, &["connack 2", "closed"]);
    lab.hears(watcher, &[]);
}

#[test]
fn what_follows_an_accepted_connect_in_the_same_chunk_is_3_1_4() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    let mut bytes = parse_words(r#"connect "a" clean keepalive 0"#).unwrap();
    bytes.extend(parse_words("pingreq").unwrap());
    lab.sends(peer, &bytes);
    lab.hears(peer, &["connack 0", "pingresp"]);
}

#[test]
fn packets_may_come_byte_by_byte() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    let mut bytes = parse_words(r#"connect "a" clean keepalive 0"#).unwrap();
    bytes.extend(parse_words(r#"publish "t" q1 #1 "x""#).unwrap());
    bytes.extend(parse_words("pingreq").unwrap());
    for byte in bytes {
        lab.sends(peer, &[byte]);
    }
    lab.hears(peer, &["connack 0", "puback #1", "pingresp"]);
    assert_eq!(lab.broker.usage().partial_bytes, 0);
}

#[test]
fn users_need_their_password_3_2_2_3() {
    let user = |name: &str, password: &[u8], allowed| User { name: name.into(), password: password.into(), allowed };
    let users = vec![user("u", b"p", true), user("locked", b"p", false), user("open", b"", true)];
    let mut lab = Lab::new(Config { users, ..Config::default() });
    for (credentials, answers) in [
        (r#"user "u" password "p""#, &["connack 0"][..]),
        (r#"user "u" password "q""#, &["connack 4", "closed"]),
        (r#"user "u""#, &["connack 4", "closed"]),
        (r#"user "nobody" password "p""#, &["connack 4", "closed"]),
        (r#"user "locked" password "p""#, &["connack 5", "closed"]),
        (r#"user "locked" password "q""#, &["connack 4", "closed"]),
        (r#"user "open""#, &["connack 0"]),
        ("", &["connack 5", "closed"]),
    ] {
        let peer = lab.connected();
        lab.talks(peer, &format!(r#"connect "" clean keepalive 0 {credentials}"#), answers);
    }
}

#[test]
fn users_without_a_name_may_come_where_they_are_allowed() {
    let users = vec![User { name: "u".into(), password: (*b"secret").into(), allowed: true }];
    let config = Config { users, anonymous: true, ..Config::default() };
    assert!(!format!("{config:?}").contains("secret"));
    Lab::new(config).open(r#""a" clean keepalive 0"#);
}

#[test]
fn nobody_who_is_refused_takes_a_client_over() {
    let users = vec![User { name: "u".into(), password: (*b"p").into(), allowed: true }];
    let mut lab = Lab::new(Config { users, ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0 user "u" password "p""#);
    let other = lab.connected();
    lab.talks(other, r#"connect "a" clean keepalive 0 user "u" password "x""#, &["connack 4", "closed"]);
    lab.talks(peer, "pingreq", &["pingresp"]);
}

#[test]
fn connects_are_refused_on_demand() {
    let refusals = vec![Refusal { client: None, times: Some(2), code: Code::Unavailable }];
    let mut lab = Lab::new(Config { refusals, ..Config::default() });
    let attempt = |lab: &mut Lab, id: &str, code: u8| {
        let peer = lab.connected();
        lab.says(peer, &format!("connect {id:?} clean keepalive 0"));
        match code {
            0 => lab.hears(peer, &["connack 0"]),
            code => {
                lab.hears(peer, &[&format!("connack {code}"), "closed"]);
                lab.noted("on demand");
            }
        }
    };
    attempt(&mut lab, "a", 3);
    attempt(&mut lab, "b", 3);
    attempt(&mut lab, "c", 0);
    lab.broker.refuse(Refusal { client: Some("d".into()), times: None, code: Code::NotAuthorized });
    attempt(&mut lab, "d", 5);
    attempt(&mut lab, "d", 5);
    attempt(&mut lab, "e", 0);
    let all = [Code::Version, Code::Identifier, Code::Unavailable, Code::BadPassword, Code::NotAuthorized];
    for (code, number) in all.into_iter().zip(1..) {
        lab.broker.refuse_nobody();
        lab.broker.refuse(Refusal { client: None, times: None, code });
        attempt(&mut lab, "f", number);
        attempt(&mut lab, "d", number);
    }
    lab.broker.refuse_nobody();
    attempt(&mut lab, "d", 0);
}

#[test]
fn a_client_that_connects_again_is_taken_over_3_1_4_2() {
    let mut lab = Lab::default();
    let older = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(older, r#"subscribe #1 "t" q1"#, &["suback #1 1"]);
    let newer = lab.open(r#""a" clean keepalive 0"#);
    lab.noted("MQTT-3.1.4-2");
    lab.hears(older, &["closed"]);
    lab.talks(newer, r#"publish "t" q0 "x""#, &[]);
    assert_eq!((lab.broker.usage().clients, lab.broker.usage().subscriptions), (1, 0));
}

#[test]
fn a_disconnect_ends_the_connection_3_14_4() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    let mut bytes = parse_words("disconnect").unwrap();
    bytes.extend(parse_words("pingreq").unwrap());
    lab.sends(peer, &bytes);
    lab.hears(peer, &["closed"]);
    lab.noted("DISCONNECT");
    assert!(!lab.broker.wants(peer));
}

#[test]
fn packets_of_servers_are_violations_2_2_1() {
    for words in ["connack 0", "suback #1 0", "unsuback #1", "pingresp"] {
        let mut lab = Lab::default();
        let peer = lab.open(r#""a" clean keepalive 0"#);
        lab.violates(peer, words, "MQTT 2.2.1");
    }
}

#[test]
fn a_malformed_packet_ends_the_connection_4_8_0_1() {
    for (words, rule) in [
        ("hex 00 00", "MQTT 2.2.1"),
        ("hex 36 03 00 01 61", "MQTT-3.3.1-4"),
        (r#"publish "a/+" q0 "x""#, "MQTT-3.3.2-2"),
        (r#"subscribe #1 "a#" q0"#, "MQTT-4.7.1-2"),
        ("hex 80 06 00 01 00 01 61 00", "MQTT-3.8.1-1"),
        ("hex 82 02 00 01", "MQTT-3.8.3-3"),
        ("hex c0 ff ff ff 7f", "MQTT 2.2.3"),
    ] {
        let mut lab = Lab::default();
        let peer = lab.open(r#""a" clean keepalive 0"#);
        lab.violates(peer, words, rule);
    }
}

#[test]
fn the_driver_may_speak_of_peers_that_nobody_knows() {
    let mut lab = Lab::default();
    let peer = lab.connected();
    lab.talks(peer, "disconnect", &["closed"]);
    for input in [Input::Received(peer, b"\xc0\0"), Input::Gone(peer), Input::Full(peer), Input::Free(peer)] {
        lab.handle(input);
        assert!(lab.notes.is_empty());
    }
}

#[test]
fn a_client_id_that_is_too_long_gets_2_3_1_3_9() {
    let limits = Limits { client_id_bytes: 3, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let peer = lab.connected();
    lab.talks(peer, r#"connect "long" clean keepalive 0"#, &["connack 2", "closed"]);
    lab.noted("MQTT-3.1.3-9");
    lab.open(r#""abc" clean keepalive 0"#);
}
