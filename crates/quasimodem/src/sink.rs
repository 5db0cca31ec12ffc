//! Where events and traces go: a thread writes them, so that no modem waits for a disk or a reader.

mod rotating;

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use self::rotating::Rotating;
use crate::log;
use crate::socket;

/// Where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Standard output, which then carries nothing else.
    Stdout,
    /// A descriptor that was open when the program began.
    Descriptor(i32),
    /// A file, made anew.
    File(PathBuf),
}

impl Target {
    /// Opens it for these: `events`, say.
    pub(crate) fn open(&self, what: &'static str) -> Result<Sink> {
        let to = match self {
            Target::Stdout => Ok(Writer::Stream(Box::new(io::stdout()))),
            Target::Descriptor(number) => descriptor(*number).map(|fd| Writer::Stream(Box::new(File::from(fd)))),
            // Opening waits for the reader, and the modem does not.
            Target::File(path) if is_fifo(path) => Ok(Writer::Fifo(path.clone())),
            Target::File(path) => create(path).map(Writer::File),
        };
        to.and_then(|to| Sink::new(what, to)).with_context(|| format!("can't write {what} to {self}"))
    }

    /// Whether it is standard output, by whatever name.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout | Target::Descriptor(1))
    }

    /// A file that was named in a file means that one's neighbours.
    pub(crate) fn beside(self, folder: &Path) -> Target {
        match self {
            Target::File(path) => Target::File(folder.join(path)),
            other => other,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => f.write_str("stdout"),
            Target::Descriptor(number) => write!(f, "fd:{number}"),
            Target::File(path) => path.display().fmt(f),
        }
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| match path.parent() {
        Some(folder) if error.kind() == ErrorKind::NotFound && !folder.is_dir() => {
            anyhow!("{error}: there is no folder {}", folder.display())
        }
        _ => error.into(),
    })
}

fn is_fifo(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// The descriptor of that number itself, with its place in the file, as far as it may be written to.
fn descriptor(number: i32) -> Result<OwnedFd> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let descriptor = pidfd_getfd(own, number, PidfdGetfdFlags::empty())?;
    if fcntl_getfl(&descriptor)?.intersects(OFlags::WRONLY | OFlags::RDWR) {
        return Ok(descriptor);
    }
    bail!("it is not open for writing")
}

/// What takes the bytes.
enum Writer {
    Stream(Box<dyn Write + Send>),
    /// A file of our own.
    File(File),
    /// A pipe with a name, which opens once somebody reads it.
    Fifo(PathBuf),
}

/// Hands each piece, a line or a packet, to a thread that writes it at once. Nobody waits for who reads: whoever asks
/// whether there is room leaves pieces out while there is none, and says so; for others nothing more is written, so that what
/// was written has no gap.
pub(crate) struct Sink {
    what: &'static str,
    /// `None`: it can't be written to any more.
    pieces: Option<Sender<Vec<u8>>>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
    was_full: bool,
    /// Ends with the thread.
    written: Receiver<()>,
}

/// Mebibytes that may wait; and more, for the last words of those that asked whether there is room.
const WAITING: usize = 16;
const SPARE: usize = 1;

const MEBI: usize = 1024 * 1024;

impl Sink {
    /// Goes on with a file, which is begun anew when it is large.
    pub(crate) fn rotating(what: &'static str, path: &Path) -> Result<Sink> {
        Sink::new(what, Writer::Stream(Box::new(Rotating::open(path)?)))
    }

    fn new(what: &'static str, to: Writer) -> Result<Sink> {
        let (pieces, queue) = channel();
        let (end, written) = sync_channel(0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = waiting.clone();
        thread::Builder::new().name(what.into()).spawn(move || {
            if let Err(error) = write_all(to, &queue, &counted) {
                log::say(format_args!("{what} are lost from here on: can't write them: {error}"));
            }
            drop(end);
        })?;
        Ok(Sink { what, pieces: Some(pieces), waiting, was_full: false, written })
    }

    /// Whether one more piece may wait. That there was no room is said, but once.
    pub(crate) fn has_room(&mut self) -> bool {
        let has_room = self.waiting.load(Ordering::Relaxed) <= WAITING * MEBI;
        if !has_room && self.pieces.is_some() && !std::mem::replace(&mut self.was_full, true) {
            let what = self.what;
            log::say(format_args!("{what} are left out: {WAITING} MiB wait for whoever reads them"));
        }
        has_room
    }

    /// Whether so little waits that it is worth going on.
    pub(crate) fn has_room_again(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) <= WAITING * MEBI / 2
    }

    /// Writes one more piece.
    pub(crate) fn put(&mut self, piece: Vec<u8>) {
        let Some(pieces) = &self.pieces else { return };
        let waits = self.waiting.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if waits > (WAITING + SPARE) * MEBI {
            self.pieces = None;
            let what = self.what;
            log::say(format_args!("{what} are lost from here on: {WAITING} MiB wait for who reads them"));
        } else if pieces.send(piece).is_err() {
            // The thread has said why.
            self.pieces = None;
        }
    }

    /// Waits until all is written, but not for ever.
    pub(crate) fn end(&mut self) {
        self.pieces = None;
        if let Err(RecvTimeoutError::Timeout) = self.written.recv_timeout(socket::FLUSH) {
            log::say(format_args!("the last {} are lost: nobody reads them", self.what));
        }
    }
}

fn write_all(to: Writer, pieces: &Receiver<Vec<u8>>, waiting: &AtomicUsize) -> io::Result<()> {
    match to {
        Writer::Stream(mut to) => write_to(&mut to, pieces, waiting).1,
        Writer::Fifo(path) => write_to(&mut File::options().write(true).open(path)?, pieces, waiting).1,
        Writer::File(mut file) => {
            let (whole, result) = write_to(&mut file, pieces, waiting);
            if result.is_err() {
                // Half a piece would keep others from reading those before it. What is no real file can't be cut.
                let _ = file.set_len(whole);
            }
            result
        }
    }
}

/// Writes all pieces; how many bytes of whole ones were written, and why no more.
fn write_to(to: &mut dyn Write, pieces: &Receiver<Vec<u8>>, waiting: &AtomicUsize) -> (u64, io::Result<()>) {
    let mut whole = 0;
    while let Ok(piece) = pieces.recv() {
        if let Err(error) = to.write_all(&piece).and_then(|()| to.flush()) {
            return (whole, Err(error));
        }
        waiting.fetch_sub(piece.len(), Ordering::Relaxed);
        whole += u64::try_from(piece.len()).unwrap_or(u64::MAX);
    }
    (whole, Ok(()))
}
