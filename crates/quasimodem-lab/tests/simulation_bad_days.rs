//! Faults of the whole table, and what must be well again when they are over.

use quasimodem_lab::simulation::bad_days::{self, Summary};

#[track_caller]
fn runs(from: u64, count: u64) {
    let mut failures = Vec::new();
    let mut sum = Summary::default();
    for seed in from..from + count {
        match bad_days::run(seed) {
            Ok(summary) => {
                sum.faults += summary.faults;
                sum.hits += summary.hits;
                sum.calls += summary.calls;
            }
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(first) = failures.first() {
        let all: Vec<String> = failures.iter().map(|failure| format!("{}: {}", failure.seed, failure.what)).collect();
        panic!("{first}\n\n{} of {count} seeds failed:\n{}", failures.len(), all.join("\n"));
    }
    println!("{sum:?}");
    let count = usize::try_from(count).unwrap();
    assert!(sum.faults > count && sum.hits > count && sum.calls > 100 * count, "{sum:?}");
}

#[test]
fn seeds_from_0() {
    runs(0, 300);
}

#[test]
fn seeds_from_10000() {
    runs(10_000, 300);
}

/// The same seed, the same day.
#[test]
fn a_day_repeats() {
    for seed in 0..5 {
        assert_eq!(bad_days::run(seed), bad_days::run(seed));
    }
}
