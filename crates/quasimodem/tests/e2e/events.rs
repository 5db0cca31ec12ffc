//! `--events`: what a program reads of a run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::process::Stdio;

use serde_json::Value;
use tempfile::tempdir;

use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};

/// The events of these lines.
fn events(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn find<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == name).unwrap_or_else(|| panic!("no {name} in {events:#?}"))
}

#[test]
fn a_session_in_a_file() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("events.json");
    let broker = Broker::start(Kind::Mosquitto);
    let program = Program::run_with(
        "tcp:0",
        &["--events", file.to_str().unwrap(), "--host-map", &{
            format!("broker.example:1883=127.0.0.1:{}", broker.port())
        }],
    );
    let mut host = Host::connect(program.address());
    host.command(r#"AT+MQTTUSER=1,"me","hush""#);
    host.command(r#"AT+MQTTOPEN=1,"broker.example",1883,1,60"#);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    let address = program.address().to_owned();
    program.terminate();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let events = events(&text);
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let ready = events.first().unwrap();
    assert_eq!((&ready["event"], &ready["schema"]), (&"run.ready".into(), &1.into()));
    assert_eq!(ready["modems"], serde_json::json!([{ "modem": "modem", "port": address }]));
    assert_eq!(ready.get("broker"), None);
    assert_eq!(find(&events, "link.led")["to"], serde_json::json!({ "host": "127.0.0.1", "port": broker.port() }));
    let opening = find(&events, "client.opening");
    assert_eq!((&opening["client"], &opening["line"]), (&1.into(), &2.into()));
    let result = events.iter().find(|event| event["text"] == "+MQTTPUB: 1,1").unwrap();
    assert_eq!((&result["event"], &result["line"], &result["modem"]), (&"at.urc".into(), &3.into(), &"modem".into()));
    assert!(result["wall"].as_str().unwrap().ends_with('Z'));
    assert_eq!(find(&events, "client.closed")["client"], 1);
    assert_eq!(events.last().unwrap()["event"], "run.end");
}

/// Each event is there when it happened, so that a test can wait for it.
#[test]
fn stdout_carries_nothing_else() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--at", "tcp:0", "--events", "-"]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    let mut lines = BufReader::new(program.stdout()).lines().map(|line| line.unwrap());
    let ready: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(ready["event"], "run.ready");
    let port = ready["broker"]["port"].as_u64().unwrap();
    assert!(ready["gateway"]["port"].is_u64() && ready["seed"].is_u64() && ready["pid"] == program.id());
    let mut host = Host::connect(ready["modems"][0]["port"].as_str().unwrap());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{port},1,60"#));
    let mut next = |name: &str| loop {
        let event: Value = serde_json::from_str(&lines.next().expect(name)).unwrap();
        if event["event"] == name {
            return event;
        }
    };
    assert_eq!(next("broker.connected")["clean"], true);
    assert_eq!(next("client.open")["client"], 1);
    drop(host);
    assert_eq!(next("host.detached")["modem"], "modem");
    program.terminate();
    assert_eq!(next("run.end")["event"], "run.end");
}

#[test]
fn a_descriptor_that_is_open() {
    let mut file = tempfile::tempfile().unwrap();
    let number = rustix::io::dup(&file).unwrap();
    rustix::io::fcntl_setfd(&number, rustix::io::FdFlags::empty()).unwrap();
    let outcome = run_to_end(&["run", "--events", &format!("fd:{}", number.as_raw_fd())], "AT\r");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let mut text = String::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_string(&mut text).unwrap();
    let events = events(&text);
    assert_eq!(find(&events, "host.typed")["text"], "AT");
}

/// A pipe that nobody reads keeps neither the modem waiting nor its end.
#[test]
fn a_pipe_without_a_reader() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("events");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let outcome = run_to_end(&["run", "--events", pipe.to_str().unwrap()], &"AT\r".repeat(3000));
    assert_eq!((outcome.code, outcome.stdout.matches("OK").count()), (Some(0), 3000));
    assert!(outcome.stderr.ends_with("the last events are lost: nobody reads them\n"), "{}", outcome.stderr);
}

/// A pipe whose reader does not read: more than it holds is typed, answered, and ended by a signal.
#[test]
fn a_reader_that_does_not_read() {
    let mut command = command(&["run", "--at", "tcp:0", "--events", "-"]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    let unread = program.stdout();
    let mut host = Host::connect(program.address());
    for _ in 0..2000 {
        host.command("AT");
    }
    program.terminate();
    drop(unread);
}

#[test]
fn a_descriptor_that_is_read_only() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let number = rustix::io::dup(fs::File::open(file.path()).unwrap()).unwrap();
    rustix::io::fcntl_setfd(&number, rustix::io::FdFlags::empty()).unwrap();
    let outcome = run_to_end(&["run", "--events", &format!("fd:{}", number.as_raw_fd())], "AT\r");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("it is not open for writing"), "{}", outcome.stderr);
    let outcome = run_to_end(&["run", "--events", "fd:1"], "AT\r");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
}

#[test]
fn a_gateway_alone() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("events.json");
    let command =
        command(&["gateway", "--sn", "127.0.0.1:0", "--broker", "127.0.0.1:1", "--events", file.to_str().unwrap()]);
    let program = Program::start_after(command, "gateway on ");
    program.terminate();
    let events = events(&fs::read_to_string(&file).unwrap());
    assert!(events[0]["gateway"]["port"].is_u64());
    assert_eq!(events.last().unwrap()["event"], "run.end");
}

#[test]
fn what_can_not_be_is_told() {
    for (arguments, words) in [
        (&["run", "--events", "-"][..], "--events - needs stdout for itself"),
        (&["run", "--events", "fd:x"], "expected fd: and a number, such as fd:3, found \"fd:x\""),
        (&["run", "--events", ""], "expected FILE, fd:N or -"),
    ] {
        let outcome = run_to_end(arguments, "AT\r");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let outcome = run_to_end(&["run", "--events", "/nowhere/events.json"], "AT\r");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("can't write events to /nowhere/events.json: No such file"), "{}", outcome.stderr);
}

#[test]
fn the_list_has_what_the_schema_has() {
    let list = run_to_end(&["events"], "").stdout;
    let schema: Value = serde_json::from_str(&run_to_end(&["events", "--schema"], "").stdout).unwrap();
    for event in schema["anyOf"].as_array().unwrap() {
        let name = event["properties"]["event"]["const"].as_str().unwrap();
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        for field in event["properties"].as_object().unwrap().keys().filter(|field| *field != "event") {
            assert!(line.contains(field.as_str()), "{line}");
        }
    }
}
