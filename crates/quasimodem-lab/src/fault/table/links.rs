//! Faults of names and links.

use std::net::IpAddr;
use std::time::Duration;

use quasimodem_core::Why;

use super::super::hand::Draws;
use super::super::row::{Act, Due, Layer, Row};
use super::{CLIENT, once};
use crate::flat::{Key, Kind, Values};

/// What faults of attempts to connect are about.
pub(super) const CONNECTS: &[Key] = &[
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

/// What faults of connections are about.
const LINKS: &[Key] = &[CLIENT];

const DIRECTION: Key = Key {
    key: "dir",
    kind: Kind::Word(&["both", "up", "down"]),
    default: "both",
    meaning: "What the modem sends (up), what comes to it (down), or both.",
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
            once(Due::End(client, Why::Fault(is_reset)))
        }),
        example: "link-end how=reset on='client.open client=1' after=30s",
        source: "networks that end idle connections: ubxlib#139, esp-at#478",
    },
    Row {
        name: "link-half-open",
        layer: Layer::Link,
        summary: "A connection carries nothing any more, nor its end, for good, and nobody is told: results are 0, and keep-alive breaks it, CEER 5.",
        params: &[DIRECTION],
        matches: LINKS,
        act: Act::Links(|values, up, _, manner| manner.dead |= is_way(values, up)),
        example: "link-half-open on='client.open client=1' after=30s",
        source: "address translators that forget: hivemq-mqtt-client-dotnet#357, async-mqtt-client#105",
    },
    Row {
        name: "link-delay",
        layer: Layer::Link,
        summary: "Bytes come late, in their order: above TLS, so that handshakes take no longer.",
        params: &[
            Key {
                key: "ms",
                kind: Kind::Number(0, 600_000),
                default: "800",
                meaning: "How many milliseconds each way.",
            },
            Key {
                key: "spread",
                kind: Kind::Time,
                default: "0s",
                meaning: "How much it varies: it is so much more or less at most (uniform), mostly (normal), or more, seldom by far (pareto).",
            },
            Key {
                key: "distribution",
                kind: Kind::Word(&["uniform", "normal", "pareto"]),
                default: "uniform",
                meaning: "How it varies.",
            },
            DIRECTION,
        ],
        matches: LINKS,
        act: Act::Links(|values, up, draws, manner| {
            if is_way(values, up) {
                manner.delay += late(values, draws);
            }
        }),
        example: "link-delay ms=837 spread=400ms lasts=1min",
        source: "837 ms were measured on NB-IoT (Electronics 10, 2224); Tasmota#24985",
    },
    Row {
        name: "link-rate",
        layer: Layer::Link,
        summary: "Bytes come no faster than at this rate: long messages come late.",
        params: &[
            Key { key: "bps", kind: Kind::Number(100, 1_000_000_000), default: "264", meaning: "Bits a second." },
            DIRECTION,
        ],
        matches: LINKS,
        act: Act::Links(|values, up, _, manner| {
            let rate = values.number("bps").unwrap_or_default();
            if is_way(values, up) && (manner.rate == 0 || rate < manner.rate) {
                manner.rate = rate;
            }
        }),
        example: "link-rate bps=2400 dir=down",
        source: "264 bit/s were measured on NB-IoT (Electronics 10, 2224)",
    },
    Row {
        name: "link-slice",
        layer: Layer::Link,
        summary: "Bytes come in small slices, some time apart: what is read right shows nothing of it.",
        params: &[
            Key { key: "size", kind: Kind::Number(1, 4096), default: "1", meaning: "Bytes of a slice." },
            Key { key: "ms", kind: Kind::Number(0, 10_000), default: "10", meaning: "Milliseconds between two." },
            DIRECTION,
        ],
        matches: LINKS,
        act: Act::Links(|values, up, _, manner| {
            if is_way(values, up) {
                let size = values.number("size").and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
                manner.slice = (size, Duration::from_millis(values.number("ms").unwrap_or_default()));
            }
        }),
        example: "link-slice size=3 ms=20 client=1",
        source: "networks that cut what they carry: toxiproxy's slicer",
    },
];

fn is_way(values: &Values, up: bool) -> bool {
    match values.text("dir") {
        Some("up") => up,
        Some("down") => !up,
        _ => true,
    }
}

/// How late bytes of a connection come.
fn late(values: &Values, draws: &mut Draws) -> Duration {
    let middle = Duration::from_millis(values.number("ms").unwrap_or_default());
    let spread = values.time("spread").unwrap_or_default();
    if spread.is_zero() {
        return middle;
    }
    let part = match values.text("distribution") {
        // Irwin and Hall: the sum of twelve has the deviation 1.
        Some("normal") => (0..12).map(|_| draws.fraction()).sum::<f64>() - 6.0,
        // Of shape 3, from its least value on; one in a million is a hundred times the spread.
        Some("pareto") => (1.0 - draws.fraction()).powf(-1.0 / 3.0) - 1.0,
        _ => 2.0 * draws.fraction() - 1.0,
    };
    let seconds = middle.as_secs_f64() + part * spread.as_secs_f64();
    let micros = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default().as_micros();
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
