//! Every event of the table happens in real time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use quasimodem_lab::event::Event;
use serde_json::Value;
use tempfile::tempdir;

use crate::host::Host;
use crate::program::{Program, command, run_to_end};

/// What no test can bring about: a socket of this machine does not throw datagrams away.
const NEVER: &[&str] = &["link.lost"];

/// A host that goes through what can happen to it and to the lab around it.
const DAY: &str = r#"
> AT+CSQ
< +CSQ: $_
>> hello\r
> AT+MQTTWILL=1,"t",0,0,4
>> will
> AT+MIPDNS="localhost"
> AT+MQTTOPEN=1,"nowhere",9999,1,60
< +MQTTOPEN: 1,0
> AT+MQTTUSER=1,"","","me"
> AT+MQTTOPEN=1,"127.0.0.1",$broker,1,60
< +MQTTOPEN: 1,0
> AT+MQTTOPEN=101,"127.0.0.1",$sn,1,60
< +MQTTOPEN: 101,0
> AT+MQTTOPEN=1,"127.0.0.1",$broker,1,60
< +MQTTOPEN: 1,1
> AT+MQTTSUB=1,"t",1
< +MQTTSUB: 1,1
> AT+MQTTPUB=1,"t",1,0,"p"
< +MQTTPUB: 1,1
~ broker.delivered topic=t
> AT+MQTTOPEN=2,"localhost",$mqtts,1,60,2
< +MQTTOPEN: 2,1
> AT+MQTTCLOSE=2
< +MQTTCLOSE: 2,1
> AT+MQTTOPEN=101,"127.0.0.1",$sn,1,60
< +MQTTOPEN: 101,1
> AT+MQTTSUB=101,"t",1
< +MQTTSUB: 101,1
> AT+MQTTSNREG=101,"t"
< +MQTTSNREG: 101,1,$_
> AT+MQTTPUB=101,"t",1,0,"p"
< +MQTTPUB: 101,1
~ gateway.delivered topic=t
> AT+MQTTCLOSE=101
< +MQTTCLOSE: 101,1
! broker-kick client_id=me
< +MQTTBREAK: 1,1
! fault command-error command=+CSQ times=1 per=modem
> AT+CSQ
< ERROR
! fault packet-drop type=PUBACK optional=true
! clear
! radio rssi=3
! radio clock=1780000000
! radio call=down
! radio stat=2
! radio sim=out
! power state=off
! power state=on
~ module.ready
! reset
~ run.reset
"#;

fn parse(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is(event: &Value, name: &str) -> bool {
    event["event"] == name
}

/// The events of that day.
fn scripted() -> Vec<Value> {
    let folder = tempdir().unwrap();
    let (script, events) = (folder.path().join("day.chat"), folder.path().join("events.json"));
    fs::write(&script, DAY).unwrap();
    let options = ["lab", "--mqtt", "0", "--mqtts", "0", "--sn", "0", "--refuse", "5:2"];
    let options = [&options[..], &["--host-map", "nowhere:9999=127.0.0.1:1", "--script", script.to_str().unwrap()]];
    let outcome = run_to_end(&[&options.concat()[..], &["--events", events.to_str().unwrap()]].concat(), "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    parse(&fs::read_to_string(events).unwrap())
}

/// A host at a PTY that types much and reads nothing.
fn deaf() -> Vec<Value> {
    let folder = tempdir().unwrap();
    let port = folder.path().join("modem");
    let mut command = command(&[OsStr::new("run"), OsStr::new("--at")]);
    command.arg(format!("pty:{}", port.display())).args(["--events", "-"]).stdout(Stdio::piped());
    let mut program = Program::start(command);
    let events = BufReader::new(program.stdout()).lines();
    let mut host = Host::open(&port);
    host.flood(&format!("AT+CSQ{}", ";+CSQ".repeat(500)));
    let mut told = Vec::new();
    for line in events {
        told.push(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        if told.last().is_some_and(|event| is(event, "host.deaf")) {
            break;
        }
    }
    told
}

/// What a reader gets that begins to read when 16 MiB wait for it.
fn slow() -> Vec<Value> {
    let mut command = command(&["run", "--at", "tcp:0", "--events", "-"]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    let unread = program.stdout();
    let mut host = Host::connect(program.address());
    let line = format!("AT+CSQ{}", ";+CSQ".repeat(800));
    for _ in 0..250 {
        host.send(&line);
        while host.line() != "OK" {}
    }
    program.wait_for("events are left out: 16 MiB wait for whoever reads them");
    let mut events = Vec::new();
    for line in BufReader::new(unread).lines() {
        events.push(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        match events.last() {
            // Half of what waited is read by the time of a line that is told.
            Some(last) if events.len() % 10_000 == 0 && !is(last, "run.end") => host.command("AT"),
            Some(last) if is(last, "run.gap") => break,
            _ => {}
        }
    }
    program.terminate();
    events
}

#[test]
fn every_event_happens_in_real_time() {
    let told: Vec<Value> = [scripted(), deaf(), slow()].concat();
    let names: BTreeSet<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let rows = Event::ROWS.iter().map(|row| row.name);
    let missing: Vec<&str> = rows.filter(|name| !names.contains(name) && !NEVER.contains(name)).collect();
    assert!(missing.is_empty(), "these never happened: {missing:?}");
}

/// Numbers go on over what is left out, so that nobody takes what comes behind for all that there was.
#[test]
fn what_a_slow_reader_misses_is_counted() {
    let events = slow();
    let number = |event: &Value| event["seq"].as_u64().unwrap();
    let (gap, before) = events.split_last().unwrap();
    assert!(is(gap, "run.gap"), "{gap}");
    let last = number(before.last().unwrap());
    assert!(before.iter().map(number).eq(1..=last));
    assert_eq!(number(gap) - last, gap["lost"].as_u64().unwrap());
}
