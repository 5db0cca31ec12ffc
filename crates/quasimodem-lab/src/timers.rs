//! When which of many is due.

use std::collections::{BTreeMap, BTreeSet};

use quasimodem_core::Instant;

/// One time for each key that has one, the earliest first; at the same time, in the order of the keys.
#[derive(Clone, Debug)]
pub(crate) struct Timers<K> {
    of: BTreeMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn set(&mut self, key: K, due: Option<Instant>) {
        let before = match due {
            Some(due) => self.of.insert(key, due),
            None => self.of.remove(&key),
        };
        if before != due {
            before.map(|before| self.order.remove(&(before, key)));
            due.map(|due| self.order.insert((due, key)));
        }
    }

    pub(crate) fn first(&self) -> Option<(Instant, K)> {
        self.order.first().copied()
    }
}

impl<K> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers { of: BTreeMap::new(), order: BTreeSet::new() }
    }
}
