//! Wrong usage.

use quasimodem_core::MODELS;

use crate::program::run_to_end;

#[test]
fn usage_errors_say_what_is_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: quasimodem <COMMAND>"),
        (&["ran"], "unrecognized subcommand 'ran'"),
        (&["run", "--at", "com1"], "expected stdio, pty, pty:LINK, tcp:PORT or tcp:ADDR:PORT"),
        (&["run", "--at", "tcp:here"], "'here' is neither PORT nor ADDR:PORT"),
        (&["run", "--imei", "12"], "an IMEI is 15 decimal digits"),
        (&["run", "--gap", "soon"], "expected 0 to 60000 milliseconds"),
        (&["run", "--spice"], "unexpected argument '--spice'"),
    ];
    for (arguments, words) in cases {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(2), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_wrong_model_lists_the_known_ones() {
    let outcome = run_to_end(&["run", "--model", "N0NE"], "");
    assert_eq!(outcome.code, Some(2));
    for model in MODELS {
        assert!(outcome.stderr.contains(model.name), "{model}");
    }
}

#[test]
fn help_has_examples() {
    for arguments in [&["--help"][..], &["run", "--help"]] {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains("quasimodem run --at pty:/tmp/modem"), "{}", outcome.stdout);
    }
}
