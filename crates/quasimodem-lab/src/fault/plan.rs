//! Which packets are hit.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use quasimodem_core::{ClientId, Instant};

use super::item::Item;
use super::row::Row;
use super::spec::{BadSpec, Spec, Values};
use crate::random::Random;

/// The faults of one modem, with their counts. Decisions are drawn by seed, id, scope and number of the match: another
/// fault, another client or another clock changes none of them.
pub struct Plan {
    seed: u64,
    faults: Vec<Fault>,
}

struct Fault {
    id: String,
    row: &'static Row,
    values: Values,
    seed: u64,
    /// Of connections only the newest: no older one comes back.
    counts: BTreeMap<Scope, Count>,
    matches: u64,
    hits: u64,
    spent: bool,
}

/// Where matches are counted: which client, and which of its connections. 0: all.
type Scope = (u8, u64);

#[derive(Clone, Copy, Default)]
struct Count {
    matches: u64,
    hits: u64,
}

/// What a fault did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened<'a> {
    /// It is there, and may hit from now on or later.
    Armed {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
    },
    /// It hit a packet.
    Hit {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
        /// The client whose packet it was.
        client: ClientId,
        /// The type of the packet.
        packet: &'a str,
        /// Which of the matches of its scope it was, from 1.
        nth: u64,
    },
    /// It hit as often as it may; said where the modem is the scope (`per=modem`), since others may get new scopes.
    Spent {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
    },
}

/// A fault that did not hit as often as was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unhit {
    /// Its id.
    pub id: String,
    /// How many packets it was about.
    pub matches: u64,
    /// How many it hit.
    pub hits: u64,
    /// How many it was to hit.
    pub expected: RangeInclusive<u64>,
}

/// What became of it, and what was expected.
impl fmt::Display for Unhit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unhit { id, matches, hits, expected } = self;
        match (hits, matches) {
            (0, 0) => write!(f, "fault {id} was never hit: nothing came that it is about")?,
            (0, _) => write!(f, "fault {id} was never hit: {matches} packets came that it is about")?,
            _ => write!(f, "fault {id} hit {hits} of {matches} packets that it is about")?,
        }
        match (expected.start(), expected.end()) {
            (1, &u64::MAX) => f.write_str("; optional=true if that may be"),
            (least, &u64::MAX) => write!(f, "; expected were {least} at least"),
            (exactly, _) => write!(f, "; expected were {exactly}"),
        }
    }
}

impl Plan {
    /// The plan of the modem of this number, for a run of this seed.
    ///
    /// # Errors
    ///
    /// Two faults have one id.
    pub fn new(specs: &[Spec], seed: u64, modem: u64) -> Result<Plan, BadSpec> {
        let mut faults: Vec<Fault> = Vec::with_capacity(specs.len());
        for Spec { row, values } in specs {
            let same = faults.iter().filter(|fault| std::ptr::eq(fault.row, *row)).count();
            let id = match (values.text("id"), same) {
                (Some(id), _) => id.to_owned(),
                (None, 0) => row.name.to_owned(),
                (None, same) => format!("{}-{}", row.name, same + 1),
            };
            if faults.iter().any(|fault| fault.id == id) {
                return Err(BadSpec::SameId(id));
            }
            let seed = values.number("seed").unwrap_or_else(|| hash(&id));
            let (values, counts) = (values.clone(), BTreeMap::new());
            faults.push(Fault { id, row, values, seed, counts, matches: 0, hits: 0, spent: false });
        }
        faults.sort_by_key(|fault| fault.values.number("order"));
        Ok(Plan { seed: seed ^ modem.wrapping_mul(MODEM), faults })
    }

    /// Whether there is nothing that could go wrong.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Says which faults there are.
    pub fn announce(&self, tell: &mut dyn FnMut(Happened<'_>)) {
        for fault in &self.faults {
            tell(Happened::Armed { id: &fault.id, fault: fault.row.name });
        }
    }

    /// What goes on in the place of a packet. Each fault that is about it counts it, also behind one that took it away.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        item: &Item<'_>,
        connection: u64,
        tell: &mut dyn FnMut(Happened<'_>),
    ) -> Vec<Vec<u8>> {
        let mut packets = vec![item.bytes.to_vec()];
        for fault in &mut self.faults {
            if let Some(nth) = fault.hits(now, item, connection, self.seed, packets.is_empty()) {
                let (id, row) = (&fault.id, fault.row);
                tell(Happened::Hit { id, fault: row.name, client: item.client, packet: &item.kind, nth });
                (row.act)(&fault.values, &mut packets);
                if fault.is_spent_now() {
                    tell(Happened::Spent { id: &fault.id, fault: row.name });
                }
            }
        }
        packets
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        let unmet = self.faults.iter().filter(|fault| {
            let may_be = fault.hits == 0 && fault.values.is_optional();
            !may_be && !fault.values.expected().contains(&fault.hits)
        });
        let unhit = unmet.map(|fault| Unhit {
            id: fault.id.clone(),
            matches: fault.matches,
            hits: fault.hits,
            expected: fault.values.expected(),
        });
        unhit.collect()
    }
}

impl Fault {
    /// The number of the match if this packet is hit. One that another fault took away counts, but nothing hits it.
    fn hits(&mut self, now: Instant, item: &Item<'_>, connection: u64, seed: u64, is_gone: bool) -> Option<u64> {
        let begins = Instant::START + self.values.time("after").unwrap_or_default();
        let is_over = self.values.time("lasts").is_some_and(|lasts| now >= begins + lasts);
        if now < begins || is_over || !item.fits(self.row.only, &self.values) {
            return None;
        }
        let client = item.client.number();
        let scope = match self.values.text("per") {
            Some("client") => (client, 0),
            Some("link") => (client, connection),
            _ => (0, 0),
        };
        self.counts.retain(|(of, at), _| *of != scope.0 || *at == scope.1);
        self.matches += 1;
        let count = self.counts.entry(scope).or_default();
        count.matches += 1;
        let nth = count.matches;
        let may =
            self.values.ranks().contain(nth) && self.values.number("times").is_none_or(|times| count.hits < times);
        if is_gone || !may || draw(seed, self.seed, scope, nth) >= self.values.chance() {
            return None;
        }
        count.hits += 1;
        self.hits += 1;
        Some(nth)
    }

    /// Whether it has just hit for the last time.
    fn is_spent_now(&mut self) -> bool {
        let is_spent = self.values.text("per") == Some("modem")
            && self.values.number("times").is_some_and(|times| self.hits >= times);
        is_spent && !std::mem::replace(&mut self.spent, true)
    }
}

/// So far are the seeds of two modems apart.
const MODEM: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number of [0, 1) that depends on nothing else.
fn draw(run: u64, fault: u64, (client, connection): Scope, nth: u64) -> f64 {
    let parts = [fault, client.into(), connection, nth];
    let bits = parts.into_iter().fold(run, |mixed, part| Random::new(mixed ^ part).bits());
    let number = u32::try_from(bits >> 32).unwrap_or_default();
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

/// FNV-1a: an id as a seed.
fn hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
