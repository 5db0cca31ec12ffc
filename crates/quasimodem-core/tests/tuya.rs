//! How a module becomes a Tuya device and is one, with the answers that the vendor's SDK took (see `vectors/tuya.json`).

mod common;

use common::Bench;
use quasimodem_core::cloud::tuya::{Frame, FrameKey};
use quasimodem_core::mqtt::{Packet, Publish, Qos, parse_words};
use quasimodem_core::{Change, Effect, Host, Input, Link, RefusalStyle, Secret, Settings, Transport, Why};

const LINK: Link = Link(201);
const UUID: &str = "tuya0bce44f023d59393";
const AUTH_KEY: &str = "BvSknOsD5DG2cBASZe0Q2kKYnJdMcjA8";
const LOCAL_KEY: &str = "0123456789abcdef";
const START: &str =
    "AT+MQTTAUTHCFG=4,1,\"78iln8xbfqhhjsrk\",\"tuya0bce44f023d59393\",\"BvSknOsD5DG2cBASZe0Q2kKYnJdMcjA8\"";
const LOGIN: &str =
    "+MQTTAUTHCFG: 4,\"m2.tuyacn.com\",8883,\"6c95875d0f5ba69607nzfl\",\"9b6120f706084826\",\"6c95875d0f5ba69607nzfl\"";
const TOKEN: &str = r#"{"protocol":46,"t":1700000000,"data":{"token":"AYabcd12","region":"AY","env":"pro"}}"#;
const ENDPOINTS: &str = r#"{"caArr":["AQID"],"httpsSelfUrl":{"addr":"https://a2.tuyacn.com/d.json"},"mqttsSelfUrl":{"addr":"m2.tuyacn.com:8883"}}"#;
const ACTIVATED: &str = r#"{"result": "tVoe9Vr26PqHqB+aL6dG1V0YNcQyfM268almtCADedzEK2J5yrhIINTx33p+A2ykgePF0JXvD/R7OUQ3kcj0WQvi2V5e7PSrOJZe3mGS0NJGYewbzrlo5+5JenwA6WZwadGEdSuecxBciANFud56AeVC/6dz2Tt53Jophr6fb9Cf18RR/MaJP629UIlNGmdWxQLfF5pTmP2wEkVkzkreNAms5jPatnS0kx7nB+ECaoc=", "t": 1700000000, "sign": "x"}"#;

/// A PUBLISH of a frame.
fn frame(topic: &str, key: &str, data: &str) -> Vec<u8> {
    let key = FrameKey::new("key", Secret(key)).unwrap();
    let payload = Frame { sequence: 1, source: [0, 0, 0, 1], data: Secret(data.into()) }.encode(&key);
    let message = Publish { topic, payload: &payload, qos: Qos::AtMostOnce, retain: false, dup: false, id: None };
    let mut bytes = Vec::new();
    Packet::Publish(message).encode(&mut bytes);
    bytes
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What was said on the link of errands, and where it was opened to.
fn said(bench: &Bench) -> Vec<String> {
    let words = bench.outbox.effects().filter_map(|effect| match effect {
        Effect::Open { link: LINK, transport: Transport::Tls(profile), host, port } => {
            Some(format!("open {host}:{port} {}", if profile.roots.is_some() { "with a root" } else { "" }))
        }
        Effect::Send(LINK, bytes) => Some(match Packet::decode(bytes.bytes()) {
            Ok(packet) => packet.to_string(),
            Err(_) => String::from_utf8_lossy(bytes.bytes()).lines().next().unwrap_or_default().into(),
        }),
        Effect::Close(LINK) => Some("close".into()),
        _ => None,
    });
    words.collect()
}

fn receives(bench: &mut Bench, bytes: &[u8]) -> String {
    bench.handle(Input::Received(LINK, bytes));
    bench.printed()
}

/// A modem that waits for its user.
fn binding() -> Bench {
    binding_with(&Settings::default())
}

fn binding_with(settings: &Settings) -> Bench {
    let mut bench = Bench::new(settings);
    bench.handle(Input::Bearer(Change::Clock(1_700_000_000)));
    assert_eq!(bench.types(START), "\r\nOK\r\n");
    assert_eq!(said(&bench), ["open m2.tuyacn.com:8883 "]);
    bench.handle(Input::Opened(LINK));
    let connect =
        format!("connect \"acon_{UUID}\" clean keepalive 60 user \"acon_{UUID}\" password \"****************\"");
    assert_eq!(said(&bench), [connect]);
    receives(&mut bench, &parse_words("connack 0").unwrap());
    assert_eq!(said(&bench), [format!("subscribe #1 \"d/ai/{UUID}\" q1")]);
    assert_eq!(receives(&mut bench, &parse_words("suback #1 1").unwrap()), "\r\n+MQTTAUTHEVENT: 4,2\r\n");
    bench
}

/// A modem that is a device.
fn activated() -> Bench {
    activated_with(&Settings::default())
}

fn activated_with(settings: &Settings) -> Bench {
    let mut bench = binding_with(settings);
    let topic = format!("d/ai/{UUID}");
    assert_eq!(receives(&mut bench, &frame(&topic, AUTH_KEY, TOKEN)), "\r\n+MQTTAUTHEVENT: 4,3\r\n");
    assert_eq!(said(&bench), ["disconnect", "close", "open h2.iot-dns.com:443 "]);
    bench.handle(Input::Opened(LINK));
    assert_eq!(said(&bench), ["POST /v1/url_config HTTP/1.1"]);
    assert_eq!(receives(&mut bench, answer(ENDPOINTS).as_bytes()), "");
    assert_eq!(said(&bench), ["close", "open a2.tuyacn.com:443 with a root"]);
    bench.handle(Input::Opened(LINK));
    let request = format!(
        "POST /d.json?a=tuya.device.active&et=1&t=1700000000&uuid={UUID}&v=4.4&sign=1e0eb614d690b07465ca96a5dff8a1d9 HTTP/1.1"
    );
    assert_eq!(said(&bench), [request]);
    let printed = receives(&mut bench, answer(ACTIVATED).as_bytes());
    assert_eq!(printed, format!("\r\n+MQTTAUTHEVENT: 4,4\r\n\r\n{LOGIN}\r\n"));
    assert!(!bench.log().contains("9b6120f706084826"), "{}", bench.log());
    bench
}

fn connect(bench: &mut Bench) {
    bench.types("AT+MQTTUSER=1,\"6c95875d0f5ba69607nzfl\",\"9b6120f706084826\",\"6c95875d0f5ba69607nzfl\"");
    bench.types("AT+MQTTOPEN=1,\"m2.tuyacn.com\",8883,1,60,2");
    bench.handle(Input::Opened(Link(1)));
    let printed = bench.receives("connack 0");
    assert_eq!(printed, "\r\n+MQTTOPEN: 1,1\r\n\r\n+MQTTAUTHEVENT: 4,5\r\n");
}

#[test]
fn a_device_is_taken_activated_connected_lost_and_reset() {
    let mut bench = activated();
    assert_eq!(bench.types(START), format!("\r\n{LOGIN}\r\n\r\nOK\r\n"), "what is known needs no network");
    connect(&mut bench);
    bench.handle(Input::Closed(Link(1), Why::Reset));
    assert_eq!(bench.printed(), "\r\n+MQTTBREAK: 1,1\r\n\r\n+MQTTAUTHEVENT: 4,6\r\n");
    connect(&mut bench);
    let topic = "smart/device/in/6c95875d0f5ba69607nzfl";
    let other = frame(topic, LOCAL_KEY, r#"{"protocol":5,"data":{"dps":{}}}"#);
    bench.handle(Input::Received(Link(1), &other));
    assert!(!bench.printed().contains("MQTTAUTHEVENT"), "{}", bench.printed());
    let reset = frame(topic, LOCAL_KEY, r#"{"protocol":11,"data":{"gwId":"6c95875d0f5ba69607nzfl"}}"#);
    bench.handle(Input::Received(Link(1), &reset));
    assert!(bench.printed().contains("\r\n+MQTTAUTHEVENT: 4,1\r\n"), "{}", bench.printed());
    // Nothing is known any more: a user has to take it again.
    bench.types("AT+MQTTCLOSE=1");
    assert_eq!(bench.types(START), "\r\nOK\r\n");
    assert_eq!(said(&bench), ["open m2.tuyacn.com:8883 "]);
}

#[test]
fn action_0_stops_it() {
    let mut bench = binding();
    assert_eq!(bench.types("AT+MQTTAUTHCFG=4,0"), "\r\nOK\r\n\r\n+MQTTAUTHEVENT: 4,7\r\n");
    assert_eq!(said(&bench), ["close"]);
    assert_eq!(bench.modem.deadline(), None);
    let mut bench = activated();
    connect(&mut bench);
    assert_eq!(bench.types("AT+MQTTAUTHCFG=4,0"), "\r\nOK\r\n");
    bench.handle(Input::Closed(Link(1), Why::Reset));
    assert_eq!(bench.printed(), "\r\n+MQTTBREAK: 1,1\r\n");
}

#[test]
fn a_device_that_waits_gives_signs_of_life_and_comes_back() {
    let mut bench = binding();
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(said(&bench), ["pingreq"]);
    receives(&mut bench, &parse_words("pingresp").unwrap());
    bench.handle(Input::Closed(LINK, Why::Reset));
    assert_eq!(bench.printed(), "");
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(said(&bench), ["open m2.tuyacn.com:8883 "]);
    bench.handle(Input::Bearer(Change::DataCall(None)));
    assert_eq!(said(&bench), ["close"]);
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    assert_eq!(said(&bench), [""; 0], "there is no network");
}

/// Time moves to the deadline; what was said then.
fn waits(bench: &mut Bench) -> Vec<String> {
    bench.now = bench.modem.deadline().unwrap();
    bench.handle(Input::Tick);
    said(bench)
}

#[test]
fn a_broker_that_falls_silent_is_left() {
    let mut bench = binding();
    assert_eq!(waits(&mut bench), ["pingreq"]);
    assert_eq!(waits(&mut bench), ["close"]);
    assert!(bench.types("AT+CEER").contains("+CEER: 5,"));
    assert_eq!(waits(&mut bench), ["open m2.tuyacn.com:8883 "]);
    // So is one that does not answer at all, at each step.
    for answer in ["", "opened", "connack 0"] {
        match answer {
            "" => {}
            "opened" => bench.handle(Input::Opened(LINK)),
            words => {
                bench.handle(Input::Opened(LINK));
                receives(&mut bench, &parse_words(words).unwrap());
            }
        }
        let started = bench.now;
        assert_eq!(waits(&mut bench), ["close"], "{answer}");
        assert_eq!(bench.now.since(started).as_secs(), 10);
        assert_eq!(bench.printed(), "");
        assert_eq!(waits(&mut bench), ["open m2.tuyacn.com:8883 "]);
    }
}

#[test]
fn a_cloud_that_does_not_answer_a_token_ends_it() {
    for asked in [false, true] {
        let mut bench = binding();
        receives(&mut bench, &frame(&format!("d/ai/{UUID}"), AUTH_KEY, TOKEN));
        if asked {
            bench.handle(Input::Opened(LINK));
            receives(&mut bench, answer(ENDPOINTS).as_bytes());
            bench.handle(Input::Opened(LINK));
        }
        let started = bench.now;
        assert_eq!(waits(&mut bench), ["close"]);
        assert_eq!(bench.now.since(started).as_secs(), 10);
        assert_eq!(bench.printed(), "\r\n+MQTTAUTHEVENT: 4,7\r\n");
        assert_eq!(bench.modem.deadline(), None);
    }
}

#[test]
fn answers_may_end_with_their_connection() {
    let mut bench = binding();
    receives(&mut bench, &frame(&format!("d/ai/{UUID}"), AUTH_KEY, TOKEN));
    for (body, next) in [(ENDPOINTS, "open a2.tuyacn.com:443 with a root"), (ACTIVATED, "")] {
        bench.handle(Input::Opened(LINK));
        receives(&mut bench, format!("HTTP/1.1 200 OK\r\n\r\n{body}").as_bytes());
        bench.handle(Input::Closed(LINK, Why::Ended));
        assert_eq!(said(&bench).join(""), next, "{}", bench.printed());
    }
    assert_eq!(bench.printed(), format!("\r\n+MQTTAUTHEVENT: 4,4\r\n\r\n{LOGIN}\r\n"));
}

#[test]
fn who_is_the_device_is_known_while_nothing_is_told() {
    let mut bench = activated();
    connect(&mut bench);
    bench.types("AT+MQTTAUTHCFG=4,0");
    assert_eq!(bench.types("AT+MQTTCLOSE=1"), "\r\nOK\r\n\r\n+MQTTCLOSE: 1,1\r\n");
    bench.types(START);
    // Another client is not the device.
    bench.types("AT+MQTTUSER=1,\"somebody\",\"\",\"\"");
    bench.types("AT+MQTTOPEN=1,\"broker.example\",1883,1,60");
    bench.handle(Input::Opened(Link(1)));
    assert_eq!(bench.receives("connack 0"), "\r\n+MQTTOPEN: 1,1\r\n");
    assert_eq!(bench.types("AT+MQTTCLOSE=1"), "\r\nOK\r\n\r\n+MQTTCLOSE: 1,1\r\n");
    // Stopped and started again in the course of a connection, it is told of again.
    connect(&mut bench);
    bench.types("AT+MQTTAUTHCFG=4,0");
    bench.types(START);
    bench.handle(Input::Closed(Link(1), Why::Reset));
    assert_eq!(bench.printed(), "\r\n+MQTTBREAK: 1,1\r\n\r\n+MQTTAUTHEVENT: 4,6\r\n");
}

#[test]
fn what_is_no_token_is_passed_over() {
    let mut bench = binding();
    let topic = format!("d/ai/{UUID}");
    for wrong in [
        frame(&topic, LOCAL_KEY, TOKEN),
        frame(&topic, AUTH_KEY, "{}"),
        frame(&topic, AUTH_KEY, r#"{"protocol":46,"data":{"token":"a\u000d\u000aOK","region":"AY","env":"pro"}}"#),
        parse_words(&format!("publish \"{topic}\" q0 \"2.2\"")).unwrap(),
    ] {
        assert_eq!(receives(&mut bench, &wrong), "");
        assert_eq!(said(&bench), [""; 0]);
    }
}

#[test]
fn a_failed_activation_ends_it() {
    let mut bench = binding();
    receives(&mut bench, &frame(&format!("d/ai/{UUID}"), AUTH_KEY, TOKEN));
    bench.handle(Input::Opened(LINK));
    let printed = receives(&mut bench, answer("{}").as_bytes());
    assert_eq!(printed, "\r\n+MQTTAUTHEVENT: 4,7\r\n");
    assert!(bench.types("AT+CEER").contains("+CEER: 12,"));
    assert_eq!(bench.modem.deadline(), None);
}

/// A device that comes back again and again while nobody hears of it.
#[test]
fn that_it_can_be_taken_is_told_once() {
    let mut bench = binding();
    bench.handle(Input::Host(Host::Detached));
    for _ in 0..3 {
        bench.handle(Input::Closed(LINK, Why::Reset));
        assert_eq!(waits(&mut bench), ["open m2.tuyacn.com:8883 "]);
        bench.handle(Input::Opened(LINK));
        receives(&mut bench, &parse_words("connack 0").unwrap());
        receives(&mut bench, &parse_words("suback #1 1").unwrap());
    }
    bench.handle(Input::Host(Host::Attached));
    assert_eq!(bench.printed(), "");
    assert_eq!(bench.types("AT+MQTTAUTHCFG=4,0"), "\r\nOK\r\n\r\n+MQTTAUTHEVENT: 4,7\r\n");
}

/// The rest of a line that waited for the broker may close what was just opened.
#[test]
fn a_client_that_is_closed_at_once_is_connected_before() {
    let mut bench = activated_with(&Settings { refusal: RefusalStyle::Cme, ..Settings::default() });
    bench.types("AT+MQTTUSER=1,\"6c95875d0f5ba69607nzfl\",\"9b6120f706084826\",\"6c95875d0f5ba69607nzfl\"");
    bench.types("AT+MQTTOPEN=1,\"m2.tuyacn.com\",8883,1,60,2;+MQTTCLOSE=1");
    bench.handle(Input::Opened(Link(1)));
    let printed = bench.receives("connack 0");
    let events: Vec<_> = printed.split_whitespace().skip_while(|word| *word != "OK").collect();
    let due = ["OK", "+MQTTOPEN:", "1,1", "+MQTTAUTHEVENT:", "4,5", "+MQTTCLOSE:", "1,1", "+MQTTAUTHEVENT:", "4,6"];
    assert_eq!(events, due);
}
