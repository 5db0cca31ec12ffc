//! The trace and the transcript of a run, for those who ask for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use quasimodem_core::{Imei, Settings};
use quasimodem_lab::event::Names;
use quasimodem_lab::trace::Blocks;
use quasimodem_lab::watch::Watch;

use crate::trace::{packets_of, transcript};

/// What was written so far; of much the oldest is gone. The modem's thread adds to it and waits for nobody.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// What a file must begin with.
    head: Vec<u8>,
    blocks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Some is gone.
    cut: bool,
}

/// Bytes that are kept of each.
const BYTES: usize = 8 * 1024 * 1024;

/// The types of the blocks of pcapng that all others need: section header and interface description.
const HEADS: [[u8; 4]; 2] = [[0x0a, 0x0d, 0x0d, 0x0a], [1, 0, 0, 0]];

impl Recording {
    /// What has to watch so that packets are kept.
    pub(crate) fn packets(&self, modems: Names) -> Box<dyn Watch + Send> {
        Box::new(packets_of(modems, SystemTime::now(), self.clone()))
    }

    /// What has to watch so that the transcript of the first modem is kept.
    pub(crate) fn lines(&self, settings: &Settings, imei: Imei) -> Box<dyn Watch + Send> {
        Box::new(transcript(settings, imei, self.clone()))
    }

    /// The file as it is now, and whether some of its beginning is gone.
    pub(crate) fn file(&self) -> (Vec<u8>, bool) {
        let kept = self.lock();
        let mut file = kept.head.clone();
        kept.blocks.iter().for_each(|block| file.extend_from_slice(block));
        (file, kept.cut)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks for Recording {
    fn block(&mut self, block: Vec<u8>) {
        let mut kept = self.lock();
        if HEADS.iter().any(|head| block.starts_with(head)) {
            kept.head.extend(block);
            return;
        }
        kept.bytes += block.len();
        kept.blocks.push_back(block);
        while kept.bytes > BYTES {
            let Some(oldest) = kept.blocks.pop_front() else { break };
            kept.bytes -= oldest.len();
            kept.cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_stays() {
        let mut recording = Recording::default();
        let head = [HEADS[0].to_vec(), vec![7; 8]].concat();
        recording.block(head.clone());
        for number in 0..20 {
            recording.block(vec![100 + number; BYTES / 16]);
        }
        let (file, cut) = recording.file();
        assert_eq!((&file[..12], file[12], file.len(), cut), (&*head, 104, 12 + BYTES, true));
    }
}
