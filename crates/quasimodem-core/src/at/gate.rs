//! The question that is asked before a command is carried out.

/// Decides about commands before they are carried out, for a driver that wants some to fail.
///
/// It is lent with each call of [`Modem::handle_through`](crate::Modem::handle_through), so that a modem holds nothing of
/// it, and sees neither arguments nor secrets.
pub trait Gate {
    /// The host typed the command of this name, in this form. What the modem does not know is not asked about.
    fn command(&mut self, name: &'static str, form: Form) -> Verdict;
}

/// The forms of a command (V.250 5.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// `AT<name>`, and basic commands with their number.
    Exec,
    /// `AT<name>?`
    Read,
    /// `AT<name>=?`
    Test,
    /// `AT<name>=…`
    Set,
}

/// What becomes of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is carried out.
    Pass,
    /// It is not, and the host reads `ERROR`, or `+CME ERROR: <err>` as far as `AT+CMEE` lets it.
    Refuse(Option<u16>),
    /// It is not, and neither is the rest of the line; the host reads nothing.
    Ignore,
}
