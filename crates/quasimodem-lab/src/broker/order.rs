//! What somebody outside tells a broker.

use std::fmt;
use std::sync::Arc;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;

use super::Broker;
use super::demand::Demand;
use super::note::{Client, End, Message, Note};
use super::outbox::{Outbox, Peer};
use super::session::Parcel;
use crate::flat::Bad;

/// What somebody outside tells a broker. `Debug` does not show a payload.
#[derive(Clone, PartialEq, Eq)]
pub enum Order {
    /// It takes a message, as if a client had published it.
    Publish {
        /// Where to.
        topic: Box<str>,
        /// What.
        payload: Box<[u8]>,
        /// Its QoS.
        qos: Qos,
        /// Whether it is retained.
        retain: bool,
    },
    /// It ends the connection of a client, without a word.
    Kick(Box<str>),
    /// This is demanded of it under this name from here on, or nothing more.
    Demand(Box<str>, Option<Demand>),
    /// The connection of a client ends as if another had logged in with its client id; of none that is named, all.
    TakeOver(Option<Box<str>>),
    /// It goes down and comes up again, see [`Broker::restart`]; the connections are closed.
    Restart {
        /// With what a broker writes to its disk.
        keep: bool,
    },
}

/// Under this client id messages of orders are published.
const CLIENT: &str = "lab";

impl Broker {
    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub fn order(&mut self, now: Instant, order: &Order, out: &mut Outbox) -> Result<(), Bad> {
        self.retained_sent = 0;
        self.settle(now, out);
        match order {
            Order::Publish { topic, payload, qos, retain } => self.publish(topic, payload, *qos, *retain, out),
            Order::Kick(client) => {
                let peer = self.peer_of(client)?;
                self.close(peer, End::Kicked, out);
            }
            Order::TakeOver(None) => {
                let peers = self.sessions.values().filter_map(|session| session.peer);
                for peer in peers.collect::<Vec<_>>() {
                    self.close(peer, End::TakenAway, out);
                }
            }
            Order::TakeOver(Some(client)) => {
                let peer = self.peer_of(client)?;
                self.close(peer, End::TakenAway, out);
            }
            Order::Restart { keep } => self.go_down(*keep, out),
            Order::Demand(name, demand) => self.demand(name, *demand, out),
        }
        Ok(())
    }

    /// Where a client is connected.
    fn peer_of(&self, client: &str) -> Result<Peer, Bad> {
        let peer = self.sessions.get(client).and_then(|session| session.peer);
        peer.ok_or_else(|| Bad::NoClient(client.into(), self.client_ids()))
    }

    /// The ids of the clients that are connected.
    fn client_ids(&self) -> Vec<String> {
        let here = self.sessions.iter().filter(|(_, session)| session.peer.is_some());
        here.map(|(id, _)| id.to_string()).collect()
    }

    fn publish(&mut self, topic: &str, payload: &[u8], qos: Qos, retain: bool, out: &mut Outbox) {
        let message = Arc::new(Message { topic: topic.into(), payload: payload.into() });
        let parcel = Parcel { message: self.budget.hold(message.clone()), qos, retain, is_private: false };
        let client: Client = CLIENT.into();
        out.note(Note::Published { client, message, qos, retain, dup: false, id: None, will: false });
        self.deliver(&parcel, out);
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Publish { topic, payload, .. } => write!(f, "Publish({topic:?}, {} bytes)", payload.len()),
            Order::TakeOver(client) => write!(f, "TakeOver({client:?})"),
            Order::Kick(client) => write!(f, "Kick({client:?})"),
            Order::Demand(name, demand) => write!(f, "Demand({name:?}, {demand:?})"),
            Order::Restart { keep } => write!(f, "Restart(keep: {keep})"),
        }
    }
}
