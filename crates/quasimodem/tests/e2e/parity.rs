//! One session over all serial ends: byte for byte the same.

use std::thread;

use tempfile::TempDir;

use crate::broker::{Broker, Kind};
use crate::far_side::{Pair, Socat, session};
use crate::program::Program;

#[test]
fn every_end_runs_the_same_session() {
    let broker = Broker::start(Kind::Mosquitto);
    let port = broker.port();
    let ends: [End; 6] = [
        ("serial", |broker| {
            let pair = Pair::new();
            let program = Program::run(format!("serial:{}@115200,8N1", pair.modem().display()));
            let said = session(pair.host().to_str().unwrap(), broker);
            program.terminate();
            said
        }),
        ("rfc2217", |broker| over("rfc2217:0", "rfc2217://", broker)),
        ("tcp", |broker| over("tcp:0", "socket://", broker)),
        ("pty", |broker| over("pty", "", broker)),
        ("stdio", |broker| {
            let directory = TempDir::new().unwrap();
            let link = directory.path().join("host");
            let program = format!("EXEC:{} run", env!("CARGO_BIN_EXE_quasimodem"));
            let _socat = Socat::start(&[&format!("PTY,rawer,link={}", link.display()), &program]);
            session(link.to_str().unwrap(), broker)
        }),
        ("at a pace", |broker| {
            let program = Program::run_with("tcp:0", &["--pace", "115200"]);
            session(&format!("socket://{}", program.address()), broker)
        }),
    ];
    let due = DUE.replace("{broker}", &port.to_string()).replace("{version}", env!("CARGO_PKG_VERSION"));
    // One broker knows one client of that name at a time.
    for (name, run) in ends {
        let said = thread::spawn(move || run(port)).join().unwrap_or_else(|_| panic!("{name} failed"));
        let line = said.lines().zip(due.lines()).find(|(said, due)| said != due);
        assert!(said == due, "{name} differs, first here: {line:?}\n{said}");
    }
}

/// A name, and what runs the session with the broker at a port.
type End = (&'static str, fn(u16) -> String);

fn over(at: &str, scheme: &str, broker: u16) -> String {
    let program = Program::run(at);
    let said = session(&format!("{scheme}{}", program.address()), broker);
    program.terminate();
    said
}

/// What the session reads, as Python writes bytes.
const DUE: &str = include_str!("session.txt");
