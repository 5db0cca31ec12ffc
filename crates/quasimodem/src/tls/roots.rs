//! How servers are checked.

use std::error;
use std::fmt;
use std::iter;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::{PROVIDER, names};

/// Checks servers by roots. A root that somebody chose may also be the certificate of a server itself: that is what comes of
/// `openssl req -x509`, and what devices take.
#[derive(Debug)]
pub(super) struct Roots {
    verifier: Arc<WebPkiServerVerifier>,
    chosen: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Trusts what is in the store, and what was chosen.
    pub(super) fn new(
        mut store: RootCertStore,
        chosen: Vec<CertificateDer<'static>>,
    ) -> Result<Roots, VerifierBuilderError> {
        store.add_parsable_certificates(chosen.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(store.into(), PROVIDER.clone()).build()?;
        Ok(Roots { verifier, chosen })
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // It is found out after the dates were checked, and before the name is.
            Err(Error::InvalidCertificate(CertificateError::Other(error)))
                if error.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
                    && self.chosen.iter().any(|root| root.as_ref() == end_entity.as_ref()) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(Error::InvalidCertificate(CertificateError::BadSignature)) => {
                let signed = |signer: &CertificateDer<'_>| {
                    iter::once(end_entity).chain(intermediates).any(|signed| names::is_issuer(signer, signed))
                };
                let mut signers = intermediates.iter().chain(&self.chosen).filter(|signer| signed(signer));
                Err(match signers.find_map(names::short_rsa) {
                    Some(bits) => BadKey::OfSigner(bits).into(),
                    None => CertificateError::BadSignature.into(),
                })
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss).map_err(|error| of_handshake(error, cert))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss).map_err(|error| of_handshake(error, cert))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// A signature of a handshake that is not good is bad in another way than one of a certificate.
fn of_handshake(error: Error, certificate: &CertificateDer<'_>) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => match names::short_rsa(certificate) {
            Some(bits) => BadKey::OfServer(bits).into(),
            None => BadKey::NotShown.into(),
        },
        error => error,
    }
}

/// What is behind a signature that is not good, where rustls says no more than that.
#[derive(Debug)]
enum BadKey {
    /// The server's RSA key has so many bits.
    OfServer(usize),
    /// Among those who may have signed the certificate is one whose RSA key has so many bits.
    OfSigner(usize),
    /// The handshake was signed by somebody else.
    NotShown,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = names::RSA_BITS;
        match self {
            BadKey::OfServer(bits) => write!(f, "its RSA key has {bits} bits, fewer than {least}"),
            BadKey::OfSigner(bits) => write!(f, "signed by an RSA key of {bits} bits, fewer than {least}"),
            BadKey::NotShown => f.write_str("its key did not sign the handshake"),
        }
    }
}

impl error::Error for BadKey {}

impl From<BadKey> for Error {
    fn from(bad: BadKey) -> Error {
        CertificateError::Other(OtherError(Arc::new(bad))).into()
    }
}
