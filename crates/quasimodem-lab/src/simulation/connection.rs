//! The connections of one client, as far as the modem decides over them: how they begin, how long silence is borne, and
//! how they end.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Packet;

use super::scenario::Message;
use super::{Broken, Invariant};

/// The newest connection of a client.
#[derive(Default)]
pub(super) struct Connection {
    /// The token of the will that the host has set.
    pub(super) will: Option<String>,
    /// The will at the moment when the connection was asked for.
    will_at_open: Option<String>,
    keep_alive: Duration,
    /// A CONNECT was sent, and a whole CONNACK came back.
    open: bool,
    /// Bytes that came.
    came: usize,
    disconnected: bool,
    /// When something came last, or could have come at last.
    heard: Option<Instant>,
    paused: bool,
}

/// Bytes of a CONNACK (MQTT 3.2).
const CONNACK: usize = 4;

/// What an answer to PINGREQ may take at least.
const PATIENCE_MIN: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) fn linked(&mut self, now: Instant) {
        let will = self.will.take();
        *self = Connection { will_at_open: will.clone(), will, heard: Some(now), ..Connection::default() };
    }

    pub(super) fn received(&mut self, now: Instant, bytes: usize) {
        self.came += bytes;
        self.open = self.came >= CONNACK;
        self.heard = Some(now);
    }

    pub(super) fn ended(&mut self) {
        self.open = false;
    }

    /// The modem does not take what comes, or takes it again.
    pub(super) fn paused(&mut self, now: Instant, paused: bool) {
        self.paused = paused;
        self.heard = Some(now);
    }

    /// The modem sent a packet. `find` gives the message that a payload is.
    pub(super) fn sent<'a>(
        &mut self,
        bytes: &[u8],
        find: impl Fn(&[u8]) -> Option<(&'a String, &'a Message)>,
    ) -> Result<(), Broken> {
        match Packet::decode(bytes) {
            Ok(Packet::Connect(connect)) => {
                self.keep_alive = Duration::from_secs(connect.keep_alive.into());
                let will = connect.will.map(|will| (will, find(will.payload)));
                let fits = match (&will, &self.will_at_open) {
                    (None, None) => true,
                    (Some((will, Some((token, message)))), Some(due)) => {
                        *token == due
                            && (will.topic, will.qos.number(), will.retain)
                                == (message.topic, message.qos, message.retain)
                            && will.payload == message.payload
                    }
                    _ => false,
                };
                let what = || format!("CONNECT has the will {will:?}, but the host set {:?}", self.will_at_open);
                if fits { Ok(()) } else { Err(Broken::new(Invariant::Payload, what())) }
            }
            Ok(Packet::Disconnect) => {
                self.disconnected = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The host closes the client. Without a DISCONNECT the broker would publish the will.
    pub(super) fn closed(&mut self) -> Result<(), Broken> {
        let silent = self.open && !self.disconnected;
        self.open = false;
        match silent {
            true => Err(Broken::new(Invariant::Protocol, "closed by the host, without a DISCONNECT".into())),
            false => Ok(()),
        }
    }

    /// A peer that says nothing, not even in answer to a PINGREQ, is given up.
    pub(super) fn check_alive(&self, now: Instant) -> Result<(), Broken> {
        let patience = self.keep_alive + (self.keep_alive / 2).max(PATIENCE_MIN);
        let silence = self.heard.map_or(Duration::ZERO, |heard| now.since(heard));
        if self.open && !self.disconnected && !self.paused && silence > patience {
            let what = format!("nothing came for {silence:?}, and the client is still connected");
            return Err(Broken::new(Invariant::Alive, what));
        }
        Ok(())
    }
}
