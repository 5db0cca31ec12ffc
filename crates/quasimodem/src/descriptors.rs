//! File descriptors: how many there are, and how many of them are kept back for the modem itself.
//!
//! Whoever connects to a port of this program uses up a descriptor, and without any left nothing works: the modem's links,
//! the resolver, a serial port that comes back. So the last ones are kept back. The system always gives the lowest number
//! that is free, so the number of a descriptor shows how many are in use.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::watching::Voice;

/// How many descriptors this process may have, and how many of these no client gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// All.
    pub(crate) all: u64,
    /// The last of them.
    pub(crate) kept: u64,
}

/// Raises the limit as far as the system lets this process do it. Once, at the start.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Without permission the limit stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Says how many there are.
pub(crate) fn tell(voice: &Voice) {
    let Limits { all, kept } = limits();
    voice.detail(format_args!("{all} file descriptors (ulimit -n), {kept} of them kept back for the modem"));
}

/// The limits of this process.
pub(crate) fn limits() -> Limits {
    static LIMITS: OnceLock<Limits> = OnceLock::new();
    *LIMITS.get_or_init(|| Limits::of(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)))
}

impl Limits {
    /// Never more than a quarter is kept back.
    fn of(all: u64) -> Limits {
        Limits { all, kept: (all / 4).min(KEPT_MAX) }
    }

    /// An eighth of what clients may use, and at most this many: room for those that nobody knows yet.
    pub(crate) fn share(self, most: usize) -> usize {
        usize::try_from((self.all - self.kept) / 8).unwrap_or(most).clamp(1, most)
    }

    fn keeps(self, number: u64) -> bool {
        number >= self.all - self.kept
    }
}

/// Whether this is one of the last descriptors, which no client may have.
pub(crate) fn is_kept_back(descriptor: impl AsFd) -> bool {
    limits().keeps(u64::try_from(descriptor.as_fd().as_raw_fd()).unwrap_or(0))
}

/// What a client hears of that, if anything.
pub(crate) fn none_left() -> io::Error {
    Errno::MFILE.into()
}

/// Whether the process or the system has run out of something, and asking again at once would not help.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// As many as a modem needs with all its links, and a gateway's socket and the resolver's beside them.
const KEPT_MAX: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_back() {
        let limits = Limits::of(64);
        assert_eq!((limits.kept, limits.share(1000)), (16, 6));
        assert!(!limits.keeps(47) && limits.keeps(48));
        assert_eq!(Limits::of(1 << 20).kept, 64);
        assert!(Limits::of(u64::MAX).share(256) == 256);
    }
}
