//! Numbers that look random, from inputs alone: the same inputs give the same numbers.

/// Mixes a word into a state, so that one changed bit changes about half of the result (the finalizer of SplitMix64).
pub(crate) const fn mix(state: u64, word: u64) -> u64 {
    let mut bits = state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ word;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Letters and digits of a number, as clouds want them for an id of a connection.
pub(crate) fn letters<const N: usize>(number: u64) -> [u8; N] {
    const LETTERS: [u8; 62] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rest = number;
    [(); N].map(|()| {
        let letter = usize::try_from(rest % 62).ok().and_then(|place| LETTERS.get(place));
        rest /= 62;
        letter.copied().unwrap_or(b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        for bit in 0..64 {
            assert!((mix(7, 1 << bit) ^ mix(7, 0)).count_ones() > 10, "bit {bit} of the word");
            assert!((mix(1 << bit, 7) ^ mix(0, 7)).count_ones() > 10, "bit {bit} of the state");
        }
    }

    #[test]
    fn letters_are_all_alphanumeric() {
        for number in 0..10_000 {
            assert!(letters::<5>(mix(1, number)).iter().all(u8::is_ascii_alphanumeric));
        }
        assert_eq!(&letters::<3>(61), b"9AA");
    }
}
