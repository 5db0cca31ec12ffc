//! Drives one gateway: its links by the common [loop](crate::server), its socket here.
//!
//! One task reads the socket, and one writes what the system did not take at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use quasimodem_core::{Instant, Why};
use quasimodem_lab::flat::Bad;
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Link, Order, Outbox, Peer, Usage};
use quasimodem_lab::watch::Of;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time;

use super::Broker;
use super::inbox::Inbox;
use crate::descriptors::{is_kept_back, none_left};
use crate::link;
use crate::resolve::why;
use crate::server::{self, Connections, Event, Machine, Shared};
use crate::watching::{Voice, Watching};

/// Starts the tasks of a gateway; they end with the runtime.
pub(super) fn start(socket: UdpSocket, broker: Broker, config: Config, watching: &Watching) -> LabGateway {
    let socket = Arc::new(socket);
    let hub = server::hub(Served {
        gateway: Gateway::new(config),
        outbox: Outbox::default(),
        socket: socket.clone(),
        unsent: Unsent::default(),
        sender: None,
        broker: broker.into(),
        watching: watching.clone(),
    });
    tokio::spawn(send(hub.clone(), socket.clone()));
    let voice = hub.look(|served| served.voice());
    tokio::spawn(receive(hub.clone(), socket, voice));
    LabGateway(hub)
}

/// A gateway, for those who give it orders.
#[derive(Clone)]
pub(crate) struct LabGateway(Shared<Served>);

impl LabGateway {
    /// What it holds.
    pub(crate) fn usage(&self) -> Usage {
        self.0.look(|served| served.gateway.usage())
    }

    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub(crate) fn order(&self, order: &Order) -> Result<(), Bad> {
        let mut done = Ok(());
        self.0.call(|served, now, connections| {
            served.with(connections, |gateway, outbox| done = gateway.order(now, order, outbox));
        });
        done
    }
}

async fn receive(hub: Shared<Served>, socket: Arc<UdpSocket>, voice: Voice) {
    let mut inbox = Inbox::new(socket, voice.clone());
    loop {
        if let Err(error) = inbox.fill().await {
            // One that tells of an earlier datagram is over; others don't go away by asking again at once.
            voice.detail(format_args!("can't read datagrams: {error}"));
            time::sleep(PAUSE).await;
        }
        for _ in 0..ROUND {
            let Some((from, datagram)) = inbox.pop() else { break };
            hub.call(|served, now, connections| {
                served.take(now, Input::Datagram(Peer(from), &datagram), connections);
            });
        }
        // Links and the clock have their turn, and what came meanwhile is taken out of the socket.
        tokio::task::yield_now().await;
    }
}

/// Sends what could not be sent at once.
async fn send(hub: Shared<Served>, socket: Arc<UdpSocket>) {
    loop {
        poll_fn(|cx| hub.look(|served| served.poll_unsent(cx))).await;
        // An error shows again when it is sent, and is dealt with there.
        let _ = socket.writable().await;
        hub.look(Served::flush);
    }
}

/// A gateway, its outbox, and datagrams that the system did not take at once.
struct Served {
    gateway: Gateway,
    /// Empty before and after each call.
    outbox: Outbox,
    socket: Arc<UdpSocket>,
    unsent: Unsent,
    /// The task that waits for something to be left unsent.
    sender: Option<Waker>,
    broker: Arc<Broker>,
    watching: Watching,
}

/// Datagrams in the order in which they are sent. What is too much is dropped, as the network may drop it.
#[derive(Default)]
struct Unsent {
    datagrams: VecDeque<(SocketAddr, Box<[u8]>)>,
    bytes: usize,
}

impl Machine for Served {
    type Id = Link;

    /// Datagrams of its client let a link be read again.
    const RESUMES: bool = true;

    fn handle(&mut self, now: Instant, event: Event<'_, Link>, connections: &mut Connections<Link>) {
        let input = match event {
            Event::Opened { id, .. } => Input::Opened(id),
            Event::Received(id, bytes) => Input::Received(id, bytes),
            Event::Closed(id, why) => Input::Closed(id, why),
            Event::Full(id) => Input::Full(id),
            Event::Free(id) => Input::Free(id),
            Event::Tick => Input::Tick,
        };
        self.take(now, input, connections);
    }

    fn make_room(&mut self, _now: Instant, _connections: &mut Connections<Link>) -> bool {
        false
    }

    fn voice(&self) -> Voice {
        self.watching.voice(Of::Part("gateway"))
    }

    fn deadline(&self) -> Option<Instant> {
        self.gateway.deadline()
    }

    fn wants(&self, link: Link) -> bool {
        self.gateway.wants(link)
    }
}

impl Served {
    fn take(&mut self, now: Instant, input: Input<'_>, connections: &mut Connections<Link>) {
        self.with(connections, |gateway, outbox| gateway.handle(now, input, outbox));
    }

    fn with(&mut self, connections: &mut Connections<Link>, call: impl FnOnce(&mut Gateway, &mut Outbox)) {
        let Served { gateway, outbox, socket, unsent, sender, broker, watching } = self;
        outbox.note_messages(watching.hears_messages());
        call(gateway, outbox);
        for effect in outbox.effects() {
            match effect {
                Effect::Send(Peer(to), datagram) => {
                    // At once if the system takes it.
                    if unsent.datagrams.is_empty() && !is_busy(socket.try_send_to(datagram, to)) {
                        continue;
                    }
                    unsent.push(to, datagram);
                    if let Some(sender) = sender.take() {
                        sender.wake();
                    }
                }
                Effect::Open(link) => {
                    let broker = broker.clone();
                    connections.dial(link, Box::pin(async move { dial(&broker).await }));
                }
                Effect::Write(link, bytes) => connections.send(link, bytes),
                Effect::Close(link) => connections.close(link),
                Effect::Note(note) => watching.see(|watch| watch.gateway(watching.now(), note)),
            }
        }
        outbox.clear();
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
}

/// Connects to the broker, unless the descriptors that are left are the modem's.
async fn dial(broker: &Broker) -> Result<TcpStream, Why> {
    let stream = link::connect(&broker.host, broker.port).await?;
    if is_kept_back(&stream) { Err(why(&none_left())) } else { Ok(stream) }
}

/// Whether the socket takes nothing at the moment. Any other error is that of one datagram, which is lost.
fn is_busy(sent: io::Result<usize>) -> bool {
    sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
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

/// Datagrams that are dealt with before the socket is read again.
const ROUND: usize = 32;

/// Bytes of datagrams that wait for the system at most.
const UNSENT_MAX: usize = 1 << 20;

/// Time to wait after datagrams could not be read.
const PAUSE: Duration = Duration::from_millis(100);
