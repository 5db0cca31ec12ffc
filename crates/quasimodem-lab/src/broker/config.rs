//! How a broker is set up: who may come in, what is refused on demand, and how much is held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::mqtt::{Qos, matches};

use super::authority::Authority;

/// Everything that can be set. The default lets everybody in and refuses nothing but what exceeds the limits.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may connect; empty: everybody, whatever user name and password they give.
    pub users: Vec<User>,
    /// Whether clients without a user name may connect where there are `users`; if not, they are answered with 5.
    pub anonymous: bool,
    /// Who decides about logins that `users` let in.
    pub authority: Option<Arc<dyn Authority>>,
    /// CONNECTs to refuse; the first entry that fits counts. See [`Broker::refuse`](super::Broker::refuse).
    pub refusals: Vec<Refusal>,
    /// Subscriptions to refuse with 0x80: those whose filter, read as a name, one of these filters matches.
    pub refused_filters: Vec<Box<str>>,
    /// The highest QoS that a subscription is granted.
    pub max_qos: Qos,
    /// How long a new connection may take to bring its CONNECT (MQTT 3.1).
    pub connect_within: Duration,
    /// How much the broker holds.
    pub limits: Limits,
}

/// How much a broker holds, and what happens to what is too much.
///
/// Sizes of messages are the bytes of topic and payload. What a message costs is counted for each session that waits
/// for it, though they share one copy.
///
/// So a connection holds at most a packet that is not whole and a will. A session holds at most its id, its filters, its
/// queue, `in_flight` messages as large as a packet, and the packet identifiers of the messages of QoS 2 that the client
/// has not released, of which MQTT knows 65535.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections, with or without a CONNECT. For one more, the oldest without a CONNECT is closed; if there is none, the
    /// new one is.
    pub connections: usize,
    /// Connections with an accepted CONNECT. One more is answered with 3.
    pub clients: usize,
    /// Sessions, connected or kept. For one more, a kept one is thrown away that nobody uses: one that holds nothing, or
    /// else the one whose client has been absent for the longest time. If all are in use, the CONNECT is answered with 3.
    pub sessions: usize,
    /// Bytes of a client id. A longer one is answered with 2 [MQTT-3.1.3-9].
    pub client_id_bytes: usize,
    /// Subscriptions of a session, and filters of one SUBSCRIBE that are looked at. The rest get 0x80.
    pub subscriptions: usize,
    /// Bytes of all filters of a session. A new one that does not fit gets 0x80.
    pub subscription_bytes: usize,
    /// Messages of QoS 1 and 2 that wait for a client's acknowledgement, 1 to 65535. The rest waits in the queue.
    pub in_flight: usize,
    /// Messages in a session's queue. The newest is dropped, so that what was promised first is kept, in order.
    pub queued: usize,
    /// Messages of QoS 0 among them. The newest is dropped.
    pub queued_qos0: usize,
    /// Bytes of the messages in a session's queue. The newest is dropped.
    pub queued_bytes: usize,
    /// Retained messages. One for a new topic is delivered, but not retained.
    pub retained: usize,
    /// Bytes of all retained messages. One that does not fit is delivered, but not retained; what was retained for
    /// its topic is gone as well, for it would not be the last message any more [MQTT-3.3.1-6].
    /// Also the bytes of retained messages that one call of `handle` delivers; the rest is dropped.
    pub retained_bytes: usize,
    /// Bytes that are held for all clients together: messages in queues and in flight, each counted once and 32 bytes for
    /// every client that waits for it, retained messages, wills, filters, and packet identifiers of QoS 2. At three
    /// quarters, the kept session of the client that has been absent for the longest time is thrown away, and when there is
    /// none, nothing more is queued; what can be sent at once still is. At the limit, that too is dropped, CONNECTs with a
    /// will are answered with 3, new filters with 0x80, and a connection ends that has a message of QoS 2 to be remembered.
    pub held_bytes: usize,
    /// Bytes of packets that are not whole yet, of all connections together. A connection whose packet does not fit ends.
    pub partial_bytes: usize,
    /// Bytes of a packet from a client. A longer one is a violation as soon as its length shows.
    pub packet: usize,
}

/// Somebody who may connect. `Debug` does not show the password.
#[derive(Clone)]
pub struct User {
    /// The user name of the CONNECT.
    pub name: Box<str>,
    /// The password. Empty: a CONNECT without one will do as well.
    pub password: Box<[u8]>,
    /// Whether the right password lets them in. If not, they are answered with 5, with a wrong one with 4.
    pub allowed: bool,
}

/// CONNECTs to refuse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Whose; `None`: anybody's.
    pub client: Option<Box<str>>,
    /// How many; `None`: all.
    pub times: Option<u32>,
    /// What to answer.
    pub code: Code,
}

/// Why a CONNECT is refused: the return code of the CONNACK (MQTT 3.2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Code {
    /// 1: the protocol level is not supported.
    Version = 1,
    /// 2: the client id is not allowed.
    Identifier = 2,
    /// 3: the server is unavailable.
    Unavailable = 3,
    /// 4: user name or password is wrong.
    BadPassword = 4,
    /// 5: the client is not authorized.
    NotAuthorized = 5,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            users: Vec::new(),
            anonymous: false,
            authority: None,
            refusals: Vec::new(),
            refused_filters: Vec::new(),
            max_qos: Qos::ExactlyOnce,
            connect_within: Duration::from_secs(10),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            clients: 10_000,
            sessions: 20_000,
            client_id_bytes: 1024,
            subscriptions: 100,
            subscription_bytes: 64 << 10,
            in_flight: 20,
            queued: 1000,
            queued_qos0: 100,
            queued_bytes: 1 << 20,
            retained: 10_000,
            retained_bytes: 16 << 20,
            held_bytes: 64 << 20,
            partial_bytes: 16 << 20,
            packet: 256 << 10,
        }
    }
}

impl Limits {
    /// Above this nothing more is queued.
    pub(super) fn queued_together(&self) -> usize {
        self.held_bytes / 4 * 3
    }
}

impl Config {
    /// Why these credentials don't do.
    pub(super) fn admit(&self, user_name: Option<&str>, password: Option<&[u8]>) -> Result<(), Code> {
        if self.users.is_empty() {
            return Ok(());
        }
        let Some(name) = user_name else {
            return if self.anonymous { Ok(()) } else { Err(Code::NotAuthorized) };
        };
        match self.users.iter().find(|user| *user.name == *name) {
            // Who does not exist is answered like a wrong password, so that names can't be tried out.
            None => Err(Code::BadPassword),
            Some(user) if *user.password != *password.unwrap_or_default() => Err(Code::BadPassword),
            Some(user) if !user.allowed => Err(Code::NotAuthorized),
            Some(_) => Ok(()),
        }
    }

    /// Finds and uses up a refusal for a client.
    pub(super) fn refusal(&mut self, client_id: &str) -> Option<Code> {
        let fits = |refusal: &Refusal| {
            refusal.times != Some(0) && refusal.client.as_deref().is_none_or(|client| client == client_id)
        };
        let index = self.refusals.iter().position(fits)?;
        let refusal = self.refusals.get_mut(index)?;
        let code = refusal.code;
        if let Some(times) = &mut refusal.times {
            *times -= 1;
            if *times == 0 {
                self.refusals.remove(index);
            }
        }
        Some(code)
    }

    pub(super) fn refuses(&self, filter: &str) -> bool {
        self.refused_filters.iter().any(|refused| matches(refused, filter))
    }
}

impl Code {
    /// The number in the CONNACK, 1 to 5.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::Version => "unacceptable protocol version",
            Code::Identifier => "identifier rejected",
            Code::Unavailable => "server unavailable",
            Code::BadPassword => "bad user name or password",
            Code::NotAuthorized => "not authorized",
        })
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "User {{ name: {:?}, password: {} bytes, allowed: {} }}",
            self.name,
            self.password.len(),
            self.allowed
        )
    }
}
