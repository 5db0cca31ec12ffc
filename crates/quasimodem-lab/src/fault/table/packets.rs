//! The table of faults.

use quasimodem_core::mqtt;

use super::row::Row;
use crate::flat::{Key, Kind, Values};

/// What faults of packets are about.
const PACKETS: &[Key] = &[
    Key { key: "client", kind: Kind::Client, default: "", meaning: "The client whose connection it is." },
    Key {
        key: "dir",
        kind: Kind::Word(&["up", "down"]),
        default: "",
        meaning: "Sent by the modem (up) or to it (down).",
    },
    Key { key: "type", kind: Kind::Type, default: "", meaning: "The type of the packet, such as PUBACK." },
    Key {
        key: "topic",
        kind: Kind::Topic,
        default: "",
        meaning: "The topic of a PUBLISH of MQTT, or of a request; or a filter for several.",
    },
    Key { key: "qos", kind: Kind::Number(0, 2), default: "", meaning: "The QoS of a PUBLISH, or what is asked for." },
    Key { key: "packet_id", kind: Kind::Number(1, 65_535), default: "", meaning: "The packet identifier." },
];

/// What faults are about whose packet is one of MQTT.
const CLIENT: &[Key] =
    &[Key { key: "client", kind: Kind::MqttClient, default: "", meaning: "The MQTT client whose connection it is." }];

/// All faults, by their names.
pub const ROWS: &[Row] = &[
    Row {
        name: "connack-code",
        summary: "The broker's CONNACK says that it refuses: +MQTTOPEN: 1,0, and CEER 700 to 704.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(1, 255),
            default: "5",
            meaning: "The return code (MQTT 3.2.2.3).",
        }],
        matches: CLIENT,
        only: Some("CONNACK"),
        act: |values, packets| each(packets, |packet| set(packet, 2, 0, values.byte("code"))),
        source: "logs of an L610 with bad credentials; the broker has a connection then that the modem never had",
    },
    Row {
        name: "packet-drop",
        summary: "A packet is lost. Of what is owed, results are 0 when their time is over; a lost PINGRESP breaks the connection.",
        params: &[],
        matches: PACKETS,
        only: None,
        act: |_, packets| packets.clear(),
        source: "acknowledgements that never come: mosquitto#2176, vernemq#764",
    },
    Row {
        name: "packet-duplicate",
        summary: "A packet comes once more. A PUBLISH of QoS 1 is told twice, one of QoS 2 once.",
        params: &[
            Key { key: "copies", kind: Kind::Number(1, 100), default: "1", meaning: "How many more there are." },
            Key {
                key: "dup",
                kind: Kind::Word(&["as-is", "0", "1"]),
                default: "as-is",
                meaning: "The flag DUP of a PUBLISH's copies.",
            },
        ],
        matches: PACKETS,
        only: None,
        act: duplicate,
        source: "brokers that send again: ntex-mqtt#106, mosquitto#3602",
    },
    Row {
        name: "suback-failure",
        summary: "The broker's SUBACK refuses the subscription (+MQTTSUB: 1,0), or grants less than was asked for.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(0, 255),
            default: "0x80",
            meaning: "The return code (MQTT 3.9.3): 0x80 refuses, 0 to 2 grant that QoS.",
        }],
        matches: CLIENT,
        only: Some("SUBACK"),
        act: |values, packets| each(packets, |packet| set_codes(packet, values.byte("code"))),
        source: "brokers with access lists: pubsubclient#341, MQTT.js#844",
    },
];

fn each(packets: &mut [Vec<u8>], change: impl Fn(&mut Vec<u8>)) {
    packets.iter_mut().for_each(change);
}

/// Sets two bytes of a packet, if it has them.
fn set(packet: &mut [u8], at: usize, first: u8, second: u8) {
    if let Some([one, two]) = packet.get_mut(at..at + 2) {
        (*one, *two) = (first, second);
    }
}

fn set_codes(packet: &mut Vec<u8>, code: u8) {
    let Ok(mqtt::Packet::Suback { id, codes }) = mqtt::Packet::decode(packet) else { return };
    let mut changed = Vec::new();
    mqtt::Packet::Suback { id, codes: &vec![code; codes.len()] }.encode(&mut changed);
    *packet = changed;
}

fn duplicate(values: &Values, packets: &mut Vec<Vec<u8>>) {
    let mut copies = Vec::new();
    for packet in packets.iter() {
        let mut copy = packet.clone();
        // A PUBLISH; the fixed header of others has no such flag (MQTT 2.2.2).
        if let Some(first) = copy.first_mut().filter(|first| **first >> 4 == 3) {
            match values.text("dup") {
                Some("0") => *first &= !DUP,
                Some("1") => *first |= DUP,
                _ => {}
            }
        }
        copies.extend(std::iter::repeat_n(copy, usize::from(values.byte("copies"))));
    }
    packets.append(&mut copies);
}

/// MQTT 3.3.1.1.
const DUP: u8 = 1 << 3;
