//! The program as a service of systemd.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::LIMIT;
use crate::program::{Program, command};

#[test]
fn systemd_hears_of_its_beginning_life_and_end() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = command(&["run", "--at", "tcp:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000").env_remove("WATCHDOG_PID");
    let program = Program::start(command);
    assert_eq!(next(&socket), "READY=1");
    for _ in 0..5 {
        assert_eq!(next(&socket), "WATCHDOG=1");
    }
    program.terminate();
    let mut last = next(&socket);
    while last == "WATCHDOG=1" {
        last = next(&socket);
    }
    assert_eq!(last, "STOPPING=1");
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = command(&["run", "--at", "tcp:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000").env("WATCHDOG_PID", "1");
    let program = Program::start(command);
    assert_eq!(next(&socket), "READY=1");
    program.terminate();
    assert_eq!(next(&socket), "STOPPING=1");
}

#[test]
fn a_notify_socket_that_is_not_there_harms_nobody() {
    let mut command = command(&["run", "--at", "tcp:0"]);
    command.env("NOTIFY_SOCKET", "/nowhere/notify").env("WATCHDOG_USEC", "2000");
    Program::start(command).terminate();
}

#[test]
fn systemd_takes_the_unit() {
    let directory = TempDir::new().unwrap();
    let unit = directory.path().join("quasimodem.service");
    // It wants the program to be where the unit says.
    let text = include_str!("../../../../packaging/quasimodem.service");
    let installed = "ExecStart=/usr/local/bin/quasimodem ";
    assert_eq!(text.matches(installed).count(), 1);
    let here = format!("ExecStart={} ", env!("CARGO_BIN_EXE_quasimodem"));
    fs::write(&unit, text.replace(installed, &here)).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--generators=no"])
        .arg(&unit)
        .stdin(Stdio::null())
        .output()
        .expect("this test needs systemd-analyze: on Debian, apt-get install systemd");
    let words = String::from_utf8_lossy(&output.stderr);
    // Units of the machine that this one refers to may have faults of their own.
    let own = words.lines().any(|line| line.contains("quasimodem"));
    assert!(output.status.success() && !own, "{}: {words}", output.status);
}

#[test]
fn the_configuration_beside_the_unit_can_be_used() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("modem.toml");
    let text = include_str!("../../../../packaging/modem.toml");
    let port = "at = \"serial:/dev/ttyS1@115200\"";
    assert_eq!(text.matches(port).count(), 1);
    fs::write(&path, text.replace(port, "at = \"tcp:0\"")).unwrap();
    let mut command = command(&["run", "--config"]);
    command.arg(path);
    Program::start(command).terminate();
}

fn next(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let count = socket.recv(&mut bytes).expect("systemd would have heard nothing");
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}
