//! Words for the network side: links, ports, transports, and why a link ended.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::{self, Write};

use crate::tls::{TlsFailure, TlsProfile};

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
            Why::NoSuchName(name) => write!(f, "no such name: {}", Words(name)),
            Why::NotResolved(name, said) => write!(f, "can't look up {}: {}", Words(name), Words(said)),
            Why::Tls(failure) => write!(f, "TLS: {failure}"),
            Why::System(code, said) => write!(f, "{} ({code})", Words(said)),
        }
    }
}

/// Words of others, which can't leave their line nor the quotes around them. Apostrophes are left as they are: they are
/// frequent in names, and can do nothing.
pub(crate) struct Words<'a>(pub(crate) &'a str);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\'' => f.write_char(char),
            char => char.escape_debug().fmt(f),
        })
    }
}
