//! What the broker of a lab has seen.

use std::collections::VecDeque;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;

use super::Lab;
use crate::broker::{self, Note, Usage};
use crate::flat::Bad;
use crate::order::Order;
use crate::watch::Watch;

/// The broker of a lab.
#[derive(Clone, Debug)]
pub struct Broker(pub(super) Lab);

/// A message that the broker took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Who published it; `lab` for orders.
    pub client_id: String,
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Its QoS.
    pub qos: Qos,
    /// Whether it was to be retained.
    pub retain: bool,
    /// Whether it is the will of a client that is gone.
    pub will: bool,
}

/// The last messages.
#[derive(Default)]
pub(super) struct Messages(VecDeque<Message>);

/// Messages that are kept.
const KEPT: usize = 10_000;

impl Broker {
    /// The messages that it took, the oldest first; of many the oldest are gone.
    pub fn messages(&self) -> Vec<Message> {
        self.0.lock().eyes.messages.0.iter().cloned().collect()
    }

    /// What it holds.
    pub fn usage(&self) -> Usage {
        self.0.lock().world.broker(0).map(broker::Broker::usage).unwrap_or_default()
    }

    /// Publishes a message, as if a client had.
    pub fn publish(&self, topic: &str, payload: &[u8], qos: Qos, retain: bool) {
        // Whatever is published is taken.
        let _ = self.order(broker::Order::Publish { topic: topic.into(), payload: payload.into(), qos, retain });
    }

    /// Ends the connection of a client, without a word.
    ///
    /// # Errors
    ///
    /// No such client is connected.
    pub fn kick(&self, client_id: &str) -> Result<(), Bad> {
        self.order(broker::Order::Kick(client_id.into()))
    }

    /// Goes down and comes up again, with kept sessions and retained messages (`keep`) or without.
    pub fn restart(&self, keep: bool) {
        // There is a broker in each lab.
        let _ = self.order(broker::Order::Restart { keep });
    }

    fn order(&self, order: broker::Order) -> Result<(), Bad> {
        self.0.carry_out(0, Order::Broker(order))
    }
}

impl Watch for Messages {
    fn broker(&mut self, _: Instant, _: usize, note: &Note) {
        if let Note::Published { client, message, qos, retain, will, .. } = note {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back(Message {
                client_id: client.to_string(),
                topic: message.topic.to_string(),
                payload: message.payload.to_vec(),
                qos: *qos,
                retain: *retain,
                will: *will,
            });
        }
    }
}
