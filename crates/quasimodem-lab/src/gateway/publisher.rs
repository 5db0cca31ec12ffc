//! The gateway's own connection to the broker, for wills and for messages of QoS -1 (MQTT-SN 6.8). It is opened when
//! there is something to publish, and stays open.

use std::collections::VecDeque;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Packet, PacketId, Publish, Qos};

use super::Turn;
use super::link::{Mqtt, Stage};
use super::note::{Client, LinkEnd, Loss, Message, Note};
use super::outbox::Link;

#[derive(Default)]
pub(super) struct Publisher {
    state: State,
    queue: VecDeque<Parcel>,
    /// Wills that the broker has not acknowledged, in the order in which they were sent; without what it has received.
    flights: VecDeque<(PacketId, Option<Parcel>)>,
    /// Of the messages in both.
    bytes: usize,
    last_id: u16,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Linked(Mqtt),
    /// The last attempt failed; the next one comes then.
    Waiting(Instant),
}

/// A message to publish.
pub(super) struct Parcel {
    pub(super) topic: Box<str>,
    pub(super) payload: Box<[u8]>,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// Whose will it is; `None`: it came with QoS -1.
    pub(super) will_of: Option<Client>,
}

impl Publisher {
    pub(super) fn push(&mut self, parcel: Parcel, turn: &mut Turn<'_>) {
        let limits = &turn.config.limits;
        // Fewer than there are packet identifiers.
        let (count, bytes) = (limits.own.min(usize::from(u16::MAX - 1)), limits.own_bytes);
        let part = if parcel.will_of.is_some() { 1 } else { 2 };
        if self.len() >= count / part || self.bytes + parcel.len() > bytes / part {
            return parcel.drop(Loss::TooMany, turn);
        }
        self.bytes += parcel.len();
        self.queue.push_back(parcel);
    }

    /// Sends what may be sent. If there is something to send and no connection, one is needed: gives it the link.
    pub(super) fn pump(&mut self, link: impl FnOnce() -> Link, turn: &mut Turn<'_>) {
        if let (State::Closed, false) = (&self.state, self.queue.is_empty()) {
            self.state = State::Linked(Mqtt::open(link(), true, turn));
        }
        let State::Linked(mqtt) = &mut self.state else { return };
        while mqtt.is_open()
            && !mqtt.full
            && let Some(parcel) = self.queue.pop_front()
        {
            let id = if parcel.qos == Qos::AtMostOnce { None } else { Some(next(&mut self.last_id, &self.flights)) };
            mqtt.write(&parcel.packet(id), turn);
            turn.out.note_message(|| {
                let Parcel { topic, payload, qos, retain, will_of } = &parcel;
                Note::Published { client: will_of.clone(), message: Message::new(topic, payload, *qos, *retain) }
            });
            match id {
                Some(id) => self.flights.push_back((id, Some(parcel))),
                None => self.bytes -= parcel.len(),
            }
        }
    }

    pub(super) fn mqtt(&mut self) -> Option<&mut Mqtt> {
        match &mut self.state {
            State::Linked(mqtt) => Some(mqtt),
            State::Closed | State::Waiting(_) => None,
        }
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>, turn: &mut Turn<'_>) -> Result<(), LinkEnd> {
        let State::Linked(mqtt) = &mut self.state else { return Ok(()) };
        match *packet {
            Packet::Connack { code: 0, .. } => mqtt.stage = Stage::Open,
            Packet::Connack { code, .. } => return Err(LinkEnd::Refused(code)),
            Packet::Puback(id) | Packet::Pubrec(id) | Packet::Pubcomp(id) => {
                let flight = self.flights.iter_mut().find(|(other, _)| *other == id);
                if let Some(parcel) = flight.and_then(|(_, parcel)| parcel.take()) {
                    self.bytes -= parcel.len();
                }
                if matches!(packet, Packet::Pubrec(_)) {
                    mqtt.write(&Packet::Pubrel(id), turn);
                } else {
                    self.flights.retain(|(other, _)| *other != id);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The connection ended or could not be had. Wills wait for the next one, other messages are lost with it.
    pub(super) fn lost(&mut self, why: LinkEnd, turn: &mut Turn<'_>) {
        for parcel in self.flights.drain(..).rev().filter_map(|(_, parcel)| parcel) {
            self.queue.push_front(parcel);
        }
        let (wills, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.queue).into_iter().partition(|parcel| parcel.will_of.is_some());
        for parcel in others {
            self.bytes -= parcel.len();
            parcel.drop(Loss::NoBroker, turn);
        }
        self.queue = wills;
        self.state =
            if self.queue.is_empty() { State::Closed } else { State::Waiting(turn.now + turn.config.reconnect) };
        turn.out.note(Note::OwnLink(why));
    }

    /// The broker can be reached again.
    pub(super) fn hurry(&mut self) {
        if let State::Waiting(_) = self.state {
            self.state = State::Closed;
        }
    }

    pub(super) fn due(&self, config: &super::Config) -> Option<Instant> {
        match &self.state {
            State::Closed => None,
            State::Linked(mqtt) => mqtt.due(config),
            State::Waiting(until) => Some(*until),
        }
    }

    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) -> Result<(), LinkEnd> {
        match &mut self.state {
            State::Waiting(until) if *until <= turn.now => self.state = State::Closed,
            State::Linked(mqtt) => return mqtt.settle(false, turn),
            State::Closed | State::Waiting(_) => {}
        }
        Ok(())
    }

    /// Messages that wait, or that the broker has not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.flights.len()
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Parcel {
    fn len(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    fn packet(&self, id: Option<PacketId>) -> Packet<'_> {
        Packet::Publish(Publish {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            dup: false,
            id,
        })
    }

    fn drop(self, why: Loss, turn: &mut Turn<'_>) {
        turn.out.note(Note::Dropped { client: self.will_of, topic: self.topic, qos: self.qos, why });
    }
}

/// An identifier that is not in flight: fewer than there are may be.
fn next(last: &mut u16, flights: &VecDeque<(PacketId, Option<Parcel>)>) -> PacketId {
    loop {
        *last = last.wrapping_add(1);
        if let Some(id) = PacketId::new(*last)
            && flights.iter().all(|(other, _)| *other != id)
        {
            return id;
        }
    }
}
