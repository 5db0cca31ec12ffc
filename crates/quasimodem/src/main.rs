//! `quasimodem`: a cellular module in software. A host program types AT commands at a terminal, a PTY or a TCP port, and
//! the module speaks MQTT to the brokers that it is told to.

mod cli;
mod driver;
mod link;
mod log;
mod queue;
mod resolve;
mod run;
mod serial;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// Exit codes: 0 ended in order, 1 failed while running, 2 wrong usage (from `clap`).
fn main() -> ExitCode {
    let Cli { command: Command::Run(options) } = Cli::parse();
    log::init(options.verbose);
    match run::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::say(format_args!("quasimodem: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
