//! Quality of service, and what ties its packets together.

use core::num::NonZeroU16;

/// Ties a packet to the packets that answer it; 1 to 65535 (MQTT 2.3.1).
pub type PacketId = NonZeroU16;

/// Quality of service (MQTT 4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Qos {
    /// 0: not acknowledged; may be lost.
    AtMostOnce = 0,
    /// 1: acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// 2: arrives once.
    ExactlyOnce = 2,
}

impl Qos {
    /// The level of a number from 0 to 2.
    pub const fn from_number(number: u8) -> Option<Qos> {
        match number {
            0 => Some(Qos::AtMostOnce),
            1 => Some(Qos::AtLeastOnce),
            2 => Some(Qos::ExactlyOnce),
            _ => None,
        }
    }

    /// The number of a level: 0, 1 or 2.
    pub const fn number(self) -> u8 {
        self as u8
    }
}
