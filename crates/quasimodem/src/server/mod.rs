//! Servers without I/O, and the one loop that drives them: the lab's broker and endpoints, and the gateway.
//!
//! A [`Machine`] is told what happens at its connections and when its deadline comes, and says what it wants done. The
//! [mod@hub] owns reading, writing, slow peers and the clock; [admission] takes connections and puts TLS over them.

mod admission;
mod hub;

use std::net::SocketAddr;

use quasimodem_core::{Instant, Why};

pub(crate) use self::admission::{Layer, accept, accept_tls};
pub(crate) use self::hub::{Connections, Shared, hub};
use crate::watching::Voice;

/// A server without I/O.
pub(crate) trait Machine: Send + 'static {
    /// Names a connection, and none after it. Those that clients make are named by the hub, by a
    /// [`Peer`](quasimodem_lab::broker::Peer), those that the machine makes by itself.
    type Id: Copy + Ord + Send + Sync + 'static;

    /// Whether what [`wants`](Self::wants) says of a connection may change by what happens elsewhere, and not only by what
    /// happens at the connection or is sent to it. To look after them then costs a little with each event.
    const RESUMES: bool;

    /// Takes in what happened, and says what is to be done with the connections.
    fn handle(&mut self, now: Instant, event: Event<'_, Self::Id>, connections: &mut Connections<Self::Id>);

    /// Gives up the connection that has the least claim to it, if there is one of a client that has said nothing yet:
    /// there is no room for another.
    fn make_room(&mut self, now: Instant, connections: &mut Connections<Self::Id>) -> bool;

    /// By what is said of it that it does not know.
    fn voice(&self) -> Voice;

    /// When it wants a [`Tick`](Event::Tick), if nothing happens before.
    fn deadline(&self) -> Option<Instant>;

    /// Whether this connection may be read.
    fn wants(&self, id: Self::Id) -> bool;
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Event<'a, Id> {
    /// A client connected, over TLS if it is `secure`, or a connection that the machine wanted is there.
    Opened {
        /// Which one.
        id: Id,
        /// After a handshake of TLS.
        secure: bool,
        /// Where the client connected from.
        from: Option<SocketAddr>,
    },
    /// The peer sent these bytes, a chunk of at most [`CHUNK`](quasimodem_core::Input::CHUNK).
    Received(Id, &'a [u8]),
    /// It ended, or could not be made; all that came before has been told.
    Closed(Id, Why),
    /// More waits to be written than [`HIGH`](crate::queue::Queue::HIGH).
    Full(Id),
    /// Less waits than [`LOW`](crate::queue::Queue::LOW).
    Free(Id),
    /// The deadline passed.
    Tick,
}
