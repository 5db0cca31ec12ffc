//! `quasimodem lab`: what stands in for the world around a modem, as servers.

mod greeting;
mod server;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, anyhow};
use quasimodem_core::Start;
use quasimodem_lab::broker::{Broker, Config, Refusal, User};
use tokio::net::TcpListener;

pub(crate) use self::greeting::Greeting;
use crate::log;

/// How the lab broker is to be.
pub(crate) struct Options {
    listen: SocketAddr,
    broker: Config,
}

impl Options {
    /// Listens there, lets these users in (all, if there are none), and refuses what is to be refused.
    pub(crate) fn new(
        listen: SocketAddr,
        users: Vec<User>,
        refusals: Vec<Refusal>,
        refused_filters: Vec<Box<str>>,
    ) -> Options {
        Options { listen, broker: Config { users, refusals, refused_filters, ..Config::default() } }
    }
}

/// Starts the lab broker, which runs as long as the runtime, and makes the text that tells a newcomer what to type at a
/// modem whose radio side starts like this.
pub(crate) async fn start(Options { listen, broker }: Options, bearer: Start) -> Result<Greeting> {
    let listener = TcpListener::bind(listen).await.map_err(|error| no_listener(listen, error))?;
    let address = listener.local_addr()?;
    log::say(format_args!("lab broker on {address}, in memory only"));
    let user = broker.users.first().cloned();
    let greeting = Greeting { broker: reachable(address), user, cold: bearer == Start::Cold };
    server::start(listener, Broker::new(broker));
    Ok(greeting)
}

fn no_listener(listen: SocketAddr, error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return anyhow!(
            "can't listen on {listen}: Address already in use: another broker runs there? Use it with \"quasimodem run\", \
             or choose another port with --mqtt 127.0.0.1:0"
        );
    }
    anyhow::Error::new(error).context(format!("can't listen on {listen}"))
}

/// An address of this machine at which a listener can be reached.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let address = match listener.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listener.port())
}
