//! Lines that a host has read and no step has used.

use std::collections::VecDeque;

/// Those that some `<` may use, and in a test also others, to show them.
#[derive(Default)]
pub(super) struct Lines {
    lines: VecDeque<Line>,
    /// Lines that came in all.
    count: u64,
}

pub(super) struct Line {
    /// Counts all that came, from 0.
    pub(super) number: u64,
    /// Some `<` may use it.
    pub(super) is_wanted: bool,
    pub(super) text: Box<[u8]>,
}

/// Lines at most; the oldest goes first, but before it those that nothing may use.
const LINES_MAX: usize = 256;

/// Bytes of them, unless they are to be shown.
const BYTES_MAX: usize = 64 << 10;

impl Lines {
    /// That of the next line.
    pub(super) fn number(&self) -> u64 {
        self.count
    }

    /// Takes the next line in, which is kept if some `<` may use it, or if `all` are.
    pub(super) fn came(&mut self, text: &[u8], is_wanted: bool, all: bool) {
        let number = self.count;
        self.count += 1;
        if !is_wanted && !all {
            return;
        }
        let bytes = |lines: &VecDeque<Line>| lines.iter().map(|line| line.text.len()).sum::<usize>();
        while self.lines.len() >= LINES_MAX || (!all && bytes(&self.lines) + text.len() > BYTES_MAX) {
            self.lines.remove(self.lines.iter().position(|line| !line.is_wanted).unwrap_or(0));
        }
        self.lines.push_back(Line { number, is_wanted, text: text.into() });
    }

    /// The first that fits, by its place, and what it gives.
    pub(super) fn find<T>(&self, fits: impl Fn(&[u8]) -> Option<T>) -> Option<(usize, T)> {
        let mut lines = self.lines.iter().enumerate().filter(|(_, line)| line.is_wanted);
        lines.find_map(|(place, line)| Some((place, fits(&line.text)?)))
    }

    /// Takes out the one at this place.
    pub(super) fn remove(&mut self, place: usize) -> Option<Line> {
        let line = self.lines.remove(place);
        self.give_back();
        line
    }

    /// Forgets what came before this line, which is there again.
    pub(super) fn since(&mut self, first: Line) {
        self.lines.retain(|line| line.number > first.number);
        if first.is_wanted {
            self.lines.push_front(first);
        }
        self.give_back();
    }

    /// Those from this number on.
    pub(super) fn from(&self, number: u64) -> Vec<&[u8]> {
        self.lines.iter().filter(|line| line.number >= number).map(|line| &*line.text).collect()
    }

    fn give_back(&mut self) {
        if self.lines.is_empty() {
            self.lines = VecDeque::new();
        }
    }
}
