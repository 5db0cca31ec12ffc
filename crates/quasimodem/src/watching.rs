//! Who watches the modems and servers of this process.

use std::sync::{Arc, Mutex, PoisonError};

use quasimodem_core::Instant;
use quasimodem_lab::watch::Watch;
use tokio::time;

/// All watches, shared by all that they watch, and the start of their time. Where nobody watches, seeing costs a comparison.
#[derive(Clone)]
pub(crate) struct Watching {
    start: time::Instant,
    watches: Option<Arc<Mutex<Watches>>>,
}

/// One after the other.
pub(crate) type Watches = Vec<Box<dyn Watch + Send>>;

impl Watching {
    /// Begins the time of these watches now.
    pub(crate) fn new(watches: Watches) -> Watching {
        let watches = (!watches.is_empty()).then(|| Arc::new(Mutex::new(watches)));
        Watching { start: time::Instant::now(), watches }
    }

    /// The start of the time that watches, modems and servers go by.
    pub(crate) fn start(&self) -> time::Instant {
        self.start
    }

    /// The time now, asked of the clock afresh.
    pub(crate) fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }

    /// Whether anybody watches.
    pub(crate) fn is_on(&self) -> bool {
        self.watches.is_some()
    }

    /// Lets the watches see something, if there are any.
    pub(crate) fn see(&self, show: impl FnOnce(&mut dyn Watch)) {
        if let Some(watches) = &self.watches {
            // A watch that panicked has lost what it was about to tell, and no more.
            show(&mut *watches.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
