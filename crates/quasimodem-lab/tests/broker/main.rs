//! The lab broker against the clauses of MQTT 3.1.1. Clients speak in packet words; what a test does not hear is a
//! failure.

// In tests clippy lets it pass only in the functions that bear the attribute.
#![allow(clippy::unwrap_used)]

mod connect;
mod fleet;
mod harness;
mod hostile;
mod keep_alive;
mod limits;
mod publish;
mod restart;
mod retained;
mod session;
mod subscribe;
mod will;
