//! Bytes that wait to be written, and the marks that make a modem slow down.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// What waits to be written to one port. At rest it owns no memory.
#[derive(Default)]
pub(crate) struct Queue {
    bytes: Vec<u8>,
    written: usize,
    full: bool,
    /// Something may wait in the stream itself, as TLS does it.
    unflushed: bool,
}

/// A mark that a queue crossed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Crossed {
    /// More than [`Queue::HIGH`] bytes wait.
    High,
    /// After `High`: fewer than [`Queue::LOW`] bytes wait.
    Low,
}

impl Queue {
    /// Above this many bytes the modem is told that the port is full.
    pub(crate) const HIGH: usize = 16 * 1024;
    /// Below this many bytes it is told that the port is free again. The distance to [`HIGH`](Self::HIGH) spares a slow
    /// port the turning on and off with each write.
    pub(crate) const LOW: usize = 4 * 1024;

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.written > self.waiting().len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes to write next.
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Forgets the first `count` waiting bytes, which have been written.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            self.clear();
        }
    }

    /// Forgets all bytes.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.written = 0;
        self.unflushed = false;
    }

    /// Writes to a stream what it accepts. Ready once nothing is left here, nor in the stream's own buffers.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(cx, self.waiting()))?;
            self.advance(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The mark that was crossed since the last call, if any. `High` and `Low` alternate, beginning with `High`.
    pub(crate) fn crossed(&mut self) -> Option<Crossed> {
        let waiting = self.waiting().len();
        let crossed = match self.full {
            false if waiting > Self::HIGH => Crossed::High,
            true if waiting < Self::LOW => Crossed::Low,
            _ => return None,
        };
        self.full = crossed == Crossed::High;
        Some(crossed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_memory_is_given_back() {
        let mut queue = Queue::default();
        queue.push(b"abc");
        queue.advance(2);
        queue.push(b"de");
        assert_eq!(queue.waiting(), b"cde");
        queue.advance(3);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes.capacity(), 0);
    }

    #[test]
    fn marks_alternate() {
        let mut queue = Queue::default();
        queue.push(&[0; Queue::HIGH]);
        assert_eq!(queue.crossed(), None);
        queue.push(&[0]);
        assert_eq!(queue.crossed(), Some(Crossed::High));
        assert_eq!(queue.crossed(), None);
        queue.advance(Queue::HIGH - Queue::LOW + 1);
        assert_eq!(queue.crossed(), None);
        queue.advance(1);
        assert_eq!(queue.crossed(), Some(Crossed::Low));
        assert_eq!(queue.crossed(), None);
    }
}
