//! Where `--events` goes.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use quasimodem_lab::event::{Endpoint, Event, Listener, ModemAt, Names, Reporter, SCHEMA, Stamp, put_line};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::log;
use crate::socket;
use crate::watching::{Watches, Watching};

/// Where events go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Standard output, which then carries nothing else.
    Stdout,
    /// A descriptor that was open when the program began.
    Descriptor(i32),
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
            let number = number.parse::<u16>();
            number
                .map(|number| Target::Descriptor(number.into()))
                .map_err(|_| format!("expected fd: and a number, such as fd:3, found {text:?}"))
        }
    }
}

impl Target {
    /// A watch that writes there.
    fn open(&self, modems: Names) -> Result<Reporter<Sink>> {
        let to: Writer = match self {
            Target::Stdout => Writer::Open(Box::new(io::stdout())),
            Target::Descriptor(number) => Writer::Open(Box::new(File::from(descriptor(*number)?))),
            // Opening waits for the reader, and the modem does not.
            Target::File(path) if is_fifo(path) => Writer::Fifo(path.clone()),
            Target::File(path) => Writer::Open(Box::new(File::create(path)?)),
        };
        Ok(Reporter::new(modems, Sink::new(to)?))
    }

    /// Whether it is standard output, by whatever name.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout | Target::Descriptor(1))
    }
}

fn is_fifo(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// The descriptor of that number itself, with its place in the file, as far as it may be written to.
fn descriptor(number: i32) -> Result<OwnedFd> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let descriptor = pidfd_getfd(own, number, PidfdGetfdFlags::empty())?;
    if fcntl_getfl(&descriptor)?.intersects(OFlags::WRONLY | OFlags::RDWR) {
        return Ok(descriptor);
    }
    bail!("it is not open for writing")
}

/// These watches, and the events if they are asked for; the modems are those of these names.
pub(crate) fn watching(events: Option<&Target>, mut watches: Watches, modems: Names) -> Result<Watching> {
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

/// Where lines go.
enum Writer {
    Open(Box<dyn Write + Send>),
    /// A pipe with a name, which opens once somebody reads it.
    Fifo(PathBuf),
}

/// Hands each event to a thread that writes it at once. The modem never waits for who reads: if too much waits, events end.
pub(crate) struct Sink {
    /// `None`: it can't be written to any more.
    lines: Option<SyncSender<Vec<u8>>>,
    /// Ends with the thread.
    written: Receiver<()>,
}

/// Lines that may wait, some 10 MiB.
const WAITING: usize = 50_000;

impl Sink {
    fn new(to: Writer) -> Result<Sink> {
        let (lines, waiting) = sync_channel(WAITING);
        let (end, written) = sync_channel(0);
        thread::Builder::new().name("events".into()).spawn(move || {
            if let Err(error) = write_all(to, &waiting) {
                log::say(format_args!("events are lost from here on: can't write them: {error}"));
            }
            drop(end);
        })?;
        Ok(Sink { lines: Some(lines), written })
    }
}

fn write_all(to: Writer, lines: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut to = match to {
        Writer::Open(to) => to,
        Writer::Fifo(path) => Box::new(File::options().write(true).open(path)?),
    };
    while let Ok(line) = lines.recv() {
        to.write_all(&line)?;
        to.flush()?;
    }
    Ok(())
}

impl Listener for Sink {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let Some(lines) = &self.lines else { return };
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        match lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.lines = None;
                log::say(format_args!("events are lost from here on: {WAITING} wait for who reads them"));
            }
            // The thread has said why.
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
        if let Event::End {} = event {
            self.lines = None;
            if let Err(RecvTimeoutError::Timeout) = self.written.recv_timeout(socket::FLUSH) {
                log::say(format_args!("the last events are lost: nobody reads them"));
            }
        }
    }

    fn wall(&self) -> Option<i64> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        time.as_millis().try_into().ok()
    }
}
