//! What stands in for the world around a modem: deterministic, without I/O, clock or threads.
//!
//! [`Lab`] is the way in: modems, a broker and a gateway in virtual time. Events, faults, orders, scripts and watches are what it
//! speaks; what is not shown here is inside, for the program and the simulation, and may change at any time.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod broker;
#[doc(hidden)]
pub mod cloud;
#[doc(hidden)]
pub mod com_port;
pub mod event;
mod facts;
pub mod fault;
pub mod flat;
mod frames;
pub mod gateway;
mod judged;
pub mod lab;
#[doc(hidden)]
pub mod network;
pub mod order;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod pace;
#[doc(hidden)]
pub mod pipe;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod recorder;
#[doc(hidden)]
pub mod replay;
pub mod scenario;
pub mod script;
#[cfg(test)]
mod seam_tests;
#[doc(hidden)]
pub mod simulation;
pub mod state;
mod timers;
pub mod timing;
mod tls_words;
#[doc(hidden)]
pub mod trace;
pub mod transcript;
pub mod watch;
#[doc(hidden)]
pub mod world;

pub use lab::Lab;
