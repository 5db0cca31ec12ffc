//! How modems are called.

use std::sync::{Arc, PoisonError, RwLock};

/// The names of modems, by the numbers of their stations; shared by all that tell of them.
#[derive(Clone, Default, Debug)]
pub struct Names(Arc<RwLock<Vec<Arc<str>>>>);

impl Names {
    /// Names the next station.
    pub fn push(&self, name: &str) {
        // Each change is whole.
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(name.into());
    }

    /// The name of a station, if it has one.
    pub fn of(&self, station: usize) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(station).cloned()
    }

    /// Whether a station has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(|known| **known == *name)
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Names {
        Names(Arc::new(RwLock::new(names.into_iter().map(Into::into).collect())))
    }
}
