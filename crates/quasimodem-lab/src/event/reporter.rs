//! The watch that tells events.

use std::collections::BTreeMap;
use std::fmt::Display;

use quasimodem_core::{ClientId, Effect, Host, Input, Instant, Kind, Link, Modem, Note, Outbox, Port, Why, mqtt::Qos};

use super::from_host::Line;
use super::secrets::Secrets;
use super::station::{Seen, Station};
use super::table::Endpoint;
use super::tapped::Tapped;
use super::{Event, Names, Stamp};
use crate::facts::Facts;
use crate::fault::Happened;
use crate::transcript;
use crate::watch::{Of, OnLink, Watch, Way, Weight};
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
    /// Those whose module is not ours.
    tapped: BTreeMap<usize, Tapped>,
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
        Reporter { teller, secrets: Secrets::default(), stations: BTreeMap::new(), tapped: BTreeMap::new() }
    }

    /// Tells what a modem made of an input; `seen` is what the modem was like after that.
    pub fn saw(&mut self, now: Instant, station: usize, input: &Input<'_>, seen: &Seen, out: &Outbox) {
        let Reporter { teller, secrets, stations, .. } = self;
        let at = stations.entry(station).or_default();
        let mut tell = |event: Event<'_>| teller.tell(now, Some(station), &event);
        // What changes the radio comes before what comes of it.
        let radio_first = !matches!(input, Input::Serial(_) | Input::Host(_) | Input::Power(_));
        if radio_first {
            at.follow_radio(input, seen, &mut tell);
        }
        heard(input, at, seen, now, &mut tell);
        for effect in out.effects() {
            did(&effect, input, at, secrets, now, &mut tell);
        }
        if !radio_first {
            at.follow_radio(input, seen, &mut tell);
        }
        at.follow(seen, now, &mut tell);
        if let Input::Serial(bytes) = input {
            at.host.bytes_ended(bytes);
        }
    }

    /// So much of what there was to see was missed.
    pub fn missed(&mut self, now: Instant, lost: u64) {
        self.stations.values_mut().for_each(Station::missed);
        self.tapped.values_mut().for_each(|tapped| *tapped = Tapped::default());
        self.teller.tell(now, None, &Event::Gap { lost });
    }

    /// Who hears it.
    pub fn listener_mut(&mut self) -> &mut L {
        &mut self.teller.listener
    }
}

impl<L: Listener> Watch for Reporter<L> {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.saw(now, station, input, &Seen::of(modem), out);
    }

    fn run(&mut self, now: Instant, event: &Event<'_>) {
        if let Event::End {} = event {
            for (&station, at) in &self.stations {
                at.ends(now, &mut |event| self.teller.tell(now, Some(station), &event));
            }
        }
        self.teller.tell(now, None, event);
    }

    fn host(&mut self, now: Instant, station: usize, here: bool) {
        let Reporter { teller, stations, tapped, .. } = self;
        let at = stations.entry(station).or_default();
        let tell = &mut |event: Event<'_>| teller.tell(now, Some(station), &event);
        tapped.entry(station).or_default().host(here, at, tell);
    }

    fn serial(&mut self, now: Instant, station: usize, way: Way, bytes: &[u8]) {
        let Reporter { teller, secrets, stations, tapped } = self;
        let Some(tapped) = tapped.get_mut(&station) else { return };
        let at = stations.entry(station).or_default();
        let tell = &mut |event: Event<'_>| teller.tell(now, Some(station), &event);
        tapped.passed(now, way, bytes, at, secrets, tell);
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
fn heard(input: &Input<'_>, at: &mut Station, seen: &Seen, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
    match input {
        Input::Host(Host::Attached) => {
            at.forget_host(tell);
            tell(Event::Attached {});
        }
        Input::Host(Host::Detached) => {
            at.forget_host(tell);
            tell(Event::Detached {});
        }
        Input::Serial(bytes) => match at.is_unheard(seen) {
            Some(why) => at.host.unheard(bytes, now, why, tell),
            None => {
                at.host.hears(tell);
                at.host.bytes_came(bytes, now);
            }
        },
        Input::Opened(link) => {
            at.link_opened(*link, now);
            tell(Event::LinkOpen { link: link.0 });
        }
        Input::Received(link, bytes) => {
            at.received(*link, bytes, now, &mut |facts, size| tell_packet(link.0, false, facts, size, tell));
        }
        Input::Closed(link, why) => {
            at.link_ended(*link, matches!(why, Why::Ended).then_some(now));
            tell(Event::LinkEnd { link: link.0, why: Some(&why.to_string()) });
        }
        Input::Resolved(_, Ok(address)) => {
            tell(Event::NameFound { address: Some(&address.to_string()), why: None });
        }
        Input::Resolved(_, Err(why)) => tell(Event::NameFound { address: None, why: Some(&why.to_string()) }),
        Input::Full(Port::Serial) => tell(Event::Deaf { reads: false }),
        Input::Free(Port::Serial) => tell(Event::Deaf { reads: true }),
        Input::Host(Host::Settling)
        | Input::Line(_)
        | Input::Power(_)
        | Input::Bearer(_)
        | Input::Full(Port::Link(_))
        | Input::Free(Port::Link(_))
        | Input::Tick => {}
    }
}

/// What the modem does.
fn did(
    effect: &Effect<'_>,
    input: &Input<'_>,
    at: &mut Station,
    secrets: &mut Secrets,
    now: Instant,
    tell: &mut dyn FnMut(Event<'_>),
) {
    match effect {
        Effect::Serial(Kind::Echo, marked) => at.host.echoed(marked.bytes()),
        // The note that follows says how much is asked for.
        Effect::Serial(Kind::Prompt, _) | Effect::Line(_) => {}
        Effect::Serial(kind, marked) => {
            let text = secrets.text(*marked);
            // One piece may be several lines.
            for text in text.split(['\r', '\n']).filter(|text| !text.is_empty()) {
                match kind {
                    Kind::Final => {
                        if let Some(line) = at.unseen_line() {
                            tell_line(&line, at.host.line, "", tell);
                        }
                        let why = at.final_came(text);
                        tell(Event::Final { line: at.host.line, text, why: why.as_deref() });
                    }
                    Kind::Urc => {
                        let (line, why) = at.line_of_result(text);
                        tell(Event::Urc { line, text, why: why.as_deref() });
                    }
                    Kind::Info | Kind::Echo | Kind::Prompt => tell(Event::Info { line: at.host.line, text }),
                }
            }
        }
        Effect::Open { link, transport, host, port } => {
            let to = Endpoint { host, port: *port };
            at.link_ended(*link, None);
            let client = ClientId::from_number(link.0.into());
            if let Some(client) = client {
                at.opening(client, transport, now);
                tell(Event::ClientOpening { client: client.number(), line: at.host.line, to });
            }
            let owner = owner(client);
            tell(Event::LinkOpening { link: link.0, to, transport: transcript::transport(transport), owner: &owner });
        }
        Effect::Send(link, marked) => {
            at.sent(*link, marked.bytes(), now, &mut |facts, size| tell_packet(link.0, true, facts, size, tell));
        }
        Effect::Close(link) => {
            at.link_ended(*link, Some(now));
            tell(Event::LinkEnd { link: link.0, why: None });
        }
        Effect::Resolve(_, _, name) => tell(Event::NameAsked { name, owner: "command" }),
        Effect::Note(note) => noted(note, input, at, secrets, tell),
    }
}

/// Whose a link is, by its client.
fn owner(client: Option<ClientId>) -> String {
    match client {
        Some(client) if client.is_sn() => format!("mqtt-sn {client}"),
        Some(client) => format!("mqtt {client}"),
        None => "errand".into(),
    }
}

/// Tells a line, and that it was sent back.
pub(super) fn tell_line(came: &Line, line: u64, text: &str, tell: &mut dyn FnMut(Event<'_>)) {
    let Line { begun, junk, nuls, echoed } = *came;
    tell(Event::Typed { line, t0: begun.since(Instant::START), text, junk, nuls });
    if echoed {
        tell(Event::Echo { line, text });
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

fn noted(note: &Note<'_>, input: &Input<'_>, at: &mut Station, secrets: &mut Secrets, tell: &mut dyn FnMut(Event<'_>)) {
    match note {
        Note::Typed(line) => {
            let text = secrets.text(*line);
            let came = at.line_came(line.bytes());
            tell_line(&came, at.host.line, &text, tell);
        }
        Note::Skipped { size, nuls, ended } => at.host.skipped(*size, *nuls, *ended, tell),
        Note::Asked(size) => {
            at.host.asked(*size);
            tell(Event::Prompt { line: at.host.line, size: count(*size) });
        }
        Note::Data { size, behind, .. } => {
            let came: &[u8] = if let Input::Serial(bytes) = input { bytes } else { &[] };
            at.host.data_came(*size, *behind, came, tell);
        }
        Note::Starts => {
            at.starts(tell);
            tell(Event::Boot {});
        }
        Note::Refused(refusal) => {
            at.host.raw_is_over(None, tell);
            at.refused(refusal.to_string());
        }
        Note::OpenFailed(client, failure) => {
            let why = failure.to_string();
            let line = at.lost(*client, &why, false);
            tell(Event::ClientFailed { client: client.number(), line, code: failure.code(), why: &why });
        }
        Note::Broken(client, failure, cause) => {
            let why = failure.to_string();
            let line = at.lost(*client, &why, true);
            let (client, cause, code) = (client.number(), *cause as u8, failure.code());
            tell(Event::ClientBroken { client, line, cause, code, why: &why });
        }
        other => {
            match other {
                Note::Late(client, command) => at.will_fail(*client, command, "no answer came in time".into()),
                Note::Rejected(client, command, code) => at.will_fail(*client, command, code.to_string()),
                _ => {}
            }
            tell(Event::Note { of: "modem", text: &other.to_string() });
        }
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
        broker::Note::Delivered { client, message, qos, retain, dup } => Event::BrokerDelivered {
            client_id: client,
            topic: &message.topic,
            payload: shown(&message.payload),
            size: count(message.payload.len()),
            qos: qos.number(),
            retain: *retain,
            dup: *dup,
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
        gateway::Note::Subscribed { client, filter, granted } => {
            Event::GatewaySubscribed { client_id: client, filter, qos: granted.map(Qos::number) }
        }
        gateway::Note::Published { client, message: gateway::Message { topic, payload, qos, retain } } => {
            Event::GatewayPublished {
                client_id: client.as_deref(),
                topic,
                payload: shown(payload),
                size: count(payload.len()),
                qos: qos.number(),
                retain: *retain,
            }
        }
        gateway::Note::Delivered { client, message: gateway::Message { topic, payload, qos, retain }, dup } => {
            Event::GatewayDelivered {
                client_id: client,
                topic,
                payload: shown(payload),
                size: count(payload.len()),
                qos: qos.number(),
                retain: *retain,
                dup: *dup,
            }
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
