//! What stands in for the world around a modem: deterministic, without I/O, clock or threads.

pub mod transcript;
