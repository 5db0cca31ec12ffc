//! The last retained message of each topic (MQTT 3.3.1.3).

use std::collections::BTreeMap;

use quasimodem_core::mqtt::matches;

use super::config::Limits;
use super::session::Parcel;
use super::subscriptions::is_wild;

/// Belongs to no session, and outlives them all [MQTT-3.1.2-7].
#[derive(Default)]
pub(super) struct Retained {
    by_topic: BTreeMap<Box<str>, Parcel>,
    bytes: usize,
}

impl Retained {
    /// Takes a message that was published as retained, in place of the one before it. False: there is no room for it.
    pub(super) fn set(&mut self, parcel: &Parcel, limits: &Limits) -> bool {
        let topic = &parcel.message.topic;
        if let Some(before) = self.by_topic.remove(topic) {
            self.bytes -= before.len();
        }
        // MQTT-3.3.1-10 and -11: an empty one clears the topic and is not kept.
        if parcel.message.payload.is_empty() {
            return true;
        }
        let fits = self.by_topic.len() < limits.retained && self.bytes + parcel.len() <= limits.retained_bytes;
        if fits {
            self.bytes += parcel.len();
            self.by_topic.insert(topic.clone(), parcel.clone());
        }
        fits
    }

    /// What a new subscription gets, in the order of topics.
    pub(super) fn matching(&self, filter: &str) -> Vec<Parcel> {
        if !is_wild(filter) {
            return self.by_topic.get(filter).cloned().into_iter().collect();
        }
        let matching = self.by_topic.iter().filter(|(topic, _)| matches(filter, topic));
        matching.map(|(_, parcel)| parcel.clone()).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_topic.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
