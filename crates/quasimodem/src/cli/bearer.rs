//! `--bearer`: how the radio side begins, or what it follows.

use super::{Assignment, short_for};
use crate::board::Interface;

/// What the radio side goes by.
#[derive(Clone, Debug)]
pub(crate) enum Bearer {
    /// The setting of the same name.
    Start(Assignment),
    /// An interface of this machine.
    Interface(Interface),
}

/// Reads what `--bearer` and the key `bearer` take. The error says what was expected.
pub(crate) fn parse_bearer(text: &str) -> Result<Bearer, String> {
    match text.strip_prefix("if:") {
        Some(name) => name.parse().map(Bearer::Interface).map_err(str::to_owned),
        None => {
            let start =
                short_for("bearer", text).map_err(|words| format!("{words}, or an interface, such as if:wwan0"));
            start.map(Bearer::Start)
        }
    }
}
