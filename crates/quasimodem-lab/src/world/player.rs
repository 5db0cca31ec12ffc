//! Hosts at the serial ends.

use std::collections::VecDeque;

use quasimodem_core::Instant;

use super::{Actor, World};
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
    /// Another program takes over at a station.
    pub fn give(&mut self, station: usize, host: Host, watch: &mut dyn Watch) {
        if let Some(at) = self.stations.get_mut(station) {
            at.host = Player::Script(Box::new(host));
            self.listen_for(station);
            self.tell_host(station, script::Input::Tick);
            self.serve(station, watch);
        }
    }

    /// The host of a station, if it is a written one.
    pub fn host(&self, station: usize) -> Option<&Host> {
        match &self.stations.get(station)?.host {
            Player::Script(host) => Some(host),
            Player::Hand(_) => None,
        }
    }

    /// Whether every host is at the end of its script.
    pub fn scripts_are_over(&self) -> bool {
        self.stations.iter().all(|station| match &station.host {
            Player::Script(host) => host.is_over(),
            Player::Hand(_) => true,
        })
    }

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
                    script::Input::Event(_) | script::Input::Refused(_) | script::Input::Tick => {}
                }
                return;
            }
        };
        self.host_out.clear();
        host.handle(self.now, input, &mut self.host_out);
        if at.attached {
            at.up.write(self.now, &self.host_out.bytes, &mut self.random);
        }
        if !self.host_out.orders.is_empty() {
            at.since = self.heard.count();
            at.orders.extend(self.host_out.orders.drain(..));
        }
    }

    /// Listens for what the host of a station waits for, if it does.
    pub(super) fn listen_for(&mut self, station: usize) {
        let waits = self.host(station).is_some_and(|host| self.heard.want(host.program()));
        if waits && self.host_ears.is_none() {
            self.host_ears = Some(Box::new(self.heard.ears(self.names.clone())));
        }
    }

    /// Lets somebody act, and tells hosts what they wait for. Those that do not read hear nothing either.
    pub(super) fn act_and_tell(&mut self, actor: Actor, watch: &mut dyn Watch) {
        self.act(actor, watch);
        while let Some((number, event)) = self.heard.take(None) {
            for station in 0..self.stations.len() {
                let Some(at) = self.stations.get(station).filter(|at| at.attached && !at.stopped) else { continue };
                let is_about = event.station().is_none_or(|of| of == station) && number > at.since;
                if is_about && self.host(station).is_some_and(|host| host.hears(&event)) {
                    self.tell_host(station, script::Input::Event(&event));
                    self.serve(station, watch);
                }
            }
        }
    }
}
