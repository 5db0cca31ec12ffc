//! Faults at work at the stations.

use quasimodem_core::{Input, Link, Port, Why};

use super::World;
use crate::fault::{Due, Filters, Plan, Unhit};
use crate::state::State;
use crate::watch::{Watch, Way};

impl World {
    /// Lets faults work at a station, in the place of those that did.
    pub fn break_by(&mut self, station: usize, plan: Plan, watch: &mut dyn Watch) {
        let now = self.now;
        let Some(at) = self.stations.get_mut(station) else { return };
        let links = at.links.keys().chain(at.sockets.addresses.keys()).copied();
        let filters = at.filters.insert(Box::new(Filters::around(plan, links)));
        filters.announce(&mut |what| watch.fault(now, station, &what));
        self.listen(station);
        self.settle_faults(station, watch);
        self.serve(station, watch);
    }

    /// What faults of a station wait for is listened for from here on.
    pub(super) fn listen(&mut self, station: usize) {
        let filters = self.stations.get(station).and_then(|at| at.filters.as_ref());
        if filters.is_some_and(|filters| self.inbox.listen(station, filters.plan())) {
            self.ears = Some(Box::new(self.inbox.ears()));
        }
    }

    /// How a station is.
    pub fn state(&self, station: usize) -> Option<State> {
        let at = self.stations.get(station)?;
        Some(State::of(self.now, &at.modem, at.filters.as_deref()))
    }

    /// The faults of a station that did not hit as often as was expected.
    pub fn unhit(&self, station: usize) -> Vec<Unhit> {
        let filters = self.stations.get(station).and_then(|at| at.filters.as_ref());
        filters.map(|filters| filters.unhit()).unwrap_or_default()
    }

    /// A link ends, behind what of a packet was held back for faults.
    pub(super) fn ended(&mut self, station: usize, link: Link, why: Why, watch: &mut dyn Watch) {
        let now = self.now;
        let filters = self.stations.get_mut(station).and_then(|at| at.filters.as_mut());
        let (rest, why) = match filters {
            None => (Vec::new(), Some(why)),
            Some(filters) => filters.ended(now, link, why, &mut |what| watch.fault(now, station, &what)),
        };
        if self.bring(station, link, &rest, watch)
            && let Some(why) = why
        {
            self.tell(station, &Input::Closed(link, why), watch);
        }
    }

    /// The host of a station reads this, if it has one, and the modem knows nothing of it.
    pub(super) fn print(&mut self, station: usize, bytes: &[u8]) {
        if let Some(at) = self.stations.get_mut(station).filter(|at| at.attached) {
            at.down.write(self.now, bytes, &mut self.random);
        }
    }

    /// Does what is due in the name of faults; the station is served after it.
    pub(super) fn settle_faults(&mut self, station: usize, watch: &mut dyn Watch) {
        let now = self.now;
        while let Some(at) = self.stations.get_mut(station)
            && let Some(filters) = &mut at.filters
            && let Some(due) = filters.take_due(now, &at.modem, &mut |what| watch.fault(now, station, &what))
        {
            match due {
                Due::Input(input) => self.tell(station, &input, watch),
                Due::Print(bytes) => self.print(station, &bytes),
                Due::Type(bytes) => self.type_in(station, &bytes, watch),
                Due::Arrive(link, bytes) => self.tell(station, &Input::Received(link, &bytes), watch),
                Due::Send(link, bytes) => self.put(station, link, &[bytes], watch),
                Due::Peer(order) => {
                    // What demands and restarts is always carried out, where there is such a peer.
                    let _ = self.order(station, order, watch);
                }
                // These are put among what is held.
                Due::Inject(..) | Due::Silence => {}
                Due::End(client, why) => {
                    let links: Vec<Link> = at.links.keys().chain(at.sockets.addresses.keys()).copied().collect();
                    for link in links.into_iter().filter(|link| client.is_none_or(|client| client == link.0)) {
                        self.close(station, link);
                        if let Some(filters) = self.stations.get_mut(station).and_then(|at| at.filters.as_mut()) {
                            filters.closed(link);
                        }
                        self.tell(station, &Input::Closed(link, why.clone()), watch);
                    }
                }
            }
        }
    }

    /// A port is full, or free again.
    pub(super) fn turned(&mut self, station: usize, port: Port, full: bool, watch: &mut dyn Watch) {
        let filters = self.stations.get_mut(station).and_then(|at| at.filters.as_mut());
        if filters.is_none_or(|filters| filters.turned(port, full)) {
            self.tell(station, &if full { Input::Full(port) } else { Input::Free(port) }, watch);
        }
    }

    /// Brings a modem what its host typed.
    pub(super) fn type_in(&mut self, station: usize, bytes: &[u8], watch: &mut dyn Watch) {
        if !bytes.is_empty() {
            watch.serial(self.now, station, Way::ToModem, bytes);
            self.tell(station, &Input::Serial(bytes), watch);
        }
    }

    /// Brings what came over a link, through what faults make of it.
    pub(super) fn bring_through(&mut self, station: usize, link: Link, bytes: &[u8], watch: &mut dyn Watch) {
        let (now, at) = (self.now, self.stations.get_mut(station));
        let Some(at) = at else { return };
        let Some(filters) = &mut at.filters else { return self.tell(station, &Input::Received(link, bytes), watch) };
        let aligned = at.modem.is_between_packets(link);
        let on = filters.down(now, link, bytes, aligned, &mut |what| watch.fault(now, station, &what));
        self.bring(station, link, &on, watch);
    }

    /// Brings what faults let go on, as long as the modem does not close the connection that it came over; whether it did
    /// not.
    fn bring(&mut self, station: usize, link: Link, chunks: &[Vec<u8>], watch: &mut dyn Watch) -> bool {
        let connection = |world: &World| {
            let filters = world.stations.get(station).and_then(|at| at.filters.as_ref());
            filters.and_then(|filters| filters.connection(link))
        };
        let before = connection(self);
        chunks.iter().all(|chunk| {
            self.tell(station, &Input::Received(link, chunk), watch);
            connection(self) == before
        })
    }
}
