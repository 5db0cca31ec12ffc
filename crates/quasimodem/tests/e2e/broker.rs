//! Brokers: mosquitto, aedes and the lab's own; and mosquitto's clients.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::LIMIT;
use crate::certificates::Files;
use crate::program::command;

/// A broker of one's own on a free port.
pub(crate) struct Broker {
    child: Child,
    port: u16,
    log: Receiver<String>,
    /// The lines of its log that somebody waited for.
    seen: RefCell<Vec<String>>,
    /// What its log says when somebody called `subscriber` has subscribed.
    subscribed: &'static str,
    stopping: Cell<bool>,
    _directory: Option<TempDir>,
}

/// Which broker.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Mosquitto,
    /// The npm package, in memory only.
    Aedes,
    Lab,
}

impl Broker {
    /// Starts a broker, and waits until it takes connections.
    pub(crate) fn start(kind: Kind) -> Broker {
        match kind {
            Kind::Lab => Broker::lab(&[]),
            Kind::Aedes => Broker::aedes(),
            // Between the choice of a port and mosquitto's use of it another test may take it.
            Kind::Mosquitto => {
                (0..10).find_map(|_| Broker::try_mosquitto()).expect("mosquitto did not start in ten attempts")
            }
        }
    }

    /// Starts a lab broker with these options.
    pub(crate) fn lab(options: &[&str]) -> Broker {
        let mut command = command(&["lab", "-v", "--at", "tcp:0", "--mqtt", "0"]);
        let mut child = spawn(command.args(options).stderr(Stdio::piped()));
        let log = lines(child.stderr.take().unwrap());
        let mut broker = Broker {
            child,
            port: 0,
            log,
            seen: RefCell::default(),
            subscribed: "broker: \"subscriber\" subscribed to",
            stopping: Cell::new(false),
            _directory: None,
        };
        let address = broker.wait_for("lab broker on 127.0.0.1:");
        broker.port = address.strip_suffix(", in memory only").unwrap().parse().unwrap();
        broker
    }

    /// Starts aedes, by Node.
    fn aedes() -> Broker {
        let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../aedes/node_modules");
        assert!(modules.is_dir(), "{} is missing; ./check puts it there", modules.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/aedes/broker.js");
        let mut child = spawn(
            Command::new("node").arg(script).env("NODE_PATH", modules).stdin(Stdio::null()).stderr(Stdio::piped()),
        );
        let log = lines(child.stderr.take().unwrap());
        let subscribed = "subscribed: subscriber";
        let (seen, stopping) = (RefCell::default(), Cell::new(false));
        let mut broker = Broker { child, port: 0, log, seen, subscribed, stopping, _directory: None };
        broker.port = broker.wait_for("aedes on 127.0.0.1:").parse().unwrap();
        broker
    }

    /// Starts mosquitto behind TLS, with this certificate and further lines of configuration.
    pub(crate) fn secured(certificate: &Files, options: &str) -> Broker {
        let options =
            format!("certfile {}\nkeyfile {}\n{options}", certificate.certificate.display(), certificate.key.display());
        (0..10).find_map(|_| Broker::try_mosquitto_with(&options)).expect("mosquitto did not start in ten attempts")
    }

    fn try_mosquitto() -> Option<Broker> {
        Broker::try_mosquitto_with("")
    }

    fn try_mosquitto_with(options: &str) -> Option<Broker> {
        let directory = TempDir::new().unwrap();
        let mut broker = Broker::mosquitto_with(free_port(), directory.path(), options)?;
        broker._directory = Some(directory);
        Some(broker)
    }

    /// Starts mosquitto at a port, with its state in a directory where an earlier one may have left it. `None` if the
    /// port is taken.
    pub(crate) fn mosquitto(port: u16, directory: &Path) -> Option<Broker> {
        Broker::mosquitto_with(port, directory, "")
    }

    fn mosquitto_with(port: u16, directory: &Path, options: &str) -> Option<Broker> {
        let config = directory.join("mosquitto.conf");
        let text = format!(
            // As root it would become another user, who may not write here.
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nlog_dest stderr\nlog_type all\n{options}\n",
            directory.display()
        );
        fs::write(&config, text).unwrap();
        let mut child = spawn(Command::new(MOSQUITTO).arg("-c").arg(&config).stderr(Stdio::piped()));
        let log = lines(child.stderr.take().unwrap());
        let subscribed = "Sending SUBACK to subscriber";
        let (seen, stopping) = (RefCell::default(), Cell::new(false));
        let broker = Broker { child, port, log, seen, subscribed, stopping, _directory: None };
        loop {
            match broker.log.recv_timeout(LIMIT) {
                Ok(line) if line.contains(" running") => return Some(broker),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("mosquitto neither started nor ended"),
            }
        }
    }

    /// Asks it to end in order, so that it writes down its state.
    pub(crate) fn begin_to_stop(&self) {
        self.stopping.set(true);
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) {
        if !self.is_stopping() {
            self.begin_to_stop();
        }
        self.child.wait().unwrap();
    }

    /// Where it listens on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Publishes a message with mosquitto_pub.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        assert!(self.try_publish(&["-q", "1", "-t", topic, "-m", payload]), "mosquitto_pub failed");
    }

    /// Runs mosquitto_pub with these options; whether it had success.
    pub(crate) fn try_publish(&self, options: &[&str]) -> bool {
        spawn(self.client("mosquitto_pub").args(options)).wait().unwrap().success()
    }

    /// Subscribes with mosquitto_sub, and waits until the broker has acknowledged it.
    pub(crate) fn subscribe(&self, topic: &str) -> Subscriber {
        self.subscribe_with(&["-C", "1", "-t", topic])
    }

    /// The same with these options.
    pub(crate) fn subscribe_with(&self, options: &[&str]) -> Subscriber {
        let limit = LIMIT.as_secs().to_string();
        let mut client = self.client("mosquitto_sub");
        client.args(["-i", "subscriber", "-W", &limit, "-F", "received %q %r %p"]).args(options).stdout(Stdio::piped());
        let mut child = spawn(&mut client);
        let output = lines(child.stdout.take().unwrap());
        // Its own word of it would stay in the buffer of its stdout.
        self.wait_for_subscriber();
        Subscriber { child, output }
    }

    /// Waits until the mosquitto_sub of a test has subscribed, or has come back to do so.
    pub(crate) fn wait_for_subscriber(&self) {
        self.wait_for(self.subscribed);
    }

    /// Waits for a line of its log that holds this, and returns what stands behind.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        let lines = self.lines_until(words);
        lines.last().and_then(|line| line.split_once(words)).unwrap().1.to_owned()
    }

    /// The lines of its log up to one that holds this.
    pub(crate) fn lines_until(&self, words: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.contains(words)) {
            lines.push(self.log.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{words:?} did not come")));
        }
        self.seen.borrow_mut().extend_from_slice(&lines);
        lines
    }

    /// How often mosquitto says that this client connected.
    pub(crate) fn connections(&self, client: &str) -> usize {
        let mut seen = self.seen.borrow_mut();
        seen.extend(self.log.try_iter());
        let name = format!(" as {client} (");
        seen.iter().filter(|line| line.contains("New client connected") && line.contains(&name)).count()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, and returns what its log says that nobody waited for.
    pub(crate) fn rest_of_log(mut self) -> String {
        end(&mut self.child);
        self.log.iter().collect::<Vec<_>>().join("\n")
    }

    /// Kills it: its connections end without a word of MQTT.
    pub(crate) fn kill(mut self) {
        end(&mut self.child);
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A mosquitto_sub that waits for messages.
pub(crate) struct Subscriber {
    child: Child,
    output: Receiver<String>,
}

impl Subscriber {
    /// The payload of the message.
    pub(crate) fn message(self) -> String {
        self.next()[4..].to_owned()
    }

    /// The next message: QoS, retain flag and payload.
    pub(crate) fn next(&self) -> String {
        let line = self.output.recv_timeout(LIMIT).expect("mosquitto_sub received nothing");
        line.strip_prefix("received ").unwrap().to_owned()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A port of 127.0.0.1 at which nothing listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The lines of a stream as they come, to its end.
pub(crate) fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    // The thread outlives a receiver that is dropped: a process whose output nobody reads would block.
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            panic!("{} is not installed, and these tests need it: ./check installs it", command.get_program().display())
        }
        _ => panic!("{}: {error}", command.get_program().display()),
    })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Debian puts it where only root's PATH leads.
const MOSQUITTO: &str = if cfg!(target_os = "linux") { "/usr/sbin/mosquitto" } else { "mosquitto" };
