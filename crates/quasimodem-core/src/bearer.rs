//! What the driver tells of the radio side: SIM, registration, signal, data call, clock.

use core::net::Ipv4Addr;

use crate::at::{Needs, Problem};
use crate::note::Failure;
use crate::reports::Cause;

/// A change below the IP layer, from [`Input::Bearer`](crate::Input::Bearer).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A SIM was put in (`true`) or taken out.
    Sim(bool),
    /// The registration state of 27.007 7.2.
    Registration(Registration),
    /// `<rssi>` (0 to 31, 99 unknown) and `<ber>` (0 to 7, 99 unknown) of 27.007 8.5.
    Signal(u8, u8),
    /// The data call is up with this address, or down.
    DataCall(Option<Ipv4Addr>),
    /// The wall clock: seconds since 1970-01-01T00:00:00Z at this call.
    Clock(i64),
}

/// 27.007 7.2, `<stat>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registration {
    /// 0: not registered, not searching.
    None = 0,
    /// 1: registered, home network.
    Home = 1,
    /// 2: not registered, searching.
    Searching = 2,
    /// 3: registration denied.
    Denied = 3,
    /// 4: unknown, for instance out of coverage.
    Unknown = 4,
    /// 5: registered, roaming.
    Roaming = 5,
}

impl Registration {
    /// Whether the module may use the network.
    pub const fn is_registered(self) -> bool {
        matches!(self, Registration::Home | Registration::Roaming)
    }
}

/// The radio side as the modem knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bearer {
    sim: bool,
    registration: Registration,
    address: Option<Ipv4Addr>,
}

/// As after a start in good coverage: a SIM, registered at home, the data call up.
impl Default for Bearer {
    fn default() -> Bearer {
        Bearer { sim: true, registration: Registration::Home, address: Some(Ipv4Addr::new(10, 0, 0, 2)) }
    }
}

impl Bearer {
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Sim(present) => self.sim = present,
            Change::Registration(registration) => self.registration = registration,
            Change::DataCall(address) => self.address = address,
            Change::Signal(..) | Change::Clock(_) => {}
        }
    }

    /// Whether a command with these needs can be carried out.
    pub(crate) fn check(&self, needs: Needs) -> Result<(), Problem> {
        match needs {
            Needs::Nothing => Ok(()),
            Needs::DataCall if !self.sim => Err(Problem::NoSim),
            Needs::DataCall if !self.registration.is_registered() => Err(Problem::NotRegistered),
            Needs::DataCall if self.address.is_none() => Err(Problem::NoDataCall),
            Needs::DataCall => Ok(()),
        }
    }

    /// Whether connections can live on; if not, why, and the cause that `+MQTTBREAK` tells.
    pub(crate) fn carries(&self) -> Result<(), (Failure, Cause)> {
        if !self.sim || !self.registration.is_registered() {
            return Err((Failure::NotRegistered, Cause::Deregistered));
        }
        if self.address.is_none() {
            return Err((Failure::NoDataCall, Cause::DataCall));
        }
        Ok(())
    }
}
