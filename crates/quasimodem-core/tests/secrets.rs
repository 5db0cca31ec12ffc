//! No secret shows in what a log may hold, whatever goes wrong around it.

mod common;

use common::Bench;
use quasimodem_core::{Change, Effect, Input, Link, Model, Settings};

#[test]
fn passwords_are_hidden_in_typed_lines() {
    let lines = [
        "AT+MQTTUSER=1,\"user\",\"hunter2\",\"id\"",
        "AT+MQTTUSER=1,\"user\",\"hunter2",
        "AT+MQTTUSER=1,\"us,er\",\"hunter2\"",
        "AT+MQTTUSER=9,\"user\",\"hunter2\"",
        "AT+MQTTUSER=\"user\" \"hunter2\"",
        "AT+MQTTUSER=1 user hunter2",
        "AT+MQTTUSER 1,\"u\",\"hunter2\"",
        "AT+MQTTUSER = 1,\"u\",\"hunter2\"",
        "AT+MQTTUSER,1,\"u\",\"hunter2\"",
        "AT+MQTTUSER?1,\"u\",\"hunter2\"",
        "AT+MQTTUSER\x7f=1,\"u\",\"hunter2\"",
        "AT+CSQ+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+CSQ=+MQTTUSER=1,\"u\",\"hunter2\"",
        "ATE9+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+MIPDNS=\"localhost+MQTTUSER=1,\"u\",\"hunter2\"",
        "AT+MQTUSER=1,\"user\",\"hunter2\"",
        "AT+NOSUCH;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTCLOSE=1;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNCID=101,\"id\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNREG=101,\"name\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWTOPICUD=101,0,0,\"\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CMEE=2;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MIPDNS=\"h\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CFUN=1,1;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+CPWROFF;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSSLFILE=\"TRUSTFILE\",100;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWILL=1,\"t\",0,0,5;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\",+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\";+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+GTSET=\"x\"+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+COPS=1,2,\"x\"+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTSNREG=101,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWMSGUD=101,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MQTTWILL=1,\"t\",0,0,n;+MQTTUSER=1,\"user\",\"hunter2\"",
        "AT+MIPCALL=1,\"apn\",\"user\",\"hunter2\"",
        "AT+CMEE=1;+MIPCALL=1,\"apn\",\"user\",\"hunter2\";+CMEE?",
        "AT+MQTTAUTHCFG=1,\"pk\",\"dn\",\"hunter2\",0",
        "AT+MQTTAUTHCFG=1,\"pk\",\"dn\",\"hunter2\",\"7\"",
        "AT+MQTTAUTHCFG=2,\"pk\",\"dn\",\"hunter2\"",
        "AT+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=3,\"hunter2",
        "AT+MQTTAUTHCFG=4,1,\"pk\",\"uuid\",\"hunter2\"",
        "AT+MQTTAUTHCFG=5,\"pk\",\"dn\",\"hunter2\"",
        "AT+MQTTAUTHCFG=6,\"core\",\"key\",\"hunter2\"",
        "AT+MQTTAUTHCFG=7,\"core\",\"key\",\"hunter2\"",
        "AT+MQTTAUTHCFG=8,\"pk\",\"dn\",\"hunter2\",\"user\"",
        "AT+MQTTAUTHCFG=9,\"pk\",\"dk\",\"hunter2\",\"\"",
        "AT+MQTTAUTHCFG=9,\"pk\",\"dk\",\"\",\"hunter2\"",
        "AT+MQTTAUTHCFG=10,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=\"3\",\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG?3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG 3,\"id\",\"hunter2\"",
        "AT+MQTTAUTHCFG=7;+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+CSQ+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
        "AT+MIPDNS=\"h+MQTTAUTHCFG=3,\"id\",\"hunter2\"",
    ];
    // With the commands of clouds, and without.
    for (line, model) in lines.iter().flat_map(|line| ["L610", "NL668"].map(|model| (line, model))) {
        let model = Model::by_name(model).unwrap();
        let mut bench = Bench::new(&Settings { model, ..Settings::default() });
        bench.handle(Input::Serial(format!("{line}\r").as_bytes()));
        assert!(!bench.log().contains("hunter2"), "{line} shows its password on {model}: {}", bench.log());
        assert!(bench.log().contains("typed"), "{line} is not noted at all");
    }
}

/// A key that is typed where none was asked for comes as lines, some of which happen to look like commands.
#[test]
fn lines_of_a_key_are_hidden() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+GTSSLFILE=\"PRIVATEKEY\",1704");
    for line in
        ["0lIaAT+hunter2a1auA0CFJ1IriAKXCaaVwU1rATYK0", "MIIAThunter2", "ATY4hunter2", "-----END PRIVATE KEY-----"]
    {
        bench.types(line);
        assert!(!bench.log().contains("unter2"), "{line}: {}", bench.log());
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+MQTTUSER=1,\"user\",\"hunter2\",\"id\"");
    assert!(bench.log().contains("AT+MQTTUSER=1,\\\"user\\\",**************"), "{}", bench.log());
    bench.types("AT+MIPCALL=1");
    assert!(bench.log().contains("AT+MIPCALL=1\""), "{}", bench.log());
    bench.types("AT+MQTTCONF?;+CMEE?");
    assert!(bench.log().contains("AT+MQTTCONF?;+CMEE?"), "{}", bench.log());
}

#[test]
fn what_clouds_are_told_is_hidden() {
    let commands = [
        ("1,\"pk\",\"dn\",\"hunter2\",0", "pk.dn"),
        ("2,\"pk\",\"dn\",\"aHVudGVyMg==\"", "pkdn;21010406"),
        ("3,\"device\",\"hunter2\"", "device_0_0"),
        ("5,\"pk\",\"dn\",\"aHVudGVyMg==\"", "pk"),
        ("6,\"core\",\"key\",\"hunter2\"", "thingidp@core"),
        ("8,\"pk\",\"dn\",\"hunter2\",\"user\"", "pkdn"),
        ("9,\"pk\",\"dk\",\"hunter2\",\"\"", "dk|pk"),
        ("9,\"pk\",\"dk\",\"\",\"hunter2\"", "dk|pk"),
    ];
    for (arguments, shown) in commands {
        let mut bench = Bench::new(&Settings::default());
        bench.handle(Input::Bearer(Change::Clock(1_700_000_000)));
        let printed = bench.types(&format!("AT+MQTTAUTHCFG={arguments}"));
        // Between the second pair of quotes.
        let password = printed.split('"').nth(3).unwrap_or_else(|| panic!("{arguments}: {printed}"));
        for secret in [password, "hunter2", "aHVudGVyMg"] {
            assert!(!bench.log().contains(secret), "{arguments} shows {secret}: {}", bench.log());
        }
        assert!(bench.log().contains(shown), "{arguments} shows too little: {}", bench.log());
    }
}

#[test]
fn the_password_is_hidden_on_the_wire_and_in_the_answer() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("AT+MQTTUSER=1,\"user\",\"hunter2\"");
    let printed = bench.types("AT+MQTTUSER?");
    assert_eq!(printed, "\r\n+MQTTUSER: 1,\"user\",\"hunter2\"\r\n\r\nOK\r\n");
    assert!(!bench.log().contains("hunter2"), "{}", bench.log());
    bench.types("AT+MQTTOPEN=1,\"h\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    let sent = bench.outbox.effects().find_map(|effect| match effect {
        Effect::Send(_, marked) => Some(marked.bytes().to_vec()),
        _ => None,
    });
    assert!(sent.is_some_and(|bytes| bytes.ends_with(b"hunter2")), "the broker gets it in clear");
    assert!(!bench.log().contains("hunter2") && bench.log().contains("user"), "{}", bench.log());
}

#[test]
fn echo_is_never_shown() {
    let mut bench = Bench::new(&Settings::default());
    bench.types("ATE1");
    bench.handle(Input::Serial(b"AT+MQTTUSER=1,\"user\",\"hunter2"));
    assert!(bench.log().contains("Echo") && !bench.log().contains("hunter2"), "{}", bench.log());
}
