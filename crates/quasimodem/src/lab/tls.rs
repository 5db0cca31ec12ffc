//! The lab broker over TLS.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Result;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::certificates::{CA, Files, Root};
use super::server::{Machine, Shared, next, serve};
use crate::tls::PROVIDER;
use crate::{log, socket};

/// How the lab broker is to be reached over TLS.
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    /// Where root and client certificate are kept; `None`: nowhere, and only the modem of this process trusts the broker.
    pub(crate) directory: Option<PathBuf>,
    /// Names in the broker's certificate, besides those of this machine.
    pub(crate) names: Vec<String>,
    /// Only clients with a certificate that the root signed may come in.
    pub(crate) client_auth: bool,
}

/// What is needed to take connections over TLS, and to make them.
pub(super) struct Material {
    pub(super) acceptor: TlsAcceptor,
    /// The root as a file.
    pub(super) ca: Option<PathBuf>,
    /// A client certificate that is let in, if one is needed.
    pub(super) client: Option<Files>,
}

/// Whether a connection is one over TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Yes.
    Always,
    /// If the client begins like that.
    AsItBegins,
}

impl Material {
    /// Makes or reads the certificates; the root is that of the directory, if there is one.
    pub(super) fn new(root: &Root, Options { listen, directory, names, client_auth }: &Options) -> Result<Material> {
        let directory = directory.as_deref();
        let server = root.sign_server(*listen, names)?;
        let client = directory.filter(|_| *client_auth).map(|directory| root.open_client(directory)).transpose()?;

        let config = ServerConfig::builder_with_provider(PROVIDER.clone()).with_safe_default_protocol_versions()?;
        let config = if *client_auth {
            let mut roots = RootCertStore::empty();
            roots.add(root.certificate().clone())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), PROVIDER.clone()).build()?;
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let key = PrivatePkcs8KeyDer::from(server.key.serialize_der());
        let mut config = config.with_single_cert(vec![server.certificate.into()], key.into())?;
        // Nothing is resumed, as with the modem's own connections.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let ca = directory.map(|directory: &Path| directory.join(CA));
        Ok(Material { acceptor, ca, client })
    }
}

/// Takes connections for as long as the runtime lives.
pub(super) async fn accept<M: Machine>(hub: Shared<M>, listener: TcpListener, acceptor: TlsAcceptor, layer: Layer) {
    let mut handshakes = JoinSet::new();
    loop {
        poll_fn(|cx| {
            while let Poll::Ready(Some(_)) = handshakes.poll_join_next(cx) {}
            if handshakes.len() < HANDSHAKES { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let (stream, from) = next(&listener).await;
        handshakes.spawn(secure(hub.clone(), acceptor.clone(), layer, stream, from));
    }
}

async fn secure<M: Machine>(hub: Shared<M>, acceptor: TlsAcceptor, layer: Layer, stream: TcpStream, from: SocketAddr) {
    if layer == Layer::AsItBegins {
        let mut first = [0];
        match timeout(PATIENCE, stream.peek(&mut first)).await {
            Ok(Ok(1)) if first == [HANDSHAKE] => {}
            Ok(Ok(_)) => return drop(tokio::spawn(serve(hub, stream, false))),
            Ok(Err(error)) => return log::no_tls(from, &error),
            Err(late) => return log::no_tls(from, &late.into()),
        }
    }
    let handshake = acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(BUFFER)));
    match timeout(PATIENCE, handshake.into_fallible()).await {
        Ok(Ok(stream)) => drop(tokio::spawn(serve(hub, stream, true))),
        Ok(Err((error, stream))) => {
            log::no_tls(from, &error);
            // What the client has sent meanwhile must not reset the connection, and take the alert away.
            socket::finish(stream, &[]).await;
        }
        Err(late) => log::no_tls(from, &late.into()),
    }
}

/// Handshakes at a time, and time for each: nobody can occupy the broker with connections that come to nothing.
const HANDSHAKES: usize = 64;
const PATIENCE: Duration = Duration::from_secs(5);
/// What a client begins with that wants TLS (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;
/// Bytes that rustls may take before it has written them.
const BUFFER: usize = 16 * 1024;
