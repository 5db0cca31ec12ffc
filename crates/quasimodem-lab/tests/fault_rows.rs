//! What a host sees of each fault of the table.

use std::time::Duration;

use quasimodem_lab::Lab;
use quasimodem_lab::fault::{ROWS, Spec};
use quasimodem_lab::lab::ModemConfig;

const OPEN: &str = r#"AT+MQTTOPEN=1,"broker.example",1883,1,60"#;
const SUBSCRIBE: &str = r#"AT+MQTTSUB=1,"t",1"#;
const PUBLISH: &str = r#"AT+MQTTPUB=1,"t",1,0,"a""#;

const SN_OPEN: &str = r#"AT+MQTTOPEN=101,"gateway.example",1884,1,60"#;
const SN_SUBSCRIBE: &str = r#"AT+MQTTSUB=101,"t",1"#;
const SN_PUBLISH: &str = r#"AT+MQTTPUB=101,"a/b",1,0,"x""#;
const TLS_OPEN: &str = r#"AT+MQTTOPEN=1,"broker.example",8883,1,60,2"#;

/// A fault, what the host types, ten seconds apart, and all that it reads, echo left out.
const EFFECTS: &[(&str, &[&str], &[&str])] = &[
    (
        "coverage-lost at=15s lasts=10s",
        &["AT+CREG=1", OPEN, "AT+CSQ", "AT+CSQ"],
        &[
            "OK",
            "OK",
            "+MQTTOPEN: 1,1",
            "+CREG: 2",
            "+MIPCALL: 0",
            "+MQTTBREAK: 1,3",
            "+CSQ: 99,99",
            "OK",
            "+CREG: 1",
            "+CSQ: 31,99",
            "OK",
        ],
    ),
    ("registration stat=3 at=5s", &["AT+CREG=1", "AT+CREG?"], &["OK", "+CREG: 3", "+MIPCALL: 0", "+CREG: 1,3", "OK"]),
    ("signal rssi=7 lasts=5s", &["AT+CSQ", "AT+CSQ"], &["+CSQ: 7,99", "OK", "+CSQ: 31,99", "OK"]),
    (
        "sim state=out at=5s lasts=10s",
        &["AT+CPIN?", "AT+CPIN?", "AT+CPIN?"],
        &["+CPIN: READY", "OK", "+MIPCALL: 0", "+CME ERROR: 10", "+SIM READY", "+CPIN: READY", "OK"],
    ),
    ("data-call-lost at=5s", &[OPEN], &["OK", "+MQTTOPEN: 1,1", "+MIPCALL: 0", "+MQTTBREAK: 1,2"]),
    ("module-reboot at=5s", &[OPEN, PUBLISH], &["OK", "+MQTTOPEN: 1,1", "+SIM READY", "ERROR"]),
    ("command-error code=14 command=+CSQ nth=1", &["AT+CSQ", "AT+CSQ"], &["+CME ERROR: 14", "+CSQ: 31,99", "OK"]),
    ("command-lost command=AT+CSQ times=1", &["AT+CSQ", "AT+CSQ"], &["+CSQ: 31,99", "OK"]),
    ("final-lost line=OK nth=2", &["AT+CSQ", "AT+CSQ"], &["+CSQ: 31,99", "+CSQ: 31,99", "OK"]),
    ("echo-lost times=1", &["ATE1", "AT"], &["OK", "OK"]),
    ("prompt-lost", &[OPEN, r#"AT+MQTTPUB=1,"t",0,0,5"#], &["OK", "+MQTTOPEN: 1,1", "ERROR"]),
    ("answer-truncate bytes=2 line=+CSQ times=1", &["AT+CSQ", "AT+CSQ"], &["+C", "OK", "+CSQ: 31,99", "OK"]),
    (
        "urc-lost line=+MQTTPUB client=1 nth=1",
        &[OPEN, PUBLISH, PUBLISH],
        &["OK", "+MQTTOPEN: 1,1", "OK", "OK", "+MQTTPUB: 1,1"],
    ),
    ("urc-duplicate line=+MQTTOPEN", &[OPEN], &["OK", "+MQTTOPEN: 1,1", "+MQTTOPEN: 1,1"]),
    ("urc-inject text='+CREG: 0' copies=2 at=5s", &["AT"], &["OK", "+CREG: 0", "+CREG: 0"]),
    (
        "connect-refused host=broker.* times=1",
        &[OPEN, "AT+CEER", OPEN],
        &["OK", "+MQTTOPEN: 1,0", "+CEER: 2,\"connection refused\"", "OK", "OK", "+MQTTOPEN: 1,1"],
    ),
    (
        "connect-timeout port=1883",
        &[OPEN, "AT+CEER"],
        &["OK", "+MQTTOPEN: 1,0", "+CEER: 4,\"no answer in time\"", "OK"],
    ),
    (
        "dns-fail kind=nxdomain",
        &[OPEN, "AT+CEER"],
        &["OK", "+MQTTOPEN: 1,0", "+CEER: 1,\"no such name: broker.example\"", "OK"],
    ),
    ("lookup-fail host=a.example", &[r#"AT+MIPDNS="a.example""#], &["+CME ERROR: 3"]),
    ("dns-wrong address=10.9.8.7", &[r#"AT+MIPDNS="a.example""#], &["+MIPDNS: \"a.example\",10.9.8.7", "OK"]),
    (
        "link-end how=reset at=5s",
        &[OPEN, "AT+CEER"],
        &["OK", "+MQTTOPEN: 1,1", "+MQTTBREAK: 1,1", "+CEER: 2,\"reset by a fault\"", "OK"],
    ),
    ("link-half-open at=5s", &[OPEN, PUBLISH], &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTPUB: 1,0"]),
    (
        "data-stall at=5s lasts=10s",
        &[OPEN, PUBLISH, PUBLISH],
        &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTPUB: 1,0", "OK", "+MQTTPUB: 1,1"],
    ),
    (
        "address-changed at=5s",
        &[OPEN, "AT+MIPCALL?", PUBLISH],
        &["OK", "+MQTTOPEN: 1,1", "+MIPCALL: 1,10.0.0.3", "OK", "OK", "+MQTTPUB: 1,0"],
    ),
    (
        "urc-inside place=after-echo nth=3",
        &["ATE1", "AT+CSQ", "AT+CSQ"],
        &["OK", "+SIM READY", "+CSQ: 31,99", "OK", "+CSQ: 31,99", "OK"],
    ),
    ("urc-inside text=X nth=2", &["AT+CSQ"], &["+CSQ: 31,99", "X", "OK"]),
    ("data-call-refused times=1", &["AT+MIPCALL=1", "AT+MIPCALL=1"], &["ERROR", "OK", "+MIPCALL: 10.0.0.2"]),
    ("packet-truncate type=CONNACK times=1", &[OPEN, OPEN], &["OK", "+MQTTOPEN: 1,0", "OK", "+MQTTOPEN: 1,1"]),
    (
        "packet-truncate type=SUBACK bytes=3 then=close",
        &[OPEN, SUBSCRIBE, "AT+CEER"],
        &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTSUB: 1,0", "+MQTTBREAK: 1,1", "+CEER: 2,\"ended by a fault\"", "OK"],
    ),
    (
        "packet-inject at=5s",
        &[OPEN, "AT+CEER"],
        &[
            "OK",
            "+MQTTOPEN: 1,1",
            "+MQTTBREAK: 1,1",
            "+CEER: 6,\"the broker broke the protocol: the packet type is reserved (MQTT 2.2.1)\"",
            "OK",
        ],
    ),
    (
        "publish-oversized at=5s",
        &[OPEN, "AT+CEER"],
        &[
            "OK",
            "+MQTTOPEN: 1,1",
            "+MQTTBREAK: 1,1",
            "+CEER: 15,\"the broker sent a message of 70011 bytes, larger than max_packet (61440 bytes)\"",
            "OK",
        ],
    ),
    (
        "publish-storm copies=2 at=5s topic=s",
        &[OPEN],
        &["OK", "+MQTTOPEN: 1,1", "+MQTTMSG: 1,0,\"s\",\"1\"", "+MQTTMSG: 1,0,\"s\",\"2\""],
    ),
    (
        "datagram-loss rate=100% type=PUBACK",
        &[SN_OPEN, SN_PUBLISH],
        &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,0"],
    ),
    ("datagram-duplicate type=PUBLISH", &[SN_OPEN, SN_PUBLISH], &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,1"]),
    (
        "datagram-reorder dir=up type=PUBLISH ms=1500",
        &[SN_OPEN, SN_PUBLISH],
        &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,1"],
    ),
    ("sn-reject code=3 type=SUBACK", &[SN_OPEN, SN_SUBSCRIBE], &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTSUB: 101,0"]),
    (
        "sn-reject code=2 type=PUBACK times=1",
        &[SN_OPEN, SN_PUBLISH],
        &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,1"],
    ),
    (
        "sn-disconnect at=5s",
        &[SN_OPEN, "AT+CEER"],
        &[
            "OK",
            "+MQTTOPEN: 101,1",
            "+MQTTBREAK: 101,1",
            "+CEER: 11,\"ended by the gateway; perhaps it has forgotten the client, or another connected as 001010000000008101\"",
            "OK",
        ],
    ),
    ("sn-unknown-topic at=5s", &[SN_OPEN, SN_PUBLISH], &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,1"]),
    ("sn-register at=5s topic_id=77 name=a/b", &[SN_OPEN], &["OK", "+MQTTOPEN: 101,1", "+MQTTSNREG: 101,2,77,\"a/b\""]),
    (
        "tls-verdict kind=name",
        &[TLS_OPEN, "AT+CEER", "AT+GTSSLERR?"],
        &[
            "OK",
            "+MQTTOPEN: 1,0",
            "+CEER: 3,\"TLS: server certificate is for another.example, not for broker.example\"",
            "OK",
            "+GTSSLERR: -62",
            "OK",
        ],
    ),
    (
        "tls-verdict kind=alert alert=48",
        &[TLS_OPEN, "AT+CEER"],
        &["OK", "+MQTTOPEN: 1,0", "+CEER: 3,\"TLS: the peer sent an alert: unknown CA (48)\"", "OK"],
    ),
    ("tls-verdict kind=expired times=1", &[TLS_OPEN, TLS_OPEN], &["OK", "+MQTTOPEN: 1,0", "OK", "+MQTTOPEN: 1,1"]),
    (
        "tls-cut how=reset",
        &[TLS_OPEN, "AT+CEER", "AT+GTSSLERR?"],
        &[
            "OK",
            "+MQTTOPEN: 1,0",
            "+CEER: 3,\"TLS: the connection broke in the handshake: reset by the peer\"",
            "OK",
            "+GTSSLERR: -106",
            "OK",
        ],
    ),
    ("packet-inject words='puback #9' at=5s", &[OPEN, PUBLISH], &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTPUB: 1,1"]),
    (
        "serial-loss rate=1 at=1s nth=4 dir=to-module",
        &["AT", "AT+CSQ", "AT+CSQ"],
        &["OK", "ERROR", "+CSQ: 31,99", "OK"],
    ),
    (
        "serial-loss rate=1 at=1s nth=3 burst=2 times=1",
        &["AT", "AT+CSQ", "AT+CSQ"],
        &["OK", "SQ: 31,99", "OK", "+CSQ: 31,99", "OK"],
    ),
    ("serial-corrupt rate=1 mode=high at=1s nth=3", &["AT", "AT+CSQ"], &["OK", "�CSQ: 31,99", "OK"]),
    ("serial-noise size=2 at=1s times=1", &["AT", "AT+CSQ"], &["OK", "��", "+CSQ: 31,99", "OK"]),
    ("serial-overrun fifo=16 rate=300 at=1s", &["AT", "AT+CSQ", "AT"], &["OK", "+CSQ: 31,99", "OK"]),
    ("baud-mismatch rate=9600 at=5s lasts=10s", &["AT", "AT+CSQ", "AT+CSQ"], &["OK", "+CSQ: 31,99", "OK"]),
    ("baud-mismatch rate=230400 at=5s lasts=10s", &["AT", "AT+CSQ", "AT+CSQ"], &["OK", "+CSQ: 31,99", "OK"]),
    ("module-freeze at=5s lasts=10s", &["AT", "AT+CSQ", "AT+CSQ"], &["OK", "+CSQ: 31,99", "OK"]),
    ("module-freeze what=all at=5s lasts=60s", &[OPEN, PUBLISH], &["OK", "+MQTTOPEN: 1,1"]),
    ("broker-restart at=5s", &[OPEN, OPEN], &["OK", "+MQTTOPEN: 1,1", "+MQTTBREAK: 1,1", "OK", "+MQTTOPEN: 1,1"]),
    (
        "broker-down at=5s lasts=10s",
        &[OPEN, OPEN, OPEN],
        &["OK", "+MQTTOPEN: 1,1", "+MQTTBREAK: 1,1", "OK", "+MQTTOPEN: 1,0", "OK", "+MQTTOPEN: 1,1"],
    ),
    (
        "broker-down how=silent lasts=8s",
        &[OPEN, "AT+CEER", OPEN],
        &[
            "OK",
            "+MQTTOPEN: 1,0",
            "+CEER: 4,\"no CONNACK in time; perhaps this port is for TLS\"",
            "OK",
            "OK",
            "+MQTTOPEN: 1,1",
        ],
    ),
    (
        "broker-refuse code=3 lasts=10s",
        &[OPEN, "AT+CEER", OPEN],
        &["OK", "+MQTTOPEN: 1,0", "+CEER: 702,\"Server unavailable\"", "OK", "OK", "+MQTTOPEN: 1,1"],
    ),
    ("takeover at=5s", &[OPEN, OPEN], &["OK", "+MQTTOPEN: 1,1", "+MQTTBREAK: 1,1", "OK", "+MQTTOPEN: 1,1"]),
    (
        "gateway-lost at=5s lasts=12s",
        &[SN_OPEN, SN_PUBLISH, SN_PUBLISH],
        &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,0", "OK", "+MQTTPUB: 101,1"],
    ),
    (
        "gateway-lost memory=lose at=5s lasts=2s",
        &[SN_OPEN, SN_PUBLISH, SN_OPEN],
        &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,0", "+MQTTBREAK: 101,1", "OK", "+MQTTOPEN: 101,1"],
    ),
    ("sn-forget-topic times=1", &[SN_OPEN, SN_PUBLISH], &["OK", "+MQTTOPEN: 101,1", "OK", "+MQTTPUB: 101,1"]),
    (
        "clock-wrong time=2000-02-29 lasts=15s",
        &["AT+CCLK?", "AT+CCLK?", "AT+CCLK?"],
        &[
            "+CCLK: \"00/02/29,00:00:00+00\"",
            "OK",
            "+CCLK: \"00/02/29,00:00:10+00\"",
            "OK",
            "+CCLK: \"80/01/06,00:00:00+00\"",
            "OK",
        ],
    ),
    (
        "clock-wrong offset=-1h at=5s",
        &["AT+CCLK?", "AT+CCLK?"],
        &["+CCLK: \"80/01/06,00:00:00+00\"", "OK", "+CCLK: \"80/01/05,23:00:05+00\"", "OK"],
    ),
    ("connack-code code=4 times=1", &[OPEN, OPEN], &["OK", "+MQTTOPEN: 1,0", "OK", "+MQTTOPEN: 1,1"]),
    ("packet-corrupt type=CONNACK byte=0 times=1", &[OPEN], &["OK", "+MQTTOPEN: 1,0"]),
    ("packet-drop type=PUBACK", &[OPEN, PUBLISH], &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTPUB: 1,0"]),
    (
        "packet-duplicate type=PUBLISH dir=down",
        &[OPEN, SUBSCRIBE, PUBLISH],
        &[
            "OK",
            "+MQTTOPEN: 1,1",
            "OK",
            "+MQTTSUB: 1,1",
            "OK",
            "+MQTTPUB: 1,1",
            "+MQTTMSG: 1,1,\"t\",\"a\"",
            "+MQTTMSG: 1,1,\"t\",\"a\"",
        ],
    ),
    (
        "session-flag present=1",
        &[OPEN, "AT+CEER"],
        &[
            "OK",
            "+MQTTOPEN: 1,0",
            "+CEER: 6,\"the broker broke the protocol: session present in answer to a clean session (MQTT-3.2.2-1)\"",
            "OK",
        ],
    ),
    ("suback-failure", &[OPEN, SUBSCRIBE], &["OK", "+MQTTOPEN: 1,1", "OK", "+MQTTSUB: 1,0"]),
];

fn run(spec: &str, lines: &[&str]) -> (Vec<String>, Vec<String>) {
    let lab = Lab::new(5);
    let faults: Vec<Spec> = vec![spec.parse().unwrap_or_else(|bad| panic!("{spec}: {bad}"))];
    let modem = lab.add_with(ModemConfig { faults, ..ModemConfig::default() }).unwrap();
    // Echo would be in the way of what is compared.
    modem.write(b"ATE0;+CMEE=1\r");
    lab.advance(Duration::from_millis(100));
    let mut read = modem.read();
    for line in lines {
        modem.write(line.as_bytes());
        modem.write(b"\r");
        lab.advance(Duration::from_secs(10));
        read.extend(modem.read());
    }
    lab.advance(Duration::from_secs(15));
    read.extend(modem.read());
    let text = String::from_utf8_lossy(&read);
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty() && !line.starts_with("AT")).map(str::to_owned);
    (lines.collect(), modem.unhit().iter().map(ToString::to_string).collect())
}

#[test]
fn each_row_shows() {
    let mut otherwise = String::new();
    for (spec, lines, due) in EFFECTS {
        let (read, unhit) = run(spec, lines);
        let expected: Vec<&str> = ["+SIM READY", "OK"].into_iter().chain(due.iter().copied()).collect();
        if read != expected || !unhit.is_empty() {
            otherwise += &format!("{spec}: {unhit:?}\n  read     {read:?}\n  expected {expected:?}\n");
        }
    }
    assert!(otherwise.is_empty(), "{otherwise}");
}

/// A line, and its millisecond.
type Timed = (u64, &'static str);

/// A fault, what the host types (or what is ordered), and what it reads, each with its milliseconds.
const TIMES: &[(&str, &[Timed], &[Timed])] = &[
    (
        "final-delay command=+CSQ ms=700 times=1",
        &[(0, "AT+CSQ"), (100, "AT")],
        &[(0, "+CSQ: 31,99"), (700, "OK"), (700, "OK")],
    ),
    (
        "urc-delay line=+MQTTOPEN ms=2000",
        &[(0, OPEN), (100, "AT")],
        &[(0, "OK"), (100, "OK"), (2020, "+MQTTOPEN: 1,1")],
    ),
    (
        "urc-delay ms=2000 times=1 line=+MQTTPUB",
        &[(0, OPEN), (1000, PUBLISH), (1500, PUBLISH)],
        &[
            (0, "OK"),
            (20, "+MQTTOPEN: 1,1"),
            (1000, "OK"),
            (1500, "OK"),
            (3020, "+MQTTPUB: 1,1"),
            (3020, "+MQTTPUB: 1,1"),
        ],
    ),
    (
        "attach-slow ms=1000",
        &[(0, "AT+CGATT=1"), (100, "AT+CGATT?")],
        &[(1000, "OK"), (1000, "+CGATT: 1"), (1000, "OK")],
    ),
    (
        "packet-delay type=PUBACK ms=4000",
        &[(0, OPEN), (1000, PUBLISH)],
        &[(0, "OK"), (20, "+MQTTOPEN: 1,1"), (1000, "OK"), (4000, "+MQTTPUB: 1,0")],
    ),
    (
        "packet-delay type=PUBACK ms=1000 nth=1 overtake=true",
        &[(0, OPEN), (1000, PUBLISH), (1500, PUBLISH)],
        &[
            (0, "OK"),
            (20, "+MQTTOPEN: 1,1"),
            (1000, "OK"),
            (1500, "OK"),
            (2000, "+MQTTPUB: 1,1"),
            (2000, "+MQTTPUB: 1,1"),
        ],
    ),
    (
        "link-delay ms=800",
        &[(0, OPEN), (2000, PUBLISH)],
        &[(0, "OK"), (1600, "+MQTTOPEN: 1,1"), (2000, "OK"), (3600, "+MQTTPUB: 1,1")],
    ),
    (
        "link-rate bps=100 dir=down",
        &[(0, OPEN), (1000, PUBLISH)],
        &[(0, "OK"), (320, "+MQTTOPEN: 1,1"), (1000, "OK"), (1320, "+MQTTPUB: 1,1")],
    ),
    (
        "link-slice size=1 ms=100 dir=down",
        &[(0, OPEN), (1000, PUBLISH)],
        &[(0, "OK"), (300, "+MQTTOPEN: 1,1"), (1000, "OK"), (1300, "+MQTTPUB: 1,1")],
    ),
    (
        "link-half-open at=1s",
        &[(0, QUICK_OPEN), (2000, PUBLISH)],
        &[(0, "OK"), (20, "+MQTTOPEN: 1,1"), (2000, "OK"), (5000, "+MQTTPUB: 1,0"), (9500, "+MQTTBREAK: 1,1")],
    ),
    (
        "data-stall at=1s lasts=4s",
        &[(0, QUICK_OPEN), (2000, PUBLISH), (6000, PUBLISH)],
        &[
            (0, "OK"),
            (20, "+MQTTOPEN: 1,1"),
            (2000, "OK"),
            (4900, "+MQTTPUB: 1,1"),
            (6000, "OK"),
            (6020, "+MQTTPUB: 1,1"),
        ],
    ),
    ("serial-slice size=4 gap=100ms at=150ms", &[(100, "AT+CSQ")], &[(400, "+CSQ: 31,99"), (600, "OK")]),
    ("serial-slice size=1 gap=10ms dir=to-module at=150ms", &[(100, "AT+CSQ")], &[(160, "+CSQ: 31,99"), (160, "OK")]),
    ("serial-merge window=500ms at=150ms", &[(100, "AT+CSQ")], &[(600, "+CSQ: 31,99"), (600, "OK")]),
    ("serial-stall at=150ms lasts=1s", &[(100, "AT+CSQ")], &[(1050, "+CSQ: 31,99"), (1050, "OK")]),
    ("serial-stall at=150ms lasts=1s dir=to-host", &[(100, OPEN)], &[(1050, "OK"), (1050, "+MQTTOPEN: 1,1")]),
    ("tls-cut how=stall", &[(0, TLS_OPEN)], &[(0, "OK"), (4750, "+MQTTOPEN: 1,0")]),
    ("connect-refused delay=500ms", &[(0, OPEN)], &[(0, "OK"), (500, "+MQTTOPEN: 1,0")]),
    ("urc-inject text=X copies=3 gap=1s delay=500ms", &[], &[(400, "X"), (1400, "X"), (2400, "X")]),
    ("ready-lost ms=2500", &[(0, "! power state=reset")], &[(2500, "+SIM READY")]),
];

const QUICK_OPEN: &str = r#"AT+MQTTOPEN=1,"broker.example",1883,1,5"#;

/// What the host reads without echo, and when, in milliseconds from 100 ms after the start.
fn timed(spec: &str, lines: &[(u64, &str)]) -> (Vec<(u64, String)>, Vec<String>) {
    let lab = Lab::new(5);
    let faults: Vec<Spec> = vec![spec.parse().unwrap_or_else(|bad| panic!("{spec}: {bad}"))];
    let modem = lab.add_with(ModemConfig { faults, ..ModemConfig::default() }).unwrap();
    modem.write(b"ATE0;+CMEE=1\r");
    let (mut typed, mut read, mut half) = (lines.iter().peekable(), Vec::new(), String::new());
    for millis in (0..20_000).step_by(10) {
        while let Some((_, line)) = typed.next_if(|(at, _)| *at + 100 == millis) {
            match line.strip_prefix("! ") {
                Some(order) => modem.order(order).unwrap(),
                None => modem.write(format!("{line}\r").as_bytes()),
            }
        }
        half += &String::from_utf8_lossy(&modem.read());
        while let Some((line, rest)) = half.split_once("\r\n") {
            if !line.is_empty() && !line.starts_with("AT") {
                read.push((millis.saturating_sub(100), line.to_owned()));
            }
            half = rest.to_owned();
        }
        lab.advance(Duration::from_millis(10));
    }
    (read, modem.unhit().iter().map(ToString::to_string).collect())
}

#[test]
fn what_waits_comes_at_its_time() {
    let mut otherwise = String::new();
    for (spec, lines, due) in TIMES {
        let (read, unhit) = timed(spec, lines);
        let read: Vec<(u64, &str)> = read.iter().map(|(at, line)| (*at, line.as_str())).collect();
        let expected: Vec<(u64, &str)> =
            [(0, "+SIM READY"), (0, "OK")].into_iter().chain(due.iter().copied()).collect();
        if read != expected || !unhit.is_empty() {
            otherwise += &format!("{spec}: {unhit:?}\n  read     {read:?}\n  expected {expected:?}\n");
        }
    }
    assert!(otherwise.is_empty(), "{otherwise}");
}

/// Each row's example is one of it, and harms nobody: a session goes on around it, and what it prints is text.
#[test]
fn each_example_runs() {
    for row in ROWS {
        assert!(row.example.starts_with(row.name), "{}", row.name);
        let lines =
            [OPEN, SUBSCRIBE, PUBLISH, "AT+CSQ", r#"AT+MIPDNS="broker.example""#, "AT+MQTTCLOSE=1", OPEN, PUBLISH];
        let (read, _) = run(row.example, &lines);
        assert!(read.iter().any(|line| line == "OK"), "{}: {read:?}", row.name);
    }
}

/// No row is left out.
#[test]
fn each_row_is_tried() {
    let tried = |name: &str| {
        let effects = EFFECTS.iter().map(|(spec, ..)| *spec);
        effects.chain(TIMES.iter().map(|(spec, ..)| *spec)).any(|spec| spec.split(' ').next() == Some(name))
    };
    // One has its own test here, clouds stand in the end-to-end tests.
    let elsewhere = ["broker-repeat", "cloud-answer", "cloud-refuse"];
    let rows = ROWS.iter().map(|row| row.name).filter(|name| !elsewhere.contains(name));
    let missing: Vec<&str> = rows.filter(|name| !tried(name)).collect();
    assert_eq!(missing, [""; 0]);
}
