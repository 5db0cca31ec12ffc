//! Serial bytes to command lines.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::note::StoredNote;
use crate::outbox::{Kind, Outbox};
use crate::sink::Sink;

/// Bytes of the `AT` in front of the commands of a line.
pub(crate) const PREFIX: usize = 2;

/// Bytes of a line at most, `AT` included. A longer line is dropped whole and answered `ERROR`.
pub(crate) const LINE_MAX: usize = 4096;

/// A line feed this long after the carriage return of a line no longer belongs to that line. A host that writes the two
/// apart takes milliseconds, even at 300 bit/s.
const LINE_END_TIME: Duration = Duration::from_millis(200);

/// The line being typed. Nothing is held between lines but a few flags.
#[derive(Default)]
pub(crate) struct Assembler {
    /// What was typed of the line, from `AT` on, NULs left out.
    typed: Vec<u8>,
    start: Start,
    after: After,
    ends: Ends,
    /// The line is longer than [`LINE_MAX`].
    overlong: bool,
}

/// Where a line is assembled, and whether it belongs to the outbox.
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    lent: bool,
}

/// How far the `AT` that opens a line has come.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Start {
    /// Nothing of the line yet.
    #[default]
    Fresh,
    /// Something else was typed.
    Junk,
    /// The last byte was an `A`, kept as typed: it may open the command.
    A { byte: u8, fresh: bool },
    /// `AT` was typed.
    Open,
}

/// What a line feed would mean as the next byte.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum After {
    /// The end of a line.
    #[default]
    Anything,
    /// The second half of a line end, behind the carriage return of a command.
    Command,
    /// The same, behind a line without a command, or behind raw data.
    Other,
}

/// How the host's command lines end, as far as the last one showed it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Ends {
    #[default]
    Unknown,
    Cr,
    CrLf,
}

/// What [`Assembler::take`] came to.
pub(crate) enum Step {
    /// A command line is in the buffer, from `AT` on; this byte ended it.
    Line(u8),
    /// `A/`: repeat the last line (V.250 5.2.4).
    Repeat,
    /// A line that was too long ended, with this byte.
    Overlong(u8),
    /// All bytes are taken.
    More,
}

impl Assembler {
    /// Whether a command is half typed.
    pub(crate) fn is_half_typed(&self) -> bool {
        self.start == Start::Open
    }

    /// Bytes of a command that is half typed.
    pub(crate) fn half_typed(&self) -> usize {
        if self.is_half_typed() { self.typed.len() } else { 0 }
    }

    /// Forgets a half-typed line.
    pub(crate) fn reset(&mut self) {
        *self = Assembler::default();
    }

    /// Begins to work on a chunk: gives the buffer for [`take`](Self::take), with what was typed so far in it. A line
    /// that comes in one chunk needs no memory of the modem's own, since the buffer is the outbox's.
    pub(crate) fn begin(&mut self, out: &mut Outbox) -> Buffer {
        if self.typed.is_empty() {
            Buffer { bytes: mem::take(&mut out.scratch), lent: true }
        } else {
            Buffer { bytes: mem::take(&mut self.typed), lent: false }
        }
    }

    /// Ends the work on a chunk and keeps what is half typed.
    pub(crate) fn end(&mut self, mut buffer: Buffer, out: &mut Outbox) {
        if !buffer.lent {
            if !buffer.bytes.is_empty() {
                self.typed = buffer.bytes;
            }
            return;
        }
        if !buffer.bytes.is_empty() {
            self.typed = buffer.bytes.as_slice().into();
            buffer.bytes.clear();
        }
        out.scratch = buffer.bytes;
    }

    /// Whether raw data that begins with `first`, this long after its prompt, begins with the second half of the
    /// command's line end. Asked with its first byte.
    ///
    /// A line feed can be either, if it does not come together with the carriage return: then the former lines of the
    /// host tell, and a late one is data.
    pub(crate) fn is_line_end(&mut self, first: u8, since: Duration) -> bool {
        let after = mem::take(&mut self.after);
        if first != b'\n' {
            self.learn(after, Ends::Cr);
            return false;
        }
        let in_time = since.is_zero() || since < LINE_END_TIME && self.ends != Ends::Cr;
        let ends_line = in_time && after != After::Anything;
        if ends_line {
            self.learn(after, Ends::CrLf);
        }
        ends_line
    }

    /// What follows the carriage return of a command shows how the host ends its lines.
    fn learn(&mut self, after: After, ends: Ends) {
        if after == After::Command {
            self.ends = ends;
        }
    }

    /// Takes bytes from the front of `chunk` until a line is complete or none is left, and echoes what belongs to a
    /// command.
    pub(crate) fn take(&mut self, chunk: &mut &[u8], buffer: &mut Vec<u8>, echo: bool, out: &mut Outbox) -> Step {
        let (mut echoed, mut skipped) = (buffer.len(), Skipped::default());
        let step = loop {
            if self.start == Start::Open {
                self.take_plain(chunk, buffer);
            }
            let Some((&byte, rest)) = chunk.split_first() else { break Step::More };
            *chunk = rest;
            if byte == b'\0' {
                skipped.nuls += 1;
                continue;
            }
            let after = mem::take(&mut self.after);
            self.learn(after, if byte == b'\n' { Ends::CrLf } else { Ends::Cr });
            match byte {
                // The second half of a line end is an empty line.
                b'\r' | b'\n' => {
                    let start = mem::take(&mut self.start);
                    let was_command = start == Start::Open;
                    if byte == b'\r' {
                        self.after = if was_command { After::Command } else { After::Other };
                    }
                    if mem::take(&mut self.overlong) {
                        break Step::Overlong(byte);
                    }
                    if was_command {
                        break Step::Line(byte);
                    }
                    if start != Start::Fresh {
                        skipped.size += usize::from(start != Start::Junk);
                        skipped.note(true, out);
                    }
                }
                _ => match self.start {
                    Start::Open if matches!(byte, BACKSPACE | DELETE) => {
                        echo_from(&mut echoed, buffer, echo, out);
                        if buffer.len() > PREFIX {
                            drop_character(buffer);
                            echoed = buffer.len();
                            if echo {
                                out.serial(Kind::Echo).put_secret(b"\x08 \x08");
                            }
                        }
                    }
                    // Control characters of no meaning; the rest of a line is taken in runs.
                    Start::Open if buffer.len() < LINE_MAX => buffer.push(byte),
                    Start::Open => self.overlong = true,
                    Start::A { byte: a, .. } if byte.eq_ignore_ascii_case(&b'T') => {
                        buffer.extend([a, byte]);
                        self.start = Start::Open;
                    }
                    Start::A { fresh: true, .. } if byte == b'/' => {
                        self.start = Start::Fresh;
                        break Step::Repeat;
                    }
                    start => {
                        let fresh = start == Start::Fresh;
                        let is_a = byte.eq_ignore_ascii_case(&b'A');
                        // An `A` is skipped once it is known that no `T` follows.
                        skipped.size +=
                            usize::from(matches!(start, Start::A { .. })) + usize::from(!is_a && byte != b' ');
                        self.start = if is_a { Start::A { byte, fresh } } else { Start::Junk };
                    }
                },
            }
        };
        echo_from(&mut echoed, buffer, echo, out);
        if skipped.size + skipped.nuls > 0 {
            skipped.note(false, out);
        }
        if matches!(step, Step::Overlong(_)) {
            buffer.clear();
        }
        step
    }
}

/// Bytes that belong to no command.
#[derive(Default)]
struct Skipped {
    size: usize,
    nuls: usize,
}

impl Skipped {
    /// Notes them, and begins to count anew.
    fn note(&mut self, ended: bool, out: &mut Outbox) {
        let Skipped { size, nuls } = mem::take(self);
        out.note(StoredNote::Skipped { size, nuls, ended });
    }
}

impl Assembler {
    /// Takes a run of bytes that only add to the line.
    fn take_plain(&mut self, chunk: &mut &[u8], buffer: &mut Vec<u8>) {
        let run = chunk.iter().position(u8::is_ascii_control).unwrap_or(chunk.len());
        let (run, rest) = chunk.split_at(run);
        if run.is_empty() {
            return;
        }
        let (fits, lost) = run.split_at(run.len().min(LINE_MAX.saturating_sub(buffer.len())));
        buffer.extend_from_slice(fits);
        self.overlong |= !lost.is_empty();
        *chunk = rest;
    }
}

/// V.250 6.2.3: the default of S5.
const BACKSPACE: u8 = 8;

/// What terminals send for the key. No string constant may hold it as it is (V.250 5.4.2.2).
const DELETE: u8 = 0x7f;

/// Takes the last character off: all of its bytes if it is UTF-8, else one.
fn drop_character(line: &mut Vec<u8>) {
    let tail = |length: usize| line.get(line.len().checked_sub(length)?..);
    let is_one = |length: &usize| tail(*length).and_then(|tail| core::str::from_utf8(tail).ok()).is_some();
    // The shortest text that ends here.
    let length = (1..=4).find(is_one).unwrap_or(1);
    line.truncate(line.len() - length);
}

fn echo_from(echoed: &mut usize, buffer: &[u8], echo: bool, out: &mut Outbox) {
    if let Some(new) = buffer.get(*echoed..).filter(|new| echo && !new.is_empty()) {
        out.serial(Kind::Echo).put_secret(new);
    }
    *echoed = buffer.len();
}
