use alloc::string::ToString;

use crate::mqtt::{Packet, Violation, frame_len};

const VIOLATIONS: &[(&[u8], &str)] = &[
    // Fixed header.
    (b"", "MQTT 2.2"),
    (b"\xc0", "MQTT 2.2"),
    (b"\x30\x80", "MQTT 2.2"),
    (b"\x00\0", "MQTT 2.2.1"),
    (b"\xf0\0", "MQTT 2.2.1"),
    (b"\x30\x80\x80\x80\x80\x01", "MQTT 2.2.3"),
    (b"\x40\x02\0", "MQTT 2.2.3"),
    (b"\x40\x02\0\x01\0", "MQTT 2.2.3"),
    (b"\x11\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02id", "MQTT-2.2.2-1"),
    (b"\x21\x02\0\0", "MQTT-2.2.2-1"),
    (b"\x42\x02\0\x01", "MQTT-2.2.2-1"),
    (b"\x52\x02\0\x01", "MQTT-2.2.2-1"),
    (b"\x60\x02\0\x01", "MQTT-3.6.1-1"),
    (b"\x63\x02\0\x01", "MQTT-3.6.1-1"),
    (b"\x72\x02\0\x01", "MQTT-2.2.2-1"),
    (b"\x80\x06\0\x01\0\x01a\0", "MQTT-3.8.1-1"),
    (b"\x92\x03\0\x01\0", "MQTT-2.2.2-1"),
    (b"\xa0\x05\0\x01\0\x01a", "MQTT-3.10.1-1"),
    (b"\xb2\x02\0\x01", "MQTT-2.2.2-1"),
    (b"\xc8\0", "MQTT-2.2.2-1"),
    (b"\xd1\0", "MQTT-2.2.2-1"),
    (b"\xe1\0", "MQTT-3.14.1-1"),
    // CONNECT.
    (b"\x10\0", "MQTT 3.1.1"),
    (b"\x10\x06\0\x04MQTT", "MQTT 3.1.1"),
    (b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x02i", "MQTT 3.1.1"),
    (b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x02id!", "MQTT 3.1.1"),
    (b"\x10\x0e\0\x04MQTT\x04\x82\0\x3c\0\x02id", "MQTT 3.1.1"),
    (b"\x10\x0e\0\x06MQIsdp\x03\x02\0\x3c\0\0", "MQTT-3.1.2-1"),
    (b"\x10\x0e\0\x04mqtt\x04\x02\0\x3c\0\x02id", "MQTT-3.1.2-1"),
    (b"\x10\x0e\0\x04MQTT\x04\x03\0\x3c\0\x02id", "MQTT-3.1.2-3"),
    (b"\x10\x0e\0\x04MQTT\x04\x0a\0\x3c\0\x02id", "MQTT-3.1.2-13"),
    (b"\x10\x0e\0\x04MQTT\x04\x22\0\x3c\0\x02id", "MQTT-3.1.2-15"),
    (b"\x10\x13\0\x04MQTT\x04\x1e\0\x3c\0\x02id\0\x01w\0\0", "MQTT-3.1.2-14"),
    (b"\x10\x11\0\x04MQTT\x04\x42\0\x3c\0\x02id\0\x01p", "MQTT-3.1.2-22"),
    (b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02i\xff", "MQTT-1.5.3-1"),
    (b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02i\0", "MQTT-1.5.3-2"),
    (b"\x10\x12\0\x04MQTT\x04\x06\0\x3c\0\x02id\0\0\0\0", "MQTT-4.7.3-1"),
    (b"\x10\x13\0\x04MQTT\x04\x06\0\x3c\0\x02id\0\x01+\0\0", "MQTT-4.7.1-1"),
    (b"\x10\x13\0\x04MQTT\x04\x06\0\x3c\0\x02id\0\x01\0\0\0", "MQTT-1.5.3-2"),
    (b"\x10\x11\0\x04MQTT\x04\x82\0\x3c\0\x02id\0\x01\x80", "MQTT-1.5.3-1"),
    // CONNACK.
    (b"\x20\x01\0", "MQTT 3.2.1"),
    (b"\x20\x03\0\0\0", "MQTT 3.2.1"),
    (b"\x20\x02\x02\0", "MQTT 3.2.2.1"),
    (b"\x20\x02\x81\0", "MQTT 3.2.2.1"),
    (b"\x20\x02\x01\x05", "MQTT-3.2.2-4"),
    // PUBLISH.
    (b"\x36\x05\0\x01a\0\x01", "MQTT-3.3.1-4"),
    (b"\x38\x03\0\x01a", "MQTT-3.3.1-2"),
    (b"\x30\0", "MQTT 3.3.1"),
    (b"\x30\x03\0\x02a", "MQTT 3.3.1"),
    (b"\x32\x04\0\x01a\0", "MQTT 3.3.1"),
    (b"\x32\x05\0\x01a\0\0", "MQTT-2.3.1-1"),
    (b"\x30\x02\0\0", "MQTT-4.7.3-1"),
    (b"\x30\x05\0\x03a/#", "MQTT-3.3.2-2"),
    (b"\x30\x05\0\x03a/+", "MQTT-3.3.2-2"),
    (b"\x30\x05\0\x03a\0b", "MQTT-1.5.3-2"),
    (b"\x30\x04\0\x02\xc0\x80", "MQTT-1.5.3-1"),
    // A surrogate, U+D800.
    (b"\x30\x05\0\x03\xed\xa0\x80", "MQTT-1.5.3-1"),
    // Acknowledgements.
    (b"\x40\x02\0\0", "MQTT-2.3.1-6"),
    (b"\x50\x02\0\0", "MQTT-2.3.1-6"),
    (b"\x62\x02\0\0", "MQTT-2.3.1-6"),
    (b"\x70\x02\0\0", "MQTT 3.7.2"),
    (b"\xb0\x02\0\0", "MQTT-2.3.1-7"),
    (b"\x40\x01\x01", "MQTT 3.4.1"),
    (b"\x40\x03\0\x01\0", "MQTT 3.4.1"),
    (b"\x50\x03\0\x01\0", "MQTT 3.5.1"),
    (b"\x62\x03\0\x01\0", "MQTT 3.6.1"),
    (b"\x70\x03\0\x01\0", "MQTT 3.7.1"),
    (b"\xb0\x03\0\x01\0", "MQTT 3.11.1"),
    // SUBSCRIBE and SUBACK.
    (b"\x82\x06\0\0\0\x01a\0", "MQTT-2.3.1-1"),
    (b"\x82\x01\0", "MQTT 3.8.1"),
    (b"\x82\x02\0\x01", "MQTT-3.8.3-3"),
    (b"\x82\x05\0\x01\0\x01a", "MQTT 3.8.1"),
    (b"\x82\x07\0\x01\0\x01a\0\0", "MQTT 3.8.1"),
    (b"\x82\x06\0\x01\0\x01a\x03", "MQTT-3.8.3-4"),
    (b"\x82\x06\0\x01\0\x01a\x04", "MQTT-3.8.3-4"),
    (b"\x82\x05\0\x01\0\0\0", "MQTT-4.7.3-1"),
    (b"\x82\x06\0\x01\0\x01\0\0", "MQTT-1.5.3-2"),
    (b"\x82\x06\0\x01\0\x01\xff\0", "MQTT-1.5.3-1"),
    (b"\x82\x07\0\x01\0\x02a#\0", "MQTT-4.7.1-2"),
    (b"\x82\x07\0\x01\0\x02#/\0", "MQTT-4.7.1-2"),
    (b"\x82\x07\0\x01\0\x02a+\0", "MQTT-4.7.1-3"),
    (b"\x90\x03\0\0\0", "MQTT-2.3.1-7"),
    (b"\x90\x01\0", "MQTT 3.9.1"),
    (b"\x90\x02\0\x01", "MQTT 3.9.3"),
    (b"\x90\x04\0\x01\0\x03", "MQTT-3.9.3-2"),
    (b"\x90\x03\0\x01\x81", "MQTT-3.9.3-2"),
    // UNSUBSCRIBE.
    (b"\xa2\x05\0\0\0\x01a", "MQTT-2.3.1-1"),
    (b"\xa2\x02\0\x01", "MQTT-3.10.3-2"),
    (b"\xa2\x04\0\x01\0\x01", "MQTT 3.10.1"),
    (b"\xa2\x04\0\x01\0\0", "MQTT-4.7.3-1"),
    (b"\xa2\x07\0\x01\0\x03a#b", "MQTT-4.7.1-2"),
    (b"\xa2\x06\0\x01\0\x02++", "MQTT-4.7.1-3"),
    // PINGREQ, PINGRESP, DISCONNECT.
    (b"\xc0\x01\0", "MQTT 3.12.1"),
    (b"\xd0\x01\0", "MQTT 3.13.1"),
    (b"\xe0\x01\0", "MQTT 3.14.1"),
];

#[test]
fn violations_name_their_rule() {
    for &(bytes, rule) in VIOLATIONS {
        let told = Packet::decode(bytes).map_err(|violation| violation.rule);
        assert_eq!(told, Err(rule), "{bytes:02x?}");
    }
}

#[test]
fn reserved_types_are_told_from_the_first_byte() {
    for first in (0x00..=0x0f).chain(0xf0..=0xff) {
        assert_eq!(frame_len(&[first], 100).map_err(|violation| violation.rule), Err("MQTT 2.2.1"));
    }
}

#[test]
fn too_long_a_remaining_length_is_told_from_its_fourth_byte() {
    assert_eq!(frame_len(b"\x30\xff\xff\xff", 100), Ok(None));
    assert_eq!(frame_len(b"\x30\xff\xff\xff\xff", 100).map_err(|violation| violation.rule), Err("MQTT 2.2.3"));
}

#[test]
fn a_violation_reads_as_words_and_rule() {
    let violation = Violation { rule: "MQTT-3.1.2-14", what: "the will QoS is 3" };
    assert_eq!(violation.to_string(), "the will QoS is 3 (MQTT-3.1.2-14)");
}
