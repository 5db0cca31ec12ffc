//! What people and programs say by name, as `NAME key=value …`: faults and orders. One flat list of keys, the same in every
//! form.

mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::event::Condition;

pub use self::value::Kind;
pub(crate) use self::value::{Ranks, Value, is_name};
pub use self::value::{count, is_meant, time};

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The word, with `_` between words.
    pub key: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// What it is where it is left out; empty: nothing.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Why something can't be read.
#[derive(Clone, PartialEq, Debug)]
pub enum Bad {
    /// Its quotes have no end.
    Quotes,
    /// It has no name; of what, an example, and which there are.
    Nothing(&'static str, &'static str, Vec<&'static str>),
    /// There is nothing of that name; of what, the name, and which there are.
    Unknown(&'static str, String, Vec<&'static str>),
    /// A word has no `=`.
    NoValue(String),
    /// A row has no such key; its name, the key, and which it has.
    NoKey(&'static str, String, Vec<&'static str>),
    /// A key stands there twice.
    Twice(String),
    /// A key that the row must have is not there; both.
    Missing(&'static str, &'static str),
    /// Two keys say what only one of them can say.
    Both(&'static str, &'static str),
    /// A key does nothing without another one; both.
    Without(&'static str, &'static str),
    /// A row does nothing with a key that others have; both.
    Useless(&'static str, &'static str),
    /// In a table this key has the name alone, and what stands there.
    NotJustName(&'static str, String),
    /// The value of a key is not what is expected: the key, the value, and what is wrong with it.
    Value(&'static str, String, String),
    /// Two faults have one id.
    SameId(String),
    /// There is no fault of this id; the id, and which there are.
    NoFault(String, Vec<String>),
    /// No client of this id is connected to the broker; the id, and which are.
    NoClient(String, Vec<String>),
    /// Only the lab's broker can do this; the fault.
    NeedsLab(&'static str),
    /// Nobody else can type at a modem while a host has its port.
    HasHost,
    /// The modem takes nothing in at the moment.
    Busy,
    /// There is no such peer.
    NoPeer,
    /// Nothing stands in for clouds, which this fault needs.
    NoClouds(&'static str),
    /// This order is for a modem, and none is named.
    ForModem(&'static str),
    /// This order is for the lab or its peers, not for a modem.
    ForPeer(&'static str),
}

/// A row of a table of things that have names and keys.
pub(crate) trait Named: Sized + 'static {
    /// What it is one of, such as `fault`.
    const WHAT: &'static str;
    /// One that may be said.
    const EXAMPLE: &'static str;

    fn name(&self) -> &'static str;
    fn keys(&self) -> impl Iterator<Item = &'static Key>;
}

/// The values of a row's keys, defaults included.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Values(BTreeMap<&'static str, Value>);

/// Reads words that were told apart already: a name, then `key=value` each.
pub(crate) fn from_words<R: Named>(words: &[String], rows: &'static [R]) -> Result<(&'static R, Values), Bad> {
    let names = || rows.iter().map(Named::name).collect();
    let (name, pairs) = words.split_first().ok_or_else(|| Bad::Nothing(R::WHAT, R::EXAMPLE, names()))?;
    let row = rows.iter().find(|row| row.name() == name);
    let row = row.ok_or_else(|| Bad::Unknown(R::WHAT, name.clone(), names()))?;
    let mut values = BTreeMap::new();
    for word in pairs {
        let (name, text) = word.split_once('=').ok_or_else(|| Bad::NoValue(word.clone()))?;
        let key = row.keys().find(|known| known.key == name);
        let keys = || row.keys().map(|key| key.key).collect();
        let key = key.ok_or_else(|| Bad::NoKey(row.name(), name.into(), keys()))?;
        if values.insert(key.key, value(key, text)?).is_some() {
            return Err(Bad::Twice(key.key.into()));
        }
    }
    for key in row.keys().filter(|key| !key.default.is_empty()) {
        if !values.contains_key(key.key) {
            values.insert(key.key, value(key, key.default)?);
        }
    }
    Ok((row, Values(values)))
}

fn value(key: &Key, text: &str) -> Result<Value, Bad> {
    key.kind.read(text).map_err(|wrong| Bad::Value(key.key, text.into(), wrong))
}

/// How a value is taken out of its kind.
macro_rules! getters {
    ($($(#[doc = $meaning:literal])* $get:ident: $kind:ident => $type:ty, $of:expr;)*) => {
        $($(#[doc = $meaning])*
        pub(crate) fn $get(&self, key: &str) -> Option<$type> {
            if let Some(Value::$kind(value)) = self.0.get(key) { Some($of(value)) } else { None }
        })*
    };
}

impl Values {
    getters! {
        text: Text => &str, String::as_str;
        number: Number => u64, |number: &u64| *number;
        flag: Flag => bool, |flag: &bool| *flag;
        time: Time => Duration, |time: &Duration| *time;
        span: Span => (Duration, Duration), |span: &(Duration, Duration)| *span;
        shift: Shift => i64, |shift: &i64| *shift;
        chance: Chance => f64, |chance: &f64| *chance;
        ranks: Ranks => &Ranks, std::convert::identity;
        count: Count => RangeInclusive<u64>, Clone::clone;
        address: Address => Ipv4Addr, |address: &Ipv4Addr| *address;
        condition: Condition => &Condition, std::convert::identity;
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// A number that the row says to fit into a byte.
    pub(crate) fn byte(&self, key: &str) -> u8 {
        let number = self.number(key);
        debug_assert!(number.is_some_and(|number| number <= u8::MAX.into()), "{key} is no byte");
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bad::Quotes => f.write_str("a quote has no end"),
            Bad::Nothing(what, example, names) => {
                write!(f, "expected {what}, such as {example}: {}", names.join(", "))
            }
            Bad::Unknown(what, name, names) => {
                let what = what.split_once(' ').map_or(*what, |(_, what)| what);
                write!(f, "there is no {what} {name:?}{}; there are {}", meant(name, names), names.join(", "))
            }
            Bad::NoValue(word) => write!(f, "expected KEY=VALUE, found {word:?}; values with blanks need quotes"),
            Bad::NoKey(row, key, keys) if keys.is_empty() => write!(f, "{row} has no key {key:?}, and no other"),
            Bad::NoKey(row, key, keys) => {
                write!(f, "{row} has no key {key:?}{}; it has {}", meant(key, keys), keys.join(", "))
            }
            Bad::Twice(key) => write!(f, "{key} stands there twice"),
            Bad::Missing(row, key) => write!(f, "{row} needs {key}=…"),
            Bad::Both(one, other) => write!(f, "expected {one} or {other}, not both"),
            Bad::NoFault(id, ids) => f.write_str(&nobody("there is no fault with the id", id, "there are", ids)),
            Bad::NoClient(id, ids) => f.write_str(&nobody("no client is connected as", id, "connected are", ids)),
            Bad::NeedsLab(fault) => write!(f, "{fault} needs the broker of the lab: quasimodem lab has it"),
            Bad::Without(key, needed) => write!(f, "{key} means nothing without {needed}=…"),
            Bad::Useless(row, key) => write!(f, "{key} means nothing for {row}"),
            Bad::NotJustName(key, text) => {
                write!(
                    f,
                    "{key} is {text:?}, expected its name alone: in a table, each of its keys is one of the table"
                )
            }
            Bad::Value(key, text, wrong) => write!(f, "{key} is {text:?}, {wrong}"),
            Bad::ForModem(order) => write!(f, "{order} is an order for a modem, not for the lab"),
            Bad::HasHost => f.write_str("a host has the port of the modem: what it types is its own"),
            Bad::Busy => f.write_str("the modem takes nothing in before it has answered what was typed"),
            Bad::NoPeer => f.write_str("there is no broker or gateway to be told: quasimodem lab has them"),
            Bad::NoClouds(fault) => {
                write!(f, "{fault} needs what stands in for clouds: quasimodem lab --cloud NAME has it")
            }
            Bad::ForPeer(order) => write!(f, "{order} is an order for the lab, not for one of its modems"),
            Bad::SameId(id) => write!(f, "two faults have the id {id:?}; give one of them another: id=NAME"),
        }
    }
}

impl Bad {
    /// Whom or what an order named that is not there.
    pub(crate) fn missing(&self) -> Option<&str> {
        if let Bad::NoFault(id, _) | Bad::NoClient(id, _) = self { Some(id) } else { None }
    }
}

impl std::error::Error for Bad {}

/// That something named is not there, and what is, as far as it is not too much to be read.
fn nobody(what: &str, id: &str, are: &str, ids: &[String]) -> String {
    let known: Vec<&str> = ids.iter().map(String::as_str).collect();
    let more = if known.len() > NAMED { ", …" } else { "" };
    match known.get(..known.len().min(NAMED)).filter(|first| !first.is_empty()) {
        Some(first) => format!("{what} {id:?}{}; {are} {}{more}", meant(id, &known), first.join(", ")),
        None => format!("{what} {id:?}, and no other"),
    }
}

/// Of what is there, so many are named.
const NAMED: usize = 20;

impl Bad {
    /// The word that is probably meant.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Bad::Unknown(_, name, names) | Bad::NoKey(_, name, names) => nearest(name, names),
            Bad::NoFault(id, ids) | Bad::NoClient(id, ids) => {
                nearest(id, &ids.iter().map(String::as_str).collect::<Vec<_>>())
            }
            _ => None,
        }
    }
}

/// The word that is probably meant, in the words of a message.
pub fn meant(word: &str, known: &[&str]) -> String {
    nearest(word, known).map(|known| format!(", perhaps {known:?}")).unwrap_or_default()
}

/// The word of these that is probably meant.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |known: &str| {
        let is_part = word.len() > 2 && known.split(['-', '_', '.']).any(|part| part == word);
        if is_part { 0 } else { strsim::damerau_levenshtein(&word, known) }
    };
    let (distance, known) = known.iter().map(|known| (distance(known), *known)).min()?;
    (distance <= 1 + word.len() / 4).then_some(known)
}
