//! Tests of the codec against the standard: bytes by hand, one row per rule, and random packets.

mod random;
mod topic;
mod vectors;
mod violations;
mod words;

use alloc::vec::Vec;

use super::{Packet, PacketId};

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    bytes
}
