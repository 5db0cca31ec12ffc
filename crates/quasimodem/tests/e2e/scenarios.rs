//! Scenarios in virtual time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

use crate::program::{Outcome, run_to_end};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios")
}

fn simulate(file: &Path, options: &[&str]) -> Outcome {
    run_to_end(&[&["simulate", file.to_str().unwrap()], options].concat(), "")
}

/// Each goes well, but for the one that takes too long here.
#[test]
fn examples_go_well() {
    let mut count = 0;
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        count += 1;
        let short: &[&str] = if path.ends_with("fleet-day.toml") { &["--for", "20min"] } else { &[] };
        let outcome = simulate(&path, short);
        if short.is_empty() {
            assert_eq!(outcome.code, Some(0), "{}: {}", path.display(), outcome.stderr);
        } else {
            // What comes in hours has not come yet.
            assert!(outcome.stderr.contains("fault broker-restart was never hit"), "{}", outcome.stderr);
        }
    }
    assert!(count >= 4, "{count}");
}

/// The same seed plays the same to the last byte, and another another.
#[test]
fn a_seed_is_a_run() {
    let file = examples().join("data-call-lost.toml");
    let events = |options: &[&str]| simulate(&file, &[&["--events", "-"], options].concat()).stdout;
    let (one, same, other) = (events(&[]), events(&["--seed", "7"]), events(&["--seed", "8"]));
    assert_eq!(one, same);
    assert_ne!(one, other);
    let first: Value = serde_json::from_str(one.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["modems"][0]["modem"]), (&"run.ready".into(), &"modem".into()));
    assert!(one.lines().last().unwrap().contains("run.end") && one.contains("client.broken"), "{one}");
}

/// A trace of virtual time is read by tshark, and a transcript replays.
#[test]
fn traces() {
    let folder = tempdir().unwrap();
    let file = examples().join("data-call-lost.toml");
    let (packets, lines) = (folder.path().join("t.pcapng"), folder.path().join("t.at"));
    for trace in [&packets, &lines] {
        let outcome = simulate(&file, &["--trace", trace.to_str().unwrap()]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    let read = Command::new("tshark").arg("-r").arg(&packets).output().unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    assert!(read.contains("+MQTTBREAK: 1,2") && read.contains("Connect Ack"), "{read}");
    assert!(fs::read_to_string(&lines).unwrap().contains("+MQTTBREAK: 1,2"));
}

/// What is not as expected is told, with the transcript up to then; many seeds are played at once.
#[test]
fn what_does_not_come_is_told() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let expect = "[[expect]]\nevent = \"client.broken client=1\"\n[[expect]]\nevent = \"client.open\"\ncount = 0\n";
    fs::write(&path, format!("for = \"30s\"\nscript = \"telemetry\"\nfaults = [\"signal at=1h\"]\n{expect}")).unwrap();
    let outcome = simulate(&path, &[]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{}", outcome.stderr);
    for words in [
        "seed 1: client.broken client=1 came never by 30s; expected 1 at least",
        "seed 1: client.open came once by 30s; expected never",
        "seed 1: modem: fault signal was never hit",
        ">> AT+MQTTOPEN=1,",
        "3 of what was expected did not come",
    ] {
        assert!(outcome.stderr.contains(words), "no {words:?} in {}", outcome.stderr);
    }
    let seeds = simulate(&examples().join("data-call-lost.toml"), &["--seeds", "0..20"]);
    assert!(seeds.stdout.starts_with("20 seeds passed in "), "{}{}", seeds.stdout, seeds.stderr);
    let outcome = simulate(&path, &["--seeds", "5..6"]);
    assert!(outcome.stderr.contains("seed 5: client.open came once"), "{}", outcome.stderr);
}

/// A file that can't be read names the line, and what was probably meant.
#[test]
fn mistakes_are_told_with_their_place() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s.toml");
    for (text, words) in [
        ("seed = 1\nscrip = \"telemetry\"", ":2: a scenario has no \"scrip\", perhaps \"script\"; it has seed, for"),
        ("script = \"telemetri\"", ":1: script is \"telemetri\", perhaps \"telemetry\", and can't be read: "),
        ("modems = 0", ":1: modems is 0, expected a number from 1 to 100000"),
        ("modems = 2\n[[modem]]\n", ":1: modems and [[modem]] say the same: one of them is enough"),
        ("[[modem]]\nname = \"a\"\n[[modem]]\nname = \"a\"", ":3: \"a\" is the name of modem 1 already"),
        ("[[modem]]\nname = \"a b\"", ":2: name is \"a b\", expected letters, digits, -, _ and ."),
        ("[[modem]]\nmodell = \"L610\"", ":2: a modem has no \"modell\", perhaps \"model\"; it has name"),
        ("for = 5", ":1: for is 5, expected a time with its unit, such as \"90s\" or \"24h\""),
        (
            "faults = [\"packet-drp\"]",
            ":1: faults has \"packet-drp\", there is no fault \"packet-drp\", perhaps \"packet-drop\"",
        ),
        ("faults = [\"cloud-refuse\"]", ":1: cloud-refuse needs what stands in for clouds"),
        ("[[radio]]\nstat = 2", ":1: it has no time: expected at = \"10s\""),
        ("[[radio]]\nat = \"1s\"\nstat = 9", ":1: stat is \"9\", expected a number from 0 to 5"),
        (
            "[[radio]]\nat = \"1s\"\nmodem = \"modm\"\nstat = 2",
            ":3: modem is \"modm\", and there is no such modem, perhaps \"modem\"",
        ),
        ("[[order]]\nat = \"1s\"\norder = \"brokr-restart\"", ":3: order is \"brokr-restart\", there is no order"),
        ("[[expect]]\nevent = \"client.brokn\"", ":2: event is \"client.brokn\", there is no event"),
        ("[[expect]]\ncount = 1", ":1: expected event = \"client.open client=1\""),
        ("settings = { ecko = true }", ":1: a modem has no \"ecko\", perhaps \"echo\""),
        ("chat = \"> AT+CSQ\\n<\"", ":1: chat:2: "),
        ("seed = ", ":1: "),
    ] {
        fs::write(&path, text).unwrap();
        let outcome = simulate(&path, &[]);
        assert_eq!(outcome.code, Some(2), "{text}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{text}: no {words:?} in {}", outcome.stderr);
    }
    assert_eq!(simulate(Path::new("/nowhere/s.toml"), &[]).code, Some(2));
    assert_eq!(run_to_end(&["simulate", "--seed", "3"], "").code, Some(2));
}

/// Scripts that are always there can be read, and are listed.
#[test]
fn scripts_are_listed() {
    let list = run_to_end(&["scripts"], "").stdout;
    let json: Value = serde_json::from_str(&run_to_end(&["scripts", "--json"], "").stdout).unwrap();
    for script in json.as_array().unwrap() {
        let name = script["name"].as_str().unwrap();
        assert!(list.lines().any(|line| line.starts_with(name)), "{list}");
        assert_eq!(run_to_end(&["scripts", name], "").stdout, script["text"].as_str().unwrap());
    }
    let outcome = run_to_end(&["scripts", "storms"], "");
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome.stderr.contains("there is no script \"storms\", perhaps \"storm\"; there are telemetry"),
        "{}",
        outcome.stderr
    );
}
