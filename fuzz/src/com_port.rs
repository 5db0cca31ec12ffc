//! The filter for serial ports over telnet.

use quasimodem_lab::com_port::{ANSWER_MAX, ComPort};

/// Takes the bytes for what a client sends: the split into chunks means nothing, and answers are bounded.
pub fn com_port(data: &[u8]) {
    let (whole, rest) = (take(&[data]), data.split_at(data.len() / 2));
    assert_eq!(take(&[rest.0, rest.1]), whole);
    assert!(whole.0.len() <= data.len() && whole.1.len() <= data.len() * ANSWER_MAX + GREETING_MAX);
}

/// The data and the answers.
fn take(chunks: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
    let mut port = ComPort::new("quasimodem");
    let (mut data, mut wire) = (Vec::new(), Vec::new());
    port.greet(&mut wire);
    for chunk in chunks {
        let mut rest = *chunk;
        while !rest.is_empty() {
            let _ = port.take(&mut rest, &mut data, &mut wire);
        }
    }
    (data, wire)
}

/// Bytes that are said to a client unasked.
const GREETING_MAX: usize = 64;
