use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::put;
use crate::mqtt::Qos;
use crate::sn::{Connect, MAX_DATAGRAM, Packet, Publish, ReturnCode, Topic, TopicId, WillTopic, parse_words};

/// What a random message borrows from.
#[derive(Clone, Debug)]
struct Parts {
    name: String,
    data: Vec<u8>,
    short: [u8; 2],
    qos: Qos,
    numbers: [u16; 3],
    bytes: [u8; 2],
    flags: [bool; 3],
}

fn name() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', "") + "/")
}

fn parts() -> impl Strategy<Value = Parts> {
    let short = (1_u8..0x80, 1_u8..0x80).prop_map(|(first, second)| [first, second]);
    let qos = (0_u8..3).prop_map(|number| Qos::from_number(number).unwrap());
    let data = prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 240..270)];
    (name(), data, short, qos, any::<[u16; 3]>(), any::<[u8; 2]>(), any::<[bool; 3]>()).prop_map(
        |(name, data, short, qos, numbers, bytes, flags)| Parts { name, data, short, qos, numbers, bytes, flags },
    )
}

/// Calls `check` with a message of each type, and with each kind of topic.
fn each_packet(parts: &Parts, check: impl Fn(Packet<'_>)) {
    let Parts { name, data, .. } = parts;
    let &Parts { short, qos, numbers: [topic, id, number], bytes: [byte, code], flags: [a, b, c], .. } = parts;
    let code = ReturnCode::from_number(code);
    let will = a.then_some(WillTopic { topic: name, qos, retain: b });
    let packets = [
        Packet::Advertise { gateway: byte, duration: number },
        Packet::Searchgw { radius: byte },
        Packet::Gwinfo { gateway: byte, address: data },
        Packet::Connect(Connect { client_id: name, clean: a, will: b, duration: number, protocol: byte }),
        Packet::Connack(code),
        Packet::Willtopicreq,
        Packet::Willtopic(will),
        Packet::Willmsgreq,
        Packet::Willmsg(data),
        Packet::Register { topic, id, name },
        Packet::Regack { topic, id, code },
        Packet::Puback { topic, id, code },
        Packet::Pubrec(id),
        Packet::Pubrel(id),
        Packet::Pubcomp(id),
        Packet::Suback { qos, topic, id, code },
        Packet::Unsuback(id),
        Packet::Pingreq { client_id: name },
        Packet::Pingreq { client_id: "" },
        Packet::Pingresp,
        Packet::Disconnect { duration: a.then_some(number) },
        Packet::Willtopicupd(will),
        Packet::Willmsgupd(data),
        Packet::Willtopicresp(code),
        Packet::Willmsgresp(code),
        Packet::Encapsulated { radius: byte & 3, node: &data[..data.len() / 2], message: name.as_bytes() },
    ];
    packets.into_iter().for_each(&check);
    for topic in [Topic::Name(name), Topic::Predefined(topic), Topic::Short(short)] {
        check(Packet::Subscribe { id, topic, qos, dup: c });
        check(Packet::Unsubscribe { id, topic });
    }
    for topic in [TopicId::Normal(topic), TopicId::Predefined(topic), TopicId::Short(short)] {
        check(Packet::Publish(Publish { topic, payload: data, qos: a.then_some(qos), retain: b, dup: c, id }));
    }
}

proptest! {
    #[test]
    fn messages_come_back_from_bytes_and_words(parts in parts()) {
        each_packet(&parts, |packet| {
            let bytes = put(&packet);
            assert!(bytes.len() <= MAX_DATAGRAM);
            assert_eq!(Packet::decode(&bytes), Ok(packet));
            assert_eq!(parse_words(&packet.to_string()), Ok(bytes));
        });
    }

    #[test]
    fn a_long_length_means_the_same(parts in parts()) {
        each_packet(&parts, |packet| {
            let bytes = put(&packet);
            if bytes[0] != 1 {
                let size = u16::from(bytes[0]) + 2;
                let [high, low] = size.to_be_bytes();
                let long = [&[1, high, low], &bytes[1..]].concat();
                assert_eq!(Packet::decode(&long), Ok(packet));
            }
        });
    }

    #[test]
    fn no_bytes_panic(kind: u8, body in vec(any::<u8>(), 0..100)) {
        let _ = Packet::decode(&body);
        let size = u8::try_from(body.len() + 2).unwrap();
        let datagram = [&[size, kind], body.as_slice()].concat();
        if let Ok(packet) = Packet::decode(&datagram) {
            let _ = packet.to_string();
            // What gateways add is not written.
            assert!(put(&packet).len() <= datagram.len());
            assert_eq!(Packet::decode(&put(&packet)), Ok(packet));
        }
    }

    #[test]
    fn changed_messages_do_not_panic(parts in parts(), at: prop::sample::Index, byte: u8) {
        each_packet(&parts, |packet| {
            let mut bytes = put(&packet);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(packet) = Packet::decode(&bytes) {
                let _ = packet.to_string();
            }
        });
    }

    #[test]
    fn no_line_panics(line: String, rest: String, word in 0_usize..12) {
        let words = [
            "advertise ", "gwinfo 1 ", "connect ", "connack ", "willtopic ", "willmsg ", "register #1 ", "publish ",
            "publish short ", "subscribe #1 ", "encapsulated 1 ", "hex ",
        ];
        let _ = parse_words(&line);
        let _ = parse_words(&(words[word].to_string() + &rest));
    }
}
