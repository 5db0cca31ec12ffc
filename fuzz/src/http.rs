//! What servers answer over HTTP.

use std::borrow::Cow;

use quasimodem_core::cloud::{ANSWER_MAX, read_answer};

/// An answer, piece by piece: once it is whole, what follows changes nothing.
pub fn http(data: &[u8]) {
    const PIECE: usize = 100;
    let mut whole: Option<Vec<u8>> = None;
    for end in (0..data.len()).step_by(PIECE).chain([data.len()]) {
        let came = &data[..end];
        let found = read_answer(came, false).map(|body| body.map(Cow::into_owned));
        match (found, &whole) {
            (Ok(Some(body)), None) => whole = Some(body),
            (found, Some(_)) => assert_eq!(found, Ok(whole.clone()), "{end} bytes"),
            (Ok(None), None) => assert!(came.len() <= ANSWER_MAX, "{end} bytes are waited for"),
            (Err(bad), None) => {
                assert!(!bad.to_string().contains(char::is_control), "{bad:?} is no part of a line");
                return;
            }
        }
    }
    match read_answer(data, true) {
        Ok(Some(body)) => assert!(body.len() <= data.len()),
        Ok(None) => panic!("there is nothing more to wait for"),
        Err(bad) => assert!(whole.is_none(), "{bad} at the end of a whole answer"),
    }
}
