//! What lies between modem and broker: datagrams that get lost, doubled and late, the gateway's connections, which keep
//! their order, and the broker with somebody who publishes and sees all.
//!
//! Bad manners of gateways are here as well, so that the lab gateway stays right: copies of what was said long ago, and ids
//! of names from the range of the predefined ones, as Paho's gateway gives them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use quasimodem_core::mqtt::{Filters, Packet, PacketId, Publish, Qos};
use quasimodem_core::sn::{self, ReturnCode, TopicId};
use quasimodem_core::{Instant, Link};

use crate::broker::{self, Broker};
use crate::gateway::{self, Peer};
use crate::random::Random;

/// What happens to datagrams, in percent, in each direction.
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// How long one takes at most.
    pub(super) slowest: Duration,
    /// How often the gateway says something once more, much later.
    pub(super) repeated: u64,
    /// How many predefined ids there are whose numbers the gateway gives to names as well.
    pub(super) shared: u16,
}

/// Something that comes to the modem or the gateway.
pub(super) enum Arrival {
    AtGateway(Peer, Vec<u8>),
    AtModem(Link, Vec<u8>),
    Opened(gateway::Link),
    Bytes(gateway::Link, Vec<u8>),
    Ended(gateway::Link),
    /// To somebody else.
    Moved,
}

/// Under which topic a message arrived, each time, by its payload.
pub(super) type Arrived = BTreeMap<String, Vec<String>>;

pub(super) struct Network {
    weather: Weather,
    random: Random,
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    /// The ports of the modem's links; a port is never used again.
    ports: BTreeMap<Link, u16>,
    last_port: u16,
    /// Clients that vanished, by their index.
    cut: [bool; 2],
    /// Nothing comes through at the moment.
    pub(super) silent: bool,
    /// How many gateways there were before this one. All begin to count their links anew.
    life: u64,
    /// What is due for the gateway's connections, in order, and when the last of it comes.
    wires: BTreeMap<broker::Peer, (VecDeque<Arrival>, Instant)>,
    broker: Broker,
    out: broker::Outbox,
    last_id: u16,
    /// When the gateway sent its messages of QoS 2 last, by link and identifier.
    last_sent: BTreeMap<(Link, u16), Instant>,
    /// Messages that it sent twice within a way and back: the second copy may come after the exchange.
    pub(super) hasty: BTreeSet<String>,
    /// All that was published.
    pub(super) arrived: Arrived,
    pub(super) sent: usize,
    pub(super) lost: usize,
    /// What happened, if anybody wants to know.
    pub(super) log: Option<Vec<String>>,
}

enum Flying {
    Up(u16, Vec<u8>),
    Down(u16, Vec<u8>),
    /// The gateway connects, writes or closes.
    Connect(broker::Peer),
    Write(broker::Peer, Vec<u8>),
    HangUp(broker::Peer),
    /// The first that waits for this connection.
    Wire(broker::Peer),
}

/// Somebody at the broker: publishes, and is subscribed to everything.
const WATCHER: broker::Peer = broker::Peer(1 << 62);

/// Where the modem is.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// How long bytes take between gateway and broker.
const WIRE: Duration = Duration::from_millis(2);

/// How late a gateway repeats itself, at most.
const REPEATED: Duration = Duration::from_secs(4);

impl Network {
    pub(super) fn new(weather: Weather, random: Random) -> Network {
        let mut network = Network {
            weather,
            random,
            flying: BTreeMap::new(),
            count: 0,
            ports: BTreeMap::new(),
            last_port: 1024,
            cut: [false; 2],
            silent: false,
            life: 0,
            wires: BTreeMap::new(),
            broker: Broker::new(broker::Config::default()),
            out: broker::Outbox::default(),
            last_id: 0,
            last_sent: BTreeMap::new(),
            hasty: BTreeSet::new(),
            arrived: Arrived::new(),
            sent: 0,
            lost: 0,
            log: None,
        };
        network.broker.handle(Instant::START, broker::Input::Connected(WATCHER), &mut network.out);
        let connect = quasimodem_core::mqtt::Connect {
            client_id: "watcher",
            clean_session: true,
            keep_alive: 0,
            will: None,
            user_name: None,
            password: None,
            level: quasimodem_core::mqtt::Connect::LEVEL,
        };
        network.watcher(Instant::START, &Packet::Connect(connect));
        let filters = [("#", Qos::ExactlyOnce)];
        let filters = Filters::with_qos(&filters);
        network.watcher(Instant::START, &Packet::Subscribe { id: PacketId::MIN, filters });
        network
    }

    pub(super) fn log(&mut self, now: Instant, words: fmt::Arguments<'_>) {
        if let Some(log) = &mut self.log {
            let millis = now.since(Instant::START).as_millis();
            log.push(format!("{millis:>8} {words}"));
        }
    }

    /// From here on all comes through, soon and once.
    pub(super) fn calm(&mut self) {
        let Weather { slowest, shared, .. } = self.weather;
        let slowest = slowest.min(Duration::from_millis(20));
        self.weather = Weather { lost: 0, doubled: 0, slowest, repeated: 0, shared };
        self.silent = false;
    }

    /// The gateway ends and starts anew: its connections are gone, and what is on its way to it from the broker.
    pub(super) fn restart(&mut self, now: Instant) {
        for peer in std::mem::take(&mut self.wires).into_keys() {
            self.fly(now + WIRE, Flying::HangUp(peer));
        }
        self.life += 1;
    }

    /// What the broker knows a connection of the gateway as.
    fn peer(&self, link: gateway::Link) -> broker::Peer {
        broker::Peer(self.life << 32 | link.0)
    }

    /// The other way; `None`: it was a connection of a gateway that is gone.
    fn link(&self, peer: broker::Peer) -> Option<gateway::Link> {
        (peer.0 >> 32 == self.life).then_some(gateway::Link(peer.0 & 0xffff_ffff))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let flying = self.flying.first_key_value().map(|((at, _), _)| *at);
        [flying, self.broker.deadline()].into_iter().flatten().min()
    }

    /// What is there by now, one thing after the other.
    pub(super) fn arrival(&mut self, now: Instant) -> Option<Arrival> {
        if self.broker.deadline().is_some_and(|due| due <= now) {
            self.tell_broker(now, broker::Input::Tick);
            return Some(Arrival::Moved);
        }
        let first = self.flying.first_entry().filter(|first| first.key().0 <= now)?;
        Some(match first.remove() {
            Flying::Up(port, bytes) => Arrival::AtGateway(Peer(SocketAddr::from((ADDRESS, port))), bytes),
            Flying::Down(port, bytes) => match self.ports.iter().find(|(_, other)| **other == port) {
                Some((link, _)) => Arrival::AtModem(*link, bytes),
                None => Arrival::Moved,
            },
            Flying::Connect(peer) => {
                self.tell_broker(now, broker::Input::Connected(peer));
                if let Some(link) = self.link(peer) {
                    self.bring(now, peer, Arrival::Opened(link));
                }
                Arrival::Moved
            }
            Flying::Write(peer, bytes) => {
                self.tell_broker(now, broker::Input::Received(peer, &bytes));
                Arrival::Moved
            }
            Flying::HangUp(peer) => {
                self.tell_broker(now, broker::Input::Gone(peer));
                Arrival::Moved
            }
            Flying::Wire(peer) => {
                let first = self.wires.get_mut(&peer).and_then(|(queue, _)| queue.pop_front());
                first.unwrap_or(Arrival::Moved)
            }
        })
    }

    /// The modem opens a link: another port.
    pub(super) fn open(&mut self, link: Link) {
        self.last_port += 1;
        self.ports.insert(link, self.last_port);
    }

    pub(super) fn close(&mut self, link: Link) {
        self.ports.remove(&link);
    }

    /// Links that the modem has open.
    pub(super) fn links(&self) -> usize {
        self.ports.len()
    }

    /// From here on nothing of a client comes through.
    pub(super) fn cut(&mut self, client: usize) {
        if let Some(cut) = self.cut.get_mut(client) {
            *cut = true;
        }
    }

    /// Everything comes through again.
    pub(super) fn mend(&mut self) {
        self.cut = [false; 2];
    }

    /// The modem sends a datagram.
    pub(super) fn up(&mut self, now: Instant, link: Link, bytes: &[u8]) {
        if let Some(&port) = self.ports.get(&link) {
            self.said(now, link, "->", bytes);
            let shared = self.weather.shared;
            let bytes = renumbered(bytes, |number| number.saturating_add(shared));
            self.send(now, link, |bytes| Flying::Up(port, bytes), &bytes);
        }
    }

    /// The gateway sends a datagram.
    pub(super) fn down(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) {
        let port = to.port();
        let Some((&link, _)) = self.ports.iter().find(|(_, other)| **other == port) else { return };
        let shared = self.weather.shared;
        let bytes = renumbered(bytes, |number| if number > shared { number - shared } else { number });
        self.said(now, link, "<-", &bytes);
        if let Ok(sn::Packet::Publish(publish)) = sn::Packet::decode(&bytes)
            && publish.qos == Some(Qos::ExactlyOnce)
            && let Some(before) = self.last_sent.insert((link, publish.id), now)
            && now.since(before) <= 2 * self.weather.slowest
        {
            self.hasty.insert(String::from_utf8_lossy(publish.payload).into_owned());
        }
        self.send(now, link, |bytes| Flying::Down(port, bytes), &bytes);
        if may_come_again(&bytes) && self.random.chance(self.weather.repeated) {
            let late = self.random.time(Duration::ZERO, REPEATED);
            self.fly(now + late, Flying::Down(port, bytes));
        }
    }

    /// The gateway says something that nobody asked for.
    pub(super) fn unasked(&mut self, now: Instant, link: Link, packet: &sn::Packet<'_>) {
        if let Some(&port) = self.ports.get(&link) {
            let mut bytes = Vec::new();
            packet.put(&mut bytes);
            self.said(now, link, "<-", &bytes);
            self.fly(now, Flying::Down(port, bytes));
        }
    }

    /// The modem does not read now.
    pub(super) fn wait(&mut self, now: Instant, link: Link, bytes: Vec<u8>) {
        if let Some(&port) = self.ports.get(&link) {
            self.fly(now + Duration::from_millis(50), Flying::Down(port, bytes));
        }
    }

    /// The gateway connects to the broker.
    pub(super) fn connect(&mut self, now: Instant, link: gateway::Link) {
        let peer = self.peer(link);
        self.wires.insert(peer, (VecDeque::new(), now));
        self.fly(now + WIRE, Flying::Connect(peer));
    }

    pub(super) fn write(&mut self, now: Instant, link: gateway::Link, bytes: &[u8]) {
        self.fly(now + WIRE, Flying::Write(self.peer(link), bytes.into()));
    }

    pub(super) fn hang_up(&mut self, now: Instant, link: gateway::Link) {
        let peer = self.peer(link);
        self.wires.remove(&peer);
        self.fly(now + WIRE, Flying::HangUp(peer));
    }

    /// The gateway does not read now.
    pub(super) fn hold(&mut self, now: Instant, link: gateway::Link, bytes: Vec<u8>) {
        let peer = self.peer(link);
        if let Some((queue, _)) = self.wires.get_mut(&peer) {
            queue.push_front(Arrival::Bytes(link, bytes));
            self.fly(now + Duration::from_millis(50), Flying::Wire(peer));
        }
    }

    /// Somebody at the broker publishes a message.
    pub(super) fn publish(&mut self, now: Instant, topic: &str, qos: Qos, payload: &str) {
        self.log(now, format_args!("  broker: publish {topic:?} q{} {payload:?}", qos.number()));
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let id = PacketId::new(self.last_id).filter(|_| qos != Qos::AtMostOnce);
        let payload = payload.as_bytes();
        self.watcher(now, &Packet::Publish(Publish { topic, payload, qos, retain: false, dup: false, id }));
    }

    fn said(&mut self, now: Instant, link: Link, arrow: &str, bytes: &[u8]) {
        if self.log.is_none() {
            return;
        }
        match sn::Packet::decode(bytes) {
            Ok(packet) => self.log(now, format_args!("  {link} {arrow} {packet}")),
            Err(why) => self.log(now, format_args!("  {link} {arrow} {why}")),
        }
    }

    fn send(&mut self, now: Instant, link: Link, flying: impl Fn(Vec<u8>) -> Flying, bytes: &[u8]) {
        self.sent += 1;
        let cut = usize::from(link.0).checked_sub(101).and_then(|index| self.cut.get(index));
        if self.silent || cut == Some(&true) || self.random.chance(self.weather.lost) {
            self.lost += 1;
            return self.log(now, format_args!("     lost"));
        }
        let copies = if self.random.chance(self.weather.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let takes = self.random.time(Duration::ZERO, self.weather.slowest);
            self.fly(now + takes, flying(bytes.into()));
        }
    }

    fn fly(&mut self, at: Instant, flying: Flying) {
        self.count += 1;
        self.flying.insert((at, self.count), flying);
    }

    /// Something for a connection of the gateway, behind what is on its way.
    fn bring(&mut self, now: Instant, peer: broker::Peer, arrival: Arrival) {
        let Some((queue, last)) = self.wires.get_mut(&peer) else { return };
        queue.push_back(arrival);
        *last = (*last).max(now + WIRE);
        let at = *last;
        self.fly(at, Flying::Wire(peer));
    }

    fn watcher(&mut self, now: Instant, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        self.tell_broker(now, broker::Input::Received(WATCHER, &bytes));
    }

    fn tell_broker(&mut self, now: Instant, input: broker::Input<'_>) {
        self.out.clear();
        self.broker.handle(now, input, &mut self.out);
        let mut brought = Vec::new();
        let mut seen = Vec::new();
        for effect in self.out.effects() {
            match effect {
                broker::Effect::Send(WATCHER, bytes) => seen.push(bytes.to_vec()),
                broker::Effect::Send(peer, bytes) => {
                    brought.extend(self.link(peer).map(|link| (peer, Arrival::Bytes(link, bytes.into()))));
                }
                broker::Effect::Close(peer) => {
                    brought.extend(self.link(peer).map(|link| (peer, Arrival::Ended(link))));
                }
                broker::Effect::Note(_) => {}
            }
        }
        for (peer, arrival) in brought {
            self.bring(now, peer, arrival);
        }
        for bytes in seen {
            self.see(now, &bytes);
        }
    }

    /// The watcher acknowledges what it gets, and counts it.
    fn see(&mut self, now: Instant, bytes: &[u8]) {
        match Packet::decode(bytes) {
            Ok(Packet::Publish(publish)) => {
                let payload = String::from_utf8_lossy(publish.payload).into_owned();
                self.arrived.entry(payload).or_default().push(publish.topic.to_owned());
                match (publish.qos, publish.id) {
                    (Qos::AtLeastOnce, Some(id)) => self.watcher(now, &Packet::Puback(id)),
                    (Qos::ExactlyOnce, Some(id)) => self.watcher(now, &Packet::Pubrec(id)),
                    _ => {}
                }
            }
            Ok(Packet::Pubrel(id)) => self.watcher(now, &Packet::Pubcomp(id)),
            Ok(Packet::Pubrec(id)) => self.watcher(now, &Packet::Pubrel(id)),
            _ => {}
        }
    }
}

/// Acknowledgements may come at any time, and messages of QoS 1 and 2. The answers to updates of a will have no identifier:
/// each counts for what is asked at the time.
fn may_come_again(bytes: &[u8]) -> bool {
    use sn::Packet;
    match Packet::decode(bytes) {
        Ok(Packet::Publish(publish)) => publish.qos > Some(Qos::AtMostOnce),
        Ok(
            Packet::Connack(ReturnCode::Accepted)
            | Packet::Regack { .. }
            | Packet::Puback { .. }
            | Packet::Pubrec(_)
            | Packet::Pubrel(_)
            | Packet::Pubcomp(_)
            | Packet::Suback { .. }
            | Packet::Unsuback(_)
            | Packet::Pingresp,
        ) => true,
        _ => false,
    }
}

/// The datagram with other ids for names. Predefined ids and short names stay.
fn renumbered(bytes: &[u8], number: impl Fn(u16) -> u16) -> Vec<u8> {
    use sn::Packet;
    let Ok(mut packet) = Packet::decode(bytes) else { return bytes.into() };
    match &mut packet {
        Packet::Publish(sn::Publish { topic: TopicId::Normal(topic), .. })
        | Packet::Register { topic, .. }
        | Packet::Regack { topic, .. }
        | Packet::Suback { topic, .. }
        | Packet::Puback { topic, .. }
            if *topic > 0 =>
        {
            *topic = number(*topic);
        }
        _ => return bytes.into(),
    }
    let mut bytes = Vec::new();
    packet.put(&mut bytes);
    bytes
}
