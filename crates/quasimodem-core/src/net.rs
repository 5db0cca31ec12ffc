//! Words for the network side: links, ports, transports, and why a link ended.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use crate::tls::{TlsFailure, TlsProfile};
use crate::visible::Foreign;

/// One connection of a modem, named by a number that the modem chose.
///
/// The links of MQTT clients bear the client's id (1, 2, 101, 102), as traces and transcripts show them.
/// A number is used again after [`Effect::Close`](crate::Effect::Close) or
/// [`Input::Closed`](crate::Input::Closed); telling the two uses apart is the driver's duty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link(pub u8);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somewhere that bytes come in or go out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Port {
    /// The serial end, where the host sits.
    Serial,
    /// A link to the network.
    Link(Link),
}

/// How a link reaches its peer.
#[derive(Clone, Debug)]
pub enum Transport {
    /// A TCP connection.
    Tcp,
    /// TLS over TCP. The profile is lent, not copied: drivers may keep what they built from it for as long as the
    /// `Arc` is the same, so that many modems with the same roots share one configuration.
    Tls(Arc<TlsProfile>),
    /// UDP: each [`Effect::Send`](crate::Effect::Send) and [`Input::Received`](crate::Input::Received) is one datagram,
    /// and only datagrams from the named peer are brought.
    Udp,
}

/// Why a link could not be opened, or why it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The peer ended the connection in order.
    Ended,
    /// The peer or something on the way reset the connection.
    Reset,
    /// Nothing listens at that address and port.
    Refused,
    /// There is no way to that address.
    Unreachable,
    /// The peer did not answer in the time that the operating system allows.
    TimedOut,
    /// The name does not exist.
    NoSuchName(Box<str>),
    /// The name could not be looked up: which one, and what the resolver said.
    NotResolved(Box<str>, Box<str>),
    /// The TLS handshake failed, or TLS ended the connection.
    Tls(TlsFailure),
    /// A fault that was asked for ended the connection; `true`: not in order.
    Fault(bool),
    /// The driver's machine refused: the operating system's error number and its words.
    System(i32, Box<str>),
}

/// Words of others are escaped, so that they stay within their line.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Ended => f.write_str("ended by the peer"),
            Why::Reset => f.write_str("reset by the peer"),
            Why::Refused => f.write_str("connection refused"),
            Why::Unreachable => f.write_str("peer unreachable"),
            Why::TimedOut => f.write_str("peer does not answer"),
            Why::NoSuchName(name) => write!(f, "no such name: {}", Foreign(name)),
            Why::NotResolved(name, said) => write!(f, "can't look up {}: {}", Foreign(name), Foreign(said)),
            Why::Tls(failure) => write!(f, "TLS: {failure}"),
            Why::Fault(false) => f.write_str("ended by a fault"),
            Why::Fault(true) => f.write_str("reset by a fault"),
            Why::System(code, said) => write!(f, "{} ({code})", Foreign(said)),
        }
    }
}

/// The address that a host is, if it is no name. Hosts write octets with leading zeros (`127.000.000.001`), which are
/// decimal all the same where resolvers would take them for octal.
pub fn literal_address(host: &str) -> Option<IpAddr> {
    dotted_quad(host).map(IpAddr::V4).or_else(|| host.parse().ok())
}

/// One spelling for all spellings of a host: letters are lower case, there is no dot at the end, and an address is as it is
/// printed, whatever resolvers take for it (`127.1`, `0x7f000001`).
pub(crate) fn canonical(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = literal_address(host).or_else(|| numbers(host).map(IpAddr::V4));
    address.map_or_else(|| host.to_ascii_lowercase(), |address| address.to_canonical().to_string())
}

fn dotted_quad(host: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = host.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// An address as `inet_aton(3)` reads it: one to four numbers, decimal, octal or hex, the last of which fills what is left.
fn numbers(host: &str) -> Option<Ipv4Addr> {
    let (front, last) = host.rsplit_once('.').map_or((None, host), |(front, last)| (Some(front), last));
    let (mut address, mut bits) = (0, u32::BITS);
    for part in front.into_iter().flat_map(|front| front.split('.')) {
        bits = bits.checked_sub(8).filter(|bits| *bits > 0)?;
        address |= u32::from(u8::try_from(number(part)?).ok()?) << bits;
    }
    let last = number(last)?;
    (u64::from(last) < 1 << bits).then(|| (address | last).into())
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // A sign is no digit, but would be taken.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, radix).ok())?
}

/// A name to be looked up, by number, so that a late answer is not taken for another's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Query(pub u32);

/// Which addresses of a name count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both; of a name that has both, IPv4.
    Any,
}

impl Family {
    /// The address that counts, if there is one among these.
    ///
    /// ```
    /// # use quasimodem_core::Family;
    /// let of_a_name = ["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    /// assert_eq!(Family::Any.choose(&of_a_name), Some(of_a_name[1]));
    /// assert_eq!(Family::V6.choose(&of_a_name[1..]), None);
    /// ```
    pub fn choose(self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let first = |v4: bool| addresses.iter().copied().find(|address| address.is_ipv4() == v4);
        match self {
            Family::V4 => first(true),
            Family::V6 => first(false),
            Family::Any => first(true).or_else(|| first(false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_decimal() {
        let v4 = |host| dotted_quad(host).map(|address| address.octets());
        assert_eq!(v4("127.0.0.1"), Some([127, 0, 0, 1]));
        assert_eq!(v4("127.000.000.001"), Some([127, 0, 0, 1]));
        assert_eq!(v4("010.020.099.255"), Some([10, 20, 99, 255]));
        for no in ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.0004", "1.2.3.+4", "1.2.3.", "a.b.c.d"] {
            assert_eq!(v4(no), None, "{no}");
        }
    }

    #[test]
    fn all_spellings_of_a_host_are_one() {
        let spellings: &[(&str, &[&str])] = &[
            ("localhost", &["LOCALHOST", "localhost.", "LocalHost."]),
            ("broker.example", &["Broker.Example", "BROKER.EXAMPLE."]),
            (
                "127.0.0.1",
                &["127.000.000.001", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7F000001", "0177.0.0.0001"],
            ),
            ("127.0.0.1", &["::ffff:127.0.0.1", "::FFFF:7f00:1"]),
            ("::1", &["0:0:0:0:0:0:0:1", "0000::0001"]),
            ("255.255.255.255", &["4294967295", "0xff.0xff.65535", "255.16777215"]),
        ];
        for (one, others) in spellings {
            assert_eq!(canonical(one), *one);
            others.iter().for_each(|other| assert_eq!(canonical(other), *one, "{other}"));
        }
    }

    #[test]
    fn names_that_look_like_numbers_stay_names() {
        for name in ["", "1.2.3.4.5", "256.1.1.1", "4294967296", "1.2.65536", "1..2", "0x", "08", "+1", "1.2.3.0x100"] {
            assert_eq!(canonical(name), name);
        }
    }
}
