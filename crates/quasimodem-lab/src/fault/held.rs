//! What faults hold back, in order and by time: one lane for each direction of a link, and for what the host reads.

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::{Instant, Why};

use super::hand::{Parcel, Wait};

/// One direction. Bytes keep their order, but for those that others may pass.
#[derive(Default, Debug)]
pub(super) struct Lane {
    queue: VecDeque<(Instant, Held)>,
    aside: Vec<Aside>,
    /// Bytes that it holds.
    size: usize,
    /// Nothing that is held anew comes earlier.
    last: Option<Instant>,
}

/// What a lane lets go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Bytes(Vec<u8>),
    /// The connection ended.
    End(Why),
}

/// What others may pass.
#[derive(Debug)]
struct Aside {
    at: Instant,
    /// How many others still pass it.
    left: Option<u64>,
    /// Those of one group keep their order.
    group: u8,
    bytes: Vec<u8>,
}

impl Lane {
    /// Bytes that a lane holds before nothing more is to be put into it.
    pub(super) const MOST: usize = 64 << 10;

    /// Takes something in; gives it back if it goes on at once.
    pub(super) fn put(&mut self, now: Instant, group: u8, Parcel { bytes, wait }: Parcel) -> Option<Vec<u8>> {
        let with_group =
            self.aside.iter().filter(|aside| group != 0 && aside.group == group).map(|aside| aside.at).max();
        match (wait, with_group) {
            (Wait::Not, None) => self.put_at(now, now, bytes),
            (Wait::Long(time), None) => self.put_at(now, now + time, bytes),
            (Wait::Not | Wait::Long(_), Some(at)) => self.put_aside(at, None, group, bytes),
            (Wait::Aside(time), at) => {
                self.put_aside(at.map_or(now + time, |at| at.max(now + time)), None, group, bytes)
            }
            (Wait::Passed(others, time), _) => self.put_aside(now + time, Some(others), group, bytes),
        }
    }

    /// Takes something in that goes on at this time, and not before what was put in earlier.
    pub(super) fn put_at(&mut self, now: Instant, at: Instant, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.passes(now);
        if at <= now && self.queue.is_empty() {
            self.last = Some(at);
            return Some(bytes);
        }
        self.hold(at.max(now), bytes);
        None
    }

    /// Holds something, and not shorter than this.
    pub(super) fn hold(&mut self, at: Instant, bytes: Vec<u8>) {
        let at = at.max(self.last.unwrap_or(at));
        (self.size, self.last) = (self.size + bytes.len(), Some(at));
        self.queue.push_back((at, Held::Bytes(bytes)));
    }

    fn put_aside(&mut self, at: Instant, left: Option<u64>, group: u8, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.size += bytes.len();
        self.aside.push(Aside { at, left, group, bytes });
        None
    }

    /// The connection ended, which is known behind all that is held.
    pub(super) fn put_end(&mut self, now: Instant, why: Why) {
        let after = self.aside.iter().map(|aside| aside.at).max();
        let at = now.max(self.last.unwrap_or(now)).max(after.unwrap_or(now));
        self.last = Some(at);
        self.queue.push_back((at, Held::End(why)));
    }

    /// This long after the last that it took in goes or went on.
    pub(super) fn last_at(&self, gap: Duration) -> Option<Instant> {
        self.last.map(|last| last + gap)
    }

    /// The next that goes on by now. What was put aside may wait for more than the time (`may`).
    pub(super) fn take(&mut self, now: Instant, may: bool) -> Option<Held> {
        if may {
            let due = self.aside.iter().enumerate().filter(|(_, aside)| aside.at <= now);
            if let Some((place, _)) = due.min_by_key(|(place, aside)| (aside.at, *place)) {
                let bytes = self.aside.remove(place).bytes;
                self.size -= bytes.len();
                return Some(Held::Bytes(bytes));
            }
        }
        let (_, held) = self.queue.pop_front_if(|(at, _)| *at <= now)?;
        if let Held::Bytes(bytes) = &held {
            self.size -= bytes.len();
        }
        Some(held)
    }

    /// What kept it is over: all that waits in order goes on from now on.
    pub(super) fn release(&mut self, now: Instant) {
        self.queue.iter_mut().for_each(|(at, _)| *at = now.min(*at));
        self.last = self.last.map(|last| last.min(now));
    }

    /// When [`take`](Self::take) has something in order.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// When it has something that was put aside.
    pub(super) fn deadline_aside(&self) -> Option<Instant> {
        self.aside.iter().map(|aside| aside.at).min()
    }

    /// All of it, in the order in which it would have gone on.
    pub(super) fn drain(&mut self) -> Vec<Vec<u8>> {
        let end = self.queue.back().map(|(at, _)| *at).into_iter().chain(self.aside.iter().map(|aside| aside.at)).max();
        let mut all = Vec::new();
        while let Some(held) = end.and_then(|end| self.take(end, true)) {
            if let Held::Bytes(bytes) = held {
                all.push(bytes);
            }
        }
        all
    }

    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.aside.is_empty()
    }

    /// Whether something is held that nothing passes.
    pub(super) fn holds(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether it holds as much as it may.
    pub(super) fn is_full(&self) -> bool {
        self.size >= Lane::MOST
    }

    /// Something else goes on: what waits for that has one less to wait for.
    fn passes(&mut self, now: Instant) {
        for aside in &mut self.aside {
            if let Some(left) = aside.left.as_mut().filter(|left| **left > 0) {
                *left -= 1;
                if *left == 0 {
                    aside.at = now;
                }
            }
        }
    }
}

/// How long bytes take at so many bits a second.
pub(super) fn takes(bytes: usize, bits_per_second: u64) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
    Duration::from_micros(bits.saturating_mul(1_000_000) / bits_per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn long(bytes: &[u8], millis: u64) -> Parcel {
        Parcel { bytes: bytes.into(), wait: Wait::Long(Duration::from_millis(millis)) }
    }

    #[test]
    fn what_is_held_holds_what_comes_after_it() {
        let mut lane = Lane::default();
        assert_eq!(lane.put(at(0), 0, Parcel::new(*b"a")), Some(b"a".to_vec()));
        assert_eq!(lane.put(at(0), 0, long(b"b", 5)), None);
        assert_eq!(lane.put(at(1), 0, Parcel::new(*b"c")), None);
        lane.put_end(at(2), Why::Ended);
        assert_eq!((lane.take(at(4), true), lane.deadline()), (None, Some(at(5))));
        let all: Vec<Held> = std::iter::from_fn(|| lane.take(at(5), true)).collect();
        assert_eq!(all, [Held::Bytes(b"b".to_vec()), Held::Bytes(b"c".to_vec()), Held::End(Why::Ended)]);
        assert!(lane.is_empty());
    }

    #[test]
    fn what_is_aside_is_passed() {
        let mut lane = Lane::default();
        let aside = |wait| Parcel { bytes: b"late".into(), wait };
        assert_eq!(lane.put(at(0), 1, aside(Wait::Aside(Duration::from_millis(9)))), None);
        assert_eq!(lane.put(at(0), 2, Parcel::new(*b"other")), Some(b"other".to_vec()));
        assert_eq!(lane.put(at(0), 1, Parcel::new(*b"same")), None);
        assert_eq!((lane.take(at(9), false), lane.deadline_aside()), (None, Some(at(9))));
        assert_eq!(lane.drain(), [b"late".to_vec(), b"same".to_vec()]);
        assert_eq!(lane.put(at(9), 0, aside(Wait::Passed(2, Duration::from_secs(1)))), None);
        assert!(lane.put(at(9), 0, Parcel::new(*b"x")).is_some() && lane.take(at(9), true).is_none());
        assert!(lane.put(at(9), 0, Parcel::new(*b"y")).is_some());
        assert_eq!(lane.take(at(9), true), Some(Held::Bytes(b"late".to_vec())));
        assert!(lane.is_empty() && lane.size == 0);
    }
}
