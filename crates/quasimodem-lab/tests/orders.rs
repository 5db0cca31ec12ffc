//! Orders by name, and faults that events begin and end.

use std::time::Duration;

use quasimodem_core::{Effect, Imei, Input, Instant, Kind, Modem, Outbox, Settings};
use quasimodem_lab::broker::Config;
use quasimodem_lab::event::Event;
use quasimodem_lab::fault::Happened;
use quasimodem_lab::order::{Order, ROWS};
use quasimodem_lab::pipe::Conditions;
use quasimodem_lab::script::{Host, Mode, Program, Who};
use quasimodem_lab::watch::Watch;
use quasimodem_lab::world::{Change, Route, World};

const OPEN: &str = r#"AT+MQTTOPEN=1,"broker",1883,1,300"#;
const PUBLISH: &str = r#"AT+MQTTPUB=1,"t",1,0,"a""#;

/// What the host is told unasked, and what faults do, each with the second.
#[derive(Default)]
struct Seen(Vec<String>);

impl Watch for Seen {
    fn modem(&mut self, now: Instant, _: usize, _: &Input<'_>, _: &Modem, out: &Outbox) {
        for effect in out.effects() {
            if let Effect::Serial(Kind::Urc, marked) = effect {
                let line = String::from_utf8_lossy(marked.bytes());
                self.0.push(format!("{} {}", now.since(Instant::START).as_secs(), line.trim()));
            }
        }
    }

    fn fault(&mut self, now: Instant, _: usize, what: &Happened<'_>) {
        let second = now.since(Instant::START).as_secs();
        self.0.push(match what {
            Happened::Armed { id, .. } => format!("{second} armed {id}"),
            Happened::Hit { id, item, .. } => format!("{second} {id} hit {item}"),
            Happened::Spent { id, .. } => format!("{second} spent {id}"),
            Happened::Cleared { id, .. } => format!("{second} cleared {id}"),
        });
    }

    fn run(&mut self, now: Instant, event: &Event<'_>) {
        if let Event::Reset { epoch, seed } = event {
            self.0.push(format!("{} reset {epoch} seed {seed}", now.since(Instant::START).as_secs()));
        }
    }
}

/// A modem whose host types these lines, five seconds apart, and gets these orders, each at its second.
fn run(lines: &[&str], orders: &[(u64, &str)], seconds: u64) -> Vec<String> {
    let script: String = lines.iter().map(|line| format!("> {line}\nwait 5s\n")).collect();
    let who = Who { modem: "modem".into(), index: 0, imei: Imei::default(), seed: 7 };
    let host = Host::new(Program::parse(&script, &[]).unwrap().into(), who, Mode::Tolerant);
    let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
    let mut world = World::new(7, [Config::default()]);
    let station = world.add(settings, Imei::default(), Conditions::default(), Route::default(), host);
    world.plan(Instant::START, Change::Attach(station, true));
    for (second, order) in orders {
        world.plan(Instant::from_millis(second * 1000), Change::Order(station, order.parse().unwrap()));
    }
    let mut seen = Seen::default();
    world.pass(Instant::from_millis(seconds * 1000), &mut seen);
    assert_eq!(seen.0.remove(0), "0 +SIM READY");
    seen.0
}

#[test]
fn a_fault_comes_and_goes() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH];
    let orders = [(7, "fault packet-drop type=PUBACK"), (14, "clear id=packet-drop")];
    let seen = run(&lines, &orders, 30);
    let due = [
        "0 +MQTTOPEN: 1,1",
        "5 +MQTTPUB: 1,1",
        "7 armed packet-drop",
        "10 packet-drop hit PUBACK",
        "13 +MQTTPUB: 1,0",
        "14 cleared packet-drop",
        "15 +MQTTPUB: 1,1",
    ];
    assert_eq!(seen, due);
}

/// What is said twice goes on, with its counts; what is said otherwise takes its place.
#[test]
fn a_fault_that_is_said_again() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH];
    let fault = "fault packet-drop type=PUBACK times=1";
    let seen = run(&lines, &[(1, fault), (7, fault), (12, "fault packet-drop type=PUBACK times=2")], 30);
    let faults: Vec<&String> = seen.iter().filter(|line| line.contains("packet-drop")).collect();
    let due = [
        "1 armed packet-drop",
        "5 packet-drop hit PUBACK",
        "5 spent packet-drop",
        "12 armed packet-drop",
        "15 packet-drop hit PUBACK",
    ];
    assert_eq!(faults, due);
}

/// A lease is over unless it is renewed.
#[test]
fn a_lease() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH];
    let fault = "fault packet-drop type=PUBACK lease=7s";
    let seen = run(&lines, &[(1, fault), (6, fault)], 30);
    let faults: Vec<&String> = seen.iter().filter(|line| line.contains("packet-drop")).collect();
    let due =
        ["1 armed packet-drop", "5 packet-drop hit PUBACK", "10 packet-drop hit PUBACK", "13 cleared packet-drop"];
    assert_eq!(faults, due);
}

/// An event begins a fault, at the same time but behind what caused it.
#[test]
fn an_event_begins_a_fault() {
    let lines = [OPEN, PUBLISH, "AT+MQTTCLOSE=1", OPEN, PUBLISH];
    let seen = run(&lines, &[(0, "fault packet-drop type=PUBACK on='client.open client=1' count=2")], 40);
    let due = ["15 armed packet-drop", "15 +MQTTOPEN: 1,1", "20 packet-drop hit PUBACK", "23 +MQTTPUB: 1,0"];
    let faults: Vec<&String> = seen.iter().skip_while(|line| !line.starts_with("15")).collect();
    let mut sorted = faults.clone();
    sorted.sort();
    let mut due_sorted: Vec<String> = due.iter().map(ToString::to_string).collect();
    due_sorted.sort();
    assert_eq!(sorted, due_sorted.iter().collect::<Vec<_>>(), "{faults:?}");
}

/// Events of the broker begin and end faults too, and `rearm` begins them again.
#[test]
fn an_event_ends_a_fault() {
    let fault = "fault packet-drop type=PUBACK on='broker.published topic=t' until='client.open client=1' rearm=true";
    let lines = [OPEN, PUBLISH, PUBLISH, OPEN, PUBLISH, PUBLISH];
    let lines: Vec<&str> = [&lines[..3], &["AT+MQTTCLOSE=1"], &lines[3..]].concat();
    let seen = run(&lines, &[(0, fault)], 60);
    let results: Vec<&str> = seen
        .iter()
        .filter_map(|line| Some(line.split_once(" +MQTT")?.1))
        .filter(|line| line.starts_with("PUB"))
        .collect();
    // The message that arms it is acknowledged by then.
    assert_eq!(results, ["PUB: 1,1", "PUB: 1,0", "PUB: 1,1", "PUB: 1,0"], "{seen:?}");
    assert!(!seen.iter().any(|line| line.contains("cleared")), "{seen:?}");
}

/// Each period begins the counts anew.
#[test]
fn again_and_again() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH, PUBLISH, PUBLISH];
    let seen = run(&lines, &[(0, "fault packet-drop type=PUBACK times=1 every=10s")], 60);
    let results: Vec<&str> = seen.iter().filter_map(|line| Some(line.split_once("PUB: 1,")?.1)).collect();
    assert_eq!(results, ["0", "0", "1", "0", "1"], "{seen:?}");
    assert_eq!(seen.iter().filter(|line| line.contains("spent")).count(), 3, "{seen:?}");
}

#[test]
fn a_fault_at_a_time_that_lasts() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH];
    let seen = run(&lines, &[(2, "fault packet-drop type=PUBACK at=8s lasts=5s")], 30);
    let results: Vec<&str> = seen.iter().filter_map(|line| Some(line.split_once("PUB: 1,")?.1)).collect();
    assert_eq!(results, ["1", "0", "1"]);
}

/// Somebody may begin and end a fault without its event.
#[test]
fn a_fault_that_is_called() {
    let lines = [OPEN, PUBLISH, PUBLISH, PUBLISH];
    let fault = "fault packet-drop type=PUBACK on='client.broken client=2'";
    let orders = [(0, fault), (7, "trigger id=packet-drop"), (14, "trigger id=packet-drop to=end")];
    let seen = run(&lines, &orders, 30);
    let results: Vec<&str> = seen.iter().filter_map(|line| Some(line.split_once("PUB: 1,")?.1)).collect();
    assert_eq!(results, ["1", "0", "1"]);
    assert!(seen.contains(&"14 cleared packet-drop".into()));
}

#[test]
fn radio_and_power() {
    let orders = [(2, "radio stat=2 rssi=99"), (4, "radio stat=1 address=10.0.0.9"), (8, "power state=reset")];
    let seen = run(&[OPEN, "AT+CSQ", OPEN], &orders, 20);
    assert_eq!(seen, ["0 +MQTTOPEN: 1,1", "2 +MIPCALL: 0", "2 +MQTTBREAK: 1,3", "8 +SIM READY", "10 +MQTTOPEN: 1,1"]);
}

#[test]
fn the_broker_is_told_what_to_do() {
    let lines = [OPEN, r#"AT+MQTTSUB=1,"down",1"#, "AT", "AT", OPEN];
    let kick = format!("broker-kick client_id={}1", Imei::default());
    let orders = [
        (7, "broker-publish topic=down payload='two words' qos=1"),
        (8, &kick),
        (9, "broker-kick client_id=nobody"),
        (22, "broker-restart"),
    ];
    let seen = run(&lines, &orders, 30);
    let due = [
        "0 +MQTTOPEN: 1,1",
        "5 +MQTTSUB: 1,1",
        r#"7 +MQTTMSG: 1,1,"down","two words""#,
        "8 +MQTTBREAK: 1,1",
        "20 +MQTTOPEN: 1,1",
        "22 +MQTTBREAK: 1,1",
    ];
    assert_eq!(seen, due);
}

/// Faults, modem, broker and what is counted are as at the start; its host stays, and is told by the module alone.
#[test]
fn all_begins_anew() {
    let lines = [OPEN, r#"AT+MQTTSUB=1,"down",1"#, "AT+CMEE=2", "AT+CMEE?", OPEN, "AT+CSQ"];
    let orders =
        [(1, "fault signal rssi=3"), (2, "broker-publish topic=down payload=kept retain=true"), (12, "reset seed=9")];
    let seen = run(&lines, &orders, 40);
    let due = [
        "0 +MQTTOPEN: 1,1",
        "1 armed signal",
        "1 signal hit it",
        "5 +MQTTSUB: 1,1",
        r#"5 +MQTTMSG: 1,0,"down","kept""#,
        "12 cleared signal",
        "12 reset 1 seed 9",
        "12 +SIM READY",
        "20 +MQTTOPEN: 1,1",
    ];
    assert_eq!(seen, due);
}

/// Each row's example is an order, and its name.
#[test]
fn examples() {
    for row in ROWS {
        let order: Order = row.example.parse().unwrap_or_else(|bad| panic!("{}: {bad}", row.name));
        assert_eq!(order.name(), row.name);
    }
}

#[test]
fn what_is_no_order() {
    let wrong = |text: &str| text.parse::<Order>().unwrap_err().to_string();
    assert_eq!(
        wrong("brokerkick client_id=a"),
        "there is no order \"brokerkick\", perhaps \"broker-kick\"; there are broker-kick, broker-publish, \
         broker-restart, clear, console, fault, gateway-kick, gateway-restart, reset, trigger, power, radio, urc"
    );
    assert_eq!(wrong("broker-kick"), "broker-kick needs client_id=…");
    assert_eq!(wrong("power state=sleep"), "state is \"sleep\", expected reset, off, on, new");
    assert_eq!(
        wrong("radio rsi=3"),
        "radio has no key \"rsi\", perhaps \"rssi\"; it has sim, stat, rssi, call, address, clock"
    );
    assert_eq!(wrong("fault packet-drp"), wrong("fault packet-drp "));
    assert!(wrong("fault packet-drp").starts_with("there is no fault \"packet-drp\", perhaps \"packet-drop\""));
    let on = wrong("fault packet-drop on='client.brken client=1'");
    assert!(on.contains("there is no event \"client.brken\", perhaps \"client.broken\""), "{on}");
    let field = wrong("fault packet-drop on='client.broken cuase=1'");
    assert!(field.contains("perhaps \"cause\"; it has client, line, cause, code, why, modem"), "{field}");
    let both = wrong("fault packet-drop at=3s on=client.open");
    assert!(both.contains("not both"), "{both}");
}

#[test]
fn orders_name_what_is_there() {
    let lab = quasimodem_lab::Lab::new(1);
    let modem = lab.add();
    let wrong = |order: &str| modem.order(order).unwrap_err().to_string();
    assert_eq!(wrong("trigger id=tunel"), "there is no fault with the id \"tunel\", and no other");
    modem.order("fault coverage-lost id=tunnel on=at.prompt").unwrap();
    assert_eq!(
        wrong("trigger id=tunel"),
        "there is no fault with the id \"tunel\", perhaps \"tunnel\"; there are tunnel"
    );
    assert_eq!(wrong("clear id=x"), "there is no fault with the id \"x\"; there are tunnel");
    modem.order("clear").unwrap();
    let nobody = lab.order("broker-kick client_id=m").unwrap_err().to_string();
    assert_eq!(nobody, "no client is connected as \"m\", and no other");
}

/// A script that orders what can't be fails, at the line that does.
#[test]
fn scripts_order_what_is_there() {
    for (script, outcome) in [
        (
            "! fault packet-drop id=a\n! clear id=b\n> AT\n",
            "2: there is no fault with the id \"b\", perhaps \"a\"; there are a",
        ),
        ("> AT\n! trigger id=b\n", "2: there is no fault with the id \"b\", and no other"),
        ("> AT\n! broker-kick client_id=b\n> AT\n", "2: no client is connected as \"b\", and no other"),
    ] {
        let program = Program::parse(script, &[]).unwrap().into();
        let lab = quasimodem_lab::Lab::new(1);
        let script = Some(quasimodem_lab::lab::Script { program, mode: Mode::Strict });
        let config = quasimodem_lab::lab::ModemConfig { script, ..Default::default() };
        let modem = lab.add_with(config).unwrap();
        lab.advance(Duration::from_secs(5));
        let failure = modem.outcome().unwrap().unwrap_err();
        assert_eq!(format!("{}: {}", failure.line, failure.words), outcome);
    }
}
