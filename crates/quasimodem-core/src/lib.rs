//! A cellular module in software: the DCE side of Fibocom's MQTT AT commands, with its MQTT and MQTT-SN clients, as one
//! state machine without I/O, clock or randomness.
//!
//! A [`Modem`] does nothing by itself. A driver tells it what happened, carries out what it answers, and comes back at
//! its deadline:
//!
//! ```
//! use quasimodem_core::{Effect, Family, Input, Instant, Link, Modem, ModemLine, Outbox, Port, Query, Transport};
//!
//! /// What a driver needs of the place where it runs.
//! trait Platform {
//!     /// Waits until something happens or the deadline passes. Reads only ports that are wanted.
//!     fn wait(&mut self, deadline: Option<Instant>, wanted: impl Fn(Port) -> bool) -> (Instant, Input<'_>);
//!     fn write(&mut self, bytes: &[u8]);
//!     fn connect(&mut self, link: Link, transport: Transport, host: &str, port: u16);
//!     fn send(&mut self, link: Link, bytes: &[u8]);
//!     fn close(&mut self, link: Link);
//!     fn resolve(&mut self, query: Query, family: Family, name: &str);
//!     fn set_line(&mut self, line: ModemLine);
//!     fn log(&mut self, words: String);
//! }
//!
//! fn drive(mut modem: Modem, platform: &mut impl Platform) -> ! {
//!     let mut outbox = Outbox::default();
//!     loop {
//!         let (now, input) = platform.wait(modem.deadline(), |port| modem.wants(port));
//!         outbox.clear();
//!         modem.handle(now, input, &mut outbox);
//!         for effect in outbox.effects() {
//!             match effect {
//!                 Effect::Serial(_, marked) => platform.write(marked.bytes()),
//!                 Effect::Open { link, transport, host, port } => platform.connect(link, transport, host, port),
//!                 Effect::Send(link, marked) => platform.send(link, marked.bytes()),
//!                 Effect::Close(link) => platform.close(link),
//!                 Effect::Resolve(query, family, name) => platform.resolve(query, family, name),
//!                 Effect::Line(line) => platform.set_line(line),
//!                 Effect::Note(note) => platform.log(note.to_string()),
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! `examples/blocking.rs` is such a driver for stdin, stdout and TCP, with threads and channels.
//!
//! # What is here
//!
//! - The call: [`Modem`] ([`Condition`], [`Connection`]), [`Input`] ([`Host`], [`HostLine`], [`Power`], [`Change`]), [`Outbox`] ([`Effect`], [`Kind`],
//!   [`Marked`], [`ModemLine`]), [`Gate`], [`Instant`].
//! - The network: [`Link`], [`Port`], [`Transport`], [`TlsProfile`], [`Query`], [`Family`], and why something ended:
//!   [`Why`], [`TlsFailure`].
//! - The module: [`Settings`] and their rows [`SETTINGS`], [`Model`] and [`MODELS`], [`Imei`], [`Uart`], [`Reply`].
//! - The commands: [`COMMANDS`] ([`Command`], [`Case`], [`Param`], [`Returns`], [`Needs`], [`Test`]), and why one is refused:
//!   [`Problem`], [`Cme`].
//! - What happened, for people: [`Note`], [`Failure`], [`Cause`].
//! - Codecs and formulas for others: [`mqtt`], [`sn`], [`cloud`], [`pem`], [`Sink`], [`Secret`].
//!
//! # Contracts
//!
//! - [`Modem::handle`] first settles what was due at `now`, then takes the input in. When it returns, all that the
//!   input causes is in the outbox, and nothing is pending but the deadline. A call at the deadline always moves it.
//! - Effects are carried out in order. The outbox belongs to the caller, who may use one for thousands of modems.
//! - Before any port is read, [`Modem::wants`] is asked; it can change with every call of `handle`. A driver that does
//!   not read what is not wanted makes the host and the peers wait, so that nothing is lost and nothing grows.
//! - When more bytes wait to be written to a port than the driver likes to hold, it says [`Input::Full`], later
//!   [`Input::Free`]. It must still take what the modem hands out in between.
//! - After [`Effect::Close`] nothing may be brought for that link before its next [`Effect::Open`].
//! - A modem starts without a host. What it has to say unasked waits until [`Host::Attached`].
//! - No input makes the core panic. Bad bytes of the host are answered with an error, bad bytes of a peer end that
//!   connection, bad datagrams are ignored; all are explained by a [`Note`].
//! - Bytes that no log may show are marked: log [`Marked::redacted`], send [`Marked::bytes`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

extern crate alloc;

mod at;
mod bearer;
mod client;
mod client_id;
pub mod cloud;
mod commands;
mod console;
mod errand;
mod failure;
mod imei;
mod inbox;
mod input;
mod lean;
mod marked;
mod message;
mod model;
mod modem;
pub mod mqtt;
mod net;
mod note;
mod outbox;
mod owner;
pub mod pem;
mod profile;
mod radio;
mod random;
mod reports;
mod request;
mod secret;
mod settings;
mod sink;
pub mod sn;
mod ticket;
mod time;
mod tls;
mod traffic;
mod turn;
mod uart;
mod urc;
mod visible;
mod will;
mod words;

pub use at::{
    BadReply, COMMANDS, Case, Clients, Cme, Command, ErrorStyle, Escapes, Form, Gate, Limit, Needs, NotAHost, Param,
    ParamKind, Problem, Refusal, Returns, Test, Verdict,
};
pub use client_id::ClientId;
pub use failure::{Cause, Failure};
pub use imei::{Imei, NotAnImei};
pub use input::{Host, HostLine, Input, Power};
pub use marked::Marked;
pub use model::{DefaultClientId, MODELS, Model};
pub use modem::{Condition, Connection, Modem};
pub use net::{Family, Link, Port, Query, Transport, Why, literal_address};
pub use note::Note;
pub use outbox::{Effect, Kind, ModemLine, Outbox};
pub use radio::{Change, Coverage, Radio, Registration, Sim, Start};
pub use secret::Secret;
pub use settings::{BadSetting, Oversize, RefusalStyle, Reply, SETTINGS, Setting, Settings, UrcPayload};
pub use sink::Sink;
pub use time::Instant;
pub use tls::{CheckFiles, TlsFailure, TlsProfile, TlsVersions, Verify};
pub use uart::{FlowControl, Framing, NotAFraming, Parity, Rate, Uart};
