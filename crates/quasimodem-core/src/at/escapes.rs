//! How hosts write what a text in quotes can't hold as it is.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::sink::Sink;
use crate::visible;

/// The conventions for escapes that are read. Three are alive in the field, and each takes away something that the
/// others leave as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Escapes {
    /// `\HH`, `\"`, `\\`, `\r` and `\n`.
    #[default]
    All,
    /// `\HH` alone, two hex digits (V.250 5.4.2.2).
    Hex,
    /// `\"`, `\\`, `\r` and `\n` alone.
    Backslash,
    /// A backslash is a backslash.
    None,
}

/// Which texts of the host are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Texts {
    /// Topics and payloads: any byte, by any convention.
    Free,
    /// User names, passwords, hosts and the like, which end at their closing quote: only `\HH`, and only for the
    /// characters that V.250 has, 00 to 7F, so that `DOMAIN\admin` stays what it is.
    Plain,
}

impl Escapes {
    /// A text in quotes as a command that sets a user name, a password or the like reads it.
    pub fn quoted(self, text: &str) -> String {
        let mut to = Written(Vec::new());
        self.put(Texts::Plain, text.as_bytes(), &mut to);
        String::from_utf8_lossy(&to.0).into_owned()
    }

    fn has_hex(self) -> bool {
        matches!(self, Escapes::All | Escapes::Hex)
    }

    fn has_backslash(self, texts: Texts) -> bool {
        texts == Texts::Free && matches!(self, Escapes::All | Escapes::Backslash)
    }

    /// The place of the quote that closes a text.
    pub(crate) fn closing_quote(self, texts: Texts, inside: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            match *inside.get(at)? {
                b'"' => return Some(at),
                b'\\' if self.has_backslash(texts) && matches!(inside.get(at + 1), Some(b'"' | b'\\')) => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Replaces escapes by what they stand for, and gives the new length. Other backslashes stay.
    pub(crate) fn unescape(self, texts: Texts, text: &mut [u8]) -> usize {
        let Some(mut read) = text.iter().position(|byte| *byte == b'\\') else { return text.len() };
        let mut write = read;
        while let Some((&byte, behind)) = text.get(read..).and_then(<[u8]>::split_first) {
            let escape = if byte == b'\\' { self.escape(texts, behind) } else { None };
            let (value, length) = escape.unwrap_or((byte, 0));
            if let Some(place) = text.get_mut(write) {
                *place = value;
            }
            write += 1;
            read += 1 + length;
        }
        write
    }

    /// The byte that an escape stands for, and how many bytes it has behind its backslash.
    fn escape(self, texts: Texts, behind: &[u8]) -> Option<(u8, usize)> {
        let (&first, rest) = behind.split_first()?;
        match first {
            b'"' | b'\\' if self.has_backslash(texts) => return Some((first, 1)),
            b'r' if self.has_backslash(texts) => return Some((b'\r', 1)),
            b'n' if self.has_backslash(texts) => return Some((b'\n', 1)),
            _ => {}
        }
        let value = digit(first)? << 4 | digit(*rest.first()?)?;
        let is_known = self.has_hex() && (texts == Texts::Free || value.is_ascii());
        is_known.then_some((value, 2))
    }

    /// Writes a text in quotes, as it is read back in. Without a convention for them, quotes and backslashes go out as
    /// they are; control characters are `\HH` in any case.
    pub(crate) fn put(self, texts: Texts, text: &[u8], to: &mut (impl Sink + Write)) {
        to.put(b"\"");
        let mut at = 0;
        for (plain, special) in visible::pieces(text, b"\"\\") {
            to.put(plain);
            at += plain.len() + special.len();
            match special {
                // It would be read as what it is.
                b"\\" if texts == Texts::Plain && self.escape(texts, text.get(at..).unwrap_or_default()).is_none() => {
                    to.put(special);
                }
                b"\"" | b"\\" if self.has_hex() => visible::put_hex(special, to),
                b"\"" | b"\\" => {
                    if self.has_backslash(texts) {
                        to.put(b"\\");
                    }
                    to.put(special);
                }
                b"\r" if self == Escapes::Backslash && self.has_backslash(texts) => to.put(b"\\r"),
                b"\n" if self == Escapes::Backslash && self.has_backslash(texts) => to.put(b"\\n"),
                _ => visible::put_hex(special, to),
            }
        }
        to.put(b"\"");
    }
}

/// Text that is being made.
struct Written(Vec<u8>);

impl Sink for Written {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Escapes; 4] = [Escapes::All, Escapes::Hex, Escapes::Backslash, Escapes::None];

    fn read(escapes: Escapes, texts: Texts, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        let length = escapes.unescape(texts, &mut text);
        text.truncate(length);
        text
    }

    #[test]
    fn each_convention_reads_its_own() {
        let text = br#"\22\"\\\r\n\x\C3\5c\"#;
        let free = |escapes| read(escapes, Texts::Free, text);
        assert_eq!(free(Escapes::All), b"\"\"\\\r\n\\x\xc3\\\\");
        assert_eq!(free(Escapes::Hex), b"\"\\\"\\\\\\r\\n\\x\xc3\\\\");
        assert_eq!(free(Escapes::Backslash), b"\\22\"\\\r\n\\x\\C3\\5c\\");
        assert_eq!(free(Escapes::None), text);
        for escapes in ALL {
            let due: &[u8] = if escapes.has_hex() { br#""\"\\\r\n\x\C3\\"# } else { text };
            assert_eq!(read(escapes, Texts::Plain, text), due, "{escapes:?}");
        }
        assert_eq!(read(Escapes::All, Texts::Plain, br"DOMAIN\admin\80"), br"DOMAIN\admin\80");
        assert_eq!(read(Escapes::All, Texts::Plain, br"\7F\2"), b"\x7f\\2");
    }

    #[test]
    fn a_text_ends_at_its_own_quote() {
        let inside = br#"a\"b\\"c""#;
        for escapes in ALL {
            let free = if escapes.has_backslash(Texts::Free) { 6 } else { 2 };
            assert_eq!(escapes.closing_quote(Texts::Free, inside), Some(free), "{escapes:?}");
            assert_eq!(escapes.closing_quote(Texts::Plain, inside), Some(2), "{escapes:?}");
        }
        assert_eq!(Escapes::All.closing_quote(Texts::Free, br#"a\""#), None);
    }

    #[test]
    fn a_user_name_is_quoted_as_it_is_read() {
        assert_eq!(Escapes::All.quoted(r#"DOMAIN\admin"22\22"#), r#""DOMAIN\admin\2222\5C22""#);
        assert_eq!(Escapes::None.quoted(r"DOMAIN\22"), r#""DOMAIN\22""#);
        assert_eq!(Escapes::Backslash.quoted("a\rb\n"), r#""a\0Db\0A""#, "no text of its kind can hold them");
    }

    #[test]
    fn what_is_printed_reads_back_in() {
        let every: Vec<u8> = (0..=0x7f).chain(0..=0x7f).chain(*b"\\22\\\\\"\\r\\5C\"").collect();
        for (escapes, texts) in ALL.into_iter().flat_map(|escapes| [(escapes, Texts::Free), (escapes, Texts::Plain)]) {
            let text: Vec<u8> = match escapes {
                Escapes::All | Escapes::Hex => every.clone(),
                // There is no way to write other control characters, and for plain texts none to write quotes.
                Escapes::Backslash | Escapes::None => {
                    let mut text = every.clone();
                    let has_backslash = escapes.has_backslash(texts);
                    text.retain(|byte| !byte.is_ascii_control() || has_backslash && matches!(byte, b'\r' | b'\n'));
                    text.retain(|byte| has_backslash || *byte != b'"');
                    text
                }
            };
            let mut printed = Written(Vec::new());
            escapes.put(texts, &text, &mut printed);
            let printed = printed.0;
            assert!(!printed.iter().any(u8::is_ascii_control), "{escapes:?} {texts:?}");
            let inside = printed.strip_prefix(b"\"").unwrap();
            assert_eq!(escapes.closing_quote(texts, inside), Some(inside.len() - 1), "{escapes:?} {texts:?}");
            assert_eq!(read(escapes, texts, &inside[..inside.len() - 1]), text, "{escapes:?} {texts:?}");
        }
    }
}
