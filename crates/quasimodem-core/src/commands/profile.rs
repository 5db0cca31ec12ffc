//! What the host set of the command interpreter itself.

use core::array;

use super::network;
use crate::at::Command;
use crate::settings::Settings;
use crate::uart::Uart;

/// Settings of the host; `AT&F` and `ATZ` bring back those of power-up.
#[derive(Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) switches: Switches,
    /// `AT+CMEE` (27.007 9.1).
    pub(crate) cmee: u8,
    /// `<n>` of `+CREG`, `+CGREG` and `+CEREG` (27.007 7.2, 10.1.20, 10.1.22).
    pub(crate) registration: [u8; network::REGISTRATIONS.len()],
    /// `AT+IPR`, `AT+ICF` and `AT+IFC` (V.250 6.2.10 to 6.2.12). No reset changes it, or the host were lost.
    pub(crate) uart: Uart,
}

/// What is on or off, in one byte, since each modem holds it.
#[derive(Clone, Copy)]
pub(crate) struct Switches(u8);

impl Switches {
    /// `ATE` (V.250 6.2.4).
    pub(crate) const ECHO: Switches = Switches(1);
    /// `ATV` (V.250 6.2.6).
    pub(crate) const VERBOSE: Switches = Switches(1 << 1);
    /// `ATQ` (V.250 6.2.5).
    pub(crate) const QUIET: Switches = Switches(1 << 2);
    /// `AT+MQTTCONF=1` (manual 1.8): messages are indicated and wait for `+MQTTREAD`.
    pub(crate) const INDICATES: Switches = Switches(1 << 3);
    /// `AT&C0` (V.250 6.2.8): the carrier detect line is always on. Else only with a carrier, which there never is.
    pub(crate) const DCD: Switches = Switches(1 << 4);
    /// `AT&D1` and `AT&D2` (V.250 6.2.9): the fall of the line DTR means something.
    pub(crate) const DTR: Switches = Switches(1 << 5);
    /// The line at hand set `uart`; that comes into force behind its final result code.
    pub(crate) const UART: Switches = Switches(1 << 6);

    /// Whether this one is set.
    pub(crate) const fn has(self, one: Switches) -> bool {
        self.0 & one.0 != 0
    }

    /// Sets this one, and tells what it was.
    pub(crate) const fn set(&mut self, one: Switches, on: bool) -> bool {
        let before = self.has(one);
        self.0 = if on { self.0 | one.0 } else { self.0 & !one.0 };
        before
    }
}

impl Profile {
    pub(crate) fn new(settings: &Settings) -> Profile {
        let mut switches = Switches::VERBOSE;
        switches.set(Switches::ECHO, settings.echo);
        Profile { switches, cmee: 1, registration: [0; _], uart: settings.uart }
    }

    /// The networks of which changes are told.
    pub(crate) fn registration_urcs(&self) -> impl Iterator<Item = &'static Command> + use<> {
        let told: [_; network::REGISTRATIONS.len()] = array::from_fn(|index| self.registration[index] > 0);
        network::REGISTRATIONS.into_iter().zip(told).filter(|(_, told)| *told).map(|(row, _)| row)
    }

    /// Whether changes of this network are told with the cell (`<n>` is 2).
    pub(crate) fn tells_location(&self, row: &'static Command) -> bool {
        network::place(row).is_some_and(|place| self.registration.get(place) == Some(&2))
    }
}
