//! How a client comes (MQTT-SN 6.2, 6.3) and goes.

use std::collections::{BTreeMap, BTreeSet};

use quasimodem_core::Instant;
use quasimodem_core::mqtt::is_name;
use quasimodem_core::sn::{Connect, Packet, ReturnCode, WillTopic};

use super::client::{self, Client, Phase, Will, Wish};
use super::config::Config;
use super::link::Mqtt;
use super::note::{End, LinkEnd, Note, Refusal};
use super::outbox::{Outbox, Peer};
use super::publisher::Parcel;
use super::{Gateway, Key, Owner, Turn};

/// Clients that were asked for their will. Nothing of theirs changes before they have told it.
#[derive(Default)]
pub(super) struct Handshakes {
    of: BTreeMap<Peer, Handshake>,
    /// The oldest first.
    order: BTreeSet<(Instant, Peer)>,
    /// Those whose prompts may be sent again, the next one first.
    due: BTreeSet<(Instant, Peer)>,
}

struct Handshake {
    begun: Instant,
    /// When the prompt is sent again, and how often at most.
    due: Instant,
    left: u8,
    client_id: Box<str>,
    wish: Wish,
    /// `None`: the message is the next thing to be told.
    topic: Option<client::WillTopic>,
}

impl Handshakes {
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.order.first().map(|&(begun, _)| begun)
    }

    pub(super) fn forget_oldest(&mut self) {
        if let Some(&(_, peer)) = self.order.first() {
            self.remove(peer);
        }
    }

    /// When something is to be done.
    pub(super) fn due(&self, config: &Config) -> Option<Instant> {
        let over = self.oldest().map(|begun| begun + config.connect_within);
        let again = self.due.first().map(|&(due, _)| due);
        [over, again].into_iter().flatten().min()
    }

    /// Sends prompts again that were not answered (MQTT-SN 6.13).
    pub(super) fn repeat(&mut self, turn: &mut Turn<'_>) {
        while let Some(&(due, peer)) = self.due.first()
            && due <= turn.now
        {
            self.due.pop_first();
            let Some(handshake) = self.of.get_mut(&peer) else { continue };
            handshake.prompt(peer, turn);
            handshake.left = handshake.left.saturating_sub(1);
            if handshake.left > 0 {
                self.due.insert((handshake.due, peer));
            }
        }
    }

    /// The next prompt.
    fn ask(&mut self, peer: Peer, mut handshake: Handshake, turn: &mut Turn<'_>) {
        handshake.left = turn.config.retries;
        handshake.prompt(peer, turn);
        self.insert(peer, handshake);
    }

    fn insert(&mut self, peer: Peer, handshake: Handshake) {
        self.remove(peer);
        self.order.insert((handshake.begun, peer));
        if handshake.left > 0 {
            self.due.insert((handshake.due, peer));
        }
        self.of.insert(peer, handshake);
    }

    fn remove(&mut self, peer: Peer) -> Option<Handshake> {
        let handshake = self.of.remove(&peer)?;
        self.order.remove(&(handshake.begun, peer));
        self.due.remove(&(handshake.due, peer));
        Some(handshake)
    }
}

impl Handshake {
    /// Asks for what is still to be told.
    fn prompt(&mut self, peer: Peer, turn: &mut Turn<'_>) {
        turn.out.send(peer, if self.topic.is_none() { &Packet::Willtopicreq } else { &Packet::Willmsgreq });
        self.due = turn.now + turn.config.retry;
    }
}

/// What a CONNECT makes of the will (MQTT-SN 6.3).
enum Change {
    Keep,
    Set(Option<Box<Will>>),
}

impl Gateway {
    /// CONNECT.
    pub(super) fn connect(&mut self, now: Instant, peer: Peer, connect: &Connect<'_>, out: &mut Outbox) {
        let Connect { client_id, clean, will, duration, protocol } = *connect;
        let wish = Wish { clean, will, duration };
        let refuse = |why, out: &mut Outbox| refuse(peer, client_id, ReturnCode::NotSupported, why, out);
        if protocol != Connect::PROTOCOL {
            return refuse(Refusal::Protocol(protocol), out);
        }
        if client_id.is_empty() || client_id.len() > self.config.limits.client_id_bytes {
            return refuse(Refusal::ClientId, out);
        }
        if self.is_copy(now, peer, client_id, wish, out) {
            return;
        }
        if will {
            let handshake = Handshake { begun: now, due: now, left: 0, client_id: client_id.into(), wish, topic: None };
            self.handshakes.ask(peer, handshake, &mut Turn { now, config: &self.config, out });
            if self.handshakes.len() > self.config.limits.handshakes {
                self.handshakes.forget_oldest();
            }
            return;
        }
        self.handshakes.remove(peer);
        let change = if clean { Change::Set(None) } else { Change::Keep };
        self.admit(now, peer, client_id, wish, change, out);
    }

    /// Whether a CONNECT is one that was accepted just now: its CONNACK was lost, or the network doubled it. Taken for a
    /// new one it would end the subscriptions that were made since.
    fn is_copy(&mut self, now: Instant, peer: Peer, client_id: &str, wish: Wish, out: &mut Outbox) -> bool {
        let client = self.peers.get(&peer).and_then(|key| self.clients.get(key));
        let Some(client) = client.filter(|client| &*client.name == client_id && client.wish == wish) else {
            return false;
        };
        match client.phase {
            Phase::Connecting => true,
            Phase::Active { since, fresh } if fresh || now.since(since) <= self.config.copies_within => {
                self.accept_again(now, peer, out);
                true
            }
            Phase::Active { .. } | Phase::Asleep(_) | Phase::Awake(_) | Phase::Gone(_) => false,
        }
    }

    /// WILLTOPIC.
    pub(super) fn will_topic(&mut self, now: Instant, peer: Peer, topic: Option<WillTopic<'_>>, out: &mut Outbox) {
        let Some(mut handshake) = self.handshakes.remove(peer) else {
            return self.handshake_is_over(now, peer, out);
        };
        match topic {
            None => {
                let Handshake { client_id, wish, .. } = handshake;
                self.admit(now, peer, &client_id, wish, Change::Set(None), out);
            }
            Some(topic) if is_name(topic.topic) && topic.topic.len() <= self.config.limits.will_bytes => {
                handshake.topic = Some((&topic).into());
                self.handshakes.ask(peer, handshake, &mut Turn { now, config: &self.config, out });
            }
            Some(_) => refuse(peer, &handshake.client_id, ReturnCode::NotSupported, Refusal::Will, out),
        }
    }

    /// WILLMSG.
    pub(super) fn will_message(&mut self, now: Instant, peer: Peer, payload: &[u8], out: &mut Outbox) {
        match self.handshakes.remove(peer) {
            None => self.handshake_is_over(now, peer, out),
            // A copy from an earlier connection: this one begins with the topic.
            Some(handshake @ Handshake { topic: None, .. }) => self.handshakes.insert(peer, handshake),
            Some(Handshake { client_id, wish, topic, .. }) => {
                let will = Will { topic, payload: payload.into() };
                if will.len() > self.config.limits.will_bytes {
                    return refuse(peer, &client_id, ReturnCode::NotSupported, Refusal::Will, out);
                }
                self.admit(now, peer, &client_id, wish, Change::Set(Some(will.into())), out);
            }
        }
    }

    /// A client that repeats a part of its will handshake has not heard the CONNACK. It may have gone back to its topic, if a
    /// copy of WILLTOPICREQ came late.
    fn handshake_is_over(&mut self, now: Instant, peer: Peer, out: &mut Outbox) {
        let client = self.peers.get(&peer).and_then(|key| self.clients.get(key));
        if client.is_some_and(|client| client.wish.will && matches!(client.phase, Phase::Active { .. })) {
            self.accept_again(now, peer, out);
        }
    }

    /// The CONNACK was lost. Who asks for it again and again is not silent.
    fn accept_again(&mut self, now: Instant, peer: Peer, out: &mut Outbox) {
        out.send(peer, &Packet::Connack(ReturnCode::Accepted));
        if let Some(&key) = self.peers.get(&peer)
            && let Some(client) = self.clients.get_mut(&key)
        {
            client.heard = now;
            self.set_timer(key);
        }
    }

    /// All that a client has to say is said. An older connection of the same client ends now, and not earlier: who only
    /// began to connect changes nothing.
    fn admit(&mut self, now: Instant, peer: Peer, client_id: &str, wish: Wish, change: Change, out: &mut Outbox) {
        if let Some(&other) = self.peers.get(&peer)
            && self.clients.get(&other).is_some_and(|client| &*client.name != client_id)
        {
            self.end(now, other, End::Replaced, out);
        }
        let Some(key) = self.session(now, peer, client_id, wish, out) else {
            return refuse(peer, client_id, ReturnCode::Congestion, Refusal::TooMany, out);
        };
        let Some(client) = self.clients.get_mut(&key) else { return };
        let mut turn = Turn { now, config: &self.config, out };
        if client.is_gone() {
            self.kept.remove(&(client.heard, key));
            self.connected += 1;
        } else {
            self.peers.remove(&client.peer);
        }
        self.peers.insert(peer, key);
        client.peer = peer;
        if client.wish.clean || wish.clean {
            // A clean session ends with its connection, and a new one begins with nothing.
            client.topics.clear();
            client.up.clear();
            client.will = None;
        }
        client.wish = wish;
        client.heard = now;
        client.ground();
        client.topics.forget_what_is_known();
        match change {
            Change::Keep => {}
            Change::Set(will) => client.will = will,
        }
        // A session that is kept at both ends goes on over its link, with all that is on its way.
        let goes_on = !wish.clean && client.mqtt.as_ref().is_some_and(|mqtt| mqtt.is_open() && !mqtt.clean);
        if goes_on {
            client.accept(true, &mut turn);
        } else {
            client.up.suspend();
            client.recent.clear();
            client.down.clear();
            client.phase = Phase::Connecting;
            if let Some(mqtt) = client.mqtt.take() {
                self.links.remove(&mqtt.link);
                mqtt.close(&mut turn);
            }
            self.last_link += 1;
            let link = super::Link(self.last_link);
            self.links.insert(link, Owner::Client(key));
            client.mqtt = Some(Mqtt::open(link, wish.clean, &mut turn));
        }
        self.set_timer(key);
    }

    /// The session of a client, which is connected no more; a new one if there is none and there is room.
    fn session(&mut self, now: Instant, peer: Peer, id: &str, wish: Wish, out: &mut Outbox) -> Option<Key> {
        let limits = &self.config.limits;
        let known = self.names.get(id).copied();
        let gone = known.and_then(|key| self.clients.get(&key)).is_none_or(|client| client.is_gone());
        if gone && self.connected >= limits.clients {
            return None;
        }
        if let Some(key) = known {
            self.take_over(now, key, peer, out);
            return Some(key);
        }
        if self.clients.len() >= limits.sessions {
            let (_, oldest) = self.kept.pop_first()?;
            self.forget(oldest);
        }
        self.last_key += 1;
        let key = Key(self.last_key);
        let client = Client::new(id.into(), peer, wish, now);
        self.names.insert(client.name.clone(), key);
        self.kept.insert((now, key));
        self.clients.insert(key, Box::new(client));
        Some(key)
    }

    /// The connection that a client has elsewhere ends as if it were lost, as with MQTT [MQTT-3.1.4-2].
    fn take_over(&mut self, now: Instant, key: Key, by: Peer, out: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.is_gone() || client.peer == by {
            return;
        }
        out.send(client.peer, &Packet::Disconnect { duration: None });
        out.note(Note::Ended { client: client.name.clone(), why: End::TakenOver(by) });
        if client.phase != Phase::Connecting {
            self.publish_will(now, key, out);
        }
    }

    /// DISCONNECT.
    pub(super) fn disconnect(&mut self, now: Instant, peer: Peer, duration: Option<u16>, out: &mut Outbox) {
        self.handshakes.remove(peer);
        let key = self.peers.get(&peer).copied();
        let Some((key, client)) = key.and_then(|key| Some((key, self.clients.get_mut(&key)?))) else {
            // Not to everybody: two gateways would never stop answering each other.
            if self.departed.has(now, peer, &self.config) {
                out.send(peer, &Packet::Disconnect { duration: None });
            }
            return;
        };
        match duration.filter(|duration| *duration > 0) {
            Some(duration) if client.phase != Phase::Connecting => {
                client.heard = now;
                client.sleep(duration, &mut Turn { now, config: &self.config, out });
                self.set_timer(key);
            }
            _ => {
                self.departed.add(now, peer);
                self.end(now, key, End::Disconnect, out);
            }
        }
    }

    /// The link of a client can't be had, or it is gone. The driver has closed it, or is told to.
    pub(super) fn link_ended(&mut self, now: Instant, key: Key, why: LinkEnd, out: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.phase != Phase::Connecting {
            return self.end(now, key, End::Link(why), out);
        }
        let (why, code) = match why {
            // The server is unavailable: that may pass.
            LinkEnd::Refused(3) => (Refusal::Broker(3), ReturnCode::Congestion),
            LinkEnd::Refused(code) => (Refusal::Broker(code), ReturnCode::NotSupported),
            why => (Refusal::Link(why), ReturnCode::Congestion),
        };
        refuse(client.peer, &client.name, code, why, out);
        self.retire(now, key, out);
    }

    /// A connection ends, with everything that follows from it.
    pub(super) fn end(&mut self, now: Instant, key: Key, why: End, out: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        // Whoever is at that address now would take it for an answer.
        if why != End::Replaced {
            out.send(client.peer, &Packet::Disconnect { duration: None });
        }
        let is_lost = client.phase != Phase::Connecting && why != End::Disconnect;
        out.note(Note::Ended { client: client.name.clone(), why });
        if is_lost {
            self.publish_will(now, key, out);
        }
        self.retire(now, key, out);
    }

    /// Nobody is connected any more, but the session may be kept.
    fn retire(&mut self, now: Instant, key: Key, out: &mut Outbox) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        if let Some(mqtt) = client.mqtt.take() {
            self.links.remove(&mqtt.link);
            mqtt.close(&mut Turn { now, config: &self.config, out });
        }
        self.peers.remove(&client.peer);
        self.connected -= 1;
        client.phase = Phase::Gone(now);
        client.heard = now;
        client.down.clear();
        client.up.suspend();
        if client.wish.clean {
            return self.forget(key);
        }
        self.kept.insert((now, key));
        self.set_timer(key);
    }

    /// A session that nobody is connected to is gone.
    fn forget(&mut self, key: Key) {
        if let Some(client) = self.clients.remove(&key) {
            self.names.remove(&client.name);
            self.kept.remove(&(client.heard, key));
            self.timers.set(key, None);
        }
    }

    fn publish_will(&mut self, now: Instant, key: Key, out: &mut Outbox) {
        let Some(client) = self.clients.get(&key) else { return };
        let Some(Will { topic: Some(topic), payload }) = client.will.as_deref() else { return };
        let client::WillTopic { name, qos, retain } = topic;
        out.note(Note::Will { client: client.name.clone(), topic: name.clone() });
        let parcel = Parcel {
            topic: name.clone(),
            payload: payload.clone(),
            qos: *qos,
            retain: *retain,
            will_of: Some(client.name.clone()),
        };
        self.publish_own(now, parcel, out);
    }
}

fn refuse(peer: Peer, client_id: &str, code: ReturnCode, why: Refusal, out: &mut Outbox) {
    out.send(peer, &Packet::Connack(code));
    out.note(Note::Refused { peer, client: client_id.into(), code, why });
}
