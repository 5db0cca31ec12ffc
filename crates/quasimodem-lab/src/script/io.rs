//! What goes into a host, and what comes out of it.

use super::heard::Kept;
use crate::flat::Bad;
use crate::order::Order;

/// What becomes of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It ends the script: a test.
    Strict,
    /// It is told as an [`Event`], and the script goes on: a host in a world of faults.
    Tolerant,
}

/// What a host is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The modem wrote these bytes.
    Bytes(&'a [u8]),
    /// The port was opened anew: what was half read is forgotten.
    Reopened,
    /// This happened, at its modem, or at none.
    Event(&'a Kept),
    /// An order that it gave names what is not there.
    Refused(&'a Bad),
    /// Nothing happened, but the deadline passed, or it is to begin.
    Tick,
}

/// What a host does. The caller owns it, clears it, and lends it to one host after the other.
#[derive(Default, Debug)]
pub struct Outbox {
    /// What it types.
    pub bytes: Vec<u8>,
    /// What others are to do, before what it types.
    pub orders: Vec<Order>,
    /// What happened, if it is tolerant.
    pub events: Vec<Event>,
}

/// What was otherwise than written, at this line of the script, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The command got no final result in time.
    NoFinal(usize),
    /// The command got another final result.
    OtherFinal(usize),
    /// The command was not asked for its data: not in time, or the final result came first.
    NoPrompt(usize),
    /// The line that is expected did not come in time.
    NoLine(usize),
    /// The event that is expected did not happen in time.
    NoEvent(usize),
    /// An order can't be given with what its names stand for, or names what is not there.
    BadOrder(usize),
    /// A line came that must not.
    Forbidden(usize),
    /// A name stands for nothing yet, and nothing was typed in its place.
    NoValue(usize),
    /// So many lines wait for an `on` that this one is not started for another.
    TooMany(usize),
    /// The script is over. What its `on`s say goes on.
    Ended,
}

impl Outbox {
    /// Forgets what was done and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.orders.clear();
        self.events.clear();
    }
}
