//! Time as a parameter: the core never asks a clock.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

/// A point in time, in microseconds since a start that the driver chooses once and keeps.
///
/// It must never go backwards between two calls for the same modem. An `Option<Instant>` is as small as an `Instant`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The driver's start.
    pub const START: Instant = Instant(NonZeroU64::MIN);

    /// `micros` microseconds after [`START`](Self::START).
    pub const fn from_micros(micros: u64) -> Instant {
        Instant(NonZeroU64::MIN.saturating_add(micros))
    }

    /// `millis` milliseconds after [`START`](Self::START).
    pub const fn from_millis(millis: u64) -> Instant {
        Instant::from_micros(millis.saturating_mul(1000))
    }

    /// Microseconds since [`START`](Self::START).
    pub const fn as_micros(self) -> u64 {
        self.0.get() - 1
    }

    /// The time from `earlier` to this, zero if `earlier` is the later one.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The point so long before this one, or [`START`](Self::START).
    pub(crate) fn before(self, duration: Duration) -> Instant {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(self.as_micros().saturating_sub(micros))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(micros))
    }
}

/// How long after the last packet a PINGREQ goes out: a little earlier than the keep-alive time of so many seconds, which the
/// time between two packets must not exceed (MQTT-3.1.2-23, MQTT-SN 6.11). A second covers what a loaded machine and the
/// network add; of short times a tenth must do, so that pings do not become much more frequent.
pub(crate) fn ping_after(keep_alive: u16) -> Duration {
    let keep_alive = Duration::from_secs(keep_alive.into());
    keep_alive.saturating_sub(EARLY_MAX.min(keep_alive / 10))
}

/// See [`ping_after`].
const EARLY_MAX: Duration = Duration::from_secs(1);

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.since(Instant::START))
    }
}
