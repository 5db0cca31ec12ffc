//! The client side of one MQTT-SN connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::names::Names;
use super::packet::is_reserved;
use super::requests::{Outcome, Requests};
use super::subject::Subject;
use super::wire::{Pace, Ring, Timer, Wire};
use super::{Connect, MsgId, Packet, Publish, ReturnCode, TopicId, WillTopic};
use crate::at::Problem;
use crate::failure::Failure;
use crate::lean;
use crate::mqtt::{Key, Qos};
use crate::request::{Progress, Request, Terms};
use crate::sn::Registrar;
use crate::ticket::{Stage, Ticket};
use crate::time::{Instant, ping_after};
use crate::will::StoredWill;

/// QoS 2 messages that a gateway may leave unreleased.
const UNRELEASED_MAX: usize = 64;

/// How long a gateway may take to answer a PINGREQ, at least, however often that is sent: as long as the broker of a client
/// of MQTT.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// A connection and everything in flight on it.
pub(crate) struct Session {
    phase: Phase,
    /// The result of the open that began it.
    ticket: Ticket,
    /// What the session is kept by after the connection, if it is.
    key: Option<Key>,
    state: State,
    /// Seconds.
    keep_alive: u16,
    last_sent: Instant,
    /// When the gateway said something last.
    last_heard: Instant,
    /// A PINGREQ that is not answered.
    ping: Option<Timer>,
    /// The driver has more to write than it likes.
    full: bool,
}

enum Phase {
    /// The link is being opened.
    Opening {
        until: Instant,
        greeting: Box<Greeting>,
    },
    /// The CONNECT was sent.
    Connecting {
        until: Instant,
        greeting: Box<Greeting>,
        said: Said,
        timer: Timer,
    },
    Open,
    /// The host closes it: the DISCONNECT was sent, and the gateway's is due.
    Closing {
        until: Instant,
        ticket: Ticket,
        timer: Timer,
    },
}

/// Who connects, and how.
pub(crate) struct Greeting {
    pub(crate) client_id: Box<str>,
    pub(crate) clean: bool,
    /// Seconds.
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<StoredWill>,
}

/// What was sent last while connecting, so what is sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Connect,
    WillTopic,
    WillMessage,
}

/// What both sides know of each other.
#[derive(Default)]
struct State {
    names: Names,
    requests: Requests,
    /// Messages of QoS 2 that were received and reported, but not released.
    unreleased: Vec<MsgId>,
}

/// What outlives a connection that was opened with `<Cleansession flag>` 0.
pub(crate) struct Kept {
    pub(crate) key: Key,
    state: State,
}

impl Kept {
    /// Bytes of names and messages.
    pub(crate) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    pub(crate) fn names_mut(&mut self) -> &mut Names {
        &mut self.state.names
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.names.bytes() + self.requests.bytes()
    }
}

/// What a message from the gateway came to.
pub(crate) enum Event<'a> {
    /// Nothing that anybody needs to know.
    Nothing,
    /// The gateway accepted the connection.
    Opened,
    /// The gateway refused the connection.
    Refused(ReturnCode),
    /// The gateway ended the connection.
    Disconnected,
    /// The gateway knows that the host closed the connection.
    Closed,
    /// A request ended.
    Ended(Outcome),
    /// A message arrived; its acknowledgement is on its way.
    Message { topic: TopicId, qos: Qos, payload: &'a [u8] },
    /// The gateway gave a name an id; the acknowledgement is on its way.
    Named(u16, &'a str),
    /// The gateway asks for the topic of the will once more, though the connection is open.
    WillTopicWanted,
    /// The same for its message.
    WillMessageWanted,
    /// There is no room for a message of QoS 0.
    Dropped,
    /// A message is longer than the modem takes; of QoS 1 and 2 it was refused.
    TooLong,
    /// There is no room for a name.
    NotNamed,
}

/// What there is room for.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Whether the host may be told of one message more.
    pub(crate) inbox: bool,
    /// Bytes that may be kept.
    pub(crate) pool: usize,
    /// Whether the datagram is one that the modem may ever take.
    pub(crate) fits: bool,
}

/// What was due.
pub(crate) enum Settled {
    /// Nothing is left.
    Nothing,
    /// A request ended.
    Ended(Outcome),
    /// The gateway does not confirm that the connection is closed; so be it.
    Closed,
    /// The connection failed or is lost.
    Lost(Failure),
}

impl Session {
    /// Starts to connect: the link must be opened now. What is left of an earlier connection is taken up if its `key`,
    /// which says where and as whom, is the same; without a key the session ends with the connection.
    pub(crate) fn open(
        now: Instant,
        greeting: Greeting,
        key: Option<Key>,
        kept: Option<Kept>,
        ticket: Ticket,
        until: Instant,
    ) -> Session {
        let kept = kept.filter(|kept| Some(&kept.key) == key.as_ref());
        let mut state = kept.map(|kept| kept.state).unwrap_or_default();
        state.names.reconnect();
        Session {
            keep_alive: greeting.keep_alive,
            phase: Phase::Opening { until, greeting: Box::new(greeting) },
            ticket,
            key,
            state,
            last_sent: now,
            last_heard: now,
            ping: None,
            full: false,
        }
    }

    /// What outlives the connection, now that it is gone.
    pub(crate) fn end(self) -> Option<Box<Kept>> {
        let (key, mut state) = (self.key?, self.state);
        state.requests.keep();
        state.unreleased.shrink_to_fit();
        let empty = state.names.is_empty() && state.requests.is_empty() && state.unreleased.is_empty();
        (!empty).then(|| Box::new(Kept { key, state }))
    }

    /// Bytes of names, and of messages that wait or may have to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.state.bytes()
    }

    /// The names that both sides have ids for.
    pub(crate) fn names_mut(&mut self) -> &mut Names {
        &mut self.state.names
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.phase {
            Phase::Opening { .. } | Phase::Connecting { .. } => Stage::Opening(self.ticket),
            Phase::Open => Stage::Open(self.ticket),
            Phase::Closing { ticket, .. } => Stage::Closing(ticket),
        }
    }

    /// Whether the gateway's datagrams may be brought.
    pub(crate) fn wants(&self) -> bool {
        !matches!(self.phase, Phase::Opening { .. })
    }

    pub(crate) fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// The link is open.
    pub(crate) fn link_opened(&mut self, wire: &mut Wire<'_>) {
        self.phase = match mem::replace(&mut self.phase, Phase::Open) {
            Phase::Opening { until, greeting } => {
                greeting.say(Said::Connect, wire);
                let timer = Timer::start(greeting.pace(Said::Connect), wire, until);
                Phase::Connecting { until, greeting, said: Said::Connect, timer }
            }
            other => other,
        };
        self.note_sent(wire);
    }

    /// Takes leave, and waits for no answer.
    pub(crate) fn disconnect(&mut self, wire: &mut Wire<'_>) {
        if let Phase::Connecting { .. } | Phase::Open = self.phase {
            wire.send(&Packet::Disconnect { duration: None });
        }
    }

    /// The host closes the open connection. The gateway must know, or it would publish the will.
    pub(crate) fn close(&mut self, wire: &mut Wire<'_>, ticket: Ticket, until: Instant) {
        self.disconnect(wire);
        self.phase = Phase::Closing { until, ticket, timer: Timer::start(Pace::Brisk, wire, until) };
    }

    /// Takes a request of the host. [`advance`](Self::advance) sends it when its turn comes.
    pub(crate) fn request(
        &mut self,
        wire: &mut Wire<'_>,
        request: Request<'_>,
        terms: Terms,
    ) -> Result<Progress, Problem> {
        if !matches!(self.phase, Phase::Open) {
            return Err(Problem::NotConnected);
        }
        let State { names, requests, .. } = &mut self.state;
        // From here on it may borrow a name.
        let mut request = request;
        if let Some(subject) = request.subject() {
            if let Subject::Number(number) = *subject {
                names.write(number, terms.room)?;
            }
            *subject = names.resolve(*subject);
        }
        if self.full && matches!(request, Request::Publish { qos: Qos::AtMostOnce, .. }) {
            return Err(Problem::LinkFull);
        }
        if requests.send_at_once(request, names, wire) {
            self.note_sent(wire);
            return Ok(Progress::Done);
        }
        requests.add(request, terms, names)?;
        Ok(Progress::Flying)
    }

    /// Sends the next request if none is in flight. To be called until it gives nothing.
    pub(crate) fn advance(&mut self, wire: &mut Wire<'_>) -> Option<Outcome> {
        if !matches!(self.phase, Phase::Open) {
            return None;
        }
        let outcome = self.state.requests.advance(&self.state.names, wire);
        self.note_sent(wire);
        outcome
    }

    /// One message from the gateway. `room` tells whether it may be taken in if the host is to be told of it.
    pub(crate) fn packet<'a>(&mut self, wire: &mut Wire<'_>, packet: &Packet<'a>, room: Room) -> Event<'a> {
        self.last_heard = wire.now;
        let event = match (&mut self.phase, *packet) {
            (Phase::Connecting { .. }, Packet::Connack(ReturnCode::Accepted)) => {
                self.phase = Phase::Open;
                self.state.requests.resume(&self.state.names, wire);
                Event::Opened
            }
            (Phase::Connecting { .. }, Packet::Connack(code)) => Event::Refused(code),
            (Phase::Connecting { until, greeting, said, timer }, Packet::Willtopicreq) if greeting.will.is_some() => {
                (*said, *timer) = (Said::WillTopic, Timer::start(greeting.pace(Said::WillTopic), wire, *until));
                greeting.say(*said, wire);
                Event::Nothing
            }
            (Phase::Connecting { until, greeting, said, timer }, Packet::Willmsgreq) if greeting.will.is_some() => {
                (*said, *timer) = (Said::WillMessage, Timer::start(greeting.pace(Said::WillMessage), wire, *until));
                greeting.say(*said, wire);
                Event::Nothing
            }
            // What follows a CONNACK may overtake it, or the CONNACK got lost. A message waits until it comes again.
            (Phase::Connecting { .. } | Phase::Open, Packet::Register { topic, id, name }) => {
                self.registered(wire, topic, id, name, room)
            }
            (Phase::Open, packet) => self.while_open(wire, packet, room),
            (Phase::Closing { .. }, Packet::Disconnect { .. }) => Event::Closed,
            _ => Event::Nothing,
        };
        self.note_sent(wire);
        event
    }

    fn while_open<'a>(&mut self, wire: &mut Wire<'_>, packet: Packet<'a>, room: Room) -> Event<'a> {
        match packet {
            Packet::Publish(publish) => return self.message(wire, publish, room),
            Packet::Pubrel(id) => {
                self.state.unreleased.retain(|unreleased| *unreleased != id);
                lean::rest(&mut self.state.unreleased);
                wire.send(&Packet::Pubcomp(id));
            }
            Packet::Pingreq { .. } => wire.send(&Packet::Pingresp),
            Packet::Pingresp => self.ping = None,
            Packet::Disconnect { .. } => return Event::Disconnected,
            // A CONNECT that was sent again, and answered twice.
            Packet::Willtopicreq => return Event::WillTopicWanted,
            Packet::Willmsgreq => return Event::WillMessageWanted,
            Packet::Puback { topic, id: 0, code: ReturnCode::InvalidTopicId } => {
                self.state.requests.refused_unasked(topic, &mut self.state.names);
            }
            _ => {
                let State { names, requests, .. } = &mut self.state;
                return requests.answered(&packet, names, wire).map_or(Event::Nothing, Event::Ended);
            }
        }
        Event::Nothing
    }

    /// MQTT-SN 6.10: the gateway gave a name an id.
    fn registered<'a>(&mut self, wire: &mut Wire<'_>, topic: u16, id: MsgId, name: &'a str, room: Room) -> Event<'a> {
        let names = &mut self.state.names;
        let (code, event) = if names.name(topic) == Some(name) {
            names.confirm(topic);
            (ReturnCode::Accepted, Event::Nothing)
        } else if is_reserved(topic) {
            (ReturnCode::InvalidTopicId, Event::Nothing)
        } else if !room.inbox || name.len() > room.pool {
            // The host is to be told: the gateway will try again.
            return Event::Nothing;
        } else if names.name(topic).is_none() && names.room() == 0 {
            (ReturnCode::Congestion, Event::NotNamed)
        } else {
            names.insert(topic, name, Registrar::Gateway);
            (ReturnCode::Accepted, Event::Named(topic, name))
        };
        wire.send(&Packet::Regack { topic, id, code });
        event
    }

    fn message<'a>(&mut self, wire: &mut Wire<'_>, publish: Publish<'a>, room: Room) -> Event<'a> {
        let Publish { topic, payload, id, .. } = publish;
        // QoS -1 is for clients without a connection.
        let Some(qos) = publish.qos else { return Event::Nothing };
        if let TopicId::Normal(number) = topic
            && self.state.names.name(number).is_none()
        {
            // MQTT-SN 6.10: the gateway shall register it first.
            wire.send(&Packet::Puback { topic: number, id, code: ReturnCode::InvalidTopicId });
            return Event::Nothing;
        }
        if let TopicId::Normal(number) = topic
            && self.state.requests.awaits_id()
            && !self.state.names.is_fresh(number)
        {
            // A gateway that began anew may have given the id to what was asked for, in an answer that is lost or late.
            // It sends a message of QoS 1 or 2 again, but may drop what is refused.
            if qos == Qos::AtMostOnce {
                wire.send(&Packet::Puback { topic: number, id, code: ReturnCode::InvalidTopicId });
            }
            return Event::Nothing;
        }
        if !room.fits {
            // Not acknowledged, it would be sent for ever, and those behind it never.
            if qos != Qos::AtMostOnce {
                wire.send(&Packet::Puback { topic: topic.number(), id, code: ReturnCode::NotSupported });
            }
            return Event::TooLong;
        }
        let unreleased = &mut self.state.unreleased;
        match qos {
            Qos::AtMostOnce if !room.inbox => return Event::Dropped,
            Qos::AtMostOnce => {}
            Qos::ExactlyOnce if unreleased.contains(&id) => {
                wire.send(&Packet::Pubrec(id));
                return Event::Nothing;
            }
            // Not acknowledged, so that the gateway sends it again.
            _ if !room.inbox => return Event::Nothing,
            Qos::AtLeastOnce => {
                wire.send(&Packet::Puback { topic: topic.number(), id, code: ReturnCode::Accepted });
            }
            Qos::ExactlyOnce if unreleased.len() >= UNRELEASED_MAX => return Event::Nothing,
            Qos::ExactlyOnce => {
                lean::push(unreleased, id);
                wire.send(&Packet::Pubrec(id));
            }
        }
        Event::Message { topic, qos, payload }
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.phase {
            Phase::Opening { until, .. } => *until,
            Phase::Connecting { until, timer, .. } | Phase::Closing { until, timer, .. } => timer.at.min(*until),
            Phase::Open => {
                let ping = self.ping.as_ref().map_or(self.ping_due(), |ping| ping.at);
                self.state.requests.deadline().map_or(ping, |requests| requests.min(ping))
            }
        }
    }

    /// Does what is due. To be called until nothing is left.
    pub(crate) fn settle(&mut self, wire: &mut Wire<'_>) -> Settled {
        let settled = match &mut self.phase {
            Phase::Opening { until, .. } | Phase::Connecting { until, .. } if *until <= wire.now => {
                Settled::Lost(Failure::NoAnswer)
            }
            Phase::Opening { .. } => Settled::Nothing,
            Phase::Connecting { greeting, said, timer, .. } => match timer.ring(greeting.pace(*said), wire) {
                Ring::NotYet => Settled::Nothing,
                Ring::SendAgain => {
                    greeting.say(*said, wire);
                    Settled::Nothing
                }
                Ring::GiveUp => Settled::Lost(Failure::NoAnswer),
            },
            Phase::Open => self.settle_open(wire),
            Phase::Closing { until, .. } if *until <= wire.now => Settled::Closed,
            Phase::Closing { timer, .. } => match timer.ring(Pace::Brisk, wire) {
                Ring::NotYet => Settled::Nothing,
                Ring::SendAgain => {
                    wire.send(&Packet::Disconnect { duration: None });
                    Settled::Nothing
                }
                Ring::GiveUp => Settled::Closed,
            },
        };
        self.note_sent(wire);
        settled
    }

    fn settle_open(&mut self, wire: &mut Wire<'_>) -> Settled {
        let State { names, requests, .. } = &mut self.state;
        if let Some(outcome) = requests.settle(names, wire) {
            return Settled::Ended(outcome);
        }
        self.note_sent(wire);
        let due = self.ping_due() <= wire.now;
        let ring = match &mut self.ping {
            Some(ping) => ping.ring(Pace::Brisk, wire),
            None if due => {
                let tries = u32::from(wire.retries) + 1;
                self.ping = Some(Timer::start(Pace::Brisk, wire, wire.now + PING_WITHIN.max(wire.retry * tries)));
                Ring::SendAgain
            }
            None => Ring::NotYet,
        };
        match ring {
            Ring::NotYet => Settled::Nothing,
            Ring::SendAgain => {
                wire.send(&Packet::Pingreq { client_id: "" });
                Settled::Nothing
            }
            Ring::GiveUp => Settled::Lost(Failure::GatewaySilent),
        }
    }

    /// When a PINGREQ is due: when nothing was sent for the interval (MQTT-SN 6.11), or nothing came. A client that only
    /// ever sends would otherwise go on for ever towards a gateway that is gone.
    fn ping_due(&self) -> Instant {
        self.last_sent.min(self.last_heard) + ping_after(self.keep_alive)
    }

    fn note_sent(&mut self, wire: &mut Wire<'_>) {
        if mem::take(&mut wire.sent) {
            self.last_sent = wire.now;
        }
    }
}

/// Answers WILLTOPICREQ.
pub(crate) fn say_will_topic(will: &StoredWill, wire: &mut Wire<'_>) {
    let StoredWill { topic, qos, retain, .. } = will;
    wire.send(&Packet::Willtopic(Some(WillTopic { topic, qos: *qos, retain: *retain })));
}

/// Answers WILLMSGREQ.
pub(crate) fn say_will_message(will: &StoredWill, wire: &mut Wire<'_>) {
    wire.send(&Packet::Willmsg(&will.payload));
}

impl Greeting {
    /// For the CONNACK the gateway needs its broker, and some begin anew at each CONNECT.
    fn pace(&self, said: Said) -> Pace {
        match said {
            Said::Connect if self.will.is_none() => Pace::Careful,
            Said::Connect | Said::WillTopic => Pace::Brisk,
            Said::WillMessage => Pace::Careful,
        }
    }

    fn say(&self, what: Said, wire: &mut Wire<'_>) {
        match (what, &self.will) {
            (Said::WillTopic, Some(will)) => say_will_topic(will, wire),
            (Said::WillMessage, Some(will)) => say_will_message(will, wire),
            _ => wire.send(&Packet::Connect(Connect {
                client_id: &self.client_id,
                clean: self.clean,
                will: self.will.is_some(),
                duration: self.keep_alive,
                protocol: Connect::PROTOCOL,
            })),
        }
    }
}
