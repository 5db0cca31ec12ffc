//! `quasimodem replay`: what a host typed once, typed again.

use std::fs;

use tempfile::tempdir;

use crate::program::run_to_end;

#[test]
fn differences_are_told_by_their_lines() {
    let folder = tempdir().unwrap();
    let (log, rules) = (folder.path().join("field.log"), folder.path().join("field.rules"));
    fs::write(&log, "TX: AT+CSQ\nRX: AT+CSQ\nRX: +CSQ: 24,99\nRX: OK\n").unwrap();
    fs::write(&rules, "# From its place.\nany +CSQ: *\n").unwrap();
    let (log, rules) = (log.to_str().unwrap(), rules.to_str().unwrap());
    let outcome = run_to_end(&["replay", log], "");
    let due = format!(
        "{log}:3: expected \"+CSQ: 24,99\", got \"+CSQ: 31,99\" (AT+CSQ)\n\
         1 line typed, 2 answers: 1 difference, 0 explained by rules\n"
    );
    assert_eq!((outcome.code, outcome.stdout, outcome.stderr), (Some(1), due, String::new()));
    let outcome = run_to_end(&["replay", log, "--rules", rules], "");
    let due = "1 line typed, 2 answers: 0 differences, 1 explained by rules\n";
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), due));
    let outcome = run_to_end(&["replay", "-", "--rules", rules], "-> AT\n<- OK\n");
    let due = format!(
        "{rules}:2: the rule explains nothing here\n1 line typed, 1 answer: 0 differences, 0 explained by rules\n"
    );
    assert_eq!((outcome.code, outcome.stdout), (Some(0), due));
}

/// What the program itself wrote is the same again, as events and as a transcript; a fault that was there is there again.
#[test]
fn a_run_is_the_same_again() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (script, events, trace) = (path("host.chat"), path("run.json"), path("run.at"));
    let host = "> AT+MQTTUSER=1,\"me\",\"hush\"\n> AT+MQTTOPEN=1,\"broker.example\",1883,1,60\n< +MQTTOPEN: 1,0\n> AT+CEER\n\
                > AT+MQTTOPEN=1,\"broker.example\",1883,1,60\n< +MQTTOPEN: 1,1\n> AT+MQTTPUB=1,\"t\",1,0,\"x\"\n< +MQTTPUB: 1,1\n";
    fs::write(&script, host).unwrap();
    let fault = "connack-code code=4 times=1";
    // The modem of the lab finds its broker at whatever port that has.
    let lab = ["lab", "--mqtt", "127.0.0.1:0", "--host-map", "*:1883=127.0.0.1:$broker"];
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (mqtt, map) = (format!("127.0.0.1:{port}"), lab[4].replace("$broker", &port));
    let outcome = run_to_end(
        &[
            lab[0],
            lab[1],
            &mqtt,
            lab[3],
            &map,
            "--sn",
            "127.0.0.1:0",
            "--script",
            &script,
            "--events",
            &events,
            "--trace",
            &trace,
            "--fault",
            fault,
        ],
        "",
    );
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for log in [&events, &trace] {
        let outcome = run_to_end(&["replay", log, "--fault", fault], "");
        assert_eq!(outcome.code, Some(0), "{log}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stdout.starts_with("5 lines typed, 10 answers: 0 differences"), "{log}: {}", outcome.stdout);
        let outcome = run_to_end(&["replay", log], "");
        assert!(outcome.stdout.contains("expected \"+MQTTOPEN: 1,0\", which did not come"), "{}", outcome.stdout);
        assert!(outcome.code == Some(1) && !outcome.stdout.contains("hush"));
    }
}

#[test]
fn what_can_not_be_is_told() {
    let folder = tempdir().unwrap();
    let rules = folder.path().join("field.rules");
    fs::write(&rules, "\nanny +CSQ: *\n").unwrap();
    let rules = rules.to_str().unwrap();
    for (arguments, stdin, words) in [
        (&["replay", "nowhere.log"][..], "", "can't read nowhere.log: No such file"),
        (&["replay", "-"], "kernel: usb 1-1\n", "stdin:1: expected TX or RX in front"),
        (&["replay", "-", "--rules", rules], "TX: AT\n", "field.rules:2: there is no rule \"anny\", perhaps \"any\""),
        (&["replay", "-", "--set", "eco=on"], "TX: AT\n", "there is no setting \"eco\""),
        (&["replay", "-", "--fault", "packet-dorp"], "TX: AT\n", "perhaps \"packet-drop\""),
        (
            &["replay", "-", "--fault", "connack-code id=a", "--fault", "connack-code id=a"],
            "TX: AT\n",
            "two faults have the id \"a\"",
        ),
    ] {
        let outcome = run_to_end(arguments, stdin);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
    }
}

#[test]
fn rules_that_skip_all_are_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let (log, rules) = (folder.path().join("host.log"), folder.path().join("all.rules"));
    std::fs::write(&log, "TX: AT\nRX: ERROR\n").unwrap();
    std::fs::write(&rules, "skip *\n").unwrap();
    let outcome =
        crate::program::run_to_end(&["replay", log.to_str().unwrap(), "--rules", rules.to_str().unwrap()], "");
    assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""));
    assert!(outcome.stderr.contains("nothing is compared"), "{}", outcome.stderr);
}
