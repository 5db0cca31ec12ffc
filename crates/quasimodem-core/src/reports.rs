//! What the host is told unasked: results of asynchronous commands, breaks, messages, from the moment they are owed to
//! the moment they may be printed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::client_id::ClientId;
use crate::errand::Told;
use crate::failure::Cause;
use crate::inbox::Inbox;
use crate::lean;
use crate::message::{Message, Part, Topic};
use crate::mqtt::Qos;
use crate::radio::Registration;
use crate::sn::Registrar;
use crate::ticket::{Name, Ticket};
use crate::time::Instant;

/// What the host is to be told, in the order in which it came about: a result has its place from the moment at which its
/// command was accepted, so that the ledger of results and the queue of lines are one list.
#[derive(Default)]
pub(crate) struct Reports {
    queue: Vec<Report>,
    /// What the host has to ask for; it is there only while there is something in it.
    inbox: Option<Box<Inbox>>,
}

/// `<name>: <Clientid>,<Status>`, the result of an asynchronous command that was accepted.
pub(crate) struct Owed {
    pub(crate) command: Name,
    pub(crate) client: ClientId,
    pub(crate) ticket: Ticket,
    /// When it is a 0 if nothing else decided it.
    pub(crate) until: Instant,
    /// `None` while it is not decided.
    pub(crate) status: Option<bool>,
}

/// One line for the host.
pub(crate) enum Report {
    /// The result of a command.
    Result(Owed),
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
    /// About a cloud.
    Cloud(Box<Told>),
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
    /// Notes that the host is owed a result.
    pub(crate) fn owe(&mut self, command: Name, client: ClientId, ticket: Ticket, until: Instant) {
        self.push(Report::Result(Owed { command, client, ticket, until, status: None }));
    }

    /// Takes a result back, since its command is refused after all.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.queue.retain(|report| !matches!(report, Report::Result(owed) if owed.ticket == ticket));
    }

    /// The results that are not decided.
    fn open(&mut self) -> impl Iterator<Item = &mut Owed> {
        self.queue.iter_mut().filter_map(|report| match report {
            Report::Result(owed) if owed.status.is_none() => Some(owed),
            _ => None,
        })
    }

    /// Decides a result. One that is decided or given already stays as it was.
    pub(crate) fn decide(&mut self, ticket: Ticket, decision: bool) {
        if let Some(owed) = self.open().find(|owed| owed.ticket == ticket) {
            owed.status = Some(decision);
        }
    }

    /// Decides the result of `+MQTTSNREG` with the id that the gateway gave.
    pub(crate) fn registered(&mut self, ticket: Ticket, topic: u16, name: Box<str>) {
        let owed = self.queue.iter_mut().find_map(|report| match report {
            Report::Result(Owed { client, ticket: of, status: None, .. }) if *of == ticket => Some((*client, report)),
            _ => None,
        });
        if let Some((client, report)) = owed {
            *report = Report::Registered(client, Box::new(Registered { by: Registrar::Client, topic, name }));
        }
    }

    /// The command whose result is owed and not decided.
    pub(crate) fn undecided(&self, ticket: Ticket) -> Option<Name> {
        self.queue.iter().find_map(|report| match report {
            Report::Result(Owed { command, ticket: of, status: None, .. }) if *of == ticket => Some(*command),
            _ => None,
        })
    }

    /// Decides all that is open for this client with 0.
    pub(crate) fn fail_all(&mut self, whose: ClientId) {
        for owed in self.open().filter(|owed| owed.client == whose) {
            owed.status = Some(false);
        }
    }

    /// Decides all with 0 whose time has come, and calls `late` for each.
    pub(crate) fn settle(&mut self, now: Instant, mut late: impl FnMut(ClientId, Name)) {
        for owed in self.open().filter(|owed| owed.until <= now) {
            owed.status = Some(false);
            late(owed.client, owed.command);
        }
        if self.held_until().is_some_and(|until| until <= now) {
            self.release();
        }
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits = || self.queue.iter().any(|report| matches!(report, Report::Arrived(..)));
        let held = self.held_until().filter(|_| waits());
        let untils = self.queue.iter().filter_map(|report| match report {
            Report::Result(Owed { until, status: None, .. }) => Some(*until),
            _ => None,
        });
        untils.fold(held, |first, until| Some(first.map_or(until, |first| first.min(until))))
    }

    fn held_until(&self) -> Option<Instant> {
        self.inbox.as_ref().and_then(|inbox| inbox.held_until())
    }

    /// Changes the inbox, if there is one, and gives it back once nothing is in it.
    fn change_inbox<R: Default>(&mut self, change: impl FnOnce(&mut Inbox) -> R) -> R {
        let result = self.inbox.as_deref_mut().map(change).unwrap_or_default();
        self.inbox.take_if(|inbox| inbox.is_empty());
        result
    }

    /// Lets what is to be told of other messages wait until the host has read one of this client, until then at most.
    pub(crate) fn hold(&mut self, whose: ClientId, until: Instant) {
        self.inbox.get_or_insert_default().hold(whose, until);
    }

    /// Lets nothing wait for the host to read.
    pub(crate) fn release(&mut self) {
        self.change_inbox(Inbox::release);
    }

    /// Keeps a message until the host reads it.
    pub(crate) fn keep_unread(&mut self, whose: ClientId, message: Message) {
        self.inbox.get_or_insert_default().push(whose, message);
    }

    /// Of what only the newest counts, nothing older stays, so that the queue is bounded.
    pub(crate) fn push(&mut self, report: Report) {
        match &report {
            Report::Ready => self.queue.retain(|old| !matches!(old, Report::Ready)),
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

    /// What the host reads next of a client, at most `max` bytes of payload.
    pub(crate) fn unread(&self, whose: ClientId, max: usize) -> Option<Part<'_>> {
        self.inbox.as_ref()?.next(whose, max)
    }

    /// Messages of a client that the host has not read to their end.
    pub(crate) fn unread_messages(&self, whose: ClientId) -> usize {
        self.inbox.as_ref().map_or(0, |inbox| inbox.waiting(whose).0)
    }

    /// The host has read that. Of what was read before it was told nothing is told any more: the oldest is read first and
    /// told first.
    pub(crate) fn read(&mut self, whose: ClientId, max: usize) {
        let unread = self.change_inbox(|inbox| {
            inbox.read(whose, max);
            inbox.parts_left(whose, max)
        });
        let is_of = |report: &Report| matches!(report, Report::Arrived(client, ..) if *client == whose);
        let untold = self.queue.iter().filter(|report| is_of(report)).count();
        let mut told = untold.saturating_sub(unread);
        self.queue.retain(|report| {
            let goes = told > 0 && is_of(report);
            told -= usize::from(goes);
            !goes
        });
        lean::rest(&mut self.queue);
    }

    /// Takes out the first that may be told. A result waits for its decision, and for all earlier ones of its client
    /// and command.
    pub(crate) fn pop(&mut self) -> Option<Report> {
        let index = self.first_ready()?;
        let report = self.queue.remove(index);
        lean::rest(&mut self.queue);
        Some(report)
    }

    /// How many lines wait. What is to be told of unread messages is bounded by the inbox, and waits for a host that
    /// types.
    pub(crate) fn len(&self) -> usize {
        self.queue.iter().filter(|report| !matches!(report, Report::Arrived(..))).count()
    }

    /// Whether something is to be told, now or later, whatever the host reads.
    pub(crate) fn owes(&self) -> bool {
        let held = self.held_until().is_some();
        self.queue.iter().any(|report| !held || !matches!(report, Report::Arrived(..)))
    }

    /// Whether there is something that may be told.
    pub(crate) fn is_ready(&self) -> bool {
        self.first_ready().is_some()
    }

    fn first_ready(&self) -> Option<usize> {
        // As it mostly is.
        if self.queue.is_empty() {
            return None;
        }
        let held = self.held_until().is_some();
        self.queue.iter().enumerate().position(|(index, report)| match report {
            Report::Result(Owed { status: None, .. }) => false,
            Report::Result(owed) => !self.queue.iter().take(index).any(|earlier| owed.waits_for(earlier)),
            Report::Arrived(..) => !held,
            _ => true,
        })
    }

    /// How many messages wait, of this client, and how many bytes, of all.
    pub(crate) fn waiting(&self, whose: ClientId) -> (usize, usize) {
        let (mut count, mut bytes) = self.inbox.as_ref().map_or((0, 0), |inbox| inbox.waiting(whose));
        for report in &self.queue {
            let (client, size) = match report {
                Report::Message(client, message) => (client, message.len()),
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
        self.queue.retain(|report| !matches!(report, Report::Arrived(client, ..) if *client == whose));
        self.change_inbox(|inbox| inbox.discard(whose))
    }
}

impl Owed {
    /// Whether it comes behind that: an earlier one of its client and command that is not decided.
    fn waits_for(&self, earlier: &Report) -> bool {
        matches!(earlier, Report::Result(Owed { command, client, status: None, .. })
            if *client == self.client && *command == self.command)
    }
}

impl Report {
    /// Tells that a part of a message waits to be read.
    pub(crate) fn arrived(client: ClientId, qos: Qos, topic: Topic<'_>, part: &[u8]) -> Report {
        Report::Arrived(client, qos, topic.length(), u16::try_from(part.len()).unwrap_or(u16::MAX))
    }
}

/// A topic name that has an id now (manual 1.14).
pub(crate) struct Registered {
    pub(crate) by: Registrar,
    pub(crate) topic: u16,
    pub(crate) name: Box<str>,
}
