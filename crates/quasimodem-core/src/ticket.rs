//! Results that are owed, by number, and how far a connection is, which one of them tells.

use core::fmt;
use core::num::NonZeroU32;

/// Names a result that is owed, so that what comes late for it matches no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(NonZeroU32);

/// The name of a command whose result is owed: as thin as the row, for each modem holds some.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name(pub(crate) &'static &'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Gives tickets. None comes again for long.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tickets {
    last: u32,
}

impl Ticket {
    pub(crate) fn number(self) -> u32 {
        self.0.get()
    }
}

impl Tickets {
    pub(crate) fn next(&mut self) -> Ticket {
        self.last = self.last.wrapping_add(1).max(1);
        Ticket(NonZeroU32::new(self.last).unwrap_or(NonZeroU32::MIN))
    }
}

/// How far a connection is, with the result that it decides next or decided last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The broker or gateway has not accepted it.
    Opening(Ticket),
    Open(Ticket),
    /// The host closes it, and the gateway has not confirmed that.
    Closing(Ticket),
}
