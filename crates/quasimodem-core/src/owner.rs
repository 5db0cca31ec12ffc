//! Whose a link is, and what its owner hears.

use crate::client_id::ClientId;
use crate::errand::Errand;
use crate::net::{Link, Why};

/// Who opened a link, and hears what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// An MQTT client.
    Mqtt(ClientId),
    /// An MQTT-SN client.
    MqttSn(ClientId),
    /// What the module does for itself.
    Errand,
}

/// What happens to a link.
pub(crate) enum OnLink<'a> {
    Opened,
    Received(&'a [u8]),
    Closed(Why),
    /// More waits to be written than the driver likes, or not any more.
    Full(bool),
}

// No client has the link of errands.
const _: () = {
    let mut place = 0;
    while place < ClientId::ALL.len() {
        assert!(ClientId::ALL[place].link().0 != Errand::LINK.0);
        place += 1;
    }
};

/// The owner of a client's link.
impl From<ClientId> for Owner {
    fn from(client: ClientId) -> Owner {
        if client.is_sn() { Owner::MqttSn(client) } else { Owner::Mqtt(client) }
    }
}

impl Owner {
    /// The owner of a link; `None`: the modem never opens it.
    pub(crate) fn of(link: Link) -> Option<Owner> {
        if link == Errand::LINK {
            return Some(Owner::Errand);
        }
        let client = ClientId::ALL.into_iter().find(|id| id.link() == link)?;
        Some(Owner::from(client))
    }
}
