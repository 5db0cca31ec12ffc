//! A broker with a cloud's gate, an endpoint, and the vectors.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Packet, parse_words};
use quasimodem_lab::broker::{Config, Effect, Input, Outbox, Peer};
use quasimodem_lab::cloud::http::{Api, Note, Server};
use quasimodem_lab::cloud::{Cloud, Device, Gate, Product, Registry};
use serde_json::Value;

use crate::harness::Lab;

/// When it is, unless a test says something else.
pub(crate) const NOW: i64 = 1_700_000_000;

/// The cases of a list of a file of vectors, so many.
pub(crate) fn vectors(cloud: &str, list: &str, count: usize) -> Vec<Value> {
    // Those of the core: both sides are held against the same SDKs.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../quasimodem-core/tests/vectors");
    let text = fs::read_to_string(path.join(cloud).with_extension("json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file[list].as_array().unwrap().clone();
    assert_eq!(cases.len(), count, "{cloud} {list}");
    cases
}

/// A field that is a text.
pub(crate) fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} in {case}"))
}

pub(crate) fn device(cloud: Cloud, product: &str, name: &str, secret: &str) -> Device {
    let (product, name, secret) = (product.into(), name.into(), secret.into());
    Device { cloud, product, name, secret, account: "".into(), allowed: true }
}

pub(crate) fn product(cloud: Cloud, key: &str, secret: &str) -> Product {
    Product { cloud, key: key.into(), secret: secret.into(), open: false, certificates: false }
}

/// A registry of this product and this device.
pub(crate) fn registry(product: Option<Product>, device: Option<Device>) -> Registry {
    let registry = Registry::new(1);
    product.into_iter().for_each(|product| registry.add_product(product).unwrap());
    device.into_iter().for_each(|device| registry.add_device(device).unwrap());
    registry
}

/// The broker of a cloud, at this time.
pub(crate) fn broker(cloud: Cloud, registry: &Registry, time: i64) -> Lab {
    let authority = Some(Arc::new(Gate::new(cloud, registry.clone())) as _);
    let mut lab = Lab::new(Config { authority, ..Config::default() });
    lab.handle(Input::Clock(time));
    lab
}

/// Who logs in: client id, user name, password.
pub(crate) type Login<'a> = (&'a str, &'a str, &'a str);

/// The fields of a case.
pub(crate) fn login(case: &Value) -> Login<'_> {
    (text(case, "clientid"), text(case, "username"), text(case, "password"))
}

/// Connects, over TLS if so, and gives the first answer.
pub(crate) fn knock(lab: &mut Lab, tls: bool, (client, user, password): Login<'_>) -> (Peer, String) {
    let peer = lab.connected();
    if tls {
        lab.handle(Input::Secured(peer));
    }
    lab.says(peer, &format!("connect {client:?} clean keepalive 0 user {user:?} password {password:?}"));
    let answer = lab.heard(peer).unwrap();
    if answer != "connack 0" {
        lab.hears(peer, &["closed"]);
    }
    (peer, answer)
}

/// What a login is answered, on a connection of its own to a cloud that knows this device only.
pub(crate) fn answer(device: &Device, product: Option<&Product>, time: i64, tls: bool, login: Login<'_>) -> String {
    let registry = registry(product.cloned(), Some(device.clone()));
    knock(&mut broker(device.cloud, &registry, time), tls, login).1
}

/// What the client is told next: topic and payload.
pub(crate) fn told(lab: &mut Lab, peer: Peer) -> (String, Vec<u8>) {
    let bytes = parse_words(&lab.heard(peer).unwrap()).unwrap();
    let Packet::Publish(publish) = Packet::decode(&bytes).unwrap() else { panic!("no PUBLISH") };
    (publish.topic.into(), publish.payload.into())
}

/// An endpoint and what it answers.
pub(crate) struct Endpoint {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    peers: u64,
    pub(crate) notes: Vec<String>,
}

/// What an endpoint sent since the last input, and whether it closed the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    pub(crate) closed: bool,
}

impl Endpoint {
    pub(crate) fn new(api: Api, registry: &Registry, time: i64) -> Endpoint {
        let server = Server::new(api, registry.clone());
        let mut endpoint = Endpoint { server, now: Instant::START, peers: 0, notes: Vec::new() };
        endpoint.handle(Input::Clock(time));
        endpoint
    }

    pub(crate) fn connect(&mut self) -> Peer {
        self.peers += 1;
        let peer = Peer(self.peers);
        self.handle(Input::Connected(peer));
        peer
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) -> Heard {
        let mut outbox = Outbox::<Note>::default();
        self.server.handle(self.now, input, &mut outbox);
        assert!(self.server.deadline().is_none_or(|deadline| deadline > self.now), "the deadline did not move");
        let mut heard = Heard { bytes: Vec::new(), closed: false };
        for effect in outbox.effects() {
            match effect {
                Effect::Send(_, bytes) => {
                    assert!(!heard.closed, "an answer behind the end");
                    heard.bytes.extend_from_slice(bytes);
                }
                Effect::Close(_) => heard.closed = true,
                Effect::Note(note) => self.notes.push(note.to_string()),
            }
        }
        heard
    }

    /// Brings bytes on a connection of their own.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Heard {
        let peer = self.connect();
        assert!(self.server.wants(peer));
        self.handle(Input::Received(peer, request))
    }

    /// Posts a body, and gives status and body of the answer, which is whole.
    pub(crate) fn post(&mut self, target: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let request = request("POST", target, headers, body);
        let Heard { bytes, closed } = self.ask(request.as_bytes());
        assert!(!closed, "closed: {}", String::from_utf8_lossy(&bytes));
        split(&bytes)
    }
}

/// A request as clients write it.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Status and body of an answer that tells its length.
pub(crate) fn split(answer: &[u8]) -> (u16, String) {
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    (status, body.into())
}
