//! Reading answers to commands that the modem does not know.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::dispatch::{command_end, known_command};
use super::line::PREFIX;
use crate::settings::{Last, Reply, is_harmless};

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
        let text = match text.get(..PREFIX) {
            Some(start) if start.eq_ignore_ascii_case("AT") => text.get(PREFIX..).unwrap_or_default(),
            _ => text,
        };
        let (command, open) = text.strip_suffix('*').map_or((text, false), |command| (command, true));
        let one = command_end(command.as_bytes(), 0) == command.len();
        if !one || command.chars().any(char::is_control) || (command.is_empty() && !open) {
            return Err(wrong());
        }
        if let Some(row) = known_command(command.as_bytes()) {
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

/// As it is read, unless a line that came from elsewhere has a `|` in it.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AT{}{} => ", self.typed, if self.open { "*" } else { "" })?;
        self.lines().try_for_each(|line| write!(f, "{line} | "))?;
        match self.last() {
            Last::Ok => f.write_str("OK"),
            Last::Error => f.write_str("ERROR"),
            Last::Cme(code) => write!(f, "+CME ERROR: {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_can_not_be_answered_is_told() {
        for (text, due) in [
            ("AT+QCFG? +QCFG: 1 | OK", "expected COMMAND => LINE | LINE | OK"),
            ("=> OK", "\"\" is not one command"),
            ("AT => OK", "\"AT \" is not one command"),
            ("AT+A;+B => OK", "is not one command"),
            ("AT+A\u{7}B => OK", "is not one command"),
            ("AT+CSQ => OK", "the modem answers AT+CSQ itself"),
            ("+csq=* => OK", "the modem answers AT+CSQ itself"),
            ("AT+A =>", "the answer ends with \"\""),
            ("AT+A => OK | +A: 1", "the answer ends with \"+A: 1\""),
            ("AT+A => +CME ERROR: x", "the answer ends with \"+CME ERROR: x\""),
            ("AT+A => +A: 1 | | OK", "the answer has the line \"\""),
            ("AT+A => it is OK | OK", "the answer has the line \"it is OK\""),
        ] {
            let told = text.parse::<Reply>().map_err(|error| error.to_string()).unwrap_err();
            assert!(told.contains(due), "{text}: {told}");
        }
        for text in ["AT+QCFG? => +QCFG: 1 | OK", "at+a=\"x;y\" => ERROR", "+A* => +CME ERROR: 7", "* => OK"] {
            assert!(text.parse::<Reply>().is_ok(), "{text}");
        }
    }
}
