//! The command interpreter: lines, rows, arguments, answers.

pub(crate) mod args;
mod blank;
mod command;
mod dispatch;
mod error;
mod escapes;
mod gate;
mod host;
mod line;
mod param;
mod reply;
mod terms;

pub(crate) use args::{Args, Payload};
pub(crate) use command::Answer;
pub use command::{Case, Command};
pub(crate) use dispatch::run_line;
pub use error::{Cme, Problem, Refusal};
pub use escapes::Escapes;
pub(crate) use escapes::Texts;
pub use gate::{Form, Gate, Verdict};
pub use host::NotAHost;
pub(crate) use line::{Assembler, LINE_MAX, PREFIX, Step};
pub use param::{Clients, Limit, Param, ParamKind};
pub use reply::BadReply;
pub use terms::{ErrorStyle, Needs, Returns, Test};

pub use crate::commands::COMMANDS;
