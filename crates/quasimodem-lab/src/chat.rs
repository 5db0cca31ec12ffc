//! Conversations written down: what a host types, and what it must be answered. They end at the first thing that is
//! otherwise. (A [`script`](crate::script) goes on, since its host lives in a world of faults.)
//!
//! | line | means |
//! |---|---|
//! | `# words` | nothing, like a blank line |
//! | `> AT+CSQ` | types the line; it must be answered with `OK` |
//! | `! ERROR` | after `>`: this final result must come in place of `OK` |
//! | `>> data` | after `>`: types the data once the modem asks for it, which it must |
//! | `< +CSQ: $signal,99` | this line must have come since the beginning, or come now; each line counts once |
//! | `within 10000ms` | how long each of the above may take from here on; 10 s at first |
//!
//! A line is taken as it is, with the blanks at its end, and begins with its sign and one space; lines end with LF or CR LF.
//! What can't be read is a [`Mistake`], also a text that types and expects nothing.
//!
//! `$name` stands for a text: in `<` a name that is new takes what stands in its place, up to the character behind it;
//! elsewhere it is put in. `$$` is a dollar sign. Names may also be given from outside.
//!
//! ```
//! use quasimodem_core::Instant;
//! use quasimodem_lab::chat::Chat;
//! use quasimodem_lab::script::Input;
//!
//! let mut chat = Chat::parse("> AT+CGSN\n< $imei\n> AT+MQTTUSER=1,\"\",\"\",\"$imei\"\n", &[])?;
//! let mut typed = Vec::new();
//! chat.handle(Instant::START, Input::Tick, &mut typed);
//! chat.handle(Instant::START, Input::Bytes(b"AT+CGSN\r\n001\r\n\r\nOK\r\n"), &mut typed);
//! assert_eq!(typed, b"AT+CGSN\rAT+MQTTUSER=1,\"\",\"\",\"001\"\r");
//! chat.handle(Instant::START, Input::Bytes(b"\r\nERROR\r\n"), &mut typed);
//! assert_eq!(chat.outcome().unwrap().unwrap_err().to_string(), "line 3: expected OK, got ERROR after 0 ms");
//! # Ok::<(), quasimodem_lab::chat::Mistake>(())
//! ```

mod text;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use quasimodem_core::{COMMANDS, Instant};

use self::text::{Template, is_final};
use crate::script::Input;

/// A conversation at work. It begins with the first call of [`handle`](Self::handle).
pub struct Chat {
    steps: Vec<Step>,
    at: usize,
    wait: Wait,
    names: Names,
    /// When the step at hand began.
    begun: Instant,
    /// The line that is being read.
    line: Vec<u8>,
    /// It is longer than [`LINE_MAX`].
    is_long: bool,
    /// Lines that no step has used, with their numbers.
    unread: VecDeque<(u64, Box<[u8]>)>,
    /// Lines that came in all, and before the step at hand.
    lines: u64,
    lines_before: u64,
    outcome: Option<Result<(), Failure>>,
}

/// A line that is no line of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Which one, from 1.
    pub line: usize,
    /// What is wrong.
    pub words: Box<str>,
}

/// What was otherwise than written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The line of the text, from 1.
    pub line: usize,
    /// What was expected, and what came.
    pub words: Box<str>,
}

struct Step {
    /// In the text, from 1.
    line: usize,
    within: Duration,
    what: What,
}

enum What {
    Command { line: Template, data: Option<Template>, due: Option<Box<str>> },
    Expect(Template),
}

enum Wait {
    Nothing,
    Final { until: Instant, echo: Vec<u8> },
    Prompt { until: Instant, echo: Vec<u8> },
    Line { until: Instant },
}

/// What names stand for.
type Names = BTreeMap<Box<str>, Box<[u8]>>;

/// The final result of a command for which no other is written.
const OK: &str = "OK";

/// Bytes of a line at most: a longer one is nothing that is expected. Lines that are kept; the oldest goes first.
const LINE_MAX: usize = 8192;
const LINES_MAX: usize = 256;

/// Lines and characters of one that are shown when another was expected.
const SHOWN: usize = 5;
const SHOWN_LENGTH: usize = 200;

impl Chat {
    /// Reads a conversation. These names are known from the start.
    pub fn parse(text: &str, given: &[(&str, &[u8])]) -> Result<Chat, Mistake> {
        let names: Names = given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let steps = text::steps(text, names.keys().cloned().collect())?;
        Ok(Chat {
            steps,
            at: 0,
            wait: Wait::Nothing,
            names,
            begun: Instant::START,
            line: Vec::new(),
            is_long: false,
            unread: VecDeque::new(),
            lines: 0,
            lines_before: 0,
            outcome: None,
        })
    }

    /// Takes an input in, and goes on as far as it leads; what is typed is put behind `out`.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<u8>) {
        match input {
            Input::Bytes(bytes) => {
                for &byte in bytes {
                    self.byte(now, byte, out);
                }
            }
            Input::Reopened => {
                self.line.clear();
                self.is_long = false;
            }
            Input::Tick => {}
        }
        self.go_on(now, out);
    }

    /// When to call [`handle`](Self::handle) if nothing comes before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.wait {
            Wait::Final { until, .. } | Wait::Prompt { until, .. } | Wait::Line { until } => Some(until),
            Wait::Nothing => None,
        }
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Result<(), &Failure>> {
        self.outcome.as_ref().map(|outcome| outcome.as_ref().copied())
    }

    /// The line of the text that it is at, from 1.
    pub fn at_line(&self) -> usize {
        self.steps.get(self.at).or(self.steps.last()).map_or(0, |step| step.line)
    }

    fn byte(&mut self, now: Instant, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.line);
                let is_long = std::mem::take(&mut self.is_long);
                if !line.is_empty() && !is_long {
                    self.line(now, &line, out);
                    self.go_on(now, out);
                }
            }
            _ if self.line.len() < LINE_MAX => self.line.push(byte),
            _ => self.is_long = true,
        }
    }

    fn line(&mut self, now: Instant, line: &[u8], out: &mut Vec<u8>) {
        match &self.wait {
            Wait::Final { echo, .. } | Wait::Prompt { echo, .. } if line == echo => return,
            Wait::Prompt { until, .. } if line == PROMPT => {
                let (until, echo) = (*until, Vec::new());
                if let Some(Step { what: What::Command { data: Some(data), .. }, .. }) = self.steps.get(self.at) {
                    out.extend(data.fill(&self.names));
                }
                self.wait = Wait::Final { until, echo };
                return;
            }
            Wait::Final { .. } | Wait::Prompt { .. } => {}
            Wait::Nothing | Wait::Line { .. } => return self.keep(line),
        }
        let said = String::from_utf8_lossy(line);
        if !is_final(&said) {
            return self.keep(line);
        }
        let prompt = matches!(self.wait, Wait::Prompt { .. });
        match self.steps.get(self.at).map(|step| &step.what) {
            // Its data was never typed, whatever the result.
            Some(What::Command { .. }) if prompt => self.differs(now, "the prompt >", &said),
            Some(What::Command { due, .. }) if due.as_deref().unwrap_or(OK) != said => {
                let due = due.as_deref().unwrap_or(OK).to_owned();
                self.differs(now, &due, &said);
            }
            _ => self.next(),
        }
    }

    fn keep(&mut self, line: &[u8]) {
        if self.unread.len() == LINES_MAX {
            self.unread.pop_front();
        }
        self.unread.push_back((self.lines, line.into()));
        self.lines += 1;
    }

    fn go_on(&mut self, now: Instant, out: &mut Vec<u8>) {
        while self.outcome.is_none() {
            let Some(step) = self.steps.get(self.at) else {
                self.outcome = Some(Ok(()));
                return;
            };
            let until = now + step.within;
            match (&step.what, &self.wait) {
                (What::Command { line, data, .. }, Wait::Nothing) => {
                    let echo = line.fill(&self.names);
                    out.extend_from_slice(&echo);
                    out.push(b'\r');
                    let prompt = data.is_some();
                    self.wait = if prompt { Wait::Prompt { until, echo } } else { Wait::Final { until, echo } };
                    self.begin(now);
                }
                (What::Expect(due), wait) => {
                    let found = self
                        .unread
                        .iter()
                        .enumerate()
                        .find_map(|(place, (_, line))| due.matches(line, &self.names).map(|names| (place, names)));
                    match (found, wait) {
                        (Some((place, names)), _) => {
                            self.unread.remove(place);
                            self.names.extend(names);
                            self.next();
                        }
                        (None, Wait::Line { until }) if *until <= now => {
                            let words = without_secrets(&due.words());
                            // It may have come at any time.
                            self.missing(now, &words, 0);
                        }
                        (None, Wait::Nothing) => {
                            self.wait = Wait::Line { until };
                            self.begin(now);
                        }
                        (None, _) => return,
                    }
                }
                (What::Command { .. }, Wait::Prompt { until, .. }) if *until <= now => {
                    self.missing(now, "the prompt >", self.lines_before);
                }
                (What::Command { due, .. }, Wait::Final { until, .. }) if *until <= now => {
                    let due = due.as_deref().unwrap_or(OK).to_owned();
                    self.missing(now, &due, self.lines_before);
                }
                (What::Command { .. }, _) => return,
            }
        }
    }

    fn begin(&mut self, now: Instant) {
        self.begun = now;
        self.lines_before = self.lines;
    }

    fn next(&mut self) {
        self.wait = Wait::Nothing;
        self.at += 1;
    }

    /// Another final result came than was due.
    fn differs(&mut self, now: Instant, due: &str, said: &str) {
        let waited = now.since(self.begun).as_millis();
        self.fail(format!("expected {due}, got {said} after {waited} ms"));
    }

    /// What was due did not come; lines from this number on came instead.
    fn missing(&mut self, now: Instant, due: &str, from: u64) {
        // A clock that rounds up is no part of it.
        let step = self.steps.get(self.at);
        let waited = step.map_or_else(|| now.since(self.begun), |step| step.within).as_millis();
        let came: Vec<&[u8]> =
            self.unread.iter().filter(|(number, _)| *number >= from).map(|(_, line)| &**line).collect();
        let (earlier, last) = came.split_at(came.len().saturating_sub(SHOWN));
        let last: Vec<String> = last.iter().map(|line| shown(line)).collect();
        let instead = match (earlier.len(), last.as_slice()) {
            (_, []) => "nothing came".into(),
            (0, last) => format!("what came instead: {}", last.join(", ")),
            (count, last) => format!("what came instead: {count} lines, then {}", last.join(", ")),
        };
        let half = match self.line.as_slice() {
            [] => String::new(),
            line => format!(", and {} without its end", shown(line)),
        };
        let prompt = if last.iter().any(|line| line == "\"> \"") {
            "; data for the prompt is written as >> after its command"
        } else {
            ""
        };
        self.fail(format!("{due} did not come within {waited} ms; {instead}{half}{prompt}"));
    }

    fn fail(&mut self, words: String) {
        self.outcome = Some(Err(Failure { line: self.at_line(), words: words.into() }));
        self.wait = Wait::Nothing;
    }
}

/// A line in quotes, so that blanks at its ends show.
fn shown(line: &[u8]) -> String {
    let line = without_secrets(&String::from_utf8_lossy(line));
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{:?}…", line.get(..end).unwrap_or_default()),
        None => format!("{line:?}"),
    }
}

/// A line up to the name of a command that sets or prints secrets: behind it there may be one.
fn without_secrets(line: &str) -> String {
    let capitals = line.to_ascii_uppercase();
    let names = COMMANDS.iter().filter(|row| row.has_secret()).map(|row| row.name);
    let first = names.filter_map(|name| Some(capitals.find(name)? + name.len())).min();
    match first.and_then(|end| line.split_at_checked(end)) {
        Some((shown, hidden)) => format!("{shown}{}", "*".repeat(hidden.chars().count())),
        None => line.to_owned(),
    }
}

/// What asks for data.
const PROMPT: &[u8] = b"> ";

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.words)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.words)
    }
}

impl std::error::Error for Mistake {}
impl std::error::Error for Failure {}
