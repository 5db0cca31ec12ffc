//! What the owner of a modem decides before it starts.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::model::Model;

/// Settings that many modems can share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The module to be.
    pub model: &'static Model,
    /// `ATE` at power-up.
    pub echo: bool,
    /// Quiet time after a final result code, before the next unsolicited one. Hosts that empty their buffer when they
    /// see `OK` would lose a result that came in the same burst.
    pub gap: Duration,
}

/// An L610 with echo and a gap of 20 ms.
impl Default for Settings {
    fn default() -> Settings {
        Settings { model: Default::default(), echo: true, gap: Duration::from_millis(20) }
    }
}

/// The 15 digits that name a module (27.007 5.4, 23.003 6.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Imei(u64);

impl Imei {
    /// Digits of an IMEI.
    pub const DIGITS: usize = 15;

    /// The IMEI with these digits, the leading ones 0. `None` above 999999999999999.
    pub const fn from_number(number: u64) -> Option<Imei> {
        if number <= 999_999_999_999_999 { Some(Imei(number)) } else { None }
    }
}

/// 001010000000008, whose type allocation code is one of the test codes and belongs to no manufacturer.
impl Default for Imei {
    fn default() -> Imei {
        Imei(1_010_000_000_008)
    }
}

impl fmt::Display for Imei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.0, width = Self::DIGITS)
    }
}

/// Text that is not 15 digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAnImei;

impl fmt::Display for NotAnImei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an IMEI is {} decimal digits", Imei::DIGITS)
    }
}

impl core::error::Error for NotAnImei {}

impl FromStr for Imei {
    type Err = NotAnImei;

    fn from_str(text: &str) -> Result<Imei, NotAnImei> {
        if text.len() != Self::DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnImei);
        }
        text.parse().map(Imei).map_err(|_| NotAnImei)
    }
}
