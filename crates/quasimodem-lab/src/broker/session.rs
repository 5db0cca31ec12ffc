//! What the broker keeps for one client (MQTT 3.1.2.4): subscriptions, messages on their way, and those that wait.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use quasimodem_core::mqtt::{Packet, PacketId, Publish, Qos, Violation};

use super::budget::{Budget, Held};
use super::config::Limits;
use super::note::{Client, Loss, Note};
use super::outbox::{Outbox, Peer};

/// A session, connected or kept.
pub(super) struct Session {
    client: Client,
    /// The connection, if there is one.
    pub(super) peer: Option<Peer>,
    /// Ends with the connection.
    pub(super) clean: bool,
    /// The filters that this session is subscribed to.
    pub(super) filters: Filters,
    /// Exchanges that the broker began, those that await PUBCOMP first, in the order of their PUBRECs, then those
    /// that await the first acknowledgement, in the order in which they were sent. This is the order in which they
    /// are sent again [MQTT-4.6.0-1, MQTT-4.6.0-4].
    flights: Vec<Flight>,
    queue: Queue,
    last_id: u16,
    /// Messages of QoS 2 that were accepted and not released yet (MQTT 4.3.3, method B), with their fingerprints. There
    /// are no more than packet identifiers.
    unreleased: BTreeMap<PacketId, u32>,
    /// Its entry among the sessions that nobody uses.
    pub(super) idle: Option<(bool, u64)>,
    budget: Budget,
}

/// A message, and how it is delivered or kept.
#[derive(Clone)]
pub(super) struct Parcel {
    pub(super) message: Held,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// What it says may be a secret.
    pub(super) is_private: bool,
}

/// The connection of a session, as far as sending goes.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) peer: Peer,
    pub(super) full: bool,
}

/// The acknowledgements of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    Puback,
    Pubrec,
    Pubcomp,
}

/// What a message of QoS 2 is to a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    /// A new one.
    New,
    /// One that was accepted before.
    Before,
    /// One under the identifier of another that was accepted before: it is lost.
    AnotherBefore,
}

/// An exchange that has not ended. It was sent at least once.
struct Flight {
    id: PacketId,
    awaits: Awaits,
}

enum Awaits {
    Puback(Parcel),
    Pubrec(Parcel),
    /// The message itself is the client's by now (MQTT 4.3.3).
    Pubcomp,
}

#[derive(Default)]
struct Queue {
    parcels: VecDeque<Parcel>,
    bytes: usize,
}

/// Filters with their size.
pub(super) struct Filters {
    all: BTreeSet<Arc<str>>,
    bytes: usize,
    budget: Budget,
}

impl Session {
    pub(super) fn new(client: Client, budget: Budget) -> Session {
        Session {
            client,
            peer: None,
            clean: false,
            filters: Filters { all: BTreeSet::new(), bytes: 0, budget: budget.clone() },
            flights: Vec::new(),
            queue: Queue::default(),
            last_id: 0,
            unreleased: BTreeMap::new(),
            idle: None,
            budget,
        }
    }

    /// Sends again what the client did not acknowledge [MQTT-4.4.0-1], then what waited.
    pub(super) fn resume(&mut self, link: Link, limits: &Limits, says_dup: bool, out: &mut Outbox) {
        for flight in &self.flights {
            flight.send(&self.client, link.peer, says_dup, out);
        }
        self.pump(link, limits, out);
    }

    /// The connection is gone. Gives the messages of QoS 0 that were waiting for it: they are not for the next one.
    pub(super) fn detach(&mut self) -> Vec<Parcel> {
        self.peer = None;
        self.queue.take_qos0()
    }

    /// The client is absent. Gives the entry that this is among others that nobody uses: whether it holds anything, and
    /// when the client left.
    pub(super) fn rest(&mut self, left: u64) -> (bool, u64) {
        let holds = self.filters.len() > 0 || self.undelivered() > 0 || !self.unreleased.is_empty();
        *self.idle.insert((holds, left))
    }

    /// Sends a message, or puts it at the end of the queue, or gives it back with the reason.
    ///
    /// All messages of a session stand in one queue, whatever their QoS, so that they are sent in the order in which
    /// they were accepted: more than MQTT-4.6.0-6 asks for.
    pub(super) fn push(
        &mut self,
        parcel: Parcel,
        link: Option<Link>,
        limits: &Limits,
        out: &mut Outbox,
    ) -> Result<(), (Parcel, Loss)> {
        match link {
            None if parcel.qos == Qos::AtMostOnce => return Err((parcel, Loss::Offline)),
            Some(link) if self.queue.parcels.is_empty() && self.may_send(&parcel, link, limits) => {
                if parcel.qos != Qos::AtMostOnce && self.budget.held() > limits.held_bytes {
                    return Err((parcel, Loss::NoRoom));
                }
                self.send(parcel, link.peer, out);
            }
            _ if self.budget.held() > limits.queued_together() => return Err((parcel, Loss::NoRoom)),
            _ => match self.queue.refuses(&parcel, limits) {
                None => self.queue.push(parcel),
                Some(why) => return Err((parcel, why)),
            },
        }
        Ok(())
    }

    /// Sends from the queue what may be sent now.
    pub(super) fn pump(&mut self, link: Link, limits: &Limits, out: &mut Outbox) {
        while let Some(parcel) = self.queue.parcels.front()
            && self.may_send(parcel, link, limits)
            && let Some(parcel) = self.queue.pop()
        {
            self.send(parcel, link.peer, out);
        }
    }

    /// Takes an acknowledgement, and tells whether it is answered with PUBREL.
    pub(super) fn acknowledged(&mut self, id: PacketId, ack: Ack) -> Result<bool, Violation> {
        let index = self.flights.iter().position(|flight| flight.id == id);
        let awaits = index.and_then(|index| self.flights.get(index)).map(|flight| &flight.awaits);
        match (awaits, ack) {
            // MQTT 4.3.2: the PUBACK ends a QoS 1 message. MQTT 4.3.3: the PUBCOMP ends a QoS 2 message.
            (Some(Awaits::Puback(_)), Ack::Puback) | (Some(Awaits::Pubcomp), Ack::Pubcomp) => {
                index.map(|index| self.flights.remove(index));
                Ok(false)
            }
            // MQTT 4.3.3: the PUBREC is answered with PUBREL, from then on the message is the client's.
            (Some(Awaits::Pubrec(_)), Ack::Pubrec) => {
                index.map(|index| self.flights.remove(index));
                let released = self.flights.partition_point(|flight| matches!(flight.awaits, Awaits::Pubcomp));
                self.flights.insert(released, Flight { id, awaits: Awaits::Pubcomp });
                Ok(true)
            }
            // A client that got the PUBLISH again, or that knows an exchange which the broker has forgotten, goes on
            // with PUBREC and can't end without a PUBREL (MQTT 4.3.3): it is harmless to give it one.
            (Some(Awaits::Pubcomp) | None, Ack::Pubrec) => Ok(true),
            // A second PUBACK or PUBCOMP follows when a packet was sent again. The standard has no answer to it.
            (None, Ack::Puback | Ack::Pubcomp) => Ok(false),
            (Some(Awaits::Puback(_)), _) => Err(WRONG_ACK_1),
            (Some(Awaits::Pubrec(_) | Awaits::Pubcomp), _) => Err(WRONG_ACK_2),
        }
    }

    /// Notes a message of QoS 2 of the client, unless its identifier is not released yet [MQTT-4.3.3-2].
    pub(super) fn accept(&mut self, id: PacketId, message: &Publish<'_>) -> Accepted {
        match self.unreleased.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(message.fingerprint());
                self.budget.add(IDENTIFIER);
                Accepted::New
            }
            Entry::Occupied(before) if *before.get() == message.fingerprint() => Accepted::Before,
            Entry::Occupied(_) => Accepted::AnotherBefore,
        }
    }

    /// Whether this message of QoS 2 was noted, and not released.
    pub(super) fn awaits_release(&self, id: PacketId) -> bool {
        self.unreleased.contains_key(&id)
    }

    pub(super) fn release(&mut self, id: PacketId) {
        if self.unreleased.remove(&id).is_some() {
            self.budget.sub(IDENTIFIER);
        }
    }

    /// Messages of QoS 1 and 2 that are not delivered to the end.
    pub(super) fn undelivered(&self) -> usize {
        self.flights.len() + self.queue.parcels.iter().filter(|parcel| parcel.qos != Qos::AtMostOnce).count()
    }

    /// Messages in the queue, and their bytes.
    pub(super) fn queued(&self) -> (usize, usize) {
        (self.queue.parcels.len(), self.queue.bytes)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    fn may_send(&self, parcel: &Parcel, link: Link, limits: &Limits) -> bool {
        let window = limits.in_flight.clamp(1, usize::from(u16::MAX));
        !link.full && (parcel.qos == Qos::AtMostOnce || self.flights.len() < window)
    }

    fn send(&mut self, parcel: Parcel, peer: Peer, out: &mut Outbox) {
        let awaits = match parcel.qos {
            Qos::AtMostOnce => {
                out.send(peer, &parcel.packet(None, false));
                return parcel.note_delivered(&self.client, false, out);
            }
            Qos::AtLeastOnce => Awaits::Puback(parcel),
            Qos::ExactlyOnce => Awaits::Pubrec(parcel),
        };
        let flight = Flight { id: self.unused_id(), awaits };
        flight.send(&self.client, peer, false, out);
        self.flights.push(flight);
    }

    /// There is one: fewer than 65535 are in flight.
    fn unused_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last_id)
                && self.flights.iter().all(|flight| flight.id != id)
            {
                return id;
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.budget.sub(self.unreleased.len() * IDENTIFIER);
    }
}

/// What a packet identifier and what a filter cost to be remembered, beside the filter's own bytes.
const IDENTIFIER: usize = 16;
const FILTER: usize = 64;

const WRONG_ACK_1: Violation =
    Violation { rule: "MQTT 4.3.2", what: "a message of QoS 1 is acknowledged with another packet than PUBACK" };
const WRONG_ACK_2: Violation =
    Violation { rule: "MQTT 4.3.3", what: "a message of QoS 2 is acknowledged with another packet than is due" };

impl Flight {
    fn send(&self, client: &Client, peer: Peer, dup: bool, out: &mut Outbox) {
        match &self.awaits {
            Awaits::Puback(parcel) | Awaits::Pubrec(parcel) => {
                out.send(peer, &parcel.packet(Some(self.id), dup));
                parcel.note_delivered(client, dup, out);
            }
            Awaits::Pubcomp => {
                out.send(peer, &Packet::Pubrel(self.id));
            }
        }
    }
}

impl Parcel {
    /// Bytes of topic and payload.
    pub(super) fn len(&self) -> usize {
        self.message.len()
    }

    pub(super) fn dropped(&self, client: &Client, why: Loss) -> Note {
        Note::Dropped { client: client.clone(), message: self.message.message(), qos: self.qos, why }
    }

    fn note_delivered(&self, client: &Client, dup: bool, out: &mut Outbox) {
        if !self.is_private {
            let Parcel { qos, retain, .. } = *self;
            out.note(Note::Delivered { client: client.clone(), message: self.message.message(), qos, retain, dup });
        }
    }

    fn packet(&self, id: Option<PacketId>, dup: bool) -> Packet<'_> {
        Packet::Publish(Publish {
            topic: &self.message.topic,
            payload: &self.message.payload,
            qos: self.qos,
            retain: self.retain,
            dup,
            id,
        })
    }
}

impl Queue {
    fn refuses(&self, parcel: &Parcel, limits: &Limits) -> Option<Loss> {
        let qos0 = || self.parcels.iter().filter(|parcel| parcel.qos == Qos::AtMostOnce).count();
        if self.parcels.len() >= limits.queued {
            Some(Loss::QueueFull)
        } else if self.bytes + parcel.len() > limits.queued_bytes {
            Some(Loss::QueueBytes)
        } else if parcel.qos == Qos::AtMostOnce && qos0() >= limits.queued_qos0 {
            Some(Loss::SlowPeer)
        } else {
            None
        }
    }

    fn push(&mut self, parcel: Parcel) {
        self.bytes += parcel.len();
        self.parcels.push_back(parcel);
    }

    fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes -= parcel.len();
        Some(parcel)
    }

    fn take_qos0(&mut self) -> Vec<Parcel> {
        let (gone, kept): (Vec<_>, _) =
            std::mem::take(&mut self.parcels).into_iter().partition(|parcel| parcel.qos == Qos::AtMostOnce);
        self.parcels = kept.into();
        self.bytes -= gone.iter().map(Parcel::len).sum::<usize>();
        gone
    }
}

impl Drop for Filters {
    fn drop(&mut self) {
        self.budget.sub(self.bytes + self.all.len() * FILTER);
    }
}

impl Filters {
    pub(super) fn contains(&self, filter: &str) -> bool {
        self.all.contains(filter)
    }

    /// Whether one more would be within the limits.
    pub(super) fn fits(&self, filter: &str, limits: &Limits) -> bool {
        self.all.len() < limits.subscriptions
            && self.bytes + filter.len() <= limits.subscription_bytes
            && self.budget.held() <= limits.held_bytes
    }

    pub(super) fn insert(&mut self, filter: Arc<str>) {
        let len = filter.len();
        if self.all.insert(filter) {
            self.bytes += len;
            self.budget.add(len + FILTER);
        }
    }

    pub(super) fn remove(&mut self, filter: &str) -> bool {
        let existed = self.all.remove(filter);
        if existed {
            self.bytes -= filter.len();
            self.budget.sub(filter.len() + FILTER);
        }
        existed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.all.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
