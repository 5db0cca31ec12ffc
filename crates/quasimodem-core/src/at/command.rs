//! A command as a row of data.

use core::fmt;
use core::time::Duration;

use super::args::Args;
use super::error::Problem;
use super::param::Param;
use crate::model::Model;
use crate::turn::Turn;

/// One AT command: everything that is known of it stands here once, and the check of its arguments, its `=?` answer,
/// its time limits and its documentation follow from it.
pub struct Command {
    /// Name behind `AT`: `+MQTTUSER`; a basic command (V.250 5.3.1) by its letter, `E` or `&F`.
    pub name: &'static str,
    /// Where it is specified: `manual 1.1`, `V.250 6.2.4`.
    pub source: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Whether a model has it.
    pub on: fn(&Model) -> bool,
    /// Parameters of the set form, in order.
    pub params: &'static [Param],
    /// How it answers.
    pub returns: Returns,
    /// How it answers errors.
    pub errors: ErrorStyle,
    /// What the set form needs.
    pub needs: Needs,
    /// Whether `=?` is answered, from the parameters.
    pub test: bool,
    pub(crate) set: Option<Handler>,
    pub(crate) read: Option<Handler>,
    pub(crate) exec: Option<Handler>,
}

/// Does the work of one form of a command. Information lines go out through the [`Turn`]; the final result code is
/// the interpreter's.
pub(crate) type Handler = fn(&mut Turn<'_>, &Args<'_>) -> Result<Answer, Problem>;

/// How a command went on without an error.
pub(crate) enum Answer {
    /// Done, or accepted: the line goes on.
    Done,
    /// The modem waits for raw data and has asked for it; the line ends here.
    Raw,
    /// The final result code comes later; the rest of the line after it.
    Later,
}

/// When the answer of a command is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returns {
    /// With its final result code, at once.
    Now,
    /// With its final result code, which comes within this time.
    Final {
        /// The manual's "Max Response Duration".
        within: Duration,
    },
    /// With a line `<name>: <Clientid>,<Status>` that comes after `OK`, within this time.
    Urc {
        /// The manual's "Max Result Returning Duration".
        within: Duration,
    },
}

/// How a command answers an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorStyle {
    /// `ERROR`.
    Plain,
    /// `+CME ERROR: <err>`, as `AT+CMEE` wants it.
    Cme,
}

/// What must be there before the set form of a command is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A SIM card.
    Sim,
    /// SIM card and registration.
    Registration,
    /// SIM card, registration and data connection.
    DataCall,
}

impl Command {
    /// A row with nothing in it, to fill the fields that a command does not need.
    pub(crate) const ROW: Command = Command {
        name: "",
        source: "",
        summary: "",
        on: every_model,
        params: &[],
        returns: Returns::Now,
        errors: ErrorStyle::Cme,
        needs: Needs::Nothing,
        test: true,
        set: None,
        read: None,
        exec: None,
    };

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
        !self.name.starts_with('+')
    }

    /// What `AT<name>=?` prints on this model, without the line ends. `None` if there are no parameters to tell.
    pub fn test_text(&self, model: &'static Model) -> Option<impl fmt::Display + use<>> {
        let (name, params) = (self.name, self.params);
        (self.test && !params.is_empty()).then(|| {
            fmt::from_fn(move |f| {
                write!(f, "{name}: ")?;
                for (index, param) in params.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    if param.optional {
                        write!(f, "[{comma}{}]", param.range(model))?;
                    } else {
                        write!(f, "{comma}{}", param.range(model))?;
                    }
                }
                Ok(())
            })
        })
    }
}

const fn every_model(_: &Model) -> bool {
    true
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.name)
    }
}
