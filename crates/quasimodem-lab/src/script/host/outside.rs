//! What a script says to others than its modem, and hears of them.

use std::str::FromStr;

use quasimodem_core::Instant;

use super::Host;
use crate::event::Condition;
use crate::flat::Bad;
use crate::order::Order;
use crate::script::failure::not_happened;
use crate::script::heard::Kept;
use crate::script::io::{Event, Outbox};
use crate::script::phrase::{Phrase, Unsaid};
use crate::script::program::{Program, Step};
use crate::script::values::Values;

/// Orders of which it knows where it gave them.
const ORDERED_MAX: usize = 16;

/// Events that are kept; the oldest goes first.
const HEARD_MAX: usize = 64;

impl Host {
    /// Keeps an event that some step may wait for.
    pub(super) fn hear(&mut self, event: &Kept) {
        if !self.hears(event) {
            return;
        }
        if self.heard.len() == HEARD_MAX {
            self.heard.remove(0);
        }
        self.heard.push(event.clone());
    }

    pub(super) fn order(
        &mut self,
        program: &Program,
        step: &Step,
        order: &Phrase<Order>,
        now: Instant,
        out: &mut Outbox,
    ) {
        match self.say(program, step, order, now, out) {
            Ok(order) => {
                self.heard = Vec::new();
                if let Some(named) = order.names() {
                    if self.ordered.len() == ORDERED_MAX {
                        self.ordered.remove(0);
                    }
                    self.ordered.push((step.line, named.into()));
                }
                out.orders.push(order);
            }
            Err(Some(bad)) => self.report(step.line, Event::BadOrder, || bad.to_string(), out),
            Err(None) => {}
        }
        self.next();
    }

    /// An order names what is not there. Those of others are not its business.
    pub(super) fn refused(&mut self, bad: &Bad, out: &mut Outbox) {
        let given = self.ordered.iter().rposition(|(_, named)| bad.missing() == Some(&**named));
        if let Some((line, _)) = given.map(|place| self.ordered.remove(place)) {
            if let Some(test) = &mut self.test {
                // It may have been the last that it did.
                test.outcome.take_if(|outcome| outcome.is_ok());
            }
            self.report(line, Event::BadOrder, || bad.to_string(), out);
        }
    }

    /// Waits for an event; false: it still does.
    pub(super) fn take_event(
        &mut self,
        program: &Program,
        step: &Step,
        condition: &Phrase<Condition>,
        now: Instant,
        out: &mut Outbox,
    ) -> bool {
        let due = match self.say(program, step, condition, now, out) {
            Ok(due) => due,
            Err(bad) => {
                if let Some(bad) = bad {
                    self.report(step.line, Event::NoEvent, || bad.to_string(), out);
                }
                self.next();
                return true;
            }
        };
        if let Some(place) = self.heard.iter().position(|event| event.fits(&due)) {
            self.heard.remove(place);
            if self.heard.is_empty() {
                self.heard = Vec::new();
            }
        } else if self.wait(now, Some(step)) {
            return false;
        } else {
            let happened = self.heard.iter().filter(|event| event.name() == due.event()).map(ToString::to_string);
            let words = not_happened(&due, step, &happened.collect::<Vec<_>>());
            self.report(step.line, Event::NoEvent, || words, out);
        }
        self.next();
        true
    }

    /// What a phrase says now. An error is told, unless it is here.
    fn say<T: FromStr + Clone>(
        &mut self,
        program: &Program,
        step: &Step,
        phrase: &Phrase<T>,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<T, Option<T::Err>> {
        let (who, names, seq) = (&self.who, &self.names, self.seq);
        let values = Values { program, who, names, now, seq, size: 0, fresh: 0..0 };
        phrase.said(&values, &mut self.random).map_err(|unsaid| match unsaid {
            Unsaid::Bad(error) => Some(error),
            Unsaid::NoValue(slot) => {
                self.no_value(program, step, slot, out);
                None
            }
        })
    }
}
