//! `+MQTTAUTHDYN` over MQTT: Alibaba and Unicom.

use quasimodem_core::Secret;
use quasimodem_core::cloud::{ALIBABA_TOPIC, AlibabaRegistration, Unicom, UnicomAuth, unicom_topic};
use quasimodem_lab::broker::Peer;
use quasimodem_lab::cloud::{Cloud, Fault, Product, Registry};
use serde_json::Value;

use crate::harness::Lab;
use crate::rig::{NOW, broker, device, knock, login, product, registry, text, told, vectors};

fn json(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

#[test]
fn alibaba_tells_the_secret_unasked() {
    for case in vectors("alibaba", "registrations", 5) {
        let (key, name) = (text(&case, "productkey"), text(&case, "devicename"));
        let product = Product { open: true, ..product(Cloud::Alibaba, key, text(&case, "productsecret")) };
        let registry = registry(Some(product), Some(device(Cloud::Alibaba, key, name, "the secret")));
        let mut lab = broker(Cloud::Alibaba, &registry, NOW);
        assert_eq!(knock(&mut lab, false, login(&case)).1, "connack 4", "over TLS only");
        let (client, user, password) = login(&case);
        assert_eq!(knock(&mut lab, true, (&client.replace("random=", "random=9"), user, password)).1, "connack 4");
        assert_eq!(knock(&mut lab, true, (&client.replace("random=", "r="), user, password)).1, "connack 2");
        let (peer, answer) = knock(&mut lab, true, login(&case));
        assert_eq!(answer, "connack 0");
        let (topic, payload) = told(&mut lab, peer);
        if case["no_whitelist"] == 0 {
            assert_eq!(topic, ALIBABA_TOPIC);
            let due = format!(r#"{{"deviceName":"{name}","deviceSecret":"the secret","productKey":"{key}"}}"#);
            assert_eq!(String::from_utf8(payload).unwrap(), due);
        } else {
            assert_eq!(topic, "/ext/regnwl");
            let (told, token) = (json(&payload), format!("{key}.{name}|authType=connwl,securemode=-2,_ss=1|"));
            assert_eq!(text(&told, "clientId"), format!("{key}.{name}"));
            assert_eq!(knock(&mut lab, true, (&token, user, text(&told, "deviceToken"))).1, "connack 0");
            assert_eq!(knock(&mut lab, true, (&token, user, "another")).1, "connack 4");
            assert_eq!(knock(&mut lab, true, (&format!("x{token}"), user, text(&told, "deviceToken"))).1, "connack 2");
        }
        assert_eq!(knock(&mut lab, true, login(&case)).1, "connack 4", "replayed");
    }
}

/// Registers a device at Alibaba.
fn alibaba(lab: &mut Lab, name: &str, random: u32) -> (Peer, String) {
    let registration = AlibabaRegistration {
        product_key: "pk",
        product_secret: Secret("ps"),
        device_name: name,
        random,
        instance: None,
        listed: true,
    };
    let login = registration.credentials().unwrap();
    knock(lab, true, (&login.client_id, &login.username, &login.password.0))
}

#[test]
fn alibaba_thinks_of_a_secret_and_keeps_to_it() {
    let registry = registry(Some(product(Cloud::Alibaba, "pk", "ps")), Some(device(Cloud::Alibaba, "pk", "dn", "")));
    let mut lab = broker(Cloud::Alibaba, &registry, NOW);
    let secret = |lab: &mut Lab, random| {
        let (peer, answer) = alibaba(lab, "dn", random);
        assert_eq!(answer, "connack 0");
        text(&json(&told(lab, peer).1), "deviceSecret").to_owned()
    };
    let first = secret(&mut lab, 1);
    assert_eq!(first.len(), 32);
    assert_eq!(secret(&mut lab, 2), first);
    assert_eq!(alibaba(&mut lab, "unknown", 3).1, "connack 4", "only those on the list");
    registry
        .add_device(quasimodem_lab::cloud::Device { allowed: false, ..device(Cloud::Alibaba, "pk", "no", "") })
        .unwrap();
    assert_eq!(alibaba(&mut lab, "no", 4).1, "connack 5");
}

#[test]
fn a_registration_is_for_nothing_else() {
    let registry = registry(Some(product(Cloud::Alibaba, "pk", "ps")), Some(device(Cloud::Alibaba, "pk", "dn", "")));
    let mut lab = broker(Cloud::Alibaba, &registry, NOW);
    let (peer, _) = alibaba(&mut lab, "dn", 1);
    told(&mut lab, peer);
    lab.talks(peer, r##"subscribe #1 "#" q0 "/ext/register" q1"##, &["suback #1 128 1"]);
    lab.says(peer, r#"publish "/pk/dn/user/update" q0 "x""#);
    lab.hears(peer, &["closed"]);
    lab.noted("published to a topic that its session is not for");
}

const TYPES: [(bool, &str); 2] = [(true, "regist"), (false, "autoregist")];

fn unicom(lab: &mut Lab, name: &str, auth: UnicomAuth<'_>) -> (Peer, String) {
    let unicom = Unicom { device_id: "867000000000018", device_key: name, product_key: "pk", auth, operator: 0 };
    let login = unicom.credentials().unwrap();
    knock(lab, false, (&login.client_id, &login.username, &login.password.0))
}

fn unicom_registry() -> Registry {
    let product = Product { open: true, ..product(Cloud::Unicom, "pk", "ps") };
    registry(Some(product), Some(device(Cloud::Unicom, "pk", "known", "")))
}

#[test]
fn unicom_as_its_sdks_register() {
    let mut checked = 0;
    for case in vectors("unicom", "logins", 7) {
        if !matches!(case["authtype"].as_i64(), Some(1 | 2)) {
            continue;
        }
        let (key, name) = (text(&case, "productkey"), text(&case, "devicekey"));
        let product = Product { open: true, ..product(Cloud::Unicom, key, text(&case, "secret")) };
        let registry = registry(Some(product), Some(device(Cloud::Unicom, key, name, "")));
        let mut lab = broker(Cloud::Unicom, &registry, NOW);
        assert_eq!(knock(&mut lab, false, login(&case)).1, "connack 0");
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn unicom_tells_who_asks() {
    let registry = unicom_registry();
    let mut lab = broker(Cloud::Unicom, &registry, NOW);
    for (registered, kind) in TYPES {
        let name = if registered { "known" } else { "new" };
        let secret = Secret("ps");
        let auth = if registered { UnicomAuth::Registered(secret) } else { UnicomAuth::Unregistered(secret) };
        let (peer, answer) = unicom(&mut lab, name, auth);
        assert_eq!(answer, "connack 0");
        lab.hears(peer, &[]);
        let topic = unicom_topic("pk", name, registered);
        assert_eq!(topic, format!("$sys/pk/{name}/ext/{kind}"));
        lab.says(peer, &format!("subscribe #1 {topic:?} q1"));
        assert_eq!(lab.heard(peer).as_deref(), Some("suback #1 1"));
        let (told_topic, payload) = told(&mut lab, peer);
        assert_eq!(told_topic, topic);
        let (field, payload) = (if registered { "deviceSecret" } else { "token" }, json(&payload));
        assert_eq!((text(&payload, "productKey"), text(&payload, "deviceKey")), ("pk", name));
        // The device may say that it has it, and what it has lets it in.
        lab.talks(peer, &format!("publish {:?} q1 #7 \"{{}}\"", format!("{topic}_reply")), &["puback #7"]);
        lab.talks(peer, "puback #1", &[]);
        let secret = Secret(text(&payload, field));
        let auth = if registered { UnicomAuth::Device(secret) } else { UnicomAuth::Token(secret) };
        assert_eq!(unicom(&mut lab, name, auth).1, "connack 0");
    }
}

#[test]
fn unicom_refuses() {
    let registry = unicom_registry();
    let mut lab = broker(Cloud::Unicom, &registry, NOW);
    for auth in [
        UnicomAuth::Registered(Secret("wrong")),
        UnicomAuth::Unregistered(Secret("wrong")),
        UnicomAuth::Device(Secret("wrong")),
        UnicomAuth::Token(Secret("wrong")),
    ] {
        assert_eq!(unicom(&mut lab, "known", auth).1, "connack 4", "{auth:?}");
    }
    assert_eq!(unicom(&mut lab, "new", UnicomAuth::Registered(Secret("ps"))).1, "connack 4", "not on the list");
    // Who registers by one way hears nothing on the other, nor what is for another device.
    let (peer, _) = unicom(&mut lab, "known", UnicomAuth::Registered(Secret("ps")));
    lab.talks(peer, r#"subscribe #1 "$sys/pk/known/ext/autoregist" q1"#, &["suback #1 1"]);
    lab.talks(peer, r#"subscribe #2 "$sys/pk/new/ext/regist" q1"#, &["suback #2 128"]);
}

#[test]
fn announcements_are_spoiled() {
    let registry = registry(Some(product(Cloud::Alibaba, "pk", "ps")), Some(device(Cloud::Alibaba, "pk", "dn", "")));
    let mut lab = broker(Cloud::Alibaba, &registry, NOW);
    let mut random = 0;
    let mut register = |lab: &mut Lab, fault| {
        registry.spoil(fault, Some(1));
        random += 1;
        alibaba(lab, "dn", random).0
    };
    let peer = register(&mut lab, Fault::Silent);
    lab.hears(peer, &[]);
    let peer = register(&mut lab, Fault::Truncated(5));
    assert_eq!(told(&mut lab, peer).1, b"{\"dev");
    let peer = register(&mut lab, Fault::Garbage);
    assert!(serde_json::from_slice::<Value>(&told(&mut lab, peer).1).is_err());
    let peer = register(&mut lab, Fault::Slow(std::time::Duration::from_millis(1500)));
    lab.hears(peer, &[]);
    lab.passes(1499);
    lab.hears(peer, &[]);
    lab.passes(1);
    json(&told(&mut lab, peer).1);
    // One that left before is not waited for.
    let peer = register(&mut lab, Fault::Slow(std::time::Duration::from_millis(1500)));
    lab.gone(peer);
    lab.passes(2000);
    assert_eq!(lab.broker.deadline(), None);
}
