//! Sending, and sending again.

use core::time::Duration;

use super::Packet;
use crate::mqtt::PacketIds;
use crate::net::Link;
use crate::outbox::Outbox;
use crate::time::Instant;

/// Where, when and how often a session sends.
pub(crate) struct Wire<'a> {
    pub(crate) now: Instant,
    pub(crate) link: Link,
    /// Where message ids come from; the same as packet identifiers, for gateways may take them over to their broker.
    pub(crate) ids: &'a mut PacketIds,
    pub(crate) out: &'a mut Outbox,
    /// T_retry and N_retry (MQTT-SN 6.13): the shortest wait, and how often at most something is sent again.
    pub(crate) retry: Duration,
    pub(crate) retries: u8,
    /// Something was sent.
    pub(crate) sent: bool,
}

impl Wire<'_> {
    pub(super) fn send(&mut self, packet: &Packet<'_>) {
        packet.put(&mut self.out.send(self.link));
        self.sent = true;
    }
}

/// When something is sent again, and how often at most.
pub(super) struct Timer {
    pub(super) at: Instant,
    /// When the answer is of no use any more.
    until: Instant,
    left: u8,
}

/// How soon something may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// After T_retry: a copy too many does no harm.
    Brisk,
    /// After twice that: a copy that comes late does.
    Careful,
}

impl Pace {
    fn shortest(self, wire: &Wire<'_>) -> Duration {
        match self {
            Pace::Brisk => wire.retry,
            Pace::Careful => 2 * wire.retry,
        }
    }
}

/// What a timer asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    NotYet,
    SendAgain,
    GiveUp,
}

impl Timer {
    /// Something was sent that has this long to be answered.
    pub(super) fn start(pace: Pace, wire: &Wire<'_>, until: Instant) -> Timer {
        Timer::after(pace.shortest(wire), wire, until, wire.retries)
    }

    pub(super) fn ring(&mut self, pace: Pace, wire: &Wire<'_>) -> Ring {
        if self.at > wire.now {
            return Ring::NotYet;
        }
        let Some(left) = self.left.checked_sub(1) else { return Ring::GiveUp };
        *self = Timer::after(pace.shortest(wire), wire, self.until, left);
        Ring::SendAgain
    }

    /// The waits fill the time, and grow towards its end: each takes two thirds of an even share of what is left, or the
    /// shortest if that is longer, and the last takes the rest. Early copies are worth more, for what follows the answer
    /// has the same time, like the PUBLISH after a REGISTER.
    fn after(shortest: Duration, wire: &Wire<'_>, until: Instant, left: u8) -> Timer {
        let rest = until.since(wire.now);
        let share = rest.as_millis() * 2 / (3 * (u128::from(left) + 1));
        let share = Duration::from_millis(u64::try_from(share).unwrap_or(u64::MAX));
        let wait = if left == 0 { rest } else { shortest.max(share) };
        Timer { at: wire.now + wait, until, left }
    }
}
