//! The serial line of a station: what crossed it, in pieces that mean something, as far as it may be shown.

use std::collections::VecDeque;

use quasimodem_core::{Instant, Kind, Marked};

use super::pcapng::P2p;
use crate::judged::{self, Typed, What, is_end};

/// A piece of what crossed the line.
pub(super) struct Crossed<'a> {
    /// When its last byte did.
    pub(super) when: Instant,
    pub(super) direction: P2p,
    /// Whether it is raw data and no AT command.
    pub(super) is_data: bool,
    /// As it may be shown.
    pub(super) shown: &'a [u8],
}

#[derive(Default)]
pub(super) struct Serial {
    attached: bool,
    typed: Typed,
    /// When how many bytes came from the host, as far as they are not shown yet.
    came: VecDeque<(usize, Instant)>,
    /// What the modem wrote that has not crossed or can't be shown yet.
    written: VecDeque<Written>,
    /// Bytes of it that have not crossed.
    waiting: usize,
}

/// A piece that the modem wrote.
struct Written {
    bytes: Vec<u8>,
    /// How it may be shown; `None`: an echo of a line that is not complete.
    shown: Option<Vec<u8>>,
    /// So many of its bytes have crossed the line.
    crossed: usize,
    when: Instant,
}

/// Bytes that may wait to cross. A modem holds back long before, unless its host is deaf.
const WAITING: usize = 1024 * 1024;

impl Serial {
    /// A host comes or goes: nothing of before is judged or crosses any more.
    pub(super) fn host(&mut self, attached: bool, each: &mut dyn FnMut(Crossed<'_>)) {
        self.give_up(each);
        self.attached = attached;
    }

    /// Shows what can be shown of all that is there.
    pub(super) fn give_up(&mut self, each: &mut dyn FnMut(Crossed<'_>)) {
        self.typed.give_up();
        self.judge_echo(None);
        self.show(each);
        for Written { bytes, shown, crossed, when } in self.written.drain(..) {
            let shown = shown.unwrap_or_else(|| judged::stars(&bytes));
            if let Some(shown) = shown.get(..crossed).filter(|shown| !shown.is_empty()) {
                each(Crossed { when, direction: P2p::Received, is_data: false, shown });
            }
        }
        self.waiting = 0;
    }

    /// The host sent bytes, which the modem is told next.
    pub(super) fn typed(&mut self, now: Instant, bytes: &[u8]) {
        self.typed.push(bytes);
        self.came.push_back((bytes.len(), now));
    }

    /// The modem took a line.
    pub(super) fn line(&mut self, line: Marked<'_>) {
        self.typed.line(line);
        self.judge_echo(Some(line));
    }

    /// The modem took raw data.
    pub(super) fn data(&mut self, size: usize, behind: usize, secret: bool) {
        self.typed.data(size, behind, secret);
    }

    /// The modem wrote a piece, which will cross.
    pub(super) fn written(&mut self, now: Instant, kind: Kind, marked: Marked<'_>) {
        let bytes = marked.bytes();
        if !self.attached || bytes.is_empty() {
            return;
        }
        self.waiting += bytes.len();
        if self.waiting > WAITING {
            self.written.clear();
            self.waiting = 0;
            return;
        }
        let is_echo = kind == Kind::Echo && !bytes.iter().all(|byte| is_end(*byte));
        match self.written.back_mut() {
            // It is typed byte by byte.
            Some(Written { bytes: before, shown: None, .. }) if is_echo => before.extend_from_slice(bytes),
            _ => {
                // A line that goes on behind this is judged without its beginning.
                self.judge_echo(None);
                let shown = match kind {
                    Kind::Echo if is_echo => None,
                    Kind::Echo => Some(bytes.to_vec()),
                    _ => Some(judged::shown(marked)),
                };
                self.written.push_back(Written { bytes: bytes.to_vec(), shown, crossed: 0, when: now });
            }
        }
    }

    /// Bytes of the modem crossed the line.
    pub(super) fn crossed(&mut self, now: Instant, bytes: &[u8], each: &mut dyn FnMut(Crossed<'_>)) {
        let mut rest = bytes;
        for piece in &mut self.written {
            let due = piece.bytes.get(piece.crossed..).unwrap_or_default();
            let (come, behind) = rest.split_at(due.len().min(rest.len()));
            if !due.starts_with(come) {
                break;
            }
            if !come.is_empty() {
                piece.crossed += come.len();
                piece.when = now;
                rest = behind;
            }
        }
        self.waiting = self.waiting.saturating_sub(bytes.len() - rest.len());
        self.show(each);
        if !rest.is_empty() {
            // Not what was written: something on the way changes it, and nobody knows what it is.
            self.written.clear();
            self.waiting = 0;
            each(Crossed { when: now, direction: P2p::Received, is_data: false, shown: &judged::stars(rest) });
        }
    }

    /// Shows what is judged and has crossed.
    pub(super) fn show(&mut self, each: &mut dyn FnMut(Crossed<'_>)) {
        let came = &mut self.came;
        self.typed.take(|what, shown| {
            let when = came_last(came, shown.len());
            each(Crossed { when, direction: P2p::Sent, is_data: what == What::Data, shown });
        });
        while let Some(Written { bytes, shown: Some(shown), crossed, when }) = self.written.front()
            && *crossed == bytes.len()
        {
            each(Crossed { when: *when, direction: P2p::Received, is_data: false, shown });
            self.written.pop_front();
        }
    }

    /// What is echoed is of this line, or nobody knows of which.
    fn judge_echo(&mut self, line: Option<Marked<'_>>) {
        if let Some(Written { bytes, shown: shown @ None, .. }) = self.written.back_mut() {
            *shown = Some(judged::echo(bytes, line));
        }
    }
}

/// Takes so many bytes away, and tells when the last of them came.
fn came_last(came: &mut VecDeque<(usize, Instant)>, mut count: usize) -> Instant {
    let mut when = Instant::START;
    while count > 0
        && let Some((left, at)) = came.front_mut()
    {
        when = *at;
        let taken = count.min(*left);
        count -= taken;
        *left -= taken;
        if *left == 0 {
            came.pop_front();
        }
    }
    when
}
