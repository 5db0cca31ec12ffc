//! A symbolic link that gives a pseudo-terminal a name.
//!
//! Whether the owner of a link still lives can't be seen at the link: the number of a pseudo-terminal is soon another's. So
//! the owner holds a lock on a file beside it, which the system takes from a program however it ends. In the file is where
//! the link leads, so that the link of a killed modem is told from one that somebody else has made since.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A symbolic link to a pseudo-terminal; removed when dropped, unless somebody has pointed it elsewhere.
pub(crate) struct PtyLink {
    path: PathBuf,
    slave: PathBuf,
    /// Until the link is removed.
    _lock: Lock,
}

impl PtyLink {
    /// Makes the link, in the place of one that a killed modem left behind, or that leads to a pseudo-terminal which is
    /// gone. Anything else at that path is left alone.
    pub(crate) fn new(path: &Path, slave: &Path) -> io::Result<PtyLink> {
        // Before the lock, so that no file appears beside one that is none of ours.
        let is_there = check(path)?;
        let mut lock = Lock::take(path)?;
        if is_there && check(path)? {
            let target = fs::read_link(path)?;
            if lock.before.as_deref() != Some(&target) && target.exists() {
                let words =
                    format!("{} is in use: it leads to {}, of some other program", path.display(), target.display());
                return Err(io::Error::new(ErrorKind::AlreadyExists, words));
            }
        }
        lock.write(slave)?;
        replace(path, slave)?;
        Ok(PtyLink { path: path.to_owned(), slave: slave.to_owned(), _lock: lock })
    }

    /// Where the link is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PtyLink {
    fn drop(&mut self) {
        if fs::read_link(&self.path).is_ok_and(|target| target == self.slave) {
            // Nobody is left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether there is a link to a pseudo-terminal. An error if there is something else.
fn check(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.is_symlink() => {
            Err(refusal("is there and is no symbolic link: remove it, or take another name"))
        }
        Ok(_) if fs::read_link(path)?.starts_with("/dev/pts") => Ok(true),
        Ok(_) => Err(refusal("is a symbolic link to something that is no pseudo-terminal")),
    }
}

/// A file beside a link, which its owner has locked; removed when dropped.
struct Lock {
    path: PathBuf,
    file: File,
    /// Where the link of the last owner led, if that could not clear up.
    before: Option<PathBuf>,
}

impl Lock {
    fn take(link: &Path) -> io::Result<Lock> {
        let path = beside(link, "lock");
        for _ in 0..ATTEMPTS {
            let file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(&path)?;
            let mut text = String::new();
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    (&file).take(TEXT).read_to_string(&mut text)?;
                    let owner =
                        text.split_whitespace().next().map_or("another process".into(), |id| format!("process {id}"));
                    let words = format!("{} is in use: {owner} is the modem there", link.display());
                    return Err(io::Error::new(ErrorKind::AlreadyExists, words));
                }
                Err(error) => return Err(error.into()),
            }
            // The owner before may have removed it between our opening and our locking it.
            if fs::metadata(&path).is_ok_and(|metadata| file.metadata().is_ok_and(|own| own.ino() == metadata.ino())) {
                (&file).take(TEXT).read_to_string(&mut text)?;
                let before = text.trim_end().split_once(' ').map(|(_, target)| target.into());
                return Ok(Lock { path, file, before });
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// Writes down whose lock it is, and where the link leads.
    fn write(&mut self, slave: &Path) -> io::Result<()> {
        self.file.set_len(0)?;
        io::Seek::rewind(&mut self.file)?;
        writeln!(self.file, "{} {}", process::id(), slave.display())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked: whoever opens it meanwhile sees that it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// At no time is there no link at `path`, if there was one.
fn replace(path: &Path, slave: &Path) -> io::Result<()> {
    let beside = beside(path, "new");
    // Only a program that was killed between these lines leaves one, and nobody else has the lock now.
    if fs::symlink_metadata(&beside).is_ok_and(|metadata| metadata.is_symlink()) {
        fs::remove_file(&beside)?;
    }
    symlink(slave, &beside)?;
    fs::rename(&beside, path).inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    })
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{extension}"));
    beside.into()
}

fn refusal(words: &'static str) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, words)
}

/// Attempts to lock a file that others remove at the same time.
const ATTEMPTS: usize = 100;

/// Bytes of a lock file that are read at most.
const TEXT: u64 = 4096;
