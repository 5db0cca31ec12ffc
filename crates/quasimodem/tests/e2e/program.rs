//! The program under test.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::LIMIT;
use crate::broker::lines;

/// A running `quasimodem`.
pub(crate) struct Program {
    child: Child,
    stderr: Receiver<String>,
    place: String,
}

/// How the program ended.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts `quasimodem run` with a serial end, and waits until the modem is ready.
    pub(crate) fn run(at: impl AsRef<OsStr>) -> Program {
        Program::run_with(at, &[])
    }

    /// The same with further options.
    pub(crate) fn run_with(at: impl AsRef<OsStr>, options: &[&str]) -> Program {
        let mut command = command(&[OsStr::new("run"), OsStr::new("-vv"), OsStr::new("--at"), at.as_ref()]);
        command.args(options);
        Program::start(command)
    }

    /// Starts it with stdin and stdout of the caller's choice.
    pub(crate) fn start(command: Command) -> Program {
        Program::start_after(command, "modem ready on ")
    }

    /// Starts it, and waits until it has said this; the place is what stands behind.
    pub(crate) fn start_after(mut command: Command, words: &str) -> Program {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = lines(child.stderr.take().unwrap());
        let mut program = Program { child, stderr, place: String::new() };
        program.place = program.wait_for(words);
        program
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where the modem said it is, such as `tcp 127.0.0.1:41234`.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The path or address of its serial end.
    pub(crate) fn address(&self) -> &str {
        self.place.rsplit(' ').next().unwrap()
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Waits until the modem is ready, where its place is from then on.
    pub(crate) fn wait_ready(&mut self) {
        self.place = self.wait_for("modem ready on ");
    }

    /// Waits for a line on stderr that holds this, and returns what stands behind.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let mut before = String::new();
        // A program may go on for ever about something else.
        let end = Instant::now() + 2 * LIMIT;
        loop {
            match self.stderr.recv_timeout(LIMIT.min(end.saturating_duration_since(Instant::now()))) {
                Ok(line) => {
                    if let Some((_, rest)) = line.split_once(words) {
                        return rest.to_owned();
                    }
                    before += &format!("\n{line}");
                }
                Err(error) => panic!("{words:?} did not come on stderr ({error}):{before}"),
            }
        }
    }

    /// The next lines on stderr.
    pub(crate) fn lines(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.stderr.recv_timeout(LIMIT).expect("too few lines on stderr")).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut said = String::new();
        loop {
            // The program is the only one that holds its stderr.
            match self.stderr.recv_timeout(LIMIT) {
                Ok(line) => said += &format!("\n{line}"),
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program does not end:{said}"),
            }
        }
    }

    /// Asks it to end, and checks that it does so in order.
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end, with this on its stdin.
pub(crate) fn run_to_end(arguments: &[&str], stdin: &str) -> Outcome {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut pipe, stdin) = (child.stdin.take().unwrap(), stdin.to_owned());
    // Beside the reading of what comes out. A program that ends at once does not read.
    thread::spawn(move || pipe.write_all(stdin.as_bytes()));
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let output = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| {
        let _ = kill_process(pid, Signal::KILL);
        panic!("{arguments:?} does not end");
    });
    Outcome {
        code: output.status.code(),
        // What came from a network may be anything.
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The program with these arguments.
pub(crate) fn command<T: AsRef<OsStr>>(arguments: &[T]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quasimodem"));
    command.args(arguments);
    command
}
