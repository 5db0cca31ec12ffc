//! What is demanded of a broker for a while, each demand by its name; nothing is set back when one ends.

use super::config::Code;
use super::note::{End, Note};
use super::outbox::{Outbox, Peer};
use super::{Broker, Client};

/// What a broker is to do for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// Refuse every CONNECT.
    Refuse(Code),
    /// Be down: connections end at once, or (`silent`) nothing is ever said on them.
    Down {
        /// Nothing is said.
        silent: bool,
    },
    /// Send again what a client did not acknowledge as if it were new: without DUP [MQTT-3.3.1-1].
    Undup,
}

impl Broker {
    /// From here on this is demanded under this name, or nothing more.
    pub(super) fn demand(&mut self, name: &str, demand: Option<Demand>, out: &mut Outbox) {
        let was_down = self.is_down().is_some();
        match demand {
            Some(demand) => drop(self.demands.insert(name.into(), demand)),
            None => drop(self.demands.remove(name)),
        }
        if !was_down && self.is_down().is_some() {
            self.go_down(true, out);
        }
    }

    /// All connections end, and what a broker writes to its disk is still there, or not.
    pub(super) fn go_down(&mut self, keep: bool, out: &mut Outbox) {
        let peers: Vec<(Peer, Option<Client>)> =
            self.connections.iter().map(|(peer, connection)| (*peer, connection.client().cloned())).collect();
        for (peer, client) in peers {
            out.close(peer);
            out.note(Note::Ended { peer, client, why: End::Restarted });
        }
        self.restart(keep);
    }

    /// With what CONNECTs are refused.
    pub(super) fn refuses_all(&self) -> Option<Code> {
        self.demands.values().find_map(|demand| if let Demand::Refuse(code) = demand { Some(*code) } else { None })
    }

    /// Whether what is sent again says so.
    pub(super) fn says_dup(&self) -> bool {
        !self.demands.values().any(|demand| *demand == Demand::Undup)
    }

    /// Whether it is down, and silent at that.
    pub(super) fn is_down(&self) -> Option<bool> {
        self.demands.values().find_map(|demand| if let Demand::Down { silent } = demand { Some(*silent) } else { None })
    }
}
