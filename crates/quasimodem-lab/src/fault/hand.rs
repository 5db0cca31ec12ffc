//! What a fault has in hand when it hits: the things that go on, and chance.

use std::time::Duration;

use quasimodem_core::Why;

use crate::flat::Values;
use crate::random::Random;

/// What an act changes: packets, or pieces that the modem prints.
pub(crate) struct Hand<'a> {
    /// What the fault says.
    pub(crate) values: &'a Values,
    pub(crate) draws: Draws,
    /// What goes on in the place of what was hit.
    pub(crate) parcels: &'a mut Vec<Parcel>,
    /// What becomes of the connection after it.
    pub(crate) then: &'a mut Option<Then>,
}

/// Something on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parcel {
    pub(crate) bytes: Vec<u8>,
    pub(crate) wait: Wait,
}

/// How long something is held back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Wait {
    /// Not at all.
    #[default]
    Not,
    /// For this time, and what comes after it waits as well.
    Long(Duration),
    /// For this time, and others pass it.
    Aside(Duration),
    /// Until so many others have passed it, or for this time.
    Passed(u64, Duration),
}

/// What becomes of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    /// Nothing more comes this way.
    Stalls,
    /// It ends.
    Ends(Why),
}

/// Chance that depends on the seed, the fault, the scope and the number of the match alone.
pub(crate) struct Draws(Random);

impl Parcel {
    /// Something that goes on at once.
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Parcel {
        Parcel { bytes: bytes.into(), wait: Wait::Not }
    }
}

impl Hand<'_> {
    /// Changes each thing.
    pub(crate) fn each(&mut self, change: impl Fn(&mut Vec<u8>)) {
        self.parcels.iter_mut().for_each(|parcel| change(&mut parcel.bytes));
    }

    /// A time of the range that the value of a key says.
    pub(crate) fn time(&mut self, key: &str) -> Duration {
        let (least, most) = self.values.span(key).unwrap_or_default();
        self.draws.time(least, most)
    }

    /// What does not wait yet waits so long.
    pub(super) fn delay(&mut self, time: Duration) {
        let parcels = self.parcels.iter_mut().filter(|parcel| parcel.wait == Wait::Not);
        parcels.for_each(|parcel| parcel.wait = Wait::Long(time));
    }

    /// Everything in hand waits in this way.
    pub(crate) fn hold(&mut self, wait: Wait) {
        self.parcels.iter_mut().for_each(|parcel| parcel.wait = wait);
    }
}

impl Draws {
    pub(super) fn new(bits: u64) -> Draws {
        Draws(Random::new(bits))
    }

    /// A number of [0, 1).
    pub(crate) fn fraction(&mut self) -> f64 {
        fraction(self.0.bits())
    }

    /// Any byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.bits().to_le_bytes()[0]
    }

    pub(crate) fn time(&mut self, least: Duration, most: Duration) -> Duration {
        if least >= most { least } else { self.0.time(least, most) }
    }
}

/// Nothing of what was hit goes on.
pub(crate) fn lose(hand: &mut Hand<'_>) {
    hand.parcels.clear();
}

/// Bits as a number of [0, 1).
pub(super) fn fraction(bits: u64) -> f64 {
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
}
