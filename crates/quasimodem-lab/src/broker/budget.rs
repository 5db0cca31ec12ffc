//! What all sessions, wills and retained messages of a broker hold together.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::note::Message;

/// The bytes that are held. Whatever holds some has a clone of it and gives them back when it is dropped.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// A message that is held, by one holder of perhaps many. The message is counted once, and each holder for its place in a
/// queue.
pub(super) struct Held(Arc<Counted>);

struct Counted {
    message: Arc<Message>,
    budget: Budget,
}

impl Budget {
    /// How many there are.
    pub(super) fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Holds a message.
    pub(super) fn hold(&self, message: Arc<Message>) -> Held {
        self.add(message.len() + PLACE);
        Held(Arc::new(Counted { message, budget: self.clone() }))
    }
}

impl Held {
    /// The message, for somebody whom the broker does not count.
    pub(super) fn message(&self) -> Arc<Message> {
        self.0.message.clone()
    }
}

impl Clone for Held {
    fn clone(&self) -> Held {
        self.0.budget.add(PLACE);
        Held(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.budget.sub(PLACE);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.budget.sub(self.message.len());
    }
}

impl Deref for Held {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.0.message
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.message.fmt(f)
    }
}

/// What one more holder of a message costs: its place in a queue or among the exchanges.
const PLACE: usize = 32;
