//! `--control`: a test reaches into a run.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::api::{Api, lab};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};

/// The port of the lab's broker, as the run tells it.
fn broker(api: &Api) -> Value {
    api.get("/run").json()["broker"]["port"].clone()
}

/// A fault that is there before it can be hit is hit, and what it did is known.
#[test]
fn a_fault_that_is_told_to_a_run_is_hit() {
    let (program, api) = lab(&[]);
    let mut host = Host::connect(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker(&api)));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    let fault = r#"{"fault": "packet-drop", "type": "PUBACK", "client": 1, "times": 1}"#;
    let armed = api.send("PUT", "/faults/lost", fault);
    assert_eq!((armed.status, &armed.json()["faults"][0]["state"]), (201, &json!("armed")));
    let verdict = api.get("/verify").json();
    assert_eq!((&verdict["ok"], &verdict["unhit"][0]["id"]), (&json!(false), &json!("lost")));
    for status in [0, 1] {
        host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
        host.expect(&format!("\r\n+MQTTPUB: 1,{status}\r\n"));
    }
    api.send("PUT", "/faults/other", r#"{"fault": "packet-drop", "type": "PUBACK", "client": 2}"#);
    host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    let verdict = api.get("/verify").json()["unhit"][0].clone();
    assert_eq!((&verdict["id"], &verdict["near"][0]), (&json!("other"), &json!("PUBACK with client=1 came once")));
    api.send("DELETE", "/faults/other", "");
    let session = api.get("/broker/sessions").json()["sessions"][0].clone();
    assert_eq!((&session["connected"], &session["clean"]), (&json!(true), &json!(true)), "{session}");
    assert_eq!(api.get("/clouds").json()["places"], json!([]));
    let metrics = api.get("/metrics").text;
    for line in [
        "quasimodem_modem_clients_open{modem=\"modem\"} 1\n",
        "quasimodem_fault_hits_total{modem=\"modem\",id=\"lost\",fault=\"packet-drop\"} 1\n",
        "quasimodem_events_total{event=\"fault.hit\"} 1\n",
        "quasimodem_broker_sessions 1\n",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    let known = api.get("/faults/lost").json()["faults"][0].clone();
    assert_eq!((&known["state"], &known["matches"], &known["hits"]), (&json!("spent"), &json!(3), &json!(1)));
    let messages = api.get("/broker/messages?topic=%2B").json();
    assert_eq!(messages["messages"][0]["payload"], "p");
    program.terminate();
}

/// What a wait returns is what it was asked for, also if that came before it was asked; the order before counts.
#[test]
fn nothing_is_missed_between_an_order_and_a_wait() {
    let (program, api) = lab(&[]);
    let mut host = Host::connect(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker(&api)));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    for round in 0..20 {
        let seq = api.send("PATCH", "/modems/modem/radio", r#"{"stat": 2}"#).json()["seq"].as_u64().unwrap();
        if round == 0 {
            // What an order causes comes behind its number.
            let until = format!("/wait?until=client.broken%20client%3D1%20cause%3D3&since={seq}");
            let broken = api.get(&until).json();
            assert_eq!(broken["met"], true, "{broken}");
        }
        let lost = api.get("/wait?until=state%20stat=2").json();
        assert_eq!((&lost["met"], &lost["state"]["radio"]["stat"]), (&json!(true), &json!(2)));
        api.send("PATCH", "/modems/modem/radio", r#"{"stat": 1}"#);
        assert_eq!(api.get("/wait?until=state%20stat=1").json()["met"], true);
    }
    // What did not come is told with what nearly was it.
    let missed = api.get("/wait?until=radio.registration%20stat%3D5&since=0&timeout=50ms").json();
    assert_eq!(missed["met"], false);
    assert_eq!(missed["nearest"][4]["why"], "stat is 1, not 5", "{missed}");
    program.terminate();
}

#[test]
fn what_can_not_be_read_is_said() {
    let (program, api) = lab(&[]);
    for (method, path, body, status, words) in [
        (
            "PUT",
            "/faults/x",
            r#"{"fault": "packet-drp"}"#,
            422,
            "there is no fault \"packet-drp\", perhaps \"packet-drop\"",
        ),
        ("PUT", "/faults/x", r#"{"fault": "packet-drop", "tpe": "PUBACK"}"#, 422, "perhaps \"type\""),
        ("PUT", "/faults/x", r#"{"fault": "packet-drop", "type": ["PUBACK"]}"#, 422, "type is a list"),
        (
            "PUT",
            "/faults/x",
            r#"{"fault": "packet-drop", "id": "y"}"#,
            422,
            "the id is \"y\" in the body, and \"x\" in the path",
        ),
        ("PUT", "/faults/x", r#"{"fault": "packet-drop", "modem": "modm"}"#, 404, "there is no modem \"modm\""),
        ("PUT", "/faults/x", "{", 400, "line 1 column 1"),
        ("PUT", "/faults/x", "[]", 400, "the body is a list, expected an object"),
        (
            "POST",
            "/faults:batch",
            r#"{"faults": [{"fault": "packet-drop"}, {"fault": "no"}]}"#,
            422,
            "there is no fault \"no\"",
        ),
        ("POST", "/faults:batch", r#"{"faults": 1}"#, 422, "expected {\"faults\": […]}"),
        ("POST", "/faults:batch", r#"{"faults": [], "falts": []}"#, 422, "expected {\"faults\": […]}"),
        ("GET", "/events?since=99999", "", 422, "the newest event is"),
        ("GET", "/broker/messages?since=99999", "", 422, "the newest event is"),
        ("DELETE", "/faults/x", "", 404, "there is no fault with the id \"x\""),
        ("GET", "/faults/x", "", 404, "there is no fault with the id \"x\""),
        ("PATCH", "/modems/modem/radio", r#"{"stat": 9}"#, 422, "stat is \"9\", expected a number from 0 to 5"),
        ("PATCH", "/modems/modem/radio", "{}", 422, "expected what is to change"),
        ("PATCH", "/modems/other/radio", r#"{"stat": 1}"#, 404, "there is no modem \"other\"; there is modem"),
        ("POST", "/broker/clients/me/kick", "{}", 404, "no client is connected as \"me\""),
        ("GET", "/wait", "", 422, "expected an event or a state"),
        ("GET", "/wait?until=client.opne", "", 422, "perhaps \"client.open\""),
        ("GET", "/wait?until=note&timeout=5", "", 422, "expected a time with its unit"),
        ("GET", "/wait?until=note&since=99999", "", 422, "the newest event is"),
        ("GET", "/events?evnt=note", "", 422, "perhaps \"event\""),
        ("GET", "/events?event=fault.ht", "", 422, "perhaps \"fault.hit\""),
        ("GET", "/broker/messages?topic=a%23", "", 422, "expected a topic or an MQTT filter"),
        ("GET", "/catalog/fault", "", 404, "there is no list of \"fault\""),
        ("GET", "/modem", "", 404, "there is nothing at /api/v1/modem"),
        ("POST", "/modems", "{}", 405, "POST means nothing at /api/v1/modems"),
    ] {
        let answer = if body.is_empty() { api.ask(method, path, &[], "") } else { api.send(method, path, body) };
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{method} {path}: {detail}");
    }
    // None of it did anything.
    assert_eq!(api.get("/faults").json(), json!({"faults": []}));
    let large = format!(r#"{{"fault": "{}"}}"#, "x".repeat(70_000));
    assert_eq!(api.send("PUT", "/faults/x", &large).status, 413);
    program.terminate();
}

/// A line that the modem knows nothing of is one line, and nothing where no host is.
#[test]
fn a_host_reads_lines_that_nobody_meant() {
    let (program, api) = lab(&[]);
    let line = r#"{"text": "+CREG: 4\r\nOK"}"#;
    assert_eq!(api.send("POST", "/modems/modem/urc", line).status, 200);
    let mut host = Host::connect(program.address());
    assert_eq!(api.send("POST", "/modems/modem/urc", line).status, 200);
    host.expect("\r\n+CREG: 4  OK\r\n");
    host.send("AT+CREG?");
    host.expect("AT+CREG?\r\n+CREG: 0,1\r\n\r\nOK\r\n");
    program.terminate();
}

/// All or none, and each from the same instant on.
#[test]
fn faults_come_together_and_are_not_replaced_unasked() {
    let (program, api) = lab(&[]);
    let batch = r#"{"faults": [{"fault": "packet-drop", "id": "a"}, {"fault": "coverage-lost"}]}"#;
    assert_eq!(api.send("POST", "/faults:batch", batch).status, 200);
    let events = api.get("/events?event=fault.armed").json()["events"].clone();
    assert_eq!(events[0]["t"], events[1]["t"], "{events}");
    let same = r#"{"fault": "packet-drop", "id": "a"}"#;
    let other = r#"{"fault": "packet-drop", "id": "a", "times": 2}"#;
    assert_eq!(api.send("POST", "/faults", same).status, 200);
    assert_eq!(api.send("POST", "/faults", other).status, 409);
    assert_eq!(api.send("PUT", "/faults/a", other).status, 200);
    assert_eq!(api.send("DELETE", "/faults/a", "").status, 200);
    assert_eq!(api.get("/faults/a").json()["faults"][0]["state"], "cleared");
    assert_eq!(api.send("POST", "/faults", other).status, 201);
    program.terminate();
}

/// A foreign page can't, and who has not the token can't.
#[test]
fn strangers_are_turned_away() {
    let folder = tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef0123\n").unwrap();
    let run = |at: &str| {
        run_to_end(&["lab", "--mqtt", "0", "--control", at, "--control-token-file", token.to_str().unwrap()], "")
    };
    let readable = run("127.0.0.1:0");
    assert_eq!(readable.code, Some(2), "{}", readable.stderr);
    assert!(readable.stderr.contains("others can read the token"), "{}", readable.stderr);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let (program, api) = lab(&["--control-token-file", token.to_str().unwrap(), "--control-host", "Modem.test"]);
    let json = ("Content-Type", "application/json");
    let shown = ("Authorization", "Bearer 0123456789abcdef0123");
    let own = format!("http://{}", api.address());
    for (headers, status) in [
        (&[json][..], 401),
        (&[json, shown], 201),
        (&[json, shown, ("Origin", &own)], 200),
        (&[json, shown, ("Origin", "http://evil.test")], 403),
        (&[json, shown, ("Host", "evil.test")], 421),
        (&[json, shown, ("Host", "modem.test")], 200),
        (&[("Content-Type", "text/plain"), shown], 415),
    ] {
        let answer = api.ask("PUT", "/faults/a", headers, r#"{"fault": "packet-drop"}"#);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    let asked = api.ask("OPTIONS", "/faults/a", &[shown, json, ("Origin", &own)], "");
    assert_eq!(asked.status, 405, "{}", asked.text);
    program.terminate();
}

#[test]
fn a_port_that_others_can_reach_wants_a_token() {
    let outcome = run_to_end(&["lab", "--mqtt", "0", "--control", "0.0.0.0:0"], "");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--control-token-file FILE"), "{}", outcome.stderr);
}

#[test]
fn one_that_only_tells_changes_nothing() {
    let (program, api) = lab(&["--control-read-only"]);
    assert_eq!(api.send("PUT", "/faults/a", r#"{"fault": "packet-drop"}"#).status, 403);
    assert_eq!(api.get("/modems").json()["modems"][0]["power"], "on");
    program.terminate();
}

/// Events go on where a reader left off, to the end of the run.
#[test]
fn streams_go_on_where_they_were_left() {
    let (program, api) = lab(&[]);
    let mut events = api.follow(0);
    let ready = events.next().unwrap();
    assert_eq!((&ready["event"], &ready["seq"]), (&json!("run.ready"), &json!(1)));
    assert_eq!(ready["api"], format!("http://{}/api/v1", api.address()));
    drop(events);
    let seq = api.send("PATCH", "/modems/modem/radio", r#"{"rssi": 3}"#).json()["seq"].as_u64().unwrap();
    let mut events = api.follow(seq);
    assert_eq!(events.next().unwrap()["event"], "radio.signal");
    // Whoever waits when the run ends learns that.
    let mut waiting = api.open("GET", "/wait?until=host.attached&timeout=1h", &[], "");
    program.terminate();
    assert_eq!(events.last().unwrap()["event"], "run.end");
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("the run ends"), "{answer}");
}

/// One step brings a run back to its start; the host stays, and whoever waited learns it.
#[test]
fn all_begins_anew() {
    let (program, api) = lab(&["--fault", "packet-drop type=PUBACK times=1"]);
    let mut host = Host::connect(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker(&api)));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTPUB=1,"t",1,1,"p""#);
    host.expect("\r\n+MQTTPUB: 1,0\r\n");
    api.send("PUT", "/faults/mine", r#"{"fault": "signal", "rssi": 3}"#);
    let mut waiting = api.open("GET", "/wait?until=client.broken%20client%3D2&timeout=1h", &[], "");
    let mut looking = api.open("GET", "/wait?until=state%20client%3D2%20stage%3Dopen&timeout=1h", &[], "");
    let reset = api.send("POST", "/reset", r#"{"seed": 7}"#).json();
    assert_eq!(reset["epoch"], 1, "{reset}");
    for waiting in [&mut waiting, &mut looking] {
        let mut answer = String::new();
        waiting.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 409 ") && answer.contains("all began anew"), "{answer}");
    }
    host.expect("\r\n+SIM READY\r\n");
    let since = api.get(&format!("/events?since={}", reset["seq"])).json();
    let names: Vec<_> = since["events"].as_array().unwrap().iter().map(|event| event["event"].clone()).collect();
    assert!(names.contains(&json!("module.boot")) && !names.contains(&json!("fault.cleared")), "{names:?}");
    let run = api.get("/run").json();
    assert_eq!((&run["epoch"], &run["broker"]["port"]), (&json!(1), &broker(&api)));
    assert_eq!(api.get("/broker").json()["retained"], 0);
    let faults = api.get("/faults").json()["faults"].clone();
    assert_eq!((faults.as_array().unwrap().len(), &faults[0]["hits"]), (1, &json!(0)), "{faults}");
    // And again.
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker(&api)));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    assert_eq!(api.send("POST", "/reset", r#"{"seed": "x"}"#).status, 422);
    program.terminate();
}

/// Somebody types by control while no host has the port.
#[test]
fn a_console_and_a_gateway() {
    let (program, api) = lab(&[]);
    assert_eq!(api.send("POST", "/modems/modem/console", r#"{"text": "AT+CSQ"}"#).status, 200);
    assert_eq!(api.get("/wait?until=at.info%20text%3D%2BCSQ*").json()["met"], true);
    let open = format!(r#"{{"text": "AT+MQTTOPEN=101,\"127.0.0.1\",{},1,60"}}"#, api.get("/gateway").json()["port"]);
    assert_eq!(api.send("POST", "/modems/modem/console", &open).status, 200);
    assert_eq!(api.get("/wait?until=state%20client%3D101%20stage%3Dopen").json()["met"], true);
    let client = api.get("/wait?until=gateway.connected&since=0").json()["event"]["client_id"].clone();
    assert_eq!(api.get("/gateway").json()["clients"], 1);
    let kick = format!("/gateway/clients/{}/kick", client.as_str().unwrap());
    assert_eq!(api.send("POST", &kick, "{}").status, 200);
    assert_eq!(api.send("POST", "/gateway/restart", "{}").status, 200);
    assert_eq!(api.get("/gateway").json()["clients"], 0);
    let _host = Host::connect(program.address());
    assert_eq!(api.get("/wait?until=host.attached&since=0&count=2").json()["met"], true);
    assert_eq!(api.send("POST", "/modems/modem/console", r#"{"text": "AT"}"#).status, 409);
    program.terminate();
}

/// What happened can be had as files: a transcript that replays, and packets that Wireshark reads.
#[test]
fn a_run_as_files() {
    let folder = tempdir().unwrap();
    let (program, api) = lab(&[]);
    let mut host = Host::connect(program.address());
    host.command(r#"AT+MQTTUSER=1,"me","hush""#);
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker(&api)));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    for (format, ending) in [("at", "at"), ("pcapng", "pcapng")] {
        let control = format!("http://{}", api.address());
        let mut ctl = crate::program::command(&["ctl", "--control", &control, "journal", "--format", format]);
        let output = ctl.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(!output.stdout.windows(4).any(|part| part == b"hush"));
        fs::write(folder.path().join(format!("run.{ending}")), output.stdout).unwrap();
    }
    let replayed = run_to_end(&["replay", folder.path().join("run.at").to_str().unwrap()], "");
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    let read = std::process::Command::new("tshark").arg("-r").arg(folder.path().join("run.pcapng")).output().unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    assert!(read.contains("MQTT") && read.contains("Connect Ack") && read.contains("AT+MQTTOPEN"), "{read}");
    assert_eq!(api.get("/journal?format=pcap").status, 422);
    program.terminate();
}

/// Each operation of the description is there.
#[test]
fn the_description_is_true() {
    let (program, api) = lab(&[]);
    let description = api.get("/openapi.json").json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let named = path.replace("{modem}", "modem").replace("{id}", "coverage-lost").replace("{what}", "orders");
            let named = named.replace("{client_id}", "nobody");
            let query = if path == "/wait" { "?until=run.ready&since=0" } else { "" };
            let body = if operation.get("requestBody").is_none() { "" } else { "{}" };
            let answer = api.send(&method.to_uppercase(), &format!("{named}{query}"), body);
            let is_said = matches!(answer.status, 200 | 404 | 422) && answer.status != 405;
            assert!(is_said, "{method} {path}: {} {}", answer.status, answer.text);
            if answer.status == 404 {
                assert!(!answer.text.contains("there is nothing at"), "{method} {path}: {}", answer.text);
            }
        }
    }
    program.terminate();
}

/// A socket in the file system, and the shell's way to it.
#[test]
fn a_shell_reaches_in_by_a_socket() {
    let folder = tempdir().unwrap();
    let socket = folder.path().join("control");
    let at = format!("unix:{}", socket.display());
    let mut command = command(&["lab", "--mqtt", "0", "--at", "tcp:0", "--control", &at]);
    command.env("XDG_RUNTIME_DIR", folder.path());
    let program = Program::start(command);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let ctl = |arguments: &[&str]| {
        let mut ctl = crate::program::command(&["ctl"]);
        let output = ctl.args(arguments).env("XDG_RUNTIME_DIR", folder.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, state, _) = ctl(&["state"]);
    assert_eq!(code, 0);
    assert!(state.starts_with("modem on 127.0.0.1:") && state.contains(": on, no host, sim in"), "{state}");
    for (arguments, due, words) in [
        (&["fault", "packet-drop", "type=PUBACK", "id=lost"][..], 0, "packet-drop id=lost type=PUBACK: armed"),
        (&["verify"], 1, "fault lost was never hit"),
        (&["wait", "fault.armed id=lost", "--since", "0"], 0, "\"fault.armed\""),
        // What a wait has returned does not come again.
        (&["wait", "fault.armed id=lost", "--timeout", "50ms"], 1, "it did not come in time"),
        (&["clear", "lots"], 4, "there is no fault"),
        (&["clear"], 0, ""),
        (&["radio", "stat=7"], 2, "expected a number from 0 to 5"),
        (&["radio", "stat=5"], 0, ""),
        (&["wait", "state stat=5"], 0, "\"stat\":5"),
        (&["broker", "publish", "t/1", "words", "--retain"], 0, ""),
        (&["broker", "messages", "t/+"], 0, "\"t/1\" from \"lab\": \"words\""),
        (&["events", "radio.*"], 0, "radio.registration"),
        (&["--control", "unix:/nowhere", "state"], 3, "nobody answers at unix:/nowhere"),
        (&["--control", "nowhere", "state"], 2, "expected http://HOST:PORT"),
    ] {
        let (code, stdout, stderr) = ctl(arguments);
        assert_eq!(code, due, "{arguments:?}: {stdout}{stderr}");
        assert!(format!("{stdout}{stderr}").contains(words), "{arguments:?}: {stdout}{stderr}");
    }
    // Nobody takes the socket of a run that is there.
    let taken = run_to_end(&["lab", "--mqtt", "0", "--control", &at], "");
    assert!(taken.stderr.contains("another run listens there"), "{}", taken.stderr);
    program.terminate();
    assert!(!socket.exists());
    assert_eq!(ctl(&["state"]).0, 3);
}
