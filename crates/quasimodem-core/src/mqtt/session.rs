//! The client side of one MQTT 3.1.1 connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU32;
use core::time::Duration;

use super::{Connect, Filters, Packet, PacketId, Publish, Qos, Violation};
use crate::at::Problem;
use crate::lean;
use crate::net::Link;
use crate::note::Failure;
use crate::outbox::{Outbox, Sink};
use crate::reports::Ticket;
use crate::time::Instant;

/// QoS 2 messages that a broker may leave unreleased.
const UNRELEASED_MAX: usize = 1024;

/// The answer to a PINGREQ may take half the keep-alive time, but at least this.
const PATIENCE_MIN: Duration = Duration::from_secs(5);

/// A connection and everything in flight on it.
pub(crate) struct Session {
    phase: Phase,
    flights: Vec<Flight>,
    /// What came of a packet that is not whole, or of packets that wait until there is room for them.
    partial: Vec<u8>,
    last_id: u16,
    clean: bool,
    /// Seconds.
    keep_alive: u16,
    last_sent: Instant,
    /// When the answer to a PINGREQ is overdue.
    ping_until: Option<Instant>,
    /// The length of the packet that waits in `partial` until there is room for it.
    waiting: Option<NonZeroU32>,
    /// The driver has more to write than it likes.
    full: bool,
    /// Packets that may wait for their acknowledgement.
    window: u16,
}

/// Where and when a session sends.
pub(crate) struct Wire<'a> {
    pub(crate) now: Instant,
    pub(crate) link: Link,
    pub(crate) out: &'a mut Outbox,
}

enum Phase {
    /// The link is being opened.
    Opening {
        ticket: Ticket,
        until: Instant,
        connect: Box<Ready>,
    },
    /// The CONNECT was sent.
    Connecting {
        ticket: Ticket,
        until: Instant,
    },
    Open,
}

/// A CONNECT as it was when the host asked for it; the password in it begins at `secret`.
struct Ready {
    bytes: Vec<u8>,
    secret: usize,
}

/// An exchange that has not ended.
struct Flight {
    id: PacketId,
    awaits: Awaits,
}

/// What the modem waits for. A ticket is that of a result; the host may have it already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Puback(Ticket),
    Pubrec(Ticket),
    Pubcomp(Ticket),
    Suback(Ticket),
    Unsuback(Ticket),
    /// The broker's message of QoS 2 was received and reported (MQTT 4.3.3, method B).
    Pubrel,
}

/// How far a request came at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It was carried out.
    Done,
    /// An acknowledgement is due.
    Flying,
}

/// What a packet from the broker came to.
pub(crate) enum Event<'a> {
    /// Nothing that anybody needs to know.
    Nothing,
    /// The broker accepted the connection.
    Opened(Ticket),
    /// The broker refused the connection with this return code.
    Refused(Ticket, u8),
    /// A request ended.
    Done(Ticket, bool),
    /// A message arrived. It must be taken before the next packet: its acknowledgement is on its way.
    Message(Publish<'a>),
}

impl Session {
    /// Starts to connect: the link must be opened now.
    pub(crate) fn open(now: Instant, connect: &Connect<'_>, ticket: Ticket, until: Instant, window: u16) -> Session {
        let mut bytes = Vec::new();
        Packet::Connect(*connect).encode(&mut bytes);
        // The password is the last field (MQTT 3.1.3).
        let secret = bytes.len() - connect.password.map_or(0, <[u8]>::len);
        Session {
            phase: Phase::Opening { ticket, until, connect: Box::new(Ready { bytes, secret }) },
            flights: Vec::new(),
            partial: Vec::new(),
            last_id: 0,
            clean: connect.clean_session,
            keep_alive: connect.keep_alive,
            last_sent: now,
            ping_until: None,
            waiting: None,
            full: false,
            window,
        }
    }

    /// The link is open.
    pub(crate) fn link_opened(&mut self, wire: &mut Wire<'_>) {
        if let Phase::Opening { ticket, until, connect } = &self.phase {
            let (open, secret) = connect.bytes.split_at(connect.secret);
            let mut piece = wire.out.send(wire.link);
            piece.put(open);
            piece.put_secret(secret);
            self.phase = Phase::Connecting { ticket: *ticket, until: *until };
            self.last_sent = wire.now;
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// The result that is owed while the connection is being opened.
    pub(crate) fn opening(&self) -> Option<Ticket> {
        match self.phase {
            Phase::Opening { ticket, .. } | Phase::Connecting { ticket, .. } => Some(ticket),
            Phase::Open => None,
        }
    }

    pub(crate) fn disconnect(&mut self, wire: &mut Wire<'_>) {
        if self.is_open() {
            self.send(wire, &Packet::Disconnect);
        }
    }

    pub(crate) fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    pub(crate) fn subscribe(
        &mut self,
        wire: &mut Wire<'_>,
        filter: &str,
        qos: Qos,
        ticket: Ticket,
    ) -> Result<Progress, Problem> {
        let id = self.begin(Awaits::Suback(ticket))?;
        self.send(wire, &Packet::Subscribe { id, filters: Filters::with_qos(&[(filter, qos)]) });
        Ok(Progress::Flying)
    }

    pub(crate) fn unsubscribe(
        &mut self,
        wire: &mut Wire<'_>,
        filter: &str,
        ticket: Ticket,
    ) -> Result<Progress, Problem> {
        let id = self.begin(Awaits::Unsuback(ticket))?;
        self.send(wire, &Packet::Unsubscribe { id, filters: Filters::without_qos(&[filter]) });
        Ok(Progress::Flying)
    }

    /// Sends a message, whose `id` this fills in.
    pub(crate) fn publish(
        &mut self,
        wire: &mut Wire<'_>,
        mut message: Publish<'_>,
        ticket: Ticket,
    ) -> Result<Progress, Problem> {
        message.id = match message.qos {
            Qos::AtMostOnce if self.full => return Err(Problem::LinkFull),
            Qos::AtMostOnce if !self.is_open() => return Err(Problem::NotConnected),
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce => Some(self.begin(Awaits::Puback(ticket))?),
            Qos::ExactlyOnce => Some(self.begin(Awaits::Pubrec(ticket))?),
        };
        self.send(wire, &Packet::Publish(message));
        Ok(if message.id.is_some() { Progress::Flying } else { Progress::Done })
    }

    /// Bytes from the peer, put behind those that wait. Gives what there is to work on; [`keep`](Self::keep) takes
    /// back the rest.
    pub(crate) fn take_partial(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut bytes = mem::take(&mut self.partial);
        if !bytes.is_empty() {
            bytes.extend_from_slice(chunk);
        }
        bytes
    }

    /// Keeps the bytes behind `taken` for later: of a packet that is not whole, or of packets that wait for room, the
    /// first of them of the length `waiting`.
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        mut owned: Vec<u8>,
        chunk: &[u8],
        taken: usize,
        waiting: Option<usize>,
    ) {
        let waiting = waiting.and_then(|length| NonZeroU32::new(u32::try_from(length).ok()?));
        if mem::replace(&mut self.waiting, waiting).is_some() && waiting.is_none() && self.ping_until.is_some() {
            // While reading was paused the answer may have waited unread.
            self.ping_until = Some(now + self.patience());
        }
        if owned.is_empty() {
            self.partial = chunk.get(taken..).unwrap_or_default().into();
        } else if taken < owned.len() {
            owned.drain(..taken);
            self.partial = owned;
        }
    }

    /// Whether the peer's bytes may be brought.
    pub(crate) fn wants(&self) -> bool {
        self.waiting.is_none() && matches!(self.phase, Phase::Connecting { .. } | Phase::Open)
    }

    /// The length of the packet that waits for room, if reading is paused.
    pub(crate) fn waiting(&self) -> Option<usize> {
        self.waiting.and_then(|length| usize::try_from(length.get()).ok())
    }

    /// One whole packet from the broker.
    pub(crate) fn packet<'a>(&mut self, wire: &mut Wire<'_>, frame: &'a [u8]) -> Result<Event<'a>, Violation> {
        let packet = Packet::decode(frame)?;
        if let Phase::Connecting { ticket, .. } = self.phase {
            return self.connack(ticket, &packet);
        }
        match packet {
            Packet::Publish(message) => self.message(wire, message),
            Packet::Puback(id) => self.acknowledged(wire, id, Ack::Puback),
            Packet::Pubrec(id) => self.acknowledged(wire, id, Ack::Pubrec),
            Packet::Pubcomp(id) => self.acknowledged(wire, id, Ack::Pubcomp),
            Packet::Suback { id, codes } => match *codes {
                [code] => self.acknowledged(wire, id, Ack::Suback { granted: code != 0x80 }),
                _ => Err(violation("MQTT-3.9.3-1", "a SUBACK has not one return code for each topic filter")),
            },
            Packet::Unsuback(id) => self.acknowledged(wire, id, Ack::Unsuback),
            Packet::Pubrel(id) => {
                // Unknown after a reconnect, if the PUBCOMP got lost: the broker must still get one (MQTT 4.3.3).
                self.flights.retain(|flight| flight.id != id || flight.is_ours());
                lean::rest(&mut self.flights);
                self.send(wire, &Packet::Pubcomp(id));
                Ok(Event::Nothing)
            }
            Packet::Pingresp => {
                self.ping_until = None;
                Ok(Event::Nothing)
            }
            Packet::Connack { .. } => Err(violation("MQTT 3.2", "a second CONNACK")),
            Packet::Connect(_)
            | Packet::Subscribe { .. }
            | Packet::Unsubscribe { .. }
            | Packet::Pingreq
            | Packet::Disconnect => Err(violation("MQTT 2.2.1", "a packet that only clients send")),
        }
    }

    fn connack<'a>(&mut self, ticket: Ticket, packet: &Packet<'_>) -> Result<Event<'a>, Violation> {
        match *packet {
            Packet::Connack { session_present: true, code: 0 } if self.clean => {
                Err(violation("MQTT-3.2.2-1", "session present in answer to a clean session"))
            }
            Packet::Connack { code: 0, .. } => {
                self.phase = Phase::Open;
                Ok(Event::Opened(ticket))
            }
            Packet::Connack { code, .. } => Ok(Event::Refused(ticket, code)),
            _ => Err(violation("MQTT-3.2.0-1", "the first packet is not a CONNACK")),
        }
    }

    fn message<'a>(&mut self, wire: &mut Wire<'_>, message: Publish<'a>) -> Result<Event<'a>, Violation> {
        match (message.qos, message.id) {
            (Qos::AtLeastOnce, Some(id)) => self.send(wire, &Packet::Puback(id)),
            (Qos::ExactlyOnce, Some(id)) => {
                let again = self.flights.iter().any(|flight| flight.id == id && !flight.is_ours());
                if !again {
                    if self.flights.len() >= UNRELEASED_MAX {
                        return Err(violation("MQTT 4.3.3", "too many messages of QoS 2 are not released"));
                    }
                    lean::push(&mut self.flights, Flight { id, awaits: Awaits::Pubrel });
                }
                self.send(wire, &Packet::Pubrec(id));
                if again {
                    return Ok(Event::Nothing);
                }
            }
            _ => {}
        }
        Ok(Event::Message(message))
    }

    /// Moves the flight that an acknowledgement is for.
    fn acknowledged<'a>(&mut self, wire: &mut Wire<'_>, id: PacketId, ack: Ack) -> Result<Event<'a>, Violation> {
        let Some(index) = self.flights.iter().position(|flight| flight.id == id && flight.is_ours()) else {
            return Err(violation("MQTT 2.3.1", "an acknowledgement that nobody waits for"));
        };
        let flight = &mut self.flights[index];
        let (ticket, status) = match (flight.awaits, ack) {
            // MQTT 4.3.2: the PUBACK ends a QoS 1 message.
            (Awaits::Puback(ticket), Ack::Puback) => (ticket, true),
            // MQTT 4.3.3: the PUBREC is answered with PUBREL, from then on the message is the broker's.
            (Awaits::Pubrec(ticket), Ack::Pubrec) => {
                flight.awaits = Awaits::Pubcomp(ticket);
                self.send(wire, &Packet::Pubrel(id));
                return Ok(Event::Nothing);
            }
            // MQTT 4.3.3: the PUBCOMP ends a QoS 2 message.
            (Awaits::Pubcomp(ticket), Ack::Pubcomp) => (ticket, true),
            // MQTT 3.8.4: the SUBACK answers a SUBSCRIBE, in the negative too.
            (Awaits::Suback(ticket), Ack::Suback { granted }) => (ticket, granted),
            // MQTT 3.10.4: the UNSUBACK answers an UNSUBSCRIBE.
            (Awaits::Unsuback(ticket), Ack::Unsuback) => (ticket, true),
            _ => return Err(violation("MQTT 2.3.1", "an acknowledgement of another kind than is due")),
        };
        self.flights.remove(index);
        lean::rest(&mut self.flights);
        Ok(Event::Done(ticket, status))
    }

    /// Makes room for a packet that will be acknowledged and gives its id.
    fn begin(&mut self, awaits: Awaits) -> Result<PacketId, Problem> {
        if !self.is_open() {
            return Err(Problem::NotConnected);
        }
        if self.flights.iter().filter(|flight| flight.is_ours()).count() >= usize::from(self.window) {
            return Err(Problem::TooManyInFlight(self.window));
        }
        let id = loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last_id)
                && self.flights.iter().all(|flight| flight.id != id || !flight.is_ours())
            {
                break id;
            }
        };
        lean::push(&mut self.flights, Flight { id, awaits });
        Ok(id)
    }

    fn send(&mut self, wire: &mut Wire<'_>, packet: &Packet<'_>) {
        packet.encode(&mut wire.out.send(wire.link));
        self.last_sent = wire.now;
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Opening { until, .. } | Phase::Connecting { until, .. } => until,
            Phase::Open => self.ping_overdue().map_or(self.ping_due(), |until| until.min(self.ping_due())),
        }
    }

    /// Does what is due, unless the connection is lost.
    pub(crate) fn settle(&mut self, wire: &mut Wire<'_>) -> Result<(), Failure> {
        match self.phase {
            Phase::Opening { until, .. } | Phase::Connecting { until, .. } if until <= wire.now => {
                Err(Failure::NoAnswer)
            }
            Phase::Open if self.ping_overdue().is_some_and(|until| until <= wire.now) => Err(Failure::NoPingResponse),
            Phase::Open if self.ping_due() <= wire.now => {
                self.send(wire, &Packet::Pingreq);
                self.ping_until.get_or_insert(wire.now + self.patience());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// MQTT 3.1.2.10: so long after the last packet a PINGREQ is due.
    fn ping_due(&self) -> Instant {
        self.last_sent + Duration::from_secs(self.keep_alive.into())
    }

    fn ping_overdue(&self) -> Option<Instant> {
        self.ping_until.filter(|_| self.waiting.is_none())
    }

    /// How long the answer to a PINGREQ may take.
    fn patience(&self) -> Duration {
        (Duration::from_secs(self.keep_alive.into()) / 2).max(PATIENCE_MIN)
    }
}

impl Flight {
    /// Whether it began here. Both sides count their packet identifiers by themselves (MQTT 2.3.1).
    fn is_ours(&self) -> bool {
        self.awaits != Awaits::Pubrel
    }
}

/// An acknowledgement as it concerns a flight.
#[derive(Clone, Copy)]
enum Ack {
    Puback,
    Pubrec,
    Pubcomp,
    Suback { granted: bool },
    Unsuback,
}

const fn violation(rule: &'static str, what: &'static str) -> Violation {
    Violation { rule, what }
}
