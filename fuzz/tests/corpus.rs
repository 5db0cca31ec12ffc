//! Everything that fuzzing found runs once more, without libFuzzer.

use std::fs;
use std::path::Path;

use quasimodem_fuzz::{TARGETS, dictionary};

#[test]
fn the_corpus_harms_nobody() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, body) in TARGETS {
        let directory = corpus.join(name);
        let mut count = 0;
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("the directory can be read").path();
            // Shown if the next line panics.
            println!("{}", path.display());
            body(&fs::read(&path).expect("a corpus file can be read"));
            count += 1;
        }
        assert_ne!(count, 0, "{} is empty", directory.display());
    }
    let directories = fs::read_dir(&corpus).expect("the corpus can be read").count();
    assert_eq!(directories, TARGETS.len(), "a directory of the corpus belongs to no target");
}

#[test]
fn the_dictionary_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("serial.dict");
    let stored = fs::read_to_string(&path).expect("the dictionary can be read");
    assert!(stored == dictionary(), "the command table changed; refresh fuzz/serial.dict as fuzz/README.md says");
}
