//! `--fault`: what goes wrong on purpose, with brokers that know nothing of it.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};

#[test]
fn acknowledgements_that_mosquitto_sent_are_lost() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("events.json");
    let broker = Broker::start(Kind::Mosquitto);
    let fault = "packet-drop id=lost-ack type=PUBACK client=1 nth=2";
    let mut program = Program::run_with("tcp:0", &["--fault", fault, "--events", file.to_str().unwrap()]);
    let mut host = Host::connect(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    for status in [1, 0, 1] {
        host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
        host.expect(&format!("\r\n+MQTTPUB: 1,{status}\r\n"));
    }
    program.wait_for("fault lost-ack hits PUBACK of client 1, number 2");
    program.terminate();
    let events = fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let faults: Vec<&Value> =
        events.iter().filter(|event| event["event"].as_str().unwrap().starts_with("fault.")).collect();
    let [armed, hit] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(
        (&armed["event"], &armed["id"], &armed["fault"]),
        (&"fault.armed".into(), &"lost-ack".into(), &"packet-drop".into())
    );
    assert_eq!(
        (&hit["event"], &hit["item"], &hit["nth"], &hit["modem"]),
        (&"fault.hit".into(), &"PUBACK".into(), &2.into(), &"modem".into())
    );
}

/// Over TLS as well: packets are seen above it.
#[test]
fn a_refusal_that_the_lab_broker_never_said() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--at", "tcp:0"]);
    command.args(["--fault", "connack-code code=4 times=1", "--fault", "suback-failure times=1"]);
    let mut program = Program::start_after(command, "lab broker with TLS on 127.0.0.1:");
    let port = program.place().to_owned();
    let place = program.wait_for("modem ready on tcp ");
    let mut host = Host::connect(&place);
    let open = format!(r#"AT+MQTTOPEN=1,"localhost",{port},1,60,2"#);
    host.command(&open);
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    host.send("AT+CEER");
    host.expect("AT+CEER\r\n+CEER: 703,");
    host.line();
    host.expect("\r\nOK\r\n");
    host.command(&open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    for status in [0, 1] {
        host.command(r#"AT+MQTTSUB=1,"t",1"#);
        host.expect(&format!("\r\n+MQTTSUB: 1,{status}\r\n"));
    }
    program.terminate();
}

#[test]
fn datagrams_are_lost_too() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--at", "tcp:0"]);
    command.args(["--fault", "packet-drop type=REGACK times=2", "-v"]);
    let mut program = Program::start_after(command, "lab gateway for MQTT-SN on 127.0.0.1:");
    let port = program.place().to_owned();
    let place = program.wait_for("modem ready on tcp ");
    let mut host = Host::connect(&place);
    host.command(&format!(r#"AT+MQTTOPEN=101,"127.0.0.1",{port},1,60"#));
    host.expect("\r\n+MQTTOPEN: 101,1\r\n");
    host.command(r#"AT+MQTTPUB=101,"a/b",1,0,"p""#);
    host.expect("\r\n+MQTTPUB: 101,1\r\n");
    program.wait_for("fault packet-drop is spent");
    program.terminate();
}

#[test]
fn what_was_never_hit_is_told_and_fails_a_test() {
    let outcome = run_to_end(&["run", "--fault", "packet-drop type=PUBACK"], "AT\r");
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome.stderr.ends_with(
            "fault packet-drop was never hit: nothing came that it is about; optional=true if that may be\n"
        ),
        "{}",
        outcome.stderr
    );

    let folder = tempdir().unwrap();
    let script = folder.path().join("host.chat");
    fs::write(&script, "> AT\n").unwrap();
    let script = script.to_str().unwrap();
    let outcome = run_to_end(&["run", "--script", script, "--fault", "packet-drop type=PUBACK expect=2"], "");
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("fault packet-drop was never hit: nothing came that it is about; expected were 2"),
        "{}",
        outcome.stderr
    );
    let outcome = run_to_end(&["run", "--script", script, "--fault", "packet-drop type=PUBACK optional=true"], "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

#[test]
fn what_can_not_be_is_told() {
    for (faults, words) in [
        (&["packet-dorp"][..], "there is no fault \"packet-dorp\", perhaps \"packet-drop\""),
        (&["broker-restart"], "--fault: broker-restart needs the broker of the lab: quasimodem lab has it"),
        (&["packet-drop after=5"], "after is \"5\", expected a time with its unit"),
        (&["packet-drop id=a", "connack-code id=a"], "two faults have the id \"a\""),
    ] {
        let mut arguments = vec!["run"];
        faults.iter().for_each(|fault| arguments.extend(["--fault", fault]));
        let outcome = run_to_end(&arguments, "AT\r");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""));
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn lists_agree() {
    let list = run_to_end(&["faults"], "").stdout;
    let json: Value = serde_json::from_str(&run_to_end(&["faults", "--json"], "").stdout).unwrap();
    for fault in json.as_array().unwrap() {
        let name = fault["name"].as_str().unwrap();
        assert!(fault["example"].as_str().unwrap().starts_with(name), "{name}");
        let of_lab = ["lab", "cloud"].contains(&fault["layer"].as_str().unwrap());
        assert_eq!(fault["needs"], if of_lab { "lab".into() } else { Value::Null }, "{name}");
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
        for keys in ["parameters", "matches", "common"] {
            for key in fault[keys].as_array().unwrap() {
                let key = key["key"].as_str().unwrap();
                assert!(list.lines().any(|line| line.split_whitespace().next() == Some(key)), "{key}");
            }
        }
    }
}

/// An event begins a fault, in real time as well.
#[test]
fn an_event_begins_a_fault() {
    let broker = Broker::start(Kind::Mosquitto);
    let fault = "packet-drop type=PUBACK on='client.open client=1' count=2 times=1";
    let mut program = Program::run_with("tcp:0", &["--fault", fault]);
    let mut host = Host::connect(program.address());
    for status in [1, 0] {
        host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
        host.expect("\r\n+MQTTOPEN: 1,1\r\n");
        host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
        host.expect(&format!("\r\n+MQTTPUB: 1,{status}\r\n"));
        host.command("AT+MQTTCLOSE=1");
        host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    }
    program.wait_for("fault packet-drop hits PUBACK of client 1, number 1");
    program.terminate();
}

/// In real time as well, a script fails at the order that names what is not there.
#[test]
fn a_script_orders_what_is_there() {
    let folder = tempdir().unwrap();
    let script = folder.path().join("host.chat");
    for (text, words) in [
        (
            "> AT\n! trigger id=tunel\n> AT\n",
            "host.chat:2: there is no fault with the id \"tunel\", perhaps \"tunnel\"; there are tunnel",
        ),
        ("> AT\n! broker-kick client_id=me\n", "host.chat:2: no client is connected as \"me\", and no other"),
    ] {
        fs::write(&script, text).unwrap();
        let fault = "coverage-lost id=tunnel on=at.prompt optional=true";
        let outcome =
            run_to_end(&["lab", "--mqtt", "127.0.0.1:0", "--script", script.to_str().unwrap(), "--fault", fault], "");
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

/// What is held back in real time comes in its order, and no command runs ahead of what the host has read.
#[test]
fn what_waits_comes_in_order() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--at", "tcp:0"]);
    for fault in [
        "final-delay command=+CSQ ms=300 times=1",
        "packet-delay type=PUBACK ms=400 times=1",
        "link-delay ms=50 spread=30ms",
        "link-slice size=3 ms=1",
        "serial-slice size=5 gap=2ms dir=to-module",
        "urc-delay line=+MQTTPUB ms=100 times=1",
    ] {
        command.args(["--fault", fault]);
    }
    let mut program = Program::start_after(command, "lab broker on 127.0.0.1:");
    let port = program.place().split(',').next().unwrap().to_owned();
    let place = program.wait_for("modem ready on tcp ");
    let mut host = Host::connect(&place);
    host.send("AT+CSQ");
    host.send("AT");
    host.expect("AT+CSQ\r\n+CSQ: 31,99\r\n\r\nOK\r\nAT\r\nOK\r\n");
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{port},1,60"#));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTSUB=1,"t",1"#);
    host.expect("\r\n+MQTTSUB: 1,1\r\n");
    host.command(r#"AT+MQTTPUB=1,"t",0,0,"p""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    program.terminate();
}

/// The lab's broker is down for a while, and comes back.
#[test]
fn the_broker_is_down_for_a_while() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--at", "tcp:0"]);
    command.args(["--fault", "broker-down on='client.open client=1' until='client.failed client=1'"]);
    let mut program = Program::start_after(command, "lab broker on 127.0.0.1:");
    let port = program.place().split(',').next().unwrap().to_owned();
    let place = program.wait_for("modem ready on tcp ");
    let mut host = Host::connect(&place);
    let open = format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{port},1,60"#);
    host.command(&open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.expect("\r\n+MQTTBREAK: 1,1\r\n");
    host.command(&open);
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    host.command(&open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    program.terminate();
}
