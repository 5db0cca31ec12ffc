use alloc::string::ToString;
use alloc::vec;

use crate::sn::{Malformed, Packet};

const MALFORMED: &[(&[u8], &str)] = &[
    // The header.
    (b"", "the datagram is empty (MQTT-SN 5.2.1)"),
    (b"\x01", "the length is not complete (MQTT-SN 5.2.1)"),
    (b"\x01\0", "the length is not complete (MQTT-SN 5.2.1)"),
    (b"\x02", "there is no message type (MQTT-SN 5.2.2)"),
    (b"\x01\0\x04", "there is no message type (MQTT-SN 5.2.2)"),
    (b"\0\x17", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x03\x17", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x02\x17\0", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x01\0\x03\x17", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x01\0\x05\x17", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\0\xfe\x01n\x02\x16", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x01\0\x03\xfe\x01n\x02\x16", "the length is not that of the datagram (MQTT-SN 5.2.1)"),
    (b"\x05\xff\0\0\0", "the message type ff is reserved (MQTT-SN 5.2.2)"),
    (b"\x02\x03", "the message type 03 is reserved (MQTT-SN 5.2.2)"),
    (b"\x02\x11", "the message type 11 is reserved (MQTT-SN 5.2.2)"),
    (b"\x02\x19", "the message type 19 is reserved (MQTT-SN 5.2.2)"),
    (b"\x02\x1e", "the message type 1e is reserved (MQTT-SN 5.2.2)"),
    // Too short.
    (b"\x04\0\x01\0", "the message is shorter than its fields (MQTT-SN 5.4.1)"),
    (b"\x02\x01", "the message is shorter than its fields (MQTT-SN 5.4.2)"),
    (b"\x02\x02", "the message is shorter than its fields (MQTT-SN 5.4.3)"),
    (b"\x05\x04\0\x01\0", "the message is shorter than its fields (MQTT-SN 5.4.4)"),
    (b"\x02\x05", "the message is shorter than its fields (MQTT-SN 5.4.5)"),
    (b"\x05\x0a\0\0\0", "the message is shorter than its fields (MQTT-SN 5.4.10)"),
    (b"\x06\x0b\0\x05\0\x01", "the message is shorter than its fields (MQTT-SN 5.4.11)"),
    (b"\x06\x0c\0\0\x05\0", "the message is shorter than its fields (MQTT-SN 5.4.12)"),
    (b"\x06\x0d\0\x05\0\x01", "the message is shorter than its fields (MQTT-SN 5.4.13)"),
    (b"\x03\x0e\0", "the message is shorter than its fields (MQTT-SN 5.4.14)"),
    (b"\x03\x0f\0", "the message is shorter than its fields (MQTT-SN 5.4.14)"),
    (b"\x03\x10\0", "the message is shorter than its fields (MQTT-SN 5.4.14)"),
    (b"\x06\x12\x01\0\x01\0", "the message is shorter than its fields (MQTT-SN 5.4.15)"),
    (b"\x07\x13\0\0\x05\0\x01", "the message is shorter than its fields (MQTT-SN 5.4.16)"),
    (b"\x04\x14\0\0", "the message is shorter than its fields (MQTT-SN 5.4.17)"),
    (b"\x03\x15\0", "the message is shorter than its fields (MQTT-SN 5.4.18)"),
    (b"\x03\x18\0", "the message is shorter than its fields (MQTT-SN 5.4.21)"),
    (b"\x02\x1b", "the message is shorter than its fields (MQTT-SN 5.4.24)"),
    (b"\x02\x1d", "the message is shorter than its fields (MQTT-SN 5.4.25)"),
    (b"\x02\xfe", "the message is shorter than its fields (MQTT-SN 5.5)"),
    // Too long, where nobody adds anything.
    (b"\x06\0\x01\0\0\0", "the message is longer than its fields (MQTT-SN 5.4.1)"),
    (b"\x04\x01\0\0", "the message is longer than its fields (MQTT-SN 5.4.2)"),
    (b"\x03\x06\0", "the message is longer than its fields (MQTT-SN 5.4.6)"),
    (b"\x03\x08\0", "the message is longer than its fields (MQTT-SN 5.4.8)"),
    (b"\x08\x12\x01\0\x01\0\x05\0", "the message is longer than its fields (MQTT-SN 5.4.15)"),
    (b"\x08\x14\x02\0\x01ab\0", "the message is longer than its fields (MQTT-SN 5.4.17)"),
    (b"\x05\x18\0\x3c\0", "the message is longer than its fields (MQTT-SN 5.4.21)"),
    // Fields.
    (b"\x08\x04\0\x01\0\x3c\xffd", "a string is not well-formed UTF-8 (MQTT-SN 5.4.4)"),
    (b"\x08\x04\0\x01\0\x3ci\0", "a string holds U+0000 (MQTT-SN 5.4.4)"),
    (b"\x03\x07\0", "a topic name is empty (MQTT-SN 5.4.7)"),
    (b"\x04\x07\x60w", "there is no QoS -1 here (MQTT-SN 5.4.7)"),
    (b"\x04\x1a\x60w", "there is no QoS -1 here (MQTT-SN 5.4.22)"),
    (b"\x06\x0a\0\x05\0\x01", "a topic name is empty (MQTT-SN 5.4.10)"),
    (b"\x07\x0a\0\x05\0\x01\xff", "a string is not well-formed UTF-8 (MQTT-SN 5.4.10)"),
    (b"\x07\x0c\x03\0\x05\0\0", "the topic id type is reserved (MQTT-SN 5.3.4)"),
    (b"\x07\x0c\x02a\0\0\0", "a short topic name is not UTF-8 without U+0000 (MQTT-SN 5.4.12)"),
    (b"\x07\x0c\x02\xff\xff\0\0", "a short topic name is not UTF-8 without U+0000 (MQTT-SN 5.4.12)"),
    (b"\x05\x12\0\0\x01", "a topic name is empty (MQTT-SN 5.4.15)"),
    (b"\x06\x12\x60\0\x01a", "there is no QoS -1 here (MQTT-SN 5.4.15)"),
    (b"\x07\x12\x03\0\x01\0\x05", "the topic id type is reserved (MQTT-SN 5.3.4)"),
    (b"\x08\x13\x60\0\x05\0\x02\0", "there is no QoS -1 here (MQTT-SN 5.4.16)"),
    (b"\x04\x16\0i", "a string holds U+0000 (MQTT-SN 5.4.19)"),
    (b"\x04\xfe\x01n", "nothing is forwarded (MQTT-SN 5.5)"),
];

#[test]
fn every_datagram_that_is_malformed_is_refused() {
    for (bytes, reason) in MALFORMED {
        let refused = Packet::decode(bytes).unwrap_err();
        assert_eq!(refused.to_string(), *reason, "{bytes:02x?}");
    }
}

/// Its length is one byte, which a node's id of this size does not fit.
#[test]
fn a_forwarder_with_a_long_name_is_refused() {
    let datagram = |node: usize| {
        let length = u16::try_from(node + 5).unwrap().to_be_bytes();
        [&[1, length[0], length[1], 0xfe, 0], &*vec![b'n'; node], b"\x02\x16"].concat()
    };
    assert!(Packet::decode(&datagram(252)).is_ok());
    let refused = Packet::decode(&datagram(253)).unwrap_err();
    assert_eq!(refused.to_string(), "the id of a node is longer than 252 bytes (MQTT-SN 5.5)");
}

/// So that a later version's messages can be told from broken ones.
#[test]
fn types_that_are_reserved_have_a_reason_of_their_own() {
    for kind in [0x03, 0x11, 0x19].into_iter().chain(0x1e..=0xfd).chain([0xff]) {
        assert_eq!(Packet::decode(&[3, kind, 0]), Err(Malformed::UnknownType(kind)));
    }
}
