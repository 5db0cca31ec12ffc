//! Faults at work on the links of one station.

use std::collections::BTreeMap;

use quasimodem_core::{ClientId, Input, Instant, Link};

use super::item::Item;
use super::plan::{Happened, Plan, Unhit};
use crate::frames::{Frames, Piece};

/// What stands between a modem and its links while there are faults. Packets that none is about pass byte for byte.
pub struct Filters {
    plan: Plan,
    ways: BTreeMap<(Link, bool), Frames>,
    /// How often each link was opened, and whether it is open.
    connections: BTreeMap<Link, (u64, bool)>,
}

impl Filters {
    /// Lets these faults work.
    pub fn new(plan: Plan) -> Filters {
        Filters { plan, ways: BTreeMap::new(), connections: BTreeMap::new() }
    }

    /// A link is opened anew.
    pub fn opened(&mut self, link: Link) {
        let (connection, is_open) = self.connections.entry(link).or_default();
        (*connection, *is_open) = (*connection + 1, true);
        self.ways.retain(|(of, _), _| *of != link);
    }

    /// The modem closed a link.
    pub fn closed(&mut self, link: Link) {
        self.connections.entry(link).or_default().1 = false;
    }

    /// Which of the connections of a link there is; `None`: there is none. What came over one must reach no other.
    pub fn connection(&self, link: Link) -> Option<u64> {
        self.connections.get(&link).filter(|(_, is_open)| *is_open).map(|(connection, _)| *connection)
    }

    /// What the modem sends over a link, as it goes on: over UDP each is a datagram.
    pub fn up(&mut self, now: Instant, link: Link, bytes: &[u8], tell: &mut dyn FnMut(Happened<'_>)) -> Vec<Vec<u8>> {
        self.pass(now, link, true, bytes, tell)
    }

    /// What came for the modem over a link, as it goes on: over UDP each is a datagram, over TCP a chunk of
    /// [`Input::CHUNK`] at most. `aligned` says whether the modem waits for the beginning of a packet: the rest of one that
    /// began before there were faults passes as it is.
    pub fn down(
        &mut self,
        now: Instant,
        link: Link,
        bytes: &[u8],
        aligned: bool,
        tell: &mut dyn FnMut(Happened<'_>),
    ) -> Vec<Vec<u8>> {
        if !aligned && !self.ways.contains_key(&(link, false)) {
            return vec![bytes.to_vec()];
        }
        let on = self.pass(now, link, false, bytes, tell);
        if is_stream(link) { chunks(&on.concat()) } else { on }
    }

    /// A link ended: what came of a packet that is not complete, in such chunks.
    pub fn ended(&mut self, link: Link) -> Vec<Vec<u8>> {
        chunks(&self.ways.get_mut(&(link, false)).map(Frames::take_partial).unwrap_or_default())
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        self.plan.unhit()
    }

    /// Says which faults there are.
    pub fn announce(&self, tell: &mut dyn FnMut(Happened<'_>)) {
        self.plan.announce(tell);
    }

    /// The faults.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The faults, to be changed.
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    fn pass(
        &mut self,
        now: Instant,
        link: Link,
        up: bool,
        bytes: &[u8],
        tell: &mut dyn FnMut(Happened<'_>),
    ) -> Vec<Vec<u8>> {
        // What the module does for itself is no client's.
        let Some(client) = ClientId::from_number(link.0.into()) else { return vec![bytes.to_vec()] };
        let (connection, _) = self.connections.get(&link).copied().unwrap_or_default();
        let Filters { plan, ways, .. } = self;
        if client.is_sn() {
            return plan.judge(now, &Item::new(client, up, bytes), connection, tell);
        }
        let mut on = Vec::new();
        ways.entry((link, up)).or_default().push(bytes, &mut |piece| match piece {
            Piece::Packet(packet) => on.append(&mut plan.judge(now, &Item::new(client, up, packet), connection, tell)),
            Piece::Long(bytes, _) | Piece::Rest(bytes) => on.push(bytes.to_vec()),
        });
        on
    }
}

fn is_stream(link: Link) -> bool {
    !ClientId::from_number(link.0.into()).is_some_and(ClientId::is_sn)
}

fn chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(Input::CHUNK).map(<[u8]>::to_vec).collect()
}
