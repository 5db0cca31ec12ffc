//! Requests over MQTT-SN survive a network that loses three datagrams of ten each way.

#[path = "../examples/sn_loss.rs"]
mod sn_loss;

use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::Settings;
use sn_loss::{TRIALS, try_all};

const SEEDS: u32 = 500;

/// Datagrams that a trial takes if nothing is lost, and failures of a thousand at most with 30 % lost each way. With two
/// or three answers needed one after the other more fails, and QoS 2 has fewer copies.
const DUE: &[(&str, u32, u32)] = &[
    ("OPEN", 1, 6),
    ("OPEN with a will", 3, 12),
    ("SUB", 1, 4),
    ("WMSGUD", 1, 4),
    ("PUB, QoS 1", 1, 4),
    ("PUB, QoS 2", 2, 30),
    ("PUB, QoS 1, new name", 2, 8),
    ("PUB, QoS 2, new name", 3, 60),
    ("ping", 1, 4),
    ("CLOSE", 1, 2),
];

fn settings() -> Settings {
    Settings { echo: false, gap: Duration::ZERO, ..Settings::default() }
}

#[test]
fn requests_survive_heavy_loss() {
    let settings = Arc::new(settings());
    assert_eq!(
        TRIALS.iter().map(|trial| trial.name).collect::<Vec<_>>(),
        DUE.iter().map(|due| due.0).collect::<Vec<_>>()
    );
    for (trial, (name, datagrams, failures)) in TRIALS.iter().zip(DUE) {
        let calm = try_all(trial, &settings, 0, 1);
        assert_eq!((calm.failed, calm.sent), (0, *datagrams), "{name}");
        assert_eq!(try_all(trial, &settings, 10, SEEDS).failed, 0, "{name}, 10 %");
        let heavy = try_all(trial, &settings, 30, SEEDS);
        assert!(1000 * heavy.failed <= failures * SEEDS, "{name}, 30 %: {} of {SEEDS}", heavy.failed);
    }
}

/// The settings decide how often and how soon.
#[test]
fn settings_bound_retries() {
    let settings = Arc::new(Settings { sn_retries: 2, ..settings() });
    for trial in TRIALS {
        let outcome = try_all(trial, &settings, 100, 1);
        assert_eq!((outcome.failed, outcome.sent), (1, 3), "{}", trial.name);
    }
    let settings = Arc::new(Settings { sn_retry: Duration::from_millis(1400), ..Settings::clone(&settings) });
    let outcome = try_all(&TRIALS[2], &settings, 100, 1);
    assert_eq!(outcome.sent, 3, "at 0, 1400 and 2800 ms of 3000");
    let settings = Arc::new(Settings { sn_retry: Duration::from_millis(1500), ..Settings::clone(&settings) });
    let outcome = try_all(&TRIALS[2], &settings, 100, 1);
    assert_eq!(outcome.sent, 2, "at 0 and 1500 ms: at 3000 ms the result is due");
}
