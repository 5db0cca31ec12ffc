//! The modem of a board tells what is so: `--bearer if:NAME` in a network namespace of its own, `--signal-from`.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;
use tempfile::tempdir;

use crate::host::Host;
use crate::program::{Program, command};

/// What `unshare` needs to make a network namespace: as anybody but root, a user namespace as well.
fn namespaces() -> &'static [&'static str] {
    if geteuid().is_root() { &["--net"] } else { &["--net", "--map-root-user"] }
}

/// Whether the kernel lets us.
fn may_have_namespaces() -> bool {
    let made = Command::new("unshare").args(namespaces()).arg("true").output().unwrap();
    if !made.status.success() {
        // To stderr itself, so that it is seen although the test passes.
        let words = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        let told = format!("not tested, since the kernel refuses network namespaces: {words}\n");
        rustix::io::write(rustix::stdio::stderr(), told.as_bytes()).unwrap();
    }
    made.status.success()
}

/// `quasimodem lab` at a PTY, after these lines of shell in a namespace of its own.
fn lab(setup: &str, pty: &Path, options: &[&str]) -> Program {
    let mut lab = Command::new("unshare");
    lab.args(namespaces()).args(["sh", "-ec", &format!("ip link set lo up\n{setup}\nexec \"$@\""), "sh"]);
    lab.arg(env!("CARGO_BIN_EXE_quasimodem")).args(["lab", "-vv", "--bearer", "if:wan0", "--at"]);
    let mut at = OsString::from("pty:");
    at.push(pty);
    lab.arg(at).args(options);
    Program::start(lab)
}

/// Runs lines of shell in the namespace of a program.
fn within(program: &Program, lines: &str) {
    let mut shell = Command::new("nsenter");
    shell.args(["--target", &program.id().to_string(), "--net"]);
    if !geteuid().is_root() {
        shell.args(["--user", "--preserve-credentials"]);
    }
    let ran = shell.args(["sh", "-ec", lines]).output().unwrap();
    assert!(ran.status.success(), "{lines}: {}", String::from_utf8_lossy(&ran.stderr));
}

const UP: &str = "ip link add wan0 type veth peer name far0; ip address add 10.64.0.9/24 dev wan0
    ip link set far0 up; ip link set wan0 up; ip route add default dev wan0";

/// Asks with this line, and is answered so.
fn asks(host: &mut Host, line: &str, answer: &str) {
    host.send(line);
    host.expect(&format!("{line}\r\n{answer}\r\n\r\nOK\r\n"));
}

/// Waits until the data call has changed, and is this.
fn calls(program: &mut Program, address: Option<&str>) {
    let rest = program.wait_for(r#""event":"radio.call""#);
    let found = address.map_or(!rest.contains(r#""address":""#), |address| rest.contains(&format!(r#""{address}""#)));
    assert!(found, "expected {address:?}: {rest}");
}

#[test]
fn what_happens_to_an_interface_happens_to_the_modem() {
    if !may_have_namespaces() {
        return;
    }
    let dir = tempdir().unwrap();
    let pty = dir.path().join("modem");
    let mut program = lab(UP, &pty, &["--events", "fd:2"]);
    let mut host = Host::open(&pty);
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 1,10.64.0.9");
    host.command("AT+CREG=1");
    let open = r#"AT+MQTTOPEN=1,"127.0.0.1",1883,1,60"#;
    host.command(open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");

    // The carrier goes, and all else stays.
    let lost = ["\r\n+MIPCALL: 0\r\n", "\r\n+MQTTBREAK: 1,2\r\n", "\r\n+CREG: 2\r\n"];
    within(&program, "ip link set far0 down");
    host.expect_in_any_order(&lost);
    calls(&mut program, None);
    within(&program, "ip link set far0 up");
    calls(&mut program, Some("10.64.0.9"));
    host.expect("\r\n+CREG: 1\r\n");
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 1,10.64.0.9");
    host.command(open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");

    within(&program, "ip link set wan0 down");
    host.expect_in_any_order(&lost);
    calls(&mut program, None);
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 0");

    // The route was lost with the link.
    within(&program, "ip link set wan0 up");
    host.expect("\r\n+CREG: 1\r\n");
    host.command("AT+MIPCALL=1");
    host.expect("\r\n+MIPCALL: 0\r\n");
    within(&program, "ip route add default dev wan0");
    calls(&mut program, Some("10.64.0.9"));
    host.command("AT+MIPCALL=1");
    host.expect("\r\n+MIPCALL: 10.64.0.9\r\n");
    host.command(open);
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");

    // A new address is a new call.
    within(&program, "ip address add 10.65.0.7/24 dev wan0; ip address del 10.64.0.9/24 dev wan0");
    host.expect_in_any_order(&["\r\n+MIPCALL: 0\r\n", "\r\n+MQTTBREAK: 1,2\r\n"]);
    calls(&mut program, None);
    calls(&mut program, Some("10.65.0.7"));
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 1,10.65.0.7");

    within(&program, "ip route del default");
    host.expect("\r\n+MIPCALL: 0\r\n");
    calls(&mut program, None);
    within(&program, "ip route add default dev wan0");
    calls(&mut program, Some("10.65.0.7"));
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 1,10.65.0.7");
    within(&program, "ip address flush dev wan0");
    host.expect("\r\n+MIPCALL: 0\r\n");
    asks(&mut host, "AT+CREG?", "+CREG: 1,1");
    program.terminate();
}

/// It comes when it comes, and where a fault hides the network the host sees it only when that is over.
#[test]
fn an_interface_may_come_later_and_faults_lie_above_it() {
    if !may_have_namespaces() {
        return;
    }
    let dir = tempdir().unwrap();
    let pty = dir.path().join("modem");
    let mut program = lab("", &pty, &["--fault", "registration stat=3 on='radio.registration stat=1' lasts=3s"]);
    let mut host = Host::open(&pty);
    asks(&mut host, "AT+CREG?", "+CREG: 0,2");
    asks(&mut host, "AT+MIPCALL?", "+MIPCALL: 0");
    host.command("AT+CREG=1");
    within(&program, UP);
    host.expect("\r\n+CREG: 1\r\n");
    host.expect_in_any_order(&["\r\n+CREG: 3\r\n", "\r\n+MIPCALL: 0\r\n"]);
    within(&program, "ip link set wan0 down");
    program.wait_for("interface wan0: not there, or its link is down");
    // What there is now, not what there was.
    host.expect("\r\n+CREG: 2\r\n");
    program.terminate();
}

#[test]
fn the_signal_is_what_a_file_says() {
    let dir = tempdir().unwrap();
    let (file, pty) = (dir.path().join("signal"), dir.path().join("modem"));
    fs::write(&file, "-85 dBm\n").unwrap();
    let at = format!("pty:{}", pty.display());
    let mut program = Program::run_with(at, &["--events", "fd:2", "--signal-from", file.to_str().unwrap()]);
    let mut host = Host::open(&pty);
    asks(&mut host, "AT+CSQ", "+CSQ: 14,99");
    // What the module finds by itself when it registers is not it.
    host.command("AT+CFUN=0");
    host.expect("\r\n+MIPCALL: 0\r\n");
    program.wait_for(r#""rssi":99"#);
    host.command("AT+CFUN=1");
    program.wait_for(r#""rssi":14"#);
    asks(&mut host, "AT+CSQ", "+CSQ: 14,99");
    fs::write(&file, "7").unwrap();
    program.wait_for(r#""rssi":7"#);
    asks(&mut host, "AT+CSQ", "+CSQ: 7,99");
    fs::write(&file, "strong").unwrap();
    let words = program.wait_for("found \"strong\", expected 0 to 31 or 99");
    assert!(words.contains("AT+CSQ answers 99"), "{words}");
    program.wait_for(r#""rssi":99"#);
    asks(&mut host, "AT+CSQ", "+CSQ: 99,99");
    program.terminate();
}

#[test]
fn the_signal_is_what_modem_manager_knows() {
    let dir = tempdir().unwrap();
    let (mmcli, pty) = (dir.path().join("mmcli"), dir.path().join("modem"));
    let answer = r#"{"modem":{"generic":{"signal-quality":{"recent":"yes","value":"58"}}}}"#;
    fs::write(&mmcli, format!("#!/bin/sh\n[ \"$*\" = '-m any -J' ] && echo '{answer}'\n")).unwrap();
    fs::set_permissions(&mmcli, Permissions::from_mode(0o755)).unwrap();
    let run = |path: OsString| {
        let at = format!("pty:{}", pty.display());
        let mut run = command(&["run", "-vv", "--events", "fd:2", "--signal-from", "modemmanager", "--at", &at]);
        run.env("PATH", path);
        Program::start(run)
    };
    let paths = env::split_paths(&env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    let mut program = run(env::join_paths([dir.path().to_owned()].iter().chain(&paths)).unwrap());
    program.wait_for(r#""rssi":18"#);
    asks(&mut Host::open(&pty), "AT+CSQ", "+CSQ: 18,99");
    program.terminate();

    let mut program = run("/nowhere".into());
    program.wait_for("there is no mmcli in the path");
    asks(&mut Host::open(&pty), "AT+CSQ", "+CSQ: 99,99");
    program.terminate();
}
