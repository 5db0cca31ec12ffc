//! Which packets are hit.

mod known;
mod near;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

use quasimodem_core::{ClientId, Instant};

use super::hand::{Draws, fraction};
use super::item::{Fit, Item};
use super::life::Life;
use super::row::{Act, Due, Overlay};
use super::spec::{Cue, Order as FaultOrder, Spec};
use crate::event::Condition;
use crate::flat::{Bad, Values};
use crate::order::Order;
use crate::random::Random;
use crate::timing::{Slowness, Timing};

use self::near::Near;

pub use self::known::{Known, Stage};
pub use self::told::{Happened, Unhit};

/// The faults of one modem, with their counts. Decisions are drawn by seed, id, scope and number of the match: another
/// fault, another client or another clock changes none of them.
pub struct Plan {
    /// Of the run, and of this modem in it.
    seed: u64,
    modem: u64,
    faults: Vec<Fault>,
    /// Those of the beginning, and when that was.
    first: Vec<(String, Spec)>,
    start: Instant,
    /// What takes back what was demanded by faults that are there no more.
    left: Vec<Order>,
    /// How slow the module is by itself.
    timing: Option<Timing>,
}

/// What came of a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nothing: all is as it was.
    Same,
    /// Something is otherwise.
    Changed,
    /// The thing is gone, and nothing else hits it.
    Gone,
}

struct Fault {
    id: String,
    spec: Spec,
    seed: u64,
    life: Life,
    counts: Counts,
    matches: u64,
    hits: u64,
    near: Near,
    /// Whether what lasts works, where that was decided.
    verdicts: BTreeMap<Scope, bool>,
    /// A peer of the lab does what it demands.
    demanding: bool,
    /// The turn of which that was said.
    spent: Option<u64>,
    /// The turn of what lasts or happens once, and whether it does in that turn.
    episode: Option<(u64, bool)>,
}

/// Where matches are counted: which client, and which of its connections (0: all), in which turn of the fault.
pub(super) type Scope = (u8, u64, u64);

/// Of connections and turns only the newest: no older one comes back.
pub(super) type Counts = BTreeMap<Scope, Count>;

#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Count {
    matches: u64,
    hits: u64,
}

impl Plan {
    /// The plan of the modem of this number, for a run of this seed, made now.
    ///
    /// # Errors
    ///
    /// Two faults have one id.
    pub fn new(specs: &[Spec], seed: u64, modem: usize, now: Instant) -> Result<Plan, Bad> {
        let mut plan = Plan::empty(seed, modem);
        let (mut ids, mut of_row) = (BTreeSet::new(), BTreeMap::<_, u64>::new());
        // The lab has one broker: the first modem's plan rules it.
        for spec in specs.iter().filter(|spec| modem == 0 || spec.needs_lab().is_none()) {
            let same = of_row.entry(spec.row.name).or_default();
            *same += 1;
            let id = match (spec.id(), *same) {
                (Some(id), _) => id.to_owned(),
                (None, 1) => spec.row.name.to_owned(),
                (None, same) => format!("{}-{same}", spec.row.name),
            };
            if !ids.insert(id.clone()) {
                return Err(Bad::SameId(id));
            }
            plan.first.push((id, spec.clone()));
        }
        plan.begin(now);
        Ok(plan)
    }

    /// The plan of the modem of this number, in which nothing goes wrong yet.
    pub fn empty(seed: u64, modem: usize) -> Plan {
        Plan {
            seed,
            modem: u64::try_from(modem).unwrap_or_default(),
            faults: Vec::new(),
            left: Vec::new(),
            first: Vec::new(),
            start: Instant::START,
            timing: None,
        }
    }

    /// The same with a module that is as slow as this.
    #[must_use]
    pub fn at_pace_of(self, timing: Option<Timing>) -> Plan {
        Plan { timing, ..self }
    }

    /// How slow the module is.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        Some(Slowness::new(self.timing.clone()?, self.seed, self.modem))
    }

    /// All faults are over.
    pub fn end_all(&mut self, tell: &mut dyn FnMut(Happened<'_>)) {
        self.faults.iter_mut().for_each(|fault| fault.end(tell));
    }

    /// Those of the beginning are there again, as if nothing had been, and draw from this seed.
    pub fn begin_anew(&mut self, seed: u64, now: Instant) {
        (self.seed, self.start) = (seed, now);
        self.left.extend(self.faults.iter().filter_map(Fault::demands));
        for (_, spec) in &self.first {
            // Counts are whole.
            spec.shared.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.begin(now);
    }

    fn begin(&mut self, now: Instant) {
        let first = self.first.iter().map(|(id, spec)| Fault::new(id.clone(), spec.clone(), now, self.start));
        self.faults = first.collect();
        self.sort();
    }

    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// There is no fault of that id.
    pub fn order(&mut self, order: FaultOrder, now: Instant, tell: &mut dyn FnMut(Happened<'_>)) -> Result<(), Bad> {
        let (found, id) = match order {
            FaultOrder::Put(spec) => {
                self.put(spec, now, tell);
                return Ok(());
            }
            FaultOrder::PutAll(specs) => {
                specs.into_iter().for_each(|spec| self.put(spec, now, tell));
                return Ok(());
            }
            FaultOrder::Clear(id) => (self.clear(id.as_deref(), tell), id.unwrap_or_default()),
            FaultOrder::Cue(id, cue) => (self.cue(&id, cue, now, tell), id),
        };
        if found {
            return Ok(());
        }
        Err(Bad::NoFault(id, self.faults.iter().map(|fault| fault.id.clone()).collect()))
    }

    fn put(&mut self, spec: Spec, now: Instant, tell: &mut dyn FnMut(Happened<'_>)) {
        let id = spec.id().unwrap_or(spec.row.name).to_owned();
        let before = self.faults.iter_mut().find(|fault| fault.id == id);
        if let Some(same) = before.filter(|fault| fault.spec.is(&spec) && !fault.life.is_over()) {
            return same.life.renew(now);
        }
        // What another of its id demands ends with it, unless it demands something itself.
        self.left.extend(self.faults.iter().filter(|fault| fault.id == id).filter_map(Fault::demands));
        self.faults.retain(|fault| fault.id != id);
        let fault = Fault::new(id, spec, now, self.start);
        fault.announce(tell);
        self.faults.push(fault);
        self.sort();
    }

    fn clear(&mut self, id: Option<&str>, tell: &mut dyn FnMut(Happened<'_>)) -> bool {
        let mut found = id.is_none();
        for fault in self.faults.iter_mut().filter(|fault| id.is_none_or(|id| id == fault.id)) {
            found = true;
            fault.end(tell);
        }
        found
    }

    fn cue(&mut self, id: &str, cue: Cue, now: Instant, tell: &mut dyn FnMut(Happened<'_>)) -> bool {
        let Some(fault) = self.faults.iter_mut().find(|fault| fault.id == id) else { return false };
        let (id, row) = (&fault.id, fault.spec.row.name);
        if fault.life.cue(cue, &fault.spec.values, now) {
            match cue {
                Cue::Begin => tell(Happened::Armed { id, fault: row }),
                Cue::End if fault.life.is_over() => tell(Happened::Cleared { id, fault: row }),
                Cue::End => {}
            }
        }
        true
    }

    /// Whether there is nothing that could go wrong, or be late.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.timing.is_none()
    }

    /// The events that faults wait for, each with the id of its fault.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (&str, Cue, &Condition)> {
        self.faults
            .iter()
            .flat_map(|fault| fault.spec.conditions().map(|(cue, condition)| (fault.id.as_str(), cue, condition)))
    }

    /// A fault that only a lab has, if there is one.
    pub fn needs_lab(&self) -> Option<&'static str> {
        self.faults.iter().find_map(|fault| fault.spec.needs_lab())
    }

    /// A fault of clouds, if there is one.
    pub fn needs_clouds(&self) -> Option<&'static str> {
        self.faults.iter().find_map(|fault| fault.spec.needs_clouds())
    }

    /// Says which faults there are.
    pub fn announce(&self, tell: &mut dyn FnMut(Happened<'_>)) {
        self.faults.iter().for_each(|fault| fault.announce(tell));
    }

    fn sort(&mut self) {
        self.faults.sort_by_key(|fault| fault.spec.values.number("order"));
    }

    /// Lets each fault that is about something hit it, in order; `hit` does what the fault does, and says what came of it.
    /// Each fault that is about it counts it, also behind one that took it away. What changes nothing is no hit.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        item: &Item<'_>,
        connection: u64,
        tell: &mut dyn FnMut(Happened<'_>),
        hit: &mut dyn FnMut(&Act, &Values, Draws) -> Outcome,
    ) {
        let (seeds, mut is_gone) = ((self.seed, self.modem), false);
        for fault in &mut self.faults {
            if fault.life.has_lapsed(&fault.spec.values, now) {
                fault.end(tell);
            }
            let Some((scope, nth)) = fault.hits(now, item, connection, seeds, is_gone) else { continue };
            match hit(&fault.spec.row.act, &fault.spec.values, fault.draws(seeds, scope, nth)) {
                Outcome::Same => fault.take_back(scope),
                outcome => {
                    fault.tell_hit(item.client(), &item.name(), nth, tell);
                    is_gone = outcome == Outcome::Gone;
                }
            }
        }
    }

    /// What faults make of the way in which something is done while they last. `apply` is called for each that may be about it,
    /// and changes the way; one that changes nothing is no match. Whether one works is decided once in a scope and turn, and
    /// hits then; `offset` says where it is in what goes by, for what is drawn there.
    pub(super) fn shape<M: PartialEq + Copy>(
        &mut self,
        now: Instant,
        (client, connection): (Option<ClientId>, u64),
        (what, offset): (&str, u64),
        manner: &mut M,
        apply: &dyn Fn(&Act, &Values, &mut Draws, &mut M),
        tell: &mut dyn FnMut(Happened<'_>),
    ) {
        let seeds = (self.seed, self.modem);
        for fault in &mut self.faults {
            if !matches!(fault.spec.row.act, Act::Links(_) | Act::Line(_) | Act::Freeze(_)) {
                continue;
            }
            if fault.life.has_lapsed(&fault.spec.values, now) {
                fault.end(tell);
            }
            let wanted = fault.spec.values.number("client");
            let is_meant =
                wanted.is_none_or(|wanted| client.is_some_and(|client| wanted == u64::from(client.number())));
            let Some(turn) = fault.turn(now, seeds).filter(|_| is_meant) else { continue };
            let scope = fault.scope(client, connection, turn);
            let mut changed = *manner;
            apply(&fault.spec.row.act, &fault.spec.values, &mut fault.draws(seeds, scope, offset), &mut changed);
            if changed != *manner && fault.works(scope, seeds, client, what, tell) {
                *manner = changed;
            }
        }
    }

    /// What happens now because faults begin or end, and what the radio side is while some last. What `meets` nothing is no
    /// hit.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        meets: &dyn Fn(&Due) -> bool,
        tell: &mut dyn FnMut(Happened<'_>),
        due: &mut Vec<(Duration, Due)>,
    ) -> Overlay {
        let (seeds, mut overlay) = ((self.seed, self.modem), Overlay::default());
        let ended = self.left.drain(..).map(Due::Peer);
        due.extend(ended.map(|order| (Duration::ZERO, order)));
        for fault in &mut self.faults {
            if fault.life.has_lapsed(&fault.spec.values, now) {
                fault.end(tell);
            }
            let turn = fault.turn(now, seeds);
            let begins = turn.is_some() && fault.episode.map(|(turn, _)| turn) != turn;
            let act = fault.spec.row.act;
            match act {
                Act::Once(act) if begins => {
                    let what = act(&fault.spec.values);
                    if fault.begins(turn, seeds, !what.iter().any(|(_, due)| meets(due)), tell) {
                        let (least, most) = fault.spec.values.span("delay").unwrap_or_default();
                        let mut draws = fault.draws(seeds, (0, 0, turn.unwrap_or_default()), fault.matches);
                        let delay = draws.time(least, most);
                        due.extend(what.into_iter().map(|(after, what)| (delay + after, what)));
                    }
                }
                Act::Peer(act) if begins && fault.begins(turn, seeds, false, tell) => {
                    due.push((Duration::ZERO, Due::Peer(act(&fault.spec.values))));
                }
                Act::Demand(act) => {
                    if begins {
                        fault.begins(turn, seeds, false, tell);
                    }
                    let works = turn.is_some() && fault.episode.is_some_and(|(_, hit)| hit);
                    if works != std::mem::replace(&mut fault.demanding, works) {
                        let order = act(&fault.spec.values).order(fault.id.as_str().into(), works);
                        due.push((Duration::ZERO, Due::Peer(order)));
                    }
                }
                Act::Radio(act) => {
                    if begins {
                        fault.begins(turn, seeds, false, tell);
                    }
                    // The newest counts most.
                    if turn.is_some() && fault.episode.is_some_and(|(_, hit)| hit) {
                        act(&fault.spec.values, &mut overlay);
                    }
                }
                _ => {}
            }
        }
        overlay
    }

    /// When [`settle`](Self::settle) may have something to do.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let seeds = (self.seed, self.modem);
        let next = self.faults.iter().filter_map(|fault| match fault.spec.row.act {
            Act::Once(_)
            | Act::Peer(_)
            | Act::Demand(_)
            | Act::Radio(_)
            | Act::Links(_)
            | Act::Line(_)
            | Act::Freeze(_) => fault.life.next(&fault.spec.values, now, |turn| fault.jitter(turn, seeds)),
            _ => fault.life.lapses(&fault.spec.values),
        });
        next.min()
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        let unmet = self.faults.iter().filter(|fault| {
            let may_be = fault.hits == 0 && fault.spec.values.flag("optional") == Some(true);
            !may_be && !fault.expected().contains(&fault.hits)
        });
        let unhit = unmet.map(|fault| Unhit {
            id: fault.id.clone(),
            matches: fault.matches,
            hits: fault.hits,
            expected: fault.expected(),
            near: fault.near.words(),
            things: fault.spec.row.act.things(),
            waits: fault.spec.values.condition("on").filter(|_| !fault.life.was_told()).map(ToString::to_string),
        });
        unhit.collect()
    }
}

impl Fault {
    fn new(id: String, spec: Spec, now: Instant, start: Instant) -> Fault {
        let seed = spec.values.number("seed").unwrap_or_else(|| hash(&id));
        let life = Life::new(&spec.values, now, start);
        Fault {
            id,
            spec,
            seed,
            life,
            counts: Counts::new(),
            verdicts: BTreeMap::new(),
            demanding: false,
            matches: 0,
            hits: 0,
            near: Near::default(),
            spent: None,
            episode: None,
        }
    }

    fn announce(&self, tell: &mut dyn FnMut(Happened<'_>)) {
        if self.life.has_begun() {
            tell(Happened::Armed { id: &self.id, fault: self.spec.row.name });
        }
    }

    fn end(&mut self, tell: &mut dyn FnMut(Happened<'_>)) {
        if self.life.end() {
            tell(Happened::Cleared { id: &self.id, fault: self.spec.row.name });
        }
    }

    /// What takes back what it demands of a peer.
    fn demands(&self) -> Option<Order> {
        let Act::Demand(act) = self.spec.row.act else { return None };
        self.demanding.then(|| act(&self.spec.values).order(self.id.as_str().into(), false))
    }

    fn expected(&self) -> RangeInclusive<u64> {
        self.spec.values.count("expect").unwrap_or(1..=u64::MAX)
    }

    fn tell_hit(&mut self, client: Option<ClientId>, item: &str, nth: u64, tell: &mut dyn FnMut(Happened<'_>)) {
        let fault = self.spec.row.name;
        tell(Happened::Hit { id: &self.id, fault, client, item, nth });
        if self.is_spent_now() {
            tell(Happened::Spent { id: &self.id, fault });
        }
    }

    fn jitter(&self, turn: u64, (run, modem): (u64, u64)) -> f64 {
        draw(run ^ modem.wrapping_mul(MODEM), self.seed, (u8::MAX, u64::MAX, turn), 0)
    }

    fn turn(&self, now: Instant, seeds: (u64, u64)) -> Option<u64> {
        self.life.turn(&self.spec.values, now, |turn| self.jitter(turn, seeds))
    }

    /// A turn of what lasts or happens once begins; whether it does: all turns count together.
    fn begins(
        &mut self,
        turn: Option<u64>,
        seeds: (u64, u64),
        meets_nothing: bool,
        tell: &mut dyn FnMut(Happened<'_>),
    ) -> bool {
        let nth = self.count((0, 0, 0), seeds, meets_nothing);
        self.episode = turn.map(|turn| (turn, nth.is_some()));
        if let Some(nth) = nth {
            self.tell_hit(None, "it", nth, tell);
        }
        nth.is_some()
    }

    /// The scope and the number of the match if this is hit. What another fault took away counts, but nothing hits it.
    fn hits(
        &mut self,
        now: Instant,
        item: &Item<'_>,
        connection: u64,
        seeds: (u64, u64),
        is_gone: bool,
    ) -> Option<(Scope, u64)> {
        let turn = self.turn(now, seeds)?;
        match item.fit(&self.spec.row.act, &self.spec.values) {
            Fit::Full => {}
            Fit::But(key) => {
                self.near.add(item, key);
                return None;
            }
            Fit::Other => return None,
        }
        let scope = self.scope(item.client(), connection, turn);
        Some((scope, self.count(scope, seeds, is_gone)?))
    }

    /// Where something is counted.
    fn scope(&self, client: Option<ClientId>, connection: u64, turn: u64) -> Scope {
        let client = client.map(ClientId::number).unwrap_or_default();
        match self.spec.values.text("per") {
            Some("client") => (client, 0, turn),
            Some("link") => (client, connection, turn),
            _ => (0, 0, turn),
        }
    }

    /// Whether what lasts works in this scope: decided with what it could change first.
    fn works(
        &mut self,
        scope: Scope,
        seeds: (u64, u64),
        client: Option<ClientId>,
        what: &str,
        tell: &mut dyn FnMut(Happened<'_>),
    ) -> bool {
        if let Some(works) = self.verdicts.get(&scope) {
            return *works;
        }
        let nth = self.count(scope, seeds, false);
        // Of turns and connections only the newest.
        self.verdicts.retain(|(of, ..), _| *of != scope.0);
        self.verdicts.insert(scope, nth.is_some());
        if let Some(nth) = nth {
            self.tell_hit(client, what, nth, tell);
        }
        nth.is_some()
    }

    /// What a hit, or something at a place in what goes by, draws from.
    fn draws(&self, (run, modem): (u64, u64), (client, connection, turn): Scope, nth: u64) -> Draws {
        let shared = self.spec.values.text("per") == Some("fault");
        let run = if shared { run } else { run ^ modem.wrapping_mul(MODEM) };
        Draws::new(mix(run, !self.seed, (client, connection, turn), nth))
    }

    /// What was counted as a hit last was none.
    fn take_back(&mut self, scope: Scope) {
        self.hits -= 1;
        let is_shared = self.spec.values.text("per") == Some("fault");
        let mut shared = is_shared.then(|| self.spec.shared.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(count) = shared.as_deref_mut().unwrap_or(&mut self.counts).get_mut(&scope) {
            count.hits = count.hits.saturating_sub(1);
        }
    }

    /// Counts a match; its number, if it is hit.
    fn count(&mut self, scope: Scope, (run, modem): (u64, u64), is_gone: bool) -> Option<u64> {
        let values = &self.spec.values;
        self.matches += 1;
        // Poisoned or not: counts are whole after each statement.
        let mut shared = (values.text("per") == Some("fault"))
            .then(|| self.spec.shared.lock().unwrap_or_else(PoisonError::into_inner));
        let run = if shared.is_some() { run } else { run ^ modem.wrapping_mul(MODEM) };
        let counts = shared.as_deref_mut().unwrap_or(&mut self.counts);
        counts.retain(|(of, at, when), _| *of != scope.0 || (*at, *when) == (scope.1, scope.2));
        let count = counts.entry(scope).or_default();
        count.matches += 1;
        let nth = count.matches;
        let may = values.ranks("nth").is_none_or(|ranks| ranks.contain(nth))
            && values.number("times").is_none_or(|times| count.hits < times);
        if is_gone || !may || draw(run, self.seed, scope, nth) >= values.chance("chance").unwrap_or(1.0) {
            return None;
        }
        count.hits += 1;
        self.hits += 1;
        Some(nth)
    }

    /// Whether it has just hit for the last time in its turn.
    fn is_spent_now(&mut self) -> bool {
        let times = self.spec.values.number("times").filter(|_| self.spec.values.text("per") == Some("modem"));
        let spent = self.counts.iter().find(|(_, count)| times.is_some_and(|times| count.hits >= times));
        let turn = spent.map(|((.., turn), _)| *turn);
        turn.is_some() && std::mem::replace(&mut self.spent, turn) != turn
    }
}

/// So far are the seeds of two modems apart.
const MODEM: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number of [0, 1) that depends on nothing else.
fn draw(run: u64, fault: u64, (client, connection, turn): Scope, nth: u64) -> f64 {
    fraction(mix(run, fault, (client, connection, turn), nth))
}

fn mix(run: u64, fault: u64, (client, connection, turn): Scope, nth: u64) -> u64 {
    let parts = [fault, client.into(), connection, turn, nth];
    parts.into_iter().fold(run, |mixed, part| Random::new(mixed ^ part).bits())
}

/// FNV-1a: an id as a seed.
pub(crate) fn hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
