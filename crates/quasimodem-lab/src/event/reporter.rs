//! The watch that tells events.

use std::collections::BTreeMap;
use std::fmt::Display;

use quasimodem_core::{
    Change, ClientId, Connection, Effect, Host, Input, Instant, Kind, Link, Modem, Note, Outbox, mqtt::Qos,
};

use super::secrets::Secrets;
use super::station::{self, Station};
use super::table::Endpoint;
use super::{Event, Names, Stamp};
use crate::facts::Facts;
use crate::fault::Happened;
use crate::transcript::{self, SIMS, word_for};
use crate::watch::{Of, OnLink, Watch, Weight};
use crate::{broker, gateway};

/// Who hears of events.
pub trait Listener {
    /// Something happened.
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>);

    /// What time it is, in milliseconds since 1970; `None` in virtual time.
    fn wall(&self) -> Option<i64> {
        None
    }
}

/// A watch that makes events of all that it sees, and tells them to a [`Listener`].
pub struct Reporter<L> {
    teller: Teller<L>,
    secrets: Secrets,
    stations: BTreeMap<usize, Station>,
}

/// What stamps events.
struct Teller<L> {
    listener: L,
    seq: u64,
    names: Names,
}

impl<L: Listener> Teller<L> {
    fn tell(&mut self, t: Instant, station: Option<usize>, event: &Event<'_>) {
        self.seq += 1;
        let name = station.and_then(|station| self.names.of(station));
        let stamp = Stamp { seq: self.seq, t, wall: self.listener.wall(), station, modem: name.as_deref() };
        self.listener.event(&stamp, event);
    }
}

impl<L: Listener> Reporter<L> {
    /// Tells what happens at the modems of these names.
    pub fn new(names: Names, listener: L) -> Reporter<L> {
        let teller = Teller { listener, seq: 0, names };
        Reporter { teller, secrets: Secrets::default(), stations: BTreeMap::new() }
    }

    /// Who hears it.
    pub fn listener_mut(&mut self) -> &mut L {
        &mut self.teller.listener
    }
}

impl<L: Listener> Watch for Reporter<L> {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        let Reporter { teller, secrets, stations } = self;
        let at = stations.entry(station).or_default();
        let was_raw = at.raw;
        let mut tell = |event: Event<'_>| teller.tell(now, Some(station), &event);
        heard(input, at, now, &mut tell);
        for effect in out.effects() {
            did(&effect, at, secrets, now, &mut tell);
        }
        at.follow(modem, &mut tell);
        if let Input::Serial(bytes) = input {
            at.bytes_ended(bytes, was_raw);
        }
    }

    fn run(&mut self, now: Instant, event: &Event<'_>) {
        self.teller.tell(now, None, event);
    }

    fn link(&mut self, now: Instant, station: usize, link: Link, what: &OnLink<'_>) {
        let link = link.0;
        let event = match *what {
            OnLink::Led { host, port } => Event::LinkLed { link, to: Endpoint { host, port } },
            OnLink::Secured(agreed) => Event::LinkSecured { link, agreed },
            OnLink::Lost(size, why) => Event::LinkLost { link, size: count(size), why },
        };
        self.teller.tell(now, Some(station), &event);
    }

    fn fault(&mut self, now: Instant, station: usize, what: &Happened<'_>) {
        let event = match *what {
            Happened::Armed { id, fault } => Event::FaultArmed { id, fault },
            Happened::Hit { id, fault, client, item, nth } => {
                Event::FaultHit { id, fault, client: client.map(ClientId::number), item, nth }
            }
            Happened::Spent { id, fault } => Event::FaultSpent { id, fault },
            Happened::Cleared { id, fault } => Event::FaultCleared { id, fault },
        };
        self.teller.tell(now, Some(station), &event);
    }

    fn broker(&mut self, now: Instant, _: usize, note: &broker::Note) {
        self.teller.tell(now, None, &of_broker(note, &mut String::new()));
    }

    fn server(&mut self, now: Instant, name: &'static str, note: &dyn Display) {
        self.teller.tell(now, None, &Event::Note { of: name, text: &note.to_string() });
    }

    fn remark(&mut self, now: Instant, of: Of, _: Weight, words: &dyn Display) {
        let (station, of) = match of {
            Of::Station(station) => (Some(station), "port"),
            Of::Part(name) => (None, name),
        };
        self.teller.tell(now, station, &Event::Note { of, text: &words.to_string() });
    }

    fn gateway(&mut self, now: Instant, note: &gateway::Note) {
        self.teller.tell(now, None, &of_gateway(note, &mut String::new()));
    }
}

/// What the modem is told.
fn heard(input: &Input<'_>, at: &mut Station, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
    match input {
        Input::Host(Host::Attached) => {
            at.forget_line();
            tell(Event::Attached {});
        }
        Input::Host(Host::Detached) => {
            at.forget_line();
            tell(Event::Detached {});
        }
        Input::Serial(bytes) => at.bytes_came(bytes, now),
        Input::Opened(link) => tell(Event::LinkOpen { link: link.0 }),
        Input::Received(link, bytes) => {
            at.packets(*link, bytes, &mut |facts, size| tell_packet(link.0, false, facts, size, tell));
        }
        Input::Closed(link, why) => {
            at.link_ended(*link);
            tell(Event::LinkEnd { link: link.0, why: Some(&why.to_string()) });
        }
        Input::Resolved(_, Ok(address)) => {
            tell(Event::NameFound { address: Some(&address.to_string()), why: None });
        }
        Input::Resolved(_, Err(why)) => tell(Event::NameFound { address: None, why: Some(&why.to_string()) }),
        Input::Bearer(change) => match change {
            Change::Sim(sim) => tell(Event::Sim { state: word_for(SIMS, sim) }),
            Change::Registration(registration) => tell(Event::Registration { stat: *registration as u8 }),
            Change::Signal(rssi, ber) => tell(Event::Signal { rssi: *rssi, ber: *ber }),
            Change::DataCall(address) => {
                let address = address.map(|address| address.to_string());
                tell(Event::Call { address: address.as_deref() });
            }
            Change::Clock(seconds) => tell(Event::Clock { seconds: *seconds }),
        },
        Input::Host(Host::Settling)
        | Input::Line(_)
        | Input::Power(_)
        | Input::Full(_)
        | Input::Free(_)
        | Input::Tick => {}
    }
}

/// What the modem does.
fn did(effect: &Effect<'_>, at: &mut Station, secrets: &mut Secrets, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
    match effect {
        Effect::Serial(Kind::Echo, _) | Effect::Line(_) => {}
        Effect::Serial(Kind::Prompt, _) => {
            at.raw = true;
            tell(Event::Prompt { line: at.line });
        }
        Effect::Serial(kind, marked) => {
            let text = secrets.text(*marked);
            // One piece may be several lines.
            for text in text.split(['\r', '\n']).filter(|text| !text.is_empty()) {
                match kind {
                    Kind::Final => {
                        if let Some(begun) = at.unseen_line(now) {
                            tell(Event::Typed { line: at.line, t0: begun.since(Instant::START), text: "" });
                        }
                        let why = at.final_came(text);
                        tell(Event::Final { line: at.line, text, why: why.as_deref() });
                    }
                    Kind::Urc => tell(Event::Urc { line: at.line_of_result(text), text }),
                    Kind::Info | Kind::Echo | Kind::Prompt => tell(Event::Info { line: at.line, text }),
                }
            }
        }
        Effect::Open { link, transport, host, port } => {
            let to = Endpoint { host, port: *port };
            if let Some(client) = ClientId::from_number(link.0.into()) {
                at.connections.insert(client, Connection::Opening);
                tell(Event::ClientOpening { client: client.number(), line: at.line, to });
            }
            let transport = transcript::transport(transport);
            at.link_ended(*link);
            tell(Event::LinkOpening { link: link.0, to, transport });
        }
        Effect::Send(link, marked) => {
            station::sent(*link, marked.bytes(), &mut |facts, size| tell_packet(link.0, true, facts, size, tell));
        }
        Effect::Close(link) => {
            at.link_ended(*link);
            tell(Event::LinkEnd { link: link.0, why: None });
        }
        Effect::Resolve(_, _, name) => tell(Event::NameAsked { name }),
        Effect::Note(note) => noted(note, at, secrets, now, tell),
    }
}

fn tell_packet(link: u8, up: bool, facts: &Facts<'_>, size: u64, tell: &mut dyn FnMut(Event<'_>)) {
    let Facts { kind, id: packet_id, topic, level: version, session, code, codes, .. } = *facts;
    let (qos, flags) = (facts.qos.map(Qos::number), facts.flags());
    let flags = Some(flags.as_str()).filter(|flags| !flags.is_empty());
    let codes = Some(codes).filter(|codes| !codes.is_empty());
    tell(if up {
        Event::PacketUp { link, kind, size, packet_id, topic, qos, flags, version, session, code, codes }
    } else {
        Event::PacketDown { link, kind, size, packet_id, topic, qos, flags, version, session, code, codes }
    });
}

fn noted(note: &Note<'_>, at: &mut Station, secrets: &mut Secrets, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
    match note {
        Note::Typed(line) => {
            let text = secrets.text(*line);
            let t0 = at.line_came(line.bytes(), now).since(Instant::START);
            tell(Event::Typed { line: at.line, t0, text: &text });
        }
        Note::Starts => {
            at.starts();
            tell(Event::Boot {});
        }
        Note::Refused(refusal) => at.refused(refusal.to_string()),
        Note::OpenFailed(client, failure) => {
            at.connections.remove(client);
            let (client, code) = (client.number(), failure.code());
            tell(Event::ClientFailed { client, code, why: &failure.to_string() });
        }
        Note::Broken(client, failure, cause) => {
            at.connections.remove(client);
            let (client, cause, code) = (client.number(), *cause as u8, failure.code());
            tell(Event::ClientBroken { client, cause, code, why: &failure.to_string() });
        }
        other => tell(Event::Note { of: "modem", text: &other.to_string() }),
    }
}

/// A note of the broker; `words` holds what has to be put into words.
fn of_broker<'a>(note: &'a broker::Note, words: &'a mut String) -> Event<'a> {
    match note {
        broker::Note::Connected { client, clean, session_present, .. } => {
            Event::BrokerConnected { client_id: client, clean: *clean, session_present: *session_present }
        }
        broker::Note::Refused { client, code, why, .. } => {
            Event::BrokerRefused { client_id: client, code: *code as u8, why }
        }
        broker::Note::Ended { client, why, .. } => {
            *words = why.to_string();
            Event::BrokerDisconnected { client_id: client.as_deref(), why: words }
        }
        broker::Note::Published { client, message, qos, retain, will, .. } => Event::BrokerPublished {
            client_id: client,
            topic: &message.topic,
            payload: shown(&message.payload),
            size: count(message.payload.len()),
            qos: qos.number(),
            retain: *retain,
            will: *will,
        },
        broker::Note::Subscribed { client, filter, granted } => {
            Event::BrokerSubscribed { client_id: client, filter, qos: granted.map(Qos::number) }
        }
        other => {
            *words = other.to_string();
            Event::Note { of: "broker", text: words }
        }
    }
}

/// A payload as events show it.
fn shown(payload: &[u8]) -> Option<&str> {
    std::str::from_utf8(payload).ok().filter(|text| text.len() <= PAYLOAD_MAX)
}

/// Bytes of a payload that events show.
const PAYLOAD_MAX: usize = 1024;

/// A note of the gateway.
fn of_gateway<'a>(note: &'a gateway::Note, words: &'a mut String) -> Event<'a> {
    match note {
        gateway::Note::Connected { client, clean, session_present, .. } => {
            Event::GatewayConnected { client_id: client, clean: *clean, session_present: *session_present }
        }
        gateway::Note::Refused { client, code, why, .. } => {
            *words = why.to_string();
            Event::GatewayRefused { client_id: client, code: code.number(), why: words }
        }
        gateway::Note::Ended { client, why } => {
            *words = why.to_string();
            Event::GatewayDisconnected { client_id: client, why: words }
        }
        other => {
            *words = other.to_string();
            Event::Note { of: "gateway", text: words }
        }
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
