//! Messages that are larger than the modem takes, on their way past.

use alloc::vec::Vec;

use super::decode::publish_front;
use super::{Publish, Violation};

/// MQTT 3.3.1.2.
const QOS_BITS: u8 = 0b110;

/// A PUBLISH of which nothing is kept but topic and packet identifier.
pub(crate) struct Oversize {
    /// Type and flags.
    first: u8,
    /// The variable header, as far as it came.
    front: Vec<u8>,
    is_front_whole: bool,
    /// Bytes of the whole packet.
    size: usize,
    /// Bytes of it that have not come.
    left: usize,
}

impl Oversize {
    /// The packet of `size` bytes that `bytes` begin with, and the length of its fixed header, which is there.
    pub(super) fn begin(bytes: &[u8], size: usize) -> (Oversize, usize) {
        let first = bytes.first().copied().unwrap_or_default();
        // The remaining length ends at the first byte below 0x80 (MQTT 2.2.3).
        let header = 2 + bytes.iter().skip(1).take_while(|byte| **byte >= 0x80).count();
        let left = size.saturating_sub(header);
        (Oversize { first, front: Vec::new(), is_front_whole: false, size, left }, header)
    }

    /// Takes what `bytes` hold of it, and gives how much that is.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let bytes = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= bytes.len();
        let mut rest = bytes;
        while !self.is_front_whole {
            let missing = self.front_length().saturating_sub(self.front.len());
            if missing == 0 || missing > self.left + rest.len() {
                publish_front(self.first, &self.front)?;
                self.is_front_whole = true;
            } else if rest.is_empty() {
                break;
            }
            let (more, behind) = rest.split_at(missing.min(rest.len()));
            self.front.extend_from_slice(more);
            rest = behind;
        }
        Ok(bytes.len())
    }

    /// The length of the variable header, as far as it can be told.
    fn front_length(&self) -> usize {
        let [high, low, ..] = *self.front else { return size_of::<u16>() };
        let id = if self.first & QOS_BITS == 0 { 0 } else { size_of::<u16>() };
        size_of::<u16>() + usize::from(u16::from_be_bytes([high, low])) + id
    }

    /// Bytes of the whole packet.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Topic and identifier of the message, once all of it has gone past.
    pub(crate) fn passed(&self) -> Option<Publish<'_>> {
        if self.left == 0 { publish_front(self.first, &self.front).ok() } else { None }
    }
}
