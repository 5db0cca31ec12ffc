//! The loop that drives a server without I/O.
//!
//! Each connection has a task that does nothing but connect, read and write. All tasks share one [`Hub`], which no task
//! holds while it waits. So a packet costs the same however many others are connected.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use quasimodem_core::{Input as ModemInput, Instant, Why};
use quasimodem_lab::broker::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{self, Sleep};

use super::{Event, Machine};
use crate::descriptors::limits;
use crate::queue::{Crossed, Queue};
use crate::resolve::why;
use crate::socket::{self, Closing};

/// A server with its clock, which nobody can reach yet.
pub(crate) fn hub<M: Machine>(machine: M) -> Shared<M> {
    let hub = Shared(Arc::new(Mutex::new(Hub {
        machine,
        connections: Connections::default(),
        closing: Closing::new(limits().share(CLOSING)),
        paused: BTreeSet::new(),
        last: 0,
        start: time::Instant::now(),
        armed: None,
        clock: None,
    })));
    tokio::spawn(keep_time(hub.clone()));
    hub
}

async fn keep_time<M: Machine>(hub: Shared<M>) {
    let mut alarm = pin!(time::sleep_until(time::Instant::now()));
    poll_fn(|cx| hub.poll_clock(cx, alarm.as_mut())).await;
}

/// Tells the machine of a connection that a client made, and starts the task that serves it until it ends.
pub(super) fn serve<M: Machine<Id = Peer>>(
    hub: &Shared<M>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    from: SocketAddr,
    secure: bool,
) {
    let peer = hub.accepted(from, secure);
    tokio::spawn(talk(hub.clone(), peer, stream));
}

/// Makes a connection that the machine wants, and serves it until it ends.
async fn dial<M: Machine>(hub: Shared<M>, id: M::Id, mut dialing: Dialing) {
    let connected = poll_fn(|cx| match hub.lock().poll_given_up(cx, id) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => dialing.as_mut().poll(cx).map(Some),
    });
    match connected.await {
        None => {}
        Some(Err(why)) => hub.lost(id, why),
        Some(Ok(stream)) => {
            // A connection that is already broken shows it when it is read.
            let _ = socket::prepare(&stream);
            hub.tell(Event::Opened { id, secure: false, from: None });
            talk(hub, id, stream).await;
        }
    }
}

async fn talk<M: Machine>(hub: Shared<M>, id: M::Id, mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    match poll_fn(|cx| hub.poll(cx, id, &mut stream)).await {
        Ok(None) => {}
        Ok(Some(rest)) => hub.lock().closing.finish(stream, rest),
        Err(why) => hub.lost(id, why),
    }
}

/// The hub as its tasks hold it.
pub(crate) struct Shared<M: Machine>(Arc<Mutex<Hub<M>>>);

/// The machine, and what its connections have to write.
struct Hub<M: Machine> {
    machine: M,
    connections: Connections<M::Id>,
    closing: Closing,
    /// Connections that the machine did not want to be read, if it may come to want it by itself.
    paused: BTreeSet<M::Id>,
    /// The last connection that a client made.
    last: u64,
    start: time::Instant,
    /// When the clock's task wakes up.
    armed: Option<Instant>,
    clock: Option<Waker>,
}

/// What a machine can do to its connections.
pub(crate) struct Connections<Id> {
    table: BTreeMap<Id, Connection>,
    /// Bytes that wait to be written, of all connections.
    waiting: usize,
    /// Connections for which too much waits, while too much waits for all.
    overrun: Vec<Id>,
    /// Connections that may have crossed a mark.
    pushed: Vec<Id>,
    /// Connections to be made, without a task yet.
    dialed: Vec<(Id, Dialing)>,
}

/// A connection that is being made.
pub(crate) type Dialing = Pin<Box<dyn Future<Output = Result<TcpStream, Why>> + Send>>;

/// What a connection's task has to do. All its memory is the queue, and that is bounded: above the mark the machine adds
/// nothing but answers, and after too many of them it does not want to read the peer any more.
#[derive(Default)]
struct Connection {
    output: Queue,
    /// The machine has let go of it: write what is there, and close.
    closing: bool,
    /// Why nothing can be written any more. What the peer sent before is still to be read.
    broken: Option<Why>,
    /// The task, while it waits.
    task: Option<Waker>,
}

impl<M: Machine> Shared<M> {
    /// Tells the machine something by calling it, and does what it wants then.
    pub(crate) fn call(&self, call: impl FnOnce(&mut M, Instant, &mut Connections<M::Id>)) {
        let mut hub = self.lock();
        hub.call(call);
        self.settle(&mut hub);
    }

    /// Whether there is room for another connection, now that an old one was given up.
    pub(super) fn make_room(&self) -> bool {
        let mut made = false;
        self.call(|machine, now, connections| made = machine.make_room(now, connections));
        made
    }

    /// Looks at the machine, and tells it nothing.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut M) -> T) -> T {
        look(&mut self.lock().machine)
    }

    fn lock(&self) -> MutexGuard<'_, Hub<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event<'_, M::Id>) {
        self.call(|machine, now, connections| machine.handle(now, event, connections));
    }

    /// A client has connected.
    fn accepted(&self, from: SocketAddr, secure: bool) -> Peer
    where
        M: Machine<Id = Peer>,
    {
        let mut hub = self.lock();
        hub.last += 1;
        let id = Peer(hub.last);
        hub.connections.table.insert(id, Connection::default());
        hub.step(Event::Opened { id, secure, from: Some(from) });
        self.settle(&mut hub);
        id
    }

    fn lost(&self, id: M::Id, why: Why) {
        let mut hub = self.lock();
        hub.lose(id, why);
        self.settle(&mut hub);
    }

    /// Tells the machine of the marks that were crossed, starts the tasks of new connections, and tells the clock of a
    /// deadline before its alarm.
    fn settle(&self, hub: &mut Hub<M>) {
        while let Some(id) = hub.connections.pushed.pop() {
            match hub.connections.table.get_mut(&id).and_then(|connection| connection.output.crossed()) {
                Some(Crossed::High) => hub.step(Event::Full(id)),
                Some(Crossed::Low) => hub.step(Event::Free(id)),
                None => {}
            }
        }
        while let Some(id) = hub.connections.overrun.pop() {
            let words = "cut off a peer that does not read, since too much waits to be written to all of them";
            hub.machine.voice().detail(format_args!("{words}"));
            hub.lose(id, why(&io::ErrorKind::OutOfMemory.into()));
        }
        for (id, dialing) in mem::take(&mut hub.connections.dialed) {
            tokio::spawn(dial(self.clone(), id, dialing));
        }
        hub.resume();
        // An alarm that comes too early does no harm.
        if let Some(deadline) = hub.machine.deadline()
            && hub.armed.is_none_or(|armed| deadline < armed)
            && let Some(clock) = hub.clock.take()
        {
            clock.wake();
        }
    }

    /// Reads and writes a connection until it ends: why, or what is left to write if the machine closed it.
    fn poll<S>(&self, cx: &mut Context<'_>, id: M::Id, stream: &mut S) -> Poll<Result<Option<Queue>, Why>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut hub = self.lock();
        for _ in 0..ROUNDS {
            // It was abandoned.
            let Some(connection) = hub.connections.table.get_mut(&id) else { return Poll::Ready(Ok(None)) };
            // It is at work: what is pushed meanwhile needs no waking.
            connection.task = None;
            let before = connection.output.waiting().len();
            let written = connection.poll_write(cx, stream);
            let (after, closing) = (connection.output.waiting().len(), connection.closing);
            hub.connections.waiting -= before - after;
            if closing {
                return Poll::Ready(Ok(hub.connections.remove(id).map(|connection| connection.output)));
            }
            hub.connections.pushed.push(id);
            self.settle(&mut hub);
            // Not zeroed: it is on the way of each packet.
            let mut chunk = [MaybeUninit::uninit(); ModemInput::CHUNK];
            let mut buffer = ReadBuf::uninit(&mut chunk);
            let wants = hub.machine.wants(id);
            if !wants && M::RESUMES {
                hub.paused.insert(id);
            }
            let read = if wants { Pin::new(&mut *stream).poll_read(cx, &mut buffer) } else { Poll::Pending };
            let ended = match read {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    hub.step(Event::Received(id, buffer.filled()));
                    self.settle(&mut hub);
                    continue;
                }
                Poll::Ready(Ok(())) => Why::Ended,
                Poll::Ready(Err(error)) => why(&error),
                Poll::Pending => {
                    let Some(connection) = hub.connections.table.get_mut(&id) else { continue };
                    // Marks that were crossed may have brought more into the queue.
                    if connection.closing || written.is_ready() && !connection.output.is_empty() {
                        continue;
                    }
                    connection.task = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            };
            let broken = hub.connections.table.get_mut(&id).and_then(|connection| connection.broken.take());
            // A failed write came first and knows more.
            return Poll::Ready(Err(broken.unwrap_or(ended)));
        }
        // There may be more to do, but others have their turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The machine's deadline.
    fn poll_clock(&self, cx: &mut Context<'_>, mut alarm: Pin<&mut Sleep>) -> Poll<()> {
        let mut hub = self.lock();
        loop {
            hub.armed = None;
            hub.clock = Some(cx.waker().clone());
            let Some(deadline) = hub.machine.deadline() else { return Poll::Pending };
            if deadline > hub.now() {
                alarm.as_mut().reset(hub.start + deadline.since(Instant::START));
                if alarm.as_mut().poll(cx).is_pending() {
                    hub.armed = Some(deadline);
                    return Poll::Pending;
                }
            }
            // It is awake.
            hub.clock = None;
            hub.step(Event::Tick);
            self.settle(&mut hub);
        }
    }
}

impl<M: Machine> Clone for Shared<M> {
    fn clone(&self) -> Shared<M> {
        Shared(self.0.clone())
    }
}

impl<M: Machine> Hub<M> {
    fn step(&mut self, event: Event<'_, M::Id>) {
        self.call(|machine, now, connections| machine.handle(now, event, connections));
    }

    fn call(&mut self, call: impl FnOnce(&mut M, Instant, &mut Connections<M::Id>)) {
        let now = self.now();
        call(&mut self.machine, now, &mut self.connections);
    }

    /// A connection ended. If the machine closed it meanwhile, there is nothing to tell.
    fn lose(&mut self, id: M::Id, why: Why) {
        if let Some(mut connection) = self.connections.remove(id).filter(|connection| !connection.closing) {
            connection.wake();
            self.step(Event::Closed(id, why));
        }
    }

    /// Wakes the tasks of connections that may be read again.
    fn resume(&mut self) {
        let Hub { paused, machine, connections, .. } = self;
        paused.retain(|id| {
            let Some(connection) = connections.table.get_mut(id) else { return false };
            let wanted = machine.wants(*id);
            if wanted {
                connection.wake();
            }
            !wanted
        });
    }

    /// Ready when the machine does not want a connection any more that is being made.
    fn poll_given_up(&mut self, cx: &mut Context<'_>, id: M::Id) -> Poll<()> {
        match self.connections.table.get_mut(&id) {
            Some(connection) if !connection.closing => {
                connection.task = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => {
                self.connections.remove(id);
                Poll::Ready(())
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }
}

impl<Id: Copy + Ord> Connections<Id> {
    /// Connects.
    pub(crate) fn dial(&mut self, id: Id, dialing: Dialing) {
        self.table.insert(id, Connection::default());
        self.dialed.push((id, dialing));
    }

    /// Writes these bytes, unless that connection has ended.
    pub(crate) fn send(&mut self, id: Id, bytes: &[u8]) {
        if let Some(connection) = self.table.get_mut(&id).filter(|connection| connection.broken.is_none()) {
            if self.waiting + bytes.len() > WAITING && connection.output.waiting().len() > Queue::HIGH {
                self.overrun.push(id);
                return;
            }
            connection.output.push(bytes);
            connection.wake();
            self.waiting += bytes.len();
            self.pushed.push(id);
        }
    }

    /// Writes out what was sent, then closes the connection, or gives up making it.
    pub(crate) fn close(&mut self, id: Id) {
        if let Some(connection) = self.table.get_mut(&id) {
            connection.closing = true;
            connection.wake();
        }
    }

    /// Drops the connection as soon as its task has its turn.
    pub(crate) fn abandon(&mut self, id: Id) {
        if let Some(mut connection) = self.remove(id) {
            connection.wake();
        }
    }

    fn remove(&mut self, id: Id) -> Option<Connection> {
        let connection = self.table.remove(&id)?;
        self.waiting -= connection.output.waiting().len();
        Some(connection)
    }
}

impl<Id> Default for Connections<Id> {
    fn default() -> Connections<Id> {
        Connections { table: BTreeMap::new(), waiting: 0, overrun: Vec::new(), pushed: Vec::new(), dialed: Vec::new() }
    }
}

impl Connection {
    /// Ready once nothing is left that can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &mut (impl AsyncWrite + Unpin)) -> Poll<()> {
        self.output.poll_write(cx, stream).map(|written| {
            if let Err(error) = written {
                self.broken = Some(why(&error));
                self.output.clear();
            }
        })
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// Bytes that wait to be written to all peers of one server. Beyond, a peer that has more than its share of them is cut off.
const WAITING: usize = 64 << 20;

/// Connections of one server that are being closed.
const CLOSING: usize = 1000;

/// Turns of one connection, before the others have theirs.
const ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::runtime::Builder;
    use tokio::task::yield_now;

    use super::*;
    use crate::watching::Voice;

    /// Sends each peer a mebibyte, piece by piece.
    struct Talker {
        lost: usize,
    }

    impl Machine for Talker {
        type Id = Peer;
        const RESUMES: bool = false;

        fn handle(&mut self, _now: Instant, event: Event<'_, Peer>, connections: &mut Connections<Peer>) {
            match event {
                Event::Opened { id, .. } => (0..16).for_each(|_| connections.send(id, &[0; 1 << 16])),
                Event::Closed(..) => self.lost += 1,
                Event::Received(..) | Event::Full(_) | Event::Free(_) | Event::Tick => {}
            }
        }

        fn make_room(&mut self, _now: Instant, _connections: &mut Connections<Peer>) -> bool {
            false
        }

        fn voice(&self) -> Voice {
            Voice::unheard()
        }

        fn deadline(&self) -> Option<Instant> {
            None
        }

        fn wants(&self, _id: Peer) -> bool {
            true
        }
    }

    #[test]
    fn what_waits_for_peers_that_do_not_read_is_limited_together() {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let hub = hub(Talker { lost: 0 });
            let mut peers = Vec::new();
            for _ in 0..100 {
                let (near, far) = duplex(1024);
                serve(&hub, near, ([127, 0, 0, 1], 1).into(), false);
                peers.push(far);
                yield_now().await;
            }
            let (waiting, counted) = {
                let hub = hub.lock();
                let all = hub.connections.table.values().map(|connection| connection.output.waiting().len());
                (hub.connections.waiting, all.sum::<usize>())
            };
            assert_eq!(waiting, counted);
            assert!(waiting <= WAITING + 100 * (1 << 16), "{waiting} bytes wait");
            assert_eq!(hub.look(|talker| talker.lost), 100 - WAITING / (1 << 20));
            // All is given back with the peers.
            drop(peers);
            for _ in 0..1000 {
                yield_now().await;
            }
            assert_eq!(hub.lock().connections.waiting, 0);
        });
    }
}
