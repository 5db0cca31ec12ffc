//! The arguments of a set form: read by the row, unescaped in place.

use super::command::Command;
use super::error::Problem;
use super::param::{Param, ParamKind};
use crate::client::ClientId;
use crate::model::Model;
use crate::mqtt::{self, Qos};
use crate::settings::Settings;

/// Parameters that a row may have at most; a test holds the rows to it.
pub(crate) const MAX_PARAMS: usize = 8;

/// Checked arguments.
pub(crate) struct Args<'a> {
    line: &'a [u8],
    values: [Value; MAX_PARAMS],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Absent,
    Number(u32),
    /// From, to.
    Text(usize, usize),
}

/// What stands for a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Payload<'a> {
    /// The payload itself.
    Bytes(&'a [u8]),
    /// That many bytes of raw data follow.
    Size(u32),
}

impl<'a> Args<'a> {
    pub(crate) const NONE: Args<'static> = Args { line: &[], values: [Value::Absent; MAX_PARAMS] };

    /// The number of a basic command.
    pub(crate) fn of_number(number: u32) -> Args<'static> {
        let mut args = Args::NONE;
        args.values[0] = Value::Number(number);
        args
    }

    /// A number; `None` where it was left out.
    pub(crate) fn number(&self, index: usize) -> Option<u32> {
        match self.values.get(index) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The client; the row must have one there.
    pub(crate) fn client(&self, index: usize) -> Result<ClientId, Problem> {
        self.number(index).and_then(ClientId::from_number).ok_or(Problem::NoSuchClient)
    }

    /// Bytes; `None` where they were left out.
    pub(crate) fn bytes(&self, index: usize) -> Option<&'a [u8]> {
        match self.values.get(index) {
            Some(Value::Text(from, to)) => self.line.get(*from..*to),
            _ => None,
        }
    }

    /// Whether text stood in quotes.
    pub(crate) fn is_quoted(&self, index: usize) -> bool {
        match self.values.get(index) {
            Some(Value::Text(from, _)) => from.checked_sub(1).and_then(|before| self.line.get(before)) == Some(&b'"'),
            _ => false,
        }
    }

    /// Text, empty where it was left out.
    pub(crate) fn text(&self, index: usize) -> &'a str {
        core::str::from_utf8(self.bytes(index).unwrap_or_default()).unwrap_or_default()
    }

    /// `<Qos>`, of which the row says that it is within 0 and 2.
    pub(crate) fn qos(&self, index: usize) -> Qos {
        self.number(index).and_then(|number| Qos::from_number(u8::try_from(number).ok()?)).unwrap_or(Qos::AtMostOnce)
    }

    /// A number of a row whose greatest is small.
    pub(crate) fn small(&self, index: usize) -> u8 {
        self.number(index).and_then(|number| u8::try_from(number).ok()).unwrap_or_default()
    }

    /// Whether a flag is 1.
    pub(crate) fn flag(&self, index: usize) -> bool {
        self.number(index) == Some(1)
    }

    pub(crate) fn payload(&self, index: usize) -> Payload<'a> {
        match self.number(index) {
            Some(size) => Payload::Size(size),
            None => Payload::Bytes(self.bytes(index).unwrap_or_default()),
        }
    }
}

/// Reads the arguments of `row` that begin at `from` and tells where they end: at a `;` or at the end of the line.
pub(crate) fn parse<'a>(
    row: &'static Command,
    settings: &Settings,
    line: &'a mut [u8],
    from: usize,
) -> Result<(Args<'a>, usize), Problem> {
    let mut values = [Value::Absent; MAX_PARAMS];
    let params = params_of(row, line, from)?;
    let mut at = from;
    let last = params.len().saturating_sub(1);
    for (index, (param, value)) in params.iter().zip(&mut values).enumerate() {
        at = skip_spaces(line, at);
        let missing = match line.get(at) {
            None | Some(b';') => true,
            Some(b',') => index != last || !param.kind.is_text(),
            Some(_) => false,
        };
        if missing {
            if !param.optional {
                return Err(Problem::Missing(param.name));
            }
        } else {
            (*value, at) = read(param, settings, line, at, index == last)?;
        }
        at = skip_spaces(line, at);
        match line.get(at) {
            Some(b',') if index != last => at += 1,
            None | Some(b';') | Some(b',') => {}
            Some(_) => return Err(Problem::BadQuotes(param.name)),
        }
    }
    match line.get(at) {
        None | Some(b';') => Ok((Args { line, values }, at)),
        Some(_) => Err(Problem::TooManyParameters),
    }
}

/// The parameters that are due: those of the case that the number in front names, if the row has cases.
fn params_of(row: &'static Command, line: &[u8], from: usize) -> Result<&'static [Param], Problem> {
    let Some((first, last)) = row.cases.first().zip(row.cases.last()) else { return Ok(row.params) };
    let name = first.params.first().map_or("", |param| param.name);
    let at = skip_spaces(line, from);
    if matches!(line.get(at), None | Some(b',' | b';')) {
        return Err(Problem::Missing(name));
    }
    let (number, _) = read_number(name, last.number(), line, at)?;
    row.case(number).map(|case| case.params).ok_or(Problem::OutOfRange(name, first.number(), last.number()))
}

/// The number that the arguments begin with, whatever stands behind it.
pub(crate) fn leading_number(line: &[u8], from: usize) -> Option<u32> {
    let rest = line.get(skip_spaces(line, from)..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    core::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

fn read(param: &Param, settings: &Settings, line: &mut [u8], at: usize, last: bool) -> Result<(Value, usize), Problem> {
    let (name, model) = (param.name, settings.model);
    match param.kind {
        ParamKind::Client(clients) => {
            let (number, end) = read_number(name, u32::MAX, line, at)?;
            let known = clients.of(model).any(|id| u32::from(id.number()) == number);
            if known { Ok((Value::Number(number), end)) } else { Err(Problem::NoSuchClient) }
        }
        ParamKind::Number { min, max, offered } => {
            let (number, end) = read_number(name, max, line, at)?;
            if number < min || number > max {
                return Err(Problem::OutOfRange(name, min, max));
            }
            if offered.is_some_and(|offered| number > offered(model)) {
                return Err(Problem::NotOffered(name));
            }
            Ok((Value::Number(number), end))
        }
        ParamKind::OneOf(numbers) => {
            let (min, max) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
            let (number, end) = read_number(name, max, line, at)?;
            let known = numbers.contains(&number);
            if known { Ok((Value::Number(number), end)) } else { Err(Problem::OutOfRange(name, min, max)) }
        }
        ParamKind::Switch => {
            let quoted = line.get(at) == Some(&b'"');
            let (number, end) = read_number(name, 1, line, at + usize::from(quoted))?;
            let closed = end.checked_sub(1).and_then(|last| line.get(last)) == Some(&b'"');
            match number {
                _ if quoted && !closed => Err(Problem::BadQuotes(name)),
                0 | 1 => Ok((Value::Number(number), end)),
                _ => Err(Problem::OutOfRange(name, 0, 1)),
            }
        }
        ParamKind::Payload { max, min_size } if is_size(line, at) => {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            let (number, end) = read_number(name, max, line, at)?;
            if number < min_size || number > max {
                return Err(Problem::OutOfRange(name, min_size, max));
            }
            Ok((Value::Number(number), end))
        }
        ParamKind::Anything => {
            let rest = line.get(at..).unwrap_or_default();
            let end = at + rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            Ok((Value::Text(at, end), end))
        }
        kind => {
            let (from, to, end) = read_text(param, settings.hex_escapes, line, at, last)?;
            check_text(name, kind, model, line.get(from..to).unwrap_or_default())?;
            Ok((Value::Text(from, to), end))
        }
    }
}

/// Whether the rest of the line is a bare number, perhaps with the stray quote of [`read_number`].
fn is_size(line: &[u8], at: usize) -> bool {
    let rest = line.get(at..).unwrap_or_default().trim_ascii_end();
    let digits = rest.strip_suffix(b"\"").unwrap_or(rest);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Decimal digits; a stray quote behind them is tolerated, since hosts in the field send one. `max` is told in the
/// error for a number that no integer holds.
fn read_number(name: &'static str, max: u32, line: &[u8], at: usize) -> Result<(u32, usize), Problem> {
    let rest = line.get(at..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return Err(Problem::NotANumber(name));
    }
    let number = rest[..digits]
        .iter()
        .try_fold(0u32, |number, digit| number.checked_mul(10)?.checked_add(u32::from(digit - b'0')))
        .ok_or(Problem::OutOfRange(name, 0, max))?;
    let end = at + digits + usize::from(rest.get(digits) == Some(&b'"'));
    match line.get(end) {
        None | Some(b',' | b';' | b' ') => Ok((number, end)),
        Some(_) => Err(Problem::NotANumber(name)),
    }
}

/// Text in quotes, or bare. Gives where it stands, unescaped, and where the next parameter may begin.
fn read_text(
    param: &Param,
    hex_escapes: bool,
    line: &mut [u8],
    at: usize,
    last: bool,
) -> Result<(usize, usize, usize), Problem> {
    const CURLY: [&[u8]; 2] = ["“".as_bytes(), "”".as_bytes()];
    let rest = line.get(at..).unwrap_or_default();
    if CURLY.iter().any(|quote| rest.starts_with(quote)) {
        return Err(Problem::CurlyQuotes(param.name));
    }
    let free = param.kind.is_free_text();
    if rest.first() != Some(&b'"') {
        let ends = |byte: &u8| !(last && free) && (*byte == b',' || *byte == b';' && !free);
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        if CURLY.iter().any(|quote| text.ends_with(quote)) {
            return Err(Problem::CurlyQuotes(param.name));
        }
        return Ok((at, at + length, at + length));
    }
    let from = at + 1;
    let inside = rest.get(1..).unwrap_or_default();
    let length = if last && free { inside.iter().rposition(|byte| *byte == b'"') } else { closing_quote(inside, free) };
    let Some(length) = length else { return Err(Problem::BadQuotes(param.name)) };
    let to = if free { from + unescape(&mut line[from..from + length], hex_escapes) } else { from + length };
    Ok((from, to, from + length + 1))
}

fn closing_quote(inside: &[u8], escapes: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        match *inside.get(at)? {
            b'"' => return Some(at),
            b'\\' if escapes && matches!(inside.get(at + 1), Some(b'"' | b'\\')) => at += 2,
            _ => at += 1,
        }
    }
}

/// Replaces `\"`, `\\`, `\r`, `\n` and `\HH` (V.250 5.4.2.2) by what they stand for; other backslashes stay.
/// Gives the new length.
fn unescape(text: &mut [u8], hex_escapes: bool) -> usize {
    let Some(mut read) = text.iter().position(|byte| *byte == b'\\') else { return text.len() };
    let mut write = read;
    while let Some(&byte) = text.get(read) {
        let (value, length) = match (byte, text.get(read + 1), text.get(read + 2)) {
            (b'\\', Some(quoted @ (b'"' | b'\\')), _) => (*quoted, 2),
            (b'\\', Some(b'r'), _) => (b'\r', 2),
            (b'\\', Some(b'n'), _) => (b'\n', 2),
            (b'\\', Some(high), Some(low)) if hex_escapes && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), 3)
            }
            _ => (byte, 1),
        };
        text[write] = value;
        write += 1;
        read += length;
    }
    write
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

fn check_text(name: &'static str, kind: ParamKind, model: &Model, text: &[u8]) -> Result<(), Problem> {
    let (max, may_be_empty) = match kind {
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => (limit.of(model), true),
        ParamKind::Host(max) | ParamKind::TopicName(max) | ParamKind::TopicFilter(max) => (max, false),
        ParamKind::WillTopic(max) | ParamKind::Message(max) | ParamKind::Payload { max, .. } => (max, true),
        ParamKind::Word(_) => (usize::MAX, false),
        ParamKind::Client(_)
        | ParamKind::Number { .. }
        | ParamKind::OneOf(_)
        | ParamKind::Switch
        | ParamKind::Anything => return Ok(()),
    };
    if text.is_empty() && !may_be_empty {
        return Err(Problem::Empty(name));
    }
    if text.len() > max {
        return Err(Problem::TooLong(name, max));
    }
    if matches!(kind, ParamKind::Bytes(_) | ParamKind::Message(_) | ParamKind::Payload { .. }) {
        return Ok(());
    }
    let Ok(text) = core::str::from_utf8(text) else { return Err(Problem::NotText(name)) };
    if text.contains('\0') {
        return Err(Problem::NotText(name));
    }
    match kind {
        ParamKind::Word(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            Err(Problem::NotOneOf(name, words))
        }
        ParamKind::WillTopic(_) if !text.is_empty() && !mqtt::is_name(text) => Err(Problem::BadTopicName(name)),
        ParamKind::TopicName(_) if !mqtt::is_name(text) => Err(Problem::BadTopicName(name)),
        ParamKind::TopicFilter(_) if !mqtt::is_filter(text) => Err(Problem::BadTopicFilter(name)),
        _ => Ok(()),
    }
}

pub(super) fn skip_spaces(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| **byte == b' ').count()
}
