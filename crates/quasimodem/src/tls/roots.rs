//! How servers are checked.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::PROVIDER;

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
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
