//! Where codecs write to, and what of it no log may show.

use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Somewhere that a codec writes to.
pub trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Appends bytes that no log may show.
    fn put_secret(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What is written through it is marked as secret.
pub(crate) struct InSecret<'a, S>(pub(crate) &'a mut S);

impl<S: Sink> Sink for InSecret<'_, S> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_secret(bytes);
    }

    fn put_secret(&mut self, bytes: &[u8]) {
        self.0.put_secret(bytes);
    }
}

impl<S: Sink> Write for InSecret<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put_secret(text.as_bytes());
        Ok(())
    }
}
