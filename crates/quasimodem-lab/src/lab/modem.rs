//! A modem of a lab.

use std::fmt;
use std::sync::Arc;

use quasimodem_core::{ClientId, Connection, Imei, Settings};

use super::{Inner, Lab, Serial};
use crate::fault::{Plan, Spec, Unhit};
use crate::flat::{self, Bad};
use crate::order::{For, Order};
use crate::pipe::Conditions;
use crate::script::{Failure, Host, Mode, Program, Who};
use crate::timing::{Profile, Timing};
use crate::world::{Change, Route};

/// A modem of a lab. Clones are the same modem.
#[derive(Clone, Debug)]
pub struct Modem {
    pub(super) lab: Lab,
    pub(super) station: usize,
}

/// How a modem is set up.
#[derive(Clone, Debug, Default)]
pub struct ModemConfig {
    /// Its name, of letters, digits, `-`, `_` and `.`; if left out, `modem`, or with its number.
    pub name: Option<String>,
    /// Its settings; of those that are left to chance none is drawn.
    pub settings: Settings,
    /// Its IMEI.
    pub imei: Imei,
    /// How bytes travel on the serial line.
    pub serial: Conditions,
    /// What its connections meet.
    pub route: Route,
    /// What goes wrong from the start.
    pub faults: Vec<Spec>,
    /// How slow it is by itself; `None`: not at all.
    pub timing: Option<Profile>,
    /// The host, if it is a written one; else bytes are typed and read by hand. The program may be shared by many.
    pub script: Option<Script>,
}

/// A written host.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it does.
    pub program: Arc<Program>,
    /// Whether the first difference ends it.
    pub mode: Mode,
}

/// Why a modem can't be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadName {
    /// Another modem is called so.
    Taken(String),
    /// It is not of letters, digits, `-`, `_` and `.`.
    NoName(String),
    /// Two of its faults have one id.
    Faults(String),
}

impl Modem {
    pub(super) fn add_unnamed(lab: &Lab, config: ModemConfig) -> Modem {
        let inner = &mut *lab.lock();
        let names = inner.world.names();
        let numbered = |number: usize| if number == 1 { "modem".to_owned() } else { format!("modem{number}") };
        let number = inner.world.stations() + 1;
        let name = (number..).map(numbered).find(|name| !names.contains(name)).unwrap_or_default();
        Modem { lab: lab.clone(), station: inner.add(&name, config) }
    }

    pub(super) fn add(lab: &Lab, mut config: ModemConfig) -> Result<Modem, BadName> {
        let name = config.name.take();
        let faults = std::mem::take(&mut config.faults);
        let timing = config.timing.take().map(|profile| Timing::new(profile, &config.settings, false));
        if let Some(name) = &name {
            if !flat::is_name(name) {
                return Err(BadName::NoName(name.clone()));
            }
            if lab.lock().world.names().contains(name) {
                return Err(BadName::Taken(name.clone()));
            }
        }
        Plan::new(&faults, 0, 0, quasimodem_core::Instant::START).map_err(|bad| BadName::Faults(bad.to_string()))?;
        let modem = match name {
            Some(name) => Modem { station: lab.lock().add(&name, config), lab: lab.clone() },
            None => Modem::add_unnamed(lab, config),
        };
        modem.break_by(&faults, timing);
        Ok(modem)
    }

    fn break_by(&self, faults: &[Spec], timing: Option<Timing>) {
        let Inner { world, eyes, seed, .. } = &mut *self.lab.lock();
        if let Ok(plan) = Plan::new(faults, *seed, self.station, world.now()).map(|plan| plan.at_pace_of(timing))
            && !plan.is_empty()
        {
            world.break_by(self.station, plan, eyes);
        }
    }

    /// Its name.
    pub fn name(&self) -> Arc<str> {
        self.lab.lock().world.names().of(self.station).unwrap_or_default()
    }

    /// Types bytes at its serial end, if a host is there.
    pub fn write(&self, bytes: &[u8]) {
        let Inner { world, eyes, since, .. } = &mut *self.lab.lock();
        *since = eyes.journal().last();
        world.write(self.station, bytes, eyes);
        eyes.wake();
    }

    /// Takes out all that it has printed by now.
    pub fn read(&self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let more = self.read_some(usize::MAX);
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    pub(super) fn read_some(&self, max: usize) -> Vec<u8> {
        let Inner { world, eyes, .. } = &mut *self.lab.lock();
        world.read(self.station, max, eyes)
    }

    /// Its serial end, as a port that programs read and write.
    pub fn serial(&self) -> Serial {
        Serial::new(self.clone())
    }

    /// A host comes (`true`) or goes.
    pub fn attach(&self, here: bool) {
        let Inner { world, eyes, .. } = &mut *self.lab.lock();
        let now = world.now();
        world.plan(now, Change::Attach(self.station, here));
        world.pass(now, eyes);
        eyes.wake();
    }

    /// Carries out an order now, such as `fault packet-drop type=PUBACK times=1` or `radio stat=2`.
    ///
    /// # Errors
    ///
    /// There is no such order, it can't be read, it is for the broker, or there is no fault of the id that it names.
    pub fn order(&self, order: &str) -> Result<(), Bad> {
        let order: Order = order.parse()?;
        if order.whom() != For::Station {
            return Err(Bad::ForPeer(order.name()));
        }
        self.lab.carry_out(self.station, order)
    }

    /// How far the connection of a client is, if it has one.
    pub fn connection(&self, client: ClientId) -> Option<Connection> {
        self.lab.lock().world.modem(self.station)?.connection(client)
    }

    /// How its script ended, once it has: in a test (`Mode::Strict`) with the first difference, if there was one. `None` while it
    /// goes on, and for a host by hand.
    pub fn outcome(&self) -> Option<Result<(), Failure>> {
        let lab = self.lab.lock();
        lab.world.host(self.station)?.outcome().map(|outcome| outcome.map_err(Clone::clone))
    }

    /// The faults that did not hit as often as was expected.
    pub fn unhit(&self) -> Vec<Unhit> {
        self.lab.lock().world.unhit(self.station)
    }
}

impl Inner {
    fn add(&mut self, name: &str, config: ModemConfig) -> usize {
        let ModemConfig { settings, imei, serial, route, script, .. } = config;
        let Inner { world, eyes, seed, .. } = self;
        world.names().push(name);
        let station = match script {
            None => world.add_by_hand(settings, imei, serial, route),
            Some(Script { program, mode }) => {
                let index = u32::try_from(world.stations()).unwrap_or(u32::MAX);
                let who = Who { modem: name.into(), index, imei, seed: *seed };
                world.add(settings, imei, serial, route, Host::new(program, who, mode))
            }
        };
        let now = world.now();
        world.plan(now, Change::Attach(station, true));
        world.pass(now, eyes);
        station
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Taken(name) => write!(f, "there is a modem {name:?}"),
            BadName::NoName(name) => {
                write!(f, "{name:?} is no name of a modem, expected letters, digits, -, _ and .")
            }
            BadName::Faults(bad) => f.write_str(bad),
        }
    }
}

impl std::error::Error for BadName {}
