//! What a user says of a fault.

use std::str::FromStr;
use std::sync::{Arc, Mutex};

use quasimodem_core::Link;

use super::plan::{Counts, Known};
use super::row::{Act, Layer, Row};
use super::table::{ALIASES, ROWS};
use crate::event::Condition;
use crate::flat::{self, Bad, Named, Values};
use crate::transcript;

/// A fault with its keys, read and checked: `packet-drop type=PUBACK client=1 nth=2 times=1`.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(super) row: &'static Row,
    pub(super) values: Values,
    /// Its keys as they were said.
    pub(super) said: Vec<(String, String)>,
    /// The counts of all modems (`per=fault`).
    pub(super) shared: Arc<Mutex<Counts>>,
}

impl FromStr for Spec {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Spec, Bad> {
        Spec::of(ROWS, text)
    }
}

impl Spec {
    /// A fault with its keys as they stand in a table: `fault` is its name.
    ///
    /// # Errors
    ///
    /// There is no such fault or key, or a value is not what is expected.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Spec, Bad> {
        let (names, pairs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| key == NAME);
        let names = names.into_iter().map(|(_, name)| name);
        let words: Vec<String> = names.chain(pairs.into_iter().map(|(key, value)| format!("{key}={value}"))).collect();
        match words.first() {
            Some(first) if first.contains(char::is_whitespace) => Err(Bad::NotJustName(NAME, first.clone())),
            Some(first) if first.contains('=') => Err(Bad::Missing("a table of faults", NAME)),
            _ => {
                let words = expanded(words);
                let (row, values) = flat::from_words(&words, ROWS)?;
                Spec::new(row, values, &words)
            }
        }
    }

    /// A fault of a table.
    pub(crate) fn of(rows: &'static [Row], text: &str) -> Result<Spec, Bad> {
        let words = expanded(shlex::split(text).ok_or(Bad::Quotes)?);
        let (row, values) = flat::from_words(&words, rows)?;
        Spec::new(row, values, &words)
    }

    fn new(row: &'static Row, values: Values, words: &[String]) -> Result<Spec, Bad> {
        let waits = values.condition("on").is_some();
        if waits && values.has("at") {
            return Err(Bad::Both("on", "at"));
        }
        if let (Some(words), Some(client)) = (values.text("words"), values.number("client")) {
            let link = Link(u8::try_from(client).unwrap_or_default());
            transcript::packet(link, words).map_err(|wrong| Bad::Value("words", words.into(), wrong))?;
        }
        let can_wait = row.class() != "state" && !matches!(row.act, Act::Commands(..) | Act::Bytes(_));
        if !can_wait && values.span("delay").is_some_and(|(_, most)| !most.is_zero()) {
            return Err(Bad::Useless(row.name, "delay"));
        }
        let is_state = row.class() == "state";
        let ends = values.has("lasts") || values.condition("until").is_some();
        let again = values.flag("rearm") == Some(true);
        let longer = |key| values.time(key).is_some_and(|time| !time.is_zero());
        for (said, key, has, needed) in [
            (again, "rearm", waits, "on"),
            (values.number("count").is_some_and(|count| count > 1), "count", waits, "on"),
            (longer("jitter"), "jitter", values.has("every"), "every"),
            // What lasts for ever does not begin again.
            (is_state && values.has("every"), "every", values.has("lasts"), "lasts"),
            (is_state && again, "rearm", ends, "lasts"),
        ] {
            if said && !has {
                return Err(Bad::Without(key, needed));
            }
        }
        let pairs = words.iter().filter_map(|word| word.split_once('='));
        let said = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(Spec { row, values, said, shared: Arc::default() })
    }

    /// The name of its row.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// Whether a fault that is there says the same.
    pub fn is_said_by(&self, known: &Known) -> bool {
        let name = (NAME.to_owned(), known.fault.to_owned());
        let other = Spec::from_pairs([name].into_iter().chain(known.keys.iter().cloned()));
        other.is_ok_and(|other| self.is(&other))
    }

    /// Its id, if it says one.
    pub fn id(&self) -> Option<&str> {
        self.values.text("id")
    }

    /// Its row's name, if only a lab has it.
    pub fn needs_clouds(&self) -> Option<&'static str> {
        (self.row.layer == Layer::Cloud).then_some(self.row.name)
    }

    /// Its name, if only a lab has it.
    pub fn needs_lab(&self) -> Option<&'static str> {
        self.row.needs().map(|_| self.row.name)
    }

    /// The events that begin and end it.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (Cue, &Condition)> {
        let of = |cue, key| self.values.condition(key).map(|condition| (cue, condition));
        of(Cue::Begin, "on").into_iter().chain(of(Cue::End, "until"))
    }

    /// Whether another says the same.
    pub(super) fn is(&self, other: &Spec) -> bool {
        self.row.name == other.row.name && self.values == other.values
    }
}

/// The words with what a short name in front stands for.
fn expanded(mut words: Vec<String>) -> Vec<String> {
    let known = ALIASES.iter().find(|(alias, _)| words.first().is_some_and(|first| first == alias));
    if let Some((_, meaning)) = known {
        words.splice(..1, meaning.split(' ').map(str::to_owned));
    }
    words
}

/// The key of a fault's name in a table.
const NAME: &str = "fault";

/// What an event, or somebody outside, tells a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cue {
    /// It is to begin.
    Begin,
    /// It is to end.
    End,
}

/// What somebody outside, or an event, tells the faults of a station.
#[derive(Clone, Debug)]
pub enum Order {
    /// This one is there from now on, in the place of the one that has its id; if that says the same, it goes on.
    Put(Spec),
    /// All these, at one instant.
    PutAll(Vec<Spec>),
    /// The fault of this id is over, or all are; what they have done stays counted.
    Clear(Option<String>),
    /// The fault of this id is to begin or to end.
    Cue(String, Cue),
}

impl Named for Row {
    const WHAT: &'static str = "a fault";
    const EXAMPLE: &'static str = "packet-drop type=PUBACK";

    fn name(&self) -> &'static str {
        self.name
    }

    fn keys(&self) -> impl Iterator<Item = &'static flat::Key> {
        Row::keys(self)
    }
}
