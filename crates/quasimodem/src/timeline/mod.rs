//! `quasimodem timeline`: a run as a picture, one page that needs nothing but itself.

mod page;
mod read;

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueHint};

use self::read::Recording;
use crate::Unusable;
use crate::log;

/// Which events, and where the picture goes.
#[derive(Args)]
pub(crate) struct Options {
    /// What --events wrote; - is stdin.
    #[arg(value_name = "EVENTS", value_hint = ValueHint::FilePath)]
    events: PathBuf,

    /// The page to write; - is stdout.
    #[arg(short, long, value_name = "FILE.html|-", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

/// Draws the events, and says on stderr what of them can't be read.
pub(crate) fn draw(options: &Options) -> Result<()> {
    let Options { events, output } = options;
    if is_same(events, output) {
        return Err(unusable(format!("{} is to be read, so it can't be written as well", events.display())));
    }
    let (name, file) = open(events).map_err(|error| unusable(format!("can't read {}: {error}", events.display())))?;
    let recording = Recording::read(&name, file);
    for words in recording.complaints() {
        log::say(format_args!("{words}"));
    }
    if recording.is_empty() {
        return Err(unusable(format!("{name} has no events: expected what --events writes, a line of JSON each")));
    }
    write(output, &page::page(&name, &recording)).with_context(|| format!("can't write {}", output.display()))
}

fn open(path: &Path) -> io::Result<(String, Box<dyn Read>)> {
    if path == "-" {
        return Ok(("stdin".into(), Box::new(io::stdin().lock())));
    }
    // Opening a folder is no error, but reading it is.
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok((path.display().to_string(), Box::new(BufReader::new(File::open(path)?))))
}

fn write(path: &Path, page: &[u8]) -> Result<()> {
    if path == "-" {
        return match io::stdout().lock().write_all(page) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        };
    }
    fs::write(path, page).map_err(|error| match path.parent() {
        Some(folder) if error.kind() == ErrorKind::NotFound && !folder.is_dir() => {
            anyhow!("{error}: there is no folder {}", folder.display())
        }
        _ => error.into(),
    })
}

/// Whether both are one file, by whatever names.
fn is_same(one: &Path, other: &Path) -> bool {
    one != "-" && matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn unusable(words: String) -> anyhow::Error {
    Unusable(words).into()
}
