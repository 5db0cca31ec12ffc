//! One client of the modem as its host sees it: what it does, what it is owed, and what it got.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;

use super::Summary;
use super::network::Arrived;
use crate::random::Random;

pub(super) struct Client {
    id: u8,
    clean: bool,
    keep_alive: u16,
    state: State,
    /// When the next thing of the script is done.
    next: Option<Instant>,
    /// Things of the script that are still to be done.
    left: u32,
    /// The command line whose final result code is awaited.
    typed: Option<Typed>,
    /// Results that are owed, by the names of their commands.
    owed: BTreeMap<&'static str, VecDeque<Owed>>,
    /// What it is subscribed to, and with which QoS.
    subscribed: BTreeMap<String, Qos>,
    /// Topics of which it is not known.
    unclear: BTreeSet<String>,
    /// Messages of the broker that must come, and their QoS.
    due: BTreeMap<String, Qos>,
    got: BTreeMap<String, u32>,
    /// QoS and status of what was published.
    published: BTreeMap<String, (Qos, bool)>,
    /// What the will says; `None`: that is not clear.
    will: Option<String>,
    messages: u32,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Opening,
    Open,
    Closing,
    /// Nothing comes through any more; the will is awaited.
    Vanished,
    Done,
}

/// How the script ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
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
    Publish(String, Qos),
    Subscribe(String, Qos),
    Unsubscribe(String),
    WillTopic,
    WillMessage(String),
    /// `+MQTTWILL`, which has no result.
    Will,
}

/// What is to be done.
pub(super) enum Doing {
    Nothing,
    /// The host types this.
    Type(String),
    /// Somebody publishes this at the broker.
    Publish {
        topic: String,
        qos: Qos,
        payload: String,
    },
    /// The network does not carry this client any more.
    Vanish,
}

/// What results may come late by: the gap behind a final result code, and what the host types meanwhile.
const SLACK: Duration = Duration::from_millis(300);

/// Longer than a datagram, its copies and their answers are on their way.
const ON_ITS_WAY: Duration = Duration::from_millis(1500);

impl Client {
    pub(super) fn draw(id: u8, random: &mut Random) -> Client {
        Client {
            id,
            clean: random.chance(50),
            keep_alive: random.pick([5, 10, 30]),
            state: State::Closed,
            next: Some(Instant::START + random.millis(0, 1000)),
            left: u32::try_from(random.between(5, 40)).unwrap_or_default(),
            typed: None,
            owed: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            unclear: BTreeSet::new(),
            due: BTreeMap::new(),
            got: BTreeMap::new(),
            published: BTreeMap::new(),
            will: None,
            messages: 0,
            end: random.pick([End::Close, End::Close, End::Vanish]),
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// What it waits for, in words.
    pub(super) fn left(&self) -> String {
        let due: Vec<&String> = self.due.keys().filter(|payload| !self.got.contains_key(*payload)).collect();
        format!("{} is {:?}, is owed {:?}, waits for {due:?}", self.id, self.state, self.owed)
    }

    /// The next thing of the script.
    pub(super) fn act(&mut self, now: Instant, random: &mut Random, arrived: &Arrived) -> Result<Doing, String> {
        if let Some(late) = self.owed.values().flatten().find(|owed| owed.until < now) {
            return Err(format!("{}: no result came of {:?}", self.id, late.what));
        }
        self.next = Some(now + random.millis(20, 1200));
        match self.state {
            State::Closed if self.will.is_none() => {
                self.will = Some(self.payload("w"));
                let line = format!("AT+MQTTWILL={0},\"{0}/will\",{1},0,\"{2}\"", self.id, random.below(3), self.said());
                Ok(self.types(line, "", What::Will))
            }
            State::Closed => {
                self.state = State::Opening;
                let Client { id, clean, keep_alive, .. } = *self;
                let line = format!("AT+MQTTOPEN={id},\"gateway\",1884,{},{keep_alive}", u8::from(clean));
                Ok(self.types(line, "+MQTTOPEN", What::Open))
            }
            State::Opening | State::Closing | State::Done => Ok(Doing::Nothing),
            State::Open if self.left > 0 => {
                self.left -= 1;
                Ok(self.does_something(random))
            }
            State::Open => Ok(self.ends()),
            State::Vanished => {
                if arrived.contains_key(&self.said()) {
                    self.finish();
                }
                Ok(Doing::Nothing)
            }
        }
    }

    fn does_something(&mut self, random: &mut Random) -> Doing {
        let id = self.id;
        let topics =
            [format!("{id}/long/name"), format!("{id}/other"), format!("{}a", id % 10), format!("{id}/wild/x")];
        let topic = random.pick([0, 1, 2, 3]);
        let topic = topics.get(topic).cloned().unwrap_or_default();
        let qos = random.pick([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        match random.below(20) {
            0..5 => {
                let payload = self.payload("u");
                let line = format!("AT+MQTTPUB={id},\"{topic}\",{},0,\"{payload}\"", qos.number());
                self.types(line, "+MQTTPUB", What::Publish(payload, qos))
            }
            // What holds after two of these at once depends on their order.
            5..10 if self.owed.contains_key("+MQTTSUB") || self.owed.contains_key("+MQTTUNSUB") => Doing::Nothing,
            5..9 => {
                let filter = if topic.contains("wild") { format!("{id}/wild/#") } else { topic };
                let line = format!("AT+MQTTSUB={id},\"{filter}\",{}", qos.number());
                // Whether the old QoS or the new one holds until the result comes is not clear.
                self.subscribed.remove(&filter);
                self.types(line, "+MQTTSUB", What::Subscribe(filter, qos))
            }
            9 => {
                let filter = self.subscribed.keys().next().cloned();
                let Some(filter) = filter else { return Doing::Nothing };
                self.subscribed.remove(&filter);
                let line = format!("AT+MQTTUNSUB={id},\"{filter}\"");
                self.types(line, "+MQTTUNSUB", What::Unsubscribe(filter))
            }
            10 => self.types(format!("AT+MQTTSNREG={id},\"{topic}\""), "+MQTTSNREG", What::Register),
            // An update has no identifier: one that comes late must not overtake the next.
            11..13 if !self.owed.contains_key("+MQTTWMSGUD") => {
                let payload = self.payload("w");
                self.will = None;
                let line = format!("AT+MQTTWMSGUD={id},\"{payload}\"");
                self.types(line, "+MQTTWMSGUD", What::WillMessage(payload))
            }
            13 if !self.owed.contains_key("+MQTTWTOPICUD") => {
                let line = format!("AT+MQTTWTOPICUD={id},{},0,\"{id}/will/new\"", qos.number());
                self.types(line, "+MQTTWTOPICUD", What::WillTopic)
            }
            _ => {
                let payload = self.payload("d");
                let wild = format!("{id}/wild/#");
                let filter = if topic.contains("wild") { wild.as_str() } else { topic.as_str() };
                let granted = self.subscribed.get(filter).copied().unwrap_or(Qos::AtMostOnce);
                let effective = granted.min(qos);
                if effective > Qos::AtMostOnce && !self.unclear.contains(filter) {
                    self.due.insert(payload.clone(), effective);
                }
                Doing::Publish { topic, qos, payload }
            }
        }
    }

    /// The script is over: what is due must come, then it leaves.
    fn ends(&mut self) -> Doing {
        let came = self.due.keys().all(|payload| self.got.contains_key(payload));
        if !came || !self.owed.is_empty() || self.typed.is_some() {
            return Doing::Nothing;
        }
        match self.end {
            End::Vanish if self.will.is_some() => {
                self.state = State::Vanished;
                Doing::Vanish
            }
            End::Close | End::Vanish => {
                self.state = State::Closing;
                self.types(format!("AT+MQTTCLOSE={}", self.id), "+MQTTCLOSE", What::Close)
            }
        }
    }

    /// A line of the modem; tells whether it is this client's.
    pub(super) fn reads(
        &mut self,
        now: Instant,
        line: &str,
        arrived: &Arrived,
        summary: &mut Summary,
    ) -> Result<bool, String> {
        if let "OK" | "ERROR" = line {
            return Ok(self.answered(now, line == "OK", summary));
        }
        let Some((name, rest)) = line.split_once(": ") else { return Ok(false) };
        if name == "+CME ERROR" {
            return Ok(self.answered(now, false, summary));
        }
        let mut fields = rest.splitn(2, ',');
        if fields.next() != Some(&self.id.to_string()) {
            return Ok(false);
        }
        let rest = fields.next().unwrap_or_default();
        match name {
            "+MQTTMSG" => {
                let payload = rest.rsplit('"').nth(1).unwrap_or_default().to_owned();
                if self.due.contains_key(&payload) {
                    summary.delivered += 1;
                }
                *self.got.entry(payload).or_default() += 1;
            }
            "+MQTTBREAK" => {
                summary.breaks += 1;
                if let State::Vanished | State::Done = self.state {
                    return Ok(true);
                }
                if !self.owed.is_empty() {
                    return Err(format!("{}: a break, and no results of {:?}", self.id, self.owed));
                }
                self.lost(now);
            }
            // The gateway gave a name an id.
            "+MQTTSNREG" if rest.starts_with("2,") => {}
            _ => return self.result(now, name, rest.starts_with('1'), arrived, summary),
        }
        Ok(true)
    }

    /// The final result code of what was typed last.
    fn answered(&mut self, now: Instant, accepted: bool, summary: &mut Summary) -> bool {
        let Some(Typed { name, what }) = self.typed.take() else { return false };
        if accepted && what != What::Will {
            summary.commands += 1;
            let seconds = if what == What::Open { 5 } else { 3 };
            let until = now + Duration::from_secs(seconds) + SLACK;
            self.owed.entry(name).or_default().push_back(Owed { what, until });
        } else if !accepted {
            self.failed(now, &what);
        }
        true
    }

    /// The result of the oldest command of this name.
    fn result(
        &mut self,
        now: Instant,
        name: &str,
        success: bool,
        arrived: &Arrived,
        summary: &mut Summary,
    ) -> Result<bool, String> {
        let Some(queue) = self.owed.get_mut(name) else { return Err(format!("{}: nobody is owed {name}", self.id)) };
        let owed = queue.pop_front();
        if queue.is_empty() {
            self.owed.remove(name);
        }
        let Some(Owed { what, until }) = owed else { return Err(format!("{}: nobody is owed {name}", self.id)) };
        if now > until {
            return Err(format!("{}: the result of {what:?} is late", self.id));
        }
        if !success {
            self.failed(now, &what);
            return Ok(true);
        }
        summary.successes += 1;
        match what {
            What::Open => self.state = State::Open,
            What::Close => self.finish(),
            What::Publish(payload, qos) => {
                if qos != Qos::AtMostOnce && !arrived.contains_key(&payload) {
                    return Err(format!("{}: {payload} is reported as published, and is not", self.id));
                }
                self.published.insert(payload, (qos, true));
            }
            What::Subscribe(filter, qos) => {
                self.unclear.remove(&filter);
                self.subscribed.insert(filter, qos);
            }
            What::WillMessage(payload) => {
                self.will = Some(payload);
                // It has no identifier: an answer to one of its copies would be taken for that to the next update.
                self.next = Some(now + ON_ITS_WAY);
            }
            What::Unsubscribe(_) | What::Register | What::WillTopic | What::Will => {}
        }
        Ok(true)
    }

    fn failed(&mut self, now: Instant, what: &What) {
        match what {
            What::Open => self.lost(now),
            What::Close => self.finish(),
            What::Publish(payload, qos) => {
                self.published.insert(payload.clone(), (*qos, false));
            }
            What::Subscribe(filter, _) | What::Unsubscribe(filter) => {
                self.unclear.insert(filter.clone());
            }
            What::Register | What::WillTopic | What::WillMessage(_) | What::Will => {}
        }
    }

    /// The connection is gone, with what a clean session held.
    fn lost(&mut self, now: Instant) {
        self.state = State::Closed;
        self.next = Some(now + ON_ITS_WAY);
        // What an update changed is told by the next connect.
        self.will = None;
        if self.clean {
            self.subscribed.clear();
            self.unclear.clear();
            self.due.retain(|payload, _| self.got.contains_key(payload));
        }
    }

    fn finish(&mut self) {
        self.state = State::Done;
        self.next = None;
    }

    fn types(&mut self, line: String, name: &'static str, what: What) -> Doing {
        self.typed = Some(Typed { name, what });
        Doing::Type(line)
    }

    fn payload(&mut self, kind: &str) -> String {
        self.messages += 1;
        format!("{kind}{}-{}", self.id, self.messages)
    }

    fn said(&self) -> String {
        self.will.clone().unwrap_or_default()
    }

    /// What must hold in the end.
    pub(super) fn check(&self, arrived: &Arrived, single: bool) -> Result<(), String> {
        for (payload, (qos, success)) in &self.published {
            let times = arrived.get(payload).copied().unwrap_or_default();
            let fits = match (qos, success) {
                (Qos::ExactlyOnce, true) => times == 1,
                (Qos::ExactlyOnce, false) => times <= 1,
                (Qos::AtLeastOnce, true) => times >= 1,
                _ => true,
            };
            if !fits {
                return Err(format!("{}: {payload} of {qos:?}, reported {success}, arrived {times} times", self.id));
            }
        }
        for (payload, qos) in &self.due {
            let times = self.got.get(payload).copied().unwrap_or_default();
            if times == 0 || single && *qos == Qos::ExactlyOnce && times > 1 {
                return Err(format!("{}: {payload} of {qos:?} came {times} times", self.id));
            }
        }
        Ok(())
    }
}
