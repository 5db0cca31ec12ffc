//! Faults that only peers can have: the lab's.

use super::super::row::{Act, Layer, Row};
use crate::broker::{self, Code};
use crate::flat::{Key, Kind, Values};
use crate::order::{Demand, Order};
use crate::{cloud, gateway};

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
        act: Act::Peer(|values| {
            Order::Broker(broker::Order::Restart { keep: values.text("sessions") != Some("lose") })
        }),
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
        act: Act::Demand(|values| {
            Demand::Broker(broker::Demand::Down { silent: values.text("how") == Some("silent") })
        }),
        example: "broker-down on='client.open client=1' lasts=20s",
        source: "outages that every client of a broker sees at once",
    },
    Row {
        name: "broker-refuse",
        layer: Layer::Lab,
        summary: "The lab's broker refuses all its clients: +MQTTOPEN: 1,0, and CEER 700 to 704. Those that are connected stay so.",
        params: &[CODE],
        matches: &[],
        act: Act::Demand(|values| Demand::Broker(broker::Demand::Refuse(code(values)))),
        example: "broker-refuse code=3 lasts=1min",
        source: "brokers that are full, and lists of rights that changed",
    },
    Row {
        name: "broker-repeat",
        layer: Layer::Lab,
        summary: "When a kept session goes on, the lab's broker sends what was not acknowledged without DUP, as if it were new: the host reads it twice.",
        params: &[],
        matches: &[],
        act: Act::Demand(|_| Demand::Broker(broker::Demand::Undup)),
        example: "broker-repeat",
        source: "paho.mqtt.java#27, mosquitto#918, bifromq#281",
    },
    Row {
        name: "takeover",
        layer: Layer::Lab,
        summary: "Another client logs in at the lab's broker with the client id of this one: +MQTTBREAK: 1,1, CEER 2.",
        params: &[Key {
            key: "client_id",
            kind: Kind::Text,
            default: "",
            meaning: "Whose; all that are connected, if left out.",
        }],
        matches: &[],
        act: Act::Peer(|values| Order::Broker(broker::Order::TakeOver(values.text("client_id").map(Into::into)))),
        example: "takeover on='client.open client=1' after=5s",
        source: "mongoose-os#231, amazon-freertos#1702, aws-iot-sdk-python-v2#191",
    },
    Row {
        name: "gateway-lost",
        layer: Layer::Lab,
        summary: "The lab's gateway hears and says nothing: results are 0, then +MQTTBREAK: 101,1; when it is back it knows its clients or not.",
        params: &[Key {
            key: "memory",
            kind: Kind::Word(&["keep", "lose"]),
            default: "keep",
            meaning: "Whether it still knows its clients when it is back.",
        }],
        matches: &[],
        act: Act::Demand(|values| {
            Demand::Gateway(gateway::Demand::Lost { forgets: values.text("memory") == Some("lose") })
        }),
        example: "gateway-lost memory=lose on='client.open client=101' lasts=20s",
        source: "gateways that hang, or are switched off with their clients' sessions",
    },
    Row {
        name: "cloud-answer",
        layer: Layer::Cloud,
        summary: "What stands in for clouds (--cloud) spoils its answers to registrations: +MQTTAUTHDYN with empty fields within 10 s.",
        params: &[
            Key {
                key: "how",
                kind: Kind::Word(&["slow", "silent", "truncated", "chunked", "status", "garbage"]),
                default: "silent",
                meaning: "Late, never, cut off, in chunks of a few bytes, with another status, or noise.",
            },
            Key { key: "late", kind: Kind::Time, default: "5s", meaning: "With slow: by how much." },
            Key {
                key: "bytes",
                kind: Kind::Number(0, 65535),
                default: "10",
                meaning: "With truncated: how many come.",
            },
            Key {
                key: "status",
                kind: Kind::Number(100, 999),
                default: "503",
                meaning: "With status: which one (RFC 9110).",
            },
        ],
        matches: &[],
        act: Act::Demand(|values| {
            let number = |key| values.number(key).and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
            Demand::Clouds(cloud::Demand::Spoil(match values.text("how") {
                Some("slow") => cloud::Fault::Slow(values.time("late").unwrap_or_default()),
                Some("truncated") => cloud::Fault::Truncated(number("bytes").into()),
                Some("chunked") => cloud::Fault::Chunked,
                Some("status") => cloud::Fault::Status(number("status")),
                Some("garbage") => cloud::Fault::Garbage,
                _ => cloud::Fault::Silent,
            }))
        }),
        example: "cloud-answer how=status status=503 lasts=1min",
        source: "answers of clouds' registration servers under load",
    },
    Row {
        name: "cloud-refuse",
        layer: Layer::Cloud,
        summary: "What stands in for clouds (--cloud) lets nobody in: +MQTTOPEN: 1,0, and CEER 700 to 704.",
        params: &[CODE],
        matches: &[],
        act: Act::Demand(|values| Demand::Clouds(cloud::Demand::Refuse(code(values)))),
        example: "cloud-refuse code=4 lasts=1min",
        source: "devices that are switched off in a console: azure-iot-sdk-c#84",
    },
];

/// The return code of a refusal.
const CODE: Key = Key {
    key: "code",
    kind: Kind::Number(1, 5),
    default: "5",
    meaning: "The return code of its CONNACKs (MQTT 3.2.2.3).",
};

fn code(values: &Values) -> Code {
    let code = values.number("code").and_then(|code| CODES.get(usize::try_from(code).ok()?.checked_sub(1)?));
    code.copied().unwrap_or(Code::NotAuthorized)
}

/// By their numbers, from 1.
const CODES: [Code; 5] = [Code::Version, Code::Identifier, Code::Unavailable, Code::BadPassword, Code::NotAuthorized];
