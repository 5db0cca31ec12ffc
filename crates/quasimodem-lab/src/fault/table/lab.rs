//! Faults that only a broker can have: the lab's.

use super::super::row::{Act, Layer, Row};
use crate::broker::{Code, Demand, Order};
use crate::flat::{Key, Kind};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "broker-restart",
        layer: Layer::Lab,
        summary: "The lab's broker goes down and comes up again: all its connections end, wills are published; kept sessions go on or not.",
        params: &[Key {
            key: "sessions",
            kind: Kind::Word(&["keep", "lose"]),
            default: "keep",
            meaning: "Whether kept sessions and retained messages are still there.",
        }],
        matches: &[],
        act: Act::Broker(|values| Order::Restart { keep: values.text("sessions") != Some("lose") }),
        example: "broker-restart sessions=lose on='client.open client=1' after=10s",
        source: "brokers that are updated: async-mqtt-client#105",
    },
    Row {
        name: "broker-down",
        layer: Layer::Lab,
        summary: "The lab's broker is down for all its clients: connections end without a CONNACK, +MQTTOPEN: 1,0, CEER 2; or it never answers, CEER 4.",
        params: &[Key {
            key: "how",
            kind: Kind::Word(&["refuse", "silent"]),
            default: "refuse",
            meaning: "Connections end at once, or nothing is ever said on them.",
        }],
        matches: &[],
        act: Act::Demand(|values| Demand::Down { silent: values.text("how") == Some("silent") }),
        example: "broker-down on='client.open client=1' lasts=20s",
        source: "outages that every client of a broker sees at once",
    },
    Row {
        name: "broker-refuse",
        layer: Layer::Lab,
        summary: "The lab's broker refuses all its clients: +MQTTOPEN: 1,0, and CEER 700 to 704. Those that are connected stay so.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(1, 5),
            default: "5",
            meaning: "The return code of its CONNACKs (MQTT 3.2.2.3).",
        }],
        matches: &[],
        act: Act::Demand(|values| {
            let code = values.number("code").and_then(|code| CODES.get(usize::try_from(code).ok()?.checked_sub(1)?));
            Demand::Refuse(code.copied().unwrap_or(Code::NotAuthorized))
        }),
        example: "broker-refuse code=3 lasts=1min",
        source: "brokers that are full, and lists of rights that changed",
    },
];

/// By their numbers, from 1.
const CODES: [Code; 5] = [Code::Version, Code::Identifier, Code::Unavailable, Code::BadPassword, Code::NotAuthorized];
