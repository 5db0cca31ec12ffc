//! What the gateway knows of one client, connected or not.

use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::Qos;
use quasimodem_core::sn::Packet;

use super::Turn;
use super::config::Config;
use super::downlink::Downlink;
use super::link::Mqtt;
use super::note::{Client as Name, LinkEnd, Note};
use super::outbox::Peer;
use super::recent::Recent;
use super::topics::Topics;
use super::uplink::Uplink;

pub(super) struct Client {
    pub(super) name: Name,
    /// Where it was heard last.
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    /// What its CONNECT said.
    pub(super) wish: Wish,
    /// When the last datagram came.
    pub(super) heard: Instant,
    pub(super) will: Option<Box<Will>>,
    pub(super) topics: Topics,
    pub(super) mqtt: Option<Mqtt>,
    pub(super) up: Uplink,
    pub(super) down: Downlink,
    pub(super) recent: Recent,
}

/// Where a client is in its life (MQTT-SN 6.14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It waits for the broker.
    Connecting,
    /// It is connected.
    Active {
        since: Instant,
        /// Nothing came since its CONNECT.
        fresh: bool,
    },
    /// It sleeps, for so many seconds at a time.
    Asleep(u16),
    /// It woke up to take what waits for it.
    Awake(u16),
    /// Its session is kept for it since then.
    Gone(Instant),
}

/// What a client said in its CONNECT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wish {
    pub(super) clean: bool,
    pub(super) will: bool,
    /// Seconds of silence at most; 0: no limit.
    pub(super) duration: u16,
}

/// What is published if a client is lost. Topic and message come and change on their own (MQTT-SN 6.4).
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Will {
    pub(super) topic: Option<WillTopic>,
    pub(super) payload: Box<[u8]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WillTopic {
    pub(super) name: Box<str>,
    pub(super) qos: Qos,
    pub(super) retain: bool,
}

impl Will {
    pub(super) fn len(&self) -> usize {
        self.payload.len() + self.topic.as_ref().map_or(0, |topic| topic.name.len())
    }
}

impl Client {
    pub(super) fn new(name: Name, peer: Peer, wish: Wish, now: Instant) -> Client {
        Client {
            name,
            peer,
            phase: Phase::Gone(now),
            wish,
            heard: now,
            will: None,
            topics: Topics::default(),
            mqtt: None,
            up: Uplink::default(),
            down: Downlink::default(),
            recent: Recent::default(),
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone(_))
    }

    /// Whether it takes messages now.
    pub(super) fn listens(&self) -> bool {
        matches!(self.phase, Phase::Active { .. } | Phase::Awake(_))
    }

    /// A datagram of the client came.
    pub(super) fn hear(&mut self, turn: &mut Turn<'_>) {
        self.heard = turn.now;
        if let Phase::Active { fresh, .. } = &mut self.phase {
            *fresh = false;
        }
        if self.listens() {
            self.wake_flight(turn);
        }
    }

    /// It goes to sleep, or goes on sleeping (MQTT-SN 6.14).
    pub(super) fn sleep(&mut self, duration: u16, turn: &mut Turn<'_>) {
        self.phase = Phase::Asleep(duration);
        self.ground();
        turn.out.send(self.peer, &Packet::Disconnect { duration: None });
        turn.out.note(Note::Asleep { client: self.name.clone(), duration });
    }

    /// A sign of life. One who sleeps gets first what waits (MQTT-SN 6.14).
    pub(super) fn ping(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Asleep(duration) = self.phase {
            self.phase = Phase::Awake(duration);
            self.pump(turn);
        } else if !matches!(self.phase, Phase::Awake(_)) {
            turn.out.send(self.peer, &Packet::Pingresp);
        }
    }

    /// Nothing more comes for one who woke up.
    pub(super) fn lie_down(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Awake(duration) = self.phase {
            self.phase = Phase::Asleep(duration);
            self.ground();
            turn.out.send(self.peer, &Packet::Pingresp);
        }
    }

    /// When the next thing is due.
    pub(super) fn due(&self, config: &Config) -> Option<Instant> {
        if self.is_gone() {
            return None;
        }
        let mqtt = self.mqtt.as_ref().and_then(|mqtt| mqtt.due(config));
        [self.lapses(), self.flight_due(), mqtt].into_iter().flatten().min()
    }

    /// When its silence is too long.
    pub(super) fn lapses(&self) -> Option<Instant> {
        let duration = match self.phase {
            Phase::Active { .. } => self.wish.duration,
            Phase::Asleep(duration) | Phase::Awake(duration) => duration,
            Phase::Connecting | Phase::Gone(_) => 0,
        };
        (duration > 0).then(|| self.heard + tolerated(duration))
    }

    /// Does what is due on the way to the broker.
    pub(super) fn settle_link(&mut self, turn: &mut Turn<'_>) -> Result<(), LinkEnd> {
        let paused = self.is_paused(turn.config);
        match &mut self.mqtt {
            Some(mqtt) => mqtt.settle(paused, turn),
            None => Ok(()),
        }
    }
}

/// MQTT-SN 7.2: half as long again up to a minute, a tenth above.
fn tolerated(duration: u16) -> Duration {
    let duration = Duration::from_secs(duration.into());
    if duration <= Duration::from_secs(60) { duration * 3 / 2 } else { duration * 11 / 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_tolerated_as_the_standard_says() {
        assert_eq!(tolerated(1), Duration::from_millis(1500));
        assert_eq!(tolerated(60), Duration::from_secs(90));
        assert_eq!(tolerated(61), Duration::from_millis(67_100));
        assert_eq!(tolerated(u16::MAX), Duration::from_millis(72_088_500));
    }
}
