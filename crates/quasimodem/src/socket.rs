//! What all TCP connections need.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::queue::Queue;

/// Time that a closed connection has for writing out what was sent, and for hearing that the peer read it.
pub(crate) const FLUSH: Duration = Duration::from_secs(2);

/// Prepares a connection that was accepted: small writes go out at once, and a peer that vanished without a word is found
/// out in a minute.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}

/// Prepares a connection that was made: as little as possible waits in the system, so that what it has accepted is on its
/// way, or soon will be.
pub(crate) fn prepare_link(stream: &TcpStream) -> io::Result<()> {
    // Packets are small and complete: to wait for more would only delay them.
    stream.set_nodelay(true)?;
    sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER)?;
    SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT)
}

/// Bytes in the system at most, on their way and not acknowledged: else it would be megabytes. The system takes twice as much,
/// for its own records of them.
const SEND_BUFFER: usize = 64 * 1024;

/// Bytes in the system that may not even be on their way, since the peer's window is closed.
const NOT_SENT: u32 = 4 * 1024;

/// Connections that are being closed, each in its own time. When there are too many, the oldest has had enough of it: its
/// peer does not read, or does not close.
pub(crate) struct Closing {
    tasks: JoinSet<()>,
    order: VecDeque<AbortHandle>,
    most: usize,
}

impl Closing {
    /// None yet, and at most this many.
    pub(crate) fn new(most: usize) -> Closing {
        Closing { tasks: JoinSet::new(), order: VecDeque::new(), most }
    }

    /// [Finishes](finish) a connection.
    pub(crate) fn finish(&mut self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, rest: Queue) {
        self.spawn(async move { finish(stream, rest.waiting()).await });
    }

    /// Does what is left to do with a connection.
    pub(crate) fn spawn(&mut self, rest: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        while self.order.front().is_some_and(AbortHandle::is_finished) {
            self.order.pop_front();
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(rest));
    }

    /// Ready once all are closed.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(_ended) = ready!(self.tasks.poll_join_next(cx)) {}
        self.order.clear();
        Poll::Ready(())
    }
}

/// Writes the rest, says that this was all, and waits for the peer to close, for [`FLUSH`] at most: a socket that is closed
/// while bytes wait in it resets the connection, and the peer may lose what it has not read yet, such as a DISCONNECT.
pub(crate) async fn finish(mut stream: impl AsyncRead + AsyncWrite + Unpin, rest: &[u8]) {
    let finish = async {
        stream.write_all(rest).await?;
        stream.shutdown().await?;
        let mut discarded = [0; 1024];
        while stream.read(&mut discarded).await? > 0 {}
        io::Result::Ok(())
    };
    // Either way the socket is closed now: there is nobody to tell.
    let _ = timeout(FLUSH, finish).await;
}

/// An address of this machine at which a listener can be reached.
pub(crate) fn reachable(listener: SocketAddr) -> SocketAddr {
    let address = match listener.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listener.port())
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn the_oldest_has_had_enough_time_when_there_are_too_many() {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut closing = Closing::new(2);
            // Nobody reads what is left, and nobody closes.
            let mut peers = [0; 3].map(|_| {
                let (near, far) = duplex(1);
                let mut rest = Queue::default();
                rest.push(b"abc");
                closing.finish(near, rest);
                far
            });
            let mut first = Vec::new();
            peers[0].read_to_end(&mut first).await.unwrap();
            assert!(first.len() < 3, "{first:?}");
            let mut second = [0; 3];
            peers[1].read_exact(&mut second).await.unwrap();
            assert_eq!(&second, b"abc");
        });
    }
}
