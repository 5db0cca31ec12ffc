//! Where hosts and modules sit, as it is said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueHint};
use quasimodem_core::{FlowControl, Framing, Uart};

use super::{parse_address, parse_pace};
use crate::events;
use crate::sink::Target;

/// Where the host sits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum At {
    /// Standard input and output.
    #[default]
    Stdio,
    /// A new pseudo-terminal, and perhaps a symbolic link to it.
    Pty(Option<PathBuf>),
    /// A TCP port to listen on.
    Tcp(SocketAddr),
    /// A TCP port to listen on, for telnet with the serial port's settings.
    Rfc2217(SocketAddr),
    /// A serial port.
    Serial(PathBuf, Uart),
    /// A script, from a file.
    Script(PathBuf),
}

/// What `quasimodem tap` is told.
#[derive(Args)]
pub(crate) struct Tap {
    /// Where the host sits: pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT or serial:PATH@RATE; as --at of `quasimodem run`.
    #[arg(long, value_name = "WHERE", value_parser = parse_host_at)]
    pub(crate) at: HostAt,

    /// Where the module is: serial:PATH or serial:PATH@RATE; 115200 8N1 unless told otherwise. Behind a comma may stand
    /// its frame, and behind another rtscts or xonxoff. Or tcp:HOST:PORT, as of ser2net; it is called again when it is lost.
    #[arg(long, value_name = "serial:PATH|tcp:HOST:PORT", value_parser = parse_to)]
    pub(crate) to: To,

    /// Write events, a line of JSON each, to a file, an open descriptor or stdout; `quasimodem events` lists them.
    #[arg(long, value_name = "FILE|fd:N|-", value_parser = events::parse_target)]
    pub(crate) events: Option<Target>,

    /// Write how long the module takes, and its answers to commands that ours does not know, to a file that --timing takes.
    ///
    /// It is written in the end, at once. Secrets are not in it, and answers with secrets are left out.
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) learn: Option<PathBuf>,

    /// Write the log to FILE as well, with the time, and with all that is typed and answered whatever -v says.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) log: Option<PathBuf>,

    /// Say on stderr who comes and goes and what is connected; -vv also all that is typed and answered.
    ///
    /// -vvv is the same here: packets do not cross the serial line.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Where the host of a tap sits.
#[derive(Clone, Debug)]
pub(crate) enum HostAt {
    /// A new pseudo-terminal, and perhaps a symbolic link to it.
    Pty(Option<PathBuf>),
    /// A TCP port to listen on.
    Tcp(SocketAddr),
    /// A serial port.
    Serial(PathBuf, Uart),
}

/// Where a module is.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// At a serial port.
    Serial(PathBuf, Uart),
    /// Behind a TCP port of this name or address.
    Tcp(String, u16),
}

/// Reads the place of a host. The error says what was expected.
pub(crate) fn parse_at(text: &str) -> Result<At, String> {
    let (form, rest) = text.split_once(':').map_or((text, None), |(form, rest)| (form, Some(rest)));
    match (form, rest) {
        ("stdio", None) => Ok(At::Stdio),
        ("pty", None) => Ok(At::Pty(None)),
        ("pty", Some(link)) if !link.is_empty() => Ok(At::Pty(Some(link.into()))),
        ("tcp", Some(address)) => parse_address(address).map(At::Tcp).ok_or_else(|| {
            "expected tcp:PORT or tcp:ADDR:PORT with an IP address, such as tcp:7000, tcp:0.0.0.0:7000 or tcp:[::]:7000"
                .into()
        }),
        ("rfc2217", Some(address)) => parse_address(address).map(At::Rfc2217).ok_or_else(|| {
            "expected rfc2217:PORT or rfc2217:ADDR:PORT with an IP address, such as rfc2217:7000 or rfc2217:[::]:7000"
                .into()
        }),
        ("serial", Some(port)) => parse_serial(port),
        _ => Err("expected stdio, pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT, rfc2217:PORT, rfc2217:ADDR:PORT or \
                  serial:PATH@RATE"
            .into()),
    }
}

/// Reads the place of a host at a tap.
fn parse_host_at(text: &str) -> Result<HostAt, String> {
    match parse_at(text) {
        Ok(At::Pty(link)) => Ok(HostAt::Pty(link)),
        Ok(At::Tcp(address)) => Ok(HostAt::Tcp(address)),
        Ok(At::Serial(path, uart)) => Ok(HostAt::Serial(path, uart)),
        Ok(At::Stdio | At::Rfc2217(_) | At::Script(_)) => {
            Err("a tap has pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT or serial:PATH@RATE".into())
        }
        Err(expected) => Err(expected),
    }
}

/// Reads the place of a module.
fn parse_to(text: &str) -> Result<To, String> {
    let expected = "expected serial:PATH or serial:PATH@RATE, such as serial:/dev/ttyUSB2@115200, or tcp:HOST:PORT";
    if let Some(place) = text.strip_prefix("tcp:") {
        let place = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = place.filter(|(host, port)| !host.is_empty() && *port > 0).ok_or(expected)?;
        return Ok(To::Tcp(host.trim_matches(['[', ']']).into(), port));
    }
    let port = text.strip_prefix("serial:").filter(|port| !port.is_empty()).ok_or(expected)?;
    if !port.contains('@') {
        return Ok(To::Serial(port.into(), Uart::default()));
    }
    match parse_serial(port)? {
        At::Serial(path, uart) => Ok(To::Serial(path, uart)),
        _ => Err(expected.into()),
    }
}

fn parse_serial(text: &str) -> Result<At, String> {
    let expected = || "expected serial:PATH@RATE[,FRAME][,rtscts|xonxoff], such as serial:/dev/ttyS1@115200,8N1,rtscts";
    // A path may hold an @, and what stands behind it none.
    let (path, settings) = text.rsplit_once('@').filter(|(path, _)| !path.is_empty()).ok_or_else(expected)?;
    let mut words = settings.split(',');
    let rate = parse_pace(words.next().unwrap_or_default())?;
    let mut words = words.peekable();
    let framing = match words.next_if(|word| flow(word).is_none()) {
        Some(word) => word.parse::<Framing>().map_err(|error| format!("{error}, or rtscts or xonxoff"))?,
        None => Framing::default(),
    };
    let flow = match words.next() {
        Some(word) => flow(word).ok_or_else(expected)?,
        None => FlowControl::None,
    };
    match words.next() {
        Some(_) => Err(expected().into()),
        None => Ok(At::Serial(path.into(), Uart { rate, framing, flow })),
    }
}

/// What the command line calls the kinds of flow control; in any case, as frames are.
fn flow(word: &str) -> Option<FlowControl> {
    let known = [("rtscts", FlowControl::RtsCts), ("xonxoff", FlowControl::XonXoff)];
    known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, flow)| flow)
}
