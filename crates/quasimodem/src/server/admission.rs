//! Takes connections for a server, and puts TLS over them.
//!
//! A client that says nothing costs a descriptor, and perhaps others their place. When there are too few of them, whoever
//! has said the least has to go: the oldest handshake of the address that has most of them under way, the oldest connection
//! that the machine knows nothing of. So silence keeps nobody out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use quasimodem_lab::broker::Peer;
use rustix::io::fcntl_dupfd_cloexec;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet, yield_now};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Machine;
use super::hub::{Shared, serve};
use crate::descriptors::{Limits, is_kept_back, limits};
use crate::listener::Listener;
use crate::watching::Voice;
use crate::{socket, tls};

/// Whether a connection is one over TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Yes.
    Always,
    /// If the client begins like that.
    AsItBegins,
}

/// Takes connections without TLS, for as long as the runtime lives.
pub(crate) async fn accept<M: Machine<Id = Peer>>(hub: Shared<M>, mut listener: Listener) {
    loop {
        let (stream, from) = next(&mut listener, || hub.make_room()).await;
        serve(&hub, stream, from, false);
    }
}

/// Takes connections over TLS, for as long as the runtime lives.
pub(crate) async fn accept_tls<M>(hub: Shared<M>, mut listener: Listener, acceptor: TlsAcceptor, layer: Layer)
where
    M: Machine<Id = Peer>,
{
    let mut handshakes = Handshakes::default();
    let voice = hub.look(|machine| machine.voice());
    let most = limits().share(HANDSHAKES);
    loop {
        let (stream, from) = next(&mut listener, || handshakes.give_up_one(&voice) || hub.make_room()).await;
        while handshakes.len() >= most && handshakes.give_up_one(&voice) {}
        let handshake = secure(hub.clone(), acceptor.clone(), layer, stream, from, voice.clone());
        handshakes.spawn(from.ip(), handshake);
    }
}

/// The next connection that there is room for. Others are closed, if nobody has to make room for them.
async fn next(listener: &mut Listener, mut make_room: impl FnMut() -> bool) -> (TcpStream, SocketAddr) {
    loop {
        let (mut stream, from) = poll_fn(|cx| listener.poll_accept(cx)).await;
        if is_kept_back(&stream) {
            if make_room() {
                // The task of the other connection drops it.
                yield_now().await;
            }
            match move_down(stream) {
                Some(moved) => stream = moved,
                None => {
                    let Limits { all, kept } = limits();
                    listener.tell(format_args!(
                        "turns clients away: {all} file descriptors are all there may be (ulimit -n), {kept} of them for \
                         the modem"
                    ));
                    continue;
                }
            }
        }
        // A connection that is already broken shows it when it is read.
        let _ = socket::prepare(&stream);
        return (stream, from);
    }
}

/// The same connection under the lowest number that is free, if that is none of those kept back.
fn move_down(stream: TcpStream) -> Option<TcpStream> {
    let moved = fcntl_dupfd_cloexec(&stream, 0).ok().filter(|moved| !is_kept_back(moved))?;
    // The old number is free again, and no longer registered, before the new one is.
    drop(stream);
    TcpStream::from_std(moved.into()).ok()
}

/// The handshakes that are under way, the oldest first.
#[derive(Default)]
struct Handshakes {
    tasks: JoinSet<()>,
    order: VecDeque<(IpAddr, AbortHandle)>,
}

impl Handshakes {
    fn spawn(&mut self, from: IpAddr, handshake: impl Future<Output = ()> + Send + 'static) {
        self.order.push_back((from, self.tasks.spawn(handshake)));
    }

    fn len(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.order.retain(|(_, task)| !task.is_finished());
        self.order.len()
    }

    /// Gives up the oldest one of the address that has most of them; whether there was any.
    fn give_up_one(&mut self, voice: &Voice) -> bool {
        self.len();
        let count = |from| self.order.iter().filter(|(other, _)| *other == from).count();
        let greediest = self.order.iter().map(|(from, _)| *from).max_by_key(|from| count(*from));
        let Some(index) = self.order.iter().position(|(from, _)| Some(*from) == greediest) else { return false };
        if let Some((from, task)) = self.order.remove(index) {
            voice.detail(format_args!("no TLS with {from}: too many handshakes are under way"));
            task.abort();
        }
        true
    }
}

async fn secure<M>(
    hub: Shared<M>,
    acceptor: TlsAcceptor,
    layer: Layer,
    stream: TcpStream,
    from: SocketAddr,
    voice: Voice,
) where
    M: Machine<Id = Peer>,
{
    let no_tls = |error: &io::Error| voice.detail(format_args!("no TLS with {from}: {}", tls::of_client(error)));
    if layer == Layer::AsItBegins {
        let mut first = [0];
        match timeout(PATIENCE, stream.peek(&mut first)).await {
            Ok(Ok(1)) if first == [HANDSHAKE] => {}
            Ok(Ok(_)) => return serve(&hub, stream, from, false),
            Ok(Err(error)) => return no_tls(&error),
            Err(late) => return no_tls(&late.into()),
        }
    }
    let handshake = acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(BUFFER)));
    match timeout(PATIENCE, handshake.into_fallible()).await {
        Ok(Ok(stream)) => serve(&hub, stream, from, true),
        Ok(Err((error, stream))) => {
            no_tls(&error);
            // What the client has sent meanwhile must not reset the connection, and take the alert away.
            socket::finish(stream, &[]).await;
        }
        Err(late) => no_tls(&late.into()),
    }
}

/// Handshakes of one port at a time at most, and time for each.
const HANDSHAKES: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);
/// What a client begins with that wants TLS (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;
/// Bytes that rustls may take before it has written them.
const BUFFER: usize = 16 * 1024;
