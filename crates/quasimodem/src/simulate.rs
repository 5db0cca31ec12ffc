//! `quasimodem simulate`: scenarios in virtual time, and seeds of the project's own simulations, on all cores.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use quasimodem_core::{Input, Modem, Outbox};
use quasimodem_lab::event::{Event, Listener, Reporter, Stamp, put_line};
use quasimodem_lab::flat;
use quasimodem_lab::recorder::{Recorder, Secrets};
use quasimodem_lab::scenario::{Scenario, Unmet};
use quasimodem_lab::simulation::{self, bad_days, sn};
use quasimodem_lab::watch::Watch;

use crate::trace::{self, Traced};
use crate::{Unusable, scenario};

/// Failures after which no further seed is tried: each is worth a look, and one fault makes many.
const FAILURES_MAX: usize = 10;

/// What is simulated.
#[derive(Args)]
pub(crate) struct Options {
    /// The scenario to play; without one, the simulations of the project itself.
    #[arg(value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,

    /// The seeds to run: from A up to, but without, B; 0..1000, unless there is a scenario, which has one.
    #[arg(long, value_name = "A..B", value_parser = parse_seeds, conflicts_with = "seed")]
    seeds: Option<Range<u64>>,

    /// The seed to play, in the place of that of the scenario.
    #[arg(long, value_name = "N", requires = "file")]
    seed: Option<u64>,

    /// How long, in the place of what the scenario says, such as 24h.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time, requires = "file")]
    lasts: Option<Duration>,

    /// Write what happens to FILE or to stdout (-), a line of JSON each.
    #[arg(long, value_name = "FILE|-", requires = "file", conflicts_with = "seeds")]
    events: Option<PathBuf>,

    /// Write what crosses serial lines and links to FILE.pcapng or to stdout (-) for Wireshark, or to FILE.at as a transcript of the
    /// first modem.
    #[arg(long, value_name = "FILE.pcapng|FILE.at|-", value_parser = trace::parse, value_hint = ValueHint::FilePath, requires = "file", conflicts_with = "seeds")]
    trace: Option<Traced>,
}

/// Simulates, and gives what there is to say if all is well.
pub(crate) fn simulate(options: Options) -> Result<String> {
    let Some(file) = &options.file else {
        let seeds = options.seeds.unwrap_or(0..1000);
        let count = seeds.end - seeds.start;
        let all = |seed| vec![over_mqtt(seed), over_sn(seed), on_a_bad_day(seed)];
        let (passed, seconds) = play_all(seeds, &all)?;
        return Ok(format!(
            "{count} seeds passed in {seconds:.1} s: {} minutes of modems' time\n",
            passed.as_secs() / 60
        ));
    };
    let mut scenario = scenario::read(file).map_err(Unusable)?;
    scenario.lasts = options.lasts.unwrap_or(scenario.lasts);
    if let Some(seeds) = options.seeds {
        let count = seeds.end - seeds.start;
        let play = |seed| {
            let played = scenario.play(seed, &mut Nobody);
            vec![match played.unmet.first() {
                None => Ok(scenario.lasts),
                Some(_) => Err(told(&scenario, seed, &played.unmet)),
            }]
        };
        let (passed, seconds) = play_all(seeds, &play)?;
        return Ok(format!("{count} seeds passed in {seconds:.1} s: {} minutes\n", passed.as_secs() / 60));
    }
    let seed = options.seed.unwrap_or(scenario.seed);
    let (start, names) = (Instant::now(), scenario.names());
    let mut watches: Vec<Box<dyn Watch + Send>> = Vec::new();
    if let Some(path) = &options.events {
        watches.push(Box::new(Reporter::new(names.clone(), Lines(straight(path, "events")?))));
    }
    if let (Some(traced), Some(first)) = (&options.trace, scenario.stations.first()) {
        watches.push(traced.straight(names, &first.settings, first.imei, straight)?);
    }
    let stdout_is_taken =
        options.events.as_deref() == Some(Path::new("-")) || options.trace.as_ref().is_some_and(Traced::is_stdout);
    let played = scenario.play(seed, &mut watches);
    if !played.unmet.is_empty() {
        eprint!("{}", told(&scenario, seed, &played.unmet));
        bail!("seed {seed}: {} of what was expected did not come", played.unmet.len());
    }
    let words = format!(
        "seed {seed}: as expected; modems: {}, seconds of their time: {}, here: {:.2}, hits of faults: {}\n",
        scenario.stations.len(),
        scenario.lasts.as_secs(),
        start.elapsed().as_secs_f32(),
        played.hits
    );
    if stdout_is_taken {
        eprint!("{words}");
        return Ok(String::new());
    }
    Ok(words)
}

/// What was not as expected, and the transcript of the modem that it is about, up to then.
fn told(scenario: &Scenario, seed: u64, unmet: &[Unmet]) -> String {
    let mut text: String = unmet.iter().map(|unmet| format!("seed {seed}: {}\n", unmet.words)).collect();
    let station = unmet.iter().find_map(|unmet| unmet.station).unwrap_or_default();
    if let Some(of) = scenario.stations.get(station) {
        let at = unmet.iter().filter(|unmet| unmet.station.is_none_or(|of| of == station)).map(|unmet| unmet.at).min();
        let mut one = One { station, recorder: Recorder::new(&of.settings, of.imei, Secrets::Hidden) };
        let short = Scenario {
            lasts: at.unwrap_or(scenario.lasts).min(scenario.lasts),
            expects: Vec::new(),
            ..scenario.clone()
        };
        short.play(seed, &mut one);
        text += &one.recorder.to_string();
    }
    text
}

/// The transcript of one modem.
struct One {
    station: usize,
    recorder: Recorder,
}

impl Watch for One {
    fn modem(&mut self, now: quasimodem_core::Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        if station == self.station {
            self.recorder.modem(now, station, input, modem, out);
        }
    }
}

/// Nobody watches.
struct Nobody;

impl Watch for Nobody {}

/// Writes as fast as things happen; virtual time waits for it.
type Straight = BufWriter<Box<dyn Write + Send>>;

fn straight(path: &Path, what: &str) -> Result<Straight> {
    if path == Path::new("-") {
        return Ok(BufWriter::new(Box::new(io::stdout())));
    }
    let file = File::create(path).with_context(|| format!("can't write {what} to {}", path.display()))?;
    Ok(BufWriter::new(Box::new(file)))
}

/// Events, a line each.
struct Lines(Straight);

impl Listener for Lines {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        // Whoever reads a pipe may have had enough.
        let _ = self.0.write_all(&line);
        if let Event::End {} = event {
            let _ = self.0.flush();
        }
    }
}

/// Plays these seeds, on all cores, and prints the failures with what happened before them. Gives the time that passed for
/// modems, and here in seconds.
fn play_all(
    seeds: Range<u64>,
    play: &(dyn Fn(u64) -> Vec<Result<Duration, String>> + Sync),
) -> Result<(Duration, f32)> {
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
                    for played in play(seed) {
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
        return Ok((Duration::from_millis(virtual_millis.into_inner()), start.elapsed().as_secs_f32()));
    }
    for failure in &failures {
        eprintln!("{failure}\n");
    }
    bail!("{} runs failed; what is printed above replays them", failures.len())
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let seeds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    seeds
        .filter(|seeds: &Range<u64>| !seeds.is_empty())
        .ok_or("expected A..B, A being less than B, such as 0..1000".into())
}

fn parse_time(text: &str) -> Result<Duration, &'static str> {
    flat::time(text).filter(|time| !time.is_zero()).ok_or("expected a time with its unit, such as 90s or 24h")
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
