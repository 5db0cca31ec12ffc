//! One direction of a connection: bytes that arrive in order, later, and cut at other places than they were written.

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::Instant;

use crate::random::Random;

/// How a pipe treats its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// How long a chunk is on its way, at least and at most.
    pub delay: (Duration, Duration),
    /// What each byte takes on top, so that a chunk comes after the one before.
    pub per_byte: Duration,
    /// Bytes that arrive together at most; 0 counts as 1.
    pub chunk: usize,
    /// Bytes that are on their way or arrived unread at most: the rest stays with the writer.
    pub window: usize,
    /// With more bytes than this the writer is told that the pipe is full.
    pub high: usize,
    /// With no more bytes than this a full pipe is free again.
    pub low: usize,
}

/// At once, whole, as much as 64 KiB.
impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            delay: (Duration::ZERO, Duration::ZERO),
            per_byte: Duration::ZERO,
            chunk: 4096,
            window: 64 << 10,
            high: 16 << 10,
            low: 4 << 10,
        }
    }
}

/// One direction of a connection.
///
/// A pipe never loses a byte and never grows beyond what its writer gives it: a reader that does not read stops it, and
/// the writer is told by [`turned`](Self::turned).
#[derive(Clone, Debug)]
pub struct Pipe {
    conditions: Conditions,
    /// Still with the writer.
    queued: VecDeque<u8>,
    /// On their way, in the order of their arrival.
    flying: VecDeque<(Instant, Box<[u8]>)>,
    /// Bytes in `flying`.
    in_flight: usize,
    /// Not read yet.
    arrived: VecDeque<u8>,
    /// When the last chunk arrives.
    last: Instant,
    /// Nothing arrives.
    held: bool,
    /// The writer knows that the pipe is full.
    full: bool,
    /// Nothing more is written.
    ended: bool,
}

impl Pipe {
    /// An empty pipe.
    pub fn new(conditions: Conditions) -> Pipe {
        Pipe {
            conditions,
            queued: VecDeque::new(),
            flying: VecDeque::new(),
            in_flight: 0,
            arrived: VecDeque::new(),
            last: Instant::START,
            held: false,
            full: false,
            ended: false,
        }
    }

    /// Takes bytes, whether full or not.
    pub fn write(&mut self, now: Instant, bytes: &[u8], random: &mut Random) {
        self.queued.extend(bytes);
        self.push(now, random);
    }

    /// Nothing more will be written.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Lets arrive what is due at `now`.
    pub fn settle(&mut self, now: Instant) {
        while let Some((at, _)) = self.flying.front()
            && !self.held
            && *at <= now
            && let Some((_, bytes)) = self.flying.pop_front()
        {
            self.in_flight -= bytes.len();
            self.arrived.extend(bytes);
        }
    }

    /// When the next bytes arrive.
    pub fn deadline(&self) -> Option<Instant> {
        let next = self.flying.front().filter(|_| !self.held);
        next.map(|(at, _)| *at)
    }

    /// Takes out what arrived, `max` bytes at most.
    pub fn read(&mut self, now: Instant, max: usize, random: &mut Random) -> Vec<u8> {
        let bytes = self.arrived.drain(..max.min(self.arrived.len())).collect();
        self.push(now, random);
        bytes
    }

    /// Whether bytes arrived that were not read.
    pub fn is_readable(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Whether everything was read and nothing follows.
    pub fn is_over(&self) -> bool {
        self.ended && self.queued.is_empty() && self.flying.is_empty() && self.arrived.is_empty()
    }

    /// From here on nothing arrives (`true`), or all that was held back.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether the pipe became full (`true`) or free (`false`) since it was asked last.
    pub fn turned(&mut self) -> Option<bool> {
        let Conditions { high, low, .. } = self.conditions;
        let full = if self.full { self.queued.len() > low } else { self.queued.len() > high };
        (std::mem::replace(&mut self.full, full) != full).then_some(full)
    }

    /// Loses all bytes.
    pub fn clear(&mut self) {
        self.queued.clear();
        self.flying.clear();
        self.in_flight = 0;
        self.arrived.clear();
    }

    /// From here on other conditions hold. What is on its way stays in order.
    pub fn change(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Sends off what the window allows.
    fn push(&mut self, now: Instant, random: &mut Random) {
        let Conditions { delay, per_byte, chunk, window, .. } = self.conditions;
        while !self.queued.is_empty() {
            let room = window.max(1).saturating_sub(self.in_flight + self.arrived.len());
            if room == 0 {
                return;
            }
            let length = random.between(1, chunk.max(1)).min(self.queued.len()).min(room);
            let bytes: Box<[u8]> = self.queued.drain(..length).collect();
            let takes = per_byte.saturating_mul(u32::try_from(length).unwrap_or(u32::MAX));
            self.last = self.last.max(now + random.time(delay.0, delay.1)) + takes;
            self.in_flight += length;
            self.flying.push_back((self.last, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_in_order_however_they_are_cut() {
        let mut random = Random::new(7);
        let delay = (Duration::from_millis(1), Duration::from_millis(90));
        let conditions = Conditions { delay, chunk: 5, window: 40, high: 100, low: 10, ..Conditions::default() };
        let mut pipe = Pipe::new(conditions);
        let text: Vec<u8> = (0..=255).collect();
        pipe.write(Instant::START, &text, &mut random);
        assert_eq!((pipe.turned(), pipe.turned()), (Some(true), None));
        pipe.end();
        let mut read = Vec::new();
        while !pipe.is_over() {
            let now = pipe.deadline().unwrap();
            pipe.settle(now);
            assert!(pipe.is_readable());
            read.extend(pipe.read(now, 3, &mut random));
            while pipe.is_readable() {
                read.extend(pipe.read(now, 3, &mut random));
            }
        }
        assert_eq!((read, pipe.turned()), (text, Some(false)));
    }

    #[test]
    fn a_held_pipe_keeps_its_bytes() {
        let mut random = Random::new(7);
        let mut pipe = Pipe::new(Conditions::default());
        pipe.write(Instant::START, b"x", &mut random);
        pipe.hold(true);
        pipe.settle(Instant::from_millis(9));
        assert_eq!((pipe.deadline(), pipe.is_readable()), (None, false));
        pipe.hold(false);
        pipe.settle(Instant::from_millis(9));
        assert!(pipe.is_readable());
    }
}
