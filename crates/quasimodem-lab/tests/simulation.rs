//! Thousands of runs of the simulation, in ranges that run side by side.

use quasimodem_lab::{simulation, transcript};

/// Runs so many seeds from this one on.
#[track_caller]
fn runs(from: u64, count: u16) {
    let mut failures = Vec::new();
    let (mut published, mut delivered) = (0, 0);
    for seed in from..from + u64::from(count) {
        match simulation::run(seed) {
            Ok(summary) => {
                published += summary.published;
                delivered += summary.delivered;
            }
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(first) = failures.first() {
        let all: Vec<String> = failures.iter().map(|failure| format!("{}: {}", failure.seed, failure.broken)).collect();
        panic!("{} of {count} seeds failed:\n{}\n\n{first}", failures.len(), all.join("\n"));
    }
    // Or nothing was tried.
    let count = usize::from(count);
    assert!(published > 5 * count && delivered > 5 * count, "{published} published, {delivered} delivered");
}

#[test]
fn seeds_from_0() {
    runs(0, 750);
}

#[test]
fn seeds_from_10000() {
    runs(10_000, 750);
}

#[test]
fn seeds_from_20000() {
    runs(20_000, 750);
}

#[test]
fn seeds_from_30000() {
    runs(30_000, 750);
}

/// What a modem of a run saw and did is a transcript that holds.
#[test]
fn transcripts_of_runs_replay() {
    for seed in 0..150 {
        let scenario = simulation::Scenario::draw(seed).unwrap();
        for station in 0..scenario.stations.len() {
            let text = simulation::transcript(seed, station);
            if let Err(trouble) = transcript::run(&text) {
                let lines: Vec<&str> = text.lines().take(trouble.line).collect();
                panic!(
                    "seed {seed}, modem {station}, {trouble}\n{}",
                    lines[lines.len().saturating_sub(40)..].join("\n")
                );
            }
        }
    }
}

/// The same seed, the same run, to the byte.
#[test]
fn a_run_repeats() {
    for seed in [1, 2, 3] {
        assert_eq!(simulation::transcript(seed, 0), simulation::transcript(seed, 0));
        assert_eq!(simulation::run(seed).ok(), simulation::run(seed).ok());
    }
}

/// What waited in vain, and was discarded or held then, must not let the next result come within its gap.
#[test]
fn seeds_that_found_a_gap_cut_short() {
    for seed in [1_016_672, 1_029_631] {
        if let Err(failure) = simulation::run(seed) {
            panic!("{failure}");
        }
    }
}
