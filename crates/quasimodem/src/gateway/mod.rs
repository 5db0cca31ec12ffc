//! The gateway for MQTT-SN, as a server: alone before any broker, or beside the lab's.

mod inbox;
mod options;
mod server;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow};
use quasimodem_lab::event::{Event, Names};
use quasimodem_lab::gateway::Config;
use tokio::net::UdpSocket;
use tokio::runtime::Builder;
use tokio::time;

pub(crate) use self::options::{Alone, DEFAULT, Tuning};
pub(crate) use self::server::LabGateway;
use crate::descriptors;
use crate::events::{self, Ready};
use crate::log;
use crate::run::{PROGRAM, Signals};
use crate::watching::Watching;

/// The broker behind a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Broker {
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Runs a gateway until a signal comes.
pub(crate) fn run(Alone { sn, broker, user, tuning, events, log, verbose: _ }: Alone) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("can't start")?;
    let result = runtime.block_on(async {
        let mut signals = Signals::new().context("can't watch for signals")?;
        if let Some(path) = log {
            log::open(&path)?;
        }
        let (socket, address) = bind(sn).await?;
        log::say(format_args!("gateway on {address}, before the broker at {}:{}", broker.host, broker.port));
        let mut watches = log::watches(&Names::default());
        if let Some(target) = events {
            watches.push(events::open(&target, Names::default())?);
        }
        let watching = Watching::new(time::Instant::now(), watches);
        server::start(socket, broker, tuning.config(user.as_ref()), &watching);
        let ready = Ready { gateway: Some(address), ..Ready::default() };
        ready.tell(&watching);
        descriptors::tell(&watching.voice(PROGRAM));
        poll_fn(|cx| signals.poll(cx)).await;
        watching.see(|watch| watch.run(watching.now(), &Event::End {}));
        Ok(())
    });
    // A thread may be waiting for the resolver, and nobody for it.
    runtime.shutdown_background();
    result
}

/// Starts a gateway beside a broker; it runs as long as the runtime. Gives the address at which it listens.
pub(crate) async fn start(
    listen: SocketAddr,
    broker: Broker,
    config: Config,
    watching: &Watching,
) -> Result<(LabGateway, SocketAddr)> {
    let (socket, address) = bind(listen).await?;
    Ok((server::start(socket, broker, config, watching), address))
}

async fn bind(listen: SocketAddr) -> Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind(listen).await.map_err(|error| no_socket(listen, error))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

fn no_socket(listen: SocketAddr, error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return anyhow!(
            "can't listen on {listen} over UDP: Address already in use: another gateway runs there? Choose another port \
             with --sn 127.0.0.1:0"
        );
    }
    anyhow::Error::new(error).context(format!("can't listen on {listen} over UDP"))
}
