//! Tests of the codec against the specification: bytes by hand, one row per rule, and random messages.

mod malformed;
mod random;
mod vectors;
mod words;

use alloc::vec::Vec;

use super::Packet;

fn put(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.put(&mut bytes);
    bytes
}
