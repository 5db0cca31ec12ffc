//! AES-128 as clouds use it.

use aes::Aes128;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit};

const BLOCK: usize = 16;

pub(super) type Key = [u8; BLOCK];

/// The first 16 bytes of a secret.
pub(super) fn key(secret: &str) -> Option<Key> {
    secret.as_bytes().first_chunk().copied()
}

/// ECB, padded as in PKCS#7.
pub(super) fn seal_ecb(key: &Key, plain: &[u8]) -> Vec<u8> {
    let padding = BLOCK - plain.len() % BLOCK;
    let mut bytes = plain.to_vec();
    bytes.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or_default(), padding));
    let cipher = Aes128::new(&(*key).into());
    blocks(&mut bytes, |block| cipher.encrypt_block(block));
    bytes
}

/// Undoes [`seal_ecb`].
pub(super) fn open_ecb(key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut bytes = sealed.to_vec();
    let cipher = Aes128::new(&(*key).into());
    blocks(&mut bytes, |block| cipher.decrypt_block(block));
    let padding = usize::from(*bytes.last()?);
    let plain = bytes.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
    let even = bytes.get(plain..)?.iter().all(|byte| usize::from(*byte) == padding);
    bytes.truncate(plain);
    even.then_some(bytes)
}

/// CBC, filled up with zeros, as Tencent has it.
pub(super) fn seal_cbc(key: &Key, iv: &Key, plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len().next_multiple_of(BLOCK), 0);
    let mut cipher = cbc::Encryptor::<Aes128>::new(&(*key).into(), &(*iv).into());
    blocks(&mut bytes, |block| cipher.encrypt_block(block));
    bytes
}

fn blocks(bytes: &mut [u8], mut work: impl FnMut(&mut Block<Aes128>)) {
    for chunk in bytes.chunks_exact_mut(BLOCK) {
        if let Ok(block) = chunk.try_into() {
            work(block);
        }
    }
}
