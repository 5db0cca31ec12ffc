//! What is wrong with packets.

use core::fmt;

/// How bytes break MQTT 3.1.1. Whoever receives such bytes closes the connection [MQTT-4.8.0-1].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The statement that is broken (`MQTT-3.3.2-2`), or the section if it has no number (`MQTT 3.2.1`).
    pub rule: &'static str,
    /// What is wrong, in words without a full stop.
    pub what: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.rule)
    }
}

impl core::error::Error for Violation {}

pub(super) const fn violation(rule: &'static str, what: &'static str) -> Violation {
    Violation { rule, what }
}
