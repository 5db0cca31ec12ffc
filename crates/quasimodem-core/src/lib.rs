//! A cellular module in software: the DCE side of Fibocom's MQTT AT commands, with its MQTT client, as one state
//! machine without I/O, clock or randomness.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod at;
mod bearer;
mod client;
mod commands;
mod input;
mod model;
mod modem;
pub mod mqtt;
mod net;
mod note;
mod outbox;
mod settings;
mod time;
mod urc;

pub use at::{COMMANDS, Clients, Cme, Command, ErrorStyle, Limit, Needs, Param, ParamKind, Problem, Refusal, Returns};
pub use bearer::{Change, Registration};
pub use client::ClientId;
pub use input::{Host, HostLine, Input};
pub use model::{DefaultClientId, MODELS, Model};
pub use modem::Modem;
pub use net::{Identity, Link, Port, TlsFailure, TlsProfile, TlsVersions, Transport, Verify, Why};
pub use note::{Failure, Note};
pub use outbox::{Effect, Kind, Marked, ModemLine, Outbox, Query, Sink};
pub use settings::{Imei, NotAnImei, Settings};
pub use time::Instant;
