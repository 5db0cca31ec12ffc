//! What the lab serves: brokers, and the endpoints of clouds.

use quasimodem_core::Instant;
use quasimodem_lab::broker::{Broker, Input, Note, Outbox, Peer};
use quasimodem_lab::cloud::http;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{self, Layer, Machine};

/// Starts the tasks of a broker, which take connections there, and over TLS there; they end with the runtime.
pub(super) fn start(listener: TcpListener, secured: Option<(TcpListener, TlsAcceptor)>, broker: Broker) {
    let hub = server::hub("broker", broker);
    if let Some((listener, acceptor)) = secured {
        tokio::spawn(server::accept_tls(hub.clone(), listener, acceptor, Layer::Always));
    }
    tokio::spawn(server::accept(hub, listener));
}

impl Machine for Broker {
    type Note = Note;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox) {
        self.handle(now, input, outbox);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn wants(&self, peer: Peer) -> bool {
        self.wants(peer)
    }
}

impl Machine for http::Server {
    type Note = http::Note;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<http::Note>) {
        self.handle(now, input, outbox);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn wants(&self, peer: Peer) -> bool {
        self.wants(peer)
    }
}
