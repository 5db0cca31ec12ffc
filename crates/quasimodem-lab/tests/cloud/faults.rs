//! Answers that are spoiled on demand.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_lab::broker::Input;
use quasimodem_lab::cloud::http::Api;
use quasimodem_lab::cloud::{Fault, Registry};

use crate::rig::{Endpoint, Heard, NOW, split};

const ASK: &[u8] = b"POST /v1/url_config HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";

fn endpoint(fault: Fault) -> Endpoint {
    let registry = Registry::new(1);
    registry.spoil(fault, Some(1));
    Endpoint::new(Api::Tuya, &registry, NOW)
}

#[test]
fn a_slow_answer_comes_in_its_time() {
    let mut endpoint = endpoint(Fault::Slow(Duration::from_secs(2)));
    let peer = endpoint.connect();
    // Two requests at once: the second waits for the first.
    assert_eq!(endpoint.handle(Input::Received(peer, &ASK.repeat(2))).bytes, b"");
    assert!(!endpoint.server.wants(peer));
    endpoint.now = Instant::from_millis(1999);
    assert_eq!(endpoint.handle(Input::Tick).bytes, b"");
    assert_eq!(endpoint.server.deadline(), Some(Instant::from_millis(2000)));
    endpoint.now = Instant::from_millis(2000);
    let bytes = endpoint.handle(Input::Tick).bytes;
    assert_eq!(String::from_utf8(bytes).unwrap().matches("200 OK").count(), 2);
    assert!(endpoint.server.wants(peer));
}

#[test]
fn no_answer_comes_ever() {
    let mut endpoint = endpoint(Fault::Silent);
    assert_eq!(endpoint.ask(ASK), Heard { bytes: Vec::new(), closed: false });
    endpoint.now = endpoint.server.deadline().unwrap();
    assert_eq!(endpoint.handle(Input::Tick), Heard { bytes: Vec::new(), closed: true });
    assert_eq!(split(&endpoint.ask(ASK).bytes).0, 200, "once");
}

#[test]
fn an_answer_ends_too_soon() {
    let whole = Endpoint::new(Api::Tuya, &Registry::new(1), NOW).ask(ASK).bytes;
    for len in [0, 1, 20, whole.len() - 1] {
        let heard = endpoint(Fault::Truncated(len)).ask(ASK);
        assert_eq!(heard, Heard { bytes: whole[..len].to_vec(), closed: true });
    }
    assert_eq!(endpoint(Fault::Truncated(100_000)).ask(ASK), Heard { bytes: whole, closed: true });
}

#[test]
fn an_answer_comes_in_chunks() {
    let whole = split(&Endpoint::new(Api::Tuya, &Registry::new(1), NOW).ask(ASK).bytes).1;
    let heard = String::from_utf8(endpoint(Fault::Chunked).ask(ASK).bytes).unwrap();
    let (head, mut rest) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Transfer-Encoding: chunked") && !head.contains("Content-Length"), "{head}");
    let mut body = String::new();
    loop {
        let (len, behind) = rest.split_once("\r\n").unwrap();
        let (chunk, behind) = behind.split_at(usize::from_str_radix(len, 16).unwrap());
        body += chunk;
        rest = behind.strip_prefix("\r\n").unwrap();
        if chunk.is_empty() {
            break;
        }
    }
    assert_eq!((&*body, rest), (&*whole, ""));
}

#[test]
fn another_status_and_noise() {
    for status in [302, 404, 500, 503, 999] {
        let heard = endpoint(Fault::Status(status)).ask(ASK);
        assert_eq!((split(&heard.bytes), heard.closed), ((status, String::new()), false));
    }
    let heard = endpoint(Fault::Garbage).ask(ASK);
    assert!(heard.closed && heard.bytes.len() == 200 && !heard.bytes.starts_with(b"HTTP"), "{heard:?}");
}

#[test]
fn faults_are_used_up_in_order_or_never() {
    let registry = Registry::new(1);
    registry.spoil(Fault::Status(500), Some(2));
    registry.spoil(Fault::Status(503), None);
    let mut endpoint = Endpoint::new(Api::Tuya, &registry, NOW);
    let statuses: Vec<u16> = (0..4).map(|_| split(&endpoint.ask(ASK).bytes).0).collect();
    assert_eq!(statuses, [500, 500, 503, 503]);
    registry.spoil_nothing();
    registry.spoil(Fault::Silent, Some(0));
    assert_eq!(split(&endpoint.ask(ASK).bytes).0, 200);
    assert!(endpoint.notes[0].ends_with("spoiled: Status(500)"), "{}", endpoint.notes[0]);
}
