//! What a failure of TLS means, told apart by all that is known of it.

use std::io::{self, ErrorKind};

use quasimodem_core::{TlsFailure, Why};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::witness::{ClientAuth, Notes};
use super::{names, words};
use crate::resolve;

/// Why a handshake failed with the peer of this name.
pub(super) fn in_handshake(error: &io::Error, notes: &Notes, asked: &str) -> TlsFailure {
    match words::library(error) {
        Some(Error::InvalidCertificate(error)) => certificate(error, notes, asked),
        Some(Error::AlertReceived(alert)) => notes.alert(*alert, true),
        Some(Error::PeerIncompatible(error)) => incompatible(error),
        Some(_) if !notes.speaks_tls() => TlsFailure::NotTls(notes.first.as_slice().into()),
        Some(error) => TlsFailure::Other(words::protocol(error).into()),
        None => match error.kind() {
            // A server that can't make sense of TLS drops the connection, and what it has not read resets it.
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::WriteZero => match notes.client_auth {
                _ if !notes.speaks_tls() => TlsFailure::NotTls(notes.first.as_slice().into()),
                // It got none, and not every server says that this is why it goes.
                ClientAuth::Missing => TlsFailure::ClientCertificateMissing,
                _ => TlsFailure::ClosedInHandshake { answered: !notes.first.is_empty() },
            },
            _ if is_buffer_full(error) => TlsFailure::Other(words::BUFFER_FULL.into()),
            // It is the handshake that did not come about, whatever happened to the network below it.
            _ => TlsFailure::Broken(resolve::why(error).to_string().into()),
        },
    }
}

/// Why a connection ended; `heard`: after something came over it. With TLS 1.3 a server says only now what it thinks of the
/// client's certificate.
pub(super) fn after_handshake(error: &io::Error, notes: &Notes, heard: bool) -> Why {
    match words::library(error) {
        Some(Error::AlertReceived(alert)) => Why::Tls(notes.alert(*alert, false)),
        Some(error) => Why::Tls(TlsFailure::Other(words::protocol(error).into())),
        None if is_buffer_full(error) => Why::Tls(TlsFailure::Other(words::BUFFER_FULL.into())),
        // Without TLS's own farewell. MQTT knows where its packets end, so nothing can be cut off unseen.
        None if error.kind() == ErrorKind::UnexpectedEof => ended(notes, heard),
        None => match resolve::why(error) {
            // The client's first packet may cross the alert of a server, and what it does not read resets the connection
            // before the alert is here.
            Why::Reset => notes.refused_silently(heard).unwrap_or(Why::Reset),
            why => why,
        },
    }
}

/// Why a connection was ended by the peer.
pub(super) fn ended(notes: &Notes, heard: bool) -> Why {
    notes.refused_silently(heard).unwrap_or(Why::Ended)
}

/// The library's buffer for the records of one message has an error without a type; no error of the system is of this kind.
fn is_buffer_full(error: &io::Error) -> bool {
    error.kind() == ErrorKind::InvalidData
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

    /// What a connection died of that ends before anything is heard: with TLS 1.3 the handshake of the client is over before
    /// the server looks at its certificate, and not every server says why it goes.
    fn refused_silently(&self, heard: bool) -> Option<Why> {
        let refused = !heard && self.is_13 && self.client_auth == ClientAuth::Missing;
        refused.then_some(Why::Tls(TlsFailure::ClientCertificateMissing))
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
            TlsFailure::WrongName { asked: names::asked(asked, &presented).into(), presented: presented.into() }
        }
        CertificateError::UnknownIssuer if notes.self_signed => TlsFailure::SelfSigned(subject.into()),
        CertificateError::UnknownIssuer => TlsFailure::UnknownRoot(subject.into()),
        CertificateError::BadSignature => TlsFailure::OtherRoot(subject.into()),
        CertificateError::Other(error) => match error.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) if notes.self_signed => TlsFailure::SelfSigned(subject.into()),
            Some(webpki::Error::CaUsedAsEndEntity) => {
                TlsFailure::Other(format!("server shows the certificate of an authority as its own: {subject}").into())
            }
            Some(error) => of_server(notes, words::x509(error)),
            None => {
                let whose = notes.name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
                TlsFailure::Other(format!("server certificate{whose}: {error}").into())
            }
        },
        error => of_server(notes, &words::certificate(error)),
    }
}

/// What the server's certificate is.
fn of_server(notes: &Notes, is: &str) -> TlsFailure {
    // Nobody is named in one that can't be read.
    let whose = notes.name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    TlsFailure::Other(format!("server certificate{whose} {is}").into())
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
        error => TlsFailure::Other(words::protocol(&Error::PeerIncompatible(error.clone())).into()),
    }
}

/// Record types (RFC 8446 5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;

#[cfg(test)]
mod tests;
