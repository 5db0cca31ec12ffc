//! AES-128 as clouds use it.

use alloc::vec::Vec;

use aes::Aes128;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, KeyInit, KeyIvInit};

/// A key of AES-128.
pub(super) type Key = [u8; BLOCK];

/// Bytes of a block, and of a key.
pub(super) const BLOCK: usize = 16;

/// The first bytes of a secret as a key; `None` if it has too few.
pub(super) fn key_of(secret: &str) -> Option<Key> {
    secret.as_bytes().first_chunk().copied()
}

/// ECB with the padding of PKCS#7.
pub(super) fn seal_ecb(key: &Key, plain: &[u8]) -> Vec<u8> {
    let padding = BLOCK - plain.len() % BLOCK;
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + padding, u8::try_from(padding).unwrap_or_default());
    let cipher = Aes128::new(&(*key).into());
    for_each_block(&mut bytes, |block| cipher.encrypt_block(block));
    bytes
}

/// Undoes [`seal_ecb`]; `None` if that was not done with this key.
pub(super) fn open_ecb(key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = whole_blocks(sealed)?;
    let cipher = Aes128::new(&(*key).into());
    for_each_block(&mut bytes, |block| cipher.decrypt_block(block));
    let padding = *bytes.last()?;
    let length = bytes.len().checked_sub(padding.into())?;
    let padded = bytes.get(length..)?;
    if padding == 0 || usize::from(padding) > BLOCK || padded.iter().any(|byte| *byte != padding) {
        return None;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// CBC with zeros behind the end, which are taken away.
pub(super) fn open_cbc(key: &Key, iv: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = whole_blocks(sealed)?;
    let mut cipher = cbc::Decryptor::<Aes128>::new(&(*key).into(), &(*iv).into());
    for_each_block(&mut bytes, |block| cipher.decrypt_block(block));
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(length);
    Some(bytes)
}

fn whole_blocks(sealed: &[u8]) -> Option<Vec<u8>> {
    (!sealed.is_empty() && sealed.len().is_multiple_of(BLOCK)).then(|| sealed.to_vec())
}

fn for_each_block(bytes: &mut [u8], mut work: impl FnMut(&mut Block<Aes128>)) {
    for chunk in bytes.chunks_exact_mut(BLOCK) {
        if let Ok(block) = chunk.try_into() {
            work(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        let key = *b"0123456789abcdef";
        for length in 0..50 {
            let plain: Vec<u8> = (0..length).collect();
            let sealed = seal_ecb(&key, &plain);
            assert_eq!(sealed.len(), usize::from(length / 16 + 1) * 16);
            assert_eq!(open_ecb(&key, &sealed), Some(plain));
            assert_eq!(open_ecb(&key, &sealed[1..]), None);
        }
        assert_eq!(open_ecb(&key, b""), None);
        assert_eq!(open_cbc(&key, &key, b"fifteen bytes.."), None);
    }

    #[test]
    fn aes_is_that_of_the_standard() {
        // FIPS 197 C.1.
        let key: Key = core::array::from_fn(|place| u8::try_from(place).unwrap());
        let plain: Vec<u8> = (0..16).map(|place| place * 0x11).collect();
        assert_eq!(seal_ecb(&key, &plain)[..4], [0x69, 0xc4, 0xe0, 0xd8]);
    }
}
