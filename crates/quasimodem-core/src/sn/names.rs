//! The topic names that a client and its gateway have ids for (MQTT-SN 6.5).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::lean;

/// Names that a client remembers.
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

    /// Remembers a name; if there is no room, the oldest is forgotten.
    ///
    /// A name keeps the ids that it had before: a gateway may go on to use them.
    pub(crate) fn insert(&mut self, id: u16, name: &str) {
        self.forget(id);
        if self.list.len() >= NAMES_MAX {
            self.list.remove(self.spare().unwrap_or(0));
        }
        lean::push(&mut self.list, Entry { id, name: name.into() });
    }

    pub(crate) fn forget(&mut self, id: u16) {
        self.list.retain(|entry| entry.id != id);
    }

    /// How many more names fit.
    pub(crate) fn room(&self) -> usize {
        NAMES_MAX - self.list.len() + usize::from(self.spare().is_some())
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

    /// An old id of a name that has a newer one, if nothing else can make room.
    fn spare(&self) -> Option<usize> {
        let full = self.list.len() >= NAMES_MAX;
        let mut places = self.list.iter().enumerate();
        let renamed =
            |(place, entry): &(usize, &Entry)| self.list.iter().skip(place + 1).any(|newer| newer.name == entry.name);
        if full { places.find(renamed).map(|(place, _)| place) } else { None }
    }
}
