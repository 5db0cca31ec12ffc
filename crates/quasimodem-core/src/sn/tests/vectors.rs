use alloc::vec;
use alloc::vec::Vec;

use super::put;
use crate::mqtt::Qos;
use crate::sn::{Connect, Packet, Publish, ReturnCode, Topic, TopicId, WillTopic};

const CONNECT: Connect<'_> = Connect { client_id: "id", clean: true, will: false, duration: 60, protocol: 1 };

const PUBLISH: Publish<'_> =
    Publish { topic: TopicId::Normal(5), payload: b"hi", qos: Some(Qos::AtMostOnce), retain: false, dup: false, id: 0 };

const WILL: WillTopic<'_> = WillTopic { topic: "w", qos: Qos::AtMostOnce, retain: false };

/// Every message with its bytes, by hand from MQTT-SN 5.4 and 5.5.
const VECTORS: &[(Packet<'_>, &[u8])] = &[
    (Packet::Advertise { gateway: 7, duration: 900 }, b"\x05\0\x07\x03\x84"),
    (Packet::Searchgw { radius: 1 }, b"\x03\x01\x01"),
    (Packet::Gwinfo { gateway: 7, address: b"" }, b"\x03\x02\x07"),
    (Packet::Gwinfo { gateway: 7, address: &[127, 0, 0, 1] }, b"\x07\x02\x07\x7f\0\0\x01"),
    (Packet::Connect(CONNECT), b"\x08\x04\x04\x01\0\x3cid"),
    (
        Packet::Connect(Connect { client_id: "", clean: false, will: true, duration: 0xffff, protocol: 2 }),
        b"\x06\x04\x08\x02\xff\xff",
    ),
    (Packet::Connack(ReturnCode::Accepted), b"\x03\x05\0"),
    (Packet::Connack(ReturnCode::Congestion), b"\x03\x05\x01"),
    (Packet::Connack(ReturnCode::Reserved(0xff)), b"\x03\x05\xff"),
    (Packet::Willtopicreq, b"\x02\x06"),
    (Packet::Willtopic(None), b"\x02\x07"),
    (Packet::Willtopic(Some(WILL)), b"\x04\x07\0w"),
    (Packet::Willtopic(Some(WillTopic { qos: Qos::ExactlyOnce, retain: true, ..WILL })), b"\x04\x07\x50w"),
    (Packet::Willmsgreq, b"\x02\x08"),
    (Packet::Willmsg(b""), b"\x02\x09"),
    (Packet::Willmsg(b"\0\xff"), b"\x04\x09\0\xff"),
    (Packet::Register { topic: 0, id: 1, name: "a/b" }, b"\x09\x0a\0\0\0\x01a/b"),
    (Packet::Register { topic: 0xfffe, id: 0x1234, name: "a" }, b"\x07\x0a\xff\xfe\x12\x34a"),
    (Packet::Regack { topic: 5, id: 1, code: ReturnCode::NotSupported }, b"\x07\x0b\0\x05\0\x01\x03"),
    (Packet::Publish(PUBLISH), b"\x09\x0c\0\0\x05\0\0hi"),
    (
        Packet::Publish(Publish {
            topic: TopicId::Predefined(5),
            payload: b"",
            qos: Some(Qos::AtLeastOnce),
            retain: true,
            dup: true,
            id: 9,
        }),
        b"\x07\x0c\xb1\0\x05\0\x09",
    ),
    (
        Packet::Publish(Publish { topic: TopicId::Short(*b"ab"), qos: Some(Qos::ExactlyOnce), id: 9, ..PUBLISH }),
        b"\x09\x0c\x42ab\0\x09hi",
    ),
    (Packet::Publish(Publish { topic: TopicId::Short(*b"ab"), qos: None, ..PUBLISH }), b"\x09\x0c\x62ab\0\0hi"),
    (Packet::Puback { topic: 0, id: 9, code: ReturnCode::Accepted }, b"\x07\x0d\0\0\0\x09\0"),
    (Packet::Puback { topic: 5, id: 9, code: ReturnCode::InvalidTopicId }, b"\x07\x0d\0\x05\0\x09\x02"),
    (Packet::Pubcomp(9), b"\x04\x0e\0\x09"),
    (Packet::Pubrec(9), b"\x04\x0f\0\x09"),
    (Packet::Pubrel(9), b"\x04\x10\0\x09"),
    (
        Packet::Subscribe { id: 2, topic: Topic::Name("a/#"), qos: Qos::AtLeastOnce, dup: true },
        b"\x08\x12\xa0\0\x02a/#",
    ),
    (
        Packet::Subscribe { id: 2, topic: Topic::Predefined(5), qos: Qos::ExactlyOnce, dup: false },
        b"\x07\x12\x41\0\x02\0\x05",
    ),
    (
        Packet::Subscribe { id: 2, topic: Topic::Short(*b"ab"), qos: Qos::AtMostOnce, dup: false },
        b"\x07\x12\x02\0\x02ab",
    ),
    (
        Packet::Suback { qos: Qos::AtLeastOnce, topic: 5, id: 2, code: ReturnCode::Accepted },
        b"\x08\x13\x20\0\x05\0\x02\0",
    ),
    (Packet::Unsubscribe { id: 3, topic: Topic::Name("ab") }, b"\x07\x14\0\0\x03ab"),
    (Packet::Unsubscribe { id: 3, topic: Topic::Predefined(5) }, b"\x07\x14\x01\0\x03\0\x05"),
    (Packet::Unsubscribe { id: 3, topic: Topic::Short(*b"ab") }, b"\x07\x14\x02\0\x03ab"),
    (Packet::Unsuback(3), b"\x04\x15\0\x03"),
    (Packet::Pingreq { client_id: "" }, b"\x02\x16"),
    (Packet::Pingreq { client_id: "id" }, b"\x04\x16id"),
    (Packet::Pingresp, b"\x02\x17"),
    (Packet::Disconnect { duration: None }, b"\x02\x18"),
    (Packet::Disconnect { duration: Some(60) }, b"\x04\x18\0\x3c"),
    (Packet::Willtopicupd(None), b"\x02\x1a"),
    (Packet::Willtopicupd(Some(WillTopic { retain: true, ..WILL })), b"\x04\x1a\x10w"),
    (Packet::Willtopicresp(ReturnCode::Accepted), b"\x03\x1b\0"),
    (Packet::Willmsgupd(b"m"), b"\x03\x1cm"),
    (Packet::Willmsgresp(ReturnCode::NotSupported), b"\x03\x1d\x03"),
    (Packet::Encapsulated { radius: 1, node: b"n1", message: b"\x02\x16" }, b"\x05\xfe\x01n1\x02\x16"),
    (Packet::Encapsulated { radius: 3, node: b"", message: b"?" }, b"\x03\xfe\x03?"),
];

#[test]
fn every_message_has_these_bytes() {
    for (packet, bytes) in VECTORS {
        assert_eq!(put(packet), *bytes, "{packet}");
        assert_eq!(Packet::decode(bytes), Ok(*packet), "{packet}");
    }
}

/// Messages of 254 to 258 bytes, around the longest that a length of one byte can tell (MQTT-SN 5.2.1).
#[test]
fn the_length_has_three_bytes_where_one_is_too_few() {
    let payload = [b'x'; 1024];
    for (size, head) in [
        (247, b"\xfe\x0c\0\0\x05\0\0".as_slice()),
        (248, b"\xff\x0c\0\0\x05\0\0"),
        (249, b"\x01\x01\x02\x0c\0\0\x05\0\0"),
        (1024, b"\x01\x04\x09\x0c\0\0\x05\0\0"),
    ] {
        let packet = Packet::Publish(Publish { payload: &payload[..size], ..PUBLISH });
        let bytes = put(&packet);
        assert_eq!(bytes, [head, &payload[..size]].concat());
        assert_eq!(Packet::decode(&bytes), Ok(packet));
    }
}

/// All of it is legal or in use: a long length on a short message, flags that a message does not have, and bytes
/// behind the fields of an acknowledgement.
#[test]
fn what_gateways_send_is_taken() {
    let taken: [(&[u8], Packet<'_>); 8] = [
        (b"\x01\0\x05\x05\0", Packet::Connack(ReturnCode::Accepted)),
        (b"\x01\0\x0b\x0c\0\0\x05\0\0hi", Packet::Publish(PUBLISH)),
        (b"\x04\x1b\0\0", Packet::Willtopicresp(ReturnCode::Accepted)),
        (b"\x04\x1d\0\0", Packet::Willmsgresp(ReturnCode::Accepted)),
        (b"\x09\x0d\0\0\0\x09\0\xaa\xaa", Packet::Puback { topic: 0, id: 9, code: ReturnCode::Accepted }),
        (
            b"\x08\x13\xbf\0\x05\0\x02\0",
            Packet::Suback { qos: Qos::AtLeastOnce, topic: 5, id: 2, code: ReturnCode::Accepted },
        ),
        (b"\x08\x04\xf7\x01\0\x3cid", Packet::Connect(CONNECT)),
        (b"\x07\x14\xfd\0\x03\0\x05", Packet::Unsubscribe { id: 3, topic: Topic::Predefined(5) }),
    ];
    for (bytes, packet) in taken {
        assert_eq!(Packet::decode(bytes), Ok(packet));
    }
}

#[test]
fn what_is_too_long_is_cut() {
    let payload = vec![b'x'; 70_000];
    let bytes = put(&Packet::Publish(Publish { payload: &payload, ..PUBLISH }));
    assert_eq!(bytes.len(), 65_535);
    let Ok(Packet::Publish(publish)) = Packet::decode(&bytes) else { panic!("not a PUBLISH") };
    assert_eq!(publish.payload.len(), 65_535 - 9);

    let bytes = put(&Packet::Encapsulated { radius: 0, node: &payload, message: b"\x02\x16" });
    let node: Vec<u8> = payload[..252].to_vec();
    assert_eq!(Packet::decode(&bytes), Ok(Packet::Encapsulated { radius: 0, node: &node, message: b"\x02\x16" }));
}
