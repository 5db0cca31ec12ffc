//! What can be planned, and how it is carried out.

use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_core::{self as core, Host, Input, Link, Port, Power, Query};

use super::{ADDRESS, Manners, Route, World};
use crate::broker::{self, Broker};
use crate::event::Event;
use crate::fault::{Filters, Plan};
use crate::flat::Bad;
use crate::gateway;
use crate::network::Side;
use crate::order::{Order, Reset};
use crate::script;
use crate::watch::Watch;

/// What can be planned: faults, and their ends. Stations go by their index.
#[derive(Clone, Debug)]
pub enum Change {
    /// A host opens its serial port (`true`), or leaves it.
    Attach(usize, bool),
    /// A host neither reads nor types (`true`), or goes on.
    Stop(usize, bool),
    /// The way into the network changes. Connections that exist keep what they were promised.
    Route(usize, Route),
    /// The connection of a link breaks; see [`Network::cut`](crate::network::Network::cut).
    Cut {
        /// The station.
        station: usize,
        /// The link.
        link: Link,
        /// After what time the modem learns it.
        modem: Option<Duration>,
        /// After what time the broker does.
        broker: Option<Duration>,
    },
    /// Something changes on the radio side.
    Bearer(usize, core::Change),
    /// An order reaches a station, or the first broker.
    Order(usize, Order),
    /// A name that the modem asked for is known.
    Resolved(usize, Query),
    /// The brokers go down and come up again, with their sessions (`keep`) or without.
    Restart {
        /// See [`Broker::restart`].
        keep: bool,
    },
    /// The brokers refuse CONNECTs.
    Refuse(broker::Refusal),
    /// The brokers refuse nobody any more.
    RefuseNobody,
    /// From here on the brokers have these manners.
    Manners(Manners),
    /// Somebody who is no modem publishes a message at a broker.
    Publish {
        /// Which broker, by its place.
        broker: usize,
        /// Where to.
        topic: &'static str,
        /// What.
        payload: Vec<u8>,
        /// How.
        qos: Qos,
    },
}

impl World {
    pub(super) fn change(&mut self, change: Change, watch: &mut dyn Watch) {
        match change {
            Change::Attach(station, true) => self.attach(station, watch),
            Change::Attach(station, false) => self.detach(station, watch),
            Change::Stop(station, stopped) => {
                if let Some(at) = self.stations.get_mut(station) {
                    at.stopped = stopped;
                    self.serve(station, watch);
                }
            }
            Change::Route(station, route) => {
                let Some(at) = self.stations.get_mut(station) else { return };
                at.route = route;
                for wire in at.links.values() {
                    self.network.hold(*wire, route.held);
                    self.network.change(*wire, route.conditions);
                }
            }
            Change::Cut { station, link, modem, broker } => {
                if let Some(wire) = self.stations.get(station).and_then(|station| station.links.get(&link)) {
                    self.network.cut(self.now, *wire, modem, broker);
                }
            }
            Change::Bearer(station, change) => {
                self.tell(station, &Input::Bearer(change), watch);
                self.serve(station, watch);
            }
            Change::Order(station, order) => {
                if let Err(bad) = self.order(station, order, watch) {
                    self.tell_host(station, script::Input::Refused(&bad));
                    self.refused = Some(bad);
                }
                self.serve(station, watch);
            }
            Change::Resolved(station, query) => {
                self.tell(station, &Input::Resolved(query, Ok(ADDRESS)), watch);
                self.serve(station, watch);
            }
            Change::Restart { keep } => {
                self.brokers.iter_mut().for_each(|broker| broker.restart(keep));
                watch.restarted(self.now, keep);
                for wire in self.network.wires() {
                    let after = self.random.millis(0, 500);
                    self.network.cut(self.now, wire, Some(after), None);
                    self.network.close(wire, Side::Listener);
                }
            }
            Change::Refuse(refusal) => self.brokers.iter_mut().for_each(|broker| broker.refuse(refusal.clone())),
            Change::RefuseNobody => self.brokers.iter_mut().for_each(Broker::refuse_nobody),
            Change::Manners(manners) => self.manners = manners,
            Change::Publish { broker, topic, payload, qos } => self.with_broker(broker, watch, |at, now, out| {
                let (topic, payload) = (topic.into(), payload.into());
                // Whatever is published is taken.
                let _ = at.order(now, &broker::Order::Publish { topic, payload, qos, retain: false }, out);
            }),
        }
    }

    /// Carries out an order; the station is served after it.
    pub(super) fn order(&mut self, station: usize, order: Order, watch: &mut dyn Watch) -> Result<(), Bad> {
        if let Some(fault) = order.needs_clouds() {
            return Err(Bad::NoClouds(fault));
        }
        let mut outcome = Ok(());
        match order {
            Order::Radio(changes) => {
                let now = self.now;
                for change in changes {
                    let at = self.stations.get_mut(station);
                    let hidden = at.and_then(|at| at.filters.as_mut()).map(|filters| filters.changes(now, change));
                    if let Some(change) = hidden.unwrap_or(Some(change)) {
                        self.tell(station, &Input::Bearer(change), watch);
                    }
                }
            }
            Order::Power(power) => self.tell(station, &Input::Power(power), watch),
            Order::Print(bytes) => {
                self.print(station, &bytes);
                self.serve(station, watch);
            }
            Order::Console(bytes) => outcome = self.console(station, &bytes, watch),
            Order::Broker(order) => {
                self.with_broker(0, watch, |broker, now, out| outcome = broker.order(now, &order, out));
            }
            Order::Gateway(order) => outcome = self.order_gateway(&order, watch),
            // Faults that would order something are refused.
            Order::Clouds(_) => {}
            Order::Reset(reset) => self.reset(reset, watch),
            Order::Fault(order) => {
                let (now, seed) = (self.now, self.seed);
                let Some(at) = self.stations.get_mut(station) else { return Ok(()) };
                let links = at.links.keys().chain(at.sockets.addresses.keys()).copied();
                let filters =
                    at.filters.get_or_insert_with(|| Box::new(Filters::around(Plan::empty(seed, station), links)));
                outcome = filters.plan_mut().order(order, now, &mut |what| watch.fault(now, station, &what));
                self.listen(station);
                self.settle_faults(station, watch);
            }
        }
        outcome
    }

    /// Somebody types at a modem while its host has not opened the port.
    fn console(&mut self, station: usize, bytes: &[u8], watch: &mut dyn Watch) -> Result<(), Bad> {
        let Some(at) = self.stations.get_mut(station) else { return Ok(()) };
        if at.attached {
            return Err(Bad::HasHost);
        }
        if !std::mem::replace(&mut at.console, true) {
            self.tell(station, &Input::Host(Host::Attached), watch);
        }
        if self.modem(station).is_some_and(|modem| !modem.wants(Port::Serial)) {
            return Err(Bad::Busy);
        }
        bytes.chunks(Input::CHUNK).for_each(|chunk| self.type_in(station, chunk, watch));
        Ok(())
    }

    /// All begins anew.
    fn reset(&mut self, reset: Reset, watch: &mut dyn Watch) {
        let (now, stations) = (self.now, 0..self.stations.len());
        self.seed = reset.seed.unwrap_or(self.seed);
        for station in stations.clone() {
            if let Some(filters) = self.stations.get_mut(station).and_then(|at| at.filters.as_mut()) {
                filters.plan_mut().end_all(&mut |what| watch.fault(now, station, &what));
            }
        }
        if !reset.keeps_peers {
            for place in 0..self.brokers.len() {
                self.with_broker(place, watch, |broker, now, out| {
                    // It is always carried out.
                    let _ = broker.order(now, &broker::Order::Restart { keep: false }, out);
                });
            }
            // Not every world has one.
            let _ = self.order_gateway(&gateway::Order::Restart, watch);
        }
        stations.clone().for_each(|station| self.tell(station, &Input::Power(Power::Off), watch));
        self.epoch += 1;
        watch.run(now, &Event::Reset { epoch: self.epoch, seed: self.seed });
        for station in stations {
            let Some(at) = self.stations.get_mut(station) else { continue };
            let plan = at.filters.take().map(|filters| filters.into_plan());
            self.tell(station, &Input::Power(Power::New), watch);
            if let Some(mut plan) = plan {
                plan.begin_anew(self.seed, now);
                self.break_by(station, plan, watch);
            }
            self.serve(station, watch);
        }
    }

    /// Why the last planned order that could not be carried out was refused, since this was asked last.
    pub fn take_refused(&mut self) -> Option<Bad> {
        self.refused.take()
    }

    fn attach(&mut self, station: usize, watch: &mut dyn Watch) {
        let Some(at) = self.stations.get_mut(station).filter(|at| !at.attached) else { return };
        at.attached = true;
        if std::mem::take(&mut at.console) {
            self.tell(station, &Input::Host(Host::Detached), watch);
        }
        self.tell(station, &Input::Host(Host::Attached), watch);
        self.tell_host(station, script::Input::Reopened);
        self.serve(station, watch);
    }

    /// As when a cable is pulled: what is on its way is lost.
    fn detach(&mut self, station: usize, watch: &mut dyn Watch) {
        self.serve(station, watch);
        let Some(at) = self.stations.get_mut(station).filter(|at| at.attached) else { return };
        at.attached = false;
        if let Some(filters) = &mut at.filters {
            filters.host_left();
        }
        at.up.clear();
        at.down.clear();
        self.tell(station, &Input::Host(Host::Detached), watch);
        self.serve(station, watch);
    }
}
