//! Orders and conditions with names in them.

use std::str::FromStr;

use super::template::{Part, Slot, Template};
use super::values::Values;
use crate::random::Random;

/// What is written as words of a shell, and read as a `T` once all names in it stand for something.
pub(super) struct Phrase<T> {
    pub(super) template: Template,
    /// What it is, if no name is in it.
    fixed: Option<T>,
}

/// Why a phrase says nothing.
pub(super) enum Unsaid<E> {
    /// This name stands for nothing yet.
    NoValue(Slot),
    /// It can't be read with what its names stand for.
    Bad(E),
}

impl<T: FromStr + Clone> Phrase<T> {
    /// Reads what can be read of it. With names in it, a value is tried in their place, and `of_value` says whether that
    /// may be all that is wrong.
    pub(super) fn new(template: Template, of_value: fn(&T::Err) -> bool) -> Result<(Phrase<T>, Option<T>), T::Err> {
        let has_names = !template.parts().iter().all(|part| matches!(part, Part::Text(_)));
        let tried = match joined(&template, |_| TRIED.into()).parse::<T>() {
            Ok(tried) => Some(tried),
            Err(error) if has_names && of_value(&error) => None,
            Err(error) => return Err(error),
        };
        let fixed = tried.clone().filter(|_| !has_names);
        Ok((Phrase { template, fixed }, tried))
    }

    /// What it says now.
    pub(super) fn said(&self, values: &Values<'_>, random: &mut Random) -> Result<T, Unsaid<T::Err>> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let mut unset = None;
        let text = joined(&self.template, |part| {
            let mut bytes = Vec::new();
            if let Err(slot) = values.put(part, random, &mut bytes) {
                unset = Some(slot);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        match unset {
            Some(slot) => Err(Unsaid::NoValue(slot)),
            None => text.parse().map_err(Unsaid::Bad),
        }
    }
}

/// Tried in the place of a name: a number, a text and a topic.
const TRIED: &str = "1";

/// The text with these values in the place of its names; blanks and quotes of a value are part of the word that it is in.
fn joined(template: &Template, mut value: impl FnMut(&Part) -> String) -> String {
    let (mut text, mut values) = (String::new(), Vec::new());
    for part in template.parts() {
        match part {
            Part::Text(plain) => text.push_str(&String::from_utf8_lossy(plain)),
            name => {
                text.push_str(&mark(values.len()));
                values.push(value(name));
            }
        }
    }
    // A quote without an end is told by what reads the text.
    let Some(words) = shlex::split(&text) else { return text };
    let words: Vec<String> = words
        .into_iter()
        .map(|word| values.iter().enumerate().fold(word, |word, (place, value)| word.replace(&mark(place), value)))
        .collect();
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

/// Where a value goes; no line has such characters.
fn mark(place: usize) -> String {
    format!("\u{1}{place}\u{2}")
}
