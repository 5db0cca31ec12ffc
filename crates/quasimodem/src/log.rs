//! What the program says on stderr: where the modem is, why it ended, and with `-v` what it does.
//!
//! No secret gets here: typed lines and traffic are shown as [`Marked`] shows them, and bytes that nobody has marked (what
//! the host types, what a peer sends) are only counted.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quasimodem_core::{
    Effect, Failure, Host, Imei, Input, Instant, Kind, Link, Marked, Modem, Note, Outbox, Transport,
};
use quasimodem_lab::broker;
use quasimodem_lab::event::Names;
use quasimodem_lab::fault::Happened;
use quasimodem_lab::gateway;
use quasimodem_lab::watch::{Of, OnLink, Watch, Weight};
use tracing::level_filters::LevelFilter;
use tracing::{debug, info};
use tracing_subscriber::fmt::time::Uptime;

use crate::watching::Watches;

/// Starts the log: nothing without `-v`, all that the modem does with `-v`, also the traffic of its links with `-vv`.
pub(crate) fn init(verbosity: u8) {
    let level = match verbosity {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_timer(Uptime::default())
        .with_writer(|| Stderr)
        .init();
}

/// Writes one line to stderr, whatever the verbosity. Without a stderr it is lost, which is nobody's concern.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = Stderr.write_all(format!("{line}\n").as_bytes());
}

/// The watches that serve people at a terminal.
pub(crate) fn watches(verbosity: u8, names: &Names) -> Watches {
    let mut watches: Watches = vec![Box::new(Hints(names.clone()))];
    if verbosity > 0 {
        watches.push(Box::new(Log(names.clone())));
    }
    watches
}

/// Tells whether a terminal at stdin is in raw mode, in which a line feed does not return to the left margin.
pub(crate) fn set_raw(raw: bool) {
    RAW.store(raw, Ordering::Relaxed);
}

/// What modems of these names, their links and the lab's peers do, for those who asked by `-v`.
struct Log(Names);

impl Watch for Log {
    fn modem(&mut self, _: Instant, _: usize, input: &Input<'_>, _: &Modem, out: &Outbox) {
        match input {
            Input::Host(Host::Attached) => info!("host attached"),
            Input::Host(Host::Detached) => info!("host gone"),
            Input::Opened(link) => info!("link {link}: open"),
            Input::Received(link, bytes) => debug!("link {link}: received {} bytes", bytes.len()),
            Input::Closed(link, why) => info!("link {link}: {why}"),
            Input::Tick
            | Input::Serial(_)
            | Input::Host(Host::Settling)
            | Input::Line(_)
            | Input::Resolved(..)
            | Input::Full(_)
            | Input::Free(_)
            | Input::Bearer(_)
            | Input::Power(_) => {}
        }
        out.effects().for_each(|of| effect(&of));
    }

    fn link(&mut self, _: Instant, _: usize, link: Link, what: &OnLink<'_>) {
        match what {
            OnLink::Led { host, port } => info!("link {link}: led to {host}:{port} by the host map"),
            OnLink::Secured(agreed) => info!("link {link}: {agreed}"),
            OnLink::Lost(size, why) => info!("link {link}: lost a datagram of {size} bytes: {why}"),
        }
    }

    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        info!("{what}");
    }

    fn broker(&mut self, _: Instant, _: usize, note: &broker::Note) {
        info!("broker: {note}");
    }

    fn server(&mut self, _: Instant, name: &'static str, note: &dyn fmt::Display) {
        info!("{name}: {note}");
    }

    fn gateway(&mut self, _: Instant, note: &gateway::Note) {
        info!("gateway: {note}");
    }

    fn remark(&mut self, _: Instant, of: Of, weight: Weight, words: &dyn fmt::Display) {
        if weight == Weight::Detail {
            info!("{}: {words}", name(&self.0, of));
        }
    }
}

/// The watch that tells people what they have to know and what they probably do wrong, whether they asked for the log or not.
struct Hints(Names);

impl Watch for Hints {
    fn modem(&mut self, _: Instant, _: usize, _: &Input<'_>, _: &Modem, out: &Outbox) {
        for effect in out.effects() {
            if let Effect::Note(Note::Broken(
                _,
                Failure::Unexplained { client_id, .. } | Failure::Disconnected { client_id },
                _,
            )) = effect
            {
                taken_over(client_id);
            }
        }
    }

    fn remark(&mut self, _: Instant, of: Of, weight: Weight, words: &dyn fmt::Display) {
        if weight == Weight::Warning {
            say(format_args!("{}: {words}", name(&self.0, of)));
        }
    }
}

/// Who makes a remark.
fn name(names: &Names, of: Of) -> Arc<str> {
    match of {
        Of::Station(station) => names.of(station).unwrap_or_else(|| "modem".into()),
        Of::Part(name) => name.into(),
    }
}

/// What a modem wants done.
fn effect(effect: &Effect<'_>) {
    match effect {
        Effect::Serial(Kind::Final | Kind::Urc, bytes) => info!("answered {}", Trimmed(*bytes)),
        Effect::Serial(Kind::Echo | Kind::Info | Kind::Prompt, _) | Effect::Line(_) => {}
        Effect::Open { link, transport, host, port } => {
            let over = match transport {
                Transport::Tcp => "",
                Transport::Tls(_) => " over TLS",
                Transport::Udp => " over UDP",
            };
            info!("link {link}: opening {host}:{port}{over}");
        }
        Effect::Send(link, bytes) => debug!("link {link}: sent {bytes:?}"),
        Effect::Close(link) => info!("link {link}: closed by the modem"),
        Effect::Resolve(_, _, name) => info!("looking up {name}"),
        Effect::Note(note) => info!("{note}"),
    }
}

/// A broker or a gateway ended a connection, perhaps because another client has this id. With the usual IMEI that is
/// probably another modem of this program, which is worth a word in any case, but not again and again: they do it to
/// each other.
fn taken_over(client_id: &str) {
    let usual = Imei::default();
    if client_id.starts_with(&usual.to_string()) && !HINTED.swap(true, Ordering::Relaxed) {
        say(format_args!(
            "the connection of {client_id} was ended: another modem with the IMEI {usual}? \
             --imei +1 or --imei random gives this one another"
        ));
    }
}

static HINTED: AtomicBool = AtomicBool::new(false);

static RAW: AtomicBool = AtomicBool::new(false);

/// Stderr, with carriage returns where a raw terminal needs them.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if RAW.load(Ordering::Relaxed) && stderr.is_terminal() {
            let mut lines = Vec::with_capacity(bytes.len() + 1);
            for &byte in bytes {
                if byte == b'\n' {
                    lines.push(b'\r');
                }
                lines.push(byte);
            }
            stderr.write_all(&lines)?;
        } else {
            stderr.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A result, without the empty lines around it.
struct Trimmed<'a>(Marked<'a>);

impl fmt::Display for Trimmed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0.redacted().trim_ascii()))
    }
}
