//! Exchanges that have not ended, both ways (MQTT 4.3 and 4.4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::session::violation;
use super::{Packet, PacketId, PacketIds, Publish, Violation};
use crate::at::Problem;
use crate::lean;
use crate::net::Link;
use crate::outbox::{Outbox, Sink};
use crate::reports::Ticket;

/// QoS 2 messages that a broker may leave unreleased.
const UNRELEASED_MAX: usize = 1024;

/// Bit 3 of the first byte of a PUBLISH (MQTT 3.3.1.1).
const DUP: u8 = 0b1000;

/// All exchanges of a session, in the order in which they are to be taken up again [MQTT-4.6.0-1].
#[derive(Default)]
pub(crate) struct Flights {
    list: Vec<Flight>,
}

/// One exchange. The host may have the result already.
struct Flight {
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
    /// The broker's message of QoS 2 was received and reported (MQTT 4.3.3, method B).
    Pubrel,
}

/// An acknowledgement as it concerns a flight.
#[derive(Clone, Copy)]
pub(crate) enum Ack {
    Puback,
    Pubrec,
    Pubcomp,
    Suback { granted: bool },
    Unsuback,
}

/// What an acknowledgement came to.
pub(crate) enum Landed {
    /// The exchange ended; what was asked for was done or not.
    Done(Option<Ticket>, bool),
    /// A PUBREL is due.
    Release,
    /// It came before.
    Again,
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
        let alike = |flight: &&Flight| flight.awaits.is_of_publish() == awaits.is_of_publish() && flight.is_ours();
        if self.list.iter().filter(alike).count() >= usize::from(window) {
            return Err(Problem::TooManyInFlight(window));
        }
        let id = ids.next(|id| self.ours(id).is_some());
        lean::push(&mut self.list, Flight { packet: None, ticket: Some(ticket), id, awaits });
        Ok(id)
    }

    /// Keeps a PUBLISH that was just begun, so that it can be sent again.
    pub(crate) fn keep(&mut self, message: Publish<'_>) {
        if let Some(flight) = self.list.last_mut() {
            let mut bytes = Vec::new();
            Packet::Publish(message).encode(&mut bytes);
            flight.packet = Some(Box::new(Encoded(bytes.into())));
        }
    }

    /// Bytes that are kept to be sent again.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.list.iter().filter_map(|flight| flight.packet.as_ref()).map(|packet| packet.0.len()).sum()
    }

    /// Moves the flight that an acknowledgement is for.
    pub(crate) fn acknowledged(&mut self, id: PacketId, ack: Ack) -> Result<Landed, Violation> {
        let Some(index) = self.ours(id) else {
            return Err(violation("MQTT 2.3.1", "an acknowledgement that nobody waits for"));
        };
        let mut flight = self.list.remove(index);
        let granted = match (flight.awaits, ack) {
            // MQTT 4.3.2: the PUBACK ends a QoS 1 message.
            (Awaits::Puback, Ack::Puback) => true,
            // MQTT 4.3.3: the PUBREC is answered with PUBREL, and from then on the message is the broker's.
            // PUBRELs are sent again in the order of the PUBRECs [MQTT-4.6.0-4], so the flight goes last.
            (Awaits::Pubrec, Ack::Pubrec) => {
                flight.packet = None;
                flight.awaits = Awaits::Pubcomp;
                self.list.push(flight);
                return Ok(Landed::Release);
            }
            // A broker may repeat its PUBREC when a session goes on (MQTT 4.4); the PUBREL is on its way by then.
            (Awaits::Pubcomp, Ack::Pubrec) => {
                self.list.insert(index, flight);
                return Ok(Landed::Again);
            }
            // MQTT 4.3.3: the PUBCOMP ends a QoS 2 message.
            (Awaits::Pubcomp, Ack::Pubcomp) => true,
            // MQTT 3.8.4: the SUBACK answers a SUBSCRIBE, in the negative too.
            (Awaits::Suback, Ack::Suback { granted }) => granted,
            // MQTT 3.10.4: the UNSUBACK answers an UNSUBSCRIBE.
            (Awaits::Unsuback, Ack::Unsuback) => true,
            _ => return Err(violation("MQTT 2.3.1", "an acknowledgement of another kind than is due")),
        };
        lean::rest(&mut self.list);
        Ok(Landed::Done(flight.ticket, granted))
    }

    /// Notes a message of QoS 2 of the broker; false if it was received before.
    pub(crate) fn received(&mut self, id: PacketId) -> Result<bool, Violation> {
        if self.list.iter().any(|flight| flight.id == id && !flight.is_ours()) {
            return Ok(false);
        }
        if self.list.len() >= UNRELEASED_MAX {
            return Err(violation("MQTT 4.3.3", "too many messages of QoS 2 are not released"));
        }
        lean::push(&mut self.list, Flight { packet: None, ticket: None, id, awaits: Awaits::Pubrel });
        Ok(true)
    }

    /// Ends a message of QoS 2 of the broker. It may be unknown, if the PUBCOMP of before got lost.
    pub(crate) fn released(&mut self, id: PacketId) {
        self.list.retain(|flight| flight.id != id || flight.is_ours());
        lean::rest(&mut self.list);
    }

    /// What outlives the connection of a kept session (MQTT 3.1.2.4): messages both ways, but no requests.
    pub(crate) fn kept(mut self) -> Option<Flights> {
        self.list.retain(|flight| !matches!(flight.awaits, Awaits::Suback | Awaits::Unsuback));
        self.list.shrink_to_fit();
        (!self.list.is_empty()).then_some(self)
    }

    /// Takes up what a lost connection left, now that there is a new one.
    ///
    /// If the broker still has the session, it gets each message again with DUP, and each PUBREL, with the ids of before
    /// [MQTT-4.4.0-1]. If not, messages that it had not received go out as new ones, and the others count as done: what
    /// became of them nobody can tell, and sending them again could double them.
    pub(crate) fn resume(&mut self, session_present: bool, link: Link, out: &mut Outbox) {
        if !session_present {
            self.list.retain(|flight| flight.packet.is_some());
        }
        for flight in &self.list {
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

    fn ours(&self, id: PacketId) -> Option<usize> {
        self.list.iter().position(|flight| flight.id == id && flight.is_ours())
    }
}

impl Awaits {
    /// Whether it belongs to a message; if not, to a SUBSCRIBE or UNSUBSCRIBE.
    fn is_of_publish(self) -> bool {
        !matches!(self, Awaits::Suback | Awaits::Unsuback)
    }
}

impl Flight {
    /// Whether it began here. Both sides count their packet identifiers by themselves (MQTT 2.3.1).
    fn is_ours(&self) -> bool {
        self.awaits != Awaits::Pubrel
    }
}
