//! Somebody who types by hand, with picocom in a terminal.

use std::process::{Child, Command};

use crate::host::Host;
use crate::program::Program;
use crate::terminal::Terminal;

#[test]
fn what_is_typed_by_hand_is_edited_and_answered() {
    let program = Program::run("pty");
    let mut picocom = Picocom::start(program.address());
    // Each key by itself, but that the modem's echo begins with the whole AT.
    for key in ["AT", "+", "C", "G", "M", "X"] {
        picocom.screen.write(key.as_bytes());
        picocom.screen.expect(key);
    }
    // Backspace sends DEL.
    picocom.screen.write(b"\x7f");
    picocom.screen.expect("\x08 \x08");
    picocom.screen.send("M");
    picocom.screen.expect("M\r\n+CGMM: \"L610\"\r\n\r\nOK\r\n");
    picocom.exit();
    program.terminate();
}

#[test]
fn the_next_one_finds_the_modem_as_the_last_one_left_it() {
    let mut program = Program::run("pty");
    let mut first = Picocom::start(program.address());
    first.screen.command("AT+CMEE=2");
    first.screen.write(b"AT+NOSUCH");
    first.screen.expect("AT+NOSUCH");
    first.exit();
    program.wait_for("host gone");
    let mut second = Picocom::start(program.address());
    second.screen.send("AT+CMEE?");
    second.screen.expect("AT+CMEE?\r\n+CMEE: 2\r\n\r\nOK\r\n");
    second.exit();
}

/// A running picocom, and the terminal it runs in.
struct Picocom {
    child: Child,
    screen: Host,
}

impl Picocom {
    /// Starts it at a port, and waits until it has both in their modes.
    fn start(port: &str) -> Picocom {
        let Terminal { master, path } = Terminal::new();
        let child = Command::new("picocom")
            .args(["--baud", "115200", port])
            .stdin(Terminal::slave(&path))
            .stdout(Terminal::slave(&path))
            .stderr(Terminal::slave(&path))
            .spawn()
            .unwrap_or_else(|error| panic!("picocom: {error}; ./check installs it"));
        let mut screen = Host::new(master);
        while screen.line() != "Terminal ready" {}
        // Whether it shows what the modem said before it was ready is its own affair.
        screen.send("AT");
        while screen.line() != "OK" {}
        Picocom { child, screen }
    }

    /// Leaves it by its own keys.
    fn exit(mut self) {
        self.screen.write(b"\x01\x18");
        while self.screen.line() != "Thanks for using picocom" {}
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Picocom {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
