//! What is remembered of a station, so that its events say what belongs together.

use std::collections::{BTreeMap, VecDeque};

use quasimodem_core::{COMMANDS, ClientId, Condition, Connection, Instant, Link, Modem, ParamKind, Returns};

use super::Event;
use crate::facts::{Facts, UNKNOWN};
use crate::frames::{Frames, Piece};

/// Results whose lines are remembered: more than a modem may owe.
const OWED: usize = 256;

/// The type of a PUBLISH (MQTT 2.2.1).
const PUBLISH: u8 = 3;

#[derive(Default)]
pub(super) struct Station {
    /// The number of the newest line.
    pub(super) line: u64,
    /// When the first byte of a line came that is not complete.
    begun: Option<Instant>,
    /// The line at hand has its final result code.
    answered: bool,
    /// The modem waits for raw data.
    pub(super) raw: bool,
    /// Why the line at hand is refused.
    why: Option<String>,
    /// Asynchronous commands of the line at hand: name and client.
    asked: Vec<(&'static str, u32)>,
    /// Those that were accepted, each with its line.
    owed: VecDeque<(&'static str, u32, u64)>,
    pub(super) connections: BTreeMap<ClientId, Connection>,
    condition: Option<Condition>,
    /// What came over links.
    came: BTreeMap<Link, Frames>,
}

impl Station {
    /// The host comes or goes, and with it half a line.
    pub(super) fn forget_line(&mut self) {
        self.begun = None;
    }

    /// The host sent bytes.
    pub(super) fn bytes_came(&mut self, bytes: &[u8], now: Instant) {
        if !bytes.is_empty() {
            self.begun.get_or_insert(now);
        }
    }

    /// What the host sent is taken in; nothing of a line follows its end, and raw data is none.
    pub(super) fn bytes_ended(&mut self, bytes: &[u8], was_raw: bool) {
        if was_raw || matches!(bytes.last(), Some(b'\r' | b'\n')) {
            self.begun = None;
        }
    }

    /// A line is complete; gives when it began.
    pub(super) fn line_came(&mut self, line: &[u8], now: Instant) -> Instant {
        self.line += 1;
        self.answered = false;
        self.why = None;
        self.asked = asynchronous(line);
        // What came behind it in the same piece begins the next one.
        self.begun.replace(now).unwrap_or(now)
    }

    /// An answer comes; tells when its line began, if that line was not shown: it was too long.
    pub(super) fn unseen_line(&mut self, now: Instant) -> Option<Instant> {
        (self.answered || self.line == 0).then(|| {
            let why = self.why.take();
            let begun = self.line_came(&[], now);
            self.why = why;
            begun
        })
    }

    /// The line at hand is refused.
    pub(super) fn refused(&mut self, why: String) {
        self.why = Some(why);
    }

    /// The line at hand is answered; gives why, if it was refused.
    pub(super) fn final_came(&mut self, text: &str) -> Option<String> {
        (self.raw, self.answered) = (false, true);
        let asked = std::mem::take(&mut self.asked);
        // Of a refused line it is not known which commands were accepted.
        if self.why.is_none() && matches!(text, "OK" | "0") {
            self.owed.extend(asked.into_iter().map(|(name, client)| (name, client, self.line)));
            let over = self.owed.len().saturating_sub(OWED);
            self.owed.drain(..over);
        }
        self.why.take()
    }

    /// The line whose result this is: results of one command and client come in the order of the lines.
    pub(super) fn line_of_result(&mut self, text: &str) -> Option<u64> {
        let (name, rest) = text.split_once(": ")?;
        let (client, status) = rest.split_once(',')?;
        let client: u32 = client.parse().ok()?;
        // What has more than a status may be told unasked, but for the id of a name.
        if status.contains(',') && !(name == "+MQTTSNREG" && status.starts_with("1,")) {
            return None;
        }
        let place = self.owed.iter().position(|(owed, of, _)| *owed == name && *of == client)?;
        self.owed.remove(place).map(|(_, _, line)| line)
    }

    /// Tells what changed of connections and of the module itself.
    pub(super) fn follow(&mut self, modem: &Modem, tell: &mut dyn FnMut(Event<'_>)) {
        for id in ClientId::ALL {
            let (before, now, client) = (self.connections.get(&id).copied(), modem.connection(id), id.number());
            match (before, now) {
                (Some(Connection::Opening), Some(Connection::Open)) => tell(Event::ClientOpen { client }),
                (Some(_), None) => tell(Event::ClientClosed { client }),
                _ => {}
            }
            match now {
                Some(now) => drop(self.connections.insert(id, now)),
                None => drop(self.connections.remove(&id)),
            }
        }
        let condition = modem.condition();
        let before = self.condition.replace(condition).unwrap_or(Condition::On);
        match (before, condition) {
            (_, Condition::Off) if before != Condition::Off => {
                self.owed.clear();
                tell(Event::Off {});
            }
            (_, Condition::On) if before != Condition::On => tell(Event::ModuleReady {}),
            _ => {}
        }
    }

    /// The module starts anew, and owes nothing of before.
    pub(super) fn starts(&mut self) {
        self.owed.clear();
        self.condition = Some(Condition::Starting);
    }

    /// A link is none any more, or another.
    pub(super) fn link_ended(&mut self, link: Link) {
        self.came.remove(&link);
    }

    /// Tells the packets of what came over a link: what they say of themselves, and their sizes.
    pub(super) fn packets(&mut self, link: Link, bytes: &[u8], each: &mut dyn FnMut(&Facts<'_>, u64)) {
        tell_packets(self.came.entry(link).or_default(), link, bytes, each);
    }
}

/// Tells the packets of what was sent over a link, which are whole.
pub(super) fn sent(link: Link, bytes: &[u8], each: &mut dyn FnMut(&Facts<'_>, u64)) {
    tell_packets(&mut Frames::default(), link, bytes, each);
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
            each(&Facts { kind, ..Facts::default() }, u64::try_from(length).unwrap_or(u64::MAX));
        }
        Piece::Rest(_) => {}
    });
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The commands of a line whose results come later, each with its client.
fn asynchronous(line: &[u8]) -> Vec<(&'static str, u32)> {
    let mut quoted = false;
    let commands = line.get(2..).unwrap_or_default().split(|byte| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    });
    commands.filter_map(|command| asynchronous_command(command.trim_ascii())).collect()
}

fn asynchronous_command(command: &[u8]) -> Option<(&'static str, u32)> {
    let at = command.iter().position(|byte| *byte == b'=')?;
    let (name, arguments) = (command.get(..at)?, command.get(at + 1..)?);
    let row = COMMANDS.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))?;
    let client = arguments.split(|byte| *byte == b',').next()?.trim_ascii();
    let client = std::str::from_utf8(client).ok()?.parse().ok()?;
    let is_of_client = matches!(row.params.first()?.kind, ParamKind::Client(_));
    (is_of_client && matches!(row.returns, Returns::Urc { .. })).then_some((row.name, client))
}
