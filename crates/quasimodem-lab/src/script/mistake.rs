//! What is wrong with a line, and what may be meant.

use std::fmt;

use crate::flat::meant;
use crate::output::is_final;

/// A line that is no line of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Which one, from 1.
    pub line: usize,
    /// What is wrong.
    pub words: Box<str>,
}

/// What is wrong with a line: this one, or the one that is read.
pub(super) struct Wrong {
    pub(super) line: Option<usize>,
    pub(super) words: String,
}

impl Wrong {
    pub(super) fn line(line: usize, words: impl Into<String>) -> Wrong {
        Wrong { line: Some(line), words: words.into() }
    }

    pub(super) fn at(self, line: usize) -> Mistake {
        Mistake { line: self.line.unwrap_or(line), words: self.words.into() }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(words: T) -> Wrong {
        Wrong { line: None, words: words.into() }
    }
}

pub(super) type Read<T> = Result<T, Wrong>;

/// What lines begin with, and what is expected there.
pub(super) const SIGNS: [(&str, &str); 13] = [
    (">", "a line to type, such as > AT+CSQ"),
    (">>", "the data to type, such as >> hello"),
    ("<", "a line of the modem, such as < +CSQ: $signal,99"),
    ("not", "how no line may begin, such as not < +MQTTBREAK"),
    ("on", "a line and what it starts, such as on < +MQTTMSGI: $client,$_"),
    ("repeat", ""),
    ("end", ""),
    ("within", "a time, such as within 5s"),
    ("wait", "a time, such as wait 10s"),
    ("!", "an order, such as ! broker-publish topic=down payload=hello"),
    ("~", "an event, such as ~ broker.published topic=up"),
    ("count", "a name, such as count lost"),
    ("again", ""),
];

/// What is wrong with a line that begins with nothing known, and what may be meant.
pub(super) fn unknown(line: &str) -> String {
    let text = line.trim_start();
    let first = text.split_whitespace().next().unwrap_or_default();
    let sign = [">>", "<", ">", "!", "~"].into_iter().find(|sign| text.starts_with(sign));
    let word = SIGNS.iter().map(|(sign, _)| *sign).find(|sign| first.eq_ignore_ascii_case(sign));
    if let Some(sign) = sign.or(word) {
        let rest = text.get(sign.len()..).unwrap_or_default().trim_start();
        return format!("expected {sign} and one space after it: {sign} {rest}");
    }
    let signs: Vec<&str> = SIGNS.iter().map(|(sign, _)| *sign).collect();
    let is_command = text.len() > 1 && text.get(..2).is_some_and(|first| first.eq_ignore_ascii_case("AT"));
    let meant = match () {
        () if is_command => format!(", such as > {text}"),
        () if text.starts_with('+') || is_final(text.as_bytes()) => format!(", such as < {text}"),
        () => meant(first, &signs.iter().copied().filter(|sign| sign.len() > 2).collect::<Vec<_>>()),
    };
    format!("expected a line that begins with {} or #{meant}", signs.join(", "))
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.words)
    }
}

impl std::error::Error for Mistake {}
