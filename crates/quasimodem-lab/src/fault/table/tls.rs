//! Faults of TLS, as the modem sees them: the handshake is not made, and fails as one that was would.

use std::time::Duration;

use quasimodem_core::{TlsFailure, Why};

use super::super::row::{Act, Attempt, Layer, Row};
use super::links::CONNECTS;
use crate::flat::{Key, Kind, Values};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "tls-verdict",
        layer: Layer::Link,
        summary: "TLS does not come about: +MQTTOPEN: 1,0, CEER 3 says why, and AT+GTSSLERR? its number. AT+GTSSLMODE=0 skips what is about certificates.",
        params: &[
            Key {
                key: "kind",
                kind: Kind::Word(&["expired", "not-yet", "name", "root", "client-cert", "alert", "plain"]),
                default: "expired",
                meaning: "The certificate has expired, is not valid yet, is for another name, or its root is unknown; the server wants one of the client, sends an alert, or speaks no TLS.",
            },
            Key {
                key: "alert",
                kind: Kind::Number(1, 255),
                default: "40",
                meaning: "Which alert (RFC 8446 6): 40 is handshake_failure.",
            },
        ],
        matches: CONNECTS,
        act: Act::Handshakes(verdict),
        example: "tls-verdict kind=expired times=1",
        source: "certificates and roots that changed: azure-iot-sdk-c#1656, sensors-software#1015; clocks: esp-at#432",
    },
    Row {
        name: "tls-cut",
        layer: Layer::Link,
        summary: "The handshake of TLS breaks off, GTSSLERR -106, or stalls until 4.75 s are over, -107.",
        params: &[Key {
            key: "how",
            kind: Kind::Word(&["close", "reset", "stall"]),
            default: "close",
            meaning: "The peer ends the connection, resets it, or says nothing more.",
        }],
        matches: CONNECTS,
        act: Act::Handshakes(|values, _| {
            Some(match values.text("how") {
                Some("stall") => (STALL, Why::Tls(TlsFailure::TimedOut)),
                Some("reset") => (Duration::ZERO, Why::Tls(TlsFailure::Broken("reset by the peer".into()))),
                _ => (Duration::ZERO, Why::Tls(TlsFailure::ClosedInHandshake { answered: true })),
            })
        }),
        example: "tls-cut how=stall times=1",
        source: "servers that give up under load, and middle boxes",
    },
];

/// So long a driver waits for a handshake: the modem gives up after 5 s (manual 1.2).
const STALL: Duration = Duration::from_millis(4750);

/// Seconds of a day: so far a certificate is from its time.
const DAY: i64 = 86_400;

fn verdict(values: &Values, attempt: &Attempt<'_>) -> Option<(Duration, Why)> {
    let now = attempt.clock.unwrap_or_default();
    let failure = match values.text("kind").unwrap_or_default() {
        "client-cert" => TlsFailure::ClientCertificateMissing,
        "alert" => TlsFailure::Alert(values.byte("alert")),
        "plain" => TlsFailure::NotTls((*b"HTTP/1.1 400 Bad").into()),
        _ if !attempt.verifies => return None,
        "not-yet" => TlsFailure::NotYetValid { authority: None, not_before: now.saturating_add(DAY), now },
        "name" => TlsFailure::WrongName { asked: attempt.host.into(), presented: "another.example".into() },
        "root" => TlsFailure::UnknownRoot("a root that a fault names".into()),
        _ => TlsFailure::Expired { authority: None, not_after: now.saturating_sub(DAY), now },
    };
    Some((Duration::ZERO, Why::Tls(failure)))
}
