//! The command interpreter: lines, rows, arguments, answers.

pub(crate) mod args;
mod command;
mod dispatch;
mod error;
mod line;
mod param;

pub(crate) use args::{Args, Payload, leading_number};
pub(crate) use command::Answer;
pub use command::{Case, Command, ErrorStyle, Needs, Returns, Test};
pub(crate) use dispatch::{PREFIX, run_line};
pub use error::{Cme, Problem, Refusal};
pub(crate) use line::{Assembler, LINE_MAX, Step};
pub use param::{Clients, Limit, Param, ParamKind};

pub use crate::commands::COMMANDS;
