//! Faults of packets of MQTT and MQTT-SN, above TLS.

use quasimodem_core::mqtt;

use super::super::row::{Act, Layer, Row};
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

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "connack-code",
        layer: Layer::Packet,
        summary: "The broker's CONNACK says that it refuses: +MQTTOPEN: 1,0, and CEER 700 to 704.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(1, 255),
            default: "5",
            meaning: "The return code (MQTT 3.2.2.3).",
        }],
        matches: CLIENT,
        act: Act::Packets(Some("CONNACK"), |values, packets| {
            each(packets, |packet| set(packet, 2, 0, values.byte("code")));
        }),
        example: "connack-code code=4 times=1",
        source: "logs of an L610 with bad credentials; the broker has a connection then that the modem never had",
    },
    Row {
        name: "packet-drop",
        layer: Layer::Packet,
        summary: "A packet is lost. Of what is owed, results are 0 when their time is over. A lost PINGRESP breaks the connection, unless the keep-alive is so short that the next one comes before its 5 s are over.",
        params: &[],
        matches: PACKETS,
        act: Act::Packets(None, |_, packets| packets.clear()),
        example: "packet-drop type=PUBACK nth=2 times=1",
        source: "acknowledgements that never come: mosquitto#2176, vernemq#764",
    },
    Row {
        name: "packet-duplicate",
        layer: Layer::Packet,
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
        act: Act::Packets(None, duplicate),
        example: "packet-duplicate type=PUBLISH dir=down chance=30%",
        source: "brokers that send again: ntex-mqtt#106, mosquitto#3602",
    },
    Row {
        name: "packet-corrupt",
        layer: Layer::Packet,
        summary: "A byte of a packet is another: what can't be read ends the connection, a payload is told as it is.",
        params: &[
            Key {
                key: "byte",
                kind: Kind::Number(0, 65_535),
                default: "",
                meaning: "Which one, from 0; the last, if left out.",
            },
            Key { key: "xor", kind: Kind::Number(1, 255), default: "0xff", meaning: "Which of its bits change." },
        ],
        matches: PACKETS,
        act: Act::Packets(None, corrupt),
        example: "packet-corrupt type=PUBLISH dir=down times=1",
        source: "brokers with broken memory: mosquitto#2168, mosquitto#1144",
    },
    Row {
        name: "session-flag",
        layer: Layer::Packet,
        summary: "The CONNACK tells otherwise of a session. With 1 a clean one is refused; with 0 what was kept is gone.",
        params: &[Key { key: "present", kind: Kind::Number(0, 1), default: "0", meaning: "What it says." }],
        matches: CLIENT,
        act: Act::Packets(Some("CONNACK"), |values, packets| {
            each(packets, |packet| {
                // A refusal has no session (MQTT 3.2.2.2).
                if let Some([flags, 0]) = packet.get_mut(2..4) {
                    *flags = values.byte("present");
                }
            });
        }),
        example: "session-flag present=0 times=1",
        source: "brokers that forget, and brokers that remember: paho.mqtt.java#27",
    },
    Row {
        name: "suback-failure",
        layer: Layer::Packet,
        summary: "The broker's SUBACK refuses the subscription (+MQTTSUB: 1,0), or grants less than was asked for.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(0, 255),
            default: "0x80",
            meaning: "The return code (MQTT 3.9.3): 0x80 refuses, 0 to 2 grant that QoS.",
        }],
        matches: CLIENT,
        act: Act::Packets(Some("SUBACK"), |values, packets| {
            each(packets, |packet| set_codes(packet, values.byte("code")));
        }),
        example: "suback-failure times=1",
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

fn corrupt(values: &Values, packets: &mut Vec<Vec<u8>>) {
    for packet in packets {
        let last = packet.len().saturating_sub(1);
        let place = values.number("byte").map_or(last, |byte| usize::try_from(byte).unwrap_or(last));
        if let Some(byte) = packet.get_mut(place) {
            *byte ^= values.byte("xor");
        }
    }
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
        let room = PACKETS_MAX.saturating_sub(packets.len() + copies.len());
        copies.extend(std::iter::repeat_n(copy, usize::from(values.byte("copies")).min(room)));
    }
    packets.append(&mut copies);
    // Several of these multiply.
    packets.truncate(PACKETS_MAX);
}

/// Packets at most that come of one.
const PACKETS_MAX: usize = 1000;

/// MQTT 3.3.1.1.
const DUP: u8 = 1 << 3;
