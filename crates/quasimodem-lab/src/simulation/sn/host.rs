//! One client of the modem as its host sees it: what it is owed, and what it got.

mod script;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;

use super::Summary;
use super::network::Arrived;
use super::numbers::Numbers;
use super::watch::{Watch, Will};
use crate::random::Random;

pub(super) struct Client {
    id: u8,
    manner: Manner,
    state: State,
    /// What a reset forgets has been set.
    is_set_up: bool,
    /// When the next thing of the script is done.
    next: Option<Instant>,
    /// Things of the script that are still to be done.
    left: u32,
    /// What is left of the things that must go well.
    finale: u8,
    /// The command line whose final result code is awaited.
    typed: Option<Typed>,
    /// Results that are owed, by the names of their commands.
    owed: BTreeMap<&'static str, VecDeque<Owed>>,
    /// What it is subscribed to, and with which QoS.
    subscribed: BTreeMap<String, Qos>,
    /// Topics of which it is not known.
    unclear: BTreeSet<String>,
    /// Messages of the broker that must come.
    due: BTreeMap<String, Due>,
    got: BTreeMap<String, u32>,
    /// The parts that came of a long message.
    partial: String,
    published: BTreeMap<String, Published>,
    /// Messages that failed before their time was over, and when.
    ended: Vec<(Instant, String)>,
    /// The will that the modem has.
    stored: Option<Will>,
    /// What the will says at the gateway; `None`: that is not clear.
    will: Option<String>,
    numbers: Numbers,
    messages: u32,
}

/// How a client is, in the whole run.
pub(super) struct Manner {
    pub(super) clean: bool,
    pub(super) keep_alive: u16,
    /// Its client id, if not that of the module.
    pub(super) name: Option<String>,
    pub(super) has_will: bool,
    /// The other client has the same client id.
    pub(super) rival: bool,
    pub(super) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Opening,
    Open,
    Closing,
    /// Nothing comes through any more; the break and the will are awaited.
    Vanished {
        broken: bool,
    },
    Done,
}

/// How the script ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Close,
    Vanish,
}

#[derive(Clone, Debug)]
struct Typed {
    name: &'static str,
    what: What,
}

#[derive(Debug)]
struct Owed {
    what: What,
    /// When it must be there.
    until: Instant,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Open,
    Close,
    Register,
    Publish(String),
    Subscribe(String, Qos),
    Unsubscribe(String),
    WillTopic(String, Qos),
    WillMessage(String),
    /// Commands without a result.
    Name,
    Will(Will),
}

struct Due {
    qos: Qos,
    /// At QoS 2 it must come once only.
    once: bool,
}

struct Published {
    topic: String,
    qos: Qos,
    success: bool,
}

/// What a message says, and under which topic.
pub(super) type Messages = BTreeMap<String, (String, String)>;

/// What is to be done.
pub(super) enum Doing {
    Nothing,
    /// The host types this, and these data after the prompt.
    Type(String, Vec<u8>),
    /// Somebody publishes this at the broker.
    Publish {
        topic: String,
        qos: Qos,
        payload: String,
    },
    /// The network does not carry this client any more.
    Vanish,
}

/// What a client needs to know of the world.
pub(super) struct Scene<'a> {
    pub(super) now: Instant,
    pub(super) phase: Phase,
    /// The SIM is there.
    pub(super) carried: bool,
    pub(super) arrived: &'a Arrived,
    pub(super) messages: &'a mut Messages,
    pub(super) watch: &'a mut Watch,
    pub(super) summary: &'a mut Summary,
}

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(super) enum Phase {
    /// Things go wrong, as long as the run lasts.
    Foul,
    /// Things go wrong, but that will end.
    Storm,
    /// Nothing goes wrong any more; what went wrong before may still show.
    Calm,
    /// All must go well.
    Steady,
}

/// What results may come late by: the gap after a final result code, and what the host types meanwhile.
const SLACK: Duration = Duration::from_millis(300);

/// Longer than a datagram, its copies and their answers are on their way.
const ON_ITS_WAY: Duration = Duration::from_millis(1500);

/// How much `+MQTTMSG` reports at once.
const REPORTED_MAX: usize = 1500;

impl Client {
    pub(super) fn new(id: u8, manner: Manner, random: &mut Random) -> Client {
        Client {
            id,
            manner,
            state: State::Closed,
            is_set_up: false,
            next: Some(Instant::START + random.millis(0, 1000)),
            left: u32::try_from(random.between(5, 40)).unwrap_or_default(),
            finale: 4,
            typed: None,
            owed: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            unclear: BTreeSet::new(),
            due: BTreeMap::new(),
            got: BTreeMap::new(),
            partial: String::new(),
            published: BTreeMap::new(),
            ended: Vec::new(),
            stored: None,
            will: None,
            numbers: Numbers::default(),
            messages: 0,
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The modem starts: it can't do anything now.
    pub(super) fn waits(&mut self, now: Instant) {
        self.next = Some(now + Duration::from_secs(1));
    }

    /// What it waits for, in words.
    pub(super) fn left(&self) -> String {
        format!("{} is {:?}, is owed {:?}, waits for {:?}", self.id, self.state, self.owed, self.missing())
    }

    fn missing(&self) -> Option<&String> {
        self.due.keys().find(|payload| !self.got.contains_key(*payload))
    }

    /// An unsolicited line of the modem; tells whether it is this client's.
    pub(super) fn reads(&mut self, line: &str, scene: &mut Scene<'_>) -> Result<bool, String> {
        let now = scene.now;
        let Some((name, rest)) = line.split_once(": ") else { return Ok(false) };
        let mut fields = rest.splitn(2, ',');
        if fields.next() != Some(&self.id.to_string()) {
            return Ok(false);
        }
        let rest = fields.next().unwrap_or_default();
        match name {
            "+MQTTMSG" => self.gets(rest, scene)?,
            "+MQTTBREAK" => {
                scene.summary.breaks += 1;
                if !self.owed.is_empty() {
                    return Err(format!("{}: a break, and no results of {:?}", self.id, self.owed));
                }
                let failed =
                    |payload: &[u8]| self.ended.iter().any(|(at, ended)| *at == now && ended.as_bytes() == payload);
                let cause = rest.parse().unwrap_or_default();
                scene.watch.broke(now, cause, scene.carried, failed).map_err(|what| format!("{}: {what}", self.id))?;
                match &mut self.state {
                    State::Vanished { broken } => *broken = true,
                    State::Done => {}
                    _ if scene.phase == Phase::Steady => {
                        return Err(format!("{}: a break, though all is well", self.id));
                    }
                    _ => self.lost(now),
                }
            }
            "+MQTTSNREG" => {
                let mut fields = rest.splitn(3, ',');
                let (status, number) = (fields.next(), fields.next().and_then(|number| number.parse().ok()));
                if let (Some(number), Some(name)) = (number, fields.next()) {
                    self.numbers.show_name(number, name.trim_matches('"'));
                }
                // The gateway gave a name an id.
                if status != Some("2") {
                    return self.result(name, status == Some("1"), scene);
                }
            }
            _ => return self.result(name, rest.starts_with('1'), scene),
        }
        Ok(true)
    }

    /// A message, or a part of one.
    fn gets(&mut self, rest: &str, scene: &mut Scene<'_>) -> Result<(), String> {
        let Some((topic, part)) = rest.split_once(',').and_then(|(_, rest)| rest.split_once(",\"")) else {
            return Err(format!("{}: {rest:?} is no message", self.id));
        };
        let part = part.trim_end_matches('"');
        self.partial.push_str(part);
        let Some((known, payload)) = scene.messages.get(token(&self.partial)) else {
            return Err(format!("{}: nobody published {:.60?}", self.id, self.partial));
        };
        if !payload.starts_with(&self.partial) || part.len() > REPORTED_MAX {
            return Err(format!("{}: {:?} came as {:?}", self.id, payload, self.partial));
        }
        match topic.parse() {
            Ok(number) => {
                self.numbers.show_topic(number, known).map_err(|what| format!("{}: {what}", self.id))?;
            }
            // The ids of a session that another client began anew are not those that this one knows.
            Err(_) if topic.trim_matches('"') != known && !self.manner.rival => {
                return Err(format!("{}: {:.20?} of {known:?} came as one of {topic}", self.id, self.partial));
            }
            Err(_) => {}
        }
        if payload.len() > self.partial.len() {
            return if part.len() == REPORTED_MAX { Ok(()) } else { Err(format!("{}: {part:.60?} is cut", self.id)) };
        }
        let payload = std::mem::take(&mut self.partial);
        if self.due.contains_key(&payload) {
            scene.summary.delivered += 1;
        }
        *self.got.entry(payload).or_default() += 1;
        Ok(())
    }

    /// The final result code of what was typed last.
    pub(super) fn answered(&mut self, accepted: bool, scene: &mut Scene<'_>) -> Result<(), String> {
        let Some(Typed { name, what }) = self.typed.take() else { return Ok(()) };
        self.numbers.answered(accepted);
        match what {
            What::Will(will) if accepted => {
                self.will = Some(will.2.clone());
                self.stored = Some(will);
            }
            What::Name if accepted => self.is_set_up = true,
            _ if accepted => {
                scene.summary.commands += 1;
                let seconds = if what == What::Open { 5 } else { 3 };
                let until = scene.now + Duration::from_secs(seconds) + SLACK;
                self.owed.entry(name).or_default().push_back(Owed { what, until });
            }
            _ => self.failed(&what, scene)?,
        }
        Ok(())
    }

    /// The result of the oldest command of this name.
    fn result(&mut self, name: &str, success: bool, scene: &mut Scene<'_>) -> Result<bool, String> {
        let Some(queue) = self.owed.get_mut(name) else { return Err(format!("{}: nobody is owed {name}", self.id)) };
        let owed = queue.pop_front();
        if queue.is_empty() {
            self.owed.remove(name);
        }
        let Some(Owed { what, until }) = owed else { return Err(format!("{}: nobody is owed {name}", self.id)) };
        if scene.now > until {
            return Err(format!("{}: the result of {what:?} is late", self.id));
        }
        if !success {
            self.failed(&what, scene)?;
            if let What::Publish(payload) = what
                && scene.now + SLACK < until
            {
                // It is not late: it ended with something else.
                self.ended.retain(|(at, _)| *at == scene.now);
                self.ended.push((scene.now, payload));
            }
            return Ok(true);
        }
        scene.summary.successes += 1;
        match what {
            What::Open => {
                self.state = State::Open;
                self.will = self.stored.as_ref().map(|(.., message)| message.clone());
            }
            What::Close => {
                scene.watch.closed().map_err(|what| format!("{}: {what}", self.id))?;
                self.finish();
            }
            What::Publish(payload) => {
                let arrived = scene.arrived.get(&payload);
                if let Some(published) = self.published.get_mut(&payload) {
                    published.success = true;
                    // The ids of a session that another client began anew are not those that this one knows.
                    let rival = self.manner.rival;
                    let there = arrived.is_some_and(|topics| rival || topics.contains(&published.topic));
                    if published.qos != Qos::AtMostOnce && !there {
                        let topic = &published.topic;
                        return Err(format!(
                            "{}: {payload:.20} is reported as published to {topic:?}, and is not: {arrived:?}",
                            self.id
                        ));
                    }
                }
            }
            What::Subscribe(filter, qos) => {
                self.unclear.remove(&filter);
                self.subscribed.insert(filter, qos);
            }
            What::WillMessage(payload) => {
                if let Some((.., message)) = &mut self.stored {
                    message.clone_from(&payload);
                }
                self.will = Some(payload);
                scene.watch.will_is(self.stored.clone());
                // It has no identifier: an answer to one of its copies would be taken for that to the next update.
                self.next = Some(scene.now + ON_ITS_WAY);
            }
            What::WillTopic(new, new_qos) => {
                if let Some((topic, qos, _)) = &mut self.stored {
                    (*topic, *qos) = (new, new_qos);
                }
                scene.watch.will_is(self.stored.clone());
                self.next = Some(scene.now + ON_ITS_WAY);
            }
            What::Unsubscribe(_) | What::Register | What::Name | What::Will(_) => {}
        }
        Ok(true)
    }

    fn failed(&mut self, what: &What, scene: &Scene<'_>) -> Result<(), String> {
        if scene.phase == Phase::Steady && !matches!(self.state, State::Vanished { .. }) && self.left == 0 {
            return Err(format!("{}: {what:?} fails, though all is well", self.id));
        }
        let now = scene.now;
        match what {
            What::Open => self.lost(now),
            What::Close => self.finish(),
            What::WillMessage(_) | What::WillTopic(..) => self.next = Some(now + ON_ITS_WAY),
            _ => self.not_clear(what),
        }
        Ok(())
    }

    fn not_clear(&mut self, what: &What) {
        if let What::Subscribe(filter, _) | What::Unsubscribe(filter) = what {
            self.unclear.insert(filter.clone());
        }
    }

    /// The connection is gone, with what a clean session held.
    fn lost(&mut self, now: Instant) {
        self.state = State::Closed;
        self.next = Some(now + ON_ITS_WAY);
        // Every other time a new one is set. Otherwise what an update changed is told by the next connect.
        self.will =
            self.stored.as_ref().filter(|_| self.messages.is_multiple_of(2)).map(|(.., message)| message.clone());
        if self.manner.clean {
            self.subscribed.clear();
            self.unclear.clear();
            self.due.retain(|payload, _| self.got.contains_key(payload));
            self.numbers.forget();
        }
    }

    /// The modem is reset: it owes nothing, and has forgotten all. Gateway and broker have not.
    pub(super) fn reset(&mut self, now: Instant) {
        self.typed = None;
        for owed in std::mem::take(&mut self.owed).into_values().flatten() {
            self.not_clear(&owed.what);
        }
        self.partial.clear();
        if let State::Done | State::Vanished { .. } = self.state {
            return;
        }
        self.stored = None;
        self.lost(now);
        self.is_set_up = false;
        self.numbers.forget();
        self.due.values_mut().for_each(|due| due.once = false);
    }

    fn finish(&mut self) {
        self.state = State::Done;
        self.next = None;
    }

    fn said(&self) -> String {
        self.will.clone().unwrap_or_default()
    }

    /// What must hold in the end; `single` tells of which messages no copy can come after its exchange.
    pub(super) fn check(&self, arrived: &Arrived, single: impl Fn(&str) -> bool) -> Result<(), String> {
        for (payload, Published { topic, qos, success }) in &self.published {
            let topics = arrived.get(payload).map(Vec::as_slice).unwrap_or_default();
            let fits = match (qos, success) {
                // Two with one client id begin and end each other's sessions.
                (Qos::ExactlyOnce, _) if self.manner.rival => topics.is_empty() <= !success,
                (Qos::ExactlyOnce, true) => topics.len() == 1,
                (Qos::ExactlyOnce, false) => topics.len() <= 1,
                (Qos::AtLeastOnce, true) => !topics.is_empty(),
                _ => true,
            };
            if !fits || !self.manner.rival && topics.iter().any(|other| other != topic) {
                return Err(format!(
                    "{}: {payload:.20} of {qos:?} to {topic:?}, reported {success}, arrived under {topics:?}",
                    self.id
                ));
            }
        }
        for (payload, Due { qos, once }) in &self.due {
            let times = self.got.get(payload).copied().unwrap_or_default();
            if times == 0 || times > 1 && *once && *qos == Qos::ExactlyOnce && single(payload) {
                return Err(format!("{}: {payload:.20} of {qos:?} came {times} times", self.id));
            }
        }
        Ok(())
    }
}

/// What begins a message, and tells it from all others.
fn token(payload: &str) -> &str {
    payload.split('.').next().unwrap_or_default()
}
