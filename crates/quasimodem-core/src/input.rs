//! What a driver tells a modem.

use core::net::IpAddr;

use crate::net::{Link, Port, Query, Why};
use crate::radio::Change;

/// Something that happened outside the modem.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The host wrote these bytes: [`CHUNK`](Input::CHUNK) at most, and only while
    /// [`Modem::wants`](crate::Modem::wants)`(Port::Serial)`. The split into chunks means nothing.
    Serial(&'a [u8]),
    /// A host opened or left the serial end. Bytes that it wrote before it left MUST be brought before `Detached`.
    Host(Host),
    /// A line of the serial port changed.
    Line(HostLine),
    /// The link that [`Effect::Open`](crate::Effect::Open) asked for is open: over TLS, after the handshake.
    Opened(Link),
    /// The peer sent these bytes, and [`Modem::wants`](crate::Modem::wants)`(Port::Link(link))` said that the link may be
    /// read: [`CHUNK`](Input::CHUNK) at most, but over UDP one whole datagram, however long it is.
    Received(Link, &'a [u8]),
    /// The link could not be opened, or it ended without
    /// [`Effect::Close`](crate::Effect::Close). Bytes that arrived before the end MUST be brought first.
    Closed(Link, Why),
    /// The answer to [`Effect::Resolve`](crate::Effect::Resolve).
    Resolved(Query, Result<IpAddr, Why>),
    /// More is waiting to be written to this port than the driver likes to hold (its high-water mark).
    Full(Port),
    /// What waits to be written to this port fell below the driver's low-water mark.
    Free(Port),
    /// The module's supply and its reset pin.
    Power(Power),
    /// Something changed on the radio side.
    Bearer(Change),
    /// Nothing happened, but the deadline passed.
    Tick,
}

impl Input<'_> {
    /// Bytes that one [`Serial`](Input::Serial) or [`Received`](Input::Received) may bring at most. Datagrams are whole.
    pub const CHUNK: usize = 4096;
}

/// Whether somebody sits at the serial end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host {
    /// A host opened the port. A modem starts without one.
    Attached,
    /// The host that opened the port is still setting it up, and may empty its buffer at the end: what waits for it
    /// waits anew. Means nothing once the host wrote, or was told something.
    Settling,
    /// The host is gone: a half-typed line is forgotten, unsolicited results wait for the next host.
    Detached,
}

/// What somebody does to a module's supply. Its connections end without a DISCONNECT, and what it held in its memory is
/// gone, as after `AT+RESET`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// A pulse at the reset pin. Means nothing to a module that is off.
    Reset,
    /// Off, as by `AT+CPWROFF`: it hears and says nothing, until it is switched on or the next host attaches.
    Off,
    /// On. Means nothing to a module that is on.
    On,
    /// Another module of its kind stands there from now on, as it came out of its box, and starts: what a host stored is
    /// not in it, its SIM is. Tests begin anew that way.
    New,
}

/// A line that the host drives at a real serial port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostLine {
    /// Data terminal ready (V.24 circuit 108/2). With `AT&D1` and `AT&D2` its fall brings the host back to the start
    /// of a command line. Its rise switches a module on that the host switched off.
    Dtr(bool),
}
