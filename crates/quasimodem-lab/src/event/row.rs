//! What a row of the table is made of.

use std::time::Duration;

use super::table::{Endpoint, ModemAt};

/// An event as the table describes it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its dotted name, such as `host.typed`.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Its own fields, besides those that all events have.
    pub fields: &'static [Field],
}

/// A field of an event.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What its values look like.
    pub form: Form,
    /// Whether it may be left out.
    pub optional: bool,
}

/// What the values of a field look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `true` or `false`.
    Flag,
    /// A whole number from 0 on.
    Count,
    /// A whole number.
    Number,
    /// Seconds, with a fraction.
    Seconds,
    /// Text.
    Text,
    /// An array of whole numbers from 0 on.
    Counts,
    /// An object with `host` and `port`.
    Endpoint,
    /// An array of objects with `modem` and `port`.
    Modems,
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Seconds.
    Seconds(Duration),
    /// Text.
    Text(&'a str),
    /// Whole numbers.
    Counts(&'a [u8]),
    /// A name or an address, and a port.
    Endpoint(&'a Endpoint<'a>),
    /// Modems, and where their hosts find them.
    Modems(&'a [ModemAt<'a>]),
}

/// A type that fields may have.
pub(super) trait Typed {
    const FORM: Form;
    const OPTIONAL: bool = false;

    /// Its value, unless it is left out.
    fn value(&self) -> Option<Value<'_>>;
}

impl<T: Typed> Typed for Option<T> {
    const FORM: Form = T::FORM;
    const OPTIONAL: bool = true;

    fn value(&self) -> Option<Value<'_>> {
        self.as_ref().and_then(Typed::value)
    }
}

macro_rules! typed {
    ($($type:ty => $form:ident, $value:expr;)*) => {
        $(impl Typed for $type {
            const FORM: Form = Form::$form;

            fn value(&self) -> Option<Value<'_>> {
                let value: fn(&Self) -> Value<'_> = $value;
                Some(value(self))
            }
        })*
    };
}

typed! {
    bool => Flag, |flag| Value::Flag(*flag);
    u8 => Count, |number| Value::Number((*number).into());
    u16 => Count, |number| Value::Number((*number).into());
    u32 => Count, |number| Value::Number((*number).into());
    u64 => Count, |number| Value::Number(i64::try_from(*number).unwrap_or(i64::MAX));
    i64 => Number, |number| Value::Number(*number);
    Duration => Seconds, |time| Value::Seconds(*time);
    &[u8] => Counts, |counts| Value::Counts(counts);
    &str => Text, |text| Value::Text(text);
    Endpoint<'_> => Endpoint, |endpoint| Value::Endpoint(endpoint);
    &[ModemAt<'_>] => Modems, |modems| Value::Modems(modems);
}
