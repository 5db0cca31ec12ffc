//! The connections to the broker.

use quasimodem_core::{Why, mqtt};
use quasimodem_lab::gateway::{Config, Input, Link};

use crate::harness::Lab;

fn lab() -> Lab {
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 0"#);
    lab.accepts(1);
    lab.hears(1, &["connack 0"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#]);
    lab
}

#[test]
fn a_lost_connection_is_told_to_the_client() {
    let mut lab = lab();
    lab.loses(1, Why::Reset);
    lab.hears(1, &["disconnect"]);
    lab.noted("\"a\" ended: connection to the broker: reset by the peer");
    lab.talks(1, "pingreq", &["disconnect"]);
    lab.has_links(0);
}

#[test]
fn the_broker_is_pinged() {
    let mut lab = lab();
    lab.passes(59_999);
    lab.written(&[]);
    lab.passes(1);
    lab.written(&["1 pingreq"]);
    lab.answers(1, "pingresp");
    lab.says(1, r#"publish short "ab" q0 "x""#);
    lab.passes(60_000);
    lab.written(&[r#"1 publish "ab" q0 "x""#, "1 pingreq"]);
    lab.passes(60_000);
    lab.hears(1, &["disconnect"]);
    lab.noted("the broker does not answer");
    lab.written(&["1 disconnect", "1 close"]);
}

#[test]
fn a_broker_that_breaks_the_protocol() {
    for words in ["connack 0", r#"connect "x" clean keepalive 0"#, "hex ff 00", "pingreq", "hex 30 00"] {
        let mut lab = lab();
        lab.answers(1, words);
        lab.hears(1, &["disconnect"]);
        lab.written(&["1 close"]);
    }
    let mut lab = Lab::alone(Config::default());
    lab.says(1, r#"connect "a" clean keepalive 0"#);
    lab.handle(Input::Opened(Link(1)));
    lab.answers(1, "pingresp");
    lab.hears(1, &["connack 1"]);
    lab.written(&["1 open", r#"1 connect "a" clean keepalive 60"#, "1 close"]);
}

#[test]
fn how_bytes_are_cut_means_nothing() {
    let mut lab = lab();
    let packets = [r#"publish "ab" q0 "1""#, r#"publish "ab" q0 "2""#].map(|words| mqtt::parse_words(words).unwrap());
    for byte in packets.concat() {
        lab.handle(Input::Received(Link(1), &[byte]));
    }
    lab.hears(1, &[r#"publish short "ab" q0 "1""#, r#"publish short "ab" q0 "2""#]);
}

#[test]
fn links_that_nobody_knows_are_ignored() {
    let mut lab = lab();
    for input in [
        Input::Opened(Link(7)),
        Input::Received(Link(7), &[0x20, 2, 0, 0]),
        Input::Closed(Link(7), Why::Ended),
        Input::Full(Link(7)),
        Input::Free(Link(7)),
        Input::Opened(Link(1)),
    ] {
        lab.handle(input);
    }
    assert!(!lab.gateway.wants(Link(7)));
    lab.talks(1, "pingreq", &["pingresp"]);
}
