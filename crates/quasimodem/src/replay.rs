//! `quasimodem replay`: reads a log and its rules, and tells what differs.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueHint};
use quasimodem_lab::fault::Spec;
use quasimodem_lab::replay::{self, Log, Rules};

use crate::Unusable;
use crate::cli::{Assignment, parse_assignment, parse_model};
use crate::timing;

/// Which log, and at what modem.
#[derive(Args)]
pub(crate) struct Options {
    /// What was typed and answered; - is stdin.
    #[arg(value_name = "LOG", value_hint = ValueHint::FilePath)]
    log: PathBuf,

    /// What may differ.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    rules: Option<PathBuf>,

    /// Of events of several modems, those of this one.
    #[arg(long, value_name = "NAME")]
    modem: Option<String>,

    /// The module to be; `quasimodem models` lists them.
    #[arg(long, value_name = "MODEL", value_parser = parse_model)]
    model: Option<Assignment>,

    /// Any setting, such as bearer=cold; `quasimodem settings` lists them. Repeatable. It counts more than what a transcript says.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_assignment)]
    set: Vec<Assignment>,

    /// Take times, and answers to commands that the modem does not know, from this profile or file, such as `quasimodem tap --learn`
    /// writes.
    #[arg(long, value_name = "none|NAME|FILE.toml", value_hint = ValueHint::FilePath)]
    timing: Option<String>,

    /// Let this go wrong as it did then, such as "connack-code code=4 times=1". Repeatable; `quasimodem faults` lists what there is.
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Spec>,
}

/// Bytes of a log at most.
const LOG_MAX: u64 = 64 * 1024 * 1024;

/// What differs, in words, and whether nothing does.
pub(crate) fn replay(options: &Options) -> Result<(String, bool)> {
    let name = if options.log == Path::new("-") { "stdin".into() } else { options.log.display().to_string() };
    let text = read(&options.log, &name)?;
    let log = Log::read(&text, options.modem.as_deref()).map_err(|bad| Unusable(format!("{name}:{bad}")))?;
    let (rules_name, rules) = match &options.rules {
        Some(path) => {
            let name = path.display().to_string();
            let rules: Rules = read(path, &name)?.parse().map_err(|bad| Unusable(format!("{name}:{bad}")))?;
            (name, rules)
        }
        None => (String::new(), Rules::default()),
    };
    let mut config = log.config();
    for assignment in options.set.iter().chain(&options.model) {
        if let Err(bad) = assignment.apply(&mut config.settings) {
            bail!(Unusable(bad.to_string()));
        }
    }
    if let Some(learned) = options.timing.as_deref().map(timing::open).transpose().map_err(Unusable)?.flatten() {
        config.settings.replies.extend(learned.replies());
        config.timing = Some(learned.profile);
    }
    config.faults.clone_from(&options.fault);
    let seed = config.settings.seed.unwrap_or(1);
    let report = replay::replay(&log, &rules, config, seed).map_err(|bad| Unusable(bad.to_string()))?;
    if report.answers > 0 && report.compared == 0 {
        bail!(Unusable(format!("{rules_name}: nothing is compared: its rules skip each answer of {name}")));
    }
    let mut words = String::new();
    for difference in &report.differences {
        let _ = writeln!(words, "{name}:{difference}");
    }
    for line in &report.idle_rules {
        let _ = writeln!(words, "{rules_name}:{line}: the rule explains nothing here");
    }
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (typed, answers) = (count(report.typed, "line"), count(report.answers, "answer"));
    let differences = count(report.differences.len(), "difference");
    let _ = writeln!(words, "{typed} typed, {answers}: {differences}, {} explained by rules", report.explained);
    Ok((words, report.differences.is_empty()))
}

/// Reads a file as text; bytes that are none are replaced, since a line with noise in it is still a line.
fn read(path: &Path, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        io::stdin().lock().take(LOG_MAX + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(LOG_MAX + 1).read_to_end(&mut bytes))
    };
    match result {
        Err(error) => bail!(Unusable(format!("can't read {name}: {error}"))),
        Ok(_) if bytes.len() as u64 > LOG_MAX => {
            bail!(Unusable(format!("can't read {name}: it has more than {} MiB", LOG_MAX / 1024 / 1024)))
        }
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
