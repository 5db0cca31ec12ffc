//! Wrong usage.

use quasimodem_core::MODELS;

use crate::program::run_to_end;

#[test]
fn usage_errors_say_what_is_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&["ran"], "unrecognized subcommand 'ran'"),
        (&["run", "--at", "com1"], "expected stdio, pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT, rfc2217:PORT"),
        (&["run", "--at", "rfc2217:here"], "expected rfc2217:PORT or rfc2217:ADDR:PORT with an IP address"),
        (&["run", "--at", "serial:/dev/ttyS1"], "expected serial:PATH@RATE[,FRAME][,rtscts|xonxoff]"),
        (&["run", "--pace", "fast"], "expected a rate from 1 to 4000000 bits a second"),
        (&["run", "--at", "tcp:here"], "expected tcp:PORT or tcp:ADDR:PORT with an IP address"),
        (&["run", "--imei", "12"], "expected 15 decimal digits"),
        (&["run", "--gap", "soon"], "expected a number of milliseconds up to 3600000"),
        (&["run", "--bearer", "hot"], "expected up or cold"),
        (&["run", "--set", "echo"], "expected KEY=VALUE, such as echo=off"),
        (&["run", "--set", "echo=maybe"], "echo is \"maybe\", expected on or off"),
        (&["run", "--set", "eco=on"], "there is no setting \"eco\"; there are model echo gap_ms"),
        (&["run", "--host-map", "a=b"], "expected NAME:PORT=ADDR:PORT, such as broker.example:1883=127.0.0.1:1883"),
        (&["run", "--mqtt", "0"], "unexpected argument '--mqtt'"),
        (&["lab", "--mqtt", "here"], "expected PORT or ADDR:PORT with an IP address"),
        (&["lab", "--refuse", "6"], "expected a CONNACK code from 1 to 5"),
        (&["lab", "--refuse-filter", "a#"], "expected a topic filter, such as secret/#"),
        (&["lab", "--user", ":secret"], "expected NAME:PASSWORD"),
        (&["commands", "--json", "--markdown"], "cannot be used with"),
        (&["completions", "tcsh"], "[possible values: bash, elvish, fish, powershell, zsh]"),
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
    let cases: &[(&[&str], &str)] = &[
        (&["--help"], "quasimodem run --at pty:/tmp/modem"),
        (&["run", "--help"], "quasimodem run --at pty:/tmp/modem"),
        (&["lab", "--help"], "quasimodem lab --refuse 3:2"),
        (&["models", "--help"], "quasimodem run --model MC615"),
        (&["commands", "--help"], "quasimodem commands --json"),
        (&["credentials", "--help"], "quasimodem credentials baidu core1 device1"),
        (&["replay", "--help"], "quasimodem replay minicom.log"),
        (&["timeline", "--help"], "quasimodem timeline run.json -o run.html"),
        (&["settings", "--help"], "quasimodem run --set gap_ms=0"),
        (&["completions", "--help"], "quasimodem completions fish"),
    ];
    for (arguments, example) in cases {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains(example), "{}", outcome.stdout);
    }
}

#[test]
fn completions_know_the_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = run_to_end(&["completions", shell], "");
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains("refuse-filter"), "{shell}");
    }
}

#[test]
fn the_command_line_sets_settings() {
    let arguments = ["run", "--set", "echo=on", "--set", "echo=off", "--set", "model=MC615", "--model", "mc610"];
    let outcome = run_to_end(&arguments, "AT+CGMM\r");
    assert_eq!(outcome.stdout, "\r\n+SIM READY\r\n\r\n+CGMM: \"MC610\"\r\n\r\nOK\r\n");
}

#[test]
fn a_cold_module_searches() {
    let outcome = run_to_end(&["run", "--bearer", "cold", "--set", "echo=off"], "AT+CREG?;+CSQ;+MIPCALL?\r");
    assert_eq!(outcome.stdout, "\r\n+SIM READY\r\n\r\n+CREG: 0,0\r\n\r\n+CSQ: 0,0\r\n\r\n+MIPCALL: 0\r\n\r\nOK\r\n");
}

#[test]
fn seeds_are_simulated() {
    let outcome = run_to_end(&["simulate", "--seeds", "40..60"], "");
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.starts_with("20 seeds passed in "), "{}", outcome.stdout);
    let outcome = run_to_end(&["simulate", "--seeds", "5..5"], "");
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("expected A..B, A being less than B, such as 0..1000"), "{}", outcome.stderr);
}

#[test]
fn secrets_are_not_printed_where_they_do_not_belong() {
    for arguments in [
        &["lab", "--user", ":SECRET"][..],
        &["lab", "--user=:SECRET"],
        &["lab", "alice:SECRET"],
        &["gateway", "--broker", "127.0.0.1:1883", "--user", ":SECRET"],
        &["gateway", "--broker", "mqtt://alice:SECRET@broker.example:1883"],
        &["gateway", "--broker", "127.0.0.1:1883", "alice:SECRET"],
        &["credentials", "alibaba", "key", "device", "SECRET"],
    ] {
        let outcome = run_to_end(arguments, "");
        assert_eq!(outcome.code, Some(2), "{arguments:?}");
        assert!(outcome.stderr.contains("'***'") && !outcome.stderr.contains("SECRET'"), "{}", outcome.stderr);
    }
    assert!(run_to_end(&["lab", "--user", ":x"], "").stderr.contains("expected NAME:PASSWORD, and the name is empty"));
}
