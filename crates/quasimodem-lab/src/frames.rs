//! Where packets begin and end in what comes over a link.

use quasimodem_core::mqtt;

/// Bytes of a packet that are kept until it is whole; longer ones pass in parts.
const LONGEST: usize = 64 * 1024;

/// Cuts the stream of an MQTT connection into packets. Nothing is lost: the pieces, one behind the other, are the stream.
#[derive(Default)]
pub(crate) struct Frames {
    /// The beginning of a packet.
    partial: Vec<u8>,
    /// Bytes still to come of a packet too long to be kept.
    passing: usize,
    /// No packet could begin there, so that nobody knows where others do.
    lost: bool,
}

/// A part of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Piece<'a> {
    /// A whole packet.
    Packet(&'a [u8]),
    /// The beginning of one that is so long that it passes in parts, and its length.
    Long(&'a [u8], usize),
    /// More of that, or what is no packet.
    Rest(&'a [u8]),
}

impl Frames {
    /// Takes in what comes next, and gives each piece that is complete.
    pub(crate) fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        let (more, bytes) = bytes.split_at_checked(self.passing).unwrap_or((bytes, &[]));
        self.passing -= more.len();
        if !more.is_empty() {
            each(Piece::Rest(more));
        }
        if bytes.is_empty() {
            return;
        }
        if self.lost {
            return each(Piece::Rest(bytes));
        }
        self.partial.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(rest) = self.partial.get(done..).filter(|rest| !rest.is_empty()) {
            match mqtt::frame_len(rest, usize::MAX) {
                Ok(Some(length)) if length <= rest.len() => {
                    each(Piece::Packet(rest.get(..length).unwrap_or(rest)));
                    done += length;
                }
                Ok(Some(length)) if length > LONGEST => {
                    each(Piece::Long(rest, length));
                    self.passing = length - rest.len();
                    done = self.partial.len();
                }
                Ok(_) => break,
                Err(_) => {
                    each(Piece::Rest(rest));
                    self.lost = true;
                    done = self.partial.len();
                }
            }
        }
        self.partial.drain(..done.min(self.partial.len()));
    }

    /// What came of a packet that will not be complete any more.
    pub(crate) fn take_partial(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes, in whatever chunks, goes on.
        #[test]
        fn nothing_is_lost(chunks in vec(vec(any::<u8>(), 0..40), 0..20)) {
            let mut frames = Frames::default();
            let mut out = Vec::new();
            for chunk in &chunks {
                frames.push(chunk, &mut |(Piece::Packet(bytes) | Piece::Long(bytes, _) | Piece::Rest(bytes))| {
                    out.extend_from_slice(bytes);
                });
            }
            out.extend(frames.take_partial());
            prop_assert_eq!(out, chunks.concat());
        }
    }

    #[test]
    fn a_long_packet_passes_in_parts_and_the_next_one_is_found() {
        let length = 100_000;
        let mut bytes = vec![0x30, 0xA0, 0x8D, 0x06];
        bytes.resize(4 + length, 0);
        bytes.extend_from_slice(&[0xD0, 0]);
        let (mut frames, mut seen) = (Frames::default(), Vec::new());
        for chunk in bytes.chunks(4096) {
            frames.push(chunk, &mut |piece| match piece {
                Piece::Packet(packet) => seen.push(("packet", packet.len())),
                Piece::Long(_, length) => seen.push(("long", length)),
                Piece::Rest(_) => {}
            });
        }
        assert_eq!(seen, [("long", length + 4), ("packet", 2)]);
    }
}
