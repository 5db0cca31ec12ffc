//! What somebody outside tells a gateway.

use quasimodem_core::Instant;

use super::connect::Handshakes;
use super::note::{End, Note};
use super::outbox::Outbox;
use super::publisher::Publisher;
use super::{Departed, Gateway};
use crate::flat::Bad;
use crate::timers::Timers;

/// What somebody outside tells a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// It ends the connection of a client with DISCONNECT, as if it were lost: its will is published.
    Kick(Box<str>),
    /// It goes down and comes up again, and knows nobody: clients hear nothing of it.
    Restart,
    /// This is demanded of it under this name from here on, or nothing more.
    Demand(Box<str>, Option<Demand>),
}

/// What a gateway is to do for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// Hear and say nothing.
    Lost {
        /// It knows nobody any more when it is back.
        forgets: bool,
    },
}

impl Gateway {
    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub fn order(&mut self, now: Instant, order: &Order, out: &mut Outbox) -> Result<(), Bad> {
        self.settle(now, out);
        let is_lost = self.is_lost();
        match order {
            Order::Kick(client) => {
                let key = self.names.get(&**client).copied().filter(|key| self.is_connected(*key));
                let Some(key) = key else {
                    let here = self.names.iter().filter(|(_, key)| self.is_connected(**key));
                    return Err(Bad::NoClient(client.to_string(), here.map(|(name, _)| name.to_string()).collect()));
                };
                self.end(now, key, End::Kicked, out);
            }
            Order::Restart => self.restart(out),
            Order::Demand(name, None) => drop(self.demands.remove(name)),
            Order::Demand(name, Some(demand)) => {
                let Demand::Lost { forgets } = demand;
                if self.demands.insert(name.clone(), *demand).is_none() && *forgets {
                    self.restart(out);
                }
            }
        }
        if is_lost {
            out.send_nothing();
        }
        Ok(())
    }

    /// Whether it neither hears nor says anything.
    pub(super) fn is_lost(&self) -> bool {
        !self.demands.is_empty()
    }

    fn is_connected(&self, key: super::Key) -> bool {
        self.clients.get(&key).is_some_and(|client| self.peers.get(&client.peer) == Some(&key))
    }

    fn restart(&mut self, out: &mut Outbox) {
        self.links.keys().for_each(|link| out.close(*link));
        let connected = self.peers.values().filter_map(|key| self.clients.get(key));
        for client in connected {
            out.note(Note::Ended { client: client.name.clone(), why: End::Restarted });
        }
        self.handshakes = Handshakes::default();
        self.clients.clear();
        self.names.clear();
        self.peers.clear();
        self.links.clear();
        self.timers = Timers::default();
        self.kept.clear();
        self.departed = Departed::default();
        self.publisher = Publisher::default();
        self.connected = 0;
    }
}
