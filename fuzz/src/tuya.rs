//! Frames of Tuya's protocol.

use quasimodem_core::Secret;
use quasimodem_core::cloud::tuya::{Frame, FrameKey, bind_token};

use crate::reader::Reader;

/// Takes the bytes for a frame, then for what a frame holds: that comes back, and is read.
pub fn tuya(data: &[u8]) {
    let key = FrameKey::new("localkey", Secret("0123456789abcdef")).expect("it has 16 bytes");
    if let Ok(frame) = Frame::decode(data, &key) {
        assert_eq!(frame.encode(&key), data, "a frame is written in one way only");
        let _ = bind_token(&frame.data.0);
    }
    let mut reader = Reader::new(data);
    let sequence = reader.two_bytes().into();
    let source = [reader.byte(), reader.byte(), reader.byte(), reader.byte()];
    let frame = Frame { sequence, source, data: Secret(reader.bytes().to_vec()) };
    let mut bytes = frame.encode(&key);
    assert_eq!(Frame::decode(&bytes, &key).as_ref(), Ok(&frame));
    if let Ok(Some(token)) = bind_token(&frame.data.0) {
        assert!(!token.token.0.contains(char::is_control), "a token that can't be printed");
    }
    let place = usize::from(reader.two_bytes()) % bytes.len();
    let bit = 1 << (reader.byte() % 8);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= bit;
    }
    assert!(Frame::decode(&bytes, &key).is_err(), "bit {bit} of byte {place} is not checked");
}
