//! The MQTT-SN codec.

use quasimodem_core::sn::{Packet, parse_words};

/// Takes the bytes for one datagram: what can be read comes back from its own bytes, and from its words.
pub fn datagram(data: &[u8]) {
    if let Ok(packet) = Packet::decode(data) {
        round_trip(&packet, data);
    }
    if let Ok(words) = str::from_utf8(data)
        && let Ok(bytes) = parse_words(words)
        && let Ok(packet) = Packet::decode(&bytes)
    {
        let _ = packet.to_string();
    }
}

fn round_trip(packet: &Packet<'_>, data: &[u8]) {
    let mut bytes = Vec::new();
    packet.put(&mut bytes);
    assert_eq!(parse_words(&packet.to_string()).as_ref(), Ok(&bytes));
    assert_eq!(Packet::decode(&bytes).as_ref(), Ok(packet));
    // A length may have three bytes where one is enough, and some answers go on behind their fields.
    assert!(bytes.len() <= data.len(), "{packet} became longer");
}
