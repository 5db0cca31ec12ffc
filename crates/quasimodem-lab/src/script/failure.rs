//! What was otherwise than written, in words.

use std::fmt;

use quasimodem_core::COMMANDS;

use super::program::Step;
use crate::event::Condition;

/// What was otherwise than written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The line of the script, from 1.
    pub line: usize,
    /// What was expected, and what came.
    pub words: Box<str>,
}

/// What came instead of what was expected.
pub(super) struct Came<'a> {
    pub(super) lines: Vec<&'a [u8]>,
    /// A line without its end.
    pub(super) half: &'a [u8],
}

/// Lines, and characters of one, that are shown when another was expected.
const SHOWN: usize = 5;
const SHOWN_LENGTH: usize = 200;

impl fmt::Display for Came<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (earlier, last) = self.lines.split_at(self.lines.len().saturating_sub(SHOWN));
        let last: Vec<String> = last.iter().map(|line| shown(line)).collect();
        match (earlier.len(), last.as_slice()) {
            (_, []) => f.write_str("nothing came")?,
            (0, last) => write!(f, "what came instead: {}", last.join(", "))?,
            (count, last) => write!(f, "what came instead: {count} lines, then {}", last.join(", "))?,
        }
        if !self.half.is_empty() {
            write!(f, ", and {} without its end", shown(self.half))?;
        }
        if last.iter().any(|line| line == "\"> \"") || self.half == b"> " {
            f.write_str("; data for the prompt is written as >> right below its command")?;
        }
        Ok(())
    }
}

/// That an event did not happen, but these of its name.
pub(super) fn not_happened(due: &Condition, step: &Step, happened: &[String]) -> String {
    let (_, last) = happened.split_at(happened.len().saturating_sub(SHOWN));
    let instead = match last {
        [] => "none of that name did".into(),
        last => format!("what did: {}", last.join(", ")),
    };
    format!("{due} did not happen within {} ms; {instead}", step.within.as_millis())
}

/// A line in quotes, so that blanks at its ends show.
pub(crate) fn shown(line: &[u8]) -> String {
    let line = without_secrets(&String::from_utf8_lossy(line));
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{:?}…", line.get(..end).unwrap_or_default()),
        None => format!("{line:?}"),
    }
}

/// A line up to the name of a command that sets or prints secrets: behind it there may be one.
pub(crate) fn without_secrets(line: &str) -> String {
    let capitals = line.to_ascii_uppercase();
    let names = COMMANDS.iter().filter(|row| row.has_secret()).map(|row| row.name);
    let first = names.filter_map(|name| Some(capitals.find(name)? + name.len())).min();
    match first.and_then(|end| line.split_at_checked(end)) {
        Some((shown, hidden)) => format!("{shown}{}", "*".repeat(hidden.chars().count())),
        None => line.to_owned(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.words)
    }
}

impl std::error::Error for Failure {}
