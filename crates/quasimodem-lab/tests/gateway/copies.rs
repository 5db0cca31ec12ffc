//! UDP doubles datagrams and changes their order: nothing is done twice.

use quasimodem_lab::gateway::Config;

use crate::harness::Lab;

#[test]
fn qos_2_arrives_once_whatever_comes_twice() {
    let mut lab = Lab::default();
    let watcher = lab.watcher();
    lab.connect(1, r#""a" clean keepalive 60"#);
    let publish = r#"publish short "ab" q2 #1 "x""#;
    lab.talks(1, publish, &["pubrec #1"]);
    lab.talks(1, r#"publish short "ab" q2 #1 dup "x""#, &["pubrec #1"]);
    lab.talks(1, "pubrel #1", &["pubcomp #1"]);
    lab.talks(1, "pubrel #1", &["pubcomp #1"]);
    // Late copies.
    lab.talks(1, publish, &[]);
    lab.talks(1, "pubrel #1", &["pubcomp #1"]);
    lab.own_hears(watcher, &[r#"publish "ab" q2 #1 "x""#]);
    // The same identifier for another message, and for the same one much later.
    lab.talks(1, r#"publish short "ab" q2 #1 "y""#, &["pubrec #1"]);
    lab.talks(1, "pubrel #1", &["pubcomp #1"]);
    lab.passes(5001);
    lab.talks(1, publish, &["pubrec #1"]);
    assert_eq!(lab.own_heard(watcher).len(), 2);
}

#[test]
fn qos_1_on_its_way_is_not_sent_again() {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 60"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.says(1, r#"publish short "ab" q1 #1 "x""#);
    lab.says(1, r#"publish short "ab" q1 #1 dup "x""#);
    lab.says(1, r#"subscribe #2 "t" q0"#);
    lab.says(1, r#"subscribe #2 "t" q0 dup"#);
    lab.says(1, r#"unsubscribe #3 "t""#);
    lab.says(1, r#"unsubscribe #3 "t""#);
    lab.says(1, r#"publish short "ab" q2 #4 "x""#);
    lab.says(1, r#"publish short "ab" q2 #4 dup "x""#);
    lab.written(&[
        "1 open",
        r#"1 connect "a" clean keepalive 60"#,
        r#"1 publish "ab" q1 #1 "x""#,
        r#"1 subscribe #2 "t" q0"#,
        r#"1 unsubscribe #3 "t""#,
        r#"1 publish "ab" q2 #4 "x""#,
    ]);
    lab.answers(1, "pubrec #4");
    lab.says(1, "pubrel #4");
    lab.says(1, "pubrel #4");
    lab.written(&["1 pubrel #4"]);
    lab.hears(1, &["pubrec #4"]);
}

#[test]
fn old_copies_of_subscribe_and_unsubscribe_change_nothing() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, r#"subscribe #1 "news" q1 dup"#, &["suback #1 @1 q1 0"]);
    lab.talks(1, r#"unsubscribe #2 "news""#, &["unsuback #2"]);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.own_says(own, r#"publish "news" q0 "x""#);
    lab.hears(1, &[]);
    lab.talks(1, r#"subscribe #3 "news" q1"#, &["suback #3 @1 q1 0"]);
    lab.talks(1, r#"unsubscribe #2 "news""#, &["unsuback #2"]);
    lab.own_says(own, r#"publish "news" q0 "x""#);
    lab.hears(1, &[r#"publish @1 q0 "x""#]);
}

#[test]
fn an_old_copy_of_connect_does_not_end_subscriptions() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.own_says(own, r#"publish "news" q0 "1""#);
    lab.hears(1, &[r#"publish @1 q0 "1""#]);
    // Later it is a client that begins anew, as it is with another wish at once.
    lab.passes(5001);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.own_says(own, r#"publish "news" q0 "2""#);
    lab.hears(1, &[]);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.connect(1, r#""a" clean keepalive 61"#);
    lab.own_says(own, r#"publish "news" q0 "3""#);
    lab.hears(1, &[]);
    lab.has_links(1);
}

/// A message whose topic id the client did not know is told the id and sent again, with the identifier that it had.
#[test]
fn a_copy_of_a_refusal_loses_no_message() {
    let mut lab = Lab::default();
    let own = lab.own(r#""p" clean keepalive 0"#);
    lab.connect(1, r#""a" clean keepalive 60"#);
    lab.talks(1, r#"subscribe #1 "news" q1"#, &["suback #1 @1 q1 0"]);
    lab.own_says(own, r#"publish "news" q1 #1 "x""#);
    lab.own_hears(own, &["puback #1"]);
    lab.hears(1, &[r#"publish @1 q1 #1 "x""#]);
    lab.talks(1, "puback #1 @1 2", &[r#"register #1 @1 "news""#]);
    lab.talks(1, "puback #1 @1 2", &[]);
    lab.talks(1, "regack #1 @1 0", &[r#"publish @1 q1 #1 dup "x""#]);
    lab.talks(1, "puback #1 @1 2", &[]);
    lab.passes(2000);
    lab.hears(1, &[r#"publish @1 q1 #1 dup "x""#]);
    lab.talks(1, "puback #1 @1 0", &[]);
    assert_eq!(lab.gateway.usage().queued, 0);
}
