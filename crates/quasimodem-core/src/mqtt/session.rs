//! The client side of one MQTT 3.1.1 connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU32;
use core::time::Duration;

use super::flights::{Ack, Awaits, Flights, Landed, Received};
use super::kept::{Kept, Key};
use super::oversize::Oversize;
use super::violation::violation;
use super::{Connect, Filters, OddAck, OddMessage, Packet, PacketId, PacketIds, Publish, Qos, Violation};
use crate::at::Problem;
use crate::failure::Failure;
use crate::net::Link;
use crate::outbox::Outbox;
use crate::request::{Progress, Request, Terms};
use crate::sink::Sink;
use crate::sn::Subject;
use crate::ticket::Ticket;
use crate::time::{Instant, ping_after};

/// The type of a CONNACK (MQTT 2.2.1).
const CONNACK: u8 = 2;

const NO_CONNACK: Violation = violation("MQTT-3.2.0-1", "the first packet is not a CONNACK");

/// What comes in place of a CONNACK begins like a record of TLS: an alert or a handshake (RFC 8446 5.1).
pub(crate) const TLS_RECORD: Violation = violation("MQTT-3.2.0-1", "TLS in place of a CONNACK");
const TLS_ALERT: u8 = 21;
const TLS_HANDSHAKE: u8 = 22;

/// The answer to a PINGREQ may take half the keep-alive time, but at least this.
const PATIENCE_MIN: Duration = Duration::from_secs(5);

/// Packets that may be sent to a link that is full before the link is not read any more: a broker that asks for answers and
/// does not read them must not make what waits for it grow.
const ANSWERS_MAX: u16 = 4096;

/// A connection and everything in flight on it.
pub(crate) struct Session {
    phase: Phase,
    /// The result of the open that began it. It names the session, too: a later one has another.
    ticket: Ticket,
    flights: Flights,
    /// What the broker knows the session by; `None`: a clean session that is open, whose end nothing outlives.
    key: Option<Key>,
    /// The key's print, which stays.
    print: u16,
    clean: bool,
    /// What came of a packet that is not whole, or of packets that wait until there is room for them.
    partial: Vec<u8>,
    /// A message that is too large, and is skipped.
    oversize: Option<Box<Oversize>>,
    /// Seconds.
    keep_alive: u16,
    last_sent: Instant,
    /// When the broker said something last, as far as that was read.
    last_heard: Instant,
    /// When the answer to a PINGREQ is overdue.
    ping_until: Option<Instant>,
    /// The length of the packet that waits in `partial` until there is room for it.
    waiting: Option<NonZeroU32>,
    /// The driver has more to write than it likes.
    full: bool,
    /// Packets that were sent nevertheless.
    sent_full: u16,
}

/// Where and when a session sends.
pub(crate) struct Wire<'a> {
    pub(crate) now: Instant,
    pub(crate) link: Link,
    pub(crate) ids: &'a mut PacketIds,
    pub(crate) out: &'a mut Outbox,
}

enum Phase {
    /// The link is being opened.
    Opening {
        until: Instant,
        connect: Box<Ready>,
    },
    /// The CONNECT was sent.
    Connecting {
        until: Instant,
        /// Without TLS.
        plain: bool,
    },
    Open,
}

/// A CONNECT as it was when the host asked for it; the password in it begins at `secret`.
struct Ready {
    bytes: Vec<u8>,
    secret: usize,
    plain: bool,
}

/// What a packet from the broker came to.
pub(crate) enum Event<'a> {
    /// Nothing that anybody needs to know.
    Nothing,
    /// The broker accepted the connection, and has a session of before or not.
    Opened { session_present: bool },
    /// The broker refused the connection with this return code.
    Refused(u8),
    /// A request ended.
    Done(Ticket, bool),
    /// A message arrived. It must be taken before the next packet: its acknowledgement is on its way.
    Message(Publish<'a>),
}

/// What is odd about a packet that came to something all the same.
#[derive(Clone, Copy)]
pub(crate) enum Odd<'a> {
    Ack(OddAck),
    /// With its topic.
    Message(OddMessage, &'a str),
}

/// What a packet came to, and what is odd about it.
type Came<'a> = (Event<'a>, Option<Odd<'a>>);

impl Session {
    /// Starts to connect: the link must be opened now. `key` is what the broker will know the session by.
    pub(crate) fn open(
        now: Instant,
        connect: &Connect<'_>,
        key: Key,
        plain: bool,
        ticket: Ticket,
        until: Instant,
    ) -> Session {
        let mut bytes = Vec::new();
        Packet::Connect(*connect).encode(&mut bytes);
        // The password is the last field (MQTT 3.1.3).
        let secret = bytes.len() - connect.password.map_or(0, <[u8]>::len);
        Session {
            phase: Phase::Opening { until, connect: Box::new(Ready { bytes, secret, plain }) },
            ticket,
            flights: Flights::default(),
            print: key.print(),
            key: Some(key),
            clean: connect.clean_session,
            partial: Vec::new(),
            oversize: None,
            keep_alive: connect.keep_alive,
            last_sent: now,
            last_heard: now,
            ping_until: None,
            waiting: None,
            full: false,
            sent_full: 0,
        }
    }

    /// What outlives the connection, now that it is gone.
    pub(crate) fn end(self) -> Option<Kept> {
        let (key, flights) = (self.key?, self.flights.kept()?);
        Some(Kept { key, flights })
    }

    /// Whether what is not acknowledged outlives the connection.
    pub(crate) fn is_kept(&self) -> bool {
        self.key.is_some()
    }

    /// What the broker knows the session by, unless nothing may outlive it.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Whether the broker takes both for the same client, as far as a print tells.
    pub(crate) fn is_same_client(&self, print: u16) -> bool {
        self.print == print
    }

    /// See [`is_same_client`](Self::is_same_client).
    pub(crate) fn print(&self) -> u16 {
        self.print
    }

    /// The broker accepted the connection. What is `kept` under its key goes on, unless the session begins clean.
    pub(crate) fn resume(&mut self, wire: &mut Wire<'_>, kept: Option<Flights>, session_present: bool) {
        if self.clean {
            self.key = None;
        } else if let Some(flights) = kept {
            self.flights = flights;
            self.flights.resume(session_present, wire.link, wire.out);
        }
    }

    /// Bytes that are kept to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.flights.kept_bytes()
    }

    /// The link is open.
    pub(crate) fn link_opened(&mut self, wire: &mut Wire<'_>) {
        if let Phase::Opening { until, connect } = &self.phase {
            let (open, secret) = connect.bytes.split_at(connect.secret);
            let mut piece = wire.out.send(wire.link);
            piece.put(open);
            piece.put_secret(secret);
            self.phase = Phase::Connecting { until: *until, plain: connect.plain };
            self.last_sent = wire.now;
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// If the CONNECT was sent and not answered: whether that was without TLS.
    pub(crate) fn awaits_connack(&self) -> Option<bool> {
        match self.phase {
            Phase::Connecting { plain, .. } => Some(plain),
            Phase::Opening { .. } | Phase::Open => None,
        }
    }

    /// The result of the open that began it.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    pub(crate) fn disconnect(&mut self, wire: &mut Wire<'_>) {
        if self.is_open() {
            self.send(wire, &Packet::Disconnect);
        }
    }

    pub(crate) fn set_full(&mut self, full: bool) {
        self.full = full;
        self.sent_full = 0;
    }

    /// Takes a request of the host.
    pub(crate) fn request(
        &mut self,
        wire: &mut Wire<'_>,
        request: Request<'_>,
        terms: Terms,
    ) -> Result<Progress, Problem> {
        if !self.is_open() {
            return Err(Problem::NotConnected);
        }
        match request {
            Request::Publish { subject: Subject::Name(topic), payload, qos, retain } => {
                self.publish(wire, Publish { topic, payload, qos, retain, dup: false, id: None }, terms)
            }
            Request::Subscribe(Subject::Name(filter), qos) => {
                let id = self.begin(wire, Awaits::Suback, terms)?;
                self.send(wire, &Packet::Subscribe { id, filters: Filters::with_qos(&[(filter, qos)]) });
                Ok(Progress::Flying)
            }
            Request::Unsubscribe(Subject::Name(filter)) => {
                let id = self.begin(wire, Awaits::Unsuback, terms)?;
                self.send(wire, &Packet::Unsubscribe { id, filters: Filters::without_qos(&[filter]) });
                Ok(Progress::Flying)
            }
            other => {
                debug_assert!(false, "the commands of this are for MQTT-SN clients: {other:?}");
                Err(Problem::NoSuchClient)
            }
        }
    }

    /// Sends a message, whose `id` this fills in.
    fn publish(&mut self, wire: &mut Wire<'_>, mut message: Publish<'_>, terms: Terms) -> Result<Progress, Problem> {
        let awaits = match message.qos {
            Qos::AtMostOnce if self.full => return Err(Problem::LinkFull),
            Qos::AtMostOnce => {
                self.send(wire, &Packet::Publish(message));
                return Ok(Progress::Done);
            }
            Qos::AtLeastOnce => Awaits::Puback,
            Qos::ExactlyOnce => Awaits::Pubrec,
        };
        let keep = self.is_kept();
        if keep && message.topic.len() + message.payload.len() > terms.room {
            return Err(Problem::NoMemory);
        }
        message.id = Some(self.begin(wire, awaits, terms)?);
        self.send(wire, &Packet::Publish(message));
        if keep {
            self.flights.keep(message);
        }
        Ok(Progress::Flying)
    }

    /// Begins an exchange and gives its packet identifier.
    fn begin(&mut self, wire: &mut Wire<'_>, awaits: Awaits, terms: Terms) -> Result<PacketId, Problem> {
        self.flights.begin(awaits, terms.ticket, terms.window, wire.ids)
    }

    /// Whether what comes next begins a packet.
    pub(crate) fn is_between_packets(&self) -> bool {
        self.partial.is_empty() && self.oversize.is_none()
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
        self.last_heard = now;
        if owned.is_empty() {
            self.partial = chunk.get(taken..).unwrap_or_default().into();
        } else if taken < owned.len() {
            owned.drain(..taken);
            self.partial = owned;
        }
        let waiting = waiting.and_then(|length| NonZeroU32::new(u32::try_from(length).ok()?));
        let was_paused = mem::replace(&mut self.waiting, waiting).is_some();
        let is_behind = was_paused || self.oversize.is_some() || !self.partial.is_empty();
        if is_behind && self.ping_until.is_some() {
            // While reading was paused the answer may have waited unread, or it comes behind the packet that is coming.
            self.ping_until = Some(now + self.patience());
        }
    }

    /// Skips the message of `size` bytes that `bytes` begin with. Gives how many of them are its own.
    pub(crate) fn skip(&mut self, bytes: &[u8], size: usize) -> usize {
        let (oversize, header) = Oversize::begin(bytes, size);
        self.oversize = Some(Box::new(oversize));
        header
    }

    /// Takes what `bytes` hold of a message that is skipped, if one is. Gives how many bytes those are, and at its end,
    /// where it is acknowledged, what is known of it.
    pub(crate) fn pass(
        &mut self,
        wire: &mut Wire<'_>,
        bytes: &[u8],
    ) -> Result<(usize, Option<Box<Oversize>>), Violation> {
        let Some(oversize) = &mut self.oversize else { return Ok((0, None)) };
        let taken = oversize.take(bytes)?;
        let Some(message) = oversize.passed() else { return Ok((taken, None)) };
        let (qos, id) = (message.qos, message.id);
        let passed = self.oversize.take();
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => self.send(wire, &Packet::Puback(id)),
            (Qos::ExactlyOnce, Some(id)) => self.send(wire, &Packet::Pubrec(id)),
            _ => {}
        }
        Ok((taken, passed))
    }

    /// Whether the peer's bytes may be brought.
    pub(crate) fn wants(&self) -> bool {
        let answers_fit = !self.full || self.sent_full < ANSWERS_MAX;
        self.waiting.is_none() && answers_fit && matches!(self.phase, Phase::Connecting { .. } | Phase::Open)
    }

    /// The length of the packet that waits for room, if reading is paused.
    pub(crate) fn waiting(&self) -> Option<usize> {
        self.waiting.and_then(|length| usize::try_from(length.get()).ok())
    }

    /// Tells from the first byte that the peer is no MQTT broker, since the rest of such a packet may never come.
    pub(crate) fn check_start(&self, bytes: &[u8]) -> Result<(), Violation> {
        match (&self.phase, bytes.first()) {
            (Phase::Connecting { plain: true, .. }, Some(&(TLS_ALERT | TLS_HANDSHAKE))) => Err(TLS_RECORD),
            (Phase::Connecting { .. }, Some(first)) if first >> 4 != CONNACK => Err(NO_CONNACK),
            _ => Ok(()),
        }
    }

    /// One whole packet from the broker.
    pub(crate) fn packet<'a>(&mut self, wire: &mut Wire<'_>, frame: &'a [u8]) -> Result<Came<'a>, Violation> {
        let packet = Packet::decode(frame)?;
        if matches!(self.phase, Phase::Connecting { .. }) {
            return Ok((self.connack(&packet)?, None));
        }
        match packet {
            Packet::Publish(message) => Ok(self.message(wire, message)),
            Packet::Puback(id) => self.acknowledged(wire, id, Ack::Puback),
            Packet::Pubrec(id) => self.acknowledged(wire, id, Ack::Pubrec),
            Packet::Pubcomp(id) => self.acknowledged(wire, id, Ack::Pubcomp),
            Packet::Suback { id, codes } => self.acknowledged(wire, id, Ack::suback(codes)),
            Packet::Unsuback(id) => self.acknowledged(wire, id, Ack::Unsuback),
            Packet::Pubrel(id) => {
                self.flights.released(id);
                self.send(wire, &Packet::Pubcomp(id));
                Ok((Event::Nothing, None))
            }
            Packet::Pingresp => {
                self.ping_until = None;
                Ok((Event::Nothing, None))
            }
            Packet::Connack { .. } => Err(violation("MQTT 3.2", "a second CONNACK")),
            Packet::Connect(_)
            | Packet::Subscribe { .. }
            | Packet::Unsubscribe { .. }
            | Packet::Pingreq
            | Packet::Disconnect => Err(violation("MQTT 2.2.1", "a packet that only clients send")),
        }
    }

    /// One whole packet that is read when the link has ended, so that nothing can be sent any more.
    pub(crate) fn last_word<'a>(&mut self, frame: &'a [u8]) -> Result<Came<'a>, Violation> {
        let (id, ack) = match Packet::decode(frame)? {
            Packet::Publish(message) if message.qos == Qos::AtMostOnce => {
                return Ok((Event::Message(message), None));
            }
            Packet::Puback(id) => (id, Ack::Puback),
            Packet::Pubrec(id) => (id, Ack::Pubrec),
            Packet::Pubcomp(id) => (id, Ack::Pubcomp),
            Packet::Suback { id, codes } => (id, Ack::suback(codes)),
            Packet::Unsuback(id) => (id, Ack::Unsuback),
            _ => return Ok((Event::Nothing, None)),
        };
        let (landed, odd) = self.flights.acknowledged(id, ack)?;
        Ok((Event::of(landed), odd.map(Odd::Ack)))
    }

    fn connack<'a>(&mut self, packet: &Packet<'_>) -> Result<Event<'a>, Violation> {
        match *packet {
            Packet::Connack { session_present: true, code: 0 } if self.clean => {
                Err(violation("MQTT-3.2.2-1", "session present in answer to a clean session"))
            }
            Packet::Connack { session_present, code: 0 } => {
                self.phase = Phase::Open;
                Ok(Event::Opened { session_present })
            }
            Packet::Connack { code, .. } => Ok(Event::Refused(code)),
            _ => Err(NO_CONNACK),
        }
    }

    fn message<'a>(&mut self, wire: &mut Wire<'_>, message: Publish<'a>) -> Came<'a> {
        let odd = |odd| Some(Odd::Message(odd, message.topic));
        match (message.qos, message.id) {
            (Qos::AtLeastOnce, Some(id)) => self.send(wire, &Packet::Puback(id)),
            (Qos::ExactlyOnce, Some(id)) => {
                let received = self.flights.received(id, message.fingerprint());
                self.send(wire, &Packet::Pubrec(id));
                match received {
                    Received::New => {}
                    Received::Before if message.dup => return (Event::Nothing, None),
                    Received::Before => return (Event::Nothing, odd(OddMessage::NoDup(id))),
                    Received::Another => return (Event::Message(message), odd(OddMessage::Another(id))),
                }
            }
            _ => {}
        }
        (Event::Message(message), None)
    }

    fn acknowledged<'a>(&mut self, wire: &mut Wire<'_>, id: PacketId, ack: Ack) -> Result<Came<'a>, Violation> {
        let (landed, odd) = self.flights.acknowledged(id, ack)?;
        if landed == Landed::Release {
            self.send(wire, &Packet::Pubrel(id));
        }
        Ok((Event::of(landed), odd.map(Odd::Ack)))
    }

    fn send(&mut self, wire: &mut Wire<'_>, packet: &Packet<'_>) {
        packet.encode(&mut wire.out.send(wire.link));
        self.sent_full = self.sent_full.saturating_add(u16::from(self.full));
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
            Phase::Opening { until, .. } if until <= wire.now => Err(Failure::NoAnswer),
            Phase::Connecting { until, plain } if until <= wire.now => Err(Failure::ConnackLate { plain }),
            Phase::Open if self.ping_overdue().is_some_and(|until| until <= wire.now) => Err(Failure::NoPingResponse),
            Phase::Open if self.ping_due() <= wire.now => {
                self.send(wire, &Packet::Pingreq);
                self.ping_until.get_or_insert(wire.now + self.patience());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// When a PINGREQ is due: when nothing was sent for the interval (MQTT 3.1.2.10), or nothing came. A client that only
    /// ever sends would otherwise go on for ever towards a broker that is gone.
    fn ping_due(&self) -> Instant {
        let listens = self.ping_until.is_none() && self.waiting.is_none();
        let since = if listens { self.last_sent.min(self.last_heard) } else { self.last_sent };
        since + ping_after(self.keep_alive)
    }

    fn ping_overdue(&self) -> Option<Instant> {
        self.ping_until.filter(|_| self.waiting.is_none())
    }

    /// How long the answer to a PINGREQ may take.
    fn patience(&self) -> Duration {
        (Duration::from_secs(self.keep_alive.into()) / 2).max(PATIENCE_MIN)
    }
}

impl Event<'_> {
    fn of(landed: Landed) -> Self {
        match landed {
            Landed::Done(Some(ticket), status) => Event::Done(ticket, status),
            Landed::Done(None, _) | Landed::Release | Landed::Nothing => Event::Nothing,
        }
    }
}

impl Ack {
    fn suback(codes: &[u8]) -> Ack {
        Ack::Suback { granted: if let [code] = codes { Some(*code != 0x80) } else { None } }
    }
}
