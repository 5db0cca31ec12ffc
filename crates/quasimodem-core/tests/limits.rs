//! What happens at limits: of lines, payloads, the inbox and what a host can take.

mod common;

use std::time::Duration;

use common::Bench;
use quasimodem_core::mqtt::parse_words;
use quasimodem_core::{
    Change, Effect, Host, Imei, Input, Link, Model, Modem, Port, Query, RefusalStyle, Settings, Why,
};

#[test]
fn lines_up_to_4096_bytes_are_taken_and_longer_ones_dropped_whole() {
    let mut bench = Bench::new(&Settings::default());
    let fill = |length: usize| format!("AT+GTSET={}", "x".repeat(length - "AT+GTSET=".len()));
    assert_eq!(bench.types(&fill(4096)), "\r\nOK\r\n");
    assert_eq!(bench.types(&fill(4097)), "\r\nERROR\r\n");
    assert!(bench.log().contains("the line is longer than 4096 bytes"), "{}", bench.log());
    assert_eq!(bench.types(&fill(20_000)), "\r\nERROR\r\n");
    assert_eq!(bench.types("AT"), "\r\nOK\r\n");
    // Control characters count, and what is lost does not come back by editing.
    assert_eq!(bench.types(&(fill(4095) + "\t")), "\r\nOK\r\n");
    assert_eq!(bench.types(&(fill(4096) + "\t")), "\r\nERROR\r\n");
    assert_eq!(bench.types(&(fill(4097) + "\x7f\x7fx")), "\r\nERROR\r\n");
    bench.types("AT+CPWROFF");
    assert!(!bench.modem.owes(), "a module that is off says nothing more");
    bench.handle(Input::Bearer(Change::DataCall(None)));
    assert!(!bench.modem.owes(), "whatever happens around it");
    bench.handle(Input::Host(Host::Attached));
    assert_eq!(bench.printed(), "\r\n+SIM READY\r\n");
}

/// The parts of a message that is longer than the model reports are results of their own, and so is the gap after each.
#[test]
fn parts_of_a_long_message_come_one_at_a_time() {
    let gap = Duration::from_millis(100);
    let mut bench = Bench::new(&Settings { urc_gap: gap, ..Settings::default() });
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    bench.now = bench.now + gap;
    assert_eq!(bench.receives("connack 0"), "\r\n+MQTTOPEN: 1,1\r\n");
    bench.now = bench.now + gap;
    let mut printed = bench.receives(&format!("publish \"t\" q0 \"{}\"", "x".repeat(3001)));
    for size in [1500, 1500, 1] {
        assert_eq!(printed, format!("\r\n+MQTTMSG: 1,0,\"t\",\"{}\"\r\n", "x".repeat(size)));
        bench.now = bench.now + gap;
        bench.handle(Input::Tick);
        printed = bench.printed();
    }
    assert_eq!(printed, "");
}

#[test]
fn a_host_that_leaves_between_lines_is_not_said_to_leave_half_a_line() {
    let mut bench = Bench::new(&Settings::default());
    bench.sends(b"AT\rjunk");
    bench.handle(Input::Host(Host::Detached));
    assert_eq!(bench.log(), "");
}

/// What waits for the host to read is not owed; what it is to be told of it is, unless that waits for it to read as well.
#[test]
fn what_is_owed_of_unread_messages() {
    let settings = Settings { msgi_hold: Duration::from_secs(5), ..Settings::default() };
    let mut bench = Bench::connected(&settings);
    bench.types("AT+MQTTCONF=1");
    bench.handle(Input::Full(Port::Serial));
    bench.receives("publish \"t\" q0 \"a\"");
    assert!(bench.modem.owes(), "an indication");
    bench.handle(Input::Free(Port::Serial));
    bench.receives("publish \"t\" q0 \"b\"");
    assert!(!bench.modem.owes(), "an indication that waits until the one before is followed");
    bench.types("AT+MQTTSUB=1,\"t\",1");
    assert!(bench.modem.owes(), "a result");
}

/// Of what waited for room when the link ended, messages that find some are still taken in; only others are dropped.
#[test]
fn last_words_as_far_as_there_is_room() {
    let mut bench = Bench::connected(&Settings { max_packet: 60_000, ..Settings::default() });
    bench.types("AT+MQTTCONF=1");
    let large = "x".repeat(40_000);
    bench.receives(&format!("publish \"t\" q0 \"{large}\""));
    bench.receives(&format!("publish \"t\" q0 \"{large}\""));
    bench.receives("publish \"t\" q0 \"small\"");
    bench.handle(Input::Closed(Link(1), Why::Ended));
    assert!(bench.log().contains("client 1: no room for 1 messages of QoS 0"), "{}", bench.log());
    for _ in 0..40 {
        bench.types("AT+MQTTREAD=1");
    }
    assert_eq!(bench.types("AT+MQTTREAD=1"), "\r\n+MQTTREAD: 1,0,1,5,\"t\",\"small\"\r\n\r\nOK\r\n");

    let mut bench = Bench::connected(&Settings::default());
    bench.handle(Input::Closed(Link(1), Why::Ended));
    assert!(!bench.log().contains("no room"), "{}", bench.log());
}

#[test]
fn a_long_payload_comes_in_parts_that_the_model_reports() {
    for (model, max) in [("L610", 1500), ("MA510", 1024), ("MC100E", 1024)] {
        let settings = Settings { model: Model::by_name(model).unwrap(), ..Settings::default() };
        let mut bench = Bench::connected(&settings);
        let payload = "abc".repeat(1200);
        let printed = bench.receives(&format!("publish \"t\" q0 \"{payload}\""));
        let parts: Vec<_> = printed
            .split_terminator("\r\n")
            .filter(|line| !line.is_empty())
            .map(|line| line.strip_prefix("+MQTTMSG: 1,0,\"t\",\"").unwrap().strip_suffix('"').unwrap())
            .collect();
        assert_eq!(parts.concat(), payload, "{model}");
        assert!(parts.iter().rev().skip(1).all(|part| part.len() == max), "{model}");
    }
}

#[test]
fn a_long_payload_is_read_in_parts_of_1024_bytes() {
    let mut bench = Bench::connected(&Settings::default());
    bench.types("AT+MQTTCONF=1");
    let printed = bench.receives(&format!("publish \"t\" q0 \"{}\"", "x".repeat(2500)));
    assert_eq!(printed, "\r\n+MQTTMSGI: 1,0,1,1024\r\n");
    // Each part is told of once the one before is read.
    for (size, next) in [(1024, Some(1024)), (1024, Some(452)), (452, None)] {
        let mut due = format!("\r\n+MQTTREAD: 1,0,1,{size},\"t\",\"{}\"\r\n\r\nOK\r\n", "x".repeat(size));
        due.extend(next.map(|next| format!("\r\n+MQTTMSGI: 1,0,1,{next}\r\n")));
        assert_eq!(bench.types("AT+MQTTREAD=1"), due);
    }
    assert_eq!(bench.types("AT+MQTTREAD=1"), "\r\n+MQTTREAD: 1,0,0,0\r\n\r\nOK\r\n");
}

/// The modem stops reading the network instead of dropping, and everything comes in order once the host reads.
#[test]
fn a_host_that_does_not_read_pauses_the_network() {
    let slow_hosts = [
        (Input::Full(Port::Serial), Input::Free(Port::Serial)),
        (Input::Host(Host::Detached), Input::Host(Host::Attached)),
    ];
    for (stop, go) in slow_hosts {
        let mut bench = Bench::connected(&Settings::default());
        bench.handle(stop);
        let mut sent = 0;
        while bench.modem.wants(Port::Link(Link(1))) {
            sent += 1;
            assert_eq!(bench.receives(&format!("publish \"t\" q0 \"{sent}\"")), "");
        }
        // The 33rd is not taken in, and waits in the connection.
        assert_eq!(sent, 33);
        bench.handle(go);
        let due: String = (1..=sent).map(|number| format!("\r\n+MQTTMSG: 1,0,\"t\",\"{number}\"\r\n")).collect();
        assert_eq!(bench.printed(), due);
        assert!(bench.modem.wants(Port::Link(Link(1))));
    }
}

#[test]
fn the_pool_bounds_the_bytes_that_wait() {
    let mut bench = Bench::connected(&Settings::default());
    bench.handle(Input::Full(Port::Serial));
    let payload = "x".repeat(30_000);
    let mut sent = 0;
    while bench.modem.wants(Port::Link(Link(1))) {
        sent += 1;
        bench.receives(&format!("publish \"t\" q1 #{sent} \"{payload}\""));
    }
    // Two fit into 64 KiB.
    assert_eq!(sent, 3);
    bench.handle(Input::Free(Port::Serial));
    assert_eq!(bench.printed().matches("+MQTTMSG: 1,1,\"t\",").count(), 3 * 30_000 / 1500);
    assert!(bench.log().contains("Send"), "the last one is acknowledged only now: {}", bench.log());
}

/// Limits of time run on while reading is paused, and silence is then no break.
#[test]
fn keep_alive_does_not_break_a_paused_connection() {
    let mut bench = Bench::connected(&Settings::default());
    bench.handle(Input::Full(Port::Serial));
    while bench.modem.wants(Port::Link(Link(1))) {
        bench.receives("publish \"t\" q0 \"x\"");
    }
    let end = bench.now + Duration::from_secs(3600);
    while let Some(deadline) = bench.modem.deadline().filter(|deadline| *deadline < end) {
        bench.now = deadline;
        bench.handle(Input::Tick);
        assert!(!bench.log().contains("Close"), "{}", bench.log());
    }
    bench.now = end;
    bench.handle(Input::Free(Port::Serial));
    assert_eq!(bench.printed().matches("+MQTTMSG").count(), 33);
    bench.receives("pingresp");
    assert_eq!(bench.types("AT+MQTTCLOSE?"), "\r\n+MQTTCLOSE: 1\r\n\r\nOK\r\n");
}

/// A host that publishes as fast as it can is slowed down, and gets each of its results.
#[test]
fn results_that_wait_are_bounded() {
    let settings = Settings { gap: Duration::from_secs(1), ..Settings::default() };
    let mut bench = Bench::new(&settings);
    bench.modem = Modem::new(settings.into(), Imei::default());
    bench.handle(Input::Host(Host::Attached));
    bench.types("ATE0");
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    bench.receives("connack 0");
    let line = "AT+MQTTPUB=1,\"t\",0,0,\"x\"\r".repeat(50);
    let (mut typed, mut results, mut paused) = (0, 0, false);
    while typed < 2000 || bench.modem.owes() {
        if typed < 2000 && bench.modem.wants(Port::Serial) {
            bench.handle(Input::Serial(line.as_bytes()));
            typed += 50;
        } else {
            paused |= typed < 2000;
            bench.now = bench.modem.deadline().unwrap();
            bench.handle(Input::Tick);
        }
        results += bench.printed().matches("+MQTTPUB: 1,1").count();
    }
    assert_eq!(results, 2000);
    assert!(paused, "the host was never slowed down");
}

/// Raw data is read however much waits for the host, since what waits can't be told before it is there.
#[test]
fn raw_data_is_read_while_much_waits() {
    let settings = Settings { echo: false, ..Settings::default() };
    let mut bench = Bench::new(&settings);
    bench.modem = Modem::new(settings.into(), Imei::default());
    bench.handle(Input::Host(Host::Attached));
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    bench.receives("connack 0");
    let line = "AT+MQTTPUB=1,\"t\",0,0,\"x\"\r".repeat(150);
    bench.handle(Input::Serial(line.as_bytes()));
    assert!(bench.modem.wants(Port::Serial));
    bench.handle(Input::Serial(format!("{line}AT+MQTTPUB=1,\"t\",0,0,5\r").as_bytes()));
    assert!(bench.printed().ends_with("> \r\n"));
    assert!(bench.modem.wants(Port::Serial));
    bench.handle(Input::Serial(b"12345"));
    assert_eq!(bench.printed(), "\r\nOK\r\n");
    assert!(!bench.modem.wants(Port::Serial), "no further command is read");
}

/// A message is held once, however many parts it is read in.
#[test]
fn a_long_topic_is_not_held_for_each_part() {
    let mut bench = Bench::connected(&Settings::default());
    bench.types("AT+MQTTCONF=1");
    let (topic, payload) = ("t".repeat(10_000), "p".repeat(10_000));
    let mut sent = 0;
    while bench.modem.wants(Port::Link(Link(1))) {
        sent += 1;
        bench.receives(&format!("publish \"{topic}\" q0 \"{payload}\""));
    }
    // Three fit into 64 KiB, the fourth waits in the connection.
    assert_eq!(sent, 4);
    let mut read = String::new();
    for _ in 0..4 * payload.len().div_ceil(1024) {
        let printed = bench.types("AT+MQTTREAD=1");
        let (_, rest) = printed.split_once(&format!("\"{topic}\",\"")).unwrap();
        read.push_str(rest.split_once('"').unwrap().0);
    }
    assert_eq!(read, payload.repeat(4));
    assert_eq!(bench.types("AT+MQTTREAD=1"), "\r\n+MQTTREAD: 1,0,0,0\r\n\r\nOK\r\n");
}

/// A look-up that outlives a reset is not taken for one that is asked for later.
#[test]
fn numbers_go_on_after_a_reset() {
    let mut bench = Bench::new(&Settings::default());
    let asks = |bench: &mut Bench, name: &str| -> Query {
        bench.types(&format!("AT+MIPDNS=\"{name}\""));
        let query = bench.outbox.effects().find_map(|effect| match effect {
            Effect::Resolve(query, ..) => Some(query),
            _ => None,
        });
        query.unwrap()
    };
    for restart in ["AT+CFUN=1,1", "AT+CPWROFF"] {
        let before = asks(&mut bench, "before");
        bench.handle(Input::Host(Host::Detached));
        bench.handle(Input::Host(Host::Attached));
        bench.types(restart);
        bench.handle(Input::Host(Host::Attached));
        let behind = asks(&mut bench, "behind");
        bench.handle(Input::Resolved(before, Ok("10.1.2.3".parse().unwrap())));
        assert_eq!(bench.printed(), "", "{restart}");
        bench.handle(Input::Resolved(behind, Ok("10.4.5.6".parse().unwrap())));
        assert_eq!(bench.printed(), "\r\n+MIPDNS: \"behind\",10.4.5.6\r\n\r\nOK\r\n", "{restart}");
    }
}

/// What a connection brought does not go to the next one of the same client, even if a reset lies between them.
#[test]
fn bytes_of_a_connection_end_with_a_reset() {
    let mut bench = Bench::new(&Settings { refusal: RefusalStyle::Cme, ..Settings::default() });
    bench.sends(b"AT+MQTTOPEN=1,\"h\",1883,1,60;+CFUN=1,1\rAT+MQTTOPEN=1,\"h\",1883,1,60\r");
    bench.handle(Input::Opened(Link(1)));
    let packets = ["connack 0", "publish \"t\" q1 #1 \"x\""].map(|words| parse_words(words).unwrap());
    bench.handle(Input::Received(Link(1), &packets.concat()));
    assert!(bench.log().contains("Open") && !bench.log().contains("Send"), "{}", bench.log());
}
