//! One direction of a serial line in time: characters leave a transmitter one after the other, and a receiver that is not
//! emptied in time loses some.

use std::collections::VecDeque;
use std::time::Duration;

/// A transmitter, the wire, and the FIFO of a receiver.
///
/// Times count from any one moment, and never go back.
#[derive(Debug)]
pub struct Lane {
    /// How long a character takes.
    character: Duration,
    /// Whether the receiver holds the transmitter back before it overruns.
    held_back: bool,
    /// What waits to be sent; the first one is on the wire.
    transmitter: VecDeque<u8>,
    /// When the one on the wire set out.
    since: Duration,
    fifo: VecDeque<u8>,
}

impl Lane {
    /// Characters that wait in a transmitter at most.
    pub const TRANSMITTER: usize = 512;

    /// Characters that a receiver holds at most.
    pub const FIFO: usize = 1024;

    /// A quiet line, of which a character takes so long.
    pub fn new(character: Duration, held_back: bool) -> Lane {
        Lane { character, held_back, transmitter: VecDeque::new(), since: Duration::ZERO, fifo: VecDeque::new() }
    }

    /// Changes how long a character takes, from the one on the wire on, and whether the receiver holds the transmitter
    /// back.
    pub fn set(&mut self, character: Duration, held_back: bool) {
        self.character = character;
        self.held_back = held_back;
    }

    /// How many characters the transmitter takes.
    pub fn room(&self) -> usize {
        Lane::TRANSMITTER.saturating_sub(self.transmitter.len())
    }

    /// Gives the transmitter characters, not more than it has [`room`](Self::room) for.
    pub fn send(&mut self, now: Duration, characters: &[u8]) {
        if self.transmitter.is_empty() {
            self.since = now;
        }
        self.transmitter.extend(characters);
    }

    /// Lets all arrive that is due; how many were lost, since the receiver was full.
    pub fn advance(&mut self, now: Duration) -> usize {
        let mut lost = 0;
        while !self.transmitter.is_empty() && self.since + self.character <= now {
            let full = self.fifo.len() >= Lane::FIFO;
            if full && self.held_back {
                // It sets out anew once there is room.
                self.since = now;
                break;
            }
            self.since += self.character;
            match self.transmitter.pop_front() {
                Some(_) if full => lost += 1,
                Some(character) => self.fifo.push_back(character),
                None => {}
            }
        }
        lost
    }

    /// When [`advance`](Self::advance) has something to do, unless something is read before.
    pub fn deadline(&self) -> Option<Duration> {
        let waits = self.held_back && self.fifo.len() >= Lane::FIFO;
        (!self.transmitter.is_empty() && !waits).then_some(self.since + self.character)
    }

    /// What arrived and was not read, or the front part of it.
    pub fn received(&self) -> &[u8] {
        self.fifo.as_slices().0
    }

    /// Takes so many characters out of the receiver.
    pub fn read(&mut self, count: usize) {
        self.fifo.drain(..count.min(self.fifo.len()));
    }

    /// Whether nothing is under way, nor waits to be read.
    pub fn is_empty(&self) -> bool {
        self.transmitter.is_empty() && self.fifo.is_empty()
    }

    /// Forgets all characters.
    pub fn clear(&mut self) {
        self.transmitter.clear();
        self.fifo.clear();
    }
}

#[cfg(test)]
mod tests {
    use quasimodem_core::{Rate, Uart};

    use super::*;

    fn character(rate: u32) -> Duration {
        Uart { rate: Rate::new(rate).unwrap(), ..Uart::default() }.character()
    }

    #[test]
    fn characters_come_at_the_rate_however_often_one_looks() {
        for step in [1, 50, 1000, 7919, 1_000_000] {
            let mut lane = Lane::new(character(115_200), false);
            let mut now = Duration::from_secs(5);
            let end = now + Duration::from_secs(1);
            let (mut sent, mut came) = (0, 0);
            while now < end {
                let room = lane.room();
                lane.send(now, &vec![7; room]);
                sent += room;
                now = (now + Duration::from_micros(step)).min(end);
                assert_eq!(lane.advance(now), 0);
                let count = lane.received().len();
                lane.read(count);
                came += count;
            }
            // 11520 characters a second; who looks too seldom finds the transmitter empty in between.
            let due = 11_520.min(sent);
            assert!(came.abs_diff(due) <= 1, "{came} of {due} with a step of {step}");
        }
    }

    #[test]
    fn a_quiet_line_saves_no_time_for_later() {
        let mut lane = Lane::new(Duration::from_millis(1), false);
        assert_eq!(lane.deadline(), None);
        lane.send(Duration::from_secs(100), b"ab");
        assert_eq!(lane.deadline(), Some(Duration::from_millis(100_001)));
        lane.advance(Duration::from_millis(100_000));
        assert_eq!(lane.received(), b"");
        lane.advance(Duration::from_millis(100_001));
        assert_eq!(lane.received(), b"a");
        lane.advance(Duration::from_millis(100_002));
        assert_eq!(lane.received(), b"ab");
        assert_eq!(lane.deadline(), None);
    }

    #[test]
    fn what_nobody_reads_is_lost_without_flow_control() {
        let mut lane = Lane::new(Duration::from_micros(1), false);
        let (mut now, mut lost) = (Duration::ZERO, 0);
        for byte in 0..10u8 {
            lane.send(now, &[byte; Lane::TRANSMITTER]);
            now += Duration::from_millis(1);
            lost += lane.advance(now);
        }
        assert_eq!(lost, 10 * Lane::TRANSMITTER - Lane::FIFO);
        assert_eq!(lane.received().len(), Lane::FIFO);
        assert_eq!(lane.received().last(), Some(&1), "the newest are lost");
    }

    #[test]
    fn nothing_is_lost_with_flow_control() {
        let mut lane = Lane::new(Duration::from_micros(1), true);
        let (mut now, mut sent, mut came) = (Duration::ZERO, 0, Vec::new());
        while came.len() < 5000 {
            let room = lane.room();
            lane.send(now, &vec![u8::try_from(sent % 251).unwrap(); room]);
            sent += usize::from(room > 0);
            now += Duration::from_millis(1);
            assert_eq!(lane.advance(now), 0);
            // Full, and as much again waits behind it.
            if lane.room() == 0 && lane.received().len() == Lane::FIFO {
                assert_eq!(lane.deadline(), None, "it waits for a reader, not for the time");
                came.extend_from_slice(lane.received());
                let count = lane.received().len();
                lane.read(count);
            }
        }
        assert!(came.chunks(Lane::TRANSMITTER).all(|chunk| chunk.iter().all(|byte| *byte == chunk[0])));
    }

    #[test]
    fn the_rate_can_change_on_the_way() {
        let mut lane = Lane::new(Duration::from_millis(10), false);
        lane.send(Duration::ZERO, b"abc");
        lane.advance(Duration::from_millis(10));
        lane.set(Duration::from_millis(1), false);
        lane.advance(Duration::from_millis(12));
        assert_eq!(lane.received(), b"abc");
    }
}
