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
}

impl Gateway {
    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub fn order(&mut self, now: Instant, order: &Order, out: &mut Outbox) -> Result<(), Bad> {
        self.settle(now, out);
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
        }
        Ok(())
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
