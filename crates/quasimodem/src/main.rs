//! `quasimodem`: a cellular module in software. A host program types AT commands at a terminal, a PTY or a TCP port, and
//! the module speaks MQTT to the brokers that it is told to.

mod board;
mod catalogue;
mod cli;
mod config;
mod control;
mod credentials;
mod ctl;
mod datagrams;
mod descriptors;
mod driver;
mod events;
mod gateway;
mod host_map;
mod lab;
mod link;
mod listener;
mod log;
mod notify;
mod page;
mod queue;
mod random;
mod relay;
mod reload;
mod replay;
mod resolve;
mod run;
mod scenario;
mod serial;
mod server;
mod simulate;
mod sink;
mod socket;
mod stream;
mod tap;
mod timeline;
mod timing;
mod tls;
mod trace;
mod watching;

use std::error;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, Command, Lab, Run};
use crate::config::Config;

/// Exit codes: 0 ended in order, 1 failed, 2 wrong usage (from `clap`) or a file that can't be used.
fn main() -> ExitCode {
    let code = carry_out(Cli::ask());
    log::end();
    code
}

fn carry_out(command: Command) -> ExitCode {
    match command {
        Command::Run(options) => run(*options, None),
        Command::Lab(lab) => lab_with(*lab),
        Command::Gateway(options) => {
            log::init(options.verbose);
            descriptors::raise();
            exit_code(gateway::run(options))
        }
        Command::Tap(options) => {
            log::init(options.verbose);
            exit_code(tap::run(options))
        }
        Command::Models => print(catalogue::models().as_bytes()),
        Command::Commands(options) => print(catalogue::commands(&options).as_bytes()),
        Command::Faults(options) => print(catalogue::faults(&options).as_bytes()),
        Command::Timing(options) => match timing::list(&options) {
            Ok(words) => print(words.as_bytes()),
            Err(words) => unusable(&words),
        },
        Command::Events(options) => print(catalogue::events(&options).as_bytes()),
        Command::Timeline(options) => exit_code(timeline::draw(&options)),
        Command::Replay(options) => match replay::replay(&options) {
            Ok((words, is_same)) => match print(words.as_bytes()) {
                ExitCode::SUCCESS if !is_same => ExitCode::FAILURE,
                code => code,
            },
            Err(error) => exit_code(Err(error)),
        },
        Command::Settings => print(catalogue::settings().as_bytes()),
        Command::Credentials(options) => match options.print() {
            Ok(text) => print(text.as_bytes()),
            Err(words) => unusable(&words),
        },
        Command::Scripts { name, json } => match catalogue::scripts(name.as_deref(), json) {
            Ok(text) => print(text.as_bytes()),
            Err(words) => unusable(&words),
        },
        Command::Simulate(options) => match simulate::simulate(*options) {
            Ok(words) => print(words.as_bytes()),
            Err(error) => exit_code(Err(error)),
        },
        Command::Ctl(options) => ctl::ctl(*options),
        Command::Status(options) => ctl::status(options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
            print(&script)
        }
    }
}

fn lab_with(lab: Lab) -> ExitCode {
    let Lab { run: options, mqtt, mqtts, tls_dir, name, client_auth, user, refuse, refuse_filter, sn, tuning, clouds } =
        lab;
    let clouds = match clouds.options(tls_dir.clone()) {
        Ok(clouds) => clouds,
        Err(words) => return unusable(&words),
    };
    let tls = mqtts.map(|listen| lab::TlsOptions { listen, directory: tls_dir, names: name, client_auth });
    let gateway = lab::GatewayOptions::new(mqtt, sn, tuning);
    let lab = lab::Options::new(mqtt, tls, gateway, user, refuse, refuse_filter).with_clouds(clouds);
    run(options, Some(lab))
}

fn run(options: Run, lab: Option<lab::Options>) -> ExitCode {
    log::init(options.verbose);
    descriptors::raise();
    match Config::new(options) {
        Ok(config) => exit_code(run::run(config, lab)),
        Err(words) => unusable(&words),
    }
}

/// A file that was named on the command line and says nothing that can be done, in words.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Unusable {}

/// What was asked for can't be done as it was asked.
fn unusable(words: &str) -> ExitCode {
    log::fail(format_args!("quasimodem: {words}"));
    ExitCode::from(2)
}

/// Writes to stdout. A reader that has seen enough is no error.
pub(crate) fn print(text: &[u8]) -> ExitCode {
    exit_code(match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("can't write to stdout"),
        _ => Ok(()),
    })
}

fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<Unusable>() {
            Ok(Unusable(words)) => unusable(&words),
            Err(error) => {
                log::fail(format_args!("quasimodem: {error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}
