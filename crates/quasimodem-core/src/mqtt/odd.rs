//! What brokers do that they should not, and that a connection survives.

use core::fmt;

use super::PacketId;

/// An acknowledgement that decides nothing, or not what it should.
///
/// None of these ends the connection: a broker repeats what its session holds at each reconnect, so that a client which has
/// lost its memory would never come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OddAck {
    /// Nothing waits for this packet: it is late, came before, or answers what the modem has forgotten.
    NotAwaited(&'static str, PacketId),
    /// This packet came, where this other one is due for its identifier.
    AnotherIsDue(&'static str, PacketId, &'static str),
    /// A PUBACK answers a QoS 2 message: the broker treats it as one of QoS 1 (RabbitMQ 3.10 does so).
    NoQos2(PacketId),
}

/// A message that is not as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OddMessage {
    /// Under this identifier, which the broker has not released, came another message than before (MQTT 2.3.1). It is
    /// reported: it is no duplicate, and would be lost otherwise.
    Another(PacketId),
    /// The message of this identifier, which the broker has not released, came again without DUP (MQTT-3.3.1-1). It is
    /// taken for the duplicate that it looks like.
    NoDup(PacketId),
    /// It is too large; it was acknowledged and skipped.
    Skipped(TooLarge),
}

/// A message that the modem does not take: the bytes of its packet, and those that it takes at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge {
    /// Bytes of the packet.
    pub bytes: usize,
    /// See [`Settings::max_packet`](crate::Settings::max_packet).
    pub max: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} bytes, larger than max_packet ({} bytes)", self.bytes, self.max)
    }
}

impl fmt::Display for OddAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OddAck::NotAwaited(packet, id) => write!(f, "{packet} #{id}, which nothing waits for"),
            OddAck::AnotherIsDue(packet, id, due) => write!(f, "{packet} #{id}, where {due} is due"),
            OddAck::NoQos2(id) => write!(f, "PUBACK #{id} for a QoS 2 message, which the broker treats as QoS 1"),
        }
    }
}
