//! Sets of packet identifiers.

use alloc::vec::Vec;

use super::PacketId;

/// As many identifiers as there are, in a bit each up to the highest one: 8 KiB at most.
#[derive(Default)]
pub(super) struct IdSet {
    words: Vec<u64>,
    count: usize,
}

impl IdSet {
    pub(super) fn insert(&mut self, id: PacketId) {
        let (word, bit) = place(id);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    pub(super) fn remove(&mut self, id: PacketId) {
        let (word, bit) = place(id);
        if let Some(word) = self.words.get_mut(word) {
            self.count -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub(super) fn contains(&self, id: PacketId) -> bool {
        let (word, bit) = place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }
}

/// The word of an identifier, and its bit.
fn place(id: PacketId) -> (usize, u64) {
    (usize::from(id.get() / 64), 1 << (id.get() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_has_its_bit() {
        let mut set = IdSet::default();
        let ids = || (1..=u16::MAX).filter_map(PacketId::new);
        for id in ids() {
            assert!(!set.contains(id));
            set.insert(id);
            set.insert(id);
        }
        assert_eq!(set.bytes(), 8192);
        for id in ids() {
            assert!(set.contains(id) && !set.is_empty());
            set.remove(id);
            set.remove(id);
            assert!(!set.contains(id));
        }
        assert!(set.is_empty());
    }
}
