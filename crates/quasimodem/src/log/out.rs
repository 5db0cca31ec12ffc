//! Where lines of the log go: stderr, as a person or the journal reads it, and a file.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::Result;
use quasimodem_lab::event::put_wall;

use crate::relay;
use crate::sink::Sink;

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rank {
    /// Why the program failed.
    Error,
    /// What people have to know in any case.
    Warning,
    /// What they want to know in any case.
    Notice,
    /// With `-v`, something that went wrong.
    Trouble,
    /// With `-v`.
    Connection,
    /// With `-vv`.
    Line,
    /// With `-vvv`.
    Packet,
}

impl Rank {
    /// How many `-v` it takes.
    fn verbosity(self) -> u8 {
        match self {
            Rank::Error | Rank::Warning | Rank::Notice => 0,
            Rank::Trouble | Rank::Connection => 1,
            Rank::Line => 2,
            Rank::Packet => 3,
        }
    }

    /// What the journal calls it (sd-daemon(3)).
    fn priority(self) -> u8 {
        match self {
            Rank::Error => 3,
            Rank::Warning => 4,
            Rank::Notice => 5,
            Rank::Trouble | Rank::Connection => 6,
            Rank::Line | Rank::Packet => 7,
        }
    }
}

/// How stderr reads lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Plain,
    /// A terminal that has colours.
    Coloured,
    /// The journal of systemd, which has times of its own.
    Journal,
}

/// What a file shows at least: all that is typed and answered.
pub(super) const FILE_VERBOSITY: u8 = 2;

static VERBOSITY: AtomicU8 = AtomicU8::new(0);
static START: OnceLock<(Instant, Form)> = OnceLock::new();
static FILE: Mutex<Option<Sink>> = Mutex::new(None);
static HAS_FILE: AtomicBool = AtomicBool::new(false);
static RAW: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread writes to the file now.
    static WRITES: Cell<bool> = const { Cell::new(false) };
}

/// From here on lines have times, and stderr has those of this verbosity.
pub(super) fn init(verbosity: u8) {
    VERBOSITY.store(verbosity, Ordering::Relaxed);
    start();
}

/// From here on lines go to this file as well.
pub(super) fn open(path: &Path) -> Result<()> {
    *file() = Some(Sink::rotating("lines of the log", path)?);
    HAS_FILE.store(true, Ordering::Relaxed);
    Ok(())
}

/// Waits until all is written, but not for ever.
pub(super) fn end() {
    // The sink may have something to say itself.
    let sink = file().take();
    if let Some(mut sink) = sink {
        sink.end();
    }
}

/// Whether lines that take so many `-v` go anywhere.
pub(super) fn verbosity() -> u8 {
    let least = if HAS_FILE.load(Ordering::Relaxed) { FILE_VERBOSITY } else { 0 };
    VERBOSITY.load(Ordering::Relaxed).max(least)
}

/// Whether a terminal at stdin is in raw mode, in which a line feed does not return to the left margin.
pub(super) fn set_raw(raw: bool) {
    RAW.store(raw, Ordering::Relaxed);
}

/// Writes a line wherever it is wanted. Without a stderr it is lost there, which is nobody's concern.
pub(super) fn put(rank: Rank, words: fmt::Arguments<'_>) {
    let verbosity = VERBOSITY.load(Ordering::Relaxed);
    if rank.verbosity() <= verbosity {
        let (begin, form) = *start();
        let line = line(form, rank, begin.elapsed().as_micros(), words);
        let _ = write_stderr(line.as_bytes());
    }
    if HAS_FILE.load(Ordering::Relaxed)
        && rank.verbosity() <= verbosity.max(FILE_VERBOSITY)
        // This thread is at it: it is what the file itself has to say.
        && !WRITES.replace(true)
    {
        let mut line = Vec::new();
        put_wall(relay::wall().unwrap_or_default(), &mut line);
        line.extend_from_slice(format!(" {words}\n").as_bytes());
        if let Some(sink) = &mut *file() {
            sink.put(line);
        }
        WRITES.set(false);
    }
}

/// A line as stderr reads it.
fn line(form: Form, rank: Rank, micros: u128, words: fmt::Arguments<'_>) -> String {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    match (form, rank) {
        // Only the first line of several would have its priority.
        (Form::Journal, _) => {
            format!("{words}\n").lines().map(|line| format!("<{}>{line}\n", rank.priority())).collect()
        }
        (_, Rank::Error | Rank::Warning | Rank::Notice) => format!("{words}\n"),
        (Form::Plain, _) => format!("{seconds:>4}.{rest:06}s {words}\n"),
        (Form::Coloured, Rank::Trouble) => format!("\x1b[2m{seconds:>4}.{rest:06}s\x1b[0m \x1b[31m{words}\x1b[0m\n"),
        (Form::Coloured, _) => format!("\x1b[2m{seconds:>4}.{rest:06}s\x1b[0m {words}\n"),
    }
}

fn start() -> &'static (Instant, Form) {
    START.get_or_init(|| (Instant::now(), form(&|name| std::env::var(name).ok())))
}

/// What stderr is, by what the environment says (no-color.org, sd-daemon(3)).
fn form(variable: &dyn Fn(&str) -> Option<String>) -> Form {
    let stderr = io::stderr();
    if let (Some(journal), Ok(file)) = (variable("JOURNAL_STREAM"), rustix::fs::fstat(stderr.as_fd()))
        && journal == format!("{}:{}", file.st_dev, file.st_ino)
    {
        return Form::Journal;
    }
    let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_colours = variable("TERM").is_some_and(|name| name != "dumb");
    if stderr.is_terminal() && has_colours && !is_refused { Form::Coloured } else { Form::Plain }
}

fn write_stderr(bytes: &[u8]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    if RAW.load(Ordering::Relaxed) && stderr.is_terminal() {
        let lines: Vec<u8> = bytes
            .iter()
            .flat_map(|byte| if *byte == b'\n' { &b"\r\n"[..] } else { std::slice::from_ref(byte) })
            .copied()
            .collect();
        stderr.write_all(&lines)
    } else {
        stderr.write_all(bytes)
    }
}

fn file() -> MutexGuard<'static, Option<Sink>> {
    FILE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_has_its_form() {
        for (form, rank, due) in [
            (Form::Plain, Rank::Notice, "two\nlines\n"),
            (Form::Plain, Rank::Trouble, "   1.500000s two\nlines\n"),
            (Form::Coloured, Rank::Connection, "\x1b[2m   1.500000s\x1b[0m two\nlines\n"),
            (Form::Coloured, Rank::Trouble, "\x1b[2m   1.500000s\x1b[0m \x1b[31mtwo\nlines\x1b[0m\n"),
            (Form::Journal, Rank::Error, "<3>two\n<3>lines\n"),
            (Form::Journal, Rank::Packet, "<7>two\n<7>lines\n"),
        ] {
            assert_eq!(line(form, rank, 1_500_000, format_args!("two\nlines")), due);
        }
    }

    #[test]
    fn another_journal_is_none() {
        assert_ne!(form(&|name| (name == "JOURNAL_STREAM").then(|| "8:1".into())), Form::Journal);
    }
}
