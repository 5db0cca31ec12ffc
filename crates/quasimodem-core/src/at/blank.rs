//! Blanks outside of texts and numbers, which mean nothing (V.250 5.2.1).

/// Whether a byte is a space or a control character: neither has a meaning between the parts of a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

/// The place of the first byte from `at` on that is not a blank.
pub(crate) fn skip_blanks(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_blank(**byte)).count()
}

/// The bytes without the blanks at their end.
pub(crate) fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Whether the bytes begin with this name, in any case and with blanks anywhere in it.
pub(crate) fn begins_with(bytes: &[u8], name: &str) -> bool {
    let mut bytes = bytes.iter().filter(|byte| !is_blank(**byte));
    name.bytes().all(|due| bytes.next().is_some_and(|byte| byte.eq_ignore_ascii_case(&due)))
}

/// Whether the bytes are this name, in any case and with blanks anywhere in it.
pub(crate) fn is_name(bytes: &[u8], name: &str) -> bool {
    let bytes = bytes.iter().filter(|byte| !is_blank(**byte)).map(u8::to_ascii_uppercase);
    bytes.eq(name.bytes())
}
