//! A scenario at work: the world it takes place in, until all of it is at rest.

use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{Instant, Modem};

use super::log::Log;
use super::scenario::{Scenario, Station};
use super::{Broken, Invariant};
use crate::broker::Config;
use crate::recorder::{Recorder, Secrets};
use crate::script::{Host, Mode, Program, Who};
use crate::world::{Change, World};

/// How long everything is given to come to rest after the scripts.
const REST: Duration = Duration::from_secs(30);

/// Steps of a run at most: many times what any takes.
const STEPS_MAX: usize = 1_000_000;

/// The longest that scripts may take.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What was drawn, what happened, and whether it came to an end.
pub(super) type Played = (Result<Scenario, Broken>, Log, Result<(), Broken>);

/// Runs the scenario, with a recorder at one station if asked for, up to a time if there is one.
pub(super) fn play(seed: u64, record: Option<(usize, Option<Instant>)>) -> Played {
    let mut log = Log::default();
    let scenario = match Scenario::draw(seed) {
        Ok(scenario) => scenario,
        Err(bad) => return (Err(bad.into()), log, Ok(())),
    };
    if let Some((index, _)) = record {
        let station = scenario.stations.get(index);
        log.recorder = station.map(|station| (index, Recorder::new(&station.settings, station.imei, Secrets::Shown)));
    }
    let stop = record.and_then(|(_, until)| until);
    let end = Run::new(seed, &scenario, stop, &mut log, |station| station.script.clone()).play(&scenario);
    (Ok(scenario), log, end)
}

/// The modems after the run of a seed, when their hosts have closed all and connected afresh; and modems that were just
/// switched on and did nothing but that. Nothing tells them apart, or something stayed behind.
pub fn rested(seed: u64) -> Result<(Vec<Modem>, Vec<Modem>), Broken> {
    let scenario = Scenario::draw(seed)?;
    let mut log = Log::default();
    let mut used = Run::new(seed, &scenario, None, &mut log, |station| station.script.clone());
    used.play(&scenario)?;
    for (index, station) in scenario.stations.iter().enumerate() {
        used.world.give(index, host(index, station, &station.fresh_script), used.log);
    }
    used.come_to_rest()?;
    let used = used.world.into_modems().collect();
    let mut fresh = Run::new(seed, &scenario, None, &mut log, |station| station.fresh_script.clone());
    fresh.come_to_rest()?;
    Ok((used, fresh.world.into_modems().collect()))
}

/// A host that goes on whatever happens.
fn host(index: usize, station: &Station, program: &Arc<Program>) -> Host {
    let seed = u64::try_from(index).unwrap_or_default();
    let index = u32::try_from(index).unwrap_or_default();
    let who = Who { modem: format!("modem{}", index + 1).into(), index, imei: station.imei, seed };
    Host::new(program.clone(), who, Mode::Tolerant)
}

struct Run<'a> {
    world: World,
    log: &'a mut Log,
    stop: Option<Instant>,
    /// When it ends at the latest.
    last: Instant,
    steps: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Time(Instant),
    ScriptsAreOver,
}

impl<'a> Run<'a> {
    fn new(
        seed: u64,
        scenario: &Scenario,
        stop: Option<Instant>,
        log: &'a mut Log,
        script: impl Fn(&Station) -> Arc<Program>,
    ) -> Run<'a> {
        let mut world = World::new(seed ^ 0x5eed, (0..scenario.brokers).map(|_| Config::default()));
        for (index, station) in scenario.stations.iter().enumerate() {
            let host = host(index, station, &script(station));
            let index = world.add(station.settings.clone(), station.imei, station.serial, station.route, host);
            world.plan(Instant::START, Change::Attach(index, true));
        }
        Run { world, log, stop, last: stop.unwrap_or(scenario.quiet + LONGEST), steps: 0 }
    }

    /// With all that goes wrong, until all is quiet.
    fn play(&mut self, scenario: &Scenario) -> Result<(), Broken> {
        for (at, change) in &scenario.faults {
            self.world.plan(*at, change.clone());
        }
        self.pass(Until::Time(scenario.quiet))?;
        if !self.come_to_rest()? {
            return Ok(());
        }
        for (index, station) in scenario.stations.iter().enumerate() {
            self.world.give(index, host(index, station, &station.last_script), self.log);
        }
        if !self.come_to_rest()? {
            return Ok(());
        }
        let owes = (0..scenario.stations.len()).find(|index| self.world.modem(*index).is_some_and(Modem::owes));
        match owes {
            Some(index) => {
                let what = "all is quiet, but the host is owed something".into();
                Err(Broken { station: Some(index), at: self.world.now(), ..Broken::new(Invariant::Quiet, what) })
            }
            None => Ok(()),
        }
    }

    /// Waits for the end of the scripts, and a while longer. False: it was to stop before that.
    fn come_to_rest(&mut self) -> Result<bool, Broken> {
        self.pass(Until::ScriptsAreOver)?;
        if self.stop.is_some_and(|stop| self.world.now() >= stop) {
            return Ok(false);
        }
        if !self.world.scripts_are_over() {
            return Err(Broken { at: self.world.now(), ..Broken::new(Invariant::Quiet, "a script never ends".into()) });
        }
        let rested = self.world.now() + REST;
        self.pass(Until::Time(rested))?;
        self.world.rest_until(rested.min(self.last));
        Ok(true)
    }

    fn pass(&mut self, until: Until) -> Result<(), Broken> {
        let end = match until {
            Until::Time(end) => end.min(self.last),
            Until::ScriptsAreOver => self.last,
        };
        while !(until == Until::ScriptsAreOver && self.world.scripts_are_over()) && self.world.step(end, self.log) {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let what = "something happens over and over".into();
                return Err(Broken { at: self.world.now(), ..Broken::new(Invariant::Quiet, what) });
            }
        }
        Ok(())
    }
}
