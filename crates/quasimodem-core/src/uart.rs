//! How a serial port is set: its rate, the frame of a character, and flow control.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// The settings of a serial port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Uart {
    /// Bits a second (V.250 6.2.10).
    pub rate: Rate,
    /// What a character is made of.
    pub framing: Framing,
    /// How both sides hold each other back.
    pub flow: FlowControl,
}

/// Bits a second of a serial port, 1 to [`MAX`](Rate::MAX).
///
/// Held in three bytes, since each modem holds one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate([u8; 3]);

/// What a character is made of on the line; a start bit is in front of it (V.250 6.2.11).
///
/// Held in one byte, since each modem holds one: the format in the lower four bits, the parity in the upper ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Framing(u8);

/// The bit behind the data bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parity {
    /// Makes the number of ones odd.
    Odd = 0,
    /// Makes it even.
    Even = 1,
    /// Always 1.
    Mark = 2,
    /// Always 0.
    Space = 3,
}

/// How the two sides of a serial port hold each other back (V.250 6.2.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FlowControl {
    /// Not at all: what comes too fast is lost.
    #[default]
    None = 0,
    /// By the characters DC1 and DC3 in the data.
    XonXoff = 1,
    /// By the lines 133 (ready for receiving, RTS) and 106 (ready for sending, CTS).
    RtsCts = 2,
}

/// The formats of V.250 6.2.11 from 1 on: data bits, whether there is a parity bit, stop bits.
const FORMATS: [(u8, bool, u8); 6] =
    [(8, false, 2), (8, true, 1), (8, false, 1), (7, false, 2), (7, true, 1), (7, false, 1)];

impl Rate {
    /// The highest rate in bits a second that Linux has a name for.
    pub const MAX: u32 = 4_000_000;

    /// A rate; `None` for 0 and above [`MAX`](Self::MAX).
    pub const fn new(bits: u32) -> Option<Rate> {
        let [low, middle, high, _] = bits.to_le_bytes();
        if bits >= 1 && bits <= Rate::MAX { Some(Rate([low, middle, high])) } else { None }
    }

    /// Bits a second.
    pub const fn bits(self) -> u32 {
        let [low, middle, high] = self.0;
        u32::from_le_bytes([low, middle, high, 0])
    }
}

/// 115200.
impl Default for Rate {
    fn default() -> Rate {
        const { Rate::new(115_200).unwrap() }
    }
}

impl Uart {
    /// How long a character takes on the line.
    pub fn character(self) -> Duration {
        Duration::from_nanos(u64::from(self.framing.bits()) * 1_000_000_000 / u64::from(self.rate.bits()))
    }
}

impl Framing {
    /// The greatest `<format>` of `AT+ICF`.
    pub(crate) const FORMAT_MAX: u32 = 6;

    /// The frame of `AT+ICF=<format>,<parity>`; without a parity, one that needs it is odd. `None` for format 0 and those
    /// that V.250 does not know.
    pub(crate) fn new(format: u32, parity: Option<u32>) -> Option<Framing> {
        let format = u8::try_from(format).ok()?;
        let (_, has_parity, _) = *FORMATS.get(usize::from(format).checked_sub(1)?)?;
        let parity = u8::try_from(parity.unwrap_or_default()).ok().filter(|parity| *parity <= 3)?;
        Some(if has_parity { Framing(format | parity << 4) } else { Framing::plain(format) })
    }

    /// `<format>` and `<parity>` of `AT+ICF`; the parity of a frame that has none is 3, V.250's default.
    pub(crate) fn numbers(self) -> (u8, u8) {
        (self.0 & 0x0f, self.0 >> 4)
    }

    const fn plain(format: u8) -> Framing {
        Framing(format | 3 << 4)
    }

    fn parts(self) -> (u8, bool, u8) {
        let format = usize::from(self.0 & 0x0f).saturating_sub(1);
        FORMATS.get(format).copied().unwrap_or((8, false, 1))
    }

    /// 7 or 8.
    pub fn data_bits(self) -> u8 {
        self.parts().0
    }

    /// The parity bit, if there is one.
    pub fn parity(self) -> Option<Parity> {
        let (_, has_parity, _) = self.parts();
        has_parity.then_some(match self.0 >> 4 {
            0 => Parity::Odd,
            1 => Parity::Even,
            2 => Parity::Mark,
            _ => Parity::Space,
        })
    }

    /// 1 or 2.
    pub fn stop_bits(self) -> u8 {
        self.parts().2
    }

    /// All bits of a character, the start bit included: 10 with 8N1.
    pub fn bits(self) -> u32 {
        let (data, parity, stop) = self.parts();
        1 + u32::from(data) + u32::from(parity) + u32::from(stop)
    }
}

/// 8N1.
impl Default for Framing {
    fn default() -> Framing {
        Framing::plain(3)
    }
}

/// Data bits, parity and stop bits as they are usually written: `8N1`.
impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parity = match self.parity() {
            None => 'N',
            Some(Parity::Odd) => 'O',
            Some(Parity::Even) => 'E',
            Some(Parity::Mark) => 'M',
            Some(Parity::Space) => 'S',
        };
        let (data, _, stop) = self.parts();
        write!(f, "{data}{parity}{stop}")
    }
}

/// Text that is no frame which V.250 knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAFraming;

impl fmt::Display for NotAFraming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 8N1, 8N2, 8E1, 8O1, 7N1, 7N2, 7E1 or 7O1 (M and S are mark and space parity)")
    }
}

impl core::error::Error for NotAFraming {}

/// Reads `8N1`, in any case.
impl FromStr for Framing {
    type Err = NotAFraming;

    fn from_str(text: &str) -> Result<Framing, NotAFraming> {
        let &[data @ b'7'..=b'8', parity, stop @ b'1'..=b'2'] = text.as_bytes() else { return Err(NotAFraming) };
        let parity = match parity.to_ascii_uppercase() {
            b'N' => None,
            b'O' => Some(0),
            b'E' => Some(1),
            b'M' => Some(2),
            b'S' => Some(3),
            _ => return Err(NotAFraming),
        };
        let parts = (data - b'0', parity.is_some(), stop - b'0');
        let format = (1..).zip(FORMATS).find(|(_, known)| *known == parts).map(|(format, _)| format);
        format.and_then(|format| Framing::new(format, parity)).ok_or(NotAFraming)
    }
}

/// As the command line has it: `115200 8N1 rtscts`.
impl fmt::Display for Uart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rate.bits(), self.framing)?;
        match self.flow {
            FlowControl::None => Ok(()),
            FlowControl::XonXoff => f.write_str(" xonxoff"),
            FlowControl::RtsCts => f.write_str(" rtscts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn frames_come_back_from_their_numbers_and_words() {
        for format in 1..=Framing::FORMAT_MAX {
            for parity in 0..4 {
                let framing = Framing::new(format, Some(parity)).unwrap();
                let (of, with) = framing.numbers();
                assert_eq!(Framing::new(of.into(), Some(with.into())), Some(framing));
                assert_eq!(framing.to_string().parse(), Ok(framing));
            }
        }
        for wrong in ["", "8N", "8N3", "9N1", "6N1", "8E2", "8X1", "8N1x"] {
            assert_eq!(wrong.parse::<Framing>(), Err(NotAFraming), "{wrong}");
        }
        assert_eq!(Framing::new(0, None), None);
        assert_eq!(Framing::new(7, None), None);
    }

    #[test]
    fn characters_take_their_bits() {
        assert_eq!(Uart::default().character(), Duration::from_nanos(86_805));
        let slow = Uart { rate: Rate::new(300).unwrap(), framing: "7E1".parse().unwrap(), ..Uart::default() };
        assert_eq!(slow.framing.bits(), 10);
        assert_eq!(slow.character(), Duration::from_nanos(33_333_333));
        assert_eq!("8N2".parse::<Framing>().unwrap().bits(), 11);
        assert_eq!(Rate::new(Rate::MAX).map(Rate::bits), Some(Rate::MAX));
        assert_eq!((Rate::new(0), Rate::new(Rate::MAX + 1)), (None, None));
    }
}
