//! Sending, and sending again.

use core::time::Duration;

use super::Packet;
use crate::net::Link;
use crate::outbox::Outbox;
use crate::time::Instant;

/// Where, when and how often a session sends.
pub(crate) struct Wire<'a> {
    pub(crate) now: Instant,
    pub(crate) link: Link,
    pub(crate) out: &'a mut Outbox,
    /// T_retry and N_retry (MQTT-SN 6.13).
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
    left: u8,
}

/// What a timer asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    NotYet,
    SendAgain,
    GiveUp,
}

impl Timer {
    pub(super) fn start(wire: &Wire<'_>) -> Timer {
        Timer { at: wire.now + wire.retry, left: wire.retries }
    }

    pub(super) fn ring(&mut self, wire: &Wire<'_>) -> Ring {
        if self.at > wire.now {
            return Ring::NotYet;
        }
        let Some(left) = self.left.checked_sub(1) else { return Ring::GiveUp };
        *self = Timer { at: wire.now + wire.retry, left };
        Ring::SendAgain
    }
}
