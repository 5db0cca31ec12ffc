//! Tuya: a device is taken, activated, logs in, and is removed.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::Secret;
use quasimodem_core::cloud::tuya::{Activated, Activation, Frame, FrameKey, bind_token, bind_topic, device_topics};
use quasimodem_core::cloud::{BadAnswer, TuyaBind, TuyaDevice};
use quasimodem_lab::broker::{Effect, Input, Note, Outbox, Peer};
use quasimodem_lab::cloud::http::Api;
use quasimodem_lab::cloud::{Cloud, Registry, Timing};
use serde_json::Value;

use crate::harness::Lab;
use crate::rig::{Endpoint, NOW, broker, device, knock, registry, text, told, vectors};

const HOST: (&str, &str) = ("Host", "a2.tuyacn.com");
const UUID: &str = "tuya0123456789abcdef";
const AUTH_KEY: &str = "0123456789abcdefghijklmnopqrstuv";

fn lab_device() -> Registry {
    registry(None, Some(device(Cloud::Tuya, "pk", UUID, AUTH_KEY)))
}

/// Binds: what the broker tells, opened.
fn bind(lab: &mut Lab) -> (Peer, String) {
    let login = TuyaBind { uuid: UUID, auth_key: Secret(AUTH_KEY) }.credentials().unwrap();
    let (peer, answer) = knock(lab, true, (&login.client_id, &login.username, &login.password.0));
    assert_eq!(answer, "connack 0");
    (peer, bind_topic(UUID))
}

fn token(lab: &mut Lab, peer: Peer) -> String {
    let (topic, payload) = told(lab, peer);
    assert_eq!(topic, bind_topic(UUID));
    let key = FrameKey::new("authkey", Secret(AUTH_KEY)).unwrap();
    let token = bind_token(&Frame::decode(&payload, &key).unwrap().data.0).unwrap().unwrap();
    assert_eq!((&*token.region, &*token.environment), ("AY", "pro"));
    token.token.0
}

fn activate(endpoint: &mut Endpoint, token: &str, product_key: &str, timestamp: i64) -> Result<Activated, BadAnswer> {
    let activation =
        Activation { token: Secret(token), product_key, uuid: UUID, auth_key: Secret(AUTH_KEY), timestamp };
    let request = activation.request("a2.tuyacn.com").unwrap();
    let (status, body) = endpoint.post(&request.target, &[HOST], &request.body);
    assert_eq!(status, 200);
    activation.answer(body.as_bytes())
}

#[test]
fn from_the_box_to_the_bin() {
    let registry = lab_device();
    let mut lab = broker(Cloud::Tuya, &registry, NOW);
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    let (peer, topic) = bind(&mut lab);
    lab.says(peer, &format!("subscribe #1 {topic:?} q1"));
    assert_eq!(lab.heard(peer).as_deref(), Some("suback #1 1"));
    let token = token(&mut lab, peer);
    assert!(token.len() <= 8 && token.starts_with("AY"), "{token}");
    lab.says(peer, "puback #1");
    lab.talks(peer, "disconnect", &["closed"]);

    let Activated { device_id, secret_key, local_key } = activate(&mut endpoint, &token, "pk", NOW).unwrap();
    let refused = activate(&mut endpoint, &token, "pk", NOW).unwrap_err();
    assert!(matches!(refused, BadAnswer::Refused(code, _) if code == "TOKEN_EXPIRE"), "a token is for once");

    let login = TuyaDevice { device_id: &device_id, secret_key: Secret(&secret_key.0) }.credentials().unwrap();
    let login = (&*login.client_id, &*login.username, &*login.password.0);
    assert_eq!(knock(&mut lab, true, (login.0, login.1, "0123456789abcdef")).1, "connack 4");
    let (peer, answer) = knock(&mut lab, true, login);
    assert_eq!(answer, "connack 0");
    let (listens, _) = device_topics(&device_id);
    lab.talks(peer, &format!("subscribe #1 {listens:?} q1"), &["suback #1 1"]);

    let announcement = registry.unbind(&device_id, NOW).unwrap();
    let (now, mut outbox) = (lab.now, Outbox::default());
    assert!(lab.broker.tell(now, &device_id, announcement, &mut outbox));
    let removal = outbox.effects().find_map(|effect| match effect {
        quasimodem_lab::broker::Effect::Send(_, bytes) => Some(bytes.to_vec()),
        _ => None,
    });
    // What it says may be a secret, so that nobody is told but of its size.
    let is_shown = |effect: Effect<'_>| matches!(effect, Effect::Note(Note::Delivered { .. }));
    assert!(!outbox.effects().any(is_shown), "{outbox:?}");
    let key = FrameKey::new("localKey", Secret(&local_key.0)).unwrap();
    let at = removal.as_ref().unwrap().windows(3).position(|bytes| bytes == b"2.2").unwrap();
    let data: Value = serde_json::from_slice(&Frame::decode(&removal.unwrap()[at..], &key).unwrap().data.0).unwrap();
    assert_eq!((&data["protocol"], &data["data"]["gwId"]), (&11.into(), &Value::from(device_id.as_str())));
    assert_eq!(knock(&mut lab, true, login).1, "connack 4", "it is nobody's now");
}

#[test]
fn a_user_takes_his_time() {
    let registry = lab_device();
    registry.set_timing(Timing { scan: Some(Duration::from_secs(5)), unbind: None });
    let mut lab = broker(Cloud::Tuya, &registry, NOW);
    let (peer, topic) = bind(&mut lab);
    lab.talks(peer, &format!("subscribe #1 {topic:?} q1"), &["suback #1 1"]);
    lab.passes(4999);
    lab.hears(peer, &[]);
    lab.passes(1);
    token(&mut lab, peer);
    lab.says(peer, "puback #1");
    lab.talks(peer, "disconnect", &["closed"]);

    registry.set_timing(Timing { scan: None, unbind: None });
    let (peer, topic) = bind(&mut lab);
    lab.talks(peer, &format!("subscribe #1 {topic:?} q1"), &["suback #1 1"]);
    lab.passes(1_000_000);
    lab.hears(peer, &[]);
    lab.talks(peer, r#"subscribe #1 "d/ai/another" q1"#, &["suback #1 128"]);
    // Now.
    let announcement = registry.scan(UUID, "EU123456", NOW).unwrap();
    assert_eq!(registry.scan("nobody", "EU123456", NOW), None);
    assert_eq!(registry.scan(UUID, "XX123456", NOW), None);
    assert_eq!(&*announcement.topic, &*topic);
    let now = lab.now;
    assert!(!lab.broker.tell(now, "nobody", announcement, &mut Outbox::default()));
}

#[test]
fn a_removed_device_hears_of_it_and_stays_out() {
    let registry = lab_device();
    registry.set_timing(Timing { scan: Some(Duration::ZERO), unbind: Some(Duration::from_secs(1)) });
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    registry.scan(UUID, "AY123456", NOW).unwrap();
    let Activated { device_id, secret_key, .. } = activate(&mut endpoint, "AY123456", "pk", NOW).unwrap();
    let login = TuyaDevice { device_id: &device_id, secret_key: Secret(&secret_key.0) }.credentials().unwrap();
    let login = (&*login.client_id, &*login.username, &*login.password.0);
    let mut lab = broker(Cloud::Tuya, &registry, NOW);
    let (peer, _) = knock(&mut lab, true, login);
    lab.talks(peer, &format!("subscribe #1 {:?} q1", device_topics(&device_id).0), &["suback #1 1"]);
    lab.passes(999);
    assert_eq!(knock(&mut lab, true, ("x", "x", "")).1, "connack 4");
    lab.passes(1);
    assert_eq!(told(&mut lab, peer).0, device_topics(&device_id).0);
    assert_eq!(knock(&mut lab, true, login).1, "connack 4");
    assert_eq!(registry.unbind(&device_id, NOW), None);
}

#[test]
fn activations_of_the_sdk() {
    for case in vectors("tuya", "activations", 5) {
        let (uuid, key, time) = (text(&case, "uuid"), text(&case, "authkey"), case["timestamp"].as_i64().unwrap());
        let token = text(&case, "token");
        let registry = registry(None, Some(device(Cloud::Tuya, text(&case, "productkey"), uuid, key)));
        let mut endpoint = Endpoint::new(Api::Tuya, &registry, time);
        let target = text(&case, "request").split_once(":443").unwrap().1;
        let activation = Activation {
            token: Secret(token),
            product_key: text(&case, "productkey"),
            uuid,
            auth_key: Secret(key),
            timestamp: time,
        };
        let answer = |endpoint: &mut Endpoint| {
            activation.answer(endpoint.post(target, &[HOST], text(&case, "body")).1.as_bytes())
        };
        assert!(matches!(answer(&mut endpoint), Err(BadAnswer::Refused(code, _)) if code == "TOKEN_EXPIRE"));
        // AZ, EU … as in the cases.
        registry.scan(uuid, token, time).unwrap();
        let activated = answer(&mut endpoint).unwrap();
        assert_eq!(activated.device_id.len(), "6c95875d0f5ba69607nzfl".len());
        assert_eq!((activated.secret_key.0.len(), activated.local_key.0.len()), (16, 16));
    }
}

#[test]
fn activations_are_refused() {
    let registry = lab_device();
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    let mut code = |token, product, time, due: &str| {
        registry.scan(UUID, "AY123456", NOW).unwrap();
        match activate(&mut endpoint, token, product, time) {
            Err(BadAnswer::Refused(code, _)) => assert_eq!(code, due),
            other => panic!("{other:?}"),
        }
    };
    code("AY654321", "pk", NOW, "TOKEN_EXPIRE");
    code("AY123456", "another", NOW, "PRODUCT_NOT_MATCH");
    code("AY123456", "pk", NOW + 601, "TIME_INVALID");
    // Who waits for ten minutes waits no longer.
    endpoint.now = Instant::from_millis(601_000);
    registry.scan(UUID, "AY123456", NOW).unwrap();
    let refused = activate(&mut endpoint, "AY123456", "pk", NOW + 601).unwrap_err();
    assert!(matches!(refused, BadAnswer::Refused(code, _) if code == "TOKEN_EXPIRE"));
}

#[test]
fn requests_are_checked() {
    let registry = lab_device();
    registry.scan(UUID, "AY123456", NOW).unwrap();
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    let activation = Activation {
        token: Secret("AY123456"),
        product_key: "pk",
        uuid: UUID,
        auth_key: Secret(AUTH_KEY),
        timestamp: NOW,
    };
    let request = activation.request("a2.tuyacn.com").unwrap();
    let (target, body) = (&request.target, &request.body);
    for (target, body, code) in [
        (target.replace(UUID, "nobody"), body.clone(), "ILLEGAL_CLIENT_ID"),
        (target.replace("v=4.4", "v=4.5"), body.clone(), "SIGN_INVALID"),
        (target.replace("v=4.4", "v=4.4&v=4.4"), body.clone(), "ILLEGAL_PARAM"),
        (target.replace("sign=", "sign=0"), body.clone(), "SIGN_INVALID"),
        (target.clone(), body.replace("data=", "data=00"), "ILLEGAL_PARAM"),
        (target.clone(), body.replace("data=", ""), "ILLEGAL_PARAM"),
        (target.clone(), String::new(), "ILLEGAL_PARAM"),
    ] {
        let (status, answer) = endpoint.post(&target, &[HOST], &body);
        assert_eq!((status, answer.contains(code)), (200, true), "{code}: {answer}");
    }
    // Signed, but with a time that is none.
    let soon =
        format!("/d.json?a=tuya.device.active&et=1&t=soon&uuid={UUID}&v=4.4&sign=aa1ac6a6f3da0842bc5da4378e94ccd4");
    let refused = activation.answer(endpoint.post(&soon, &[HOST], body).1.as_bytes()).unwrap_err();
    assert!(matches!(&refused, BadAnswer::Refused(code, _) if code == "TIME_INVALID"), "{refused}");
    assert!(activation.answer(endpoint.post(target, &[HOST], body).1.as_bytes()).is_ok());
}

#[test]
fn hosts_are_told_by_region() {
    let registry = lab_device();
    registry.set_root(b"a root");
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    let mut ask = |region: &str| {
        let body = format!(
            "{{\"config\":[{{\"key\":\"httpsSelfUrl\",\"need_ca\":true}},{{\"key\":\"mqttsSelfUrl\",\"need_ca\":true}}],\
             \"region\":\"{region}\",\"env\":\"pro\"}}"
        );
        endpoint.post("/v1/url_config", &[("Host", "h2.iot-dns.com")], &body)
    };
    let (status, answer) = ask("EU");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 200);
    assert_eq!(answer["httpsSelfUrl"]["addr"], "https://a2.tuyaeu.com/d.json");
    assert_eq!(answer["mqttsSelfUrl"]["addr"], "m2.tuyaeu.com:8883");
    assert_eq!(answer["caArr"][0], "YSByb290");
    assert_eq!(ask("XX").0, 400);
    assert_eq!(endpoint.post("/v1/url_config", &[HOST], "no JSON").0, 400);
    assert_eq!(endpoint.post("/v1/other", &[HOST], "{}").0, 404);
    assert_eq!(endpoint.handle(Input::Tick).bytes, b"");
}
