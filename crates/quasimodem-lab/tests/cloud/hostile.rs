//! Random bytes, and requests and logins that are almost right: nobody gets in, nothing panics, and memory is bounded.

use proptest::prelude::*;
use quasimodem_core::mqtt::{Connect, Packet};
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Outbox, Peer};
use quasimodem_lab::cloud::http::Api;
use quasimodem_lab::cloud::{Cloud, Gate, Registry, samples};
use std::sync::Arc;

use crate::rig::{Endpoint, NOW, request};

fn everybody() -> Registry {
    let registry = Registry::new(1);
    let (products, devices) = samples();
    products.into_iter().for_each(|product| registry.add_product(product).unwrap());
    devices.into_iter().for_each(|device| registry.add_device(device).unwrap());
    registry
}

/// A text of pieces that occur in logins, so that parsers get past their first steps.
fn login_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(
            &[
                "|",
                "&",
                "=",
                ",",
                ";",
                "_",
                "0",
                "1",
                "-2",
                "acon_",
                "thingidp@",
                "MD5",
                "SHA256",
                "hmacsha1",
                "signmethod=",
                "securemode=2",
                "securemode=3",
                "authType=register",
                "authType=connwl",
                "random=",
                "timestamp=",
                "2023111422",
                "res=",
                "et=",
                "method=md5",
                "sign=",
                "version=2018-10-31",
                "%2F",
                "%",
                "products",
                "meter",
                "newcomer",
                "a1labProduct",
                "LABPRODUCT",
                "labOneNet1",
                "labcore",
                "cu00labproduct00",
                "10001000",
                "tuya0123456789abcdef",
            ][..]
        )
        .prop_map(String::from),
        any::<char>().prop_filter("MQTT has none", |letter| *letter != '\0').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nobody_gets_in_without_a_secret(
        cloud in prop::sample::select(&Cloud::ALL[..]),
        client in login_text(), user in login_text(), password in login_text(), tls in any::<bool>(),
    ) {
        let authority = Some(Arc::new(Gate::new(cloud, everybody())) as _);
        let mut broker = Broker::new(Config { authority, ..Config::default() });
        let mut outbox = Outbox::default();
        let now = quasimodem_core::Instant::START;
        broker.handle(now, Input::Clock(NOW), &mut outbox);
        broker.handle(now, Input::Connected(Peer(1)), &mut outbox);
        if tls {
            broker.handle(now, Input::Secured(Peer(1)), &mut outbox);
        }
        let mut bytes = Vec::new();
        let connect = Connect {
            client_id: &client,
            clean_session: true,
            keep_alive: 0,
            will: None,
            user_name: Some(&user),
            password: Some(password.as_bytes()),
            level: Connect::LEVEL,
        };
        Packet::Connect(connect).encode(&mut bytes);
        broker.handle(now, Input::Received(Peer(1), &bytes), &mut outbox);
        let answer = outbox.effects().find_map(|effect| match effect {
            Effect::Send(_, bytes) => Some(bytes.to_vec()),
            _ => None,
        });
        // Amazon's certificate was checked in the handshake.
        let certificate = cloud == Cloud::Amazon && tls && !client.is_empty();
        prop_assert_eq!(answer.unwrap()[3] == 0, certificate);
    }

    #[test]
    fn any_bytes_are_answered_or_waited_for(
        tuya in any::<bool>(),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..8),
    ) {
        let api = if tuya { Api::Tuya } else { Api::Tencent };
        let mut endpoint = Endpoint::new(api, &everybody(), NOW);
        let peer = endpoint.connect();
        for chunk in chunks {
            if endpoint.server.wants(peer) {
                endpoint.handle(Input::Received(peer, &chunk));
            }
        }
    }

    #[test]
    fn requests_that_are_almost_right_give_nothing(
        tuya in any::<bool>(),
        path in prop::sample::select(&["/device/register", "/register/dev", "/v1/url_config", "/d.json", "/"][..]),
        query in "(\\?[a-z]{1,3}=[ -~&&[^ ]]{0,12}(&(a=tuya\\.device\\.active|et=1|t=1700000000|uuid=tuya0123456789abcdef|sign=[0-9a-f]{32})){0,5})?",
        names in prop::collection::vec(prop::sample::select(
            &["Host", "Connection", "X-TC-Algorithm", "X-TC-Timestamp", "X-TC-Nonce", "X-TC-Signature"][..],
        ), 0..8),
        value in prop::sample::select(&["", "hmacsha256", "1700000000", "a:b:c", "close", "AAAA"][..]),
        body in "(\\{(\"(ProductId|DeviceName|productId|deviceName|nonce|timestamp|signature|region|config)\":(\"[A-Z]{0,10}\"|1700000000|\\[\\]|null),?){0,6}\\}|data=[0-9A-F]{0,64}|[\\x00-\\x7f]{0,40})",
    ) {
        let api = if tuya { Api::Tuya } else { Api::Tencent };
        let mut endpoint = Endpoint::new(api, &everybody(), NOW);
        let headers: Vec<(&str, &str)> = names.into_iter().map(|name| (name, value)).collect();
        let heard = endpoint.ask(request("POST", &format!("{path}{query}"), &headers, &body).as_bytes());
        let answer = String::from_utf8(heard.bytes).unwrap();
        prop_assert!(answer.starts_with("HTTP/1.1 "));
        // Neither a key nor an activation.
        prop_assert!(!answer.to_ascii_lowercase().contains("\"payload\"") && !answer.contains("\"result\""));
    }
}
