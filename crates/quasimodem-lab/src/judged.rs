//! Which bytes of a serial line may be shown.
//!
//! Bytes of the host come in any pieces, and before the modem has judged them. Until then they count as secret, and so does
//! what nothing ever judges: a half line, a line that is not one, one that was edited while it was typed.

use std::ops::Range;

use quasimodem_core::Marked;

/// What the host sent, in order, until the modem has judged it.
#[derive(Default)]
pub(crate) struct Typed {
    waiting: Vec<u8>,
    /// What is judged, as it may be shown.
    judged: Vec<u8>,
    /// What each piece of it is, and where it ends.
    pieces: Vec<(What, usize)>,
}

/// What a piece of the host's bytes is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A line with its end, or what is left of one.
    Line,
    /// Raw data.
    Data,
}

/// Bytes that may wait: more than the longest line, and what is typed while a command takes its time.
const WAITING: usize = 64 * 1024;

impl Typed {
    /// The host sent these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        // The second half of a line end belongs to no line, and is no secret.
        let ends = self.waiting.iter().take_while(|byte| is_end(**byte)).count();
        self.judge_lines(ends);
        if self.waiting.len() > WAITING {
            self.give_up();
        }
    }

    /// The modem took this line.
    pub(crate) fn line(&mut self, line: Marked<'_>) {
        let mut start = 0;
        while let Some(length) = self.waiting.get(start..).and_then(|rest| rest.iter().position(|byte| is_end(*byte))) {
            let end = start + length;
            let typed = self.waiting.get(start..end).unwrap_or_default();
            let Some(places) = places(typed, line.bytes()) else {
                // It may be this one, edited.
                start = end + 1;
                continue;
            };
            let rest = self.waiting.get(end..).unwrap_or_default();
            let count = end + if rest.starts_with(b"\r\n") { 2 } else { 1 };
            let mut shown = stars(self.waiting.get(..count).unwrap_or_default());
            reveal(line, |place| places.get(place).map(|at| start + at), &mut shown);
            self.judge_lines_as(&shown);
            return;
        }
        let typed = self.waiting.as_slice();
        let is_edited = |byte: &u8| matches!(byte, b'\x08' | b'\x7f');
        if let [b'A' | b'a', b'/', ..] = typed {
            // It repeats the line before (V.250 5.2.4), and has no end.
            let both: Vec<u8> = self.waiting.drain(..2).collect();
            self.judge(What::Line, &both);
        } else if let Some(at) = typed.iter().position(is_edited)
            && let Some(length) = typed.iter().skip(at).position(|byte| is_end(*byte))
        {
            self.judge_lines(at + length + 1);
        }
    }

    /// The modem took raw data, with so many bytes behind them that it has not looked at.
    pub(crate) fn data(&mut self, size: usize, behind: usize, secret: bool) {
        let end = self.waiting.len().saturating_sub(behind);
        self.judge_lines(end.saturating_sub(size));
        let mut data: Vec<u8> = self.waiting.drain(..end.min(size).min(self.waiting.len())).collect();
        if secret {
            data.fill(b'*');
        }
        self.judge(What::Data, &data);
    }

    /// Nothing will judge what is there.
    pub(crate) fn give_up(&mut self) {
        self.judge_lines(self.waiting.len());
    }

    /// Gives each piece that is judged, as it may be shown.
    pub(crate) fn take(&mut self, mut each: impl FnMut(What, &[u8])) {
        let mut start = 0;
        for (what, end) in self.pieces.drain(..) {
            each(what, self.judged.get(start..end).unwrap_or_default());
            start = end;
        }
        self.judged.clear();
    }

    /// So many bytes are lines of which nothing is known.
    fn judge_lines(&mut self, count: usize) {
        let shown = stars(self.waiting.get(..count).unwrap_or_default());
        self.judge_lines_as(&shown);
    }

    /// What waits first are lines that may be shown like this.
    fn judge_lines_as(&mut self, shown: &[u8]) {
        let mut rest = shown;
        while !rest.is_empty() {
            let length = rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len());
            let ends = if rest.get(length..).is_some_and(|rest| rest.starts_with(b"\r\n")) { 2 } else { 1 };
            let (line, behind) = rest.split_at((length + ends).min(rest.len()));
            self.judge(What::Line, line);
            rest = behind;
        }
        self.waiting.drain(..shown.len().min(self.waiting.len()));
    }

    fn judge(&mut self, what: What, shown: &[u8]) {
        if !shown.is_empty() {
            self.judged.extend_from_slice(shown);
            self.pieces.push((what, self.judged.len()));
        }
    }
}

/// How the echo of a line may be shown, which the modem took then, or which nothing judges.
pub(crate) fn echo(bytes: &[u8], line: Option<Marked<'_>>) -> Vec<u8> {
    let mut shown = stars(bytes);
    if let Some(line) = line
        && let Some(places) = places(bytes, line.bytes())
    {
        reveal(line, |place| places.get(place).copied(), &mut shown);
    }
    shown
}

/// A star for each byte that could be a secret.
pub(crate) fn stars(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if is_end(*byte) { *byte } else { b'*' }).collect()
}

/// Bytes as they may be shown: a star for each byte of a secret, but not for the quotes around it, so that what is typed and
/// what is answered look the same.
pub(crate) fn shown(marked: Marked<'_>) -> Vec<u8> {
    let mut shown = vec![b'*'; marked.bytes().len()];
    reveal(marked, Some, &mut shown);
    shown
}

/// Whether it ends a line. None of these is ever a secret.
pub(crate) fn is_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Where the bytes of a line are in what was typed, if it ends with them; NULs mean nothing.
fn places(typed: &[u8], line: &[u8]) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = (0..typed.len()).filter(|at| typed.get(*at) != Some(&0)).collect();
    let first = places.len().checked_sub(line.len())?;
    places.drain(..first);
    let same = places.iter().zip(line).all(|(at, byte)| typed.get(*at) == Some(byte));
    same.then_some(places)
}

/// Puts what is no secret to its place.
fn reveal(marked: Marked<'_>, place: impl Fn(usize) -> Option<usize>, shown: &mut [u8]) {
    let bytes = marked.bytes();
    let secrets: Vec<Range<usize>> = joined(marked).into_iter().map(|secret| within_quotes(bytes, secret)).collect();
    for (index, byte) in bytes.iter().enumerate() {
        if !secrets.iter().any(|secret| secret.contains(&index))
            && let Some(to) = place(index).and_then(|at| shown.get_mut(at))
        {
            *to = *byte;
        }
    }
}

/// The secrets of these bytes; those that touch are one.
pub(crate) fn joined(marked: Marked<'_>) -> Vec<Range<usize>> {
    let mut secrets: Vec<Range<usize>> = Vec::new();
    for secret in marked.secrets() {
        match secrets.last_mut() {
            Some(last) if last.end == secret.start => last.end = secret.end,
            _ => secrets.push(secret),
        }
    }
    secrets
}

/// A secret without the quotes that it was typed in.
fn within_quotes(bytes: &[u8], secret: Range<usize>) -> Range<usize> {
    match bytes.get(secret.clone()) {
        Some([b'"', .., b'"']) => secret.start + 1..secret.end - 1,
        _ => secret,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quasimodem_core::{Effect, Host, Imei, Input, Instant, Modem, Note, Outbox, Settings};

    use super::*;

    /// What is shown of these chunks, piece by piece.
    fn shown_of(chunks: &[&[u8]]) -> Vec<(What, String)> {
        let mut modem = Modem::new(Settings::default().into(), Imei::default());
        let (mut out, mut typed, mut all) = (Outbox::default(), Typed::default(), Vec::new());
        modem.handle(Instant::START, Input::Host(Host::Attached), &mut out);
        for chunk in chunks {
            out.clear();
            modem.handle(Instant::START, Input::Serial(chunk), &mut out);
            typed.push(chunk);
            for effect in out.effects() {
                match effect {
                    Effect::Note(Note::Typed(line)) => typed.line(line),
                    Effect::Note(Note::Data { size, behind, secret }) => typed.data(size, behind, secret),
                    _ => {}
                }
            }
            typed.take(|what, shown| all.push((what, String::from_utf8_lossy(shown).into_owned())));
        }
        typed.give_up();
        typed.take(|what, shown| all.push((what, String::from_utf8_lossy(shown).into_owned())));
        all
    }

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        shown_of(chunks).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn lines_are_shown_but_for_their_secrets() {
        assert_eq!(lines(&[b"AT+CS", b"Q\r", b"AT\r\nAT+CGMM\n"]), ["AT+CSQ\r", "AT\r\n", "AT+CGMM\n"]);
        assert_eq!(
            lines(&[b"AT+MQTTUSER=1,\"me\",\"same\",\"same\"\r", b"\0AT\0+CSQ\r"]),
            ["AT+MQTTUSER=1,\"me\",\"****\",\"same\"\r", "*AT*+CSQ\r"]
        );
        assert_eq!(lines(&[b"AT+CSQ\r", b"A/AT\r", b"a/"]), ["AT+CSQ\r", "A/", "AT\r", "a/"]);
    }

    #[test]
    fn what_nothing_judges_is_hidden() {
        assert_eq!(lines(&[b"hunter2\r", b"xAT+CSQ\r"]), ["*******\r", "*AT+CSQ\r"]);
        assert_eq!(lines(&[b"AT+CX\x08SQ\r", b"AT\r"]), ["********\r", "AT\r"]);
        assert_eq!(lines(&[b"AT+MQTTUSER=1,\"me\",\"hun"]), ["*".repeat(23)]);
        let long = [b"AT+MQTTUSER=1,".as_slice(), &[b'x'; 5000], b"\rAT\r"].concat();
        let shown = lines(&[&long]);
        assert!(
            shown.iter().map(String::len).sum::<usize>() == long.len() && !shown.concat().contains('x'),
            "{shown:?}"
        );
    }

    #[test]
    fn raw_data_is_shown_unless_it_is_a_key() {
        assert_eq!(
            shown_of(&[b"AT+MQTTPUB=1,\"t\",0,0,4\r"]),
            [(What::Line, "AT+MQTTPUB=1,\"t\",0,0,4\r".into())],
            "no client is connected, so that no data is due"
        );
        let will = b"AT+MQTTWILL=1,\"t\",0,0,4\r\n";
        assert_eq!(
            shown_of(&[will, b"ab", b"cdAT+CSQ\r"]),
            [
                (What::Line, "AT+MQTTWILL=1,\"t\",0,0,4\r\n".into()),
                (What::Data, "ab".into()),
                (What::Data, "cd".into()),
                (What::Line, "AT+CSQ\r".into())
            ]
        );
        let shown = shown_of(&[b"AT+GTSSLFILE=\"KEYFILE\",6\r", b"\nAT\r", b"xyzAT\r"]);
        let shown: Vec<_> = shown.iter().map(|(what, text)| (*what, text.as_str())).collect();
        assert_eq!(
            shown,
            [
                (What::Line, "AT+GTSSLFILE=\"KEYFILE\",6\r"),
                (What::Line, "\n"),
                (What::Data, "***"),
                (What::Data, "***"),
                (What::Line, "AT\r")
            ]
        );
    }

    proptest! {
        /// Nothing is lost, whatever is typed in whatever pieces, and a password never shows.
        #[test]
        fn lengths_stay(cuts in prop::collection::vec(1usize..60, 0..20), noise in "[ -~\r\n\\x08\0]{0,20}") {
            let all = format!(
                "{noise}\rAT+MQTTUSER=1,\"u\",\"hunter2\"\r\nAT+GTSSLFILE=\"KEYFILE\",9\r\nhunter2\r\nAT+CSQ\r{noise}"
            );
            let (mut rest, mut chunks) = (all.as_bytes(), Vec::new());
            for cut in cuts {
                let (chunk, behind) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            chunks.push(rest);
            let shown = lines(&chunks).concat();
            prop_assert_eq!(shown.len(), all.len());
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
    }
}
