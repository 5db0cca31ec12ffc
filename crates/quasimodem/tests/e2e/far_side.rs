//! What sits at the far side of a serial end: pyserial, and pairs of pseudo-terminals made by socat.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::LIMIT;
use crate::broker::lines;

/// Two pseudo-terminals with names, and socat between them.
pub(crate) struct Pair {
    directory: TempDir,
    socat: Socat,
}

impl Pair {
    /// A cable with two plugs.
    pub(crate) fn new() -> Pair {
        let directory = TempDir::new().unwrap();
        let socat = Pair::plug_in(&directory);
        Pair { directory, socat }
    }

    /// Pulls the cable out.
    pub(crate) fn unplug(&mut self) {
        self.socat.end();
    }

    /// Plugs it in again, under the same names.
    pub(crate) fn plug_in_again(&mut self) {
        self.unplug();
        self.socat = Pair::plug_in(&self.directory);
    }

    /// The modem's plug.
    pub(crate) fn modem(&self) -> PathBuf {
        self.directory.path().join("modem")
    }

    /// The host's plug.
    pub(crate) fn host(&self) -> PathBuf {
        self.directory.path().join("host")
    }

    fn plug_in(directory: &TempDir) -> Socat {
        let end = |name: &str| format!("PTY,rawer,link={}", directory.path().join(name).display());
        Socat::start(&[&end("modem"), &end("host")])
    }
}

/// A socat that moves bytes.
pub(crate) struct Socat {
    child: Child,
    _log: Receiver<String>,
}

impl Socat {
    /// Starts it between two addresses, and waits until it moves bytes.
    pub(crate) fn start(addresses: &[&str]) -> Socat {
        let mut child = Command::new("socat")
            .args(["-d", "-d"])
            .args(addresses)
            .stderr(Stdio::piped())
            .spawn()
            .expect("these tests need socat: on Debian, apt-get install socat");
        let log = lines(child.stderr.take().unwrap());
        while !log.recv_timeout(LIMIT).expect("socat did not start").contains("starting data transfer loop") {}
        Socat { child, _log: log }
    }

    fn end(&mut self) {
        // In order, so that it takes its links away.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Drop for Socat {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a script of this directory with pyserial, and returns what it says.
pub(crate) fn session(url: &str, broker: u16) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/session.py");
    python(&[script.to_str().unwrap(), url, &broker.to_string()])
}

/// Opens a port so many times, as a host does that then waits for `+SIM READY`.
pub(crate) fn opens(url: &str, count: usize) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/opens.py");
    let said = python(&[script.to_str().unwrap(), url, &count.to_string()]);
    assert_eq!(said, format!("{count} of {count}\n"));
}

/// Runs these lines with a port, open as `port`, and returns what they print.
pub(crate) fn with_port(url: &str, lines: &str) -> String {
    let text =
        format!("import serial\nimport time\n\n{HELPERS}\nport = serial.serial_for_url({url:?}, timeout=20)\n{lines}");
    python(&["-c", &text])
}

/// What scripts use.
const HELPERS: &str = r#"
def read_to(end):
    read = port.read_until(end)
    assert read.endswith(end), read
    return read

def wait_until(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "it did not happen"
        # pyserial tells of a changed line only if it is asked.
        time.sleep(0.01)
"#;

fn python(arguments: &[&str]) -> String {
    let child = Command::new(interpreter())
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let Output { status, stdout, stderr } = receiver.recv_timeout(3 * LIMIT).unwrap_or_else(|_| {
        let _ = kill_process(pid, Signal::KILL);
        panic!("the script does not end");
    });
    let (said, complained) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}\n{complained}");
    said
}

/// A Python that has pyserial: Debian's, or another that comes first.
fn interpreter() -> &'static str {
    static FOUND: OnceLock<&str> = OnceLock::new();
    FOUND.get_or_init(|| {
        let has = |python: &&str| {
            let tried = Command::new(python).args(["-c", "import serial"]).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        let found = ["python3", "/usr/bin/python3"].into_iter().find(has);
        found.expect("these tests need pyserial: on Debian, apt-get install python3-serial")
    })
}
