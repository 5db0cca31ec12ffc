//! Which peers are to be found elsewhere. Brokers are compiled into host programs; this leads them to others.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use quasimodem_core::literal_address;

/// The mappings in the order in which they are tried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct HostMap(pub(crate) Vec<Mapping>);

/// Connections to one peer that go to another, written `NAME:PORT=ADDR:PORT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mapping {
    /// `None`: whatever the host asks for.
    name: Option<Box<str>>,
    port: Option<u16>,
    to: Box<str>,
    /// `None`: the port that the host asked for.
    to_port: Option<u16>,
}

impl HostMap {
    /// Where a connection to this peer goes, if not there: what the first mapping that fits says.
    pub(crate) fn find(&self, host: &str, port: u16) -> Option<(&str, u16)> {
        let mapping = self.0.iter().find(|mapping| mapping.fits(host, port))?;
        Some((&mapping.to, mapping.to_port.unwrap_or(port)))
    }
}

impl HostMap {
    /// The first mapping that never counts, since one before it is for all that it is for; and that one.
    pub(crate) fn shadowed(mappings: &[Mapping]) -> Option<(&Mapping, &Mapping)> {
        mappings.iter().enumerate().find_map(|(index, mapping)| {
            let before = mappings.get(..index)?.iter().find(|before| before.covers(mapping))?;
            Some((mapping, before))
        })
    }
}

impl Mapping {
    /// Leads connections to this name and port to an address.
    pub(crate) fn new(name: &str, port: u16, to: SocketAddr) -> Mapping {
        Mapping { name: Some(name.into()), port: Some(port), to: to.ip().to_string().into(), to_port: Some(to.port()) }
    }

    /// Whether it fits all that another one fits.
    fn covers(&self, other: &Mapping) -> bool {
        let name =
            self.name.as_deref().is_none_or(|name| other.name.as_deref().is_some_and(|other| is_same(name, other)));
        name && self.port.is_none_or(|port| other.port == Some(port))
    }

    fn fits(&self, host: &str, port: u16) -> bool {
        self.name.as_deref().is_none_or(|name| is_same(name, host)) && self.port.is_none_or(|mapped| mapped == port)
    }
}

/// As it is read.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = |name: Option<&str>, port: Option<u16>| {
            let name = match name {
                Some(name) if name.contains(':') => format!("[{name}]"),
                name => name.unwrap_or("*").into(),
            };
            port.map_or(format!("{name}:*"), |port| format!("{name}:{port}"))
        };
        write!(f, "{}={}", peer(self.name.as_deref(), self.port), peer(Some(&self.to), self.to_port))
    }
}

/// The error says what was expected.
impl FromStr for Mapping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Mapping, &'static str> {
        let parsed = text.split_once('=').and_then(|(from, to)| {
            let (name, port) = peer(from)?;
            let (to, to_port) = peer(to).filter(|(to, _)| *to != "*")?;
            let name = (name != "*").then(|| name.into());
            Some(Mapping { name, port, to: to.into(), to_port })
        });
        parsed.ok_or("expected NAME:PORT=ADDR:PORT, such as broker.example:1883=127.0.0.1:1883, IPv6 as [::1]:1883")
    }
}

/// A name or an address, and a port; `None` for `*`.
fn peer(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => literal_address(address).and(Some(address))?,
        None => Some(host).filter(|host| !host.is_empty() && !host.contains([':', '[', ']', ' ']))?,
    };
    let port = if port == "*" { None } else { Some(port.parse().ok().filter(|port| *port > 0)?) };
    Some((host, port))
}

/// Addresses are the same however they are written, as long as they are the same address.
fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || literal_address(one).is_some_and(|one| literal_address(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(mappings: &[&str]) -> HostMap {
        HostMap(mappings.iter().map(|mapping| mapping.parse().unwrap()).collect())
    }

    #[test]
    fn names_and_addresses() {
        let map = map(&["Broker.Example:1883=127.0.0.1:1884", "10.0.0.1:1883=other.example:1", "[::1]:1=[::2]:2"]);
        assert_eq!(map.find("bROKER.example", 1883), Some(("127.0.0.1", 1884)));
        assert_eq!(map.find("broker.example", 8883), None);
        assert_eq!(map.find("example", 1883), None);
        assert_eq!(map.find("010.000.000.001", 1883), Some(("other.example", 1)));
        assert_eq!(map.find("0:0:0:0:0:0:0:1", 1), Some(("::2", 2)));
    }

    #[test]
    fn mappings_are_written_as_they_are_read() {
        for text in ["a:1=b:2", "*:*=e:*", "[::1]:1=[::2]:2", "*:1=10.0.0.1:*"] {
            assert_eq!(text.parse::<Mapping>().unwrap().to_string(), text);
        }
        let mapping = Mapping::new("a.example", 1883, "127.0.0.1:4711".parse().unwrap());
        assert_eq!(mapping.to_string(), "a.example:1883=127.0.0.1:4711");
    }

    #[test]
    fn the_first_that_fits_counts_and_stars_fit_all() {
        let map = map(&["a:1=b:2", "a:*=c:*", "*:1=d:3", "*:*=e:*"]);
        assert_eq!(map.find("a", 1), Some(("b", 2)));
        assert_eq!(map.find("a", 9), Some(("c", 9)));
        assert_eq!(map.find("z", 1), Some(("d", 3)));
        assert_eq!(map.find("z", 9), Some(("e", 9)));
    }

    #[test]
    fn mappings_that_never_count() {
        let shadowed = |mappings: &[&str]| {
            let HostMap(mappings) = map(mappings);
            HostMap::shadowed(&mappings).map(|(mapping, before)| format!("{mapping} {before}"))
        };
        assert_eq!(shadowed(&["a:1=b:1", "A:1=c:1"]).as_deref(), Some("A:1=c:1 a:1=b:1"));
        assert_eq!(shadowed(&["a:*=b:1", "a:1=c:1"]).as_deref(), Some("a:1=c:1 a:*=b:1"));
        assert_eq!(shadowed(&["*:1=b:1", "x:1=x:2", "a:1=c:1"]).as_deref(), Some("x:1=x:2 *:1=b:1"));
        assert_eq!(shadowed(&["10.0.0.1:1=b:1", "010.0.0.1:1=c:1"]).as_deref(), Some("010.0.0.1:1=c:1 10.0.0.1:1=b:1"));
        // The narrower one first, and different ones.
        assert_eq!(shadowed(&["a:1=b:1", "a:*=c:1", "*:1=d:1", "*:*=e:1"]), None);
        assert_eq!(shadowed(&["a:1=b:1", "b:1=b:1", "a:2=b:1"]), None);
        assert_eq!(shadowed(&["*:1=b:1", "a:*=c:1"]), None);
    }

    #[test]
    fn what_is_no_mapping() {
        for wrong in ["", "a", "a:1", "a=b", "a:1=b", "a=b:1", "a:0=b:1", "a:1=b:65536", ":1=b:1", "a:1=:1", "a:1=*:1"]
        {
            assert!(wrong.parse::<Mapping>().is_err(), "{wrong}");
        }
        for wrong in ["::1:1=b:1", "a:1=::1:1", "[a]:1=b:1", "a:1=[::1]", "a:1=b:2=c:3"] {
            assert!(wrong.parse::<Mapping>().is_err(), "{wrong}");
        }
    }
}
