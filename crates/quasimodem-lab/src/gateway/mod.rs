//! A lab gateway: MQTT-SN 1.2 on one side, a broker of MQTT 3.1.1 on the other, as one state machine without I/O, clock
//! or randomness.
//!
//! It is a transparent gateway (MQTT-SN 4.1): each client has a connection of its own to the broker, under its own client
//! id. It has the shape of the [broker](crate::broker): a driver tells it what happened, carries out what it answers, and
//! comes back at its deadline.
//!
//! ```
//! use quasimodem_core::{Instant, mqtt, sn};
//! use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Outbox, Peer};
//!
//! let mut gateway = Gateway::new(Config::default());
//! let mut outbox = Outbox::default();
//! let peer = Peer("192.0.2.1:1024".parse()?);
//! let connect = sn::parse_words(r#"connect "me" clean keepalive 60"#)?;
//! gateway.handle(Instant::START, Input::Datagram(peer, &connect), &mut outbox);
//! let Some(Effect::Open(link)) = outbox.effects().next() else { panic!("it does not connect") };
//! outbox.clear();
//! gateway.handle(Instant::START, Input::Opened(link), &mut outbox);
//! let Some(Effect::Write(_, bytes)) = outbox.effects().next() else { panic!("no CONNECT") };
//! assert_eq!(mqtt::Packet::decode(bytes).unwrap().to_string(), r#"connect "me" clean keepalive 60"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contracts
//!
//! - [`Gateway::handle`] first settles what was due at `now`, then takes the input in. When it returns, all that the
//!   input causes is in the outbox, and nothing is pending but the deadline. A call at the deadline always moves it.
//! - Effects are carried out in order. The outbox belongs to the caller.
//! - Before a link is read, [`Gateway::wants`] is asked; it can change with every call. What a sleeping or slow client
//!   does not take stays with the broker, but for messages of QoS 0, which are dropped.
//! - When more bytes wait to be written to a link than the driver likes to hold, it says [`Input::Full`], later
//!   [`Input::Free`]. In between, what the client publishes or asks for is answered with congestion.
//! - After [`Effect::Close`] nothing may be brought for that link.
//! - No datagram makes the gateway panic, and memory stays within the [`Limits`]. Whoever is not connected can't make it
//!   hold more than a will handshake, of which there are few. A datagram never counts for another address than its own.
//!
//! # Where the standard leaves room
//!
//! - Wills stay with the gateway. MQTT fixes a will with the CONNECT, so that an update would need a new connection: that
//!   publishes the old will, or loses messages of QoS 0, or there is a time without any. So the gateway publishes a will
//!   itself when the client is lost, over a connection of its own, in which it also publishes what comes with QoS -1.
//!   While the broker can't be reached, wills wait. A gateway that ends takes them with it.
//! - Whether a client is lost is decided by its keep-alive time alone (MQTT-SN 7.2). Until then what it does not
//!   acknowledge is sent again: [`Config::retries`] times at the pace of [`Config::retry`], then more and more slowly, and
//!   at once when something is heard of it. A client that woke up is asleep again after the first of these; it asks.
//! - A client that connects from another address while it is connected is lost at the first one, as with MQTT.
//! - QoS 1 and 2 are acknowledged from end to end, with the same identifiers on both sides. So exchanges go on after a
//!   break, and exactly once holds from the publisher to the broker and from the broker to the subscriber.
//! - A copy of a request that was answered up to [`Config::copies_within`] ago is known again, as UDP may double
//!   datagrams and change their order.
//! - Names of two bytes are always told to clients as short topic names. Ids that the gateway gives are none of the
//!   predefined ones.
//! - Encapsulated messages of forwarders (MQTT-SN 5.5) are noted and not answered, and predefined topic ids and the login
//!   are the same for all clients.
//! - Topic ids outlive a connection with its session, but are registered anew before they are used: the client may have
//!   forgotten them.

mod client;
mod config;
mod connect;
mod downlink;
mod link;
mod note;
mod order;
mod outbox;
mod publisher;
mod recent;
mod topics;
mod uplink;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{self, Qos, frame_len};
use quasimodem_core::sn::{self, Packet, Publish, ReturnCode};

use self::client::{Client, Phase};
use self::connect::Handshakes;
use self::link::{Mqtt, Stage};
use self::publisher::{Parcel, Publisher};
use crate::timers::Timers;

pub use self::config::{Config, Limits, Login};
pub use self::note::{Client as Name, End, LinkEnd, Loss, Message, Note, Refusal};
pub use self::order::{Demand, Order};
pub use self::outbox::{Effect, Input, Link, Outbox, Peer};

/// An MQTT-SN 1.2 gateway.
pub struct Gateway {
    config: Config,
    handshakes: Handshakes,
    clients: BTreeMap<Key, Box<Client>>,
    names: BTreeMap<Name, Key>,
    /// Where clients are connected.
    peers: BTreeMap<Peer, Key>,
    links: BTreeMap<Link, Owner>,
    timers: Timers<Key>,
    /// Sessions of clients that are not connected, the one that was kept longest first.
    kept: BTreeSet<(Instant, Key)>,
    departed: Departed,
    publisher: Publisher,
    /// Clients that are not gone.
    connected: usize,
    last_key: u64,
    last_link: u64,
    /// What faults demand of it.
    demands: BTreeMap<Box<str>, Demand>,
}

/// A session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key(u64);

/// Whose link it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    Client(Key),
    Gateway,
}

/// What a part of the gateway needs to do its work.
struct Turn<'a> {
    now: Instant,
    config: &'a Config,
    out: &'a mut Outbox,
}

/// What a gateway holds at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Clients that are connected, asleep, or wait for the broker.
    pub clients: usize,
    /// Sessions, connected or kept.
    pub sessions: usize,
    /// Will handshakes that are not over.
    pub handshakes: usize,
    /// Links, with the gateway's own.
    pub links: usize,
    /// Topic ids of all sessions.
    pub topics: usize,
    /// Requests of all clients that wait for the broker.
    pub requests: usize,
    /// Messages that wait for clients.
    pub queued: usize,
    /// Their bytes, topics and payloads.
    pub queued_bytes: usize,
    /// Bytes from brokers that were not taken yet.
    pub unread_bytes: usize,
    /// Messages of the gateway's own connection that wait.
    pub own: usize,
    /// Their bytes.
    pub own_bytes: usize,
}

impl Gateway {
    /// A gateway that nobody knows yet.
    pub fn new(config: Config) -> Gateway {
        Gateway {
            config,
            handshakes: Handshakes::default(),
            clients: BTreeMap::new(),
            names: BTreeMap::new(),
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            timers: Timers::default(),
            kept: BTreeSet::new(),
            departed: Departed::default(),
            publisher: Publisher::default(),
            connected: 0,
            last_key: 0,
            last_link: 0,
            demands: BTreeMap::new(),
        }
    }

    /// Settles what is due at `now`, then takes the input in. See the contracts of this [module](self).
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        self.settle(now, out);
        match input {
            Input::Datagram(..) if self.is_lost() => {}
            Input::Datagram(peer, bytes) => match Packet::decode(bytes) {
                Ok(packet) => self.datagram(now, peer, packet, out),
                Err(why) => out.note(Note::Malformed { peer, why }),
            },
            Input::Opened(link) => self.opened(now, link, out),
            Input::Received(link, chunk) => self.received(now, link, chunk, out),
            Input::Closed(link, why) => self.closed(now, link, LinkEnd::Closed(why), out),
            Input::Full(link) => self.set_full(link, true),
            Input::Free(link) => {
                self.set_full(link, false);
                self.pump_own(now, out);
            }
            Input::Tick => {}
        }
        if self.is_lost() {
            out.send_nothing();
        }
    }

    /// When to call [`handle`](Self::handle) with [`Input::Tick`] if nothing else happens before; `None`: never.
    pub fn deadline(&self) -> Option<Instant> {
        let handshake = self.handshakes.due(&self.config);
        let client = self.timers.first().map(|(due, _)| due);
        [handshake, client, self.publisher.due(&self.config)].into_iter().flatten().min()
    }

    /// Whether this link may be read: not while too much waits for its client.
    pub fn wants(&self, link: Link) -> bool {
        match self.links.get(&link) {
            Some(Owner::Client(key)) => self.clients.get(key).is_some_and(|client| !client.is_paused(&self.config)),
            Some(Owner::Gateway) => true,
            None => false,
        }
    }

    /// Counts what the gateway holds: a walk over all of it.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage {
            clients: self.connected,
            sessions: self.clients.len(),
            handshakes: self.handshakes.len(),
            links: self.links.len(),
            own: self.publisher.len(),
            own_bytes: self.publisher.bytes(),
            ..Usage::default()
        };
        for client in self.clients.values() {
            usage.topics += client.topics.len();
            usage.requests += client.up.len();
            usage.queued += client.down.len();
            usage.queued_bytes += client.down.bytes();
            usage.unread_bytes += client.mqtt.as_ref().map_or(0, |mqtt| mqtt.unread.len());
        }
        usage
    }

    fn settle(&mut self, now: Instant, out: &mut Outbox) {
        while self.handshakes.oldest().is_some_and(|begun| begun + self.config.connect_within <= now) {
            self.handshakes.forget_oldest();
        }
        self.handshakes.repeat(&mut Turn { now, config: &self.config, out });
        while let Some((due, key)) = self.timers.first()
            && due <= now
        {
            // Also if the client were unknown, so that the deadline moves.
            self.timers.set(key, None);
            self.settle_client(now, key, out);
        }
        if self.publisher.due(&self.config).is_some_and(|due| due <= now) {
            let mut turn = Turn { now, config: &self.config, out };
            if let Err(why) = self.publisher.settle(&mut turn) {
                self.own_link_ended(now, why, out);
            }
            self.pump_own(now, out);
        }
    }

    fn settle_client(&mut self, now: Instant, key: Key, out: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.lapses().is_some_and(|lapses| lapses <= now) {
            return self.end(now, key, End::Silent, out);
        }
        let mut turn = Turn { now, config: &self.config, out };
        if let Err(why) = client.settle_link(&mut turn) {
            return self.link_ended(now, key, why, out);
        }
        client.settle_flight(&mut turn);
        self.touched(now, key, out);
    }

    fn datagram(&mut self, now: Instant, peer: Peer, packet: Packet<'_>, out: &mut Outbox) {
        match packet {
            Packet::Connect(connect) => self.connect(now, peer, &connect, out),
            Packet::Willtopic(topic) => self.will_topic(now, peer, topic, out),
            Packet::Willmsg(payload) => self.will_message(now, peer, payload, out),
            Packet::Disconnect { duration } => self.disconnect(now, peer, duration, out),
            Packet::Publish(publish @ Publish { qos: None, .. }) => self.publish_unasked(now, peer, &publish, out),
            Packet::Searchgw { .. } => {
                out.send(peer, &Packet::Gwinfo { gateway: self.config.gateway, address: &[] });
            }
            Packet::Encapsulated { .. } => out.note(Note::Forwarder { peer }),
            packet => self.request(now, peer, packet, out),
        }
    }

    /// A message of a client that should be connected.
    fn request(&mut self, now: Instant, peer: Peer, packet: Packet<'_>, out: &mut Outbox) {
        let key = self.peers.get(&peer).copied();
        let Some((key, client)) = key.and_then(|key| Some((key, self.clients.get_mut(&key)?))) else {
            return unknown(peer, &packet, out);
        };
        if client.phase == Phase::Connecting {
            return;
        }
        if matches!(packet, Packet::Pingreq { client_id } if !client_id.is_empty() && *client_id != *client.name) {
            return unknown(peer, &packet, out);
        }
        let turn = &mut Turn { now, config: &self.config, out };
        match packet {
            Packet::Register { id, name, .. } => client.register(id, name, turn),
            Packet::Regack { id, code, .. } => client.regack(id, code, turn),
            Packet::Publish(publish) => client.publish(&publish, publish.qos.unwrap_or(Qos::AtMostOnce), turn),
            Packet::Puback { topic, id, code } => client.puback(topic, id, code, turn),
            Packet::Pubrec(id) => client.pubrec(id, turn),
            Packet::Pubrel(id) => client.pubrel(id, turn),
            Packet::Pubcomp(id) => client.pubcomp(id, turn),
            Packet::Subscribe { id, topic, qos, .. } => client.subscribe(id, &topic, qos, turn),
            Packet::Unsubscribe { id, topic } => client.unsubscribe(id, &topic, turn),
            Packet::Pingreq { .. } => client.ping(turn),
            Packet::Willtopicupd(topic) => client.update_will_topic(topic, turn),
            Packet::Willmsgupd(payload) => client.update_will_message(payload, turn),
            // What only gateways send, and what has been dealt with.
            _ => return,
        }
        client.hear(turn);
        self.touched(now, key, out);
    }

    /// A message without a connection (MQTT-SN 6.8). Nobody waits for an answer.
    fn publish_unasked(&mut self, now: Instant, peer: Peer, publish: &Publish<'_>, out: &mut Outbox) {
        let Publish { topic, payload, retain, .. } = *publish;
        let Some(name) = uplink::known_name(&topic, &self.config).filter(|name| mqtt::is_name(name)) else {
            return out.note(Note::NotTaken { peer, topic, why: Loss::UnknownTopic });
        };
        let (topic, payload) = (name.into(), payload.into());
        self.publish_own(now, Parcel { topic, payload, qos: Qos::AtMostOnce, retain, will_of: None }, out);
    }

    fn publish_own(&mut self, now: Instant, parcel: Parcel, out: &mut Outbox) {
        self.publisher.push(parcel, &mut Turn { now, config: &self.config, out });
        self.pump_own(now, out);
    }

    fn pump_own(&mut self, now: Instant, out: &mut Outbox) {
        let (links, last_link) = (&mut self.links, &mut self.last_link);
        let link = || {
            *last_link += 1;
            links.insert(Link(*last_link), Owner::Gateway);
            Link(*last_link)
        };
        self.publisher.pump(link, &mut Turn { now, config: &self.config, out });
    }

    fn opened(&mut self, now: Instant, link: Link, out: &mut Outbox) {
        let owner = self.links.get(&link).copied();
        let mut turn = Turn { now, config: &self.config, out };
        match owner {
            Some(Owner::Client(key)) => {
                let client = self.clients.get_mut(&key);
                if let Some(Client { name, mqtt: Some(mqtt), .. }) = client.map(|client| &mut **client)
                    && mqtt.stage == Stage::Opening
                {
                    mqtt.connect(name, &mut turn);
                }
                self.set_timer(key);
            }
            // Without an id: the broker chooses one that nobody has [MQTT-3.1.3-6].
            Some(Owner::Gateway) => {
                if let Some(mqtt) = self.publisher.mqtt().filter(|mqtt| mqtt.stage == Stage::Opening) {
                    mqtt.connect("", &mut turn);
                }
            }
            None => {}
        }
    }

    fn received(&mut self, now: Instant, link: Link, chunk: &[u8], out: &mut Outbox) {
        let Some(mqtt) = self.mqtt(link) else { return };
        mqtt.heard(now);
        let mut owned = mem::take(&mut mqtt.unread);
        if !owned.is_empty() {
            owned.extend_from_slice(chunk);
        }
        let mut rest = if owned.is_empty() { chunk } else { &owned };
        while self.wants(link) {
            let frame = match frame_len(rest, self.config.limits.packet) {
                Ok(len) => len.and_then(|len| rest.split_at_checked(len)),
                Err(violation) => return self.fail(now, link, violation.into(), out),
            };
            let Some((frame, behind)) = frame else { break };
            rest = behind;
            let packet = mqtt::Packet::decode(frame).map_err(LinkEnd::from);
            if let Err(why) = packet.and_then(|packet| self.packet(now, link, &packet, out)) {
                return self.fail(now, link, why, out);
            }
        }
        let unread = if rest.len() == owned.len() { owned } else { rest.into() };
        if let Some(mqtt) = self.mqtt(link) {
            mqtt.unread = unread;
        }
        if let Some(Owner::Client(key)) = self.links.get(&link) {
            self.set_timer(*key);
        }
    }

    /// A packet of the broker. An error ends the link.
    fn packet(&mut self, now: Instant, link: Link, packet: &mqtt::Packet<'_>, out: &mut Outbox) -> Result<(), LinkEnd> {
        let mut turn = Turn { now, config: &self.config, out };
        let key = match self.links.get(&link) {
            Some(Owner::Client(key)) => *key,
            Some(Owner::Gateway) => {
                self.publisher.packet(packet, &mut turn)?;
                self.pump_own(now, out);
                return Ok(());
            }
            None => return Ok(()),
        };
        let Some(client) = self.clients.get_mut(&key) else { return Ok(()) };
        let connecting = client.mqtt.as_ref().is_some_and(|mqtt| !mqtt.is_open());
        match *packet {
            mqtt::Packet::Connack { code, session_present } => {
                if !connecting || code != 0 {
                    return Err(if connecting { LinkEnd::Refused(code) } else { NOT_NOW.into() });
                }
                if session_present && client.mqtt.as_ref().is_some_and(|mqtt| mqtt.clean) {
                    let what = "session present in answer to a clean session";
                    return Err(mqtt::Violation { rule: "MQTT-3.2.2-1", what }.into());
                }
                client.accept(session_present, &mut turn);
                self.publisher.hurry();
                self.pump_own(now, out);
            }
            _ if connecting => return Err(NOT_NOW.into()),
            mqtt::Packet::Publish(publish) => client.deliver(&publish, &mut turn),
            mqtt::Packet::Puback(id) => client.publish_acknowledged(id, &mut turn),
            mqtt::Packet::Pubrec(id) => client.publish_received(id, &mut turn),
            mqtt::Packet::Pubrel(id) => client.release(id, &mut turn),
            mqtt::Packet::Pubcomp(id) => client.publish_complete(id, &mut turn),
            mqtt::Packet::Suback { id, codes } => {
                let granted = codes.first().copied().and_then(Qos::from_number);
                client.subscribed(id, granted, &mut turn);
            }
            mqtt::Packet::Unsuback(id) => client.unsubscribed(id, &mut turn),
            mqtt::Packet::Pingresp => {}
            _ => return Err(NOT_NOW.into()),
        }
        Ok(())
    }

    /// The gateway ends a link.
    fn fail(&mut self, now: Instant, link: Link, why: LinkEnd, out: &mut Outbox) {
        out.close(link);
        self.closed(now, link, why, out);
    }

    /// A link is gone.
    fn closed(&mut self, now: Instant, link: Link, why: LinkEnd, out: &mut Outbox) {
        match self.links.remove(&link) {
            Some(Owner::Client(key)) => {
                if let Some(client) = self.clients.get_mut(&key) {
                    client.mqtt = None;
                }
                self.link_ended(now, key, why, out);
            }
            Some(Owner::Gateway) => self.publisher.lost(why, &mut Turn { now, config: &self.config, out }),
            None => {}
        }
    }

    /// The gateway's own link does not answer.
    fn own_link_ended(&mut self, now: Instant, why: LinkEnd, out: &mut Outbox) {
        if let Some(link) = self.publisher.mqtt().map(|mqtt| mqtt.link) {
            self.fail(now, link, why, out);
        }
    }

    /// Something happened to a client: there may be room for what was not taken from its link.
    fn touched(&mut self, now: Instant, key: Key, out: &mut Outbox) {
        let Some(client) = self.clients.get(&key) else { return };
        if let Some(mqtt) = client.mqtt.as_ref().filter(|mqtt| !mqtt.unread.is_empty() && mqtt.is_open())
            && !client.is_paused(&self.config)
        {
            self.received(now, mqtt.link, &[], out);
        }
        self.set_timer(key);
    }

    fn mqtt(&mut self, link: Link) -> Option<&mut Mqtt> {
        match self.links.get(&link)? {
            Owner::Client(key) => self.clients.get_mut(key)?.mqtt.as_mut(),
            Owner::Gateway => self.publisher.mqtt(),
        }
    }

    fn set_full(&mut self, link: Link, full: bool) {
        if let Some(mqtt) = self.mqtt(link) {
            mqtt.full = full;
        }
    }

    fn set_timer(&mut self, key: Key) {
        let due = self.clients.get(&key).and_then(|client| client.due(&self.config));
        self.timers.set(key, due);
    }
}

impl Client {
    /// It is connected.
    fn accept(&mut self, session_present: bool, turn: &mut Turn<'_>) {
        self.phase = Phase::Active { since: turn.now, fresh: true };
        self.heard = turn.now;
        if let Some(mqtt) = &mut self.mqtt {
            mqtt.stage = Stage::Open;
        }
        turn.out.send(self.peer, &Packet::Connack(ReturnCode::Accepted));
        let (peer, client, clean) = (self.peer, self.name.clone(), self.wish.clean);
        turn.out.note(Note::Connected { peer, client, clean, session_present });
        if !session_present {
            self.up.clear();
        }
        self.pump(turn);
    }
}

/// Who said DISCONNECT a moment ago, and may not have heard the answer.
#[derive(Default)]
struct Departed(VecDeque<(Instant, Peer)>);

impl Departed {
    /// As many as are remembered.
    const MOST: usize = 256;

    fn add(&mut self, now: Instant, peer: Peer) {
        if self.0.len() >= Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, peer));
    }

    fn has(&self, now: Instant, peer: Peer, config: &Config) -> bool {
        let within = config.retry * u32::from(config.retries).saturating_add(1);
        self.0.iter().any(|(at, other)| *other == peer && now.since(*at) <= within)
    }
}

const NOT_NOW: mqtt::Violation =
    mqtt::Violation { rule: "MQTT 3", what: "the broker sends a packet that it may not send now" };

/// Requests of those who are not connected are answered with DISCONNECT (MQTT-SN 5.4.21), other messages not at all.
fn unknown(peer: Peer, packet: &sn::Packet<'_>, out: &mut Outbox) {
    if let Packet::Register { .. }
    | Packet::Publish(_)
    | Packet::Pubrel(_)
    | Packet::Subscribe { .. }
    | Packet::Unsubscribe { .. }
    | Packet::Pingreq { .. }
    | Packet::Willtopicupd(_)
    | Packet::Willmsgupd(_) = packet
    {
        out.send(peer, &Packet::Disconnect { duration: None });
        out.note(Note::Unknown { peer });
    }
}
