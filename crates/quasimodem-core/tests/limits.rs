//! What happens at limits: of lines, payloads, the inbox and what a host can take.

mod common;

use std::time::Duration;

use common::Bench;
use quasimodem_core::mqtt::{Packet, PacketId, Publish, Qos, parse_words};
use quasimodem_core::{
    Change, Effect, Host, Imei, Input, Link, Model, Modem, Oversize, Port, Query, RefusalStyle, Settings, Why,
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

/// Opens client 1 to a broker with a session that is kept.
fn opens_kept(bench: &mut Bench, host: &str, connack: &str) {
    bench.types(&format!("AT+MQTTOPEN=1,\"{host}\",1883,0,60"));
    bench.handle(Input::Opened(Link(1)));
    bench.receives(connack);
}

/// What a client leaves at many brokers is bounded; the oldest goes first, and that is told.
#[test]
fn kept_sessions_are_bounded() {
    let mut bench = Bench::new(&Settings::default());
    for number in 0..9 {
        opens_kept(&mut bench, &format!("h{number}"), "connack 0");
        bench.types("AT+MQTTPUB=1,\"t\",1,0,\"x\"");
        assert!(!bench.log().contains("no room"), "{}", bench.log());
        bench.handle(Input::Closed(Link(1), Why::Reset));
        assert_eq!(bench.log().contains("no room: what a kept session left"), number == 8, "{}", bench.log());
    }
    opens_kept(&mut bench, "h0", "connack 0 session");
    assert!(!bench.log().contains("publish"), "it was forgotten: {}", bench.log());
    opens_kept_again(&mut bench, "h1");
    opens_kept_again(&mut bench, "h8");
}

/// Opens client 1 once more, and sees the message of before go out again.
fn opens_kept_again(bench: &mut Bench, host: &str) {
    bench.types("AT+MQTTCLOSE=1");
    opens_kept(bench, host, "connack 0 session");
    let sent =
        bench.outbox.effects().any(|effect| matches!(effect, Effect::Send(_, marked) if marked.bytes()[0] == 0x3a));
    assert!(sent, "{}", bench.log());
}

/// A message that is to be kept goes before what other brokers were left with; one that is not kept takes no room.
#[test]
fn kept_sessions_make_room() {
    let mut bench = Bench::new(&Settings { window: 1000, ..Settings::default() });
    let publish = |qos: u8| format!("AT+MQTTPUB=1,\"t\",{qos},0,\"{}\"", "x".repeat(1024));
    opens_kept(&mut bench, "h0", "connack 0");
    let mut count = 0;
    while bench.types(&publish(1)).contains("OK") {
        count += 1;
    }
    assert_eq!(count, 63, "64 KiB of packets");
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h1", "connack 0");
    assert!(bench.types(&publish(0)).contains("OK"));
    assert!(!bench.log().contains("no room"), "{}", bench.log());
    assert!(bench.types(&publish(1)).contains("OK"));
    assert!(bench.log().contains("no room: what a kept session left"), "{}", bench.log());
}

/// Whoever switches a module off and on again has the same one.
#[test]
fn packet_identifiers_go_on_after_power_off() {
    let mut bench = Bench::connected(&Settings::default());
    let subscribes = |bench: &mut Bench| {
        bench.types("AT+MQTTSUB=1,\"t\",1");
        let sent = bench.outbox.effects().find_map(|effect| match effect {
            Effect::Send(_, marked) => Some(Packet::decode(marked.bytes()).unwrap().to_string()),
            _ => None,
        });
        sent.unwrap()
    };
    assert_eq!(subscribes(&mut bench), "subscribe #1 \"t\" q1");
    bench.outbox.clear();
    bench.modem.power_off(bench.now, &mut bench.outbox);
    bench.handle(Input::Host(Host::Attached));
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    bench.receives("connack 0");
    assert_eq!(subscribes(&mut bench), "subscribe #2 \"t\" q1");
}

/// The seed decides where they begin.
#[test]
fn packet_identifiers_begin_where_the_seed_says() {
    let first = |seed| {
        let mut bench = Bench::connected(&Settings { seed: Some(seed), ..Settings::default() });
        bench.types("AT+MQTTSUB=1,\"t\",1");
        bench.log()
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

/// Brings packets of the broker of client 1 in chunks, and gives all that was printed and sent.
fn receives_all(bench: &mut Bench, packets: &[u8]) -> (String, Vec<u8>) {
    let (mut printed, mut sent) = (String::new(), Vec::new());
    for chunk in packets.chunks(Input::CHUNK) {
        assert!(bench.modem.wants(Port::Link(Link(1))), "the broker is read");
        bench.handle(Input::Received(Link(1), chunk));
        printed.push_str(&bench.printed());
        for effect in bench.outbox.effects() {
            match effect {
                Effect::Send(_, marked) => sent.extend_from_slice(marked.bytes()),
                Effect::Close(_) => panic!("{}", bench.log()),
                _ => {}
            }
        }
    }
    (printed, sent)
}

/// A broker may have every packet identifier in flight (MQTT 2.3.1), and each message is reported once.
#[test]
fn a_broker_may_have_all_identifiers_in_flight() {
    let all = |packet: &dyn Fn(PacketId) -> Vec<u8>| -> Vec<u8> {
        (1..=u16::MAX).filter_map(PacketId::new).flat_map(packet).collect()
    };
    let encoded = |packet: Packet<'_>| {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        bytes
    };
    let publish = |dup: bool| {
        move |id| {
            let message =
                Publish { topic: "t", payload: b"x", qos: Qos::ExactlyOnce, retain: false, dup, id: Some(id) };
            encoded(Packet::Publish(message))
        }
    };
    let answers = all(&|id| encoded(Packet::Pubrec(id)));
    let mut bench = Bench::new(&Settings::default());
    opens_kept(&mut bench, "h", "connack 0");
    let (printed, sent) = receives_all(&mut bench, &all(&publish(false)));
    assert_eq!(printed.matches("+MQTTMSG").count(), usize::from(u16::MAX));
    assert!(sent == answers, "each is answered with PUBREC");
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h", "connack 0 session");
    let (printed, sent) = receives_all(&mut bench, &all(&publish(true)));
    assert_eq!(printed, "");
    assert!(sent == answers, "each is answered once more");
    let (printed, sent) = receives_all(&mut bench, &all(&|id| encoded(Packet::Pubrel(id))));
    assert_eq!(printed, "");
    assert!(sent == all(&|id| encoded(Packet::Pubcomp(id))));
    // The identifiers are free.
    for id in [1, 2, 60_000, u16::MAX] {
        assert_eq!(bench.receives(&format!("publish \"t\" q2 #{id} \"x\"")), "\r\n+MQTTMSG: 1,2,\"t\",\"x\"\r\n");
    }
}

/// A broker that asks for answers, and reads none, is not read any more at some time; when it is, it goes on.
#[test]
fn a_broker_that_reads_nothing_is_not_answered_for_ever() {
    let floods = ["pubrec #7", "pubrel #7", "publish \"t\" q1 #7 dup \"\"", "publish \"t\" q2 #7 dup \"\""];
    for words in floods {
        let mut bench = Bench::connected(&Settings::default());
        bench.handle(Input::Full(Port::Link(Link(1))));
        let flood = parse_words(words).unwrap().repeat(100);
        let mut answered = 0;
        while bench.modem.wants(Port::Link(Link(1))) {
            bench.handle(Input::Received(Link(1), &flood));
            answered += bench.outbox.effects().filter(|effect| matches!(effect, Effect::Send(..))).count();
            assert!(answered < 10_000, "{words}");
        }
        assert!(answered >= 4096, "{words}: a slow broker is not slowed down before: {answered}");
        bench.handle(Input::Free(Port::Link(Link(1))));
        assert!(bench.modem.wants(Port::Link(Link(1))));
    }
}

/// However large a message is that is skipped, and however it is cut, nothing of it is kept but its topic, and what follows
/// is read.
#[test]
fn skipped_messages_take_no_memory_and_any_cut() {
    let settings = Settings { oversize: Oversize::Skip, max_packet: 128, ..Settings::default() };
    let payload = vec![b'x'; 1000];
    let message = Publish {
        topic: "some/topic",
        payload: &payload,
        qos: Qos::ExactlyOnce,
        retain: false,
        dup: false,
        id: PacketId::new(7),
    };
    let mut bytes = parse_words("publish \"a\" q0 \"1\"").unwrap();
    Packet::Publish(message).encode(&mut bytes);
    bytes.extend(parse_words("publish \"b\" q0 \"2\"").unwrap());
    for cut in 0..=bytes.len() {
        let mut bench = Bench::connected(&settings);
        let (mut printed, mut log) = (String::new(), String::new());
        for piece in [&bytes[..cut], &bytes[cut..]] {
            bench.handle(Input::Received(Link(1), piece));
            printed.push_str(&bench.printed());
            log.push_str(&bench.log());
        }
        assert_eq!(printed, "\r\n+MQTTMSG: 1,0,\"a\",\"1\"\r\n\r\n+MQTTMSG: 1,0,\"b\",\"2\"\r\n", "cut at {cut}");
        assert_eq!(log.matches("Send(").count(), 1, "cut at {cut}: {log}");
        assert!(log.contains("skipped a message of 1017 bytes"), "cut at {cut}: {log}");
    }
    // The largest that MQTT can carry.
    let mut bench = Bench::connected(&settings);
    bench.handle(Input::Received(Link(1), b"\x32\xff\xff\xff\x7f\0\x01t\0\x07"));
    let chunk = [0xff; Input::CHUNK];
    let mut left = 268_435_455 - 5;
    while left > 0 {
        assert!(!bench.log().contains("Send"), "{left} bytes are left");
        let count = chunk.len().min(left);
        bench.handle(Input::Received(Link(1), &chunk[..count]));
        left -= count;
    }
    assert!(bench.log().contains("skipped a message of 268435460 bytes"), "{}", bench.log());
}

/// What waited for room when the link ended is told as far as it fits: here the long one in front does not.
#[test]
fn last_words_are_told_as_far_as_there_is_room() {
    let long = "x".repeat(40_000);
    let mut bench = Bench::connected(&Settings::default());
    bench.types("AT+MQTTPUB=1,\"t\",1,0,\"x\"");
    bench.types("AT+MQTTPUB=1,\"t\",1,0,\"y\"");
    bench.handle(Input::Full(Port::Serial));
    bench.receives(&format!("publish \"t\" q0 \"{long}\""));
    let (last_piece, first_pieces) = {
        let mut bytes = parse_words(&format!("publish \"t\" q0 \"{long}\"")).unwrap();
        let rest = ["puback #9", "publish \"t\" q0 \"short\"", "publish \"t\" q1 #7 \"not acknowledged\"", "puback #1"];
        rest.iter().for_each(|words| bytes.extend(parse_words(words).unwrap()));
        // The end of a packet is missing.
        bytes.extend([0x40, 2, 0]);
        (bytes.split_off(40_000), bytes)
    };
    first_pieces.chunks(Input::CHUNK).for_each(|chunk| bench.handle(Input::Received(Link(1), chunk)));
    bench.handle(Input::Received(Link(1), &last_piece));
    assert!(!bench.modem.wants(Port::Link(Link(1))));
    bench.handle(Input::Closed(Link(1), Why::Reset));
    let log = bench.log();
    assert!(
        log.contains("no room for 1 messages of QoS 0") && log.contains("PUBACK #9, which nothing waits for"),
        "{log}"
    );
    bench.handle(Input::Free(Port::Serial));
    let printed = bench.printed();
    let lines: Vec<_> =
        printed.split_terminator("\r\n").filter(|line| !line.is_empty() && !line.contains("xxx")).collect();
    assert_eq!(lines, ["+MQTTPUB: 1,1", "+MQTTPUB: 1,0", "+MQTTMSG: 1,0,\"t\",\"short\"", "+MQTTBREAK: 1,1"]);
}

/// An identifier in flight is passed by, however often all others were used meanwhile.
#[test]
fn identifiers_in_flight_are_not_used_again() {
    let mut bench = Bench::connected(&Settings::default());
    let publishes = |bench: &mut Bench| -> u16 {
        bench.types("AT+MQTTPUB=1,\"t\",1,0,\"x\"");
        let sent = bench.outbox.effects().find_map(|effect| match effect {
            Effect::Send(_, marked) => match Packet::decode(marked.bytes()) {
                Ok(Packet::Publish(message)) => message.id,
                _ => None,
            },
            _ => None,
        });
        sent.unwrap().get()
    };
    assert_eq!([publishes(&mut bench), publishes(&mut bench)], [1, 2]);
    // Their results are 0, but the broker may answer still.
    bench.now = bench.now + Duration::from_secs(3);
    bench.handle(Input::Tick);
    for due in 3..=u16::MAX {
        let id = publishes(&mut bench);
        assert_eq!(id, due);
        let [high, low] = id.to_be_bytes();
        bench.handle(Input::Received(Link(1), &[0x40, 2, high, low]));
    }
    assert_eq!(publishes(&mut bench), 3, "0 is none, 1 and 2 are in flight");
    // An identifier of the broker's own is another.
    bench.receives("publish \"t\" q2 #4 \"x\"");
    assert_eq!(publishes(&mut bench), 4);
}
