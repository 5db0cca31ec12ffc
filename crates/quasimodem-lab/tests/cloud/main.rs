//! The stand-ins for clouds, against what the clouds' own SDKs produce, and against whoever is up to no good.

// In tests clippy lets it pass only in the functions that bear the attribute.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read their vectors")]

mod complete;
mod endpoint;
mod faults;
#[path = "../broker/harness.rs"]
#[allow(dead_code, reason = "the broker's own tests need more of it")]
mod harness;
mod hostile;
mod logins;
mod registrations;
mod rig;
mod tencent;
mod tuya;
