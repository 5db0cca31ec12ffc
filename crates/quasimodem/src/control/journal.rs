//! The last events, for those who ask and those who wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use quasimodem_lab::event::{Event, Listener, Names, Reporter, Stamp, put_line};
use quasimodem_lab::watch::Watch;
use serde_json::Value as Json;
use tokio::sync::watch::{Receiver, Sender};

use crate::relay;

/// Events in the order in which they came; of many the oldest are gone. The modem's thread adds to it and waits for nobody.
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    /// The newest event.
    newest: Sender<u64>,
    /// How often all began anew.
    epoch: AtomicU64,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    counts: BTreeMap<&'static str, u64>,
}

/// An event.
pub(crate) struct Entry {
    /// Its number.
    pub(crate) seq: u64,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its line of JSON, without the end of the line.
    pub(crate) line: Box<str>,
    parsed: OnceLock<Json>,
}

/// What was asked for is gone: the oldest event that is still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Gone(pub(crate) u64);

/// Events that are kept, and their bytes.
pub(crate) const KEPT: usize = 10_000;
const BYTES: usize = 16 * 1024 * 1024;

impl Journal {
    pub(crate) fn new() -> Arc<Journal> {
        Arc::new(Journal { ring: Mutex::default(), newest: Sender::new(0), epoch: AtomicU64::new(0) })
    }

    /// What has to watch modems of these names.
    pub(crate) fn watch(self: &Arc<Journal>, modems: Names) -> Box<dyn Watch + Send> {
        Box::new(Reporter::new(modems, Scribe(self.clone())))
    }

    /// The number of the newest event; 0: there is none.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// How often all began anew.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// How many there were of each event, those that are gone included.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    /// Tells when there is a newer one.
    pub(crate) fn news(&self) -> Receiver<u64> {
        self.newest.subscribe()
    }

    /// The events behind that one, at most so many; 0 means all that are there.
    ///
    /// # Errors
    ///
    /// Some behind it are gone.
    pub(crate) fn since(&self, seq: u64, most: usize) -> Result<Vec<Arc<Entry>>, Gone> {
        let ring = self.lock();
        match ring.entries.front() {
            Some(oldest) if seq != 0 && seq + 1 < oldest.seq => Err(Gone(oldest.seq)),
            _ => {
                let place = ring.entries.partition_point(|entry| entry.seq <= seq);
                Ok(ring.entries.iter().skip(place).take(most).cloned().collect())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Each change is whole.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What it says; read once, and only if somebody asks.
    pub(crate) fn json(&self) -> &Json {
        self.parsed.get_or_init(|| serde_json::from_str(&self.line).unwrap_or_default())
    }
}

/// Writes into the journal.
struct Scribe(Arc<Journal>);

impl Listener for Scribe {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut line = Vec::with_capacity(256);
        put_line(stamp, event, &mut line);
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into();
        let entry = Entry { seq: stamp.seq, name: event.name(), line, parsed: OnceLock::new() };
        let mut ring = self.0.lock();
        ring.bytes += entry.line.len();
        *ring.counts.entry(entry.name).or_default() += 1;
        ring.entries.push_back(entry.into());
        while ring.entries.len() > KEPT || ring.bytes > BYTES {
            let Some(oldest) = ring.entries.pop_front() else { break };
            ring.bytes -= oldest.line.len();
        }
        drop(ring);
        if let Event::Reset { epoch, .. } = event {
            self.0.epoch.store(*epoch, Ordering::Relaxed);
        }
        self.0.newest.send_replace(stamp.seq);
    }

    fn wall(&self) -> Option<i64> {
        relay::wall()
    }
}

#[cfg(test)]
mod tests {
    use quasimodem_core::Instant;

    use super::*;

    fn told(journal: &Arc<Journal>, count: usize) {
        let mut watch = journal.watch(Names::default());
        (0..count).for_each(|_| watch.run(Instant::START, &Event::End {}));
    }

    fn seqs(journal: &Journal, since: u64, most: usize) -> Vec<u64> {
        journal.since(since, most).unwrap().iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn what_is_gone_is_not_passed_over() {
        let journal = Journal::new();
        assert_eq!((seqs(&journal, 0, 9), seqs(&journal, 7, 9)), (vec![], vec![]));
        told(&journal, KEPT + 2);
        assert_eq!(journal.newest(), KEPT as u64 + 2);
        assert_eq!(seqs(&journal, 0, 2), [3, 4]);
        assert_eq!(seqs(&journal, 2, 1), [3]);
        assert_eq!(journal.since(1, 1).err(), Some(Gone(3)));
        assert_eq!(seqs(&journal, KEPT as u64 + 1, 9), [KEPT as u64 + 2]);
        assert_eq!(journal.since(0, 1).unwrap()[0].json()["event"], "run.end");
    }
}
