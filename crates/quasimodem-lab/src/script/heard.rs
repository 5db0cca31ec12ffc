//! How events reach hosts.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use serde_json::Value;

use super::program::Program;
use crate::event::{Condition, Event, Listener, Names, Reporter, Stamp, put_line};
use crate::watch::Watch;

/// Events on their way to the hosts of a thread: those that some script waits for. Whoever runs the hosts takes them when
/// nothing else is under way, and tells each host ([`Input::Event`](super::Input::Event)).
#[derive(Default)]
pub struct Heard(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    events: VecDeque<(u64, Kept)>,
    /// How many there were.
    count: u64,
    /// The names of those that are waited for.
    wanted: BTreeSet<&'static str>,
    waker: Option<Waker>,
}

/// An event that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    name: &'static str,
    station: Option<usize>,
    json: Value,
}

/// Events that may wait.
const MOST: usize = 10_000;

impl Heard {
    /// From here on, also those that this script waits for; false if it waits for none.
    pub fn want(&self, program: &Program) -> bool {
        self.lock().wanted.extend(program.hears.iter());
        !program.hears.is_empty()
    }

    /// What has to watch the modems of these names.
    pub fn ears(self: &Arc<Self>, names: Names) -> impl Watch + Send + use<> {
        Reporter::new(names, Ears(self.clone()))
    }

    /// The next event, and which one it is, from 1. If there is none, the waker is woken when one comes.
    pub fn take(&self, waker: Option<&Waker>) -> Option<(u64, Kept)> {
        let mut inner = self.lock();
        let event = inner.events.pop_front();
        if event.is_none() {
            inner.waker = waker.cloned();
        }
        event
    }

    /// How many have happened: a host that gives an order now hears of those up to this one no more.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps an event.
    pub fn new(stamp: &Stamp<'_>, event: &Event<'_>) -> Kept {
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        let json = serde_json::from_slice(&line).unwrap_or_default();
        Kept { name: event.name(), station: stamp.station, json }
    }

    /// Its dotted name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// At which station it happened; `None`: at none.
    pub fn station(&self) -> Option<usize> {
        self.station
    }

    pub(super) fn fits(&self, condition: &Condition) -> bool {
        condition.fits_json(&self.json)
    }
}

/// Its name and its own fields.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let fields = Event::ROWS.iter().find(|row| row.name == self.name).map(|row| row.fields).unwrap_or_default();
        fields.iter().filter_map(|field| Some((field.key, self.json.get(field.key)?))).try_for_each(|(key, value)| {
            match value.as_str() {
                Some(text) => write!(f, " {key}={}", shlex::try_quote(text).unwrap_or_default()),
                None => write!(f, " {key}={value}"),
            }
        })
    }
}

struct Ears(Arc<Heard>);

impl Listener for Ears {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let inner = &mut *self.0.lock();
        if inner.wanted.contains(event.name()) && inner.events.len() < MOST {
            inner.count += 1;
            inner.events.push_back((inner.count, Kept::new(stamp, event)));
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
    }
}
