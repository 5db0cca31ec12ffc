//! A scenario: modems, what their hosts do, what goes wrong, and what is expected of that, played in virtual time. The same
//! seed plays the same to the last byte.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{Imei, Input, Instant, Modem, Outbox, Settings};

use crate::event::{Condition, Endpoint, Event, Listener, ModemAt, Names, Reporter, SCHEMA, Stamp};
use crate::fault::{Happened, Plan, Spec};
use crate::order::{For, Order};
use crate::pipe::Conditions;
use crate::script::{Host, Mode, Program, Who};
use crate::state::Until;
use crate::watch::{Both, Watch};
use crate::world::{Change, Route, Sites, World};
use crate::{broker, gateway};

/// What is played.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// From what everything random is drawn.
    pub seed: u64,
    /// How long it takes.
    pub lasts: Duration,
    /// The modems.
    pub stations: Vec<Station>,
    /// What somebody outside tells them.
    pub steps: Vec<Step>,
    /// What is expected.
    pub expects: Vec<Expect>,
}

/// A modem with its host.
#[derive(Clone, Debug)]
pub struct Station {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub settings: Settings,
    /// Its IMEI.
    pub imei: Imei,
    /// What its host does, and whether the first difference ends it; nobody is there if it is left out.
    pub script: Option<(Arc<Program>, Mode)>,
    /// What goes wrong from the start.
    pub faults: Vec<Spec>,
}

/// What somebody outside tells a modem, or each.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// The modem; each, if left out.
    pub station: Option<usize>,
    /// What.
    pub order: Order,
}

/// What is expected.
#[derive(Clone, Debug)]
pub struct Expect {
    /// An event that comes, or a state that a modem is in then.
    pub until: Until,
    /// As it was written.
    pub text: String,
    /// How often an event comes.
    pub count: RangeInclusive<u64>,
    /// Until when it comes, or when the state is so; the end, if left out.
    pub by: Option<Duration>,
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// What was not as expected.
    pub unmet: Vec<Unmet>,
    /// What faults hit.
    pub hits: u64,
    /// Calls of `handle` of all modems.
    pub calls: u64,
}

/// What was not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmet {
    /// The modem that it is about, by its place, if it is about one.
    pub station: Option<usize>,
    /// When that was plain, since the start.
    pub at: Duration,
    /// In words.
    pub words: String,
}

/// Steps of a modem at one time, at most: many times what any takes.
const AT_ONCE: usize = 100_000;

impl Scenario {
    /// The names of its modems.
    pub fn names(&self) -> Names {
        Names::from_iter(self.stations.iter().map(|station| &*station.name))
    }

    /// Plays it with this seed, and shows all to a watch.
    pub fn play(&self, seed: u64, watch: &mut dyn Watch) -> Played {
        let mut world = World::new(seed, [broker::Config::default()]);
        world.set_sites(Sites::ByPort);
        world.set_gateway(gateway::Config::default());
        let conditions = self.expects.iter().map(|expect| match &expect.until {
            Until::Event(condition) => Some((condition.clone(), expect.by.unwrap_or(self.lasts))),
            Until::State(_) => None,
        });
        let counts = conditions.map(|condition| (condition, 0)).collect();
        let mut judge = Judge { told: Reporter::new(self.names(), Counter(counts)), hits: 0, calls: 0 };
        let seen = &mut Both(&mut judge, watch);
        self.begin(&mut world, seed, seen);
        let mut unmet = self.pass(&mut world, seen);
        seen.run(world.now(), &Event::End {});
        let Counter(counts) = judge.told.listener_mut();
        for (expect, (_, came)) in self.expects.iter().zip(counts.iter()) {
            if matches!(expect.until, Until::Event(_)) && !expect.count.contains(came) {
                let at = expect.by.unwrap_or(self.lasts);
                let words =
                    format!("{} came {} by {at:?}; expected {}", expect.text, times(*came), Range(&expect.count));
                unmet.push(Unmet { station: None, at, words });
            }
        }
        self.end(&world, &mut unmet);
        Played { unmet, hits: judge.hits, calls: judge.calls }
    }

    fn begin(&self, world: &mut World, seed: u64, watch: &mut dyn Watch) {
        let at = |port| Some(Endpoint { host: "127.0.0.1", port });
        let modems: Vec<ModemAt<'_>> =
            self.stations.iter().map(|station| ModemAt { modem: &station.name, port: "virtual" }).collect();
        let ready = Event::Ready {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            seed: Some(seed),
            modems: &modems,
            broker: at(1883),
            gateway: at(1884),
            pid: None,
            api: None,
        };
        watch.run(Instant::START, &ready);
        for (index, station) in self.stations.iter().enumerate() {
            let Station { name, settings, imei, script, faults } = station;
            world.names().push(name);
            let settings = Settings { seed: settings.seed.or(Some(seed)), ..settings.clone() };
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let who = Who { modem: name.as_str().into(), index: number, imei: *imei, seed };
            let (line, route) = (Conditions::default(), Route::default());
            match script {
                Some((program, mode)) => {
                    world.add(settings, *imei, line, route, Host::new(program.clone(), who, *mode));
                    world.plan(Instant::START, Change::Attach(index, true));
                }
                None => drop(world.add_by_hand(settings, *imei, line, route)),
            }
            if let Ok(plan) = Plan::new(faults, seed, index, Instant::START)
                && !plan.is_empty()
            {
                world.break_by(index, plan, watch);
            }
        }
        for Step { at, station, order } in &self.steps {
            let each = 0..self.stations.len();
            let told = match station {
                Some(station) => *station..*station + 1,
                None if order.whom() == For::Station => each,
                None => 0..1,
            };
            told.for_each(|station| world.plan(Instant::START + *at, Change::Order(station, order.clone())));
        }
    }

    /// Lets all happen, and looks at states when they are due.
    fn pass(&self, world: &mut World, watch: &mut dyn Watch) -> Vec<Unmet> {
        let mut unmet = Vec::new();
        let due = |expect: &Expect| expect.by.unwrap_or(self.lasts).min(self.lasts);
        let mut states: Vec<&Expect> =
            self.expects.iter().filter(|expect| matches!(expect.until, Until::State(_))).collect();
        states.sort_by_key(|expect| due(expect));
        let ends = states.iter().map(|expect| (due(expect), Some(*expect))).chain([(self.lasts, None)]);
        for (at, expect) in ends.collect::<Vec<_>>() {
            let (mut now, mut steps) = (world.now(), 0);
            while world.step(Instant::START + at, watch) {
                steps = if world.now() == now { steps + 1 } else { 0 };
                now = world.now();
                if steps > AT_ONCE.saturating_mul(self.stations.len().max(1)) {
                    let words = "something happens over and over at one time".into();
                    unmet.push(Unmet { station: None, at: now.since(Instant::START), words });
                    return unmet;
                }
            }
            world.rest_until(Instant::START + at);
            if let Some(Expect { until: Until::State(state), text, .. }) = expect {
                let is_so = |station: usize| {
                    let name = world.names().of(station).unwrap_or_default();
                    world.state(station).is_some_and(|of| state.fits(&name, &of))
                };
                if !(0..world.stations()).any(is_so) {
                    unmet.push(Unmet { station: None, at, words: format!("no modem is so at {at:?}: {text}") });
                }
            }
        }
        unmet
    }

    /// What hosts and faults came to.
    fn end(&self, world: &World, unmet: &mut Vec<Unmet>) {
        for (index, station) in self.stations.iter().enumerate() {
            let mut missed = |words: String| {
                unmet.push(Unmet { station: Some(index), at: self.lasts, words: format!("{}: {words}", station.name) });
            };
            if let (Some((_, Mode::Strict)), Some(host)) = (&station.script, world.host(index)) {
                match host.outcome() {
                    Some(Ok(())) => {}
                    Some(Err(failure)) => missed(failure.to_string()),
                    None => missed(format!("the script is still at line {} in the end", host.at_line())),
                }
            }
            world.unhit(index).iter().for_each(|unhit| missed(unhit.to_string()));
        }
    }
}

/// Counts.
struct Judge {
    told: Reporter<Counter>,
    hits: u64,
    calls: u64,
}

/// The events that are expected, until when they count, and how often they came.
struct Counter(Vec<(Option<(Condition, Duration)>, u64)>);

impl Listener for Counter {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        for (expected, count) in &mut self.0 {
            if let Some((condition, by)) = expected
                && stamp.t <= Instant::START + *by
                && condition.fits(stamp, event)
            {
                *count += 1;
            }
        }
    }
}

impl crate::watch::Watches for Judge {
    fn each(&mut self, show: &mut dyn FnMut(&mut dyn Watch)) {
        let Judge { told, hits, calls } = self;
        // Where nothing is expected nobody makes events of what happens.
        if !told.listener_mut().0.is_empty() {
            show(told);
        }
        show(&mut Numbers { hits, calls });
    }
}

struct Numbers<'a> {
    hits: &'a mut u64,
    calls: &'a mut u64,
}

impl Watch for Numbers<'_> {
    fn modem(&mut self, _: Instant, _: usize, _: &Input<'_>, _: &Modem, _: &Outbox) {
        *self.calls += 1;
    }

    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        *self.hits += u64::from(matches!(what, Happened::Hit { .. }));
    }
}

fn times(count: u64) -> String {
    match count {
        0 => "never".into(),
        1 => "once".into(),
        _ => format!("{count} times"),
    }
}

struct Range<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.start(), self.0.end()) {
            (least, &u64::MAX) => write!(f, "{least} at least"),
            (0, 0) => f.write_str("never"),
            (exactly, _) => write!(f, "{exactly}"),
        }
    }
}
