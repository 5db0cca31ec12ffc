//! `quasimodem lab`: what stands in for the world around a modem, as servers.

mod certificates;
mod cloud_options;
mod clouds;
mod greeting;
mod server;
mod tls;

use std::io;
use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use quasimodem_core::{Settings, Start};
use quasimodem_lab::broker::{self, Broker, Config, Refusal, User};
use quasimodem_lab::cloud::Registry;
use quasimodem_lab::flat::Bad;
use quasimodem_lab::gateway as lab_gateway;
use quasimodem_lab::order::{For, Order};
use quasimodem_lab::watch::Of;
use rustls::pki_types::CertificateDer;

use self::certificates::Root;
pub(crate) use self::cloud_options::{CloudArgs, CloudOptions};
pub(crate) use self::clouds::Clouds;
pub(crate) use self::greeting::Greeting;
use self::greeting::Secured;
use self::server::BROKER;
pub(crate) use self::server::LabBroker;
use self::tls::Material;
pub(crate) use self::tls::Options as TlsOptions;
use crate::gateway::{self, LabGateway, Tuning};
use crate::listener::Listener;
use crate::log;
use crate::socket::reachable;
use crate::watching::Watching;

/// How the lab broker is to be.
pub(crate) struct Options {
    listen: SocketAddr,
    tls: Option<TlsOptions>,
    gateway: GatewayOptions,
    broker: Config,
    clouds: Option<CloudOptions>,
}

/// How the gateway before it is to be.
pub(crate) struct GatewayOptions {
    listen: SocketAddr,
    tuning: Tuning,
}

impl GatewayOptions {
    /// Listens there, or beside a broker that listens there: if that takes a free port, so does the gateway.
    pub(crate) fn new(broker: SocketAddr, listen: Option<SocketAddr>, tuning: Tuning) -> GatewayOptions {
        let beside = match broker.port() {
            0 => SocketAddr::new(gateway::DEFAULT.ip(), 0),
            _ => gateway::DEFAULT,
        };
        GatewayOptions { listen: listen.unwrap_or(beside), tuning }
    }
}

/// A lab that runs.
pub(crate) struct Lab {
    pub(crate) peers: Peers,
    pub(crate) greeting: Greeting,
    /// The root that signed the servers' certificates, if they have any.
    pub(crate) root: Option<CertificateDer<'static>>,
    /// What stands in for clouds.
    pub(crate) clouds: Clouds,
}

/// Broker and gateway, for those who give them orders, and where they can be reached.
#[derive(Clone)]
pub(crate) struct Peers {
    pub(crate) broker: LabBroker,
    pub(crate) broker_at: SocketAddr,
    pub(crate) gateway: LabGateway,
    pub(crate) gateway_at: SocketAddr,
    /// What clouds know, if some stand here.
    pub(crate) clouds: Option<Registry>,
    /// Their names and ports, and where these lead.
    pub(crate) places: Vec<(String, u16, SocketAddr)>,
}

/// Why an order can't be carried out for want of a peer.
pub(crate) fn missing(order: &Order, peers: Option<&Peers>) -> Option<Bad> {
    let lab = order.needs_lab().filter(|_| peers.is_none()).map(Bad::NeedsLab);
    let clouds = order.needs_clouds().filter(|_| peers.is_none_or(|peers| peers.clouds.is_none())).map(Bad::NoClouds);
    lab.or(clouds).or_else(|| (order.whom() == For::Peer && peers.is_none()).then_some(Bad::NoPeer))
}

impl Peers {
    /// Carries out an order that is for one of them.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub(crate) fn order(&self, order: Order) -> Result<(), Bad> {
        match order {
            Order::Broker(order) => self.broker.order(&order),
            Order::Gateway(order) => self.gateway.order(&order),
            Order::Clouds(order) => {
                // Where there are none, no fault demands anything of them.
                self.clouds.iter().for_each(|clouds| clouds.order(order.clone()));
                Ok(())
            }
            // These are for nobody here.
            _ => Ok(()),
        }
    }

    /// They know nobody any more.
    pub(crate) fn empty(&self) {
        // Both are always carried out.
        let _ = self.broker.order(&broker::Order::Restart { keep: false });
        let _ = self.gateway.order(&lab_gateway::Order::Restart);
    }
}

impl Options {
    /// Listens there, lets these users in (all, if there are none), and refuses what is to be refused.
    pub(crate) fn new(
        listen: SocketAddr,
        tls: Option<TlsOptions>,
        gateway: GatewayOptions,
        users: Vec<User>,
        refusals: Vec<Refusal>,
        refused_filters: Vec<Box<str>>,
    ) -> Options {
        let broker = Config { users, refusals, refused_filters, ..Config::default() };
        Options { listen, tls, gateway, broker, clouds: None }
    }

    /// Whether it does.
    pub(crate) fn has_clouds(&self) -> bool {
        self.clouds.is_some()
    }

    /// Stands in for clouds as well.
    pub(crate) fn with_clouds(self, clouds: Option<CloudOptions>) -> Options {
        Options { clouds, ..self }
    }
}

/// Starts the lab broker and the gateway, which run as long as the runtime, and makes the text that tells a newcomer what
/// to type at a modem of these settings.
pub(crate) async fn start(options: Options, settings: &Settings, watching: &Watching) -> Result<Lab> {
    let Options { listen, tls, gateway, broker, clouds } = options;
    let (listener, address) = bind(listen, "--mqtt", watching).await?;
    log::say(format_args!("lab broker on {address}, in memory only"));
    let root = if tls.is_some() || clouds.is_some() {
        let of_tls = tls.as_ref().and_then(|options| options.directory.as_deref());
        let of_clouds = clouds.as_ref().and_then(|options| options.directory.as_deref());
        Some(of_tls.or(of_clouds).map_or_else(Root::new, Root::open)?)
    } else {
        None
    };
    let (mut secured, mut listeners) = (None, None);
    if let (Some(options), Some(root)) = (tls, &root) {
        let Material { acceptor, ca, client } = Material::new(root, &options)?;
        let (listener, address) = bind(options.listen, "--mqtts", watching).await?;
        log::say(format_args!("lab broker with TLS on {address}"));
        secured = Some(Secured { broker: reachable(address), ca, client });
        listeners = Some((listener, acceptor));
    }
    let tls_at = secured.as_ref().map(|secured| secured.broker);
    let user = broker.users.first().cloned();
    let GatewayOptions { listen, tuning } = gateway;
    let behind = gateway::Broker { host: reachable(address).ip().to_string(), port: address.port() };
    let (gateway, sn) = gateway::start(listen, behind, tuning.config(user.as_ref()), watching).await?;
    log::say(format_args!("lab gateway for MQTT-SN on {sn}"));
    let mut greeting = Greeting {
        broker: reachable(address),
        user,
        cold: settings.bearer == Start::Cold,
        secured,
        // A modem without clients for it has nothing to type.
        gateway: settings.model.sn.then(|| reachable(sn)),
        clouds: String::new(),
    };
    let broker = server::start(listener, listeners, Broker::new(broker), watching);
    let registry = clouds.as_ref().map(|options| options.registry.clone());
    let mut clouds = match (clouds, &root) {
        (Some(options), Some(root)) => clouds::start(options, root, watching).await?,
        _ => Clouds::default(),
    };
    greeting.clouds.clone_from(&clouds.greeting);
    let mut peers = Peers {
        broker,
        broker_at: reachable(address),
        gateway,
        gateway_at: reachable(sn),
        clouds: registry,
        places: Vec::new(),
    };
    // What scripts know the ports by.
    let ports = [("broker", Some(peers.broker_at)), ("sn", Some(peers.gateway_at)), ("mqtts", tls_at)];
    let ports = ports.into_iter().filter_map(|(name, at)| Some((name, at?.port().to_string().into_bytes())));
    clouds.given.extend(ports);
    peers.places.clone_from(&clouds.places);
    Ok(Lab { peers, greeting, root: root.map(|root| root.certificate().clone()), clouds })
}

async fn bind(listen: SocketAddr, option: &str, watching: &Watching) -> Result<(Listener, SocketAddr)> {
    let listener = Listener::bind(watching.voice(Of::Part(BROKER)), listen)
        .await
        .map_err(|error| no_listener(listen, option, error))?;
    let address = listener.address();
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
