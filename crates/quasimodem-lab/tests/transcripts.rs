//! Runs every transcript in `tests/transcripts`, each as a test of its name: `cargo test keep-alive`.

// It reads its transcripts from files.
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut trials: Vec<Trial> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            assert!(path.extension().is_some_and(|extension| extension == "at"), "{} is no transcript", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            Trial::test(name, move || {
                let text = fs::read_to_string(&path).map_err(|error| Failed::from(error.to_string()))?;
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                quasimodem_lab::transcript::run(&text).map_err(|trouble| format!("{file}, {trouble}").into())
            })
        })
        .collect();
    assert!(!trials.is_empty(), "no transcripts in {}", folder.display());
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
