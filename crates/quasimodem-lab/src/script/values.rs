//! What names stand for, and what a line says of them.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use quasimodem_core::{Imei, Instant};

use super::program::Program;
use super::template::{BuiltIn, Part, Slot, Taken, Template};
use crate::random::Random;

/// Whose host it is: what `$imei`, `$modem` and `$index` stand for, and what `${random 1..100}` is drawn from.
#[derive(Clone, Debug)]
pub struct Who {
    /// The name of the modem.
    pub modem: Arc<str>,
    /// Which of several it is, from 0.
    pub index: u32,
    /// Its IMEI.
    pub imei: Imei,
    /// The same seed draws the same numbers.
    pub seed: u64,
}

/// The names that are set. Only these hold memory.
#[derive(Default)]
pub(super) struct Names(Vec<(Slot, Value)>);

enum Value {
    Taken(Box<[u8]>),
    Count(u64),
}

/// All that names stand for now.
#[derive(Clone)]
pub(super) struct Values<'a> {
    pub(super) program: &'a Program,
    pub(super) who: &'a Who,
    pub(super) names: &'a Names,
    pub(super) now: Instant,
    pub(super) seq: u64,
    /// Bytes of the data of the command that is typed.
    pub(super) size: usize,
    /// These are as if nothing had taken them yet.
    pub(super) fresh: Range<Slot>,
}

impl Names {
    fn get(&self, slot: Slot) -> Option<&Value> {
        self.0.iter().find(|(this, _)| *this == slot).map(|(_, value)| value)
    }

    /// Keeps what was taken of this line.
    pub(super) fn take(&mut self, line: &[u8], taken: Taken) {
        for (slot, range) in taken {
            let value = Value::Taken(line.get(range).unwrap_or_default().into());
            match self.0.iter_mut().find(|(this, _)| *this == slot) {
                Some((_, old)) => *old = value,
                None => self.push(slot, value),
            }
        }
    }

    /// There are few of them.
    fn push(&mut self, slot: Slot, value: Value) {
        self.0.reserve_exact(1);
        self.0.push((slot, value));
    }

    pub(super) fn count(&mut self, slot: Slot) {
        match self.0.iter_mut().find(|(this, _)| *this == slot) {
            Some((_, Value::Count(count))) => *count = count.saturating_add(1),
            Some((_, value)) => *value = Value::Count(1),
            None => self.push(slot, Value::Count(1)),
        }
    }

    pub(super) fn forget(&mut self, slots: &Range<Slot>) {
        if self.0.is_empty() {
            return;
        }
        self.0.retain(|(slot, _)| !slots.contains(slot));
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}

impl<'a> Values<'a> {
    /// What a part stands for; `None`: a name that is new.
    fn of<'b>(&self, part: &'b Part) -> Option<Cow<'b, [u8]>>
    where
        'a: 'b,
    {
        Some(match part {
            Part::Text(text) => Cow::Borrowed(&**text),
            Part::Given(index) => Cow::Borrowed(self.program.given(*index)),
            Part::Name(slot) if self.fresh.contains(slot) => return None,
            Part::Name(slot) => match self.names.get(*slot) {
                Some(Value::Taken(value)) => Cow::Borrowed(&**value),
                Some(Value::Count(count)) => digits(*count),
                None if self.program.counts(*slot) => digits(0),
                None => return None,
            },
            Part::BuiltIn(BuiltIn::Modem) => Cow::Borrowed(self.who.modem.as_bytes()),
            Part::BuiltIn(BuiltIn::Imei) => Cow::Owned(self.who.imei.to_string().into_bytes()),
            Part::BuiltIn(BuiltIn::Index) => digits(self.who.index.into()),
            Part::BuiltIn(BuiltIn::Time) => digits(self.now.since(Instant::START).as_secs()),
            Part::BuiltIn(BuiltIn::Seq) => digits(self.seq),
            Part::BuiltIn(BuiltIn::Size) => digits(u64::try_from(self.size).unwrap_or(u64::MAX)),
            Part::Anything | Part::Random(_) => return None,
        })
    }

    /// Puts a text with what its names stand for behind `out`. An error: this name stands for nothing yet, and nothing is
    /// in its place.
    pub(super) fn fill(&self, template: &'a Template, random: &mut Random, out: &mut Vec<u8>) -> Result<(), Slot> {
        let mut result = Ok(());
        for part in template.parts() {
            result = result.and(self.put(part, random, out));
        }
        result
    }

    /// Puts what a part stands for behind `out`. An error: it is this name, and stands for nothing yet.
    pub(super) fn put(&self, part: &Part, random: &mut Random, out: &mut Vec<u8>) -> Result<(), Slot> {
        match (self.of(part), part) {
            (Some(value), _) => out.extend_from_slice(&value),
            (None, Part::Random(range)) => {
                let span = range.end().saturating_sub(*range.start()).saturating_add(1);
                out.extend_from_slice(&digits(range.start().saturating_add(random.below(span))));
            }
            (None, Part::Name(slot)) => return Err(*slot),
            (None, _) => {}
        }
        Ok(())
    }

    /// What new names take, if a line is like this, as a whole.
    pub(super) fn matches(&self, template: &'a Template, line: &[u8]) -> Option<Taken> {
        let (taken, end) = self.begins(template, line)?;
        (end == line.len()).then_some(taken)
    }

    /// What new names take, if a line begins like this, and how much of it that is.
    pub(super) fn begins(&self, template: &'a Template, line: &[u8]) -> Option<(Taken, usize)> {
        let (mut at, mut taken) = (0, Taken::new());
        let mut parts = template.parts().iter().peekable();
        while let Some(part) = parts.next() {
            let rest = line.get(at..)?;
            let again = |slot: &Slot| taken.iter().find(|(this, _)| this == slot).cloned();
            let value = match (self.of(part), part) {
                (Some(value), _) => value,
                (None, Part::Name(slot)) if let Some((_, range)) = again(slot) => {
                    Cow::Owned(line.get(range).unwrap_or_default().to_vec())
                }
                (None, _) => {
                    let length = match parts.peek() {
                        Some(Part::Text(text)) => rest.iter().position(|byte| text.first() == Some(byte))?,
                        _ => rest.len(),
                    };
                    if let Part::Name(slot) = part {
                        taken.push((*slot, at..at + length));
                    }
                    at += length;
                    continue;
                }
            };
            at += rest.starts_with(&value).then_some(value.len())?;
        }
        Some((taken, at))
    }

    /// What built-in names of a text stand for, in words: ` ($index is 2)`, or nothing.
    pub(super) fn explain(&self, template: &'a Template) -> String {
        let mut words = String::new();
        for (name, built_in) in BuiltIn::ALL {
            if let Some(part) =
                template.parts().iter().find(|part| matches!(part, Part::BuiltIn(this) if *this == built_in))
            {
                let value = self.of(part).unwrap_or_default();
                let join = if words.is_empty() { " (" } else { ", " };
                let _ = write!(words, "{join}${name} is {}", String::from_utf8_lossy(&value));
            }
        }
        if !words.is_empty() {
            words.push(')');
        }
        words
    }
}

fn digits(number: u64) -> Cow<'static, [u8]> {
    Cow::Owned(number.to_string().into_bytes())
}
