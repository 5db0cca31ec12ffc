//! Servers that mean harm, or do not know what they do: the modem tells what it saw, and goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, WantsVerifier};

use crate::broker::Broker;
use crate::certificates::{Authority, Files};
use crate::tls::{closes, opens};
use crate::tls_failures::{Bench, peer};

#[test]
fn in_the_handshake() {
    type Act = fn(TcpStream);
    let without_a_word = "the peer ended the connection in the handshake without a word, perhaps it does not speak TLS";
    let cases: [(Act, &str, i16); 12] = [
        // A record of 64 KiB, where 16 are allowed, and one of a message of 16 MiB.
        (|stream| says(stream, b"\x16\x03\x03\xff\xff"), "the peer sent a record that is longer than TLS allows", -1),
        (
            |stream| says(stream, b"\x16\x03\x03\0\x04\x02\xff\xff\xff"),
            "the peer sent a handshake message of more than 64 KiB",
            -1,
        ),
        // One message of 12,000 bytes, each in a record of its own; and empty ones.
        (
            |stream| {
                let fragments = [b"\x02\0\x2e\xe0".as_slice(), &[0; 12_000]].concat();
                let records: Vec<u8> = fragments.iter().flat_map(|byte| [22, 3, 3, 0, 1, *byte]).collect();
                says(stream, &records);
            },
            "the peer sent a handshake message in so many records that they exceed 64 KiB",
            -1,
        ),
        (
            |stream| says(stream, &b"\x16\x03\x03\0\0".repeat(1000)),
            "the peer sent an empty record where none is allowed",
            -1,
        ),
        // An alert, in the clear as the first word of a server.
        (|stream| says(stream, b"\x15\x03\x03\0\x02\x02\x50"), "the peer sent an alert: internal error (80)", -108),
        // Warnings without end.
        (
            |stream| says(stream, &b"\x15\x03\x03\0\x02\x01\x70".repeat(1000)),
            "the peer sent one warning after the other",
            -1,
        ),
        // Data before there is a key, and the client's own words.
        (|stream| says(stream, b"\x17\x03\x03\0\x04data"), "the peer sent data where a handshake message was due", -1),
        (
            |mut stream| {
                let heard = hello(&mut stream);
                says(stream, &heard);
            },
            "the peer sent ClientHello where ServerHello or HelloRetryRequest was due",
            -1,
        ),
        // A broker without TLS that speaks first.
        (|stream| says(stream, b" \x02\0\0"), r"the peer does not speak TLS, it sent:  \x02\x00\x00", -105),
        // All the ways to go: politely, one way only, and with what came unread.
        (
            |mut stream| {
                hello(&mut stream);
                stream.write_all(b"\x15\x03\x03\0\x02\x01\0").unwrap();
            },
            "the peer ended the connection in the handshake",
            -106,
        ),
        (
            |mut stream| {
                stream.shutdown(Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            },
            without_a_word,
            -106,
        ),
        (|stream| drop(stream.peek(&mut [0])), without_a_word, -106),
    ];
    let authority = Authority::new("a private root");
    let broker = Broker::secured(&authority.sign(&["localhost"]), "");
    let mut bench = Bench::new(&authority);
    for (act, words, code) in cases {
        assert_eq!(bench.fails("localhost", peer(act), code), words);
    }
    opens(&mut bench.host, "localhost", broker.port());
    closes(&mut bench.host);
}

/// It begins like one, and then there is nothing more, which is not the same as nobody.
#[test]
fn a_server_that_stops_in_the_handshake() {
    let authority = Authority::new("a private root");
    let port = peer(|stream| says(stream, b"\x16\x03\x03\0\x50\x02\0"));
    assert_eq!(Bench::new(&authority).fails("localhost", port, -107), "the handshake did not end in time");
}

#[test]
fn after_the_handshake() {
    let authority = Authority::new("a private root");
    let files = authority.sign(&["localhost"]);
    let broker = Broker::secured(&files, "");
    let mut bench = Bench::new(&authority);
    for version in [4, 5] {
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        let unreadable: &[u8] = b"\x17\x03\x03\0\x20................................";
        for (bytes, words) in [
            (unreadable, "the peer sent a record that can't be decrypted"),
            (b"HTTP/1.1 400 Bad Request", "the peer sent something that is not TLS"),
        ] {
            let port = server(&files, move |_, stream| says(stream, bytes));
            assert_eq!(bench.fails("localhost", port, -1), words);
        }
        // It says goodbye, and keeps the connection.
        let port = server(&files, |mut connection, mut stream| {
            connection.send_close_notify();
            connection.write_tls(&mut stream).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        bench.host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{port},1,60,2"#));
        bench.host.expect("\r\n+MQTTOPEN: 1,0\r\n");
        bench.program.wait_for("client 1 not opened: ended by the peer");
        opens(&mut bench.host, "localhost", broker.port());
        closes(&mut bench.host);
    }
}

/// Not every server says that it goes for want of a certificate. With 1.2 it does so in the handshake.
#[test]
fn a_server_that_ends_silently_for_want_of_a_client_certificate() {
    let authority = Authority::new("a private root");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::new(default_provider()));
    let config = builder().with_client_cert_verifier(clients.build().unwrap());
    let config = config.with_cert_resolver(Arc::new(identity(&authority.sign(&["localhost"]))));
    let config = Arc::new(config);
    let mut bench = Bench::new(&authority);
    for version in [4, 5] {
        let config = config.clone();
        let port = peer(move |mut stream| {
            let mut connection = ServerConnection::new(config).unwrap();
            // Its alert is never written.
            while connection.read_tls(&mut stream).is_ok_and(|count| count > 0)
                && connection.process_new_packets().is_ok()
            {
                while connection.wants_write() {
                    connection.write_tls(&mut stream).unwrap();
                }
            }
        });
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        let words = bench.fails("localhost", port, -101);
        assert_eq!(words, "server wants a client certificate: CAFILE and KEYFILE are not both loaded");
    }
}

/// All that TLS allows: each byte of its handshake in a record of its own, as long as there is no key.
#[test]
fn a_server_that_writes_one_byte_a_record() {
    let authority = Authority::new("a private root");
    let files = authority.sign(&["localhost"]);
    let config = builder().with_no_client_auth().with_cert_resolver(Arc::new(identity(&files)));
    let config = Arc::new(config);
    let mut bench = Bench::new(&authority);
    for version in [4, 5] {
        let config = config.clone();
        let port = peer(move |mut stream| {
            let mut connection = ServerConnection::new(config).unwrap();
            while connection.is_handshaking() {
                while connection.wants_write() {
                    let mut records = Vec::new();
                    connection.write_tls(&mut records).unwrap();
                    stream.write_all(&in_small_pieces(&records)).unwrap();
                }
                connection.read_tls(&mut stream).unwrap();
                connection.process_new_packets().unwrap();
            }
            connection.complete_io(&mut stream).unwrap();
            connection.writer().write_all(b"\x20\x02\0\0").unwrap();
            connection.complete_io(&mut stream).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        opens(&mut bench.host, "localhost", port);
        closes(&mut bench.host);
    }
}

/// Records of the handshake anew, with a byte each; nothing is changed once records are encrypted.
fn in_small_pieces(mut records: &[u8]) -> Vec<u8> {
    let mut pieces = Vec::new();
    let mut plain = true;
    while let Some(([kind, major, minor, high, low], rest)) = records.split_first_chunk() {
        let (body, after) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        plain &= *kind == 22;
        if plain {
            pieces.extend(body.iter().flat_map(|byte| [*kind, *major, *minor, 0, 1, *byte]));
        } else {
            pieces.extend_from_slice(&records[..5 + body.len()]);
        }
        records = after;
    }
    pieces
}

/// A certificate is everybody's to show, but not its key.
#[test]
fn a_server_with_the_certificate_of_another() {
    let authority = Authority::new("a private root");
    let mut files = authority.sign(&["localhost"]);
    files.key = authority.directory().join("ca.key");
    let mut bench = Bench::new(&authority);
    for version in [4, 5] {
        bench.host.command(&format!("AT+GTSSLVER={version}"));
        let port = server(&files, |_, _| ());
        let words = bench.fails("localhost", port, -1);
        assert_eq!(words, "server certificate of CN=a test: its key did not sign the handshake");
    }
}

/// Waits for what the client begins with, and returns it.
fn hello(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = vec![0; 4096];
    let count = stream.read(&mut heard).unwrap();
    heard.truncate(count);
    heard
}

/// Says this, and waits for the client to go. It may be gone already.
fn says(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A TLS server for one connection: what it does after the handshake.
fn server(files: &Files, act: impl FnOnce(ServerConnection, TcpStream) + Send + 'static) -> u16 {
    let config = builder().with_no_client_auth().with_cert_resolver(Arc::new(identity(files)));
    peer(move |mut stream| {
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        act(connection, stream);
    })
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    config.with_safe_default_protocol_versions().unwrap()
}

/// A certificate and a key, whoever's they are.
fn identity(files: &Files) -> SingleCertAndKey {
    let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
    let key = any_supported_type(&PrivateKeyDer::from_pem_file(&files.key).unwrap()).unwrap();
    CertifiedKey::new(vec![certificate], key).into()
}
