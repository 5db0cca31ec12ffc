//! A symbolic link that gives a pseudo-terminal a name.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process;

/// A symbolic link to a pseudo-terminal; removed when dropped, unless somebody has pointed it elsewhere.
pub(crate) struct PtyLink {
    path: PathBuf,
    slave: PathBuf,
}

impl PtyLink {
    /// Makes the link, in the place of one that leads to another pseudo-terminal: a modem that was killed left it
    /// behind. Anything else at that path is left alone.
    pub(crate) fn new(path: &Path, slave: &Path) -> io::Result<PtyLink> {
        let link = PtyLink { path: path.to_owned(), slave: slave.to_owned() };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => symlink(slave, path)?,
            Err(error) => return Err(error),
            Ok(metadata) if !metadata.is_symlink() => {
                return Err(refusal("is there and is no symbolic link: remove it, or take another name"));
            }
            Ok(_) if fs::read_link(path)?.starts_with("/dev/pts") => replace(path, slave)?,
            Ok(_) => {
                return Err(refusal("is a symbolic link to something that is no pseudo-terminal"));
            }
        }
        Ok(link)
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

/// At no time is there no link at `path`.
fn replace(path: &Path, slave: &Path) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", process::id()));
    symlink(slave, &beside)?;
    fs::rename(&beside, path).inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    })
}

fn refusal(words: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, words)
}
