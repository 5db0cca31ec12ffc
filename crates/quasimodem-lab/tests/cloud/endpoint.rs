//! HTTP/1.1 as the endpoints speak it (RFC 9112).

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_lab::broker::Input;
use quasimodem_lab::cloud::Registry;
use quasimodem_lab::cloud::http::{Api, PATIENCE, REQUEST_MAX};

use crate::rig::{Endpoint, Heard, NOW, split};

fn endpoint() -> Endpoint {
    Endpoint::new(Api::Tencent, &Registry::new(1), NOW)
}

const ASK: &str = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn requests_follow_each_other_on_a_connection() {
    let mut endpoint = endpoint();
    let peer = endpoint.connect();
    let Heard { bytes, closed } = endpoint.handle(Input::Received(peer, ASK.repeat(3).as_bytes()));
    assert_eq!((String::from_utf8(bytes).unwrap().matches("HTTP/1.1 404 Not Found").count(), closed), (3, false));
    assert_eq!(endpoint.notes.last().unwrap(), "GET /none on 1 answered with 404: no such path");
}

#[test]
fn silent_connections_make_room() {
    let mut endpoint = endpoint();
    let first = endpoint.connect();
    let second = endpoint.connect();
    endpoint.now = Instant::from_millis(10);
    endpoint.handle(Input::Received(first, b"GET"));
    for _ in 0..998 {
        endpoint.connect();
    }
    // The second one has been silent for longer than the first.
    assert_eq!(split(&endpoint.ask(ASK.as_bytes()).bytes).0, 404);
    assert!(endpoint.server.wants(first) && !endpoint.server.wants(second));
}

#[test]
fn requests_may_come_byte_by_byte() {
    let mut endpoint = endpoint();
    let peer = endpoint.connect();
    let request = "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let mut answers = Vec::new();
    for byte in request.bytes() {
        assert!(answers.is_empty());
        answers = endpoint.handle(Input::Received(peer, &[byte])).bytes;
    }
    assert_eq!(split(&answers).0, 404);
}

#[test]
fn connections_end_when_they_are_asked_to() {
    for (request, ends) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
    ] {
        let Heard { bytes, closed } = endpoint().ask(request.as_bytes());
        assert_eq!((split(&bytes).0, closed), (404, ends), "{request}");
        assert_eq!(String::from_utf8(bytes).unwrap().contains("Connection: close"), ends);
    }
}

#[test]
fn what_is_no_request_is_told_and_cut_off() {
    let long = "x".repeat(REQUEST_MAX);
    for (request, status) in [
        ("\r\n\r\n\r\nno request\r\n".into(), 400),
        ("GET / HTTP/2.0\r\n\r\n".into(), 505),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 411),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na".into(), 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 501),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", REQUEST_MAX + 1), 413),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {REQUEST_MAX}\r\n\r\n"), 413),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", "9".repeat(40)), 413),
        (format!("GET /{long} HTTP/1.1\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)), 431),
    ] {
        let Heard { bytes, closed } = endpoint().ask(request.as_bytes());
        assert_eq!((split(&bytes).0, closed), (status, true), "{}", &request[..request.len().min(80)]);
    }
}

#[test]
fn who_is_silent_is_cut_off() {
    let mut endpoint = endpoint();
    let peer = endpoint.connect();
    endpoint.now = Instant::START + (PATIENCE - Duration::from_millis(1));
    assert!(!endpoint.handle(Input::Received(peer, b"GET")).closed);
    assert_eq!(endpoint.server.deadline(), Some(endpoint.now + PATIENCE));
    endpoint.now = endpoint.now + PATIENCE;
    assert!(endpoint.handle(Input::Tick).closed);
    assert_eq!(endpoint.server.deadline(), None);
    assert!(!endpoint.server.wants(peer));
}
