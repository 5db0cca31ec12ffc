//! MQTT 3.1.2.10: time.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_lab::broker::{Config, Input};

use crate::harness::Lab;

#[test]
fn silence_ends_a_connection_after_one_and_a_half_keep_alive_times_3_1_2_24() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 5"#);
    assert_eq!(lab.broker.deadline(), Some(Instant::from_millis(7500)));
    lab.passes(7499);
    lab.talks(peer, "pingreq", &["pingresp"]);
    assert_eq!(lab.broker.deadline(), Some(Instant::from_millis(14_999)));
    lab.passes(7499);
    lab.hears(peer, &[]);
    lab.passes(1);
    lab.hears(peer, &["closed"]);
    lab.noted("MQTT-3.1.2-24");
    assert_eq!(lab.broker.deadline(), None);
}

#[test]
fn only_whole_packets_count_3_1_2_24() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 2"#);
    lab.passes(2000);
    lab.sends(peer, &[0xc0]);
    lab.passes(1000);
    lab.hears(peer, &["closed"]);
}

#[test]
fn a_keep_alive_of_0_is_no_limit_3_1_2_10() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 0"#);
    assert_eq!(lab.broker.deadline(), None);
    lab.passes(u64::from(u32::MAX));
    lab.talks(peer, "pingreq", &["pingresp"]);
}

#[test]
fn a_connect_must_come_in_time_3_1() {
    let mut lab = Lab::new(Config { connect_within: Duration::from_secs(3), ..Config::default() });
    let peer = lab.connected();
    lab.passes(2000);
    lab.sends(peer, &[0x10]);
    lab.passes(999);
    lab.hears(peer, &[]);
    lab.passes(1);
    lab.hears(peer, &["closed"]);
    lab.noted("no CONNECT");
}

#[test]
fn time_stands_still_for_a_peer_that_is_not_read() {
    let mut lab = Lab::default();
    let peer = lab.open(r#""a" clean keepalive 2"#);
    lab.handle(Input::Full(peer));
    // A full peer is still read, and still has to speak.
    assert_eq!(lab.broker.deadline(), Some(Instant::from_millis(3000)));
    let mut pings = 0;
    while lab.broker.wants(peer) && pings < 10_000 {
        lab.says(peer, "pingreq");
        pings += 1;
    }
    assert_eq!(pings, 8192);
    lab.hears(peer, &vec!["pingresp"; pings]);
    assert_eq!(lab.broker.deadline(), None);
    lab.passes(60_000);
    lab.handle(Input::Free(peer));
    assert!(lab.broker.wants(peer));
    assert_eq!(lab.broker.deadline(), Some(Instant::from_millis(63_000)));
    lab.talks(peer, "pingreq", &["pingresp"]);
}

#[test]
fn many_connections_end_at_one_tick() {
    let mut lab = Lab::default();
    let peers = ["a", "b", "c"].map(|id| lab.open(&format!(r#"{id:?} clean keepalive 1"#)));
    lab.now = Instant::from_millis(9000);
    lab.handle(Input::Tick);
    peers.into_iter().for_each(|peer| lab.hears(peer, &["closed"]));
}
