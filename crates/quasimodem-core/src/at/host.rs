//! What a host name or address must not hold.

use core::fmt;
use core::net::Ipv6Addr;

/// Why a text can't be the name or address of a peer. No name server would know it, so it is refused where it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotAHost {
    /// A URL: it has `//` in it.
    Url,
    /// A path follows.
    Path,
    /// A port follows.
    Port,
    /// An address in square brackets, as URLs have it.
    Brackets,
    /// A user name or password is in front, up to an `@`.
    User,
    /// There is a blank in it.
    Blank,
}

impl NotAHost {
    /// What is wrong with a text, if anything is.
    pub(crate) fn of(text: &str) -> Option<NotAHost> {
        if text.contains('@') {
            Some(NotAHost::User)
        } else if text.contains("//") {
            Some(NotAHost::Url)
        } else if text.contains('/') {
            Some(NotAHost::Path)
        } else if text.contains(['[', ']']) {
            Some(NotAHost::Brackets)
        } else if text.contains(char::is_whitespace) {
            Some(NotAHost::Blank)
        } else if text.contains(':') && !is_address(text) {
            Some(NotAHost::Port)
        } else {
            None
        }
    }
}

/// Whether it is an IPv6 address, perhaps with a zone (RFC 4007 11).
fn is_address(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

impl fmt::Display for NotAHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotAHost::Url => "is a URL, expected a name or an address alone, like broker.example",
            NotAHost::Path => "has a path, expected a name or an address alone, like broker.example",
            NotAHost::Port => "has a port, which is a parameter of its own; expected a name or an address alone",
            NotAHost::Brackets => "is in brackets, expected the address alone, like ::1",
            NotAHost::User => "has a user, expected a name or an address alone, like broker.example",
            NotAHost::Blank => "has a blank in it, expected a name or an address, like broker.example",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_host() {
        for host in
            ["h", "broker.example", "127.0.0.1", "127.000.000.001", "::1", "fe80::1%eth0", "a_b-c.d", "bücher.example"]
        {
            assert_eq!(NotAHost::of(host), None, "{host}");
        }
        for (text, due) in [
            ("h:1883", NotAHost::Port),
            ("127.0.0.1:1883", NotAHost::Port),
            (":", NotAHost::Port),
            ("tcp:h", NotAHost::Port),
            ("tcp://h", NotAHost::Url),
            ("mqtt://h:1883/x", NotAHost::Url),
            ("//h", NotAHost::Url),
            ("h/mqtt", NotAHost::Path),
            ("[::1]", NotAHost::Brackets),
            ("[::1]:1883", NotAHost::Brackets),
            ("mqtt://u:p@h", NotAHost::User),
            ("h h", NotAHost::Blank),
            ("h\t", NotAHost::Blank),
        ] {
            assert_eq!(NotAHost::of(text), Some(due), "{text}");
        }
    }
}
