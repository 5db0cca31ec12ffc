//! Words for the radio side.

use core::fmt::{self, Write};
use core::net::Ipv4Addr;

/// A change on the radio side, from [`Input::Bearer`](crate::Input::Bearer).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// How the SIM card is. Without one that is ready there is no registration.
    Sim(Sim),
    /// The registration state of 27.007 7.2. Without registration there is no data call.
    Registration(Registration),
    /// `<rssi>` (0 to 31, 99 unknown) and `<ber>` (0 to 7, 99 unknown) of 27.007 8.5.
    Signal(u8, u8),
    /// The network gave the data call this address, or took the data call away.
    DataCall(Option<Ipv4Addr>),
    /// What the network has for the module from now on. The registration follows by a change of its own.
    Coverage(Coverage),
    /// The wall clock: seconds since 1970-01-01T00:00:00Z at this call.
    Clock(i64),
}

/// What the network around the module has for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coverage {
    /// There is none: a search finds nothing, for as long as this lasts.
    None,
    /// A registration, but no data call.
    NoData,
    /// A registration, and data calls with this address.
    Data(Ipv4Addr),
}

impl Coverage {
    /// The address of a data call, if there can be one.
    pub(crate) const fn address(self) -> Option<Ipv4Addr> {
        match self {
            Coverage::Data(address) => Some(address),
            Coverage::None | Coverage::NoData => None,
        }
    }
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage::Data(Ipv4Addr::new(10, 0, 0, 2))
    }
}

/// How a SIM card is (27.007 8.3, 9.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sim {
    /// There, and needs nothing.
    Ready,
    /// Not there.
    Absent,
    /// It waits for its PIN.
    Pin,
    /// It does not answer as it should.
    Failure,
    /// It is being read.
    Busy,
}

impl Sim {
    /// Whether the module can use it.
    pub const fn is_ready(self) -> bool {
        matches!(self, Sim::Ready)
    }

    /// `<err>` of `+CME ERROR` and its words, if it can't be used (27.007 9.2.1).
    pub(crate) const fn error(self) -> (u16, &'static str) {
        match self {
            Sim::Ready | Sim::Absent => (10, "SIM not inserted"),
            Sim::Pin => (11, "SIM PIN required"),
            Sim::Failure => (13, "SIM failure"),
            Sim::Busy => (14, "SIM busy"),
        }
    }

    /// Why nothing works, in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Sim::Ready => "the SIM card is ready",
            Sim::Absent => "no SIM card",
            Sim::Pin => "the SIM card waits for its PIN",
            Sim::Failure => "the SIM card fails",
            Sim::Busy => "the SIM card is busy",
        }
    }
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
    /// The one of this number, if there is one.
    pub const fn from_number(stat: u8) -> Option<Registration> {
        Some(match stat {
            0 => Registration::None,
            1 => Registration::Home,
            2 => Registration::Searching,
            3 => Registration::Denied,
            4 => Registration::Unknown,
            5 => Registration::Roaming,
            _ => return None,
        })
    }

    /// Whether the module may use the network.
    pub const fn is_registered(self) -> bool {
        matches!(self, Registration::Home | Registration::Roaming)
    }
}

/// The radio side as the modem knows it at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Radio {
    /// Whether the host lets it be on (`AT+CFUN`).
    pub on: bool,
    /// The SIM card.
    pub sim: Sim,
    /// The registration (27.007 7.2).
    pub registration: Registration,
    /// `<rssi>` and `<ber>` (27.007 8.5).
    pub signal: (u8, u8),
    /// The address of the data call, while it is up.
    pub address: Option<Ipv4Addr>,
}

/// How the radio side begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Start {
    /// Registered, and with a data call that the module keeps up by itself.
    #[default]
    Up,
    /// Searching for a network; the host dials.
    Cold,
}

/// Area, cell and access technology (LTE), where the module is registered.
pub(crate) fn put_cell(stat: Registration, to: &mut impl Write) -> fmt::Result {
    if stat.is_registered() { to.write_str(",\"0001\",\"00000001\",7") } else { Ok(()) }
}
