//! MQTT-SN at its limits: of the inbox, of topic names, of requests, and on which models it is there.

mod common;

use std::time::Duration;

use common::Bench;
use quasimodem_core::sn::{Packet, ReturnCode, parse_words};
use quasimodem_core::{Effect, Input, Link, MODELS, Port, Settings, Transport, Why};

const LINK: Link = Link(101);

/// A modem whose client 101 is connected.
fn connected(settings: &Settings) -> Bench {
    let mut bench = Bench::new(settings);
    opens(&mut bench);
    bench
}

/// Connects client 101 with a session that is kept.
fn opens(bench: &mut Bench) {
    bench.types("AT+MQTTOPEN=101,\"gateway.example\",10000,0,300");
    assert!(!bench.modem.wants(Port::Link(LINK)), "there is no link yet");
    bench.handle(Input::Opened(LINK));
    assert!(bench.modem.wants(Port::Link(LINK)));
    assert_eq!(receives(bench, "connack 0"), "\r\n+MQTTOPEN: 101,1\r\n");
}

/// Brings a message of the gateway in words, and gives what was printed.
fn receives(bench: &mut Bench, words: &str) -> String {
    let datagram = parse_words(words).unwrap_or_else(|error| panic!("{words}: {error}"));
    bench.handle(Input::Received(LINK, &datagram));
    bench.printed()
}

/// What the last call sent, in words.
fn sent(bench: &Bench) -> Vec<String> {
    let sends = bench.outbox.effects().filter_map(|effect| match effect {
        Effect::Send(_, marked) => Some(Packet::decode(marked.bytes()).unwrap().to_string()),
        _ => None,
    });
    sends.collect()
}

#[test]
fn clients_101_and_102_are_on_models_with_mqtt_sn() {
    for model in MODELS {
        for id in [101, 102] {
            let mut bench = Bench::new(&Settings { model, ..Settings::default() });
            let printed = bench.types(&format!("AT+MQTTOPEN={id},\"g\",10000,1,60"));
            let opens = bench.outbox.effects().any(|effect| {
                matches!(effect, Effect::Open { transport: Transport::Udp, link: Link(link), .. } if u32::from(link) == id)
            });
            let due = if model.sn { "\r\nOK\r\n" } else { "\r\n+CME ERROR: 50\r\n" };
            assert_eq!((printed.as_str(), opens), (due, model.sn), "client {id} on {model}");
        }
    }
}

/// The client id of a connection that the host named none for is the IMEI and the client's number on every model.
#[test]
fn the_default_client_id_is_the_same_on_all_models() {
    for model in MODELS.iter().filter(|model| model.sn) {
        let mut bench = Bench::new(&Settings { model, ..Settings::default() });
        bench.types("AT+MQTTOPEN=102,\"g\",10000,1,60");
        bench.handle(Input::Opened(Link(102)));
        assert_eq!(sent(&bench), [r#"connect "001010000000008102" clean keepalive 60"#], "{model}");
    }
}

/// QoS 0 is dropped and QoS 1 and 2 wait at the gateway while the host does not read; results still come.
#[test]
fn a_full_inbox_takes_no_more_messages() {
    let mut bench = connected(&Settings::default());
    bench.handle(Input::Full(Port::Serial));
    for number in 0..32 {
        receives(&mut bench, &format!("publish short \"ab\" q1 #1 \"{number}\""));
        assert_eq!(sent(&bench).len(), 1);
    }
    assert!(bench.modem.wants(Port::Link(LINK)), "datagrams are read on");
    receives(&mut bench, "publish short \"ab\" q0 \"x\"");
    assert!(bench.log().contains("client 101: no room for 1 messages of QoS 0"), "{}", bench.log());
    for words in
        ["publish short \"ab\" q1 #2 \"later\"", "publish short \"ab\" q2 #3 \"later\"", "register #4 @7 \"later\""]
    {
        receives(&mut bench, words);
        assert_eq!(sent(&bench), [""; 0], "{words} is not acknowledged");
    }
    bench.types("AT+MQTTPUB=101,\"ab\",1,0,\"x\"");
    receives(&mut bench, "puback #1 @0 0");
    bench.handle(Input::Free(Port::Serial));
    let printed = bench.printed();
    assert_eq!(printed.matches("+MQTTMSG: 101,1,\"ab\",").count(), 32);
    assert!(printed.ends_with("\r\n+MQTTPUB: 101,1\r\n"), "{printed}");
    assert_eq!(
        receives(&mut bench, "publish short \"ab\" q2 #3 \"later\""),
        "\r\n+MQTTMSG: 101,2,\"ab\",\"later\"\r\n"
    );
    assert_eq!(sent(&bench), ["pubrec #3"]);
}

#[test]
fn a_long_payload_comes_in_parts() {
    let mut bench = connected(&Settings::default());
    let payload = "abc".repeat(1200);
    let printed = receives(&mut bench, &format!("publish predefined @9 q0 \"{payload}\""));
    let parts: Vec<_> = printed
        .split_terminator("\r\n")
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("+MQTTMSG: 101,0,9,\"").unwrap().strip_suffix('"').unwrap())
        .collect();
    assert_eq!(parts.concat(), payload);
    assert_eq!(parts[0].len(), 1500);
    bench.types("AT+MQTTCONF=1");
    let printed = receives(&mut bench, &format!("publish predefined @9 q0 \"{}\"", "x".repeat(1500)));
    assert_eq!(printed, "\r\n+MQTTMSGI: 101,0,9,1024\r\n");
    let due = format!("\r\n+MQTTREAD: 101,0,9,1024,9,\"{}\"\r\n\r\nOK\r\n", "x".repeat(1024));
    assert_eq!(bench.types("AT+MQTTREAD=101"), due + "\r\n+MQTTMSGI: 101,0,9,476\r\n");
    let due = format!("\r\n+MQTTREAD: 101,0,9,476,9,\"{}\"\r\n\r\nOK\r\n", "x".repeat(476));
    assert_eq!(bench.types("AT+MQTTREAD=101"), due);
}

/// The host registers a name, and gets this id.
fn registers(bench: &mut Bench, number: u16) {
    assert_eq!(bench.types(&format!("AT+MQTTSNREG=101,\"host/{number}\"")), "\r\nOK\r\n");
    let printed = receives(bench, &format!("regack #{number} @{number} 0"));
    assert_eq!(printed, format!("\r\n+MQTTSNREG: 101,1,{number},\"host/{number}\"\r\n"));
}

/// A gateway that knows more topics goes on: what it gave an id for first is forgotten first, and told once more.
#[test]
fn names_of_the_gateway_make_room_for_others() {
    let mut bench = connected(&Settings::default());
    for number in 1..=65 {
        let printed = receives(&mut bench, &format!("register #{number} @{number} \"name/{number}\""));
        assert_eq!(printed, format!("\r\n+MQTTSNREG: 101,2,{number},\"name/{number}\"\r\n"));
        assert_eq!(sent(&bench), [format!("regack #{number} @{number} 0")]);
    }
    assert_eq!(receives(&mut bench, "publish @65 q1 #1 \"x\""), "\r\n+MQTTMSG: 101,1,65,\"x\"\r\n");
    assert_eq!(receives(&mut bench, "publish @1 q1 #2 \"x\""), "");
    assert_eq!(sent(&bench), ["puback #2 @1 2"]);
    receives(&mut bench, "register #66 @1 \"name/1\"");
    assert_eq!(receives(&mut bench, "publish @1 q1 #2 dup \"x\""), "\r\n+MQTTMSG: 101,1,1,\"x\"\r\n");
    // An old id of a name that got a newer one goes before.
    receives(&mut bench, "register #67 @67 \"name/30\"");
    receives(&mut bench, "register #68 @68 \"name/68\"");
    assert_eq!(receives(&mut bench, "publish @30 q0 \"x\""), "");
    assert_eq!(receives(&mut bench, "publish @3 q0 \"x\""), "");
    assert_eq!(receives(&mut bench, "publish @4 q0 \"x\""), "\r\n+MQTTMSG: 101,0,4,\"x\"\r\n");
}

/// A number whose name had to make room is refused, rather than taken for another topic, until it is shown again.
#[test]
fn a_number_is_not_taken_for_another_topic_once_its_name_is_forgotten() {
    let mut bench = connected(&Settings::default());
    for number in 1..=66 {
        receives(&mut bench, &format!("register #{number} @{number} \"name/{number}\""));
    }
    for line in ["AT+MQTTPUB=101,1,0,0,\"x\"", "AT+MQTTSUB=101,2,0", "AT+MQTTUNSUB=101,2"] {
        assert_eq!(bench.types(line), "\r\nERROR\r\n", "{line}");
        assert!(bench.log().contains("had to make room for others; write the name itself"), "{}", bench.log());
    }
    bench.types("AT+MQTTPUB=101,3,0,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @3 q0 \"x\""]);
    bench.types("AT+MQTTPUB=101,67,0,0,\"x\"");
    assert_eq!(sent(&bench), ["publish predefined @67 q0 \"x\""]);
    // A predefined message under a forgotten number gives it no meaning either.
    receives(&mut bench, "publish predefined @1 q0 \"x\"");
    assert_eq!(bench.types("AT+MQTTPUB=101,1,0,0,\"x\""), "\r\nERROR\r\n");
    receives(&mut bench, "register #67 @1 \"name/1\"");
    bench.types("AT+MQTTPUB=101,1,0,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @1 q0 \"x\""]);
}

/// Publishes until so many bytes are left of those of the pool that are free.
fn fills(bench: &mut Bench, mut free: usize, left: usize) {
    while free > left {
        let size = (free - left).min(1024);
        assert_eq!(bench.types(&format!("AT+MQTTPUB=101,\"ab\",1,0,\"{}\"", "x".repeat(size))), "\r\nOK\r\n");
        free -= size;
    }
}

/// Predefined ids of messages are remembered up to a limit, those of the host as long as the pool has room.
#[test]
fn predefined_numbers_are_bounded() {
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    for number in 1..=65 {
        receives(&mut bench, &format!("publish predefined @{} q0 \"x\"", 2 * number));
    }
    for (number, means) in [(128, "predefined @128"), (130, "@130")] {
        receives(&mut bench, &format!("register #1 @{number} \"name/{number}\""));
        bench.types(&format!("AT+MQTTPUB=101,{number},0,0,\"x\""));
        assert_eq!(sent(&bench), [format!("publish {means} q0 \"x\"")]);
    }
    // 64 ranges of four bytes, and two names, are there.
    fills(&mut bench, 64 * 1024 - 64 * 4 - "name/128".len() - "name/130".len(), 12);
    for number in [900, 902, 904] {
        assert_eq!(bench.types(&format!("AT+MQTTUNSUB=101,{number}")), "\r\nOK\r\n");
    }
    // Nothing is left.
    assert_eq!(bench.types("AT+MQTTUNSUB=101,906"), "\r\nERROR\r\n");
    assert!(bench.log().contains("too many messages wait"), "{}", bench.log());
    assert_eq!(bench.types("AT+MQTTUNSUB=101,128"), "\r\nOK\r\n", "it is remembered already");
}

/// Names that requests wait with, and names of the gateway, are taken if they are no longer than what is left.
#[test]
fn names_may_take_all_that_is_left_of_the_pool() {
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    fills(&mut bench, 64 * 1024, 6);
    assert_eq!(bench.types("AT+MQTTUNSUB=101,\"a/+/b/+\""), "\r\nERROR\r\n");
    assert_eq!(bench.types("AT+MQTTUNSUB=101,\"a/b\""), "\r\nOK\r\n");
    for (words, answers) in [("register #1 @1 \"abcd\"", &[][..]), ("register #2 @2 \"abc\"", &["regack #2 @2 0"])] {
        receives(&mut bench, words);
        assert_eq!(sent(&bench), answers, "{words}");
    }
}

/// What is known of numbers whose names are forgotten takes room as well.
#[test]
fn forgotten_numbers_take_room_of_the_pool() {
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    for number in 100..=165 {
        receives(&mut bench, &format!("register #{number} @{number} \"name/{number}\""));
    }
    // 64 names, and a range of those of which there were more.
    fills(&mut bench, 64 * 1024 - 64 * "name/100".len() - 4, 4);
    assert_eq!(bench.types("AT+MQTTUNSUB=101,900"), "\r\nOK\r\n");
    assert_eq!(bench.types("AT+MQTTUNSUB=101,902"), "\r\nERROR\r\n", "nothing is left");
}

/// A message that was sent under an id goes where the host meant it to go, though the gateway gave the id to another name
/// before it acknowledged it.
#[test]
fn a_message_is_not_repeated_to_another_topic() {
    let mut bench = connected(&Settings::default());
    registers(&mut bench, 1);
    bench.types("AT+MQTTPUB=101,\"host/1\",1,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @1 q1 #2 \"x\""]);
    receives(&mut bench, "register #1 @1 \"other\"");
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(sent(&bench), ["register #3 \"host/1\""]);
    receives(&mut bench, "regack #3 @2 0");
    assert_eq!(sent(&bench), ["publish @2 q1 #4 \"x\""]);
    receives(&mut bench, "register #2 @2 \"another\"");
    receives(&mut bench, "register #3 @3 \"host/1\"");
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(sent(&bench), ["publish @3 q1 #4 dup \"x\""], "the id is the same, so that it counts once");
    assert_eq!(receives(&mut bench, "puback #4 @3 0"), "\r\n+MQTTPUB: 101,1\r\n");
}

/// What is sent again is what was sent, though the gateway gave the name another id meanwhile.
#[test]
fn a_message_is_repeated_under_its_id() {
    let mut bench = connected(&Settings::default());
    registers(&mut bench, 1);
    bench.types("AT+MQTTPUB=101,\"host/1\",1,0,\"x\"");
    receives(&mut bench, "register #1 @2 \"host/1\"");
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(sent(&bench), ["publish @1 q1 #2 dup \"x\""]);
}

/// A host may be told of a name when the connection is gone: in the next one its number means the name.
#[test]
fn a_name_that_is_told_late_is_known_by_its_number() {
    let mut bench = connected(&Settings::default());
    bench.handle(Input::Full(Port::Serial));
    receives(&mut bench, "register #1 @5 \"a/b\"");
    bench.handle(Input::Closed(LINK, Why::Reset));
    bench.handle(Input::Free(Port::Serial));
    assert_eq!(bench.printed(), "\r\n+MQTTSNREG: 101,2,5,\"a/b\"\r\n\r\n+MQTTBREAK: 101,1\r\n");
    opens(&mut bench);
    bench.types("AT+MQTTPUB=101,5,0,0,\"x\"");
    assert_eq!(sent(&bench), ["register #1 \"a/b\""]);
}

/// What a connection left of a kept session takes room from messages of others.
#[test]
fn what_is_kept_of_mqtt_sn_takes_room_of_the_pool() {
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    bench.types(&format!("AT+MQTTPUB=101,\"ab\",1,0,\"{}\"", "x".repeat(1024)));
    bench.handle(Input::Closed(LINK, Why::Reset));
    bench.types("AT+MQTTOPEN=1,\"h\",1883,0,60");
    bench.handle(Input::Opened(Link(1)));
    bench.receives("connack 0");
    let line = format!("AT+MQTTPUB=1,\"t\",1,0,\"{}\"", "x".repeat(1024));
    let taken = (0..100).take_while(|_| bench.types(&line).contains("OK")).count();
    assert_eq!(taken, 62, "63 KiB of packets");
}

/// What the host registered it may use by its id: these are kept, and the gateway's give way to them.
#[test]
fn the_host_has_64_names() {
    let mut bench = connected(&Settings::default());
    for number in 101..=164 {
        receives(&mut bench, &format!("register #{number} @{number} \"name/{number}\""));
    }
    for number in 1..=64 {
        registers(&mut bench, number);
    }
    receives(&mut bench, "register #65 @65 \"name/65\"");
    assert_eq!(sent(&bench), ["regack #65 @65 1"]);
    assert!(bench.log().contains("no room for another topic name"), "{}", bench.log());
    // Repeated, and under another name, it is no further one.
    receives(&mut bench, "register #66 @64 \"host/64\"");
    assert_eq!(sent(&bench), ["regack #66 @64 0"]);
    for line in
        ["AT+MQTTSNREG=101,\"one/more\"", "AT+MQTTPUB=101,\"one/more\",0,0,\"x\"", "AT+MQTTSUB=101,\"one/more\",0"]
    {
        assert_eq!(bench.types(line), "\r\nERROR\r\n", "{line}");
        assert!(bench.log().contains("the connection has 64 topic names already"), "{}", bench.log());
    }
    // What needs no new id goes on.
    assert!(bench.types("AT+MQTTPUB=101,\"host/1\",0,0,\"x\"").contains("+MQTTPUB: 101,1"));
    assert_eq!(bench.types("AT+MQTTSUB=101,\"one/+\",0"), "\r\nOK\r\n");
    assert_eq!(receives(&mut bench, "suback #65 @0 q0 0"), "\r\n+MQTTSUB: 101,1\r\n");
    assert_eq!(bench.types("AT+MQTTSUB=101,\"host/1\",0"), "\r\nOK\r\n");
    assert_eq!(receives(&mut bench, "suback #66 @1 q0 0"), "\r\n+MQTTSUB: 101,1\r\n");
    assert_eq!(receives(&mut bench, "publish @1 q0 \"x\""), "\r\n+MQTTMSG: 101,0,1,\"x\"\r\n");
}

/// If the gateway gives one of their ids to another name, the host's names stay, and so does what their numbers mean.
#[test]
fn a_renamed_id_takes_no_other_place() {
    let mut bench = connected(&Settings::default());
    for number in 1..=64 {
        registers(&mut bench, number);
    }
    receives(&mut bench, "register #65 @64 \"other\"");
    assert_eq!(sent(&bench), ["regack #65 @64 0"]);
    bench.types("AT+MQTTPUB=101,1,0,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @1 q0 \"x\""]);
    bench.types("AT+MQTTPUB=101,64,0,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @64 q0 \"x\""], "the host was told of the other name");
}

/// "Invalid topic id" for an id that went to another name meanwhile says nothing about that.
#[test]
fn a_refusal_forgets_no_other_name() {
    let mut bench = connected(&Settings::default());
    registers(&mut bench, 1);
    bench.types("AT+MQTTPUB=101,\"host/1\",1,0,\"x\"");
    assert_eq!(sent(&bench), ["publish @1 q1 #2 \"x\""]);
    receives(&mut bench, "register #1 @1 \"other\"");
    receives(&mut bench, "puback #2 @1 2");
    assert_eq!(sent(&bench), ["register #3 \"host/1\""]);
    assert_eq!(receives(&mut bench, "publish @1 q0 \"y\""), "\r\n+MQTTMSG: 101,0,1,\"y\"\r\n");
}

/// Names that are on their way count, so that there is room for each when its answer comes.
#[test]
fn names_on_their_way_count() {
    let mut bench = connected(&Settings::default());
    for number in 1..=62 {
        registers(&mut bench, number);
    }
    assert_eq!(bench.types("AT+MQTTSNREG=101,\"63\""), "\r\nOK\r\n");
    assert_eq!(bench.types("AT+MQTTSNREG=101,\"64/\""), "\r\nOK\r\n");
    assert_eq!(bench.types("AT+MQTTSNREG=101,\"65/\""), "\r\nERROR\r\n");
    assert_eq!(receives(&mut bench, "regack #63 @63 0"), "\r\n+MQTTSNREG: 101,1,63,\"63\"\r\n");
    assert_eq!(receives(&mut bench, "regack #64 @64 0"), "\r\n+MQTTSNREG: 101,1,64,\"64/\"\r\n");
    assert_eq!(bench.types("AT+MQTTSNREG=101,\"65/\""), "\r\nERROR\r\n");
}

/// Names, messages that wait to be sent, and messages that wait for the host share the pool.
#[test]
fn the_pool_bounds_names_and_requests() {
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    let name = "n".repeat(4000);
    let mut names = 0;
    loop {
        receives(&mut bench, &format!("register #{0} @{0} \"{name}{0}\"", names + 1));
        if sent(&bench).is_empty() {
            break;
        }
        names += 1;
    }
    assert_eq!(names, 16, "names of 4001 bytes in 64 KiB");
    let mut bench = connected(&Settings { window: 1000, ..Settings::default() });
    let line = format!("AT+MQTTPUB=101,\"ab\",1,0,\"{}\"", "x".repeat(1024));
    let mut taken = 0;
    while bench.types(&line) == "\r\nOK\r\n" {
        taken += 1;
    }
    assert_eq!(taken, 64);
    assert!(bench.log().contains("too many messages wait"), "{}", bench.log());
}

#[test]
fn the_window_bounds_requests() {
    let mut bench = connected(&Settings { window: 2, ..Settings::default() });
    assert_eq!(bench.types("AT+MQTTPUB=101,\"ab\",1,0,\"1\""), "\r\nOK\r\n");
    assert_eq!(bench.types("AT+MQTTSUB=101,\"ab\",1"), "\r\nOK\r\n");
    assert_eq!(bench.types("AT+MQTTPUB=101,\"ab\",0,0,\"3\""), "\r\nERROR\r\n");
    assert!(bench.log().contains("2 packets wait"), "{}", bench.log());
}

/// A gateway that releases nothing is not acknowledged for ever.
#[test]
fn unreleased_messages_are_bounded() {
    let mut bench = connected(&Settings::default());
    let mut taken = 0;
    loop {
        receives(&mut bench, &format!("publish short \"ab\" q2 #{} \"x\"", taken + 1));
        if sent(&bench).is_empty() {
            break;
        }
        taken += 1;
    }
    assert_eq!(taken, 64);
    receives(&mut bench, "pubrel #1");
    receives(&mut bench, "publish short \"ab\" q2 #65 \"x\"");
    assert_eq!(sent(&bench), ["pubrec #65"]);
}

/// Whatever the gateway loses of a publish at QoS 2, it gets the message once, and the result tells what came of it.
#[test]
fn a_lossy_gateway_gets_each_message_once() {
    for lost in 0..64_u32 {
        let mut bench = connected(&Settings::default());
        let mut arrived = Vec::new();
        let mut printed = bench.types("AT+MQTTPUB=101,\"ab\",2,0,\"x\"");
        let mut step = 0;
        let end = bench.now + Duration::from_secs(4);
        loop {
            let mut answers = Vec::new();
            for words in sent(&bench) {
                let arrives = lost >> step & 1 == 0;
                step += 1;
                let bytes = parse_words(&words).unwrap();
                match Packet::decode(&bytes).unwrap() {
                    _ if !arrives => {}
                    Packet::Publish(publish) => {
                        assert!(publish.dup == (step > 1), "{words}");
                        if !arrived.contains(&publish.id) {
                            arrived.push(publish.id);
                        }
                        answers.push(format!("pubrec #{}", publish.id));
                    }
                    Packet::Pubrel(id) => answers.push(format!("pubcomp #{id}")),
                    other => panic!("{other}"),
                }
            }
            if let Some(answer) = answers.pop() {
                let arrives = lost >> step & 1 == 0;
                step += 1;
                if arrives {
                    printed += &receives(&mut bench, &answer);
                    continue;
                }
            }
            match bench.modem.deadline().filter(|deadline| *deadline < end) {
                Some(deadline) => bench.now = deadline,
                None => break,
            }
            bench.handle(Input::Tick);
            printed += &bench.printed();
        }
        assert_eq!(arrived.len(), usize::from(!arrived.is_empty()), "{lost:b}");
        let results = [printed.matches("+MQTTPUB: 101,1").count(), printed.matches("+MQTTPUB: 101,0").count()];
        assert_eq!(results.iter().sum::<usize>(), 1, "one result: {lost:b} {printed}");
        assert!(results[0] == 0 || arrived.len() == 1, "what is told as sent was sent: {lost:b}");
    }
}

#[test]
fn power_off_takes_leave_of_the_gateway() {
    let mut bench = connected(&Settings::default());
    bench.outbox.clear();
    bench.modem.power_off(bench.now, &mut bench.outbox);
    assert_eq!(sent(&bench), ["disconnect"]);
    assert!(bench.log().contains("Close"), "{}", bench.log());
}

#[test]
fn return_codes_have_their_numbers() {
    for number in 0..=255 {
        let code = ReturnCode::from_number(number);
        assert_eq!((code.number(), code.is_accepted()), (number, number == 0));
    }
}

/// Names that the gateway gives ids wait for the line like messages, and are bounded as those are.
#[test]
fn names_that_wait_for_the_host_are_bounded() {
    let mut bench = connected(&Settings::default());
    bench.handle(Input::Full(Port::Serial));
    let answers = (1..=40).map(|number| {
        receives(&mut bench, &format!("register #{number} @{number} \"name {number}\""));
        sent(&bench).concat()
    });
    let refused = answers.filter(|answer| !answer.ends_with(" 0")).count();
    bench.handle(Input::Free(Port::Serial));
    assert_eq!((bench.printed().matches("+MQTTSNREG: 101,2,").count(), refused), (32, 8));
}
