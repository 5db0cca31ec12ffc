//! The program as its users see it: a host at one end, a broker at the other.
//!
//! Every wait is for an event and has a limit; nothing sleeps. What a test starts ends with it.
#![allow(clippy::unwrap_used, reason = "here a panic is a failed test, as it should be")]

mod api;
mod board;
mod bring_up;
mod broker;
mod c_client;
mod catalogue;
mod certificates;
mod chromium;
mod cli;
mod clouds;
mod config;
mod control;
mod control_page;
mod control_strangers;
mod conversation;
mod credentials;
mod descriptors;
mod events;
mod every_event;
mod fake_broker;
mod far_side;
mod faults;
mod gateway;
mod host;
mod host_map;
mod lab;
mod log;
mod opens;
mod pace;
mod parity;
mod picocom;
mod program;
mod pty;
mod qos;
mod replay;
mod rfc2217;
mod scenarios;
mod serial;
mod service;
mod sn_client;
mod sn_modem;
mod stdio;
mod takeover;
mod tap;
mod tcp;
mod terminal;
mod timeline;
mod timing;
mod tls;
mod tls_failures;
mod tls_hostile;
mod tls_lab;
mod trace;
mod tshark;

use std::time::Duration;

/// The limit of every wait, with much to spare: reached only when something is wrong.
const LIMIT: Duration = Duration::from_secs(20);
