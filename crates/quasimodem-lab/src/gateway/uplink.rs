//! What one client asks for, and the broker's answers (MQTT-SN 6.5 to 6.9, 6.4).

use quasimodem_core::mqtt::{self, Filters, PacketId, Qos, is_filter, is_name};
use quasimodem_core::sn::{MsgId, Packet, Publish, ReturnCode, Topic, TopicId, WillTopic};

use super::Turn;
use super::client::{self, Client, Will};
use super::config::Config;
use super::note::{Loss, Message, Note};
use super::recent::{Answer, fingerprint};
use super::topics::Topics;

/// Requests that wait for the broker.
#[derive(Default)]
pub(super) struct Uplink(Vec<Request>);

struct Request {
    /// The client's identifier.
    id: MsgId,
    /// The broker's: the same, unless that is taken or 0. So an exchange of a kept session can go on after a break.
    packet_id: PacketId,
    /// What copies of it are known by.
    print: u32,
    what: What,
}

enum What {
    /// QoS 1; PUBACK tells the topic id back.
    Publish {
        topic: u16,
    },
    /// QoS 2.
    Exchange(Stage),
    Subscribe {
        filter: Box<str>,
        /// It gets an id if the broker grants the subscription.
        is_name: bool,
        /// The id that the SUBACK tells otherwise.
        topic: u16,
    },
    Unsubscribe,
}

/// How far an exchange of QoS 2 is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The link to the broker was lost before its PUBREC came: the client's next PUBLISH is passed on.
    Lost,
    /// The broker's PUBREC is awaited.
    Pubrec,
    /// The client's PUBREL is awaited.
    Pubrel,
    /// The broker's PUBCOMP is awaited.
    Pubcomp,
}

impl Uplink {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The link to the broker is gone, but not the session: only exchanges of QoS 2 go on.
    pub(super) fn suspend(&mut self) {
        self.0.retain_mut(|request| match &mut request.what {
            What::Exchange(stage) => {
                *stage = match *stage {
                    Stage::Pubrec => Stage::Lost,
                    Stage::Pubcomp => Stage::Pubrel,
                    stage => stage,
                };
                true
            }
            What::Publish { .. } | What::Subscribe { .. } | What::Unsubscribe => false,
        });
    }

    fn add(&mut self, id: MsgId, print: u32, what: What) -> PacketId {
        let taken = |packet_id: PacketId| self.0.iter().any(|request| request.packet_id == packet_id);
        // There are fewer requests than identifiers.
        let free = || (1..=u16::MAX).rev().filter_map(PacketId::new).find(|packet_id| !taken(*packet_id));
        let packet_id = PacketId::new(id).filter(|packet_id| !taken(*packet_id)).or_else(free).unwrap_or(PacketId::MIN);
        self.0.push(Request { id, packet_id, print, what });
        packet_id
    }

    /// The oldest exchange of QoS 2 that only the client can bring on, if there is one and no other is at its end: it is
    /// brought to that.
    fn release_oldest(&mut self) -> Option<PacketId> {
        if self.position(|request| matches!(request.what, What::Exchange(Stage::Pubcomp))).is_some() {
            return None;
        }
        let waits = |request: &Request| matches!(request.what, What::Exchange(Stage::Pubrel | Stage::Lost));
        let (_, packet_id, _, stage) = self.exchange(waits)?;
        *stage = Stage::Pubcomp;
        Some(packet_id)
    }

    fn position(&self, fits: impl Fn(&Request) -> bool) -> Option<usize> {
        self.0.iter().position(fits)
    }

    /// Takes out the request that the broker answers, if it fits the answer.
    fn take(&mut self, packet_id: PacketId, fits: impl Fn(&What) -> bool) -> Option<Request> {
        let index = self.position(|request| request.packet_id == packet_id && fits(&request.what))?;
        Some(self.0.remove(index))
    }

    fn exchange(&mut self, fits: impl Fn(&Request) -> bool) -> Option<(MsgId, PacketId, u32, &mut Stage)> {
        self.0.iter_mut().filter(|request| fits(request)).find_map(|request| match &mut request.what {
            What::Exchange(stage) => Some((request.id, request.packet_id, request.print, stage)),
            What::Publish { .. } | What::Subscribe { .. } | What::Unsubscribe => None,
        })
    }
}

impl Client {
    /// REGISTER of the client.
    pub(super) fn register(&mut self, id: MsgId, name: &str, turn: &mut Turn<'_>) {
        let topic = if is_name(name) { self.topics.ask(name, turn.config) } else { None };
        let code = if topic.is_some() { ReturnCode::Accepted } else { ReturnCode::NotSupported };
        turn.out.send(self.peer, &Packet::Regack { topic: topic.unwrap_or_default(), id, code });
    }

    /// PUBLISH of the client, but for QoS -1.
    pub(super) fn publish(&mut self, publish: &Publish<'_>, qos: Qos, turn: &mut Turn<'_>) {
        let Publish { topic, payload, retain, dup, id, .. } = *publish;
        let number = topic.number();
        let Some(name) = topic_name(&topic, &self.topics, turn.config).filter(|name| is_name(name)) else {
            return self.refuse_publish(publish, ReturnCode::InvalidTopicId, Loss::UnknownTopic, turn);
        };
        let packet = |id| mqtt::Packet::Publish(mqtt::Publish { topic: name, payload, qos, retain, dup: false, id });
        let client = self.name.clone();
        let published = || Note::Published { client: Some(client), message: Message::new(name, payload, qos, retain) };
        let Some(mqtt) = self.mqtt.as_mut().filter(|mqtt| mqtt.is_open()) else { return };
        if qos == Qos::AtMostOnce {
            if mqtt.full {
                return self.refuse_publish(publish, ReturnCode::Congestion, Loss::Congestion, turn);
            }
            mqtt.write(&packet(None), turn);
            return turn.out.note_message(published);
        }
        let print = fingerprint(&[b"publish", name.as_bytes(), payload]);
        let same = |request: &Request| request.id == id && request.print == print;
        if qos == Qos::AtLeastOnce {
            if self.up.position(|request| same(request) && matches!(request.what, What::Publish { .. })).is_some() {
                // It is on its way already; the PUBACK follows.
                return;
            }
        } else if let Some((_, packet_id, _, stage)) = self.up.exchange(same) {
            match stage {
                Stage::Lost => {
                    *stage = Stage::Pubrec;
                    let publish = mqtt::Publish { topic: name, payload, qos, retain, dup: true, id: Some(packet_id) };
                    mqtt.write(&mqtt::Packet::Publish(publish), turn);
                }
                Stage::Pubrel => turn.out.send(self.peer, &Packet::Pubrec(id)),
                Stage::Pubrec | Stage::Pubcomp => {}
            }
            return;
        } else if self.recent.find(turn.now, turn.config.copies_within, id, print).is_some() {
            return;
        }
        if mqtt.full || self.up.len() >= turn.config.limits.requests {
            self.make_room(turn);
            return self.refuse_publish(publish, ReturnCode::Congestion, Loss::Congestion, turn);
        }
        let what = match qos {
            Qos::ExactlyOnce => What::Exchange(Stage::Pubrec),
            _ => What::Publish { topic: number },
        };
        let packet_id = self.up.add(id, print, what);
        let dup = dup && packet_id.get() == id;
        let publish = mqtt::Publish { topic: name, payload, qos, retain, dup, id: Some(packet_id) };
        mqtt.write(&mqtt::Packet::Publish(publish), turn);
        turn.out.note_message(published);
        self.make_room(turn);
    }

    /// A client may have given up exchanges of QoS 2, which would take the place of others for good. MQTT-SN 6.6: it has
    /// one exchange at a time, so that of many the oldest is the one that it has most likely given up.
    fn make_room(&mut self, turn: &mut Turn<'_>) {
        if self.up.len() >= turn.config.limits.requests
            && let Some(packet_id) = self.up.release_oldest()
        {
            self.tell_broker(&mqtt::Packet::Pubrel(packet_id), turn);
        }
    }

    fn refuse_publish(&mut self, publish: &Publish<'_>, code: ReturnCode, why: Loss, turn: &mut Turn<'_>) {
        let Publish { topic, id, .. } = *publish;
        turn.out.send(self.peer, &Packet::Puback { topic: topic.number(), id, code });
        turn.out.note(Note::NotTaken { peer: self.peer, topic, why });
    }

    /// PUBREL of the client.
    pub(super) fn pubrel(&mut self, id: MsgId, turn: &mut Turn<'_>) {
        let Some(mqtt) = self.mqtt.as_mut().filter(|mqtt| mqtt.is_open()) else { return };
        let room = self.up.len() < turn.config.limits.requests;
        let packet_id = match self.up.exchange(|request| request.id == id) {
            Some((_, packet_id, _, stage @ Stage::Pubrel)) => {
                *stage = Stage::Pubcomp;
                packet_id
            }
            Some(_) => return,
            // The broker may know more than the gateway: it still holds the identifier if a PUBREL was lost.
            None if room => self.up.add(id, 0, What::Exchange(Stage::Pubcomp)),
            None => return,
        };
        mqtt.write(&mqtt::Packet::Pubrel(packet_id), turn);
    }

    /// SUBSCRIBE of the client.
    pub(super) fn subscribe(&mut self, id: MsgId, topic: &Topic<'_>, qos: Qos, turn: &mut Turn<'_>) {
        let number = match topic {
            Topic::Name(_) | Topic::Short(_) => 0,
            Topic::Predefined(number) => *number,
        };
        let refuse = |code| Packet::Suback { qos: Qos::AtMostOnce, topic: number, id, code };
        let Some(filter) = filter(topic, turn.config) else {
            return turn.out.send(self.peer, &refuse(ReturnCode::InvalidTopicId));
        };
        if !is_filter(filter) || matches!(topic, Topic::Short(_)) && !is_name(filter) {
            return turn.out.send(self.peer, &refuse(ReturnCode::NotSupported));
        }
        let print = fingerprint(&[b"subscribe", filter.as_bytes(), &[qos.number()]]);
        if let Some(Answer::Suback { qos, topic, code }) =
            self.recent.find(turn.now, turn.config.copies_within, id, print)
        {
            return turn.out.send(self.peer, &Packet::Suback { qos, topic, id, code });
        }
        let named = matches!(topic, Topic::Name(name) if is_name(name));
        let what = What::Subscribe { filter: filter.into(), is_name: named, topic: number };
        let Some(packet_id) = self.request(id, print, what, turn) else { return };
        let filters = [(filter, qos)];
        match packet_id {
            Some(id) => {
                self.tell_broker(&mqtt::Packet::Subscribe { id, filters: Filters::with_qos(&filters) }, turn);
            }
            None => turn.out.send(self.peer, &refuse(ReturnCode::Congestion)),
        }
    }

    /// UNSUBSCRIBE of the client. UNSUBACK has no code: what can't be passed on is answered by the next one.
    pub(super) fn unsubscribe(&mut self, id: MsgId, topic: &Topic<'_>, turn: &mut Turn<'_>) {
        let Some(filter) = filter(topic, turn.config).filter(|filter| is_filter(filter)) else {
            return turn.out.send(self.peer, &Packet::Unsuback(id));
        };
        let print = fingerprint(&[b"unsubscribe", filter.as_bytes()]);
        if self.recent.find(turn.now, turn.config.copies_within, id, print).is_some() {
            return turn.out.send(self.peer, &Packet::Unsuback(id));
        }
        if let Some(Some(id)) = self.request(id, print, What::Unsubscribe, turn) {
            self.tell_broker(&mqtt::Packet::Unsubscribe { id, filters: Filters::without_qos(&[filter]) }, turn);
        }
    }

    /// The broker's identifier for a request; `Some(None)`: there is no room. `None`: it is on its way already, or there
    /// is no broker.
    fn request(&mut self, id: MsgId, print: u32, what: What, turn: &Turn<'_>) -> Option<Option<PacketId>> {
        let mqtt = self.mqtt.as_ref().filter(|mqtt| mqtt.is_open())?;
        if self.up.position(|request| request.id == id && request.print == print).is_some() {
            return None;
        }
        if mqtt.full || self.up.len() >= turn.config.limits.requests {
            return Some(None);
        }
        Some(Some(self.up.add(id, print, what)))
    }

    /// WILLTOPICUPD.
    pub(super) fn update_will_topic(&mut self, topic: Option<WillTopic<'_>>, turn: &mut Turn<'_>) {
        let code = match topic {
            None => {
                self.will = None;
                ReturnCode::Accepted
            }
            Some(topic) => self.update_will(turn.config, |will| will.topic = Some((&topic).into())),
        };
        turn.out.send(self.peer, &Packet::Willtopicresp(code));
    }

    /// WILLMSGUPD.
    pub(super) fn update_will_message(&mut self, payload: &[u8], turn: &mut Turn<'_>) {
        let code = self.update_will(turn.config, |will| will.payload = payload.into());
        turn.out.send(self.peer, &Packet::Willmsgresp(code));
    }

    fn update_will(&mut self, config: &Config, change: impl FnOnce(&mut Will)) -> ReturnCode {
        let mut will = self.will.clone().unwrap_or_default();
        change(&mut will);
        let sound = will.topic.as_ref().is_none_or(|topic| is_name(&topic.name));
        if !sound || will.len() > config.limits.will_bytes {
            return ReturnCode::NotSupported;
        }
        self.will = Some(will);
        ReturnCode::Accepted
    }

    /// The broker's PUBACK.
    pub(super) fn publish_acknowledged(&mut self, packet_id: PacketId, turn: &mut Turn<'_>) {
        if let Some(Request { id, what: What::Publish { topic }, .. }) =
            self.up.take(packet_id, |what| matches!(what, What::Publish { .. }))
        {
            turn.out.send(self.peer, &Packet::Puback { topic, id, code: ReturnCode::Accepted });
        }
    }

    /// The broker's PUBREC.
    pub(super) fn publish_received(&mut self, packet_id: PacketId, turn: &mut Turn<'_>) {
        if let Some((id, _, _, stage)) = self.up.exchange(|request| request.packet_id == packet_id)
            && matches!(stage, Stage::Pubrec | Stage::Lost)
        {
            *stage = Stage::Pubrel;
            turn.out.send(self.peer, &Packet::Pubrec(id));
        }
    }

    /// The broker's PUBCOMP.
    pub(super) fn publish_complete(&mut self, packet_id: PacketId, turn: &mut Turn<'_>) {
        let complete = |what: &What| matches!(what, What::Exchange(Stage::Pubcomp));
        if let Some(Request { id, print, .. }) = self.up.take(packet_id, complete) {
            self.recent.add(turn.now, id, print, Answer::Published);
            turn.out.send(self.peer, &Packet::Pubcomp(id));
        }
    }

    /// The broker's SUBACK.
    pub(super) fn subscribed(&mut self, packet_id: PacketId, granted: Option<Qos>, turn: &mut Turn<'_>) {
        let subscribe = |what: &What| matches!(what, What::Subscribe { .. });
        let Some(request) = self.up.take(packet_id, subscribe) else { return };
        let Request { id, print, what: What::Subscribe { filter, is_name, topic }, .. } = request else {
            return;
        };
        let (qos, topic, code) = match granted {
            None => (Qos::AtMostOnce, topic, ReturnCode::NotSupported),
            Some(qos) if !is_name => (qos, topic, ReturnCode::Accepted),
            // Without room for an id the messages get one when they come, if there is room then.
            Some(qos) => (qos, self.topics.ask(&filter, turn.config).unwrap_or_default(), ReturnCode::Accepted),
        };
        turn.out.note(Note::Subscribed { client: self.name.clone(), filter, granted });
        self.recent.add(turn.now, id, print, Answer::Suback { qos, topic, code });
        turn.out.send(self.peer, &Packet::Suback { qos, topic, id, code });
    }

    /// The broker's UNSUBACK.
    pub(super) fn unsubscribed(&mut self, packet_id: PacketId, turn: &mut Turn<'_>) {
        if let Some(Request { id, print, .. }) = self.up.take(packet_id, |what| matches!(what, What::Unsubscribe)) {
            self.recent.add(turn.now, id, print, Answer::Unsuback);
            turn.out.send(self.peer, &Packet::Unsuback(id));
        }
    }
}

impl From<&WillTopic<'_>> for client::WillTopic {
    fn from(will: &WillTopic<'_>) -> client::WillTopic {
        client::WillTopic { name: will.topic.into(), qos: will.qos, retain: will.retain }
    }
}

/// What the topic of a PUBLISH stands for.
fn topic_name<'a>(topic: &'a TopicId, topics: &'a Topics, config: &'a Config) -> Option<&'a str> {
    match topic {
        TopicId::Normal(id) => topics.name(*id),
        TopicId::Predefined(_) | TopicId::Short(_) => known_name(topic, config),
    }
}

/// What a topic id stands for that needs no connection.
pub(super) fn known_name<'a>(topic: &'a TopicId, config: &'a Config) -> Option<&'a str> {
    match topic {
        TopicId::Normal(_) => None,
        TopicId::Predefined(id) => config.predefined.get(id).map(|name| &**name),
        TopicId::Short(name) => str::from_utf8(name).ok(),
    }
}

/// What SUBSCRIBE and UNSUBSCRIBE speak of; `None`: an id that nobody knows.
fn filter<'a>(topic: &'a Topic<'a>, config: &'a Config) -> Option<&'a str> {
    match topic {
        Topic::Name(name) => Some(name),
        Topic::Predefined(id) => config.predefined.get(id).map(|name| &**name),
        Topic::Short(name) => str::from_utf8(name).ok(),
    }
}
