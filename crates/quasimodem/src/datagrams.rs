//! UDP links: one datagram a send, one datagram a receipt, with one peer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quasimodem_core::{Why, sn};
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::resolve::why;

/// A connected UDP socket, which brings nothing but what its peer sent.
pub(crate) struct Datagrams {
    socket: Arc<UdpSocket>,
    output: VecDeque<Box<[u8]>>,
    /// Bytes in the output.
    waiting: usize,
    /// The size of the last datagram that was not sent, until somebody is told, and why.
    lost: Option<(usize, &'static str)>,
    peer: PeerState,
}

/// A datagram that came.
pub(crate) enum Received {
    /// So many bytes, now at the start of the chunk.
    InChunk(usize),
    /// It is longer than the chunk.
    Apart(Vec<u8>),
}

/// What is known of the peer.
enum PeerState {
    /// Nothing came yet: an error, which this waits for, says that nobody is there.
    Unheard(Pin<Box<dyn Future<Output = io::Error> + Send>>),
    /// Something came: it exists, and errors are losses such as UDP has.
    Heard,
    /// Nobody is there.
    Absent(Why),
}

impl Datagrams {
    /// Talks to this peer. Nothing is sent by that.
    pub(crate) async fn connect(peer: SocketAddr) -> io::Result<Datagrams> {
        let own: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(own).await?;
        socket.connect(peer).await?;
        let socket = Arc::new(socket);
        let peer = PeerState::Unheard(Box::pin(error_of(socket.clone())));
        Ok(Datagrams { socket, output: VecDeque::new(), waiting: 0, lost: None, peer })
    }

    /// Sends a datagram, now or as soon as the socket takes it. It is lost if too much waits, as it would be on the way.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        if self.output.is_empty() && self.try_send(datagram) {
            return;
        }
        if self.waiting + datagram.len() > Self::WAITING {
            self.lost = Some((datagram.len(), "too much waits to be sent"));
            return;
        }
        self.waiting += datagram.len();
        self.output.push_back(datagram.into());
    }

    /// What was not sent since the last call, of several the last.
    pub(crate) fn take_lost(&mut self) -> Option<(usize, &'static str)> {
        self.lost.take()
    }

    /// Sends what waits.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let was_absent = matches!(self.peer, PeerState::Absent(_));
        while let Some(datagram) = self.output.pop_front() {
            if !self.try_send(&datagram) {
                self.output.push_front(datagram);
                // An error here is told by the next attempt.
                let _ = ready!(self.socket.poll_send_ready(cx));
                continue;
            }
            self.waiting -= datagram.len();
        }
        if !was_absent && matches!(self.peer, PeerState::Absent(_)) {
            // The socket has told its error, and wakes nobody for it any more.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(())
    }

    /// A datagram, or that nobody is there.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>, chunk: &mut [u8]) -> Poll<Result<Received, Why>> {
        loop {
            let absent = match &mut self.peer {
                PeerState::Unheard(error) => match error.as_mut().poll(cx) {
                    Poll::Ready(error) => Some(why(&error)),
                    Poll::Pending => None,
                },
                PeerState::Absent(why) => Some(why.clone()),
                PeerState::Heard => None,
            };
            if let Some(why) = absent {
                self.peer = PeerState::Absent(why.clone());
                return Poll::Ready(Err(why));
            }
            let ready = ready!(self.socket.poll_recv_ready(cx));
            let received = ready.and_then(|()| self.socket.try_io(Interest::READABLE, || self.receive(chunk)));
            match received {
                Ok(received) => {
                    self.peer = PeerState::Heard;
                    if !matches!(received, Received::InChunk(0)) {
                        return Poll::Ready(Ok(received));
                    }
                }
                // `poll_recv_ready` finds out whether it is.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => self.failed(&error),
            }
        }
    }

    /// A datagram that is there.
    fn receive(&self, chunk: &mut [u8]) -> io::Result<Received> {
        LONGEST.with_borrow_mut(|longest| {
            let (_, length) = recv(&self.socket, &mut **longest, RecvFlags::DONTWAIT)?;
            let datagram = longest.get(..length).unwrap_or_default();
            Ok(match chunk.get_mut(..length) {
                Some(place) => {
                    place.copy_from_slice(datagram);
                    Received::InChunk(length)
                }
                None => Received::Apart(datagram.into()),
            })
        })
    }

    /// Sends a datagram; `false` if that has to wait.
    fn try_send(&mut self, datagram: &[u8]) -> bool {
        // An error may be that of an earlier datagram, which the system tells once, without sending this one.
        for _ in 0..2 {
            match self.socket.try_send(datagram) {
                Ok(_) => return true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if is_about_size(&error) => break,
                Err(error) => self.failed(&error),
            }
        }
        self.lost = Some((datagram.len(), "it could not be sent"));
        true
    }

    fn failed(&mut self, error: &io::Error) {
        if let PeerState::Unheard(_) = self.peer {
            self.peer = PeerState::Absent(why(error));
        }
    }

    /// Bytes that may wait to be sent.
    const WAITING: usize = 16 * 1024;
}

thread_local! {
    /// Room for the longest datagram that there can be, which all links of a thread use in turn.
    static LONGEST: RefCell<Box<[u8]>> = RefCell::new(vec![0; sn::MAX_DATAGRAM].into());
}

/// Waits for an error of the socket. To be readable is not enough to know: a socket with an error is not.
async fn error_of(socket: Arc<UdpSocket>) -> io::Error {
    loop {
        if let Err(error) = socket.ready(Interest::ERROR).await {
            return error;
        }
        let take = || socket.take_error()?.ok_or_else(|| ErrorKind::WouldBlock.into());
        // Somebody else may have taken it.
        match socket.try_io(Interest::ERROR, take) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(error) | Err(error) => return error,
        }
    }
}

/// EMSGSIZE, which the standard library has no kind for.
fn is_about_size(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}
