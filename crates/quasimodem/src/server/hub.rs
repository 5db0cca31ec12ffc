//! Drives a lab broker, or another server of its shape: brings it what happens at its connections and the clock, and carries
//! out what it wants.
//!
//! Each connection has a task that does nothing but read and write its socket. All tasks share one [`Hub`], which no task
//! holds while it waits. So a packet costs the same however many others are connected.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{SystemTime, UNIX_EPOCH};

use quasimodem_core::{Input as ModemInput, Instant};
use quasimodem_lab::broker::{Effect, Input, Outbox, Peer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Sleep};

use crate::queue::{Crossed, Queue};
use crate::{log, socket};

/// A server without I/O.
pub(crate) trait Machine: Send + 'static {
    /// What it tells of itself.
    type Note: fmt::Display + Send;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<Self::Note>);
    fn deadline(&self) -> Option<Instant>;
    fn wants(&self, peer: Peer) -> bool;
}

/// A server with its clock, which nobody can reach yet. The name is for the log.
pub(crate) fn hub<M: Machine>(name: &'static str, machine: M) -> Shared<M> {
    let hub = Shared(Arc::new(Mutex::new(Hub {
        name,
        machine,
        outbox: Outbox::default(),
        connections: BTreeMap::new(),
        pushed: Vec::new(),
        last: 0,
        start: time::Instant::now(),
        armed: None,
        clock: None,
    })));
    tokio::spawn(keep_time(hub.clone()));
    hub
}

/// Serves a connection until it ends.
pub(crate) async fn serve<M: Machine>(hub: Shared<M>, mut stream: impl AsyncRead + AsyncWrite + Unpin, secure: bool) {
    let peer = hub.lock().connect(secure);
    let rest = poll_fn(|cx| hub.lock().poll(cx, peer, &mut stream)).await;
    if let Some(rest) = rest {
        socket::finish(stream, rest.waiting()).await;
    }
}

async fn keep_time<M: Machine>(hub: Shared<M>) {
    let mut alarm = pin!(time::sleep_until(time::Instant::now()));
    poll_fn(|cx| hub.lock().poll_clock(cx, alarm.as_mut())).await;
}

/// The hub as its tasks hold it.
pub(crate) struct Shared<M: Machine>(Arc<Mutex<Hub<M>>>);

impl<M: Machine> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, Hub<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Machine> Clone for Shared<M> {
    fn clone(&self) -> Shared<M> {
        Shared(self.0.clone())
    }
}

/// The server, and what its connections have to write.
struct Hub<M: Machine> {
    name: &'static str,
    machine: M,
    /// Empty before and after each call.
    outbox: Outbox<M::Note>,
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

impl<M: Machine> Hub<M> {
    fn connect(&mut self, secure: bool) -> Peer {
        self.last += 1;
        let peer = Peer(self.last);
        self.connections.insert(peer, Connection::default());
        // Somebody may have set the clock.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.handle(Input::Clock(time.as_secs().try_into().unwrap_or(i64::MAX)));
        self.handle(Input::Connected(peer));
        if secure {
            self.handle(Input::Secured(peer));
        }
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
            let wants = self.machine.wants(peer);
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

    /// The server's deadline.
    fn poll_clock(&mut self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<()> {
        self.clock = Some(cx.waker().clone());
        loop {
            self.armed = None;
            let Some(deadline) = self.machine.deadline() else { return Poll::Pending };
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

    /// Tells the server of one thing, and does what it wants then.
    fn handle(&mut self, input: Input<'_>) {
        self.step(input);
        self.settle();
    }

    /// Tells the server of the marks that were crossed, and the clock of a deadline before its alarm.
    fn settle(&mut self) {
        while let Some(peer) = self.pushed.pop() {
            match self.connections.get_mut(&peer).and_then(|connection| connection.output.crossed()) {
                Some(Crossed::High) => self.step(Input::Full(peer)),
                Some(Crossed::Low) => self.step(Input::Free(peer)),
                None => {}
            }
        }
        // An alarm that comes too early does no harm.
        if let Some(deadline) = self.machine.deadline()
            && self.armed.is_none_or(|armed| deadline < armed)
            && let Some(clock) = self.clock.take()
        {
            clock.wake();
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let now = self.now();
        let mut outbox = mem::take(&mut self.outbox);
        self.machine.handle(now, input, &mut outbox);
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
                Effect::Note(note) => log::server(self.name, note),
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
