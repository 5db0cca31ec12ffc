//! Reads a file of events, as far as it is one.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

/// Events as they were written, and what is wrong with the rest.
pub(super) struct Recording {
    /// Each a JSON object, in the order of the file.
    events: Vec<String>,
    complaints: Vec<String>,
    /// Complaints beyond those that are kept.
    more: usize,
    bytes: usize,
    is_ended: bool,
}

/// Events of a page at most: browsers draw no surface that is much higher.
const EVENTS_MAX: usize = 100_000;
/// Bytes of a page at most, for the browser's sake.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of a line at most; an event is far shorter.
const LINE_MAX: usize = 1024 * 1024;
/// Complaints that are kept; of the others, the number.
const COMPLAINTS_MAX: usize = 20;

/// What a line has to be.
const EXPECTED: &str = "expected an event: a line of JSON with \"event\", \"seq\" and \"t\"";

impl Recording {
    /// Reads all that can be read.
    pub(super) fn read(name: &str, file: impl Read) -> Recording {
        let mut recording =
            Recording { events: Vec::new(), complaints: Vec::new(), more: 0, bytes: 0, is_ended: false };
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            number += 1;
            let is_whole = match take_line(&mut file, &mut line) {
                Ok(None) => break,
                Ok(Some(is_whole)) => is_whole,
                Err(error) => {
                    recording.complain(format!("{name}:{number}: can't read on: {error}"));
                    break;
                }
            };
            match recording.take(&line) {
                Ok(()) => {}
                Err(Bad::Full) => {
                    recording.complain(format!(
                        "{name}:{number}: the rest is left out; a page has up to {EVENTS_MAX} events and {} MiB",
                        BYTES_MAX / 1024 / 1024
                    ));
                    return recording;
                }
                Err(Bad::SecondRun) => {
                    recording.complain(format!(
                        "{name}:{number}: another run begins, and is left out; expected the events of one run"
                    ));
                    return recording;
                }
                Err(Bad::Line(_)) if !is_whole => {
                    recording.complain(format!("{name}:{number}: the line is cut off; {EXPECTED}"));
                }
                Err(Bad::Line(why)) => recording.complain(format!("{name}:{number}: {why}; {EXPECTED}")),
            }
        }
        if !recording.is_ended && !recording.events.is_empty() {
            recording.complain(format!(
                "{name}:{}: ends without run.end, the last event: the run goes on, or was cut off",
                number - 1
            ));
        }
        recording
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, each a JSON object.
    pub(super) fn events(&self) -> &[String] {
        &self.events
    }

    /// What is wrong with the file, with its lines.
    pub(super) fn complaints(&self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.complaints.iter().cloned().chain(more)
    }

    fn complain(&mut self, words: String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(words);
        } else {
            self.more += 1;
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Bad> {
        let bad = |why: &str| Bad::Line(why.into());
        if line.len() > LINE_MAX {
            return Err(Bad::Line(format!("the line has more than {LINE_MAX} bytes")));
        }
        let text = str::from_utf8(line).map_err(|_| bad("this is no text in UTF-8"))?.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let event: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| Bad::Line(format!("no JSON object at column {}", error.column())))?;
        let name = match event.get("event") {
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(_) => return Err(bad("\"event\" is no name")),
            None => return Err(bad("\"event\" is missing")),
        };
        if !event.get("seq").is_some_and(Value::is_u64) {
            return Err(bad("\"seq\" is no whole number"));
        }
        if !event.get("t").and_then(Value::as_f64).is_some_and(|t| t >= 0.0) {
            return Err(bad("\"t\" is no number of seconds"));
        }
        if event.get("modem").is_some_and(|modem| !modem.is_string()) {
            return Err(bad("\"modem\" is no name"));
        }
        if name == "run.ready" && !self.events.is_empty() {
            return Err(Bad::SecondRun);
        }
        if self.events.len() == EVENTS_MAX || self.bytes + text.len() > BYTES_MAX {
            return Err(Bad::Full);
        }
        self.is_ended = name == "run.end";
        self.bytes += text.len();
        self.events.push(text.to_owned());
        Ok(())
    }
}

/// Why a line is not taken.
enum Bad {
    Line(String),
    SecondRun,
    Full,
}

/// Reads a line without its end, of what is too long only the beginning, and whether it has an end; `None` behind the last.
fn take_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut is_begun = false;
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(is_begun.then_some(false));
        }
        is_begun = true;
        let (text, used, ends) = match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&piece[..end], end + 1, true),
            None => (piece, piece.len(), false),
        };
        let room = (LINE_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&text[..text.len().min(room)]);
        file.consume(used);
        if ends {
            return Ok(Some(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = r#"{"event":"run.ready","seq":1,"t":0.0}"#;
    const END: &str = r#"{"event":"run.end","seq":9,"t":1.5}"#;

    fn read(text: &[u8]) -> (usize, Vec<String>) {
        let recording = Recording::read("run.json", text);
        (recording.events().len(), recording.complaints().collect())
    }

    #[test]
    fn what_can_be_read_is_used_and_the_rest_is_told_by_its_line() {
        for (line, why) in [
            ("Traceback", "no JSON object at column 1"),
            ("[1]", "no JSON object at column"),
            (r#"{"seq":2,"t":0}"#, "\"event\" is missing"),
            (r#"{"event":"","seq":2,"t":0}"#, "\"event\" is no name"),
            (r#"{"event":"note","seq":-2,"t":0}"#, "\"seq\" is no whole number"),
            (r#"{"event":"note","seq":2,"t":"0"}"#, "\"t\" is no number of seconds"),
            (r#"{"event":"note","seq":2,"t":-1}"#, "\"t\" is no number of seconds"),
            (r#"{"event":"note","seq":2,"t":0,"modem":1}"#, "\"modem\" is no name"),
            (r#"{"event":"note","seq":2,"t":0,"text":"\ud800"}"#, "no JSON object at column"),
        ] {
            let (events, complaints) = read(format!("{READY}\n{line}\n{END}\n").as_bytes());
            assert_eq!(events, 2, "{line}");
            let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
            assert!(complaint.starts_with("run.json:2: ") && complaint.contains(why), "{complaint}");
            assert!(complaint.ends_with(EXPECTED), "{complaint}");
        }
        let (events, complaints) = read(&[READY.as_bytes(), b"\n\xff\n", END.as_bytes()].concat());
        assert_eq!((events, complaints), (2, vec![format!("run.json:2: this is no text in UTF-8; {EXPECTED}")]));
    }

    #[test]
    fn a_run_that_was_cut_off() {
        let (events, complaints) = read(format!("{READY}\n\n{{\"event\":\"no").as_bytes());
        let ends = "run.json:3: ends without run.end, the last event: the run goes on, or was cut off";
        assert_eq!(
            (events, complaints),
            (1, vec![format!("run.json:3: the line is cut off; {EXPECTED}"), ends.into()])
        );
        // Only the line's end is missing.
        assert_eq!(read(format!("{READY}\n{END}").as_bytes()), (2, vec![]));
        assert_eq!(read(b""), (0, vec![]));
    }

    #[test]
    fn a_second_run_is_left_out() {
        let (events, complaints) = read(format!("{READY}\n{END}\n{READY}\n{END}\n").as_bytes());
        assert_eq!(events, 2);
        assert!(complaints[0].starts_with("run.json:3: another run begins"), "{complaints:?}");
    }

    #[test]
    fn no_file_is_too_large() {
        let long = format!("{READY}\n{}\n{END}\n", "x".repeat(3 * LINE_MAX));
        let (events, complaints) = read(long.as_bytes());
        assert_eq!(events, 2);
        assert!(complaints[0].starts_with("run.json:2: the line has more than"), "{complaints:?}");

        let many = format!("{END}\n").repeat(EVENTS_MAX + 2);
        let (events, complaints) = read(many.as_bytes());
        assert_eq!((events, complaints.len()), (EVENTS_MAX, 1));
        assert!(complaints[0].starts_with("run.json:100001: the rest is left out"), "{complaints:?}");

        let (_, complaints) = read("x\n".repeat(100).as_bytes());
        assert_eq!((complaints.len(), complaints[COMPLAINTS_MAX].as_str()), (COMPLAINTS_MAX + 1, "and 80 more"));
    }
}
