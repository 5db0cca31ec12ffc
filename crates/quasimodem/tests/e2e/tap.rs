//! `quasimodem tap`, with our own modem in the place of a real module.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::LIMIT;
use crate::broker::{Broker, Kind, lines};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};

/// A modem, and a tap before it.
struct Tapped {
    folder: TempDir,
    modem: Program,
    tap: Program,
}

impl Tapped {
    /// The tap writes its events there; `-` is its stdout.
    fn new(events: &Path, folder: TempDir) -> Tapped {
        let (module, own) = (folder.path().join("module"), folder.path().join("own.json"));
        let modem = Program::run_with(prefixed("pty:", &module), &["--events", own.to_str().unwrap()]);
        let mut command = command(&["tap", "--events", events.to_str().unwrap()]);
        command.stdout(Stdio::piped());
        command.arg("--at").arg(prefixed("pty:", &folder.path().join("port")));
        command.arg("--to").arg(prefixed("serial:", &module));
        let tap = Program::start_after(command, "tap ready on ");
        Tapped { folder, modem, tap }
    }

    fn host(&self) -> Host {
        Host::join(self.folder.path().join("port"))
    }
}

fn prefixed(with: &str, path: &Path) -> OsString {
    let mut text = OsString::from(with);
    text.push(path);
    text
}

/// What is told of AT commands from the first line on.
fn told(events: &str) -> Vec<String> {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let from = events.skip_while(|event| event["event"] != "host.typed");
    let about = from.filter(|event| event["event"].as_str().unwrap().starts_with("at.") || event["line"].is_u64());
    let about = about.filter(|event| !event["event"].as_str().unwrap().starts_with("client."));
    about.map(|event| format!("{} {} {} {}", event["event"], event["line"], event["text"], event["size"])).collect()
}

#[test]
fn a_tap_passes_all_on_and_tells_what_the_modem_tells() {
    let folder = tempdir().unwrap();
    let own = folder.path().join("own.json");
    let broker = Broker::start(Kind::Mosquitto);
    let tapped = Tapped::new(Path::new("-"), folder);
    let mut host = tapped.host();
    host.command("AT+CMEE=1");
    host.command(r#"AT+MQTTUSER=1,"me","hush""#);
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    host.expect_in_any_order(&["\r\n+SIM READY\r\n", "\r\n+MQTTOPEN: 1,1\r\n"]);
    host.command(r#"AT+MQTTSUB=1,"t",1"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    host.send(r#"AT+MQTTPUB=1,"t",0,0,4"#);
    host.expect("AT+MQTTPUB=1,\"t\",0,0,4\r\n> \r\n");
    host.write(b"data");
    host.expect("\r\nOK\r\n");
    host.expect_in_any_order(&["\r\n+MQTTPUB: 1,1\r\n", "\r\n+MQTTMSG: 1,0,\"t\",\"data\"\r\n"]);
    host.command("AT+MQTTCLOSE=1");
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    let Tapped { folder, modem, mut tap } = tapped;
    drop(host);
    let told_by_tap = lines(tap.stdout());
    let mut events = String::new();
    // The tap has to see that the host has gone before it is told to end.
    while !events.contains("host.detached") {
        events += &(told_by_tap.recv_timeout(LIMIT).expect("no host.detached") + "\n");
    }
    tap.terminate();
    modem.terminate();
    told_by_tap.iter().for_each(|line| events += &(line + "\n"));
    let (own, tap) = (fs::read_to_string(own).unwrap(), events);
    assert!(!tap.contains("hush"), "{tap}");
    assert_eq!(told(&tap), told(&own));
    for name in
        ["run.ready", "host.attached", "client.opening", "client.open", "client.closed", "host.detached", "run.end"]
    {
        assert!(tap.contains(&format!(r#""event":"{name}""#)), "no {name} in {tap}");
    }
    drop(folder);
}

/// Whoever does not read the events keeps no byte waiting.
#[test]
fn a_tap_waits_for_nobody() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("events");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let tapped = Tapped::new(&pipe, folder);
    let mut host = tapped.host();
    host.command("AT");
    host.expect("\r\n+SIM READY\r\n");
    for _ in 0..1000 {
        host.command("AT");
    }
    drop(host);
    // Another one finds the module as it is.
    tapped.host().command("AT");
}

#[test]
fn what_is_no_tap() {
    for (arguments, words) in [
        (&["tap", "--to", "serial:x"][..], "--at <WHERE>"),
        (&["tap", "--at", "pty", "--to", "x"], "expected serial:PATH or serial:PATH@RATE"),
        (&["tap", "--at", "pty", "--to", "tcp:7000"], "or tcp:HOST:PORT"),
        (&["tap", "--at", "stdio", "--to", "serial:x"], "a tap has pty, pty:LINK, tcp:PORT"),
        (&["tap", "--at", "pty", "--to", "serial:x@fast"], "fast"),
    ] {
        let outcome = run_to_end(arguments, "");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let outcome = run_to_end(&["tap", "--at", "tcp:0", "--to", "serial:/nowhere"], "");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("can't use the serial port /nowhere"), "{}", outcome.stderr);
}

/// What is learned of a module is that module: its answers make a replay equal, and its times are those of its profile.
#[test]
fn what_a_tap_learns_is_played_again() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let times = "[profile.slow]\nsource = \"a test\"\ntime = [\n  { command = \"+CSQ\", of = \"final\", samples_ms = [300] },\n]\n";
    fs::write(path("slow.toml"), times).unwrap();
    let options = [
        "--timing",
        &text("slow.toml"),
        "--answer",
        "AT+QCFG? => +QCFG: 1 | OK",
        "--answer",
        "AT+QPWD=* => OK",
        "--set",
        "ready_on_attach=off",
    ];
    let modem = Program::run_with(prefixed("pty:", &path("module")), &options);
    let mut tap = command(&[
        "tap",
        "-vv",
        "--events",
        &text("tap.json"),
        "--learn",
        &text("learned.toml"),
        "--log",
        &text("tap.log"),
    ]);
    tap.arg("--at").arg(prefixed("pty:", &path("port"))).arg("--to").arg(prefixed("serial:", &path("module")));
    let mut tap = Program::start_after(tap, "tap ready on ");
    let mut host = Host::join(path("port"));
    for (line, answer) in [
        ("AT+CSQ", "\r\n+CSQ: 31,99\r\n\r\nOK\r\n"),
        ("AT+QCFG?", "\r\n+QCFG: 1\r\n\r\nOK\r\n"),
        ("AT+QPWD=\"hush\"", "\r\nOK\r\n"),
    ] {
        host.send(line);
        host.expect(line);
        host.expect(answer);
    }
    drop(host);
    // Lessons are written in the end, of all that was seen by then.
    tap.wait_for("host gone");
    tap.terminate();
    modem.terminate();
    let learned = fs::read_to_string(path("learned.toml")).unwrap();
    assert!(learned.contains("\"AT+QCFG?\" = [\"+QCFG: 1\", \"OK\"]\n"), "{learned}");
    assert!(learned.starts_with("# Answers that hold secrets, or can't be given again: 1 left out.\n"), "{learned}");
    let log = fs::read_to_string(path("tap.log")).unwrap();
    assert!(log.contains("answered \"+QCFG: 1\"") && !log.contains("hush") && !learned.contains("hush"), "{log}");
    let sample = learned.lines().find(|line| line.contains("\"+CSQ\"")).unwrap();
    let millis = sample.split(['[', ']']).nth(1).unwrap().parse::<f64>().unwrap();
    assert!((300.0..2000.0).contains(&millis), "{learned}");

    let log = "TX: AT+QCFG?\nRX: +QCFG: 1\nRX: OK\nTX: AT+CSQ\nRX: +CSQ: 31,99\nRX: OK\n";
    fs::write(path("host.log"), log).unwrap();
    let outcome = run_to_end(&["replay", &text("host.log")], "");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    let outcome = run_to_end(&["replay", &text("host.log"), "--timing", &text("learned.toml")], "");
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
}

/// A module behind a TCP port is called, and called again; that it is away is said once.
#[test]
fn a_tap_calls_a_module_behind_tcp() {
    let folder = tempdir().unwrap();
    let quiet = ["--set", "ready_on_attach=off"];
    let modem = Program::run_with("tcp:0", &quiet);
    let address = modem.address().to_owned();
    let mut tap = command(&["tap", "--to", &format!("tcp:{address}")]);
    tap.arg("--at").arg(prefixed("pty:", &folder.path().join("port")));
    let mut tap = Program::start_after(tap, "tap ready on ");
    let mut host = Host::join(folder.path().join("port"));
    host.command("AT");
    modem.terminate();
    tap.wait_for("is away; it is called until it is back");
    let _modem = Program::run_with(format!("tcp:{address}"), &quiet);
    tap.wait_for("is back");
    host.command("AT");
    tap.terminate();
}
