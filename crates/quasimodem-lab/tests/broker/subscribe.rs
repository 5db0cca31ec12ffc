//! MQTT 3.8 to 3.11 and 4.7: subscriptions.

use quasimodem_core::mqtt::Qos;
use quasimodem_lab::broker::{Config, Note};

use crate::harness::Lab;

#[test]
fn each_filter_gets_a_code_in_order_3_9_3_1() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r##"subscribe #12 "a" q2 "b/+" q0 "#" q1"##, &["suback #12 2 0 1"]);
    assert_eq!(lab.notes.len(), 3);
}

#[test]
fn the_granted_qos_can_be_limited_3_8_4_6() {
    let mut lab = Lab::new(Config { max_qos: Qos::AtLeastOnce, ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q2 "u" q0"#, &["suback #1 1 0"]);
    lab.talks(peer, r#"publish "t" q2 #9 "x""#, &[r#"publish "t" q1 #1 "x""#, "pubrec #9"]);
}

#[test]
fn overlapping_subscriptions_deliver_once_at_the_highest_qos_3_3_5_1() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r##"subscribe #1 "a/b" q0 "a/+" q1 "#" q2 "a/#" q0"##, &["suback #1 0 1 2 0"]);
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    lab.talks(publisher, r#"publish "a/b" q2 #1 "x""#, &["pubrec #1"]);
    lab.hears(peer, &[r#"publish "a/b" q2 #1 "x""#]);
    lab.talks(publisher, r#"publish "a" q1 #2 "x""#, &["puback #2"]);
    lab.hears(peer, &[r#"publish "a" q1 #2 "x""#]);
}

#[test]
fn the_same_filter_replaces_the_qos_3_8_4_3() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    for filter in ["t", "+"] {
        lab.talks(peer, &format!("subscribe #1 {filter:?} q2"), &["suback #1 2"]);
        lab.talks(peer, &format!("subscribe #2 {filter:?} q0"), &["suback #2 0"]);
        lab.talks(peer, r#"publish "t" q0 "x""#, &[r#"publish "t" q0 "x""#]);
        assert_eq!(lab.broker.usage().subscriptions, 1);
        lab.talks(peer, &format!("unsubscribe #3 {filter:?}"), &["unsuback #3"]);
    }
}

#[test]
fn leading_wildcards_do_not_match_dollar_topics_4_7_2_1() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r##"subscribe #1 "#" q0 "+/x" q0"##, &["suback #1 0 0"]);
    let publisher = lab.open(r#""p" clean keepalive 0"#);
    lab.talks(publisher, r#"publish "$lab/x" q0 "1""#, &[]);
    lab.hears(peer, &[]);
    lab.talks(peer, r##"subscribe #1 "$lab/#" q0"##, &["suback #1 0"]);
    lab.talks(publisher, r#"publish "$lab/x" q0 "2""#, &[]);
    lab.hears(peer, &[r#"publish "$lab/x" q0 "2""#]);
}

#[test]
fn an_empty_level_is_a_level_4_7_1() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "+" q0 "/+" q1"#, &["suback #1 0 1"]);
    lab.talks(peer, r#"publish "/t" q1 #1 "x""#, &[r#"publish "/t" q1 #1 "x""#, "puback #1"]);
    lab.talks(peer, r#"publish "T" q0 "y""#, &[r#"publish "T" q0 "y""#]);
}

#[test]
fn filters_are_refused_on_demand_3_9_3() {
    let refused_filters = vec!["secret/#".into(), "a/+/c".into(), "t".into()];
    let mut lab = Lab::new(Config { refused_filters, ..Config::default() });
    let peer = lab.open(r#""a" clean keepalive 0"#);
    let subscribe = r##"subscribe #1 "secret" q1 "secret/#" q0 "secret/x/y" q2 "a/b/c" q0 "a/+/c" q0 "t" q0 "u" q1"##;
    lab.talks(peer, subscribe, &["suback #1 128 128 128 128 128 128 1"]);
    lab.noted("refused to subscribe");
    lab.talks(peer, r#"publish "t" q0 "x""#, &[]);
    assert_eq!(lab.broker.usage().subscriptions, 1);
}

#[test]
fn an_unsubscribe_is_always_answered_3_10_4_5() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q0 "u" q0 "+" q0"#, &["suback #1 0 0 0"]);
    lab.talks(peer, r#"unsubscribe #2 "t" "nothing" "+""#, &["unsuback #2"]);
    let existed = |note: &Note| matches!(note, Note::Unsubscribed { existed: true, .. });
    assert_eq!(lab.notes.iter().map(existed).collect::<Vec<_>>(), [true, false, true]);
    lab.talks(peer, r#"publish "t" q0 "x""#, &[]);
    lab.talks(peer, r#"publish "u" q0 "x""#, &[r#"publish "u" q0 "x""#]);
}

#[test]
fn what_is_on_its_way_is_delivered_after_an_unsubscribe_3_10_4_3() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q2"#, &["suback #1 2"]);
    lab.talks(peer, r#"publish "t" q2 #1 "x""#, &[r#"publish "t" q2 #1 "x""#, "pubrec #1"]);
    lab.talks(peer, r#"unsubscribe #2 "t""#, &["unsuback #2"]);
    lab.gone(peer);
    let peer = lab.resume(r#""a" keepalive 0"#);
    lab.hears(peer, &[r#"publish "t" q2 #1 dup "x""#]);
    lab.talks(peer, "pubrec #1", &["pubrel #1"]);
    lab.talks(peer, "pubcomp #1", &[]);
}
