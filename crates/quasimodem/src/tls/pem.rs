//! Certificates and keys as hosts and files bring them. The errors say what is wrong with them, and never show them.

use std::sync::Arc;

use quasimodem_core::TlsProfile;
use quasimodem_core::pem::{self, KeyForm};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer, TrustAnchor,
};
use rustls::sign::{CertifiedKey, SigningKey};
use webpki::anchor_from_trusted_cert;

use super::{PROVIDER, names};

/// The certificates of a file of roots: at least one, and each can be read.
pub(crate) fn roots(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Box<str>> {
    let roots = certificates(text)?;
    parse_all(&roots)?;
    Ok(roots)
}

/// The client's chain and key, if both are there. If only one is, it is checked all the same.
pub(super) fn identity(profile: &TlsProfile) -> Result<Option<CertifiedKey>, Box<str>> {
    let chain = profile.chain.as_deref().map(certificates).transpose()?;
    let parsed = chain.as_deref().map(parse_all).transpose()?.unwrap_or_default();
    let key = profile.key.as_deref().map(key).transpose()?;
    let (Some(key), Some(first)) = (key, parsed.first()) else { return Ok(None) };
    // The certificate's is without the two to four bytes in front that say how long it is.
    let belongs = key.public_key().is_none_or(|key| key.ends_with(&first.subject_public_key_info));
    if !belongs {
        return Err("the private key does not belong to the first certificate of the chain".into());
    }
    Ok(Some(CertifiedKey::new(chain.unwrap_or_default(), key)))
}

/// The private key of a file as DER.
pub(crate) fn key_der(text: &[u8]) -> Result<PrivateKeyDer<'static>, Box<str>> {
    let (form, der) = pem::private_key(text).map_err(|bad| bad.to_string())?;
    Ok(match form {
        KeyForm::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
        KeyForm::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
        KeyForm::Sec1 => PrivateSec1KeyDer::from(der).into(),
    })
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Box<str>> {
    let certificates = pem::certificates(text).map_err(|bad| bad.to_string())?;
    Ok(certificates.into_iter().map(CertificateDer::from).collect())
}

/// Certificates of version 1 are read only as those of roots, and some clients have one as well.
fn parse_all<'a>(certificates: &'a [CertificateDer<'_>]) -> Result<Vec<TrustAnchor<'a>>, Box<str>> {
    let parse = |(index, certificate): (usize, &'a CertificateDer<'_>)| {
        anchor_from_trusted_cert(certificate).map_err(|_| {
            let which = match certificates.len() {
                1 => "the certificate".into(),
                count => format!("certificate {} of {count}", index + 1),
            };
            format!("{which} can't be read: {}", damage(certificate)).into()
        })
    };
    certificates.iter().enumerate().map(parse).collect()
}

fn key(text: &[u8]) -> Result<Arc<dyn SigningKey>, Box<str>> {
    let der = key_der(text)?;
    PROVIDER.key_provider.load_private_key(der.clone_key()).map_err(|_| {
        if names::length(der.secret_der()).is_some_and(|(has, needs)| has == needs) {
            "the private key is of no supported kind: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519".into()
        } else {
            format!("the private key can't be read: {}", damage(der.secret_der())).into()
        }
    })
}

/// What is wrong with DER that can't be read, as far as its length says.
fn damage(der: &[u8]) -> String {
    match names::length(der) {
        None => "it is not DER under its Base64".into(),
        Some((has, needs)) if has < needs => format!("some of its text is missing, it has {has} of {needs} bytes"),
        Some((has, needs)) if has > needs => format!("it has {} bytes too many", has - needs),
        Some(_) => "its contents are damaged".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_by_its_length() {
        assert_eq!(damage(b""), "it is not DER under its Base64");
        assert_eq!(damage(b"\x02\x01\x00"), "it is not DER under its Base64");
        assert_eq!(damage(b"\x30\x84\0\0\0\x01\0"), "it is not DER under its Base64");
        assert_eq!(damage(b"\x30\x82\x01\0\0"), "some of its text is missing, it has 5 of 260 bytes");
        assert_eq!(damage(b"\x30\x81\x02\0"), "some of its text is missing, it has 4 of 5 bytes");
        assert_eq!(damage(b"\x30\x01\0\0\0"), "it has 2 bytes too many");
        assert_eq!(damage(b"\x30\x01\0"), "its contents are damaged");
    }
}
