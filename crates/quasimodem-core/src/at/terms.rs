//! What a row says of its command besides its parameters.

use core::time::Duration;

/// How `=?` is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// As an error.
    No,
    /// With the bounds of the parameters, or with `OK` alone if there are none.
    Bounds,
    /// With these lines, each after the command's name: the bounds of what the command answers, or more than those of
    /// its parameters.
    Words(&'static [&'static str]),
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
