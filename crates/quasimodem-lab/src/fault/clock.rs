//! The network's clock as the module sees it while a fault has it wrong.

use quasimodem_core::{Change, Instant, Modem};

use super::row::Clock;

/// What is hidden meanwhile, and what is shown.
#[derive(Default)]
pub(super) struct WrongClock(Option<Shown>);

#[derive(Clone, Copy)]
struct Shown {
    clock: Clock,
    /// Seconds since 1970 at [`Instant::START`] by the network, if it said so.
    right: Option<i64>,
    /// The same by the fault.
    wrong: i64,
}

impl WrongClock {
    /// What the modem has to be told so that its clock is this.
    pub(super) fn follow(&mut self, now: Instant, clock: Option<Clock>, modem: &Modem) -> Option<Change> {
        if self.0.map(|shown| shown.clock) == clock {
            return None;
        }
        let seconds = since_start(now);
        let right = match self.0 {
            Some(shown) => shown.right,
            None => modem.network_clock(now).map(|clock| clock.saturating_sub(seconds)),
        };
        self.0 = clock.map(|clock| Shown { clock, right, wrong: wrong(clock, right, seconds) });
        // A clock that was not set is not set again by this.
        let at_start = self.0.map_or(right.unwrap_or_default(), |shown| shown.wrong);
        Some(Change::Clock(at_start.saturating_add(seconds)))
    }

    /// What of a change reaches the modem now.
    pub(super) fn change(&mut self, now: Instant, change: Change) -> Option<Change> {
        let (Some(shown), Change::Clock(clock)) = (&mut self.0, change) else { return Some(change) };
        let seconds = since_start(now);
        shown.right = Some(clock.saturating_sub(seconds));
        let Clock::Off(_) = shown.clock else { return None };
        shown.wrong = wrong(shown.clock, shown.right, seconds);
        Some(Change::Clock(shown.wrong.saturating_add(seconds)))
    }

    /// What it shows, while it is wrong.
    pub(super) fn wrong(&self, now: Instant) -> Option<i64> {
        self.0.map(|shown| shown.wrong.saturating_add(since_start(now)))
    }
}

/// Seconds since 1970 at the start by a clock that goes wrong now.
fn wrong(clock: Clock, right: Option<i64>, seconds: i64) -> i64 {
    match clock {
        Clock::At(time) => time.saturating_sub(seconds),
        Clock::Off(by) => right.unwrap_or(UNSET - seconds).saturating_add(by),
    }
}

/// What a clock shows that was never set: the epoch of GPS.
const UNSET: i64 = 315_964_800;

fn since_start(now: Instant) -> i64 {
    i64::try_from(now.since(Instant::START).as_secs()).unwrap_or(i64::MAX)
}
