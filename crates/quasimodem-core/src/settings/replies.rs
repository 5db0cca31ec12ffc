//! Answers to commands that the modem does not know, as its owner wants them.

use alloc::boxed::Box;

/// What one command that is not in [`COMMANDS`](crate::COMMANDS) is answered.
///
/// As text: `AT+QCFG? => +QCFG: 1 | OK`. A `*` at the end of the command stands for anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Without the `AT`.
    pub(crate) typed: Box<str>,
    /// Whether anything may follow.
    pub(crate) open: bool,
    pub(crate) lines: Box<[Box<str>]>,
    pub(crate) last: Last,
}

/// A final result code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    Ok,
    Error,
    /// `+CME ERROR: <err>`, as far as `AT+CMEE` lets it.
    Cme(u16),
}

impl Reply {
    /// Whether it is for the same as another one.
    pub fn is_for_the_same(&self, other: &Reply) -> bool {
        self.open == other.open && plain(self.typed.as_bytes()).eq(plain(other.typed.as_bytes()))
    }

    /// The information lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| &**line)
    }

    pub(crate) fn last(&self) -> Last {
        self.last
    }

    /// How well this fits a command, if it does: exactly, or by how much of its beginning.
    fn fit(&self, typed: &[u8]) -> Option<usize> {
        let mut rest = plain(typed);
        let mut own = plain(self.typed.as_bytes());
        let begins = own.by_ref().all(|byte| rest.next() == Some(byte));
        match rest.next() {
            None if begins && !self.open => Some(usize::MAX),
            _ if begins && self.open => Some(plain(self.typed.as_bytes()).count()),
            _ => None,
        }
    }
}

/// The reply to a command: the one for exactly that, else the longest that it begins with.
pub(crate) fn find<'a>(replies: &'a [Reply], typed: &[u8]) -> Option<&'a Reply> {
    let fits = replies.iter().filter_map(|reply| Some((reply.fit(typed)?, reply)));
    fits.max_by_key(|(fit, _)| *fit).map(|(_, reply)| reply)
}

/// What counts of a command: its name in any case, and no blanks outside of quotes (V.250 5.2.1).
fn plain(command: &[u8]) -> impl Iterator<Item = u8> {
    let (mut quoted, mut named) = (false, true);
    command.iter().filter_map(move |&byte| {
        quoted ^= byte == b'"';
        named &= !matches!(byte, b'=' | b'?');
        match byte {
            b' ' if !quoted => None,
            byte if named => Some(byte.to_ascii_uppercase()),
            byte => Some(byte),
        }
    })
}
