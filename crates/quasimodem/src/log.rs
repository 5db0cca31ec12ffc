//! What the program says on stderr: where the modem is, why it ended, and with `-v` what it does.
//!
//! No secret gets here: typed lines and traffic are shown as [`Marked`] shows them, and bytes that nobody has marked (what
//! the host types, what a peer sends) are only counted.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use quasimodem_core::{
    Effect, Failure, Host, Imei, Input, Instant, Kind, Link, Marked, Modem, Note, Outbox, Transport, Uart,
};
use quasimodem_lab::broker::{self, Peer};
use quasimodem_lab::fault::Happened;
use quasimodem_lab::gateway;
use quasimodem_lab::watch::{OnLink, Watch};
use tracing::level_filters::LevelFilter;
use tracing::{debug, info};
use tracing_subscriber::fmt::time::Uptime;

use crate::descriptors::Limits;
use crate::tls;
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
pub(crate) fn watches(verbosity: u8) -> Watches {
    let mut watches: Watches = vec![Box::new(Hints)];
    if verbosity > 0 {
        watches.push(Box::new(Log));
    }
    watches
}

/// Tells whether a terminal at stdin is in raw mode, in which a line feed does not return to the left margin.
pub(crate) fn set_raw(raw: bool) {
    RAW.store(raw, Ordering::Relaxed);
}

/// What modems, their links and the lab's peers do, for those who asked by `-v`.
pub(crate) struct Log;

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
}

/// The watch on modems that hints at what people do wrong, whether they asked for the log or not.
pub(crate) struct Hints;

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

/// A serial port is set anew.
pub(crate) fn set(path: &Path, uart: Uart) {
    info!("serial port {} set to {uart}", path.display());
}

/// A serial port that vanished is not back yet, for this reason. One that is there but can't be used is worth a word in any
/// case.
pub(crate) fn still_away(reason: &str, is_news: bool) {
    if is_news {
        say(format_args!("{reason}"));
    } else {
        info!("{reason}");
    }
}

/// A host set the rate of a port that has none; a real one would have to agree with the modem.
pub(crate) fn host_set(rate: Option<u32>, uart: Uart) {
    match rate {
        Some(rate) if rate != uart.rate.bits() => {
            info!("the host's port is at {rate} bit/s, the modem at {}: a real line would garble", uart.rate.bits());
        }
        _ => {}
    }
}

/// Bytes are lost between host and modem. That is worth a word in any case: nothing else tells why a command or an answer
/// is not whole.
pub(crate) fn overrun(whose: &str, fifo: usize, uart: Uart) {
    say(format_args!(
        "bytes are lost: {whose} receiver holds {fifo}, was not emptied in time, and there is no flow control at {uart}"
    ));
}

/// So many bytes were lost until a receiver was empty again.
pub(crate) fn overran(whose: &str, lost: usize) {
    info!("{whose} receiver has lost {lost} bytes");
}

/// A connection went before it was accepted.
pub(crate) fn not_accepted(name: &str, error: &io::Error) {
    info!("{name}: a connection was not accepted: {error}");
}

/// Something is wrong at a port. If it is news, that is worth a word in any case.
pub(crate) fn trouble(name: &str, words: fmt::Arguments<'_>, is_news: bool) {
    if is_news {
        say(format_args!("{name}: {words}"));
    } else {
        info!("{name}: {words}");
    }
}

/// A handshake had to make room for others.
pub(crate) fn no_room(from: IpAddr) {
    info!("broker: no TLS with {from}: too many handshakes are under way");
}

/// A client connected, and has a number from now on.
pub(crate) fn connected(name: &str, peer: Peer, from: Option<SocketAddr>) {
    if let Some(from) = from {
        info!("{name}: connection {peer} from {from}");
    }
}

/// A peer of a server was cut off.
pub(crate) fn overrun_peer() {
    info!("cut off a peer that does not read, since too much waits to be written to all of them");
}

/// How many descriptors there are.
pub(crate) fn descriptors(Limits { all, kept }: Limits) {
    info!("{all} file descriptors (ulimit -n), {kept} of them kept back for the modem");
}

/// The system dropped datagrams of clients: its buffer, of this many bytes, was full. That is worth a word in any case:
/// nothing else tells why clients have to repeat themselves.
pub(crate) fn datagrams_dropped(count: u64, buffer: usize) {
    say(format_args!(
        "gateway: {count} datagrams were lost, as clients sent faster than they can be served; the socket's buffer has \
         {buffer} bytes (net.core.rmem_max allows more, and so does root)"
    ));
}

/// The gateway can't read datagrams for a while.
pub(crate) fn gateway_trouble(error: &io::Error) {
    info!("gateway: can't read datagrams: {error}");
}

/// Which roots are trusted.
pub(crate) const ROOTS: tls::Report =
    tls::Report { detail: |words| info!("{words}"), warning: |words| say(format_args!("{words}")) };

/// A client of the lab broker did not get through the TLS handshake.
pub(crate) fn no_tls(from: SocketAddr, error: &io::Error) {
    info!("broker: no TLS with {from}: {}", tls::of_client(error));
}

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
