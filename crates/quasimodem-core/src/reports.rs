//! What the host is told unasked: results of asynchronous commands, breaks, messages, from the moment they are owed to
//! the moment they may be printed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::net::Ipv4Addr;

use crate::client_id::ClientId;
use crate::errand::Told;
use crate::failure::Cause;
use crate::lean;
use crate::mqtt::Qos;
use crate::outbox::{Kind, ModemLine, Outbox};
use crate::profile::Profile;
use crate::radio::{Registration, put_cell};
use crate::settings::{Settings, UrcPayload};
use crate::sink::Sink;
use crate::sn::Registrar;
use crate::ticket::{Name, Ticket, Tickets};
use crate::time::Instant;
use crate::visible::put_visible;

/// What the host is to be told, in the order in which it came about.
#[derive(Default)]
pub(crate) struct Reports {
    queue: Vec<Report>,
    tickets: Tickets,
}

/// One line for the host.
pub(crate) enum Report {
    /// `<name>: <Clientid>,<Status>`, the result of an asynchronous command that was accepted.
    Result {
        command: Name,
        client: ClientId,
        ticket: Ticket,
        /// When it is a 0 if nothing else decided it.
        until: Instant,
        /// `None` while it is not decided.
        status: Option<bool>,
    },
    /// `+MQTTBREAK: <Clientid>,<Cause>`
    Break(ClientId, Cause),
    /// `+MQTTMSG: …`
    Message(ClientId, Box<Message>),
    /// `+MQTTMSGI: <Clientid>,<Qos>,<tlength>,<plength>`
    Arrived(ClientId, Qos, u16, u16),
    /// `+MQTTSNREG: <Clientid>,<Status>,<TopicID>,<TopicName>`
    Registered(ClientId, Box<Registered>),
    /// The answer to `+MQTTSNREG?`, which comes behind its `OK`: the names of a client's connection at that moment.
    Names(ClientId),
    /// A message that waits for `+MQTTREAD`. It is never printed by itself.
    Unread(ClientId, Box<Message>),
    /// About a cloud.
    Cloud(Box<Told>),
    /// The host was told of a message of this client, and has not read since: what is to be told of others waits, until
    /// then at most. It is never printed.
    Held(ClientId, Instant),
    /// The banner of the module.
    Banner,
    /// `+SIM READY`
    Ready,
    /// `+CREG: <stat>` or one of its kin.
    Registration(Name, Registration),
    /// `+MIPCALL: <address>`, or `+MIPCALL: 0`; whether the host asked for it.
    Call { address: Option<Ipv4Addr>, asked: bool },
}

impl Reports {
    /// A number that was not given for long.
    pub(crate) fn number(&mut self) -> u32 {
        self.tickets.next().number()
    }

    /// Nothing to tell, but the numbers go on: what was named before is not taken for what comes.
    pub(crate) fn emptied(&self) -> Reports {
        Reports { queue: Vec::new(), tickets: self.tickets }
    }

    /// Notes that the host is owed a result.
    pub(crate) fn owe(&mut self, command: Name, client: ClientId, until: Instant) -> Ticket {
        let ticket = self.tickets.next();
        self.push(Report::Result { command, client, ticket, until, status: None });
        ticket
    }

    /// Takes a result back, since its command is refused after all.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.queue.retain(|report| !matches!(report, Report::Result { ticket: of, .. } if *of == ticket));
    }

    /// Decides a result. One that is decided or given already stays as it was.
    pub(crate) fn decide(&mut self, ticket: Ticket, decision: bool) {
        for report in &mut self.queue {
            if let Report::Result { ticket: of, status, .. } = report
                && *of == ticket
            {
                status.get_or_insert(decision);
            }
        }
    }

    /// Decides the result of `+MQTTSNREG` with the id that the gateway gave.
    pub(crate) fn registered(&mut self, ticket: Ticket, topic: u16, name: Box<str>) {
        for report in &mut self.queue {
            if let Report::Result { client, ticket: of, status: None, .. } = report
                && *of == ticket
            {
                let registered = Registered { by: Registrar::Client, topic, name };
                *report = Report::Registered(*client, Box::new(registered));
                return;
            }
        }
    }

    /// The command whose result is owed and not decided.
    pub(crate) fn undecided(&self, ticket: Ticket) -> Option<Name> {
        self.queue.iter().find_map(|report| match report {
            Report::Result { command, ticket: of, status: None, .. } if *of == ticket => Some(*command),
            _ => None,
        })
    }

    /// Decides all that is open for this client with 0.
    pub(crate) fn fail_all(&mut self, whose: ClientId) {
        for report in &mut self.queue {
            if let Report::Result { client, status, .. } = report
                && *client == whose
            {
                status.get_or_insert(false);
            }
        }
    }

    /// Decides all with 0 whose time has come, and calls `late` for each.
    pub(crate) fn settle(&mut self, now: Instant, mut late: impl FnMut(ClientId, Name)) {
        for report in &mut self.queue {
            if let Report::Result { command, client, until, status: status @ None, .. } = report
                && *until <= now
            {
                *status = Some(false);
                late(*client, *command);
            }
        }
        self.queue.retain(|report| !matches!(report, Report::Held(_, until) if *until <= now));
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits = self.queue.iter().any(|report| matches!(report, Report::Arrived(..)));
        let untils = self.queue.iter().filter_map(|report| match report {
            Report::Result { until, status: None, .. } => Some(*until),
            Report::Held(_, until) if waits => Some(*until),
            _ => None,
        });
        untils.min()
    }

    /// Lets what is to be told of other messages wait until the host has read one of this client, until then at most.
    pub(crate) fn hold(&mut self, whose: ClientId, until: Instant) {
        self.release();
        lean::push(&mut self.queue, Report::Held(whose, until));
    }

    /// Lets nothing wait for the host to read.
    pub(crate) fn release(&mut self) {
        self.queue.retain(|report| !matches!(report, Report::Held(..)));
    }

    /// Of what only the newest counts, nothing older stays, so that the queue is bounded.
    pub(crate) fn push(&mut self, report: Report) {
        match &report {
            Report::Ready => self.queue.retain(|old| !matches!(old, Report::Ready)),
            Report::Banner => self.queue.retain(|old| !matches!(old, Report::Banner)),
            Report::Call { asked: false, .. } => {
                self.queue.retain(|old| !matches!(old, Report::Call { asked: false, .. }));
            }
            Report::Registration(name, _) => {
                self.queue.retain(|old| !matches!(old, Report::Registration(of, _) if of == name));
            }
            _ => {}
        }
        lean::push(&mut self.queue, report);
    }

    /// What hosts wait for before they read anything else.
    pub(crate) fn push_ready(&mut self) {
        self.push(Report::Ready);
        let place = self.queue.iter().take_while(|report| matches!(report, Report::Banner)).count();
        if let Some(ready) = self.queue.pop() {
            self.queue.insert(place, ready);
        }
    }

    /// Gives the oldest unread message of a client to `read`, at most `max` bytes of its payload at a time.
    pub(crate) fn read<R>(
        &mut self,
        whose: ClientId,
        max: usize,
        read: impl FnOnce(Option<(Qos, Topic<'_>, &[u8])>) -> R,
    ) -> R {
        self.queue.retain(|report| !matches!(report, Report::Held(client, _) if *client == whose));
        let unread = |report: &Report| matches!(report, Report::Unread(client, _) if *client == whose);
        let Some(index) = self.queue.iter().position(unread) else { return read(None) };
        let Some(Report::Unread(_, message)) = self.queue.get_mut(index) else { return read(None) };
        let (topic, payload) = message.topic_and_payload();
        let read_before = usize::try_from(message.read).unwrap_or(usize::MAX);
        let part = payload.get(read_before..).unwrap_or_default();
        let part = part.get(..max).unwrap_or(part);
        let result = read(Some((message.qos, topic, part)));
        let end = message.read.saturating_add(size(part));
        if end < size(payload) {
            message.read = end;
        } else {
            self.queue.remove(index);
        }
        self.forget_what_was_read(whose, max);
        lean::rest(&mut self.queue);
        result
    }

    /// Of what was read before it was told nothing is told any more. The oldest is read first and told first.
    fn forget_what_was_read(&mut self, whose: ClientId, max: usize) {
        let (mut unread, mut untold) = (0, 0usize);
        for report in &self.queue {
            match report {
                Report::Unread(client, message) if *client == whose => {
                    let (_, payload) = message.topic_and_payload();
                    let read = usize::try_from(message.read).unwrap_or(usize::MAX);
                    unread += payload.len().saturating_sub(read).div_ceil(max).max(1);
                }
                Report::Arrived(client, ..) if *client == whose => untold += 1,
                _ => {}
            }
        }
        let mut told = untold.saturating_sub(unread);
        self.queue.retain(|report| {
            let goes = told > 0 && matches!(report, Report::Arrived(client, ..) if *client == whose);
            told -= usize::from(goes);
            !goes
        });
    }

    /// Takes out the first that may be told. A result waits for its decision, and for all earlier ones of its client
    /// and command.
    pub(crate) fn pop(&mut self) -> Option<Report> {
        let index = self.first_ready()?;
        let report = self.queue.remove(index);
        lean::rest(&mut self.queue);
        Some(report)
    }

    /// How many lines wait. Unread messages and what is to be told of them are bounded by the inboxes, and they wait for
    /// a host that types.
    pub(crate) fn len(&self) -> usize {
        let waits = |report: &&Report| !matches!(report, Report::Unread(..) | Report::Arrived(..) | Report::Held(..));
        self.queue.iter().filter(waits).count()
    }

    /// Whether something is to be told, now or later, whatever the host reads.
    pub(crate) fn owes(&self) -> bool {
        let held = self.is_held();
        self.queue.iter().any(|report| match report {
            Report::Unread(..) | Report::Held(..) => false,
            Report::Arrived(..) => !held,
            _ => true,
        })
    }

    /// Whether an indication waits for the host to follow the one before.
    fn is_held(&self) -> bool {
        self.queue.iter().any(|report| matches!(report, Report::Held(..)))
    }

    /// Whether there is something that may be told.
    pub(crate) fn is_ready(&self) -> bool {
        self.first_ready().is_some()
    }

    fn first_ready(&self) -> Option<usize> {
        let held = self.is_held();
        self.queue.iter().enumerate().position(|(index, report)| match report {
            Report::Result { status: None, .. } | Report::Unread(..) | Report::Held(..) => false,
            Report::Arrived(..) => !held,
            Report::Result { command, client, .. } => !self.queue.iter().take(index).any(|earlier| {
                matches!(earlier, Report::Result { command: before, client: of, status: None, .. }
                    if of == client && before == command)
            }),
            _ => true,
        })
    }

    /// How many messages wait, of this client, and how many bytes, of all.
    pub(crate) fn waiting(&self, whose: ClientId) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for report in &self.queue {
            let (client, size) = match report {
                Report::Message(client, message) | Report::Unread(client, message) => (client, message.bytes.len()),
                Report::Registered(client, registered) => (client, registered.name.len()),
                _ => continue,
            };
            count += usize::from(*client == whose);
            bytes += size;
        }
        (count, bytes)
    }

    /// Forgets the messages of a client that wait to be read, and tells how many there were. What waits for the line only
    /// is still told: it was acknowledged, and the host has no say in when it comes.
    pub(crate) fn discard_unread(&mut self, whose: ClientId) -> usize {
        let unread = |report: &&Report| matches!(report, Report::Unread(client, _) if *client == whose);
        let count = self.queue.iter().filter(unread).count();
        self.queue.retain(|report| match report {
            Report::Unread(client, _) | Report::Arrived(client, ..) | Report::Held(client, _) => *client != whose,
            _ => true,
        });
        count
    }
}

/// A topic name that has an id now (manual 1.14).
pub(crate) struct Registered {
    pub(crate) by: Registrar,
    pub(crate) topic: u16,
    pub(crate) name: Box<str>,
}

/// What the host is told of a message's topic.
#[derive(Clone, Copy)]
pub(crate) enum Topic<'a> {
    /// Its name.
    Name(&'a [u8]),
    /// The predefined id that stands for it (MQTT-SN), or one that the host takes for no other.
    Id(u16),
    /// An id of the connection (MQTT-SN) and its name: which of them is shown is decided when the host is told.
    Registered(u16, &'a [u8]),
}

impl<'a> Topic<'a> {
    /// `<tlength>`, which is the id itself where there is no name (manual 1.10).
    pub(crate) fn length(self) -> u16 {
        match self {
            Topic::Name(name) => u16::try_from(name.len()).unwrap_or(u16::MAX),
            Topic::Id(id) | Topic::Registered(id, _) => id,
        }
    }

    fn name(self) -> &'a [u8] {
        match self {
            Topic::Name(name) | Topic::Registered(_, name) => name,
            Topic::Id(_) => &[],
        }
    }

    fn id(self) -> Option<u16> {
        match self {
            Topic::Name(_) => None,
            Topic::Id(id) | Topic::Registered(id, _) => Some(id),
        }
    }
}

/// A message that waits for the line.
pub(crate) struct Message {
    qos: Qos,
    /// The id of the topic, if it has one.
    id: Option<u16>,
    /// Bytes of the name.
    topic: u32,
    /// Bytes of the payload that the host has read.
    read: u32,
    /// Topic, then payload.
    bytes: Box<[u8]>,
}

impl Message {
    pub(crate) fn new(qos: Qos, topic: Topic<'_>, payload: &[u8]) -> Message {
        let name = topic.name();
        Message { qos, id: topic.id(), topic: size(name), read: 0, bytes: [name, payload].concat().into() }
    }

    pub(crate) fn qos(&self) -> Qos {
        self.qos
    }

    pub(crate) fn topic_and_payload(&self) -> (Topic<'_>, &[u8]) {
        let length = usize::try_from(self.topic).unwrap_or(usize::MAX);
        let (name, payload) = self.bytes.split_at_checked(length).unwrap_or((&self.bytes, &[]));
        let topic = match self.id {
            None => Topic::Name(name),
            Some(id) if name.is_empty() => Topic::Id(id),
            Some(id) => Topic::Registered(id, name),
        };
        (topic, payload)
    }
}

impl Report {
    /// Tells that a part of a message waits to be read.
    pub(crate) fn arrived(client: ClientId, qos: Qos, topic: Topic<'_>, part: &[u8]) -> Report {
        Report::Arrived(client, qos, topic.length(), u16::try_from(part.len()).unwrap_or(u16::MAX))
    }

    /// Prints it.
    pub(crate) fn print(&self, settings: &Settings, profile: &Profile, out: &mut Outbox) {
        match self {
            Report::Result { command, client, status, .. } => {
                line(out, format_args!("{command}: {client},{}", u8::from(*status == Some(true))));
            }
            Report::Break(client, cause) => line(out, format_args!("+MQTTBREAK: {client},{}", *cause as u8)),
            Report::Arrived(client, qos, topic, payload) => {
                line(out, format_args!("+MQTTMSGI: {client},{},{topic},{payload}", qos.number()));
            }
            Report::Cloud(told) => {
                let mut piece = out.serial(Kind::Urc);
                piece.put(b"\r\n");
                let _ = told.put(settings.escapes, &mut piece);
                piece.put(b"\r\n");
            }
            Report::Registered(client, registered) => {
                let Registered { by, topic, name } = &**registered;
                print_name(format_args!("{client},{},{topic}", *by as u8), name, settings, out);
            }
            // Names are the session's, which is not at hand here.
            Report::Unread(..) | Report::Held(..) | Report::Names(_) | Report::Message(..) => {}
            Report::Banner => line(out, format_args!("{}", settings.banner.as_deref().unwrap_or_default())),
            Report::Ready => line(out, format_args!("+SIM READY")),
            Report::Registration(command, stat) => {
                let cell =
                    fmt::from_fn(|f| if profile.tells_location(command.0) { put_cell(*stat, f) } else { Ok(()) });
                line(out, format_args!("{command}: {}{cell}", *stat as u8));
            }
            Report::Call { address: Some(address), .. } => line(out, format_args!("+MIPCALL: {address}")),
            Report::Call { address: None, .. } => line(out, format_args!("+MIPCALL: 0")),
        }
    }
}

/// Tells the host by the ring indicator that something unsolicited comes.
pub(crate) fn ring(settings: &Settings, out: &mut Outbox) {
    let pulse = settings.ri_pulse;
    if !pulse.is_zero() {
        out.line(ModemLine::RiPulse(pulse));
    }
}

/// Prints `+MQTTMSG`, as several messages if the payload is longer than the model reports (manual 1.9).
pub(crate) fn print_message(
    client: ClientId,
    qos: Qos,
    topic: Topic<'_>,
    payload: &[u8],
    settings: &Settings,
    out: &mut Outbox,
) {
    for part in parts(payload, usize::from(settings.model.message)) {
        let mut piece = out.serial(Kind::Urc);
        let _ = write!(piece, "\r\n+MQTTMSG: {client},{},", qos.number());
        match topic {
            Topic::Name(name) => put_text(name, settings, &mut piece),
            Topic::Id(id) | Topic::Registered(id, _) => {
                let _ = write!(piece, "{id}");
            }
        }
        piece.put(b",");
        put_text(part, settings, &mut piece);
        piece.put(b"\r\n");
    }
}

/// Prints `+MQTTSNREG: ` with a topic name behind what stands in front of it (manual 1.14).
pub(crate) fn print_name(front: fmt::Arguments<'_>, name: &str, settings: &Settings, out: &mut Outbox) {
    let mut piece = out.serial(Kind::Urc);
    let _ = write!(piece, "\r\n+MQTTSNREG: {front},");
    put_text(name.as_bytes(), settings, &mut piece);
    piece.put(b"\r\n");
}

/// Text of the network in quotes.
fn put_text(text: &[u8], settings: &Settings, to: &mut (impl Sink + Write)) {
    to.put(b"\"");
    match settings.urc_payload {
        UrcPayload::Escaped => put_visible(text, to),
        UrcPayload::Raw => to.put(text),
    }
    to.put(b"\"");
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A payload in parts of at most `max` bytes; an empty one is one part.
pub(crate) fn parts(payload: &[u8], max: usize) -> impl Iterator<Item = &[u8]> {
    let empty = payload.is_empty().then_some(payload);
    empty.into_iter().chain(payload.chunks(max))
}

fn line(out: &mut Outbox, text: fmt::Arguments<'_>) {
    let _ = write!(out.serial(Kind::Urc), "\r\n{text}\r\n");
}
