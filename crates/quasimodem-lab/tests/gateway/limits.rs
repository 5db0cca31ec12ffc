//! What happens at each limit.

use quasimodem_lab::gateway::{Config, Limits};

use crate::harness::Lab;

fn lab(limits: Limits) -> Lab {
    Lab::new(Config { limits, ..Config::default() })
}

#[test]
fn clients_get_congestion() {
    let mut lab = lab(Limits { clients: 2, ..Limits::default() });
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.connect(2, r#""b" clean keepalive 60"#);
    lab.talks(2, "disconnect 1000", &["disconnect"]);
    lab.talks(3, r#"connect "c" clean keepalive 60"#, &["connack 1"]);
    lab.noted("too many clients");
    // A takeover needs no more room.
    lab.connect(4, r#""a" clean keepalive 60"#);
    lab.hears(1, &["disconnect"]);
    lab.talks(4, "disconnect", &["disconnect"]);
    lab.connect(3, r#""c" clean keepalive 60"#);
    lab.talks(2, "pingreq", &["pingresp"]);
}

#[test]
fn the_session_that_was_kept_longest_makes_room() {
    let mut lab = lab(Limits { sessions: 2, ..Limits::default() });
    for id in ["a", "b"] {
        lab.connect(1, &format!("{id:?} keepalive 60"));
        lab.talks(1, r#"register #1 "t""#, &["regack #1 @1 0"]);
        lab.talks(1, "disconnect", &["disconnect"]);
        lab.passes(1);
    }
    lab.connect(2, r#""c" clean keepalive 60"#);
    lab.connect(1, r#""b" keepalive 60"#);
    lab.talks(1, r#"publish @1 q1 #1 "x""#, &["puback #1 @1 0"]);
    // Those that are connected do not.
    lab.talks(3, r#"connect "d" clean keepalive 60"#, &["connack 1"]);
    lab.talks(1, "disconnect", &["disconnect"]);
    lab.connect(1, r#""a" keepalive 60"#);
    lab.talks(1, r#"publish @1 q1 #1 "x""#, &["puback #1 @1 2"]);
    assert_eq!(lab.gateway.usage().sessions, 2);
}

#[test]
fn the_oldest_handshake_makes_room() {
    let mut lab = lab(Limits { handshakes: 2, ..Limits::default() });
    for client in 1..4 {
        lab.talks(client, &format!(r#"connect "{client}" clean will keepalive 60"#), &["willtopicreq"]);
        lab.passes(1);
    }
    assert_eq!(lab.gateway.usage().handshakes, 2);
    lab.talks(1, r#"willtopic "w" q0"#, &[]);
    lab.talks(2, r#"willtopic "w" q0"#, &["willmsgreq"]);
}

#[test]
fn bytes_of_topic_names() {
    let mut lab = lab(Limits { topic_bytes: 10, ..Limits::default() });
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"register #1 "1234567""#, &["regack #1 @1 0"]);
    lab.talks(1, r#"register #2 "1234""#, &["regack #2 @0 3"]);
    lab.talks(1, r#"register #3 "123""#, &["regack #3 @2 0"]);
    // The subscription holds, and its messages come with an id if there is room then.
    lab.talks(1, r#"subscribe #4 "1234" q0"#, &["suback #4 @0 q0 0"]);
}

/// Nobody can crowd wills out by messages that need no connection.
#[test]
fn the_gateways_own_messages() {
    let limits = Limits { own: 4, own_bytes: 30, ..Limits::default() };
    let mut lab = Lab::alone(Config { limits, ..Config::default() });
    for _ in 0..4 {
        lab.says(1, r#"publish short "ab" q-1 "x""#);
    }
    lab.noted("\"ab\" q-1 dropped: too many messages wait");
    assert_eq!(lab.gateway.usage().own, 2);
    for client in 2..5 {
        lab.talks(client, &format!(r#"connect "{client}" clean will keepalive 1"#), &["willtopicreq"]);
        lab.talks(client, r#"willtopic "w" q1"#, &["willmsgreq"]);
        lab.says(client, r#"willmsg "1234""#);
        lab.accepts(u64::from(client));
        lab.hears(client, &["connack 0"]);
    }
    lab.passes(1500);
    lab.noted("\"w\" q1 dropped for \"4\": too many messages wait");
    let usage = lab.gateway.usage();
    assert_eq!((usage.own, usage.own_bytes), (4, 16));
    for client in 2..5 {
        lab.hears(client, &["disconnect"]);
    }
    lab.accepts(1);
    let connects = ["1 open", "2 open", r#"2 connect "2" clean keepalive 60"#, "3 open"];
    let rest = [
        r#"3 connect "3" clean keepalive 60"#,
        "4 open",
        r#"4 connect "4" clean keepalive 60"#,
        "2 disconnect",
        "2 close",
        "3 disconnect",
        "3 close",
        "4 disconnect",
        "4 close",
        r#"1 connect "" clean keepalive 60"#,
        r#"1 publish "ab" q0 "x""#,
        r#"1 publish "ab" q0 "x""#,
        r#"1 publish "w" q1 #1 "1234""#,
        r#"1 publish "w" q1 #2 "1234""#,
    ];
    lab.written(&[&connects[..], &rest[..]].concat());
    lab.answers(1, "puback #1");
    lab.answers(1, "puback #2");
    let usage = lab.gateway.usage();
    assert_eq!((usage.own, usage.own_bytes), (0, 0));
}

#[test]
fn a_packet_of_the_broker_that_is_too_long_ends_the_connection() {
    let limits = Limits { packet: 20, ..Limits::default() };
    let mut lab = Lab::alone(Config { limits, ..Config::default() });
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.answers(1, "hex 30 13");
    lab.hears(1, &["disconnect"]);
    lab.noted("MQTT 2.2.3");
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#, "1 close"]);
}
