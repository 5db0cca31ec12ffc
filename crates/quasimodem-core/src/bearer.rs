//! The radio side: SIM, registration, signal, data call, clock. One model behind all commands that tell of it, so that
//! their answers agree.

use core::net::Ipv4Addr;
use core::num::NonZeroI64;
use core::time::Duration;

use crate::at::{Needs, Problem};
use crate::failure::{Cause, Failure};
use crate::radio::{Change, Coverage, Registration, Sim, Start};
use crate::settings::Settings;
use crate::time::Instant;

/// Whether a command that needs a registration may wait for one.
pub(crate) enum Outlook {
    Registered,
    /// It is looked for, or was lost and may come back.
    Searching,
    /// It will not come by itself.
    Hopeless(Problem),
}

/// `<rssi>`, `<ber>` in good coverage, and where nothing is known.
const GOOD_SIGNAL: (u8, u8) = (31, 99);
const NO_SIGNAL: (u8, u8) = (99, 99);

/// The same in a module that has just started, and has not begun to search. [log] of an L610.
const NOT_LISTENING: (u8, u8) = (0, 0);

/// The radio side as the modem knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bearer {
    pub(crate) sim: Sim,
    /// `<fun>` of `AT+CFUN`; the radio is on with 1.
    pub(crate) fun: u8,
    pub(crate) registration: Registration,
    /// When a search ends at the home network.
    pub(crate) registers_at: Option<Instant>,
    pub(crate) signal: (u8, u8),
    pub(crate) attached: bool,
    pub(crate) address: Option<Ipv4Addr>,
    /// What a search finds, and a data call gets.
    pub(crate) coverage: Coverage,
    /// Seconds since 1970 at [`Instant::START`], where 0 would be as good as unknown.
    clock: Option<NonZeroI64>,
}

impl Bearer {
    pub(crate) fn new(sim: Sim, start: Start, coverage: Coverage, now: Instant, search: Duration) -> Bearer {
        let mut bearer = Bearer {
            sim,
            fun: 1,
            registration: Registration::None,
            registers_at: None,
            signal: NO_SIGNAL,
            attached: false,
            address: None,
            coverage,
            clock: None,
        };
        match start {
            Start::Up if sim.is_ready() && coverage != Coverage::None => bearer.register(start),
            Start::Up if sim.is_ready() => bearer.registration = Registration::Searching,
            Start::Up => {}
            Start::Cold if sim.is_ready() => {
                bearer.signal = NOT_LISTENING;
                bearer.registers_at = Some(now + search);
            }
            Start::Cold => {}
        }
        bearer
    }

    /// How long before its end the search of a module that has just started begins.
    fn begins_before(search: Duration) -> Duration {
        search / 4 * 3
    }

    /// Whether it has just started, and will search.
    fn is_starting(&self) -> bool {
        self.registration == Registration::None && self.registers_at.is_some()
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self, settings: &Settings) -> Option<Instant> {
        let begins_before = if self.is_starting() { Bearer::begins_before(settings.search) } else { Duration::ZERO };
        self.registers_at.map(|registers_at| registers_at.before(begins_before))
    }

    /// Whether there will be a registration.
    pub(crate) fn outlook(&self) -> Outlook {
        match self.registration {
            _ if !self.sim.is_ready() => Outlook::Hopeless(Problem::Sim(self.sim)),
            Registration::Home | Registration::Roaming => Outlook::Registered,
            Registration::Searching | Registration::Unknown => Outlook::Searching,
            Registration::None if self.registers_at.is_some() => Outlook::Searching,
            Registration::None | Registration::Denied => Outlook::Hopeless(Problem::NotRegistered),
        }
    }

    /// Looks for a network, for so long.
    pub(crate) fn search(&mut self, now: Instant, search: Duration) {
        if self.sim.is_ready() && self.fun == 1 && !self.registration.is_registered() && self.registers_at.is_none() {
            self.registration = Registration::Searching;
            self.registers_at = Some(now + search);
        }
    }

    /// Ends a search, at the home network if that is there.
    fn find(&mut self, start: Start) {
        if self.coverage == Coverage::None {
            // It goes on until there is one.
            self.registration = Registration::Searching;
            self.registers_at = None;
        } else {
            self.register(start);
        }
    }

    /// Is in the home network.
    fn register(&mut self, start: Start) {
        self.registration = Registration::Home;
        self.registers_at = None;
        self.signal = GOOD_SIGNAL;
        self.attached = true;
        if start == Start::Up {
            self.start_call();
        }
    }

    /// Starts the data call, as far as the network has one.
    pub(crate) fn start_call(&mut self) {
        self.attached = true;
        self.address = self.address.or(self.coverage.address());
    }

    /// The network has something else for the module.
    fn cover(&mut self, coverage: Coverage, start: Start) {
        self.coverage = coverage;
        match coverage.address() {
            None => self.address = None,
            Some(address) if self.address.is_some() => self.address = Some(address),
            Some(_) if start == Start::Up && self.registration.is_registered() => self.start_call(),
            Some(_) => {}
        }
    }

    /// Leaves the network.
    pub(crate) fn deregister(&mut self, registration: Registration) {
        self.registration = registration;
        self.registers_at = None;
        self.attached = false;
        self.address = None;
    }

    /// Switches the radio off, by this `<fun>`.
    pub(crate) fn radio_off(&mut self, fun: u8) {
        self.fun = fun;
        self.signal = NO_SIGNAL;
        self.deregister(Registration::None);
    }

    /// Ends a search that is over.
    pub(crate) fn settle(&mut self, now: Instant, settings: &Settings) {
        if self.registers_at.is_some_and(|registers_at| registers_at <= now) {
            self.find(settings.bearer);
        } else if self.is_starting() && self.deadline(settings).is_some_and(|deadline| deadline <= now) {
            self.registration = Registration::Searching;
            self.signal = NO_SIGNAL;
        }
    }

    pub(crate) fn apply(&mut self, now: Instant, change: Change, settings: &Settings) {
        match change {
            Change::Sim(Sim::Ready) => {
                self.sim = Sim::Ready;
                self.search(now, settings.search);
            }
            Change::Sim(sim) => {
                self.sim = sim;
                self.deregister(Registration::None);
            }
            Change::Registration(registration) if registration.is_registered() => {
                let signal = self.signal;
                self.register(settings.bearer);
                self.registration = registration;
                if signal != NO_SIGNAL {
                    self.signal = signal;
                }
            }
            Change::Registration(registration) => self.deregister(registration),
            Change::Signal(rssi, ber) => self.signal = (rssi, ber),
            Change::DataCall(address) => self.address = address,
            Change::Coverage(coverage) => self.cover(coverage, settings.bearer),
            Change::Clock(seconds) => self.clock = NonZeroI64::new(seconds.saturating_sub(since_start(now))),
        }
    }

    /// Whether a command with these needs can be carried out.
    pub(crate) fn check(&self, needs: Needs) -> Result<(), Problem> {
        match needs {
            Needs::Nothing => Ok(()),
            _ if !self.sim.is_ready() => Err(Problem::Sim(self.sim)),
            Needs::Sim => Ok(()),
            _ if !self.registration.is_registered() => Err(Problem::NotRegistered),
            Needs::Registration => Ok(()),
            Needs::DataCall if self.address.is_none() => Err(Problem::NoDataCall),
            Needs::DataCall => Ok(()),
        }
    }

    /// Whether connections can live on; if not, why, and the cause that `+MQTTBREAK` tells.
    pub(crate) fn carries(&self) -> Result<(), (Failure, Cause)> {
        if !self.registration.is_registered() {
            return Err((Failure::NotRegistered, Cause::Deregistered));
        }
        if self.address.is_none() {
            return Err((Failure::NoDataCall, Cause::DataCall));
        }
        Ok(())
    }

    /// Takes the wall clock over from before a restart.
    pub(crate) fn keep_clock(&mut self, before: &Bearer) {
        self.clock = before.clock;
    }

    /// Seconds since 1970, if the clock was set.
    pub(crate) fn clock(&self, now: Instant) -> Option<i64> {
        self.clock.map(|at_start| at_start.get().saturating_add(since_start(now)))
    }
}

fn since_start(now: Instant) -> i64 {
    i64::try_from(now.since(Instant::START).as_secs()).unwrap_or(i64::MAX)
}
