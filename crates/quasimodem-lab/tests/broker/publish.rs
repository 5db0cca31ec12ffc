//! MQTT 3.3 to 3.7 and 4.3: messages at each QoS, both ways.

use quasimodem_lab::broker::{Config, Limits, Note, Peer};

use crate::harness::Lab;

/// A subscriber with QoS 2 to `t`, and a publisher.
fn pair(lab: &mut Lab) -> (Peer, Peer) {
    let subscriber = lab.open(r#""subscriber" keepalive 0"#);
    lab.talks(subscriber, r#"subscribe #1 "t" q2"#, &["suback #1 2"]);
    (subscriber, lab.open(r#""publisher" keepalive 0"#))
}

#[test]
fn qos_0_is_sent_once_4_3_1() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q0 "x""#, &[]);
    lab.hears(subscriber, &[r#"publish "t" q0 "x""#]);
}

#[test]
fn qos_1_is_acknowledged_both_ways_4_3_2() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q1 #77 "x""#, &["puback #77"]);
    lab.hears(subscriber, &[r#"publish "t" q1 #1 "x""#]);
    assert_eq!(lab.broker.usage().in_flight, 1);
    lab.talks(subscriber, "puback #1", &[]);
    assert_eq!(lab.broker.usage().in_flight, 0);
}

#[test]
fn qos_1_with_the_same_id_is_a_new_message_4_3_2_2() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q1 #7 "x""#, &["puback #7"]);
    lab.talks(publisher, r#"publish "t" q1 #7 dup "x""#, &["puback #7"]);
    lab.hears(subscriber, &[r#"publish "t" q1 #1 "x""#, r#"publish "t" q1 #2 "x""#]);
}

#[test]
fn qos_2_takes_four_packets_both_ways_4_3_3() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q2 #7 "x""#, &["pubrec #7"]);
    lab.hears(subscriber, &[r#"publish "t" q2 #1 "x""#]);
    lab.talks(publisher, "pubrel #7", &["pubcomp #7"]);
    lab.talks(subscriber, "pubrec #1", &["pubrel #1"]);
    assert_eq!(lab.broker.usage().in_flight, 1);
    lab.talks(subscriber, "pubcomp #1", &[]);
    assert_eq!(lab.broker.usage().in_flight, 0);
}

#[test]
fn qos_2_is_accepted_once_until_it_is_released_4_3_3_2() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q2 #7 "x""#, &["pubrec #7"]);
    assert!(matches!(lab.notes[..], [Note::Published { dup: false, .. }, Note::Delivered { dup: false, .. }]));
    lab.talks(publisher, r#"publish "t" q2 #7 dup "x""#, &["pubrec #7"]);
    assert!(matches!(lab.notes[..], [Note::Duplicate { lost: None, .. }]));
    for another in [r#"publish "t" q2 #7 "other""#, r#"publish "t" q2 #7 dup "other""#, r#"publish "tx" q2 #7 """#] {
        lab.talks(publisher, another, &["pubrec #7"]);
        assert!(matches!(lab.notes[..], [Note::Duplicate { lost: Some(_), .. }]), "{another}");
    }
    lab.noted(r#"published another message to "tx" under #7, which awaits its PUBREL: lost"#);
    lab.gone(publisher);
    let publisher = lab.resume(r#""publisher" keepalive 0"#);
    lab.talks(publisher, r#"publish "t" q2 #7 dup "x""#, &["pubrec #7"]);
    lab.talks(publisher, "pubrel #7", &["pubcomp #7"]);
    lab.hears(subscriber, &[r#"publish "t" q2 #1 "x""#]);
    // From here on the id means another message.
    lab.talks(publisher, r#"publish "t" q2 #7 "y""#, &["pubrec #7"]);
    lab.hears(subscriber, &[r#"publish "t" q2 #2 "y""#]);
}

#[test]
fn acknowledgements_that_nobody_waits_for_4_3_3() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, "pubrel #9", &["pubcomp #9"]);
    lab.talks(peer, "pubrec #9", &["pubrel #9"]);
    lab.talks(peer, "puback #9", &[]);
    lab.talks(peer, "pubcomp #9", &[]);
    lab.talks(peer, "pingreq", &["pingresp"]);
}

#[test]
fn a_second_pubrec_gets_a_second_pubrel_4_3_3() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q2 #7 "x""#, &["pubrec #7"]);
    lab.hears(subscriber, &[r#"publish "t" q2 #1 "x""#]);
    lab.talks(subscriber, "pubrec #1", &["pubrel #1"]);
    lab.talks(subscriber, "pubrec #1", &["pubrel #1"]);
    lab.talks(subscriber, "pubcomp #1", &[]);
}

#[test]
fn acknowledgements_of_another_kind_are_violations_4_3() {
    for (publish, ack, rule) in [
        (r#"publish "t" q1 #7 "x""#, "pubrec #1", "MQTT 4.3.2"),
        (r#"publish "t" q1 #7 "x""#, "pubcomp #1", "MQTT 4.3.2"),
        (r#"publish "t" q2 #7 "x""#, "puback #1", "MQTT 4.3.3"),
        (r#"publish "t" q2 #7 "x""#, "pubcomp #1", "MQTT 4.3.3"),
    ] {
        let mut lab = Lab::default();
        let (subscriber, publisher) = pair(&mut lab);
        lab.says(publisher, publish);
        assert!(lab.heard(publisher).is_some() && lab.heard(subscriber).is_some());
        lab.violates(subscriber, ack, rule);
    }
}

#[test]
fn the_qos_is_the_lower_of_two_3_8_4_6() {
    let mut lab = Lab::default();
    let publisher = lab.open(r#""publisher" clean keepalive 0"#);
    let subscribers = [0, 1, 2].map(|qos| {
        let peer = lab.open(&format!(r#""s{qos}" clean keepalive 0"#));
        lab.talks(peer, &format!(r#"subscribe #1 "t" q{qos}"#), &[&format!("suback #1 {qos}")]);
        peer
    });
    for qos in [0, 1, 2] {
        let id = if qos == 0 { "" } else { "#1 " };
        lab.says(publisher, &format!(r#"publish "t" q{qos} {id}"x""#));
        assert_eq!(lab.heard(publisher).is_some(), qos > 0);
        lab.says(publisher, "pubrel #1");
        lab.hears(publisher, &["pubcomp #1"]);
        for (granted, peer) in (0..).zip(subscribers) {
            let heard = lab.heard(peer).unwrap();
            assert!(heard.starts_with(&format!(r#"publish "t" q{}"#, granted.min(qos))), "{heard}");
        }
    }
}

#[test]
fn neither_dup_nor_retain_is_handed_on_3_3_1() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q1 #1 retain dup "x""#, &["puback #1"]);
    lab.hears(subscriber, &[r#"publish "t" q1 #1 "x""#]);
    assert!(matches!(
        lab.notes[..],
        [
            Note::Published { dup: true, retain: true, will: false, .. },
            Note::Delivered { dup: false, retain: false, .. }
        ]
    ));
}

#[test]
fn a_publisher_gets_its_own_message() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    lab.talks(peer, r#"subscribe #1 "t" q1"#, &["suback #1 1"]);
    lab.talks(peer, r#"publish "t" q1 #1 "x""#, &[r#"publish "t" q1 #1 "x""#, "puback #1"]);
}

#[test]
fn what_exceeds_the_window_waits_in_order_4_6() {
    let limits = Limits { in_flight: 2, ..Limits::default() };
    let mut lab = Lab::new(Config { limits, ..Config::default() });
    let (subscriber, publisher) = pair(&mut lab);
    for (qos, id) in [(1, "#1 "), (2, "#2 "), (1, "#3 "), (0, ""), (2, "#4 ")] {
        lab.says(publisher, &format!(r#"publish "t" q{qos} {id}"{id}""#));
        lab.heard(publisher);
    }
    lab.hears(subscriber, &[r##"publish "t" q1 #1 "#1 ""##, r##"publish "t" q2 #2 "#2 ""##]);
    // The message of QoS 0 keeps its place behind the third.
    lab.talks(subscriber, "puback #1", &[r##"publish "t" q1 #3 "#3 ""##, r#"publish "t" q0 """#]);
    lab.talks(subscriber, "pubrec #2", &["pubrel #2"]);
    lab.talks(subscriber, "pubcomp #2", &[r##"publish "t" q2 #4 "#4 ""##]);
}

#[test]
fn ids_are_not_used_again_while_they_are_in_flight_2_3_1_4() {
    let mut lab = Lab::default();
    let (subscriber, publisher) = pair(&mut lab);
    lab.talks(publisher, r#"publish "t" q1 #1 "first""#, &["puback #1"]);
    lab.hears(subscriber, &[r#"publish "t" q1 #1 "first""#]);
    let next = |id: u16| if id == 65535 { 2 } else { id + 1 };
    let mut id = 2;
    for _ in 0..65_600 {
        lab.talks(publisher, r#"publish "t" q1 #1 "x""#, &["puback #1"]);
        lab.hears(subscriber, &[&format!(r#"publish "t" q1 #{id} "x""#)]);
        lab.talks(subscriber, &format!("puback #{id}"), &[]);
        id = next(id);
    }
}
