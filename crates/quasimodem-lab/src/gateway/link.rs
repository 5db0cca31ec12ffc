//! One connection to the broker, seen from MQTT's side: a client of it (MQTT 3.1, 3.12, 3.14).

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Connect, Packet};

use super::Turn;
use super::config::Login;
use super::note::LinkEnd;
use super::outbox::Link;

/// A connection that is being opened, or is open.
pub(super) struct Mqtt {
    pub(super) link: Link,
    pub(super) stage: Stage,
    /// Whether the broker's session ends with it.
    pub(super) clean: bool,
    /// Whether the driver does not like to have more to write.
    pub(super) full: bool,
    /// What the broker sent and nobody has taken yet: the beginning of a packet, or more while reading is paused.
    pub(super) unread: Vec<u8>,
    pulse: Pulse,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The driver connects.
    Opening,
    /// CONNECT was written.
    Connecting,
    /// CONNACK came.
    Open,
}

/// Whose turn it is to give a sign of life.
enum Pulse {
    /// Nothing was written since then.
    Written(Instant),
    /// The broker did not say anything since it was asked to.
    Pinged(Instant),
}

impl Mqtt {
    pub(super) fn open(link: Link, clean: bool, turn: &mut Turn<'_>) -> Mqtt {
        turn.out.open(link);
        let pulse = Pulse::Written(turn.now);
        Mqtt { link, stage: Stage::Opening, clean, full: false, unread: Vec::new(), pulse }
    }

    /// The driver has connected.
    pub(super) fn connect(&mut self, client_id: &str, turn: &mut Turn<'_>) {
        self.stage = Stage::Connecting;
        let login = turn.config.login.as_ref();
        let password = |login: &'_ Login| (!login.password.is_empty()).then(|| login.password.clone());
        let password = login.and_then(password);
        let connect = Connect {
            client_id,
            clean_session: self.clean,
            keep_alive: turn.config.keep_alive_seconds(),
            // The gateway keeps wills itself; the documentation of the module says why.
            will: None,
            user_name: login.map(|login| &*login.name),
            password: password.as_deref(),
            level: Connect::LEVEL,
        };
        self.write(&Packet::Connect(connect), turn);
    }

    pub(super) fn write(&mut self, packet: &Packet<'_>, turn: &mut Turn<'_>) {
        turn.out.write(self.link, packet);
        if let Pulse::Written(at) = &mut self.pulse {
            *at = turn.now;
        }
    }

    /// The broker sent something.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Pulse::Pinged(_) = self.pulse {
            self.pulse = Pulse::Written(now);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Says good-bye and closes.
    pub(super) fn close(mut self, turn: &mut Turn<'_>) {
        if self.is_open() {
            self.write(&Packet::Disconnect, turn);
        }
        turn.out.close(self.link);
    }

    pub(super) fn due(&self, config: &super::Config) -> Option<Instant> {
        let (Pulse::Written(at) | Pulse::Pinged(at)) = self.pulse;
        match self.stage {
            Stage::Opening | Stage::Connecting => Some(at + config.connect_within),
            Stage::Open if config.keep_alive_seconds() == 0 => None,
            Stage::Open => Some(at + config.keep_alive),
        }
    }

    /// Does what is due. While the link is not read, the broker can't be heard.
    pub(super) fn settle(&mut self, paused: bool, turn: &mut Turn<'_>) -> Result<(), LinkEnd> {
        if self.due(turn.config).is_none_or(|due| due > turn.now) {
            return Ok(());
        }
        match (self.stage, &mut self.pulse) {
            (Stage::Open, Pulse::Written(_)) => {
                turn.out.write(self.link, &Packet::Pingreq);
                self.pulse = Pulse::Pinged(turn.now);
                Ok(())
            }
            (Stage::Open, Pulse::Pinged(at)) if paused => {
                *at = turn.now;
                Ok(())
            }
            _ => Err(LinkEnd::Silent),
        }
    }
}
