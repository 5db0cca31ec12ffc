//! One session over all serial ends, as fast as they are and at the pace of a line: byte for byte the same.

use std::thread;

use tempfile::TempDir;

use crate::broker::{Broker, Kind};
use crate::far_side::{Pair, Socat, session};
use crate::program::Program;

#[test]
fn every_end_runs_the_same_session() {
    let broker = Broker::start(Kind::Mosquitto);
    let port = broker.port();
    let ends: [End; 5] = [
        ("serial", |options, broker| {
            let pair = Pair::new();
            let program = Program::run_with(format!("serial:{}@115200,8N1", pair.modem().display()), options);
            let said = session(pair.host().to_str().unwrap(), broker);
            program.terminate();
            said
        }),
        ("rfc2217", |options, broker| over("rfc2217:0", "rfc2217://", options, broker)),
        ("tcp", |options, broker| over("tcp:0", "socket://", options, broker)),
        ("pty", |options, broker| over("pty", "", options, broker)),
        ("stdio", |options, broker| {
            let directory = TempDir::new().unwrap();
            let link = directory.path().join("host");
            let program = [&[concat!("EXEC:", env!("CARGO_BIN_EXE_quasimodem")), "run"], options].concat().join(" ");
            let _socat = Socat::start(&[&format!("PTY,rawer,link={}", link.display()), &program]);
            session(link.to_str().unwrap(), broker)
        }),
    ];
    let due = DUE.replace("{broker}", &port.to_string()).replace("{version}", env!("CARGO_PKG_VERSION"));
    // One broker knows one client of that name at a time.
    for options in [&[][..], &["--pace", "115200"]] {
        for (name, run) in ends {
            let said = thread::spawn(move || run(options, port)).join();
            let said = said.unwrap_or_else(|_| panic!("{name} {options:?} failed"));
            let line = said.lines().zip(due.lines()).find(|(said, due)| said != due);
            assert!(said == due, "{name} {options:?} differs, first here: {line:?}\n{said}");
        }
    }
}

/// A name, and what runs the session with these options and the broker at a port.
type End = (&'static str, fn(&[&str], u16) -> String);

fn over(at: &str, scheme: &str, options: &[&str], broker: u16) -> String {
    let program = Program::run_with(at, options);
    let said = session(&format!("{scheme}{}", program.address()), broker);
    program.terminate();
    said
}

/// What the session reads, as Python writes bytes.
const DUE: &str = include_str!("session.txt");
