//! A command line to the handlers of its rows.

use super::COMMANDS;
use super::args::{self, Args};
use super::command::{Answer, Command, ErrorStyle, Test};
use super::error::{Problem, Refusal};
use super::param::ParamKind;
use crate::turn::Turn;

/// Bytes of the `AT` in front of the commands of a line.
pub(crate) const PREFIX: usize = 2;

/// Carries out the commands of a line from `at` on, and answers it unless one of them answers later.
pub(crate) fn run_line(turn: &mut Turn<'_>, line: &mut [u8], mut at: usize) {
    loop {
        at += line.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b' ' | b';')).count();
        if at >= line.len() {
            return turn.ok();
        }
        match run_command(turn, line, at) {
            // What stands behind a restart is moot, and so nobody looks for secrets in it.
            Ok((Answer::Done, end)) if turn.then.is_some() => {
                turn.hide_typed_from(end);
                return turn.ok();
            }
            Ok((Answer::Done, end)) => at = end,
            Ok((Answer::Raw | Answer::Later, end)) => {
                // Nobody knows yet what of the rest is secret.
                turn.hide_typed_from(end);
                if let Some(raw) = &mut turn.modem.raw {
                    raw.set_rest(line.get(end..).unwrap_or_default());
                }
                let line_end = turn.take_line_end();
                if let Some(pending) = &mut turn.modem.pending {
                    pending.line_end = line_end;
                    pending.rest = line.get(end..).unwrap_or_default().into();
                }
                return;
            }
            Err(Refused { command, style, problem, shown }) => {
                turn.hide_typed_from(shown);
                return turn.refuse(Refusal { command, problem }, style);
            }
        }
    }
}

struct Refused {
    command: &'static str,
    style: ErrorStyle,
    problem: Problem,
    /// How much of the line is known to hold no secret: what is refused may be another command, mistyped.
    shown: usize,
}

/// Carries out the command that begins at `at` and tells where it ends.
fn run_command(turn: &mut Turn<'_>, line: &mut [u8], at: usize) -> Result<(Answer, usize), Refused> {
    turn.fresh_info = true;
    let rest = line.get(at..).unwrap_or_default();
    let extended = rest.first() == Some(&b'+');
    let digits = |rest: &[u8]| rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let length = match rest.first() {
        Some(b'+') => 1 + rest.iter().skip(1).take_while(|byte| is_name_byte(**byte)).count(),
        Some(b'S' | b's') => 1 + digits(rest),
        Some(b'&') => 2,
        _ => 1,
    };
    let (name, tail) = rest.split_at(length.min(rest.len()));
    let Some(row) = find(name) else {
        // What is longer may be a line of a key that nobody asked for.
        let shown = if length <= NAME_SHOWN { at + length } else { at };
        let problem = Problem::UnknownCommand;
        return Err(Refused { command: "", style: ErrorStyle::Plain, problem, shown });
    };
    let end = at + length;
    let form = match row.is_register() {
        true => Form::Register,
        false if extended => Form::extended(tail),
        false => Form::Basic,
    };
    let result = if (row.on)(turn.modem.settings.model) {
        run_form(turn, row, form, line, end)
    } else {
        turn.hide_secrets(row, line, end);
        Err(Problem::NotOnThisModel)
    };
    result.map_err(|problem| {
        let shown = if matches!(form, Form::Set) && row.has_set() { before_secrets(line, end) } else { end };
        let case = args::leading_number(line, end + 1).filter(|_| matches!(form, Form::Set));
        let style = case.and_then(|number| row.case(number)).map_or(row.errors, |case| case.errors);
        Refused { command: row.name, style, problem, shown }
    })
}

/// The row of a name as it was typed.
fn find(name: &[u8]) -> Option<&'static Command> {
    let mut rows = COMMANDS.iter().copied();
    if let Some((b'S' | b's', digits @ [_, ..])) = name.split_first() {
        // The number counts, not its digits.
        let number = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())?;
        return rows.find(|row| row.register() == Some(number));
    }
    rows.find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The end of the arguments that begin at `from`, as far as no other command may begin there that has a secret.
fn before_secrets(line: &[u8], from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    let starts = |rest: &[u8]| {
        let names = |row: &&Command| {
            let name = row.name.trim_start_matches('+').as_bytes();
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        rest.starts_with(b";") || COMMANDS.iter().copied().filter(|row| row.has_secret()).any(|row| names(&row))
    };
    from + (0..rest.len()).find(|at| starts(rest.get(*at..).unwrap_or_default())).unwrap_or(rest.len())
}

/// Where a command that has a secret seems to begin, in arguments that begin at `from` and may be anything.
fn secret_in_text(line: &[u8], from: usize) -> Option<usize> {
    // Most texts have no plus, and that is found out fast.
    if !line.get(from..)?.contains(&b'+') {
        return None;
    }
    let begins = |at: usize, row: &Command| {
        line.get(at..at + row.name.len()).is_some_and(|start| start.eq_ignore_ascii_case(row.name.as_bytes()))
    };
    let mut plus = (from..line.len()).filter(|at| line.get(*at) == Some(&b'+'));
    plus.find(|at| COMMANDS.iter().any(|row| begins(*at, row) && row.has_secret()))
}

/// Bytes of the longest name of an unknown command that a log shows; those of known ones are shorter.
const NAME_SHOWN: usize = 20;

/// V.250 5.4.1.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'%' | b'-' | b'.' | b'/' | b':' | b'_')
}

#[derive(Clone, Copy)]
enum Form {
    Basic,
    Register,
    Exec,
    Read,
    Test,
    Set,
}

impl Form {
    fn extended(tail: &[u8]) -> Form {
        match tail {
            [b'=', b'?', after @ ..] if ends(after) => Form::Test,
            [b'?', ..] => Form::Read,
            [b'=', ..] => Form::Set,
            _ => Form::Exec,
        }
    }
}

fn ends(tail: &[u8]) -> bool {
    matches!(tail.trim_ascii_start().first(), None | Some(b';'))
}

fn run_form(
    turn: &mut Turn<'_>,
    row: &'static Command,
    form: Form,
    line: &mut [u8],
    at: usize,
) -> Result<(Answer, usize), Problem> {
    let (handler, length) = match form {
        Form::Basic => return run_basic(turn, row, line, at),
        Form::Register => return run_register(turn, row, line, at),
        Form::Set => return run_set(turn, row, line, at + 1),
        Form::Test => {
            if let Some(test_now) = row.test_now {
                return Ok((test_now(turn, &Args::NONE)?, at + 2));
            }
            if row.test == Test::No {
                return Err(Problem::NoSuchForm);
            }
            for text in row.test_lines(turn.modem.settings.model) {
                turn.info(|piece| core::fmt::Write::write_fmt(piece, format_args!("{text}")));
            }
            return Ok((Answer::Done, at + 2));
        }
        Form::Read => (row.read, 1),
        Form::Exec => (row.exec, 0),
    };
    let handler = handler.ok_or(Problem::NoSuchForm)?;
    let end = at + length;
    if !ends(line.get(end..).unwrap_or_default()) {
        return Err(Problem::TooManyParameters);
    }
    Ok((handler(turn, &Args::NONE)?, end))
}

fn run_set(turn: &mut Turn<'_>, row: &'static Command, line: &mut [u8], at: usize) -> Result<(Answer, usize), Problem> {
    turn.hide_secrets(row, line, at);
    let last = row.params.last().map(|param| param.kind);
    let is_free = last.is_some_and(ParamKind::is_free_text);
    // Most lines have no chain, and that is found out ten times as fast.
    if is_free && line.contains(&b';') {
        // A chain behind free text is part of it, secrets and all.
        let chain = line.windows(2).skip(at).position(|pair| pair == b"\";").map(|place| at + place + 2);
        if let Some(chain) = chain {
            turn.hide_typed_from(before_secrets(line, chain));
        }
    }
    let takes_all = is_free || matches!(last, Some(ParamKind::Anything));
    let secret = if takes_all { secret_in_text(line, at) } else { None };
    let handler = row.set.ok_or(Problem::NoSuchForm)?;
    let (args, end) = args::parse(row, &turn.modem.settings, line, at)?;
    if let Some(secret) = secret.filter(|secret| *secret < end) {
        turn.hide_typed_from(secret);
    }
    turn.modem.bearer.check(row.needs)?;
    Ok((handler(turn, &args)?, end))
}

/// V.250 5.3.1: a number may follow, 0 if there is none.
fn run_basic(
    turn: &mut Turn<'_>,
    row: &'static Command,
    line: &mut [u8],
    at: usize,
) -> Result<(Answer, usize), Problem> {
    let handler = row.set.ok_or(Problem::NoSuchForm)?;
    let (number, end) = checked_number(row, line, at)?;
    Ok((handler(turn, &Args::of_number(number))?, end))
}

/// V.250 5.3.2: `=` and a number, 0 if there is none, or `?`. As after other basic commands, the next one may follow at
/// once.
fn run_register(
    turn: &mut Turn<'_>,
    row: &'static Command,
    line: &mut [u8],
    at: usize,
) -> Result<(Answer, usize), Problem> {
    let at = args::skip_spaces(line, at);
    match line.get(at) {
        Some(b'?') => {
            let read = row.read.ok_or(Problem::NoSuchForm)?;
            Ok((read(turn, &Args::NONE)?, at + 1))
        }
        Some(b'=') => run_basic(turn, row, line, args::skip_spaces(line, at + 1)),
        _ => Err(Problem::NoSuchForm),
    }
}

/// The number that begins at `from`, within the bounds of the only parameter, and where it ends.
fn checked_number(row: &'static Command, line: &[u8], from: usize) -> Result<(u32, usize), Problem> {
    let rest = line.get(from..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = rest
        .iter()
        .take(digits)
        .fold(0u32, |number, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    let Some(param) = row.params.first() else { return Err(Problem::NoSuchForm) };
    match param.kind {
        ParamKind::Number { min, max, .. } if !(min..=max).contains(&number) => {
            Err(Problem::OutOfRange(param.name, min, max))
        }
        ParamKind::OneOf(numbers) if !numbers.contains(&number) => {
            let (min, max) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
            Err(Problem::OutOfRange(param.name, min, max))
        }
        _ => Ok((number, from + digits)),
    }
}
