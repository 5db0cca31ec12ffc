//! What the host asked of the gateway: one request at a time in flight, the others in line behind it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::names::{NAMES_MAX, Names};
use super::packet::is_reserved;
use super::subject::Subject;
use super::wire::{Pace, Ring, Timer, Wire};
use super::{MsgId, Packet, Publish, ReturnCode, TopicId, WillTopic};
use crate::at::Problem;
use crate::lean;
use crate::mqtt::Qos;
use crate::request::{Request, Terms};
use crate::sn::Registrar;
use crate::ticket::Ticket;
use crate::time::Instant;

/// How long a message of the connection before is sent again: as long as the result of `+MQTTPUB` may take.
const RESUMED: Duration = Duration::from_millis(3000);

/// How a request ended.
pub(crate) struct Outcome {
    /// The result that it decides, if it is still owed.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) end: End,
}

/// See [`Outcome`].
pub(crate) enum End {
    Done,
    /// The gateway gave the name this id.
    Registered(u16, Box<str>),
    WillTopic(Option<NewTopic>),
    WillMessage(Box<[u8]>),
    Rejected(ReturnCode),
    /// The gateway did not answer, however often it was asked.
    Unanswered,
}

/// A will topic, stored.
pub(crate) struct NewTopic {
    pub(crate) topic: Box<str>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
}

/// The host's requests in their order. The first is in flight if there is a flight.
#[derive(Default)]
pub(super) struct Requests {
    line: Vec<Waiting>,
    flight: Option<Flight>,
    /// The topic of the last message of QoS 0, which the gateway may still refuse.
    unacknowledged: Option<TopicId>,
}

struct Waiting {
    ticket: Option<Ticket>,
    until: Instant,
    what: What,
}

enum What {
    Register(Box<str>),
    Publish(Message),
    Subscribe(Subject<Box<str>>, Qos),
    Unsubscribe(Subject<Box<str>>),
    WillTopic(Option<NewTopic>),
    WillMessage(Box<[u8]>),
}

struct Message {
    subject: Subject<Box<str>>,
    payload: Box<[u8]>,
    qos: Qos,
    retain: bool,
    /// The gateway did not know the id, and the name was registered once more.
    again: bool,
    /// The identifier it had in the connection before. The broker may hold the message under it.
    resumed: Option<MsgId>,
}

struct Flight {
    id: MsgId,
    awaits: Awaits,
    timer: Timer,
}

/// What the modem waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Regack,
    /// A PUBACK or, at QoS 2, a PUBREC; the topic as it was sent.
    Received(TopicId),
    Pubcomp,
    Suback,
    Unsuback,
    Willtopicresp,
    Willmsgresp,
}

impl Requests {
    /// Puts a request behind the others.
    pub(super) fn add(&mut self, request: Request<'_>, terms: Terms, names: &Names) -> Result<(), Problem> {
        if self.line.len() >= usize::from(terms.window) {
            return Err(Problem::TooManyInFlight(terms.window));
        }
        if request.len() > terms.room {
            return Err(Problem::NoMemory);
        }
        let new = |name: &str| !names.has(name);
        let owed = self.line.iter().filter_map(|waiting| waiting.what.gets_id()).filter(|name| new(name)).count();
        let what = What::new(request);
        if what.gets_id().is_some_and(new) && owed >= names.room() {
            return Err(Problem::TooManyNames(NAMES_MAX));
        }
        lean::push(&mut self.line, Waiting { ticket: Some(terms.ticket), until: terms.until, what });
        Ok(())
    }

    /// Sends a message of QoS 0 if nothing stands before it; tells whether it did.
    pub(super) fn send_at_once(&mut self, request: Request<'_>, names: &Names, wire: &mut Wire<'_>) -> bool {
        match request {
            Request::Publish { subject, payload, qos: qos @ Qos::AtMostOnce, retain } if self.line.is_empty() => {
                let Some(topic) = names.topic_id(subject) else { return false };
                wire.send(&Packet::Publish(Publish { topic, payload, qos: Some(qos), retain, dup: false, id: 0 }));
                self.unacknowledged = Some(topic);
                true
            }
            _ => false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Bytes that are kept to be sent, or sent again.
    pub(super) fn bytes(&self) -> usize {
        self.line.iter().map(|waiting| waiting.what.len()).sum()
    }

    /// Sends the first request if none is in flight; gives its end if that was all.
    pub(super) fn advance(&mut self, names: &Names, wire: &mut Wire<'_>) -> Option<Outcome> {
        if self.flight.is_some() {
            return None;
        }
        let awaits = match &self.line.first()?.what {
            What::Register(_) => Awaits::Regack,
            What::Publish(message) => match (names.topic_id(message.subject.lent()), message.qos) {
                (None, _) => Awaits::Regack,
                (Some(topic), Qos::AtMostOnce) => {
                    wire.send(&message.packet(topic, 0, false));
                    self.unacknowledged = Some(topic);
                    return self.end(End::Done);
                }
                (Some(topic), _) => Awaits::Received(topic),
            },
            What::Subscribe(..) => Awaits::Suback,
            What::Unsubscribe(_) => Awaits::Unsuback,
            What::WillTopic(_) => Awaits::Willtopicresp,
            What::WillMessage(_) => Awaits::Willmsgresp,
        };
        let Waiting { what, until, .. } = self.line.first()?;
        let timer = Timer::start(what.pace(awaits), wire, *until);
        let resumed = if let Awaits::Received(_) = awaits { what.resumed() } else { None };
        let id = resumed.unwrap_or_else(|| wire.ids.next(|_| false).get());
        self.flight = Some(Flight { id, awaits, timer });
        self.transmit(wire, resumed.is_some());
        None
    }

    /// Takes in what may answer the request in flight.
    pub(super) fn answered(&mut self, packet: &Packet<'_>, names: &mut Names, wire: &mut Wire<'_>) -> Option<Outcome> {
        let flight = self.flight.as_mut()?;
        let Waiting { what, until, .. } = self.line.first_mut()?;
        let is_ours = |id: MsgId| id == flight.id;
        match (flight.awaits, *packet) {
            (Awaits::Regack, Packet::Regack { topic, id, code }) if is_ours(id) => match what {
                _ if !code.is_accepted() => self.end(End::Rejected(code)),
                _ if is_reserved(topic) => self.end(End::Rejected(ReturnCode::InvalidTopicId)),
                What::Register(name) => {
                    names.insert(topic, name, Registrar::Client);
                    let name = mem::take(name);
                    self.end(End::Registered(topic, name))
                }
                What::Publish(Message { subject: Subject::Name(name), .. }) => {
                    names.insert(topic, name, Registrar::Client);
                    self.flight = None;
                    self.advance(names, wire)
                }
                _ => None,
            },
            (Awaits::Received(topic), Packet::Puback { id, code, .. }) if is_ours(id) => {
                let What::Publish(message) = what else {
                    debug_assert!(false, "only a message awaits its acceptance");
                    return None;
                };
                match code {
                    // What accepts a message of QoS 2 is the PUBREC.
                    ReturnCode::Accepted if message.qos == Qos::ExactlyOnce => None,
                    ReturnCode::InvalidTopicId if message.register_again(topic, names) => {
                        self.flight = None;
                        self.advance(names, wire)
                    }
                    _ => self.end(End::of(code)),
                }
            }
            (Awaits::Received(_), Packet::Pubrec(id)) if is_ours(id) => {
                flight.awaits = Awaits::Pubcomp;
                flight.timer = Timer::start(what.pace(flight.awaits), wire, *until);
                wire.send(&Packet::Pubrel(id));
                None
            }
            // It was repeated since the PUBREL got lost, or has still to arrive.
            (Awaits::Pubcomp, Packet::Pubrec(id)) if is_ours(id) => {
                wire.send(&Packet::Pubrel(id));
                None
            }
            (Awaits::Pubcomp, Packet::Pubcomp(id)) if is_ours(id) => self.end(End::Done),
            (Awaits::Suback, Packet::Suback { topic, id, code, .. }) if is_ours(id) => {
                if code.is_accepted()
                    && !is_reserved(topic)
                    && let What::Subscribe(Subject::Name(name), _) = what
                    && !name.contains(['#', '+'])
                {
                    names.insert(topic, name, Registrar::Client);
                }
                self.end(End::of(code))
            }
            (Awaits::Unsuback, Packet::Unsuback(id)) if is_ours(id) => self.end(End::Done),
            (Awaits::Willtopicresp, Packet::Willtopicresp(code)) => match what {
                What::WillTopic(will) if code.is_accepted() => {
                    let will = will.take();
                    self.end(End::WillTopic(will))
                }
                _ => self.end(End::Rejected(code)),
            },
            (Awaits::Willmsgresp, Packet::Willmsgresp(code)) => match what {
                What::WillMessage(payload) if code.is_accepted() => {
                    let payload = mem::take(payload);
                    self.end(End::WillMessage(payload))
                }
                _ => self.end(End::Rejected(code)),
            },
            _ => None,
        }
    }

    /// The gateway does not know the topic of a message of QoS 0: its name is registered before the next one.
    pub(super) fn refused_unasked(&mut self, topic: u16, names: &mut Names) {
        if self.unacknowledged == Some(TopicId::Normal(topic)) {
            names.forget(topic);
        }
    }

    /// Gives up what is overdue, and sends again what was not answered; gives a request that was sent often enough.
    pub(super) fn settle(&mut self, names: &mut Names, wire: &mut Wire<'_>) -> Option<Outcome> {
        while let Some(late) = self.line.iter().position(|waiting| waiting.until <= wire.now) {
            if late == 0 {
                self.give_up(names);
            }
            self.line.remove(late);
            lean::rest(&mut self.line);
        }
        let flight = self.flight.as_mut()?;
        match flight.timer.ring(self.line.first()?.what.pace(flight.awaits), wire) {
            Ring::NotYet => None,
            Ring::SendAgain => self.repeat(names, wire),
            Ring::GiveUp => {
                self.give_up(names);
                self.end(End::Unanswered)
            }
        }
    }

    /// Whether the gateway may have given an id of which nothing was heard yet.
    pub(super) fn awaits_id(&self) -> bool {
        let (Some(flight), Some(waiting)) = (&self.flight, self.line.first()) else { return false };
        matches!(flight.awaits, Awaits::Regack | Awaits::Suback) && waiting.what.gets_id().is_some()
    }

    /// The request in flight is not sent any more.
    fn give_up(&mut self, names: &mut Names) {
        if self.awaits_id() {
            names.distrust_old();
        }
        self.flight = None;
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let untils = self.line.iter().map(|waiting| waiting.until);
        untils.chain(self.flight.as_ref().map(|flight| flight.timer.at)).min()
    }

    /// What outlives the connection of a kept session: a message that the gateway may have, and its identifier.
    pub(super) fn keep(&mut self) {
        let sent = |flight: &Flight| matches!(flight.awaits, Awaits::Received(_) | Awaits::Pubcomp);
        let resumed = self.line.first().is_some_and(|waiting| waiting.what.resumed().is_some());
        self.line.truncate(usize::from(resumed || self.flight.as_ref().is_some_and(sent)));
        self.line.iter_mut().for_each(|waiting| waiting.ticket = None);
        self.line.shrink_to_fit();
        if self.line.is_empty() {
            self.flight = None;
        }
    }

    /// Goes on with what a lost connection left, now that there is a new one. A message keeps its identifier, even if its
    /// name has to be registered before.
    pub(super) fn resume(&mut self, names: &Names, wire: &mut Wire<'_>) {
        let (Some(flight), Some(waiting)) = (&mut self.flight, self.line.first_mut()) else { return };
        waiting.until = wire.now + RESUMED;
        match (&mut waiting.what, flight.awaits) {
            (What::Publish(message), Awaits::Received(_) | Awaits::Regack) => {
                message.resumed = message.resumed.or(Some(flight.id));
                self.flight = None;
                // It is of QoS 1 or 2, so that it does not end here.
                let _ = self.advance(names, wire);
            }
            (what, awaits) => {
                flight.timer = Timer::start(what.pace(awaits), wire, waiting.until);
                self.transmit(wire, true);
            }
        }
    }

    /// Sends the message that the request in flight is at once more, to the topic that the host meant.
    fn repeat(&mut self, names: &Names, wire: &mut Wire<'_>) -> Option<Outcome> {
        if let (Some(flight), Some(Waiting { what: What::Publish(message), .. })) =
            (&mut self.flight, self.line.first())
            && let Awaits::Received(topic) = &mut flight.awaits
            && message.is_misled_by(*topic, names)
        {
            let Some(id) = names.topic_id(message.subject.lent()) else {
                self.flight = None;
                return self.advance(names, wire);
            };
            *topic = id;
        }
        self.transmit(wire, true);
        None
    }

    /// Sends the message that the request in flight is at.
    fn transmit(&self, wire: &mut Wire<'_>, dup: bool) {
        let (Some(flight), Some(waiting)) = (&self.flight, self.line.first()) else {
            debug_assert!(false, "nothing is in flight that could be sent");
            return;
        };
        let id = flight.id;
        wire.send(&match (&waiting.what, flight.awaits) {
            (What::Register(name), _) => Packet::Register { topic: 0, id, name },
            (What::Publish(_), Awaits::Pubcomp) => Packet::Pubrel(id),
            (What::Publish(message), Awaits::Received(topic)) => message.packet(topic, id, dup),
            (What::Publish(message), _) => {
                let Subject::Name(name) = message.subject.lent() else {
                    debug_assert!(false, "only names are registered");
                    return;
                };
                Packet::Register { topic: 0, id, name }
            }
            (What::Subscribe(subject, qos), _) => {
                Packet::Subscribe { id, topic: subject.lent().topic(), qos: *qos, dup }
            }
            (What::Unsubscribe(subject), _) => Packet::Unsubscribe { id, topic: subject.lent().topic() },
            (What::WillTopic(will), _) => Packet::Willtopicupd(will.as_ref().map(NewTopic::lent)),
            (What::WillMessage(payload), _) => Packet::Willmsgupd(payload),
        });
    }

    /// The first request ends.
    fn end(&mut self, end: End) -> Option<Outcome> {
        self.flight = None;
        if self.line.is_empty() {
            return None;
        }
        let ticket = self.line.remove(0).ticket;
        lean::rest(&mut self.line);
        Some(Outcome { ticket, end })
    }
}

impl End {
    fn of(code: ReturnCode) -> End {
        if code.is_accepted() { End::Done } else { End::Rejected(code) }
    }
}

impl NewTopic {
    fn lent(&self) -> WillTopic<'_> {
        WillTopic { topic: &self.topic, qos: self.qos, retain: self.retain }
    }
}

impl What {
    fn new(request: Request<'_>) -> What {
        match request {
            Request::Register(name) => What::Register(name.into()),
            Request::Publish { subject, payload, qos, retain } => {
                let (subject, payload) = (subject.stored(), payload.into());
                What::Publish(Message { subject, payload, qos, retain, again: false, resumed: None })
            }
            Request::Subscribe(subject, qos) => What::Subscribe(subject.stored(), qos),
            Request::Unsubscribe(subject) => What::Unsubscribe(subject.stored()),
            Request::WillTopic(will) => What::WillTopic(will.map(|will| NewTopic {
                topic: will.topic.into(),
                qos: will.qos,
                retain: will.retain,
            })),
            Request::WillMessage(payload) => What::WillMessage(payload.into()),
        }
    }

    fn lent(&self) -> Request<'_> {
        match self {
            What::Register(name) => Request::Register(name),
            What::Publish(Message { subject, payload, qos, retain, .. }) => {
                Request::Publish { subject: subject.lent(), payload, qos: *qos, retain: *retain }
            }
            What::Subscribe(subject, qos) => Request::Subscribe(subject.lent(), *qos),
            What::Unsubscribe(subject) => Request::Unsubscribe(subject.lent()),
            What::WillTopic(will) => Request::WillTopic(will.as_ref().map(NewTopic::lent)),
            What::WillMessage(payload) => Request::WillMessage(payload),
        }
    }

    fn len(&self) -> usize {
        self.lent().len()
    }

    /// A copy of a message of QoS 2 that arrives after the PUBREL is another message to most gateways.
    fn pace(&self, awaits: Awaits) -> Pace {
        match (self, awaits) {
            (What::Publish(Message { qos: Qos::ExactlyOnce, .. }), Awaits::Received(_)) => Pace::Careful,
            _ => Pace::Brisk,
        }
    }

    /// The identifier that a message had in the connection before.
    fn resumed(&self) -> Option<MsgId> {
        if let What::Publish(message) = self { message.resumed } else { None }
    }

    /// The name for which the gateway gives an id on the way.
    fn gets_id(&self) -> Option<&str> {
        match self {
            What::Register(name) => Some(name),
            What::Publish(Message { subject: Subject::Name(name), .. }) => Some(name),
            What::Subscribe(Subject::Name(name), _) if !name.contains(['#', '+']) => Some(name),
            _ => None,
        }
    }
}

impl Message {
    fn packet(&self, topic: TopicId, id: MsgId, dup: bool) -> Packet<'_> {
        let &Message { ref payload, qos, retain, .. } = self;
        Packet::Publish(Publish { topic, payload, qos: Some(qos), retain, dup, id })
    }

    /// Forgets an id that the gateway does not know, so that the name is registered anew. Once only: a gateway that
    /// does not know what it has just given never will.
    fn register_again(&mut self, topic: TopicId, names: &mut Names) -> bool {
        let (TopicId::Normal(id), Subject::Name(name)) = (topic, &self.subject) else { return false };
        if names.name(id) == Some(&**name) {
            names.forget(id);
        }
        !mem::replace(&mut self.again, true)
    }

    /// Whether the gateway gave this id to another name meanwhile.
    fn is_misled_by(&self, topic: TopicId, names: &Names) -> bool {
        let (TopicId::Normal(id), Subject::Name(name)) = (topic, &self.subject) else { return false };
        names.name(id).is_some_and(|other| *other != **name)
    }
}
