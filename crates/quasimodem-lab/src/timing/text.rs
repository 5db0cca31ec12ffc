//! Profiles as text.

use std::fmt::{self, Display};
use std::ops::Range;
use std::time::Duration;

use quasimodem_core::{Form, Reply};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Of, Profile, Spread, Time, When};
use crate::flat::meant;

/// What a file says of a module: its times, and its answers to commands that ours does not know.
#[derive(Clone, PartialEq, Debug)]
pub struct Learned {
    /// The times.
    pub profile: Profile,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// What a module answers to a command that ours does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The command, with `AT`; a `*` at its end is anything.
    pub typed: String,
    /// The lines of the answer, the last its final result code.
    pub lines: Vec<String>,
}

/// What is wrong with a file of times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadTiming {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub words: String,
}

/// What is wrong, and where in the text.
type Wrong = (Range<usize>, String);

impl Learned {
    /// The answers as settings have them.
    pub fn replies(&self) -> Vec<Reply> {
        let reply = |answer: &Answer| Reply::new(&answer.typed, answer.lines.iter().map(String::as_str)).ok();
        self.answers.iter().filter_map(reply).collect()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is no TOML, or no profile.
    pub fn parse(text: &str) -> Result<Learned, BadTiming> {
        let read = || {
            let table = DeTable::parse(text)
                .map_err(|error| (error.span().unwrap_or_default(), error.message().replace('\n', "; ")))?;
            learned(table.get_ref())
        };
        read().map_err(|(span, words)| {
            let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
            BadTiming { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), words }
        })
    }
}

fn learned(table: &DeTable<'_>) -> Result<Learned, Wrong> {
    known(table, &["profile", "answers"], "a file of times")?;
    let mut answers = Vec::new();
    if let Some(value) = table.get("answers") {
        for (typed, answer) in table_of(value, "answers")?.iter() {
            answers.push(read_answer(typed.get_ref(), answer)?);
        }
    }
    let Some(profiles) = table.get("profile") else {
        return Err((0..0, "there is no [profile.NAME]; `quasimodem timing l610-2026` prints one".into()));
    };
    let all = table_of(profiles, "profile")?;
    let mut all = all.iter();
    match (all.next(), all.next()) {
        (Some((name, profile)), None) => Ok(Learned { profile: read_profile(name.get_ref(), profile)?, answers }),
        (_, Some((name, _))) => Err((name.span(), "there is a second profile; expected one".into())),
        (None, _) => Err((profiles.span(), "expected a table [profile.NAME]".into())),
    }
}

fn read_profile(name: &str, value: &Spanned<DeValue<'_>>) -> Result<Profile, Wrong> {
    let table = table_of(value, "a profile")?;
    known(table, &["source", "line", "time"], "a profile")?;
    let source = text_of(table, "source")?.filter(|source| !source.trim().is_empty());
    let source = source.ok_or_else(|| (value.span(), format!("profile {name} has no source; expected text")))?;
    let line = match table.get("line") {
        None => None,
        Some(value) => {
            let rate = number(value).filter(|rate| (1.0..=10e6).contains(rate));
            let rate = rate.ok_or_else(|| (value.span(), "line: expected a rate in bits a second".to_owned()))?;
            // It was looked at.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(rate as u32)
        }
    };
    let mut times = Vec::new();
    if let Some(value) = table.get("time") {
        let DeValue::Array(rows) = value.get_ref() else {
            return Err((value.span(), "time: expected an array of tables".into()));
        };
        for row in rows.iter() {
            times.push(read_time(row)?);
        }
    }
    Ok(Profile { name: name.into(), source, line, times })
}

const KEYS: [&str; 7] = ["command", "form", "of", "when", "samples_ms", "range_ms", "source"];
const FORMS: [(&str, Form); 4] = [("exec", Form::Exec), ("read", Form::Read), ("test", Form::Test), ("set", Form::Set)];
const OFS: [(&str, Of); 2] = [("final", Of::Final), ("result", Of::Result)];
const STATES: [(&str, When); 4] = [
    ("attached", When::Attached(true)),
    ("not attached", When::Attached(false)),
    ("call", When::Call(true)),
    ("no call", When::Call(false)),
];

fn read_time(value: &Spanned<DeValue<'_>>) -> Result<Time, Wrong> {
    let table = table_of(value, "a time")?;
    known(table, &KEYS, "a time")?;
    let command = text_of(table, "command")?.filter(|command| is_command(command));
    let command = command.ok_or_else(|| {
        (span(table, "command", value), "command: expected the name of a command, such as \"+CSQ\", or \"AT\"".into())
    })?;
    let of = word(table, "of", &OFS)?.ok_or_else(|| (value.span(), "of: expected \"final\" or \"result\"".into()))?;
    let form = word(table, "form", &FORMS)?;
    let when = match text_of(table, "when")? {
        None => None,
        Some(text) => match STATES.iter().find(|(name, _)| *name == text) {
            Some((_, when)) => Some(when.clone()),
            None if ["OK", "ERROR"].contains(&text.as_str()) || text.parse::<u16>().is_ok() => Some(When::Says(text)),
            None => {
                let known = ["attached", "not attached", "call", "no call", "OK", "ERROR"];
                let words = format!(
                    "when: {text:?}{}; expected {}, or the number that a result ends with",
                    meant(&text, &known),
                    known.join(", ")
                );
                return Err((span(table, "when", value), words));
            }
        },
    };
    let spread = match (table.get("samples_ms"), table.get("range_ms")) {
        (Some(samples), None) => Spread::Samples(times(samples, "samples_ms")?),
        (None, Some(range)) => match times(range, "range_ms")?.as_slice() {
            [least, most] if least <= most => Spread::Range(*least, *most),
            [least, median, most] if least <= median && median <= most => Spread::Median(*least, *median, *most),
            _ => {
                return Err((
                    range.span(),
                    "range_ms: expected least and most, or least, median and most, in this order".into(),
                ));
            }
        },
        _ => return Err((value.span(), "expected either samples_ms or range_ms".into())),
    };
    Ok(Time { command, form, of, when, spread, source: text_of(table, "source")? })
}

/// Whether it may be the name of a command.
fn is_command(text: &str) -> bool {
    !text.is_empty() && super::slowness::command(format!("AT{}", strip(text)).as_bytes()).0 == text.to_ascii_uppercase()
}

/// What stands behind `AT`.
fn strip(command: &str) -> &str {
    if command.eq_ignore_ascii_case("AT") { "" } else { command }
}

fn times(value: &Spanned<DeValue<'_>>, key: &str) -> Result<Vec<Duration>, Wrong> {
    let expected = |span| (span, format!("{key}: expected an array of milliseconds from 0 to {MOST_MS}"));
    let DeValue::Array(numbers) = value.get_ref() else { return Err(expected(value.span())) };
    let one = |value: &Spanned<DeValue<'_>>| {
        let number = number(value).filter(|ms| (0.0..=MOST_MS).contains(ms)).ok_or_else(|| expected(value.span()))?;
        Ok(Duration::from_secs_f64(number / 1e3))
    };
    let all: Vec<Duration> = numbers.iter().map(one).collect::<Result<_, Wrong>>()?;
    if all.is_empty() { Err(expected(value.span())) } else { Ok(all) }
}

/// An hour, which no module takes.
const MOST_MS: f64 = 3_600_000.0;

fn number(value: &Spanned<DeValue<'_>>) -> Option<f64> {
    match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

/// Reads the answer to a command: one line, or several.
fn read_answer(typed: &str, value: &Spanned<DeValue<'_>>) -> Result<Answer, Wrong> {
    let text = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err((value.span(), format!("answers has {typed:?}: expected text, or an array of texts"))),
    };
    let lines = match value.get_ref() {
        DeValue::Array(lines) => lines.iter().map(text).collect::<Result<Vec<_>, _>>()?,
        _ => vec![text(value)?],
    };
    match Reply::new(typed, lines.iter().map(String::as_str)) {
        Ok(_) => Ok(Answer { typed: typed.into(), lines }),
        Err(error) => Err((value.span(), format!("answers has {typed:?}: {error}"))),
    }
}

fn table_of<'a>(value: &'a Spanned<DeValue<'_>>, what: &str) -> Result<&'a DeTable<'a>, Wrong> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        _ => Err((value.span(), format!("{what}: expected a table"))),
    }
}

fn text_of(table: &DeTable<'_>, key: &str) -> Result<Option<String>, Wrong> {
    match table.get(key).map(|value| (value.span(), value.get_ref())) {
        None => Ok(None),
        Some((_, DeValue::String(text))) => Ok(Some(text.to_string())),
        Some((span, _)) => Err((span, format!("{key}: expected text"))),
    }
}

fn word<T: Copy>(table: &DeTable<'_>, key: &str, known: &[(&str, T)]) -> Result<Option<T>, Wrong> {
    let Some(text) = text_of(table, key)? else { return Ok(None) };
    if let Some((_, is)) = known.iter().find(|(name, _)| *name == text) {
        return Ok(Some(*is));
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let at = table.get(key).map(Spanned::span).unwrap_or_default();
    Err((at, format!("{key}: {text:?}{}; expected {}", meant(&text, &names), names.join(", "))))
}

fn span(table: &DeTable<'_>, key: &str, or: &Spanned<DeValue<'_>>) -> Range<usize> {
    table.get(key).map_or_else(|| or.span(), Spanned::span)
}

/// Whether all keys are known.
fn known(table: &DeTable<'_>, known: &[&str], what: &str) -> Result<(), Wrong> {
    let unknown = table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref()));
    unknown.map_or(Ok(()), |(key, _)| {
        let name: &str = key.get_ref();
        let words = format!("{what} has no {name:?}{}; there are {}", meant(name, known), known.join(", "));
        Err((key.span(), words))
    })
}

impl Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.profile.fmt(f)?;
        if !self.answers.is_empty() {
            writeln!(f, "\n[answers]")?;
        }
        self.answers.iter().try_for_each(|Answer { typed, lines }| {
            let lines: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
            writeln!(f, "{} = [{}]", quoted(typed), lines.join(", "))
        })
    }
}

impl Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Profile { name, source, line, times } = self;
        let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let name = if is_bare { name.clone() } else { quoted(name) };
        writeln!(f, "[profile.{name}]\nsource = {}", quoted(source))?;
        if let Some(line) = line {
            writeln!(f, "line = {line}")?;
        }
        writeln!(f, "time = [")?;
        times.iter().try_for_each(|time| writeln!(f, "  {{ {time} }},"))?;
        writeln!(f, "]")
    }
}

impl Time {
    /// The form that it is about, as files have it.
    pub fn form_name(&self) -> Option<&'static str> {
        FORMS.iter().find(|(_, form)| Some(*form) == self.form).map(|(name, _)| *name)
    }
}

impl Of {
    /// As files have it.
    pub fn name(self) -> &'static str {
        OFS.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| *name)
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command = {}", quoted(&self.command))?;
        if let Some(name) = self.form_name() {
            write!(f, ", form = \"{name}\"")?;
        }
        write!(f, ", of = \"{}\"", self.of.name())?;
        if let Some(when) = &self.when {
            write!(f, ", when = {}", quoted(&when.to_string()))?;
        }
        let (key, numbers) = self.spread.as_millis();
        let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
        write!(f, ", {key} = [{}]", numbers.join(", "))?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ", source = {}", quoted(source)))
    }
}

impl Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, STATES.iter().find(|(_, when)| when == self)) {
            (When::Says(text), _) => f.write_str(text),
            (_, Some((name, _))) => f.write_str(name),
            (_, None) => Ok(()),
        }
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

impl Display for BadTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}

impl std::error::Error for BadTiming {}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Learned::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let row = |row: &str| wrong(&format!("[profile.x]\nsource = \"s\"\ntime = [\n  {{ {row} }},\n]\n"));
        assert_eq!(
            row("command = \"+CSQ\", of = \"finl\", samples_ms = [1]"),
            "4: of: \"finl\", perhaps \"final\"; expected final, result"
        );
        assert_eq!(
            row("command = \"+CSQ\", of = \"final\", sample_ms = [1]"),
            "4: a time has no \"sample_ms\", perhaps \"samples_ms\"; there are command, form, of, when, samples_ms, \
             range_ms, source"
        );
        assert!(
            row("command = \"+CSQ\", of = \"final\", range_ms = [3, 1]").starts_with("4: range_ms: expected least")
        );
        assert!(row("command = \"+CSQ\", of = \"final\", samples_ms = [-1]").starts_with("4: samples_ms: expected an"));
        assert!(row("command = \"AT+CSQ=1\", of = \"final\", samples_ms = [1]").starts_with("4: command: expected"));
        assert!(
            row("command = \"+CSQ\", of = \"final\", when = \"atached\", samples_ms = [1]")
                .contains("perhaps \"attached\"")
        );
        assert!(wrong("[profile.x]\ntime = []\n").contains("has no source"));
        assert!(wrong("x = ").starts_with("1: "));
        assert!(wrong("").contains("[profile.NAME]"));
    }
}
