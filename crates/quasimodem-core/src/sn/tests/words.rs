use alloc::string::ToString;

use crate::sn::{Packet, parse_words};

/// Lines that come back as they are.
const LINES: &[&str] = &[
    "advertise 1 900",
    "searchgw 0",
    r#"gwinfo 1 "\x7f\x00\x00\x01""#,
    r#"connect "id" clean will keepalive 60"#,
    r#"connect "" protocol 2 keepalive 0"#,
    "connack 0",
    "connack 255",
    "willtopicreq",
    r#"willtopic "a/b" q1 retain"#,
    r#"willtopic "a/b" q0"#,
    "willtopic",
    "willmsgreq",
    r#"willmsg "\"\\\r\n\x00 gone""#,
    r#"register #7 "a/b""#,
    r#"register #7 @5 "a/b""#,
    "regack #7 @5 0",
    r#"publish @5 q0 "payload""#,
    r#"publish @5 q0 #7 "payload""#,
    r#"publish @65535 q1 #65535 retain dup """#,
    r#"publish predefined @5 q2 #7 "payload""#,
    r#"publish short "ab" q-1 retain "payload""#,
    "puback #7 @0 2",
    "pubrec #7",
    "pubrel #7",
    "pubcomp #7",
    r##"subscribe #7 "a/#" q1 dup"##,
    "subscribe #7 predefined @5 q2",
    r#"subscribe #7 short "ab" q0"#,
    "suback #7 @0 q1 3",
    r#"unsubscribe #7 "a""#,
    "unsubscribe #7 predefined @5",
    r#"unsubscribe #7 short "\"b""#,
    "unsuback #7",
    "pingreq",
    r#"pingreq "id""#,
    "pingresp",
    "disconnect",
    "disconnect 0",
    r#"willtopicupd "a/b" q2"#,
    "willtopicupd",
    r#"willmsgupd """#,
    "willtopicresp 0",
    "willmsgresp 3",
    r#"encapsulated 1 "n1" "\x02\x17""#,
];

#[test]
fn words_come_back() {
    for line in LINES {
        let bytes = parse_words(line).unwrap();
        assert_eq!(Packet::decode(&bytes).unwrap().to_string(), *line);
    }
}

#[test]
fn any_bytes_can_be_made() {
    assert_eq!(parse_words("hex"), Ok([].to_vec()));
    assert_eq!(parse_words("hex 05 ff 00 00 00"), Ok([5, 0xff, 0, 0, 0].to_vec()));
}

#[test]
fn errors_tell_what_was_expected_and_what_was_found() {
    for (line, error) in [
        ("", "expected the name of a message, or hex, found the end of the line"),
        ("frobnicate", "expected the name of a message, or hex, found frobnicate"),
        ("advertise 256 1", "expected a gateway id, found 256"),
        ("connack 256", "expected a return code from 0 to 255, found 256"),
        (r#"connect "id" clean"#, "expected keepalive, found the end of the line"),
        (r#"register 7 "a""#, "expected a message id from #0 to #65535, found 7"),
        (r#"publish "a" q0 "x""#, r#"expected a topic id from @0 to @65535, found "a""#),
        (r#"publish @5 q3 "x""#, "expected q0, q1 or q2, found q3"),
        (r#"publish short "abc" q0 "x""#, r#"expected two bytes in quotes, found "abc""#),
        ("subscribe #1 @5 q0", "expected a quoted string, predefined or short, found @5"),
        ("pingresp now", "expected the end of the line, found now"),
    ] {
        assert_eq!(parse_words(line), Err(error.to_string()), "{line}");
    }
}
