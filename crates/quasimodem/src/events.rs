//! `--events` and `quasimodem events`.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use quasimodem_lab::event::{Endpoint, Event, Listener, ModemAt, Reporter, SCHEMA, Stamp, put_line};

use crate::log;
use crate::watching::{Watches, Watching};

/// Where events go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Standard output, which then carries nothing else.
    Stdout,
    /// A descriptor that was open when the program began.
    Descriptor(u32),
    /// A file, made anew.
    File(PathBuf),
}

/// Reads FILE, fd:N or -.
pub(crate) fn parse_target(text: &str) -> Result<Target, String> {
    match text.strip_prefix("fd:") {
        _ if text.is_empty() => Err("expected FILE, fd:N or -".into()),
        None if text == "-" => Ok(Target::Stdout),
        None => Ok(Target::File(text.into())),
        Some(number) => {
            let number = number.parse();
            number
                .map(Target::Descriptor)
                .map_err(|_| format!("expected fd: and a number, such as fd:3, found {text:?}"))
        }
    }
}

impl Target {
    /// A watch that writes there.
    pub(crate) fn open(&self, modems: impl IntoIterator<Item = String>) -> io::Result<Reporter<Sink>> {
        let to: Box<dyn Write + Send> = match self {
            Target::Stdout => Box::new(io::stdout()),
            // The one that this program has, whatever it is: what was written to it stays.
            Target::Descriptor(number) => {
                Box::new(OpenOptions::new().append(true).open(format!("/proc/self/fd/{number}"))?)
            }
            Target::File(path) => Box::new(File::create(path)?),
        };
        Ok(Reporter::new(modems, Sink { to: Some(to), line: Vec::new() }))
    }
}

/// These watches, and the events if they are asked for; the modems are those of these names.
pub(crate) fn watching(
    events: Option<&Target>,
    mut watches: Watches,
    modems: impl IntoIterator<Item = String>,
) -> Result<Watching> {
    if let Some(target) = events {
        watches.push(Box::new(target.open(modems).with_context(|| format!("can't write events to {target}"))?));
    }
    Ok(Watching::new(watches))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => f.write_str("stdout"),
            Target::Descriptor(number) => write!(f, "fd:{number}"),
            Target::File(path) => path.display().fmt(f),
        }
    }
}

/// What is there when a run begins.
#[derive(Default)]
pub(crate) struct Ready {
    pub(crate) seed: Option<u64>,
    /// Names, and where their hosts find them.
    pub(crate) modems: Vec<(String, String)>,
    pub(crate) broker: Option<SocketAddr>,
    pub(crate) gateway: Option<SocketAddr>,
}

impl Ready {
    /// Says so.
    pub(crate) fn tell(&self, watching: &Watching) {
        let host = |address: Option<SocketAddr>| address.map(|address| (address.ip().to_string(), address.port()));
        let (broker, gateway) = (host(self.broker), host(self.gateway));
        let modems: Vec<ModemAt<'_>> = self.modems.iter().map(|(modem, port)| ModemAt { modem, port }).collect();
        let event = Event::Ready {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            seed: self.seed,
            modems: &modems,
            broker: broker.as_ref().map(|(host, port)| Endpoint { host, port: *port }),
            gateway: gateway.as_ref().map(|(host, port)| Endpoint { host, port: *port }),
            pid: Some(process::id()),
        };
        watching.see(|watch| watch.run(watching.now(), &event));
    }
}

/// Writes each event at once, so that who reads sees it.
pub(crate) struct Sink {
    /// `None`: it can't be written to any more.
    to: Option<Box<dyn Write + Send>>,
    line: Vec<u8>,
}

impl Listener for Sink {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let Some(to) = &mut self.to else { return };
        self.line.clear();
        put_line(stamp, event, &mut self.line);
        if let Err(error) = to.write_all(&self.line).and_then(|()| to.flush()) {
            self.to = None;
            log::say(format_args!("events are lost from here on: can't write them: {error}"));
        }
    }

    fn wall(&self) -> Option<i64> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        time.as_millis().try_into().ok()
    }
}
