//! What the connection of a client costs on the air.
//!
//! The modem's links carry MQTT; what TLS, TCP and IP add is estimated, by rules that the rows of `client.traffic` state.

use std::time::Duration;

use quasimodem_core::{Instant, Transport};

use super::Event;

/// How long there is no traffic before the radio sleeps. Networks keep a connection to a module for some 10 s (3GPP leaves
/// the inactivity timer to them).
const SLEEPS_AFTER: Duration = Duration::from_secs(10);

/// Bytes of a segment of TCP at most, and of the headers of IPv4 and TCP, or of UDP, without options.
const SEGMENT: u64 = 1360;
const TCP_IP: u64 = 40;
const UDP_IP: u64 = 28;

/// A handshake of TLS with a certificate and its issuer's, and a record of TLS 1.2 with AES-GCM.
const HANDSHAKE: u64 = 3500;
const RECORD: u64 = 29;

/// Of one connection, or of an attempt at one.
#[derive(Debug)]
pub(super) struct Traffic {
    begun: Instant,
    over: Over,
    payload: u64,
    mqtt: u64,
    tls: u64,
    tcp_ip: u64,
    sent_again: u64,
    wakeups: u64,
    last: Option<Instant>,
    /// The message that was sent last over MQTT-SN.
    newest: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Over {
    Tcp,
    Tls,
    Udp,
}

impl Traffic {
    /// A connection is asked for: the first segment of three goes out.
    pub(super) fn new(now: Instant, transport: &Transport) -> Traffic {
        let over = match transport {
            Transport::Tcp => Over::Tcp,
            Transport::Tls(_) => Over::Tls,
            Transport::Udp => Over::Udp,
        };
        let mut traffic = Traffic {
            begun: now,
            over,
            payload: 0,
            mqtt: 0,
            tls: 0,
            tcp_ip: 0,
            sent_again: 0,
            wakeups: 0,
            last: None,
            newest: Vec::new(),
        };
        if over != Over::Udp {
            traffic.wakes(now);
            traffic.tcp_ip += TCP_IP;
        }
        traffic
    }

    /// The link is open.
    pub(super) fn opened(&mut self, now: Instant) {
        if self.over == Over::Udp {
            return;
        }
        self.wakes(now);
        self.tcp_ip += 2 * TCP_IP;
        if self.over == Over::Tls {
            self.tls += HANDSHAKE;
            self.segments(HANDSHAKE);
        }
    }

    /// A piece went out or came in.
    pub(super) fn moved(&mut self, now: Instant, size: u64) {
        self.wakes(now);
        self.mqtt += size;
        match self.over {
            Over::Udp => self.tcp_ip += UDP_IP,
            Over::Tcp => self.segments(size),
            Over::Tls => {
                self.tls += RECORD;
                self.segments(size + RECORD);
            }
        }
    }

    /// A piece held a message with this much payload.
    pub(super) fn carried(&mut self, payload: u64) {
        self.payload += payload;
    }

    /// A packet of this size was sent before.
    pub(super) fn again(&mut self, size: u64) {
        self.sent_again += size;
    }

    /// Whether a message over MQTT-SN is the same as the one before, without an answer in between.
    pub(super) fn is_same(&mut self, message: &[u8]) -> bool {
        let is_same = self.newest == message;
        self.newest.clear();
        self.newest.extend_from_slice(message);
        is_same
    }

    /// Something came: what is sent then is not sent again.
    pub(super) fn answered(&mut self) {
        self.newest.clear();
    }

    /// The link ends in order: each side says so, and each is answered.
    pub(super) fn closed(&mut self, now: Instant) {
        if self.over != Over::Udp {
            self.wakes(now);
            self.tcp_ip += 4 * TCP_IP;
        }
    }

    /// What it came to.
    pub(super) fn event(&self, client: u8, now: Instant) -> Event<'static> {
        let Traffic { begun, payload, mqtt, tls, tcp_ip, sent_again, wakeups, .. } = *self;
        let (seconds, bytes) = (now.since(begun), mqtt + tls + tcp_ip);
        Event::ClientTraffic { client, seconds, bytes, payload, mqtt, tls, tcp_ip, sent_again, wakeups }
    }

    fn segments(&mut self, size: u64) {
        let segments = size.div_ceil(SEGMENT);
        self.tcp_ip += TCP_IP * (segments + segments.div_ceil(2));
    }

    fn wakes(&mut self, now: Instant) {
        if self.last.replace(now).is_none_or(|last| now.since(last) >= SLEEPS_AFTER) {
            self.wakeups += 1;
        }
    }
}
