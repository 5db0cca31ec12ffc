//! Certificates and keys as hosts and files bring them. The errors say what is wrong with them, and never show them.

use std::sync::Arc;

use quasimodem_core::TlsProfile;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor};
use rustls::sign::{CertifiedKey, SigningKey};
use webpki::anchor_from_trusted_cert;

use super::PROVIDER;

/// The roots of a file: at least one, and nothing that is no certificate.
pub(crate) fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Box<str>> {
    let roots = certificates(pem)?;
    roots.iter().try_for_each(|root| parse(root).map(drop))?;
    Ok(roots)
}

/// The client's chain and key, if both are there. If only one is, it is checked all the same.
pub(super) fn identity(profile: &TlsProfile) -> Result<Option<CertifiedKey>, Box<str>> {
    let chain = profile.chain.as_deref().map(certificates).transpose()?;
    let parsed = chain.iter().flatten().map(parse).collect::<Result<Vec<_>, _>>()?;
    let key = profile.key.as_deref().map(key).transpose()?;
    let (Some(key), Some(first)) = (key, parsed.first()) else { return Ok(None) };
    // The certificate's is without the two to four bytes in front that say how long it is.
    let belongs = key.public_key().is_none_or(|key| key.ends_with(&first.subject_public_key_info));
    if !belongs {
        return Err("the private key does not belong to the first certificate of the chain".into());
    }
    Ok(Some(CertifiedKey::new(chain.unwrap_or_default(), key)))
}

/// Certificates of version 1 are read only as those of roots, and some clients have one as well.
fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<TrustAnchor<'a>, Box<str>> {
    anchor_from_trusted_cert(certificate).map_err(|_| "a certificate in it can't be read".into())
}

/// The certificates of a file, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Box<str>> {
    let certificates = CertificateDer::pem_slice_iter(unmarked(pem)).collect::<Result<Vec<_>, _>>().map_err(no_pem)?;
    if certificates.is_empty() {
        return Err("no certificate in it: \"-----BEGIN CERTIFICATE-----\" is missing".into());
    }
    Ok(certificates)
}

fn key(pem: &[u8]) -> Result<Arc<dyn SigningKey>, Box<str>> {
    let der = PrivateKeyDer::from_pem_slice(unmarked(pem)).map_err(|error| match error {
        _ if is_encrypted(pem) => "the private key is encrypted".into(),
        Error::NoItemsFound => "no private key in it".into(),
        error => no_pem(error),
    })?;
    let unsupported = "the private key is of no supported kind: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519";
    PROVIDER.key_provider.load_private_key(der).map_err(|_| unsupported.into())
}

/// By what PKCS 8 and the older form say (RFC 5958; RFC 1421 4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let signs: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];
    signs.iter().any(|sign| pem.windows(sign.len()).any(|window| window == *sign))
}

/// Without the mark that some editors put in front of UTF-8.
fn unmarked(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem)
}

/// The library's words may quote what it read.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn no_pem(error: Error) -> Box<str> {
    match error {
        Error::MissingSectionEnd { .. } => "PEM text without its end",
        Error::IllegalSectionStart { .. } => "PEM text with a bad beginning",
        Error::Base64Decode(_) => "PEM text that is not Base64",
        _ => "no PEM text",
    }
    .into()
}
