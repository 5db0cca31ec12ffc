//! What clouds answer: JSON, from the network, so believed in nothing.

use alloc::string::{String, ToString};
use core::fmt;

use serde_json::Value;

use super::credentials::is_printable;

/// Bytes of an answer at most; a longer one is not looked at.
pub const ANSWER_MAX: usize = 16 * 1024;

/// Bytes of a text in an answer at most, as the manual has it for secrets and tokens (manual 1.17).
const TEXT_MAX: usize = 255;

/// Characters of a cloud's words that are kept.
const WORDS_MAX: usize = 200;

/// What is wrong with a cloud's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadAnswer {
    /// It is longer than [`ANSWER_MAX`].
    TooLong,
    /// It is not JSON.
    NotJson,
    /// This field is missing, or not of its type.
    Missing(&'static str),
    /// This field holds what could not be printed to a host, or too much of it.
    NotPrintable(&'static str),
    /// This field is for another device.
    OtherDevice(&'static str),
    /// This field does not open with the key at hand.
    Sealed(&'static str),
    /// The cloud refused, with this code and these words; both may be empty.
    Refused(String, String),
    /// It is not a frame of Tuya's protocol 2.2.
    NotAFrame,
    /// The frame is damaged.
    Checksum,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadAnswer::TooLong => write!(f, "the answer is longer than {ANSWER_MAX} bytes"),
            BadAnswer::NotJson => f.write_str("the answer is not JSON"),
            BadAnswer::Missing(field) => write!(f, "the answer has no {field}"),
            BadAnswer::NotPrintable(field) => write!(f, "the answer's {field} can't be printed"),
            BadAnswer::OtherDevice(field) => write!(f, "the answer's {field} is another's"),
            BadAnswer::Sealed(field) => write!(f, "the answer's {field} does not open with this secret"),
            BadAnswer::Refused(code, words) => write!(f, "refused by the cloud: {code} {words}"),
            BadAnswer::NotAFrame => f.write_str("not a frame of version 2.2"),
            BadAnswer::Checksum => f.write_str("the frame's checksum is wrong"),
        }
    }
}

impl core::error::Error for BadAnswer {}

/// Reads JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, BadAnswer> {
    if bytes.len() > ANSWER_MAX {
        return Err(BadAnswer::TooLong);
    }
    serde_json::from_slice(bytes).map_err(|_| BadAnswer::NotJson)
}

/// A text that may be printed to a host; an empty one counts as missing.
pub(super) fn text(object: &Value, name: &'static str) -> Result<String, BadAnswer> {
    match object.get(name).and_then(Value::as_str) {
        None | Some("") => Err(BadAnswer::Missing(name)),
        Some(text) if text.len() > TEXT_MAX || !is_printable(text) => Err(BadAnswer::NotPrintable(name)),
        Some(text) => Ok(text.into()),
    }
}

/// A refusal in the cloud's words, made fit for a line.
pub(super) fn refused(code: Option<&Value>, words: Option<&Value>) -> BadAnswer {
    let plain = |value: Option<&Value>| {
        let text = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        text.chars().filter(|letter| !letter.is_control() && *letter != '"').take(WORDS_MAX).collect::<String>()
    };
    BadAnswer::Refused(plain(code), plain(words))
}

/// A text as JSON writes it, quotes included.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
