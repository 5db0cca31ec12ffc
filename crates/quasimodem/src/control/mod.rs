//! `--control`: a test, a shell or a page reaches into a run over HTTP.
//!
//! It has a thread of its own. What it tells a modem or asks of it goes through the inbox of the modem's thread, what
//! happened stands in a [`Journal`]; nothing else is shared, so that no client of it ever keeps a modem waiting. One more
//! route is a row of [`routes::ROUTES`] and its function.

mod broker;
mod events;
mod faults;
mod gateway;
mod guard;
mod journal;
mod metrics;
mod modems;
mod openapi;
mod options;
mod page;
mod problem;
mod recording;
mod routes;
mod server;
mod wait;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use quasimodem_lab::event::Names;
use quasimodem_lab::flat::{Bad, nearest};
use quasimodem_lab::order::{Answer, Inbox, Look, Mail, Order};
use quasimodem_lab::state::State;
use tokio::sync::{Semaphore, oneshot, watch};

use self::guard::Guard;
pub(crate) use self::guard::Token;
use self::journal::Journal;
pub(crate) use self::options::ControlArgs;
use self::problem::Problem;
use self::recording::Recording;
pub(crate) use self::routes::BASE;
pub(crate) use self::server::{Bound, Options};
use crate::lab::Peers;

/// Where control listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A socket in the file system, which only its owner can open.
    Unix(PathBuf),
}

/// What a run has that control speaks of.
pub(crate) struct Scene {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) names: Names,
    /// Where hosts find the modems, in the order of their names.
    pub(crate) ports: Vec<String>,
    pub(crate) seed: u64,
    /// The lab's broker and gateway, if they are there.
    pub(crate) peers: Option<Peers>,
}

/// All that requests work with.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    scene: Scene,
    guard: Guard,
    journal: Arc<Journal>,
    /// The trace for Wireshark, and the transcript of the first modem.
    packets: Recording,
    lines: Recording,
    /// The newest event before the last order was given.
    ordered: AtomicU64,
    /// Requests that wait, and streams.
    waits: Semaphore,
    streams: Arc<Semaphore>,
    /// Whether the run ends.
    ending: watch::Receiver<bool>,
}

/// Waits and streams at one time.
const WAITS: usize = 64;
const STREAMS: usize = 8;

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// The stations that are meant: the one of this name, or all.
    fn stations(&self, modem: Option<&str>) -> Result<Vec<usize>, Problem> {
        let all = 0..self.scene.ports.len();
        let Some(modem) = modem.filter(|modem| *modem != "*") else { return Ok(all.collect()) };
        all.clone().find(|station| self.name(*station) == modem).map(|station| vec![station]).ok_or_else(|| {
            let names: Vec<String> = all.map(|station| self.name(station)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let problem = Problem::not_found(format!("there is no modem {modem:?}; there is {}", names.join(", ")));
            suggest(problem, nearest(modem, &names))
        })
    }

    fn name(&self, station: usize) -> String {
        self.scene.names.of(station).map(|name| name.to_string()).unwrap_or_default()
    }

    /// Has an order carried out, and gives the newest event of before: what it causes comes behind that one.
    async fn carry_out(&self, station: usize, order: Order) -> Result<u64, Problem> {
        let (tell, hear) = oneshot::channel();
        let seq = self.journal.newest();
        // Who has asked may be gone.
        let answer: Answer = Box::new(move |outcome| drop(tell.send(outcome)));
        self.send(station, Mail::Order(order, Some(answer)))?;
        hear.await.map_err(|_| Problem::ending())?.map_err(|wrong| bad(&wrong))?;
        self.ordered.fetch_max(seq, Ordering::Relaxed);
        Ok(seq)
    }

    /// How a modem is.
    async fn look(&self, station: usize) -> Result<State, Problem> {
        let (tell, hear) = oneshot::channel();
        let look: Look = Box::new(move |state| drop(tell.send(state)));
        self.send(station, Mail::Look(look))?;
        hear.await.map_err(|_| Problem::ending())
    }

    fn send(&self, station: usize, mail: Mail) -> Result<(), Problem> {
        let words = "the run ends, or more orders wait than there may be";
        let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words);
        self.scene.inbox.send(station, mail).then_some(()).ok_or_else(busy)
    }

    /// Whether what is there is no secret: the page, which asks for the token.
    fn is_open(&self, path: &str) -> bool {
        !path.starts_with(BASE)
    }
}

/// What is wrong with a fault or an order.
fn bad(bad: &Bad) -> Problem {
    let problem = match bad {
        Bad::NoFault(..) | Bad::NoClient(..) => Problem::not_found(bad.to_string()),
        Bad::NeedsLab(_) | Bad::NoPeer | Bad::NoClouds(_) => {
            Problem::new(StatusCode::CONFLICT, "no-lab", bad.to_string())
        }
        Bad::HasHost => Problem::new(StatusCode::CONFLICT, "has-host", bad.to_string()),
        Bad::Busy => Problem::new(StatusCode::CONFLICT, "busy", bad.to_string()),
        _ => Problem::bad_value(bad.to_string()),
    };
    suggest(problem, bad.nearest())
}

/// The same problem, and what was probably meant.
fn suggest(problem: Problem, nearest: Option<&str>) -> Problem {
    match nearest {
        Some(nearest) => problem.with("did_you_mean", nearest),
        None => problem,
    }
}

impl Where {
    /// A socket that was named in a file means that one's neighbour.
    pub(crate) fn beside(self, folder: &Path) -> Where {
        match self {
            Where::Unix(path) => Where::Unix(folder.join(path)),
            Where::Tcp(address) => Where::Tcp(address),
        }
    }
}

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Where, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err("expected unix: and a path".into())
            } else {
                Ok(Where::Unix(path.into()))
            };
        }
        let expected = || format!("expected PORT, ADDR:PORT or unix:PATH, such as 127.0.0.1:8080, found {text:?}");
        crate::cli::parse_address(text).map(Where::Tcp).ok_or_else(expected)
    }
}
