//! What a fault may be about: a packet on its way.

use quasimodem_core::mqtt::{self, Qos};
use quasimodem_core::{ClientId, sn};

use crate::flat::{Values, is_meant};
use crate::transcript;

/// A packet as it was made, before any fault touched it.
pub(super) struct Item<'a> {
    pub(super) client: ClientId,
    /// Sent by the modem.
    pub(super) up: bool,
    pub(super) bytes: &'a [u8],
    /// Its type, `unknown` if it can't be read.
    pub(super) kind: String,
}

impl<'a> Item<'a> {
    pub(super) fn new(client: ClientId, up: bool, bytes: &'a [u8]) -> Item<'a> {
        Item { client, up, bytes, kind: transcript::packet_type(client.link(), bytes) }
    }

    /// Whether a fault is about it.
    pub(super) fn fits(&self, only: Option<&str>, values: &Values) -> bool {
        // Faults of one packet are MQTT's.
        let is_only = only.is_none_or(|only| self.kind == only && !self.client.is_sn());
        let direction = if self.up { "up" } else { "down" };
        is_only
            && values.number("client").is_none_or(|client| client == u64::from(self.client.number()))
            && values.text("dir").is_none_or(|dir| dir == direction)
            && values.text("type").is_none_or(|kind| is_meant(kind, &self.kind))
            && self.fits_content(values)
    }

    fn fits_content(&self, values: &Values) -> bool {
        let (topic, qos, id) = (values.text("topic"), values.number("qos"), values.number("packet_id"));
        if topic.is_none() && qos.is_none() && id.is_none() {
            return true;
        }
        let (of_topic, of_qos, of_id) = self.content();
        topic.is_none_or(|filter| of_topic.is_some_and(|name| mqtt::matches(filter, name)))
            && qos.is_none_or(|qos| of_qos.is_some_and(|of| u64::from(of.number()) == qos))
            && id.is_none_or(|id| of_id == Some(id))
    }

    /// Topic, QoS and packet identifier, as far as it has them.
    fn content(&self) -> (Option<&'a str>, Option<Qos>, Option<u64>) {
        if self.client.is_sn() {
            return match sn::Packet::decode(self.bytes) {
                Ok(sn::Packet::Publish(publish)) => (None, publish.qos, Some(publish.id.into())),
                _ => (None, None, None),
            };
        }
        match mqtt::Packet::decode(self.bytes) {
            Ok(mqtt::Packet::Publish(publish)) => {
                (Some(publish.topic), Some(publish.qos), publish.id.map(|id| id.get().into()))
            }
            Ok(
                mqtt::Packet::Puback(id)
                | mqtt::Packet::Pubrec(id)
                | mqtt::Packet::Pubrel(id)
                | mqtt::Packet::Pubcomp(id)
                | mqtt::Packet::Subscribe { id, .. }
                | mqtt::Packet::Suback { id, .. }
                | mqtt::Packet::Unsubscribe { id, .. }
                | mqtt::Packet::Unsuback(id),
            ) => (None, None, Some(id.get().into())),
            _ => (None, None, None),
        }
    }
}
