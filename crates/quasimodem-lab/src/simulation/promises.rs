//! What the broker took over, and whom it owes it to, by the broker's own notes.

use std::collections::{BTreeMap, BTreeSet};

use quasimodem_core::mqtt::{Qos, matches};

use super::delivery::known;
use super::scenario::Messages;
use super::{Broken, Invariant};
use crate::broker::{Client, Note, Peer};

/// All sessions of the broker, and what each is still to get.
#[derive(Default)]
pub(super) struct Promises {
    sessions: BTreeMap<Client, Session>,
    /// Whose connections these are: station and client.
    owners: BTreeMap<Peer, (usize, u8)>,
    /// Who ever used each client id; both clients of a modem may have the same.
    users: BTreeMap<Client, BTreeSet<(usize, u8)>>,
    /// The sessions in which each message was accepted, by their numbers.
    accepted: BTreeMap<String, Vec<u64>>,
    /// How many sessions of each client the broker forgot.
    forgotten: BTreeMap<Client, u64>,
    /// Subscriptions that were granted.
    granted: BTreeSet<(usize, u8, String)>,
    /// The broker forgot its sessions.
    forgot: bool,
}

struct Session {
    owner: (usize, u8),
    peer: Option<Peer>,
    clean: bool,
    filters: BTreeMap<String, Qos>,
    /// Messages of QoS 1 and 2 that it did not get yet.
    due: BTreeSet<String>,
}

impl Promises {
    /// A connection belongs to this client of this station.
    pub(super) fn linked(&mut self, peer: Peer, owner: (usize, u8)) {
        self.owners.insert(peer, owner);
    }

    pub(super) fn restarted(&mut self, keep: bool) {
        if !keep {
            self.sessions.clear();
            self.forgot = true;
        }
        self.sessions.retain(|_, session| !session.clean);
        self.sessions.values_mut().for_each(|session| session.peer = None);
    }

    pub(super) fn note(&mut self, note: &Note, messages: &Messages) -> Result<(), Broken> {
        match note {
            Note::Connected { peer, client, clean, .. } => {
                let Some(&owner) = self.owners.get(peer) else { return Ok(()) };
                let new =
                    || Session { owner, peer: None, clean: *clean, filters: BTreeMap::new(), due: BTreeSet::new() };
                let session = self.sessions.entry(client.clone()).or_insert_with(new);
                self.users.entry(client.clone()).or_default().insert(owner);
                (session.owner, session.peer, session.clean) = (owner, Some(*peer), *clean);
            }
            Note::Ended { peer, client: Some(client), .. } => {
                if let Some(session) = self.sessions.get_mut(client).filter(|session| session.peer == Some(*peer)) {
                    session.peer = None;
                }
            }
            Note::SessionEnded { client, .. } => {
                self.sessions.remove(client);
                *self.forgotten.entry(client.clone()).or_default() += 1;
            }
            Note::Subscribed { client, filter, granted: Some(qos) } => {
                if let Some(session) = self.sessions.get_mut(client) {
                    session.filters.insert(filter.to_string(), *qos);
                    self.granted.insert((session.owner.0, session.owner.1, filter.to_string()));
                }
            }
            Note::Unsubscribed { client, filter, .. } => {
                if let Some(session) = self.sessions.get_mut(client) {
                    session.filters.remove(&**filter);
                }
            }
            Note::Dropped { client, message, .. } => {
                let (token, _) = known(messages, &message.topic, &message.payload)?;
                if let Some(session) = self.sessions.get_mut(client) {
                    session.due.remove(token);
                }
            }
            Note::Published { client, message, qos, retain, will, .. } => {
                let (token, known) = known(messages, &message.topic, &message.payload)?;
                let from = self.users.get(client);
                let strange = from.is_some_and(|from| !from.contains(&known.from));
                if known.qos != qos.number() || known.retain != *retain || known.will != *will || strange {
                    let what = format!("{token} is published at QoS {}, by {from:?}", qos.number());
                    return Err(Broken::new(Invariant::Payload, what));
                }
                self.published(client, token, &message.topic, *qos, *will)?;
            }
            Note::Refused { .. }
            | Note::Ended { client: None, .. }
            | Note::Duplicate { .. }
            | Note::Subscribed { granted: None, .. }
            | Note::RetainedDropped { .. }
            | Note::Delivered { .. }
            | Note::Announced { .. }
            | Note::NotRetained { .. } => {}
        }
        Ok(())
    }

    fn published(&mut self, client: &Client, token: &str, topic: &str, qos: Qos, will: bool) -> Result<(), Broken> {
        let session = self.forgotten.get(client).copied().unwrap_or_default();
        let before = self.accepted.entry(token.into()).or_default();
        // A broker that forgot the session takes for new what it had; nobody can tell whether it had.
        let again = if self.forgot { false } else { before.contains(&session) };
        before.push(session);
        if !will && (before.len() > 1 && qos == Qos::AtMostOnce || again && qos == Qos::ExactlyOnce) {
            let what = format!("the broker accepts {token} at QoS {} twice", qos.number());
            return Err(Broken::new(Invariant::Once, what));
        }
        for session in self.sessions.values_mut() {
            let filters = session.filters.iter().filter(|(filter, _)| matches(filter, topic));
            let granted = filters.map(|(_, granted)| *granted).max();
            if granted.is_some_and(|granted| granted.min(qos) > Qos::AtMostOnce) {
                session.due.insert(token.into());
            }
        }
        Ok(())
    }

    /// A client took a message over.
    pub(super) fn delivered(&mut self, to: (usize, u8), token: &str) {
        for session in self.sessions.values_mut().filter(|session| session.owner == to) {
            session.due.remove(token);
        }
    }

    /// Whether the broker accepted a message more than once, so that it comes again, and behind later ones.
    pub(super) fn accepted_again(&self, token: &str) -> bool {
        self.accepted.get(token).is_some_and(|sessions| sessions.len() > 1)
    }

    /// Whether what a result reports as done is done: a publish accepted, a subscription granted.
    pub(super) fn holds(&self, of: (usize, u8), name: &str, what: &str) -> bool {
        match name {
            "+MQTTPUB" => self.accepted.contains_key(what),
            "+MQTTSUB" => self.granted.contains(&(of.0, of.1, what.into())),
            _ => true,
        }
    }

    /// All is quiet: connected sessions have what they were promised.
    pub(super) fn check_end(&self) -> Result<(), Broken> {
        let due = |session: &&Session| session.peer.is_some() && !session.due.is_empty();
        match self.sessions.values().find(due) {
            Some(Session { owner: (station, client), due, .. }) => {
                let what = format!("client {client} never gets {due:?}");
                Err(Broken { station: Some(*station), ..Broken::new(Invariant::Delivery, what) })
            }
            None => Ok(()),
        }
    }
}
