//! Serves the stand-ins for clouds on free loopback ports, and tells how to get there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{self, Path};
use std::sync::Arc;

use anyhow::{Context, Result};
use quasimodem_lab::broker::{Broker, Config};
use quasimodem_lab::cloud::http::Server;
use quasimodem_lab::cloud::{Cloud, Gate, Parameters, Place, Registry, Security, Service, places};
use quasimodem_lab::watch::Of;
use tokio_rustls::TlsAcceptor;

use super::CloudOptions;
use super::certificates::{CA, Root};
use super::server::{Serve, Served, hub};
use super::tls::{self, Material};
use crate::host_map::Mapping;
use crate::listener::Listener;
use crate::log;
use crate::server::{self, Layer, Shared};
use crate::watching::Watching;

/// What stands in for clouds, as far as the modem has to know it.
#[derive(Default)]
pub(crate) struct Clouds {
    /// Where the clouds' names lead.
    pub(crate) mappings: Vec<Mapping>,
    /// What scripts may put in: the lab's root, and a client's certificate with its key, all PEM, and how many bytes
    /// they are.
    pub(crate) given: Vec<(&'static str, Vec<u8>)>,
    /// What to type.
    pub(crate) greeting: String,
    /// Their names and ports, and where these lead.
    pub(crate) places: Vec<(String, u16, SocketAddr)>,
}

/// Starts what stands in for these clouds; it runs as long as the runtime.
pub(super) async fn start(options: CloudOptions, root: &Root, watching: &Watching) -> Result<Clouds> {
    let CloudOptions { clouds, registry, samples, map, directory } = options;
    registry.set_root(root.certificate());
    let all: Vec<Place> = clouds.iter().flat_map(|cloud| places(*cloud, &registry)).collect();
    let mut names: Vec<String> =
        all.iter().flat_map(|place| &place.at).map(|(name, _)| String::from(&**name)).collect();
    names.sort_unstable();
    names.dedup();
    let material = |client_auth| {
        let names = names.clone();
        let options = tls::Options { listen: LOOPBACK, directory: None, names, client_auth };
        Material::new(root, &options).map(|material| material.acceptor)
    };
    let acceptors = [material(false)?, material(true)?];
    let (mut mappings, mut led) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for cloud in &clouds {
        let mut servers = Servers {
            cloud: *cloud,
            registry: &registry,
            watching,
            acceptors: &acceptors,
            brokers: None,
            endpoints: BTreeMap::new(),
        };
        let mut ports = Vec::new();
        for place in all.iter().filter(|place| place.cloud == *cloud) {
            let address = servers.listen(place).await?;
            ports.push(address.port().to_string());
            mappings.extend(place.at.iter().map(|(name, port)| Mapping::new(name, *port, address)));
            led.extend(place.at.iter().map(|(name, port)| (String::from(&**name), *port, address)));
        }
        log::say(format_args!("{cloud} stands on 127.0.0.1:{}", ports.join(",")));
        text += &lines(*cloud, &registry, all.iter().find(|place| place.cloud == *cloud));
    }
    if let Some(path) = &map {
        // Others read it from other places.
        let ca = directory.as_deref().map(|directory| path::absolute(directory.join(CA))).transpose()?;
        fs::write(path, config(&mappings, ca.as_deref())).with_context(|| format!("can't write {}", path.display()))?;
    }
    let client = root.sign_client()?;
    let files = [
        ("root", "root_size", root.pem().to_owned()),
        ("certificate", "certificate_size", client.certificate.pem()),
        ("key", "key_size", client.key.serialize_pem()),
    ];
    let given = files.into_iter().flat_map(|(name, size_name, pem)| {
        let size = pem.len().to_string();
        [(name, pem.into_bytes()), (size_name, size.into_bytes())]
    });
    let given = given.collect();
    let greeting = format!(
        "The modem finds these clouds under their own names. What +MQTTAUTHCFG answers behind its number goes into\n  \
         AT+MQTTUSER=1,\nThese devices are known:\n{text}{}",
        if samples { "examples/ has their secrets, and a script for each.\n" } else { "" }
    );
    Ok(Clouds { mappings, given, greeting, places: led })
}

/// The servers of one cloud.
struct Servers<'a> {
    cloud: Cloud,
    registry: &'a Registry,
    watching: &'a Watching,
    /// Without and with a client's certificate.
    acceptors: &'a [TlsAcceptor; 2],
    /// All ports of a cloud lead to one broker.
    brokers: Option<Shared<Served<Broker>>>,
    endpoints: BTreeMap<Service, Shared<Served<Server>>>,
}

impl Servers<'_> {
    /// Listens for a place, and says where.
    async fn listen(&mut self, place: &Place) -> Result<SocketAddr> {
        let listener = Listener::bind(self.watching.voice(Of::Part(self.cloud.name())), LOOPBACK);
        let listener = listener.await.context("can't listen on 127.0.0.1")?;
        let address = listener.address();
        let (cloud, registry) = (self.cloud, self.registry);
        match place.service {
            Service::Mqtt => {
                let hub = self.brokers.get_or_insert_with(|| {
                    let authority = Some(Arc::new(Gate::new(cloud, registry.clone())) as _);
                    hub(cloud.name(), Broker::new(Config { authority, ..Config::default() }), self.watching)
                });
                accept(hub.clone(), listener, place.security, self.acceptors);
            }
            Service::Http(api) => {
                let entry = self.endpoints.entry(place.service);
                let hub = entry.or_insert_with(|| hub(cloud.name(), Server::new(api, registry.clone()), self.watching));
                accept(hub.clone(), listener, place.security, self.acceptors);
            }
        }
        Ok(address)
    }
}

fn accept<S: Serve>(
    hub: Shared<Served<S>>,
    listener: Listener,
    security: Security,
    [usual, mutual]: &[TlsAcceptor; 2],
) {
    let (acceptor, layer) = match security {
        Security::Plain => return drop(tokio::spawn(server::accept(hub, listener))),
        Security::Tls => (usual, Layer::Always),
        Security::Either => (usual, Layer::AsItBegins),
        Security::Mutual => (mutual, Layer::Always),
    };
    tokio::spawn(server::accept_tls(hub, listener, acceptor.clone(), layer));
}

/// A configuration file for a modem that is to find the clouds here.
fn config(mappings: &[Mapping], ca: Option<&Path>) -> String {
    let mut text = String::from("# Where the stand-ins of a lab are: quasimodem run --config FILE\n");
    if let Some(ca) = ca {
        let _ = writeln!(text, "ca = {:?}", ca.display().to_string());
    }
    text += "host_map = [\n";
    for mapping in mappings {
        let _ = writeln!(text, "  \"{mapping}\",");
    }
    text + "]\n"
}

/// What to type for the devices of a cloud, and where they connect to; the reader has the secrets.
fn lines(cloud: Cloud, registry: &Registry, place: Option<&Place>) -> String {
    let at = |product: &str| {
        let Some(place) = place.filter(|_| cloud != Cloud::Tuya) else { return "it tells where".into() };
        // Some clouds have a name for each product.
        let own = place.at.iter().find(|(name, _)| name.split('.').next() == Some(&*product.to_ascii_lowercase()));
        let Some((name, port)) = own.or(place.at.first()) else { return String::new() };
        let security = if matches!(place.security, Security::Plain | Security::Either) { "" } else { ", over TLS" };
        format!("at {name}:{port}{security}")
    };
    let Some(names) = Parameters::of(cloud) else {
        return format!("  AT+MQTTAUTHCFG=7        {}, with a certificate\n", at(""));
    };
    let mut text = String::new();
    for device in registry.devices().iter().filter(|device| device.cloud == cloud && !device.secret.is_empty()).take(3)
    {
        let number = cloud.number();
        let mut fields: Vec<String> = Vec::new();
        if cloud == Cloud::Tuya {
            fields.push("1".into());
        }
        fields.extend(names.product.map(|_| format!("\"{}\"", device.product)));
        fields.push(format!("\"{}\"", device.name));
        fields.push(format!("<{}>", names.secret));
        match cloud {
            Cloud::Alibaba => fields.push("0".into()),
            Cloud::Aep => fields.push(format!("\"{}\"", device.account)),
            Cloud::Unicom => fields.push("\"\"".into()),
            _ => {}
        }
        let _ = writeln!(text, "  AT+MQTTAUTHCFG={number},{}        {}", fields.join(","), at(&device.product));
    }
    text
}

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
