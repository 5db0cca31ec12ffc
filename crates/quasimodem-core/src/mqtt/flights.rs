//! Exchanges that have not ended, both ways (MQTT 4.3 and 4.4).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::id_set::IdSet;
use super::violation::violation;
use super::{OddAck, Packet, PacketId, PacketIds, Publish, Violation};
use crate::at::Problem;
use crate::lean;
use crate::net::Link;
use crate::outbox::Outbox;
use crate::sink::Sink;
use crate::ticket::Ticket;

/// QoS 2 messages of the broker of which the modem knows the fingerprint. Of older ones that are not released it knows the
/// identifier only.
const RECENT_MAX: usize = 128;

/// Bit 3 of the first byte of a PUBLISH (MQTT 3.3.1.1).
const DUP: u8 = 0b1000;

/// All exchanges of a session.
#[derive(Default)]
pub(crate) struct Flights {
    /// In the order in which they are to be taken up again [MQTT-4.6.0-1].
    list: Vec<Flight>,
    /// QoS 2 messages of the broker that are not released and not recent. A broker may have all identifiers in flight.
    older: Option<Box<IdSet>>,
}

/// One exchange. Both sides count their packet identifiers by themselves (MQTT 2.3.1).
enum Flight {
    /// It began here.
    Ours(Own),
    /// A QoS 2 message of the broker was received and reported, and is not released (MQTT 4.3.3, method B).
    Theirs { id: PacketId, fingerprint: u32 },
}

/// An exchange of one's own. The host may have the result already.
struct Own {
    /// A PUBLISH as it was sent, if the session is to be kept and the broker may not have it yet.
    packet: Option<Box<Encoded>>,
    /// The result that it decides, if there is one.
    ticket: Option<Ticket>,
    id: PacketId,
    awaits: Awaits,
}

struct Encoded(Box<[u8]>);

/// What the modem waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    Puback,
    Pubrec,
    Pubcomp,
    Suback,
    Unsuback,
}

/// An acknowledgement as it concerns a flight.
#[derive(Clone, Copy)]
pub(crate) enum Ack {
    Puback,
    Pubrec,
    Pubcomp,
    /// `None`: it has not one return code for one filter.
    Suback {
        granted: Option<bool>,
    },
    Unsuback,
}

/// What an acknowledgement came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landed {
    /// The exchange ended; what was asked for was done or not.
    Done(Option<Ticket>, bool),
    /// A PUBREL is due.
    Release,
    /// Nothing is to be done.
    Nothing,
}

/// What a QoS 2 message of the broker is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    New,
    /// It came before, as far as can be told.
    Before,
    /// Another one has its identifier, and is not released.
    Another,
}

impl Flights {
    /// Begins an exchange of one's own and gives its id.
    pub(crate) fn begin(
        &mut self,
        awaits: Awaits,
        ticket: Ticket,
        window: u16,
        ids: &mut PacketIds,
    ) -> Result<PacketId, Problem> {
        let alike = |flight: &&Own| flight.awaits.is_of_publish() == awaits.is_of_publish();
        if self.own().filter(alike).count() >= usize::from(window) {
            return Err(Problem::TooManyInFlight(window));
        }
        let id = ids.next(|id| self.ours(id).is_some());
        lean::push(&mut self.list, Flight::Ours(Own { packet: None, ticket: Some(ticket), id, awaits }));
        Ok(id)
    }

    /// Keeps a PUBLISH that was just begun, so that it can be sent again.
    pub(crate) fn keep(&mut self, message: Publish<'_>) {
        if let Some(Flight::Ours(flight)) = self.list.last_mut() {
            let mut bytes = Vec::new();
            Packet::Publish(message).encode(&mut bytes);
            flight.packet = Some(Box::new(Encoded(bytes.into())));
        }
    }

    /// Bytes that are kept to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        let packets = self.own().filter_map(|flight| flight.packet.as_ref()).map(|packet| packet.0.len());
        packets.sum::<usize>() + self.older.as_ref().map_or(0, |older| older.bytes())
    }

    /// Moves the flight that an acknowledgement is for, and says what is odd about it.
    pub(crate) fn acknowledged(&mut self, id: PacketId, ack: Ack) -> Result<(Landed, Option<OddAck>), Violation> {
        // What is not awaited decides nothing. Only a PUBREC needs an answer: without the PUBREL the broker could not end
        // the exchange, which the modem has forgotten (MQTT 4.3.3).
        let besides = if let Ack::Pubrec = ack { Landed::Release } else { Landed::Nothing };
        let Some(index) = self.ours(id) else { return Ok((besides, Some(OddAck::NotAwaited(ack.name(), id)))) };
        let Some(Flight::Ours(flight)) = self.list.get_mut(index) else {
            debug_assert!(false, "flight {index} was ours a moment ago");
            return Ok((besides, None));
        };
        let (done, odd) = match (flight.awaits, ack) {
            // MQTT 4.3.2: the PUBACK ends a QoS 1 message.
            (Awaits::Puback, Ack::Puback) => (true, None),
            (Awaits::Puback, Ack::Pubrec) => {
                return Err(violation("MQTT 4.3.2", "a PUBREC answers a QoS 1 message"));
            }
            // MQTT 4.3.3: the PUBREC is answered with PUBREL, and from then on the message is the broker's.
            // PUBRELs are sent again in the order of the PUBRECs [MQTT-4.6.0-4], so the flight goes last.
            (Awaits::Pubrec, Ack::Pubrec) => {
                flight.packet = None;
                flight.awaits = Awaits::Pubcomp;
                let flight = self.list.remove(index);
                self.list.push(flight);
                return Ok((Landed::Release, None));
            }
            // A broker that knows no QoS 2 has taken the message over as one of QoS 1: it is there, perhaps twice.
            (Awaits::Pubrec, Ack::Puback) => (true, Some(OddAck::NoQos2(id))),
            // A broker may repeat its PUBREC when a session goes on (MQTT 4.4); the PUBREL is on its way by then.
            (Awaits::Pubcomp, Ack::Pubrec) => return Ok((Landed::Nothing, None)),
            // MQTT 4.3.3: the PUBCOMP ends a QoS 2 message.
            (Awaits::Pubcomp, Ack::Pubcomp) => (true, None),
            // MQTT 3.8.4: the SUBACK answers a SUBSCRIBE, in the negative too.
            (Awaits::Suback, Ack::Suback { granted: Some(granted) }) => (granted, None),
            (Awaits::Suback, Ack::Suback { granted: None }) => {
                return Err(violation("MQTT-3.9.3-1", "a SUBACK has not one return code for each topic filter"));
            }
            // MQTT 3.10.4: the UNSUBACK answers an UNSUBSCRIBE.
            (Awaits::Unsuback, Ack::Unsuback) => (true, None),
            (awaits, _) => return Ok((besides, Some(OddAck::AnotherIsDue(ack.name(), id, awaits.name())))),
        };
        let ticket = flight.ticket;
        self.list.remove(index);
        lean::rest(&mut self.list);
        Ok((Landed::Done(ticket, done), odd))
    }

    /// Notes a QoS 2 message of the broker.
    pub(crate) fn received(&mut self, id: PacketId, fingerprint: u32) -> Received {
        for flight in &mut self.list {
            if let Flight::Theirs { id: of, fingerprint: before } = flight
                && *of == id
            {
                let same = mem::replace(before, fingerprint) == fingerprint;
                return if same { Received::Before } else { Received::Another };
            }
        }
        if self.older.as_ref().is_some_and(|older| older.contains(id)) {
            return Received::Before;
        }
        let recent = |flight: &Flight| matches!(flight, Flight::Theirs { .. });
        if self.list.iter().filter(|flight| recent(flight)).count() >= RECENT_MAX
            && let Some(oldest) = self.list.iter().position(recent)
            && let Flight::Theirs { id, .. } = self.list.remove(oldest)
        {
            self.older.get_or_insert_default().insert(id);
        }
        lean::push(&mut self.list, Flight::Theirs { id, fingerprint });
        Received::New
    }

    /// Ends a QoS 2 message of the broker. It may be unknown, if the PUBCOMP of before got lost.
    pub(crate) fn released(&mut self, id: PacketId) {
        self.list.retain(|flight| !matches!(flight, Flight::Theirs { id: of, .. } if *of == id));
        lean::rest(&mut self.list);
        if let Some(older) = &mut self.older {
            older.remove(id);
        }
        self.older.take_if(|older| older.is_empty());
    }

    /// What outlives the connection of a kept session (MQTT 3.1.2.4): messages both ways, but no requests.
    pub(crate) fn kept(mut self) -> Option<Flights> {
        self.list.retain(|flight| !matches!(flight, Flight::Ours(own) if !own.awaits.is_of_publish()));
        self.list.shrink_to_fit();
        (!self.list.is_empty() || self.older.is_some()).then_some(self)
    }

    /// Takes up what a lost connection left, now that there is a new one.
    ///
    /// If the broker still has the session, it gets each message again with DUP, and each PUBREL, with the ids of before
    /// [MQTT-4.4.0-1]. If not, messages that it had not received go out as new ones, and the others count as done: what
    /// became of them nobody can tell, and sending them again could double them.
    pub(crate) fn resume(&mut self, session_present: bool, link: Link, out: &mut Outbox) {
        if !session_present {
            self.list.retain(|flight| matches!(flight, Flight::Ours(Own { packet: Some(_), .. })));
            self.older = None;
        }
        for flight in self.own() {
            match (&flight.packet, flight.awaits) {
                (Some(packet), _) => {
                    let mut piece = out.send(link);
                    let (first, rest) = packet.0.split_at(1);
                    let dup = if session_present { DUP } else { 0 };
                    first.iter().for_each(|first| piece.put(&[first | dup]));
                    piece.put(rest);
                }
                (None, Awaits::Pubcomp) => Packet::Pubrel(flight.id).encode(&mut out.send(link)),
                (None, _) => {}
            }
        }
    }

    fn own(&self) -> impl Iterator<Item = &Own> {
        self.list.iter().filter_map(|flight| match flight {
            Flight::Ours(own) => Some(own),
            Flight::Theirs { .. } => None,
        })
    }

    fn ours(&self, id: PacketId) -> Option<usize> {
        self.list.iter().position(|flight| matches!(flight, Flight::Ours(own) if own.id == id))
    }
}

impl Awaits {
    /// Whether it belongs to a message; if not, to a SUBSCRIBE or UNSUBSCRIBE.
    fn is_of_publish(self) -> bool {
        !matches!(self, Awaits::Suback | Awaits::Unsuback)
    }

    /// The packet that is awaited.
    fn name(self) -> &'static str {
        match self {
            Awaits::Puback => "PUBACK",
            Awaits::Pubrec => "PUBREC",
            Awaits::Pubcomp => "PUBCOMP",
            Awaits::Suback => "SUBACK",
            Awaits::Unsuback => "UNSUBACK",
        }
    }
}

impl Ack {
    fn name(self) -> &'static str {
        match self {
            Ack::Puback => "PUBACK",
            Ack::Pubrec => "PUBREC",
            Ack::Pubcomp => "PUBCOMP",
            Ack::Suback { .. } => "SUBACK",
            Ack::Unsuback => "UNSUBACK",
        }
    }
}
