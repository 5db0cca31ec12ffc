//! Runs every transcript in `tests/transcripts`.

// It reads its transcripts from files.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::{fs, panic};

#[test]
fn every_transcript_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.ends_with(".at"), "{name} is no transcript");
        count += 1;
        let text = fs::read_to_string(&path).unwrap();
        match panic::catch_unwind(|| quasimodem_lab::transcript::run(&text)) {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => failures.push(format!("{name}, {trouble}")),
            Err(_) => failures.push(format!("{name} panicked")),
        }
    }
    assert!(count > 0, "no transcripts in {}", folder.display());
    assert!(failures.is_empty(), "{} of {count} transcripts failed:\n{}", failures.len(), failures.join("\n"));
}
