//! The gateway, the datagrams between it and the modems, and its connections to a broker.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use quasimodem_core::{Input, Instant, Link, Why};

use super::{Owner, World};
use crate::flat::Bad;
use crate::gateway::{self, Effect, Gateway, Peer};
use crate::network::{Answer, Event, Side, Wire};
use crate::pipe::Conditions;
use crate::watch::Watch;

/// Where hosts of a world find its servers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Sites {
    /// Hosts whose names begin with `broker` and a number lead to the broker of that place, all others to the first.
    #[default]
    ByName,
    /// Under whatever name, ports 1883 and 8883 lead to the first broker, 1884 of UDP to the gateway, and others to nobody.
    ByPort,
}

/// What belongs to datagrams.
#[derive(Default)]
pub(super) struct Datagrams {
    gateway: Option<Gateway>,
    out: gateway::Outbox,
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    /// Whose address it is.
    sockets: BTreeMap<SocketAddr, (usize, Link)>,
    wires: BTreeMap<gateway::Link, Wire>,
    /// Connections of the gateway from which it did not want to read.
    stalled: BTreeSet<gateway::Link>,
}

enum Flying {
    Up(SocketAddr, Vec<u8>),
    Down(SocketAddr, Vec<u8>),
    Opened(usize, Link),
}

/// A modem's datagrams.
#[derive(Default)]
pub(super) struct Sockets {
    /// Where datagrams of its links come from.
    pub(super) addresses: BTreeMap<Link, SocketAddr>,
    /// Those that it has not read; as with a socket, there is not room for any number.
    pub(super) unread: VecDeque<(Link, Vec<u8>)>,
}

/// Datagrams that a modem has not read, at most.
const UNREAD: usize = 64;

/// The first of the ports that systems give to clients.
const PORTS: u16 = 49_152;

impl Sites {
    /// The place of the broker there, if there is one.
    pub(super) fn broker(self, host: &str, port: u16) -> Option<usize> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Sites::ByName => Some(host.strip_prefix("broker").and_then(|place| place.parse().ok()).unwrap_or_default()),
            Sites::ByPort => matches!(port, 1883 | 8883).then_some(0),
        }
    }

    fn is_gateway(self, port: u16) -> bool {
        self == Sites::ByName || port == 1884
    }
}

impl World {
    /// Where hosts find servers.
    pub fn set_sites(&mut self, sites: Sites) {
        self.sites = sites;
    }

    /// Puts a gateway before the first broker.
    pub fn set_gateway(&mut self, config: gateway::Config) {
        self.datagrams.gateway = Some(Gateway::new(config));
    }

    /// The gateway.
    pub fn gateway(&self) -> Option<&Gateway> {
        self.datagrams.gateway.as_ref()
    }

    /// When something is due here.
    pub(super) fn datagrams_deadline(&self) -> Option<Instant> {
        let flying = self.datagrams.flying.first_key_value().map(|((at, _), _)| *at);
        let gateway = self.datagrams.gateway.as_ref().and_then(Gateway::deadline);
        flying.into_iter().chain(gateway).min()
    }

    /// Lets happen what is due here.
    pub(super) fn settle_datagrams(&mut self, watch: &mut dyn Watch) {
        if let Some(first) = self.datagrams.flying.first_entry().filter(|first| first.key().0 <= self.now) {
            return match first.remove() {
                Flying::Up(from, bytes) => self.tell_gateway(gateway::Input::Datagram(Peer(from), &bytes), watch),
                Flying::Down(to, bytes) => {
                    let Some(&(station, link)) = self.datagrams.sockets.get(&to) else { return };
                    if let Some(at) = self.stations.get_mut(station).filter(|at| at.sockets.unread.len() < UNREAD) {
                        at.sockets.unread.push_back((link, bytes));
                    }
                    self.serve(station, watch);
                }
                Flying::Opened(station, link) => {
                    if self.stations.get(station).is_some_and(|at| at.sockets.addresses.contains_key(&link)) {
                        self.tell(station, &Input::Opened(link), watch);
                    }
                    self.serve(station, watch);
                }
            };
        }
        self.tell_gateway(gateway::Input::Tick, watch);
    }

    /// A modem opens a link for datagrams.
    pub(super) fn open_socket(&mut self, station: usize, link: Link, port: u16) {
        let Some(at) = self.stations.get_mut(station) else { return };
        self.datagrams.count += 1;
        let [.., b, c, d] = u32::try_from(station + 1).unwrap_or_default().to_be_bytes();
        let own = u16::try_from(self.datagrams.count % u64::from(u16::MAX - PORTS)).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::new(10, b, c, d), PORTS + own));
        at.sockets.addresses.insert(link, address);
        if self.sites.is_gateway(port) {
            self.datagrams.sockets.insert(address, (station, link));
        }
        self.fly(Flying::Opened(station, link), Conditions::default());
    }

    /// A modem closes a link for datagrams, if it is one.
    pub(super) fn close_socket(&mut self, station: usize, link: Link) {
        let Some(at) = self.stations.get_mut(station) else { return };
        if let Some(address) = at.sockets.addresses.remove(&link) {
            at.sockets.unread.retain(|(of, _)| *of != link);
            self.datagrams.sockets.remove(&address);
        }
    }

    /// A modem sends a datagram.
    pub(super) fn send_datagram(&mut self, from: SocketAddr, bytes: &[u8], conditions: Conditions) {
        if self.datagrams.sockets.contains_key(&from) {
            self.fly(Flying::Up(from, bytes.into()), conditions);
        }
    }

    fn fly(&mut self, flying: Flying, Conditions { delay, .. }: Conditions) {
        self.datagrams.count += 1;
        let at = self.now + self.random.time(delay.0, delay.1);
        self.datagrams.flying.insert((at, self.datagrams.count), flying);
    }

    /// Something happened to a connection between the gateway and its broker.
    pub(super) fn gateway_event(&mut self, wire: Wire, link: gateway::Link, event: Event, watch: &mut dyn Watch) {
        match event {
            Event::Opened(_) => self.tell_gateway(gateway::Input::Opened(link), watch),
            Event::Full(_, true) => self.tell_gateway(gateway::Input::Full(link), watch),
            Event::Full(_, false) => self.tell_gateway(gateway::Input::Free(link), watch),
            Event::Readable(_) => self.read_wire(wire, link, watch),
            Event::Broken(_, why) => {
                self.forget_wire(wire, link);
                self.tell_gateway(gateway::Input::Closed(link, why), watch);
            }
        }
    }

    fn read_wire(&mut self, wire: Wire, link: gateway::Link, watch: &mut dyn Watch) {
        while self.network.is_readable(wire, Side::Caller) {
            if !self.datagrams.gateway.as_ref().is_some_and(|gateway| gateway.wants(link)) {
                self.datagrams.stalled.insert(link);
                return;
            }
            let bytes = self.network.read(self.now, wire, Side::Caller, Input::CHUNK);
            self.call_gateway(gateway::Input::Received(link, &bytes), watch);
        }
        if self.network.take_end(wire, Side::Caller) {
            self.forget_wire(wire, link);
            self.call_gateway(gateway::Input::Closed(link, Why::Ended), watch);
        }
    }

    fn forget_wire(&mut self, wire: Wire, link: gateway::Link) {
        self.owners.remove(&wire);
        self.datagrams.wires.remove(&link);
        self.datagrams.stalled.remove(&link);
    }

    /// Brings an input to the gateway; it may then want to read again.
    fn tell_gateway(&mut self, input: gateway::Input<'_>, watch: &mut dyn Watch) {
        self.call_gateway(input, watch);
        for link in std::mem::take(&mut self.datagrams.stalled) {
            if let Some(wire) = self.datagrams.wires.get(&link).copied() {
                self.read_wire(wire, link, watch);
            }
        }
    }

    /// Carries out an order.
    pub(super) fn order_gateway(&mut self, order: &gateway::Order, watch: &mut dyn Watch) -> Result<(), Bad> {
        let mut done = Err(Bad::NoPeer);
        self.with_gateway(watch, |gateway, now, out| done = gateway.order(now, order, out));
        done
    }

    fn call_gateway(&mut self, input: gateway::Input<'_>, watch: &mut dyn Watch) {
        self.with_gateway(watch, |gateway, now, out| gateway.handle(now, input, out));
    }

    fn with_gateway(&mut self, watch: &mut dyn Watch, call: impl FnOnce(&mut Gateway, Instant, &mut gateway::Outbox)) {
        let Some(gateway) = &mut self.datagrams.gateway else { return };
        let mut out = std::mem::take(&mut self.datagrams.out);
        out.clear();
        call(gateway, self.now, &mut out);
        for effect in out.effects() {
            match effect {
                Effect::Send(Peer(to), bytes) => {
                    let station = self.datagrams.sockets.get(&to).and_then(|(station, _)| self.stations.get(*station));
                    let conditions = station.map(|at| at.route.conditions).unwrap_or_default();
                    self.fly(Flying::Down(to, bytes.into()), conditions);
                }
                Effect::Open(link) => {
                    let wire = self.network.connect(self.now, Conditions::default(), Answer::Accept);
                    self.owners.insert(wire, Owner::Gateway(link));
                    self.datagrams.wires.insert(link, wire);
                }
                Effect::Write(link, bytes) => {
                    if let Some(wire) = self.datagrams.wires.get(&link) {
                        self.network.write(self.now, *wire, Side::Caller, bytes);
                    }
                }
                Effect::Close(link) => {
                    if let Some(wire) = self.datagrams.wires.get(&link).copied() {
                        self.forget_wire(wire, link);
                        self.network.close(wire, Side::Caller);
                    }
                }
                Effect::Note(note) => watch.gateway(self.now, note),
            }
        }
        self.datagrams.out = out;
    }
}
