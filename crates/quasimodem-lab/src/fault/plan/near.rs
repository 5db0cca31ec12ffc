//! What a fault would have been about but for one key: who waits for a hit that does not come learns why.

use std::collections::BTreeMap;

use crate::fault::item::Item;

/// The near misses of a fault, each with how often it came.
#[derive(Default)]
pub(super) struct Near {
    seen: BTreeMap<String, u32>,
    looked: u32,
}

/// Different ones that are kept, and things that are looked at: what is typed first shows a mistake, and the rest costs nothing.
const KEPT: usize = 3;
const LOOKED: u32 = 64;

impl Near {
    /// Something fits but for this key.
    pub(super) fn add(&mut self, item: &Item<'_>, key: &'static str) {
        if self.looked == LOOKED {
            return;
        }
        self.looked += 1;
        let name = item.but(key);
        if let Some(count) = self.seen.get_mut(&name) {
            *count += 1;
        } else if self.seen.len() < KEPT {
            self.seen.insert(name, 1);
        }
    }

    /// In words.
    pub(super) fn words(&self) -> Vec<String> {
        let times = |count: u32| match count {
            1 => "once".to_owned(),
            count if self.looked == LOOKED => format!("{count} times and more"),
            count => format!("{count} times"),
        };
        self.seen.iter().map(|(name, count)| format!("{name} came {}", times(*count))).collect()
    }
}
