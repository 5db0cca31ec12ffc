//! What the host set of the command interpreter itself.

use core::array;

use super::network;
use crate::at::Command;
use crate::settings::Settings;

/// Settings of the host; `AT&F` and `ATZ` bring back those of power-up.
#[derive(Clone, Copy)]
pub(crate) struct Profile {
    /// `ATE` (V.250 6.2.4).
    pub(crate) echo: bool,
    /// `ATV` (V.250 6.2.6).
    pub(crate) verbose: bool,
    /// `ATQ` (V.250 6.2.5).
    pub(crate) quiet: bool,
    /// `AT+CMEE` (27.007 9.1).
    pub(crate) cmee: u8,
    /// `AT+MQTTCONF=1` (manual 1.8): messages are indicated and wait for `+MQTTREAD`.
    pub(crate) indicates: bool,
    /// `<n>` of `+CREG`, `+CGREG` and `+CEREG` (27.007 7.2, 10.1.20, 10.1.22).
    pub(crate) registration: [u8; network::REGISTRATIONS.len()],
    /// `AT+IPR` (V.250 6.2.10): bits a second.
    pub(crate) rate: u32,
}

impl Profile {
    pub(crate) fn new(settings: &Settings) -> Profile {
        Profile {
            echo: settings.echo,
            verbose: true,
            quiet: false,
            cmee: 1,
            indicates: false,
            registration: [0; _],
            rate: 115_200,
        }
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
