//! The arguments of a set form: read by the row, unescaped in place.

use core::ops::Range;

use super::blank::{is_blank, skip_blanks, trim_end};
use super::command::Command;
use super::error::Problem;
use super::escapes::{Escapes, Texts};
use super::host::NotAHost;
use super::param::{Param, ParamKind};
use crate::client_id::ClientId;
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
        debug_assert!(index < MAX_PARAMS, "no row has parameter {index}");
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
        debug_assert!(
            matches!(self.values.get(index), Some(Value::Text(..) | Value::Absent)),
            "parameter {index} is no text"
        );
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
        let text = core::str::from_utf8(self.bytes(index).unwrap_or_default());
        debug_assert!(text.is_ok(), "bytes of parameter {index} are taken for text");
        text.unwrap_or_default()
    }

    /// `<Qos>`, of which the row says that it is within 0 and 2.
    pub(crate) fn qos(&self, index: usize) -> Qos {
        debug_assert!(self.number(index).is_some_and(|number| number <= 2), "parameter {index} is no <Qos>");
        self.number(index).and_then(|number| Qos::from_number(u8::try_from(number).ok()?)).unwrap_or(Qos::AtMostOnce)
    }

    /// A number of a row whose greatest is small.
    pub(crate) fn small(&self, index: usize) -> u8 {
        debug_assert!(self.number(index).is_none_or(|number| number <= u8::MAX.into()), "parameter {index} is large");
        self.number(index).and_then(|number| u8::try_from(number).ok()).unwrap_or_default()
    }

    /// A number of a row whose greatest is that of 16 bits: a port, a time to keep alive.
    pub(crate) fn word(&self, index: usize) -> u16 {
        debug_assert!(
            self.number(index).is_some_and(|number| number <= u16::MAX.into()),
            "parameter {index} is no word"
        );
        self.number(index).and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
    }

    /// Whether a flag is 1.
    pub(crate) fn flag(&self, index: usize) -> bool {
        debug_assert!(self.number(index).is_none_or(|number| number <= 1), "parameter {index} is no flag");
        self.number(index) == Some(1)
    }

    pub(crate) fn payload(&self, index: usize) -> Payload<'a> {
        match self.number(index) {
            Some(size) => Payload::Size(size),
            None => Payload::Bytes(self.bytes(index).unwrap_or_default()),
        }
    }
}

/// Arguments that were read.
pub(crate) struct Parsed<'a> {
    pub(crate) args: Args<'a>,
    /// Where they end: at a `;` or at the end of the line.
    pub(crate) end: usize,
    /// Where secrets are in what was typed, quotes included.
    pub(crate) secrets: Option<Range<usize>>,
    /// The end of the number in front.
    pub(crate) lead: usize,
}

/// Arguments that were refused.
pub(crate) struct Misread {
    pub(crate) problem: Problem,
    /// Up to here all is what it is due to be there (a number, a text), if not all of it has a value that is taken. What
    /// is behind may be anything, like the arguments of another command.
    pub(crate) read: usize,
    /// The end of the number in front, if it is one that the row takes.
    pub(crate) lead: usize,
}

/// Why one argument is refused.
enum Bad {
    /// It is not what is due there.
    Form(Problem),
    /// It is, and ends here, but its value is not taken.
    Value(Problem, usize),
}

/// Reads the arguments of `row` that begin at `from`. Problems are those of the first argument that has one.
pub(crate) fn parse<'a>(
    row: &'static Command,
    settings: &Settings,
    line: &'a mut [u8],
    from: usize,
) -> Result<Parsed<'a>, Misread> {
    let mut values = [Value::Absent; MAX_PARAMS];
    let (mut at, mut lead, mut secrets, mut refused, mut more) = (from, from, None, None, None);
    let params = params_of(row, line, from).map_err(|problem| Misread { problem, read: from, lead })?;
    let last = params.len().saturating_sub(1);
    for (index, (param, value)) in params.iter().zip(&mut values).enumerate() {
        at = skip_blanks(line, at);
        if matches!(param.kind, ParamKind::Anything)
            && let Some(problem) = refused
        {
            return Err(Misread { problem, read: at, lead });
        }
        let missing = match line.get(at) {
            None | Some(b';') => true,
            Some(b',') => index != last || !param.kind.is_text(),
            Some(_) => false,
        };
        if missing {
            if !param.optional {
                refused.get_or_insert(Problem::Missing(param.name));
            }
        } else {
            let begin = at;
            // Where an earlier field is refused, a text may be several fields of another command.
            if index == last && refused.is_some() {
                more = first_more(line.get(at + 1..).unwrap_or_default()).map(|quote| at + 1 + quote + 1);
            }
            (*value, at) = match read(param, settings, line, at, index == last) {
                Ok(read) => read,
                // What follows may be meant for another command.
                Err(Bad::Value(problem, end)) if index == 0 && !param.kind.is_text() => {
                    return Err(Misread { problem, read: end, lead });
                }
                Err(Bad::Value(problem, end)) => {
                    refused.get_or_insert(problem);
                    (Value::Absent, end)
                }
                Err(Bad::Form(problem)) => {
                    return Err(Misread { problem: refused.unwrap_or(problem), read: begin, lead });
                }
            };
            if param.secret {
                let first = secrets.map_or(begin, |secrets: Range<usize>| secrets.start);
                secrets = Some(first..at);
            }
        }
        at = skip_blanks(line, at);
        let ends = match line.get(at) {
            Some(b',') if index != last => {
                at += 1;
                true
            }
            None | Some(b';' | b',') => true,
            Some(_) => false,
        };
        if !ends {
            let text = param.kind.is_text();
            let problem = if text { Problem::BadQuotes(param.name) } else { Problem::NotANumber(param.name) };
            return Err(Misread { problem: refused.unwrap_or(problem), read: at, lead });
        }
        if index == 0 && !param.kind.is_text() && refused.is_none() {
            lead = at;
        }
    }
    let problem = refused.or(match line.get(at) {
        None | Some(b';') => None,
        Some(_) => Some(Problem::TooManyParameters),
    });
    match problem {
        None => Ok(Parsed { args: Args { line, values }, end: at, secrets, lead }),
        Some(problem) => Err(Misread { problem, read: more.map_or(at, |more| more.min(at)), lead }),
    }
}

/// The parameters that are due: those of the case that the number in front names, if the row has cases.
fn params_of(row: &'static Command, line: &[u8], from: usize) -> Result<&'static [Param], Problem> {
    let Some((first, last)) = row.cases.first().zip(row.cases.last()) else { return Ok(row.params) };
    let name = first.params.first().map_or("", |param| param.name);
    let at = skip_blanks(line, from);
    if matches!(line.get(at), None | Some(b',' | b';')) {
        return Err(Problem::Missing(name));
    }
    match read_number(name, last.number(), line, at) {
        Ok((number, _)) => {
            row.case(number).map(|case| case.params).ok_or(Problem::OutOfRange(name, first.number(), last.number()))
        }
        Err(Bad::Form(problem) | Bad::Value(problem, _)) => Err(problem),
    }
}

/// The number that the arguments begin with, whatever is behind it.
pub(crate) fn leading_number(line: &[u8], from: usize) -> Option<u32> {
    let rest = line.get(skip_blanks(line, from)..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    core::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

fn read(param: &Param, settings: &Settings, line: &mut [u8], at: usize, last: bool) -> Result<(Value, usize), Bad> {
    let (name, model) = (param.name, settings.model);
    let checked = |(number, end): (u32, usize), problem: Option<Problem>| match problem {
        None => Ok((Value::Number(number), end)),
        Some(problem) => Err(Bad::Value(problem, end)),
    };
    match param.kind {
        ParamKind::Client(clients) => {
            let read = read_number(name, u32::MAX, line, at)?;
            let known = clients.of(model).any(|id| u32::from(id.number()) == read.0);
            checked(read, (!known).then_some(Problem::NoSuchClient))
        }
        ParamKind::Number { min, max, offered } => {
            let read = read_number(name, max, line, at)?;
            let problem = if read.0 < min || read.0 > max {
                Some(Problem::OutOfRange(name, min, max))
            } else {
                offered.filter(|offered| read.0 > offered(model)).map(|_| Problem::NotOffered(name))
            };
            checked(read, problem)
        }
        ParamKind::OneOf(numbers) => {
            let (min, max) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
            let read = read_number(name, max, line, at)?;
            checked(read, (!numbers.contains(&read.0)).then_some(Problem::OutOfRange(name, min, max)))
        }
        ParamKind::Switch => {
            let quoted = line.get(at) == Some(&b'"');
            let read = read_number(name, 1, line, at + usize::from(quoted))?;
            let closed = read.1.checked_sub(1).and_then(|last| line.get(last)) == Some(&b'"');
            if quoted && !closed {
                return Err(Bad::Form(Problem::BadQuotes(name)));
            }
            checked(read, (read.0 > 1).then_some(Problem::OutOfRange(name, 0, 1)))
        }
        ParamKind::Payload { max, min_size } if is_size(line, at) => {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            let read = read_number(name, max, line, at)?;
            let fits = (min_size..=max).contains(&read.0);
            checked(read, (!fits).then_some(Problem::OutOfRange(name, min_size, max)))
        }
        ParamKind::Anything => {
            let rest = line.get(at..).unwrap_or_default();
            let end = at + rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            Ok((Value::Text(at, end), end))
        }
        kind => {
            let (from, to, end) = read_text(param, settings.escapes, line, at, last)?;
            match check_text(name, kind, model, line.get(from..to).unwrap_or_default()) {
                None => Ok((Value::Text(from, to), end)),
                Some(problem @ (Problem::NotOneOf(..) | Problem::NotAHost(_, NotAHost::User))) => {
                    Err(Bad::Form(problem))
                }
                Some(problem) => Err(Bad::Value(problem, end)),
            }
        }
    }
}

/// Whether the rest of the line is a bare number, perhaps with the stray quote of [`read_number`].
fn is_size(line: &[u8], at: usize) -> bool {
    let rest = trim_end(line.get(at..).unwrap_or_default());
    let digits = rest.strip_suffix(b"\"").unwrap_or(rest);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Decimal digits; a stray quote behind them is tolerated, since hosts in the field send one. `max` is told in the
/// error for a number that no integer holds.
fn read_number(name: &'static str, max: u32, line: &[u8], at: usize) -> Result<(u32, usize), Bad> {
    let rest = line.get(at..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = at + digits + usize::from(rest.get(digits) == Some(&b'"'));
    let ends = line.get(end).is_none_or(|byte| matches!(byte, b',' | b';') || is_blank(*byte));
    if digits == 0 || !ends {
        return Err(Bad::Form(Problem::NotANumber(name)));
    }
    let number = rest[..digits]
        .iter()
        .try_fold(0u32, |number, digit| number.checked_mul(10)?.checked_add(u32::from(digit - b'0')));
    number.map(|number| (number, end)).ok_or(Bad::Value(Problem::OutOfRange(name, 0, max), end))
}

/// Text in quotes, or bare. Gives where it is, unescaped, and where the next parameter may begin.
fn read_text(
    param: &Param,
    escapes: Escapes,
    line: &mut [u8],
    at: usize,
    last: bool,
) -> Result<(usize, usize, usize), Bad> {
    const CURLY: [&[u8]; 2] = ["“".as_bytes(), "”".as_bytes()];
    let whole = line.len();
    let rest = line.get(at..).unwrap_or_default();
    let free = param.kind.is_free_text();
    let takes_rest = last && free;
    // A text that takes the rest of the line can't be followed by anything.
    let bad = |problem| if takes_rest { Bad::Value(problem, whole) } else { Bad::Form(problem) };
    if CURLY.iter().any(|quote| rest.starts_with(quote)) {
        return Err(bad(Problem::CurlyQuotes(param.name)));
    }
    if rest.first() != Some(&b'"') {
        let takes_commas = takes_rest && !param.kind.is_topic();
        let ends = |byte: &u8| *byte == b',' && !takes_commas || *byte == b';' && !free;
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let text = trim_end(rest.get(..length).unwrap_or_default());
        if CURLY.iter().any(|quote| text.ends_with(quote)) {
            return Err(bad(Problem::CurlyQuotes(param.name)));
        }
        return Ok((at, at + text.len(), at + length));
    }
    let from = at + 1;
    let inside = rest.get(1..).unwrap_or_default();
    let texts = if free { Texts::Free } else { Texts::Plain };
    let first = escapes.closing_quote(texts, inside);
    // A topic may have bare quotes too, but what looks like one parameter more is one too many.
    let takes_rest = takes_rest && !(param.kind.is_topic() && first_more(inside).is_some());
    let length = if takes_rest { inside.iter().rposition(|byte| *byte == b'"') } else { first };
    let Some(length) = length else { return Err(bad(Problem::BadQuotes(param.name))) };
    let end = from + length + 1;
    let unescaped = line.get_mut(from..from + length).map_or(0, |text| escapes.unescape(texts, text));
    Ok((from, from + unescaped, end))
}

/// The first quote after which a parameter more seems to begin.
fn first_more(text: &[u8]) -> Option<usize> {
    let comma_follows = |quote: &usize| text.get(skip_blanks(text, quote + 1)) == Some(&b',');
    (0..text.len()).filter(|at| text.get(*at) == Some(&b'"')).find(comma_follows)
}

/// What is wrong with a text, if anything is.
fn check_text(name: &'static str, kind: ParamKind, model: &Model, text: &[u8]) -> Option<Problem> {
    let (max, may_be_empty) = match kind {
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => (limit.of(model), true),
        ParamKind::Host(max) | ParamKind::TopicName(max) | ParamKind::TopicFilter(max) => (max, false),
        ParamKind::WillTopic(max) | ParamKind::Message(max) | ParamKind::Payload { max, .. } => (max, true),
        ParamKind::Word(_) => (usize::MAX, false),
        ParamKind::Client(_)
        | ParamKind::Number { .. }
        | ParamKind::OneOf(_)
        | ParamKind::Switch
        | ParamKind::Anything => return None,
    };
    if text.is_empty() && !may_be_empty {
        return Some(Problem::Empty(name));
    }
    if text.len() > max {
        return Some(Problem::TooLong(name, max));
    }
    if matches!(kind, ParamKind::Bytes(_) | ParamKind::Message(_) | ParamKind::Payload { .. }) {
        return None;
    }
    let Ok(text) = core::str::from_utf8(text) else { return Some(Problem::NotText(name)) };
    if text.contains('\0') {
        return Some(Problem::NotText(name));
    }
    match kind {
        ParamKind::Word(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            Some(Problem::NotOneOf(name, words))
        }
        ParamKind::Host(_) => NotAHost::of(text).map(|what| Problem::NotAHost(name, what)),
        ParamKind::WillTopic(_) if !text.is_empty() && !mqtt::is_name(text) => Some(Problem::BadTopicName(name)),
        ParamKind::TopicName(_) if !mqtt::is_name(text) => Some(Problem::BadTopicName(name)),
        ParamKind::TopicFilter(_) if !mqtt::is_filter(text) => Some(Problem::BadTopicFilter(name)),
        _ => None,
    }
}
