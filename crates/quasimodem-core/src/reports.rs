//! What the host is told unasked: results of asynchronous commands, breaks, messages, from the moment they are owed to
//! the moment they may be printed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::ptr;

use crate::at::Command;
use crate::client::ClientId;
use crate::mqtt::Qos;
use crate::outbox::{Kind, Outbox, Sink};
use crate::time::Instant;

/// What the host is to be told, in the order in which it came about.
#[derive(Default)]
pub(crate) struct Reports {
    queue: Vec<Report>,
    last_ticket: u32,
}

/// One line for the host.
pub(crate) enum Report {
    /// `<name>: <Clientid>,<Status>`, the result of an asynchronous command that was accepted.
    Result {
        command: &'static Command,
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
}

/// Names a result that is owed, so that what comes late for it matches no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(u32);

impl Reports {
    /// Notes that the host is owed a result.
    pub(crate) fn owe(&mut self, command: &'static Command, client: ClientId, until: Instant) -> Ticket {
        self.last_ticket = self.last_ticket.wrapping_add(1);
        let ticket = Ticket(self.last_ticket);
        self.queue.push(Report::Result { command, client, ticket, until, status: None });
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
    pub(crate) fn settle(&mut self, now: Instant, mut late: impl FnMut(ClientId, &'static Command)) {
        for report in &mut self.queue {
            if let Report::Result { command, client, until, status: status @ None, .. } = report
                && *until <= now
            {
                *status = Some(false);
                late(*client, command);
            }
        }
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let untils = self.queue.iter().filter_map(|report| match report {
            Report::Result { until, status: None, .. } => Some(*until),
            _ => None,
        });
        untils.min()
    }

    pub(crate) fn push(&mut self, report: Report) {
        self.queue.push(report);
    }

    /// Takes out the first that may be told. A result waits for its decision, and for all earlier ones of its client
    /// and command.
    pub(crate) fn pop(&mut self) -> Option<Report> {
        let index = self.first_ready()?;
        Some(self.queue.remove(index))
    }

    /// Whether there is something that may be told.
    pub(crate) fn is_ready(&self) -> bool {
        self.first_ready().is_some()
    }

    fn first_ready(&self) -> Option<usize> {
        self.queue.iter().enumerate().position(|(index, report)| match report {
            Report::Result { status: None, .. } => false,
            Report::Result { command, client, .. } => !self.queue.iter().take(index).any(|earlier| {
                matches!(earlier, Report::Result { command: before, client: of, status: None, .. }
                    if of == client && ptr::eq(*before, *command))
            }),
            Report::Break(..) | Report::Message(..) => true,
        })
    }

    /// Whether a message of so many bytes may be taken in.
    pub(crate) fn has_room(&self, whose: ClientId, bytes: usize) -> bool {
        let (mut count, mut held) = (0, 0);
        for report in &self.queue {
            if let Report::Message(client, message) = report {
                count += usize::from(*client == whose);
                held += message.bytes.len();
            }
        }
        count < INBOX && (held == 0 || held + bytes <= POOL)
    }

    /// Forgets the messages of a client.
    pub(crate) fn discard_messages(&mut self, whose: ClientId) {
        self.queue.retain(|report| !matches!(report, Report::Message(client, _) if *client == whose));
    }
}

/// Bytes of topics and payloads that may wait for the line.
const POOL: usize = 64 * 1024;

/// Messages of one client that may wait for the line.
const INBOX: usize = 32;

/// `<Cause>` of `+MQTTBREAK` (manual 1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// The broker closed the connection, or did not answer a ping.
    Broker = 1,
    /// The data call ended.
    DataCall = 2,
    /// The module was deregistered.
    Deregistered = 3,
}

/// A message that waits for the line.
pub(crate) struct Message {
    qos: Qos,
    topic: usize,
    /// Topic, then payload.
    bytes: Box<[u8]>,
}

impl Message {
    pub(crate) fn new(qos: Qos, topic: &str, payload: &[u8]) -> Message {
        Message { qos, topic: topic.len(), bytes: [topic.as_bytes(), payload].concat().into() }
    }
}

impl Report {
    /// Prints it; `max` is the payload that the model reports in one message at most.
    pub(crate) fn print(&self, max: usize, out: &mut Outbox) {
        match self {
            Report::Result { command, client, status, .. } => {
                line(out, format_args!("{}: {client},{}", command.name, u8::from(*status == Some(true))));
            }
            Report::Break(client, cause) => line(out, format_args!("+MQTTBREAK: {client},{}", *cause as u8)),
            Report::Message(client, message) => {
                let (topic, payload) = message.bytes.split_at(message.topic);
                print_message(*client, message.qos, topic, payload, max, out);
            }
        }
    }
}

/// Prints `+MQTTMSG`, as several messages if the payload is longer than `max` (manual 1.9).
pub(crate) fn print_message(client: ClientId, qos: Qos, topic: &[u8], payload: &[u8], max: usize, out: &mut Outbox) {
    let mut rest = payload;
    loop {
        let (part, later) = rest.split_at(max.min(rest.len()));
        let mut piece = out.serial(Kind::Urc);
        let _ = write!(piece, "\r\n+MQTTMSG: {client},{},\"", qos.number());
        put_visible(topic, &mut piece);
        piece.put(b"\",\"");
        put_visible(part, &mut piece);
        piece.put(b"\"\r\n");
        rest = later;
        if rest.is_empty() {
            return;
        }
    }
}

/// Control characters as `\HH`, so that nobody on the network can end the line and begin another; the rest as it is.
pub(crate) fn put_visible(text: &[u8], to: &mut (impl Sink + Write)) {
    for run in text.chunk_by(|a, b| !a.is_ascii_control() && !b.is_ascii_control()) {
        match run {
            [byte] if byte.is_ascii_control() => {
                let _ = write!(to, "\\{byte:02X}");
            }
            _ => to.put(run),
        }
    }
}

fn line(out: &mut Outbox, text: fmt::Arguments<'_>) {
    let _ = write!(out.serial(Kind::Urc), "\r\n{text}\r\n");
}
