//! What a modem says, as its host reads it: lines, the prompt for data, and final results.

use std::borrow::Cow;

/// Bytes of a line at most: what is longer is thrown away, since a line that is cut off may look like another one.
pub const LINE_MAX: usize = 8192;

/// Turns bytes into lines, however they are cut. It holds memory only while a line is half read.
#[derive(Default, Debug)]
pub struct Reader {
    line: Vec<u8>,
    is_long: bool,
}

/// What a line is to the host that typed a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What the host typed itself.
    Echo,
    /// The modem asks for data.
    Prompt,
    /// It ends the answer to the command.
    Final,
    /// Part of an answer, or unsolicited: nothing but the command tells which.
    Other,
}

/// What asks for data. Modules differ in whether a line end follows it.
pub const PROMPT: &[u8] = b"> ";

impl Reader {
    /// Takes the next whole line off the front of `bytes`, without its end; empty lines and those that are too long are
    /// passed over. `None`: all bytes are read, and what is left of them is no whole line.
    pub fn line<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (piece, rest) = bytes.split_at(end);
            *bytes = rest.get(1..).unwrap_or_default();
            let is_whole = self.line.is_empty() && !self.is_long;
            if !is_whole || piece.len() > LINE_MAX {
                self.push(piece);
            }
            let line = std::mem::take(&mut self.line);
            if std::mem::take(&mut self.is_long) {
                continue;
            }
            let line = if is_whole { Cow::Borrowed(piece) } else { Cow::Owned(line) };
            if !line.is_empty() {
                return Some(line);
            }
        }
        self.push(bytes);
        *bytes = &[];
        None
    }

    /// The line that has no end yet.
    pub fn half(&self) -> &[u8] {
        &self.line
    }

    /// Forgets what is half read.
    pub fn clear(&mut self) {
        *self = Reader::default();
    }

    fn push(&mut self, piece: &[u8]) {
        self.is_long |= self.line.len() + piece.len() > LINE_MAX;
        if self.is_long {
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(piece);
        }
    }
}

/// What this line is, if that is what the host typed and waits for.
pub fn kind(line: &[u8], typed: Option<&[u8]>) -> Kind {
    match line {
        _ if typed == Some(line) => Kind::Echo,
        PROMPT | b">" => Kind::Prompt,
        _ if is_final(line) => Kind::Final,
        _ => Kind::Other,
    }
}

/// Whether a line ends the answer to a command (V.250 5.7.1, 27.007 9.2).
pub fn is_final(line: &[u8]) -> bool {
    let code = || line.strip_prefix(b"+CME ERROR: ").filter(|code| !code.is_empty());
    matches!(line, b"OK" | b"ERROR") || code().is_some_and(|code| code.trim_ascii() == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> (Vec<String>, String) {
        let (mut reader, mut lines) = (Reader::default(), Vec::new());
        for mut chunk in chunks.iter().copied() {
            while let Some(line) = reader.line(&mut chunk) {
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
            assert!(chunk.is_empty());
        }
        (lines, String::from_utf8_lossy(reader.half()).into_owned())
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"AT\r\r\n+A: 1\r\n\r\nOK\r\n\r\n> ";
        let due = ["AT", "+A: 1", "OK"].map(String::from).to_vec();
        for size in 1..=text.len() {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(lines(&chunks), (due.clone(), "> ".into()), "{size}");
        }
    }

    #[test]
    fn what_is_too_long_is_no_line() {
        let fits = "x".repeat(LINE_MAX);
        let long = "x".repeat(LINE_MAX + 1);
        for (first, second) in [(&*long, ""), (&long[..5], &long[5..]), (&long, "more")] {
            let end = format!("{second}\r\nnext\r\n{fits}\r\n");
            assert_eq!(lines(&[first.as_bytes(), end.as_bytes()]).0, ["next", &*fits]);
        }
        let whole = format!("{long}\r\n{fits}\r\n{long}");
        assert_eq!(lines(&[whole.as_bytes()]), (vec![fits], String::new()));
    }

    #[test]
    fn a_line_is_told_by_what_was_typed() {
        assert_eq!(kind(b"AT", Some(b"AT")), Kind::Echo);
        assert_eq!(kind(b"AT", None), Kind::Other);
        assert_eq!(kind(b"> ", None), Kind::Prompt);
        for (line, due) in [
            ("OK", true),
            ("ERROR", true),
            ("+CME ERROR: 50", true),
            ("+CME ERROR: no network", true),
            ("OK ", false),
            ("+CME ERROR: ", false),
            ("+CME ERROR: 50 ", false),
        ] {
            assert_eq!(kind(line.as_bytes(), None) == Kind::Final, due, "{line:?}");
        }
    }
}
