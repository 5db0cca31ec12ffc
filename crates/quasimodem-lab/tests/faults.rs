//! Faults by name: what the host sees of them, what is counted, and what stays as it was.

use std::time::Duration;

use proptest::prelude::*;
use quasimodem_core::{Host as HostIs, Imei, Input, Instant, Kind, Link, Modem, Outbox, Settings, Transport, Why};
use quasimodem_lab::broker::Config;
use quasimodem_lab::fault::{ALIASES, Due, Filters, Happened, Plan, ROWS, Spec};
use quasimodem_lab::flat::Bad;
use quasimodem_lab::pipe::Conditions;
use quasimodem_lab::script::{Host, Mode, Program, Who};
use quasimodem_lab::watch::Watch;
use quasimodem_lab::world::{Change, Route, World};

const LINK: quasimodem_core::Link = quasimodem_core::Link(1);

/// Keeps what the host is told unasked, and what faults did.
#[derive(Default)]
struct Seen {
    told: Vec<String>,
    faults: Vec<String>,
}

impl Watch for Seen {
    fn modem(&mut self, _: Instant, _: usize, _: &Input<'_>, _: &Modem, out: &Outbox) {
        for effect in out.effects() {
            if let quasimodem_core::Effect::Serial(Kind::Urc, marked) = effect {
                self.told.push(String::from_utf8_lossy(marked.bytes()).trim().to_owned());
            }
        }
    }

    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        self.faults.push(match what {
            Happened::Armed { id, .. } => format!("armed {id}"),
            Happened::Hit { id, client, item, nth, .. } => match client {
                Some(client) => format!("{id} hit {item} {nth} of {client}"),
                None => format!("{id} hit {item} {nth}"),
            },
            Happened::Spent { id, .. } => format!("spent {id}"),
            Happened::Cleared { id, .. } => format!("cleared {id}"),
        });
    }
}

fn plan(seed: u64, specs: &[&str]) -> Plan {
    let specs: Vec<Spec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
    Plan::new(&specs, seed, 0, Instant::START).unwrap()
}

/// The same with one fault, and the words of its not having hit as often as expected.
fn told(spec: &str, lines: &[&str]) -> (Seen, String) {
    let (seen, unhit) = run_and_tell(&[spec], lines);
    (seen, unhit.join("; "))
}

/// A modem whose host types these lines, a second each, with these faults; what was seen, and what hit too rarely.
fn run(specs: &[&str], lines: &[&str]) -> (Seen, usize) {
    let (seen, unhit) = run_and_tell(specs, lines);
    (seen, unhit.len())
}

fn run_and_tell(specs: &[&str], lines: &[&str]) -> (Seen, Vec<String>) {
    let mut seen = Seen::default();
    let mut world = World::new(7, [Config::default()]);
    let script: String = lines.iter().map(|line| format!("within 1s\n> {line}\nwait 4s\n")).collect();
    let who = Who { modem: "modem".into(), index: 0, imei: Imei::default(), seed: 7 };
    let host = Host::new(Program::parse(&script, &[]).unwrap().into(), who, Mode::Tolerant);
    let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
    let station = world.add(settings, Imei::default(), Conditions::default(), Route::default(), host);
    world.break_by(station, plan(7, specs), &mut seen);
    world.plan(Instant::START, Change::Attach(station, true));
    world.pass(Instant::from_millis(60_000), &mut seen);
    (seen, world.unhit(station).iter().map(ToString::to_string).collect())
}

const OPEN: &str = r#"AT+MQTTOPEN=1,"broker",1883,1,300"#;

#[test]
fn a_lost_acknowledgement() {
    let lines = [OPEN, r#"AT+MQTTPUB=1,"t",1,0,"a""#, r#"AT+MQTTPUB=1,"t",1,0,"b""#, r#"AT+MQTTPUB=1,"t",1,0,"c""#];
    let (seen, unhit) = run(&["packet-drop type=PUBACK nth=2 times=1"], &lines);
    assert_eq!(seen.told, ["+SIM READY", "+MQTTOPEN: 1,1", "+MQTTPUB: 1,1", "+MQTTPUB: 1,0", "+MQTTPUB: 1,1"]);
    assert_eq!(seen.faults, ["armed packet-drop", "packet-drop hit PUBACK 2 of 1", "spent packet-drop"]);
    assert_eq!(unhit, 0);
}

#[test]
fn a_broker_that_refuses() {
    let (seen, _) = run(&["connack-code code=4 times=1"], &[OPEN, "AT+CEER", OPEN]);
    assert_eq!(seen.told, ["+SIM READY", "+MQTTOPEN: 1,0", "+MQTTOPEN: 1,1"]);
}

#[test]
fn a_subscription_that_is_refused() {
    let (seen, _) = run(&["suback-failure times=1"], &[OPEN, r#"AT+MQTTSUB=1,"t",1"#, r#"AT+MQTTSUB=1,"t",1"#]);
    assert_eq!(seen.told, ["+SIM READY", "+MQTTOPEN: 1,1", "+MQTTSUB: 1,0", "+MQTTSUB: 1,1"]);
}

#[test]
fn a_message_that_comes_twice() {
    let lines = [OPEN, r#"AT+MQTTSUB=1,"t",2"#, r#"AT+MQTTPUB=1,"t",1,0,"a""#, r#"AT+MQTTPUB=1,"t",2,0,"b""#];
    let (seen, _) = run(&["packet-duplicate type=PUBLISH dir=down dup=1"], &lines);
    let messages: Vec<&String> = seen.told.iter().filter(|line| line.starts_with("+MQTTMSG")).collect();
    let (once, twice) = (r#"+MQTTMSG: 1,1,"t","a""#, r#"+MQTTMSG: 1,2,"t","b""#);
    assert_eq!(messages, [once, once, twice]);
}

/// What hits never is told in the end, unless it may.
#[test]
fn what_was_never_hit() {
    let (_, unhit) = run(&["packet-drop type=PINGREQ", "packet-drop id=o type=PINGREQ optional=true"], &[OPEN]);
    assert_eq!(unhit, 1);
    let (_, unhit) = run(&["packet-drop type=CONNACK expect=0 nth=9"], &[OPEN]);
    assert_eq!(unhit, 0);
}

/// A fault counts its matches also behind one that took the packet away.
#[test]
fn another_fault_moves_no_count() {
    let lines = [OPEN, r#"AT+MQTTPUB=1,"t",1,0,"a""#, r#"AT+MQTTPUB=1,"t",1,0,"b""#];
    let (seen, _) = run(&["packet-drop id=first type=PUBACK nth=1", "packet-drop id=second type=PUBACK nth=2"], &lines);
    let hits: Vec<&String> = seen.faults.iter().filter(|line| line.contains("hit")).collect();
    assert_eq!(hits, ["first hit PUBACK 1 of 1", "second hit PUBACK 2 of 1"]);
}

/// What one fault took away no other one hits, and what is not hit is not used up.
#[test]
fn nothing_hits_what_is_gone() {
    let lines = [OPEN, r#"AT+MQTTPUB=1,"t",1,0,"a""#, r#"AT+MQTTPUB=1,"t",1,0,"b""#];
    let (seen, unhit) = run(&["packet-drop type=PUBACK nth=1", "packet-duplicate type=PUBACK times=1"], &lines);
    let hits: Vec<&String> = seen.faults.iter().filter(|line| line.contains("hit")).collect();
    assert_eq!(hits, ["packet-drop hit PUBACK 1 of 1", "packet-duplicate hit PUBACK 2 of 1"]);
    assert_eq!(unhit, 0);
}

/// The packets of PUBACK that are hit, of so many, with this plan and this other traffic in between.
fn drawn(specs: &[&str], between: usize) -> Vec<u64> {
    let (mut filters, mut hits) = (Filters::new(plan(4711, specs)), Vec::new());
    for id in 1..=60u8 {
        for _ in 0..between {
            filters.down(Instant::START, LINK, b"\xd0\x00", true, &mut |_| {});
        }
        filters.down(Instant::START, LINK, &[0x40, 2, 0, id], true, &mut |what| {
            if let Happened::Hit { id: "drawn", nth, .. } = what {
                hits.push(nth);
            }
        });
    }
    hits
}

#[test]
fn a_drawn_hit_does_not_move() {
    let fault = "packet-drop id=drawn type=PUBACK chance=30%";
    let alone = drawn(&[fault], 0);
    assert!((8..30).contains(&alone.len()), "{alone:?}");
    assert_eq!(drawn(&[fault], 3), alone);
    assert_eq!(drawn(&["packet-duplicate chance=50%", fault, "packet-drop id=other chance=10%"], 2), alone);
    assert_ne!(drawn(&["packet-drop id=drawn type=PUBACK chance=30% seed=1"], 0), alone);
}

/// Scopes count apart.
#[test]
fn scopes() {
    let mut filters = Filters::new(plan(1, &["packet-drop type=PUBACK nth=1 per=link"]));
    let mut hits = 0;
    for _ in 0..3 {
        filters.opened(LINK);
        for _ in 0..2 {
            filters.down(Instant::START, LINK, &[0x40, 2, 0, 1], true, &mut |_| hits += 1);
        }
    }
    assert_eq!(hits, 3);
}

/// What came over a connection reaches no other one of the same link.
#[test]
fn connections_are_told_apart() {
    let mut filters = Filters::new(plan(1, &["packet-drop type=PUBACK"]));
    assert_eq!(filters.connection(LINK), None);
    filters.opened(LINK);
    let first = filters.connection(LINK);
    filters.down(Instant::START, LINK, b"\x40\x02", true, &mut |_| {});
    filters.closed(LINK);
    assert_eq!(filters.connection(LINK), None);
    filters.opened(LINK);
    assert!(first.is_some() && filters.connection(LINK).is_some() && filters.connection(LINK) != first);
    assert!(
        filters.ended(Instant::START, LINK, Why::Ended, &mut |_| {}).0.is_empty(),
        "the beginning of a packet of the former one"
    );
}

#[test]
fn times_bound_it() {
    let mut filters = Filters::new(plan(1, &["packet-drop after=2s lasts=1s"]));
    let mut passes =
        |millis| !filters.down(Instant::from_millis(millis), LINK, b"\xd0\x00", true, &mut |_| {}).is_empty();
    assert_eq!([0, 1999, 2000, 2999, 3000].map(&mut passes), [true, true, false, false, true]);
}

proptest! {
    /// Where no fault is about them, bytes pass as they came, in whatever chunks and whatever they are.
    #[test]
    fn what_is_not_meant_passes(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut filters = Filters::new(plan(1, &["packet-drop type=PUBACK client=2", "connack-code client=2"]));
        let mut out: Vec<u8> = Vec::new();
        for chunk in &chunks {
            out.extend(filters.down(Instant::START, LINK, chunk, true, &mut |_| {}).concat());
        }
        out.extend(filters.ended(Instant::START, LINK, Why::Ended, &mut |_| {}).0.concat());
        prop_assert_eq!(out, chunks.concat());
    }

    /// No packet makes a fault panic, whatever is in it.
    #[test]
    fn nothing_panics(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let specs = [
            "connack-code", "suback-failure code=1", "packet-duplicate copies=2 dup=0 topic=# qos=1", "packet-drop packet_id=1",
        ];
        let mut filters = Filters::new(plan(1, &specs));
        for chunk in &chunks {
            for link in [LINK, quasimodem_core::Link(101)] {
                filters.down(Instant::START, link, chunk, true, &mut |_| {});
                filters.up(Instant::START, link, chunk, &mut |_| {});
            }
        }
    }
}

#[test]
fn what_can_not_be_is_told() {
    for (spec, words) in [
        ("", "expected a fault, such as packet-drop type=PUBACK: packet-drop, "),
        (
            "packet-dorp",
            "there is no fault \"packet-dorp\", perhaps \"packet-drop\"; there are packet-drop, packet-delay, ",
        ),
        (
            "packet-drop typ=PUBACK",
            "packet-drop has no key \"typ\", perhaps \"type\"; it has client, dir, type, topic, qos, ",
        ),
        ("packet-drop PUBACK", "expected KEY=VALUE, found \"PUBACK\"; values with blanks need quotes"),
        ("packet-drop qos=3", "qos is \"3\", expected a number from 0 to 2"),
        ("packet-drop after=5", "after is \"5\", expected a time with its unit, such as 500ms, 1.5s or 2min"),
        ("packet-drop chance=1.5", "chance is \"1.5\", expected a chance from 0 to 1, or such as 30%"),
        ("packet-drop nth=0", "nth is \"0\", expected 3, 2..5, 3,7 or \"every 10\""),
        ("packet-drop dir=left", "dir is \"left\", expected up, down"),
        ("packet-drop type=PUBAK", "type is \"PUBAK\", expected a type of MQTT or MQTT-SN, such as PUBACK or PUB*"),
        ("packet-drop client=3", "client is \"3\", expected 1, 2, 101 or 102"),
        ("connack-code client=101", "client is \"101\", expected 1 or 2"),
        ("suback-failure code=256", "code is \"256\", expected a number from 0 to 255"),
        ("packet-drop topic=a/#/b", "topic is \"a/#/b\", expected a topic, or a filter with + and #"),
        ("packet-drop id=*", "id is \"*\", expected a name of letters, digits, -, _ and ."),
        ("drop", "there is no fault \"drop\", perhaps \"packet-drop\""),
        ("packet-drop TYPE=PUBACK", "packet-drop has no key \"TYPE\", perhaps \"type\""),
        ("packet-drop qos=1 qos=2", "qos stands there twice"),
        ("packet-drop topic='a b", "a quote has no end"),
        ("packet-drop rearm=true", "rearm means nothing without on=…"),
        ("packet-drop count=2", "count means nothing without on=…"),
        ("packet-drop jitter=1s", "jitter means nothing without every=…"),
        ("coverage-lost every=10s", "every means nothing without lasts=…"),
        ("coverage-lost on=at.final rearm=true", "rearm means nothing without lasts=…"),
        ("packet-drop lasts=0s", "lasts is \"0s\", expected a time with its unit, more than 0, such as"),
        ("packet-drop lease=0s", "lease is \"0s\", expected a time with its unit, more than 0, such as"),
        ("packet-drop every=0s", "every is \"0s\", expected a time with its unit, more than 0, such as"),
    ] {
        let error = spec.parse::<Spec>().unwrap_err().to_string();
        assert!(error.starts_with(words), "{spec}: {error}");
    }
    let table = [("fault".to_owned(), "packet-drop type=PUBACK".to_owned())];
    assert_eq!(
        Spec::from_pairs(table).unwrap_err().to_string(),
        "fault is \"packet-drop type=PUBACK\", expected its name alone: in a table, each of its keys is one of the table"
    );
    let same: Vec<Spec> = ["packet-drop id=a", "connack-code id=a"].iter().map(|spec| spec.parse().unwrap()).collect();
    assert!(matches!(Plan::new(&same, 1, 0, Instant::START), Err(Bad::SameId(id)) if id == "a"));
}

/// Within a row no two keys share a name, and each default is a value that the key takes.
#[test]
fn rows_are_well_formed() {
    for row in ROWS {
        let mut keys: Vec<&str> = row.keys().map(|key| key.key).collect();
        assert!(keys.iter().all(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{}", row.name);
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count, "{}", row.name);
        assert!(row.name.parse::<Spec>().is_ok(), "{}", row.name);
        assert!(!row.summary.is_empty() && !row.source.is_empty(), "{}", row.name);
    }
    let names: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ROWS.len());
}

/// What meets nothing changes nothing, and is no hit.
#[test]
fn what_meets_nothing_is_no_hit() {
    for (spec, words) in [
        ("link-end at=5s", "fault link-end was never hit: it began 1 time and met nothing"),
        ("link-end client=2 on=client.open", "fault link-end was never hit: it began 1 time and met nothing"),
        ("packet-corrupt type=CONNACK byte=4", "fault packet-corrupt was never hit: 1 packet came that it is about"),
        ("session-flag present=0", "fault session-flag was never hit: 1 packet came that it is about"),
        ("packet-drop on='client.open client=2'", "it begins with client.open client=2, which never came"),
        ("command-lost command=+CSQ", "fault command-lost was never hit: nothing came that it is about"),
        ("urc-lost nth=9", "fault urc-lost was never hit: 2 lines came that it is about"),
        (
            "packet-drop type=CONN* nth=2,9 expect=2",
            "fault packet-drop hit 1 of 2 packets that it is about; expected were 2",
        ),
    ] {
        let line = if spec == "link-end at=5s" { "AT" } else { OPEN };
        let (seen, unhit) = told(spec, &[line]);
        assert!(unhit.starts_with(words) || unhit.contains(words), "{spec}: {unhit}");
        assert_eq!(
            seen.faults.iter().any(|line| line.contains("hit")),
            spec.contains("expect"),
            "{spec}: {:?}",
            seen.faults
        );
    }
    let (_, unhit) = told("data-call-lost every=10s times=2 expect=2", &["AT+MIPCALL=0"]);
    assert!(unhit.ends_with("hit 1 of the 7 times that it began; expected were 2"), "{unhit}");
}

/// What was taken back is not used up.
#[test]
fn what_was_no_hit_leaves_its_times() {
    let (seen, unhit) = run(&["packet-corrupt dir=down byte=4 times=1"], &[OPEN, r#"AT+MQTTSUB=1,"t",1"#]);
    assert_eq!(seen.faults[1..], ["packet-corrupt hit SUBACK 2 of 1", "spent packet-corrupt"]);
    assert_eq!(unhit, 0);
}

/// Long lists are kept in order, whatever order they are said in; where each of many is compared with each other one, this
/// takes minutes.
#[test]
fn many_counters_are_read() {
    let list: Vec<String> = (1..=50_000u32).rev().map(|rank| (2 * rank).to_string()).collect();
    let spec: Spec = format!("packet-drop nth={}", list.join(",")).parse().unwrap();
    let many = vec!["packet-drop nth=1..3,2..9,11".parse().unwrap(); 50_000];
    assert!(Plan::new(&many, 1, 0, Instant::START).is_ok());
    let mut filters = Filters::new(Plan::new(&[spec], 1, 0, Instant::START).unwrap());
    for nth in 1..=50_000 {
        let passes = !filters.down(Instant::START, LINK, b"\xd0\x00", true, &mut |_| {}).is_empty();
        assert_eq!(passes, nth % 2 == 1);
    }
}

/// However links cut, delay and slow down what they carry, nothing is lost, doubled or put in another order, and no more is
/// held than may be.
#[test]
fn what_is_held_comes_whole_and_in_order() {
    for spec in [
        "link-delay ms=300 spread=300ms",
        "link-delay ms=300 spread=100ms distribution=normal dir=down",
        "link-delay ms=10 spread=50ms distribution=pareto",
        "link-rate bps=20000 dir=down",
        "link-slice size=7 ms=1",
        "packet-delay ms=1..900 chance=50%",
        "packet-delay ms=500 dir=down delay=200ms",
        "data-stall at=2s lasts=5s every=9s",
    ] {
        let lab = quasimodem_lab::Lab::new(1);
        let modem = lab.add();
        modem.order(&format!("fault {spec}")).unwrap();
        modem.write(b"AT+MQTTOPEN=1,\"b\",1883,1,60\r");
        lab.advance_until("client.open client=1", Duration::from_secs(5)).unwrap();
        modem.write(b"AT+MQTTSUB=1,\"t\",1\r");
        lab.advance(Duration::from_secs(10));
        modem.read();
        for number in 0..400 {
            lab.broker().publish(
                "t",
                format!("{number:0200}").as_bytes(),
                quasimodem_core::mqtt::Qos::AtLeastOnce,
                false,
            );
        }
        let mut text = String::new();
        for _ in 0..300 {
            lab.advance(Duration::from_secs(1));
            text += &String::from_utf8(modem.read()).unwrap();
        }
        let told = text.lines().filter_map(|line| line.strip_prefix("+MQTTMSG: 1,1,\"t\",\""));
        let told: Vec<u64> = told.map(|line| line.trim_end_matches('"').parse().unwrap()).collect();
        assert_eq!(told, (0..400).collect::<Vec<u64>>(), "{spec}");
    }
}

proptest! {
    /// Bytes of the line are hit by their place, in whatever chunks they come.
    #[test]
    fn chunks_of_the_line_mean_nothing(cuts in prop::collection::vec(1usize..40, 1..40)) {
        let specs = ["serial-loss rate=20% dir=to-module burst=3", "serial-corrupt rate=0.1 dir=to-module mode=replace"];
        let text: Vec<u8> = (0..=250u8).cycle().take(cuts.iter().sum()).collect();
        let (mut whole, mut cut) = (Filters::new(plan(3, &specs)), Filters::new(plan(3, &specs)));
        let mut arrived = Vec::new();
        let mut rest = text.as_slice();
        for length in cuts {
            let (chunk, behind) = rest.split_at(length);
            arrived.extend(cut.typed(Instant::START, chunk, &mut |_| {}));
            rest = behind;
        }
        prop_assert_eq!(arrived, whole.typed(Instant::START, &text, &mut |_| {}));
    }
}

/// What is not held back in time is held by the modem: however long the line stalls, nothing is lost, and little is held.
#[test]
fn a_line_that_stalls_stops_the_modem() {
    let lab = quasimodem_lab::Lab::new(1);
    let modem = lab.add();
    modem.write(b"AT+MQTTOPEN=1,\"b\",1883,1,300\r");
    lab.advance_until("client.open client=1", Duration::from_secs(5)).unwrap();
    modem.write(b"AT+MQTTSUB=1,\"t\",1\r");
    lab.advance(Duration::from_secs(5));
    modem.order("fault serial-stall lasts=60s dir=to-host").unwrap();
    for number in 0..1000 {
        lab.broker().publish("t", format!("{number:0200}").as_bytes(), quasimodem_core::mqtt::Qos::AtLeastOnce, false);
        lab.advance(Duration::from_millis(10));
    }
    modem.read();
    lab.advance(Duration::from_secs(100));
    let mut text = String::new();
    for _ in 0..300 {
        lab.advance(Duration::from_secs(1));
        text += &String::from_utf8(modem.read()).unwrap();
    }
    let told = text.lines().filter_map(|line| line.strip_prefix("+MQTTMSG: 1,1,\"t\",\""));
    let told: Vec<u64> = told.map(|line| line.trim_end_matches('"').parse().unwrap()).collect();
    assert_eq!(told, (0..1000).collect::<Vec<u64>>());
}

/// Short names are read as what they stand for, and no row has one of them.
#[test]
fn short_names() {
    for (name, meaning) in ALIASES {
        assert!(ROWS.iter().all(|row| row.name != *name), "{name}");
        assert!(meaning.parse::<Spec>().is_ok(), "{meaning}");
    }
    let (seen, unhit) = run(&["puback-lost times=1"], &[OPEN, r#"AT+MQTTPUB=1,"t",1,0,"a""#]);
    assert_eq!((seen.told.last().map(String::as_str), unhit), (Some("+MQTTPUB: 1,0"), 0));
    assert_eq!("puback-lost type=SUBACK".parse::<Spec>().unwrap_err().to_string(), "type stands there twice");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert!(Spec::from_pairs([pair("fault", "nat-timeout"), pair("client", "1")]).is_ok());
}

/// What people use daily comes first in every list, and of all rows none is there twice.
#[test]
fn daily_faults_come_first() {
    let first: Vec<&str> = ROWS.iter().map(|row| row.name).take(4).collect();
    assert_eq!(first, ["packet-drop", "packet-delay", "connack-code", "suback-failure"]);
    assert!(ROWS.len() >= 50, "{}", ROWS.len());
}

/// An end is held back or hidden like bytes are, also where none came before it.
#[test]
fn ends_are_hidden_as_bytes_are() {
    let end = |spec: &str| {
        let mut filters = Filters::around(plan(1, &[spec]), [Link(1)]);
        let (_, told) = filters.ended(Instant::START, Link(1), Why::Ended, &mut |_| {});
        assert_eq!(told, None, "{spec}");
        let (mut modem, mut out) = (Modem::new(Settings::default().into(), Imei::default()), Outbox::default());
        let open = b"AT+MQTTOPEN=1,\"192.0.2.1\",1883,1,60\r";
        for input in [Input::Host(HostIs::Attached), Input::Serial(open), Input::Opened(Link(1))] {
            modem.handle(Instant::START, input, &mut out);
            out.clear();
        }
        let mut came = Vec::new();
        for second in 0..10 {
            let now = Instant::from_millis(second * 1000);
            while let Some(due) = filters.take_due(now, &modem, &mut |_| {}) {
                came.push((second, format!("{due:?}")));
            }
        }
        came
    };
    assert_eq!(end("link-half-open"), []);
    let stalled = end("data-stall lasts=5s");
    assert!(matches!(&stalled[..], [(5, due)] if due.contains("Closed")), "{stalled:?}");
}

/// What is let go goes in the order in which it was held, also before what it causes.
#[test]
fn nothing_overtakes_what_is_let_go() {
    let mut filters = Filters::around(plan(1, &["link-delay ms=100 lasts=50ms"]), [Link(1), Link(2)]);
    let modem = Modem::new(Settings::default().into(), Imei::default());
    let (start, later) = (Instant::START, Instant::from_millis(100));
    assert!(filters.up(start, Link(1), b"\xc0\x00", &mut |_| {}).is_empty());
    assert!(filters.up(start, Link(2), b"\xc0\x00", &mut |_| {}).is_empty());
    let first = filters.take_due(later, &modem, &mut |_| {});
    assert!(matches!(first, Some(Due::Send(Link(1), _))), "{first:?}");
    // What it causes.
    assert!(filters.up(later, Link(2), b"\xe0\x00", &mut |_| {}).is_empty());
    let mut sent = Vec::new();
    while let Some(Due::Send(_, bytes)) = filters.take_due(later, &modem, &mut |_| {}) {
        sent.extend_from_slice(&bytes);
    }
    assert_eq!(sent, b"\xc0\x00\xe0\x00");
}

/// An attempt that is answered late is answered to nobody else.
#[test]
fn a_late_answer_reaches_no_later_connection() {
    let mut filters = Filters::new(plan(1, &["connect-refused delay=3s times=1"]));
    let modem = Modem::new(Settings::default().into(), Imei::default());
    filters.opened(Link(1));
    let goes_on = filters.connects(Instant::START, Link(1), &Transport::Tcp, ("b", 1883), None, &mut |_| {});
    assert!(!goes_on);
    filters.closed(Link(1));
    filters.opened(Link(1));
    let due = filters.take_due(Instant::from_millis(4000), &modem, &mut |_| {});
    assert!(due.is_none(), "{due:?}");
}
