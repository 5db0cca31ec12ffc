//! The topic names that a client and its gateway have ids for (MQTT-SN 6.5).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::lean;
use crate::reports::Registrar;

/// Names that a client remembers. Those that the gateway gave ids for unasked make room for others: it tells them again.
pub(crate) const NAMES_MAX: usize = 64;

/// Names by the ids that the gateway gave, the newest last. Predefined ids and short names are not among them: these
/// need no name, and their numbers mean something else.
#[derive(Default)]
pub(crate) struct Names {
    list: Vec<Entry>,
}

struct Entry {
    id: u16,
    name: Box<str>,
    /// Who asked for the id.
    by: Registrar,
}

impl Names {
    /// The name that stands behind an id.
    pub(crate) fn name(&self, id: u16) -> Option<&str> {
        self.list.iter().find(|entry| entry.id == id).map(|entry| &*entry.name)
    }

    /// The newest id of a name.
    pub(crate) fn id(&self, name: &str) -> Option<u16> {
        self.list.iter().rfind(|entry| *entry.name == *name).map(|entry| entry.id)
    }

    /// Remembers a name. If there is no room, one is forgotten: an old id of a name that has a newer one, else the gateway's
    /// oldest.
    ///
    /// A name keeps the ids that it had before: a gateway may go on to use them.
    pub(crate) fn insert(&mut self, id: u16, name: &str, by: Registrar) {
        self.forget(id);
        if self.list.len() >= NAMES_MAX {
            let renamed = (0..self.list.len()).find(|place| self.is_renamed(*place));
            let spare = renamed.or_else(|| self.list.iter().position(|entry| entry.by == Registrar::Gateway));
            self.list.remove(spare.unwrap_or(0));
        }
        lean::push(&mut self.list, Entry { id, name: name.into(), by });
    }

    pub(crate) fn forget(&mut self, id: u16) {
        self.list.retain(|entry| entry.id != id);
    }

    /// How many more names fit.
    pub(crate) fn room(&self) -> usize {
        let stays = |(place, entry): &(usize, &Entry)| entry.by == Registrar::Client && !self.is_renamed(*place);
        NAMES_MAX - self.list.iter().enumerate().filter(stays).count()
    }

    /// The newest names with their ids, at most so many, the newest last.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = (u16, &str)> {
        let newest = self.list.get(self.list.len().saturating_sub(count)..).unwrap_or_default();
        newest.iter().map(|entry| (entry.id, &*entry.name))
    }

    /// Bytes of all names.
    pub(crate) fn bytes(&self) -> usize {
        self.list.iter().map(|entry| entry.name.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the name at this place has a newer id.
    fn is_renamed(&self, place: usize) -> bool {
        let (old, newer) = (self.list.get(place), self.list.get(place + 1..).unwrap_or_default());
        old.is_some_and(|old| newer.iter().any(|entry| entry.name == old.name))
    }
}
