//! What a fault may be about: a packet on its way.

use quasimodem_core::{ClientId, mqtt};

use crate::facts::Facts;
use crate::flat::{Values, is_meant};

/// A packet as it was made, before any fault touched it.
pub(super) struct Item<'a> {
    pub(super) client: ClientId,
    /// Sent by the modem.
    pub(super) up: bool,
    pub(super) bytes: &'a [u8],
    pub(super) facts: Facts<'a>,
}

impl<'a> Item<'a> {
    pub(super) fn new(client: ClientId, up: bool, bytes: &'a [u8]) -> Item<'a> {
        Item { client, up, bytes, facts: Facts::of(client.link(), bytes) }
    }

    /// Whether a fault is about it.
    pub(super) fn fits(&self, only: Option<&str>, values: &Values) -> bool {
        // Faults of one packet are MQTT's.
        let is_only = only.is_none_or(|only| self.facts.kind == only && !self.client.is_sn());
        let direction = if self.up { "up" } else { "down" };
        is_only
            && values.number("client").is_none_or(|client| client == u64::from(self.client.number()))
            && values.text("dir").is_none_or(|dir| dir == direction)
            && values.text("type").is_none_or(|kind| is_meant(kind, self.facts.kind))
            && self.fits_content(values)
    }

    fn fits_content(&self, values: &Values) -> bool {
        let (topic, qos, id) = (values.text("topic"), values.number("qos"), values.number("packet_id"));
        let Facts { topic: of_topic, qos: of_qos, id: of_id, .. } = &self.facts;
        topic.is_none_or(|filter| of_topic.is_some_and(|name| mqtt::matches(filter, name)))
            && qos.is_none_or(|qos| of_qos.is_some_and(|of| u64::from(of.number()) == qos))
            && id.is_none_or(|id| of_id.is_some_and(|of| u64::from(of) == id))
    }
}
