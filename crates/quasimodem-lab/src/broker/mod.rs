//! A lab broker: an MQTT 3.1.1 server as one state machine without I/O, clock or randomness.
//!
//! It stands in for a real broker in tests, demos and simulations, in the same shape as a modem: a driver tells it what
//! happened, carries out what it answers, and comes back at its deadline.
//!
//! ```
//! use quasimodem_core::Instant;
//! use quasimodem_core::mqtt::{Packet, parse_words};
//! use quasimodem_lab::broker::{Broker, Config, Effect, Input, Outbox, Peer};
//!
//! let mut broker = Broker::new(Config::default());
//! let mut outbox = Outbox::default();
//! broker.handle(Instant::START, Input::Connected(Peer(1)), &mut outbox);
//! outbox.clear();
//! let connect = parse_words(r#"connect "me" clean keepalive 60"#)?;
//! broker.handle(Instant::START, Input::Received(Peer(1), &connect), &mut outbox);
//! let Some(Effect::Send(Peer(1), bytes)) = outbox.effects().next() else { panic!("no answer") };
//! assert_eq!(Packet::decode(bytes).unwrap().to_string(), "connack 0");
//! assert_eq!(broker.deadline(), Some(Instant::from_millis(90_000)));
//! # Ok::<(), String>(())
//! ```
//!
//! # Contracts
//!
//! - [`Broker::handle`] first settles what was due at `now`, then takes the input in. When it returns, all that the
//!   input causes is in the outbox, and nothing is pending but the deadline. A call at the deadline always moves it.
//! - Effects are carried out in order. The outbox belongs to the caller.
//! - Before a peer is read, [`Broker::wants`] is asked. What a slow subscriber costs is never the publisher's loss: a
//!   publisher is read however full the queues of its subscribers are, and [`Limits`] say what is dropped then. Only a
//!   peer that does not take the answers to its own packets is not read any more.
//! - When more bytes wait to be written to a peer than the driver likes to hold, it says [`Input::Full`], later
//!   [`Input::Free`]. In between, the peer gets the answers to its packets; messages wait in its queue.
//! - After [`Effect::Close`] nothing may be brought for that peer.
//! - No input makes the broker panic, and memory stays within the [`Limits`]. Whatever breaks the protocol ends that
//!   connection, and [`Note::Ended`] names the rule.
//!
//! # Where the standard leaves room
//!
//! - A message is owned (MQTT 4.3) once [`Note::Published`] says so: at the PUBLISH, for QoS 2 as well (method B).
//! - A session gets its messages in the order in which they were accepted, whatever their topic and QoS. One that waits
//!   for its turn in the window makes those of QoS 0 behind it wait too.
//! - Overlapping subscriptions deliver once. Kept sessions queue nothing of QoS 0.
//! - Topics that begin with `$` may be published to, like any other; the broker has none of its own.
//! - Kept sessions never expire, but those of clients that have been absent for long make room when there is none.

mod authority;
mod budget;
mod config;
mod connect;
mod connection;
mod demand;
mod note;
mod order;
mod outbox;
mod requests;
mod retained;
mod session;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::frame_len;

use self::budget::Budget;
use self::connection::{Connection, Phase};
use self::retained::Retained;
use self::session::{Parcel, Session};
use self::subscriptions::Subscriptions;

pub use self::authority::{Admission, Announcement, Authority, Login};
pub use self::config::{Code, Config, Limits, Refusal, User};
pub use self::demand::Demand;
pub use self::note::{Client, End, Loss, Message, Note};
pub use self::order::Order;
pub use self::outbox::{Effect, Input, Outbox, Peer};

/// An MQTT 3.1.1 server.
pub struct Broker {
    config: Config,
    connections: BTreeMap<Peer, Connection>,
    /// Connections with an accepted CONNECT.
    clients: usize,
    /// Connections without a CONNECT, the oldest first.
    strangers: BTreeSet<(Instant, Peer)>,
    /// When the silence of which connection is too long.
    timers: BTreeSet<(Instant, Peer)>,
    sessions: BTreeMap<Client, Session>,
    subscriptions: Subscriptions,
    retained: Retained,
    /// What is held back for clients of which connection until when.
    announcements: BTreeMap<(Instant, Peer), Parcel>,
    /// Seconds from the beginning of 1970 to the driver's start.
    epoch: i64,
    /// What is demanded of it for a while, by name.
    demands: BTreeMap<Box<str>, Demand>,
    /// Wills that a restart made due.
    wills: Vec<(Client, Parcel)>,
    given_ids: u64,
    budget: Budget,
    /// Kept sessions without a connection, those that hold nothing first, then by when their clients left.
    idle: BTreeMap<(bool, u64), Client>,
    /// How many clients have left.
    left: u64,
    /// Bytes of packets that are not whole.
    partial_bytes: usize,
    /// Bytes of retained messages that new subscriptions were sent in this call.
    retained_sent: usize,
}

/// A session, as it is at the moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Whose.
    pub client: Client,
    /// Whether the client is connected.
    pub is_connected: bool,
    /// Whether it ends with the connection.
    pub clean: bool,
    /// How many filters it is subscribed to.
    pub filters: usize,
    /// Messages that wait for the client.
    pub queued: usize,
    /// Exchanges that are not over.
    pub in_flight: usize,
}

/// What a broker holds at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Connections, with or without a CONNECT.
    pub connections: usize,
    /// Connections with an accepted CONNECT.
    pub clients: usize,
    /// Sessions, connected or kept.
    pub sessions: usize,
    /// Subscriptions of all sessions.
    pub subscriptions: usize,
    /// Exchanges that the broker began and that have not ended, of all sessions.
    pub in_flight: usize,
    /// Messages in the queues of all sessions.
    pub queued: usize,
    /// Their bytes, topics and payloads.
    pub queued_bytes: usize,
    /// Bytes of packets that are not whole yet.
    pub partial_bytes: usize,
    /// What [`Limits::held_bytes`] bounds.
    pub held_bytes: usize,
    /// Retained messages.
    pub retained: usize,
    /// Their bytes, topics and payloads.
    pub retained_bytes: usize,
}

impl Broker {
    /// A broker that nobody knows yet.
    pub fn new(config: Config) -> Broker {
        Broker {
            config,
            connections: BTreeMap::new(),
            clients: 0,
            strangers: BTreeSet::new(),
            timers: BTreeSet::new(),
            sessions: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            retained: Retained::default(),
            announcements: BTreeMap::new(),
            epoch: 0,
            demands: BTreeMap::new(),
            wills: Vec::new(),
            given_ids: 0,
            budget: Budget::default(),
            idle: BTreeMap::new(),
            left: 0,
            partial_bytes: 0,
            retained_sent: 0,
        }
    }

    /// Settles what is due at `now`, then takes the input in. See the contracts of this [module](self).
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        self.retained_sent = 0;
        self.settle(now, out);
        match input {
            Input::Connected(peer) => self.connected(now, peer, out),
            Input::Received(peer, chunk) => {
                self.received(now, peer, chunk, out);
                self.set_timer(peer);
            }
            Input::Secured(peer) => {
                if let Some(connection) = self.connections.get_mut(&peer) {
                    connection.secure = true;
                }
            }
            Input::Clock(time) => self.epoch = time.saturating_sub(seconds(now)),
            Input::Gone(peer) => self.close(peer, End::Gone, out),
            Input::Full(peer) => {
                if let Some(connection) = self.connections.get_mut(&peer) {
                    connection.fill();
                }
            }
            Input::Free(peer) => {
                if let Some(connection) = self.connections.get_mut(&peer) {
                    connection.free(now);
                    self.pump(peer, out);
                    self.set_timer(peer);
                }
            }
            Input::Tick => {}
        }
    }

    /// When to call [`handle`](Self::handle) with [`Input::Tick`] if nothing else happens before; `None`: never.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.wills.is_empty() {
            return Some(Instant::START);
        }
        let timer = self.timers.first().map(|&(due, _)| due);
        let announcement = self.announcements.first_key_value().map(|(&(due, _), _)| due);
        timer.into_iter().chain(announcement).min()
    }

    /// Whether this peer may be read. False for a peer that is [`Full`](Input::Full) and got 16 KiB of answers since,
    /// and for one that the broker does not know.
    ///
    /// While a peer is not read, its keep-alive time stands still.
    pub fn wants(&self, peer: Peer) -> bool {
        self.connections.get(&peer).is_some_and(Connection::wants)
    }

    /// Closes the oldest of the connections without a CONNECT, so that there is room for another. False: there is none, all
    /// are of clients.
    pub fn make_room(&mut self, out: &mut Outbox) -> bool {
        let oldest = self.strangers.pop_first();
        if let Some((_, peer)) = oldest {
            self.close(peer, End::MadeRoom, out);
        }
        oldest.is_some()
    }

    /// Publishes a message to a client, whatever it has subscribed to. False: it is not connected.
    pub fn tell(&mut self, now: Instant, client: &str, announcement: Announcement, out: &mut Outbox) -> bool {
        let peer = self.sessions.get(client).and_then(|session| session.peer);
        if let Some(peer) = peer {
            self.announce(now, peer, announcement, out);
        }
        peer.is_some()
    }

    /// Refuses CONNECTs from now on, in addition to what is refused already. Refusals come right after the check of
    /// the protocol level, and survive a restart.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.config.refusals.push(refusal);
    }

    /// Refuses no CONNECT on demand any more.
    pub fn refuse_nobody(&mut self) {
        self.config.refusals.clear();
    }

    /// The broker goes down and comes up again. All connections are forgotten: the driver MUST drop them, without a
    /// word to the broker.
    ///
    /// With `keep`, what a broker writes to its disk is still there: kept sessions and retained messages. The wills of
    /// the lost connections are published with the next call of [`handle`](Self::handle), for which the deadline asks
    /// at once (MQTT 3.1.2.5 lets a server put them off until it is back). Without, only the configuration remains,
    /// with the count of the refusals, and the client ids that were given are not given again.
    pub fn restart(&mut self, keep: bool) {
        self.strangers.clear();
        self.timers.clear();
        self.announcements.clear();
        self.clients = 0;
        self.partial_bytes = 0;
        let connections = mem::take(&mut self.connections);
        if !keep {
            self.idle.clear();
            self.sessions.clear();
            self.subscriptions = Subscriptions::default();
            self.retained = Retained::default();
            self.wills.clear();
            return;
        }
        for connection in connections.into_values() {
            if let Phase::Open(open) = connection.phase {
                self.wills.extend(open.will.map(|will| (open.client, will)));
            }
        }
        let (subscriptions, idle, left) = (&mut self.subscriptions, &mut self.idle, &mut self.left);
        self.sessions.retain(|client, session| {
            if session.peer.is_some() {
                session.detach();
                *left += 1;
                if !session.clean {
                    idle.insert(session.rest(*left), client.clone());
                }
            }
            if session.clean {
                session.filters.iter().for_each(|filter| subscriptions.remove(filter, client));
            }
            !session.clean
        });
    }

    /// Counts what the broker holds: a walk over all of it.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage {
            connections: self.connections.len(),
            clients: self.clients,
            sessions: self.sessions.len(),
            partial_bytes: self.partial_bytes,
            held_bytes: self.budget.held(),
            retained: self.retained.len(),
            retained_bytes: self.retained.bytes(),
            ..Usage::default()
        };
        for session in self.sessions.values() {
            let (queued, bytes) = session.queued();
            usage.subscriptions += session.filters.len();
            usage.in_flight += session.in_flight();
            usage.queued += queued;
            usage.queued_bytes += bytes;
        }
        usage
    }

    /// The sessions, in the order of their client ids, so many at most.
    pub fn sessions(&self, most: usize) -> Vec<Kept> {
        let kept = |(client, session): (&Client, &Session)| Kept {
            client: client.clone(),
            is_connected: session.peer.is_some(),
            clean: session.clean,
            filters: session.filters.len(),
            queued: session.queued().0,
            in_flight: session.in_flight(),
        };
        self.sessions.iter().take(most).map(kept).collect()
    }

    /// Seconds since the beginning of 1970.
    fn time(&self, now: Instant) -> i64 {
        self.epoch.saturating_add(seconds(now))
    }

    fn settle(&mut self, now: Instant, out: &mut Outbox) {
        for (client, will) in mem::take(&mut self.wills) {
            self.publish_will(&client, &will, out);
        }
        while let Some(entry) = self.announcements.first_entry()
            && entry.key().0 <= now
        {
            let ((_, peer), parcel) = entry.remove_entry();
            if let Some(connection) = self.connections.get_mut(&peer) {
                connection.announced = None;
            }
            self.announce_now(peer, parcel, out);
        }
        while let Some(&(due, peer)) = self.timers.first()
            && due <= now
        {
            // Also if the connection were unknown, so that the deadline moves.
            self.timers.pop_first();
            let connected = self.connections.get(&peer).is_some_and(|connection| connection.client().is_some());
            self.close(peer, if connected { End::Silent } else { End::NoConnect }, out);
        }
    }

    fn connected(&mut self, now: Instant, peer: Peer, out: &mut Outbox) {
        if self.connections.contains_key(&peer) {
            return;
        }
        if self.is_down() == Some(false) {
            out.close(peer);
            out.note(Note::Ended { peer, client: None, why: End::Restarted });
            return;
        }
        if self.connections.len() >= self.config.limits.connections && !self.make_room(out) {
            out.close(peer);
            out.note(Note::Ended { peer, client: None, why: End::TooMany });
            return;
        }
        self.connections.insert(peer, Connection::new(now));
        self.strangers.insert((now, peer));
        self.set_timer(peer);
    }

    /// Throws kept sessions away that nobody has used for the longest time, until what is held leaves room for others.
    fn relieve(&mut self, out: &mut Outbox) {
        while self.budget.held() > self.config.limits.queued_together()
            && let Some((key, client)) = self.idle.range((true, 0)..).next().map(|(key, client)| (*key, client.clone()))
        {
            self.idle.remove(&key);
            self.end_session(&client, true, out);
        }
    }

    fn received(&mut self, now: Instant, peer: Peer, chunk: &[u8], out: &mut Outbox) {
        if self.is_down().is_some() {
            return;
        }
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        let mut owned = mem::take(&mut connection.partial);
        self.partial_bytes -= owned.len();
        if !owned.is_empty() {
            owned.extend_from_slice(chunk);
        }
        let mut rest = if owned.is_empty() { chunk } else { &owned };
        loop {
            let frame = match frame_len(rest, self.config.limits.packet) {
                Ok(len) => len.and_then(|len| rest.split_at_checked(len)),
                Err(violation) => return self.close(peer, violation.into(), out),
            };
            let Some((frame, behind)) = frame else { break };
            rest = behind;
            if let Err(end) = self.packet(now, peer, frame, out) {
                return self.close(peer, end, out);
            }
        }
        let partial = if rest.len() == owned.len() { owned } else { rest.into() };
        if self.partial_bytes + partial.len() > self.config.limits.partial_bytes {
            return self.close(peer, End::NoRoom, out);
        }
        if let Some(connection) = self.connections.get_mut(&peer) {
            self.partial_bytes += partial.len();
            connection.partial = partial;
        }
    }

    fn set_timer(&mut self, peer: Peer) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        let due = connection.due(self.config.connect_within);
        let before = mem::replace(&mut connection.timer, due);
        if before != due {
            before.map(|due| self.timers.remove(&(due, peer)));
            due.map(|due| self.timers.insert((due, peer)));
        }
    }
}

/// Whole seconds since the driver's start.
fn seconds(now: Instant) -> i64 {
    i64::try_from(now.since(Instant::START).as_secs()).unwrap_or(i64::MAX)
}
