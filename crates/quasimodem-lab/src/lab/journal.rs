//! What has happened in a lab, for those who wait for something.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::event::{Condition, Event, Listener, Stamp, put_line};

/// The last events, as lines of JSON.
#[derive(Default)]
pub(super) struct Journal {
    lines: VecDeque<Line>,
    last: u64,
    /// The last that was taken.
    taken: u64,
}

struct Line {
    seq: u64,
    name: &'static str,
    text: String,
}

/// Events that are kept.
const KEPT: usize = 10_000;

/// Events whose names tell what came instead of what was waited for.
const INSTEAD: usize = 5;

/// An event that was waited for.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// Its number.
    pub seq: u64,
    /// When it came, since the lab began.
    pub t: Duration,
    /// Its line of JSON.
    pub line: String,
    json: Value,
}

impl Told {
    /// One of its fields.
    pub fn field(&self, key: &str) -> Option<&Value> {
        self.json.get(key)
    }
}

impl Journal {
    /// The number of the newest event.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The first event behind `since` that fits; `since` then stands at it, or else at the newest.
    pub(super) fn find(&self, condition: &Condition, since: &mut u64) -> Option<Told> {
        let begin = self.lines.partition_point(|line| line.seq <= *since);
        for line in self.lines.range(begin..) {
            *since = line.seq;
            if line.name != condition.event() {
                continue;
            }
            let Ok(json) = serde_json::from_str::<Value>(&line.text) else { continue };
            if condition.fits_json(&json) {
                let t = json.get("t").and_then(Value::as_f64).unwrap_or_default();
                let t = Duration::try_from_secs_f64(t).unwrap_or_default();
                return Some(Told { seq: line.seq, t, line: line.text.clone(), json });
            }
        }
        None
    }

    /// The names of the last events.
    pub(super) fn last_names(&self) -> Vec<String> {
        let begin = self.lines.len().saturating_sub(INSTEAD);
        self.lines.range(begin..).map(|line| line.name.into()).collect()
    }

    /// The lines that were not taken before.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        let begin = self.lines.partition_point(|line| line.seq <= self.taken);
        self.taken = self.last;
        self.lines.range(begin..).map(|line| line.text.clone()).collect()
    }
}

impl Listener for Journal {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut text = match self.lines.len() {
            // The memory of the oldest serves the newest.
            KEPT => self.lines.pop_front().map(|line| line.text.into_bytes()).unwrap_or_default(),
            _ => Vec::new(),
        };
        text.clear();
        put_line(stamp, event, &mut text);
        text.pop();
        self.last = stamp.seq;
        let text = String::from_utf8(text).unwrap_or_default();
        self.lines.push_back(Line { seq: stamp.seq, name: event.name(), text });
    }
}
