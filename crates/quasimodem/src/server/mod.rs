//! Drives servers without I/O: the lab's broker and endpoints, and the gateway.

mod hub;
mod listener;

pub(crate) use self::hub::{Machine, Shared, hub};
pub(crate) use self::listener::{Layer, accept, accept_tls};
