//! What a user says of a fault.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::row::{Key, Row};
use super::table::ROWS;
use super::value::{Kind, Ranks, Value};

/// A fault with its keys, read and checked: `packet-drop type=PUBACK client=1 nth=2 times=1`.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(super) row: &'static Row,
    pub(super) values: Values,
}

/// The values of a fault's keys, defaults included.
#[derive(Clone, Debug)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

/// Why a fault can't be.
#[derive(Clone, PartialEq, Debug)]
pub enum BadSpec {
    /// Its quotes have no end.
    Quotes,
    /// It has no name.
    Nothing,
    /// There is no fault of that name.
    Unknown(String),
    /// A word has no `=`.
    NoValue(String),
    /// The fault has no such key.
    NoKey(&'static str, String),
    /// A key stands there twice.
    Twice(String),
    /// The value of a key is not what is expected.
    Value(&'static str, String, Kind),
    /// Two faults have one id.
    SameId(String),
}

impl FromStr for Spec {
    type Err = BadSpec;

    /// Reads words as a POSIX shell would: quotes hold blanks together.
    fn from_str(text: &str) -> Result<Spec, BadSpec> {
        let words = shlex::split(text).ok_or(BadSpec::Quotes)?;
        let (name, pairs) = words.split_first().ok_or(BadSpec::Nothing)?;
        let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| BadSpec::Unknown(name.clone()))?;
        let mut values = BTreeMap::new();
        for word in pairs {
            let (key, text) = word.split_once('=').ok_or_else(|| BadSpec::NoValue(word.clone()))?;
            let key = row.keys().find(|known| known.key == key);
            let key = key.ok_or_else(|| BadSpec::NoKey(row.name, word.split('=').next().unwrap_or_default().into()))?;
            if values.insert(key.key, read(key, text)?).is_some() {
                return Err(BadSpec::Twice(key.key.into()));
            }
        }
        for key in row.keys().filter(|key| !key.default.is_empty()) {
            if !values.contains_key(key.key) {
                values.insert(key.key, read(key, key.default)?);
            }
        }
        Ok(Spec { row, values: Values(values) })
    }
}

fn read(key: &Key, text: &str) -> Result<Value, BadSpec> {
    key.kind.read(text).ok_or_else(|| BadSpec::Value(key.key, text.into(), key.kind))
}

impl Values {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.0.get(key) { Some(text) } else { None }
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        if let Some(Value::Number(number)) = self.0.get(key) { Some(*number) } else { None }
    }

    /// A number that the row says to fit into a byte.
    pub(super) fn byte(&self, key: &str) -> u8 {
        let number = self.number(key);
        debug_assert!(number.is_some_and(|number| number <= u8::MAX.into()), "{key} is no byte");
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or_default()
    }

    pub(super) fn chance(&self) -> f64 {
        if let Some(Value::Chance(chance)) = self.0.get("chance") { *chance } else { 1.0 }
    }

    pub(super) fn time(&self, key: &str) -> Option<Duration> {
        if let Some(Value::Time(time)) = self.0.get(key) { Some(*time) } else { None }
    }

    pub(super) fn ranks(&self) -> &Ranks {
        if let Some(Value::Ranks(ranks)) = self.0.get("nth") { ranks } else { &Ranks::All }
    }

    pub(super) fn expected(&self) -> RangeInclusive<u64> {
        if let Some(Value::Count(count)) = self.0.get("expect") { count.clone() } else { 1..=u64::MAX }
    }

    pub(super) fn is_optional(&self) -> bool {
        matches!(self.0.get("optional"), Some(Value::Flag(true)))
    }
}

impl fmt::Display for BadSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = || ROWS.iter().map(|row| row.name);
        match self {
            BadSpec::Quotes => f.write_str("a quote has no end"),
            BadSpec::Nothing => write!(f, "expected a fault, such as packet-drop type=PUBACK: {}", list(names())),
            BadSpec::Unknown(name) => {
                write!(f, "there is no fault {name:?}{}; there are {}", meant(name, names()), list(names()))
            }
            BadSpec::NoValue(word) => write!(f, "expected KEY=VALUE, found {word:?}; values with blanks need quotes"),
            BadSpec::NoKey(row, key) => {
                let keys = || ROWS.iter().filter(|of| of.name == *row).flat_map(Row::keys).map(|key| key.key);
                write!(f, "{row} has no key {key:?}{}; it has {}", meant(key, keys()), list(keys()))
            }
            BadSpec::Twice(key) => write!(f, "{key} stands there twice"),
            BadSpec::Value(key, text, kind) => write!(f, "{key} is {text:?}, expected {kind}"),
            BadSpec::SameId(id) => write!(f, "two faults have the id {id:?}; give one of them another: id=NAME"),
        }
    }
}

impl std::error::Error for BadSpec {}

fn list(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// The word that is probably meant.
fn meant(word: &str, known: impl Iterator<Item = &'static str>) -> String {
    let word = word.to_lowercase();
    let distance = |known: &str| {
        let is_part = word.len() > 2 && known.split(['-', '_']).any(|part| part == word);
        if is_part { 0 } else { strsim::damerau_levenshtein(&word, known) }
    };
    match known.map(|known| (distance(known), known)).min() {
        Some((distance, known)) if distance <= 1 + word.len() / 4 => format!(", perhaps {known:?}"),
        _ => String::new(),
    }
}
