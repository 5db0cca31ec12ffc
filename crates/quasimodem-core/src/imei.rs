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

    /// The IMEI with these 14 digits in front, and the check digit that belongs to them (23.003 B.2). Digits beyond the 14
    /// are dropped.
    pub const fn from_serial(serial: u64) -> Imei {
        let serial = serial % 100_000_000_000_000;
        let (mut rest, mut sum, mut doubled) = (serial, 0, true);
        while rest > 0 {
            let digit = if doubled { rest % 10 * 2 } else { rest % 10 };
            sum += digit / 10 + digit % 10;
            (rest, doubled) = (rest / 10, !doubled);
        }
        Imei(serial * 10 + (10 - sum % 10) % 10)
    }

    /// The digits without the last one, which checks them.
    pub const fn serial(self) -> u64 {
        self.0 / 10
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digit_checks_the_others() {
        // 23.003 and the default, whose check digit is right as well.
        assert_eq!(Imei::from_serial(49_015_420_323_751).number(), 490_154_203_237_518);
        assert_eq!(Imei::from_serial(Imei::default().serial()), Imei::default());
        assert_eq!(Imei::from_serial(0).number(), 0);
    }
}
