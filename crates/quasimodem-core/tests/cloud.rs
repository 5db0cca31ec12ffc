//! What clouds are shown and what they answer, whatever stands in it.

mod common;

use common::Bench;
use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::cloud::tuya::{self, Activation, Frame, FrameKey};
use quasimodem_core::cloud::{
    ANSWER_MAX, Alibaba, AlibabaRegistration, BadAnswer, Flaw, Hash, Huawei, TencentRegistered, TencentRegistration,
    TuyaBind, unicom_topic,
};
use quasimodem_core::{Change, Input, MODELS, Secret, Settings};

const SECRET: Secret<&str> = Secret("0123456789abcdef");

fn alibaba() -> AlibabaRegistration<'static> {
    AlibabaRegistration {
        product_key: "pk",
        product_secret: SECRET,
        device_name: "dn",
        random: 1,
        instance: None,
        listed: true,
    }
}

fn tencent(url: &str) -> TencentRegistration<'_> {
    TencentRegistration { url, product_id: "p", product_secret: SECRET, device_name: "d", timestamp: 0, nonce: 0 }
}

const SIGNED: &str = "http://a.example/device/register";
const OLD: &str = "http://a.example/register/dev";

fn activation() -> Activation<'static> {
    Activation { token: Secret("t"), product_key: "pk", uuid: "uuid", auth_key: SECRET, timestamp: 0 }
}

fn key() -> FrameKey {
    FrameKey::new("localkey", SECRET).unwrap()
}

/// What is printed can be typed, on every model that prints it.
#[test]
fn what_is_printed_can_be_pasted() {
    let x = |count: usize| "x".repeat(count);
    let base64 = "QUJD".repeat(32);
    let mut arguments = Vec::new();
    for length in [1, 20, 32, 64, 128] {
        let (x, y) = (x(length), x(length.min(20)));
        arguments.extend([
            format!("1,{x},{x},{x},0"),
            format!("2,{x},{x},{base64}"),
            format!("3,{x},{x}"),
            format!("5,{x},{y},{base64}"),
            format!("6,{x},{x},{x}"),
            format!("8,{x},{x},{x},{x}"),
            format!("8,{y},{y},{x},{y}"),
            format!("9,{x},{x},{x},\"\""),
            format!("9,{x},{x},\"\",{x}"),
        ]);
    }
    for model in MODELS.iter().filter(|model| model.cloud) {
        let (mut printed, mut refused) = (0, 0);
        for arguments in &arguments {
            let mut bench = Bench::new(&Settings { model, ..Settings::default() });
            bench.handle(Input::Bearer(Change::Clock(1_700_000_000)));
            let answer = bench.types(&format!("AT+MQTTAUTHCFG={arguments}"));
            let Some((_, pasted)) = answer.split_once('"') else {
                assert!(answer.contains("ERROR") && bench.log().contains("+MQTTUSER"), "{arguments}: {}", bench.log());
                refused += 1;
                continue;
            };
            // As hosts do it: from the first quote up to the CR.
            let pasted = pasted.split_once('\r').unwrap().0;
            let answer = bench.types(&format!("AT+MQTTUSER=1,\"{pasted}"));
            assert_eq!(answer, "\r\nOK\r\n", "{arguments} on {model}: {}", bench.log());
            printed += 1;
        }
        let all_fit = model.password == 1024;
        assert!(printed > 15 && all_fit == (refused == 0), "{model} prints {printed} and refuses {refused}");
    }
}

#[test]
fn what_is_missing_is_told_by_its_name() {
    let bind = TuyaBind { uuid: "u", auth_key: Secret("") };
    assert_eq!(bind.credentials(), Err(Flaw::Empty("authkey")));
    let huawei = Huawei { device_id: "d", device_secret: SECRET, checks_time: false, time: i64::MAX };
    assert_eq!(huawei.credentials(), Err(Flaw::NoSuchTime));
    assert_eq!(Huawei { time: -70_000_000_000, ..huawei }.credentials(), Err(Flaw::NoSuchTime));
    let short = TencentRegistration { product_secret: Secret("0123456789abcde"), ..tencent(SIGNED) };
    assert_eq!(short.request(), Err(Flaw::TooShort("productsecret", 16)));
    assert_eq!(tencent("http://a.example/x y").request(), Err(Flaw::NotAUrl));
    assert_eq!(FrameKey::new("authkey", Secret("short")), Err(Flaw::TooShort("authkey", 16)));
    for flaw in [Flaw::NoSuchHash(Hash::Md5), Flaw::NotAUrl, Flaw::NotPrintable("a"), Flaw::NotBase64("a")] {
        assert!(!flaw.to_string().is_empty());
    }
}

#[test]
fn secrets_have_no_words() {
    let login = Alibaba {
        product_key: "pk",
        device_name: "dn",
        device_secret: SECRET,
        tls: false,
        hash: Hash::Sha256,
        id: None,
        timestamp: Some(0),
        capitals: true,
    };
    let credentials = login.credentials().unwrap();
    let frame = Frame { sequence: 1, source: [0; 4], data: Secret(b"0123456789abcdef".to_vec()) };
    let words = format!(
        "{login:?} {credentials:?} {:?} {:?} {:?} {frame:?} {:?}",
        alibaba(),
        tencent(SIGNED),
        activation(),
        key()
    );
    assert!(!words.contains(SECRET.0) && !words.contains(&credentials.password.0), "{words}");
    assert!(!words.contains("48, 49, 50"), "{words}");
}

#[test]
fn alibaba_answers() {
    let answer = |text: &str| alibaba().answer(text.as_bytes());
    let good = answer(r#"{"deviceSecret":"s3cret","productKey":"pk","deviceName":"dn","more":[1]}"#).unwrap();
    assert_eq!(good.device_secret.0, "s3cret");
    let bad = [
        ("", BadAnswer::NotJson),
        ("{", BadAnswer::NotJson),
        ("\u{0}", BadAnswer::NotJson),
        ("null", BadAnswer::Missing("productKey")),
        (r#"{"productKey":7}"#, BadAnswer::Missing("productKey")),
        (r#"{"productKey":"other","deviceName":"dn","deviceSecret":"s"}"#, BadAnswer::OtherDevice("productKey")),
        (r#"{"productKey":"pk","deviceName":"other","deviceSecret":"s"}"#, BadAnswer::OtherDevice("deviceName")),
        (r#"{"productKey":"pk","deviceName":"dn"}"#, BadAnswer::Missing("deviceSecret")),
        (r#"{"productKey":"pk","deviceName":"dn","deviceSecret":""}"#, BadAnswer::Missing("deviceSecret")),
        // A line of its own for the host.
        (
            r#"{"productKey":"pk","deviceName":"dn","deviceSecret":"s\r\n+MQTTBREAK: 1,1\r\n"}"#,
            BadAnswer::NotPrintable("deviceSecret"),
        ),
        (r#"{"productKey":"pk","deviceName":"dn","deviceSecret":"a\"b"}"#, BadAnswer::NotPrintable("deviceSecret")),
    ];
    for (text, due) in bad {
        assert_eq!(answer(text), Err(due), "{text}");
    }
    let long = format!(r#"{{"productKey":"pk","deviceName":"dn","deviceSecret":"{}"}}"#, "s".repeat(256));
    assert_eq!(answer(&long), Err(BadAnswer::NotPrintable("deviceSecret")));
    assert_eq!(answer(&" ".repeat(ANSWER_MAX + 1)), Err(BadAnswer::TooLong));
    assert_eq!(answer(&"[".repeat(ANSWER_MAX)), Err(BadAnswer::NotJson));
}

#[test]
fn tencent_answers() {
    let signed = |text: &str| tencent(SIGNED).answer(text.as_bytes());
    let old = |text: &str| tencent(OLD).answer(text.as_bytes());
    // Made by another implementation of AES: key 0123456789abcdef, IV of sixteen 0, zeros behind the end.
    let certificate = "utkU+JMoQ9Xlnldd66IE8jZg65z0pEWvmwZEHFMElriAFK3JmnChyMNqsfMbMsCG6kUt5L0GGxrMJzczjgPftQ==";
    let nothing = "iWxardKIWNiYWjLxSH6tIg==";
    let of = |payload: &str| format!(r#"{{"Response":{{"Payload":"{payload}"}}}}"#);
    assert_eq!(signed(&of(certificate)), Ok(TencentRegistered::Certificate));
    assert_eq!(signed(&of(nothing)), Err(BadAnswer::Missing("encryptionType")));
    let other = TencentRegistration { product_secret: Secret("another-secret-of-the-product"), ..tencent(SIGNED) };
    assert_eq!(other.answer(of(certificate).as_bytes()), Err(BadAnswer::Sealed("payload")));
    let bad = [
        ("{}", BadAnswer::Missing("Response")),
        (r#"{"Response":{}}"#, BadAnswer::Missing("Payload")),
        (r#"{"Response":{"Payload":""}}"#, BadAnswer::Sealed("payload")),
        (r#"{"Response":{"Payload":"AAAA"}}"#, BadAnswer::Sealed("payload")),
        (r#"{"Response":{"Payload":"AAAAAAAAAAAAAAAAAAAAAA=="}}"#, BadAnswer::Sealed("payload")),
        (r#"{"Response":{"Payload":"%%"}}"#, BadAnswer::Sealed("payload")),
        (
            r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"no\r\nsuch \"device\""}}}"#,
            BadAnswer::Refused("AuthFailure".into(), "nosuch device".into()),
        ),
        (r#"{"Response":{"Error":null}}"#, BadAnswer::Refused(String::new(), String::new())),
    ];
    for (text, due) in bad {
        assert_eq!(signed(text), Err(due), "{text}");
    }
    assert_eq!(old(r#"{"code":0}"#), Err(BadAnswer::Missing("payload")));
    assert_eq!(old(r#"{"code":1021,"message":"no"}"#), Err(BadAnswer::Refused("1021".into(), "no".into())));
    assert_eq!(old("{}"), Err(BadAnswer::Refused(String::new(), String::new())));
    let words = format!(r#"{{"code":1,"message":"{}"}}"#, "x".repeat(10_000));
    assert!(matches!(old(&words), Err(BadAnswer::Refused(_, words)) if words.len() == 200));
}

#[test]
fn tuya_answers() {
    let answer = |text: &str| activation().answer(text.as_bytes());
    let bad = [
        ("{}", BadAnswer::Missing("result")),
        (
            r#"{"success":false,"errorCode":"EXPIRED","errorMsg":"token"}"#,
            BadAnswer::Refused("EXPIRED".into(), "token".into()),
        ),
        (r#"{"result":"AAAA"}"#, BadAnswer::Sealed("result")),
        (r#"{"result":"AAAAAAAAAAAAAAAAAAAAAA=="}"#, BadAnswer::Sealed("result")),
    ];
    for (text, due) in bad {
        assert_eq!(answer(text), Err(due), "{text}");
    }
}

#[test]
fn tuya_frames_are_those_of_the_protocol() {
    let frame = Frame { sequence: 0x0102_0304, source: [1, 0, 0, 0], data: Secret(b"{}".to_vec()) };
    let bytes = frame.encode(&key());
    assert_eq!(bytes.len(), 3 + 4 + 4 + 4 + 16);
    assert_eq!(bytes[..3], *b"2.2");
    assert_eq!(bytes[3..7], tuya::crc32(&bytes[7..]).to_be_bytes());
    assert_eq!(bytes[7..15], [1, 2, 3, 4, 1, 0, 0, 0]);
    // Made by other implementations of AES and CRC-32.
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "322e32c853853e0102030401000000cb70ddc25a2a2045b4c13084418a9abb");
    assert_eq!(Frame::decode(&bytes, &key()), Ok(frame));
    for end in 0..bytes.len() {
        assert!(Frame::decode(&bytes[..end], &key()).is_err(), "{end} bytes");
    }
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        let due = if place < 3 { BadAnswer::NotAFrame } else { BadAnswer::Checksum };
        assert_eq!(Frame::decode(&bytes, &key()), Err(due), "byte {place}");
    }
    let other = FrameKey::new("localkey", Secret("fedcba9876543210")).unwrap();
    assert_eq!(Frame::decode(&bytes, &other), Err(BadAnswer::Sealed("data")));
}

#[test]
fn tuya_tokens() {
    let read = |text: &str| tuya::bind_token(text.as_bytes());
    let token =
        read(r#"{"protocol":46,"t":1,"data":{"token":"AYabcd12","region":"AY","env":"pro"}}"#).unwrap().unwrap();
    assert_eq!((&*token.token.0, &*token.region, &*token.environment), ("AYabcd12", "AY", "pro"));
    assert_eq!(read(r#"{"protocol":5,"data":{}}"#), Ok(None));
    assert_eq!(read(r#"{"protocol":46}"#), Err(BadAnswer::Missing("data")));
    assert_eq!(read(r#"{"protocol":46,"data":{"token":"t\u0000"}}"#), Err(BadAnswer::NotPrintable("token")));
    assert_eq!(read("[]"), Err(BadAnswer::Missing("protocol")));
}

#[test]
fn topics() {
    assert_eq!(unicom_topic("pk", "dk", true), "$sys/pk/dk/ext/regist");
    assert_eq!(unicom_topic("pk", "dk", false), "$sys/pk/dk/ext/autoregist");
}

proptest! {
    #[test]
    fn no_answer_harms(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(alibaba().answer(&bytes).is_err());
        prop_assert!(tencent(SIGNED).answer(&bytes).is_err());
        prop_assert!(tencent(OLD).answer(&bytes).is_err());
        prop_assert!(activation().answer(&bytes).is_err());
        let _ = tuya::bind_token(&bytes);
        prop_assert!(Frame::decode(&bytes, &key()).is_err());
    }

    #[test]
    fn frames_come_back(sequence: u32, source: [u8; 4], data in vec(any::<u8>(), 0..100)) {
        let frame = Frame { sequence, source, data: Secret(data) };
        prop_assert_eq!(Frame::decode(&frame.encode(&key()), &key()), Ok(frame));
    }

    #[test]
    fn no_url_makes_another_request(url in "https?://[ -~\\r\\n]{0,40}") {
        if let Ok(request) = tencent(&url).request() {
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
            prop_assert!(plain(&request.host) && plain(&request.target) && request.target.starts_with('/'));
            prop_assert!(request.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
        }
    }
}
