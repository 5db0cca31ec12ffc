//! Conversations written down: what a host types, and what it must be answered. They end at the first thing that is
//! otherwise. (A [`script`](crate::script) goes on, since its host lives in a world of faults.)
//!
//! | line | means |
//! |---|---|
//! | `# words` | nothing, like an empty line |
//! | `> AT+CSQ` | types the line; it must be answered with `OK` |
//! | `! ERROR` | behind `>`: this final result must come in place of `OK` |
//! | `>> data` | behind `>`: types the data once the modem asks for it |
//! | `< +CSQ: $signal,99` | this line must have come since the beginning, or come now; each line counts once |
//! | `within 10000ms` | how long each of the above may take from here on; 10 s at first |
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
//! assert_eq!(chat.outcome().unwrap().unwrap_err().to_string(), "line 3: expected OK, got ERROR");
//! # Ok::<(), quasimodem_lab::chat::Mistake>(())
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use quasimodem_core::Instant;

use crate::script::Input;

/// A conversation at work. It begins with the first call of [`handle`](Self::handle).
pub struct Chat {
    steps: Vec<Step>,
    at: usize,
    wait: Wait,
    names: Names,
    /// The line that is being read.
    line: Vec<u8>,
    /// Lines that nothing was expected of yet.
    unread: VecDeque<Box<[u8]>>,
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
    Command { line: Template, data: Option<Template>, due: Box<str> },
    Expect(Template),
}

enum Wait {
    Nothing,
    Final { until: Instant, echo: Vec<u8> },
    Prompt { until: Instant, echo: Vec<u8> },
    Line { until: Instant },
}

/// Text with names in it.
struct Template(Vec<Part>);

/// What names stand for.
type Names = BTreeMap<Box<str>, Box<[u8]>>;

enum Part {
    Text(Box<[u8]>),
    Name(Box<str>),
}

/// Bytes of a line that are looked at, and lines that are kept; the oldest goes first.
const LINE_MAX: usize = 8192;
const LINES_MAX: usize = 256;

const WITHIN: Duration = Duration::from_secs(10);

impl Chat {
    /// Reads a conversation. These names are known from the start.
    pub fn parse(text: &str, given: &[(&str, &[u8])]) -> Result<Chat, Mistake> {
        let names: Names = given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut known: BTreeSet<Box<str>> = names.keys().cloned().collect();
        let mut steps: Vec<Step> = Vec::new();
        let mut within = WITHIN;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let mistake = |words: &str| Mistake { line: number, words: words.into() };
            let line = line.trim_end();
            let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
            let template = || Template::parse(rest).map_err(mistake);
            let mut put = |what| steps.push(Step { line: number, within, what });
            match sign {
                "" => {}
                comment if comment.starts_with('#') => {}
                "<" => {
                    let template = template()?;
                    known.extend(template.names().map(Box::from));
                    put(What::Expect(template));
                }
                ">" => {
                    let line = template()?;
                    line.check(&known).map_err(|name| mistake(&format!("${name} is not known here")))?;
                    put(What::Command { line, data: None, due: "OK".into() });
                }
                ">>" | "!" => {
                    let Some(Step { what: What::Command { data, due, .. }, .. }) = steps.last_mut() else {
                        return Err(mistake("this stands behind > only"));
                    };
                    if sign == "!" {
                        *due = rest.into();
                        continue;
                    }
                    let template = template()?;
                    template.check(&known).map_err(|name| mistake(&format!("${name} is not known here")))?;
                    *data = Some(template);
                }
                "within" => {
                    let millis = rest.strip_suffix("ms").and_then(|millis| millis.parse().ok());
                    within = millis.map(Duration::from_millis).ok_or(mistake("expected a time, such as 5000ms"))?;
                }
                _ => return Err(mistake("expected a line that begins with >, >>, <, !, within or #, and a space")),
            }
        }
        Ok(Chat { steps, at: 0, wait: Wait::Nothing, names, line: Vec::new(), unread: VecDeque::new(), outcome: None })
    }

    /// Takes an input in, and goes on as far as it leads; what is typed is put behind `out`.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<u8>) {
        match input {
            Input::Bytes(bytes) => {
                for &byte in bytes {
                    self.byte(now, byte, out);
                }
            }
            Input::Reopened => self.line.clear(),
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

    fn byte(&mut self, now: Instant, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.line);
                if !line.is_empty() {
                    self.line(&line, out);
                    self.go_on(now, out);
                }
            }
            _ if self.line.len() < LINE_MAX => self.line.push(byte),
            _ => {}
        }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let is_final = line == b"OK" || line == b"ERROR" || line.starts_with(b"+CME ERROR: ");
        match &self.wait {
            Wait::Final { echo, .. } | Wait::Prompt { echo, .. } if line == echo => {}
            Wait::Prompt { until, .. } if line == b"> " => {
                let (until, echo) = (*until, Vec::new());
                if let Some(Step { what: What::Command { data: Some(data), .. }, .. }) = self.steps.get(self.at) {
                    out.extend(data.fill(&self.names));
                }
                self.wait = Wait::Final { until, echo };
            }
            Wait::Final { .. } | Wait::Prompt { .. } if is_final => {
                let got = String::from_utf8_lossy(line);
                match self.steps.get(self.at).map(|step| &step.what) {
                    Some(What::Command { due, .. }) if **due != *got => {
                        let words = format!("expected {due}, got {got}");
                        self.fail(&words);
                    }
                    _ => self.next(),
                }
            }
            _ => {
                if self.unread.len() == LINES_MAX {
                    self.unread.pop_front();
                }
                self.unread.push_back(line.into());
            }
        }
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
                }
                (What::Expect(due), wait) => {
                    let found = self
                        .unread
                        .iter()
                        .enumerate()
                        .find_map(|(place, line)| due.matches(line, &self.names).map(|names| (place, names)));
                    match (found, wait) {
                        (Some((place, names)), _) => {
                            self.unread.remove(place);
                            self.names.extend(names);
                            self.next();
                        }
                        (None, Wait::Line { until }) if *until <= now => {
                            let words = format!("{} did not come", due.words());
                            self.fail(&words);
                        }
                        (None, Wait::Nothing) => self.wait = Wait::Line { until },
                        (None, _) => return,
                    }
                }
                (What::Command { .. }, Wait::Prompt { until, .. }) if *until <= now => self.fail("> did not come"),
                (What::Command { due, .. }, Wait::Final { until, .. }) if *until <= now => {
                    let words = format!("{due} did not come");
                    self.fail(&words);
                }
                (What::Command { .. }, _) => return,
            }
        }
    }

    fn next(&mut self) {
        self.wait = Wait::Nothing;
        self.at += 1;
    }

    fn fail(&mut self, words: &str) {
        let line = self.steps.get(self.at).map_or(0, |step| step.line);
        self.wait = Wait::Nothing;
        self.outcome = Some(Err(Failure { line, words: words.into() }));
    }
}

impl Template {
    fn parse(text: &str) -> Result<Template, &'static str> {
        let mut parts: Vec<Part> = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            plain.push_str(before);
            if let Some(behind) = behind.strip_prefix('$') {
                plain.push('$');
                rest = behind;
                continue;
            }
            let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let (name, behind) = behind.split_at(end.unwrap_or(behind.len()));
            if name.is_empty() {
                return Err("$ without a name; a dollar sign is $$");
            }
            if plain.is_empty() && matches!(parts.last(), Some(Part::Name(_))) {
                return Err("two names with nothing between them");
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into_bytes().into()));
            }
            parts.push(Part::Name(name.into()));
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into_bytes().into()));
        }
        Ok(Template(parts))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(&**name),
            Part::Text(_) => None,
        })
    }

    /// The first name that is not among these is the error.
    fn check<'a>(&'a self, known: &BTreeSet<Box<str>>) -> Result<(), &'a str> {
        self.names().find(|name| !known.contains(*name)).map_or(Ok(()), Err)
    }

    fn fill(&self, names: &Names) -> Vec<u8> {
        let bytes = self.0.iter().map(|part| match part {
            Part::Text(text) => &**text,
            Part::Name(name) => names.get(name).map(|value| &**value).unwrap_or_default(),
        });
        bytes.collect::<Vec<&[u8]>>().concat()
    }

    /// What the new names stand for, if the whole line is like this.
    fn matches(&self, line: &[u8], names: &Names) -> Option<Names> {
        let (mut rest, mut found) = (line, Names::new());
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            let value = match part {
                Part::Text(text) => text,
                Part::Name(name) => match names.get(name).or_else(|| found.get(name)) {
                    Some(value) => value,
                    None => {
                        let end = match parts.peek() {
                            Some(Part::Text(text)) => rest.iter().position(|byte| text.first() == Some(byte))?,
                            _ => rest.len(),
                        };
                        let (value, behind) = rest.split_at_checked(end)?;
                        found.insert(name.clone(), value.into());
                        rest = behind;
                        continue;
                    }
                },
            };
            rest = rest.strip_prefix(&**value)?;
        }
        rest.is_empty().then_some(found)
    }

    /// As it was written.
    fn words(&self) -> String {
        let words = self.0.iter().map(|part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).replace('$', "$$"),
            Part::Name(name) => format!("${name}"),
        });
        words.collect()
    }
}

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
