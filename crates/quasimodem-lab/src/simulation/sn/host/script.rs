//! What a client's host does: its script, drawn as it goes.

use quasimodem_core::mqtt::Qos;

use super::{Client, Doing, Due, End, Manner, Phase, Published, Scene, State, Typed, What, token};
use crate::random::Random;

impl Client {
    /// The next thing of the script.
    pub(in super::super) fn act(&mut self, random: &mut Random, scene: &mut Scene<'_>) -> Result<Doing, String> {
        if let Some(late) = self.owed.values().flatten().find(|owed| owed.until < scene.now) {
            return Err(format!("{}: no result came of {:?}", self.id, late.what));
        }
        self.next = Some(scene.now + random.millis(20, 1200));
        // Only one of two with the same client id can be connected in the end.
        let yields = self.manner.rival && self.id == 102 && scene.phase >= Phase::Calm;
        match self.state {
            State::Closed if yields => {
                self.finish();
                Ok(Doing::Nothing)
            }
            State::Open if yields => Ok(self.closes()),
            State::Closed => Ok(self.opens(random, scene)),
            State::Opening | State::Closing | State::Done => Ok(Doing::Nothing),
            State::Open if self.left > 0 => {
                self.left -= 1;
                Ok(self.does_something(random, scene))
            }
            State::Open => Ok(self.ends(random, scene)),
            State::Vanished { broken } => {
                if broken && scene.arrived.contains_key(&self.said()) {
                    self.finish();
                }
                Ok(Doing::Nothing)
            }
        }
    }

    fn opens(&mut self, random: &mut Random, scene: &mut Scene<'_>) -> Doing {
        let id = self.id;
        if let Some(name) = self.manner.name.as_ref().filter(|_| !self.is_set_up) {
            let line = format!("AT+MQTTSNCID={id},\"{name}\"");
            return self.types(line, "", What::Name);
        }
        self.is_set_up = true;
        if self.manner.has_will && self.will.is_none() {
            let payload = self.payload("w");
            let qos = random.pick([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
            let line = format!("AT+MQTTWILL={id},\"{id}/will\",{},0,\"{payload}\"", qos.number());
            return self.types(line, "", What::Will((format!("{id}/will"), qos, payload)));
        }
        self.state = State::Opening;
        scene.watch.will_is(self.stored.clone());
        let Manner { clean, keep_alive, .. } = self.manner;
        let line = format!("AT+MQTTOPEN={id},\"gateway\",1884,{},{keep_alive}", u8::from(clean));
        self.types(line, "+MQTTOPEN", What::Open)
    }

    fn does_something(&mut self, random: &mut Random, scene: &mut Scene<'_>) -> Doing {
        let id = self.id;
        let topics =
            [format!("{id}/long/name"), format!("{id}/other"), format!("{}a", id % 10), format!("{id}/wild/x")];
        let topic = random.pick([0, 1, 2, 3]);
        let topic = topics.get(topic).cloned().unwrap_or_default();
        let qos = random.pick([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
        match random.below(23) {
            0..4 => {
                let written = format!("\"{topic}\"");
                self.publishes(&written, topic, qos, random, scene)
            }
            4..7 => {
                let number = u16::try_from(random.between(1, 7)).unwrap_or_default();
                let topic = self.numbers.write(number);
                scene.summary.numbers += 1;
                self.publishes(&number.to_string(), topic, qos, random, scene)
            }
            // What holds after two of these at once depends on their order.
            7..13 if self.owed.contains_key("+MQTTSUB") || self.owed.contains_key("+MQTTUNSUB") => Doing::Nothing,
            7 => match self.numbers.any(random) {
                Some((number, topic)) => self.subscribes(&number.to_string(), topic, qos),
                None => Doing::Nothing,
            },
            8..12 => {
                let filter = if topic.contains("wild") { format!("{id}/wild/#") } else { topic };
                self.subscribes(&format!("\"{filter}\""), filter, qos)
            }
            12 => {
                let filter = self.subscribed.keys().next().cloned();
                let Some(filter) = filter else { return Doing::Nothing };
                self.subscribed.remove(&filter);
                let written = match self.numbers.of(&filter) {
                    Some(number) => number.to_string(),
                    None => format!("\"{filter}\""),
                };
                self.types(format!("AT+MQTTUNSUB={id},{written}"), "+MQTTUNSUB", What::Unsubscribe(filter))
            }
            13 => self.types(format!("AT+MQTTSNREG={id},\"{topic}\""), "+MQTTSNREG", What::Register),
            // An update has no identifier: one that comes late must not overtake the next.
            14 | 15 if self.manner.has_will && !self.owed.contains_key("+MQTTWMSGUD") => {
                let payload = self.payload("w");
                self.will = None;
                let line = format!("AT+MQTTWMSGUD={id},\"{payload}\"");
                self.types(line, "+MQTTWMSGUD", What::WillMessage(payload))
            }
            16 if self.manner.has_will && !self.owed.contains_key("+MQTTWTOPICUD") => {
                let topic = format!("{id}/will/{}", random.below(3));
                let line = format!("AT+MQTTWTOPICUD={id},{},0,\"{topic}\"", qos.number());
                self.types(line, "+MQTTWTOPICUD", What::WillTopic(topic, qos))
            }
            _ => self.is_published_to(topic, qos, random, scene),
        }
    }

    fn publishes(
        &mut self,
        written: &str,
        topic: String,
        qos: Qos,
        random: &mut Random,
        scene: &mut Scene<'_>,
    ) -> Doing {
        let size = random.pick([0, 0, 0, 200, 247, 250, 1000, 1024]);
        let payload = filled(self.payload("u"), size);
        let (id, number) = (self.id, qos.number());
        let (last, data) = if size > 0 || random.chance(20) {
            (payload.len().to_string(), payload.clone().into_bytes())
        } else {
            (format!("\"{payload}\""), Vec::new())
        };
        scene.messages.insert(token(&payload).into(), (topic.clone(), payload.clone()));
        self.published.insert(payload.clone(), Published { topic, qos, success: false });
        self.typed = Some(Typed { name: "+MQTTPUB", what: What::Publish(payload) });
        Doing::Type(format!("AT+MQTTPUB={id},{written},{number},0,{last}"), data)
    }

    fn subscribes(&mut self, written: &str, filter: String, qos: Qos) -> Doing {
        // Whether the old QoS or the new one holds until the result comes is not clear.
        self.subscribed.remove(&filter);
        let line = format!("AT+MQTTSUB={},{written},{}", self.id, qos.number());
        self.types(line, "+MQTTSUB", What::Subscribe(filter, qos))
    }

    fn is_published_to(&mut self, topic: String, qos: Qos, random: &mut Random, scene: &mut Scene<'_>) -> Doing {
        let size = random.pick([0, 0, 0, 250, 1500, 1501, 3000]);
        let payload = filled(self.payload("d"), size);
        scene.messages.insert(token(&payload).into(), (topic.clone(), payload.clone()));
        let wild = format!("{}/wild/#", self.id);
        let filter = if topic.contains("wild") { wild.as_str() } else { topic.as_str() };
        let granted = self.subscribed.get(filter).copied().unwrap_or(Qos::AtMostOnce);
        let effective = granted.min(qos);
        // Of two with one client id, nobody knows which one gets it, and whether it was subscribed to by the other.
        if effective > Qos::AtMostOnce && !self.unclear.contains(filter) && !self.manner.rival {
            self.due.insert(payload.clone(), Due { qos: effective, once: true });
        }
        Doing::Publish { topic, qos, payload }
    }

    /// The script is over: what is due must come, all goes well if nothing goes wrong any more, then it leaves.
    fn ends(&mut self, random: &mut Random, scene: &mut Scene<'_>) -> Doing {
        if self.missing().is_some() || !self.owed.is_empty() || self.typed.is_some() {
            return Doing::Nothing;
        }
        let topic = format!("{}/final", self.id);
        let written = format!("\"{topic}\"");
        match (scene.phase, self.finale) {
            (Phase::Foul, _) | (Phase::Steady, 0) => {}
            (Phase::Storm | Phase::Calm, _) => return Doing::Nothing,
            (Phase::Steady, left) => {
                self.finale -= 1;
                return match left {
                    4 => self.subscribes(&written, topic, Qos::ExactlyOnce),
                    3 => self.publishes(&written, topic, Qos::AtLeastOnce, random, scene),
                    2 => self.publishes(&written, topic, Qos::ExactlyOnce, random, scene),
                    _ => self.is_published_to(topic, Qos::ExactlyOnce, random, scene),
                };
            }
        }
        match self.manner.end {
            End::Vanish if self.will.is_some() => {
                self.state = State::Vanished { broken: false };
                Doing::Vanish
            }
            End::Close | End::Vanish => self.closes(),
        }
    }

    fn closes(&mut self) -> Doing {
        self.state = State::Closing;
        self.types(format!("AT+MQTTCLOSE={}", self.id), "+MQTTCLOSE", What::Close)
    }

    fn types(&mut self, line: String, name: &'static str, what: What) -> Doing {
        self.typed = Some(Typed { name, what });
        Doing::Type(line, Vec::new())
    }

    fn payload(&mut self, kind: &str) -> String {
        self.messages += 1;
        format!("{kind}{}-{}", self.id, self.messages)
    }
}

/// A message of this size, if it is not longer already.
fn filled(mut payload: String, size: usize) -> String {
    if payload.len() < size {
        payload.push('.');
    }
    while payload.len() < size {
        payload.push(char::from(b'a' + u8::try_from(payload.len() % 23).unwrap_or_default()));
    }
    payload
}
