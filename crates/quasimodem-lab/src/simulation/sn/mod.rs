//! The same over MQTT-SN: a modem with the clients 101 and 102, the lab gateway and the lab broker, over a network that
//! loses datagrams, doubles them and changes their order, all drawn from one number.
//!
//! ```
//! let summary = quasimodem_lab::simulation::sn::run(2)?;
//! assert!(summary.lost > 0);
//! # Ok::<(), Box<quasimodem_lab::simulation::sn::Failure>>(())
//! ```
//!
//! # What must hold
//!
//! - Each command that was answered OK gets its one result in time, in the order of the commands of its client and name.
//! - What is reported as published at QoS 1 or 2 is at the broker then, at QoS 2 once, and nothing of QoS 2 ever twice.
//! - What the broker takes at QoS 1 or 2 for a client that is subscribed arrives at its host, for as long as the session
//!   lasts, in spite of breaks: at QoS 2 once, if the network brings no copies late.
//! - A client that vanishes leaves the will that the gateway has accepted last.
//! - In the end all is quiet: nobody is owed anything, and the gateway holds nothing of clients that are gone.

mod host;
mod network;

use std::fmt;
use std::time::Duration;

use quasimodem_core::{Effect, Host, Imei, Input, Instant, Link, Modem, Outbox, Port, Query, Settings, Why};

use self::host::{Client, Doing};
use self::network::{Arrival, Network};
use crate::gateway::{self, Gateway, Peer};
use crate::random::Random;

/// How much happened in a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Commands that were accepted.
    pub commands: usize,
    /// Results that told of success.
    pub successes: usize,
    /// Messages that came from the modem to the broker.
    pub published: usize,
    /// Messages of QoS 1 and 2 that came from the broker to the host.
    pub delivered: usize,
    /// Connections that broke.
    pub breaks: usize,
    /// Wills that were published.
    pub wills: usize,
    /// Datagrams that were sent.
    pub datagrams: usize,
    /// Datagrams that were lost.
    pub lost: usize,
    /// Virtual time that passed.
    pub time: Duration,
}

/// A run in which something did not hold. `Display` prints all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
    /// What happened before, one thing a line.
    pub log: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(f, "seed {} over MQTT-SN: {}", self.seed, self.what)
    }
}

/// Runs the scenario of a seed and checks it.
pub fn run(seed: u64) -> Result<Summary, Box<Failure>> {
    let mut world = World::draw(seed);
    let played = world.play();
    let log = std::mem::take(&mut world.network.log);
    played.map(|()| world.summary()).map_err(|what| Box::new(Failure { seed, what, log }))
}

/// The modem, its host, and all that is behind them.
struct World {
    now: Instant,
    random: Random,
    modem: Modem,
    out: Outbox,
    /// What the modem wrote and the host has not read as a line.
    line: Vec<u8>,
    clients: [Client; 2],
    gateway: Gateway,
    gateway_out: gateway::Outbox,
    network: Network,
    lookups: Vec<(Instant, Query)>,
    summary: Summary,
    /// No copy of a message comes after the exchange that it belongs to: then exactly once holds up to the host.
    single: bool,
}

/// The longest that a run may take.
const LONGEST: Duration = Duration::from_secs(3600);

impl World {
    fn draw(seed: u64) -> World {
        let mut random = Random::new(seed ^ 0x0a5e_55ed);
        let doubled = random.pick([0, 0, 5, 15, 30]);
        let slowest = random.pick([5, 50, 300]);
        let retry_gateway = random.pick([300, 700, 1500]);
        let single = doubled == 0 && 2 * slowest < retry_gateway;
        let weather =
            network::Weather { lost: random.pick([0, 5, 15, 30]), doubled, slowest: random.millis(1, slowest) };
        // Often enough that hardly any request fails, and as it is by default.
        let (retry, retries) = random.pick([(200, 14), (200, 14), (700, 3)]);
        let settings = Settings {
            sn_retry: Duration::from_millis(retry),
            sn_retries: retries,
            echo: false,
            window: 16,
            ..Settings::default()
        };
        let config = gateway::Config {
            retry: Duration::from_millis(retry_gateway),
            retries: random.pick([1, 3, 6]),
            predefined: [(900, "101/known".into()), (901, "102/known".into())].into(),
            ..gateway::Config::default()
        };
        let clients = [101, 102].map(|id| Client::draw(id, &mut random));
        World {
            now: Instant::START,
            modem: Modem::new(settings.into(), Imei::default()),
            out: Outbox::default(),
            line: Vec::new(),
            clients,
            gateway: Gateway::new(config),
            gateway_out: gateway::Outbox::default(),
            network: Network::new(weather, Random::new(random.bits())),
            lookups: Vec::new(),
            summary: Summary::default(),
            random,
            single,
        }
    }

    fn summary(&self) -> Summary {
        let published = self.network.arrived.keys().filter(|payload| payload.starts_with('u')).count();
        let time = self.now.since(Instant::START);
        Summary { published, time, datagrams: self.network.sent, lost: self.network.lost, ..self.summary }
    }

    fn play(&mut self) -> Result<(), String> {
        self.tell(&Input::Host(Host::Attached))?;
        let end = Instant::START + LONGEST;
        while !(self.clients.iter().all(Client::is_done) && self.gateway.usage().clients == 0) {
            self.step()?;
            if self.now > end {
                let left: Vec<String> = self.clients.iter().map(Client::left).collect();
                return Err(format!("it does not end: {}; {:?}", left.join("; "), self.gateway.usage()));
            }
        }
        // What is still on its way comes to rest.
        let end = self.now + Duration::from_secs(60);
        while self.due().is_some_and(|due| due <= end) {
            self.step()?;
        }
        let usage = self.gateway.usage();
        // A kept session may keep an exchange of QoS 2 that did not end.
        if usage.clients + usage.handshakes + usage.queued + usage.own > 0 {
            return Err(format!("the gateway holds something: {usage:?}"));
        }
        self.clients.iter().try_for_each(|client| client.check(&self.network.arrived, self.single))
    }

    fn due(&self) -> Option<Instant> {
        let hosts = self.clients.iter().filter_map(Client::due);
        let lookups = self.lookups.iter().map(|(due, _)| *due);
        let others = [self.modem.deadline(), self.gateway.deadline(), self.network.deadline()];
        hosts.chain(lookups).chain(others.into_iter().flatten()).min()
    }

    /// Lets the next thing happen.
    fn step(&mut self) -> Result<(), String> {
        let due = self.due().ok_or("nothing is due, and it is not over")?;
        self.now = self.now.max(due);
        if let Some(arrival) = self.network.arrival(self.now) {
            return self.arrive(arrival);
        }
        if let Some(index) = self.lookups.iter().position(|(due, _)| *due <= self.now) {
            let (_, query) = self.lookups.remove(index);
            return self.tell(&Input::Resolved(query, Err(Why::Unreachable)));
        }
        let acts = |client: &Client| client.due().is_some_and(|due| due <= self.now);
        if let Some(index) = self.clients.iter().position(acts) {
            return self.act(index);
        }
        if self.modem.deadline().is_some_and(|due| due <= self.now) {
            return self.tell(&Input::Tick);
        }
        self.tell_gateway(gateway::Input::Tick);
        Ok(())
    }

    /// The host, or somebody at the broker, does the next thing of a client's script.
    fn act(&mut self, index: usize) -> Result<(), String> {
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        match client.act(self.now, &mut self.random, &self.network.arrived)? {
            Doing::Nothing => Ok(()),
            Doing::Type(line) => {
                self.network.log(self.now, format_args!("> {line}"));
                self.tell(&Input::Serial(format!("{line}\r").as_bytes()))
            }
            Doing::Publish { topic, qos, payload } => {
                self.network.publish(self.now, &topic, qos, &payload);
                Ok(())
            }
            Doing::Vanish => {
                self.network.cut(index);
                Ok(())
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<(), String> {
        match arrival {
            Arrival::AtGateway(peer, bytes) => self.tell_gateway(gateway::Input::Datagram(peer, &bytes)),
            Arrival::AtModem(link, bytes) if self.modem.wants(Port::Link(link)) => {
                return self.tell(&Input::Received(link, &bytes));
            }
            // It waits in the system for a while.
            Arrival::AtModem(link, bytes) => self.network.wait(self.now, link, bytes),
            Arrival::Opened(link) => self.tell_gateway(gateway::Input::Opened(link)),
            Arrival::Bytes(link, bytes) if self.gateway.wants(link) => {
                self.tell_gateway(gateway::Input::Received(link, &bytes));
            }
            Arrival::Bytes(link, bytes) => self.network.hold(self.now, link, bytes),
            Arrival::Ended(link) => self.tell_gateway(gateway::Input::Closed(link, Why::Ended)),
            Arrival::Moved => {}
        }
        Ok(())
    }

    /// Brings an input to the modem and carries out what it asks for.
    fn tell(&mut self, input: &Input<'_>) -> Result<(), String> {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        self.modem.handle(self.now, input.clone(), &mut out);
        if self.modem.deadline().is_some_and(|deadline| deadline <= self.now) {
            return Err("the modem's deadline does not move".into());
        }
        let mut opened = Vec::new();
        for effect in out.effects() {
            match effect {
                Effect::Serial(_, marked) => self.line.extend_from_slice(marked.bytes()),
                Effect::Open { link, .. } => {
                    self.network.open(link);
                    opened.push(link);
                }
                Effect::Send(link, marked) => self.network.up(self.now, link, marked.bytes()),
                Effect::Close(link) => self.network.close(link),
                Effect::Resolve(query, ..) => self.lookups.push((self.now, query)),
                Effect::Line(_) => {}
                Effect::Note(note) => self.network.log(self.now, format_args!("  {note}")),
            }
        }
        self.out = out;
        self.read()?;
        // UDP: there is nothing to wait for.
        opened.into_iter().try_for_each(|link: Link| self.tell(&Input::Opened(link)))
    }

    /// The host reads whole lines.
    fn read(&mut self) -> Result<(), String> {
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if line.is_empty() {
                continue;
            }
            self.network.log(self.now, format_args!("< {line}"));
            let mut fits = false;
            for client in &mut self.clients {
                fits |= client.reads(self.now, &line, &self.network.arrived, &mut self.summary)?;
            }
            if !fits && line != "+SIM READY" {
                return Err(format!("nobody expects {line:?}"));
            }
        }
        Ok(())
    }

    fn tell_gateway(&mut self, input: gateway::Input<'_>) {
        self.gateway_out.clear();
        self.gateway.handle(self.now, input, &mut self.gateway_out);
        for effect in self.gateway_out.effects() {
            match effect {
                gateway::Effect::Send(Peer(to), bytes) => self.network.down(self.now, to, bytes),
                gateway::Effect::Open(link) => self.network.connect(self.now, link),
                gateway::Effect::Write(link, bytes) => self.network.write(self.now, link, bytes),
                gateway::Effect::Close(link) => self.network.hang_up(self.now, link),
                gateway::Effect::Note(note) => {
                    if let gateway::Note::Will { .. } = note {
                        self.summary.wills += 1;
                    }
                    self.network.log(self.now, format_args!("  gateway: {note}"));
                }
            }
        }
    }
}
