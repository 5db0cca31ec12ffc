//! What a log says that was typed and answered.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::terminal;
use crate::lab::ModemConfig;
use crate::output::{self, Kind, PROMPT, Reader};
use crate::transcript::{self, Header};

/// What a host typed, and what it was answered.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// What the modem said before the first line was typed.
    pub(super) greeting: Vec<Said>,
    /// Each line that was typed, with what came before the next.
    pub(super) turns: Vec<Turn>,
    header: Header,
}

/// Something that was typed, and what came then.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// The line of the log, from 1.
    pub(super) line: usize,
    /// When, since some moment; `None`: the log does not say.
    pub(super) at: Option<Duration>,
    pub(super) typed: Typed,
    pub(super) said: Vec<Said>,
}

/// What was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Typed {
    /// A line, without its end.
    Line(Vec<u8>),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// So many bytes that the log does not tell.
    Unknown(usize),
}

/// A line that the modem said; a prompt is `>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    /// The line of the log, from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// Why a log can't be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLog {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub words: String,
}

impl Log {
    /// Reads a log of any kind: events as `--events` writes them, a transcript as `--trace FILE.at` writes it, or a terminal's,
    /// with TX and RX or arrows in front of its lines. Of events of several modems, those of the one that is named.
    ///
    /// # Errors
    ///
    /// It is none of these, or has a line that can't be read.
    pub fn read(text: &str, modem: Option<&str>) -> Result<Log, BadLog> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let mut writer = Writer::default();
        match first {
            Some(line) if line.starts_with('{') => writer.events(text, modem)?,
            Some(line) if transcript::is_header_line(line) || has_network(text) => writer.transcript(text)?,
            _ => terminal::read(text, &mut writer)?,
        }
        if writer.log.turns.is_empty() {
            return Err(BadLog {
                line: text.lines().count().max(1),
                words: "the log ends, and nothing was typed".into(),
            });
        }
        Ok(writer.log)
    }

    /// How the log says that its modem is set up: a transcript does, others say nothing.
    pub fn config(&self) -> ModemConfig {
        ModemConfig { settings: self.header.settings.clone(), imei: self.header.imei, ..ModemConfig::default() }
    }

    /// All that the modem said.
    pub(super) fn said(&self) -> impl Iterator<Item = &Said> {
        self.greeting.iter().chain(self.turns.iter().flat_map(|turn| &turn.said))
    }
}

/// Puts a log together.
#[derive(Default)]
pub(super) struct Writer {
    log: Log,
    reader: Reader,
    /// When the next line is typed.
    at: Option<Duration>,
}

impl Writer {
    pub(super) fn set_time(&mut self, at: Option<Duration>) {
        self.at = at.map(|at| at.min(YEAR)).or(self.at);
    }

    /// The host typed this. What it types after a prompt is data.
    pub(super) fn typed_text(&mut self, line: usize, text: &str) {
        let is_data = self.last_said().is_some_and(|said| said.text == ">");
        let bytes = text.as_bytes().to_vec();
        self.typed(line, if is_data { Typed::Bytes(bytes) } else { Typed::Line(bytes) });
    }

    fn typed(&mut self, line: usize, typed: Typed) {
        // A prompt has no line end, so what was half said then was one.
        self.flush(line);
        self.log.turns.push(Turn { line, at: self.at, typed, said: Vec::new() });
    }

    /// The modem wrote these bytes.
    pub(super) fn said_bytes(&mut self, line: usize, mut bytes: &[u8]) {
        while let Some(text) = self.reader.line(&mut bytes) {
            let text = String::from_utf8_lossy(&text).into_owned();
            self.said(line, text);
        }
        if self.reader.half() == PROMPT {
            self.flush(line);
        }
    }

    /// Whatever is half read is a line.
    pub(super) fn flush(&mut self, line: usize) {
        let half = String::from_utf8_lossy(self.reader.half()).into_owned();
        self.reader.clear();
        if !half.trim().is_empty() {
            self.said(line, half);
        }
    }

    fn said(&mut self, line: usize, text: String) {
        let typed = match self.log.turns.last().map(|turn| &turn.typed) {
            Some(Typed::Line(typed)) => Some(typed.as_slice()),
            _ => None,
        };
        // An echo may begin where the line's junk ends, and end in blanks.
        let kind = output::kind(text.trim_end().as_bytes(), typed.map(<[u8]>::trim_ascii_end));
        let text = match kind {
            Kind::Echo => return,
            Kind::Prompt => ">".into(),
            Kind::Final | Kind::Other if text.trim() == ">" => ">".into(),
            Kind::Final | Kind::Other => text,
        };
        let said = Said { line, text };
        match self.log.turns.last_mut() {
            Some(turn) => turn.said.push(said),
            None => self.log.greeting.push(said),
        }
    }

    fn last_said(&self) -> Option<&Said> {
        match self.log.turns.last() {
            Some(turn) => turn.said.last(),
            None => self.log.greeting.last(),
        }
    }

    fn events(&mut self, text: &str, modem: Option<&str>) -> Result<(), BadLog> {
        let mut chosen = modem.map(str::to_owned);
        let has_raw = text.contains("\"host.raw\"");
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let bad = |words: String| BadLog { line: number, words };
            if line.trim().is_empty() {
                continue;
            }
            let event: Value = serde_json::from_str(line).map_err(|error| {
                bad(format!("no JSON at column {}; expected an event, as --events writes it", error.column()))
            })?;
            let name = event["event"].as_str().ok_or_else(|| bad("\"event\" is missing; expected an event".into()))?;
            // Before there was an event for it, a note told of raw data.
            let note =
                if name == "note" && !has_raw { raw_of_note(event["text"].as_str().unwrap_or_default()) } else { None };
            if !name.starts_with("host.") && !name.starts_with("at.") && note.is_none() {
                continue;
            }
            let of = event["modem"].as_str().unwrap_or_default();
            match &chosen {
                None => chosen = Some(of.into()),
                Some(chosen) if chosen == of => {}
                Some(_) if modem.is_some() => continue,
                Some(chosen) => {
                    return Err(bad(format!(
                        "this is of {of:?}, others are of {chosen:?}; expected one modem, or its name"
                    )));
                }
            }
            self.set_time(event["t"].as_f64().and_then(|t| Duration::try_from_secs_f64(t).ok()));
            let text = event["text"].as_str().unwrap_or_default();
            match name {
                "host.typed" => self.typed(number, Typed::Line(unmasked(text).into_bytes())),
                "host.raw" => {
                    let size = event["size"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
                    self.typed(number, Typed::Unknown(size.min(RAW_MAX)));
                }
                "note" => self.typed(number, Typed::Unknown(note.unwrap_or_default().min(RAW_MAX))),
                "at.prompt" => self.said(number, ">".into()),
                "at.info" | "at.final" | "at.urc" => text.lines().for_each(|line| self.said(number, line.into())),
                _ => {}
            }
        }
        Ok(())
    }

    fn transcript(&mut self, text: &str) -> Result<(), BadLog> {
        let mut now = Duration::ZERO;
        let mut is_header = true;
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            let bad = |words| BadLog { line: number, words };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            is_header = is_header && self.log.header.line(line).map_err(bad)?;
            if is_header {
                continue;
            }
            self.set_time(Some(now));
            let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
            match sign {
                ">" => self.typed(number, Typed::Line(rest.into())),
                ">>" => {
                    let bytes = transcript::unescape(rest).map_err(bad)?;
                    match bytes.strip_suffix(b"\r") {
                        Some(line) if self.last_said().is_none_or(|said| said.text != ">") => {
                            self.typed(number, Typed::Line(line.into()));
                        }
                        _ => self.typed(number, Typed::Bytes(bytes)),
                    }
                }
                "<" => rest.lines().for_each(|line| self.said(number, line.into())),
                "<<" => self.said_bytes(number, &transcript::unescape(rest).map_err(bad)?),
                "@" | "wait" | "late" => now = now.saturating_add(transcript::duration(rest).map_err(bad)?),
                // What the network did is the lab's affair.
                "~" | "!" | "?" | "tick" | "echo" => {}
                _ => return Err(bad(format!("no line of a transcript begins with {sign:?}"))),
            }
        }
        Ok(())
    }
}

/// Whether some line can only be one of a transcript.
fn has_network(text: &str) -> bool {
    text.lines().any(|line| ["~ ", "! ", "@ "].iter().any(|sign| line.starts_with(sign)))
}

/// No log is longer: all that comes later comes then.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Bytes of raw data at most: more than any command takes.
const RAW_MAX: usize = 8192;

/// `took 5 bytes of raw data`, `took 5 secret bytes of raw data`.
fn raw_of_note(words: &str) -> Option<usize> {
    let size = words.strip_prefix("took ")?.strip_suffix("bytes of raw data")?;
    size.trim_end().trim_end_matches("secret").trim_end().parse().ok()
}

/// With words in the place of secrets that events do not tell.
fn unmasked(text: &str) -> String {
    text.replace(['‹', '›'], "\"")
}

impl fmt::Display for BadLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}

impl std::error::Error for BadLog {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns in short: what was typed, and what came.
    fn turns(text: &str, modem: Option<&str>) -> Vec<String> {
        let log = Log::read(text, modem).unwrap();
        let said = |said: &[Said]| said.iter().map(|said| said.text.clone()).collect::<Vec<_>>().join(" | ");
        let mut turns = vec![said(&log.greeting)];
        turns.extend(log.turns.iter().map(|turn| {
            let typed = match &turn.typed {
                Typed::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Typed::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
                Typed::Unknown(size) => format!("{size} bytes"),
            };
            format!("{typed} -> {}", said(&turn.said))
        }));
        turns
    }

    #[test]
    fn terminal_logs_of_many_kinds_are_the_same() {
        let due = [
            "+SIM READY",
            "AT+CSQ -> +CSQ: 24,99 | OK",
            "AT+MQTTPUB=1,\"t\",1,0,3 -> >",
            "\"a b\" -> OK | +MQTTPUB: 1,1",
        ];
        for text in [
            // Without times or echo.
            "RX: +SIM READY\nTX: AT+CSQ\nRX: +CSQ: 24,99\nRX: OK\nTX: AT+MQTTPUB=1,\"t\",1,0,3\nRX: >\nTX: a b\nRX: OK\nRX: +MQTTPUB: 1,1\n",
            // With both, in brackets.
            "[06:51:20.100] RX +SIM READY\n[06:51:21.000] TX AT+CSQ\r\n[06:51:21.002] RX AT+CSQ\n[06:51:21.003] RX +CSQ: 24,99\n\
             [06:51:21.003] RX \n[06:51:21.004] RX OK\n[06:51:22] TX AT+MQTTPUB=1,\"t\",1,0,3\n[06:51:22] RX AT+MQTTPUB=1,\"t\",1,0,3\n\
             [06:51:22] RX > \n[06:51:22] TX a b\n[06:51:23] RX OK\n[06:51:23] RX +MQTTPUB: 1,1\n",
            // Arrows, dates, line ends written out, several lines in one.
            "# a heading\n2026-07-20 06:51:20,100 <- \\r\\n+SIM READY\\r\\n\n2026-07-20 06:51:21,000 -> AT+CSQ\\r\n\
             2026-07-20 06:51:21,002 <- AT+CSQ\\r\\n+CSQ: 24,99\\r\\n\\r\\nOK\\r\\n\n\
             2026-07-20 06:51:22,000 -> AT+MQTTPUB=1,\"t\",1,0,3<CR><LF>\n2026-07-20 06:51:22,000 <- \\r\\n> \n\
             2026-07-20 06:51:22,500 -> a b\n2026-07-20 06:51:22,600 <- <CR><LF>OK<CR><LF><CR><LF>+MQTTPUB: 1,1<CR><LF>\n",
            // What Python prints, seconds in front, answers below their mark.
            "0.100 recv: b'\\r\\n+SIM READY\\r\\n'\n1.000 sent: b'AT+CSQ\\r'\n1.002 recv:\n+CSQ: 24,99\n\nOK\n1.500 sent: b'AT+MQTTPUB=1,\"t\",1,0,3\\r'\n\
             1.501 recv: b'\\r\\n> \\r\\n'\n1.502 sent: b'a b'\n1.600 recv: b'\\r\\nOK\\r\\n\\r\\n+MQTTPUB: 1,1\\r\\n'\n",
            ">> \"AT\"\n<< \"AT\"\n<< \"OK\"\n",
        ] {
            let turns = turns(text, None);
            if text.starts_with(">>") {
                assert_eq!(turns, ["", "AT -> OK"]);
            } else {
                assert_eq!(turns, due, "{text}");
            }
        }
        let log = Log::read("23:59:59.900 TX AT\n23:59:59.950 RX OK\n00:00:00.100 TX AT\n", None).unwrap();
        let times: Vec<_> = log.turns.iter().map(|turn| turn.at.unwrap()).collect();
        assert_eq!(times[1] - times[0], Duration::from_millis(200), "over midnight");
    }

    #[test]
    fn events_of_one_modem_are_read() {
        let text = r#"{"event":"run.ready","seq":1,"t":0.0}
{"event":"at.urc","seq":2,"t":0.5,"modem":"a","text":"+SIM READY"}
{"event":"host.typed","seq":3,"t":1.0,"modem":"a","line":1,"t0":0.9,"text":"AT+MQTTUSER=1,\"me\",‹secret 1›"}
{"event":"at.final","seq":4,"t":1.0,"modem":"a","line":1,"text":"OK"}
{"event":"host.typed","seq":5,"t":1.5,"modem":"b","line":1,"t0":1.5,"text":"AT"}
{"event":"at.echo","seq":6,"t":2.0,"modem":"a","line":2,"text":"AT+MQTTPUB"}
{"event":"host.typed","seq":7,"t":2.0,"modem":"a","line":2,"t0":2.0,"text":"AT+MQTTPUB=1,\"t\",1,0,5"}
{"event":"at.prompt","seq":8,"t":2.0,"modem":"a","line":2}
{"event":"host.raw","seq":9,"t":2.1,"modem":"a","line":2,"t0":2.0,"size":5,"declared":5}
{"event":"later.thing","seq":10,"t":2.1}
"#;
        let due =
            ["+SIM READY", "AT+MQTTUSER=1,\"me\",\"secret 1\" -> OK", "AT+MQTTPUB=1,\"t\",1,0,5 -> >", "5 bytes -> "];
        assert_eq!(turns(text, Some("a")), due);
        assert_eq!(turns(text, Some("b")), ["", "AT -> "]);
        let error = Log::read(text, None).unwrap_err();
        assert_eq!(error.to_string(), "5: this is of \"b\", others are of \"a\"; expected one modem, or its name");
    }

    #[test]
    fn a_transcript_brings_its_settings() {
        let text = "# One.\nmodel MC615 gap_ms 7\nattach later\n! host attached\n<< \\r\\n+SIM READY\\r\\n\nwait 100ms\n>> AT+CSQ\\r\n\
                    << AT+CSQ\\r\\n+CSQ: 31,99\\r\\n\\r\\nOK\\r\\n\n~ 1 close\n@ 5000ms\n> AT\n< OK\n";
        assert_eq!(turns(text, None), ["+SIM READY", "AT+CSQ -> +CSQ: 31,99 | OK", "AT -> OK"]);
        let log = Log::read(text, None).unwrap();
        assert_eq!((log.config().settings.model.name, log.turns[1].at), ("MC615", Some(Duration::from_millis(5100))));
    }

    #[test]
    fn what_is_no_log_is_refused_by_its_line() {
        for (text, words) in [
            ("", "1: the log ends, and nothing was typed"),
            ("RX: OK\n", "1: the log ends, and nothing was typed"),
            ("\nboot ok\n", "2: expected TX or RX in front (or -> and <-), a transcript (.at) or events"),
            ("{\"event\":\"run.ready\"}\n{]\n", "2: no JSON at column 2; expected an event, as --events writes it"),
            ("{\"a\":1}\n", "1: \"event\" is missing; expected an event"),
            ("> AT\n@ soon\n", "2: expected a time like 500ms, found \"soon\""),
            ("gap_ms x\n> AT\n", "1: gap_ms is \"x\""),
        ] {
            let error = Log::read(text, None).unwrap_err().to_string();
            assert!(error.starts_with(words), "{text:?}: {error}");
        }
    }
}
