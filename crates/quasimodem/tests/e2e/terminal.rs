//! A terminal of the test's own, where somebody would sit and type.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A pseudo-terminal with the test at its master.
pub(crate) struct Terminal {
    pub(crate) master: OwnedFd,
    pub(crate) path: String,
}

impl Terminal {
    pub(crate) fn new() -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        Terminal { master, path }
    }

    /// What a program gets as its stdin or stdout.
    pub(crate) fn slave(path: &str) -> File {
        OpenOptions::new().read(true).write(true).open(path).unwrap()
    }
}
