//! A script at work.

mod outside;

use std::collections::VecDeque;
use std::sync::Arc;

use quasimodem_core::Instant;

use super::failure::{Came, Failure, shown, without_secrets};
use super::heard::Kept;
use super::io::{Event, Input, Mode, Outbox};
use super::lines::{Line, Lines};
use super::program::{Program, Repeat, Step, What};
use super::template::{BuiltIn, Slot, Taken, Template};
use super::values::{Names, Values, Who};
use crate::output::{self, Kind, PROMPT, Reader};
use crate::random::Random;

/// A script at work: small, since fleets have thousands of them. It begins with the first call of
/// [`handle`](Self::handle).
pub struct Host {
    program: Arc<Program>,
    who: Who,
    random: Random,
    names: Names,
    /// The last `$seq` that was typed.
    seq: u64,
    script: Cursor,
    /// The `on` that is at work.
    on: Option<Box<Running>>,
    /// What starts an `on` as soon as it may.
    queued: VecDeque<Queued>,
    talk: Talk,
    reader: Reader,
    /// Lines that no step has used.
    unread: Lines,
    /// Some of them are new to the step at hand.
    has_new: bool,
    /// Events that no step has used, since the last order.
    heard: Vec<Kept>,
    /// Where it gave orders that may be refused, and what they name; the last ones.
    ordered: Vec<(usize, Box<str>)>,
    /// If the first failure ends it.
    test: Option<Box<Test>>,
    ended: bool,
}

/// Where a host is in its steps.
#[derive(Default)]
struct Cursor {
    at: u16,
    /// When the wait of the step at hand ends, if it has begun to wait.
    until: Option<Instant>,
    /// The repeats that it is in.
    turns: Vec<Turn>,
}

struct Turn {
    /// How many are still to begin, if they are counted.
    left: u32,
    /// When the next one begins, if that is by the clock.
    due: Option<Instant>,
}

struct Running {
    on: u8,
    cursor: Cursor,
    /// What started it.
    line: Line,
}

struct Queued {
    on: u8,
    line: Line,
    taken: Taken,
}

/// The command whose end the host waits for.
enum Talk {
    Nothing,
    Prompt { until: Instant, echo: Box<[u8]>, data: Box<[u8]> },
    Final { until: Instant, echo: Box<[u8]> },
}

struct Test {
    /// When the step at hand began, and which line was the next then.
    begun: Instant,
    from: u64,
    outcome: Option<Result<(), Failure>>,
}

/// The final result of a command for which no other is written.
const OK: &str = "OK";

/// How the prompt is called.
const PROMPT_WORDS: &str = "the prompt >";

/// Lines that may wait for their `on`, and bytes of them.
const QUEUED_MAX: usize = 256;
const QUEUED_BYTES_MAX: usize = 64 << 10;

impl Host {
    /// A host that has not begun.
    pub fn new(program: Arc<Program>, who: Who, mode: Mode) -> Host {
        let test = || Box::new(Test { begun: Instant::START, from: 0, outcome: None });
        Host {
            random: Random::new(who.seed),
            program,
            who,
            names: Names::default(),
            seq: 0,
            script: Cursor::default(),
            on: None,
            queued: VecDeque::new(),
            talk: Talk::Nothing,
            reader: Reader::default(),
            unread: Lines::default(),
            has_new: false,
            heard: Vec::new(),
            ordered: Vec::new(),
            test: (mode == Mode::Strict).then(test),
            ended: false,
        }
    }

    /// Takes an input in, and goes on as far as it leads; what it does is put behind what is in `out`.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        let program = self.program.clone();
        match input {
            Input::Bytes(mut bytes) => {
                while let Some(line) = self.reader.line(&mut bytes) {
                    self.line(&program, now, &line, out);
                    // So that a step that this line begins sees the next one.
                    self.go_on(&program, now, out);
                }
                if matches!(self.talk, Talk::Prompt { .. }) && self.reader.half() == PROMPT {
                    self.reader.clear();
                    self.prompted(&program, now, out);
                }
            }
            Input::Reopened => self.reader.clear(),
            Input::Event(event) => self.hear(event),
            Input::Refused(bad) => self.refused(bad, out),
            Input::Tick => {}
        }
        self.go_on(&program, now, out);
    }

    /// What it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Whether its script waits for such an event.
    pub fn hears(&self, event: &Kept) -> bool {
        self.program.hears.contains(&event.name())
    }

    /// When to call [`handle`](Self::handle) if nothing comes before.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.talk {
            _ if self.outcome().is_some() => None,
            Talk::Final { until, .. } | Talk::Prompt { until, .. } => Some(*until),
            Talk::Nothing => self.cursor().until,
        }
    }

    /// Whether every step is done. What its `on`s say goes on, unless it is strict.
    pub fn is_over(&self) -> bool {
        let rests = matches!(self.talk, Talk::Nothing) && self.on.is_none() && self.queued.is_empty();
        self.outcome().is_some() || (self.ended && rests)
    }

    /// How it ended, once it has, if it is strict.
    pub fn outcome(&self) -> Option<Result<(), &Failure>> {
        let outcome = self.test.as_ref().and_then(|test| test.outcome.as_ref());
        outcome.map(|outcome| outcome.as_ref().copied())
    }

    /// The line of the script that it is at, from 1.
    pub fn at_line(&self) -> usize {
        let steps = self.program.block(self.on.as_ref().map(|on| on.on)).map(|block| &*block.steps).unwrap_or_default();
        steps.get(usize::from(self.cursor().at)).or(steps.last()).map_or(0, |step| step.line)
    }

    fn line(&mut self, program: &Program, now: Instant, line: &[u8], out: &mut Outbox) {
        let typed = match &self.talk {
            Talk::Prompt { echo, .. } | Talk::Final { echo, .. } => Some(&**echo),
            Talk::Nothing => None,
        };
        let kind = output::kind(line, typed);
        match (kind, &self.talk) {
            (Kind::Echo, _) => return,
            (Kind::Prompt, Talk::Prompt { .. }) => return self.prompted(program, now, out),
            _ => {}
        }
        self.check(program, now, line, out);
        match (kind, &self.talk) {
            // Its data was never typed, whatever the result.
            (Kind::Final, Talk::Prompt { .. }) => self.differs(now, || PROMPT_WORDS.into(), line, Event::NoPrompt, out),
            (Kind::Final, Talk::Final { .. }) => {
                let Some(Step { what: What::Command { due, .. }, .. }) = self.step(program) else { return };
                let taken = match due {
                    Some(due) => self.values(program, now).matches(due, line),
                    None => (line == OK.as_bytes()).then(Taken::new),
                };
                match taken {
                    Some(taken) => self.names.take(line, taken),
                    None => self.differs(now, || final_words(program, due.as_ref()), line, Event::OtherFinal, out),
                }
            }
            _ => return self.heed(program, now, line, out),
        }
        self.next();
    }

    /// The modem asks for data.
    fn prompted(&mut self, program: &Program, now: Instant, out: &mut Outbox) {
        let Talk::Prompt { data, .. } = &self.talk else { return };
        out.bytes.extend_from_slice(data);
        let within = self.step(program).map(|step| step.within).unwrap_or_default();
        self.talk = Talk::Final { until: now + within, echo: Box::default() };
    }

    /// Whether a line may come.
    fn check(&mut self, program: &Program, now: Instant, line: &[u8], out: &mut Outbox) {
        let on = self.on.as_ref().map(|on| (Some(on.on), on.cursor.at));
        for (block, at) in [(None, self.script.at)].into_iter().chain(on) {
            let nots = program.block(block).map(|block| &*block.nots).unwrap_or_default();
            let values = self.values(program, now);
            let broken = nots.iter().find(|not| not.at.contains(&at) && values.begins(&not.head, line).is_some());
            if let Some(not) = broken {
                let words = || format!("{} came, and nothing may that begins so", shown(line));
                self.report(not.line, Event::Forbidden, words, out);
            }
        }
    }

    /// Takes a line that answers no command.
    fn heed(&mut self, program: &Program, now: Instant, line: &[u8], out: &mut Outbox) {
        let number = self.unread.number();
        for (index, on) in program.ons.iter().enumerate() {
            let values = Values { fresh: on.own.clone(), ..self.values(program, now) };
            let Some(taken) = values.matches(&on.head, line) else { continue };
            let bytes: usize = self.queued.iter().map(|queued| queued.line.text.len()).sum();
            if self.queued.len() >= QUEUED_MAX || bytes + line.len() > QUEUED_BYTES_MAX {
                let words = || format!("more than {QUEUED_MAX} lines, or {QUEUED_BYTES_MAX} bytes, wait for their on");
                self.report(on.line, Event::TooMany, words, out);
                continue;
            }
            let line = Line { number, is_wanted: program.wants(line), text: line.into() };
            self.queued.extend(u8::try_from(index).map(|on| Queued { on, line, taken }));
        }
        let is_wanted = program.wants(line);
        self.unread.came(line, is_wanted, self.test.is_some());
        self.has_new = true;
    }

    /// Does all steps that can be done now.
    fn go_on(&mut self, program: &Program, now: Instant, out: &mut Outbox) {
        while self.outcome().is_none() {
            match &self.talk {
                Talk::Final { until, .. } | Talk::Prompt { until, .. } if *until > now => return,
                Talk::Final { .. } | Talk::Prompt { .. } => {
                    self.unanswered(program, out);
                    self.next();
                    continue;
                }
                Talk::Nothing => {}
            }
            let step = self.step(program);
            if let Some(Step { what: What::Expect(_) | What::Wait(_) | What::Hear(_), .. }) = step
                && self.on.is_none()
                && !self.queued.is_empty()
            {
                // Begins in front of what an `on` has to say, since the line may come meanwhile.
                self.wait(now, step);
            }
            if self.on.is_none()
                && let Some(queued) = self.queued.pop_front()
            {
                self.begin_on(queued);
                continue;
            }
            let Some(step) = step else {
                if let Some(on) = self.on.take() {
                    self.forget_own(program, on.on);
                    self.has_new = true;
                    continue;
                }
                if !std::mem::replace(&mut self.ended, true) {
                    match &mut self.test {
                        Some(test) => test.outcome = Some(Ok(())),
                        None => out.events.push(Event::Ended),
                    }
                }
                return;
            };
            if !self.take_step(program, step, now, out) {
                return;
            }
        }
    }

    /// Does the step at hand; false: it is not over.
    fn take_step(&mut self, program: &Program, step: &Step, now: Instant, out: &mut Outbox) -> bool {
        match &step.what {
            What::Command { line, data, .. } => self.command(program, step, line, data.as_ref(), now, out),
            What::Send(data) => {
                self.seq += u64::from(data.has(BuiltIn::Seq));
                let bytes = self.fill(program, step, data, 0, now, out);
                out.bytes.extend_from_slice(&bytes);
                self.next();
            }
            // It has looked at all that came.
            What::Expect(_) if !self.has_new && self.cursor().until.is_some_and(|until| until > now) => return false,
            What::Expect(due) => {
                self.has_new = false;
                let values = self.values(program, now);
                let found = self.unread.find(|line| values.matches(due, line));
                if let Some((place, taken)) = found {
                    if let Some(line) = self.unread.remove(place) {
                        self.names.take(&line.text, taken);
                    }
                    self.next();
                } else if self.wait(now, Some(step)) {
                    return false;
                } else {
                    if self.test.is_some() {
                        let due = program.words(due) + &self.values(program, now).explain(due);
                        // It may have come at any time.
                        self.missing(step, &without_secrets(&due), 0);
                    } else {
                        out.events.push(Event::NoLine(step.line));
                    }
                    self.next();
                }
            }
            What::Wait(_) => {
                if self.wait(now, Some(step)) {
                    return false;
                }
                self.next();
            }
            What::Count(slot) => {
                self.names.count(*slot);
                self.next();
            }
            What::Order(order) => self.order(program, step, order, now, out),
            What::Hear(condition) => return self.take_event(program, step, condition, now, out),
            What::Repeat(repeat) => {
                let turn = Turn { left: repeat.times.unwrap_or_default(), due: repeat.every.map(|every| now + every) };
                let turns = &mut self.cursor_mut().turns;
                turns.reserve_exact(1);
                turns.push(turn);
                self.names.forget(&repeat.own);
                self.next();
            }
            What::End(begin) => return self.turn(program, *begin, now),
            What::Again => {
                if let Some(on) = self.on.take() {
                    self.again(program, on.line);
                }
            }
        }
        true
    }

    fn command(
        &mut self,
        program: &Program,
        step: &Step,
        line: &Template,
        data: Option<&Template>,
        now: Instant,
        out: &mut Outbox,
    ) {
        let counts = |template: &Template| template.has(BuiltIn::Seq);
        self.seq += u64::from(counts(line) || data.is_some_and(counts));
        // Now, since its size may be in the line.
        let data = data.map(|data| self.fill(program, step, data, 0, now, out));
        let size = data.as_ref().map_or(0, Vec::len);
        let echo: Box<[u8]> = self.fill(program, step, line, size, now, out).into();
        if self.outcome().is_some() {
            return;
        }
        out.bytes.extend_from_slice(&echo);
        out.bytes.push(b'\r');
        let until = now + step.within;
        self.talk = match data {
            Some(data) => Talk::Prompt { until, echo, data: data.into() },
            None => Talk::Final { until, echo },
        };
        self.begin(now);
    }

    /// A turn is over; false: the next one begins later.
    fn turn(&mut self, program: &Program, begin: u16, now: Instant) -> bool {
        let block = program.block(self.on.as_ref().map(|on| on.on));
        let step = block.and_then(|block| block.steps.get(usize::from(begin)));
        let Some(Step { what: What::Repeat(Repeat { times, every, own }), .. }) = step else { return false };
        let cursor = self.cursor_mut();
        let Some(turn) = cursor.turns.last_mut() else { return false };
        if times.is_some() && turn.left <= 1 {
            cursor.turns.pop();
            if cursor.turns.is_empty() {
                cursor.turns = Vec::new();
            }
            self.next();
            return true;
        }
        if let (Some(every), Some(due)) = (every, turn.due) {
            if due > now {
                cursor.until = Some(due);
                return false;
            }
            // One that is late begins at once; those that were missed are not made up for.
            let missed = now.since(due).as_micros() / every.as_micros().max(1);
            let steps = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
            turn.due = Some(due + every.saturating_mul(steps));
        }
        turn.left = turn.left.saturating_sub(1);
        (cursor.at, cursor.until) = (begin + 1, None);
        self.names.forget(own);
        true
    }

    fn begin_on(&mut self, queued: Queued) {
        let Queued { on, line, taken } = queued;
        if self.queued.is_empty() {
            self.queued = VecDeque::new();
        }
        self.names.take(&line.text, taken);
        self.on = Some(Box::new(Running { on, cursor: Cursor::default(), line }));
    }

    fn forget_own(&mut self, program: &Program, on: u8) {
        if let Some(on) = program.ons.get(usize::from(on)) {
            self.names.forget(&on.own);
        }
    }

    /// From the first step, with this line as the first that came.
    fn again(&mut self, program: &Program, first: Line) {
        self.script = Cursor::default();
        self.ended = false;
        self.names.forget(&(program.counters..u16::MAX));
        self.unread.since(first);
        self.heard = Vec::new();
    }

    /// Begins to wait, if it has not; whether it still does.
    fn wait(&mut self, now: Instant, step: Option<&Step>) -> bool {
        if let Some(until) = self.cursor().until {
            return until > now;
        }
        let time = match step {
            Some(Step { what: What::Wait(time), .. }) => *time,
            Some(step) => step.within,
            None => return false,
        };
        self.cursor_mut().until = Some(now + time);
        self.begin(now);
        true
    }

    /// The step at hand begins.
    fn begin(&mut self, now: Instant) {
        let from = self.unread.number();
        if let Some(test) = &mut self.test {
            (test.begun, test.from) = (now, from);
        }
    }

    /// The step at hand is over.
    fn next(&mut self) {
        self.talk = Talk::Nothing;
        if self.outcome().is_some() {
            return;
        }
        let cursor = self.cursor_mut();
        cursor.until = None;
        cursor.at = cursor.at.saturating_add(1);
    }

    /// What a text says now.
    fn fill(
        &mut self,
        program: &Program,
        step: &Step,
        template: &Template,
        size: usize,
        now: Instant,
        out: &mut Outbox,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (who, names, seq) = (&self.who, &self.names, self.seq);
        let values = Values { program, who, names, now, seq, size, fresh: 0..0 };
        if let Err(slot) = values.fill(template, &mut self.random, &mut bytes) {
            self.no_value(program, step, slot, out);
        }
        bytes
    }

    fn no_value(&mut self, program: &Program, step: &Step, slot: Slot, out: &mut Outbox) {
        let words = || format!("${} stands for nothing yet", program.name(slot));
        self.report(step.line, Event::NoValue, words, out);
    }

    fn values<'a>(&'a self, program: &'a Program, now: Instant) -> Values<'a> {
        Values { program, who: &self.who, names: &self.names, now, seq: self.seq, size: 0, fresh: 0..0 }
    }

    fn step<'a>(&self, program: &'a Program) -> Option<&'a Step> {
        let block = program.block(self.on.as_ref().map(|on| on.on))?;
        block.steps.get(usize::from(self.cursor().at))
    }

    fn cursor(&self) -> &Cursor {
        self.on.as_ref().map_or(&self.script, |on| &on.cursor)
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        match &mut self.on {
            Some(on) => &mut on.cursor,
            None => &mut self.script,
        }
    }

    /// A command got another final result than was due.
    fn differs(
        &mut self,
        now: Instant,
        due: impl FnOnce() -> String,
        said: &[u8],
        event: fn(usize) -> Event,
        out: &mut Outbox,
    ) {
        let waited = self.test.as_ref().map(|test| now.since(test.begun).as_millis()).unwrap_or_default();
        let words = || format!("expected {}, got {} after {waited} ms", due(), String::from_utf8_lossy(said));
        self.report(self.at_line(), event, words, out);
    }

    /// A command got no final result in time, or no prompt.
    fn unanswered(&mut self, program: &Program, out: &mut Outbox) {
        let Some(step) = self.step(program) else { return };
        let is_prompt = matches!(self.talk, Talk::Prompt { .. });
        let event = if is_prompt { Event::NoPrompt(step.line) } else { Event::NoFinal(step.line) };
        let Some(test) = &self.test else { return out.events.push(event) };
        let due = match &step.what {
            What::Command { due, .. } if !is_prompt => final_words(program, due.as_ref()),
            _ => PROMPT_WORDS.into(),
        };
        self.missing(step, &due, test.from);
    }

    /// What was due did not come; lines from this number on came instead.
    fn missing(&mut self, step: &Step, due: &str, from: u64) {
        let came = Came { lines: self.unread.from(from), half: self.reader.half() };
        let words = format!("{due} did not come within {} ms; {came}", step.within.as_millis());
        self.fail(step.line, words);
    }

    fn report(&mut self, line: usize, event: fn(usize) -> Event, words: impl FnOnce() -> String, out: &mut Outbox) {
        if self.test.is_some() {
            self.fail(line, words());
        } else {
            out.events.push(event(line));
        }
    }

    /// The first failure counts.
    fn fail(&mut self, line: usize, words: String) {
        if let Some(test) = &mut self.test {
            test.outcome.get_or_insert_with(|| Err(Failure { line, words: words.into() }));
        }
    }
}

fn final_words(program: &Program, due: Option<&Template>) -> String {
    due.map_or_else(|| OK.into(), |due| program.words(due))
}
