//! `+MQTTAUTHDYN` at Tencent: what its SDKs post is answered as they expect it.

use quasimodem_core::Secret;
use quasimodem_core::cloud::{TencentRegistered, TencentRegistration};
use quasimodem_lab::cloud::http::Api;
use quasimodem_lab::cloud::{Cloud, Product, Registry};
use serde_json::Value;

use crate::rig::{Endpoint, NOW, broker, device, knock, product, registry, text, vectors};

/// Host and target of a URL.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").unwrap().1;
    rest.split_at(rest.find('/').unwrap())
}

/// Posts a vector, and gives the body of the answer.
fn post(endpoint: &mut Endpoint, case: &Value, body: &str) -> Value {
    let (host, target) = parts(text(case, "url"));
    let mut headers = vec![("Host", host)];
    let all = case["headers"].as_object().into_iter().flatten();
    headers.extend(all.map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
    let (status, answer) = endpoint.post(target, &headers, body);
    assert_eq!(status, 200);
    serde_json::from_str(&answer).unwrap()
}

fn known(case: &Value) -> Registry {
    let (key, name) = (text(case, "productkey"), text(case, "devicename"));
    registry(
        Some(product(Cloud::Tencent, key, text(case, "productsecret"))),
        Some(device(Cloud::Tencent, key, name, text(case, "psk"))),
    )
}

fn payload(answer: &Value) -> Option<&str> {
    answer["Response"]["Payload"].as_str().or(answer["payload"].as_str())
}

#[test]
fn what_sdks_post_is_answered_with_what_they_read() {
    for case in vectors("tencent", "registrations", 10) {
        let time = case["timestamp"].as_i64().unwrap();
        let mut endpoint = Endpoint::new(Api::Tencent, &known(&case), time);
        let answer = post(&mut endpoint, &case, text(&case, "body"));
        assert_eq!(payload(&answer), Some(text(&case, "payload")), "{answer}");
        let len = format!(r#"{{"encryptionType":2,"psk":"{}"}}"#, text(&case, "psk")).len();
        assert!(answer["Response"]["Len"] == len || answer["len"] == len, "{answer}");
        let again = post(&mut endpoint, &case, text(&case, "body"));
        assert_eq!(payload(&again), None, "replayed: {again}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    for case in vectors("tencent", "registrations", 10) {
        let time = case["timestamp"].as_i64().unwrap();
        let code = |registry: &Registry, time, body: &str| {
            let answer = post(&mut Endpoint::new(Api::Tencent, registry, time), &case, body);
            assert_eq!(payload(&answer), None, "{answer}");
            let code = answer["Response"]["Error"]["Code"].as_str().map(String::from);
            code.unwrap_or_else(|| answer["code"].to_string())
        };
        let body = text(&case, "body");
        let one_of = |code: String, codes: [&str; 2]| assert!(codes.contains(&&*code), "{code}: {case}");
        let changed = [body.replacen("\"}", " \"}", 1), body.replace("\"nonce\":", "\"nonce\":1")];
        let changed = &changed[usize::from(body.contains("nonce"))];
        one_of(code(&known(&case), time, changed), ["AuthFailure.SignatureFailure", "1003"]);
        one_of(code(&known(&case), time + 301, body), ["AuthFailure.SignatureExpire", "1004"]);
        one_of(code(&known(&case), time - 301, body), ["AuthFailure.SignatureExpire", "1004"]);
        one_of(code(&known(&case), time, "no JSON"), ["InvalidParameter", "1001"]);
        one_of(code(&Registry::new(1), time, body), ["NoSuchProduct", "1002"]);
        let stranger = product(Cloud::Tencent, text(&case, "productkey"), text(&case, "productsecret"));
        let device = device(Cloud::Tencent, text(&case, "productkey"), "another", "");
        let others = registry(Some(stranger), Some(device));
        one_of(code(&others, time, body), ["ResourceNotFound.DeviceNotExist", "1005"]);
    }
}

#[test]
fn five_minutes_are_now() {
    for case in vectors("tencent", "registrations", 10) {
        for offset in [-300, 300] {
            let time = case["timestamp"].as_i64().unwrap() + offset;
            let answer = post(&mut Endpoint::new(Api::Tencent, &known(&case), time), &case, text(&case, "body"));
            assert!(payload(&answer).is_some(), "{answer}");
        }
    }
}

#[test]
fn what_is_missing_is_missed() {
    let case = &vectors("tencent", "registrations", 10)[0];
    let mut endpoint = Endpoint::new(Api::Tencent, &known(case), NOW);
    let all: Vec<(&str, &str)> = case["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    for missing in 0..all.len() {
        let mut headers = all.clone();
        let (name, _) = headers.remove(missing);
        headers.push(("Host", "ap-guangzhou.gateway.tencentdevices.com"));
        let (_, answer) = endpoint.post("/device/register", &headers, text(case, "body"));
        assert_eq!(
            answer.contains("MissingParameter"),
            name.to_ascii_lowercase().starts_with("x-tc-"),
            "{name}: {answer}"
        );
    }
}

/// What the modem would send, with the answer.
fn register(endpoint: &mut Endpoint, url: &str, product: &str, nonce: u32) -> TencentRegistered {
    let registration = TencentRegistration {
        url,
        product_id: product,
        product_secret: Secret("0123456789abcdef"),
        device_name: "dev",
        timestamp: NOW,
        nonce,
    };
    let request = registration.request().unwrap();
    let mut headers = vec![("Host", &*request.host)];
    headers.extend(request.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let (status, body) = endpoint.post(&request.target, &headers, &request.body);
    assert_eq!(status, 200);
    registration.answer(body.as_bytes()).unwrap()
}

const URLS: [&str; 2] = [
    "http://ap-guangzhou.gateway.tencentdevices.com/device/register",
    "https://gateway.tencentdevices.com:443/register/dev",
];

#[test]
fn who_registers_can_log_in() {
    let open = Product { open: true, ..product(Cloud::Tencent, "P", "0123456789abcdef") };
    let registry = registry(Some(open), None);
    let mut endpoint = Endpoint::new(Api::Tencent, &registry, NOW);
    let keys = [1, 2].map(|nonce| match register(&mut endpoint, URLS[nonce as usize - 1], "P", nonce) {
        TencentRegistered::Key(Secret(key)) => key,
        TencentRegistered::Certificate => panic!("a certificate"),
    });
    assert_eq!(keys[0], keys[1], "the same by both interfaces");
    let tencent = quasimodem_core::cloud::Tencent {
        product_id: "P",
        device_name: "dev",
        device_secret: Secret(&keys[0]),
        app_id: 1,
        connection: "abcde",
        expiry: quasimodem_core::cloud::Tencent::NEVER,
        hash: quasimodem_core::cloud::Hash::Sha1,
    };
    let login = tencent.credentials().unwrap();
    let mut lab = broker(Cloud::Tencent, &registry, NOW);
    assert_eq!(knock(&mut lab, false, (&login.client_id, &login.username, &login.password.0)).1, "connack 0");
}

#[test]
fn certificates_are_given_where_the_product_has_them() {
    let open = Product { open: true, certificates: true, ..product(Cloud::Tencent, "P", "0123456789abcdef") };
    let mut endpoint = Endpoint::new(Api::Tencent, &registry(Some(open), None), NOW);
    for url in URLS {
        assert_eq!(register(&mut endpoint, url, "P", url.len().try_into().unwrap()), TencentRegistered::Certificate);
    }
}

#[test]
fn other_paths_and_methods() {
    let mut endpoint = Endpoint::new(Api::Tencent, &Registry::new(1), NOW);
    let host = [("Host", "gateway.tencentdevices.com")];
    assert_eq!(endpoint.post("/", &host, "{}").0, 404);
    let asked = crate::rig::request("GET", "/device/register", &host, "");
    assert_eq!(crate::rig::split(&endpoint.ask(asked.as_bytes()).bytes).0, 405);
}
