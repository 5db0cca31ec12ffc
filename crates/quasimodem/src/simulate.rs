//! `quasimodem simulate`: seeds of the simulation, on all cores.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use quasimodem_lab::simulation::{self, bad_days, sn};

/// Failures after which no further seed is tried: each is worth a look, and one fault makes many.
const FAILURES_MAX: usize = 10;

/// Runs these seeds, over MQTT, over MQTT-SN and with faults of the whole table, and prints the failures with what happened before them.
pub(crate) fn simulate(seeds: Range<u64>) -> Result<String> {
    let start = Instant::now();
    let count = seeds.end - seeds.start;
    let bar = ProgressBar::new(count).with_style(style());
    bar.enable_steady_tick(Duration::from_millis(200));
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let virtual_millis = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    for played in [over_mqtt(seed), over_sn(seed), on_a_bad_day(seed)] {
                        match played {
                            Ok(time) => {
                                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                                virtual_millis.fetch_add(millis, Ordering::Relaxed);
                            }
                            Err(failure) => {
                                let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                                failures.push(failure);
                                stop.fetch_or(failures.len() >= FAILURES_MAX, Ordering::Relaxed);
                            }
                        }
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let failures: Vec<String> = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failures.is_empty() {
        let minutes = virtual_millis.into_inner() / 60_000;
        let seconds = start.elapsed().as_secs_f32();
        return Ok(format!("{count} seeds passed in {seconds:.1} s: {minutes} minutes of modems' time\n"));
    }
    for failure in &failures {
        eprintln!("{failure}\n");
    }
    bail!("{} runs failed; what is printed above replays them", failures.len())
}

/// The time that passed for the modems, or the failure in words.
fn over_mqtt(seed: u64) -> Result<Duration, String> {
    simulation::run(seed).map(|summary| summary.time).map_err(|failure| failure.to_string())
}

fn over_sn(seed: u64) -> Result<Duration, String> {
    sn::run(seed).map(|summary| summary.time).map_err(|failure| failure.to_string())
}

fn on_a_bad_day(seed: u64) -> Result<Duration, String> {
    bad_days::run(seed).map(|summary| summary.time).map_err(|failure| failure.to_string())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{pos} of {len} seeds, {per_sec}, {eta} left {bar:30}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
