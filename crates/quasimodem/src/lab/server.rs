//! What the lab serves: brokers, and the endpoints of clouds.

use std::fmt;

use quasimodem_core::Instant;
use quasimodem_lab::broker::{self, Broker, Effect, Input, Outbox, Peer, Usage};
use quasimodem_lab::cloud::http;
use quasimodem_lab::flat::Bad;
use quasimodem_lab::watch::{Of, Watch};
use tokio_rustls::TlsAcceptor;

use crate::driver::wall_clock;
use crate::listener::Listener;
use crate::server::{self, Connections, Event, Layer, Machine, Shared};
use crate::watching::{Voice, Watching};

/// Starts the tasks of a broker, which takes connections there, and over TLS there; they end with the runtime.
pub(super) fn start(
    listener: Listener,
    secured: Option<(Listener, TlsAcceptor)>,
    broker: Broker,
    watching: &Watching,
) -> LabBroker {
    let hub = hub(BROKER, broker, watching);
    if let Some((listener, acceptor)) = secured {
        tokio::spawn(server::accept_tls(hub.clone(), listener, acceptor, Layer::Always));
    }
    tokio::spawn(server::accept(hub.clone(), listener));
    LabBroker(hub)
}

/// The lab's own broker, for those who give it orders.
#[derive(Clone)]
pub(crate) struct LabBroker(Shared<Served<Broker>>);

impl LabBroker {
    /// What it holds.
    pub(crate) fn usage(&self) -> Usage {
        self.0.look(|served| served.server.usage())
    }

    /// Its sessions, so many at most.
    pub(crate) fn sessions(&self, most: usize) -> Vec<broker::Kept> {
        self.0.look(|served| served.server.sessions(most))
    }

    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// Nobody is there whom it is about.
    pub(crate) fn order(&self, order: &broker::Order) -> Result<(), Bad> {
        let mut done = Ok(());
        self.0.call(|Served { name, server, outbox, watching }, now, connections| {
            done = server.order(now, order, outbox);
            carry_out::<Broker>(name, outbox, watching, connections);
        });
        done
    }
}

/// The name of the lab's own broker; those of clouds have theirs.
pub(super) const BROKER: &str = "broker";

/// A server with its clock, which nobody can reach yet. The name is for those who watch.
pub(super) fn hub<S: Serve>(name: &'static str, server: S, watching: &Watching) -> Shared<Served<S>> {
    server::hub(Served { name, server, outbox: Outbox::default(), watching: watching.clone() })
}

/// A server of the lab and its outbox.
pub(super) struct Served<S: Serve> {
    name: &'static str,
    server: S,
    /// Empty before and after each call.
    outbox: Outbox<S::Note>,
    watching: Watching,
}

/// What the lab's servers have in common.
pub(super) trait Serve: Send + 'static {
    /// What it tells of itself.
    type Note: fmt::Display + Send;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<Self::Note>);
    fn deadline(&self) -> Option<Instant>;
    fn wants(&self, peer: Peer) -> bool;
    fn make_room(&mut self, outbox: &mut Outbox<Self::Note>) -> bool;

    /// Shows what the server of that name tells of itself.
    fn show(watch: &mut dyn Watch, now: Instant, name: &'static str, note: &Self::Note) {
        watch.server(now, name, note);
    }
}

impl<S: Serve> Machine for Served<S> {
    type Id = Peer;

    /// A peer is not read until it has taken its answers.
    const RESUMES: bool = false;

    fn handle(&mut self, now: Instant, event: Event<'_, Peer>, connections: &mut Connections<Peer>) {
        let Served { name, server, outbox, watching } = self;
        match event {
            Event::Opened { id, secure, from } => {
                if let Some(from) = from {
                    watching.voice(Of::Part(name)).detail(format_args!("connection {id} from {from}"));
                }
                // Somebody may have set the clock.
                if let Some(seconds) = wall_clock() {
                    server.handle(now, Input::Clock(seconds), outbox);
                }
                server.handle(now, Input::Connected(id), outbox);
                if secure {
                    server.handle(now, Input::Secured(id), outbox);
                }
            }
            Event::Received(id, bytes) => server.handle(now, Input::Received(id, bytes), outbox),
            Event::Closed(id, _) => server.handle(now, Input::Gone(id), outbox),
            Event::Full(id) => server.handle(now, Input::Full(id), outbox),
            Event::Free(id) => server.handle(now, Input::Free(id), outbox),
            Event::Tick => server.handle(now, Input::Tick, outbox),
        }
        carry_out::<S>(name, outbox, watching, connections);
    }

    fn make_room(&mut self, _now: Instant, connections: &mut Connections<Peer>) -> bool {
        let Served { name, server, outbox, watching } = self;
        let made = server.make_room(outbox);
        for effect in outbox.effects() {
            match effect {
                Effect::Send(..) => {}
                // A client that says nothing does not wait for a farewell either.
                Effect::Close(id) => connections.abandon(id),
                Effect::Note(note) => watching.see(|watch| S::show(watch, watching.now(), name, note)),
            }
        }
        outbox.clear();
        made
    }

    fn voice(&self) -> Voice {
        self.watching.voice(Of::Part(self.name))
    }

    fn deadline(&self) -> Option<Instant> {
        self.server.deadline()
    }

    fn wants(&self, id: Peer) -> bool {
        self.server.wants(id)
    }
}

/// Does what a server wants, and empties its outbox.
fn carry_out<S: Serve>(
    name: &'static str,
    outbox: &mut Outbox<S::Note>,
    watching: &Watching,
    connections: &mut Connections<Peer>,
) {
    for effect in outbox.effects() {
        match effect {
            Effect::Send(id, bytes) => connections.send(id, bytes),
            Effect::Close(id) => connections.close(id),
            Effect::Note(note) => watching.see(|watch| S::show(watch, watching.now(), name, note)),
        }
    }
    outbox.clear();
}

impl Serve for Broker {
    type Note = broker::Note;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox) {
        self.handle(now, input, outbox);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn wants(&self, peer: Peer) -> bool {
        self.wants(peer)
    }

    fn make_room(&mut self, outbox: &mut Outbox) -> bool {
        self.make_room(outbox)
    }

    fn show(watch: &mut dyn Watch, now: Instant, name: &'static str, note: &broker::Note) {
        if name == BROKER {
            watch.broker(now, 0, note);
        } else {
            watch.server(now, name, note);
        }
    }
}

impl Serve for http::Server {
    type Note = http::Note;

    fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<http::Note>) {
        self.handle(now, input, outbox);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn wants(&self, peer: Peer) -> bool {
        self.wants(peer)
    }

    fn make_room(&mut self, outbox: &mut Outbox<http::Note>) -> bool {
        self.make_room(outbox)
    }
}
