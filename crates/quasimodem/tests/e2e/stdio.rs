//! A host at stdin and stdout: pipes, files, a terminal.

use std::io::{Read, Write};
use std::process::Stdio;

use rustix::termios::{LocalModes, Termios, tcgetattr};
use tempfile::tempfile;

use crate::broker::{Broker, Kind};
use crate::host::{GREETING, Host};
use crate::program::{Program, command, run_to_end};
use crate::terminal::Terminal;

#[test]
fn a_pipe_is_answered_to_its_end() {
    let outcome = run_to_end(&["run"], "AT\r");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "\r\n+SIM READY\r\nAT\r\nOK\r\n"));
    assert_eq!(outcome.stderr, "modem ready on stdio\n");
}

#[test]
fn a_long_script_is_answered_whole() {
    let outcome = run_to_end(&["run", "--at", "stdio"], &"AT\r".repeat(50_000));
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout == GREETING.to_owned() + &"AT\r\nOK\r\n".repeat(50_000), "{} bytes", outcome.stdout.len());
}

#[test]
fn a_script_ends_with_the_results_that_it_is_owed() {
    let broker = Broker::start(Kind::Mosquitto);
    let line = format!("AT+MQTTOPEN=1,\"127.0.0.1\",{},1,60", broker.port());
    let outcome = run_to_end(&["run"], &format!("{line}\r"));
    let due = format!("{GREETING}{line}\r\nOK\r\n\r\n+MQTTOPEN: 1,1\r\n");
    assert_eq!((outcome.code, outcome.stdout), (Some(0), due));
}

#[test]
fn files_do_as_well() {
    let (mut typed, mut answered) = (tempfile().unwrap(), tempfile().unwrap());
    typed.write_all(b"AT\r").unwrap();
    std::io::Seek::rewind(&mut typed).unwrap();
    let mut command = command(&["run"]);
    command.stdin(typed).stdout(answered.try_clone().unwrap());
    assert!(Program::start(command).wait().success());
    let mut text = String::new();
    std::io::Seek::rewind(&mut answered).unwrap();
    answered.read_to_string(&mut text).unwrap();
    assert_eq!(text, "\r\n+SIM READY\r\nAT\r\nOK\r\n");
}

#[test]
fn a_broken_pipe_is_a_quiet_end() {
    let mut command = command(&["run"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = Program::start(command);
    drop(program.stdout());
    let mut stdin = program.stdin();
    stdin.write_all(b"AT\r").unwrap();
    // Stdin stays open: the end is not its end.
    assert!(program.wait().success());
    drop(stdin);
}

#[test]
fn a_terminal_is_raw_and_as_before_in_the_end() {
    let Terminal { master, path } = Terminal::new();
    // Held, as a shell would.
    let shell = Terminal::slave(&path);
    let before = modes(&tcgetattr(&shell).unwrap());

    let mut command = command(&["run"]);
    command.stdin(Terminal::slave(&path)).stdout(Terminal::slave(&path));
    let program = Program::start(command);
    let raw = tcgetattr(&shell).unwrap();
    assert!(!raw.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    let mut host = Host::new(master).greeted();
    host.command("AT");
    host.write(b"\x03");
    assert!(program.wait().success());
    assert_eq!(modes(&tcgetattr(&shell).unwrap()), before);
}

#[test]
fn the_backspace_key_of_a_terminal_rubs_out() {
    let Terminal { master, path } = Terminal::new();
    let mut command = command(&["run"]);
    command.stdin(Terminal::slave(&path)).stdout(Terminal::slave(&path));
    let _program = Program::start(command);
    let mut host = Host::new(master).greeted();
    host.write(b"AT+CGMX\x7fM\r");
    host.expect("AT+CGMX\x08 \x08M\r\n+CGMM: \"L610\"\r\n\r\nOK\r\n");
}

#[test]
fn what_is_no_terminal_is_edited_as_well() {
    let outcome = run_to_end(&["run"], "ATX\x7f\rAT\r");
    assert_eq!(outcome.stdout, "\r\n+SIM READY\r\nATX\x08 \x08\r\nOK\r\nAT\r\nOK\r\n");
}

fn modes(mode: &Termios) -> String {
    format!("{:?} {:?} {:?} {:?}", mode.input_modes, mode.output_modes, mode.control_modes, mode.local_modes)
}
