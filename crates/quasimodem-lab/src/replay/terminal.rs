//! Logs of terminals and hosts: a time or none, a mark for who spoke, and the text.

use std::time::Duration;

use super::log::{BadLog, Writer};

/// Who spoke.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Host,
    Modem,
}

/// Marks, those that begin with others first.
const MARKS: &[(&str, Who)] = &[
    ("TX", Who::Host),
    ("SEND", Who::Host),
    ("SENT", Who::Host),
    ("OUT", Who::Host),
    ("HOST", Who::Host),
    ("DTE", Who::Host),
    ("RX", Who::Modem),
    ("RECEIVED", Who::Modem),
    ("RECV", Who::Modem),
    ("IN", Who::Modem),
    ("MODEM", Who::Modem),
    ("DCE", Who::Modem),
    ("→", Who::Host),
    ("⇒", Who::Host),
    ("←", Who::Modem),
    ("⇐", Who::Modem),
    ("-->", Who::Host),
    ("->", Who::Host),
    ("=>", Who::Host),
    (">>>", Who::Host),
    (">>", Who::Host),
    (">", Who::Host),
    ("<--", Who::Modem),
    ("<-", Who::Modem),
    ("<=", Who::Modem),
    ("<<<", Who::Modem),
    ("<<", Who::Modem),
    ("<", Who::Modem),
];

const DAY: Duration = Duration::from_secs(86_400);

/// Reads a log into `to`. A line without a mark goes on with what the last one said.
pub(super) fn read(text: &str, to: &mut Writer) -> Result<(), BadLog> {
    let mut last: Option<(Who, bool)> = None;
    let (mut days, mut latest) = (Duration::ZERO, Duration::ZERO);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || (line.starts_with('#') && last.is_none()) {
            continue;
        }
        let (time, rest) = take_time(line.trim_start());
        // With words for marks, an arrow is what the modem said: its prompt.
        let marked = take_mark(rest).filter(|(_, is_word, _)| last.is_none_or(|(_, words)| words == *is_word));
        let (who, text) = match (marked, last) {
            (Some((who, is_word, text)), _) => {
                last = Some((who, is_word));
                if let Some(time) = time {
                    // Over midnight.
                    if time.saturating_add(days + DAY / 2) < latest {
                        days += DAY;
                    }
                    latest = time.saturating_add(days);
                    to.set_time(Some(latest));
                }
                (who, text)
            }
            (None, Some((who, _))) => (who, line),
            (None, None) => {
                let words = "expected TX or RX in front (or -> and <-), a transcript (.at) or events (--events)";
                return Err(BadLog { line: number, words: words.into() });
            }
        };
        let text = bare(text);
        match who {
            Who::Host => {
                let typed = text.trim_end_matches(['\r', '\n']);
                if !typed.is_empty() {
                    to.typed_text(number, typed);
                }
            }
            Who::Modem => {
                to.said_bytes(number, text.as_bytes());
                to.flush(number);
            }
        }
    }
    Ok(())
}

/// Takes the mark off: who spoke, whether it is a word, and the text behind it.
fn take_mark(text: &str) -> Option<(Who, bool, &str)> {
    let text = text.trim_start_matches(['[', '(', '|']);
    for (mark, who) in MARKS {
        let is_word = mark.starts_with(char::is_alphabetic);
        let Some((start, rest)) = text.split_at_checked(mark.len()) else { continue };
        if !start.eq_ignore_ascii_case(mark) || (is_word && rest.starts_with(char::is_alphanumeric)) {
            continue;
        }
        let rest = if is_word { rest.trim_start_matches([':', '|', ']', ')', '<', '>', '-', '=']) } else { rest };
        return Some((*who, is_word, rest.strip_prefix([' ', '\t']).unwrap_or(rest)));
    }
    None
}

/// The text without quotes around it, and with line ends for their names.
fn bare(text: &str) -> String {
    let trimmed = text.trim_end();
    let inner = trimmed
        .strip_prefix("b'")
        .and_then(|inner| inner.strip_suffix('\''))
        .or_else(|| trimmed.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')))
        .unwrap_or(text);
    let mut inner = inner.to_owned();
    for (name, end) in [("<CR>", "\r"), ("<LF>", "\n"), ("[CR]", "\r"), ("[LF]", "\n")] {
        inner = inner.replace(name, end);
    }
    // Within a line `\r` may be part of what was typed, so only those at its ends and between lines count.
    let mut text = inner.as_str();
    let mut ends = String::new();
    while let Some((rest, end)) = [("\\r", '\r'), ("\\n", '\n'), ("\r", '\r'), ("\n", '\n')]
        .into_iter()
        .find_map(|(name, end)| Some((text.strip_suffix(name)?, end)))
    {
        text = rest;
        ends.insert(0, end);
    }
    let text = if text.starts_with("AT") && !text.contains("\\r\\n") {
        text.to_owned()
    } else {
        text.replace("\\r", "\r").replace("\\n", "\n")
    };
    text + &ends
}

/// Takes the time off, if there is one: dates, hours, minutes and seconds, or seconds, in brackets or not.
fn take_time(line: &str) -> (Option<Duration>, &str) {
    let mut time = None;
    let mut rest = line;
    while let Some((word, after)) = rest.split_once([' ', '\t']).or((!rest.is_empty()).then_some((rest, ""))) {
        let is_bracketed = word.starts_with(['[', '(']);
        let bare = word.trim_matches(['[', ']', '(', ')', '|']).trim_end_matches(':');
        if time.is_none() && is_date(bare) {
            rest = after.trim_start();
        } else if let (None, Some(found)) = (time, moment(bare, is_bracketed)) {
            time = Some(found);
            rest = after.trim_start();
        } else {
            break;
        }
    }
    (time, rest)
}

fn is_date(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
    parts.len() == 3 && parts.iter().all(|part| is_digits(part)) && !word.contains(':')
}

/// `2026-07-20T06:51:36.123Z`, `06:51:36,123`, `12.345`, `12.345s`, `345ms`; a bare number only in brackets, of milliseconds.
fn moment(word: &str, is_bracketed: bool) -> Option<Duration> {
    let word = word.split_once('T').filter(|(date, _)| is_date(date)).map_or(word, |(_, time)| time);
    let word = word.trim_end_matches('Z').trim_start_matches('+').replace(',', ".");
    if word.contains(':') {
        let parts: Vec<&str> = word.split(':').collect();
        let (seconds, whole) = parts.split_last()?;
        if whole.is_empty() || whole.len() > 2 || !whole.iter().all(|part| is_digits(part)) {
            return None;
        }
        let minutes = whole.iter().try_fold(0_u32, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?;
        return Some(Duration::from_secs(u64::from(minutes) * 60).saturating_add(seconds_of(seconds)?));
    }
    if let Some(millis) = word.strip_suffix("ms").filter(|millis| is_digits(millis)) {
        return millis.parse().ok().map(Duration::from_millis);
    }
    match word.strip_suffix('s') {
        Some(seconds) => seconds_of(seconds),
        None if word.contains('.') => seconds_of(&word),
        None if is_bracketed && is_digits(&word) => word.parse().ok().map(Duration::from_millis),
        None => None,
    }
}

fn seconds_of(text: &str) -> Option<Duration> {
    let is_number =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    Duration::try_from_secs_f64(is_number.then(|| text.parse().ok())??).ok()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
