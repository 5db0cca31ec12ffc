//! Everything that fuzzing found runs once more, without libFuzzer.

use std::fs;
use std::path::Path;

use quasimodem_core::{Instant, Kind, Link, Why};
use quasimodem_fuzz::{TARGETS, dictionary};
use quasimodem_lab::fault::{Filters, Plan, Spec};

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

/// Where no fault is about them, all bytes pass as they are, whatever they are and however they come: on links of MQTT and of
/// MQTT-SN, both ways, and to the host.
#[test]
fn faults_that_are_about_others_change_nothing() {
    let specs = [
        "packet-drop client=2",
        "packet-corrupt type=PINGRESP nth=1000000",
        "urc-lost line=+NONE",
        "final-lost chance=0",
    ];
    let specs: Vec<Spec> = specs.iter().map(|spec| spec.parse().expect("it is a fault")).collect();
    let filters = || Filters::new(Plan::new(&specs, 1, 0, Instant::START).expect("their ids differ"));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut count = 0;
    for (name, _) in TARGETS {
        for entry in fs::read_dir(corpus.join(name)).expect("the corpus can be read") {
            let bytes = fs::read(entry.expect("the directory can be read").path()).expect("a file can be read");
            let (mut stream, mut datagrams) = (filters(), filters());
            let mut down = Vec::new();
            for chunk in bytes.chunks(1 + bytes.len() / 3) {
                down.extend(stream.down(Instant::START, Link(1), chunk, true, &mut |_| {}).concat());
            }
            down.extend(stream.ended(Instant::START, Link(1), Why::Ended, &mut |_| {}).0.concat());
            assert_eq!(down, bytes, "{name}");
            let up = stream.up(Instant::START, Link(1), &bytes, &mut |_| {}).concat();
            assert!(bytes.starts_with(&up), "{name}: what is sent is whole packets, or waits for its end");
            assert_eq!(
                datagrams.down(Instant::START, Link(101), &bytes, true, &mut |_| {}),
                std::slice::from_ref(&bytes),
                "{name}"
            );
            assert_eq!(
                datagrams.up(Instant::START, Link(101), &bytes, &mut |_| {}),
                std::slice::from_ref(&bytes),
                "{name}"
            );
            for kind in [Kind::Echo, Kind::Info, Kind::Final, Kind::Urc, Kind::Prompt] {
                assert_eq!(
                    stream.printed(Instant::START, kind, &bytes, &mut |_| {}),
                    std::slice::from_ref(&bytes),
                    "{name}"
                );
            }
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
}
