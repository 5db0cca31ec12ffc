//! Every event of the table happens in virtual time, but for those that need a network or a reader of the real world.

use std::collections::BTreeSet;
use std::time::Duration;

use quasimodem_core::Settings;
use quasimodem_lab::event::Event;
use quasimodem_lab::lab::{Config, ModemConfig};
use quasimodem_lab::{Lab, broker, gateway};

const SECOND: Duration = Duration::from_secs(1);

/// Events that virtual time has not, and why; the tests of the program have them.
const REAL: &[(&str, &str)] = &[
    ("run.gap", "nobody is slow"),
    ("link.led", "a host map leads elsewhere"),
    ("link.secured", "nothing is encrypted"),
    ("link.lost", "a socket throws datagrams away"),
];

/// A day on which everything happens.
fn eventful() -> Vec<String> {
    let limits = gateway::Limits { clients: 1, ..gateway::Limits::default() };
    let gateway = gateway::Config { limits, ..gateway::Config::default() };
    let refusal = broker::Refusal { client: Some("me".into()), times: Some(1), code: broker::Code::NotAuthorized };
    let broker = broker::Config { refusals: vec![refusal], ..broker::Config::default() };
    let lab = Lab::with(Config { seed: 1, broker, gateway });
    let settings = Settings { boot: SECOND, ..Settings::default() };
    let modem = lab.add_with(ModemConfig { settings, ..ModemConfig::default() }).unwrap();
    let types = |line: &str| {
        modem.write(format!("{line}\r").as_bytes());
        lab.advance(SECOND);
        // A host that reads.
        modem.read();
    };
    // The host and its bytes.
    types("AT+MIPCALL=1");
    types("hello");
    types(r#"AT+MQTTWILL=1,"t",0,0,4"#);
    types("will");
    types(r#"AT+MIPDNS="broker.example""#);
    // Client 1 at the broker: refused, opened, cut off.
    types(r#"AT+MQTTOPEN=1,"broker",9,1,60"#);
    types(r#"AT+MQTTUSER=1,"","","me""#);
    types(r#"AT+MQTTOPEN=1,"broker",1883,1,60"#);
    types(r#"AT+MQTTOPEN=1,"broker",1883,1,60"#);
    types(r#"AT+MQTTSUB=1,"t",1"#);
    types(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
    lab.order("broker-kick client_id=me").unwrap();
    lab.advance(SECOND);
    // Client 101 at the gateway, which has no room for 102.
    types(r#"AT+MQTTOPEN=101,"gateway",1884,1,60"#);
    types(r#"AT+MQTTOPEN=102,"gateway",1884,1,60"#);
    types(r#"AT+MQTTSUB=101,"t",1"#);
    types(r#"AT+MQTTSNREG=101,"t""#);
    types(r#"AT+MQTTPUB=101,"t",1,0,"p""#);
    types("AT+MQTTCLOSE=101");
    // A fault that waits, one that hits, and one that is taken away.
    modem.order("fault command-error command=+CSQ times=1 per=modem").unwrap();
    types("AT+CSQ");
    modem.order("fault packet-drop type=PUBACK").unwrap();
    modem.order("clear").unwrap();
    // The radio and the module.
    for order in ["radio rssi=3", "radio clock=1780000000", "radio call=down", "radio stat=2", "radio sim=out"] {
        modem.order(order).unwrap();
    }
    modem.order("power state=off").unwrap();
    modem.order("power state=on").unwrap();
    lab.advance(2 * SECOND);
    // A host that does not read, and then leaves.
    for _ in 0..20 {
        modem.write(format!("AT+CSQ{}\r", ";+CSQ".repeat(800)).as_bytes());
        lab.advance(SECOND);
    }
    modem.attach(false);
    lab.order("reset").unwrap();
    lab.end();
    lab.events()
}

#[test]
fn every_event_of_the_table_happens() {
    let lines = eventful();
    let name = |line: &String| {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        json["event"].as_str().unwrap().to_owned()
    };
    let told: BTreeSet<String> = lines.iter().map(name).collect();
    let missing: Vec<&str> = Event::ROWS
        .iter()
        .map(|row| row.name)
        .filter(|name| !told.contains(*name) && !REAL.iter().any(|(real, _)| real == name))
        .collect();
    assert!(missing.is_empty(), "these never happened: {missing:?}\n{}", lines.join("\n"));
    let needless: Vec<&str> = REAL.iter().map(|(name, _)| *name).filter(|name| told.contains(*name)).collect();
    assert!(needless.is_empty(), "these happened: {needless:?}");
    assert!(lines[0].starts_with(r#"{"event":"run.ready""#) && lines.last().unwrap().contains("run.end"));
}

/// `channel` is for a second channel of AT commands, and left out while that is 0.
#[test]
fn what_is_reserved_has_no_other_meaning() {
    for field in Event::ROWS.iter().flat_map(|row| row.fields) {
        assert_ne!(field.key, "channel");
    }
}
