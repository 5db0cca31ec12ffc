use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::encoded;
use crate::mqtt::{
    Connect, Filters, Packet, PacketId, Publish, Qos, Will, frame_len, is_filter, is_name, matches, parse_words,
};

/// What a random packet borrows from.
#[derive(Clone, Debug)]
struct Parts {
    name: String,
    text: Option<String>,
    data: Option<Vec<u8>>,
    qos: Qos,
    id: PacketId,
    number: u16,
    flags: [bool; 3],
    will: bool,
    filters: Vec<(String, Qos)>,
    codes: Vec<u8>,
}

fn qos() -> impl Strategy<Value = Qos> {
    (0_u8..3).prop_map(|number| Qos::from_number(number).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['#', '+'], "") + "/")
}

fn filter() -> impl Strategy<Value = String> {
    (vec(prop_oneof![Just(String::from("+")), name()], 1..4), any::<bool>())
        .prop_map(|(levels, rest)| levels.join("/") + if rest { "/#" } else { "" })
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        (name(), option::of(text()), option::of(any::<Vec<u8>>()), qos(), 1_u16.., any::<u16>()),
        (any::<[bool; 3]>(), any::<bool>(), vec((filter(), qos()), 1..4)),
        vec(prop_oneof![0_u8..3, Just(0x80)], 1..4),
    )
        .prop_map(|((name, text, data, qos, id, number), (flags, will, filters), codes)| Parts {
            name,
            text,
            data,
            qos,
            id: PacketId::new(id).unwrap(),
            number,
            flags,
            will,
            filters,
            codes,
        })
}

/// Calls `check` with a packet of each type.
fn each_packet(parts: &Parts, check: impl Fn(Packet<'_>)) {
    let &Parts { qos, id, number, flags: [a, b, c], .. } = parts;
    let data = parts.data.as_deref();
    let will = parts.will.then_some(Will { topic: &parts.name, payload: data.unwrap_or_default(), qos, retain: a });
    let with_qos: Vec<_> = parts.filters.iter().map(|(filter, qos)| (filter.as_str(), *qos)).collect();
    let without_qos: Vec<_> = parts.filters.iter().map(|(filter, _)| filter.as_str()).collect();
    check(Packet::Connect(Connect {
        client_id: parts.text.as_deref().unwrap_or_default(),
        clean_session: b,
        keep_alive: number,
        will,
        user_name: parts.text.as_deref(),
        password: parts.text.as_ref().and(data),
        level: 4,
    }));
    check(Packet::Connack { session_present: a, code: if a { 0 } else { number.to_be_bytes()[0] } });
    check(Packet::Publish(Publish {
        topic: &parts.name,
        payload: data.unwrap_or_default(),
        qos,
        retain: b,
        dup: c && qos != Qos::AtMostOnce,
        id: (qos != Qos::AtMostOnce).then_some(id),
    }));
    check(Packet::Puback(id));
    check(Packet::Pubrec(id));
    check(Packet::Pubrel(id));
    check(Packet::Pubcomp(id));
    check(Packet::Subscribe { id, filters: Filters::with_qos(&with_qos) });
    check(Packet::Suback { id, codes: &parts.codes });
    check(Packet::Unsubscribe { id, filters: Filters::without_qos(&without_qos) });
    check(Packet::Unsuback(id));
}

proptest! {
    #[test]
    fn packets_come_back_from_bytes_and_words(parts in parts()) {
        each_packet(&parts, |packet| {
            let bytes = encoded(&packet);
            assert_eq!(frame_len(&bytes, bytes.len()), Ok(Some(bytes.len())));
            assert_eq!(Packet::decode(&bytes), Ok(packet));
            let read = parse_words(&packet.to_string()).unwrap();
            match packet {
                Packet::Connect(connect) if connect.password.is_some() => assert_eq!(read.len(), bytes.len()),
                _ => assert_eq!(read, bytes),
            }
        });
    }

    #[test]
    fn no_bytes_panic(first: u8, body in vec(any::<u8>(), 0..100)) {
        let _ = frame_len(&body, 100);
        let _ = Packet::decode(&body);
        let len = u8::try_from(body.len()).unwrap();
        let frame = [&[first, len], body.as_slice()].concat();
        if let Ok(packet) = Packet::decode(&frame) {
            let _ = packet.to_string();
            let other_level = matches!(packet, Packet::Connect(connect) if connect.level != 4);
            assert!(other_level || encoded(&packet) == frame);
        }
    }

    #[test]
    fn changed_packets_do_not_panic(parts in parts(), at: prop::sample::Index, byte: u8) {
        each_packet(&parts, |packet| {
            let mut bytes = encoded(&packet);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(packet) = Packet::decode(&bytes) {
                let _ = packet.to_string();
            }
        });
    }

    #[test]
    fn no_line_panics(line: String, rest: String, word in 0_usize..16) {
        let words = [
            "connect ", "connack ", "publish ", "puback ", "pubrec ", "pubrel ", "pubcomp ", "subscribe ", "suback ",
            "unsubscribe ", "unsuback ", "pingreq ", "hex ", "publish \"", "publish \"\\", "publish \"\\x",
        ];
        let _ = parse_words(&line);
        let _ = parse_words(&(words[word].to_string() + &rest));
    }

    #[test]
    fn topics_of_any_text_do_not_panic(filter: String, name: String) {
        let _ = (is_filter(&filter), is_name(&name), matches(&filter, &name));
    }

    #[test]
    fn a_filter_matches_itself_with_its_wildcards_filled_in(filter in filter()) {
        let filled = filter.replace('+', "level").replace('#', "a/b");
        prop_assert!(is_filter(&filter) && is_name(&filled));
        prop_assert!(matches(&filter, &filled) || (filled.starts_with('$') && filter.starts_with('+')));
    }
}
