//! A command as a row of data.

use alloc::boxed::Box;
use core::fmt;

use super::args::Args;
use super::error::Problem;
use super::param::{Param, ParamKind};
use super::terms::{ErrorStyle, Needs, Returns, Test};
use crate::commands::{Pending, RawData};
use crate::model::Model;
use crate::turn::Turn;

/// One AT command: everything that is known of it stands here once, and the check of its arguments, its `=?` answer,
/// its time limits and its documentation follow from it.
pub struct Command {
    /// Name behind `AT`: `+MQTTUSER`; a basic command (V.250 5.3.1) by its letter, `E` or `&F`; an S-parameter
    /// (V.250 5.3.2) with its number, `S0`.
    pub name: &'static str,
    /// Where it is specified: `manual 1.1`, `V.250 6.2.4`.
    pub source: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Whether a model has it.
    pub on: fn(&Model) -> bool,
    /// Parameters of the set form, in order. Empty if it has several.
    pub params: &'static [Param],
    /// The set forms, if there are several: the number in front says which one it is.
    pub cases: &'static [Case],
    /// How it answers.
    pub returns: Returns,
    /// How it answers errors.
    pub errors: ErrorStyle,
    /// What the set form needs.
    pub needs: Needs,
    /// How `=?` is answered.
    pub test: Test,
    /// Answers `=?` if that depends on the modem's state, in the place of what `test` says.
    pub(crate) test_now: Option<Handler>,
    pub(crate) set: Option<Handler>,
    pub(crate) read: Option<Handler>,
    pub(crate) exec: Option<Handler>,
}

/// One of several set forms of a command.
pub struct Case {
    /// Its parameters, in order. The first is a number that has but one value, which tells this case from the others.
    pub params: &'static [Param],
    /// How it answers errors.
    pub errors: ErrorStyle,
}

/// Does the work of one form of a command. Information lines go out through the [`Turn`]; the final result code is
/// the interpreter's.
pub(crate) type Handler = fn(&mut Turn<'_>, &Args<'_>) -> Result<Answer, Problem>;

/// How a command went on without an error.
pub(crate) enum Answer {
    /// Done, or accepted: the line goes on.
    Done,
    /// The host is to be asked for raw data; the rest of the line comes after it.
    Raw(RawData),
    /// The final result code comes later, and the rest of the line after it.
    Later(Box<Pending>),
    /// There is none, and the line ends here.
    Never,
}

impl Command {
    /// A row with nothing in it, to fill the fields that a command does not need.
    pub(crate) const ROW: Command = Command {
        name: "",
        source: "",
        summary: "",
        on: every_model,
        params: &[],
        cases: &[],
        returns: Returns::Now,
        errors: ErrorStyle::Cme,
        needs: Needs::Nothing,
        test: Test::Bounds,
        test_now: None,
        set: None,
        read: None,
        exec: None,
    };

    /// A row that only answers something. `?` is answered like the form without it: 27.007 gives each of these commands
    /// one of the two, modules take both, and hosts send both.
    pub(crate) const fn telling(handler: Handler) -> Command {
        Command { read: Some(handler), exec: Some(handler), ..Command::ROW }
    }

    /// Whether it has a set form: `AT<name>=…`, for a basic command `AT<name>[<number>]`.
    pub const fn has_set(&self) -> bool {
        self.set.is_some()
    }

    /// Whether it has a read form: `AT<name>?`.
    pub const fn has_read(&self) -> bool {
        self.read.is_some()
    }

    /// Whether it has an execution form: `AT<name>`.
    pub const fn has_exec(&self) -> bool {
        self.exec.is_some()
    }

    /// Whether it is a basic command, so without `=`.
    pub fn is_basic(&self) -> bool {
        !self.is_extended() && !self.is_register()
    }

    /// Whether it is an S-parameter: `ATS<number>=<value>` (V.250 5.3.2).
    pub fn is_register(&self) -> bool {
        self.register().is_some()
    }

    /// The number of an S-parameter.
    pub(crate) fn register(&self) -> Option<u32> {
        self.name.strip_prefix('S')?.parse().ok()
    }

    /// Whether `=?` is answered.
    pub fn has_test(&self) -> bool {
        self.test != Test::No || self.test_now.is_some()
    }

    fn is_extended(&self) -> bool {
        self.name.starts_with('+')
    }

    /// The set forms: the parameters of each, and how it answers errors.
    pub fn set_forms(&self) -> impl Iterator<Item = (&'static [Param], ErrorStyle)> + use<> {
        let plain = (self.has_set() && self.cases.is_empty()).then_some((self.params, self.errors));
        plain.into_iter().chain(self.cases.iter().map(|case| (case.params, case.errors)))
    }

    /// The case whose number this is.
    pub(crate) fn case(&self, number: u32) -> Option<&'static Case> {
        self.cases.iter().find(|case| case.number() == number)
    }

    /// Whether a set form has a secret. Then what it prints may have one too.
    pub fn has_secret(&self) -> bool {
        self.set_forms().any(|(params, _)| params.iter().any(|param| param.secret))
    }

    /// The lines that `AT<name>=?` prints on this model, without their ends. None if there are no parameters to tell.
    pub fn test_lines(&self, model: &'static Model) -> impl Iterator<Item = impl fmt::Display + use<>> + use<> {
        let name = self.name;
        let named = !self.cases.is_empty();
        let (words, bounds): (&[&str], _) = match self.test {
            Test::No => (&[], false),
            Test::Bounds => (&[], true),
            Test::Words(words) => (words, false),
        };
        let plain = (self.cases.is_empty() && !self.params.is_empty()).then_some(self.params);
        let lists = plain.into_iter().chain(self.cases.iter().map(|case| case.params)).filter(move |_| bounds);
        words.iter().map(|words| (Some(*words), &[][..])).chain(lists.map(|params| (None, params))).map(
            move |(words, params)| {
                fmt::from_fn(move |f| {
                    write!(f, "{name}: ")?;
                    match words {
                        Some(words) => f.write_str(words),
                        None if named => put_names(params, f),
                        None => put_bounds(params, model, f),
                    }
                })
            },
        )
    }
}

impl Case {
    /// The number that tells it from the others.
    pub fn number(&self) -> u32 {
        match self.params.first().map(|param| param.kind) {
            Some(ParamKind::Number { min, .. }) => min,
            _ => 0,
        }
    }
}

/// The bounds of parameters, each optional one in brackets of its own.
fn put_bounds(params: &[Param], model: &'static Model, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, param) in params.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        if param.optional {
            write!(f, "[{comma}{}]", param.range(model))?;
        } else {
            write!(f, "{comma}{}", param.range(model))?;
        }
    }
    Ok(())
}

/// The number of a case and the names of its parameters, the optional ones together in brackets.
fn put_names(params: &[Param], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut open = false;
    for (index, param) in params.iter().enumerate() {
        match param.kind {
            ParamKind::Number { min, .. } if index == 0 => write!(f, "{min}")?,
            _ => {
                let bracket = if param.optional && !open { "[" } else { "" };
                open |= param.optional;
                write!(f, "{bracket},<{}>", param.name)?;
            }
        }
    }
    f.write_str(if open { "]" } else { "" })
}

const fn every_model(_: &Model) -> bool {
    true
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.name)
    }
}
