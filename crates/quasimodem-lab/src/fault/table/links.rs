//! Faults of names and links.

use std::net::IpAddr;

use quasimodem_core::Why;

use super::super::row::{Act, Due, Layer, Row};
use super::CLIENT;
use crate::flat::{Key, Kind};

/// What faults of attempts to connect are about.
const CONNECTS: &[Key] = &[
    CLIENT,
    HOST,
    Key { key: "port", kind: Kind::Number(1, 65_535), default: "", meaning: "The port that it asked for." },
    Key { key: "transport", kind: Kind::Word(&["tcp", "tls", "udp"]), default: "", meaning: "What it connects by." },
];

const HOST: Key = Key {
    key: "host",
    kind: Kind::Text,
    default: "",
    meaning: "The name or address that it asked for, perhaps with a * at its end.",
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "connect-refused",
        layer: Layer::Link,
        summary: "Nobody listens there: +MQTTOPEN: 1,0 at once, and CEER 2.",
        params: &[],
        matches: CONNECTS,
        act: Act::Connects(|_| Some(Why::Refused)),
        example: "connect-refused port=1883 times=1",
        source: "brokers that are down: TinyGSM#430",
    },
    Row {
        name: "connect-timeout",
        layer: Layer::Link,
        summary: "Nobody answers: +MQTTOPEN: 1,0 after 5 s, and CEER 4.",
        params: &[],
        matches: CONNECTS,
        act: Act::Connects(|_| None),
        example: "connect-timeout client=1 times=1",
        source: "firewalls that drop: TinyGSM#430",
    },
    Row {
        name: "dns-fail",
        layer: Layer::Link,
        summary: "A name that a client asks for is not found: +MQTTOPEN: 1,0, and CEER 1.",
        params: &[Key {
            key: "kind",
            kind: Kind::Word(&["nxdomain", "servfail"]),
            default: "nxdomain",
            meaning: "What the resolver says.",
        }],
        matches: CONNECTS,
        act: Act::Names(|values, name| match values.text("kind") {
            Some("servfail") => Why::NotResolved(name.into(), "server failure".into()),
            _ => Why::NoSuchName(name.into()),
        }),
        example: "dns-fail host=broker.* times=2",
        source: "particle#1936, mbed-os#10599",
    },
    Row {
        name: "lookup-fail",
        layer: Layer::Link,
        summary: "A name that AT+MIPDNS asks for is not found.",
        params: &[],
        matches: &[HOST],
        act: Act::Lookups(|_, name| Err(Why::NoSuchName(name.into()))),
        example: "lookup-fail host=*",
        source: "networks without a resolver: meta-mbl#468",
    },
    Row {
        name: "dns-wrong",
        layer: Layer::Link,
        summary: "AT+MIPDNS finds another address.",
        params: &[Key { key: "address", kind: Kind::Address, default: "0.0.174.11", meaning: "Which one." }],
        matches: &[HOST],
        act: Act::Lookups(|values, name| {
            values.address("address").map(IpAddr::V4).ok_or_else(|| Why::NoSuchName(name.into()))
        }),
        example: "dns-wrong address=10.9.8.7",
        source: "a resolver that answered 0.0.174.11: particle#1304",
    },
    Row {
        name: "link-end",
        layer: Layer::Link,
        summary: "A connection ends: what is outstanding fails, +MQTTBREAK with cause 1, and CEER 2.",
        params: &[Key {
            key: "how",
            kind: Kind::Word(&["close", "reset"]),
            default: "close",
            meaning: "In order, or by a reset.",
        }],
        matches: &[CLIENT],
        act: Act::Once(|values| {
            let is_reset = values.text("how") == Some("reset");
            let client = values.number("client").and_then(|client| u8::try_from(client).ok());
            Due::End(client, Why::Fault(is_reset))
        }),
        example: "link-end how=reset on='client.open client=1' after=30s",
        source: "networks that end idle connections: ubxlib#139, esp-at#478",
    },
];
