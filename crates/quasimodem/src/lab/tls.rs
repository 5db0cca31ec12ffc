//! The lab broker over TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::certificates::{CA, Files, Root};
use crate::tls::PROVIDER;

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
