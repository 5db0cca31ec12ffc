//! `--timing` and `quasimodem timing`.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::host::Host;
use crate::program::{Program, run_to_end};

#[test]
fn an_answer_comes_as_late_as_the_file_says() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("slow.toml");
    let text = "[profile.slow]\nsource = \"a test\"\ntime = [\n  { command = \"AT\", of = \"final\", samples_ms = [400] },\n]\n";
    fs::write(&file, text).unwrap();
    let port = folder.path().join("port");
    let at = format!("pty:{}", port.display());
    let modem = Program::run_with(&at, &["--timing", file.to_str().unwrap()]);
    let mut host = Host::open(&port);
    let begin = Instant::now();
    host.send("AT");
    host.expect("AT");
    let echoed = begin.elapsed();
    host.expect("\r\nOK\r\n");
    let answered = begin.elapsed();
    assert!(answered >= Duration::from_millis(395), "{answered:?}");
    assert!(answered - echoed >= Duration::from_millis(200), "{echoed:?} {answered:?}");
    modem.terminate();
}

#[test]
fn profiles_are_listed_and_printed_as_files() {
    let folder = tempdir().unwrap();
    let list = run_to_end(&["timing"], "");
    assert_eq!(list.code, Some(0));
    for name in ["none", "l610-2026", "limits"] {
        assert!(list.stdout.lines().any(|line| line.starts_with(name)), "{}", list.stdout);
    }
    for name in ["l610-2026", "limits"] {
        let printed = run_to_end(&["timing", name], "");
        let file = folder.path().join("printed.toml");
        fs::write(&file, &printed.stdout).unwrap();
        let (by_name, by_file) = (
            run_to_end(&["timing", name, "--json"], ""),
            run_to_end(&["timing", file.to_str().unwrap(), "--json"], ""),
        );
        assert_eq!((by_file.code, &by_file.stdout), (Some(0), &by_name.stdout), "{}", by_file.stderr);
        let json: serde_json::Value = serde_json::from_str(&by_name.stdout).unwrap();
        let times = json["time"].as_array().unwrap();
        assert!(!times.is_empty() && times.iter().all(|time| time["source"].is_string()), "{json}");
    }
}

#[test]
fn what_is_no_profile_is_told() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    fs::write(&file, "[profile.x]\nsource = \"s\"\ntime = [\n  { comand = \"+CSQ\" },\n]\n").unwrap();
    let file = file.to_str().unwrap();
    for (name, words) in [
        ("l610-226", "there is no profile \"l610-226\", perhaps \"l610-2026\""),
        ("./nowhere.toml", "can't read ./nowhere.toml"),
        (file, "wrong.toml:4: a time has no \"comand\", perhaps \"command\""),
    ] {
        let outcome = run_to_end(&["run", "--timing", name], "");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{name}");
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn a_configuration_file_may_say_it() {
    let folder = tempdir().unwrap();
    let times = "[profile.x]\nsource = \"s\"\n\n[answers]\n\"AT+QCFG?\" = [\"+QCFG: 7\", \"OK\"]\n";
    fs::write(folder.path().join("times.toml"), times).unwrap();
    let config = folder.path().join("modem.toml");
    fs::write(&config, "timing = \"times.toml\"\n").unwrap();
    let outcome = run_to_end(&["run", "--config", config.to_str().unwrap()], "AT+QCFG?\r");
    assert!(outcome.stdout.contains("\r\n+QCFG: 7\r\n\r\nOK\r\n"), "{}{}", outcome.stdout, outcome.stderr);
}
