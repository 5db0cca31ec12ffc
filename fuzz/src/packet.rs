//! The MQTT codec.

use quasimodem_core::mqtt::{Packet, frame_len, parse_words};

/// Takes the bytes for a stream of packets: what can be read comes back from its own bytes, and from its words.
pub fn packet(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some(len)) = frame_len(rest, data.len()) {
        let Some((frame, behind)) = rest.split_at_checked(len) else { break };
        assert_ne!(len, 0, "a packet without bytes");
        rest = behind;
        if let Ok(packet) = Packet::decode(frame) {
            round_trip(&packet, frame);
        }
    }
    let _ = Packet::decode(data);
    if let Ok(words) = str::from_utf8(data)
        && let Ok(bytes) = parse_words(words)
    {
        let _ = Packet::decode(&bytes);
    }
}

fn round_trip(packet: &Packet<'_>, frame: &[u8]) {
    let words = packet.to_string();
    let read = parse_words(&words).expect("the words of a packet are those of a packet");
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    match packet {
        // Behind another level may stand what only that version knows; it is neither read nor written.
        Packet::Connect(connect) if connect.level != 4 => return,
        // Words don't show a password.
        Packet::Connect(connect) if connect.password.is_some() => assert_eq!(read.len(), bytes.len()),
        _ => assert_eq!(read, bytes),
    }
    assert_eq!(Packet::decode(&bytes).as_ref(), Ok(packet));
    // MQTT 3.1.1 does not demand the shortest form of a remaining length.
    let spare = frame.len().checked_sub(bytes.len()).expect("a packet is written in its shortest form");
    assert!(spare > 0 || bytes == frame, "{frame:?} came back as {bytes:?}");
    assert!(spare <= 3, "{words} became shorter by {spare} bytes");
}
