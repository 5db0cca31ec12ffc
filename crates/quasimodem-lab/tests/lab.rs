//! The lab as a library.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_core::{ClientId, Connection, Imei, Input, Instant, Modem as Core, Outbox, Settings};
use quasimodem_lab::Lab;
use quasimodem_lab::flat::Bad;
use quasimodem_lab::lab::{BadName, Modem, ModemConfig, Script, TimedOut, WaitError};
use quasimodem_lab::script::{Mode, Program};
use quasimodem_lab::watch::Watch;
use serde_json::Value;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const OPEN: &[u8] = b"AT+MQTTOPEN=1,\"broker.example\",1883,1,60\r";

fn text(modem: &Modem) -> String {
    String::from_utf8_lossy(&modem.read()).into_owned()
}

#[test]
fn a_day_with_keep_alives() {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.write(OPEN);
    lab.advance(DAY);
    assert_eq!(lab.now(), DAY);
    assert!(matches!(modem.connection(ClientId::from_number(1).unwrap()), Some(Connection::Open)));
    let pings = lab.events().iter().filter(|line| line.contains("PINGREQ")).count();
    assert!((1430..=1500).contains(&pings), "{pings}");
    assert_eq!(
        text(&modem),
        "\r\n+SIM READY\r\nAT+MQTTOPEN=1,\"broker.example\",1883,1,60\r\nOK\r\n\r\n+MQTTOPEN: 1,1\r\n"
    );
}

/// Two runs of one seed are the same to the last event, whatever is drawn.
#[test]
fn a_seed_is_a_run() {
    let run = |seed| {
        let lab = Lab::new(seed);
        let modems = [lab.add(), lab.add()];
        for modem in &modems {
            modem.order("fault packet-drop type=PUBACK chance=50%").unwrap();
            modem.write(OPEN);
        }
        for _ in 0..20 {
            lab.advance(4 * SECOND);
            modems.iter().for_each(|modem| modem.write(b"AT+MQTTPUB=1,\"t\",1,0,\"p\"\r"));
        }
        lab.advance(4 * SECOND);
        lab.events()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn messages_go_through_the_broker() {
    let lab = Lab::new(1);
    let (one, two) = (lab.add(), lab.add());
    assert_eq!((&*one.name(), &*two.name()), ("modem", "modem2"));
    two.write(OPEN);
    lab.advance_until("client.open modem=modem2", SECOND).unwrap();
    two.write(b"AT+MQTTSUB=1,\"up/#\",1\r");
    lab.advance_until("broker.subscribed filter=up/#", SECOND).unwrap();
    // They would have one client id.
    one.write(b"AT+MQTTUSER=1,\"\",\"\",\"one\"\r");
    one.write(OPEN);
    lab.advance_until("client.open modem=modem", SECOND).unwrap();
    one.write(b"AT+MQTTPUB=1,\"up/1\",1,0,\"hello\"\r");
    let told = lab.advance_until("at.urc modem=modem2 text=+MQTTMSG*", SECOND).unwrap();
    assert_eq!(told.field("text").unwrap(), "+MQTTMSG: 1,1,\"up/1\",\"hello\"");
    lab.broker().publish("up/2", b"from above", Qos::AtMostOnce, false);
    lab.advance(SECOND);
    assert!(text(&two).ends_with("\"up/2\",\"from above\"\r\n"));
    let messages = lab.broker().messages();
    let seen: Vec<_> = messages.iter().map(|message| (&*message.client_id, &*message.topic)).collect();
    assert_eq!(seen, [("one", "up/1"), ("lab", "up/2")]);
    lab.broker().kick("one").unwrap();
    let broken = lab.advance_until("client.broken", SECOND).unwrap();
    assert_eq!((broken.field("modem").unwrap(), broken.field("cause").unwrap()), (&"modem".into(), &1.into()));
}

#[test]
fn a_gateway_for_mqtt_sn() {
    let lab = Lab::new(1);
    let settings = Settings { model: quasimodem_core::Model::by_name("MC615").unwrap(), ..Settings::default() };
    let modem = lab.add_with(ModemConfig { settings, ..ModemConfig::default() }).unwrap();
    modem.write(b"AT+MQTTSNCID=101,\"sn\"\r");
    modem.write(b"AT+MQTTOPEN=101,\"127.0.0.1\",1884,1,60\r");
    lab.advance_until("client.open client=101", 2 * SECOND).unwrap();
    modem.write(b"AT+MQTTPUB=101,\"abc\",1,0,\"by datagram\"\r");
    lab.advance_until("broker.published", SECOND).unwrap();
    assert_eq!(lab.broker().messages()[0].payload, b"by datagram");
    lab.advance(DAY / 24);
    assert!(matches!(modem.connection(ClientId::from_number(101).unwrap()), Some(Connection::Open)));
    modem.order("fault packet-drop type=PINGRESP").unwrap();
    let broken = lab.advance_until("client.broken client=101", 10 * 60 * SECOND).unwrap();
    assert_eq!(broken.field("cause").unwrap(), &1);
}

/// Who has a clock of their own leads: all that happens, happens at a deadline.
#[test]
fn another_clock_leads() {
    let lab = Lab::new(3);
    let modem = lab.add();
    modem.write(OPEN);
    let mut steps = 0;
    while let Some(due) = lab.next_deadline().filter(|due| *due <= 600 * SECOND) {
        lab.advance(due.saturating_sub(lab.now()));
        steps += 1;
    }
    let led = lab.events();
    assert!((10..500).contains(&steps), "{steps}");
    let other = Lab::new(3);
    other.add().write(OPEN);
    other.advance(600 * SECOND);
    assert_eq!(led, other.events());
}

#[test]
fn what_does_not_come() {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.write(b"AT\r");
    let Err(WaitError::NotMet(not_met)) = lab.advance_until("client.open client=1", 5 * SECOND) else { panic!() };
    assert_eq!(lab.now(), 5 * SECOND);
    let words = "client.open client=1 did not come within 5s; the last that came: \
                 host.attached, at.urc, host.typed, at.echo, at.final";
    assert_eq!(not_met.to_string(), words);
    assert!(matches!(lab.advance_until("client.opend", SECOND), Err(WaitError::Bad(_))));
    // What came before the wait but behind the last byte counts, and only once.
    modem.write(b"AT\r");
    assert!(lab.advance_until("at.final text=OK", SECOND).is_ok());
    assert!(lab.advance_until("at.final text=OK", SECOND).is_err());
}

#[test]
fn who_is_asked_what_they_can_not_do() {
    let lab = Lab::new(1);
    let modem = lab.add();
    let wrong = |result: Result<(), quasimodem_lab::flat::Bad>| result.unwrap_err().to_string();
    assert_eq!(wrong(lab.order("radio stat=2")), "radio is an order for a modem, not for the lab");
    assert_eq!(
        wrong(modem.order("broker-restart")),
        "broker-restart is an order for the lab, not for one of its modems"
    );
    let named = |name: &str| lab.add_with(ModemConfig { name: Some(name.into()), ..ModemConfig::default() });
    assert!(named("pump-1").is_ok());
    assert_eq!(named("pump-1").unwrap_err(), BadName::Taken("pump-1".into()));
    assert_eq!(named("").unwrap_err(), BadName::NoName(String::new()));
}

#[test]
fn faults_from_the_start_that_never_hit() {
    let lab = Lab::new(1);
    let faults = vec!["packet-drop type=PINGREQ".parse().unwrap()];
    let modem = lab.add_with(ModemConfig { faults, imei: Imei::default(), ..ModemConfig::default() }).unwrap();
    lab.advance(SECOND);
    assert_eq!(modem.unhit().len(), 1);
}

/// A written host, as a test: it gives orders to the broker, and ends well or with the first difference.
#[test]
fn a_written_host() {
    let outcome = |text: &str| {
        let lab = Lab::new(1);
        let script = Script { program: Program::parse(text, &[]).unwrap().into(), mode: Mode::Strict };
        let modem = lab.add_with(ModemConfig { script: Some(script), ..ModemConfig::default() }).unwrap();
        lab.advance(60 * SECOND);
        modem.outcome().unwrap().map_err(|failure| failure.to_string())
    };
    let text = "> AT+MQTTOPEN=1,\"b\",1883,1,60\n< +MQTTOPEN: 1,1\n> AT+MQTTSUB=1,\"d\",1\n< +MQTTSUB: 1,1\n\
                ! broker-publish topic=d payload=x\n< +MQTTMSG: 1,0,\"d\",\"x\"\n! data-call\n";
    assert!(Program::parse(text, &[]).is_err());
    let text = text.replace("! data-call", "! fault data-call-lost\n< +MQTTBREAK: 1,2");
    assert_eq!(outcome(&text), Ok(()));
    let failed = outcome("> AT+MQTTPUB=1,\"t\",0,0,\"x\"\n").unwrap_err();
    assert!(failed.starts_with("line 1: expected OK, got ERROR"), "{failed}");
}

/// Somebody else watches as well.
#[test]
fn another_watch() {
    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<usize>>);
    impl Watch for Calls {
        fn modem(&mut self, _: Instant, _: usize, _: &Input<'_>, _: &Core, _: &Outbox) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let (lab, calls) = (Lab::new(1), Calls::default());
    lab.watch(Box::new(calls.clone()));
    lab.add().write(b"AT\r");
    assert!(*calls.0.lock().unwrap() >= 2);
}

/// Hosts come and go: what nobody reads is lost with the cable.
#[test]
fn a_host_that_comes_back() {
    let lab = Lab::new(1);
    let modem = lab.add();
    lab.advance(SECOND);
    modem.attach(false);
    modem.write(b"AT\r");
    lab.advance(SECOND);
    modem.attach(true);
    modem.write(b"ATE0\r");
    lab.advance(SECOND);
    // Each host is told that the modem is ready.
    assert_eq!(text(&modem), "\r\n+SIM READY\r\nATE0\r\nOK\r\n");
}

/// A host that does not read stops the modem, and memory.
#[test]
fn a_host_that_does_not_read() {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.write(OPEN);
    lab.advance(SECOND);
    modem.write(b"AT+MQTTSUB=1,\"t\",0\r");
    lab.advance(SECOND);
    for _ in 0..2000 {
        lab.broker().publish("t", &[b'x'; 1000], Qos::AtMostOnce, false);
    }
    lab.advance(60 * SECOND);
    let usage = lab.broker().usage();
    assert!(usage.held_bytes < 4 << 20, "{usage:?}");
    let all = modem.read();
    assert!(all.len() > 16 << 10 && all.ends_with(b"\r\n"), "{}", all.len());
}

mod ports {
    use std::io::Write as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A driver that reads a line, as one of embedded-hal's world does.
    fn line<R: embedded_io::Read>(port: &mut R) -> Result<String, R::Error> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            if port.read(&mut byte)? == 1 {
                match byte[0] {
                    b'\n' if !line.is_empty() => return Ok(String::from_utf8(line).unwrap()),
                    b'\r' | b'\n' => {}
                    byte => line.push(byte),
                }
            }
        }
    }

    #[test]
    fn of_embedded_io() {
        let lab = Lab::new(1);
        let mut port = lab.add().serial();
        port.set_timeout(6 * SECOND);
        embedded_io::Write::write_all(&mut port, b"ATE0\r").unwrap();
        embedded_io::Write::write_all(&mut port, OPEN).unwrap();
        let lines: Vec<String> = (0..5).map(|_| line(&mut port).unwrap()).collect();
        assert_eq!(lines, ["+SIM READY", "ATE0", "OK", "OK", "+MQTTOPEN: 1,1"]);
        assert_eq!(line(&mut port), Err(TimedOut));
        assert!(lab.now() >= 6 * SECOND);
    }

    #[test]
    fn of_std() {
        let lab = Lab::new(1);
        let mut port = lab.add().serial();
        port.write_all(b"AT\r").unwrap();
        let mut bytes = [0; 64];
        let count = std::io::Read::read(&mut port, &mut bytes).unwrap();
        assert!(count > 0);
        while std::io::Read::read(&mut port, &mut bytes).is_ok() {}
        assert_eq!(std::io::Read::read(&mut port, &mut bytes).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }

    /// A future waits without letting time pass, and is woken when it does.
    #[test]
    fn of_embedded_io_async() {
        let lab = Lab::new(1);
        let modem = lab.add();
        let mut port = modem.serial();
        lab.advance(SECOND);
        modem.read();
        let mut bytes = [0; 64];
        let mut cx = Context::from_waker(Waker::noop());
        let count = {
            let mut read = pin!(embedded_io_async::Read::read(&mut port, &mut bytes));
            assert!(read.as_mut().poll(&mut cx).is_pending());
            modem.write(b"ATE0\r");
            lab.advance(SECOND);
            let Poll::Ready(Ok(count)) = read.as_mut().poll(&mut cx) else { panic!("nothing came") };
            count
        };
        assert!(b"ATE0\r\nOK\r\n".starts_with(&bytes[..count]), "{count}");
    }

    /// The same with tokio's traits.
    #[cfg(feature = "tokio")]
    #[test]
    fn of_tokio() {
        use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
        let lab = Lab::new(1);
        let modem = lab.add();
        let mut port = pin!(modem.serial());
        lab.advance(SECOND);
        modem.read();
        let mut cx = Context::from_waker(Waker::noop());
        let mut bytes = [0; 64];
        let mut to = ReadBuf::new(&mut bytes);
        assert!(port.as_mut().poll_read(&mut cx, &mut to).is_pending());
        let Poll::Ready(Ok(5)) = port.as_mut().poll_write(&mut cx, b"ATE0\r") else { panic!("it takes all") };
        lab.advance(SECOND);
        assert!(port.as_mut().poll_read(&mut cx, &mut to).is_ready());
        assert!(b"ATE0\r\nOK\r\n".starts_with(to.filled()) && !to.filled().is_empty());
    }
}

/// One count over all modems, where that is asked for.
#[test]
fn a_fault_that_counts_over_all_modems() {
    let lab = Lab::new(1);
    let fault: quasimodem_lab::fault::Spec = "packet-drop type=PUBACK times=1 per=fault optional=true".parse().unwrap();
    let modems = ["one", "two"].map(|name| {
        let config = ModemConfig { name: Some(name.into()), faults: vec![fault.clone()], ..ModemConfig::default() };
        let modem = lab.add_with(config).unwrap();
        modem.write(format!("AT+MQTTUSER=1,\"\",\"\",\"{name}\"\r").as_bytes());
        modem.write(OPEN);
        modem
    });
    lab.advance(SECOND);
    modems.iter().for_each(|modem| modem.write(b"AT+MQTTPUB=1,\"t\",1,0,\"p\"\r"));
    lab.advance(5 * SECOND);
    assert_eq!(lab.events().iter().filter(|line| line.contains("fault.hit")).count(), 1);
}

/// Those of the start are there again, with the same draws, and what begins at a time counts it from there.
#[test]
fn faults_of_the_start_come_again() {
    let lab = Lab::new(1);
    let faults = ["packet-duplicate type=PINGREQ chance=30%", "coverage-lost at=800s lasts=10s"];
    let faults = faults.map(|fault| fault.parse().unwrap()).into();
    let modem = lab.add_with(ModemConfig { faults, ..ModemConfig::default() }).unwrap();
    let run = || {
        let start = lab.now();
        modem.write(OPEN);
        lab.advance(1000 * SECOND);
        let mut hits = Vec::new();
        for line in lab.events() {
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == "fault.hit" {
                let at = event["t"].as_f64().unwrap() - start.as_secs_f64();
                hits.push(format!("{} {at:.3} {}", event["id"].as_str().unwrap(), event["nth"]));
            }
        }
        hits
    };
    let before = run();
    assert!(before.contains(&"coverage-lost 800.000 1".into()) && before.len() > 1, "{before:?}");
    lab.order("reset").unwrap();
    assert_eq!(run(), before);
}

/// A client of the gateway is let go, and all are.
#[test]
fn a_gateway_is_told_what_to_do() {
    let lab = Lab::new(1);
    let modem = lab.add();
    for order in ["gateway-kick client_id=sensor", "gateway-restart"] {
        modem.write(b"AT+MQTTSNCID=101,\"sensor\"\r");
        lab.advance(SECOND);
        modem.write(b"AT+MQTTOPEN=101,\"gateway.example\",1884,1,60\r");
        lab.advance_until("client.open client=101", SECOND).unwrap();
        assert_eq!(lab.order("gateway-kick client_id=nobody").unwrap_err().nearest(), None);
        lab.order(order).unwrap();
        lab.advance_until("gateway.disconnected client_id=sensor", Duration::ZERO).unwrap();
        let broken = lab.advance_until("client.broken client=101", 200 * SECOND);
        assert!(broken.is_ok(), "{order}: {broken:?}");
    }
}

/// Somebody types while no host is there; the one that comes finds a line of its own.
#[test]
fn a_console() {
    let lab = Lab::new(1);
    let modem = lab.add();
    assert_eq!(modem.order("console text=AT").unwrap_err(), Bad::HasHost);
    modem.attach(false);
    modem.order("console text=AT+CSQ").unwrap();
    let told = lab.advance_until("at.info", SECOND).unwrap();
    assert_eq!(told.field("text").unwrap(), "+CSQ: 31,99");
    modem.order("console text=AT+CS enter=false").unwrap();
    modem.attach(true);
    modem.read();
    modem.write(b"AT\r");
    lab.advance(SECOND);
    assert!(text(&modem).ends_with("AT\r\nOK\r\n"), "{}", text(&modem));
}

/// What a fault nearly was about is told, as often as it is plain that a key is wrong; who waits in vain sees which.
#[test]
fn near_misses() {
    let lab = Lab::new(1);
    let modem = lab.add();
    for fault in [
        "packet-drop type=PUBACK client=2 id=client",
        "packet-drop type=PUBLISH topic=up/+ qos=1 id=topic",
        "packet-drop type=PUBLISH topic=up/+ qos=2 dir=down id=three",
        "command-error command=+CSQ id=other",
    ] {
        modem.order(&format!("fault {fault}")).unwrap();
    }
    modem.write(OPEN);
    lab.advance(SECOND);
    for _ in 0..2 {
        modem.write(b"AT+MQTTPUB=1,\"down\\n\",1,0,\"p\"\r");
        lab.advance(SECOND);
    }
    let words: Vec<String> = modem.unhit().iter().map(ToString::to_string).collect();
    let unhit = |id: &str, near: &str| {
        format!("fault {id} was never hit: nothing came that it is about{near}; optional=true if that may be")
    };
    let due = [
        unhit("client", ", but PUBACK with client=1 came 2 times"),
        unhit("topic", ", but PUBLISH with topic=down\\n came 2 times"),
        unhit("three", ""),
        unhit("other", ""),
    ];
    assert_eq!(words, due);
}
