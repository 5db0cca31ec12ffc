//! What a failure of TLS means, told apart by all that is known of it.

use std::io::{self, ErrorKind};

use quasimodem_core::{TlsFailure, Why};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::names;
use super::witness::{ClientAuth, Notes};
use crate::resolve;

/// Why a handshake failed with the peer of this name.
pub(super) fn in_handshake(error: &io::Error, notes: &Notes, asked: &str) -> Why {
    match tls_error(error) {
        Some(Error::InvalidCertificate(error)) => Why::Tls(certificate(error, notes, asked)),
        Some(Error::AlertReceived(alert)) => Why::Tls(notes.alert(*alert, true)),
        Some(Error::PeerIncompatible(error)) => Why::Tls(incompatible(error)),
        Some(_) if !notes.speaks_tls() => Why::Tls(TlsFailure::NotTls(notes.first.as_slice().into())),
        Some(error) => Why::Tls(TlsFailure::Other(error.to_string().into())),
        None => match error.kind() {
            // A server that can't make sense of TLS drops the connection, and what it has not read resets it.
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Why::Tls(match notes.client_auth {
                _ if !notes.speaks_tls() => TlsFailure::NotTls(notes.first.as_slice().into()),
                // It got none, and not every server says that this is why it goes.
                ClientAuth::Missing => TlsFailure::ClientCertificateMissing,
                _ => TlsFailure::ClosedInHandshake { answered: !notes.first.is_empty() },
            }),
            _ => resolve::why(error),
        },
    }
}

/// Why a connection ended. With TLS 1.3 a server tells only now what it thinks of the client's certificate.
pub(super) fn after_handshake(error: &io::Error, notes: &Notes) -> Why {
    match tls_error(error) {
        Some(Error::AlertReceived(alert)) => Why::Tls(notes.alert(*alert, false)),
        Some(error) => Why::Tls(TlsFailure::Other(error.to_string().into())),
        // Without TLS's own farewell. MQTT knows where its packets end, so nothing can be cut off unseen.
        None if error.kind() == ErrorKind::UnexpectedEof => Why::Ended,
        None => resolve::why(error),
    }
}

impl Notes {
    /// Why a handshake that took too long did.
    pub(super) fn silent(&self) -> TlsFailure {
        if self.speaks_tls() { TlsFailure::TimedOut } else { TlsFailure::NotTls(self.first.as_slice().into()) }
    }

    /// Whether what came begins like a record: its type, and the major version that all of them have.
    fn speaks_tls(&self) -> bool {
        self.first.first().is_none_or(|kind| (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(kind))
            && self.first.get(1).is_none_or(|major| *major == 3)
    }

    fn alert(&self, alert: AlertDescription, in_handshake: bool) -> TlsFailure {
        use AlertDescription as A;
        let about_certificates = matches!(
            alert,
            A::NoCertificate
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
                | A::DecryptError
                | A::CertificateRequired
        );
        match self.client_auth {
            // TLS 1.2 has no alert of its own for it.
            ClientAuth::Missing if about_certificates || alert == A::HandshakeFailure => {
                TlsFailure::ClientCertificateMissing
            }
            ClientAuth::Sent if about_certificates => TlsFailure::ClientCertificateRefused(alert.into()),
            ClientAuth::Unusable if about_certificates || alert == A::HandshakeFailure => {
                TlsFailure::Other("server knows no signature that the client's key can make".into())
            }
            _ => match alert {
                A::CertificateRequired => TlsFailure::ClientCertificateMissing,
                A::ProtocolVersion => TlsFailure::NoCommonVersion,
                A::InsufficientSecurity => TlsFailure::NoCommonCipher,
                // The answer to what was offered, before anything else was said.
                A::HandshakeFailure if in_handshake && self.first.first() == Some(&ALERT) => TlsFailure::NoCommonCipher,
                _ => TlsFailure::Alert(alert.into()),
            },
        }
    }
}

fn certificate(error: &CertificateError, notes: &Notes, asked: &str) -> TlsFailure {
    let seconds = |time: &UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let subject = notes.name.as_deref().unwrap_or("somebody");
    // Nobody is named in one that can't be read.
    let whose = notes.name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let authority = notes.authority.as_deref().map(Into::into);
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            TlsFailure::Expired { authority, not_after: seconds(not_after), now: seconds(time) }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            TlsFailure::NotYetValid { authority, not_before: seconds(not_before), now: seconds(time) }
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let presented = match presented.as_slice() {
                [] => format!("no name ({subject} does not count)"),
                presented => names::list(presented),
            };
            TlsFailure::WrongName { asked: asked.into(), presented: presented.into() }
        }
        CertificateError::UnknownIssuer => TlsFailure::UnknownRoot(subject.into()),
        CertificateError::BadSignature => TlsFailure::UnknownRoot(
            format!("the one that signed {subject} has the name of a known one, and another key").into(),
        ),
        CertificateError::Other(error) => TlsFailure::Other(match error.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                format!("server shows the certificate of an authority as its own: {subject}").into()
            }
            Some(webpki::Error::UnsupportedCertVersion) => {
                "server certificate is of X.509 version 1, and only those of version 3 can be checked".into()
            }
            Some(webpki::Error::UnsupportedCriticalExtension) => {
                format!("server certificate{whose} has a critical extension that is not known").into()
            }
            _ => format!("server certificate{whose}: {error}").into(),
        }),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: algorithm, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: algorithm,
            ..
        } => TlsFailure::Other(
            format!("server certificate{whose} is signed with {}", names::signature(algorithm)).into(),
        ),
        CertificateError::BadEncoding => TlsFailure::Other(format!("server certificate{whose} can't be read").into()),
        error => TlsFailure::Other(format!("server certificate{whose}: {error}").into()),
    }
}

fn incompatible(error: &PeerIncompatible) -> TlsFailure {
    use PeerIncompatible as P;
    match error {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => TlsFailure::NoCommonVersion,
        P::NoCipherSuitesInCommon | P::NoKxGroupsInCommon | P::NoSignatureSchemesInCommon => TlsFailure::NoCommonCipher,
        error => TlsFailure::Other(Error::PeerIncompatible(error.clone()).to_string().into()),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Record types (RFC 8446 5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;
