//! A host at a PTY.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use rustix::process::Signal;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tempfile::TempDir;

use crate::LIMIT;
use crate::broker::{Kind, lines};
use crate::conversation;
use crate::fake_broker::FakeBroker;
use crate::host::Host;
use crate::program::{Program, command, run_to_end};
use crate::terminal::Terminal;

#[test]
fn whole_conversation_with_mosquitto() {
    let program = Program::run("pty");
    conversation::whole(&mut Host::open(program.address()), Kind::Mosquitto);
    program.terminate();
}

#[test]
fn whole_conversation_with_aedes() {
    let program = Program::run("pty");
    conversation::whole(&mut Host::open(program.address()), Kind::Aedes);
    program.terminate();
}

#[test]
fn whole_conversation_with_the_lab() {
    let program = Program::run("pty");
    conversation::whole(&mut Host::open(program.address()), Kind::Lab);
    program.terminate();
}

#[test]
fn broker_dies() {
    for kind in [Kind::Mosquitto, Kind::Aedes, Kind::Lab] {
        let program = Program::run("pty");
        conversation::broker_dies(&mut Host::open(program.address()), kind);
    }
}

#[test]
fn the_next_host_does_not_see_what_the_last_one_left_unread() {
    let mut program = Program::run("pty");
    let mut first = Host::open(program.address());
    first.send("AT+NOSUCHTHING");
    first.wait_readable();
    drop(first);
    program.wait_for("host gone");
    Host::open(program.address()).command("AT");
}

#[test]
fn the_next_host_does_not_go_on_with_half_a_line() {
    let mut program = Program::run("pty");
    let mut first = Host::open(program.address());
    first.write(b"AT+NOSUCH");
    first.expect("AT+NOSUCH");
    drop(first);
    program.wait_for("host gone");
    Host::open(program.address()).command("AT");
}

#[test]
fn what_a_host_wrote_before_it_left_is_read() {
    let mut program = Program::run("pty");
    fs::write(program.address(), "AT+CGMM\r").unwrap();
    program.wait_for("typed \"AT+CGMM\"");
    program.wait_for("host gone");
}

#[test]
fn a_host_that_never_reads_blocks_nobody_but_itself() {
    let mut program = Program::run("pty");
    Host::open(program.address()).flood("AT");
    program.wait_for("host gone");
    Host::open(program.address()).command("AT");
}

#[test]
fn a_second_opener_does_not_end_the_session() {
    let mut program = Program::run("pty");
    for _ in 0..50 {
        // Openings and closings this close together may look like one to the program.
        let mut first = Host::open(program.address());
        let second = Host::join(program.address());
        first.write(b"AT");
        drop(second);
        first.expect("AT");
        first.write(b"\r");
        first.expect("\r\nOK\r\n");
        drop(first);
        program.wait_for("host gone");
    }
}

#[test]
fn the_mode_is_raw_for_each_host() {
    let mut program = Program::run("pty");
    let slave = fs::File::open(program.address()).unwrap();
    let mut mode = tcgetattr(&slave).unwrap();
    assert!(!mode.local_modes.contains(LocalModes::ECHO));
    mode.local_modes |= LocalModes::ECHO | LocalModes::ICANON;
    tcsetattr(&slave, OptionalActions::Now, &mode).unwrap();
    drop(slave);
    program.wait_for("host gone");
    let slave = fs::File::open(program.address()).unwrap();
    assert!(!tcgetattr(&slave).unwrap().local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON));
}

#[test]
fn a_link_leads_to_it_until_the_end() {
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("modem");
    // What a modem that was killed left behind.
    symlink("/dev/pts/4242", &link).unwrap();
    let mut program = Program::run(format!("pty:{}", link.display()));
    assert_eq!(program.place(), format!("pty {} -> {}", link.display(), fs::read_link(&link).unwrap().display()));
    for _ in 0..3 {
        Host::open(&link).command("AT");
        program.wait_for("host gone");
    }
    program.terminate();
    assert!(fs::symlink_metadata(&link).is_err());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_link_in_use_is_not_taken_away() {
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("modem");
    let at = format!("pty:{}", link.display());
    let program = Program::run(&at);
    let target = fs::read_link(&link).unwrap();
    for _ in 0..2 {
        let outcome = run_to_end(&["run", "--at", &at], "");
        assert_eq!(outcome.code, Some(1));
        let words = format!("{} is in use: process {} is the modem there\n", link.display(), program.id());
        assert!(outcome.stderr.ends_with(&words), "{}", outcome.stderr);
    }
    assert_eq!(fs::read_link(&link).unwrap(), target);
    Host::open(&link).command("AT");
    program.terminate();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_link_of_a_killed_modem_is_replaced_even_if_its_number_is_in_use_again() {
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("modem");
    let at = format!("pty:{}", link.display());
    let killed = Program::run(&at);
    // While it lives, so that it has another number.
    let other = Terminal::new();
    killed.signal(Signal::KILL);
    killed.wait();
    // Somebody else has made a link of that name since.
    let lock = directory.path().join("modem.lock");
    fs::remove_file(&link).unwrap();
    symlink(&other.path, &link).unwrap();
    let outcome = run_to_end(&["run", "--at", &at], "");
    let words = format!("modem is in use: it leads to {}, of some other program\n", other.path);
    assert!(outcome.stderr.ends_with(&words), "{}", outcome.stderr);
    // As if that terminal had got the number of the killed modem's.
    fs::write(&lock, format!("1 {}\n", other.path)).unwrap();
    let program = Program::run(&at);
    Host::open(&link).command("AT");
    assert_ne!(fs::read_link(&link).unwrap().to_str(), Some(&*other.path));
    program.terminate();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn of_many_that_start_at_the_same_time_one_has_the_link() {
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("modem");
    // What a killed modem left behind, for all of them to replace.
    symlink("/dev/pts/4242", &link).unwrap();
    let at = format!("pty:{}", link.display());
    let started: Vec<_> =
        (0..8).map(|_| command(&["run", "--at", &at]).stderr(Stdio::piped()).spawn().unwrap()).collect();
    // All but one end by themselves, and say why.
    let mut said: Vec<_> = started
        .into_iter()
        .map(|mut child| {
            let line = lines(child.stderr.take().unwrap()).recv_timeout(LIMIT).unwrap();
            (line.starts_with("modem ready on "), child, line)
        })
        .collect();
    said.sort_by_key(|(ready, ..)| *ready);
    let (is_ready, mut running, line) = said.pop().unwrap();
    assert!(is_ready, "{line}");
    for (is_ready, mut child, line) in said {
        assert!(!is_ready && line.contains("modem is in use: "), "{line}");
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
    Host::open(&link).command("AT");
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_link_that_leads_elsewhere_by_now_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let link = directory.path().join("modem");
    let program = Program::run(format!("pty:{}", link.display()));
    fs::remove_file(&link).unwrap();
    symlink("/dev/pts/4242", &link).unwrap();
    program.terminate();
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("/dev/pts/4242"));
}

#[test]
fn what_is_no_link_to_a_terminal_is_not_replaced() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("modem");
    let at = format!("pty:{}", path.display());
    let refused = |words: &str| {
        let outcome = run_to_end(&["run", "--at", &at], "");
        assert_eq!(outcome.code, Some(1));
        let line = format!("quasimodem: can't make a pseudo-terminal at {}: {words}\n", path.display());
        assert_eq!(outcome.stderr, line);
    };
    fs::write(&path, "precious").unwrap();
    refused("is there and is no symbolic link: remove it, or take another name");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    fs::remove_file(&path).unwrap();
    symlink("/nowhere", &path).unwrap();
    refused("is a symbolic link to something that is no pseudo-terminal");
    assert_eq!(fs::read_link(&path).unwrap().to_str(), Some("/nowhere"));
}

#[test]
fn a_signal_disconnects_in_order() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let broker = FakeBroker::start();
        let program = Program::run("pty");
        let mut host = Host::open(program.address());
        host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
        let session = broker.accept();
        host.expect("\r\n+MQTTOPEN: 1,1\r\n");
        program.signal(signal);
        assert_eq!(session.rest(), [0xe0, 0], "DISCONNECT");
        assert!(program.wait().success());
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let broker = FakeBroker::start();
    let mut program = Program::run("pty");
    let mut host = Host::open(program.address());
    host.command(&format!(r#"AT+MQTTOPEN=1,"127.0.0.1",{},1,60"#, broker.port()));
    // A broker that keeps the connection open.
    let session = broker.accept();
    host.expect("\r\n+MQTTOPEN: 1,1\r\n");
    program.signal(Signal::TERM);
    program.wait_for("link 1: closed by the modem");
    program.signal(Signal::TERM);
    let words = program.wait_for("quasimodem: ");
    assert_eq!(words, "ended by a second signal, before all links were closed");
    assert_eq!(program.wait().code(), Some(1));
    drop(session);
}
