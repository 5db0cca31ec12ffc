//! `quasimodem lab`: what stands in for the world around a modem, as servers.

mod certificates;
mod greeting;
mod server;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, anyhow};
use quasimodem_core::Start;
use quasimodem_lab::broker::{Broker, Config, Refusal, User};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;

pub(crate) use self::greeting::Greeting;
use self::greeting::Secured;
use self::tls::Material;
pub(crate) use self::tls::Options as TlsOptions;
use crate::log;

/// How the lab broker is to be.
pub(crate) struct Options {
    listen: SocketAddr,
    tls: Option<TlsOptions>,
    broker: Config,
}

/// A lab that runs.
pub(crate) struct Lab {
    pub(crate) greeting: Greeting,
    /// The root that signed the broker's certificate, if it has one.
    pub(crate) root: Option<CertificateDer<'static>>,
}

impl Options {
    /// Listens there, lets these users in (all, if there are none), and refuses what is to be refused.
    pub(crate) fn new(
        listen: SocketAddr,
        tls: Option<TlsOptions>,
        users: Vec<User>,
        refusals: Vec<Refusal>,
        refused_filters: Vec<Box<str>>,
    ) -> Options {
        Options { listen, tls, broker: Config { users, refusals, refused_filters, ..Config::default() } }
    }
}

/// Starts the lab broker, which runs as long as the runtime, and makes the text that tells a newcomer what to type at a
/// modem whose radio side starts like this.
pub(crate) async fn start(Options { listen, tls, broker }: Options, bearer: Start) -> Result<Lab> {
    let (listener, address) = bind(listen, "--mqtt").await?;
    log::say(format_args!("lab broker on {address}, in memory only"));
    let (mut secured, mut root, mut listeners) = (None, None, None);
    if let Some(options) = tls {
        let Material { acceptor, root: certificate, ca, client } = Material::new(&options)?;
        let (listener, address) = bind(options.listen, "--mqtts").await?;
        log::say(format_args!("lab broker with TLS on {address}"));
        secured = Some(Secured { broker: reachable(address), ca, client });
        root = Some(certificate);
        listeners = Some((listener, acceptor));
    }
    let user = broker.users.first().cloned();
    let greeting = Greeting { broker: reachable(address), user, cold: bearer == Start::Cold, secured };
    server::start(listener, listeners, Broker::new(broker));
    Ok(Lab { greeting, root })
}

async fn bind(listen: SocketAddr, option: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await.map_err(|error| no_listener(listen, option, error))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn no_listener(listen: SocketAddr, option: &str, error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return anyhow!(
            "can't listen on {listen}: Address already in use: another broker runs there? Use it with \"quasimodem run\", \
             or choose another port with {option} 127.0.0.1:0"
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
