use std::sync::Arc;
use std::time::Duration;

use rustls::{InvalidMessage, OtherError, PeerMisbehaved};

use super::*;

const TIME: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));

/// As the TLS library's errors come out of a connection.
fn library(error: impl Into<Error>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error.into())
}

/// What comes out of one whose server began a handshake.
fn notes() -> Notes {
    Notes { first: vec![22, 3, 3], name: Some("CN=x".into()), ..Notes::default() }
}

/// What each failure of a handshake prints, read as somebody who never saw it. All have a negative number.
#[test]
fn every_failure_in_words() {
    let trust = "load it as TRUSTFILE or name it with --ca to trust it, or skip the check with AT+GTSSLMODE=0";
    let unknown = format!("unknown root: CN=x; {trust}");
    let of_itself = format!("server certificate is self-signed and not trusted: CN=x; {trust}");
    let of_certificate = |error: CertificateError| library(error);
    let of_check = |error: webpki::Error| of_certificate(CertificateError::Other(OtherError(Arc::new(error))));
    let presented = |names: &[&str]| {
        of_certificate(CertificateError::NotValidForNameContext {
            expected: "127.0.0.1".try_into().unwrap(),
            presented: names.iter().map(|name| (*name).to_owned()).collect(),
        })
    };
    let not_after = UnixTime::since_unix_epoch(Duration::from_secs(1_600_000_000));
    let expired = || of_certificate(CertificateError::ExpiredContext { time: TIME, not_after });
    let alert = |alert: AlertDescription| library(Error::AlertReceived(alert));
    let with = |change: fn(&mut Notes)| {
        let mut notes = notes();
        change(&mut notes);
        notes
    };
    let missing: fn(&mut Notes) = |notes| notes.client_auth = ClientAuth::Missing;
    let sent: fn(&mut Notes) = |notes| notes.client_auth = ClientAuth::Sent;
    let self_signed: fn(&mut Notes) = |notes| notes.self_signed = true;
    let system = io::Error::from_raw_os_error;
    let gone = "the peer ended the connection in the handshake";
    let table: Vec<(io::Error, Notes, i16, &str)> = vec![
        // Certificates.
        (
            expired(),
            notes(),
            -10,
            "server certificate expired 2020-09-13 12:26:40 UTC, the clock says 2023-11-14 22:13:20 UTC",
        ),
        (
            expired(),
            with(|notes| notes.authority = Some("CN=between".into())),
            -10,
            "certificate of CN=between in the server's chain expired 2020-09-13 12:26:40 UTC, the clock says 2023-11-14 \
             22:13:20 UTC",
        ),
        (
            of_certificate(CertificateError::NotValidYetContext { time: not_after, not_before: TIME }),
            notes(),
            -9,
            "server certificate not valid before 2023-11-14 22:13:20 UTC, the clock says 2020-09-13 12:26:40 UTC",
        ),
        (of_certificate(CertificateError::Expired), notes(), -1, "server certificate of CN=x ends before it begins"),
        (of_certificate(CertificateError::BadEncoding), Notes::default(), -1, "server certificate can't be read"),
        (of_certificate(CertificateError::UnknownIssuer), notes(), -19, &unknown),
        (of_certificate(CertificateError::UnknownIssuer), with(self_signed), -18, &of_itself),
        (of_check(webpki::Error::CaUsedAsEndEntity), with(self_signed), -18, &of_itself),
        (
            of_check(webpki::Error::CaUsedAsEndEntity),
            notes(),
            -1,
            "server shows the certificate of an authority as its own: CN=x",
        ),
        (
            of_certificate(CertificateError::BadSignature),
            notes(),
            -19,
            "unknown root: the one that signed CN=x has the name of a trusted one, and another key",
        ),
        (
            of_check(webpki::Error::MaximumPathDepthExceeded),
            notes(),
            -1,
            "server certificate of CN=x has more than 6 authorities between it and a root, or they go in a circle",
        ),
        (
            presented(&["DnsName(\"127.0.0.1\")"]),
            notes(),
            -62,
            "server certificate is for DNS name 127.0.0.1, not for IP address 127.0.0.1",
        ),
        (
            presented(&["DnsName(\"a.example\")", "IpAddress(10.0.0.1)"]),
            notes(),
            -62,
            "server certificate is for a.example, 10.0.0.1, not for 127.0.0.1",
        ),
        (presented(&[]), notes(), -62, "server certificate is for no name (CN=x does not count), not for 127.0.0.1"),
        // Client certificates.
        (
            alert(AlertDescription::HandshakeFailure),
            with(missing),
            -101,
            "server wants a client certificate: CAFILE and KEYFILE are not both loaded",
        ),
        (
            alert(AlertDescription::UnknownCA),
            with(sent),
            -102,
            "server refused the client certificate: unknown CA (48)",
        ),
        // What both can do.
        (
            library(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            notes(),
            -103,
            "no TLS version in common, AT+GTSSLVER sets those on offer",
        ),
        (
            alert(AlertDescription::ProtocolVersion),
            notes(),
            -103,
            "no TLS version in common, AT+GTSSLVER sets those on offer",
        ),
        (
            library(PeerIncompatible::NoCipherSuitesInCommon),
            notes(),
            -104,
            "no cipher suite or signature algorithm in common",
        ),
        (
            alert(AlertDescription::HandshakeFailure),
            with(|notes| notes.first = vec![21, 3, 3]),
            -104,
            "no cipher suite or signature algorithm in common",
        ),
        (
            library(PeerIncompatible::ExtendedMasterSecretExtensionRequired),
            notes(),
            -1,
            "the peer lacks the extended master secret (RFC 7627)",
        ),
        // Alerts.
        (alert(AlertDescription::HandshakeFailure), notes(), -108, "the peer sent an alert: handshake failure (40)"),
        (alert(AlertDescription::Unknown(200)), notes(), -108, "the peer sent an alert: 200"),
        // What is no TLS, or bad TLS.
        (
            library(InvalidMessage::InvalidContentType),
            with(|notes| notes.first = b"HTTP/1.1".to_vec()),
            -105,
            "the peer does not speak TLS, it sent: HTTP/1.1",
        ),
        (
            library(InvalidMessage::MessageTooLarge),
            notes(),
            -1,
            "the peer sent a record that is longer than TLS allows",
        ),
        (
            library(PeerMisbehaved::TooManyRenegotiationRequests),
            notes(),
            -1,
            "the peer asked for renegotiation again and again",
        ),
        (
            io::Error::new(ErrorKind::InvalidData, "message buffer full"),
            notes(),
            -1,
            "the peer sent a handshake message in so many records that they exceed 64 KiB",
        ),
        // How connections end.
        (ErrorKind::UnexpectedEof.into(), notes(), -106, gone),
        (system(104), notes(), -106, gone),
        (system(32), notes(), -106, gone),
        (ErrorKind::WriteZero.into(), notes(), -106, gone),
        (
            system(104),
            Notes::default(),
            -106,
            "the peer ended the connection in the handshake without a word, perhaps it does not speak TLS",
        ),
        (system(104), with(missing), -101, "server wants a client certificate: CAFILE and KEYFILE are not both loaded"),
        (system(113), notes(), -106, "the connection broke in the handshake: peer unreachable"),
        (system(110), notes(), -106, "the connection broke in the handshake: peer does not answer"),
        (system(5), notes(), -106, "the connection broke in the handshake: Input/output error (5)"),
    ];
    for (error, notes, code, words) in table {
        let failure = in_handshake(&error, &notes, "127.0.0.1");
        assert_eq!((failure.code(), failure.to_string().as_str()), (code, words), "{error:?}");
        assert!(Why::Tls(failure).to_string().starts_with("TLS: "));
    }
    // Those that are no errors of a handshake.
    for (failure, code, words) in [
        (TlsFailure::TimedOut, -107, "the handshake did not end in time"),
        (TlsFailure::BadProfile("it is empty".into()), -109, "certificate or key unusable: it is empty"),
        (TlsFailure::NoRoots("there are none".into()), -109, "no trusted roots: there are none"),
    ] {
        assert_eq!((failure.code(), failure.to_string().as_str()), (code, words));
    }
}

/// No alert is a bare number, as long as the library has a name for it.
#[test]
fn alerts_by_name() {
    for number in 0..=u8::MAX {
        let alert = AlertDescription::from(number);
        let words = TlsFailure::Alert(number).to_string();
        assert_eq!(alert.as_str().is_some(), words.ends_with(&format!(" ({number})")), "{words}");
    }
}

#[test]
fn ends_after_the_handshake() {
    let why = |error: io::Error, notes: &Notes, heard| after_handshake(&error, notes, heard).to_string();
    let reset = || io::Error::from_raw_os_error(104);
    let usual = Notes { is_13: true, ..notes() };
    assert_eq!(why(reset(), &usual, false), "reset by the peer");
    assert_eq!(why(ErrorKind::UnexpectedEof.into(), &usual, false), "ended by the peer");
    let full = io::Error::new(ErrorKind::InvalidData, "message buffer full");
    assert_eq!(why(full, &usual, true), format!("TLS: {}", words::BUFFER_FULL));
    let record = library(Error::DecryptError);
    assert_eq!(why(record, &usual, true), "TLS: the peer sent a record that can't be decrypted");
    let alert = library(Error::AlertReceived(AlertDescription::InternalError));
    assert_eq!(why(alert, &usual, true), "TLS: the peer sent an alert: internal error (80)");
    // A server of TLS 1.3 that wanted a certificate may go without a word. Once it has spoken it is for another reason.
    let missing = Notes { client_auth: ClientAuth::Missing, ..usual };
    let words = "TLS: server wants a client certificate: CAFILE and KEYFILE are not both loaded";
    for error in [reset(), ErrorKind::UnexpectedEof.into()] {
        assert_eq!(why(error, &missing, false), words);
    }
    assert_eq!(ended(&missing, false).to_string(), words);
    assert_eq!(ended(&missing, true), Why::Ended);
    assert_eq!(why(reset(), &missing, true), "reset by the peer");
    // With 1.2 it would not have come so far.
    let missing = Notes { is_13: false, ..missing };
    assert_eq!(ended(&missing, false), Why::Ended);
}

/// What a server writes into its certificate can't make a line that `AT+CEER` may not print (27.007 6.10).
#[test]
fn words_of_others_are_short() {
    let name = format!("DnsName(\"{}\")", "\u{10ffff}\"\r\n".repeat(10_000));
    let error = CertificateError::NotValidForNameContext {
        expected: "a.example".try_into().unwrap(),
        presented: vec![name; 1000],
    };
    let said = Why::Tls(in_handshake(&library(error), &notes(), &"a".repeat(255))).to_string();
    assert!(said.len() <= 2041, "{}", said.len());
}
