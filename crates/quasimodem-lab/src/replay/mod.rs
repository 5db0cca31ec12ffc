//! Replays what a host once typed against a modem in virtual time, and compares what is answered with what was answered then.
//!
//! ```
//! use quasimodem_lab::replay::{Log, Rules, replay};
//!
//! let log = Log::read("TX: AT+CSQ\nRX: +CSQ: 24,99\nRX: OK\n", None)?;
//! let report = replay(&log, &Rules::default(), log.config(), 1)?;
//! assert_eq!(report.differences[0].to_string(), r#"2: expected "+CSQ: 24,99", got "+CSQ: 31,99" (AT+CSQ)"#);
//!
//! let rules: Rules = "any +CSQ: *".parse()?;
//! assert!(replay(&log, &rules, log.config(), 1)?.differences.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod log;
mod play;
mod rules;
mod terminal;

use std::fmt;

pub use self::log::{BadLog, Log};
use self::rules::Judge;
pub use self::rules::{BadRule, Rules};
use crate::lab::{BadName, ModemConfig};

/// What came of a replay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What no rule explains, in the order of the log.
    pub differences: Vec<Difference>,
    /// How many are explained by rules.
    pub explained: usize,
    /// The lines of rules that explained nothing, from 1.
    pub idle_rules: Vec<usize>,
    /// Lines that were typed.
    pub typed: usize,
    /// Lines of the modem in the log.
    pub answers: usize,
    /// How many of these no rule skips.
    pub compared: usize,
}

/// Where an answer is another one than in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The line of the log, from 1: of the answer, or of what was typed before it.
    pub line: usize,
    /// What was expected, and what came. Behind the names of commands that carry secrets nothing is shown.
    pub words: String,
}

/// Types what the log's host typed at a modem that is set up so, and compares the answers, in text and order.
///
/// A line is typed when the log's answers to those before it have come, and not before its time, if the log has times. The
/// lab's broker is at ports 1883 and 8883 of all hosts, its gateway at 1884; other ports refuse.
///
/// # Errors
///
/// The modem can't be set up so.
pub fn replay(log: &Log, rules: &Rules, config: ModemConfig, seed: u64) -> Result<Report, BadName> {
    let judge = Judge::new(rules);
    let ours = play::play(log, &judge, config, seed)?;
    Ok(compare::compare(log, &ours, &judge))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.words)
    }
}
