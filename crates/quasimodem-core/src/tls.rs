//! TLS as the modem sees it: what a connection is made with, and why one failed.

use alloc::boxed::Box;
use core::fmt;

use time::OffsetDateTime;

use crate::visible::Foreign;

/// What a TLS connection is made with. PEM texts are as the host loaded them; `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TlsProfile {
    /// Trusted roots (PEM). `None`: the driver's own.
    pub roots: Option<Box<[u8]>>,
    /// Certificate chain of the client, its own first (PEM). It is of use with a [`key`](Self::key) only.
    pub chain: Option<Box<[u8]>>,
    /// Private key of the client (PEM).
    pub key: Option<Box<[u8]>>,
    /// Whether the server's certificate is checked.
    pub verify: Verify,
    /// The versions on offer.
    pub versions: TlsVersions,
    /// Protocol names for ALPN (RFC 7301), best first; empty: the extension is not sent.
    pub alpn: Box<[Box<str>]>,
    /// The name to send as SNI and to check the certificate against, if it is not the host of the link.
    pub name: Option<Box<str>>,
}

impl fmt::Debug for TlsProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |text: &Option<Box<[u8]>>| text.as_ref().map_or(0, |text| text.len());
        f.debug_struct("TlsProfile")
            .field("roots", &size(&self.roots))
            .field("chain", &size(&self.chain))
            .field("key", &size(&self.key))
            .field("verify", &self.verify)
            .field("versions", &self.versions)
            .field("alpn", &self.alpn)
            .field("name", &self.name)
            .finish()
    }
}

/// Whether a server must prove who it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Verify {
    /// The chain must end at a trusted root, the dates must hold, and the name must match.
    #[default]
    Server,
    /// Any certificate is taken.
    Nothing,
}

/// TLS versions on offer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Any,
    /// 1.2 only.
    V12,
    /// 1.3 only.
    V13,
}

/// What the driver's TLS library says of the files of a profile: roots, chain and key parse, and the key belongs to the
/// first certificate of the chain. In words, what is wrong. It must be a pure function.
pub type CheckFiles = fn(&TlsProfile) -> Result<(), Box<str>>;

/// Why TLS failed. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The server's certificate ended at `not_after`; the clock said `now`.
    Expired {
        /// Whose it is instead, if it is that of an authority in the server's chain.
        authority: Option<Box<str>>,
        /// The last second of the certificate.
        not_after: i64,
        /// The time that was used for the check.
        now: i64,
    },
    /// The server's certificate begins at `not_before`; the clock said `now`.
    NotYetValid {
        /// Whose it is instead, if it is that of an authority in the server's chain.
        authority: Option<Box<str>>,
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
    /// The server's certificate is signed with its own key, and not trusted; whose it is.
    SelfSigned(Box<str>),
    /// A trusted root has the name of the one that signed, and another key; whose certificate it signed.
    OtherRoot(Box<str>),
    /// The server wants a client certificate, and none is loaded with its key.
    ClientCertificateMissing,
    /// The server refused the client certificate, with this alert (RFC 8446, section 6).
    ClientCertificateRefused(u8),
    /// No TLS version in common.
    NoCommonVersion,
    /// No cipher suite in common, or nothing that the server's key can sign with.
    NoCommonCipher,
    /// The peer does not speak TLS; the first bytes it sent, 16 at most.
    NotTls(Box<[u8]>),
    /// The peer closed the connection in the handshake, or before it said anything, as those do who don't speak TLS.
    ClosedInHandshake {
        /// Whether it had sent anything.
        answered: bool,
    },
    /// The network below the handshake failed, in words.
    Broken(Box<str>),
    /// The handshake did not end in time.
    TimedOut,
    /// The peer sent an alert (RFC 8446, section 6) that none of the above covers.
    Alert(u8),
    /// The roots or the identity of the profile can't be used; in words.
    BadProfile(Box<str>),
    /// The driver has no roots to check the server with; why, in words.
    NoRoots(Box<str>),
    /// Anything else, in the driver's words.
    Other(Box<str>),
}

impl TlsFailure {
    /// What `AT+GTSSLERR?` tells: for certificates the number that OpenSSL's `verify(1)` gives to the error, which is what
    /// hosts in the field know, and numbers from 101 on for what happens before or after the check; all negative.
    pub const fn code(&self) -> i16 {
        match self {
            TlsFailure::Other(_) => -1,
            TlsFailure::NotYetValid { .. } => -9,
            TlsFailure::Expired { .. } => -10,
            TlsFailure::SelfSigned(_) => -18,
            TlsFailure::UnknownRoot(_) | TlsFailure::OtherRoot(_) => -19,
            TlsFailure::WrongName { .. } => -62,
            TlsFailure::ClientCertificateMissing => -101,
            TlsFailure::ClientCertificateRefused(_) => -102,
            TlsFailure::NoCommonVersion => -103,
            TlsFailure::NoCommonCipher => -104,
            TlsFailure::NotTls(_) => -105,
            TlsFailure::ClosedInHandshake { .. } | TlsFailure::Broken(_) => -106,
            TlsFailure::TimedOut => -107,
            TlsFailure::Alert(_) => -108,
            TlsFailure::BadProfile(_) | TlsFailure::NoRoots(_) => -109,
        }
    }
}

/// Words of others are escaped, so that they stay within their line.
impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFailure::Expired { authority, not_after, now } => {
                let whose = Whose(authority.as_deref());
                write!(f, "{whose} expired {}, the clock says {}", Utc(*not_after), Utc(*now))
            }
            TlsFailure::NotYetValid { authority, not_before, now } => {
                let whose = Whose(authority.as_deref());
                write!(f, "{whose} not valid before {}, the clock says {}", Utc(*not_before), Utc(*now))
            }
            TlsFailure::WrongName { asked, presented } => {
                write!(f, "server certificate is for {}, not for {}", Foreign(presented), Foreign(asked))
            }
            TlsFailure::UnknownRoot(issuer) => write!(f, "unknown root: {}; {HOW_TO_TRUST}", Foreign(issuer)),
            TlsFailure::SelfSigned(subject) => {
                write!(f, "server certificate is self-signed and not trusted: {}; {HOW_TO_TRUST}", Foreign(subject))
            }
            TlsFailure::OtherRoot(subject) => {
                let subject = Foreign(subject);
                write!(f, "unknown root: the one that signed {subject} has the name of a trusted one, and another key")
            }
            TlsFailure::ClientCertificateMissing => {
                f.write_str("server wants a client certificate: CAFILE and KEYFILE are not both loaded")
            }
            TlsFailure::ClientCertificateRefused(code) => {
                write!(f, "server refused the client certificate: {}", Alert(*code))
            }
            TlsFailure::NoCommonVersion => f.write_str("no TLS version in common, AT+GTSSLVER sets those on offer"),
            TlsFailure::NoCommonCipher => f.write_str("no cipher suite or signature algorithm in common"),
            TlsFailure::NotTls(first) => write!(f, "the peer does not speak TLS, it sent: {}", first.escape_ascii()),
            TlsFailure::ClosedInHandshake { answered: true } => {
                f.write_str("the peer ended the connection in the handshake")
            }
            TlsFailure::ClosedInHandshake { answered: false } => f.write_str(
                "the peer ended the connection in the handshake without a word, perhaps it does not speak TLS",
            ),
            TlsFailure::Broken(said) => write!(f, "the connection broke in the handshake: {}", Foreign(said)),
            TlsFailure::TimedOut => f.write_str("the handshake did not end in time"),
            TlsFailure::Alert(code) => write!(f, "the peer sent an alert: {}", Alert(*code)),
            TlsFailure::BadProfile(said) => write!(f, "certificate or key unusable: {}", Foreign(said)),
            TlsFailure::NoRoots(said) => write!(f, "no trusted roots: {}", Foreign(said)),
            TlsFailure::Other(said) => Foreign(said).fmt(f),
        }
    }
}

/// What to do about a server whose root nobody knows.
const HOW_TO_TRUST: &str =
    "load it as TRUSTFILE or name it with --ca to trust it, or skip the check with AT+GTSSLMODE=0";

/// The server's certificate, or that of this authority in its chain.
struct Whose<'a>(Option<&'a str>);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(authority) => write!(f, "certificate of {} in the server's chain", Foreign(authority)),
            None => f.write_str("server certificate"),
        }
    }
}

/// The number and the name of an alert (RFC 8446, section 6, and RFC 5246, section 7.2).
struct Alert(u8);

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ALERTS.iter().find(|(code, _)| *code == self.0) {
            Some((code, name)) => write!(f, "{name} ({code})"),
            None => self.0.fmt(f),
        }
    }
}

/// Those that a server sends to a client.
const ALERTS: &[(u8, &str)] = &[
    (0, "close notify"),
    (10, "unexpected message"),
    (20, "bad record MAC"),
    (21, "decryption failed"),
    (22, "record overflow"),
    (30, "decompression failure"),
    (40, "handshake failure"),
    (41, "no certificate"),
    (42, "bad certificate"),
    (43, "unsupported certificate"),
    (44, "certificate revoked"),
    (45, "certificate expired"),
    (46, "certificate unknown"),
    (47, "illegal parameter"),
    (48, "unknown CA"),
    (49, "access denied"),
    (50, "decode error"),
    (51, "decrypt error"),
    (60, "export restriction"),
    (70, "protocol version"),
    (71, "insufficient security"),
    (80, "internal error"),
    (86, "inappropriate fallback"),
    (90, "user canceled"),
    (100, "no renegotiation"),
    (109, "missing extension"),
    (110, "unsupported extension"),
    (111, "certificate unobtainable"),
    (112, "unrecognized name"),
    (113, "bad certificate status response"),
    (114, "bad certificate hash value"),
    (115, "unknown PSK identity"),
    (116, "certificate required"),
    (120, "no application protocol"),
    (121, "encrypted ClientHello required"),
];

/// Seconds since 1970 as a date that people read.
struct Utc(i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = OffsetDateTime::from_unix_timestamp(self.0) else { return write!(f, "{} s", self.0) };
        let ((year, month, day), (hour, minute, second)) = (time.to_calendar_date(), time.to_hms());
        write!(f, "{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
    }
}
