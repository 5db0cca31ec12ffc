//! Sets of topic ids.

use alloc::vec::Vec;

use crate::lean;

/// Topic ids, as ranges: a gateway counts up, so a session with thousands of ids has few of them.
#[derive(Default)]
pub(super) struct Ids {
    /// First and last of each range, ascending, never adjacent.
    ranges: Vec<(u16, u16)>,
}

impl Ids {
    /// Bytes of a range.
    pub(super) const RANGE: usize = size_of::<(u16, u16)>();

    pub(super) fn contains(&self, id: u16) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&id))
    }

    pub(super) fn insert(&mut self, id: u16) {
        if self.contains(id) {
            return;
        }
        let (mut first, mut last) = (id, id);
        self.ranges.retain(|range| {
            let (before, after) = (range.1.checked_add(1) == Some(id), id.checked_add(1) == Some(range.0));
            if before {
                first = range.0;
            }
            if after {
                last = range.1;
            }
            !before && !after
        });
        lean::push(&mut self.ranges, (first, last));
        self.ranges.sort_unstable();
    }

    /// How many ranges there are.
    pub(super) fn ranges(&self) -> usize {
        self.ranges.len()
    }

    /// Bytes of the ranges.
    pub(super) fn bytes(&self) -> usize {
        self.ranges.len() * Ids::RANGE
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_join() {
        let mut ids = Ids::default();
        for id in [5, 7, 1, 65_535, 6, 65_534, 0] {
            ids.insert(id);
            ids.insert(id);
        }
        assert_eq!(ids.ranges, [(0, 1), (5, 7), (65_534, 65_535)]);
        assert_eq!((ids.ranges(), ids.bytes()), (3, 12));
        for (id, there) in [(0, true), (1, true), (2, false), (4, false), (5, true), (7, true), (8, false)] {
            assert_eq!(ids.contains(id), there, "{id}");
        }
        assert!(!ids.is_empty() && Ids::default().is_empty());
    }
}
