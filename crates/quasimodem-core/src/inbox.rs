//! Messages that the host is told of, and has to read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::client_id::ClientId;
use crate::lean;
use crate::message::{Message, Part};
use crate::time::Instant;

/// What waits for `+MQTTREAD`, in the order in which it came.
#[derive(Default)]
pub(crate) struct Inbox {
    unread: Vec<(ClientId, Box<Message>)>,
    /// The host was told of a message of this client, and has not read since: what is to be told of others waits, until
    /// then at most.
    held: Option<(ClientId, Instant)>,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.held.is_none()
    }

    pub(crate) fn push(&mut self, whose: ClientId, message: Message) {
        lean::push(&mut self.unread, (whose, Box::new(message)));
    }

    fn of(&self, whose: ClientId) -> impl Iterator<Item = &Message> {
        self.unread.iter().filter(move |(client, _)| *client == whose).map(|(_, message)| &**message)
    }

    /// What the host reads next of a client, at most `max` bytes of payload.
    pub(crate) fn next(&self, whose: ClientId, max: usize) -> Option<Part<'_>> {
        self.of(whose).next().map(|message| message.unread(max))
    }

    /// The host has read that.
    pub(crate) fn read(&mut self, whose: ClientId, max: usize) {
        self.held.take_if(|(client, _)| *client == whose);
        let index = self.unread.iter().position(|(client, _)| *client == whose);
        if let Some(index) = index
            && self.unread.get_mut(index).is_some_and(|(_, message)| message.read(max))
        {
            self.unread.remove(index);
        }
        lean::rest(&mut self.unread);
    }

    /// How often the host has to read for all of a client, at most `max` bytes at a time.
    pub(crate) fn parts_left(&self, whose: ClientId, max: usize) -> usize {
        self.of(whose).map(|message| message.parts_left(max)).sum()
    }

    /// Forgets what a client has, and tells how many messages that were.
    pub(crate) fn discard(&mut self, whose: ClientId) -> usize {
        let before = self.unread.len();
        self.unread.retain(|(client, _)| *client != whose);
        self.held.take_if(|(client, _)| *client == whose);
        before - self.unread.len()
    }

    /// How many messages a client has, and how many bytes all have.
    pub(crate) fn waiting(&self, whose: ClientId) -> (usize, usize) {
        (self.of(whose).count(), self.unread.iter().map(|(_, message)| message.len()).sum())
    }

    /// Lets what is to be told of other messages wait until the host has read one of this client, until then at most.
    pub(crate) fn hold(&mut self, whose: ClientId, until: Instant) {
        self.held = Some((whose, until));
    }

    /// Lets nothing wait for the host to read.
    pub(crate) fn release(&mut self) {
        self.held = None;
    }

    /// Until when what is to be told of messages waits.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.held.map(|(_, until)| until)
    }
}
