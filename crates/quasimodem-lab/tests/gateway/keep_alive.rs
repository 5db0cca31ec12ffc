//! MQTT-SN 7.2: silence, and what breaks it.

use crate::harness::Lab;

#[test]
fn silence_is_tolerated_for_half_as_long_again_or_a_tenth() {
    for (duration, limit) in [(10, 15_000), (60, 90_000), (100, 110_000), (1000, 1_100_000)] {
        let mut lab = Lab::default();
        lab.connect(1, &format!(r#""a" clean keepalive {duration}"#));
        lab.passes(limit - 1);
        lab.hears(1, &[]);
        lab.passes(1);
        lab.hears(1, &["disconnect"]);
        lab.has_links(0);
    }
}

#[test]
fn anything_that_is_heard_counts() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 10"#);
    for words in ["pingreq", r#"publish short "ab" q0 "x""#, "puback #1 @1 0"] {
        lab.passes(14_999);
        lab.says(1, words);
    }
    lab.hears(1, &["pingresp"]);
    lab.passes(14_999);
    // What is no packet, or comes from elsewhere, does not.
    lab.sends(1, &[7]);
    lab.says(2, "pingreq");
    lab.hears(2, &["disconnect"]);
    lab.passes(1);
    lab.hears(1, &["disconnect"]);
}

#[test]
fn no_duration_no_limit() {
    let mut lab = Lab::default();
    lab.connect(1, r#""a" clean keepalive 0"#);
    lab.passes(10_000_000);
    lab.talks(1, "pingreq", &["pingresp"]);
}
