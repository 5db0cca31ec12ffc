//! MQTT 3.3.1.3: retained messages.

use quasimodem_lab::broker::{Config, Limits};

use crate::harness::Lab;

#[test]
fn a_new_subscriber_gets_the_last_one_3_3_1_6() {
    let mut lab = Lab::default();
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    lab.talks(publisher, r#"publish "t" q1 #1 retain "old""#, &["puback #1"]);
    lab.talks(publisher, r#"publish "t" q1 #1 retain "new""#, &["puback #1"]);
    lab.talks(publisher, r#"publish "t" q1 #1 "live""#, &["puback #1"]);
    // It outlives its publisher [MQTT-3.1.2-7].
    lab.gone(publisher);
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q2"#, &["suback #1 2", r#"publish "t" q1 #1 retain "new""#]);
    lab.talks(peer, "puback #1", &[]);
    // Again for the same filter [MQTT-3.8.4-3], at the QoS that is granted now.
    lab.talks(peer, r#"subscribe #2 "t" q0"#, &["suback #2 0", r#"publish "t" q0 retain "new""#]);
}

#[test]
fn wildcards_get_all_that_match_once_for_each_filter_3_8_4_4() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    for topic in ["b/1", "b/2", "$b", "c"] {
        lab.talks(peer, &format!(r#"publish {topic:?} q0 retain "x""#), &[]);
    }
    let b = [r#"publish "b/1" q0 retain "x""#, r#"publish "b/2" q0 retain "x""#];
    lab.talks(peer, r#"subscribe #1 "b/+" q0 "+/2" q1"#, &["suback #1 0 1", b[0], b[1], b[1]]);
    lab.talks(peer, r##"subscribe #1 "#" q0"##, &["suback #1 0", b[0], b[1], r#"publish "c" q0 retain "x""#]);
}

#[test]
fn live_subscribers_get_it_without_the_flag_3_3_1_9() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q0"#, &["suback #1 0"]);
    lab.talks(peer, r#"publish "t" q0 retain "x""#, &[r#"publish "t" q0 "x""#]);
}

#[test]
fn an_empty_one_clears_the_topic_3_3_1_10() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q0"#, &["suback #1 0"]);
    lab.talks(peer, r#"publish "t" q0 retain "x""#, &[r#"publish "t" q0 "x""#]);
    lab.talks(peer, r#"publish "t" q0 retain """#, &[r#"publish "t" q0 """#]);
    lab.talks(peer, r#"subscribe #1 "t" q0"#, &["suback #1 0"]);
    assert_eq!((lab.broker.usage().retained, lab.broker.usage().retained_bytes), (0, 0));
}

#[test]
fn without_the_flag_nothing_is_stored_or_cleared_3_3_1_12() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"publish "t" q0 retain "x""#, &[]);
    lab.talks(peer, r#"publish "t" q0 """#, &[]);
    lab.talks(peer, r#"publish "u" q0 "x""#, &[]);
    lab.talks(peer, r#"subscribe #1 "t" q0 "u" q0"#, &["suback #1 0 0", r#"publish "t" q0 retain "x""#]);
}

#[test]
fn a_refused_subscription_gets_nothing() {
    let mut lab = Lab::new(Config { refused_filters: vec!["t".into()], ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"publish "t" q0 retain "x""#, &[]);
    lab.talks(peer, r#"subscribe #1 "t" q0"#, &["suback #1 128"]);
}

#[test]
fn what_does_not_fit_is_delivered_but_not_retained() {
    let limits = Limits { retained: 2, retained_bytes: 8, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"publish "1" q0 retain "x""#, &[]);
    lab.talks(peer, r#"publish "2" q0 retain "x""#, &[]);
    lab.talks(peer, r#"publish "3" q0 retain "x""#, &[]);
    lab.noted("\"3\" not retained");
    // An outdated one is not the last message any more.
    lab.talks(peer, r#"publish "2" q0 retain "too long""#, &[]);
    lab.noted("\"2\" not retained");
    lab.talks(peer, r#"publish "1" q0 retain "replaced""#, &[]);
    lab.noted("\"1\" not retained");
    lab.talks(peer, r#"publish "1" q0 retain "replace""#, &[]);
    lab.talks(peer, r##"subscribe #1 "#" q0"##, &["suback #1 0", r#"publish "1" q0 retain "replace""#]);
    assert_eq!((lab.broker.usage().retained, lab.broker.usage().retained_bytes), (1, 8));
}

#[test]
fn one_call_delivers_no_more_than_may_be_retained() {
    let limits = Limits { retained_bytes: 10, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"publish "t" q0 retain "1234567""#, &[]);
    let retained = r#"publish "t" q0 retain "1234567""#;
    lab.talks(peer, r##"subscribe #1 "#" q0 "+" q0 "t" q0"##, &["suback #1 0 0 0", retained]);
    lab.noted("1 retained of \"+\" dropped");
    lab.talks(peer, r#"subscribe #1 "+" q0"#, &["suback #1 0", retained]);
}
