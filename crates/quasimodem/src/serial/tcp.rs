//! A TCP port that takes one host at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

use super::{Event, SerialEnd};
use crate::descriptors::is_kept_back;
use crate::listener::Listener;
use crate::socket;
use crate::watching::Voice;

/// A listening socket and the host that is connected to it.
pub(crate) struct Tcp {
    listener: Listener,
    host: Option<TcpStream>,
    /// The host writes nothing more: it left, or it only waits for its answers.
    finished: bool,
    /// It can't be written to: if it also finished, it left.
    deaf: bool,
    /// Who came after that, and takes over.
    next: Option<TcpStream>,
    /// How long that one waits to see whether the host is leaving.
    doubt: Option<Pin<Box<Sleep>>>,
    refusals: JoinSet<()>,
}

impl Tcp {
    /// Listens.
    pub(crate) async fn listen(address: SocketAddr, voice: Voice) -> io::Result<Tcp> {
        Ok(Tcp {
            listener: Listener::bind(voice, address).await?,
            host: None,
            finished: false,
            deaf: false,
            next: None,
            doubt: None,
            refusals: JoinSet::new(),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Turns newcomers away while the host is there, and lets one wait to take over once it is not.
    fn poll_newcomers(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        while let Poll::Ready(Some(_ended)) = self.refusals.poll_join_next(cx) {}
        // The bound also limits the turns of this loop.
        while self.refusals.len() < REFUSALS {
            let newcomer = match self.next.take() {
                Some(newcomer) => newcomer,
                None => match self.listener.poll_accept(cx) {
                    Poll::Ready((newcomer, _)) => newcomer,
                    Poll::Pending => return Poll::Pending,
                },
            };
            match self.presence() {
                Presence::There if self.is_in_doubt(cx) => {
                    self.next = Some(newcomer);
                    return Poll::Pending;
                }
                Presence::There if is_kept_back(&newcomer) => {
                    // To tell it would take a descriptor that the modem may need.
                    self.doubt = None;
                }
                Presence::There => {
                    self.doubt = None;
                    self.refusals.spawn(async move {
                        // Who does not stay to hear it does not need it.
                        let _ = timeout(REFUSAL_TIME, refuse(newcomer)).await;
                    });
                }
                Presence::Unknown => {
                    self.next = Some(newcomer);
                    return Poll::Pending;
                }
                Presence::Gone => {
                    self.next = Some(newcomer);
                    self.finished = true;
                    return Poll::Ready(Ok(Event::Finished));
                }
            }
        }
        Poll::Pending
    }

    /// Whether the host may be about to leave: on another core, its end can arrive behind the newcomer that it made way for.
    fn is_in_doubt(&mut self, cx: &mut Context<'_>) -> bool {
        self.doubt.get_or_insert_with(|| Box::pin(sleep(DOUBT_TIME))).as_mut().poll(cx).is_pending()
    }

    /// Asks the system itself: what the runtime knows may be older than the newcomer.
    fn presence(&self) -> Presence {
        let Some(host) = &self.host else { return Presence::Gone };
        match recv(host, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => Presence::There,
            Ok((_, 1..)) => Presence::Unknown,
            Ok(_) | Err(_) => Presence::Gone,
        }
    }
}

/// Whether the host is at its end of the connection.
enum Presence {
    There,
    /// There are bytes of it to read, and its end may stand behind them.
    Unknown,
    Gone,
}

impl SerialEnd for Tcp {
    const OUTLIVES_HOST: bool = true;

    fn place(&self) -> String {
        format!("tcp {}", self.address())
    }

    fn way_in(&self) -> String {
        format!("Connect to it, for instance with `nc {} {}`, and type", self.address().ip(), self.address().port())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>, wants: bool, chunk: &mut [u8]) -> Poll<io::Result<Event>> {
        let Some(host) = &mut self.host else {
            let stream = match self.next.take() {
                Some(stream) => stream,
                None => ready!(self.listener.poll_accept(cx)).0,
            };
            // It would keep the port from all others if it vanished. A connection that is already broken shows it when it
            // is read.
            let _ = socket::prepare(&stream);
            self.host = Some(stream);
            return Poll::Ready(Ok(Event::Opened));
        };
        if self.finished {
            // Whoever comes now does not wait for what the last one is still owed.
            if self.next.is_none() && !self.deaf {
                self.next = Some(ready!(self.listener.poll_accept(cx)).0);
            }
            return Poll::Ready(Ok(Event::Left));
        }
        let event = if wants {
            let mut buffer = ReadBuf::new(chunk);
            match Pin::new(host).poll_read(cx, &mut buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    self.finished = true;
                    Poll::Ready(Ok(Event::Finished))
                }
                Poll::Ready(Ok(())) => Poll::Ready(Ok(Event::Bytes(buffer.filled().len()))),
                Poll::Ready(Err(_)) => Poll::Ready(Ok(Event::Left)),
            }
        } else {
            Poll::Pending
        };
        if event.is_pending() { self.poll_newcomers(cx) } else { event }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(host) = &mut self.host else {
            return Poll::Ready(Ok(0));
        };
        // Whatever is wrong with the connection, the host at its other end is gone.
        let count = ready!(Pin::new(host).poll_write(cx, bytes)).unwrap_or(0);
        self.deaf |= count == 0;
        Poll::Ready(Ok(count))
    }

    fn hang_up(&mut self) -> io::Result<()> {
        self.host = None;
        self.finished = false;
        self.deaf = false;
        self.doubt = None;
        Ok(())
    }
}

/// Says why, and waits for the other side to close: closing with its bytes unread would reset the connection, and it
/// might never see the line.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(IN_USE).await?;
    stream.shutdown().await?;
    let mut discarded = [0; 256];
    while stream.read(&mut discarded).await? > 0 {}
    Ok(())
}

/// Hosts search for result codes anywhere, so none of them may stand in here.
const IN_USE: &[u8] = b"\r\nquasimodem: the modem is in use by another host\r\n";

/// Connections that are being refused at the same time; further ones wait in the listener's queue.
const REFUSALS: usize = 16;

/// Long enough for a packet to go from one core of a busy machine to another.
const DOUBT_TIME: Duration = Duration::from_millis(50);

const REFUSAL_TIME: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::io::Read;
    use std::net::{self, Ipv4Addr};

    use tokio::runtime::Builder;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;

    /// Runs it on a clock that only the test moves: nothing in it waits without being polled.
    fn run<T>(test: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(test)
    }

    /// Polls it once, and lets the sockets have their turn.
    async fn poll(tcp: &mut Tcp) -> Poll<Event> {
        let polled = poll_fn(|cx| Poll::Ready(tcp.poll_event(cx, true, &mut [0; 64]))).await;
        yield_now().await;
        polled.map(Result::unwrap)
    }

    /// Polls it until something holds.
    async fn poll_until(tcp: &mut Tcp, holds: impl Fn(&Tcp) -> bool) {
        for _ in 0..TURNS {
            assert_eq!(poll(tcp).await, Poll::Pending);
            if holds(tcp) {
                return;
            }
        }
        panic!("it did not happen");
    }

    async fn event(tcp: &mut Tcp) -> Event {
        for _ in 0..TURNS {
            if let Poll::Ready(event) = poll(tcp).await {
                return event;
            }
        }
        panic!("nothing happened");
    }

    async fn with_a_host() -> (Tcp, net::TcpStream) {
        let mut tcp = Tcp::listen((Ipv4Addr::LOCALHOST, 0).into(), Voice::unheard()).await.unwrap();
        let host = net::TcpStream::connect(tcp.address()).unwrap();
        assert_eq!(event(&mut tcp).await, Event::Opened);
        (tcp, host)
    }

    #[test]
    fn a_newcomer_takes_over_from_a_host_whose_end_arrives_behind_it() {
        run(async {
            let (mut tcp, host) = with_a_host().await;
            let mut newcomer = net::TcpStream::connect(tcp.address()).unwrap();
            poll_until(&mut tcp, |tcp| tcp.next.is_some()).await;
            advance(DOUBT_TIME / 2).await;
            assert_eq!(poll(&mut tcp).await, Poll::Pending);
            drop(host);
            assert_eq!(event(&mut tcp).await, Event::Finished);
            assert_eq!(event(&mut tcp).await, Event::Left);
            tcp.hang_up().unwrap();
            assert_eq!(event(&mut tcp).await, Event::Opened);
            newcomer.set_nonblocking(true).unwrap();
            let told = newcomer.read(&mut [0; 1]).map_err(|error| error.kind());
            assert_eq!(told, Err(io::ErrorKind::WouldBlock), "it is let in without a word");
        });
    }

    #[test]
    fn newcomers_are_turned_away_one_after_the_other_when_it_is_clear_that_the_host_stays() {
        run(async {
            let (mut tcp, _host) = with_a_host().await;
            let mut newcomers = [0; 2].map(|_| net::TcpStream::connect(tcp.address()).unwrap());
            for newcomer in &mut newcomers {
                poll_until(&mut tcp, |tcp| tcp.next.is_some()).await;
                assert!(tcp.refusals.is_empty());
                advance(DOUBT_TIME).await;
                poll_until(&mut tcp, |tcp| !tcp.refusals.is_empty()).await;
                newcomer.set_nonblocking(true).unwrap();
                let mut told = Vec::new();
                for _ in 0..TURNS {
                    match newcomer.read_to_end(&mut told) {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                    }
                    yield_now().await;
                }
                assert_eq!(told, IN_USE);
                newcomer.shutdown(net::Shutdown::Both).unwrap();
                poll_until(&mut tcp, |tcp| tcp.refusals.is_empty()).await;
            }
        });
    }

    /// More than anything takes, even on a busy machine.
    const TURNS: usize = 1_000_000;
}
