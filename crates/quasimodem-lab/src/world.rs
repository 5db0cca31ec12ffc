//! Modems with their hosts, the network and lab brokers in virtual time: one queue, one seed, no clock.
//!
//! The owner [plans](World::plan) what happens to them, and lets time pass; a [`Watch`] sees all.

mod change;
mod faults;
mod gateway;
mod manners;
mod player;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{self as core, Effect, Imei, Input, Instant, Link, Modem, Outbox, Port, Settings, Transport};

use crate::broker::{self, Broker, Peer};
use crate::event::Names;
use crate::fault::{Filters, Happened};
use crate::flat::Bad;
use crate::network::{self, Answer, Network, Side, Wire};
use crate::order::{Inbox, Mail, Order};
use crate::pipe::{Conditions, Pipe};
use crate::random::Random;
use crate::script::{self, Heard, Host};
use crate::timers::Timers;
use crate::watch::{Both, Watch, Way};

pub use self::change::Change;
pub use self::gateway::Sites;
use self::gateway::{Datagrams, Sockets};
pub use self::manners::Manners;
use self::player::Player;

/// Everything there is.
pub struct World {
    now: Instant,
    random: Random,
    stations: Vec<Station>,
    network: Network,
    brokers: Vec<Broker>,
    manners: Manners,
    /// Which broker each wire leads to.
    served: BTreeMap<Wire, usize>,
    /// Whose wires these are.
    owners: BTreeMap<Wire, Owner>,
    sites: Sites,
    datagrams: Datagrams,
    plan: BTreeMap<(Instant, u64), Change>,
    planned: u64,
    names: Names,
    /// What faults wait for becomes orders here.
    inbox: Arc<Inbox>,
    /// They listen, once a fault waits for something.
    ears: Option<Box<dyn Watch + Send>>,
    /// What scripts wait for, and who listens for it, once one does.
    heard: Arc<Heard>,
    host_ears: Option<Box<dyn Watch + Send>>,
    /// When hosts gave their last order, and how many at that time.
    ordered: (Instant, u32),
    /// Why the last planned order was refused, until somebody asks.
    refused: Option<Bad>,
    /// Of the run, from which faults draw.
    seed: u64,
    /// How often all began anew.
    epoch: u64,
    timers: Timers<Actor>,
    modem_out: Outbox,
    host_out: script::Outbox,
    broker_out: broker::Outbox,
}

/// A modem, the host at its serial end, and its way into the network.
struct Station {
    modem: Modem,
    host: Player,
    /// From the host to the modem, and back.
    up: Pipe,
    down: Pipe,
    attached: bool,
    /// Somebody types at it by orders meanwhile.
    console: bool,
    /// The host neither reads nor types.
    stopped: bool,
    links: BTreeMap<Link, Wire>,
    sockets: Sockets,
    route: Route,
    /// What goes wrong with packets, if anything does.
    filters: Option<Box<Filters>>,
    /// What the host has ordered, and is done before anything else.
    orders: VecDeque<Order>,
    /// How many events there were when it did.
    since: u64,
}

/// Who called.
#[derive(Clone, Copy)]
enum Owner {
    Station(usize, Link),
    Gateway(crate::gateway::Link),
}

/// What connections of a station meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Route {
    /// How bytes travel.
    pub conditions: Conditions,
    /// What becomes of attempts to connect.
    pub answer: Answer,
    /// Whether everything stands still.
    pub held: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Actor {
    Plan,
    Network,
    Serial(usize),
    Host(usize),
    Broker(usize),
    Datagrams,
    Faults(usize),
    Modem(usize),
}

/// Orders of hosts that are carried out at one time.
const ORDERS: u32 = 1000;

/// The address of every name.
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

impl World {
    /// Brokers without modems. Hosts whose names begin with `broker` and a number are at the one of that place, all
    /// others at the first.
    pub fn new(seed: u64, brokers: impl IntoIterator<Item = broker::Config>) -> World {
        let (names, mut random) = (Names::default(), Random::new(seed));
        let network = Network::new(Random::new(random.bits()));
        World {
            now: Instant::START,
            random,
            stations: Vec::new(),
            network,
            brokers: brokers.into_iter().map(Broker::new).collect(),
            manners: Manners::default(),
            served: BTreeMap::new(),
            owners: BTreeMap::new(),
            sites: Sites::default(),
            datagrams: Datagrams::default(),
            plan: BTreeMap::new(),
            planned: 0,
            inbox: Inbox::new(names.clone()),
            names,
            ears: None,
            ordered: (Instant::START, 0),
            refused: None,
            heard: Arc::default(),
            host_ears: None,
            seed,
            epoch: 0,
            timers: Timers::default(),
            modem_out: Outbox::default(),
            host_out: script::Outbox::default(),
            broker_out: broker::Outbox::default(),
        }
    }

    /// A modem that was just switched on, whose host comes when it is planned. Gives the index of its station.
    pub fn add(&mut self, settings: Settings, imei: Imei, serial: Conditions, route: Route, host: Host) -> usize {
        self.add_player(settings, imei, serial, route, Player::Script(Box::new(host)))
    }

    /// The same with a host whose bytes are [written](Self::write) and [read](Self::read) by hand.
    pub fn add_by_hand(&mut self, settings: Settings, imei: Imei, serial: Conditions, route: Route) -> usize {
        self.add_player(settings, imei, serial, route, Player::Hand(VecDeque::new()))
    }

    fn add_player(&mut self, settings: Settings, imei: Imei, serial: Conditions, route: Route, host: Player) -> usize {
        self.stations.push(Station {
            modem: Modem::new(settings.into(), imei),
            host,
            up: Pipe::new(serial),
            down: Pipe::new(serial),
            attached: false,
            console: false,
            stopped: false,
            links: BTreeMap::new(),
            sockets: Sockets::default(),
            route,
            filters: None,
            orders: VecDeque::new(),
            since: 0,
        });
        self.listen_for(self.stations.len() - 1);
        self.stations.len() - 1
    }

    /// At that time, and not before now, that happens.
    pub fn plan(&mut self, at: Instant, change: Change) {
        self.planned += 1;
        self.plan.insert((at.max(self.now), self.planned), change);
        self.timers.set(Actor::Plan, self.plan.first_key_value().map(|((at, _), _)| *at));
    }

    /// How many stations there are.
    pub fn stations(&self) -> usize {
        self.stations.len()
    }

    /// How modems are called, by their stations; the owner names them.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The modem of a station.
    pub fn modem(&self, station: usize) -> Option<&Modem> {
        self.stations.get(station).map(|station| &station.modem)
    }

    /// The broker of this place.
    pub fn broker(&self, place: usize) -> Option<&Broker> {
        self.brokers.get(place)
    }

    /// The modems, in the state that they are in.
    pub fn into_modems(self) -> impl Iterator<Item = Modem> {
        self.stations.into_iter().map(|station| station.modem)
    }

    /// Lets everything happen up to `end`, and makes that now.
    pub fn pass(&mut self, end: Instant, watch: &mut dyn Watch) {
        while self.step(end, watch) {}
        self.rest_until(end);
    }

    /// It is so late now. Nothing may be due before.
    pub fn rest_until(&mut self, end: Instant) {
        self.now = self.now.max(end);
    }

    /// When the next thing happens, not before now; `None`: nothing will by itself.
    pub fn deadline(&mut self) -> Option<Instant> {
        self.first().map(|(due, _)| due.max(self.now))
    }

    fn first(&mut self) -> Option<(Instant, Actor)> {
        self.timers.set(Actor::Network, self.network.deadline());
        for (place, broker) in self.brokers.iter().enumerate() {
            self.timers.set(Actor::Broker(place), broker.deadline());
        }
        self.timers.set(Actor::Datagrams, self.datagrams_deadline());
        self.timers.first()
    }

    /// Lets the next thing happen, unless that is later than `end`.
    pub fn step(&mut self, end: Instant, watch: &mut dyn Watch) -> bool {
        let Some((due, actor)) = self.first().filter(|(due, _)| *due <= end) else { return false };
        self.now = self.now.max(due);
        let (mut ears, mut host_ears) = (self.ears.take(), self.host_ears.take());
        match (&mut ears, &mut host_ears) {
            (None, None) => self.act(actor, watch),
            (Some(ears), None) => self.act(actor, &mut Both(&mut **ears, watch)),
            (None, Some(hosts)) => self.act_and_tell(actor, &mut Both(&mut **hosts, watch)),
            (Some(ears), Some(hosts)) => {
                self.act_and_tell(actor, &mut Both(&mut **ears, &mut Both(&mut **hosts, watch)));
            }
        }
        self.ears = self.ears.take().or(ears);
        self.host_ears = host_ears;
        while let Some((station, mail)) = self.inbox.take(None) {
            // Only events give orders by it.
            if let Mail::Order(order, _) = mail {
                self.plan(self.now, Change::Order(station, order));
            }
        }
        true
    }

    fn act(&mut self, actor: Actor, watch: &mut dyn Watch) {
        match actor {
            Actor::Plan => {
                if let Some((_, change)) = self.plan.pop_first() {
                    self.change(change, watch);
                }
                self.timers.set(Actor::Plan, self.plan.first_key_value().map(|((at, _), _)| *at));
            }
            Actor::Network => {
                let mut events = Vec::new();
                self.network.settle(self.now, &mut events);
                for (wire, event) in events {
                    self.network_event(wire, event, watch);
                }
            }
            Actor::Serial(station) => self.serve(station, watch),
            Actor::Host(station) => {
                self.tell_host(station, script::Input::Tick);
                self.serve(station, watch);
            }
            Actor::Broker(place) => self.tell_broker(place, broker::Input::Tick, watch),
            Actor::Datagrams => self.settle_datagrams(watch),
            Actor::Faults(station) => {
                self.settle_faults(station, watch);
                self.serve(station, watch);
            }
            Actor::Modem(station) => {
                self.tell(station, &Input::Tick, watch);
                self.serve(station, watch);
            }
        }
    }

    fn network_event(&mut self, wire: Wire, event: network::Event, watch: &mut dyn Watch) {
        let side = match event {
            network::Event::Opened(side)
            | network::Event::Full(side, _)
            | network::Event::Readable(side)
            | network::Event::Broken(side, _) => side,
        };
        if side == Side::Listener {
            let peer = Peer(wire.0);
            let input = match event {
                network::Event::Opened(_) => Some(broker::Input::Connected(peer)),
                network::Event::Full(_, true) => Some(broker::Input::Full(peer)),
                network::Event::Full(_, false) => Some(broker::Input::Free(peer)),
                network::Event::Readable(_) => None,
                network::Event::Broken(..) => Some(broker::Input::Gone(peer)),
            };
            if let Some(input) = input {
                self.tell_broker(self.place(wire), input, watch);
            }
            return self.serve_peer(wire, watch);
        }
        let (station, link) = match self.owners.get(&wire) {
            Some(&Owner::Station(station, link)) => (station, link),
            Some(&Owner::Gateway(link)) => return self.gateway_event(wire, link, event, watch),
            None => return,
        };
        let Some(at) = self.stations.get_mut(station).filter(|at| at.links.get(&link) == Some(&wire)) else { return };
        match event {
            network::Event::Opened(_) => self.tell(station, &Input::Opened(link), watch),
            network::Event::Full(_, full) => self.turned(station, Port::Link(link), full, watch),
            network::Event::Readable(_) => {}
            network::Event::Broken(_, why) => {
                at.links.remove(&link);
                self.owners.remove(&wire);
                self.ended(station, link, why, watch);
            }
        }
        self.serve(station, watch);
    }

    /// Carries bytes between a modem, its host and its wires until nobody has or wants any.
    fn serve(&mut self, station: usize, watch: &mut dyn Watch) {
        while self.serve_once(station, watch) {}
        let Some(at) = self.stations.get(station) else { return };
        let runs = at.attached && !at.stopped;
        self.timers.set(Actor::Modem(station), at.modem.deadline());
        self.timers.set(Actor::Host(station), at.host.deadline().filter(|_| runs));
        let serial = [at.up.deadline(), at.down.deadline()];
        self.timers.set(Actor::Serial(station), serial.into_iter().flatten().min());
        let faults = at.filters.as_ref().and_then(|filters| filters.deadline(self.now, &at.modem));
        self.timers.set(Actor::Faults(station), faults);
    }

    fn serve_once(&mut self, station: usize, watch: &mut dyn Watch) -> bool {
        let now = self.now;
        let Some(at) = self.stations.get_mut(station) else { return false };
        if let Some(order) = at.orders.pop_front() {
            if self.ordered.0 != now {
                self.ordered = (now, 0);
            }
            self.ordered.1 += 1;
            if self.ordered.1 > ORDERS {
                // What is ordered may lead to the next order: time has to pass.
                self.plan(now + Duration::from_millis(1), Change::Order(station, order));
            } else {
                if let Err(bad) = self.order(station, order, watch) {
                    self.tell_host(station, script::Input::Refused(&bad));
                }
            }
            return true;
        }
        at.up.settle(now);
        at.down.settle(now);
        if let Some(full) = at.down.turned() {
            self.turned(station, Port::Serial, full, watch);
            return true;
        }
        if at.down.is_readable() && at.attached && !at.stopped && at.host.reads() {
            let bytes = at.down.read(now, Input::CHUNK, &mut self.random);
            watch.serial(now, station, Way::ToHost, &bytes);
            self.tell_host(station, script::Input::Bytes(&bytes));
            return true;
        }
        let reads = at.filters.as_ref().is_none_or(|filters| filters.reads_serial());
        if reads && at.up.is_readable() && at.modem.wants(Port::Serial) {
            let mut bytes = at.up.read(now, Input::CHUNK, &mut self.random);
            if let Some(filters) = &mut at.filters {
                bytes = filters.typed(now, &bytes, &mut |what| watch.fault(now, station, &what));
            }
            self.type_in(station, &bytes, watch);
            return true;
        }
        for (&link, &wire) in &at.links {
            let reads = at.filters.as_ref().is_none_or(|filters| filters.reads(link));
            if reads && self.network.is_readable(wire, Side::Caller) && at.modem.wants(Port::Link(link)) {
                let bytes = self.network.read(now, wire, Side::Caller, Input::CHUNK);
                self.bring_through(station, link, &bytes, watch);
                return true;
            }
            if self.network.take_end(wire, Side::Caller) {
                at.links.remove(&link);
                self.owners.remove(&wire);
                self.ended(station, link, core::Why::Ended, watch);
                return true;
            }
        }
        let unread = &mut at.sockets.unread;
        if let Some(place) = unread.iter().position(|(link, _)| at.modem.wants(Port::Link(*link)))
            && let Some((link, bytes)) = unread.remove(place)
        {
            self.bring_through(station, link, &bytes, watch);
            return true;
        }
        false
    }

    fn serve_peer(&mut self, wire: Wire, watch: &mut dyn Watch) {
        let (peer, place) = (Peer(wire.0), self.place(wire));
        while self.network.is_readable(wire, Side::Listener)
            && self.broker(place).is_some_and(|broker| broker.wants(peer))
        {
            let bytes = self.network.read(self.now, wire, Side::Listener, Input::CHUNK);
            self.tell_broker(place, broker::Input::Received(peer, &bytes), watch);
        }
        if self.network.take_end(wire, Side::Listener) {
            self.tell_broker(place, broker::Input::Gone(peer), watch);
        }
    }

    /// The place of the broker that a wire leads to.
    fn place(&self, wire: Wire) -> usize {
        self.served.get(&wire).copied().unwrap_or_default()
    }

    /// Brings an input to a modem and carries out what it asks for.
    fn tell(&mut self, station: usize, input: &Input<'_>, watch: &mut dyn Watch) {
        let mut out = std::mem::take(&mut self.modem_out);
        out.clear();
        let Some(at) = self.stations.get_mut(station) else { return };
        let now = self.now;
        match &mut at.filters {
            None => at.modem.handle(now, input.clone(), &mut out),
            Some(filters) => {
                let (radio, tell) = (at.modem.radio(), &mut |what: Happened<'_>| watch.fault(now, station, &what));
                at.modem.handle_through(now, input.clone(), &mut out, &mut filters.gate(now, radio, tell));
            }
        }
        watch.modem(self.now, station, input, &at.modem, &out);
        for effect in out.effects() {
            let Some(at) = self.stations.get_mut(station) else { break };
            match effect {
                Effect::Serial(kind, marked) if at.attached => match &mut at.filters {
                    None => at.down.write(now, marked.bytes(), &mut self.random),
                    Some(filters) => {
                        let tell = &mut |what: Happened<'_>| watch.fault(now, station, &what);
                        for piece in filters.printed(now, kind, marked.bytes(), tell) {
                            at.down.write(now, &piece, &mut self.random);
                        }
                    }
                },
                Effect::Serial(..) => {}
                Effect::Open { link, transport, host, port } => {
                    if let Some(filters) = &mut at.filters {
                        filters.opened(link);
                        let tell = &mut |what: Happened<'_>| watch.fault(now, station, &what);
                        let clock = at.modem.clock(now);
                        if !filters.connects(now, link, &transport, (host, port), clock, tell) {
                            continue;
                        }
                    }
                    if matches!(transport, Transport::Udp) {
                        self.open_socket(station, link, port);
                    } else {
                        self.call(station, link, host, port, watch);
                    }
                }
                Effect::Send(link, marked) => self.send(station, link, marked.bytes(), watch),
                Effect::Close(link) => {
                    let last = at.filters.as_mut().map(|filters| filters.closed(link)).unwrap_or_default();
                    self.put(station, link, &last, watch);
                    self.close(station, link);
                }
                Effect::Resolve(query, _, name) => {
                    if let Some(filters) = &mut at.filters
                        && !filters.looks_up(now, query, name, &mut |what| watch.fault(now, station, &what))
                    {
                        continue;
                    }
                    self.planned += 1;
                    let answered = self.now + self.random.millis(0, 200);
                    self.plan.insert((answered, self.planned), Change::Resolved(station, query));
                }
                Effect::Note(note) => at.filters.iter_mut().for_each(|filters| filters.noted(now, &note)),
                Effect::Line(_) => {}
            }
        }
        self.timers.set(Actor::Plan, self.plan.first_key_value().map(|((at, _), _)| *at));
        self.modem_out = out;
    }

    /// A modem makes a connection.
    fn call(&mut self, station: usize, link: Link, host: &str, port: u16, watch: &mut dyn Watch) {
        let Some(at) = self.stations.get_mut(station) else { return };
        let place = self.sites.broker(host, port);
        let answer = if place.is_some() { at.route.answer } else { Answer::Refuse };
        let wire = self.network.connect(self.now, at.route.conditions, answer);
        self.network.hold(wire, at.route.held);
        at.links.insert(link, wire);
        self.owners.insert(wire, Owner::Station(station, link));
        if let Some(place) = place {
            self.served.insert(wire, place);
            watch.linked(self.now, station, link, wire, place);
        }
    }

    /// A link ends at the modem's side.
    fn close(&mut self, station: usize, link: Link) {
        if let Some(wire) = self.stations.get_mut(station).and_then(|at| at.links.remove(&link)) {
            self.owners.remove(&wire);
            self.network.close(wire, Side::Caller);
        }
        self.close_socket(station, link);
    }

    /// A modem sends bytes over a link, through what faults make of them.
    fn send(&mut self, station: usize, link: Link, bytes: &[u8], watch: &mut dyn Watch) {
        let now = self.now;
        let filters = self.stations.get_mut(station).and_then(|at| at.filters.as_mut());
        match filters.map(|filters| filters.up(now, link, bytes, &mut |what| watch.fault(now, station, &what))) {
            None => self.put(station, link, &[bytes], watch),
            Some(on) => self.put(station, link, &on, watch),
        }
    }

    /// Bytes go out over a link, if there still is one.
    fn put(&mut self, station: usize, link: Link, pieces: &[impl AsRef<[u8]>], watch: &mut dyn Watch) {
        let now = self.now;
        let Some(at) = self.stations.get(station) else { return };
        let (wire, socket) = (at.links.get(&link).copied(), at.sockets.addresses.get(&link).copied());
        let conditions = at.route.conditions;
        if (wire, socket) == (None, None) {
            return;
        }
        for bytes in pieces.iter().map(AsRef::as_ref) {
            watch.sent(now, station, link, bytes);
            match (wire, socket) {
                (Some(wire), _) => self.network.write(now, wire, Side::Caller, bytes),
                (None, Some(socket)) => self.send_datagram(socket, bytes, conditions),
                (None, None) => {}
            }
        }
    }

    fn tell_broker(&mut self, place: usize, input: broker::Input<'_>, watch: &mut dyn Watch) {
        self.with_broker(place, watch, |broker, now, out| broker.handle(now, input, out));
    }

    /// Calls a broker and carries out what it wants then.
    fn with_broker(
        &mut self,
        place: usize,
        watch: &mut dyn Watch,
        call: impl FnOnce(&mut Broker, Instant, &mut broker::Outbox),
    ) {
        let Some(broker) = self.brokers.get_mut(place) else { return };
        self.broker_out.clear();
        call(broker, self.now, &mut self.broker_out);
        for effect in self.broker_out.effects() {
            match effect {
                broker::Effect::Send(peer, bytes) => {
                    self.network.write(self.now, Wire(peer.0), Side::Listener, bytes);
                    for more in self.manners.follow(bytes, &mut self.random) {
                        self.network.write(self.now, Wire(peer.0), Side::Listener, &more);
                    }
                }
                broker::Effect::Close(peer) => self.network.close(Wire(peer.0), Side::Listener),
                broker::Effect::Note(note) => watch.broker(self.now, place, note),
            }
        }
    }
}
