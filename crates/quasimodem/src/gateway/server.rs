//! Drives one gateway: brings it what happens at its socket, its links and the clock, and carries out what it wants.
//!
//! Each link has a task that does nothing but connect, read and write; one task reads the socket, and one writes what the
//! system did not take at once. All tasks share one [`Hub`], which no task holds while it waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use quasimodem_core::{Input as ModemInput, Instant, Why, sn};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Link, Outbox, Peer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{self, Sleep};

use super::Broker;
use crate::queue::{Crossed, Queue};
use crate::resolve::why;
use crate::{link, log, socket};

/// Starts the tasks of a gateway; they end with the runtime.
pub(super) fn start(socket: UdpSocket, broker: Broker, config: Config) {
    let socket = Arc::new(socket);
    let hub = Shared(Arc::new(Mutex::new(Hub {
        gateway: Gateway::new(config),
        outbox: Outbox::default(),
        socket: socket.clone(),
        unsent: Unsent::default(),
        sender: None,
        broker: broker.into(),
        links: BTreeMap::new(),
        opened: Vec::new(),
        pushed: Vec::new(),
        paused: BTreeSet::new(),
        start: time::Instant::now(),
        armed: None,
        clock: None,
    })));
    tokio::spawn(keep_time(hub.clone()));
    tokio::spawn(send(hub.clone(), socket.clone()));
    tokio::spawn(receive(hub, socket));
}

async fn receive(hub: Shared, socket: Arc<UdpSocket>) {
    let mut datagram = vec![0; sn::MAX_DATAGRAM];
    loop {
        match socket.recv_from(&mut datagram).await {
            Ok((size, from)) => {
                let datagram = datagram.get(..size).unwrap_or_default();
                hub.handle(Input::Datagram(Peer(from), datagram));
            }
            Err(error) => {
                // One that tells of an earlier datagram is over; others don't go away by asking again at once.
                log::gateway_trouble(&error);
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Sends what could not be sent at once.
async fn send(hub: Shared, socket: Arc<UdpSocket>) {
    loop {
        poll_fn(|cx| hub.lock().poll_unsent(cx)).await;
        // An error shows again when it is sent, and is dealt with there.
        let _ = socket.writable().await;
        hub.lock().flush();
    }
}

async fn serve(hub: Shared, link: Link, broker: Arc<Broker>) {
    let mut connecting = pin!(link::connect(&broker.host, broker.port));
    let connected = poll_fn(|cx| match hub.lock().poll_given_up(cx, link) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => connecting.as_mut().poll(cx).map(Some),
    });
    let mut stream = match connected.await {
        None => return,
        Some(Err(why)) => return hub.lost(link, why),
        Some(Ok(stream)) => stream,
    };
    // A connection that is broken already shows when it is read.
    let _ = socket::prepare(&stream);
    hub.handle(Input::Opened(link));
    match poll_fn(|cx| hub.poll(cx, link, &mut stream)).await {
        Ok(rest) => socket::finish(stream, rest.waiting()).await,
        Err(why) => hub.lost(link, why),
    }
}

async fn keep_time(hub: Shared) {
    let mut alarm = pin!(time::sleep_until(time::Instant::now()));
    poll_fn(|cx| hub.poll_clock(cx, alarm.as_mut())).await;
}

/// The hub as its tasks hold it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Hub>>);

/// The gateway, what its links have to write, and datagrams that the system did not take at once.
struct Hub {
    gateway: Gateway,
    /// Empty before and after each call.
    outbox: Outbox,
    socket: Arc<UdpSocket>,
    unsent: Unsent,
    /// The task that waits for something to be left unsent.
    sender: Option<Waker>,
    broker: Arc<Broker>,
    links: BTreeMap<Link, Connection>,
    /// Links without a task yet.
    opened: Vec<Link>,
    /// Links that may have crossed a mark.
    pushed: Vec<Link>,
    /// Links that the gateway did not want to be read.
    paused: BTreeSet<Link>,
    start: time::Instant,
    /// When the clock's task wakes up.
    armed: Option<Instant>,
    clock: Option<Waker>,
}

/// What a link's task has to do. Its queue is bounded: above the mark the gateway adds nothing but answers to the broker.
#[derive(Default)]
struct Connection {
    output: Queue,
    /// The gateway knows it no more: write what is there, and close.
    closing: bool,
    /// The task, while it waits.
    task: Option<Waker>,
}

/// Datagrams in the order in which they are sent. What is too much is dropped, as the network may drop it.
#[derive(Default)]
struct Unsent {
    datagrams: VecDeque<(SocketAddr, Box<[u8]>)>,
    bytes: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the gateway of one thing, and does what it wants then.
    fn handle(&self, input: Input<'_>) {
        let mut hub = self.lock();
        hub.step(input);
        self.settle(&mut hub);
    }

    fn lost(&self, link: Link, why: Why) {
        let mut hub = self.lock();
        // If the gateway closed it meanwhile, nothing is to be told.
        if hub.links.remove(&link).is_some_and(|connection| !connection.closing) {
            hub.step(Input::Closed(link, why));
            self.settle(&mut hub);
        }
    }

    /// Tells the gateway of the marks that were crossed, starts the tasks of new links, and tells the clock of a deadline
    /// before its alarm.
    fn settle(&self, hub: &mut Hub) {
        while let Some(link) = hub.pushed.pop() {
            match hub.links.get_mut(&link).and_then(|connection| connection.output.crossed()) {
                Some(Crossed::High) => hub.step(Input::Full(link)),
                Some(Crossed::Low) => hub.step(Input::Free(link)),
                None => {}
            }
        }
        for link in mem::take(&mut hub.opened) {
            tokio::spawn(serve(self.clone(), link, hub.broker.clone()));
        }
        hub.resume();
        // An alarm that comes too early does no harm.
        if let Some(deadline) = hub.gateway.deadline()
            && hub.armed.is_none_or(|armed| deadline < armed)
            && let Some(clock) = hub.clock.take()
        {
            clock.wake();
        }
    }

    /// Reads and writes a link until it ends: why, or what is left to write if the gateway closed it.
    fn poll(&self, cx: &mut Context<'_>, link: Link, stream: &mut TcpStream) -> Poll<Result<Queue, Why>> {
        let mut hub = self.lock();
        for _ in 0..ROUNDS {
            let Some(connection) = hub.links.get_mut(&link) else { return Poll::Ready(Ok(Queue::default())) };
            // It is at work: what is pushed meanwhile needs no waking.
            connection.task = None;
            let written = connection.poll_write(cx, stream);
            if connection.closing {
                let rest = hub.links.remove(&link).map(|connection| connection.output);
                return Poll::Ready(Ok(rest.unwrap_or_default()));
            }
            let broken = match written {
                Poll::Ready(Err(ref error)) => Some(why(error)),
                Poll::Ready(Ok(())) | Poll::Pending => None,
            };
            hub.pushed.push(link);
            self.settle(&mut hub);
            let mut chunk = [0; ModemInput::CHUNK];
            let mut buffer = ReadBuf::new(&mut chunk);
            let wants = hub.gateway.wants(link);
            if !wants {
                hub.paused.insert(link);
            }
            let read = if wants { Pin::new(&mut *stream).poll_read(cx, &mut buffer) } else { Poll::Pending };
            match (read, broken) {
                (Poll::Ready(Ok(())), _) if !buffer.filled().is_empty() => {
                    hub.step(Input::Received(link, buffer.filled()));
                    self.settle(&mut hub);
                }
                // A failed write comes first and knows more.
                (_, Some(why)) => return Poll::Ready(Err(why)),
                (Poll::Ready(Ok(())), None) => return Poll::Ready(Err(Why::Ended)),
                (Poll::Ready(Err(error)), None) => return Poll::Ready(Err(why(&error))),
                (Poll::Pending, None) => {
                    let Some(connection) = hub.links.get_mut(&link) else { continue };
                    // What was told of marks may have brought more into the queue.
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

    /// The gateway's deadline.
    fn poll_clock(&self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<()> {
        let mut hub = self.lock();
        loop {
            hub.armed = None;
            hub.clock = Some(cx.waker().clone());
            let Some(deadline) = hub.gateway.deadline() else { return Poll::Pending };
            if deadline > hub.now() {
                alarm.as_mut().reset(hub.start + deadline.since(Instant::START));
                if alarm.as_mut().poll(cx).is_pending() {
                    hub.armed = Some(deadline);
                    return Poll::Pending;
                }
            }
            // It is awake.
            hub.clock = None;
            hub.step(Input::Tick);
            self.settle(&mut hub);
        }
    }
}

impl Hub {
    fn step(&mut self, input: Input<'_>) {
        let now = self.now();
        let mut outbox = mem::take(&mut self.outbox);
        self.gateway.handle(now, input, &mut outbox);
        for effect in outbox.effects() {
            match effect {
                Effect::Send(peer, datagram) => self.send(peer.0, datagram),
                Effect::Open(link) => {
                    self.links.insert(link, Connection::default());
                    self.opened.push(link);
                }
                Effect::Write(link, bytes) => {
                    if let Some(connection) = self.links.get_mut(&link) {
                        connection.output.push(bytes);
                        connection.wake();
                        self.pushed.push(link);
                    }
                }
                Effect::Close(link) => {
                    if let Some(connection) = self.links.get_mut(&link) {
                        connection.closing = true;
                        connection.wake();
                    }
                }
                Effect::Note(note) => log::gateway(note),
            }
        }
        outbox.clear();
        self.outbox = outbox;
    }

    /// Wakes the tasks of links that may be read again.
    fn resume(&mut self) {
        let Hub { paused, gateway, links, .. } = self;
        paused.retain(|link| {
            let Some(connection) = links.get_mut(link) else { return false };
            let wanted = gateway.wants(*link);
            if wanted {
                connection.wake();
            }
            !wanted
        });
    }

    /// At once if the system takes it.
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        if self.unsent.datagrams.is_empty() && !is_busy(self.socket.try_send_to(datagram, to)) {
            return;
        }
        self.unsent.push(to, datagram);
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
    }

    fn flush(&mut self) {
        while let Some((to, datagram)) = self.unsent.datagrams.front() {
            if is_busy(self.socket.try_send_to(datagram, *to)) {
                return;
            }
            self.unsent.pop();
        }
    }

    /// Ready when something is left to be sent.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.unsent.datagrams.is_empty() {
            return Poll::Ready(());
        }
        self.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when the gateway does not want a link any more that is being opened.
    fn poll_given_up(&mut self, cx: &mut Context<'_>, link: Link) -> Poll<()> {
        match self.links.get_mut(&link) {
            Some(connection) if !connection.closing => {
                connection.task = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => {
                self.links.remove(&link);
                Poll::Ready(())
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }
}

/// Whether the socket takes nothing at the moment. Any other error is that of one datagram, which is lost.
fn is_busy(sent: std::io::Result<usize>) -> bool {
    sent.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

impl Unsent {
    fn push(&mut self, to: SocketAddr, datagram: &[u8]) {
        if self.bytes + datagram.len() <= UNSENT_MAX {
            self.bytes += datagram.len();
            self.datagrams.push_back((to, datagram.into()));
        }
    }

    fn pop(&mut self) {
        if let Some((_, datagram)) = self.datagrams.pop_front() {
            self.bytes -= datagram.len();
        }
    }
}

impl Connection {
    /// Ready once nothing is left that can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<std::io::Result<()>> {
        while !self.output.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, self.output.waiting())) {
                Ok(count) => self.output.advance(count),
                Err(error) => {
                    self.output.clear();
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// Turns of one link, before the others have theirs.
const ROUNDS: usize = 16;

/// Bytes of datagrams that wait for the system at most.
const UNSENT_MAX: usize = 1 << 20;

/// Time to wait after datagrams could not be read.
const PAUSE: Duration = Duration::from_millis(100);
