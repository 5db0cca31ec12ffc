//! The lab gateway against the sections of MQTT-SN 1.2. Clients speak in packet words, behind the gateway is the lab
//! broker or the test; what a test does not hear is a failure.

// In tests clippy lets it pass only in the functions that bear the attribute.
#![allow(clippy::unwrap_used)]

mod budget;
mod connect;
mod copies;
mod downlink;
mod harness;
mod hostile;
mod keep_alive;
mod limits;
mod link;
mod publish;
mod sleep;
mod subscribe;
mod takeover;
mod will;
