//! How a gateway is set up: what both sides know beforehand, its times, and how much it holds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Predefined topic ids and the names that they stand for (MQTT-SN 6.8). Ids are 1 to 65534, names are those of
    /// topics without wildcards.
    pub predefined: BTreeMap<u16, Box<str>>,
    /// Who the gateway says it is to those who look for one (MQTT-SN 6.1).
    pub gateway: u8,
    /// Whom all connections to the broker are for, if it asks.
    pub login: Option<Login>,
    /// How long a client may take to acknowledge what it was sent, before it is sent again (T_retry, MQTT-SN 6.13).
    pub retry: Duration,
    /// How often something is sent again at that pace (N_retry, MQTT-SN 6.13). From then on each wait is twice as long as
    /// the one before.
    pub retries: u8,
    /// How long such a wait becomes at most, if not [`retry`](Self::retry) is longer.
    pub slowest: Duration,
    /// How long a client that reports congestion is left in peace (T_wait, MQTT-SN 6.6).
    pub wait: Duration,
    /// How long the will handshake of a client may take, the opening of a link, and the broker's answer to CONNECT.
    pub connect_within: Duration,
    /// The keep-alive time of all connections to the broker, in whole seconds; zero: none. A broker that does not
    /// answer a ping for so long is gone.
    pub keep_alive: Duration,
    /// How long after the first one another copy of a datagram may come. That long, requests with an identifier that
    /// come once more are known again, so that nothing is done twice.
    pub copies_within: Duration,
    /// How long after a failure the gateway waits before it connects again for its own messages.
    pub reconnect: Duration,
    /// How much the gateway holds.
    pub limits: Limits,
}

/// Who the gateway is to the broker. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub name: Box<str>,
    /// The password; empty: none is sent.
    pub password: Box<[u8]>,
}

/// How much a gateway holds, and what happens to what is too much. Nothing that is connected gives way to anything new.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connected and sleeping clients. A CONNECT of one more is answered with 1.
    pub clients: usize,
    /// Sessions, connected or kept. For one more, the one that was kept longest is forgotten.
    pub sessions: usize,
    /// Clients that were asked for their will. For one more, the oldest of these is forgotten.
    pub handshakes: usize,
    /// Bytes of a client id. A longer one is answered with 3.
    pub client_id_bytes: usize,
    /// Topic ids of a client. Those that the gateway gave unasked make room, the oldest first; without such, a REGISTER
    /// or SUBSCRIBE for one more is answered with 3.
    pub topics: usize,
    /// Bytes of their names.
    pub topic_bytes: usize,
    /// Bytes of a will, topic and message. A larger one is answered with 3.
    pub will_bytes: usize,
    /// Requests of a client that wait for the broker. One more is answered with 1.
    pub requests: usize,
    /// Messages for a client that wait, because it sleeps or takes its time. With so many, those of QoS 0 are dropped. With
    /// so many of QoS 1 and 2 the broker is not read, so that the rest stays there.
    pub queued: usize,
    /// The same in bytes, of topics and payloads.
    pub queued_bytes: usize,
    /// Messages of the gateway's own connection that wait: wills, and those of QoS -1. One more is dropped; those of
    /// QoS -1, which anybody can send, are dropped already at the half of it.
    pub own: usize,
    /// Bytes of these messages.
    pub own_bytes: usize,
    /// Bytes of a packet from the broker. A longer one ends the connection.
    pub packet: usize,
    /// Bytes of a datagram. A message that does not fit into one is dropped.
    pub datagram: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            predefined: BTreeMap::new(),
            gateway: 1,
            login: None,
            retry: Duration::from_secs(2),
            retries: 4,
            slowest: Duration::from_secs(60),
            wait: Duration::from_secs(300),
            connect_within: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            copies_within: Duration::from_secs(5),
            reconnect: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clients: 10_000,
            sessions: 20_000,
            handshakes: 1000,
            client_id_bytes: 256,
            topics: 64,
            topic_bytes: 4 << 10,
            will_bytes: 4 << 10,
            requests: 16,
            queued: 100,
            queued_bytes: 64 << 10,
            own: 10_000,
            own_bytes: 4 << 20,
            packet: 256 << 10,
            // What a datagram of UDP over IPv4 can carry.
            datagram: 65_507,
        }
    }
}

impl Config {
    /// The id of a name that both sides know beforehand.
    pub(super) fn predefined_id(&self, name: &str) -> Option<u16> {
        self.predefined.iter().find(|(_, known)| &***known == name).map(|(id, _)| *id)
    }

    /// How long a client may take to acknowledge what was sent again so often.
    pub(super) fn patience(&self, again: u8) -> Duration {
        let doublings = u32::from(again.saturating_sub(self.retries)).min(u16::BITS);
        self.retry.saturating_mul(1 << doublings).min(self.slowest.max(self.retry))
    }

    pub(super) fn keep_alive_seconds(&self) -> u16 {
        u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login {{ name: {:?}, password: {} bytes }}", self.name, self.password.len())
    }
}
