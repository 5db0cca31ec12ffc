//! Who watches the modems and servers of this process.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quasimodem_core::Instant;
use quasimodem_lab::watch::{Of, Watch, Weight};
use tokio::time;

/// All watches, shared by all that they watch, and the start of their time. Where nobody watches, seeing costs a comparison.
#[derive(Clone)]
pub(crate) struct Watching {
    start: time::Instant,
    shared: Arc<Shared>,
}

struct Shared {
    /// Whether there are any, and whether any of them hears of messages.
    on: AtomicBool,
    hears_messages: AtomicBool,
    watches: Mutex<Watches>,
}

/// One after the other.
pub(crate) type Watches = Vec<Box<dyn Watch + Send>>;

impl Watching {
    /// These watches, whose time begins at `start`.
    pub(crate) fn new(start: time::Instant, watches: Watches) -> Watching {
        let (on, hears_messages) = (!watches.is_empty(), watches.iter().any(|watch| watch.hears_messages()));
        let (on, hears_messages) = (AtomicBool::new(on), AtomicBool::new(hears_messages));
        let shared = Shared { on, hears_messages, watches: Mutex::new(watches) };
        Watching { start, shared: Arc::new(shared) }
    }

    /// Lets another one watch from here on.
    pub(crate) fn hang(&self, watch: Box<dyn Watch + Send>) {
        if watch.hears_messages() {
            self.shared.hears_messages.store(true, Ordering::Relaxed);
        }
        self.watches().push(watch);
        self.shared.on.store(true, Ordering::Relaxed);
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
        self.shared.on.load(Ordering::Relaxed)
    }

    /// Whether anybody hears of messages that pass through servers.
    pub(crate) fn hears_messages(&self) -> bool {
        self.shared.hears_messages.load(Ordering::Relaxed)
    }

    /// Lets the watches see something, if there are any.
    pub(crate) fn see(&self, show: impl FnOnce(&mut dyn Watch)) {
        if self.is_on() {
            show(&mut *self.watches());
        }
    }

    /// What a part of the program says of itself by.
    pub(crate) fn voice(&self, of: Of) -> Voice {
        Voice { watching: self.clone(), of }
    }

    fn watches(&self) -> MutexGuard<'_, Watches> {
        // A watch that panicked has lost what it was about to tell, and no more.
        self.shared.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By which a part of the program tells those who watch of itself.
#[derive(Clone)]
pub(crate) struct Voice {
    watching: Watching,
    of: Of,
}

impl Voice {
    /// That of a part that nobody hears.
    #[cfg(test)]
    pub(crate) fn unheard() -> Voice {
        Watching::new(time::Instant::now(), Watches::new()).voice(Of::Part("test"))
    }

    /// What those hear who asked what happens.
    pub(crate) fn detail(&self, words: fmt::Arguments<'_>) {
        self.say(Weight::Detail, words);
    }

    /// What is worth a word in any case.
    pub(crate) fn warning(&self, words: fmt::Arguments<'_>) {
        self.say(Weight::Warning, words);
    }

    /// Both: it is worth a word in any case if it is news.
    pub(crate) fn news(&self, is_news: bool, words: fmt::Arguments<'_>) {
        self.say(if is_news { Weight::Warning } else { Weight::Detail }, words);
    }

    /// What matters so much.
    pub(crate) fn say(&self, weight: Weight, words: fmt::Arguments<'_>) {
        self.watching.see(|watch| watch.remark(self.watching.now(), self.of, weight, &words));
    }
}
