//! Simulation: modems, hosts, a network and a broker, with faults, all drawn from one number; and what must hold.
//!
//! ```
//! let summary = quasimodem_lab::simulation::run(1)?;
//! assert!(summary.packets > 0);
//! # Ok::<(), Box<quasimodem_lab::simulation::Failure>>(())
//! ```
//!
//! A run is a [`Scenario`] in a [`World`](crate::world::World). Its `Log` is checked by what reads the serial line,
//! the packets and the broker's notes by itself. [`Invariant`] says what is checked. A run that breaks one gives a
//! [`Failure`] that prints the seed and a transcript of the modem.

pub mod bad_days;
mod connection;
mod delivery;
mod draft;
mod log;
mod promises;
mod reader;
mod results;
mod run;
mod scenario;
pub mod sn;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use quasimodem_core::Instant;

use self::connection::Connection;
use self::delivery::Receiver;
use self::promises::Promises;
use self::reader::{Heard, Reader, Typed};
use self::results::Results;
use crate::broker::{Note, Peer};
use crate::script::Mistake;

pub use self::log::{Entry, Saw, What};
use self::run::play;
pub use self::run::rested;
use self::scenario::RESETS;
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
    /// Packets are well-formed, and acknowledge what came; a client that the host closes sends DISCONNECT.
    Protocol,
    /// No connection ends because of packets that do no harm.
    Patient,
    /// A peer that is silent for the keep-alive time, and for that of a ping, is given up.
    Alive,
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

/// Checks what happened in a run of this scenario.
pub fn check(scenario: &Scenario, entries: &[Entry], checks: Checks) -> Result<Summary, Broken> {
    let mut checker = Checker::new(scenario, checks);
    for entry in entries {
        checker.entry(entry)?;
    }
    let time = entries.last().map_or(Duration::ZERO, |entry| entry.at.since(Instant::START));
    let at = Instant::START + time;
    checker.end(at).map_err(|broken| Broken { at, ..broken })?;
    Ok(Summary { stations: scenario.stations.len(), time, ..checker.summary })
}

/// Reads a log entry by entry.
struct Checker<'a> {
    messages: &'a Messages,
    checks: Checks,
    stations: Vec<Checked>,
    /// Of each broker.
    promises: Vec<Promises>,
    summary: Summary,
}

struct Checked {
    reader: Reader,
    results: Results,
    receivers: BTreeMap<u8, Receiver>,
    connections: BTreeMap<u8, Connection>,
    /// Messages are to be read with `+MQTTREAD`.
    reads: bool,
}

impl Checker<'_> {
    fn new(scenario: &Scenario, checks: Checks) -> Checker<'_> {
        let checked = |station: &Station| Checked {
            reader: Reader::new(station.settings.clone()),
            results: Results::default(),
            receivers: [(1, Receiver::default()), (2, Receiver::default())].into(),
            connections: [(1, Connection::default()), (2, Connection::default())].into(),
            reads: false,
        };
        Checker {
            messages: &scenario.messages,
            checks,
            stations: scenario.stations.iter().map(checked).collect(),
            promises: (0..scenario.brokers).map(|_| Promises::default()).collect(),
            summary: Summary::default(),
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Broken> {
        let at = entry.at;
        match &entry.what {
            What::Station(station, saw) => {
                self.saw(at, *station, saw).map_err(|broken| Broken { at, station: Some(*station), ..broken })
            }
            What::Broker(which, note) => {
                self.summary.published += usize::from(matches!(note, Note::Published { .. }));
                if let Some(promises) = self.promises.get_mut(*which) {
                    promises.note(note, self.messages).map_err(|broken| Broken { at, ..broken })?;
                }
                self.accepted_again(note);
                Ok(())
            }
            What::Restarted(keep) => {
                self.promises.iter_mut().for_each(|promises| promises.restarted(*keep));
                Ok(())
            }
        }
    }

    /// Tells the receivers of a message that the broker accepted more than once.
    fn accepted_again(&mut self, note: &Note) {
        if let Note::Published { message, .. } = note
            && let Ok((token, _)) = delivery::known(self.messages, &message.topic, &message.payload)
            && self.promises.iter().any(|promises| promises.accepted_again(token))
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
                if let Some(line) = checked.reader.attached(now, *attached) {
                    checked.results.left(&line);
                }
            }
            Saw::Full(full) => checked.reader.full(*full),
            Saw::Linked(link, wire, broker) => {
                if let Some(promises) = self.promises.get_mut(*broker) {
                    promises.linked(Peer(wire.0), (station, link.0));
                }
                if let Some(receiver) = checked.receivers.get_mut(&link.0) {
                    receiver.linked(*broker);
                }
                if let Some(connection) = checked.connections.get_mut(&link.0) {
                    connection.linked(now);
                }
            }
            Saw::Paused(link, paused) => {
                if let Some(connection) = checked.connections.get_mut(&link.0) {
                    connection.paused(now, *paused);
                }
            }
            Saw::Received(link, bytes) => {
                if let Some(connection) = checked.connections.get_mut(&link.0) {
                    connection.received(now, bytes.len());
                }
                if let Some(receiver) = checked.receivers.get_mut(&link.0) {
                    receiver.received(bytes, self.checks.kept_sessions, messages)?;
                }
            }
            Saw::Printed(bytes) => {
                let Checked { reader, results, receivers, connections, reads } = checked;
                let promises = &self.promises;
                let mut host = Listening { station, results, receivers, connections, reads, promises, messages };
                reader.printed(now, bytes, messages, |heard| host.heard(&heard))?;
            }
            Saw::Sent(link, bytes) => {
                self.summary.packets += 1;
                if let Some(connection) = checked.connections.get_mut(&link.0) {
                    connection.sent(bytes, |text| scenario::find(messages, text))?;
                }
                if let Some(receiver) = checked.receivers.get_mut(&link.0)
                    && let Some(token) = receiver.sent(bytes, checked.reads, messages)?
                {
                    self.summary.delivered += 1;
                    let from = receiver.broker();
                    if let Some(promises) = self.promises.get_mut(from) {
                        promises.delivered((station, link.0), &token);
                    }
                }
            }
            Saw::Broken(client) => checked.results.broken(client.number()),
            Saw::Blamed(client, words) => {
                let what = format!("client {client} is given up, since {words}");
                return Err(Broken::new(Invariant::Patient, what));
            }
            Saw::Closed(link) => {
                if let Some(connection) = checked.connections.get_mut(&link.0) {
                    connection.ended();
                }
            }
            Saw::Opened(_) => {}
            Saw::Done(deadline, _) => {
                self.summary.calls += 1;
                if deadline.is_some_and(|deadline| deadline <= now) {
                    let what = format!("the deadline {deadline:?} did not move on");
                    return Err(Broken::new(Invariant::Quiet, what));
                }
                for connection in checked.connections.values() {
                    connection.check_alive(now)?;
                }
                checked.reader.done(now, *deadline)?;
                if checked.reader.is_free(now) {
                    checked.results.check_late(now)?;
                }
            }
        }
        Ok(())
    }

    fn end(&self, now: Instant) -> Result<(), Broken> {
        for (station, checked) in self.stations.iter().enumerate() {
            let ends = checked.receivers.values().map(Receiver::check_end);
            let alive = checked.connections.values().map(|connection| connection.check_alive(now));
            for end in ends.chain(alive).chain([checked.results.check_end()]) {
                end.map_err(|broken| Broken { station: Some(station), ..broken })?;
            }
        }
        self.promises.iter().try_for_each(Promises::check_end)
    }
}

/// The host of a station, while it reads what the modem printed.
struct Listening<'a> {
    station: usize,
    results: &'a mut Results,
    receivers: &'a mut BTreeMap<u8, Receiver>,
    connections: &'a mut BTreeMap<u8, Connection>,
    reads: &'a mut bool,
    promises: &'a [Promises],
    messages: &'a Messages,
}

impl Listening<'_> {
    /// The host heard something: what must hold now?
    fn heard(&mut self, heard: &Heard) -> Result<(), Broken> {
        match heard {
            Heard::Answer { typed, ok: true } => self.accepted(typed),
            Heard::Answer { .. } => Ok(()),
            Heard::Read(client, message) => match self.receivers.get_mut(client) {
                Some(receiver) => receiver.read(message.as_ref(), self.messages),
                None => Ok(()),
            },
            Heard::Urc(urc) => {
                let (station, client) = (self.station, urc.client());
                let holds = |name: &str, what: &str| {
                    self.promises.iter().any(|promises| promises.holds((station, client), name, what))
                };
                self.results.told(urc, holds)?;
                match self.receivers.get_mut(&client) {
                    Some(receiver) => receiver.told(urc, self.messages),
                    None => Ok(()),
                }
            }
        }
    }

    fn accepted(&mut self, typed: &Typed) -> Result<(), Broken> {
        let text = [typed.line.as_slice(), typed.data.as_deref().unwrap_or_default()].concat();
        let message = scenario::find(self.messages, &text);
        self.results.accepted(typed, message.as_ref());
        if RESETS.iter().any(|reset| reset.as_bytes() == typed.line) {
            self.results.reset();
            self.receivers.values_mut().for_each(Receiver::reset);
            self.connections.values_mut().for_each(|connection| *connection = Connection::default());
            *self.reads = false;
        }
        if let Some(mode) = results::client_of(&typed.line, "+MQTTCONF") {
            *self.reads = mode == 1;
        }
        if let Some(connection) = self.client(typed, "+MQTTWILL") {
            connection.will = message.map(|(token, _)| token.clone());
        }
        if let Some(connection) = self.client(typed, "+MQTTCLOSE") {
            connection.closed()?;
        }
        if let Some(receiver) = results::client_of(&typed.line, "+MQTTCLOSE").and_then(|id| self.receivers.get_mut(&id))
        {
            receiver.closed();
        }
        Ok(())
    }

    /// The connection of the client that a line names, if it is the set form of this command.
    fn client(&mut self, typed: &Typed, name: &str) -> Option<&mut Connection> {
        results::client_of(&typed.line, name).and_then(|id| self.connections.get_mut(&id))
    }
}

impl Broken {
    fn new(invariant: Invariant, what: String) -> Broken {
        Broken { invariant, station: None, at: Instant::START, what }
    }
}

impl From<Mistake> for Broken {
    fn from(bad: Mistake) -> Broken {
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
