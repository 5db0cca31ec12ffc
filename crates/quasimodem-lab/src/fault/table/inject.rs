//! Faults that bring packets that nobody sent.

use quasimodem_core::mqtt::{self, Qos};
use quasimodem_core::{ClientId, Link, sn};

use super::super::row::{Act, Due, Layer, Row};
use super::{copies, once};
use crate::flat::{Key, Kind, Values};
use crate::transcript;

const MQTT: Key = Key { key: "client", kind: Kind::MqttClient, default: "1", meaning: "The client to whom it comes." };

const SN: Key =
    Key { key: "client", kind: Kind::Word(&["101", "102"]), default: "101", meaning: "The client to whom it comes." };

const TOPIC: Key = Key { key: "topic", kind: Kind::TopicName, default: "storm", meaning: "Its topic." };

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "packet-inject",
        layer: Layer::Packet,
        summary: "A packet comes, or goes out, that nobody sent; one of a type that is reserved breaks the connection, CEER 6.",
        params: &[
            Key { key: "client", kind: Kind::Client, default: "1", meaning: "The client whose connection it is." },
            Key {
                key: "way",
                kind: Kind::Word(&["down", "up"]),
                default: "down",
                meaning: "To the modem (down), or from it (up).",
            },
            Key {
                key: "words",
                kind: Kind::Packet,
                default: "hex f0 00",
                meaning: "Its bytes (hex f0 00), or what it is, in the words of transcripts: puback #7, pingresp, publish \"t\" q0 \"text\".",
            },
        ],
        matches: &[],
        act: Act::Once(|values| {
            let link = Link(client(values));
            let words = values.text("words").unwrap_or_default();
            let bytes = transcript::packet(link, words).unwrap_or_default();
            once(Due::Inject(link, values.text("way") == Some("up"), bytes.into()))
        }),
        example: "packet-inject words='puback #9' on='client.open client=1'",
        source: "brokers that acknowledge what they were never sent: rumqtt PR#1053",
    },
    Row {
        name: "publish-oversized",
        layer: Layer::Packet,
        summary: "A message comes that is longer than the modem takes: +MQTTBREAK with cause 1, and CEER 15, or it is skipped (oversize).",
        params: &[
            MQTT,
            Key {
                key: "bytes",
                kind: Kind::Number(1, 1 << 20),
                default: "70000",
                meaning: "The length of its payload.",
            },
            TOPIC,
        ],
        matches: &[],
        act: Act::Once(|values| {
            let length = values.number("bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
            once(publish(values, &vec![b'x'; length], false))
        }),
        example: "publish-oversized on='client.open client=1'",
        source: "brokers that let anything through: mosquitto#2168",
    },
    Row {
        name: "publish-storm",
        layer: Layer::Packet,
        summary: "Many messages of QoS 0 come at once: all are told, or wait to be read.",
        params: &[
            MQTT,
            Key {
                key: "copies",
                kind: Kind::Number(1, 1000),
                default: "100",
                meaning: "How many; the payload of each is its number.",
            },
            Key {
                key: "gap",
                kind: Kind::Time,
                default: "0s",
                meaning: "How much later each comes than the one before.",
            },
            TOPIC,
            Key { key: "retain", kind: Kind::Flag, default: "false", meaning: "Whether they come as retained ones." },
        ],
        matches: &[],
        act: Act::Once(|values| {
            let retain = values.flag("retain") == Some(true);
            copies(values, |number| publish(values, number.to_string().as_bytes(), retain))
        }),
        example: "publish-storm copies=60 on='client.open client=1'",
        source: "subscriptions with many retained messages: ubxlib#35",
    },
    Row {
        name: "sn-disconnect",
        layer: Layer::Packet,
        summary: "The gateway disconnects a client: +MQTTBREAK: 101,1, and CEER 11.",
        params: &[SN],
        matches: &[],
        act: Act::Once(|values| once(datagram(values, sn::Packet::Disconnect { duration: None }))),
        example: "sn-disconnect on='client.open client=101'",
        source: "seen at bisquitt and at IBM's gateway",
    },
    Row {
        name: "sn-unknown-topic",
        layer: Layer::Packet,
        summary: "A message comes under a topic id that nobody registered: the modem refuses it (PUBACK 2), the host reads nothing.",
        params: &[SN, Key { key: "topic_id", kind: Kind::Number(1, 65_534), default: "999", meaning: "The topic id." }],
        matches: &[],
        act: Act::Once(|values| {
            let topic = sn::TopicId::Normal(topic_id(values));
            let qos = Some(Qos::AtLeastOnce);
            let message = sn::Publish { topic, payload: b"?", qos, retain: false, dup: false, id: ID };
            once(datagram(values, sn::Packet::Publish(message)))
        }),
        example: "sn-unknown-topic topic_id=999 on='client.open client=101'",
        source: "gateways that forget what they gave: paho.mqtt-sn#238, emqx-sn#12",
    },
    Row {
        name: "sn-register",
        layer: Layer::Packet,
        summary: "The gateway gives a topic an id that nobody asked for: +MQTTSNREG: 101,2 tells it.",
        params: &[
            SN,
            Key { key: "topic_id", kind: Kind::Number(1, 65_534), default: "77", meaning: "The topic id." },
            Key { key: "name", kind: Kind::TopicName, default: "given/by/fault", meaning: "The topic." },
        ],
        matches: &[],
        act: Act::Once(|values| {
            let name = values.text("name").unwrap_or_default();
            once(datagram(values, sn::Packet::Register { topic: topic_id(values), id: ID, name }))
        }),
        example: "sn-register topic_id=7 name=a/b on='client.open client=101'",
        source: "gateways that register what wildcards match; an id that is predefined sends data elsewhere",
    },
];

/// Far from those that gateways begin with.
const ID: sn::MsgId = 0xf0f0;

fn client(values: &Values) -> u8 {
    let of_word = values.text("client").and_then(|client| client.parse().ok());
    of_word.or_else(|| values.number("client").and_then(|client| u8::try_from(client).ok())).unwrap_or_default()
}

fn topic_id(values: &Values) -> u16 {
    values.number("topic_id").and_then(|id| u16::try_from(id).ok()).unwrap_or_default()
}

fn publish(values: &Values, payload: &[u8], retain: bool) -> Due {
    let topic = values.text("topic").unwrap_or_default();
    let mut bytes = Vec::new();
    let message = mqtt::Publish { topic, payload, qos: Qos::AtMostOnce, retain, dup: false, id: None };
    mqtt::Packet::Publish(message).encode(&mut bytes);
    Due::Inject(Link(client(values)), false, bytes.into())
}

fn datagram(values: &Values, packet: sn::Packet<'_>) -> Due {
    let mut bytes = Vec::new();
    packet.put(&mut bytes);
    let link = ClientId::from_number(client(values).into()).map_or(Link(0), ClientId::link);
    Due::Inject(link, false, bytes.into())
}
