//! The numbers of clients.

use core::fmt;

use crate::net::Link;

/// The number of a client: 1 and 2 speak MQTT, 101 and 102 MQTT-SN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(u8);

impl ClientId {
    /// All client ids, ascending.
    pub const ALL: [ClientId; 4] = [ClientId(1), ClientId(2), ClientId(101), ClientId(102)];

    /// How many speak MQTT.
    pub(crate) const MQTT: usize = 2;

    /// The id with that number.
    pub fn from_number(number: u32) -> Option<ClientId> {
        ClientId::ALL.into_iter().find(|id| u32::from(id.0) == number)
    }

    /// The MQTT clients.
    pub(crate) fn mqtt() -> impl Iterator<Item = ClientId> {
        ClientId::ALL.into_iter().take(ClientId::MQTT)
    }

    /// The MQTT-SN clients.
    pub(crate) fn mqtt_sn() -> impl Iterator<Item = ClientId> {
        ClientId::ALL.into_iter().skip(ClientId::MQTT)
    }

    /// The number, as commands and results show it.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether the client speaks MQTT-SN.
    pub const fn is_sn(self) -> bool {
        self.0 > 100
    }

    /// The link of the client's connection.
    pub const fn link(self) -> Link {
        Link(self.0)
    }

    /// Its place among the MQTT clients, if it is one.
    pub(crate) fn mqtt_place(self) -> Option<usize> {
        (!self.is_sn()).then(|| usize::from(self.0) - 1)
    }

    /// Its place among the MQTT-SN clients, if it is one.
    pub(crate) fn sn_place(self) -> Option<usize> {
        self.is_sn().then(|| usize::from(self.0) - 101)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
