//! Packet identifiers (MQTT 2.3.1).

use super::PacketId;
use crate::imei::Imei;
use crate::random;

/// Where a modem's packet identifiers come from: one sequence for all its connections.
///
/// A broker can hold an identifier that the modem has forgotten: a message of QoS 2 whose PUBREL never came, in a session
/// that was kept over a reset. A new message under that identifier would be taken for the old one, acknowledged and
/// dropped. So the sequence never goes back while the modem lives, and begins somewhere else in each life.
#[derive(Clone, Copy)]
pub(crate) struct PacketIds {
    last: u16,
}

impl PacketIds {
    /// Begins where seed and IMEI say; at 1 without a seed.
    pub(crate) fn new(seed: Option<u64>, imei: Imei) -> PacketIds {
        let start = seed.map_or(0, |seed| random::mix(seed, imei.number()));
        let [low, high, ..] = start.to_le_bytes();
        PacketIds { last: u16::from_le_bytes([low, high]) }
    }

    /// The next one that is not in use; there MUST be one.
    pub(crate) fn next(&mut self, in_use: impl Fn(PacketId) -> bool) -> PacketId {
        loop {
            self.last = self.last.wrapping_add(1);
            if let Some(id) = PacketId::new(self.last)
                && !in_use(id)
            {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_skips_zero_and_what_is_in_use() {
        let mut ids = PacketIds { last: u16::MAX - 1 };
        let mut next = |used: u16| ids.next(|id| id.get() == used).get();
        assert_eq!([next(0), next(0), next(2), next(0)], [u16::MAX, 1, 3, 4]);
    }

    #[test]
    fn seed_and_imei_decide_where_it_begins() {
        let first = |seed, imei| PacketIds::new(seed, Imei::from_number(imei).unwrap()).next(|_| false).get();
        assert_eq!(first(None, 1), 1);
        assert_eq!(first(Some(1), 1), first(Some(1), 1));
        let starts: alloc::collections::BTreeSet<u16> = (0..1000).map(|seed| first(Some(seed), 1)).collect();
        assert!(starts.len() > 980, "{} different starts of 1000 seeds", starts.len());
        assert_ne!(first(Some(1), 1), first(Some(1), 2));
    }
}
