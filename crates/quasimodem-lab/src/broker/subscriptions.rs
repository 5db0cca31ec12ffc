//! Who wants which messages.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use quasimodem_core::mqtt::{Qos, matches};

use super::note::Client;

/// All subscriptions of all sessions.
///
/// Filters without wildcards are looked up, those with wildcards are tried one by one, each once however many clients
/// share it. There is no tree of levels: a topic may have 65536 of them.
#[derive(Default)]
pub(super) struct Subscriptions {
    plain: BTreeMap<Arc<str>, Subscribers>,
    wild: BTreeMap<Arc<str>, Subscribers>,
}

type Subscribers = BTreeMap<Client, Qos>;

impl Subscriptions {
    /// Adds a subscription, or replaces the QoS of the one with the same filter [MQTT-3.8.4-3].
    pub(super) fn insert(&mut self, filter: &Arc<str>, client: &Client, granted: Qos) {
        self.kind(filter).entry(filter.clone()).or_default().insert(client.clone(), granted);
    }

    pub(super) fn remove(&mut self, filter: &str, client: &str) {
        let kind = self.kind(filter);
        if let Some(subscribers) = kind.get_mut(filter) {
            subscribers.remove(client);
            if subscribers.is_empty() {
                kind.remove(filter);
            }
        }
    }

    /// Who gets a message, each once, at the highest QoS of the subscriptions that match [MQTT-3.3.5-1].
    pub(super) fn receivers(&self, topic: &str) -> BTreeMap<Client, Qos> {
        let mut receivers = self.plain.get(topic).cloned().unwrap_or_default();
        for (_, subscribers) in self.wild.iter().filter(|(filter, _)| matches(filter, topic)) {
            for (client, granted) in subscribers {
                match receivers.entry(client.clone()) {
                    btree_map::Entry::Vacant(entry) => {
                        entry.insert(*granted);
                    }
                    btree_map::Entry::Occupied(mut entry) => {
                        entry.insert(*entry.get().max(granted));
                    }
                }
            }
        }
        receivers
    }

    fn kind(&mut self, filter: &str) -> &mut BTreeMap<Arc<str>, Subscribers> {
        if is_wild(filter) { &mut self.wild } else { &mut self.plain }
    }
}

pub(super) fn is_wild(filter: &str) -> bool {
    filter.contains(['#', '+'])
}
