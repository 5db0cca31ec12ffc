//! Hashes and how clouds write them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    /// RFC 1321.
    Md5,
    /// RFC 3174.
    Sha1,
    /// RFC 6234.
    Sha256,
}

impl Hash {
    /// All of them.
    pub const ALL: &[Hash] = &[Hash::Md5, Hash::Sha1, Hash::Sha256];

    /// The name, in lower case without a hyphen.
    pub const fn name(self) -> &'static str {
        match self {
            Hash::Md5 => "md5",
            Hash::Sha1 => "sha1",
            Hash::Sha256 => "sha256",
        }
    }

    /// Which of these has that name.
    pub fn by_name(name: &str, among: &[Hash]) -> Option<Hash> {
        among.iter().copied().find(|hash| hash.name() == name)
    }

    /// The hash of a message.
    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => Md5::digest(message).to_vec(),
            Hash::Sha1 => Sha1::digest(message).to_vec(),
            Hash::Sha256 => Sha256::digest(message).to_vec(),
        }
    }

    /// The message authentication code of RFC 2104.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => keyed::<Hmac<Md5>>(key, message),
            Hash::Sha1 => keyed::<Hmac<Sha1>>(key, message),
            Hash::Sha256 => keyed::<Hmac<Sha256>>(key, message),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    // Keys of HMAC have any length, so that there is no error.
    let mac = M::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec());
    mac.unwrap_or_default()
}

/// Lower case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Upper case hex digits.
pub(super) fn upper_hex(bytes: &[u8]) -> String {
    hex(bytes).to_ascii_uppercase()
}

/// RFC 4648, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes behind base64 with its padding; `None` if it is anything else.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        // RFC 1321 A.5, RFC 3174 7.3, RFC 6234 8.5.
        assert_eq!(hex(&Hash::Md5.digest(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&Hash::Sha1.digest(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(hex(&Hash::Sha256.digest(b"abc")).starts_with("ba7816bf8f01cfea414140de5dae2223"));
        // RFC 2202 2 and 3, RFC 4231 4.3: key "Jefe".
        let of = |hash: Hash| hex(&hash.hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(of(Hash::Md5), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(of(Hash::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert!(of(Hash::Sha256).starts_with("5bdcc146bf60754e6a042426089575c7"));
    }

    #[test]
    fn base64_is_strict() {
        assert_eq!(from_base64("MTIzNDU2").as_deref(), Some(&b"123456"[..]));
        for wrong in ["MTIzNDU", "MTIz NDU2", "MTIzNDU2\n", "MTIzNDU_", "MTIzNDU=="] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }
}
