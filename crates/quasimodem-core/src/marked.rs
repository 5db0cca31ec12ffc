//! Bytes that may hold secrets.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Bytes, and which ranges of them are secret.
#[derive(Clone, Copy)]
pub struct Marked<'a> {
    pub(crate) all: &'a [u8],
    pub(crate) span: Span,
    pub(crate) secrets: &'a [Range<usize>],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Marked<'a> {
    /// All bytes, secrets in clear: for the transport only.
    pub fn bytes(self) -> &'a [u8] {
        self.all.get(self.span.start..self.span.end).unwrap_or_default()
    }

    /// The secret ranges, in order, as positions in [`bytes`](Self::bytes).
    pub fn secrets(self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let Span { start, end } = self.span;
        self.secrets.iter().map(move |secret| secret.start.max(start) - start..secret.end.min(end) - start)
    }

    /// The bytes with each secret byte replaced by `*`: for logs and traces.
    pub fn redacted(self) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        for secret in self.secrets() {
            if let Some(bytes) = bytes.get_mut(secret) {
                bytes.fill(b'*');
            }
        }
        bytes
    }

    pub(crate) fn text(self) -> &'a str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

/// Redacted, with escapes for what does not print.
impl fmt::Debug for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.redacted()))
    }
}
