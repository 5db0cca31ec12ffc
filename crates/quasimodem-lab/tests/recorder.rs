//! What a recorder writes of a modem replays, and hides what it is to hide.

use quasimodem_core::mqtt::parse_words;
use quasimodem_core::{Change, Host, HostLine, Imei, Input, Instant, Link, Modem, Outbox, Settings, TlsFailure, Why};
use quasimodem_lab::recorder::{Recorder, Secrets};
use quasimodem_lab::transcript;
use quasimodem_lab::watch::Watch;

fn record(secrets: Secrets, inputs: &[(u64, Input<'_>)]) -> String {
    let settings = Settings::default();
    let mut recorder = Recorder::new(&settings, Imei::default(), secrets);
    let mut modem = Modem::new(settings.into(), Imei::default());
    let mut outbox = Outbox::default();
    for (millis, input) in inputs {
        outbox.clear();
        let now = Instant::from_millis(*millis);
        modem.handle(now, input.clone(), &mut outbox);
        recorder.modem(now, 0, input, &modem, &outbox);
    }
    recorder.to_string()
}

const OPEN: &[u8] = b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r";

#[test]
fn time_in_all_its_forms_replays() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(OPEN)),
        // Early, late, and for another reason than the deadline.
        (10, Input::Tick),
        (20, Input::Opened(Link(1))),
        (6000, Input::Serial(b"A")),
        (6001, Input::Serial(b"T\r")),
        (9000, Input::Tick),
    ];
    let text = record(Secrets::Shown, &inputs);
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
    assert!(text.contains("late ") && text.contains("tick"), "{text}");
}

#[test]
fn reasons_and_parts_of_packets_replay() {
    let failures = [
        Why::Tls(TlsFailure::ClientCertificateRefused(48)),
        Why::Tls(TlsFailure::UnknownRoot("CN=\"a\" root".into())),
        Why::System(111, "Connection refused".into()),
        Why::NotResolved("broker".into(), "try again".into()),
        Why::NoSuchName("broker".into()),
        Why::TimedOut,
    ];
    for why in failures {
        let inputs = [
            (0, Input::Host(Host::Attached)),
            (1, Input::Serial(OPEN)),
            (2, Input::Opened(Link(1))),
            (3, Input::Received(Link(1), &[0x20, 2])),
            (4, Input::Received(Link(1), &[0, 0, 0x30])),
            (5, Input::Closed(Link(1), why)),
            (30, Input::Serial(b"AT+CEER\r")),
        ];
        let text = record(Secrets::Shown, &inputs);
        assert_eq!(transcript::run(&text), Ok(()), "{text}");
    }
}

/// On the links of clients 101 and 102 packets are those of MQTT-SN, in words where these say all.
#[test]
fn datagrams_replay_in_words() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT+MQTTOPEN=101,\"gateway\",10000,1,60\r")),
        (2, Input::Opened(Link(101))),
        (3, Input::Received(Link(101), &[3, 5, 0])),
        (4, Input::Received(Link(101), &[5, 0xff, 0, 0, 0])),
        (5, Input::Received(Link(101), &[4, 0x17, 0, 0])),
        (6, Input::Received(Link(101), &[])),
        (7, Input::Received(Link(101), &[8, 0x0c, 2, b'a', b'b', 0, 0, b'x'])),
        (30, Input::Tick),
    ];
    let text = record(Secrets::Shown, &inputs);
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
    for line in [
        "~ 101 open udp gateway:10000",
        "~ 101 send connect \"001010000000008101\" clean keepalive 60",
        "! 101 connack 0",
        "! 101 hex 05 ff 00 00 00",
        "! 101 hex 04 17 00 00",
        "! 101 publish short \"ab\" q0 \"x\"",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} in {text}");
    }
}

#[test]
fn secrets_are_hidden_however_they_are_typed() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT+MQTTUSER=1,\"me\",\"gar")),
        (2, Input::Serial(b"field\"\rAT+MQTTUSER=2,\"me\",\"geheim\"\r")),
        (3, Input::Serial(b"AT+MQTTUSER?\r")),
        (4, Input::Serial(OPEN)),
        (5, Input::Opened(Link(1))),
        (6, Input::Serial(b"AT+MQTTUSER=1,\"me\",\"half")),
    ];
    let text = record(Secrets::Hidden, &inputs);
    for secret in ["gar", "field", "geheim", "half"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("AT+MQTTOPEN=1,\"broker\""), "{text}");
    assert!(record(Secrets::Shown, &inputs).contains("geheim"));
}

#[test]
fn a_private_key_is_hidden_in_however_many_pieces_it_comes() {
    let pem = "-----BEGIN PRIVATE KEY-----\ngeheim\nnoch geheimer\n-----END PRIVATE KEY-----\n";
    let (first, rest) = pem.split_at(pem.find("noch").unwrap());
    let command = format!("AT+GTSSLFILE=\"KEYFILE\",{}\r", pem.len());
    let rest = format!("{rest}AT+GTSSLFILE?\r");
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(command.as_bytes())),
        (2, Input::Serial(first.as_bytes())),
        (3, Input::Serial(rest.as_bytes())),
    ];
    let text = record(Secrets::Hidden, &inputs);
    assert!(!text.contains("geheim"), "{text}");
    assert!(text.contains("AT+GTSSLFILE?") && text.contains("KEYFILE,1"), "{text}");
    let text = record(Secrets::Shown, &inputs);
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
}

/// What is said on the link that belongs to no client is for a cloud, and what is heard there are secrets.
#[test]
fn what_clouds_give_is_hidden() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"geheim\"";
    let publish = parse_words(
        r#"publish "/ext/register" q0 "{\"deviceSecret\":\"geheim\",\"productKey\":\"pk\",\"deviceName\":\"dn\"}""#,
    );
    let (connack, publish, link) = (parse_words("connack 0").unwrap(), publish.unwrap(), Link(201));
    let (first, rest) = publish.split_at(20);
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (0, Input::Bearer(Change::Clock(1_700_000_000))),
        (1, Input::Serial(b"AT+MQTTAUTHDYN=1,\"h\",443,\"pk\",\"topf\",\"dn\"\r")),
        (2, Input::Opened(link)),
        (3, Input::Received(link, &connack)),
        (4, Input::Received(link, first)),
        (5, Input::Received(link, rest)),
        (30, Input::Tick),
        (40, Input::Serial(b"AT+MQTTAUTHDYN=1,\"h\",443,\"pk\",\"topf\",\"dn\"\r")),
        (41, Input::Opened(link)),
        (42, Input::Received(link, &connack)),
        (43, Input::Received(link, &publish)),
        (70, Input::Tick),
        (80, Input::Serial(b"AT+MQTTAUTHDYN=2,\"http://h/device/register\",\"pk\",\"0123456789abcdef\",\"dn\"\r")),
        (81, Input::Opened(link)),
        (82, Input::Received(link, answer.as_bytes())),
        (110, Input::Tick),
    ];
    let text = record(Secrets::Hidden, &inputs);
    for secret in ["geheim", "topf", "0123456789abcdef", "ProductId", "67 65 68 65 69 6d"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    for line in ["! 201 connack 0", "~ 201 send text POST /device/register", "+MQTTAUTHDYN: 1,pk,dn,******"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let text = record(Secrets::Shown, &inputs);
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
}

/// What is typed while a command takes its time is judged when that is answered.
#[test]
fn what_is_typed_ahead_is_hidden() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT+MIPDNS=\"host\"\r")),
        (2, Input::Serial(b"AT+MQTTUSER=1,\"me\",\"geheim\"\r")),
        (3, Input::Serial(b"AT+CSQ\r")),
    ];
    let text = record(Secrets::Hidden, &inputs);
    assert!(text.contains("MIPDNS") && !text.contains("geheim") && !text.contains("CSQ"), "{text}");
}

/// Stars keep their place and their number, so that what is hidden replays as if it were what it hides.
#[test]
fn a_password_that_is_hidden_replays() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT+MQTTUSER=1,\"me\",\"gar")),
        (2, Input::Serial(b"field\"\r\nAT+MQTTUSER?\r\n")),
        (3, Input::Serial(OPEN)),
        (4, Input::Opened(Link(1))),
        (5, Input::Received(Link(1), &[0x20, 2, 0, 0])),
        (30, Input::Tick),
    ];
    let text = record(Secrets::Hidden, &inputs);
    assert!(!text.contains("gar") && text.contains("+MQTTUSER: 1,\"me\",\"********\""), "{text}");
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
}

#[test]
fn a_transcript_that_is_taken_while_it_is_written_is_the_same() {
    let settings = Settings::default();
    let mut recorder = Recorder::new(&settings, Imei::default(), Secrets::Hidden);
    let mut modem = Modem::new(settings.into(), Imei::default());
    let mut outbox = Outbox::default();
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT+MQTTUSER=1,\"me\",\"gar")),
        (2, Input::Serial(b"field\"\rAT")),
        (3, Input::Serial(b"+CSQ\rAT+MQ")),
    ];
    let mut taken = String::new();
    for (millis, input) in &inputs {
        outbox.clear();
        let now = Instant::from_millis(*millis);
        modem.handle(now, input.clone(), &mut outbox);
        recorder.modem(now, 0, input, &modem, &outbox);
        taken += &recorder.take();
        assert_eq!(taken.contains("MQTTUSER"), *millis > 1, "{taken}");
    }
    taken += &recorder.to_string();
    assert_eq!(taken, record(Secrets::Hidden, &inputs));
}

#[test]
fn what_dtr_cuts_off_is_hidden() {
    let inputs = [
        (0, Input::Host(Host::Attached)),
        (1, Input::Serial(b"AT&D1\r")),
        (2, Input::Serial(b"AT+MQTTUSER=1,\"user\",\"hunter2")),
        (3, Input::Line(HostLine::Dtr(false))),
        (4, Input::Line(HostLine::Dtr(true))),
        (5, Input::Serial(b"AT+CGMM\r")),
    ];
    let text = record(Secrets::Hidden, &inputs);
    assert!(!text.contains("hunter2") && text.contains("CGMM"), "{text}");
    let text = record(Secrets::Shown, &inputs);
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
}
