//! What waits to be written to a serial end, and where in it the port is to be set anew.

use std::collections::VecDeque;

use quasimodem_core::Uart;

use crate::queue::{Crossed, Queue};

/// Bytes that wait to be written, with the settings that come into force between them.
#[derive(Default)]
pub(crate) struct Output {
    bytes: Queue,
    /// Settings, and how many bytes must be written first, those of the settings in front of them not counted.
    settings: VecDeque<(usize, Uart)>,
    /// Bytes behind the last settings.
    behind: usize,
}

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next<'a> {
    Nothing,
    Write(&'a [u8]),
    /// Set the port, once all that was written has left.
    Set(Uart),
}

impl Output {
    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.push(bytes);
        self.behind += bytes.len();
    }

    /// Appends settings.
    pub(crate) fn set(&mut self, uart: Uart) {
        match self.settings.back_mut() {
            // Nothing is to be written with the last ones.
            Some((_, last)) if self.behind == 0 => *last = uart,
            _ => self.settings.push_back((std::mem::take(&mut self.behind), uart)),
        }
    }

    /// What is to be done next; [`written`](Self::written) and [`is_set`](Self::is_set) tell that it was.
    pub(crate) fn next(&self) -> Next<'_> {
        match self.settings.front() {
            Some((0, uart)) => Next::Set(*uart),
            Some((ahead, _)) => Next::Write(self.bytes.waiting().get(..*ahead).unwrap_or_default()),
            None if self.bytes.is_empty() => Next::Nothing,
            None => Next::Write(self.bytes.waiting()),
        }
    }

    /// So many of the bytes of [`next`](Self::next) were written.
    pub(crate) fn written(&mut self, count: usize) {
        self.bytes.advance(count);
        let ahead = self.settings.front_mut().map_or(&mut self.behind, |(ahead, _)| ahead);
        *ahead = ahead.saturating_sub(count);
    }

    /// The settings of [`next`](Self::next) are in force.
    pub(crate) fn is_set(&mut self) {
        self.settings.pop_front();
        if self.settings.is_empty() {
            self.settings = VecDeque::new();
        }
    }

    /// Forgets all bytes. Of the settings the last ones stay: they outlive the host that asked for them.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.behind = 0;
        self.settings = self.settings.pop_back().map(|(_, uart)| (0, uart)).into_iter().collect();
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.next() == Next::Nothing
    }

    /// The mark that was crossed since the last call, if any.
    pub(crate) fn crossed(&mut self) -> Option<Crossed> {
        self.bytes.crossed()
    }
}

#[cfg(test)]
mod tests {
    use quasimodem_core::Rate;

    use super::*;

    fn uart(rate: u32) -> Uart {
        Uart { rate: Rate::new(rate).unwrap(), ..Uart::default() }
    }

    #[test]
    fn settings_keep_their_place_between_the_bytes() {
        let mut output = Output::default();
        output.push(b"old");
        output.set(uart(1));
        output.set(uart(2));
        output.push(b"new");
        output.set(uart(3));
        assert_eq!(output.next(), Next::Write(b"old"));
        output.written(2);
        assert_eq!(output.next(), Next::Write(b"d"));
        output.written(1);
        assert_eq!(output.next(), Next::Set(uart(2)));
        output.is_set();
        assert_eq!(output.next(), Next::Write(b"new"));
        output.written(3);
        assert_eq!(output.next(), Next::Set(uart(3)));
        output.is_set();
        assert_eq!(output.next(), Next::Nothing);
        output.push(b"x");
        assert_eq!(output.next(), Next::Write(b"x"));
    }

    #[test]
    fn settings_outlive_the_host() {
        let mut output = Output::default();
        output.push(b"for nobody");
        output.set(uart(1));
        output.push(b"any more");
        output.set(uart(2));
        output.clear();
        assert_eq!(output.next(), Next::Set(uart(2)));
        output.is_set();
        assert!(output.is_empty());
    }
}
