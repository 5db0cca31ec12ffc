//! What a module that is not ours teaches: how long it takes, and what it answers that ours would not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quasimodem_core::{COMMANDS, Form, Instant, Reply};

use super::slowness::command;
use super::text::Answer;
use super::{Learned, Of, Profile, Spread, Time, When};
use crate::event::{Event, Listener, Names, Reporter, Stamp};
use crate::watch::{Watch, Way};

/// Lessons from what crosses the serial line of a module. Clones are the same lessons.
#[derive(Clone, Default)]
pub struct Lessons(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    /// The newest lines, by their numbers.
    lines: BTreeMap<u64, Line>,
    /// When the last final result code came.
    last_final: Option<Instant>,
    samples: BTreeMap<Key, Vec<Duration>>,
    answers: BTreeMap<String, Vec<String>>,
    /// Answers that hold secrets, or are none that can be given again.
    left_out: u64,
}

/// Command, form, what was waited for, and what came.
type Key = (String, u8, bool, String);

struct Line {
    text: String,
    begins: Instant,
    said: Vec<String>,
    ends: Option<Instant>,
    /// Its answer began with the prompt, which is what was waited for.
    is_prompted: bool,
}

/// Lines that results may still come to.
const LINES: usize = 256;

/// Samples of one time, times, and answers, at most; more teach nothing.
const MANY: usize = 1000;

/// Each form with its place.
const FORMS: [Form; 4] = [Form::Exec, Form::Read, Form::Test, Form::Set];

impl Lessons {
    /// Sees the serial line of a module, and nothing else; it is hung up where that is seen.
    pub fn watch(&self) -> impl Watch + Send + use<> {
        let reporter = Reporter::new(Names::from_iter(["module"]), self.clone());
        Pupil { reporter, is_there: false }
    }

    /// What was learned so far, as a profile of this name.
    pub fn learned(&self, name: &str, source: &str) -> Learned {
        let notes = self.lock();
        // What came in one way only needs no condition.
        let alone = |key: &Key| {
            notes.samples.keys().filter(|other| other.0 == key.0 && other.1 == key.1 && other.2 == key.2).count() == 1
        };
        let times = notes.samples.iter().map(|(key, samples)| {
            let (command, form, is_result, says) = key;
            let mut samples = samples.clone();
            samples.sort_unstable();
            Time {
                command: command.clone(),
                form: FORMS.get(usize::from(*form)).copied(),
                of: if *is_result { Of::Result } else { Of::Final },
                when: (!alone(key)).then(|| When::Says(says.clone())),
                source: Some(format!("n = {}", samples.len())),
                spread: Spread::Samples(samples),
            }
        });
        let profile = Profile { name: name.into(), source: source.into(), line: None, times: times.collect() };
        let answers = notes.answers.iter().map(|(typed, lines)| Answer { typed: typed.clone(), lines: lines.clone() });
        Learned { profile, answers: answers.collect() }
    }

    /// How many answers were left out, since they hold secrets or can't be given again.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        // Notes are whole between calls.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes events of the serial line alone, as of a module that is not ours.
struct Pupil {
    reporter: Reporter<Lessons>,
    is_there: bool,
}

impl Watch for Pupil {
    fn hears_messages(&self) -> bool {
        false
    }

    fn host(&mut self, now: Instant, station: usize, here: bool) {
        self.is_there = here;
        self.reporter.host(now, station, here);
    }

    fn serial(&mut self, now: Instant, station: usize, way: Way, bytes: &[u8]) {
        if !std::mem::replace(&mut self.is_there, true) {
            self.reporter.host(now, station, true);
        }
        self.reporter.serial(now, station, way, bytes);
    }
}

impl Listener for Lessons {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let (now, mut notes) = (stamp.t, self.lock());
        match event {
            Event::Attached {} | Event::Detached {} => (notes.lines, notes.last_final) = (BTreeMap::new(), None),
            Event::Typed { line, text, .. } => {
                let begins = notes.last_final.unwrap_or(now).max(now);
                if notes.lines.len() == LINES {
                    notes.lines.pop_first();
                }
                let line_of = Line { text: (*text).into(), begins, said: Vec::new(), ends: None, is_prompted: false };
                notes.lines.insert(*line, line_of);
            }
            Event::Info { line, text } => {
                if let Some(of) = notes.lines.get_mut(line).filter(|of| of.said.len() < MANY) {
                    of.said.push((*text).into());
                }
            }
            Event::Prompt { line, .. } => {
                if let Some(of) = notes.lines.get_mut(line) {
                    of.is_prompted = true;
                    let sample = (of.text.clone(), now.since(of.begins));
                    notes.sample(&sample.0, false, String::new(), sample.1);
                }
            }
            Event::Final { line, text, .. } => notes.ended(*line, text, now),
            Event::Urc { line: Some(line), text, .. } => {
                let of = notes.lines.get(line).and_then(|of| Some((of.text.clone(), now.since(of.ends?))));
                let status = text.rsplit([',', ' ']).next().filter(|status| status.parse::<u16>().is_ok());
                if let (Some((typed, time)), Some(status)) = (of, status) {
                    notes.sample(&typed, true, status.into(), time);
                }
            }
            _ => {}
        }
    }
}

impl Notes {
    fn ended(&mut self, line: u64, text: &str, now: Instant) {
        // A line that was typed ahead is not begun before.
        let begun = self.last_final.replace(now);
        let Some(of) = self.lines.get_mut(&line) else { return };
        of.ends = Some(now);
        let (typed, said, is_prompted) = (of.text.clone(), std::mem::take(&mut of.said), of.is_prompted);
        let time = now.since(of.begins.max(begun.unwrap_or(of.begins)));
        let says = if text == "OK" { "OK" } else { "ERROR" };
        if !is_prompted {
            self.sample(&typed, false, says.into(), time);
            self.answer(&typed, said, text);
        }
    }

    fn sample(&mut self, typed: &str, is_result: bool, says: String, time: Duration) {
        // Of several commands nobody knows which took how long.
        if typed.contains(';') || typed.is_empty() {
            return;
        }
        let (command, form) = command(typed.as_bytes());
        let form = FORMS.iter().position(|known| *known == form).and_then(|form| u8::try_from(form).ok());
        let key = (command, form.unwrap_or_default(), is_result, says);
        if self.samples.len() < MANY || self.samples.contains_key(&key) {
            let samples = self.samples.entry(key).or_default();
            if samples.len() < MANY {
                // No clock of a host says more.
                samples.push(Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or_default() / 100 * 100));
            }
        }
    }

    /// Keeps the answer to a command that our modem does not know; the last one counts.
    fn answer(&mut self, typed: &str, said: Vec<String>, last: &str) {
        let (name, _) = command(typed.as_bytes());
        if name == "AT" || typed.contains(';') || is_known(&name) || (said.is_empty() && last == "ERROR") {
            return;
        }
        let lines: Vec<String> = said.into_iter().chain([last.to_owned()]).collect();
        let is_secret = |text: &str| text.contains('‹');
        let can_be_said = !typed.contains('*') && Reply::new(typed, lines.iter().map(String::as_str)).is_ok();
        if is_secret(typed) || lines.iter().any(|line| is_secret(line)) || !can_be_said {
            self.left_out += 1;
        } else if self.answers.len() < MANY || self.answers.contains_key(typed) {
            self.answers.insert(typed.into(), lines);
        }
    }
}

/// Whether our modem has this command, basic ones with their numbers.
fn is_known(name: &str) -> bool {
    let basic = name.trim_end_matches(|c: char| c.is_ascii_digit());
    COMMANDS.iter().any(|row| row.name.eq_ignore_ascii_case(name) || (!name.starts_with('+') && row.name == basic))
}
