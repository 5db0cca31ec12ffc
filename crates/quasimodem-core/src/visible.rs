//! Text on its way to the host that may have come from the network: nothing in it may end the line.

use core::fmt::{self, Write};

use crate::sink::Sink;

/// Writes text with what could end a line as `\HH`, byte by byte, and the rest as it is: bytes that are not UTF-8 too,
/// since hosts read other encodings.
pub(crate) fn put_visible(text: &[u8], to: &mut (impl Sink + Write)) {
    put_without(text, b"", to);
}

/// Writes a field that has no quotes around it. What would end it, or would be an escape when the host types it back, is
/// `\HH` too.
pub(crate) fn put_field(text: &[u8], to: &mut (impl Sink + Write)) {
    put_without(text, b",\"\\", to);
}

fn put_without(text: &[u8], also: &'static [u8], to: &mut (impl Sink + Write)) {
    for (plain, special) in pieces(text, also) {
        to.put(plain);
        put_hex(special, to);
    }
}

/// Bytes as `\HH` (V.250 5.4.2.2).
pub(crate) fn put_hex(bytes: &[u8], to: &mut impl Write) {
    for byte in bytes {
        let _ = write!(to, "\\{byte:02X}");
    }
}

/// Cuts text into what may be printed as it is and the character behind that which may not: one that can end a line, or
/// one of `also`. Either may be empty.
pub(crate) fn pieces<'a>(text: &'a [u8], also: &'static [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The first bytes of what is looked for; most text has none of them.
        let may_be = |byte: &u8| byte.is_ascii_control() || matches!(byte, 0xc2 | 0xe2) || also.contains(byte);
        let mut at = 0;
        let length = loop {
            at += rest.get(at..)?.iter().position(may_be).unwrap_or(rest.len() - at);
            match special(rest.get(at..)?, also) {
                0 if at < rest.len() => at += 1,
                length => break length,
            }
        };
        let (piece, behind) = rest.split_at_checked(at + length)?;
        rest = behind;
        piece.split_at_checked(at)
    })
}

/// How many bytes the character in front has, if it is one of `also` or one at which a reader of lines may end one: a
/// control character (U+0000 to U+001F, U+007F to U+009F), or a line or paragraph separator (U+2028, U+2029). Else 0.
fn special(text: &[u8], also: &[u8]) -> usize {
    match *text {
        [byte, ..] if byte.is_ascii_control() || also.contains(&byte) => 1,
        [0xc2, 0x80..=0x9f, ..] => 2,
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// Writes words between quotes that are there already; none of them may look like the one that closes.
pub(crate) struct Visible<'a, S>(pub(crate) &'a mut S);

impl<S: Sink + Write> Write for Visible<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        put_without(text.as_bytes(), b"\"", self.0);
        Ok(())
    }
}

/// Foreign of others, which can't leave their line nor the quotes around them. Apostrophes are left as they are: they are
/// frequent in names, and can do nothing.
pub(crate) struct Foreign<'a>(pub(crate) &'a str);

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\'' => f.write_char(char),
            '"' => f.write_str("\\22"),
            char => char.escape_debug().fmt(f),
        })
    }
}
