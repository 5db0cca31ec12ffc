//! What a connected client asks for.

use std::sync::Arc;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Filters, Packet, PacketId, Publish, Qos, Violation};

use super::Broker;
use super::authority::Announcement;
use super::note::{Client, End, Message, Note};
use super::outbox::{Outbox, Peer};
use super::session::{Accepted, Ack, Parcel};

/// The return code of a SUBACK for a filter that is refused (MQTT 3.9.3).
const FAILURE: u8 = 0x80;

impl Broker {
    /// One whole packet. An error ends the connection.
    pub(super) fn packet(&mut self, now: Instant, peer: Peer, frame: &[u8], out: &mut Outbox) -> Result<(), End> {
        let packet = Packet::decode(frame)?;
        let Some(connection) = self.connections.get_mut(&peer) else { return Ok(()) };
        connection.heard = now;
        let Some(client) = connection.client().cloned() else {
            return match packet {
                Packet::Connect(connect) => self.connect(now, peer, &connect, out),
                _ => Err(violation("MQTT-3.1.0-1", "the first packet is not a CONNECT")),
            };
        };
        match packet {
            Packet::Publish(publish) => {
                if !connection.permits(publish.topic) {
                    return Err(End::OutOfBounds);
                }
                self.published(peer, &client, &publish, out)?;
            }
            Packet::Puback(id) => self.acknowledged(peer, &client, id, Ack::Puback, out)?,
            Packet::Pubrec(id) => self.acknowledged(peer, &client, id, Ack::Pubrec, out)?,
            Packet::Pubcomp(id) => self.acknowledged(peer, &client, id, Ack::Pubcomp, out)?,
            Packet::Pubrel(id) => {
                if let Some(session) = self.sessions.get_mut(&client) {
                    session.release(id);
                }
                // Unknown if the PUBCOMP before got lost: the client must still get one (MQTT 4.3.3).
                self.reply(peer, &Packet::Pubcomp(id), out);
            }
            Packet::Subscribe { id, filters } => self.subscribe(now, peer, &client, id, filters, out),
            Packet::Unsubscribe { id, filters } => self.unsubscribe(peer, &client, id, filters, out),
            Packet::Pingreq => self.reply(peer, &Packet::Pingresp, out),
            Packet::Disconnect => return Err(End::Disconnect),
            Packet::Connect(_) => return Err(violation("MQTT-3.1.0-2", "a second CONNECT")),
            Packet::Connack { .. } | Packet::Suback { .. } | Packet::Unsuback(_) | Packet::Pingresp => {
                return Err(violation("MQTT 2.2.1", "a packet that only servers send"));
            }
        }
        Ok(())
    }

    /// A message of a client. It is acknowledged when it is with all its subscribers, or in their queues.
    fn published(&mut self, peer: Peer, client: &Client, publish: &Publish<'_>, out: &mut Outbox) -> Result<(), End> {
        let Publish { topic, payload, qos, retain, dup, id } = *publish;
        let is_full = self.budget.held() > self.config.limits.held_bytes;
        if let Some(id) = id.filter(|_| qos == Qos::ExactlyOnce)
            && is_full
            && self.sessions.get(client).is_some_and(|session| !session.awaits_release(id))
        {
            // To accept it without remembering that would be to accept it twice.
            return Err(End::NoRoom);
        }
        if qos == Qos::ExactlyOnce
            && let Some(id) = id
            && let Some(session) = self.sessions.get_mut(client)
            && let accepted @ (Accepted::Before | Accepted::AnotherBefore) = session.accept(id, publish)
        {
            // Whatever it holds and whether or not DUP is set: until the PUBREL it is the same message [MQTT-4.3.3-2].
            let lost = (accepted == Accepted::AnotherBefore).then(|| topic.into());
            out.note(Note::Duplicate { client: client.clone(), id, lost });
            self.reply(peer, &Packet::Pubrec(id), out);
            return Ok(());
        }
        let message = Arc::new(Message { topic: topic.into(), payload: payload.into() });
        let parcel = Parcel { message: self.budget.hold(message.clone()), qos, retain, is_private: false };
        out.note(Note::Published { client: client.clone(), message, qos, retain, dup, id, will: false });
        self.deliver(&parcel, out);
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => self.reply(peer, &Packet::Puback(id), out),
            (Qos::ExactlyOnce, Some(id)) => self.reply(peer, &Packet::Pubrec(id), out),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn publish_will(&mut self, client: &Client, will: &Parcel, out: &mut Outbox) {
        let Parcel { message, qos, retain, .. } = will;
        let (message, qos, retain) = (message.message(), *qos, *retain);
        out.note(Note::Published { client: client.clone(), message, qos, retain, dup: false, id: None, will: true });
        self.deliver(will, out);
    }

    /// Keeps a message if it is to be retained, and gives it to all who are subscribed.
    pub(super) fn deliver(&mut self, parcel: &Parcel, out: &mut Outbox) {
        if parcel.retain && !self.retained.set(parcel, &self.config.limits) {
            out.note(Note::NotRetained { message: parcel.message.message() });
        }
        self.relieve(out);
        for (client, granted) in self.subscriptions.receivers(&parcel.message.topic) {
            let Some(session) = self.sessions.get_mut(&client) else { continue };
            // MQTT-3.8.4-6, MQTT-3.3.1-9, and MQTT-3.3.1-3: DUP is not handed on.
            let parcel = Parcel { qos: parcel.qos.min(granted), retain: false, ..parcel.clone() };
            let connection = session.peer.and_then(|peer| Some((peer, self.connections.get(&peer)?)));
            let link = connection.map(|(peer, connection)| connection.link(peer));
            if let Err((parcel, why)) = session.push(parcel, link, &self.config.limits, out) {
                out.note(parcel.dropped(&client, why));
            }
        }
    }

    fn acknowledged(
        &mut self,
        peer: Peer,
        client: &Client,
        id: PacketId,
        ack: Ack,
        out: &mut Outbox,
    ) -> Result<(), Violation> {
        let Some(session) = self.sessions.get_mut(client) else { return Ok(()) };
        if session.acknowledged(id, ack)? {
            self.reply(peer, &Packet::Pubrel(id), out);
        }
        self.pump(peer, out);
        Ok(())
    }

    /// One answer for all filters, each taken as if it came alone [MQTT-3.8.4-4], then what is retained.
    fn subscribe(
        &mut self,
        now: Instant,
        peer: Peer,
        client: &Client,
        id: PacketId,
        filters: Filters<'_>,
        out: &mut Outbox,
    ) {
        let limits = &self.config.limits;
        let (Some(session), Some(connection)) = (self.sessions.get_mut(client), self.connections.get(&peer)) else {
            return;
        };
        let mut codes = Vec::new();
        let mut notes = Vec::new();
        for (index, (filter, asked)) in filters.iter().enumerate() {
            if index >= limits.subscriptions {
                // No note either: a packet has room for more filters than anybody wants to read of.
                codes.push(FAILURE);
                continue;
            }
            let fits = session.filters.contains(filter) || session.filters.fits(filter, limits);
            let granted = asked.filter(|_| fits && connection.permits(filter) && !self.config.refuses(filter));
            let granted = granted.map(|qos| qos.min(self.config.max_qos));
            let filter: Arc<str> = filter.into();
            if let Some(granted) = granted {
                session.filters.insert(filter.clone());
                self.subscriptions.insert(&filter, client, granted);
            }
            codes.push(granted.map_or(FAILURE, Qos::number));
            notes.push((filter, granted));
        }
        self.reply(peer, &Packet::Suback { id, codes: &codes }, out);
        for (filter, granted) in notes {
            out.note(Note::Subscribed { client: client.clone(), filter: filter.clone(), granted });
            if let Some(granted) = granted {
                self.send_retained(peer, client, &filter, granted, out);
                let (authority, time) = (self.config.authority.as_ref(), self.time(now));
                if let Some(announcement) = authority.and_then(|authority| authority.subscribed(client, &filter, time))
                {
                    self.announce(now, peer, announcement, out);
                }
            }
        }
    }

    /// Publishes a message to the client of one connection, at once or later. One that is held back gives way to the next.
    pub(super) fn announce(&mut self, now: Instant, peer: Peer, announcement: Announcement, out: &mut Outbox) {
        let Announcement { after, topic, payload } = announcement;
        let message = self.budget.hold(Arc::new(Message { topic, payload }));
        let parcel = Parcel { message, qos: Qos::AtLeastOnce, retain: false, is_private: true };
        if after.is_zero() {
            return self.announce_now(peer, parcel, out);
        }
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        let due = now + after;
        if let Some(before) = connection.announced.replace(due) {
            self.announcements.remove(&(before, peer));
        }
        self.announcements.insert((due, peer), parcel);
    }

    pub(super) fn announce_now(&mut self, peer: Peer, parcel: Parcel, out: &mut Outbox) {
        let Some(connection) = self.connections.get(&peer) else { return };
        let (Some(client), link) = (connection.client().cloned(), connection.link(peer)) else { return };
        let Some(session) = self.sessions.get_mut(&client) else { return };
        let topic = parcel.message.topic.clone();
        out.note(Note::Announced { client: client.clone(), topic: topic.clone(), bytes: parcel.message.payload.len() });
        if let Err((parcel, why)) = session.push(parcel, Some(link), &self.config.limits, out) {
            return out.note(parcel.dropped(&client, why));
        }
        if let Some(authority) = &self.config.authority {
            authority.announced(&client, &topic);
        }
    }

    /// Also to one who was subscribed before [MQTT-3.8.4-3].
    ///
    /// What does not fit is told in one note: a packet may hold hundreds of filters, each matching all there is.
    fn send_retained(&mut self, peer: Peer, client: &Client, filter: &Arc<str>, granted: Qos, out: &mut Outbox) {
        let (Some(session), Some(connection)) = (self.sessions.get_mut(client), self.connections.get(&peer)) else {
            return;
        };
        let limits = &self.config.limits;
        let mut dropped = 0;
        for parcel in self.retained.matching(filter) {
            let parcel = Parcel { qos: parcel.qos.min(granted), retain: true, ..parcel };
            self.retained_sent += parcel.len();
            let in_measure = self.retained_sent <= limits.retained_bytes;
            if !in_measure || session.push(parcel, Some(connection.link(peer)), limits, out).is_err() {
                dropped += 1;
            }
        }
        if dropped > 0 {
            out.note(Note::RetainedDropped { client: client.clone(), filter: filter.clone(), messages: dropped });
        }
    }

    /// What waits already is still delivered, as the standard allows [MQTT-3.10.4-3].
    fn unsubscribe(&mut self, peer: Peer, client: &Client, id: PacketId, filters: Filters<'_>, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(client) else { return };
        for (filter, _) in filters.iter() {
            let existed = session.filters.remove(filter);
            if existed {
                self.subscriptions.remove(filter, client);
            }
            out.note(Note::Unsubscribed { client: client.clone(), filter: filter.into(), existed });
        }
        // MQTT-3.10.4-5: also if there was nothing to end.
        self.reply(peer, &Packet::Unsuback(id), out);
    }

    /// An answer goes out at once, however full the peer is.
    fn reply(&mut self, peer: Peer, packet: &Packet<'_>, out: &mut Outbox) {
        let len = out.send(peer, packet);
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.replied(len);
        }
    }

    /// Sends what waits for the client of this connection.
    pub(super) fn pump(&mut self, peer: Peer, out: &mut Outbox) {
        let Some(connection) = self.connections.get(&peer) else { return };
        if let Some(session) = connection.client().and_then(|client| self.sessions.get_mut(client)) {
            session.pump(connection.link(peer), &self.config.limits, out);
        }
    }
}

fn violation(rule: &'static str, what: &'static str) -> End {
    End::Violation(Violation { rule, what })
}
