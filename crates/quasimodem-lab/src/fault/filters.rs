//! Faults at work around one modem.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use quasimodem_core::{
    Change, ClientId, Form, Gate, Input, Instant, Kind, Link, Modem, Note, Port, Query, Radio, Transport, Verdict,
    Verify,
};

use super::carried::Carried;
use super::clock::WrongClock;
use super::hand::{Draws, Hand, Parcel, Then, Wait};
use super::held::{Held, Lane};
use super::item::{Item, Piece};
use super::line::Line;
use super::marks::Marks;
use super::overlaid::Overlaid;
use super::plan::{Happened, Outcome, Plan, Unhit};
use super::row::{Act, Attempt, Due, Overlay};
use crate::flat::Values;
use crate::timing::Slowness;
use crate::transcript;

/// What stands between a modem, its host and its links while there are faults. What none is about passes byte for byte.
pub struct Filters {
    pub(super) plan: Plan,
    /// The module's own slowness.
    pub(super) slowness: Option<Slowness>,
    pub(super) carried: Carried,
    /// How often each link was opened, and whether it is open.
    connections: BTreeMap<Link, (u64, bool)>,
    /// What is held back of what the modem printed.
    pub(super) printed: Lane,
    /// The last command that the host typed.
    command: (&'static str, Option<Form>),
    /// Nothing of its answer has been printed.
    is_unanswered: bool,
    /// What is to be done next in the name of faults, and what at its time.
    pub(super) due: VecDeque<Due>,
    later: BTreeMap<(Instant, u64), Due>,
    planned: u64,
    radio: Overlaid,
    clock: WrongClock,
    pub(super) line: Line,
    pub(super) marks: Marks,
}

/// Pieces without a client keep their order among each other.
const NOBODY: u8 = u8::MAX;

impl Filters {
    /// Lets these faults work.
    pub fn new(plan: Plan) -> Filters {
        Filters {
            slowness: plan.slowness(),
            plan,
            carried: Carried::default(),
            connections: BTreeMap::new(),
            printed: Lane::default(),
            command: ("", None),
            is_unanswered: false,
            due: VecDeque::new(),
            later: BTreeMap::new(),
            planned: 0,
            radio: Overlaid::default(),
            clock: WrongClock::default(),
            line: Line::default(),
            marks: Marks::default(),
        }
    }

    /// Lets these faults work at a modem that has these links already.
    pub fn around(plan: Plan, links: impl IntoIterator<Item = Link>) -> Filters {
        let mut filters = Filters::new(plan);
        links.into_iter().for_each(|link| filters.opened(link));
        filters
    }

    /// A link is opened anew.
    pub fn opened(&mut self, link: Link) {
        let (connection, is_open) = self.connections.entry(link).or_default();
        (*connection, *is_open) = (*connection + 1, true);
        self.forget(link);
    }

    /// The modem closed a link: what goes out before.
    pub fn closed(&mut self, link: Link) -> Vec<Vec<u8>> {
        self.connections.entry(link).or_default().1 = false;
        let last = self.carried.last_words(link);
        self.forget(link);
        last
    }

    /// What of a former connection is held reaches no other.
    fn forget(&mut self, link: Link) {
        self.marks.forget(Port::Link(link));
        self.carried.forget(link);
        let is_other = |due: &Due| match due {
            Due::Arrive(of, _) | Due::Send(of, _) | Due::Input(Input::Closed(of, _)) => *of != link,
            _ => true,
        };
        self.due.retain(is_other);
        self.later.retain(|_, due| is_other(due));
    }

    /// Which of the connections of a link there is; `None`: there is none. What came over one must reach no other.
    pub fn connection(&self, link: Link) -> Option<u64> {
        self.connections.get(&link).filter(|(_, is_open)| *is_open).map(|(connection, _)| *connection)
    }

    /// The same, also after its end.
    pub(super) fn last_connection(&self, link: Link) -> u64 {
        self.connections.get(&link).map(|(connection, _)| *connection).unwrap_or_default()
    }

    /// A link ended, and the modem is not told of it by itself.
    pub(super) fn is_over(&mut self, link: Link) {
        self.connections.entry(link).or_default().1 = false;
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        self.plan.unhit()
    }

    /// Says which faults there are.
    pub fn announce(&self, tell: Tell<'_>) {
        self.plan.announce(tell);
    }

    /// The faults.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The radio side without what faults make of it, of a modem that finds this.
    pub fn base(&self, modem: Radio) -> Radio {
        self.radio.base(modem)
    }

    /// The faults, to be changed.
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// The faults, without what was held up in their name.
    pub fn into_plan(self) -> Plan {
        self.plan
    }

    /// What the host reads now in the place of a piece that the modem prints.
    pub fn printed(&mut self, now: Instant, kind: Kind, bytes: &[u8], tell: Tell<'_>) -> Vec<Vec<u8>> {
        let text = String::from_utf8_lossy(bytes);
        let (mut parcels, mut then) = (vec![Parcel::new(bytes)], None);
        let first = matches!(kind, Kind::Info | Kind::Final) && std::mem::take(&mut self.is_unanswered);
        let item = Item::Piece(Piece { kind, text: text.trim_matches(['\r', '\n']), command: self.command, first });
        self.plan.judge(now, &item, 0, tell, &mut |act, values, draws| match act {
            Act::Pieces(_, act) => change(*act, values, draws, &mut parcels, &mut then),
            _ => Outcome::Same,
        });
        let group = match (kind, item.client()) {
            (Kind::Urc, Some(client)) => client.number(),
            (Kind::Urc, None) => NOBODY,
            _ => 0,
        };
        if let Some(slowness) = &mut self.slowness {
            let (due, may_be_passed) = slowness.due(now, kind, text.trim_matches(['\r', '\n']));
            let wait = if may_be_passed { Wait::Aside(due.since(now)) } else { Wait::Long(due.since(now)) };
            if due > now {
                parcels.iter_mut().filter(|parcel| parcel.wait == Wait::Not).for_each(|parcel| parcel.wait = wait);
            }
        }
        let pieces: Vec<Vec<u8>> =
            parcels.into_iter().filter_map(|parcel| self.printed.put(now, group, parcel)).collect();
        let pieces = pieces.into_iter().map(|piece| self.reaching_host(now, &piece, tell));
        pieces.filter(|piece| !piece.is_empty()).collect()
    }

    /// Who carries for a port says that it is full, or free again; whether the modem is told.
    pub fn turned(&mut self, port: Port, full: bool) -> bool {
        self.marks.turned(port, full)
    }

    /// Whether an attempt to connect is made; what becomes of it otherwise is due. The clock is the module's.
    pub fn connects(
        &mut self,
        now: Instant,
        link: Link,
        transport: &Transport,
        (host, port): (&str, u16),
        clock: Option<i64>,
        tell: Tell<'_>,
    ) -> bool {
        let client = ClientId::from_number(link.0.into());
        let item = Item::Connect(client, host, port, transcript::transport(transport));
        let mut may = !self.is_stalled(now, link, tell);
        let mut answers = Vec::new();
        self.plan.judge(now, &item, 0, tell, &mut |act, values, mut draws| {
            let (after, why) = match act {
                Act::Connects(act) => (Duration::ZERO, act(values)),
                Act::Names(act) => (Duration::ZERO, Some(act(values, host))),
                Act::Handshakes(act) => {
                    let verifies = matches!(transport, Transport::Tls(profile) if profile.verify != Verify::Nothing);
                    match act(values, &Attempt { host, clock, verifies }) {
                        Some((after, why)) => (after, Some(why)),
                        None => return Outcome::Same,
                    }
                }
                _ => return Outcome::Same,
            };
            may = false;
            let after = after + delay(values, &mut draws);
            answers.extend(why.map(|why| (after, Due::Input(Input::Closed(link, why)))));
            Outcome::Gone
        });
        answers.into_iter().for_each(|(delay, due)| self.plan_due(now, delay, due));
        may
    }

    /// Whether a name is looked up; what is answered otherwise is due.
    pub fn looks_up(&mut self, now: Instant, query: Query, name: &str, tell: Tell<'_>) -> bool {
        let mut may = !self.is_stalled(now, NO_LINK, tell);
        let mut answers = Vec::new();
        self.plan.judge(now, &Item::Lookup(name), 0, tell, &mut |act, values, mut draws| {
            let Act::Lookups(act) = act else { return Outcome::Same };
            may = false;
            answers.push((delay(values, &mut draws), Due::Input(Input::Resolved(query, act(values, name)))));
            Outcome::Gone
        });
        answers.into_iter().for_each(|(delay, due)| self.plan_due(now, delay, due));
        may
    }

    /// Decides about commands, while the modem works, which finds the radio side like this.
    pub fn gate<'a>(&'a mut self, now: Instant, radio: Radio, tell: Tell<'a>) -> impl Gate + 'a {
        if let Some(slowness) = &mut self.slowness {
            slowness.before(radio);
        }
        let Filters { plan, command, is_unanswered, .. } = self;
        Commands { plan, command, is_unanswered, now, tell }
    }

    /// The modem begins with a command line.
    pub fn noted(&mut self, now: Instant, note: &Note<'_>) {
        if let (Some(slowness), Note::Typed(line)) = (&mut self.slowness, note) {
            slowness.typed(now, line.bytes());
        }
    }

    /// When what others may pass may reach the host, as far as that is known; not inside an answer that is late.
    fn quiet_at(&self, modem: &Modem) -> Option<Instant> {
        // Of what fills the port for the modem it knows nothing.
        let is_full = self.slowness.is_some() && self.marks.is_held(Port::Serial);
        let free = modem.free_at().or(is_full.then_some(Instant::START))?;
        match &self.slowness {
            None => Some(free),
            Some(_) if self.printed.holds() => None,
            Some(slowness) => Some(free.max(slowness.quiet_until())),
        }
    }

    /// The next thing that is to be done in the name of a fault, if it is time.
    pub fn take_due(&mut self, now: Instant, modem: &Modem, tell: Tell<'_>) -> Option<Due> {
        let mut more = Vec::new();
        let connections = &self.connections;
        let meets = |due: &Due| match due {
            Due::Input(Input::Bearer(Change::DataCall(None))) => modem.radio().address.is_some(),
            Due::Input(_) => true,
            Due::End(client, _) => {
                connections.iter().any(|(link, (_, is_open))| *is_open && client.is_none_or(|client| client == link.0))
            }
            Due::Print(_) | Due::Type(_) => modem.has_host(),
            Due::Inject(link, up, _) => {
                let is_open = connections.get(link).is_some_and(|(_, is_open)| *is_open);
                is_open && (*up || modem.is_between_packets(*link))
            }
            Due::Arrive(..) | Due::Send(..) | Due::Peer(_) => true,
            Due::Silence => connections.values().any(|(_, is_open)| *is_open),
        };
        let overlay = self.plan.settle(now, &meets, tell, &mut more);
        more.into_iter().for_each(|(delay, due)| self.plan_due(now, delay, due));
        let clock = self.clock.follow(now, overlay.clock, modem);
        self.due.extend(clock.map(|change| Due::Input(Input::Bearer(change))));
        let overlay = Overlay { clock: None, ..overlay };
        self.due.extend(
            self.radio.follow(overlay, modem.radio()).into_iter().map(|change| Due::Input(Input::Bearer(change))),
        );
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= now) {
            self.due.push_back(first.remove());
        }
        while let Some(due) = self.due.pop_front() {
            match due {
                Due::Inject(link, up, bytes) => self.inject(now, (link, up), &bytes),
                Due::Silence => self.silence(),
                Due::Print(bytes) => {
                    let arrives = self.reaching_host(now, &bytes, tell);
                    if !arrives.is_empty() {
                        return Some(Due::Print(arrives.into()));
                    }
                }
                due => return Some(due),
            }
        }
        let is_free = |filters: &Filters| filters.quiet_at(modem).is_some_and(|at| at <= now);
        while let Some(Held::Bytes(bytes)) = self.printed.take(now, is_free(self)) {
            let arrives = self.reaching_host(now, &bytes, tell);
            if !arrives.is_empty() {
                return Some(Due::Print(arrives.into()));
            }
        }
        self.let_go(now, modem, tell);
        self.due.pop_front().or_else(|| self.arrives(now, modem, tell))
    }

    /// When [`take_due`](Self::take_due) may have something.
    pub fn deadline(&self, now: Instant, modem: &Modem) -> Option<Instant> {
        if !self.due.is_empty() || self.radio.is_stale(modem.radio()) || self.is_too_late() {
            return Some(now);
        }
        let aside = self.printed.deadline_aside().zip(self.quiet_at(modem)).map(|(at, free)| at.max(free));
        let later = self.later.first_key_value().map(|((at, _), _)| *at);
        let held = self.carried.deadline(|link| modem.wants(Port::Link(link)));
        let held = held.into_iter().chain(self.line_deadline(modem)).min();
        self.plan.deadline(now).into_iter().chain(self.printed.deadline()).chain(aside).chain(later).chain(held).min()
    }

    /// What of a change of the radio side reaches the modem now: what faults hide comes when they are over.
    pub fn changes(&mut self, now: Instant, change: Change) -> Option<Change> {
        self.radio.change(self.clock.change(now, change)?)
    }

    /// What time it is by the network, in seconds since 1970, while a fault has it wrong.
    pub fn wrong_clock(&self, now: Instant) -> Option<i64> {
        self.clock.wrong(now)
    }

    /// What has come over connections so far was the last.
    fn silence(&mut self) {
        let links: Vec<Link> =
            self.connections.iter().filter(|(_, (_, is_open))| *is_open).map(|(link, _)| *link).collect();
        links.into_iter().for_each(|link| self.carried.silence(link));
    }

    /// Something is to be done after this time.
    fn plan_due(&mut self, now: Instant, delay: Duration, due: Due) {
        if delay.is_zero() {
            self.due.push_back(due);
        } else {
            self.planned += 1;
            self.later.insert((now + delay, self.planned), due);
        }
    }
}

/// Whose look-ups are that are no client's.
const NO_LINK: Link = Link(0);

/// Who hears of what faults do.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Happened<'_>);

/// Lets a fault change what it has in hand, and says what came of it.
pub(super) fn change(
    act: fn(&mut Hand<'_>),
    values: &Values,
    draws: Draws,
    parcels: &mut Vec<Parcel>,
    then: &mut Option<Then>,
) -> Outcome {
    let before = (parcels.clone(), then.clone());
    let mut hand = Hand { values, draws, parcels, then };
    act(&mut hand);
    let later = hand.time("delay");
    if !later.is_zero() {
        hand.delay(later);
    }
    match parcels.is_empty() {
        true => Outcome::Gone,
        false if *parcels == before.0 && *then == before.1 => Outcome::Same,
        false => Outcome::Changed,
    }
}

fn delay(values: &Values, draws: &mut Draws) -> Duration {
    let (least, most) = values.span("delay").unwrap_or_default();
    draws.time(least, most)
}

/// Faults of commands, while the modem works.
struct Commands<'a> {
    plan: &'a mut Plan,
    command: &'a mut (&'static str, Option<Form>),
    is_unanswered: &'a mut bool,
    now: Instant,
    tell: Tell<'a>,
}

impl Gate for Commands<'_> {
    fn command(&mut self, name: &'static str, form: Form) -> Verdict {
        (*self.command, *self.is_unanswered) = ((name, Some(form)), true);
        let mut verdict = Verdict::Pass;
        self.plan.judge(self.now, &Item::Command(name, form), 0, self.tell, &mut |act, values, _| {
            if let Act::Commands(_, act) = act {
                verdict = act(values);
            }
            if verdict == Verdict::Pass { Outcome::Same } else { Outcome::Gone }
        });
        verdict
    }
}
