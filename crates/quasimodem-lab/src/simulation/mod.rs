//! Simulation: modems, hosts, a network and a broker, with faults, all drawn from one number; and what must hold.
//!
//! ```
//! let summary = quasimodem_lab::simulation::run(1)?;
//! assert!(summary.packets > 0);
//! # Ok::<(), Box<quasimodem_lab::simulation::Failure>>(())
//! ```
//!
//! A run is a [`Scenario`] in a [`World`]. Its [`Log`](log) is checked by what reads the serial line, the packets and the
//! broker's notes by itself. [`Invariant`] says what is checked. A run that breaks one gives a [`Failure`] that prints
//! the seed and a transcript of the modem.

mod delivery;
mod log;
mod promises;
mod reader;
mod results;
mod scenario;
pub mod sn;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use quasimodem_core::{Instant, Modem};

use self::delivery::Receiver;
use self::log::Log;
use self::promises::Promises;
use self::reader::{Heard, Reader};
use self::results::Results;
use crate::broker::{Config, Note, Peer};
use crate::recorder::{Recorder, Secrets};
use crate::script::{BadScript, Host};
use crate::world::{Change, World};

pub use self::log::{Entry, Saw, What};
pub use self::scenario::{Message, Messages, Scenario, Station};

/// What must hold whatever happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invariant {
    /// All that the host reads is echo, information lines of its command, final result codes, and unsolicited result
    /// codes that the manual knows, each whole.
    Bytes,
    /// Each command line gets one final result code, at once or within its time.
    Answers,
    /// No unsolicited result code comes inside a response, into raw data, into a half-typed line, or within the gap.
    Urc,
    /// Each asynchronous command that was accepted gets one result, in time and in order; a break comes behind what it
    /// ended, and is told.
    Results,
    /// What is reported as done is done: published, or subscribed to.
    Reported,
    /// What the modem acknowledged reaches the host, the oldest first, unless the host closes the client.
    Kept,
    /// Exactly once at QoS 2, at most once at QoS 0, as long as neither side forgets its session.
    Once,
    /// Messages of one publisher, topic and QoS come in their order.
    Order,
    /// At QoS 1 and 2, all that the broker accepted comes to each session that is subscribed.
    Delivery,
    /// Messages come as they were published.
    Payload,
    /// Packets are well-formed, and acknowledge what came.
    Protocol,
    /// No more waits than the pool has room for.
    Memory,
    /// The deadline lies ahead, and in the end all is quiet: scripts end, nobody is owed anything.
    Quiet,
    /// The scenario itself makes sense.
    Scenario,
}

/// What was broken, where and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// What must hold.
    pub invariant: Invariant,
    /// Whose it is, if a modem's.
    pub station: Option<usize>,
    /// When it showed.
    pub at: Instant,
    /// In words.
    pub what: String,
}

/// A run that broke an invariant. `Display` prints all.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What was broken.
    pub broken: Broken,
    /// What the modem saw and did up to then, to be replayed by [`transcript::run`](crate::transcript::run).
    pub transcript: String,
}

/// How much happened in a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Modems.
    pub stations: usize,
    /// Calls of `handle` of all modems.
    pub calls: usize,
    /// Packets that modems sent.
    pub packets: usize,
    /// Messages that the broker accepted.
    pub published: usize,
    /// Messages of QoS 1 and 2 that modems took over.
    pub delivered: usize,
    /// Virtual time that passed.
    pub time: Duration,
}

/// Which checks hold today.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checks {
    /// Modems keep the state of sessions without `clean` over breaks.
    pub kept_sessions: bool,
}

/// All of them.
pub const CHECKS: Checks = Checks { kept_sessions: true };

/// How long everything is given to come to rest behind the scripts.
const REST: Duration = Duration::from_secs(30);

/// Steps of a run at most: many times what any takes.
const STEPS_MAX: usize = 1_000_000;

/// The longest that scripts may take.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Runs the scenario of a seed and checks it.
pub fn run(seed: u64) -> Result<Summary, Box<Failure>> {
    let (scenario, log, end) = play(seed, None);
    let checked = |scenario: &Scenario| match (check(scenario, &log.entries, CHECKS), end) {
        // What was cut short looks as if things were missing in the end.
        (Err(broken), Err(end)) if broken.at >= end.at => Err(end),
        (Ok(_), Err(end)) => Err(end),
        (result, _) => result,
    };
    let result = scenario.and_then(|scenario| checked(&scenario));
    result.map_err(|broken| {
        let station = broken.station.unwrap_or_default();
        let transcript = transcript_until(seed, station, Some(&broken));
        Box::new(Failure { seed, broken, transcript })
    })
}

/// What happened in the run of a seed.
pub fn log(seed: u64) -> Vec<Entry> {
    play(seed, None).1.entries
}

/// The transcript of one modem in the run of a seed.
pub fn transcript(seed: u64, station: usize) -> String {
    transcript_until(seed, station, None)
}

fn transcript_until(seed: u64, station: usize, broken: Option<&Broken>) -> String {
    let (_, log, _) = play(seed, Some((station, broken.map(|broken| broken.at))));
    let Some((_, mut recorder)) = log.recorder else { return String::new() };
    if let Some(broken) = broken {
        recorder.comment(&broken.to_string());
    }
    recorder.to_string()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Time(Instant),
    ScriptsAreOver,
}

type Played = (Result<Scenario, Broken>, Log, Result<(), Broken>);

/// Runs the scenario, with a recorder at one station if asked for, up to a time if there is one.
fn play(seed: u64, record: Option<(usize, Option<Instant>)>) -> Played {
    let mut log = Log::default();
    let scenario = match Scenario::draw(seed) {
        Ok(scenario) => scenario,
        Err(bad) => return (Err(bad.into()), log, Ok(())),
    };
    if let Some((index, _)) = record {
        let station = scenario.stations.get(index);
        log.recorder = station.map(|station| (index, Recorder::new(&station.settings, station.imei, Secrets::Shown)));
    }
    let stop = record.and_then(|(_, until)| until);
    let end = drive(seed, &scenario, stop, &mut log);
    (Ok(scenario), log, end)
}

fn drive(seed: u64, scenario: &Scenario, stop: Option<Instant>, log: &mut Log) -> Result<(), Broken> {
    let mut world = World::new(seed ^ 0x5eed, Config::default());
    for station in &scenario.stations {
        let host = Host::new(station.script.clone());
        let index = world.add(station.settings.clone(), station.imei, station.serial, station.route, host);
        world.plan(Instant::START, Change::Attach(index, true));
    }
    for (at, change) in &scenario.faults {
        world.plan(*at, change.clone());
    }
    let last = stop.unwrap_or(scenario.quiet + LONGEST);
    let mut steps = 0;
    let mut pass = |world: &mut World, log: &mut Log, until: Until| {
        let end = match until {
            Until::Time(end) => end.min(last),
            Until::ScriptsAreOver => last,
        };
        while !(until == Until::ScriptsAreOver && world.scripts_are_over()) && world.step(end, log) {
            steps += 1;
            if steps > STEPS_MAX {
                let what = "something happens over and over".into();
                return Err(Broken { at: world.now(), ..Broken::new(Invariant::Quiet, what) });
            }
        }
        Ok(())
    };
    pass(&mut world, log, Until::Time(scenario.quiet))?;
    for round in 0..2 {
        pass(&mut world, log, Until::ScriptsAreOver)?;
        if stop.is_some_and(|stop| world.now() >= stop) {
            return Ok(());
        }
        if !world.scripts_are_over() {
            return Err(Broken { at: world.now(), ..Broken::new(Invariant::Quiet, "a script never ends".into()) });
        }
        let rested = world.now() + REST;
        pass(&mut world, log, Until::Time(rested))?;
        world.rest_until(rested.min(last));
        if round == 0 {
            for (index, station) in scenario.stations.iter().enumerate() {
                world.give(index, Host::new(station.last_script.clone()), log);
            }
        }
    }
    let owes = (0..scenario.stations.len()).find(|index| world.modem(*index).is_some_and(Modem::owes));
    match owes {
        Some(index) => {
            let what = "all is quiet, but the host is owed something".into();
            Err(Broken { station: Some(index), at: world.now(), ..Broken::new(Invariant::Quiet, what) })
        }
        None => Ok(()),
    }
}

/// Checks what happened in a run of this scenario.
pub fn check(scenario: &Scenario, entries: &[Entry], checks: Checks) -> Result<Summary, Broken> {
    let mut checker = Checker::new(scenario, checks);
    for entry in entries {
        checker.entry(entry)?;
    }
    let time = entries.last().map_or(Duration::ZERO, |entry| entry.at.since(Instant::START));
    let at = Instant::START + time;
    checker.end().map_err(|broken| Broken { at, ..broken })?;
    Ok(Summary { stations: scenario.stations.len(), time, ..checker.summary })
}

/// Reads a log entry by entry.
struct Checker<'a> {
    messages: &'a Messages,
    checks: Checks,
    stations: Vec<Checked>,
    promises: Promises,
    summary: Summary,
}

struct Checked {
    reader: Reader,
    results: Results,
    receivers: BTreeMap<u8, Receiver>,
    /// Messages are to be read with `+MQTTREAD`.
    reads: bool,
}

impl Checker<'_> {
    fn new(scenario: &Scenario, checks: Checks) -> Checker<'_> {
        let checked = |station: &Station| Checked {
            reader: Reader::new(station.settings.clone()),
            results: Results::default(),
            receivers: [(1, Receiver::default()), (2, Receiver::default())].into(),
            reads: false,
        };
        Checker {
            messages: &scenario.messages,
            checks,
            stations: scenario.stations.iter().map(checked).collect(),
            promises: Promises::default(),
            summary: Summary::default(),
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Broken> {
        let at = entry.at;
        match &entry.what {
            What::Station(station, saw) => {
                self.saw(at, *station, saw).map_err(|broken| Broken { at, station: Some(*station), ..broken })
            }
            What::Broker(note) => {
                self.summary.published += usize::from(matches!(note, Note::Published { .. }));
                self.promises.note(note, self.messages).map_err(|broken| Broken { at, ..broken })?;
                self.accepted_again(note);
                Ok(())
            }
            What::Restarted(keep) => {
                self.promises.restarted(*keep);
                Ok(())
            }
        }
    }

    /// Tells the receivers of a message that the broker accepted more than once.
    fn accepted_again(&mut self, note: &Note) {
        if let Note::Published { message, .. } = note
            && let Ok((token, _)) = delivery::known(self.messages, &message.topic, &message.payload)
            && self.promises.accepted_again(token)
        {
            for receiver in self.stations.iter_mut().flat_map(|station| station.receivers.values_mut()) {
                receiver.comes_again(token);
            }
        }
    }

    fn saw(&mut self, now: Instant, station: usize, saw: &Saw) -> Result<(), Broken> {
        let messages = self.messages;
        let Some(checked) = self.stations.get_mut(station) else { return Ok(()) };
        match saw {
            Saw::Typed(bytes) => checked.reader.typed(now, bytes),
            Saw::Attached(attached) => {
                if let Some(line) = checked.reader.attached(*attached) {
                    checked.results.left(&line);
                }
            }
            Saw::Full(full) => checked.reader.full(*full),
            Saw::Linked(link, wire) => {
                self.promises.linked(Peer(wire.0), (station, link.0));
                if let Some(receiver) = checked.receivers.get_mut(&link.0) {
                    receiver.linked();
                }
            }
            Saw::Received(link, bytes) => {
                if let Some(receiver) = checked.receivers.get_mut(&link.0) {
                    receiver.received(bytes, self.checks.kept_sessions, messages)?;
                }
            }
            Saw::Printed(bytes) => {
                let Checked { reader, results, receivers, reads } = checked;
                let promises = &self.promises;
                reader.printed(now, bytes, messages, |heard| {
                    heard_by(&heard, station, results, receivers, reads, promises, messages)
                })?;
            }
            Saw::Sent(link, bytes) => {
                self.summary.packets += 1;
                if let Some(receiver) = checked.receivers.get_mut(&link.0)
                    && let Some(token) = receiver.sent(bytes, checked.reads, messages)?
                {
                    self.summary.delivered += 1;
                    self.promises.delivered((station, link.0), &token);
                }
            }
            Saw::Broken(client) => checked.results.broken(client.number()),
            Saw::Opened(_) | Saw::Closed(_) => {}
            Saw::Done(deadline, _) => {
                self.summary.calls += 1;
                if deadline.is_some_and(|deadline| deadline <= now) {
                    let what = format!("the deadline {deadline:?} did not move on");
                    return Err(Broken::new(Invariant::Quiet, what));
                }
                checked.reader.done(now, *deadline)?;
                if checked.reader.is_free(now) {
                    checked.results.check_late(now)?;
                }
            }
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Broken> {
        for (station, checked) in self.stations.iter().enumerate() {
            let ends = checked.receivers.values().map(Receiver::check_end);
            for end in ends.chain([checked.results.check_end()]) {
                end.map_err(|broken| Broken { station: Some(station), ..broken })?;
            }
        }
        self.promises.check_end()
    }
}

/// The host heard something: what must hold now?
fn heard_by(
    heard: &Heard,
    station: usize,
    results: &mut Results,
    receivers: &mut BTreeMap<u8, Receiver>,
    reads: &mut bool,
    promises: &Promises,
    messages: &Messages,
) -> Result<(), Broken> {
    match heard {
        Heard::Answer { typed, ok: true } => {
            let text = [typed.line.as_slice(), typed.data.as_deref().unwrap_or_default()].concat();
            results.accepted(typed, scenario::find(messages, &text).as_ref());
            if let Some(mode) = results::client_of(&typed.line, "+MQTTCONF") {
                *reads = mode == 1;
            }
            if let Some(receiver) = results::client_of(&typed.line, "+MQTTCLOSE").and_then(|id| receivers.get_mut(&id))
            {
                receiver.closed();
            }
            Ok(())
        }
        Heard::Answer { .. } => Ok(()),
        Heard::Read(client, message) => match receivers.get_mut(client) {
            Some(receiver) => receiver.read(message.as_ref(), messages),
            None => Ok(()),
        },
        Heard::Urc(urc) => {
            let client = urc.client();
            results.told(urc, |name, what| promises.holds((station, client), name, what))?;
            match receivers.get_mut(&client) {
                Some(receiver) => receiver.told(urc, messages),
                None => Ok(()),
            }
        }
    }
}

impl Broken {
    fn new(invariant: Invariant, what: String) -> Broken {
        Broken { invariant, station: None, at: Instant::START, what }
    }
}

impl From<BadScript> for Broken {
    fn from(bad: BadScript) -> Broken {
        Broken::new(Invariant::Scenario, bad.to_string())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.invariant)?;
        if let Some(station) = self.station {
            write!(f, " at modem {station}")?;
        }
        write!(f, " after {:?}: {}", self.at, self.what)
    }
}

impl std::error::Error for Broken {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\n\n{}", self.seed, self.broken, self.transcript)
    }
}

impl std::error::Error for Failure {}
