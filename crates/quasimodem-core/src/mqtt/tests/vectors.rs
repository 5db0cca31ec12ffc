use alloc::format;
use alloc::vec::Vec;

use super::{encoded, id};
use crate::mqtt::{Connect, Filters, Packet, Publish, Qos, Will, frame_len};
use crate::sink::Sink;

const CONNECT: Connect<'_> = Connect {
    client_id: "id",
    clean_session: true,
    keep_alive: 60,
    will: None,
    user_name: None,
    password: None,
    level: 4,
};

const WILL: Will<'_> = Will { topic: "w", payload: &[0, 0xff], qos: Qos::AtMostOnce, retain: false };

const PUBLISH: Publish<'_> =
    Publish { topic: "a/b", payload: b"hi", qos: Qos::AtMostOnce, retain: false, dup: false, id: None };

/// Every packet with its bytes; among them the standard's examples (MQTT 3.1.2.11, 3.3.2.3, 3.8.3.1, 3.9.3.1,
/// 3.10.3.1).
fn vectors() -> Vec<(Packet<'static>, &'static [u8])> {
    [
        (Packet::Connect(CONNECT), b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02id".as_slice()),
        (
            Packet::Connect(Connect { client_id: "", clean_session: false, keep_alive: 0xffff, ..CONNECT }),
            b"\x10\x0c\0\x04MQTT\x04\0\xff\xff\0\0",
        ),
        (
            Packet::Connect(Connect {
                keep_alive: 10,
                will: Some(Will { qos: Qos::AtLeastOnce, ..WILL }),
                user_name: Some("u"),
                password: Some(b"\0p"),
                ..CONNECT
            }),
            b"\x10\x1c\0\x04MQTT\x04\xce\0\x0a\0\x02id\0\x01w\0\x02\0\xff\0\x01u\0\x02\0p",
        ),
        (
            Packet::Connect(Connect {
                will: Some(Will { payload: b"", qos: Qos::ExactlyOnce, retain: true, ..WILL }),
                user_name: Some(""),
                ..CONNECT
            }),
            b"\x10\x15\0\x04MQTT\x04\xb6\0\x3c\0\x02id\0\x01w\0\0\0\0",
        ),
        (Packet::Connack { session_present: false, code: 0 }, b"\x20\x02\0\0"),
        (Packet::Connack { session_present: true, code: 0 }, b"\x20\x02\x01\0"),
        (Packet::Connack { session_present: false, code: 5 }, b"\x20\x02\0\x05"),
        (Packet::Publish(PUBLISH), b"\x30\x07\0\x03a/bhi"),
        (Packet::Publish(Publish { payload: b"", retain: true, ..PUBLISH }), b"\x31\x05\0\x03a/b"),
        (Packet::Publish(Publish { qos: Qos::AtLeastOnce, id: Some(id(10)), ..PUBLISH }), b"\x32\x09\0\x03a/b\0\x0ahi"),
        (
            Packet::Publish(Publish {
                payload: b"",
                qos: Qos::ExactlyOnce,
                retain: true,
                dup: true,
                id: Some(id(0x1234)),
                ..PUBLISH
            }),
            b"\x3d\x07\0\x03a/b\x12\x34",
        ),
        // U+FEFF is a character like others [MQTT-1.5.3-3].
        (Packet::Publish(Publish { topic: "\u{feff}", payload: b"", ..PUBLISH }), b"\x30\x05\0\x03\xef\xbb\xbf"),
        (Packet::Puback(id(0x1234)), b"\x40\x02\x12\x34"),
        (Packet::Pubrec(id(1)), b"\x50\x02\0\x01"),
        (Packet::Pubrel(id(0xffff)), b"\x62\x02\xff\xff"),
        (Packet::Pubcomp(id(0x0100)), b"\x70\x02\x01\0"),
        (
            Packet::Subscribe {
                id: id(10),
                filters: Filters::with_qos(&[("a/b", Qos::AtLeastOnce), ("c/d", Qos::ExactlyOnce)]),
            },
            b"\x82\x0e\0\x0a\0\x03a/b\x01\0\x03c/d\x02",
        ),
        (
            Packet::Subscribe { id: id(1), filters: Filters::with_qos(&[("+/#", Qos::AtMostOnce)]) },
            b"\x82\x08\0\x01\0\x03+/#\0",
        ),
        (Packet::Suback { id: id(10), codes: &[0, 2, 0x80, 1] }, b"\x90\x06\0\x0a\0\x02\x80\x01"),
        (
            Packet::Unsubscribe { id: id(10), filters: Filters::without_qos(&["a/b", "c/d"]) },
            b"\xa2\x0c\0\x0a\0\x03a/b\0\x03c/d",
        ),
        (Packet::Unsuback(id(10)), b"\xb0\x02\0\x0a"),
        (Packet::Pingreq, b"\xc0\0"),
        (Packet::Pingresp, b"\xd0\0"),
        (Packet::Disconnect, b"\xe0\0"),
    ]
    .into()
}

#[test]
fn packets_have_the_bytes_of_the_standard() {
    for (packet, bytes) in vectors() {
        assert_eq!(encoded(&packet), bytes, "{packet}");
        assert_eq!(Packet::decode(bytes), Ok(packet), "{packet}");
    }
}

#[test]
fn cut_packets_are_not_decoded() {
    for (packet, bytes) in vectors() {
        for len in 0..bytes.len() {
            assert!(Packet::decode(&bytes[..len]).is_err(), "{packet} cut to {len}");
            // With a remaining length that agrees, all that is left to go wrong are the fields.
            if let Some(remaining) = len.checked_sub(2) {
                let mut shorter = bytes[..len].to_vec();
                shorter[1] = u8::try_from(remaining).unwrap();
                if let Ok(decoded) = Packet::decode(&shorter) {
                    assert_eq!(encoded(&decoded), shorter);
                }
            }
        }
    }
}

#[test]
fn the_frame_is_known_from_the_fixed_header_on() {
    for (packet, bytes) in vectors() {
        for len in 0..=bytes.len() {
            let expected = (len >= 2).then_some(bytes.len());
            assert_eq!(frame_len(&bytes[..len], bytes.len()), Ok(expected), "{packet} cut to {len}");
        }
        let more = [bytes, &[0xff; 3]].concat();
        assert_eq!(frame_len(&more, usize::MAX), Ok(Some(bytes.len())), "{packet}");
    }
}

/// The ends of the ranges of table 2.4.
#[test]
fn the_remaining_length_has_one_to_four_bytes() {
    for (header, remaining) in [
        (b"\x30\x7f".as_slice(), 127),
        (b"\x30\x80\x01", 128),
        (b"\x30\xff\x7f", 16_383),
        (b"\x30\x80\x80\x01", 16_384),
        (b"\x30\xff\xff\x7f", 2_097_151),
        (b"\x30\x80\x80\x80\x01", 2_097_152),
        (b"\x30\xff\xff\xff\x7f", 268_435_455),
        // Longer than need be, which MQTT 3.1.1 does not forbid.
        (b"\x30\x80\x80\x80\x00", 0),
    ] {
        let total = header.len() + remaining;
        assert_eq!(frame_len(header, total), Ok(Some(total)));
        assert!(frame_len(header, total - 1).is_err());
        for len in 0..header.len() {
            assert_eq!(frame_len(&header[..len], 0), Ok(None));
        }
    }
}

#[test]
fn long_packets_keep_their_payload() {
    for len in [122, 123, 16_378, 16_379, 2_097_146, 2_097_147] {
        let payload = alloc::vec![b'x'; len];
        let packet = Packet::Publish(Publish { payload: &payload, ..PUBLISH });
        let bytes = encoded(&packet);
        assert_eq!(frame_len(&bytes, usize::MAX), Ok(Some(bytes.len())));
        assert_eq!(Packet::decode(&bytes), Ok(packet));
    }
}

#[test]
fn what_is_too_long_is_cut_and_the_framing_stays_right() {
    let text = "é".repeat(40_000);
    let data = [b'x'; 70_000];
    let bytes = encoded(&Packet::Connect(Connect {
        client_id: &text,
        will: Some(Will { payload: &data, ..WILL }),
        user_name: Some(&text),
        password: Some(&data),
        ..CONNECT
    }));
    let Ok(Packet::Connect(connect)) = Packet::decode(&bytes) else { panic!("not decoded") };
    assert_eq!(connect.client_id.len(), 65_534);
    assert_eq!(connect.will.unwrap().payload.len(), 65_535);
    assert_eq!(connect.password.unwrap().len(), 65_535);

    let mut count = Count::default();
    let payload = alloc::vec![0; 268_435_456];
    Packet::Publish(Publish { payload: &payload, ..PUBLISH }).encode(&mut count);
    assert_eq!(count.open, 5 + 268_435_455);
}

#[test]
fn only_the_password_is_secret() {
    let mut count = Count::default();
    Packet::Connect(Connect { user_name: Some("user"), password: Some(b"secret"), ..CONNECT }).encode(&mut count);
    assert_eq!((count.open, count.secret), (24, 6));
    for (packet, bytes) in vectors().into_iter().filter(|(packet, _)| !matches!(packet, Packet::Connect(_))) {
        let mut count = Count::default();
        packet.encode(&mut count);
        assert_eq!((count.open, count.secret), (bytes.len(), 0), "{packet}");
    }
}

#[test]
fn other_levels_are_told_without_their_rest() {
    let level_5 = b"\x10\x10\0\x04MQTT\x05\x02\0\x3c\x02\x23\x01\0\0\0";
    let expected = Connect { client_id: "", clean_session: false, keep_alive: 0, level: 5, ..CONNECT };
    assert_eq!(Packet::decode(&level_5[..]), Ok(Packet::Connect(expected)));
}

#[test]
fn an_id_stands_exactly_where_the_qos_wants_one() {
    let without = Packet::Publish(Publish { id: Some(id(7)), ..PUBLISH });
    assert_eq!(encoded(&without), b"\x30\x07\0\x03a/bhi");
    let zero = Packet::Publish(Publish { qos: Qos::AtLeastOnce, ..PUBLISH });
    assert_eq!(encoded(&zero), b"\x32\x09\0\x03a/b\0\0hi");
}

#[test]
fn filters_are_equal_by_content() {
    assert_eq!(format!("{:?}", Filters::without_qos(&["a", "b/#"])), r#"[("a", None), ("b/#", None)]"#);
    let Ok(Packet::Subscribe { filters, .. }) = Packet::decode(b"\x82\x06\0\x01\0\x01a\x01") else {
        panic!("not decoded")
    };
    assert_eq!(filters, Filters::with_qos(&[("a", Qos::AtLeastOnce)]));
    assert_ne!(filters, Filters::with_qos(&[("a", Qos::AtMostOnce)]));
    assert_ne!(filters, Filters::without_qos(&["a"]));
    assert!(filters.iter().eq([("a", Some(Qos::AtLeastOnce))]));
}

#[derive(Default)]
struct Count {
    open: usize,
    secret: usize,
}

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.open += bytes.len();
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        self.secret += bytes.len();
    }
}

#[test]
fn fingerprints_tell_messages_apart() {
    let of = |topic, payload| Publish { topic, payload, ..PUBLISH }.fingerprint();
    let others =
        [of("ab", b"c"), of("a", b"bc"), of("abc", b""), of("a", b"b\0"), of("a", b"b"), of("a", b""), of("b", b"a")];
    let long = of("a", &[7; 1000]);
    for place in [0, 7, 8, 500, 999] {
        let mut changed = [7; 1000];
        changed[place] = 8;
        assert_ne!(Publish { topic: "a", payload: &changed, ..PUBLISH }.fingerprint(), long, "byte {place}");
    }
    for (index, one) in others.iter().enumerate() {
        assert!(!others[..index].contains(one), "{index}");
    }
    let again = Publish { dup: true, retain: true, id: Some(id(7)), qos: Qos::ExactlyOnce, ..PUBLISH };
    assert_eq!(again.fingerprint(), PUBLISH.fingerprint());
}
