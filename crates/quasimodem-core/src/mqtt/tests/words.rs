use alloc::format;
use alloc::string::{String, ToString};

use super::encoded;
use crate::mqtt::{Packet, Publish, Qos, parse_words};

/// Lines that come back as they are.
const LINES: &[&str] = &[
    r#"connect "" keepalive 0"#,
    r#"connect "id" clean keepalive 60"#,
    r#"connect "id" clean keepalive 60 will "t" q1 retain "payload" user "u""#,
    r#"connect "id" keepalive 60 will "t" q0 "" user "u" password "***""#,
    r#"connect "" level 5 keepalive 0"#,
    "connack 0",
    "connack 0 session",
    "connack 5",
    r#"publish "a/b" q0 "payload""#,
    r#"publish "a/b" q0 retain """#,
    r#"publish "a/b" q1 #7 retain dup "payload""#,
    r#"publish "a b" q2 #65535 "\"\\\r\n\x00\x7f\xff Grüße, 'you'""#,
    "puback #7",
    "pubrec #7",
    "pubrel #7",
    "pubcomp #7",
    r##"subscribe #1 "a/#" q1 "b" q0"##,
    "suback #1 0 1 2 128",
    r#"unsubscribe #1 "a" "b c""#,
    "unsuback #1",
    "pingreq",
    "pingresp",
    "disconnect",
];

#[test]
fn words_come_back() {
    for line in LINES {
        let bytes = parse_words(line).unwrap();
        assert_eq!(Packet::decode(&bytes).unwrap().to_string(), *line);
    }
}

#[test]
fn passwords_do_not_show() {
    let bytes = parse_words(r#"connect "id" keepalive 60 user "u" password "se\xffret""#).unwrap();
    let packet = Packet::decode(&bytes).unwrap();
    let Packet::Connect(connect) = packet else { panic!("{packet}") };
    assert_eq!(connect.password, Some(b"se\xffret".as_slice()));
    for shown in [packet.to_string(), format!("{packet:?}"), format!("{connect:?}")] {
        assert!(shown.contains(r#"password "******""#), "{shown}");
        assert!(!shown.contains("ret"), "{shown}");
    }
}

/// What could change how a line looks is escaped: line ends, other controls, marks for the direction of text.
#[test]
fn what_does_not_print_is_escaped() {
    let payload = "\t\u{85}\u{2028}\u{202e}\u{200b}ä€😀".as_bytes();
    let publish = Publish { topic: "t", payload, qos: Qos::AtMostOnce, retain: false, dup: false, id: None };
    let line = Packet::Publish(publish).to_string();
    assert_eq!(line, r#"publish "t" q0 "\x09\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xe2\x80\x8bä€😀""#);
    assert_eq!(parse_words(&line), Ok(encoded(&Packet::Publish(publish))));
}

#[test]
fn wrong_packets_can_be_told() {
    for (line, bytes) in [
        ("hex 20 02 00 Ff", b"\x20\x02\0\xff".as_slice()),
        ("connack 9 session", b"\x20\x02\x01\x09"),
        ("suback #1 3", b"\x90\x03\0\x01\x03"),
        (r#"publish "+" q0 dup "x""#, b"\x38\x04\0\x01+x"),
        (r#"unsubscribe #1 """#, b"\xa2\x04\0\x01\0\0"),
        (r#"  publish  "a"  q0  """#, b"\x30\x03\0\x01a"),
    ] {
        assert_eq!(parse_words(line).as_deref(), Ok(bytes), "{line}");
    }
}

#[test]
fn errors_tell_what_was_expected_and_found() {
    for (line, error) in [
        ("", "expected the name of a packet, or hex, found the end of the line"),
        ("PINGREQ", "expected the name of a packet, or hex, found PINGREQ"),
        ("pingreq 1", "expected the end of the line, found 1"),
        ("puback 7", "expected a packet identifier from #1 to #65535, found 7"),
        ("puback #0", "expected a packet identifier from #1 to #65535, found #0"),
        ("puback #65536", "expected a packet identifier from #1 to #65535, found #65536"),
        ("connack", "expected a return code from 0 to 255, found the end of the line"),
        ("connack 256", "expected a return code from 0 to 255, found 256"),
        ("suback #1", "expected a return code from 0 to 255, found the end of the line"),
        (r#"connect "id" clean"#, "expected keepalive, found the end of the line"),
        (r#"connect "id" keepalive x"#, "expected seconds from 0 to 65535, found x"),
        (r#"connect "id" level x"#, "expected a level from 0 to 255, found x"),
        (r#"connect "id" keepalive 1 will "t" q3 "x""#, "expected q0, q1 or q2, found q3"),
        ("publish a", "expected a quoted string, found a"),
        (r#"publish "a" q0 #7 "x""#, "expected a quoted string, found #7"),
        (r#"publish "a" q1 "x""#, r#"expected a packet identifier from #1 to #65535, found "x""#),
        (r#"publish "a"#, "expected a closing quote, found the end of the line"),
        (r#"publish "a"q0 "x""#, "expected a space after the closing quote, found q0"),
        (r#"publish "\t" q0 "x""#, r#"expected one of the escapes \" \\ \r \n \xHH, found \t""#),
        (r#"publish "\x+f" q0 "x""#, r#"expected one of the escapes \" \\ \r \n \xHH, found \x+f""#),
        (r#"publish "\xff" q0 "x""#, r#"expected a quoted string of UTF-8, found "\xff""#),
        ("subscribe #1", "expected a quoted string, found the end of the line"),
        (r#"subscribe #1 "a""#, "expected q0, q1 or q2, found the end of the line"),
        ("hex", "expected two hexadecimal digits, found the end of the line"),
        ("hex 2002", "expected two hexadecimal digits, found 2002"),
    ] {
        assert_eq!(parse_words(line), Err(error.into()), "{line}");
    }
    let long = String::from_iter(["connect \"", &"x".repeat(65_536), "\" keepalive 0"]);
    assert_eq!(parse_words(&long), Err("expected at most 65535 bytes in quotes, found 65536".into()));
}
