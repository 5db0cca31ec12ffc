//! What the pages of the program have in common: how they are put together, and how an event is said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

/// Fills the places of a page, which are names in double braces. What is put in is not looked at, so nothing in it is taken
/// for a place.
pub(crate) fn fill(template: &str, mut put: impl FnMut(&str, &mut Vec<u8>)) -> Vec<u8> {
    let (mut page, mut rest) = (Vec::new(), template);
    while let Some((before, place, after)) = next_place(rest) {
        page.extend_from_slice(before.as_bytes());
        put(place, &mut page);
        rest = after;
    }
    page.extend_from_slice(rest.as_bytes());
    page
}

fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (place, after) = rest.split_once("}}")?;
    Some((before, place, after))
}

/// How a policy (CSP) names a script or a style, so that no other one counts.
pub(crate) fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}
