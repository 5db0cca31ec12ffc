//! MQTT-SN 6.9, 6.10: subscriptions, and the ids of the messages that they bring.

use quasimodem_lab::broker;
use quasimodem_lab::gateway::{Config, Limits};

use crate::harness::Lab;

fn predefined() -> Config {
    Config { predefined: [(9, "pre/nine".into())].into(), ..Config::default() }
}

#[test]
fn names_get_an_id_with_the_suback() {
    let mut lab = Lab::new(predefined());
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q2"#, &["suback #1 @1 q2 0"]);
    lab.talks(1, r#"subscribe #2 predefined @9 q0"#, &["suback #2 @9 q0 0"]);
    lab.talks(1, r#"subscribe #3 short "ab" q0"#, &["suback #3 @0 q0 0"]);
    for topic in ["news", "pre/nine", "ab"] {
        lab.own_says(own, &format!(r#"publish "{topic}" q0 "x""#));
    }
    let heard = [r#"publish @1 q0 "x""#, r#"publish predefined @9 q0 "x""#, r#"publish short "ab" q0 "x""#];
    lab.hears(1, &heard);
    // The id serves for publishing too.
    lab.talks(1, r#"publish @1 q0 "y""#, &[r#"publish @1 q0 "y""#]);
}

#[test]
fn two_bytes_are_short_however_they_are_subscribed_to() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "ab" q1"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, r#"publish @1 q0 "y""#, &[r#"publish short "ab" q0 "y""#]);
    lab.talks(1, r#"unsubscribe #2 short "ab""#, &["unsuback #2"]);
    lab.talks(1, r#"publish @1 q0 "y""#, &[]);
}

#[test]
fn wildcards_are_registered_before_the_first_message() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "a/#" q1"#, &["suback #1 @0 q1 0"]);
    lab.own_says(own, r#"publish "a/b" q0 "1""#);
    lab.own_says(own, r#"publish "a/b" q0 "2""#);
    lab.hears(1, &[r#"register #1 @1 "a/b""#]);
    // Of another id, or from somebody else: not meant.
    lab.talks(1, "regack #2 @1 0", &[]);
    lab.talks(2, "regack #1 @1 0", &[]);
    lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q0 "1""#, r#"publish @1 q0 "2""#]);
    lab.own_says(own, r#"publish "a/b" q0 "3""#);
    lab.hears(1, &[r#"publish @1 q0 "3""#]);
}

/// MQTT-SN 6.10: who does not want an id does not want its messages.
#[test]
fn a_refused_id_is_not_used() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "a/#" q1"#, &["suback #1 @0 q1 0"]);
    lab.own_says(own, r#"publish "a/b" q1 #1 "1""#);
    lab.own_says(own, r#"publish "a/c" q1 #2 "2""#);
    lab.own_hears(own, &["puback #1", "puback #2"]);
    lab.hears(1, &[r#"register #1 @1 "a/b""#]);
    lab.talks(1, "regack #1 @1 3", &[r#"register #2 @2 "a/c""#]);
    lab.noted("\"a/b\" q1 dropped for \"a\": refused by the client");
    lab.talks(1, "regack #2 @2 0", &[r#"publish @2 q1 #2 "2""#]);
    lab.talks(1, "puback #2 @2 0", &[]);
    lab.own_says(own, r#"publish "a/b" q0 "3""#);
    lab.hears(1, &[]);
    // Unless it asks for it.
    lab.talks(1, r#"register #3 "a/b""#, &["regack #3 @1 0"]);
    lab.own_says(own, r#"publish "a/b" q0 "4""#);
    lab.hears(1, &[r#"publish @1 q0 "4""#]);
}

#[test]
fn what_is_refused() {
    let config = broker::Config { refused_filters: vec!["secret/#".into()], ..Default::default() };
    let mut lab = Lab::before(predefined(), config);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "secret/plan" q1"#, &["suback #1 @0 q0 3"]);
    lab.talks(1, r#"subscribe #2 predefined @8 q1"#, &["suback #2 @8 q0 2"]);
    lab.talks(1, r#"subscribe #3 short "a+" q1"#, &["suback #3 @0 q0 3"]);
    lab.talks(1, r##"subscribe #4 "a/#/b" q1"##, &["suback #4 @0 q0 3"]);
    lab.talks(1, r##"unsubscribe #5 "a/#/b""##, &["unsuback #5"]);
    lab.talks(1, r##"unsubscribe #6 predefined @8"##, &["unsuback #6"]);
}

#[test]
fn the_granted_qos_is_told() {
    let config = broker::Config { max_qos: quasimodem_core::mqtt::Qos::AtLeastOnce, ..Default::default() };
    let mut lab = Lab::before(Config::default(), config);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "t" q2"#, &["suback #1 @1 q1 0"]);
}

#[test]
fn subscriptions_end() {
    let mut lab = Lab::new(predefined());
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "a/+" q1"#, &["suback #1 @0 q1 0"]);
    lab.talks(1, r#"subscribe #2 predefined @9 q1"#, &["suback #2 @9 q1 0"]);
    lab.talks(1, r#"unsubscribe #3 "a/+""#, &["unsuback #3"]);
    lab.talks(1, r#"unsubscribe #4 predefined @9"#, &["unsuback #4"]);
    lab.own_says(own, r#"publish "a/b" q0 "1""#);
    lab.own_says(own, r#"publish "pre/nine" q0 "1""#);
    lab.hears(1, &[]);
}

/// Ids that only the gateway wanted make room, those that the client asked for do not.
#[test]
fn a_full_table_of_ids() {
    let limits = Limits { topics: 2, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "many/#" q1"#, &["suback #1 @0 q1 0"]);
    lab.talks(1, r#"register #2 "mine""#, &["regack #2 @1 0"]);
    for id in 2..6 {
        lab.own_says(own, &format!(r#"publish "many/{id}" q0 "x""#));
        lab.hears(1, &[&format!(r#"register #{} @{id} "many/{id}""#, id - 1)]);
        lab.talks(1, &format!("regack #{} @{id} 0", id - 1), &[&format!(r#"publish @{id} q0 "x""#)]);
    }
    lab.talks(1, r#"publish @5 q1 #3 "x""#, &[r#"publish @5 q1 #1 "x""#, "puback #3 @5 0"]);
    lab.says(1, "puback #1 @5 0");
    lab.talks(1, r#"publish @2 q1 #4 "x""#, &["puback #4 @2 2"]);
    lab.talks(1, r#"publish @1 q1 #5 "x""#, &["puback #5 @1 0"]);
    lab.talks(1, r#"register #6 "mine too""#, &["regack #6 @6 0"]);
    lab.talks(1, r#"register #7 "one too many""#, &["regack #7 @0 3"]);
    lab.own_says(own, r#"publish "many/7" q1 #1 "x""#);
    lab.own_hears(own, &["puback #1"]);
    lab.noted("no room for another topic id");
    assert_eq!(lab.gateway.usage().topics, 2);
}
