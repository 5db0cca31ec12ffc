//! Unsolicited result codes and the results of asynchronous commands, from the moment they are known to the moment
//! they may be printed.

use alloc::boxed::Box;
use core::fmt::{self, Write};

use crate::at::Command;
use crate::client::ClientId;
use crate::mqtt::Qos;
use crate::outbox::{Kind, Outbox, Sink};
use crate::time::Instant;

/// Something to be printed when the line is free.
pub(crate) enum Urc {
    /// `<name>: <Clientid>,<Status>`
    Result(&'static Command, ClientId, bool),
    /// `+MQTTBREAK: <Clientid>,<Cause>`
    Break(ClientId, Cause),
    /// `+MQTTMSG: …`
    Message(ClientId, Message),
}

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

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl Urc {
    /// Prints it; `message` is the payload that the model reports in one message at most.
    pub(crate) fn print(&self, message: usize, out: &mut Outbox) {
        match self {
            Urc::Result(command, client, status) => {
                line(out, format_args!("{}: {client},{}", command.name, u8::from(*status)));
            }
            Urc::Break(client, cause) => line(out, format_args!("+MQTTBREAK: {client},{}", *cause as u8)),
            Urc::Message(client, stored) => {
                let (topic, payload) = stored.bytes.split_at(stored.topic);
                print_message(*client, stored.qos, topic, payload, message, out);
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

/// A result that the host is owed.
pub(crate) struct Owed {
    pub(crate) ticket: Ticket,
    pub(crate) client: ClientId,
    pub(crate) command: &'static Command,
    pub(crate) until: Instant,
    /// `None` while it is not decided.
    pub(crate) status: Option<bool>,
}

/// Names a result that is owed, so that what comes late for it matches no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(pub(crate) u32);
