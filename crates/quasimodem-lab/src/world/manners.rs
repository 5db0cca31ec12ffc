//! What brokers do that a client has to bear: packets that come twice, and acknowledgements of nothing.

use crate::random::Random;

/// How often a broker does so; the default never does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Manners {
    /// Of 100 packets that belong to an exchange, this many come twice, a PUBLISH with DUP.
    pub repeats: u8,
    /// After this many of 100 acknowledgements comes one of an exchange that does not exist.
    pub strays: u8,
}

/// The types of packets with an identifier in front (MQTT 2.2.1): PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK.
const EXCHANGES: [u8; 6] = [4, 5, 6, 7, 9, 11];

/// Packets that acknowledge what a client began.
const STRAYS: [[u8; 2]; 5] = [[0x40, 2], [0x50, 2], [0x70, 2], [0x90, 3], [0xb0, 2]];

const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;

/// QoS 1 and 2, and DUP, in the first byte of a PUBLISH (MQTT 3.3.1).
const QOS: u8 = 0b0110;
const DUP: u8 = 0b1000;

impl Manners {
    /// What follows a packet.
    pub(super) fn follow(self, packet: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
        let mut more = Vec::new();
        let Some(&first) = packet.first().filter(|_| self != Manners::default()) else { return more };
        let kind = first >> 4;
        let belongs = EXCHANGES.contains(&kind) || kind == PUBLISH && first & QOS != 0;
        if belongs && random.chance(self.repeats.into()) {
            let mut again = packet.to_vec();
            if let Some(first) = again.first_mut().filter(|_| kind == PUBLISH) {
                *first |= DUP;
            }
            more.push(again);
        }
        if let [_, _, high, low, ..] = *packet
            && EXCHANGES.contains(&kind)
            && kind != PUBREL
            && random.chance(self.strays.into())
        {
            // Far from what is in flight, which is never more than a window; 0 is none.
            let id = if [high, low] == [0x80, 0] { [0, 1] } else { [high ^ 0x80, low] };
            let head = random.pick(STRAYS);
            more.push([&head[..], &id[..], &[0][..usize::from(head[1] - 2)]].concat());
        }
        more
    }
}
