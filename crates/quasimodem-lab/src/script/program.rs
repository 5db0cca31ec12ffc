//! A script that was read: what hosts that run it share.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::mistake::Mistake;
use super::phrase::Phrase;
use super::template::{Slot, Template};
use super::text;
use crate::event::Condition;
use crate::order::Order;

/// A host program. Shared by all hosts that run it.
pub struct Program {
    pub(super) main: Block,
    pub(super) ons: Box<[On]>,
    /// What names are called, by their slots; counters are first.
    pub(super) names: Box<[Box<str>]>,
    pub(super) counters: Slot,
    pub(super) given: Box<[Given]>,
    /// What lines begin with that some `<` may use, and whether that is the whole line.
    pub(super) wanted: Box<[(Box<[u8]>, bool)]>,
    /// The names of events that are waited for.
    pub(super) hears: Box<[&'static str]>,
    /// A line with an order to the broker of the lab.
    pub(super) asks_broker: Option<usize>,
}

/// A name that is known from the start, and its bytes.
pub(super) type Given = (Box<str>, Box<[u8]>);

/// The steps of a script, or of an `on`.
#[derive(Default)]
pub(super) struct Block {
    pub(super) steps: Box<[Step]>,
    pub(super) nots: Box<[Not]>,
}

/// What is done whenever such a line comes.
pub(super) struct On {
    /// In the text, from 1.
    pub(super) line: usize,
    pub(super) head: Template,
    /// The names that it takes, which are new each time.
    pub(super) own: Range<Slot>,
    pub(super) block: Block,
}

/// What must not come while the host is at one of these steps.
pub(super) struct Not {
    /// In the text, from 1.
    pub(super) line: usize,
    pub(super) head: Template,
    pub(super) at: Range<u16>,
}

pub(super) struct Step {
    /// In the text, from 1.
    pub(super) line: usize,
    pub(super) within: Duration,
    pub(super) what: What,
}

pub(super) enum What {
    /// Types a line, data if it is asked for, and waits for the final result.
    Command {
        line: Template,
        data: Option<Template>,
        /// In place of OK.
        due: Option<Template>,
    },
    Send(Template),
    Expect(Template),
    Wait(Duration),
    Count(Slot),
    /// Tells somebody else what to do.
    Order(Phrase<Order>),
    /// Waits for an event.
    Hear(Phrase<Condition>),
    /// The next step begins a turn.
    Repeat(Repeat),
    /// A turn of the repeat at this index is over.
    End(u16),
    Again,
}

pub(super) struct Repeat {
    /// `None`: for ever.
    pub(super) times: Option<u32>,
    pub(super) every: Option<Duration>,
    /// The names that a turn takes, which are new in the next.
    pub(super) own: Range<Slot>,
}

impl Program {
    /// Reads a script. These names are known in it from the start, and stand for these bytes.
    pub fn parse(text: &str, given: &[(&str, &[u8])]) -> Result<Program, Mistake> {
        text::program(text, given)
    }

    /// The first line that gives an order to the broker of a lab, which not every run has; `None`: there is none.
    pub fn asks_broker(&self) -> Option<usize> {
        self.asks_broker
    }

    pub(super) fn given(&self, index: u16) -> &[u8] {
        self.given.get(usize::from(index)).map(|(_, value)| &**value).unwrap_or_default()
    }

    pub(super) fn counts(&self, slot: Slot) -> bool {
        slot < self.counters
    }

    /// Whether some `<` may use a line.
    pub(super) fn wants(&self, line: &[u8]) -> bool {
        self.wanted.iter().any(|(head, whole)| if *whole { line == &**head } else { line.starts_with(head) })
    }

    pub(super) fn block(&self, on: Option<u8>) -> Option<&Block> {
        match on {
            Some(index) => self.ons.get(usize::from(index)).map(|on| &on.block),
            None => Some(&self.main),
        }
    }

    pub(super) fn words(&self, template: &Template) -> String {
        template.words(&self.names, &self.given)
    }

    pub(super) fn name(&self, slot: Slot) -> &str {
        self.names.get(usize::from(slot)).map(|name| &**name).unwrap_or_default()
    }
}

/// Not the steps: there may be secrets in them.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program of {} steps", self.main.steps.len())
    }
}
