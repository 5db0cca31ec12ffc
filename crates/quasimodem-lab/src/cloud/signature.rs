//! Hashes and how clouds write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
}

impl Hash {
    /// The one that a name announces, such as `hmacsha1` behind the prefix `hmac`.
    pub(super) fn named(name: &str, prefix: &str) -> Option<Hash> {
        match name.strip_prefix(prefix)? {
            "md5" => Some(Hash::Md5),
            "sha1" => Some(Hash::Sha1),
            "sha256" => Some(Hash::Sha256),
            _ => None,
        }
    }

    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => Md5::digest(message).to_vec(),
            Hash::Sha1 => Sha1::digest(message).to_vec(),
            Hash::Sha256 => Sha256::digest(message).to_vec(),
        }
    }

    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => keyed::<Hmac<Md5>>(key, message),
            Hash::Sha1 => keyed::<Hmac<Sha1>>(key, message),
            Hash::Sha256 => keyed::<Hmac<Sha256>>(key, message),
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = M::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Lower case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hex digits in either case.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// What stands behind the percent signs of a query (RFC 3986 2.1).
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let (digits, behind) = escaped.split_at_checked(2)?;
        bytes.extend(from_hex(digits)?);
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        // RFC 2202 2 and 3, RFC 4231 4.3: key "Jefe".
        let of = |hash: Hash| hex(&hash.hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(of(Hash::Md5), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(of(Hash::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert!(of(Hash::Sha256).starts_with("5bdcc146bf60754e6a042426089575c7"));
        assert_eq!(hex(&Hash::Md5.digest(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn escapes() {
        assert_eq!(percent_decoded("a%2Fb%3d%25").as_deref(), Some("a/b=%"));
        for wrong in ["%", "%2", "%2g", "%ff", "%+1", "%é"] {
            assert_eq!(percent_decoded(wrong), None, "{wrong}");
        }
        assert_eq!(from_hex("0aF"), None);
        assert_eq!(from_hex("0aFf"), Some(vec![10, 255]));
    }
}
