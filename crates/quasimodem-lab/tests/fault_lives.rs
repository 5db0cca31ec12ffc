//! How faults begin, end, overlap and add up.

use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_lab::Lab;
use quasimodem_lab::fault::Spec;
use quasimodem_lab::lab::{ModemConfig, Script};
use quasimodem_lab::script::{Mode, Program};

const OPEN: &str = r#"AT+MQTTOPEN=1,"broker.example",1883,1,60"#;
const SUBSCRIBE: &str = r#"AT+MQTTSUB=1,"t",1"#;
const PUBLISH: &str = r#"AT+MQTTPUB=1,"t",1,0,"a""#;

/// What slowed a line or a link down keeps nothing back once it is over.
#[test]
fn what_was_slowed_goes_on_when_that_ends() {
    let lab = Lab::new(1);
    let modem = lab.add();
    let types = |line: &str| {
        modem.read();
        modem.write(format!("{line}\r").as_bytes());
        lab.advance(Duration::from_secs(1));
    };
    types(OPEN);
    // It takes some nine seconds.
    let long = PUBLISH.replace("\"a\"", &format!("\"{}\"", "a".repeat(100)));
    for (fault, line, due) in [
        ("serial-slice size=1 gap=100s", "AT+CSQ", "AT+CSQ\r\n+CSQ: 31,99\r\n\r\nOK\r\n"),
        ("link-slice size=1 ms=2000", PUBLISH, "OK\r\n\r\n+MQTTPUB: 1,1\r\n"),
        ("link-rate bps=100", &long, "OK\r\n\r\n+MQTTPUB: 1,1\r\n"),
    ] {
        modem.order(&format!("fault {fault} id=slow")).unwrap();
        types(line);
        let first = String::from_utf8(modem.read()).unwrap();
        modem.order("clear id=slow").unwrap();
        lab.advance(Duration::from_millis(100));
        let read = first.clone() + &String::from_utf8(modem.read()).unwrap();
        assert!(read.ends_with(due) && !first.ends_with(due), "{fault}: {first:?}, {read:?}");
    }
}

/// A broker that sends again what a kept session did not acknowledge, and does not say so.
#[test]
fn what_is_sent_again_looks_new() {
    let told = |fault: &str| {
        let lab = Lab::new(1);
        let modem = lab.add();
        let types = |line: &str| {
            modem.write(format!("{line}\r").as_bytes());
            lab.advance(Duration::from_secs(1));
        };
        modem.order(fault).unwrap();
        modem.order("fault packet-drop type=PUBACK dir=up times=1").unwrap();
        types(r#"AT+MQTTOPEN=1,"broker.example",1883,0,60"#);
        types(SUBSCRIBE);
        lab.broker().publish("t", b"once", Qos::AtLeastOnce, false);
        lab.advance(Duration::from_secs(1));
        modem.order("fault data-call-lost").unwrap();
        lab.advance(Duration::from_secs(1));
        modem.order("radio address=10.0.0.9").unwrap();
        types(r#"AT+MQTTOPEN=1,"broker.example",1883,0,60"#);
        lab.events()
            .into_iter()
            .filter(|line| line.contains("packet.down") && line.contains("PUBLISH"))
            .collect::<Vec<_>>()
    };
    let (usual, bad) = (told("fault signal"), told("fault broker-repeat"));
    let dup = |lines: &[String]| lines.iter().map(|line| line.contains("dup")).collect::<Vec<_>>();
    assert_eq!((dup(&usual), dup(&bad)), (vec![false, true], vec![false, false]), "{usual:?}");
}

/// What lasts lies on top: of two that overlap the newer shows, and what is below when it ends; orders change what is below.
#[test]
fn what_lasts_is_never_set_back() {
    let lab = Lab::new(1);
    let modem = lab.add();
    let signal = |lab: &Lab| {
        modem.read();
        modem.write(b"AT+CSQ\r");
        lab.advance(Duration::from_millis(10));
        let text = String::from_utf8(modem.read()).unwrap();
        text.split_once("+CSQ: ").map(|(_, rest)| rest.split(',').next().unwrap().to_owned()).unwrap()
    };
    modem.order("fault signal id=one rssi=11").unwrap();
    modem.order("fault signal id=two rssi=12").unwrap();
    assert_eq!(signal(&lab), "12");
    modem.order("clear id=one").unwrap();
    assert_eq!(signal(&lab), "12");
    modem.order("radio rssi=20").unwrap();
    assert_eq!(signal(&lab), "12");
    modem.order("clear id=two").unwrap();
    assert_eq!(signal(&lab), "20");
}

/// Where the host switches the radio off meanwhile, a fault that ends switches nothing on; where it switches it on, coverage is
/// still lost.
#[test]
fn the_host_switches_the_radio_meanwhile() {
    let lab = Lab::new(1);
    let modem = lab.add();
    let answer = |line: &str, seconds| {
        modem.read();
        modem.write(format!("{line}\r").as_bytes());
        lab.advance(Duration::from_secs(seconds));
        String::from_utf8(modem.read()).unwrap()
    };
    modem.order("fault coverage-lost").unwrap();
    answer("AT+CFUN=0", 1);
    answer("AT+CFUN=1", 30);
    let creg = answer("AT+CREG?", 1);
    assert!(creg.contains("+CREG: 0,2"), "the search finds nothing: {creg}");
    answer("AT+CFUN=0", 1);
    modem.order("clear").unwrap();
    let creg = answer("AT+CREG?", 1);
    assert!(creg.contains("+CREG: 0,0"), "the radio is off: {creg}");
}

/// Episodes count as hits do, and `times` bounds them.
#[test]
fn again_and_again() {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.order("fault urc-inject every=10s times=3 expect=3").unwrap();
    lab.advance(Duration::from_secs(100));
    let hits = lab.events().iter().filter(|line| line.contains("fault.hit")).count();
    assert_eq!((hits, modem.unhit().len()), (3, 0));
}

/// With jitter each period begins late by a part of it, the same in each run, and none is left out.
#[test]
fn periods_with_jitter() {
    let begun = |seed| {
        let lab = Lab::new(seed);
        let modem = lab.add();
        modem.order("fault urc-inject every=10s jitter=4s").unwrap();
        lab.advance(Duration::from_secs(100));
        let hits: Vec<String> = lab.events().into_iter().filter(|line| line.contains("fault.hit")).collect();
        let times =
            hits.iter().map(|line| line.split("\"t\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap());
        times.collect::<Vec<f64>>()
    };
    let times = begun(1);
    assert_eq!(times.len(), 10, "{times:?}");
    for (period, time) in (0..).map(|period| f64::from(period) * 10.0).zip(&times) {
        assert!((period..period + 4.0).contains(time), "{times:?}");
    }
    assert_eq!(begun(1), times);
    assert_ne!(begun(2), times);
}

/// What a fault does may be what it waits for, and what a script orders what it reacts to: time passes all the same.
#[test]
fn what_leads_to_itself() {
    let lab = Lab::new(1);
    let modem = lab.add();
    modem.order("fault module-reboot on=module.boot rearm=true").unwrap();
    modem.order("power state=reset").unwrap();
    lab.advance(Duration::from_secs(1));
    let boots = lab.events().iter().filter(|line| line.contains("module.boot")).count();
    assert!((2..=102).contains(&boots), "{boots}");

    let program = Program::parse("> AT\nwait 1s\non < +SIM READY\n! power state=reset\nend\n", &[]).unwrap().into();
    let lab = Lab::new(1);
    let script = Some(Script { program, mode: Mode::Strict });
    let modem = lab.add_with(ModemConfig { script, ..ModemConfig::default() }).unwrap();
    lab.advance(Duration::from_millis(20));
    assert_eq!(modem.outcome(), None);
}

/// Copies of copies are bounded.
#[test]
fn duplicates_do_not_multiply() {
    let lab = Lab::new(1);
    let fault = |id: u8| format!("packet-duplicate id=f{id} copies=100 type=PUBLISH dir=down").parse().unwrap();
    let faults: Vec<Spec> = (0..4).map(fault).collect();
    let modem = lab.add_with(ModemConfig { faults, ..ModemConfig::default() }).unwrap();
    for line in [OPEN, r#"AT+MQTTSUB=1,"t",0"#, r#"AT+MQTTPUB=1,"t",0,0,"a""#] {
        modem.write(format!("{line}\r").as_bytes());
        lab.advance(Duration::from_secs(1));
    }
    let read = String::from_utf8(modem.read()).unwrap();
    assert_eq!(read.matches("+MQTTMSG: 1,0").count(), 1000);
}
