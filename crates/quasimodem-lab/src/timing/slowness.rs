//! A profile at work: when what the modem prints may reach the host.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use quasimodem_core::{Form, Instant, Kind, Radio};

use super::{Of, Time, Timing, When};
use crate::fault::hash;
use crate::random::Random;

/// How slow a modem is at the moment.
pub(crate) struct Slowness {
    timing: Timing,
    seed: u64,
    /// How often a time was drawn.
    counts: BTreeMap<(String, bool), u64>,
    radio: Option<Radio>,
    /// The command line that is being answered.
    line: Line,
    /// The last answer is with the host then.
    busy_until: Instant,
    /// Since when results are due, by their names.
    results: BTreeMap<String, VecDeque<(Instant, Form)>>,
}

/// A command line.
struct Line {
    command: String,
    form: Form,
    radio: Option<Radio>,
    size: usize,
    begins: Instant,
    /// When its answer may come, once that was drawn.
    due: Option<Instant>,
    waits: bool,
}

/// Results that are waited for of one name.
const RESULTS: usize = 64;

impl Slowness {
    /// At the modem of this number, in a run of this seed.
    pub(crate) fn new(timing: Timing, seed: u64, modem: u64) -> Slowness {
        Slowness {
            timing,
            seed: Random::new(seed ^ hash("timing")).bits() ^ Random::new(modem).bits(),
            counts: BTreeMap::new(),
            radio: None,
            line: Line::none(),
            busy_until: Instant::START,
            results: BTreeMap::new(),
        }
    }

    /// How the radio side is before the modem takes something in.
    pub(crate) fn before(&mut self, radio: Radio) {
        self.radio = Some(radio);
    }

    /// The modem begins with a command line.
    pub(crate) fn typed(&mut self, now: Instant, line: &[u8]) {
        let (command, form) = command(line);
        let begins = now.max(self.busy_until);
        self.line = Line { command, form, radio: self.radio, size: line.len() + 1, begins, due: None, waits: true };
    }

    /// The host left.
    pub(crate) fn host_left(&mut self) {
        (self.line, self.busy_until) = (Line::none(), Instant::START);
        self.results.clear();
    }

    /// What nobody asked for comes no earlier.
    pub(crate) fn quiet_until(&self) -> Instant {
        if self.busy_until == Instant::START { self.busy_until } else { self.busy_until + self.timing.gap }
    }

    /// When a piece may reach the host, and whether others may pass it.
    pub(crate) fn due(&mut self, now: Instant, kind: Kind, text: &str) -> (Instant, bool) {
        match kind {
            Kind::Echo => (now, false),
            Kind::Info | Kind::Final | Kind::Prompt => (self.answer(now, kind, text), false),
            Kind::Urc => (self.result(now, text).max(self.quiet_until()), true),
        }
    }

    fn answer(&mut self, now: Instant, kind: Kind, text: &str) -> Instant {
        if self.line.waits && self.line.due.is_none() {
            let (command, form, radio) = (self.line.command.clone(), self.line.form, self.line.radio);
            let drawn = self.draw(Of::Final, &command, form, radio, text);
            let time = drawn.saturating_sub(self.line_time(self.line.size + text.len() + 4));
            self.line.due = Some(self.line.begins + time);
        }
        let due = self.line.due.unwrap_or(now).max(now);
        match kind {
            Kind::Final => {
                self.busy_until = due;
                if text.starts_with("OK") && self.line.waits {
                    self.awaits(due);
                }
                self.line.waits = false;
            }
            // What comes behind the raw data is in time by itself.
            Kind::Prompt => self.line.due = None,
            _ => {}
        }
        if kind == Kind::Prompt {
            self.line.waits = true;
            (self.line.begins, self.line.command) = (due, String::new());
        }
        due
    }

    fn awaits(&mut self, since: Instant) {
        let has = |time: &Time| time.of == Of::Result && time.command.eq_ignore_ascii_case(&self.line.command);
        if !self.timing.profile.times.iter().any(has) {
            return;
        }
        let waiting = self.results.entry(self.line.command.clone()).or_default();
        waiting.push_back((since, self.line.form));
        if waiting.len() > RESULTS {
            waiting.pop_front();
        }
    }

    fn result(&mut self, now: Instant, text: &str) -> Instant {
        let Some((name, _)) = text.split_once(':') else { return now };
        let Some((since, form)) = self.results.get_mut(name).and_then(VecDeque::pop_front) else { return now };
        let time = self.draw(Of::Result, name, form, None, text);
        now.max(since + time.saturating_sub(self.line_time(text.len() + 4)))
    }

    fn draw(&mut self, of: Of, command: &str, form: Form, radio: Option<Radio>, text: &str) -> Duration {
        let fits = |time: &&Time| {
            time.of == of
                && time.command.eq_ignore_ascii_case(command)
                && time.form.is_none_or(|only| only == form)
                && time.when.as_ref().is_none_or(|when| when.is_so(radio, text))
        };
        let Some(time) = self.timing.profile.times.iter().find(fits) else { return Duration::ZERO };
        let count = self.counts.entry((time.command.clone(), of == Of::Result)).or_default();
        *count += 1;
        let key = self.seed ^ hash(&time.command) ^ u64::from(of == Of::Result);
        time.spread.draw(&mut Random::new(Random::new(key).bits() ^ *count))
    }

    /// What of a time somebody else takes.
    fn line_time(&self, bytes: usize) -> Duration {
        let rate = self.timing.profile.line.filter(|_| self.timing.is_paced);
        rate.map_or(Duration::ZERO, |rate| {
            let bits = u64::try_from(bytes).unwrap_or_default().saturating_mul(BITS);
            Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(rate.max(1)))
        })
    }
}

/// Bits of a byte on the line, with start and stop.
const BITS: u64 = 10;

impl Line {
    fn none() -> Line {
        Line {
            command: String::new(),
            form: Form::Exec,
            radio: None,
            size: 0,
            begins: Instant::START,
            due: None,
            waits: false,
        }
    }
}

impl When {
    fn is_so(&self, radio: Option<Radio>, text: &str) -> bool {
        match self {
            When::Attached(is) => radio.is_some_and(|radio| radio.registration.is_registered() == *is),
            When::Call(is) => radio.is_some_and(|radio| radio.address.is_some() == *is),
            When::Says(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.rsplit([',', ' ']).next() == Some(word)
            }
            // An information response is no error.
            When::Says(word) => text.starts_with(word.as_str()) || (word == "OK" && !text.contains("ERROR")),
        }
    }
}

/// The first command of a line, in capitals, and its form; `AT` for that alone.
pub(super) fn command(line: &[u8]) -> (String, Form) {
    let text = String::from_utf8_lossy(line).trim().to_ascii_uppercase();
    let Some(behind) = text.find("AT").and_then(|at| text.get(at + 2..)) else { return (text, Form::Exec) };
    let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && !"+&*%$#^".contains(c)).unwrap_or(behind.len());
    let (name, rest) = behind.split_at(end);
    let form = match rest.strip_prefix('=') {
        Some(rest) if rest.starts_with('?') => Form::Test,
        Some(_) => Form::Set,
        None if rest.starts_with('?') => Form::Read,
        None => Form::Exec,
    };
    (if name.is_empty() { "AT".into() } else { name.into() }, form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found() {
        let of = |line: &str| command(line.as_bytes());
        assert_eq!(of("AT"), ("AT".into(), Form::Exec));
        assert_eq!(of("at+csq"), ("+CSQ".into(), Form::Exec));
        assert_eq!(of("AT+CREG?"), ("+CREG".into(), Form::Read));
        assert_eq!(of("AT+CREG=?"), ("+CREG".into(), Form::Test));
        assert_eq!(of("AT+MQTTOPEN=1,\"AT\""), ("+MQTTOPEN".into(), Form::Set));
        assert_eq!(of("AT+CSQ;+CREG?"), ("+CSQ".into(), Form::Exec));
    }
}
