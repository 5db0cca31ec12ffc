//! Words for the network side: links, ports, transports, and why a link ended.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

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

/// What a TLS connection is made with. PEM texts are as the host loaded them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TlsProfile {
    /// Trusted roots (PEM). `None`: the driver's own.
    pub roots: Option<Box<[u8]>>,
    /// Certificate chain and private key of the client.
    pub identity: Option<Identity>,
    /// Whether the server's certificate is checked.
    pub verify: Verify,
    /// The versions on offer.
    pub versions: TlsVersions,
    /// Protocol names for ALPN (RFC 7301), best first; empty: the extension is not sent.
    pub alpn: Box<[Box<[u8]>]>,
    /// The name to send as SNI and to check the certificate against, if it is not the host of the link.
    pub name: Option<Box<str>>,
}

/// A client certificate. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Certificate chain, the client's own first (PEM).
    pub chain: Box<[u8]>,
    /// Private key (PEM).
    pub key: Box<[u8]>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity {{ chain: {} bytes, key: {} bytes }}", self.chain.len(), self.key.len())
    }
}

/// Whether a server must prove who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    /// The chain must end at a trusted root, the dates must hold, and the name must match.
    #[default]
    Server,
    /// Any certificate is taken.
    Nothing,
}

/// TLS versions on offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Any,
    /// 1.2 only.
    V12,
    /// 1.3 only.
    V13,
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

/// Why TLS failed. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The server's certificate ended at `not_after`; the clock said `now`.
    Expired {
        /// The last second of the certificate.
        not_after: i64,
        /// The time that was used for the check.
        now: i64,
    },
    /// The server's certificate begins at `not_before`; the clock said `now`.
    NotYetValid {
        /// The first second of the certificate.
        not_before: i64,
        /// The time that was used for the check.
        now: i64,
    },
    /// The certificate is for other names.
    WrongName {
        /// The name that was asked for.
        asked: Box<str>,
        /// The names in the certificate, separated by `, `.
        presented: Box<str>,
    },
    /// No trusted root signed the chain; the issuer that was missing.
    UnknownRoot(Box<str>),
    /// The server wants a client certificate and none is loaded.
    ClientCertificateMissing,
    /// The server refused the client certificate.
    ClientCertificateRefused,
    /// No TLS version in common.
    NoCommonVersion,
    /// No cipher suite in common.
    NoCommonCipher,
    /// The peer does not speak TLS; the first bytes it sent, 16 at most.
    NotTls(Box<[u8]>),
    /// The peer closed the connection in the handshake.
    ClosedInHandshake,
    /// The handshake did not end in time.
    TimedOut,
    /// The peer sent an alert (RFC 8446, section 6) that none of the above covers.
    Alert(u8),
    /// The roots or the identity of the profile can't be used; in words.
    BadProfile(Box<str>),
    /// Anything else, in the TLS library's words.
    Other(Box<str>),
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
            Why::NoSuchName(name) => write!(f, "no such name: {}", name.escape_debug()),
            Why::NotResolved(name, said) => write!(f, "can't look up {}: {}", name.escape_debug(), said.escape_debug()),
            Why::Tls(failure) => write!(f, "TLS: {failure}"),
            Why::System(code, said) => write!(f, "{} ({code})", said.escape_debug()),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFailure::Expired { not_after, now } => {
                write!(f, "server certificate expired at {not_after}, the clock says {now}")
            }
            TlsFailure::NotYetValid { not_before, now } => {
                write!(f, "server certificate not valid before {not_before}, the clock says {now}")
            }
            TlsFailure::WrongName { asked, presented } => {
                write!(f, "server certificate is for {}, not for {}", presented.escape_debug(), asked.escape_debug())
            }
            TlsFailure::UnknownRoot(issuer) => write!(f, "unknown root: {}", issuer.escape_debug()),
            TlsFailure::ClientCertificateMissing => f.write_str("server wants a client certificate"),
            TlsFailure::ClientCertificateRefused => f.write_str("server refused the client certificate"),
            TlsFailure::NoCommonVersion => f.write_str("no common version"),
            TlsFailure::NoCommonCipher => f.write_str("no common cipher suite"),
            TlsFailure::NotTls(first) => write!(f, "the peer does not speak TLS, it sent {first:02x?}"),
            TlsFailure::ClosedInHandshake => f.write_str("ended in the handshake"),
            TlsFailure::TimedOut => f.write_str("handshake timed out"),
            TlsFailure::Alert(code) => write!(f, "alert {code}"),
            TlsFailure::BadProfile(said) => write!(f, "bad certificate or key: {}", said.escape_debug()),
            TlsFailure::Other(said) => said.escape_debug().fmt(f),
        }
    }
}
