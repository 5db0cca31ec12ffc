//! What the host sends: lines, raw data, and bytes that are neither.

use std::time::Duration;

use quasimodem_core::Instant;

use super::Event;

/// A pause within raw data from which on what follows may be a command.
const PAUSE: Duration = Duration::from_millis(100);

/// The bytes of one host, until it is known what they are.
pub(super) struct FromHost {
    /// The number of the newest line.
    pub(super) line: u64,
    /// When the first byte came of what is not complete.
    begun: Option<Instant>,
    /// When the newest bytes came.
    came: Instant,
    /// Bytes in front of a command, and NULs.
    junk: u64,
    nuls: u64,
    /// Something of the line at hand was sent back.
    echoed: bool,
    /// The raw data that the modem waits for.
    raw: Option<Raw>,
    /// The module hears nothing, and why.
    unheard: Option<&'static str>,
}

impl Default for FromHost {
    fn default() -> FromHost {
        FromHost {
            line: 0,
            begun: None,
            came: Instant::START,
            junk: 0,
            nuls: 0,
            echoed: false,
            raw: None,
            unheard: None,
        }
    }
}

/// A line that is complete.
pub(super) struct Line {
    pub(super) begun: Instant,
    pub(super) junk: Option<u64>,
    pub(super) nuls: Option<u64>,
    pub(super) echoed: bool,
}

struct Raw {
    declared: u64,
    size: u64,
    begun: Option<Instant>,
    /// When its newest byte came.
    came: Instant,
    pause: Option<Duration>,
    /// Where something begins that looks like a command.
    command: Option<u64>,
}

impl FromHost {
    /// The host comes or goes, or the module starts anew: nothing that is half there will be whole.
    pub(super) fn forget(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.raw_is_over(None, tell);
        self.stray(tell);
        (self.begun, self.echoed, self.unheard) = (None, false, None);
    }

    /// Bytes came, which the module hears.
    pub(super) fn bytes_came(&mut self, bytes: &[u8], now: Instant) {
        self.came = now;
        if bytes.iter().any(|byte| begins(*byte)) {
            self.begun.get_or_insert(now);
        }
    }

    /// Bytes came while the module hears nothing.
    pub(super) fn unheard(&mut self, bytes: &[u8], now: Instant, why: &'static str, tell: &mut dyn FnMut(Event<'_>)) {
        self.bytes_came(bytes, now);
        self.unheard = Some(why);
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => self.stray(tell),
                0 => self.nuls += 1,
                b' ' => {}
                _ => self.junk += 1,
            }
        }
    }

    /// The module hears again.
    pub(super) fn hears(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        if self.unheard.is_some() {
            self.stray(tell);
            (self.begun, self.unheard) = (None, None);
        }
    }

    /// All that came is taken in: what is behind the last end of a line begins another one.
    pub(super) fn bytes_ended(&mut self, bytes: &[u8]) {
        let tail = bytes.rsplit(|byte| is_end(*byte)).next().unwrap_or_default();
        // It repeats a line, and has no end.
        let is_repeat = matches!(tail, [.., b'A' | b'a', b'/']) && self.junk == 0;
        let has_end = tail.len() < bytes.len();
        if self.raw.is_some() || is_repeat || has_end && !tail.iter().any(|byte| begins(*byte)) {
            self.begun = None;
        }
    }

    /// The modem sent something of the line at hand back.
    pub(super) fn echoed(&mut self, bytes: &[u8]) {
        self.echoed |= bytes.iter().any(|byte| !is_end(*byte));
    }

    /// Bytes are of no command.
    pub(super) fn skipped(&mut self, size: usize, nuls: usize, ended: bool, tell: &mut dyn FnMut(Event<'_>)) {
        self.junk += count(size);
        self.nuls += count(nuls);
        if ended {
            self.stray(tell);
        }
    }

    /// A line is complete.
    pub(super) fn line_came(&mut self) -> Line {
        self.line += 1;
        // What came behind it in the same piece begins the next one.
        let begun = self.begun.replace(self.came).unwrap_or(self.came);
        let (junk, nuls) = (positive(&mut self.junk), positive(&mut self.nuls));
        Line { begun, junk, nuls, echoed: std::mem::take(&mut self.echoed) }
    }

    /// The modem asks for raw data.
    pub(super) fn asked(&mut self, declared: usize) {
        let (declared, came) = (count(declared), self.came);
        self.raw = Some(Raw { declared, size: 0, begun: None, came, pause: None, command: None });
    }

    /// Raw data came: so many bytes, in front of so many others of what came last.
    pub(super) fn data_came(&mut self, size: usize, behind: usize, input: &[u8], tell: &mut dyn FnMut(Event<'_>)) {
        let Some(raw) = &mut self.raw else { return };
        let end = input.len().saturating_sub(behind);
        let (piece, rest) = input.split_at(end);
        let piece = piece.get(end.saturating_sub(size)..).unwrap_or_default();
        if raw.begun.is_some() {
            let pause = self.came.since(raw.came);
            raw.pause = raw.pause.max(Some(pause));
            if pause >= PAUSE && looks_typed(piece) {
                raw.command.get_or_insert(raw.size);
            }
        }
        raw.begun.get_or_insert(self.came);
        raw.came = self.came;
        raw.size += count(size);
        self.begun = (behind > 0).then_some(self.came);
        if raw.size >= raw.declared {
            let beyond = rest.iter().filter(|byte| !is_end(**byte)).count();
            self.raw_is_over(Some(count(beyond)).filter(|beyond| *beyond > 0), tell);
        }
    }

    /// The modem waits for no raw data any longer, if it did.
    pub(super) fn raw_is_over(&mut self, beyond: Option<u64>, tell: &mut dyn FnMut(Event<'_>)) {
        let Some(Raw { declared, size, begun, pause, command, .. }) = self.raw.take() else { return };
        tell(Event::Raw {
            line: self.line,
            t0: begun.map(|begun| begun.since(Instant::START)),
            size,
            declared,
            beyond,
            pause,
            swallowed: command.map(|from| size - from),
        });
    }

    fn stray(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        if self.junk + self.nuls > 0 {
            let t0 = self.begun.unwrap_or(self.came).since(Instant::START);
            let size = std::mem::take(&mut self.junk);
            tell(Event::Stray { t0, size, nuls: positive(&mut self.nuls), why: self.unheard });
        }
        self.begun = Some(self.came);
    }
}

/// Whether it is the first byte of something.
fn begins(byte: u8) -> bool {
    byte != 0 && !is_end(byte)
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether data begins as a command does.
fn looks_typed(bytes: &[u8]) -> bool {
    matches!(bytes, [b'A' | b'a', b'T' | b't'] | [b'A' | b'a', b'T' | b't', b'+' | b'&' | b'\r' | b'\n', ..])
        || matches!(bytes, [b'A' | b'a', b'T' | b't', next, ..] if next.is_ascii_alphabetic())
}

/// Takes a number away, if it is not 0.
fn positive(number: &mut u64) -> Option<u64> {
    Some(std::mem::take(number)).filter(|number| *number > 0)
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
