//! What names a module.

use core::fmt;
use core::str::FromStr;

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

    /// The digits as a number.
    pub const fn number(self) -> u64 {
        self.0
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
