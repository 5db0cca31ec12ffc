//! Who watches a lab.

use std::task::Waker;

use super::broker_view::Messages;
use super::journal::Journal;
use crate::event::{Names, Reporter};
use crate::watch::{Watch, Watches};

/// The lab's own watches, those of its owner, and who waits for bytes.
pub(super) struct Eyes {
    reporter: Reporter<Journal>,
    pub(super) messages: Messages,
    pub(super) more: Vec<Box<dyn Watch + Send>>,
    wakers: Vec<Waker>,
}

impl Eyes {
    pub(super) fn new(names: Names) -> Eyes {
        let reporter = Reporter::new(names, Journal::default());
        Eyes { reporter, messages: Messages::default(), more: Vec::new(), wakers: Vec::new() }
    }

    pub(super) fn journal(&mut self) -> &mut Journal {
        self.reporter.listener_mut()
    }

    /// Somebody waits for time to pass.
    pub(super) fn waits(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Time has passed, or something has happened.
    pub(super) fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

impl Watches for Eyes {
    fn each(&mut self, show: &mut dyn FnMut(&mut dyn Watch)) {
        show(&mut self.reporter);
        show(&mut self.messages);
        self.more.iter_mut().for_each(|watch| show(&mut **watch));
    }
}
