//! The program as a service of systemd.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::LIMIT;
use crate::broker::{Broker, Kind};
use crate::host::Host;
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

/// Without a terminal SIGHUP has the configuration read again, and what can't change so is told.
#[test]
fn a_service_reads_its_configuration_again() {
    let broker = Broker::start(Kind::Lab);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("modem.toml");
    fs::write(&path, "at = \"tcp:0\"\nmodel = \"MC615\"\nboot_ms = 0\n").unwrap();
    let mut command = Command::new("setsid");
    command.arg(env!("CARGO_BIN_EXE_quasimodem")).args(["run", "-v", "--config", path.to_str().unwrap()]);
    let mut program = Program::start(command);
    let mut host = Host::connect(program.address());
    let open = r#"AT+MQTTOPEN=1,"broker.example",1883,1,60"#;
    host.command(open);
    host.expect("\r\n+MQTTOPEN: 1,0\r\n");
    let map = format!("host_map = [\"broker.example:1883=127.0.0.1:{}\"]\n", broker.port());
    fs::write(&path, format!("at = \"tcp:1\"\nmodel = \"MC610\"\nboot_ms = 0\n{map}")).unwrap();
    program.signal(Signal::HUP);
    let told = program.wait_for("modem.toml again: ");
    let due = "connections go by it from now on, the module from its next start on; at changed as well, and needs a restart of \
               quasimodem";
    assert_eq!(told, due);
    host.command(open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    host.send("AT+CGMM");
    host.expect("AT+CGMM\r\n+CGMM: \"MC615\"\r\n\r\nOK\r\n");
    fs::write(&path, "model = \"MC6\"\n").unwrap();
    program.signal(Signal::HUP);
    let told = program.wait_for("the configuration stays as it is: ");
    assert!(told.contains("modem.toml:1: model is \"MC6\""), "{told}");
    host.command("AT+CFUN=1,1");
    host.expect("\r\n+SIM READY\r\n");
    host.send("AT+CGMM");
    host.expect("AT+CGMM\r\n+CGMM: \"MC610\"\r\n\r\nOK\r\n");
    program.terminate();
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
