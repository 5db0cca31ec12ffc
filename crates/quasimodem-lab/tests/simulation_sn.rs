//! Thousands of runs of the simulation over MQTT-SN, in ranges that run side by side.

use quasimodem_lab::simulation::sn;
use quasimodem_lab::transcript;

/// Runs so many seeds from this one on.
#[track_caller]
fn runs(from: u64, count: u64) {
    let mut failures = Vec::new();
    let mut sum = sn::Summary::default();
    for seed in from..from + count {
        match sn::run(seed) {
            Ok(summary) => sum += summary,
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(first) = failures.first() {
        let all: Vec<String> = failures.iter().map(|failure| format!("{}: {}", failure.seed, failure.what)).collect();
        panic!("{first}\n\n{} of {count} seeds failed:\n{}", failures.len(), all.join("\n"));
    }
    println!("{sum:?}");
    // Or nothing was tried.
    let count = usize::try_from(count).unwrap_or_default();
    assert!(sum.commands > 20 * count && sum.successes * 10 > sum.commands * 8, "{sum:?}");
    assert!(sum.published > 5 * count && sum.delivered > 2 * count && sum.lost * 20 > sum.datagrams, "{sum:?}");
    assert!(sum.wills > count / 4 && sum.breaks > count / 4 && sum.resumes > 0 && sum.numbers > count, "{sum:?}");
    assert!(sum.resets > count / 10 && sum.restarts > count / 10 && sum.takeovers > count / 20, "{sum:?}");
}

#[test]
fn seeds_from_0() {
    runs(0, 1000);
}

#[test]
fn seeds_from_10000() {
    runs(10_000, 1000);
}

#[test]
fn seeds_from_20000() {
    runs(20_000, 1000);
}

/// The same seed, the same run.
#[test]
fn a_run_repeats() {
    for seed in [1, 2, 3] {
        assert_eq!(sn::run(seed), sn::run(seed));
    }
}

/// What a failure would print replays it.
#[test]
fn a_transcript_replays_the_run() {
    for seed in 0..20 {
        let text = sn::transcript(seed);
        if let Err(failure) = transcript::run(&text) {
            panic!("seed {seed}: {failure}");
        }
    }
}
