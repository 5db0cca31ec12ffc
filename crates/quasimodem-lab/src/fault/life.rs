//! When a fault may hit.

use std::time::Duration;

use quasimodem_core::Instant;

use super::spec::Cue;
use crate::flat::Values;

/// Where a fault is in its life. What its keys say is not in here.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// When it begins or began, unless it waits to be told so.
    begins: Option<Instant>,
    /// How often it began, and when it was told to the last time.
    turns: u64,
    told: Option<Instant>,
    /// How often the event came that it waits for.
    heard: u64,
    /// When it was made, or said again.
    renewed: Instant,
    /// It ended for good.
    over: bool,
}

impl Life {
    /// What begins at a time counts it from `start`.
    pub(super) fn new(values: &Values, now: Instant, start: Instant) -> Life {
        let begins = match (values.condition("on"), values.time("at")) {
            (Some(_), _) => None,
            (None, Some(at)) => Some(start + at),
            (None, None) => Some(now + values.time("after").unwrap_or_default()),
        };
        Life { begins, turns: 0, told: None, heard: 0, renewed: now, over: false }
    }

    /// It is said again.
    pub(super) fn renew(&mut self, now: Instant) {
        self.renewed = now;
    }

    /// It ends for good; false: it had.
    pub(super) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.over, true)
    }

    /// It ended for good.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// It waits for no event any more.
    pub(super) fn has_begun(&self) -> bool {
        self.begins.is_some()
    }

    /// The event came that it waits for, or somebody called.
    pub(super) fn was_told(&self) -> bool {
        self.told.is_some()
    }

    /// Nobody has said it again in time.
    pub(super) fn has_lapsed(&self, values: &Values, now: Instant) -> bool {
        self.lapses(values).is_some_and(|at| now >= at)
    }

    /// When that is, unless it is said again.
    pub(super) fn lapses(&self, values: &Values) -> Option<Instant> {
        values.time("lease").filter(|_| !self.over).map(|lease| self.renewed + lease)
    }

    /// An event came, or somebody calls; whether something changes.
    pub(super) fn cue(&mut self, cue: Cue, values: &Values, now: Instant) -> bool {
        let again = values.flag("rearm") == Some(true);
        match cue {
            _ if self.over => false,
            // What it does may be what it waits for.
            Cue::Begin if again && self.told.is_some_and(|told| now.since(told) < PAUSE) => false,
            Cue::Begin => {
                self.heard += 1;
                let count = values.number("count").unwrap_or(1).max(1);
                let begins = if again { self.heard.is_multiple_of(count) } else { self.heard == count };
                if begins {
                    let waited = values.condition("on").is_some();
                    let after = values.time("after").filter(|_| waited).unwrap_or_default();
                    self.begins = Some(now + after);
                    self.turns += 1;
                    self.told = Some(now);
                }
                begins
            }
            Cue::End if self.begins.is_none() => false,
            Cue::End => {
                self.begins = None;
                self.over = !again;
                true
            }
        }
    }

    /// Which of its turns it is in, if it may hit now: each begins its counts anew. `jitter` draws for a turn.
    pub(super) fn turn(&self, values: &Values, now: Instant, jitter: impl Fn(u64) -> f64) -> Option<u64> {
        if self.over || self.has_lapsed(values, now) {
            return None;
        }
        let time = |key| values.time(key);
        let begins = self.begins?;
        let elapsed = (now >= begins).then(|| now.since(begins))?;
        let (period, since) = match time("every") {
            None => (0, elapsed),
            Some(every) => in_period(elapsed, every, time("jitter").unwrap_or_default(), jitter)?,
        };
        time("lasts").is_none_or(|lasts| since < lasts).then_some(self.turns << 32 | period)
    }

    /// When [`turn`](Self::turn) may answer otherwise than now; `None`: not before something else happens.
    pub(super) fn next(&self, values: &Values, now: Instant, jitter: impl Fn(u64) -> f64) -> Option<Instant> {
        if self.over {
            return None;
        }
        let time = |key| values.time(key);
        let lapses = self.lapses(values);
        let Some(begins) = self.begins else { return lapses };
        if begins > now {
            return lapses.into_iter().chain([begins]).min();
        }
        let lasts = time("lasts");
        let ends = match time("every") {
            None => lasts.map(|lasts| begins + lasts).into_iter().collect::<Vec<_>>(),
            Some(every) => {
                let most = time("jitter").unwrap_or_default();
                let period = period_of(now.since(begins), every);
                let starts = (period.saturating_sub(1)..=period.saturating_add(1))
                    .map(|period| begins + start(period, every, most, &jitter));
                starts.flat_map(|at| [Some(at), lasts.map(|lasts| at + lasts)]).flatten().collect()
            }
        };
        ends.into_iter().chain(lapses).filter(|at| *at > now).min()
    }
}

/// How long a fault rests before an event begins it again.
const PAUSE: Duration = Duration::from_millis(10);

/// Which period it is, from 0, and how long it has gone on.
fn in_period(
    elapsed: Duration,
    every: Duration,
    most: Duration,
    jitter: impl Fn(u64) -> f64,
) -> Option<(u64, Duration)> {
    let period = period_of(elapsed, every);
    let begun = if elapsed >= start(period, every, most, &jitter) { period } else { period.checked_sub(1)? };
    Some((begun, elapsed.saturating_sub(start(begun, every, most, &jitter))))
}

fn period_of(elapsed: Duration, every: Duration) -> u64 {
    u64::try_from(elapsed.as_micros() / every.as_micros().max(1)).unwrap_or(u64::MAX)
}

/// When a period begins: late by its part of the jitter, in microseconds as instants are.
fn start(period: u64, every: Duration, most: Duration, jitter: &impl Fn(u64) -> f64) -> Duration {
    let late = most.min(every).mul_f64(jitter(period)).as_micros();
    let late = Duration::from_micros(u64::try_from(late).unwrap_or_default());
    every.saturating_mul(u32::try_from(period).unwrap_or(u32::MAX)).saturating_add(late)
}
