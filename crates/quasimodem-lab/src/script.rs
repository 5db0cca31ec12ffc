//! AT chat scripts: a host program as data, and the host that runs it, without I/O or clock.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use quasimodem_core::Instant;
//! use quasimodem_lab::script::{Expected, Host, Input, Outbox, Script, Step};
//!
//! const WITHIN: Duration = Duration::from_secs(5);
//! let steps = [
//!     Step::command("AT+MQTTOPEN=1,\"broker\",1883,1,60", WITHIN),
//!     Step::expect(Expected::exact("+MQTTOPEN: 1,1"), WITHIN),
//!     Step::Wait(Duration::from_secs(1)),
//! ];
//! let mut host = Host::new(Arc::new(Script::new(steps, [])?));
//! let mut outbox = Outbox::default();
//! host.handle(Instant::START, Input::Tick, &mut outbox);
//! assert_eq!(outbox.bytes, b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
//! outbox.clear();
//! host.handle(Instant::START, Input::Bytes(b"\r\nOK\r\n\r\n+MQTTOPEN: 1,1\r\n"), &mut outbox);
//! assert_eq!(host.deadline(), Some(Instant::from_millis(1000)));
//! # Ok::<(), quasimodem_lab::script::BadScript>(())
//! ```
//!
//! # Contracts
//!
//! - A host begins with the first call of [`Host::handle`]. When a call returns, nothing is pending but the deadline,
//!   and a call at the deadline always moves it.
//! - A host types one command at a time: what a reaction has to say waits for the final result code of the last.
//! - What a host expects and does not get in time is told as an [`Event`], and it goes on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::Instant;

/// A host program. Shared by all hosts that run it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    steps: Box<[Step]>,
    reactions: Box<[Reaction]>,
}

/// One step of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Types these bytes and waits for nothing.
    Send(Box<[u8]>),
    /// Types a line and waits for its final result code.
    Command {
        /// The line, with its carriage return.
        line: Box<[u8]>,
        /// How long.
        within: Duration,
    },
    /// Types a line, data once the modem asks for it with `>`, and waits for the final result code.
    Data {
        /// The line, with its carriage return.
        line: Box<[u8]>,
        /// The data.
        data: Box<[u8]>,
        /// How long to wait for the prompt, and for the result behind it.
        within: Duration,
    },
    /// Waits for a line.
    Expect {
        /// Which one.
        line: Expected,
        /// How long.
        within: Duration,
    },
    /// Waits.
    Wait(Duration),
    /// Goes back to a step.
    Repeat {
        /// The index of that step; it MUST be in front of this one.
        from: u16,
        /// How often the steps are done altogether; `None`: forever.
        times: Option<u32>,
    },
}

/// A line of the modem, without its line ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// This line.
    Exact(Box<str>),
    /// A line that begins so.
    Prefix(Box<str>),
}

/// What a host does whenever a line comes, whatever step it is at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// Which line.
    pub on: Expected,
    /// What it does.
    pub then: Then,
}

/// See [`Reaction`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// Types a line between two steps, or while a step waits, and waits for its final result code.
    Command {
        /// The line, with its carriage return.
        line: Box<[u8]>,
        /// How long to wait.
        within: Duration,
    },
    /// Goes to this step at once.
    Go(u16),
}

/// Why steps are no script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadScript {
    /// More steps than an index can tell apart, or more than 255 reactions.
    TooLong,
    /// The step at this index, or a reaction, goes to a step that does not exist or is not in front of it.
    NoSuchStep(usize),
    /// The loop that ends at this index would run forever without taking time.
    NeverWaits(usize),
}

/// A program at work: small, since fleets have thousands of them.
pub struct Host {
    script: Arc<Script>,
    at: u16,
    /// When the wait of the step at hand ends.
    until: Option<Instant>,
    talk: Talk,
    /// The line that is being read.
    line: Vec<u8>,
    /// Indices of reactions whose command is to be typed.
    queued: VecDeque<u8>,
    /// Loops that were begun: the index of their `Repeat`, and how often it is still to be done.
    loops: Vec<(u16, u32)>,
    ended: bool,
}

/// The command whose end the host waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Talk {
    Nothing,
    /// Of the step at hand, if `step`.
    Final {
        until: Instant,
        step: bool,
    },
    Prompt {
        until: Instant,
    },
}

/// What a host is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The modem wrote these bytes.
    Bytes(&'a [u8]),
    /// The port was opened anew: what was half read is forgotten.
    Reopened,
    /// Nothing happened, but the deadline passed, or it is to begin.
    Tick,
}

/// What a host does. The caller owns it, clears it, and lends it to one host after the other.
#[derive(Default, Debug)]
pub struct Outbox {
    /// What it types.
    pub bytes: Vec<u8>,
    /// What happened.
    pub events: Vec<Event>,
}

/// Something worth counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The command of the step at this index, or of a reaction, got no final result code in time.
    NoFinal(Option<u16>),
    /// The line that this step expects did not come in time.
    NoLine(u16),
    /// The script ended.
    Ended,
}

/// Bytes of a line that a host reads at most; it takes no more of a longer one for what it expects.
const LINE_MAX: usize = 8192;

/// Commands of reactions that may wait. More are forgotten.
const QUEUED_MAX: usize = 1024;

impl Script {
    /// Checks that every jump goes somewhere, and that no loop runs forever without taking time.
    pub fn new(steps: impl Into<Box<[Step]>>, reactions: impl Into<Box<[Reaction]>>) -> Result<Script, BadScript> {
        let script = Script { steps: steps.into(), reactions: reactions.into() };
        if script.steps.len() >= usize::from(u16::MAX) || script.reactions.len() > usize::from(u8::MAX) {
            return Err(BadScript::TooLong);
        }
        for (index, step) in script.steps.iter().enumerate() {
            if let Step::Repeat { from, times } = step {
                let inside = script.steps.get(usize::from(*from)..index).unwrap_or_default();
                if inside.is_empty() {
                    return Err(BadScript::NoSuchStep(index));
                }
                if times.is_none() && !inside.iter().any(Step::takes_time) {
                    return Err(BadScript::NeverWaits(index));
                }
            }
        }
        let lost = |reaction: &Reaction| matches!(reaction.then, Then::Go(to) if usize::from(to) > script.steps.len());
        match script.reactions.iter().position(lost) {
            Some(index) => Err(BadScript::NoSuchStep(index)),
            None => Ok(script),
        }
    }
}

impl Step {
    /// Types a line and waits for its final result code.
    pub fn command(line: &str, within: Duration) -> Step {
        Step::Command { line: typed(line), within }
    }

    /// Types a line and the data that it announces.
    pub fn data(line: &str, data: &[u8], within: Duration) -> Step {
        Step::Data { line: typed(line), data: data.into(), within }
    }

    /// Waits for a line.
    pub fn expect(line: Expected, within: Duration) -> Step {
        Step::Expect { line, within }
    }

    fn takes_time(&self) -> bool {
        match self {
            Step::Command { within: time, .. }
            | Step::Data { within: time, .. }
            | Step::Expect { within: time, .. }
            | Step::Wait(time) => !time.is_zero(),
            Step::Send(_) | Step::Repeat { .. } => false,
        }
    }
}

fn typed(line: &str) -> Box<[u8]> {
    [line.as_bytes(), b"\r"].concat().into()
}

impl Expected {
    /// This line.
    pub fn exact(line: &str) -> Expected {
        Expected::Exact(line.into())
    }

    /// A line that begins so.
    pub fn prefix(line: &str) -> Expected {
        Expected::Prefix(line.into())
    }

    fn fits(&self, line: &[u8]) -> bool {
        match self {
            Expected::Exact(due) => line == due.as_bytes(),
            Expected::Prefix(due) => line.starts_with(due.as_bytes()),
        }
    }
}

impl Reaction {
    /// Types a line whenever one comes that begins so.
    pub fn command(on: &str, line: &str, within: Duration) -> Reaction {
        Reaction { on: Expected::prefix(on), then: Then::Command { line: typed(line), within } }
    }
}

impl Host {
    /// A host that has not begun.
    pub fn new(script: Arc<Script>) -> Host {
        Host {
            script,
            at: 0,
            until: None,
            talk: Talk::Nothing,
            line: Vec::new(),
            queued: VecDeque::new(),
            loops: Vec::new(),
            ended: false,
        }
    }

    /// Takes an input in, and goes on as far as it leads.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Bytes(bytes) => {
                for &byte in bytes {
                    self.byte(now, byte, out);
                }
                if self.line.is_empty() {
                    self.line = Vec::new();
                }
            }
            Input::Reopened => self.line.clear(),
            Input::Tick => {}
        }
        self.go_on(now, out);
    }

    /// When to call [`handle`](Self::handle) if nothing comes before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.talk {
            Talk::Final { until, .. } | Talk::Prompt { until } => Some(until),
            Talk::Nothing => self.until,
        }
    }

    /// Whether every step is done. Reactions go on.
    pub fn is_over(&self) -> bool {
        self.ended && self.talk == Talk::Nothing && self.queued.is_empty()
    }

    fn byte(&mut self, now: Instant, byte: u8, out: &mut Outbox) {
        match byte {
            b'\n' | b'\r' => {
                let line = std::mem::take(&mut self.line);
                if !line.is_empty() {
                    self.line(now, &line, out);
                    // So that a step that this line begins sees the next one.
                    self.go_on(now, out);
                }
                self.line = line;
                self.line.clear();
            }
            _ if self.line.len() < LINE_MAX => self.line.push(byte),
            _ => {}
        }
    }

    fn line(&mut self, now: Instant, line: &[u8], out: &mut Outbox) {
        let script = self.script.clone();
        let step = script.steps.get(usize::from(self.at));
        let is_final = line == b"OK" || line == b"ERROR" || line.starts_with(b"+CME ERROR: ");
        match (self.talk, step) {
            (Talk::Prompt { .. }, Some(Step::Data { data, within, .. })) if line == b"> " => {
                out.bytes.extend_from_slice(data);
                self.talk = Talk::Final { until: now + *within, step: true };
                return;
            }
            (Talk::Prompt { .. } | Talk::Final { step: true, .. }, _) if is_final => return self.next(),
            (Talk::Final { step: false, .. }, _) if is_final => {
                self.talk = Talk::Nothing;
                return;
            }
            (_, Some(Step::Expect { line: due, .. })) if self.until.is_some() && due.fits(line) => self.next_wait(),
            _ => {}
        }
        for (index, reaction) in script.reactions.iter().enumerate().filter(|(_, reaction)| reaction.on.fits(line)) {
            match reaction.then {
                Then::Go(to) => {
                    self.at = to;
                    self.until = None;
                    self.loops.clear();
                    self.ended = false;
                    if let Talk::Final { step, .. } = &mut self.talk {
                        *step = false;
                    } else {
                        self.talk = Talk::Nothing;
                    }
                }
                Then::Command { .. } if self.queued.len() < QUEUED_MAX => {
                    self.queued.extend(u8::try_from(index));
                }
                Then::Command { .. } => {}
            }
        }
    }

    /// Does all steps that can be done now.
    fn go_on(&mut self, now: Instant, out: &mut Outbox) {
        let script = self.script.clone();
        loop {
            match self.talk {
                Talk::Final { until, .. } | Talk::Prompt { until } if until > now => return,
                Talk::Final { step: false, .. } => {
                    self.talk = Talk::Nothing;
                    out.events.push(Event::NoFinal(None));
                }
                Talk::Final { .. } | Talk::Prompt { .. } => {
                    out.events.push(Event::NoFinal(Some(self.at)));
                    self.next();
                }
                Talk::Nothing => {}
            }
            let step = script.steps.get(usize::from(self.at));
            if let Some(Step::Expect { within: time, .. } | Step::Wait(time)) = step {
                // Begins in front of what reactions have to say, since the line may come meanwhile.
                self.until.get_or_insert(now + *time);
            }
            if let Some(index) = self.queued.pop_front() {
                let reaction = script.reactions.get(usize::from(index)).map(|reaction| &reaction.then);
                if let Some(Then::Command { line, within }) = reaction {
                    out.bytes.extend_from_slice(line);
                    self.talk = Talk::Final { until: now + *within, step: false };
                }
                continue;
            }
            let Some(step) = step else {
                if !std::mem::replace(&mut self.ended, true) {
                    out.events.push(Event::Ended);
                }
                return;
            };
            match step {
                Step::Send(bytes) => {
                    out.bytes.extend_from_slice(bytes);
                    self.next();
                }
                Step::Command { line, within } => {
                    out.bytes.extend_from_slice(line);
                    self.talk = Talk::Final { until: now + *within, step: true };
                }
                Step::Data { line, within, .. } => {
                    out.bytes.extend_from_slice(line);
                    self.talk = Talk::Prompt { until: now + *within };
                }
                Step::Expect { .. } | Step::Wait(_) => {
                    if self.until.is_some_and(|until| until > now) {
                        return;
                    }
                    if let Step::Expect { .. } = step {
                        out.events.push(Event::NoLine(self.at));
                    }
                    self.next_wait();
                }
                Step::Repeat { from, times } => self.repeat(*from, *times),
            }
        }
    }

    fn repeat(&mut self, from: u16, times: Option<u32>) {
        let Some(times) = times else {
            self.at = from;
            return;
        };
        let begun = self.loops.last().is_some_and(|(at, _)| *at == self.at);
        if !begun {
            self.loops.push((self.at, times));
        }
        match self.loops.last_mut() {
            Some((_, left)) if *left > 1 => {
                *left -= 1;
                self.at = from;
            }
            _ => {
                self.loops.pop();
                self.at += 1;
            }
        }
    }

    /// The command of the step at hand is done.
    fn next(&mut self) {
        self.talk = Talk::Nothing;
        self.next_wait();
    }

    /// The step at hand is done, whatever command of a reaction is not.
    fn next_wait(&mut self) {
        self.until = None;
        self.at += 1;
    }
}

impl Outbox {
    /// Forgets what was done and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.events.clear();
    }
}

impl fmt::Display for BadScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadScript::TooLong => f.write_str("the script has too many steps or reactions"),
            BadScript::NoSuchStep(index) => write!(f, "step or reaction {index} goes to a step where it can't go"),
            BadScript::NeverWaits(index) => write!(f, "the loop that ends at step {index} never waits"),
        }
    }
}

impl std::error::Error for BadScript {}
