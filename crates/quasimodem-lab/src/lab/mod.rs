//! A lab in virtual time: modems, a broker and a gateway as a library, without thread, socket or clock.
//!
//! Time passes when it is told to, so that a day of a modem takes milliseconds, and two runs of one seed are the same to the
//! last event. Handles may be cloned and sent to other threads; one call is made after the other.
//!
//! ```
//! use std::time::Duration;
//! use quasimodem_lab::Lab;
//!
//! let lab = Lab::new(7);
//! let modem = lab.add();
//! modem.order("fault packet-drop type=PUBACK times=1")?;
//! modem.write(b"AT+MQTTOPEN=1,\"127.0.0.1\",1883,1,60\r");
//! lab.advance_until("client.open client=1", Duration::from_secs(5))?;
//!
//! modem.write(b"AT+MQTTPUB=1,\"t\",1,0,\"hello\"\r");
//! let hit = lab.advance_until("fault.hit", Duration::from_secs(1))?;
//! assert_eq!(hit.field("item").and_then(|item| item.as_str()), Some("PUBACK"));
//! lab.advance(Duration::from_secs(3));
//! assert!(String::from_utf8_lossy(&modem.read()).ends_with("\r\n+MQTTPUB: 1,0\r\n"));
//! assert_eq!(lab.broker().messages()[0].payload, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The broker listens at ports 1883 and 8883, the gateway at 1884, under whatever name or address; other ports refuse. In
//! virtual time nothing is encrypted: a link that asks for TLS is agreed on as it is.

mod broker_view;
mod eyes;
mod journal;
mod modem;
mod serial;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quasimodem_core::Instant;

use self::eyes::Eyes;
use crate::event::{BadCondition, Condition, Endpoint, Event, SCHEMA};
use crate::flat::Bad;
use crate::order::{For, Order};
use crate::watch::Watch;
use crate::world::{Change, Sites, World};
use crate::{broker, gateway};

pub use self::broker_view::{Broker, Message};
pub use self::journal::Told;
pub use self::modem::{BadName, Modem, ModemConfig, Script};
pub use self::serial::{Serial, TimedOut};
pub use crate::pipe::Conditions;
pub use crate::world::Route;

/// Modems, a broker and a gateway. Clones are the same lab.
#[derive(Clone)]
pub struct Lab(Arc<Mutex<Inner>>);

/// How a lab is set up.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What everything random is drawn from.
    pub seed: u64,
    /// The broker.
    pub broker: broker::Config,
    /// The gateway.
    pub gateway: gateway::Config,
}

/// What did not come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotMet {
    /// What was waited for.
    pub condition: String,
    /// How long.
    pub within: Duration,
    /// The names of the last events that came instead, the newest last.
    pub instead: Vec<String>,
}

/// Why a wait ended without what was waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// It is no event, or has no such field.
    Bad(BadCondition),
    /// It did not come in time.
    NotMet(NotMet),
}

struct Inner {
    world: World,
    eyes: Eyes,
    seed: u64,
    /// Where the next wait begins to look: behind the last order, typed bytes or wait.
    since: u64,
}

impl Lab {
    /// A lab of this seed, without modems.
    pub fn new(seed: u64) -> Lab {
        Lab::with(Config { seed, ..Config::default() })
    }

    /// A lab that is set up so.
    pub fn with(config: Config) -> Lab {
        let Config { seed, broker, gateway } = config;
        let mut world = World::new(seed, [broker]);
        world.set_sites(Sites::ByPort);
        world.set_gateway(gateway);
        let mut eyes = Eyes::new(world.names().clone());
        let at = |port| Some(Endpoint { host: "127.0.0.1", port });
        let ready = Event::Ready {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            seed: Some(seed),
            // Those that are added are there from then on.
            modems: &[],
            broker: at(1883),
            gateway: at(1884),
            api: None,
            pid: None,
        };
        eyes.run(Instant::START, &ready);
        Lab(Arc::new(Mutex::new(Inner { world, eyes, seed, since: 0 })))
    }

    /// Adds a modem that was just switched on, with a host that is there and types by hand. The first is called `modem`, the
    /// others `modem2`, `modem3` …
    pub fn add(&self) -> Modem {
        Modem::add_unnamed(self, ModemConfig::default())
    }

    /// Adds a modem that is set up so.
    ///
    /// # Errors
    ///
    /// Another modem has its name, or it is none.
    pub fn add_with(&self, config: ModemConfig) -> Result<Modem, BadName> {
        Modem::add(self, config)
    }

    /// How much time has passed since the lab began.
    pub fn now(&self) -> Duration {
        self.lock().world.now().since(Instant::START)
    }

    /// Lets so much time pass.
    pub fn advance(&self, time: Duration) {
        let Inner { world, eyes, .. } = &mut *self.lock();
        world.pass(world.now() + time, eyes);
        eyes.wake();
    }

    /// When something happens by itself, as time since the lab began, and not before now; `None`: nothing ever does. Who has
    /// a clock of their own lets time pass up to that.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.lock().world.deadline().map(|due| due.since(Instant::START))
    }

    /// Lets time pass until an event comes, such as `client.broken client=1 cause=2`; `quasimodem events` lists all. What
    /// came since the last order, the last bytes that were typed by hand, or the last wait, counts.
    ///
    /// # Errors
    ///
    /// It is no event, or it did not come in this time, which has passed then.
    pub fn advance_until(&self, event: &str, within: Duration) -> Result<Told, WaitError> {
        let condition: Condition = event.parse().map_err(WaitError::Bad)?;
        let inner = &mut *self.lock();
        let end = inner.world.now() + within;
        let met = inner.until(&condition, end);
        if met.is_none() {
            inner.world.rest_until(end);
        }
        inner.eyes.wake();
        met.ok_or_else(|| {
            let instead = inner.eyes.journal().last_names();
            WaitError::NotMet(NotMet { condition: condition.to_string(), within, instead })
        })
    }

    /// Gives an order to the lab's broker, such as `broker-publish topic=t payload=hello`.
    ///
    /// # Errors
    ///
    /// There is no such order, it can't be read, it is for a modem, or nobody is there whom it is about.
    pub fn order(&self, order: &str) -> Result<(), Bad> {
        let order: Order = order.parse()?;
        if order.whom() == For::Station {
            return Err(Bad::ForModem(order.name()));
        }
        self.carry_out(0, order)
    }

    /// The broker's view.
    pub fn broker(&self) -> Broker {
        Broker(self.clone())
    }

    /// The events since this was asked last, as lines of JSON; the oldest of many are gone.
    pub fn events(&self) -> Vec<String> {
        self.lock().eyes.journal().take_lines()
    }

    /// Ends the run: `run.end` is told, and before it what clients cost that are still connected. Nothing keeps it from going
    /// on.
    pub fn end(&self) {
        let Inner { world, eyes, .. } = &mut *self.lock();
        eyes.run(world.now(), &Event::End {});
        eyes.wake();
    }

    /// Lets somebody watch from here on.
    pub fn watch(&self, watch: Box<dyn Watch + Send>) {
        self.lock().eyes.more.push(watch);
    }

    /// Carries out an order now.
    fn carry_out(&self, station: usize, order: Order) -> Result<(), Bad> {
        let inner = &mut *self.lock();
        inner.since = inner.eyes.journal().last();
        let now = inner.world.now();
        inner.world.take_refused();
        inner.world.plan(now, Change::Order(station, order));
        inner.world.pass(now, &mut inner.eyes);
        inner.eyes.wake();
        inner.world.take_refused().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What panicked was a watch.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn until(&mut self, condition: &Condition, end: Instant) -> Option<Told> {
        loop {
            if let Some(told) = self.eyes.journal().find(condition, &mut self.since) {
                return Some(told);
            }
            if !self.world.step(end, &mut self.eyes) {
                return None;
            }
        }
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lab({:?})", self.now())
    }
}

impl fmt::Display for NotMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} did not come within {:?}", self.condition, self.within)?;
        match self.instead.as_slice() {
            [] => f.write_str("; nothing came"),
            last => write!(f, "; the last that came: {}", last.join(", ")),
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::Bad(bad) => bad.fmt(f),
            WaitError::NotMet(not_met) => not_met.fmt(f),
        }
    }
}

impl std::error::Error for NotMet {}
impl std::error::Error for WaitError {}
