//! What faults make of the serial line: of single bytes by their place since the host came, and of when they arrive.

use quasimodem_core::{Input, Instant, Modem, Port};

use super::filters::{Filters, Tell};
use super::held::{Held, Lane};
use super::item::Item;
use super::plan::Outcome;
use super::row::{Act, Due, Spoiled, Wiring};
use crate::random::Random;

/// Both directions of the line.
#[derive(Default)]
pub(super) struct Line {
    to_host: Wire,
    to_modem: Wire,
}

/// One direction.
#[derive(Default)]
struct Wire {
    lane: Lane,
    /// Bytes that set out since the host came.
    offset: u64,
    /// So many more are lost with the last one that was.
    skips: u64,
    stalled: bool,
    /// What waits was slowed down.
    slowed: bool,
    receiver: Receiver,
}

/// The receiver of a host that is slow, as a fault has it.
#[derive(Default)]
pub(crate) struct Receiver {
    /// Characters in it, and when that was.
    level: f64,
    at: Option<Instant>,
}

impl Receiver {
    /// A character arrives; whether there is no room for it: so many fit in, and so many are taken out each second.
    pub(crate) fn overruns(&mut self, now: Instant, room: f64, each_second: f64) -> bool {
        let passed = now.since(self.at.replace(now).unwrap_or(now));
        self.level = (self.level - each_second * passed.as_secs_f64()).max(0.0);
        let is_full = self.level + 1.0 > room;
        if !is_full {
            self.level += 1.0;
        }
        is_full
    }
}

/// Bytes that wait for the host before the modem is told that the port is full.
const HIGH: usize = 16 << 10;

/// Characters a second of a module at its usual 115200 Bd.
const MODULE: u64 = 115_200;

impl Filters {
    /// What the host typed, as it reaches the modem now.
    pub fn typed(&mut self, now: Instant, bytes: &[u8], tell: Tell<'_>) -> Vec<u8> {
        self.wire(now, false, bytes, tell)
    }

    /// Whether what the host types may be brought: not while it has not read what it has to read first, or much waits.
    pub fn reads_serial(&self) -> bool {
        !self.printed.holds() && !self.line.to_modem.lane.is_full()
    }

    /// The host left: what it has not read or was not brought is lost, and the line begins anew.
    pub fn host_left(&mut self) {
        (self.printed, self.line) = (Lane::default(), Line::default());
        if let Some(slowness) = &mut self.slowness {
            slowness.host_left();
        }
    }

    /// The modem is slow, and so much waits for the host thereby that the modem has to be told, and was not.
    pub(super) fn is_too_late(&self) -> bool {
        self.slowness.is_some() && self.printed.size() > HIGH && !self.marks.is_held(Port::Serial)
    }

    /// What reaches the host now of what goes to it.
    pub(super) fn reaching_host(&mut self, now: Instant, bytes: &[u8], tell: Tell<'_>) -> Vec<u8> {
        self.wire(now, true, bytes, tell)
    }

    /// When something held back on the line arrives.
    pub(super) fn line_deadline(&self, modem: &Modem) -> Option<Instant> {
        let Line { to_host, to_modem } = &self.line;
        let wanted = self.reads_serial() && modem.wants(Port::Serial);
        let wires = [Some(to_host), Some(to_modem).filter(|_| wanted)].into_iter().flatten();
        wires.filter(|wire| !wire.stalled).filter_map(|wire| wire.lane.deadline()).min()
    }

    /// What arrives now of what was held back on the line.
    pub(super) fn arrives(&mut self, now: Instant, modem: &Modem, tell: Tell<'_>) -> Option<Due> {
        for to_host in [true, false] {
            if self.line.of(to_host).stalled {
                self.line.of(to_host).stalled = self.wiring(now, to_host, tell).stalled;
            }
            if self.line.of(to_host).slowed && self.wiring(now, to_host, tell).slice.0 == 0 {
                let wire = self.line.of(to_host);
                wire.slowed = false;
                wire.lane.release(now);
            }
            let may = to_host || (self.reads_serial() && modem.wants(Port::Serial));
            let wire = self.line.of(to_host);
            let mut bytes = Vec::new();
            while may
                && !wire.stalled
                && bytes.len() < Input::CHUNK
                && let Some(Held::Bytes(more)) = wire.lane.take(now, true)
            {
                bytes.extend(more);
            }
            let late = self.slowness.as_ref().map(|_| &self.printed);
            let is_full = to_host && (wire.lane.size() > HIGH || late.is_some_and(|late| late.size() > HIGH));
            let is_free = to_host && wire.lane.is_empty() && late.is_none_or(Lane::is_empty);
            if let Some(full) = self.marks.held(Port::Serial, is_full, is_free) {
                self.due.push_back(Due::Input(full));
            }
            if !bytes.is_empty() && to_host {
                return Some(Due::Print(bytes.into()));
            }
            self.due.extend(bytes.chunks(Input::CHUNK).map(|chunk| Due::Type(chunk.into())));
        }
        self.due.pop_front()
    }

    fn wiring(&mut self, now: Instant, to_host: bool, tell: Tell<'_>) -> Wiring {
        let mut wiring = Wiring::default();
        let offset = self.line.of(to_host).offset;
        self.plan.shape(
            now,
            (None, 0),
            ("the line", offset),
            &mut wiring,
            &|act, values, _, wiring| match act {
                Act::Line(act) => act(values, to_host, wiring),
                Act::Freeze(_) => wiring.lost = true,
                _ => {}
            },
            tell,
        );
        wiring
    }

    fn wire(&mut self, now: Instant, to_host: bool, bytes: &[u8], tell: Tell<'_>) -> Vec<u8> {
        let wiring = self.wiring(now, to_host, tell);
        let mut arrived = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let (plan, wire) = (&mut self.plan, self.line.of(to_host));
            wire.offset += 1;
            if wiring.lost {
                continue;
            }
            if wire.skips > 0 {
                wire.skips -= 1;
                continue;
            }
            let mut becomes = Some(*byte);
            let receiver = &mut wire.receiver;
            let skips = &mut wire.skips;
            plan.judge(now, &Item::Byte(to_host), 0, &mut *tell, &mut |act, values, mut draws| {
                let Act::Bytes(act) = act else { return Outcome::Same };
                match act(values, &mut draws, (now, *byte), receiver) {
                    None => Outcome::Same,
                    Some(Spoiled::Is(other)) => {
                        becomes = Some(other);
                        Outcome::Changed
                    }
                    Some(Spoiled::Lost(count)) => {
                        (becomes, *skips) = (None, count.saturating_sub(1));
                        Outcome::Gone
                    }
                }
            });
            let Some(byte) = becomes else { continue };
            if wiring.rate == 0 { arrived.push(byte) } else { garbage(wiring.rate, wire.offset, byte, &mut arrived) }
        }
        let wire = self.line.of(to_host);
        wire.stalled = wiring.stalled;
        let (size, gap) = wiring.slice;
        let mut on = Vec::new();
        if wiring.stalled {
            if !arrived.is_empty() {
                wire.lane.hold(now, arrived);
            }
        } else if size > 0 {
            wire.slowed = true;
            for slice in arrived.chunks(size) {
                let at = wire.lane.last_at(gap).map_or(now, |at| at.max(now));
                on.extend(wire.lane.put_at(now, at, slice.to_vec()).unwrap_or_default());
            }
        } else if !arrived.is_empty() {
            // With what waits already, or as long as the window.
            let at = if wire.lane.holds() { now } else { now + wiring.window };
            on.extend(wire.lane.put_at(now, at, arrived).unwrap_or_default());
        }
        on
    }
}

impl Line {
    fn of(&mut self, to_host: bool) -> &mut Wire {
        if to_host { &mut self.to_host } else { &mut self.to_modem }
    }
}

/// What a receiver of this rate makes of a character at the module's: a slower one finds one in several, a faster one several
/// in one, and none of them means anything. Which, the place and the character decide.
fn garbage(rate: u64, offset: u64, byte: u8, to: &mut Vec<u8>) {
    let count = match MODULE / rate.max(1) {
        0 | 1 => (rate / MODULE).clamp(1, 8),
        each => u64::from(offset.is_multiple_of(each)),
    };
    let mut chance = Random::new(offset << 8 | u64::from(byte));
    to.extend((0..count).map(|_| chance.bits().to_le_bytes()[0] | 0x80));
}
