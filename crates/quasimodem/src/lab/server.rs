//! Drives one lab broker: brings it what happens at its connections and the clock, and carries out what it wants.
//!
//! Each connection has a task that does nothing but read and write its socket. All tasks share one [`Hub`], which no task
//! holds while it waits. So a packet costs the same however many others are connected.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use quasimodem_core::{Input as ModemInput, Instant};
use quasimodem_lab::broker::{Broker, Effect, Input, Outbox, Peer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{self, Sleep};
use tokio_rustls::TlsAcceptor;

use super::tls;
use crate::log;
use crate::queue::{Crossed, Queue};
use crate::socket;

/// Starts the tasks of a broker, which take connections there, and over TLS there; they end with the runtime.
pub(super) fn start(listener: TcpListener, secured: Option<(TcpListener, TlsAcceptor)>, broker: Broker) {
    let hub = Shared(Arc::new(Mutex::new(Hub {
        broker,
        outbox: Outbox::default(),
        connections: BTreeMap::new(),
        pushed: Vec::new(),
        last: 0,
        start: time::Instant::now(),
        armed: None,
        clock: None,
    })));
    tokio::spawn(keep_time(hub.clone()));
    if let Some((listener, acceptor)) = secured {
        tokio::spawn(tls::accept(hub.clone(), listener, acceptor));
    }
    tokio::spawn(accept(hub, listener));
}

async fn accept(hub: Shared, listener: TcpListener) {
    loop {
        let (stream, _) = next(&listener).await;
        tokio::spawn(serve(hub.clone(), stream));
    }
}

/// The next connection.
pub(super) async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
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

/// Serves a connection until it ends.
pub(super) async fn serve(hub: Shared, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let peer = hub.lock().connect();
    let rest = poll_fn(|cx| hub.lock().poll(cx, peer, &mut stream)).await;
    if let Some(rest) = rest {
        socket::finish(stream, rest.waiting()).await;
    }
}

async fn keep_time(hub: Shared) {
    let mut alarm = pin!(time::sleep_until(time::Instant::now()));
    poll_fn(|cx| hub.lock().poll_clock(cx, alarm.as_mut())).await;
}

/// The hub as its tasks hold it.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Hub>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The broker, and what its connections have to write.
struct Hub {
    broker: Broker,
    /// Empty before and after each call.
    outbox: Outbox,
    connections: BTreeMap<Peer, Connection>,
    /// Connections that may have crossed a mark.
    pushed: Vec<Peer>,
    /// The last connection that came.
    last: u64,
    start: time::Instant,
    /// When the clock's task wakes up.
    armed: Option<Instant>,
    clock: Option<Waker>,
}

/// What a connection's task has to do. All its memory is the queue, and that is bounded: above the mark the broker adds
/// nothing but answers, and after so many of them it does not want to read the peer any more.
#[derive(Default)]
struct Connection {
    output: Queue,
    /// Something may wait in the stream itself, as TLS does it.
    unflushed: bool,
    /// The broker knows it no more: write what is there, and close.
    closing: bool,
    /// Nothing can be written any more. What the peer sent before is still to be read.
    broken: bool,
    /// The task, while it waits.
    task: Option<Waker>,
}

impl Hub {
    fn connect(&mut self) -> Peer {
        self.last += 1;
        let peer = Peer(self.last);
        self.connections.insert(peer, Connection::default());
        self.handle(Input::Connected(peer));
        peer
    }

    /// Reads and writes a connection until it ends. If the broker closed it: what is left to write.
    fn poll<S>(&mut self, cx: &mut Context<'_>, peer: Peer, stream: &mut S) -> Poll<Option<Queue>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        for _ in 0..ROUNDS {
            let Some(connection) = self.connections.get_mut(&peer) else { return Poll::Ready(None) };
            // It is at work: what is pushed meanwhile needs no waking.
            connection.task = None;
            let written = connection.poll_write(cx, stream);
            if connection.closing {
                return Poll::Ready(self.connections.remove(&peer).map(|connection| connection.output));
            }
            self.pushed.push(peer);
            self.settle();
            let mut chunk = [0; ModemInput::CHUNK];
            let mut buffer = ReadBuf::new(&mut chunk);
            let wants = self.broker.wants(peer);
            let read = if wants { Pin::new(&mut *stream).poll_read(cx, &mut buffer) } else { Poll::Pending };
            match read {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.handle(Input::Received(peer, buffer.filled()));
                }
                Poll::Ready(_ended) => {
                    self.connections.remove(&peer);
                    self.handle(Input::Gone(peer));
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let Some(connection) = self.connections.get_mut(&peer) else { return Poll::Ready(None) };
                    // Room in the queue may have brought more into it.
                    if connection.closing || written.is_ready() && !connection.output.is_empty() {
                        continue;
                    }
                    connection.task = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
        // There may be more to do, but others have their turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The broker's deadline.
    fn poll_clock(&mut self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<()> {
        self.clock = Some(cx.waker().clone());
        loop {
            self.armed = None;
            let Some(deadline) = self.broker.deadline() else { return Poll::Pending };
            if deadline > self.now() {
                alarm.as_mut().reset(self.start + deadline.since(Instant::START));
                if alarm.as_mut().poll(cx).is_pending() {
                    self.armed = Some(deadline);
                    return Poll::Pending;
                }
            }
            self.handle(Input::Tick);
        }
    }

    /// Tells the broker of one thing, and does what it wants then.
    fn handle(&mut self, input: Input<'_>) {
        self.step(input);
        self.settle();
    }

    /// Tells the broker of the marks that were crossed, and the clock of a deadline before its alarm.
    fn settle(&mut self) {
        while let Some(peer) = self.pushed.pop() {
            match self.connections.get_mut(&peer).and_then(|connection| connection.output.crossed()) {
                Some(Crossed::High) => self.step(Input::Full(peer)),
                Some(Crossed::Low) => self.step(Input::Free(peer)),
                None => {}
            }
        }
        // An alarm that comes too early does no harm.
        if let Some(deadline) = self.broker.deadline()
            && self.armed.is_none_or(|armed| deadline < armed)
            && let Some(clock) = self.clock.take()
        {
            clock.wake();
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let now = self.now();
        let mut outbox = mem::take(&mut self.outbox);
        self.broker.handle(now, input, &mut outbox);
        for effect in outbox.effects() {
            match effect {
                Effect::Send(peer, bytes) => {
                    if let Some(connection) = self.connections.get_mut(&peer).filter(|connection| !connection.broken) {
                        connection.output.push(bytes);
                        connection.wake();
                        self.pushed.push(peer);
                    }
                }
                Effect::Close(peer) => {
                    if let Some(connection) = self.connections.get_mut(&peer) {
                        connection.closing = true;
                        connection.wake();
                    }
                }
                Effect::Note(note) => log::broker(note),
            }
        }
        outbox.clear();
        self.outbox = outbox;
    }

    fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }
}

impl Connection {
    /// Ready once nothing is left that can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut (impl AsyncWrite + Unpin)) -> Poll<()> {
        if ready!(self.try_write(cx, stream)).is_err() {
            self.broken = true;
            self.output.clear();
            self.unflushed = false;
        }
        Poll::Ready(())
    }

    fn try_write(&mut self, cx: &mut Context<'_>, stream: &mut (impl AsyncWrite + Unpin)) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(cx, self.output.waiting()))?;
            self.output.advance(count);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// Turns of one connection, before the others have theirs.
const ROUNDS: usize = 16;

/// Time to wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);
