//! A conversation with a cloud over MQTT: connect, perhaps subscribe, and hear.

use alloc::boxed::Box;
use core::num::NonZeroU16;
use core::time::Duration;

use crate::cloud::Credentials;
use crate::failure::Failure;
use crate::mqtt::{Connect, Filters, Packet, Publish, Qos, Violation, Wire};
use crate::sink::Sink;
use crate::time::Instant;

/// The longest silence, in seconds; a sign of life is due after half of it.
const KEEP_ALIVE: u16 = 60;

/// What is said to a cloud, and how far it got.
pub(crate) struct Talk {
    credentials: Credentials,
    /// What to subscribe to; without it the cloud speaks by itself.
    filter: Option<Box<str>>,
    phase: Phase,
    /// When a sign of life is due, of the cloud if the last one was ours.
    ping_at: Instant,
    /// Whether nothing came since the last PINGREQ.
    pinged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Connecting,
    Subscribing,
    Listening,
}

/// What a packet of the cloud came to.
pub(super) enum Heard<'a> {
    /// Nothing that matters.
    Nothing,
    /// From now on messages may come.
    Listening,
    /// A message.
    Message(&'a str, &'a [u8]),
}

impl Talk {
    pub(super) fn new(now: Instant, credentials: Credentials, filter: Option<Box<str>>) -> Talk {
        let ping_at = now + Duration::from_secs(KEEP_ALIVE.into());
        Talk { credentials, filter, phase: Phase::Opening, ping_at, pinged: false }
    }

    /// The link is open.
    pub(super) fn opened(&mut self, wire: &mut Wire<'_>) {
        let Credentials { username, password, client_id } = &self.credentials;
        let connect = Connect {
            level: Connect::LEVEL,
            client_id,
            clean_session: true,
            keep_alive: KEEP_ALIVE,
            will: None,
            user_name: Some(username),
            password: Some(password.0.as_bytes()),
        };
        let mut bytes = alloc::vec::Vec::new();
        Packet::Connect(connect).encode(&mut bytes);
        // The password is the last field (MQTT 3.1.3).
        let (open, secret) = bytes.split_at(bytes.len() - password.0.len());
        let mut piece = wire.out.send(wire.link);
        piece.put(open);
        piece.put_secret(secret);
        self.phase = Phase::Connecting;
        self.sent(wire.now);
    }

    /// A whole packet came.
    pub(super) fn packet<'a>(&mut self, wire: &mut Wire<'_>, frame: &'a [u8]) -> Result<Heard<'a>, Failure> {
        let packet = Packet::decode(frame).map_err(Failure::Violation)?;
        self.pinged = false;
        match (self.phase, packet) {
            (Phase::Connecting, Packet::Connack { code: 0, .. }) => match &self.filter {
                Some(filter) => {
                    let filters = [(&**filter, Qos::AtLeastOnce)];
                    let subscribe = Packet::Subscribe { id: NonZeroU16::MIN, filters: Filters::with_qos(&filters) };
                    subscribe.encode(&mut wire.out.send(wire.link));
                    self.phase = Phase::Subscribing;
                    self.sent(wire.now);
                    Ok(Heard::Nothing)
                }
                None => {
                    self.phase = Phase::Listening;
                    Ok(Heard::Listening)
                }
            },
            (Phase::Connecting, Packet::Connack { code, .. }) => Err(Failure::Refused(code)),
            (Phase::Subscribing, Packet::Suback { codes, .. }) if codes.first().is_some_and(|code| *code < 0x80) => {
                self.phase = Phase::Listening;
                Ok(Heard::Listening)
            }
            (Phase::Subscribing, Packet::Suback { .. }) => Err(Failure::Refused(NOT_AUTHORIZED)),
            (Phase::Subscribing | Phase::Listening, Packet::Publish(message)) => {
                self.acknowledge(wire, &message);
                Ok(Heard::Message(message.topic, message.payload))
            }
            (Phase::Subscribing | Phase::Listening, Packet::Pubrel(id)) => {
                Packet::Pubcomp(id).encode(&mut wire.out.send(wire.link));
                Ok(Heard::Nothing)
            }
            (_, Packet::Pingresp) => Ok(Heard::Nothing),
            _ => Err(Failure::Violation(OUT_OF_TURN)),
        }
    }

    fn acknowledge(&mut self, wire: &mut Wire<'_>, message: &Publish<'_>) {
        let Some(id) = message.id else { return };
        let packet = if message.qos == Qos::ExactlyOnce { Packet::Pubrec(id) } else { Packet::Puback(id) };
        packet.encode(&mut wire.out.send(wire.link));
        self.sent(wire.now);
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.phase == Phase::Listening).then_some(self.ping_at)
    }

    /// Gives a sign of life if one is due, and misses that of the cloud.
    pub(super) fn settle(&mut self, wire: &mut Wire<'_>) -> Result<(), Failure> {
        if self.deadline().is_some_and(|deadline| deadline <= wire.now) {
            if self.pinged {
                return Err(Failure::NoPingResponse);
            }
            Packet::Pingreq.encode(&mut wire.out.send(wire.link));
            self.pinged = true;
            self.sent(wire.now);
        }
        Ok(())
    }

    /// Says goodbye; the link is to be closed then.
    pub(super) fn end(&self, wire: &mut Wire<'_>) {
        if !matches!(self.phase, Phase::Opening | Phase::Connecting) {
            Packet::Disconnect.encode(&mut wire.out.send(wire.link));
        }
    }

    fn sent(&mut self, now: Instant) {
        self.ping_at = now + Duration::from_secs(u64::from(KEEP_ALIVE) / 2);
    }
}

/// CONNACK 5, which a refused SUBSCRIBE means too.
const NOT_AUTHORIZED: u8 = 5;

const OUT_OF_TURN: Violation = Violation { rule: "MQTT 3", what: "the packet comes out of turn" };
