//! What becomes of one handshake: all that rustls sees and does not put into its errors.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::{PROVIDER, Template, names};

/// Stands between one connection and its template, and takes notes.
pub(super) struct Witness {
    template: Arc<Template>,
    notes: Mutex<Notes>,
}

/// What was seen.
#[derive(Clone, Default)]
pub(super) struct Notes {
    /// The first bytes that the peer sent.
    pub(super) first: Vec<u8>,
    pub(super) client_auth: ClientAuth,
    /// The name in the certificate that was refused that says most: of the issuer that nobody knows, or of the subject.
    pub(super) name: Option<String>,
    /// The certificate that was refused is signed with its own key.
    pub(super) self_signed: bool,
    /// What was agreed on is TLS 1.3.
    pub(super) is_13: bool,
    /// The authority in the server's chain whose dates don't hold, while those of the server's own certificate do.
    pub(super) authority: Option<String>,
}

/// Whether the server asked for a client certificate, and got one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum ClientAuth {
    #[default]
    NotAsked,
    /// None is loaded.
    Missing,
    /// One is loaded, and the server does not know such signatures.
    Unusable,
    Sent,
}

impl Witness {
    pub(super) fn new(template: Arc<Template>) -> Witness {
        Witness { template, notes: Mutex::default() }
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whose certificate a verdict is about.
    fn name_if_bad<T>(&self, certificate: &CertificateDer<'_>, verdict: Result<T, Error>) -> Result<T, Error> {
        if verdict.is_err() {
            self.notes().name = names::subject(certificate);
        }
        verdict
    }
}

/// Shows nothing: rustls wants it, and nobody should print keys.
impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = &self.template.verifier;
        let verdict = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if let Err(Error::InvalidCertificate(error)) = &verdict {
            let mut notes = self.notes();
            notes.self_signed = names::is_self_issued(end_entity);
            notes.name = match error {
                CertificateError::UnknownIssuer => names::missing_issuer(end_entity, intermediates),
                _ => names::subject(end_entity),
            };
            if dates_hold(end_entity, now) {
                let authority = intermediates.iter().find(|authority| !dates_hold(authority, now));
                notes.authority = authority.and_then(names::subject);
            }
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.name_if_bad(cert, self.template.verifier.verify_tls12_signature(message, cert, dss))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.name_if_bad(cert, self.template.verifier.verify_tls13_signature(message, cert, dss))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.template.verifier.supported_verify_schemes()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certificate = self.template.certificate.as_ref();
        let usable = certificate.filter(|certificate| certificate.key.choose_scheme(schemes).is_some());
        self.notes().client_auth = match (certificate, usable) {
            (None, _) => ClientAuth::Missing,
            (Some(_), None) => ClientAuth::Unusable,
            (Some(_), Some(_)) => ClientAuth::Sent,
        };
        usable.cloned()
    }

    fn has_certs(&self) -> bool {
        self.template.certificate.is_some()
    }
}

/// Whether a certificate is valid at this time, whoever signed it. The dates are what is checked first.
fn dates_hold(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let algorithms = PROVIDER.signature_verification_algorithms.all;
    let checked = EndEntityCert::try_from(certificate).map(|certificate| {
        certificate.verify_for_usage(algorithms, &[], &[], now, KeyUsage::server_auth(), None, None).err()
    });
    !matches!(checked, Ok(Some(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })))
}

/// Takes any certificate, and does not ask whose key signed the handshake either: it could be anybody's. So certificates serve
/// that can't be read, such as those of version 1.
#[derive(Debug)]
pub(super) struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
