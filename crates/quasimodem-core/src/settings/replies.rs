//! Answers to commands that the modem does not know, as its owner wants them.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::rows::is_harmless;
use crate::at;

/// What one command that is not in [`COMMANDS`](crate::COMMANDS) is answered.
///
/// As text: `AT+QCFG? => +QCFG: 1 | OK`. A `*` at the end of the command stands for anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Without the `AT`.
    typed: Box<str>,
    /// Whether anything may follow.
    open: bool,
    lines: Box<[Box<str>]>,
    last: Last,
}

/// A final result code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    Ok,
    Error,
    /// `+CME ERROR: <err>`, as far as `AT+CMEE` lets it.
    Cme(u16),
}

/// Why a reply can't be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadReply {
    /// There is no ` => ` between what is typed and its answer.
    NoArrow,
    /// What is typed is not one command: it is empty, or has a `;` or a control character.
    NotACommand(String),
    /// The modem has a command of this name.
    Known(&'static str),
    /// The last line is not `OK`, `ERROR` or `+CME ERROR: <number>`.
    NoResult(String),
    /// A line is empty, has control characters, or the words `OK` or `ERROR`.
    BadLine(String),
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadReply::NoArrow => f.write_str("expected COMMAND => LINE | LINE | OK, such as AT+QCFG? => +QCFG: 1 | OK"),
            BadReply::NotACommand(typed) => write!(f, "{typed:?} is not one command, expected one such as AT+QCFG?"),
            BadReply::Known(name) => {
                write!(f, "the modem answers AT{name} itself; only other commands can be given answers")
            }
            BadReply::NoResult(line) => {
                write!(f, "the answer ends with {line:?}, expected OK, ERROR or +CME ERROR: and a number")
            }
            BadReply::BadLine(line) => write!(
                f,
                "the answer has the line {line:?}, expected printable text without the words OK and ERROR, which hosts \
                 look for anywhere"
            ),
        }
    }
}

impl core::error::Error for BadReply {}

impl Reply {
    /// The answer to what is typed, with or without its `AT`. The last line is the final result code.
    pub fn new<'a>(typed: &str, lines: impl IntoIterator<Item = &'a str>) -> Result<Reply, BadReply> {
        let wrong = || BadReply::NotACommand(typed.to_owned());
        let text = typed.trim();
        let text = match text.get(..at::PREFIX) {
            Some(start) if start.eq_ignore_ascii_case("AT") => text.get(at::PREFIX..).unwrap_or_default(),
            _ => text,
        };
        let (command, open) = text.strip_suffix('*').map_or((text, false), |command| (command, true));
        let one = at::command_end(command.as_bytes(), 0) == command.len();
        if !one || command.chars().any(char::is_control) || (command.is_empty() && !open) {
            return Err(wrong());
        }
        if let Some(row) = at::known_command(command.as_bytes()) {
            return Err(BadReply::Known(row.name));
        }
        let mut lines: alloc::vec::Vec<Box<str>> = lines.into_iter().map(|line| line.trim().into()).collect();
        let last = lines.pop().unwrap_or_default();
        let last = Last::read(&last).ok_or_else(|| BadReply::NoResult(last.into()))?;
        if let Some(bad) = lines.iter().find(|line| line.is_empty() || !is_harmless(line)) {
            return Err(BadReply::BadLine((**bad).into()));
        }
        Ok(Reply { typed: command.into(), open, lines: lines.into(), last })
    }

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

impl Last {
    fn read(text: &str) -> Option<Last> {
        match text {
            "OK" => Some(Last::Ok),
            "ERROR" => Some(Last::Error),
            _ => text.strip_prefix("+CME ERROR:")?.trim().parse().ok().map(Last::Cme),
        }
    }
}

/// Reads `AT+QCFG? => +QCFG: 1 | OK`.
impl FromStr for Reply {
    type Err = BadReply;

    fn from_str(text: &str) -> Result<Reply, BadReply> {
        let (typed, lines) = text.split_once("=>").ok_or(BadReply::NoArrow)?;
        Reply::new(typed, lines.split('|'))
    }
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
