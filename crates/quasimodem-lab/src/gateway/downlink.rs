//! Messages on their way to one client: one exchange at a time, sent again until it is acknowledged (MQTT-SN 6.6, 6.10,
//! 6.13).

use std::collections::VecDeque;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{self, PacketId, Qos};
use quasimodem_core::sn::{MsgId, Packet, Publish, ReturnCode, TopicId};

use super::Turn;
use super::client::{Client, Phase};
use super::config::Config;
use super::note::{self, Client as Name, Loss, Note};
use super::outbox::Peer;
use super::topics::{Knows, Topics};

/// What waits for a client, and what it has to acknowledge.
#[derive(Default)]
pub(super) struct Downlink {
    queue: VecDeque<Item>,
    /// Of topics and payloads in the queue.
    bytes: usize,
    /// What of both may not be dropped: all but messages of QoS 0.
    promised: Promised,
    flight: Option<Flight>,
    /// The identifier of the last REGISTER.
    last_id: MsgId,
}

#[derive(Default)]
struct Promised {
    items: usize,
    bytes: usize,
}

/// Something that waits. A message stays in front while it is in flight.
enum Item {
    Message(Message),
    /// A PUBREL of the broker. Its PUBLISH was acknowledged, perhaps in an earlier connection.
    Release(PacketId),
}

struct Message {
    topic: Box<str>,
    payload: Box<[u8]>,
    qos: Qos,
    retain: bool,
    dup: bool,
    /// The broker's identifier, which is the client's as well: so both know an exchange again after a break.
    id: Option<PacketId>,
    /// When it was told the topic id again, since it did not know it.
    told_again: Option<Instant>,
}

struct Flight {
    awaits: Awaits,
    /// How often it was sent again.
    again: u8,
    /// When it is sent again; `None`: the broker is awaited.
    due: Option<Instant>,
}

/// What comes next in an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Regack {
        topic: u16,
        id: MsgId,
    },
    Puback {
        topic: TopicId,
        id: PacketId,
    },
    Pubrec {
        topic: TopicId,
        id: PacketId,
    },
    /// The broker's PUBREL.
    Pubrel(PacketId),
    Pubcomp(PacketId),
}

/// Whether a client that does not know a topic id has been told it again.
enum Told {
    Now,
    /// This may be a copy of the refusal before. If it is none, the next one comes when the message is sent again.
    JustNow,
    InVain,
}

/// How the topic of a message is told to a client.
enum Way {
    Id(TopicId),
    Register(u16),
    None(Loss),
}

impl Downlink {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A new session with the broker: it sends again what it has to.
    pub(super) fn clear(&mut self) {
        *self = Downlink { last_id: self.last_id, ..Downlink::default() };
    }

    fn push(&mut self, item: Item) {
        self.count(&item);
        self.queue.push_back(item);
    }

    /// A PUBREL that has waited before.
    fn push_first(&mut self, id: PacketId) {
        let item = Item::Release(id);
        self.count(&item);
        self.queue.push_front(item);
    }

    fn count(&mut self, item: &Item) {
        self.bytes += item.len();
        if item.is_promised() {
            self.promised.items += 1;
            self.promised.bytes += item.len();
        }
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.bytes -= item.len();
        if item.is_promised() {
            self.promised.items -= 1;
            self.promised.bytes -= item.len();
        }
        Some(item)
    }

    /// Whether no more of QoS 1 and 2 is taken from the broker.
    fn is_full(&self, config: &Config) -> bool {
        self.promised.items >= config.limits.queued || self.promised.bytes >= config.limits.queued_bytes
    }

    /// Whether a message of QoS 0 and of this size may wait.
    fn has_room(&self, size: usize, config: &Config) -> bool {
        self.queue.len() < config.limits.queued && self.bytes + size <= config.limits.queued_bytes
    }
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Item::Message(message) => message.len(),
            Item::Release(_) => 0,
        }
    }

    fn is_promised(&self) -> bool {
        !matches!(self, Item::Message(Message { qos: Qos::AtMostOnce, .. }))
    }
}

impl Message {
    fn len(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    fn send(&self, (client, peer): (&Name, Peer), topic: TopicId, dup: bool, turn: &mut Turn<'_>) {
        let id = self.id.map_or(0, PacketId::get);
        let (qos, retain, dup) = (Some(self.qos), self.retain, dup && self.qos != Qos::AtMostOnce);
        turn.out.send(peer, &Packet::Publish(Publish { topic, payload: &self.payload, qos, retain, dup, id }));
        turn.out.note_message(|| {
            let message = note::Message::new(&self.topic, &self.payload, self.qos, retain);
            Note::Delivered { client: client.clone(), message, dup }
        });
    }
}

impl Client {
    /// Whether so much waits that the broker is not read.
    pub(super) fn is_paused(&self, config: &Config) -> bool {
        self.down.is_full(config)
    }

    pub(super) fn flight_due(&self) -> Option<Instant> {
        self.down.flight.as_ref().and_then(|flight| flight.due)
    }

    /// A message from the broker.
    pub(super) fn deliver(&mut self, publish: &mqtt::Publish<'_>, turn: &mut Turn<'_>) {
        let mqtt::Publish { topic, payload, qos, retain, dup, id } = *publish;
        // Header, flags, topic id and message id; REGISTER has no flags.
        let size = 9 + payload.len().max(topic.len());
        let fits = size <= turn.config.limits.datagram;
        let idle = self.down.queue.is_empty() && self.down.flight.is_none();
        if fits && idle && qos == Qos::AtMostOnce && self.listens() {
            // The common case: nothing is kept.
            if let Way::Id(topic) = way(&mut self.topics, topic, turn.config) {
                let packet = Publish { topic, payload, qos: Some(qos), retain, dup: false, id: 0 };
                turn.out.send(self.peer, &Packet::Publish(packet));
                let message = || note::Message::new(publish.topic, payload, qos, retain);
                let client = &self.name;
                return turn.out.note_message(|| Note::Delivered {
                    client: client.clone(),
                    message: message(),
                    dup: false,
                });
            }
        }
        let too_many = qos == Qos::AtMostOnce && !self.down.has_room(topic.len() + payload.len(), turn.config);
        let message = Message { topic: topic.into(), payload: payload.into(), qos, retain, dup, id, told_again: None };
        match (fits, too_many) {
            (false, _) => self.give_up(message, Loss::TooLarge, turn),
            (true, true) => self.give_up(message, Loss::TooMany, turn),
            (true, false) => {
                self.down.push(Item::Message(message));
                self.pump(turn);
            }
        }
    }

    /// The broker's PUBREL.
    pub(super) fn release(&mut self, id: PacketId, turn: &mut Turn<'_>) {
        match &self.down.flight {
            Some(Flight { awaits: Awaits::Pubrel(awaited), .. }) if *awaited == id => {
                self.down.flight = None;
                self.down.push_first(id);
                self.pump(turn);
            }
            Some(Flight { awaits: Awaits::Pubcomp(awaited), .. }) if *awaited == id => {}
            _ => {
                self.down.push(Item::Release(id));
                self.pump(turn);
            }
        }
    }

    /// Sends what may be sent.
    pub(super) fn pump(&mut self, turn: &mut Turn<'_>) {
        while self.listens() && self.down.flight.is_none() {
            let awaits = match self.down.queue.front() {
                None => return self.lie_down(turn),
                Some(Item::Release(id)) => {
                    let id = *id;
                    self.down.pop();
                    turn.out.send(self.peer, &Packet::Pubrel(id.get()));
                    Awaits::Pubcomp(id)
                }
                Some(Item::Message(message)) => match way(&mut self.topics, &message.topic, turn.config) {
                    Way::Id(topic) => {
                        message.send((&self.name, self.peer), topic, message.dup, turn);
                        match (message.qos, message.id) {
                            (Qos::AtLeastOnce, Some(id)) => Awaits::Puback { topic, id },
                            (Qos::ExactlyOnce, Some(id)) => Awaits::Pubrec { topic, id },
                            _ => {
                                self.down.pop();
                                continue;
                            }
                        }
                    }
                    Way::Register(topic) => {
                        self.down.last_id = self.down.last_id.checked_add(1).unwrap_or(1);
                        let id = self.down.last_id;
                        turn.out.send(self.peer, &Packet::Register { topic, id, name: &message.topic });
                        Awaits::Regack { topic, id }
                    }
                    Way::None(why) => {
                        self.drop_front(why, turn);
                        continue;
                    }
                },
            };
            self.down.flight = Some(Flight::new(awaits, turn));
        }
    }

    /// Sends again what was not acknowledged in time.
    pub(super) fn settle_flight(&mut self, turn: &mut Turn<'_>) {
        if self.flight_due().is_none_or(|due| due > turn.now) {
            return;
        }
        let Some(flight) = &mut self.down.flight else { return };
        if matches!(flight.awaits, Awaits::Pubrel(_)) {
            // The broker takes its time, and the client does not stay up for it.
            flight.due = None;
            return self.lie_down(turn);
        }
        flight.again = flight.again.saturating_add(1);
        if flight.again == turn.config.retries.saturating_add(1) {
            turn.out.note(Note::Unheard { client: self.name.clone() });
        }
        if flight.again > turn.config.retries
            && let Phase::Awake(duration) = self.phase
        {
            // It gets it when it wakes up the next time.
            self.phase = Phase::Asleep(duration);
            return self.ground();
        }
        self.send_again(turn);
    }

    /// The client is heard: it gets at once what it did not acknowledge for long.
    pub(super) fn wake_flight(&mut self, turn: &mut Turn<'_>) {
        let Some(flight) = &mut self.down.flight else { return };
        if flight.again > turn.config.retries {
            flight.again = 0;
            self.send_again(turn);
        }
    }

    fn send_again(&mut self, turn: &mut Turn<'_>) {
        let Some(flight) = &mut self.down.flight else { return };
        flight.due = Some(turn.now + turn.config.patience(flight.again));
        match (flight.awaits, self.down.queue.front()) {
            (Awaits::Regack { topic, id }, Some(Item::Message(message))) => {
                turn.out.send(self.peer, &Packet::Register { topic, id, name: &message.topic });
            }
            (Awaits::Puback { topic, .. } | Awaits::Pubrec { topic, .. }, Some(Item::Message(message))) => {
                message.send((&self.name, self.peer), topic, true, turn);
            }
            (Awaits::Pubcomp(id), _) => turn.out.send(self.peer, &Packet::Pubrel(id.get())),
            // There is always a message in front of these, and PUBREL is the broker's.
            _ => flight.due = None,
        }
    }

    /// What is in flight waits again: the client sleeps, or its connection is a new one.
    pub(super) fn ground(&mut self) {
        let Some(flight) = self.down.flight.take() else { return };
        match (flight.awaits, self.down.queue.front_mut()) {
            (Awaits::Puback { .. } | Awaits::Pubrec { .. }, Some(Item::Message(message))) => message.dup = true,
            (Awaits::Pubcomp(id), _) => self.down.push_first(id),
            (Awaits::Pubrel(_), _) => self.down.flight = Some(Flight { due: None, ..flight }),
            _ => {}
        }
    }

    pub(super) fn regack(&mut self, msg_id: MsgId, code: ReturnCode, turn: &mut Turn<'_>) {
        let Some(Flight { awaits: Awaits::Regack { topic, id }, .. }) = self.down.flight else { return };
        if id != msg_id {
            return;
        }
        match code {
            ReturnCode::Congestion => return self.postpone(turn),
            ReturnCode::Accepted => self.topics.set(topic, Knows::Name),
            // MQTT-SN 6.10: it does not want these messages, neither this one nor the next.
            _ => self.topics.set(topic, Knows::Refused),
        }
        self.down.flight = None;
        self.pump(turn);
    }

    /// PUBACK ends an exchange of QoS 1, and refuses a message of any QoS.
    pub(super) fn puback(&mut self, topic: u16, msg_id: MsgId, code: ReturnCode, turn: &mut Turn<'_>) {
        let flight = self.down.flight.as_ref().map(|flight| flight.awaits);
        let (sent_as, id, acknowledges) = match flight {
            Some(Awaits::Puback { topic, id }) => (topic, id, true),
            Some(Awaits::Pubrec { topic, id }) => (topic, id, false),
            _ => return self.unknown(topic, code),
        };
        if id.get() != msg_id {
            return self.unknown(topic, code);
        }
        match code {
            ReturnCode::Accepted if acknowledges => {
                self.down.flight = None;
                self.down.pop();
                self.tell_broker(&mqtt::Packet::Puback(id), turn);
            }
            ReturnCode::Accepted => return,
            ReturnCode::Congestion => return self.postpone(turn),
            ReturnCode::InvalidTopicId => match self.told_again(sent_as, turn) {
                Told::Now => self.down.flight = None,
                Told::JustNow => return,
                Told::InVain => {
                    self.down.flight = None;
                    self.drop_front(Loss::Refused, turn);
                }
            },
            _ => {
                self.down.flight = None;
                self.drop_front(Loss::Refused, turn);
            }
        }
        self.pump(turn);
    }

    pub(super) fn pubrec(&mut self, msg_id: MsgId, turn: &mut Turn<'_>) {
        match self.down.flight.as_ref().map(|flight| flight.awaits) {
            Some(Awaits::Pubrec { id, .. }) if id.get() == msg_id => {
                self.down.pop();
                self.down.flight = Some(Flight::new(Awaits::Pubrel(id), turn));
                self.tell_broker(&mqtt::Packet::Pubrec(id), turn);
            }
            Some(Awaits::Pubcomp(id)) if id.get() == msg_id => turn.out.send(self.peer, &Packet::Pubrel(msg_id)),
            Some(Awaits::Pubrel(id)) if id.get() == msg_id => {}
            // A client that goes on with an exchange which is over here can't end it without a PUBREL.
            _ => turn.out.send(self.peer, &Packet::Pubrel(msg_id)),
        }
    }

    pub(super) fn pubcomp(&mut self, msg_id: MsgId, turn: &mut Turn<'_>) {
        if let Some(Flight { awaits: Awaits::Pubcomp(id), .. }) = self.down.flight
            && id.get() == msg_id
        {
            self.down.flight = None;
            self.tell_broker(&mqtt::Packet::Pubcomp(id), turn);
            self.pump(turn);
        }
    }

    /// The client does not know a topic id of which it got a message that nobody waits for any more.
    fn unknown(&mut self, topic: u16, code: ReturnCode) {
        if code == ReturnCode::InvalidTopicId {
            self.topics.set(topic, Knows::Nothing);
        }
    }

    /// The client refused the message in front since it does not know its topic id: tells it once more.
    fn told_again(&mut self, sent_as: TopicId, turn: &Turn<'_>) -> Told {
        let (TopicId::Normal(topic), Some(Item::Message(message))) = (sent_as, self.down.queue.front_mut()) else {
            return Told::InVain;
        };
        if message.told_again.is_some_and(|at| turn.now.since(at) <= turn.config.copies_within) {
            return Told::JustNow;
        }
        self.topics.set(topic, Knows::Nothing);
        message.dup = true;
        match message.told_again.replace(turn.now) {
            None => Told::Now,
            Some(_) => Told::InVain,
        }
    }

    /// The client wants to be left in peace.
    fn postpone(&mut self, turn: &mut Turn<'_>) {
        if let Some(flight) = &mut self.down.flight {
            flight.again = 0;
            flight.due = Some(turn.now + turn.config.wait);
        }
    }

    fn drop_front(&mut self, why: Loss, turn: &mut Turn<'_>) {
        if let Some(Item::Message(message)) = self.down.pop() {
            self.give_up(message, why, turn);
        }
    }

    /// To the broker the message is delivered: it would send it again for ever.
    fn give_up(&mut self, message: Message, why: Loss, turn: &mut Turn<'_>) {
        let Message { topic, qos, id, .. } = message;
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => self.tell_broker(&mqtt::Packet::Puback(id), turn),
            (Qos::ExactlyOnce, Some(id)) => self.tell_broker(&mqtt::Packet::Pubrec(id), turn),
            _ => {}
        }
        turn.out.note(Note::Dropped { client: Some(self.name.clone()), topic, qos, why });
    }

    pub(super) fn tell_broker(&mut self, packet: &mqtt::Packet<'_>, turn: &mut Turn<'_>) {
        if let Some(mqtt) = self.mqtt.as_mut().filter(|mqtt| mqtt.is_open()) {
            mqtt.write(packet, turn);
        }
    }
}

impl Flight {
    fn new(awaits: Awaits, turn: &Turn<'_>) -> Flight {
        Flight { awaits, again: 0, due: Some(turn.now + turn.config.retry) }
    }
}

/// What a client knows comes first, then what needs no word.
fn way(topics: &mut Topics, topic: &str, config: &Config) -> Way {
    if let Ok(short) = topic.as_bytes().try_into() {
        return Way::Id(TopicId::Short(short));
    }
    match topics.find(topic) {
        Some((id, Knows::Name)) => return Way::Id(TopicId::Normal(id)),
        Some((_, Knows::Refused)) => return Way::None(Loss::Refused),
        Some((_, Knows::Nothing)) | None => {}
    }
    match config.predefined_id(topic) {
        Some(id) => Way::Id(TopicId::Predefined(id)),
        None => topics.add(topic, config).map_or(Way::None(Loss::NoTopicId), Way::Register),
    }
}
