//! `--trace`: what Wireshark shows of a run, and what nobody finds in the file.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use quasimodem_lab::transcript;
use tempfile::{TempDir, tempdir};

use crate::broker::{Broker, Kind};
use crate::host::Host;
use crate::program::{Program, command, run_to_end};
use crate::tshark::{tshark, tshark_reads};

/// A folder and a file in it.
fn file(name: &str) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// These fields of each packet, with a `|` between.
fn fields(file: &Path, options: &[&str], names: &[&str]) -> Vec<String> {
    let names: Vec<&str> = names.iter().flat_map(|name| ["-e", name]).collect();
    let all = [options, &["-T", "fields", "-E", "separator=|"], &names].concat();
    tshark(file, &all).lines().map(str::to_owned).collect()
}

/// That Wireshark can read all of it, as far as it knows the commands.
#[track_caller]
fn is_sound(file: &Path, options: &[&str]) {
    let bad = "_ws.malformed or _ws.expert.severity == error or _ws.short or _ws.unreassembled";
    assert_eq!(tshark(file, &[options, &["-Y", bad]].concat()), "");
    // Columns of what no dissector took stay empty.
    for line in fields(file, options, &["frame.number", "_ws.col.Protocol"]) {
        assert!(!line.ends_with('|'), "nobody knows what packet {line} is");
    }
}

#[track_caller]
fn has_none_of(file: &Path, secrets: &[&str]) {
    let bytes = fs::read(file).unwrap();
    for secret in secrets {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in the file");
    }
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|other| other == line), "{line} is not in {lines:#?}");
}

/// Over TCP, over TLS and over MQTT-SN, with a fault, and all at once in one file.
#[test]
fn a_session_as_wireshark_shows_it() {
    let (_folder, path) = file("session.pcapng");
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--at", "tcp:0"]);
    command.args(["--user", "me:hunter2", "--fault", "packet-drop id=lost type=PUBACK dir=down client=1"]);
    command.args(["--host-map", "away.example:1=127.0.0.1:1", "--trace", path.to_str().unwrap()]);
    let mut program = Program::start_after(command, "lab broker on 127.0.0.1:");
    let plain = program.place().strip_suffix(", in memory only").unwrap().to_owned();
    let secure = program.wait_for("lab broker with TLS on 127.0.0.1:");
    let gateway = program.wait_for("lab gateway for MQTT-SN on 127.0.0.1:");
    let place = program.wait_for("modem ready on tcp ");
    let mut host = Host::connect(&place);
    for (client, open) in [(1, format!("\"127.0.0.1\",{plain},1,60")), (2, format!("\"localhost\",{secure},1,60,2"))] {
        // In pieces, as people type.
        for piece in [&format!("AT+MQTTUSER={client},\"me\",\"hun")[..], "ter", "2\"\r"] {
            host.write(piece.as_bytes());
        }
        host.expect(&format!("AT+MQTTUSER={client},\"me\",\"hunter2\"\r\nOK\r\n"));
        host.command(&format!("AT+MQTTOPEN={client},{open}"));
        host.expect(&format!("\r\n+MQTTOPEN: {client},1\r\n"));
        host.command(&format!("AT+MQTTSUB={client},\"t{client}\",1"));
        host.expect(&format!("\r\n+MQTTSUB: {client},1\r\n"));
    }
    host.command(r#"AT+MQTTPUB=2,"t1",1,0,"secure""#);
    host.expect_in_any_order(&["\r\n+MQTTPUB: 2,1\r\n", "\r\n+MQTTMSG: 1,1,\"t1\",\"secure\"\r\n"]);
    host.command(r#"AT+MQTTPUB=1,"t2",1,0,"plain""#);
    host.expect_in_any_order(&["\r\n+MQTTPUB: 1,0\r\n", "\r\n+MQTTMSG: 2,1,\"t2\",\"plain\"\r\n"]);
    host.command(&format!("AT+MQTTOPEN=101,\"127.0.0.1\",{gateway},1,60"));
    host.expect("\r\n+MQTTOPEN: 101,1\r\n");
    host.command(r#"AT+MQTTPUB=101,"ab",1,0,"short""#);
    host.expect("\r\n+MQTTPUB: 101,1\r\n");
    host.command(r#"AT+MQTTCLOSE=1"#);
    host.expect("\r\n+MQTTCLOSE: 1,1\r\n");
    host.command(r#"AT+MQTTOPEN=1,"away.example",1,1,60"#);
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    program.terminate();

    let sn = format!("udp.port=={gateway},mqttsn");
    let sn = ["-d", &sn];
    is_sound(&path, &sn);
    has_none_of(&path, &["hunter2"]);
    let at = fields(&path, &["-Y", "at"], &["exported_pdu.p2p_dir", "_ws.col.Info"]);
    for line in [
        r#"0|Sent AT Command: AT+MQTTUSER=1,"me","*******" "#,
        r#"1|Rcvd AT Command: AT+MQTTUSER=1,"me","*******""#,
        "1|Rcvd AT Command:   +MQTTOPEN: 2,1  ",
        "1|Rcvd AT Command:   OK  ",
    ] {
        has(&at, line);
    }
    let names = ["frame.interface_name", "mqtt.msgtype", "mqtt.username", "mqtt.passwd", "mqtt.topic", "mqtt.len"];
    let connects = fields(&path, &["-Y", "mqtt"], &names);
    has(&connects, "modem|1|me|*******||41");
    let published = fields(&path, &["-Y", "mqtt.msgtype == 3"], &["exported_pdu.p2p_dir", "mqtt.topic", "mqtt.msg"]);
    for line in ["0|t1|736563757265", "1|t1|736563757265", "0|t2|706c61696e", "1|t2|706c61696e"] {
        has(&published, line);
    }
    let names = ["exported_pdu.src_port", "exported_pdu.dst_port", "exported_pdu.ipv4_src", "exported_pdu.ipv4_dst"];
    let routes = fields(&path, &["-Y", "mqtt.msgtype == 1"], &names);
    assert_eq!(routes, [format!("49152|{plain}|10.0.0.2|127.0.0.1"), format!("49153|{secure}|10.0.0.2|198.18.0.1")]);
    let datagrams = fields(&path, &[&sn[..], &["-Y", "mqttsn"]].concat(), &["udp.dstport", "mqttsn.msg.type"]);
    has(&datagrams, &format!("{gateway}|0x04"));
    has(&datagrams, &format!("{gateway}|0x0c"));
    has(&datagrams, "49154|0x0d");
    let sums = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y"];
    let bad = "ip.checksum.status != good or udp.checksum.status != good";
    assert_eq!(tshark(&path, &[&sums[..], &[bad]].concat()), "");
    let comments = fields(&path, &["-Y", "frame.comment"], &["frame.comment"]).join("\n");
    for comment in [
        "fault lost hits PUBACK of client 1, number 1",
        "client 1: no answer to +MQTTPUB in time",
        "link 2: TLS 1.3",
        "link 1: led to 127.0.0.1:1 by the host map",
        "client 1 not opened: connection refused",
        &format!("MQTT-SN: read this with -d udp.port=={gateway},mqttsn"),
    ] {
        assert!(comments.contains(comment), "{comment} is not in\n{comments}");
    }
    // A name that was asked for is there again, without being asked of anybody.
    let names = tshark(
        &path,
        &["-o", "nameres.network_name:TRUE", "-o", "nameres.use_external_name_resolver:FALSE", "-Y", "mqtt"],
    );
    assert!(names.contains("localhost"), "{names}");
    // Wall clock, by which packets are in order.
    let times = fields(&path, &[], &["frame.time_epoch"]);
    let times: Vec<f64> = times.iter().map(|time| time.parse().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 1.7e9, "{times:?}");
}

/// What a module says to a cloud, over HTTP and TLS, and over MQTT.
#[test]
fn registrations_at_clouds() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (cloud, packets) in [("tencent", "http.request or http.response"), ("alibaba", "mqtt.msgtype == 1")] {
        let (_folder, path) = file("cloud.pcapng");
        let script = examples.join(format!("{cloud}-register.chat"));
        let text = fs::read_to_string(&script).unwrap();
        let options = ["lab", "--mqtt", "0", "--cloud", cloud, "--script", script.to_str().unwrap()];
        let outcome = run_to_end(&[&options[..], &["--trace", path.to_str().unwrap()]].concat(), "");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        is_sound(&path, &[]);
        assert!(tshark(&path, &["-Y", packets]).lines().count() >= 2);
        // The secrets of the products, and what the cloud made of them: the longest words.
        let answered = outcome.stdout.lines().filter(|line| line.starts_with("+MQTTAUTHDYN: "));
        let secrets: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("> AT+MQTTAUTHDYN="))
            .chain(answered)
            .flat_map(|line| line.split(['"', ',']))
            .filter(|word| word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .collect();
        assert!(secrets.len() >= 2, "{secrets:?}");
        has_none_of(&path, &secrets);
    }
}

/// With a broker that somebody else wrote, keys in raw data, and raw data that is no secret.
#[test]
fn keys_and_payloads() {
    let (_folder, path) = file("raw.pcapng");
    let broker = Broker::start(Kind::Mosquitto);
    let program = Program::run_with("tcp:0", &["--trace", path.to_str().unwrap()]);
    let mut host = Host::connect(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.send(r#"AT+MQTTPUB=1,"t",1,0,7"#);
    host.expect("AT+MQTTPUB=1,\"t\",1,0,7\r\n> \r\n");
    host.write(b"pay");
    host.write(b"load");
    host.expect("\r\nOK\r\n");
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    host.send(r#"AT+GTSSLFILE="KEYFILE",10"#);
    host.expect("AT+GTSSLFILE=\"KEYFILE\",10\r\n> \r\n");
    host.write(b"no");
    host.write(b"tarealke");
    host.expect("\r\nERROR\r\n");
    program.terminate();
    is_sound(&path, &[]);
    has_none_of(&path, &["notareal", "tarealke"]);
    let data = fields(&path, &["-Y", "data"], &["exported_pdu.p2p_dir", "exported_pdu.col_proto_str", "data.data"]);
    let typed: String = data.iter().filter_map(|line| line.strip_prefix("0|raw data|")).collect();
    assert_eq!(typed, format!("7061796c6f6164{}", "2a".repeat(10)), "{data:?}");
    let published = fields(&path, &["-Y", "mqtt.msgtype == 3"], &["mqtt.msg"]);
    assert_eq!(published, ["7061796c6f6164"]);
}

/// Each packet is there when it happened, so that somebody can look on.
#[test]
fn stdout_is_live() {
    let mut command = command(&["lab", "--mqtt", "127.0.0.1:0", "--at", "tcp:0", "--trace", "-"]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    let mut stdout = program.stdout();
    let mut host = Host::connect(program.address());
    host.command("AT");
    let mut read = Vec::new();
    while !read.windows(5).any(|window| window == b"\nOK\r\n") {
        let mut chunk = [0; 4096];
        let count = stdout.read(&mut chunk).unwrap();
        assert!(count > 0, "stdout ended");
        read.extend_from_slice(&chunk[..count]);
    }
    program.terminate();
    stdout.read_to_end(&mut read).unwrap();
    assert!(tshark_reads("-", &read, &[]).contains("Sent AT Command: AT"));
}

/// A reader that goes away, and a disk that is full, end the trace and not the modem.
#[test]
fn a_full_disk() {
    for name in ["full.pcapng", "full.at"] {
        let (_folder, path) = file(name);
        symlink("/dev/full", &path).unwrap();
        let outcome = run_to_end(&["run", "--trace", path.to_str().unwrap()], &"AT\r".repeat(100));
        assert_eq!((outcome.code, outcome.stdout.matches("OK").count()), (Some(0), 100));
        let words = "of the trace are lost from here on: can't write them: No space left on device";
        assert_eq!(outcome.stderr.matches(words).count(), 1, "{}", outcome.stderr);
    }
    let mut command = command(&["run", "--at", "tcp:0", "--trace", "-"]);
    command.stdout(Stdio::piped());
    let mut program = Program::start(command);
    drop(program.stdout());
    let mut host = Host::connect(program.address());
    host.command("AT");
    program.wait_for("packets of the trace are lost from here on: can't write them: Broken pipe");
    host.command("AT");
    program.terminate();
}

#[test]
fn a_transcript_replays() {
    let (_folder, path) = file("session.at");
    let broker = Broker::start(Kind::Mosquitto);
    let arguments = ["--trace", path.to_str().unwrap(), "--answer", "AT+QCFG? => +QCFG: 1 | OK"];
    let program = Program::run_with("tcp:0", &arguments);
    let mut host = Host::connect(program.address());
    host.command(r#"AT+MQTTUSER=1,"me","hunter2""#);
    host.write(b"AT+QCFG?\r");
    host.expect("AT+QCFG?\r\n+QCFG: 1\r\n\r\nOK\r\n");
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.command(r#"AT+MQTTPUB=1,"t",1,0,"p""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    program.terminate();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("hunter2") && text.contains("AT+MQTTPUB"), "{text}");
    assert_eq!(transcript::run(&text), Ok(()), "{text}");
}

#[test]
fn a_file_can_ask_for_it() {
    let (folder, config) = file("modem.toml");
    fs::write(&config, "trace = \"here.pcapng\"\nevents = \"here.json\"\n").unwrap();
    let outcome = run_to_end(&["run", "--config", config.to_str().unwrap()], "AT\r");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(tshark(&folder.path().join("here.pcapng"), &[]).contains("OK"));
    assert!(fs::read_to_string(folder.path().join("here.json")).unwrap().contains("run.end"));
}

#[test]
fn what_can_not_be_is_told() {
    for (arguments, code, words) in [
        (&["run", "--trace", "-"][..], 2, "--trace - needs stdout for itself, where the host is now"),
        (&["run", "--trace", "modem.pcap"], 2, "or -, such as modem.pcapng"),
        (&["run", "--trace", "modem"], 2, "expected FILE.pcapng (for Wireshark), FILE.at (a transcript) or -, such as"),
        (&["run", "--trace", "fd:3"], 2, "expected FILE.pcapng (for Wireshark), FILE.at (a transcript) or -\n"),
        (&["run", "--at", "pty", "--trace", "-", "--events", "-"], 2, "--events and --trace can't both have stdout"),
        (&["run", "--trace", "/nowhere/x.at"], 1, "can't write lines of the trace to /nowhere/x.at: No such file"),
        (&["run", "--trace", "/nowhere/x.pcapng"], 1, "(os error 2): there is no folder /nowhere\n"),
    ] {
        let outcome = run_to_end(arguments, "AT\r");
        assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
