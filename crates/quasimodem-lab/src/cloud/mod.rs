//! Stand-ins for the clouds behind `+MQTTAUTHCFG` and `+MQTTAUTHDYN`: they know products and devices, and refuse whoever
//! shows anything else than what the real cloud asks for.
//!
//! A [`Registry`] holds what a cloud knows, and all that stand in for it share it:
//!
//! - a [`Gate`] is the [`Authority`](crate::broker::Authority) of a lab broker: it checks logins, and runs the
//!   registrations that go over MQTT;
//! - an [`http::Server`] is where devices of Tencent register themselves, and those of Tuya find their way and are
//!   activated.
//!
//! What a login *announces* is what it is checked against: the hash, the time, the order of what is signed are read from
//! it, as the clouds do. The formulas are written down here a second time, on purpose: a modem and its judge must not
//! share a misreading. `tests/cloud/` holds both against what the official SDKs produce.
//!
//! # What the documents leave open
//!
//! - A client id, user name or password that is not of the cloud's form is answered with 2; an unknown device, a wrong,
//!   expired or replayed signature with 4, so that names can't be tried out; a device that is not allowed with 5.
//! - A device may register itself as often as it likes, and gets the same secret.

mod devices;
mod gate;
pub mod http;
mod login;
mod order;
mod places;
mod registration;
mod samples;
mod seal;
mod signature;
mod tencent;
mod tuya;

pub use quasimodem_core::cloud::Cloud;

pub use self::devices::{BadEntry, Device, Fault, Parameters, Product, Registry, Timing};
pub use self::gate::Gate;
pub use self::order::{Demand, Order};
pub use self::places::{Place, Security, Service, places};
pub use self::samples::samples;
