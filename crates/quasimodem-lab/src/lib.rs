//! What stands in for the world around a modem: deterministic, without I/O, clock or threads.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod broker;
pub mod cloud;
pub mod com_port;
pub mod event;
mod facts;
pub mod fault;
pub mod flat;
mod frames;
pub mod gateway;
mod judged;
pub mod lab;
pub mod network;
pub mod order;
pub mod output;
pub mod pace;
pub mod pipe;
pub mod random;
pub mod recorder;
pub mod script;
#[cfg(test)]
mod seam_tests;
pub mod simulation;
mod timers;
mod tls_words;
pub mod trace;
pub mod transcript;
pub mod watch;
pub mod world;

pub use lab::Lab;
