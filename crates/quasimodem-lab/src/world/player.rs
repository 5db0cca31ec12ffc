//! Hosts at the serial ends.

use std::collections::VecDeque;

use quasimodem_core::Instant;

use super::World;
use crate::script::{self, Host};
use crate::watch::Watch;

/// Who sits at the serial end.
pub(super) enum Player {
    /// A written host.
    Script(Box<Host>),
    /// The owner of the world, by hand: what was not read yet.
    Hand(VecDeque<u8>),
}

/// Bytes at most that wait to be read by hand; more stay on the line.
const BY_HAND: usize = 16 << 10;

impl Player {
    pub(super) fn deadline(&self) -> Option<Instant> {
        if let Player::Script(host) = self { host.deadline() } else { None }
    }

    /// Whether it takes what comes.
    pub(super) fn reads(&self) -> bool {
        if let Player::Hand(unread) = self { unread.len() < BY_HAND } else { true }
    }
}

impl World {
    /// A host by hand types these bytes, if it is attached.
    pub fn write(&mut self, station: usize, bytes: &[u8], watch: &mut dyn Watch) {
        if let Some(at) = self.stations.get_mut(station).filter(|at| at.attached) {
            at.up.write(self.now, bytes, &mut self.random);
            self.serve(station, watch);
        }
    }

    /// Takes out what came for a host by hand, `max` bytes at most.
    pub fn read(&mut self, station: usize, max: usize, watch: &mut dyn Watch) -> Vec<u8> {
        let Some(Player::Hand(unread)) = self.stations.get_mut(station).map(|at| &mut at.host) else {
            return Vec::new();
        };
        let bytes: Vec<u8> = unread.drain(..max.min(unread.len())).collect();
        if !bytes.is_empty() {
            self.serve(station, watch);
        }
        bytes
    }

    /// Whether something came for a host by hand that it has not read.
    pub fn is_readable(&self, station: usize) -> bool {
        let host = self.stations.get(station).map(|at| &at.host);
        matches!(host, Some(Player::Hand(unread)) if !unread.is_empty())
    }

    /// Whether a host is there.
    pub fn is_attached(&self, station: usize) -> bool {
        self.stations.get(station).is_some_and(|at| at.attached)
    }

    /// Brings an input to the host, and takes what it types.
    pub(super) fn tell_host(&mut self, station: usize, input: script::Input<'_>) {
        let Some(at) = self.stations.get_mut(station) else { return };
        let host = match &mut at.host {
            Player::Script(host) => host,
            Player::Hand(unread) => {
                match input {
                    script::Input::Bytes(bytes) => unread.extend(bytes),
                    script::Input::Reopened => unread.clear(),
                    script::Input::Tick => {}
                }
                return;
            }
        };
        self.host_out.clear();
        host.handle(self.now, input, &mut self.host_out);
        if at.attached {
            at.up.write(self.now, &self.host_out.bytes, &mut self.random);
        }
    }
}
