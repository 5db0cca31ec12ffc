//! The command line: what was typed, checked, as values. Nothing happens while it is being parsed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use quasimodem_core::{Imei, MODELS, Model};

/// A cellular module in software: type AT commands at it, and it speaks MQTT to any broker.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run one modem until its host leaves (stdio) or a signal comes (PTY, TCP).
    Run(Run),
}

/// How to run a modem.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Where the host sits: stdio, pty, pty:LINK, tcp:PORT or tcp:ADDR:PORT.
    ///
    /// `pty` makes a new pseudo-terminal and prints its path; with LINK, a symbolic link of that name leads to it for as
    /// long as the modem runs. `tcp` listens, on 127.0.0.1 unless told otherwise; port 0 takes a free one. A terminal at
    /// stdio is set to raw mode; Ctrl-C ends the program.
    #[arg(long, value_name = "WHERE", default_value = "stdio", value_parser = parse_at)]
    pub(crate) at: At,

    /// The module to be.
    #[arg(long, default_value_t, value_parser = parse_model)]
    pub(crate) model: &'static Model,

    /// The 15 digits that name the module.
    #[arg(long, value_name = "DIGITS", default_value_t)]
    pub(crate) imei: Imei,

    /// Milliseconds of quiet between a final result and the next unsolicited one.
    #[arg(long, value_name = "MS", default_value = "20", value_parser = parse_gap)]
    pub(crate) gap: Duration,

    /// Say on stderr what is typed, answered and connected; twice: also what goes over the links. Secrets are masked.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Where the host sits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum At {
    /// Standard input and output.
    Stdio,
    /// A new pseudo-terminal, and perhaps a symbolic link to it.
    Pty(Option<PathBuf>),
    /// A TCP port to listen on.
    Tcp(SocketAddr),
}

const EXAMPLES: &str = "\
Examples:
  quasimodem run                                  type at it; Ctrl-C ends
  printf 'AT\\r' | quasimodem run                  one command from a script
  quasimodem run --at pty:/tmp/modem -v           a serial port for an unmodified program
  quasimodem run --at tcp:0.0.0.0:7000 --model MC615
  quasimodem run --at tcp:0                       a free port of this machine, printed at the start";

fn parse_at(text: &str) -> Result<At, String> {
    let (form, rest) = text.split_once(':').map_or((text, None), |(form, rest)| (form, Some(rest)));
    match (form, rest) {
        ("stdio", None) => Ok(At::Stdio),
        ("pty", None) => Ok(At::Pty(None)),
        ("pty", Some(link)) if !link.is_empty() => Ok(At::Pty(Some(link.into()))),
        ("tcp", Some(address)) => parse_address(address).map(At::Tcp).ok_or_else(|| {
            format!(
                "'{address}' is neither PORT nor ADDR:PORT with an IP address, such as 7000, 0.0.0.0:7000 or [::]:7000"
            )
        }),
        _ => Err("expected stdio, pty, pty:LINK, tcp:PORT or tcp:ADDR:PORT".into()),
    }
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    text.parse().map(local).or_else(|_| text.parse()).ok()
}

fn parse_model(name: &str) -> Result<&'static Model, String> {
    Model::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        format!("no such model; known are {}", known.join(", "))
    })
}

fn parse_gap(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(millis @ 0..=GAP_MAX) => Ok(Duration::from_millis(millis)),
        _ => Err(format!("expected 0 to {GAP_MAX} milliseconds")),
    }
}

/// A minute: more would outlast the time that hosts wait for a result.
const GAP_MAX: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn places() {
        let tcp = |address: &str| Ok(At::Tcp(address.parse().unwrap()));
        assert_eq!(parse_at("stdio"), Ok(At::Stdio));
        assert_eq!(parse_at("pty"), Ok(At::Pty(None)));
        assert_eq!(parse_at("pty:/tmp/a:b"), Ok(At::Pty(Some("/tmp/a:b".into()))));
        assert_eq!(parse_at("tcp:7000"), tcp("127.0.0.1:7000"));
        assert_eq!(parse_at("tcp:0.0.0.0:0"), tcp("0.0.0.0:0"));
        assert_eq!(parse_at("tcp:[::1]:7000"), tcp("[::1]:7000"));
        for wrong in ["", "serial", "stdio:", "pty:", "tcp", "tcp:", "tcp:65536", "tcp:localhost:1", "tcp:1.2.3.4"] {
            assert!(parse_at(wrong).is_err(), "{wrong}");
        }
    }
}
