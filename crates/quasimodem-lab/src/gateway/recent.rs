//! Requests that were answered a moment ago: the network may bring copies of them, later than their answers.

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;
use quasimodem_core::sn::{MsgId, ReturnCode};

/// The latest requests of one client that changed something.
#[derive(Default)]
pub(super) struct Recent(VecDeque<Done>);

struct Done {
    at: Instant,
    id: MsgId,
    request: u32,
    answer: Answer,
}

/// How a request ended.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// With PUBCOMP: the exchange is over, so that a copy of its PUBLISH needs no answer.
    Published,
    Suback {
        qos: Qos,
        topic: u16,
        code: ReturnCode,
    },
    Unsuback,
}

/// As many as are remembered.
const MOST: usize = 16;

impl Recent {
    pub(super) fn add(&mut self, at: Instant, id: MsgId, request: u32, answer: Answer) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Done { at, id, request, answer });
    }

    /// How the request ended of which this is a copy.
    pub(super) fn find(&self, now: Instant, within: Duration, id: MsgId, request: u32) -> Option<Answer> {
        let same = |done: &&Done| done.id == id && done.request == request && now.since(done.at) <= within;
        self.0.iter().rev().find(same).map(|done| done.answer)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What is the same in all copies of a request, and hardly in two requests: FNV-1a of its parts.
pub(super) fn fingerprint(parts: &[&[u8]]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for part in parts {
        for byte in *part {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        hash = (hash ^ 0xff).wrapping_mul(0x0100_0193);
    }
    hash
}
