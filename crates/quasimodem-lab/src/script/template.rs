//! Text with names in it.

use std::ops::{Range, RangeInclusive};

use super::program::Given;

/// The place of a name that a script takes or counts.
pub(super) type Slot = u16;

/// Text with names, each of them known to be one.
pub(super) struct Template(Box<[Part]>);

pub(super) enum Part {
    Text(Box<[u8]>),
    /// `$_`: anything, of which nothing is kept.
    Anything,
    /// What a `<` takes, or a counter.
    Name(Slot),
    /// The index of what was given from outside.
    Given(u16),
    BuiltIn(BuiltIn),
    Random(RangeInclusive<u64>),
}

/// A name that every script has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BuiltIn {
    Imei,
    Modem,
    Index,
    Time,
    Seq,
    Size,
}

/// A part as it is written, before anybody knows what its name means.
pub(super) enum Piece<'a> {
    Text(String),
    Name(&'a str),
    Random(RangeInclusive<u64>),
}

/// What names took of a line.
pub(super) type Taken = Vec<(Slot, Range<usize>)>;

/// Names of a text at most: each of them may stand for a long line.
const NAMES_MAX: usize = 100;

impl BuiltIn {
    pub(super) const ALL: [(&'static str, BuiltIn); 6] = [
        ("imei", BuiltIn::Imei),
        ("modem", BuiltIn::Modem),
        ("index", BuiltIn::Index),
        ("time", BuiltIn::Time),
        ("seq", BuiltIn::Seq),
        ("size", BuiltIn::Size),
    ];

    pub(super) fn named(name: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.iter().find(|(known, _)| *known == name).map(|(_, built_in)| *built_in)
    }

    fn name(self) -> &'static str {
        BuiltIn::ALL.iter().find(|(_, built_in)| *built_in == self).map_or("", |(name, _)| name)
    }
}

/// Cuts a text at its names.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, behind)) = rest.split_once('$') {
        plain.push_str(before);
        if let Some(behind) = behind.strip_prefix('$') {
            plain.push('$');
            rest = behind;
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        let (piece, behind) = match behind.strip_prefix('{') {
            Some(behind) => {
                let (inner, behind) = behind.split_once('}').ok_or("${ without its }")?;
                (braced(inner)?, behind)
            }
            None => {
                let end = behind.find(|letter: char| !is_of_name(letter)).unwrap_or(behind.len());
                let (name, behind) = behind.split_at(end);
                (Piece::Name(name), behind)
            }
        };
        if matches!(piece, Piece::Name("")) {
            return Err("$ without a name; a dollar sign is $$".into());
        }
        pieces.push(piece);
        rest = behind;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    if pieces.len() > 2 * NAMES_MAX {
        return Err(format!("more than {NAMES_MAX} names"));
    }
    Ok(pieces)
}

/// Whether names are made of it.
pub(super) fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn braced(inner: &str) -> Result<Piece<'_>, String> {
    let Some(range) = inner.strip_prefix("random ") else {
        let is_name = inner.chars().all(is_of_name);
        return if is_name { Ok(Piece::Name(inner)) } else { Err(format!("${{{inner}}} is no name")) };
    };
    let range = range.split_once("..").and_then(|(low, high)| Some(low.parse().ok()?..=high.parse().ok()?));
    let range = range.filter(|range: &RangeInclusive<u64>| !range.is_empty());
    range
        .map(Piece::Random)
        .ok_or_else(|| format!("${{{inner}}}: expected ${{random LOW..HIGH}}, such as ${{random 1..100}}"))
}

impl Template {
    pub(super) fn new(parts: Vec<Part>) -> Template {
        Template(parts.into())
    }

    pub(super) fn has(&self, built_in: BuiltIn) -> bool {
        self.0.iter().any(|part| matches!(part, Part::BuiltIn(this) if *this == built_in))
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// What each line that is like this begins with, and whether that is the whole line.
    pub(super) fn head(&self) -> (&[u8], bool) {
        match self.0.first() {
            Some(Part::Text(text)) => (text, self.0.len() == 1),
            _ => (&[], self.0.is_empty()),
        }
    }

    /// As it was written.
    pub(super) fn words(&self, names: &[Box<str>], given: &[Given]) -> String {
        let name = |name: Option<&str>| format!("${}", name.unwrap_or_default());
        let words = self.0.iter().map(|part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).replace('$', "$$"),
            Part::Anything => "$_".into(),
            Part::Name(slot) => name(names.get(usize::from(*slot)).map(|name| &**name)),
            Part::Given(index) => name(given.get(usize::from(*index)).map(|(name, _)| &**name)),
            Part::BuiltIn(built_in) => name(Some(built_in.name())),
            Part::Random(range) => format!("${{random {}..{}}}", range.start(), range.end()),
        });
        words.collect()
    }
}
