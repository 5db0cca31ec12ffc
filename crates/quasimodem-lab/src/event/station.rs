//! What is remembered of a station, so that its events say what belongs together.

use std::collections::{BTreeMap, VecDeque};

use quasimodem_core::{
    COMMANDS, Change, ClientId, Condition, Connection, Input, Instant, Link, Modem, ParamKind, Radio, Returns,
    Transport,
};

use super::Event;
use super::from_host::{FromHost, Line};
use super::traffic::Traffic;
use crate::facts::{Facts, UNKNOWN};
use crate::frames::{Frames, Piece};
use crate::transcript::{SIMS, word_for};

/// Results whose lines are remembered: more than a modem may owe.
const OWED: usize = 256;

/// The type of a PUBLISH (MQTT 2.2.1).
const PUBLISH: u8 = 3;

/// The code of a SUBACK that refuses a subscription (MQTT 3.9.3).
const REFUSED: u8 = 0x80;

/// What a modem is like after an input, as far as events follow from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    connections: [Option<Connection>; ClientId::ALL.len()],
    condition: Condition,
    radio: Radio,
}

#[derive(Default)]
pub(super) struct Station {
    pub(super) host: FromHost,
    /// The line at hand has its final result code.
    answered: bool,
    /// Why the line at hand is refused.
    why: Option<String>,
    /// Asynchronous commands of the line at hand: name and client.
    asked: Vec<(&'static str, u32)>,
    /// Those that were accepted, each with its line.
    owed: VecDeque<(&'static str, u32, u64)>,
    /// Why results will be 0, each of one command and client.
    whys: VecDeque<(&'static str, u32, String)>,
    /// Why all results of a client will be.
    broken: BTreeMap<ClientId, String>,
    connections: BTreeMap<ClientId, Connected>,
    /// Those that ended with this input.
    ended: Vec<(ClientId, Traffic)>,
    condition: Option<Condition>,
    radio: Option<Radio>,
    /// What came over links.
    came: BTreeMap<Link, Frames>,
}

/// A client's connection, or its attempt at one.
struct Connected {
    stage: Connection,
    /// The line that asked for it, and the one that closes it.
    opened: Option<u64>,
    closing: Option<u64>,
    traffic: Traffic,
}

impl Seen {
    /// That of a modem.
    pub fn of(modem: &Modem) -> Seen {
        let connections = ClientId::ALL.map(|client| modem.connection(client));
        Seen { connections, condition: modem.condition(), radio: modem.radio() }
    }
}

impl Station {
    /// Whether the module heard nothing of an input, and why.
    pub(super) fn is_unheard(&self, seen: &Seen) -> Option<&'static str> {
        match (self.condition, seen.condition) {
            (None | Some(Condition::On), _) | (_, Condition::On) => None,
            (_, Condition::Off) => Some("the module is off"),
            (_, Condition::Starting) => Some("the module is starting"),
        }
    }

    /// The host comes or goes, and with it what is half there.
    pub(super) fn forget_host(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.host.forget(tell);
    }

    /// A line is complete.
    pub(super) fn line_came(&mut self, line: &[u8]) -> Line {
        self.answered = false;
        self.why = None;
        self.asked = asynchronous(line);
        self.host.line_came()
    }

    /// An answer comes; gives its line, if that was not shown: it was too long.
    pub(super) fn unseen_line(&mut self) -> Option<Line> {
        (self.answered || self.host.line == 0).then(|| {
            let why = self.why.take();
            let line = self.line_came(&[]);
            self.why = why;
            line
        })
    }

    /// The line at hand is refused.
    pub(super) fn refused(&mut self, why: String) {
        self.why = Some(why);
    }

    /// The line at hand is answered; gives why, if it was refused.
    pub(super) fn final_came(&mut self, text: &str) -> Option<String> {
        self.answered = true;
        let (asked, line) = (std::mem::take(&mut self.asked), self.host.line);
        // Of a refused line it is not known which commands were accepted.
        if self.why.is_none() && matches!(text, "OK" | "0") {
            self.accepted(asked, line);
        }
        self.why.take()
    }

    /// These commands of a line were accepted, and their results come later.
    pub(super) fn accepted(&mut self, asked: Vec<(&'static str, u32)>, line: u64) {
        for &(name, client) in &asked {
            if name == CLOSE
                && let Some(connected) = client_of(client).and_then(|client| self.connections.get_mut(&client))
            {
                connected.closing = Some(line);
            }
        }
        self.owed.extend(asked.into_iter().map(|(name, client)| (name, client, line)));
        let over = self.owed.len().saturating_sub(OWED);
        self.owed.drain(..over);
    }

    /// The line whose result this is, and why that is 0: results of one command and client come in the order of the lines.
    pub(super) fn line_of_result(&mut self, text: &str) -> (Option<u64>, Option<String>) {
        self.owed_result(text).map_or((None, None), |(name, client, line)| {
            let why = text.ends_with(",0").then(|| self.why_failed(name, client)).flatten();
            (Some(line), why)
        })
    }

    fn why_failed(&mut self, name: &str, client: u32) -> Option<String> {
        match self.whys.iter().position(|(command, of, _)| *command == name && *of == client) {
            Some(place) => self.whys.remove(place).map(|(_, _, why)| why),
            None => self.broken.get(&ClientId::from_number(client)?).cloned(),
        }
    }

    fn owed_result(&mut self, text: &str) -> Option<(&'static str, u32, u64)> {
        let (name, rest) = text.split_once(": ")?;
        let (client, status) = rest.split_once(',')?;
        let client: u32 = client.parse().ok()?;
        // What has more than a status may be told unasked, but for the id of a name.
        if status.contains(',') && !(name == "+MQTTSNREG" && status.starts_with("1,")) {
            return None;
        }
        let place = self.owed.iter().position(|(owed, of, _)| *owed == name && *of == client)?;
        self.owed.remove(place)
    }

    /// The result of a command will be 0, and this is why.
    pub(super) fn will_fail(&mut self, client: ClientId, command: &'static str, why: String) {
        if self.whys.len() == OWED {
            self.whys.pop_front();
        }
        self.whys.push_back((command, client.number().into(), why));
    }

    /// The host opens a connection, in the place of another.
    pub(super) fn opening(&mut self, client: ClientId, transport: &Transport, now: Instant) {
        self.whys.retain(|(_, of, _)| *of != u32::from(client.number()));
        self.broken.remove(&client);
        let (stage, opened) = (Connection::Opening, Some(self.host.line));
        let connected = Connected { stage, opened, closing: None, traffic: Traffic::new(now, transport) };
        if let Some(before) = self.connections.insert(client, connected) {
            self.ended.push((client, before.traffic));
        }
    }

    /// A connection could not be opened, or was lost; gives the line that had asked for it.
    pub(super) fn lost(&mut self, client: ClientId, why: &str, is_open: bool) -> Option<u64> {
        if is_open {
            self.broken.insert(client, why.into());
        } else {
            self.will_fail(client, OPEN, why.into());
        }
        let Connected { opened, traffic, .. } = self.connections.remove(&client)?;
        self.ended.push((client, traffic));
        opened
    }

    /// Tells what changed of the radio side.
    pub(super) fn follow_radio(&mut self, input: &Input<'_>, seen: &Seen, tell: &mut dyn FnMut(Event<'_>)) {
        if let Input::Bearer(Change::Clock(seconds)) = input {
            tell(Event::Clock { seconds: *seconds });
        }
        let now = seen.radio;
        let before = self.radio.replace(now);
        // Where the watch begins with a change, that is one.
        let first = |is_it: fn(&Change) -> bool| match input {
            Input::Bearer(change) => before.is_none() && is_it(change),
            _ => false,
        };
        let changed = |what: fn(&Radio, &Radio) -> bool| before.as_ref().is_some_and(|before| what(before, &now));
        if changed(|a, b| a.sim != b.sim) || first(|change| matches!(change, Change::Sim(_))) {
            tell(Event::Sim { state: word_for(SIMS, &now.sim) });
        }
        if changed(|a, b| a.registration != b.registration) || first(|change| matches!(change, Change::Registration(_)))
        {
            tell(Event::Registration { stat: now.registration as u8 });
        }
        if changed(|a, b| a.signal != b.signal) || first(|change| matches!(change, Change::Signal(..))) {
            let (rssi, ber) = now.signal;
            tell(Event::Signal { rssi, ber });
        }
        if changed(|a, b| a.address != b.address) || first(|change| matches!(change, Change::DataCall(_))) {
            let address = now.address.map(|address| address.to_string());
            tell(Event::Call { address: address.as_deref() });
        }
    }

    /// Tells what changed of connections and of the module itself.
    pub(super) fn follow(&mut self, seen: &Seen, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
        for (id, stage) in ClientId::ALL.into_iter().zip(seen.connections) {
            let client = id.number();
            match (self.connections.get_mut(&id), stage) {
                (Some(before), Some(stage)) => {
                    if (before.stage, stage) == (Connection::Opening, Connection::Open) {
                        tell(Event::ClientOpen { client, line: before.opened });
                    }
                    before.stage = stage;
                }
                (None, Some(stage)) => {
                    // It is watched only now.
                    let traffic = Traffic::new(now, &Transport::Udp);
                    self.connections.insert(id, Connected { stage, opened: None, closing: None, traffic });
                }
                (Some(_), None) => {
                    if let Some(Connected { closing, traffic, .. }) = self.connections.remove(&id) {
                        tell(Event::ClientClosed { client, line: closing });
                        self.ended.push((id, traffic));
                    }
                }
                (None, None) => {}
            }
        }
        for (client, traffic) in self.ended.drain(..) {
            tell(traffic.event(client.number(), now));
        }
        let before = self.condition.replace(seen.condition).unwrap_or(Condition::On);
        match (before, seen.condition) {
            (_, Condition::Off) if before != Condition::Off => {
                self.owed.clear();
                self.host.forget(tell);
                tell(Event::Off {});
            }
            (_, Condition::On) if before != Condition::On => {
                self.host.hears(tell);
                tell(Event::ModuleReady {});
            }
            _ => {}
        }
    }

    /// The module starts anew, and owes nothing of before.
    pub(super) fn starts(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.owed.clear();
        self.whys.clear();
        self.broken.clear();
        self.host.forget(tell);
        self.condition = Some(Condition::Starting);
    }

    /// Inputs were missed: what is half there will not be whole. Lines are counted on.
    pub(super) fn missed(&mut self) {
        let line = self.host.line;
        *self = Station::default();
        self.host.line = line;
    }

    /// The run ends: tells the traffic of what is still open.
    pub(super) fn ends(&self, now: Instant, tell: &mut dyn FnMut(Event<'_>)) {
        for (client, connected) in &self.connections {
            tell(connected.traffic.event(client.number(), now));
        }
    }

    /// The link of a client is open.
    pub(super) fn link_opened(&mut self, link: Link, now: Instant) {
        if let Some(traffic) = self.traffic(link) {
            traffic.opened(now);
        }
    }

    /// A link is none any more, or another; `now`: it ended in order.
    pub(super) fn link_ended(&mut self, link: Link, now: Option<Instant>) {
        self.came.remove(&link);
        if let Some(now) = now
            && let Some(traffic) = self.traffic(link)
        {
            traffic.closed(now);
        }
    }

    /// Tells the packets of what came over a link: what they say of themselves, and their sizes.
    pub(super) fn received(&mut self, link: Link, bytes: &[u8], now: Instant, each: &mut dyn FnMut(&Facts<'_>, u64)) {
        let mut refused = false;
        let mut frames = std::mem::take(self.came.entry(link).or_default());
        let mut traffic = self.traffic(link);
        if let Some(traffic) = &mut traffic {
            traffic.moved(now, size(bytes));
            traffic.answered();
        }
        tell_packets(&mut frames, link, bytes, &mut |facts, size| {
            refused |= facts.codes.contains(&REFUSED);
            if let Some(traffic) = &mut traffic {
                count(traffic, facts, size);
            }
            each(facts, size);
        });
        if refused && let Some(client) = ClientId::from_number(link.0.into()) {
            self.will_fail(client, SUBSCRIBE, "refused by the broker".into());
        }
        self.came.insert(link, frames);
    }

    /// Tells the packets of what was sent over a link, which are whole.
    pub(super) fn sent(&mut self, link: Link, bytes: &[u8], now: Instant, each: &mut dyn FnMut(&Facts<'_>, u64)) {
        let mut traffic = self.traffic(link);
        if let Some(traffic) = &mut traffic {
            traffic.moved(now, size(bytes));
            if crate::transcript::speaks_sn(link) && traffic.is_same(bytes) {
                traffic.again(size(bytes));
            }
        }
        tell_packets(&mut Frames::default(), link, bytes, &mut |facts, size| {
            if let Some(traffic) = &mut traffic {
                count(traffic, facts, size);
            }
            each(facts, size);
        });
    }

    fn traffic(&mut self, link: Link) -> Option<&mut Traffic> {
        let client = ClientId::from_number(link.0.into())?;
        match self.connections.get_mut(&client) {
            Some(connected) => Some(&mut connected.traffic),
            None => self.ended.iter_mut().rfind(|(ended, _)| *ended == client).map(|(_, traffic)| traffic),
        }
    }
}

fn count(traffic: &mut Traffic, facts: &Facts<'_>, size: u64) {
    traffic.carried(u64::try_from(facts.payload).unwrap_or(u64::MAX));
    if facts.dup {
        traffic.again(size);
    }
}

fn tell_packets(frames: &mut Frames, link: Link, bytes: &[u8], each: &mut dyn FnMut(&Facts<'_>, u64)) {
    let Some(client) = ClientId::from_number(link.0.into()) else { return };
    if client.is_sn() {
        return each(&Facts::of(link, bytes), size(bytes));
    }
    frames.push(bytes, &mut |piece| match piece {
        Piece::Packet(packet) => each(&Facts::of(link, packet), size(packet)),
        Piece::Long(bytes, length) => {
            // No other packet is of any length.
            let is_publish = bytes.first().is_some_and(|byte| byte >> 4 == PUBLISH);
            let kind = if is_publish { "PUBLISH" } else { UNKNOWN };
            // But for some bytes of its header.
            let payload = if is_publish { length } else { 0 };
            each(&Facts { kind, payload, ..Facts::default() }, u64::try_from(length).unwrap_or(u64::MAX));
        }
        Piece::Rest(_) => {}
    });
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

pub(super) const OPEN: &str = "+MQTTOPEN";
const CLOSE: &str = "+MQTTCLOSE";
const SUBSCRIBE: &str = "+MQTTSUB";

fn client_of(number: u32) -> Option<ClientId> {
    ClientId::from_number(number)
}

/// The commands of a line whose results come later, each with its client.
pub(super) fn asynchronous(line: &[u8]) -> Vec<(&'static str, u32)> {
    commands(line).filter_map(asynchronous_command).collect()
}

/// The commands of a line.
pub(super) fn commands(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let commands = line.get(2..).unwrap_or_default().split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    });
    commands.map(<[u8]>::trim_ascii)
}

pub(super) fn asynchronous_command(command: &[u8]) -> Option<(&'static str, u32)> {
    let at = command.iter().position(|byte| *byte == b'=')?;
    let (name, arguments) = (command.get(..at)?, command.get(at + 1..)?);
    let row = COMMANDS.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))?;
    let client = arguments.split(|byte| *byte == b',').next()?.trim_ascii();
    let client = std::str::from_utf8(client).ok()?.parse().ok()?;
    let is_of_client = matches!(row.params.first()?.kind, ParamKind::Client(_));
    (is_of_client && matches!(row.returns, Returns::Urc { .. })).then_some((row.name, client))
}
