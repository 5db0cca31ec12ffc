//! The will of a client.

use alloc::boxed::Box;

use crate::mqtt::Qos;

/// What `+MQTTWILL` stored, and updates of MQTT-SN changed.
#[derive(Clone)]
pub(crate) struct StoredWill {
    /// Empty: only the message was told, by `+MQTTWMSGUD`. That is no will yet.
    pub(crate) topic: Box<str>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) payload: Box<[u8]>,
}

impl StoredWill {
    /// A message without a topic.
    pub(crate) fn of_message(payload: Box<[u8]>) -> StoredWill {
        StoredWill { topic: Box::default(), qos: Qos::AtMostOnce, retain: false, payload }
    }

    /// Whether there is something to publish.
    pub(crate) fn has_topic(&self) -> bool {
        !self.topic.is_empty()
    }
}
