//! What the host set: of the command interpreter itself, and what only few modems have.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::array;

use crate::settings::Settings;
use crate::ticket::Name;
use crate::time::Instant;
use crate::uart::Uart;

/// The commands that tell of the registration at a network (27.007 7.2, 10.1.20, 10.1.22).
pub(crate) static REGISTRATIONS: [&str; 3] = ["+CREG", "+CGREG", "+CEREG"];

/// The place of a command among [`REGISTRATIONS`].
pub(crate) fn registration_place(command: &str) -> Option<usize> {
    REGISTRATIONS.iter().position(|registration| *registration == command)
}

/// Settings of the host; `AT&F` brings back the module's own, `ATZ` and a restart those that `AT&W` stored.
#[derive(Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) switches: Switches,
    /// `AT+CMEE` (27.007 9.1).
    pub(crate) cmee: u8,
    /// `<n>` of `+CREG`, `+CGREG` and `+CEREG` (27.007 7.2, 10.1.20, 10.1.22).
    pub(crate) registration: [u8; REGISTRATIONS.len()],
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
    pub(crate) fn registration_urcs(&self) -> impl Iterator<Item = Name> + use<> {
        let told: [_; REGISTRATIONS.len()] = array::from_fn(|index| self.registration[index] > 0);
        REGISTRATIONS.iter().zip(told).filter(|(_, told)| *told).map(|(name, _)| Name(name))
    }

    /// Whether changes of this network are told with the cell (`<n>` is 2).
    pub(crate) fn tells_location(&self, command: &str) -> bool {
        registration_place(command).is_some_and(|place| self.registration.get(place) == Some(&2))
    }
}

/// Values that the host sets and reads back, and that change nothing else here. Only those are held that are not as they
/// were at power-up.
#[derive(Clone, Default)]
pub(crate) struct Shown(Vec<Value>);

#[derive(Clone, Copy)]
struct Value {
    command: &'static str,
    /// Which of its parameters.
    place: usize,
    value: u8,
}

impl Shown {
    /// The value of a command's parameter, if the host set it.
    pub(crate) fn get(&self, command: &'static str, place: usize) -> Option<u8> {
        self.0.iter().find(|value| value.is(command, place)).map(|value| value.value)
    }

    /// Sets it; `None`: as at power-up.
    pub(crate) fn set(&mut self, command: &'static str, place: usize, value: Option<u8>) {
        self.0.retain(|value| !value.is(command, place));
        self.0.extend(value.map(|value| Value { command, place, value }));
        self.0.shrink_to_fit();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Value {
    fn is(&self, command: &'static str, place: usize) -> bool {
        self.command == command && self.place == place
    }
}

/// What `AT&W` stored. It outlives restarts, as it does in a module's own memory, but not the program.
pub(crate) struct Stored {
    pub(crate) profile: Profile,
    pub(crate) shown: Shown,
}

/// What `+CGDCONT` stored.
pub(crate) struct Context {
    pub(crate) kind: Box<str>,
    pub(crate) apn: Box<str>,
}

/// A clock that the host set. It runs on through resets.
#[derive(Clone, Copy)]
pub(crate) struct HostClock {
    /// What it showed, in seconds since 1970, and when.
    pub(crate) seconds: i64,
    pub(crate) at: Instant,
    /// The time zone that it shows, in quarters of an hour east of Greenwich.
    pub(crate) zone: i8,
}

impl HostClock {
    /// What it shows, in seconds since 1970.
    pub(crate) fn seconds(&self, now: Instant) -> i64 {
        self.seconds.saturating_add(i64::try_from(now.since(self.at).as_secs()).unwrap_or(i64::MAX))
    }
}
