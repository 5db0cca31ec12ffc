//! The lab broker over TLS.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::LIMIT;
use crate::certificates::Authority;
use crate::host::Host;
use crate::program::{Program, command, run_to_end};
use crate::tls::{closes, modem, opens, talks};

/// A lab with TLS, its own modem's host, and the port.
fn lab(options: &[&str]) -> (Program, Host, u16) {
    let mut command = command(&["lab", "-v", "--at", "tcp:0", "--mqtt", "0", "--mqtts", "127.0.0.1:0"]);
    command.args(options);
    let mut program = Program::start_after(command, "lab broker with TLS on 127.0.0.1:");
    let port = program.place().parse().unwrap();
    let address = program.wait_for("modem ready on tcp ");
    let host = Host::connect(&address);
    (program, host, port)
}

fn directory() -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("tls").to_str().unwrap().to_owned();
    (directory, path)
}

fn read(directory: &str, name: &str) -> String {
    fs::read_to_string(Path::new(directory).join(name)).unwrap()
}

#[test]
fn the_modem_beside_it_trusts_it() {
    let (_program, mut host, port) = lab(&[]);
    for name in ["localhost", "127.0.0.1"] {
        opens(&mut host, name, port);
        talks(&mut host, "hello");
        closes(&mut host);
    }
}

#[test]
fn others_trust_its_root_also_next_time() {
    let (_directory, path) = directory();
    let (mut broker, _, port) = lab(&["--tls-dir", &path, "--name", "broker.example"]);
    let root = read(&path, "ca.pem");
    let (_program, mut host) = modem(&["--host-map", &format!("broker.example:8883=127.0.0.1:{port}")]);
    host.load("TRUSTFILE", &root);
    opens(&mut host, "broker.example", 8883);
    talks(&mut host, "hello");
    closes(&mut host);
    broker.wait_for("ended: DISCONNECT");
    broker.terminate();

    let (_broker, _, port) = lab(&["--tls-dir", &path]);
    assert_eq!(read(&path, "ca.pem"), root);
    opens(&mut host, "localhost", port);
    // An independent client.
    let port = port.to_string();
    let ca = format!("{path}/ca.pem");
    let published = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "--cafile", &ca, "-q", "1", "-t", "t", "-m", "hi"])
        .status();
    assert!(published.unwrap().success());
}

#[test]
fn clients_need_certificates_if_it_says_so() {
    let (_directory, path) = directory();
    let (mut program, mut host, port) = lab(&["--tls-dir", &path, "--client-auth"]);
    host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{port},1,60,2"#));
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    program.wait_for("TLS: server wants a client certificate: CAFILE and KEYFILE are not both loaded");
    let other = Authority::new("another root");
    let stranger = other.sign_client(&["genpkey", "-algorithm", "ed25519"]);
    host.load("CAFILE", &stranger.certificate());
    host.load("KEYFILE", &stranger.key());
    for version in [4, 5] {
        host.command(&format!("AT+GTSSLVER={version}"));
        host.command(&format!(r#"AT+MQTTOPEN=1,"localhost",{port},1,60,2"#));
        host.expect("\r\n+MQTTOPEN: 1,0\r\n");
        program.wait_for("broker: no TLS with 127.0.0.1:");
        program.wait_for("TLS: server refused the client certificate: ");
    }
    host.load("CAFILE", &read(&path, "client.pem"));
    host.load("KEYFILE", &read(&path, "client.key"));
    opens(&mut host, "localhost", port);
    talks(&mut host, "hello");
    closes(&mut host);
    for name in ["ca.key", "client.key"] {
        let mode = fs::metadata(Path::new(&path).join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    program.terminate();
    // What was given away is good for the next lab.
    let client = read(&path, "client.pem");
    let (_program, mut host, port) = lab(&["--tls-dir", &path, "--client-auth"]);
    assert_eq!(read(&path, "client.pem"), client);
    host.load("CAFILE", &client);
    host.load("KEYFILE", &read(&path, "client.key"));
    opens(&mut host, "localhost", port);
    // Hosts that load none find what the modem was given.
    let (certificate, key) = (format!("{path}/client.pem"), format!("{path}/client.key"));
    let given = ["--tls-dir", &path, "--client-auth", "--cert", &certificate, "--key", &key];
    let (_program, mut host, port) = lab(&given);
    opens(&mut host, "localhost", port);
    let outcome = run_to_end(&["run", "--cert", &key, "--key", &certificate], "");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("can't use --cert and --key: "), "{}", outcome.stderr);
}

#[test]
fn what_is_printed_can_be_typed() {
    // A name that a shell would take for two words.
    let (_directory, path) = directory();
    let path = path + " of Bob's";
    let mut command = command(&["lab", "--at", "tcp:0", "--mqtt", "0", "--mqtts", "0", "--tls-dir", &path]);
    command.arg("--client-auth");
    let mut program = Program::start(command);
    let mut host = Host::connect(program.address());
    program.wait_for("Over TLS, with a certificate that this modem trusts, it opens with");
    let lines = program.lines(5);
    for (line, file) in lines.iter().zip(["client.pem", "client.key"]) {
        let (line, rest) = line.trim().split_once("        then the bytes of ").unwrap();
        assert_eq!(rest, format!("{path}/{file}"));
        host.send(line);
        host.expect(&format!("{line}\r\n> \r\n"));
        host.write(read(&path, file).as_bytes());
        host.expect("\r\nOK\r\n");
    }
    host.command(lines[2].trim());
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    assert_eq!(lines[3], "and others with");
    host.command(r#"AT+MQTTPUB=1,"t",1,1,"kept for others""#);
    host.expect("\r\n+MQTTPUB: 1,1\r\n");
    let line = lines[4].trim();
    assert!(line.starts_with("mosquitto_sub ") && line.ends_with(" -t '#' -v"), "{line}");
    let output = Command::new("sh").args(["-c", &format!("{line} -C 1 -W 20")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "t kept for others\n", "{line}: {output:?}");
}

#[test]
fn roots_that_are_of_no_use_are_told() {
    let (_directory, path) = directory();
    let run = || run_to_end(&["lab", "--mqtt", "0", "--mqtts", "0", "--tls-dir", &path], "");
    assert_eq!(run().code, Some(0));
    let (ca, key) = (format!("{path}/ca.pem"), format!("{path}/ca.key"));
    let tells = |words: &str| {
        let outcome = run();
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    };
    // Another's, and none.
    fs::write(&ca, Authority::new("another root").pem()).unwrap();
    tells(&format!("can't use {ca} and {key}: the lab needs a root that it made itself"));
    // Half of a key.
    fs::remove_file(&ca).unwrap();
    let whole = fs::read_to_string(&key).unwrap();
    fs::write(&key, &whole[..whole.len() / 2]).unwrap();
    tells(&format!("can't use {key}: "));
    fs::remove_file(&key).unwrap();
    fs::write(&ca, "nothing").unwrap();
    tells(&format!("{ca} is there without {key}"));
    assert_eq!(read(&path, "ca.pem"), "nothing");
}

/// They may have been edited, or copied by a tool with habits of its own.
#[test]
fn files_of_any_form_are_read_and_shared_keys_are_reported() {
    let (_directory, path) = directory();
    let options = ["lab", "--mqtt", "0", "--mqtts", "0", "--client-auth", "--tls-dir", &path];
    let first = run_to_end(&options, "");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(!first.stderr.contains("chmod"), "{}", first.stderr);
    for name in ["ca.pem", "ca.key", "client.pem", "client.key"] {
        let text = read(&path, name);
        fs::write(Path::new(&path).join(name), format!("a {name}\r  {}", text.replace('\n', "\r  "))).unwrap();
    }
    for (name, mode) in [("ca.key", 0o640), ("client.key", 0o604)] {
        fs::set_permissions(Path::new(&path).join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let second = run_to_end(&options, "");
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    for name in ["ca.key", "client.key"] {
        let words =
            format!("{path}/{name} is a private key that others than its owner can use: chmod 600 {path}/{name}\n");
        assert!(second.stderr.contains(&words), "{}", second.stderr);
    }
}

#[test]
fn a_start_that_failed_half_way_does_not_block_the_next() {
    let (_directory, path) = directory();
    let (first, mut host, port) = lab(&["--tls-dir", &path, "--client-auth"]);
    let (ca, client) = (read(&path, "ca.pem"), read(&path, "client.pem"));
    let load = |host: &mut Host| {
        for (file, pem) in [("TRUSTFILE", &ca), ("CAFILE", &client), ("KEYFILE", &read(&path, "client.key"))] {
            host.load(file, pem);
        }
    };
    load(&mut host);
    opens(&mut host, "localhost", port);
    closes(&mut host);
    first.terminate();
    // The keys were written, their certificates were not, and there is half of each.
    for name in ["ca.pem", "client.pem"] {
        fs::remove_file(Path::new(&path).join(name)).unwrap();
        fs::write(Path::new(&path).join(name).with_extension("pem.new"), "half").unwrap();
    }
    let (_second, mut host, port) = lab(&["--tls-dir", &path, "--client-auth"]);
    assert!(read(&path, "ca.pem") != ca && read(&path, "client.pem") != client);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 4);
    // Those who trust the old root, and show the old certificate, still can.
    load(&mut host);
    opens(&mut host, "localhost", port);
}

#[test]
fn those_who_do_not_speak_tls_do_no_harm() {
    let (mut program, mut host, port) = lab(&[]);
    // More than it has under way at a time: the oldest make room.
    let silent: Vec<TcpStream> = (0..1000).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    program.wait_for("broker: no TLS with 127.0.0.1: too many handshakes are under way");
    opens(&mut host, "localhost", port);
    closes(&mut host);
    let mut wrong = TcpStream::connect(("127.0.0.1", port)).unwrap();
    wrong.set_read_timeout(Some(LIMIT)).unwrap();
    wrong.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    wrong.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert");
    program.wait_for("broker: no TLS with 127.0.0.1:");
    opens(&mut host, "localhost", port);
    drop(silent);
}

#[test]
fn options_that_need_others() {
    for arguments in [
        &["lab", "--tls-dir", "x"][..],
        &["lab", "--name", "x"],
        &["lab", "--mqtts", "0", "--client-auth"],
        &["lab", "--mqtts", "x"],
        &["lab", "--mqtts", "0", "--name", "a b"],
    ] {
        assert_eq!(run_to_end(arguments, "").code, Some(2), "{arguments:?}");
    }
}
