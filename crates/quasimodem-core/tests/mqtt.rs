//! Sessions of MQTT at their limits: what is kept of them, packet identifiers, floods, messages that are too large.

mod common;

use std::time::Duration;

use common::Bench;
use quasimodem_core::mqtt::{Packet, PacketId, Publish, Qos, parse_words};
use quasimodem_core::{Effect, Host, Input, Link, Oversize, Port, RefusalStyle, Settings, Why};

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
    let publish = |qos: u8, size: usize| format!("AT+MQTTPUB=1,\"t\",{qos},0,\"{}\"", "x".repeat(size));
    opens_kept(&mut bench, "h0", "connack 0");
    let mut count = 0;
    while bench.types(&publish(1, 1024)).contains("OK") {
        count += 1;
    }
    assert_eq!(count, 63, "64 KiB of packets");
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h1", "connack 0");
    assert!(bench.types(&publish(0, 1024)).contains("OK"));
    assert!(!bench.log().contains("no room"), "{}", bench.log());
    // With its topic it is as long as what is left.
    assert!(bench.types(&publish(1, 64 * 1024 - 63 * 1032 - 1)).contains("OK"));
    assert!(!bench.log().contains("no room"), "{}", bench.log());
    assert!(bench.types(&publish(1, 1024)).contains("OK"));
    assert!(bench.log().contains("no room: what a kept session left"), "{}", bench.log());
}

/// Manual 2.1 has numbers and words of its own for the return codes of a broker (MQTT 3.2.2.3).
#[test]
fn each_return_code_has_its_number_and_words() {
    for (code, words) in [
        (1, "Unacceptable protocol version"),
        (2, "Identifier rejected"),
        (3, "Server unavailable"),
        (4, "Bad user name or password"),
        (5, "Not authorized"),
        (6, "reserved return code"),
    ] {
        for (line, due) in [("AT+CMEE=1", (699 + code).to_string()), ("AT+CMEE=2", words.into())] {
            let mut bench = Bench::new(&Settings { refusal: RefusalStyle::Cme, ..Settings::default() });
            bench.types(line);
            bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
            bench.handle(Input::Opened(Link(1)));
            assert_eq!(bench.receives(&format!("connack {code}")), format!("\r\n+CME ERROR: {due}\r\n"));
        }
    }
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
    // A broker that has forgotten the session means others by them.
    receives_all(&mut bench, &all(&publish(false)));
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h", "connack 0");
    let (printed, _) = receives_all(&mut bench, &all(&publish(false)));
    assert_eq!(printed.matches("+MQTTMSG").count(), usize::from(u16::MAX));
    receives_all(&mut bench, &all(&|id| encoded(Packet::Pubrel(id))));
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
        let flood = parse_words(words).unwrap().repeat(64);
        // The second time as the first.
        for _ in 0..2 {
            bench.handle(Input::Full(Port::Link(Link(1))));
            let mut answered = 0;
            while bench.modem.wants(Port::Link(Link(1))) {
                bench.handle(Input::Received(Link(1), &flood));
                answered += bench.outbox.effects().filter(|effect| matches!(effect, Effect::Send(..))).count();
                assert!(answered < 10_000, "{words}");
            }
            assert_eq!(answered, 4096, "{words}: a slow broker is not slowed down before");
            bench.handle(Input::Free(Port::Link(Link(1))));
            assert!(bench.modem.wants(Port::Link(Link(1))));
        }
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

/// A message may be too large by its topic alone, and end with it.
#[test]
fn skipped_messages_may_be_all_topic() {
    let settings = Settings { oversize: Oversize::Skip, max_packet: 128, ..Settings::default() };
    let topic = "x".repeat(200);
    for (qos, id) in [("q0", ""), ("q1", "#7 "), ("q2", "#7 ")] {
        for payload in ["", "y"] {
            let mut bench = Bench::connected(&settings);
            let mut bytes = parse_words(&format!("publish \"{topic}\" {qos} {id}\"{payload}\"")).unwrap();
            bytes.extend(parse_words("publish \"t\" q0 \"z\"").unwrap());
            bench.handle(Input::Received(Link(1), &bytes));
            assert_eq!(bench.printed(), "\r\n+MQTTMSG: 1,0,\"t\",\"z\"\r\n", "{qos} {payload}");
        }
    }
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

/// What must not be sent again takes no room of the pool, and one message is always taken in.
#[test]
fn a_full_pool_stops_only_what_it_is_for() {
    let mut bench = Bench::new(&Settings { window: 1000, ..Settings::default() });
    opens_kept(&mut bench, "h", "connack 0");
    let publish = |client: u8| format!("AT+MQTTPUB={client},\"t\",1,0,\"{}\"", "x".repeat(1024));
    while bench.types(&publish(1)).contains("OK") {}
    assert!(bench.log().contains("too many messages wait to be read or acknowledged"), "{}", bench.log());
    // One byte too many with its topic, and as many as are left.
    let left = 64 * 1024 - 63 * 1032;
    for (size, fits) in [(left, false), (left - 1, true)] {
        let line = format!("AT+MQTTPUB=1,\"t\",1,0,\"{}\"", "x".repeat(size));
        assert_eq!(bench.types(&line).contains("OK"), fits);
    }
    assert!(bench.receives(&format!("publish \"t\" q0 \"{}\"", "x".repeat(2000))).contains("+MQTTMSG"));
    bench.types("AT+MQTTOPEN=2,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(2)));
    bench.handle(Input::Received(Link(2), &parse_words("connack 0").unwrap()));
    assert!(bench.types(&publish(2)).contains("OK"), "a clean session keeps nothing");
}

/// Identifiers of a broker that releases nothing take room from messages that are to be kept.
#[test]
fn unreleased_identifiers_take_room_of_the_pool() {
    let mut bench = Bench::new(&Settings { window: 1000, ..Settings::default() });
    opens_kept(&mut bench, "h", "connack 0");
    (65_001..=65_200).for_each(|id| drop(bench.receives(&format!("publish \"t\" q2 #{id} \"x\""))));
    let line = format!("AT+MQTTPUB=1,\"t\",1,0,\"{}\"", "x".repeat(1024));
    let taken = (0..100).take_while(|_| bench.types(&line).contains("OK")).count();
    assert_eq!(taken, 55, "64 KiB of packets, but for the 8 KiB of a bit for each identifier");
}

/// What decides a result counts, though it waited behind a message for which there was no room when the link ended.
#[test]
fn results_are_decided_by_last_words() {
    for (line, heard, last, result) in [
        ("AT+MQTTSUB=1,\"t\",1", None, "suback #1 1", "+MQTTSUB: 1,1"),
        ("AT+MQTTUNSUB=1,\"t\"", None, "unsuback #1", "+MQTTUNSUB: 1,1"),
        ("AT+MQTTPUB=1,\"t\",1,0,\"x\"", None, "puback #1", "+MQTTPUB: 1,1"),
        ("AT+MQTTPUB=1,\"t\",2,0,\"x\"", Some("pubrec #1"), "pubcomp #1", "+MQTTPUB: 1,1"),
        // Not decided yet.
        ("AT+MQTTPUB=1,\"t\",2,0,\"x\"", None, "pubrec #1", "+MQTTPUB: 1,0"),
    ] {
        let mut bench = Bench::new(&Settings::default());
        opens_kept(&mut bench, "h", "connack 0");
        bench.types("AT+MQTTCONF=1");
        bench.types(line);
        heard.iter().for_each(|words| drop(bench.receives(words)));
        (0..32).for_each(|_| drop(bench.receives("publish \"t\" q0 \"x\"")));
        let waits = ["publish \"t\" q1 #7 \"x\"", last].map(|words| parse_words(words).unwrap());
        bench.handle(Input::Received(Link(1), &waits.concat()));
        assert_eq!(bench.printed(), "", "{line}");
        bench.handle(Input::Closed(Link(1), Why::Reset));
        assert_eq!(bench.printed(), format!("\r\n{result}\r\n\r\n+MQTTBREAK: 1,1\r\n"), "{line}");
    }
}

/// A PUBREC that was heard last is answered in the next connection: the message is the broker's, and is not sent again.
#[test]
fn a_pubrec_heard_last_is_answered_later() {
    let mut bench = Bench::new(&Settings::default());
    opens_kept(&mut bench, "h", "connack 0");
    bench.types("AT+MQTTPUB=1,\"t\",2,0,\"x\"");
    bench.types("AT+MQTTCONF=1");
    (0..32).for_each(|_| drop(bench.receives("publish \"t\" q0 \"x\"")));
    let waits = ["publish \"t\" q1 #7 \"x\"", "pubrec #1"].map(|words| parse_words(words).unwrap());
    bench.handle(Input::Received(Link(1), &waits.concat()));
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h", "connack 0 session");
    let sent = bench.outbox.effects().find_map(|effect| match effect {
        Effect::Send(_, marked) => Some(Packet::decode(marked.bytes()).unwrap().to_string()),
        _ => None,
    });
    assert_eq!(sent.as_deref(), Some("pubrel #1"));
}

/// A message that comes again as MQTT has it is nothing odd; without DUP it is.
#[test]
fn a_repeated_message_is_odd_without_dup() {
    let mut bench = Bench::connected(&Settings::default());
    assert!(bench.receives("publish \"t\" q2 #7 \"x\"").contains("+MQTTMSG"));
    for (words, odd) in [("publish \"t\" q2 #7 dup \"x\"", false), ("publish \"t\" q2 #7 \"x\"", true)] {
        assert_eq!(bench.receives(words), "");
        assert_eq!(bench.log().contains("without DUP"), odd, "{}", bench.log());
    }
}

/// What a connection heard before the other client took it over counts.
#[test]
fn last_words_count_when_a_client_is_taken_over() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+MQTTUSER=1,\"\",\"\",\"d\";+MQTTUSER=2,\"\",\"\",\"d\";+MQTTCONF=1");
    opens_kept(&mut bench, "h", "connack 0");
    (0..32).for_each(|_| drop(bench.receives("publish \"t\" q0 \"x\"")));
    bench.types("AT+MQTTPUB=1,\"t\",1,0,\"x\"");
    let waits = ["publish \"t\" q0 \"x\"", "puback #1"].map(|words| parse_words(words).unwrap());
    bench.handle(Input::Received(Link(1), &waits.concat()));
    assert_eq!(bench.printed(), "");
    bench.types("AT+MQTTOPEN=2,\"h\",1883,0,60");
    bench.handle(Input::Opened(Link(2)));
    bench.handle(Input::Received(Link(2), &parse_words("connack 0 session").unwrap()));
    assert_eq!(bench.printed(), "\r\n+MQTTPUB: 1,1\r\n\r\n+MQTTOPEN: 2,1\r\n\r\n+MQTTBREAK: 1,1\r\n");
}

/// What is not released is known over a reconnect, also if all that came later is.
#[test]
fn old_identifiers_outlive_the_connection() {
    let mut bench = Bench::new(&Settings::default());
    opens_kept(&mut bench, "h", "connack 0");
    (1..=200).for_each(|id| drop(bench.receives(&format!("publish \"t\" q2 #{id} \"x\""))));
    (2..=200).for_each(|id| drop(bench.receives(&format!("pubrel #{id}"))));
    bench.handle(Input::Closed(Link(1), Why::Reset));
    opens_kept(&mut bench, "h", "connack 0 session");
    assert_eq!(bench.receives("publish \"t\" q2 #1 dup \"x\""), "");
    assert!(bench.receives("publish \"t\" q2 #2 \"x\"").contains("+MQTTMSG"));
}
