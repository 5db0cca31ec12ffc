//! Packets as text, one line each: what the words of MQTT and of MQTT-SN have in common.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::str::FromStr;

use crate::mqtt::Qos;
use crate::sink::Sink as _;

/// The longest text in quotes that a packet can carry, in bytes (MQTT 1.5.3).
const MAX_TEXT: usize = 65_535;

/// The word, with a space before it, if it holds.
pub(crate) fn flag(f: &mut fmt::Formatter<'_>, word: &str, holds: bool) -> fmt::Result {
    if holds { write!(f, " {word}") } else { Ok(()) }
}

/// Bytes in quotes; what does not print is escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\r' => f.write_str("\\r")?,
                    '\n' => f.write_str("\\n")?,
                    c if is_printable(c) => f.write_char(c)?,
                    c => write_hex(f, c.encode_utf8(&mut [0; 4]).as_bytes())?,
                }
            }
            write_hex(f, chunk.invalid())?;
        }
        f.write_char('"')
    }
}

/// The standard library knows, but tells only by what it escapes in debug output.
fn is_printable(c: char) -> bool {
    c == '\'' || c.escape_debug().len() == 1
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// What of a line is still to be read; begins with a word, or is empty.
pub(crate) struct Words<'a> {
    pub(crate) rest: &'a str,
}

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Words<'a> {
        Words { rest: line.trim_ascii() }
    }

    /// That nothing is left.
    pub(crate) fn end(&self) -> Result<(), String> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    /// One or more of the same, up to the end of the line.
    pub(crate) fn all<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut all = Vec::new();
        while all.is_empty() || !self.rest.is_empty() {
            all.push(one(self)?);
        }
        Ok(all)
    }

    pub(crate) fn qos(&mut self) -> Result<Qos, String> {
        let qos = match self.peek() {
            "q0" => Some(Qos::AtMostOnce),
            "q1" => Some(Qos::AtLeastOnce),
            "q2" => Some(Qos::ExactlyOnce),
            _ => None,
        };
        self.found(qos, "q0, q1 or q2")
    }

    pub(crate) fn number<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let number = self.peek().parse().ok();
        self.found(number, what)
    }

    pub(crate) fn hex(&mut self) -> Result<u8, String> {
        let byte = hex_byte(self.peek());
        self.found(byte, "two hexadecimal digits")
    }

    /// A quoted string of an MQTT string's length.
    pub(crate) fn text(&mut self) -> Result<String, String> {
        let start = Words { rest: self.rest };
        String::from_utf8(self.data()?).map_err(|_| start.expected("a quoted string of UTF-8"))
    }

    /// Quoted bytes that fit behind a length of two bytes.
    pub(crate) fn data(&mut self) -> Result<Vec<u8>, String> {
        let bytes = self.quoted()?;
        if bytes.len() > MAX_TEXT {
            return Err(format!("expected at most {MAX_TEXT} bytes in quotes, found {}", bytes.len()));
        }
        Ok(bytes)
    }

    pub(crate) fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let mut rest = self.rest.strip_prefix('"').ok_or_else(|| self.expected("a quoted string"))?;
        let mut bytes = Vec::new();
        loop {
            let (plain, special) = rest.split_at(rest.find(['"', '\\']).unwrap_or(rest.len()));
            bytes.put(plain.as_bytes());
            let Some(escape) = special.strip_prefix('\\') else {
                let after = special.strip_prefix('"').ok_or("expected a closing quote, found the end of the line")?;
                self.rest = after;
                if !after.is_empty() && !after.starts_with(' ') {
                    return Err(self.expected("a space after the closing quote"));
                }
                self.rest = after.trim_ascii_start();
                return Ok(bytes);
            };
            let (byte, len) = unescape(escape)
                .ok_or_else(|| Words { rest: special }.expected(r#"one of the escapes \" \\ \r \n \xHH"#))?;
            bytes.put(&[byte]);
            rest = escape.get(len..).unwrap_or_default();
        }
    }

    pub(crate) fn takes(&mut self, word: &str) -> bool {
        let next = self.peek() == word;
        if next {
            self.word();
        }
        next
    }

    pub(crate) fn takes_only(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// Goes past the word that `value` was read from.
    pub(crate) fn found<T>(&mut self, value: Option<T>, what: &str) -> Result<T, String> {
        let value = value.ok_or_else(|| self.expected(what))?;
        self.word();
        Ok(value)
    }

    pub(crate) fn word(&mut self) -> &'a str {
        let word = self.peek();
        self.rest = self.rest.get(word.len()..).unwrap_or_default().trim_ascii_start();
        word
    }

    pub(crate) fn peek(&self) -> &'a str {
        self.rest.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn expected(&self, what: &str) -> String {
        match self.peek() {
            "" => format!("expected {what}, found the end of the line"),
            word => format!("expected {what}, found {word}"),
        }
    }
}

/// What stands behind a backslash: the byte that it means, and how many bytes it takes up.
fn unescape(escape: &str) -> Option<(u8, usize)> {
    match escape.as_bytes().first()? {
        b'r' => Some((b'\r', 1)),
        b'n' => Some((b'\n', 1)),
        b'x' => Some((hex_byte(escape.get(1..3)?)?, 3)),
        &c @ (b'"' | b'\\') => Some((c, 1)),
        _ => None,
    }
}

fn hex_byte(digits: &str) -> Option<u8> {
    let &[high, low] = digits.as_bytes() else {
        return None;
    };
    let value = char::from(high).to_digit(16)? << 4 | char::from(low).to_digit(16)?;
    u8::try_from(value).ok()
}
