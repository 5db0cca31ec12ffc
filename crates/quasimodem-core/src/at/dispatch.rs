//! A command line to the handlers of its rows.

use super::COMMANDS;
use super::args::{self, Args, Misread};
use super::blank::{self, is_blank};
use super::command::{Answer, Command};
use super::error::{Problem, Refusal};
use super::gate::{Form, Verdict};
use super::line::PREFIX;
use super::param::ParamKind;
use super::terms::{ErrorStyle, Test};
use crate::settings::{self, Last};
use crate::turn::Turn;

/// Carries out the commands of a line from `at` on, and answers it unless one of them answers later.
///
/// What of the line is not read as what it is due to be is hidden from logs: it may be anything.
pub(crate) fn run_line(turn: &mut Turn<'_>, line: &mut [u8], mut at: usize) {
    loop {
        at += line.get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte) || **byte == b';').count();
        if at >= line.len() {
            return turn.ok();
        }
        match run_command(turn, line, at) {
            // What is behind a restart is moot, and so nobody reads it.
            Ok((Answer::Done, end)) if turn.then.is_some() => {
                turn.hide_typed_from(end);
                return turn.ok();
            }
            Ok((Answer::Done, end)) => at = end,
            Ok((answer @ (Answer::Raw(_) | Answer::Later(_) | Answer::Never), end)) => {
                // Nobody knows yet what of the rest is secret.
                turn.hide_typed_from(end);
                turn.wait_for(answer, line.get(end..).unwrap_or_default());
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

/// A problem with one form of a command, and how much of the line may be shown.
struct Bad {
    problem: Problem,
    shown: usize,
}

/// Carries out the command that begins at `at` and tells where it ends.
fn run_command(turn: &mut Turn<'_>, line: &mut [u8], at: usize) -> Result<(Answer, usize), Refused> {
    turn.fresh_info = true;
    let extended = line.get(at) == Some(&b'+');
    let end = at + name_length(line.get(at..).unwrap_or_default());
    let name = line.get(at..end).unwrap_or_default();
    let row = find(name);
    let form = match row {
        Some(row) if row.is_register() => Typed::Register(end),
        _ if extended => Typed::extended(line, end),
        _ => Typed::Basic(end),
    };
    let Some(row) = row else {
        if let Some(answered) = run_reply(turn, line, at, form) {
            return answered;
        }
        let shown = if shows_name(name) { form.arguments() } else { at };
        return Err(Refused { command: "", style: ErrorStyle::Plain, problem: Problem::UnknownCommand, shown });
    };
    match turn.ask(row, form.form(line)) {
        Verdict::Pass => {}
        Verdict::Refuse(code) => {
            let style = if code.is_some() { ErrorStyle::Cme } else { ErrorStyle::Plain };
            let (problem, shown) = (Problem::Fault(code), form.arguments());
            return Err(Refused { command: row.name, style, problem, shown });
        }
        Verdict::Ignore => return Ok((Answer::Never, form.arguments())),
    }
    run_form(turn, row, form, line).map_err(|Bad { problem, shown }| {
        let case = args::leading_number(line, form.arguments()).filter(|_| matches!(form, Typed::Set(_)));
        let style = case.and_then(|number| row.case(number)).map_or(row.errors, |case| case.errors);
        Refused { command: row.name, style, problem, shown }
    })
}

/// Answers a command that the modem does not know, if its owner wants that.
fn run_reply(turn: &mut Turn<'_>, line: &[u8], at: usize, form: Typed) -> Option<Result<(Answer, usize), Refused>> {
    let settings = turn.modem.settings.clone();
    let end = command_end(line, at);
    let reply = settings::find_reply(&settings.replies, line.get(at..end)?)?;
    // Nobody knows which of its parameters are secret.
    let shown = if shows_name(line.get(at..form.arguments()).unwrap_or_default()) { form.arguments() } else { at };
    turn.hide_typed_from(shown);
    for text in reply.lines() {
        turn.info(|line| core::fmt::Write::write_str(line, text));
    }
    let refused = |style, problem| Some(Err(Refused { command: "", style, problem, shown }));
    match reply.last() {
        Last::Ok => Some(Ok((Answer::Done, end))),
        Last::Error => refused(ErrorStyle::Plain, Problem::Configured(None)),
        Last::Cme(code) => refused(ErrorStyle::Cme, Problem::Configured(Some(code))),
    }
}

/// Where the command ends that begins at `at`, read without its row: at a `;` outside of quotes, or with the line.
pub(crate) fn command_end(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    let mut quoted = false;
    let end = rest.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    });
    end.map_or(line.len(), |end| at + end)
}

/// The row of the command that this text begins with, if the modem knows it.
pub(crate) fn known_command(text: &[u8]) -> Option<&'static Command> {
    find(text.get(..name_length(text))?)
}

/// The row of a name as it was typed.
fn find(name: &[u8]) -> Option<&'static Command> {
    let mut rows = COMMANDS.iter().copied();
    if let [b'S' | b's', number @ ..] = name
        && let digits = number.trim_ascii_start()
        && !digits.is_empty()
    {
        // The number counts, not its digits.
        let number = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())?;
        return rows.find(|row| row.register() == Some(number));
    }
    rows.find(|row| blank::is_name(name, row.name))
}

/// Bytes of the name that a command begins with, with the blanks in it, but not those behind it.
fn name_length(command: &[u8]) -> usize {
    match command {
        [b'+', rest @ ..] => {
            let length = rest.iter().take_while(|byte| is_name_byte(**byte) || is_blank(**byte)).count();
            1 + blank::trim_end(rest.get(..length).unwrap_or_default()).len()
        }
        [b'&', ..] => (blank::skip_blanks(command, 1) + 1).min(command.len()),
        [b'S' | b's', ..] => {
            let number = blank::skip_blanks(command, 1);
            let digits = command.iter().skip(number).take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 { 1 } else { number + digits }
        }
        _ => command.len().min(1),
    }
}

/// V.250 5.4.1.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'%' | b'-' | b'.' | b'/' | b':' | b'_')
}

/// Bytes of the longest name of an unknown command that a log shows; those of known ones are shorter.
const NAME_SHOWN: usize = 20;

/// Whether a log may show a name that is unknown: what does not look like one may be a line of a key that nobody asked
/// for, or a word of a mistyped line.
fn shows_name(name: &[u8]) -> bool {
    let has = |what: fn(&u8) -> bool| name.iter().any(what);
    name.len() <= NAME_SHOWN
        && !has(|byte| is_blank(*byte))
        && !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
}

/// Where text that may be anything seems to be another command that may have a secret: one of that name, or one that
/// follows a `;` or an `AT`.
fn other_command(line: &[u8], from: usize) -> Option<usize> {
    // Most texts have no plus, and that is found out fast.
    if !line.get(from..)?.contains(&b'+') {
        return None;
    }
    let follows = |at: usize| {
        let before = blank::trim_end(line.get(from..at).unwrap_or_default());
        let tail = before.len().checked_sub(PREFIX).and_then(|at| before.get(at..));
        before.last() == Some(&b';') || tail.is_some_and(|tail| tail.eq_ignore_ascii_case(b"AT"))
    };
    let names = |at: usize, row: &Command| {
        line.get(at..).is_some_and(|rest| blank::begins_with(rest, row.name)) && row.has_secret()
    };
    let mut plus = (from..line.len()).filter(|at| line.get(*at) == Some(&b'+'));
    plus.find(|at| follows(*at) || COMMANDS.iter().any(|row| names(*at, row)))
}

/// The form of a command, and where its arguments begin: behind the name, `=`, `?` or `=?`.
#[derive(Clone, Copy)]
enum Typed {
    Basic(usize),
    Register(usize),
    Exec(usize),
    Read(usize),
    Test(usize),
    Set(usize),
}

impl Typed {
    fn extended(line: &[u8], name_end: usize) -> Typed {
        let sign = blank::skip_blanks(line, name_end);
        match line.get(sign) {
            Some(b'?') => Typed::Read(sign + 1),
            Some(b'=') => {
                let next = blank::skip_blanks(line, sign + 1);
                let is_test = line.get(next) == Some(&b'?') && ends(line, next + 1);
                if is_test { Typed::Test(next + 1) } else { Typed::Set(sign + 1) }
            }
            _ => Typed::Exec(name_end),
        }
    }

    /// What others call it.
    fn form(self, line: &[u8]) -> Form {
        match self {
            Typed::Basic(_) | Typed::Exec(_) => Form::Exec,
            Typed::Read(_) => Form::Read,
            Typed::Test(_) => Form::Test,
            Typed::Set(_) => Form::Set,
            Typed::Register(at) if line.get(blank::skip_blanks(line, at)) == Some(&b'?') => Form::Read,
            Typed::Register(_) => Form::Set,
        }
    }

    fn arguments(self) -> usize {
        match self {
            Typed::Basic(at)
            | Typed::Register(at)
            | Typed::Exec(at)
            | Typed::Read(at)
            | Typed::Test(at)
            | Typed::Set(at) => at,
        }
    }
}

/// Whether the command ends here.
fn ends(line: &[u8], at: usize) -> bool {
    matches!(line.get(blank::skip_blanks(line, at)), None | Some(b';'))
}

fn run_form(turn: &mut Turn<'_>, row: &'static Command, form: Typed, line: &mut [u8]) -> Result<(Answer, usize), Bad> {
    let is_there = (row.on)(turn.modem.settings.model);
    let (handler, end) = match form {
        Typed::Set(at) => return run_set(turn, row, line, at),
        _ if !is_there => return Err(Bad { problem: Problem::NotOnThisModel, shown: form.arguments() }),
        Typed::Basic(at) => return run_basic(turn, row, line, at),
        Typed::Register(at) => return run_register(turn, row, line, at),
        Typed::Test(at) => {
            if let Some(test_now) = row.test_now {
                return Ok((test_now(turn, &Args::NONE).map_err(|problem| Bad { problem, shown: at })?, at));
            }
            if row.test == Test::No {
                return Err(Bad { problem: Problem::NoSuchForm, shown: at });
            }
            for text in row.test_lines(turn.modem.settings.model) {
                turn.info(|piece| core::fmt::Write::write_fmt(piece, format_args!("{text}")));
            }
            return Ok((Answer::Done, at));
        }
        Typed::Read(at) => (row.read, at),
        Typed::Exec(at) => (row.exec, at),
    };
    let bad = |problem| Bad { problem, shown: end };
    let handler = handler.ok_or(bad(Problem::NoSuchForm))?;
    if !ends(line, end) {
        return Err(bad(Problem::TooManyParameters));
    }
    Ok((handler(turn, &Args::NONE).map_err(bad)?, end))
}

fn run_set(turn: &mut Turn<'_>, row: &'static Command, line: &mut [u8], at: usize) -> Result<(Answer, usize), Bad> {
    let handler = match row.set {
        Some(handler) if (row.on)(turn.modem.settings.model) => Ok(handler),
        Some(_) => Err(Problem::NotOnThisModel),
        None if (row.on)(turn.modem.settings.model) => Err(Problem::NoSuchForm),
        None => Err(Problem::NotOnThisModel),
    };
    let other = other_command(line, at);
    // Of a row with secrets that is refused, only the number in front is sure to be none of them: a field may be missing.
    let shown = |read: usize, lead: usize| if row.has_secret() { lead } else { other.map_or(read, |at| at.min(read)) };
    let parsed = match args::parse(row, &turn.modem.settings, line, at) {
        Ok(parsed) => parsed,
        Err(Misread { problem, read, lead }) => {
            return Err(Bad { problem: handler.err().unwrap_or(problem), shown: shown(read, lead) });
        }
    };
    let (end, lead) = (parsed.end, parsed.lead);
    let bad = |problem| Bad { problem, shown: shown(end, lead) };
    let handler = handler.map_err(bad)?;
    if let Some(secrets) = parsed.secrets {
        turn.hide_typed(secrets);
    }
    if let Some(other) = other.filter(|other| *other < end) {
        turn.hide_typed(other..end);
    }
    turn.modem.bearer.check(row.needs).map_err(bad)?;
    Ok((handler(turn, &parsed.args).map_err(bad)?, end))
}

/// V.250 5.3.1: a number may follow, 0 if there is none.
fn run_basic(turn: &mut Turn<'_>, row: &'static Command, line: &[u8], at: usize) -> Result<(Answer, usize), Bad> {
    let handler = row.set.ok_or(Bad { problem: Problem::NoSuchForm, shown: at })?;
    let begin = blank::skip_blanks(line, at);
    let rest = line.get(begin..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = begin + digits;
    let number = rest
        .iter()
        .take(digits)
        .fold(0u32, |number, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    let bad = |problem| Bad { problem, shown: end };
    check_number(row, number).map_err(bad)?;
    Ok((handler(turn, &Args::of_number(number)).map_err(bad)?, end))
}

/// V.250 5.3.2: `=` and a number, 0 if there is none, or `?`. As after other basic commands, the next one may follow at
/// once.
fn run_register(turn: &mut Turn<'_>, row: &'static Command, line: &[u8], at: usize) -> Result<(Answer, usize), Bad> {
    let bad = |problem| Bad { problem, shown: at };
    let sign = blank::skip_blanks(line, at);
    match line.get(sign) {
        Some(b'?') => {
            let read = row.read.ok_or(bad(Problem::NoSuchForm))?;
            Ok((read(turn, &Args::NONE).map_err(bad)?, sign + 1))
        }
        Some(b'=') => run_basic(turn, row, line, sign + 1),
        _ => Err(bad(Problem::NoSuchForm)),
    }
}

/// Whether a number is within the bounds of the only parameter.
fn check_number(row: &'static Command, number: u32) -> Result<(), Problem> {
    let Some(param) = row.params.first() else { return Err(Problem::NoSuchForm) };
    match param.kind {
        ParamKind::Number { min, max, .. } if !(min..=max).contains(&number) => {
            Err(Problem::OutOfRange(param.name, min, max))
        }
        ParamKind::OneOf(numbers) if !numbers.contains(&number) => {
            let (min, max) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
            Err(Problem::OutOfRange(param.name, min, max))
        }
        _ => Ok(()),
    }
}
