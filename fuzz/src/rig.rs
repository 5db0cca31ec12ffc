//! A modem with a driver that keeps the contracts, and checks those of the modem.

use std::collections::BTreeMap;
use std::time::Duration;

use quasimodem_core::mqtt::{Packet, Qos};
use quasimodem_core::{
    ClientId, Effect, Host, Imei, Input, Instant, Kind, Link, Modem, Outbox, Port, Query, Settings, sn,
};

/// A modem, what its driver knows, and what is still to be answered.
pub(crate) struct Rig {
    pub(crate) modem: Modem,
    pub(crate) now: Instant,
    pub(crate) wires: BTreeMap<Link, Wire>,
    pub(crate) queries: Vec<Query>,
    /// Whether a well-behaved broker answers at the other end of each link; if not, only the fuzzer speaks.
    obliging: bool,
    outbox: Outbox,
    /// What the broker still has to say.
    answers: Vec<(Link, Vec<u8>)>,
}

/// Where the driver is with a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    Opening,
    Open,
}

impl Rig {
    pub(crate) fn new(settings: Settings, obliging: bool) -> Rig {
        let mut rig = Rig {
            modem: Modem::new(settings.into(), Imei::default()),
            now: Instant::START,
            wires: BTreeMap::new(),
            queries: Vec::new(),
            obliging,
            outbox: Outbox::default(),
            answers: Vec::new(),
        };
        rig.handle(Input::Host(Host::Attached));
        rig
    }

    /// Brings an input that the driver may bring now, and lets an obliging broker answer what it causes.
    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.take(input);
        if !self.obliging {
            return;
        }
        loop {
            let opening = self.wires.iter().find_map(|(link, wire)| (*wire == Wire::Opening).then_some(*link));
            if let Some(link) = opening {
                self.wires.insert(link, Wire::Open);
                self.take(Input::Opened(link));
            } else if !self.answers.is_empty() {
                let (link, answer) = self.answers.remove(0);
                if self.wires.get(&link) == Some(&Wire::Open) && self.modem.wants(Port::Link(link)) {
                    self.take(Input::Received(link, &answer));
                }
            } else {
                return;
            }
        }
    }

    /// Types what the modem takes of these bytes.
    pub(crate) fn types(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(Input::CHUNK) {
            if self.modem.wants(Port::Serial) {
                self.handle(Input::Serial(chunk));
            }
        }
    }

    /// Lets time pass, with each deadline on the way.
    pub(crate) fn passes(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.modem.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline.max(self.now);
            self.handle(Input::Tick);
        }
        self.now = until;
    }

    fn take(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.modem.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.modem.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        for effect in self.outbox.effects() {
            // What a log shows must be writable whatever happened.
            let _ = format!("{effect:?}");
            match effect {
                Effect::Serial(Kind::Final | Kind::Urc, line) => check_line(line.bytes()),
                Effect::Serial(Kind::Echo | Kind::Info | Kind::Prompt, _) => {}
                Effect::Open { link, .. } => {
                    let before = self.wires.insert(link, Wire::Opening);
                    assert_eq!(before, None, "link {link} was opened twice");
                }
                Effect::Send(link, packet) => {
                    assert_eq!(self.wires.get(&link), Some(&Wire::Open), "bytes for link {link}");
                    let speaks_sn = ClientId::from_number(link.0.into()).is_some_and(ClientId::is_sn);
                    let answers = if speaks_sn {
                        let packet = sn::Packet::decode(packet.bytes()).expect("what the modem sends is a message");
                        sn_answers(&packet)
                    } else {
                        answers(&Packet::decode(packet.bytes()).expect("what the modem sends is a packet"))
                    };
                    if self.obliging {
                        self.answers.extend(answers.into_iter().map(|answer| (link, answer)));
                    }
                }
                Effect::Close(link) => {
                    assert_ne!(self.wires.remove(&link), None, "link {link} was closed twice");
                    self.answers.retain(|(to, _)| *to != link);
                }
                Effect::Resolve(query, ..) => self.queries.push(query),
                Effect::Note(note) => assert!(!note.to_string().is_empty()),
                Effect::Line(_) => {}
            }
        }
    }
}

/// A final or an unsolicited result code is one whole line, or with `ATV0` a digit.
fn check_line(line: &[u8]) {
    if matches!(line, [b'0'..=b'9', b'\r']) {
        return;
    }
    let text = line.strip_prefix(b"\r\n").and_then(|text| text.strip_suffix(b"\r\n"));
    let text = text.unwrap_or_else(|| panic!("not framed: {:?}", String::from_utf8_lossy(line)));
    assert!(!text.iter().any(u8::is_ascii_control), "more than a line: {:?}", String::from_utf8_lossy(line));
}

/// What a broker says to a packet: every message comes back, at the QoS at which it was sent.
fn answers(packet: &Packet<'_>) -> Vec<Vec<u8>> {
    let encoded = |packet: Packet<'_>| {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        bytes
    };
    match packet {
        Packet::Connect(_) => vec![encoded(Packet::Connack { session_present: false, code: 0 })],
        Packet::Subscribe { id, filters } => {
            let codes: Vec<u8> = filters.iter().map(|(_, qos)| qos.map_or(0, |qos| qos as u8)).collect();
            vec![encoded(Packet::Suback { id: *id, codes: &codes })]
        }
        Packet::Unsubscribe { id, .. } => vec![encoded(Packet::Unsuback(*id))],
        Packet::Publish(publish) => {
            let reply = publish.id.map(|id| match publish.qos {
                Qos::ExactlyOnce => encoded(Packet::Pubrec(id)),
                Qos::AtMostOnce | Qos::AtLeastOnce => encoded(Packet::Puback(id)),
            });
            reply.into_iter().chain([encoded(*packet)]).collect()
        }
        Packet::Pubrec(id) => vec![encoded(Packet::Pubrel(*id))],
        Packet::Pubrel(id) => vec![encoded(Packet::Pubcomp(*id))],
        Packet::Pingreq => vec![encoded(Packet::Pingresp)],
        _ => vec![],
    }
}

/// What a gateway says to a message: names have ids, and every message comes back, at the QoS at which it was sent.
fn sn_answers(packet: &sn::Packet<'_>) -> Vec<Vec<u8>> {
    const OK: sn::ReturnCode = sn::ReturnCode::Accepted;
    let put = |packet: sn::Packet<'_>| {
        let mut bytes = Vec::new();
        packet.put(&mut bytes);
        bytes
    };
    match *packet {
        sn::Packet::Connect(connect) if connect.will => vec![put(sn::Packet::Willtopicreq)],
        sn::Packet::Connect(_) | sn::Packet::Willmsg(_) => vec![put(sn::Packet::Connack(OK))],
        sn::Packet::Willtopic(_) => vec![put(sn::Packet::Willmsgreq)],
        sn::Packet::Register { id, .. } => vec![put(sn::Packet::Regack { topic: id, id, code: OK })],
        sn::Packet::Subscribe { id, qos, .. } => vec![put(sn::Packet::Suback { qos, topic: id, id, code: OK })],
        sn::Packet::Unsubscribe { id, .. } => vec![put(sn::Packet::Unsuback(id))],
        sn::Packet::Publish(publish) => {
            let reply = match publish.qos {
                Some(Qos::ExactlyOnce) => Some(sn::Packet::Pubrec(publish.id)),
                Some(Qos::AtLeastOnce) => {
                    Some(sn::Packet::Puback { topic: publish.topic.number(), id: publish.id, code: OK })
                }
                Some(Qos::AtMostOnce) | None => None,
            };
            // It may come back before it is acknowledged.
            [put(*packet)].into_iter().chain(reply.map(put)).collect()
        }
        sn::Packet::Pubrec(id) => vec![put(sn::Packet::Pubrel(id))],
        sn::Packet::Pubrel(id) => vec![put(sn::Packet::Pubcomp(id))],
        sn::Packet::Willtopicupd(_) => vec![put(sn::Packet::Willtopicresp(OK))],
        sn::Packet::Willmsgupd(_) => vec![put(sn::Packet::Willmsgresp(OK))],
        sn::Packet::Pingreq { .. } => vec![put(sn::Packet::Pingresp)],
        sn::Packet::Disconnect { .. } => vec![put(*packet)],
        _ => vec![],
    }
}
