//! Takes connections for a server, and puts TLS over them.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use quasimodem_lab::broker::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{self, timeout};
use tokio_rustls::TlsAcceptor;

use super::Machine;
use super::hub::{Shared, serve};
use crate::{log, socket};

/// Whether a connection is one over TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Yes.
    Always,
    /// If the client begins like that.
    AsItBegins,
}

/// Takes connections without TLS.
pub(crate) async fn accept<M: Machine<Id = Peer>>(hub: Shared<M>, listener: TcpListener) {
    loop {
        let (stream, _) = next(&listener).await;
        tokio::spawn(serve(hub.clone(), stream, false));
    }
}

/// The next connection.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                // A connection that is broken already shows when it is read.
                let _ = socket::prepare(&stream);
                return (stream, from);
            }
            Err(error) => {
                // There are no descriptors left, or no memory. Asking again at once would not help.
                log::broker_trouble(&error);
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Takes connections for as long as the runtime lives.
pub(crate) async fn accept_tls<M: Machine<Id = Peer>>(
    hub: Shared<M>,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    layer: Layer,
) {
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

async fn secure<M: Machine<Id = Peer>>(
    hub: Shared<M>,
    acceptor: TlsAcceptor,
    layer: Layer,
    stream: TcpStream,
    from: SocketAddr,
) {
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

/// Time to wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);
