//! What is waited for: an event, and what its fields are to be.

use std::fmt;
use std::str::FromStr;

use serde_json::Value as Json;

use super::row::{Field, Form, Row, Value};
use super::table::Endpoint;
use super::{Event, Stamp};
use crate::flat::meant;

/// An event and values of its fields, such as `client.broken client=1 cause=2`. Words are read as a POSIX shell does.
///
/// A text fits if it is the same, or begins so where the value ends with `*`. `modem` is a field of all events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    row: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// Why something is no condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadCondition {
    /// Its quotes have no end.
    Quotes,
    /// There is nothing.
    Nothing,
    /// No event has this name.
    Unknown(String),
    /// A word has no `=`.
    NoValue(String),
    /// The event has no such field; both.
    NoField(&'static str, String),
    /// The value of a field can't be of this kind.
    Value(&'static str, String, Form),
}

/// The field that all events may have.
const MODEM: &str = "modem";

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Condition, BadCondition> {
        let words = shlex::split(text).ok_or(BadCondition::Quotes)?;
        let (name, pairs) = words.split_first().ok_or(BadCondition::Nothing)?;
        let row = Event::ROWS.iter().find(|row| row.name == name).ok_or_else(|| BadCondition::Unknown(name.clone()))?;
        let mut fields = Vec::new();
        for word in pairs {
            let (key, value) = word.split_once('=').ok_or_else(|| BadCondition::NoValue(word.clone()))?;
            if key == MODEM {
                fields.push((MODEM, value.into()));
                continue;
            }
            let field = row.fields.iter().find(|field| field.key == key && may_be_asked(field));
            let field = field.ok_or_else(|| BadCondition::NoField(row.name, key.into()))?;
            let may_be = match field.form {
                Form::Flag => value.parse::<bool>().is_ok(),
                Form::Count => value.parse::<u64>().is_ok(),
                Form::Number => value.parse::<i64>().is_ok(),
                Form::Seconds | Form::Text | Form::Counts | Form::Endpoint | Form::Modems => true,
            };
            if !may_be {
                return Err(BadCondition::Value(field.key, value.into(), field.form));
            }
            fields.push((field.key, value.into()));
        }
        Ok(Condition { row: row.name, fields })
    }
}

/// Whether a value can be said of it in one word.
fn may_be_asked(field: &Field) -> bool {
    !matches!(field.form, Form::Seconds | Form::Modems)
}

impl Condition {
    /// The name of the event.
    pub fn event(&self) -> &'static str {
        self.row
    }

    /// Whether this event, as its line of JSON says it, is one.
    pub fn fits_json(&self, event: &Json) -> bool {
        event.get("event").and_then(Json::as_str) == Some(self.row) && self.misfit(event).is_none()
    }

    /// What of an event of its name is otherwise, as its line of JSON says it, in words; `None`: it fits.
    pub fn misfit(&self, event: &Json) -> Option<String> {
        let is_due = |(key, due): &(&'static str, String)| match event.get(key) {
            Some(Json::Bool(flag)) => is(&Value::Flag(*flag), due),
            Some(Json::Number(number)) => number.as_i64().is_some_and(|number| is(&Value::Number(number), due)),
            Some(Json::String(text)) => is(&Value::Text(text), due),
            Some(Json::Array(counts)) => {
                let counts: Option<Vec<u8>> =
                    counts.iter().map(|count| count.as_u64().and_then(|count| count.try_into().ok())).collect();
                counts.is_some_and(|counts| is(&Value::Counts(&counts), due))
            }
            Some(Json::Object(at)) => {
                let host = at.get("host").and_then(Json::as_str).unwrap_or_default();
                let port = at.get("port").and_then(Json::as_u64).and_then(|port| port.try_into().ok());
                is(&Value::Endpoint(&Endpoint { host, port: port.unwrap_or_default() }), due)
            }
            _ => false,
        };
        self.fields.iter().find(|field| !is_due(field)).map(|(key, due)| match event.get(key) {
            Some(Json::String(text)) => format!("{key} is {text:?}, not {due:?}"),
            Some(value) => format!("{key} is {value}, not {due}"),
            None => format!("it has no {key}"),
        })
    }

    /// Whether this event is one.
    pub fn fits(&self, stamp: &Stamp<'_>, event: &Event<'_>) -> bool {
        if event.name() != self.row {
            return false;
        }
        let mut met = self
            .fields
            .iter()
            .filter(|(key, due)| *key == MODEM && stamp.modem.is_some_and(|modem| is(&Value::Text(modem), due)))
            .count();
        event.fields(&mut |key, value| {
            met += self.fields.iter().filter(|(of, due)| *of == key && is(&value, due)).count();
        });
        met == self.fields.len()
    }
}

/// Whether a value is what it is to be.
fn is(value: &Value<'_>, due: &str) -> bool {
    match value {
        Value::Flag(flag) => due.parse() == Ok(*flag),
        Value::Number(number) => due.parse() == Ok(*number),
        Value::Text(text) => {
            due.strip_suffix('*').map_or(*text == due, |start| text.starts_with(start)) || *text == due
        }
        Value::Endpoint(at) => {
            due.split_once(':').map_or(at.host == due, |(host, port)| at.host == host && port.parse() == Ok(at.port))
        }
        Value::Counts(counts) => {
            due.split(',').map(|count| count.trim().parse().ok()).eq(counts.iter().map(|count| Some(*count)))
        }
        Value::Seconds(_) | Value::Modems(_) => false,
    }
}

/// As it was said.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row)?;
        self.fields.iter().try_for_each(|(key, value)| {
            // What has a NUL, which no word of a shell has, was not read either.
            let value = shlex::try_quote(value).unwrap_or_default();
            write!(f, " {key}={value}")
        })
    }
}

impl fmt::Display for BadCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = || Event::ROWS.iter().map(|row| row.name).collect::<Vec<_>>();
        match self {
            BadCondition::Quotes => f.write_str("a quote has no end"),
            BadCondition::Nothing => f.write_str("expected an event, such as client.broken client=1"),
            BadCondition::Unknown(name) => {
                let nearest = meant(name, &names());
                write!(f, "there is no event {name:?}{nearest}; quasimodem events lists them")
            }
            BadCondition::NoValue(word) => {
                write!(f, "expected FIELD=VALUE, found {word:?}; values with blanks need quotes")
            }
            BadCondition::NoField(event, key) => {
                let row = Event::ROWS.iter().find(|row| row.name == *event);
                let fields = row.map(fields_of).unwrap_or_default();
                write!(f, "{event} has no field {key:?}{}; it has {}", meant(key, &fields), fields.join(", "))
            }
            BadCondition::Value(key, value, form) => {
                let expected = if *form == Form::Flag { "true or false" } else { "a whole number" };
                write!(f, "{key} is {value:?}, expected {expected}")
            }
        }
    }
}

fn fields_of(row: &Row) -> Vec<&'static str> {
    row.fields.iter().filter(|field| may_be_asked(field)).map(|field| field.key).chain([MODEM]).collect()
}

impl std::error::Error for BadCondition {}
