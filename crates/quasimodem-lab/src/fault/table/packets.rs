//! Faults of packets of MQTT and MQTT-SN, above TLS.

use quasimodem_core::{Why, mqtt, sn};

use super::super::hand::{Hand, Then, Wait, lose};
use super::super::row::{Act, Layer, Packets, Row};
use crate::flat::{Key, Kind};

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
        act: Act::Packets(Packets::Mqtt("CONNACK"), |hand| {
            let code = hand.values.byte("code");
            hand.each(|packet| set(packet, 2, 0, code));
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
        act: Act::Packets(Packets::All, lose),
        example: "packet-drop type=PUBACK nth=2 times=1",
        source: "acknowledgements that never come: mosquitto#2176, vernemq#764",
    },
    Row {
        name: "packet-delay",
        layer: Layer::Packet,
        summary: "A packet comes late, and what comes after it as well. An acknowledgement that comes after its time decides nothing.",
        params: &[
            Key {
                key: "ms",
                kind: Kind::Millis,
                default: "1000",
                meaning: "How many milliseconds; of a range, drawn anew each time.",
            },
            Key {
                key: "overtake",
                kind: Kind::Flag,
                default: "false",
                meaning: "Whether others may pass it, as with a broker that is slow.",
            },
        ],
        matches: PACKETS,
        act: Act::Packets(Packets::All, |hand| {
            let time = hand.time("ms");
            let may_be_passed = hand.values.flag("overtake") == Some(true);
            hand.hold(if may_be_passed { Wait::Aside(time) } else { Wait::Long(time) });
        }),
        example: "packet-delay type=PUBACK ms=4000 times=1",
        source: "brokers that are slow to acknowledge: vernemq#764",
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
        act: Act::Packets(Packets::All, duplicate),
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
        act: Act::Packets(Packets::All, corrupt),
        example: "packet-corrupt type=PUBLISH dir=down times=1",
        source: "brokers with broken memory: mosquitto#2168, mosquitto#1144",
    },
    Row {
        name: "packet-truncate",
        layer: Layer::Packet,
        summary: "A packet of MQTT breaks off, and nothing comes after it: keep-alive breaks the connection, or it ends at once.",
        params: &[
            Key {
                key: "bytes",
                kind: Kind::Number(0, 65_535),
                default: "",
                meaning: "How many of its bytes come; half of them, if left out.",
            },
            Key {
                key: "then",
                kind: Kind::Word(&["stall", "close"]),
                default: "stall",
                meaning: "Nothing more comes this way, or the connection ends.",
            },
        ],
        matches: PACKETS,
        act: Act::Packets(Packets::Streamed, |hand| {
            let bytes = hand.values.number("bytes");
            hand.each(|packet| {
                let half = packet.len() / 2;
                packet.truncate(bytes.map_or(half, |bytes| usize::try_from(bytes).unwrap_or(half)));
            });
            let closes = hand.values.text("then") == Some("close");
            *hand.then = Some(if closes { Then::Ends(Why::Fault(false)) } else { Then::Stalls });
        }),
        example: "packet-truncate type=PUBLISH dir=down bytes=5 then=close times=1",
        source: "connections that end within a packet",
    },
    Row {
        name: "session-flag",
        layer: Layer::Packet,
        summary: "The CONNACK tells otherwise of a session. With 1 a clean one is refused; with 0 what was kept is gone.",
        params: &[Key { key: "present", kind: Kind::Number(0, 1), default: "0", meaning: "What it says." }],
        matches: CLIENT,
        act: Act::Packets(Packets::Mqtt("CONNACK"), |hand| {
            let present = hand.values.byte("present");
            hand.each(|packet| {
                // A refusal has no session (MQTT 3.2.2.2).
                if let Some([flags, 0]) = packet.get_mut(2..4) {
                    *flags = present;
                }
            });
        }),
        example: "session-flag present=0 times=1",
        source: "brokers that forget, and brokers that remember: paho.mqtt.java#27",
    },
    Row {
        name: "datagram-loss",
        layer: Layer::Packet,
        summary: "Datagrams of MQTT-SN are lost by chance; the modem sends requests again, and fails if all are lost.",
        params: &[Key { key: "rate", kind: Kind::Chance, default: "10%", meaning: "How many of them." }],
        matches: PACKETS,
        act: Act::Packets(Packets::Datagrams, |hand| {
            if hand.draws.fraction() < hand.values.chance("rate").unwrap_or_default() {
                lose(hand);
            }
        }),
        example: "datagram-loss rate=30% dir=down",
        source: "links that lose what UDP carries: at 30 % 9 of 60 publishes of an earlier modem failed",
    },
    Row {
        name: "datagram-duplicate",
        layer: Layer::Packet,
        summary: "A datagram of MQTT-SN comes more than once; the modem shows nothing of it.",
        params: &[Key { key: "copies", kind: Kind::Number(1, 100), default: "1", meaning: "How many more there are." }],
        matches: PACKETS,
        act: Act::Packets(Packets::Datagrams, duplicate),
        example: "datagram-duplicate type=PUBLISH dir=up",
        source: "networks that carry datagrams twice",
    },
    Row {
        name: "datagram-reorder",
        layer: Layer::Packet,
        summary: "Later datagrams of MQTT-SN come before an earlier one.",
        params: &[
            Key { key: "gap", kind: Kind::Number(1, 10), default: "1", meaning: "How many pass it." },
            Key {
                key: "ms",
                kind: Kind::Millis,
                default: "1000",
                meaning: "It comes after so many milliseconds, if fewer pass it.",
            },
        ],
        matches: PACKETS,
        act: Act::Packets(Packets::Datagrams, |hand| {
            let (time, gap) = (hand.time("ms"), hand.values.number("gap").unwrap_or(1));
            hand.hold(Wait::Passed(gap, time));
        }),
        example: "datagram-reorder dir=down type=PUBLISH times=1",
        source: "networks with more than one path",
    },
    Row {
        name: "sn-reject",
        layer: Layer::Packet,
        summary: "The gateway's CONNACK, REGACK, SUBACK or PUBACK refuses: the result is 0. PUBACK 2 makes the modem register again.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(1, 255),
            default: "1",
            meaning: "The return code (MQTT-SN 5.3.10): 1 congestion, 2 invalid topic id, 3 not supported.",
        }],
        matches: PACKETS,
        act: Act::Packets(Packets::Datagrams, |hand| {
            let code = sn::ReturnCode::from_number(hand.values.byte("code"));
            hand.each(|packet| refuse(packet, code));
        }),
        example: "sn-reject code=3 type=SUBACK times=1",
        source: "paho.mqtt-sn#238, paho.mqtt-sn#246",
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
        act: Act::Packets(Packets::Mqtt("SUBACK"), |hand| {
            let code = hand.values.byte("code");
            hand.each(|packet| set_codes(packet, code));
        }),
        example: "suback-failure times=1",
        source: "brokers with access lists: pubsubclient#341, MQTT.js#844",
    },
];

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

fn refuse(packet: &mut Vec<u8>, code: sn::ReturnCode) {
    use sn::Packet;
    let refusal = match Packet::decode(packet) {
        Ok(Packet::Connack(_)) => Packet::Connack(code),
        Ok(Packet::Regack { topic, id, .. }) => Packet::Regack { topic, id, code },
        Ok(Packet::Puback { topic, id, .. }) => Packet::Puback { topic, id, code },
        Ok(Packet::Suback { qos, id, .. }) => Packet::Suback { qos, topic: 0, id, code },
        _ => return,
    };
    let mut changed = Vec::new();
    refusal.put(&mut changed);
    *packet = changed;
}

fn corrupt(hand: &mut Hand<'_>) {
    let (place, xor) = (hand.values.number("byte"), hand.values.byte("xor"));
    hand.each(|packet| {
        let last = packet.len().saturating_sub(1);
        let place = place.map_or(last, |byte| usize::try_from(byte).unwrap_or(last));
        if let Some(byte) = packet.get_mut(place) {
            *byte ^= xor;
        }
    });
}

fn duplicate(hand: &mut Hand<'_>) {
    let (dup, count) = (hand.values.text("dup"), usize::from(hand.values.byte("copies")));
    let mut copies = Vec::new();
    for parcel in hand.parcels.iter() {
        let mut copy = parcel.clone();
        // A PUBLISH; the fixed header of others has no such flag (MQTT 2.2.2).
        if let Some(first) = copy.bytes.first_mut().filter(|first| **first >> 4 == 3) {
            match dup {
                Some("0") => *first &= !DUP,
                Some("1") => *first |= DUP,
                _ => {}
            }
        }
        let room = PACKETS_MAX.saturating_sub(hand.parcels.len() + copies.len());
        copies.extend(std::iter::repeat_n(copy, count.min(room)));
    }
    hand.parcels.append(&mut copies);
    // Several of these multiply.
    hand.parcels.truncate(PACKETS_MAX);
}

/// Packets at most that come of one.
const PACKETS_MAX: usize = 1000;

/// MQTT 3.3.1.1.
const DUP: u8 = 1 << 3;
