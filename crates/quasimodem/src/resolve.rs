//! From what the host typed to IP addresses, and from the operating system's errors to [`Why`].

use std::fs::File;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use quasimodem_core::{Why, literal_address};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The addresses of `host`, a name or an address, at least one.
pub(crate) async fn addresses(host: &str) -> Result<Vec<IpAddr>, Why> {
    if let Some(address) = literal_address(host) {
        return Ok(vec![address]);
    }
    let Ok(place) = RESOLVER.acquire().await else { return Err(Why::NoSuchName(host.into())) };
    let name = host.to_owned();
    let asked = spawn_blocking(move || {
        // The port is of no importance here; the resolver wants one.
        let found = (&*name, 0).to_socket_addrs();
        // Without a descriptor the resolver may say anything, even that there is no such name.
        let found = found.map_err(|error| File::open("/").err().unwrap_or(error));
        drop(place);
        found.map(|addresses| addresses.map(|address| address.ip()).collect::<Vec<_>>())
    });
    let found = asked.await.unwrap_or_else(|error| Err(error.into()));
    let addresses = found.map_err(|error| lookup_failure(host, &error))?;
    if addresses.is_empty() { Err(Why::NoSuchName(host.into())) } else { Ok(addresses) }
}

/// Places at the resolver. A question that nobody waits for any more can't be called off: it occupies a thread and its
/// descriptors until the resolver gives up. So a host that resets its modem in a loop must not have any number of them.
static RESOLVER: Semaphore = Semaphore::const_new(16);

/// Why a call on a socket failed.
pub(crate) fn why(error: &io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Why::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Why::Reset,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            Why::Unreachable
        }
        io::ErrorKind::TimedOut => Why::TimedOut,
        _ => Why::System(error.raw_os_error().unwrap_or(0), words(error).into()),
    }
}

/// The standard library tells the resolver's failures apart by their words only.
fn lookup_failure(name: &str, error: &io::Error) -> Why {
    let said = words(error);
    if NO_SUCH_NAME.iter().any(|known| said.contains(known)) {
        return Why::NoSuchName(name.into());
    }
    let said = said.strip_prefix("failed to lookup address information: ").unwrap_or(&said);
    Why::NotResolved(name.into(), said.into())
}

/// What glibc (EAI_NONAME, EAI_NODATA) and musl (EAI_NONAME, EAI_NODATA) say; neither library translates it for a
/// program that sets no locale.
const NO_SUCH_NAME: &[&str] = &[
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
];

/// The error's words without the number, which [`Why::System`] carries on its own.
fn words(error: &io::Error) -> String {
    let mut words = error.to_string();
    if let Some(end) = words.find(" (os error ") {
        words.truncate(end);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_number_and_words() {
        let error = io::Error::from_raw_os_error(13);
        assert_eq!(why(&error), Why::System(13, "Permission denied".into()));
        assert_eq!(why(&io::ErrorKind::BrokenPipe.into()), Why::Reset);
    }
}
