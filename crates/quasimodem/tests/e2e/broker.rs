//! Mosquitto, and its clients.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use tempfile::TempDir;

use crate::LIMIT;

/// A mosquitto of one's own on a free port.
pub(crate) struct Broker {
    child: Child,
    port: u16,
    log: Receiver<String>,
    _directory: TempDir,
}

impl Broker {
    /// Starts mosquitto, and waits until it takes connections.
    pub(crate) fn start() -> Broker {
        // Between the choice of a port and mosquitto's use of it another test may take it.
        (0..10).find_map(|_| Broker::try_start()).expect("mosquitto did not start in ten attempts")
    }

    fn try_start() -> Option<Broker> {
        let port = free_port();
        let directory = TempDir::new().unwrap();
        let config = directory.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n"
        );
        fs::write(&config, text).unwrap();
        let mut child = spawn(Command::new(MOSQUITTO).arg("-c").arg(&config).stderr(Stdio::piped()));
        let log = lines(child.stderr.take().unwrap());
        let broker = Broker { child, port, log, _directory: directory };
        loop {
            match broker.log.recv_timeout(LIMIT) {
                Ok(line) if line.contains(" running") => return Some(broker),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("mosquitto neither started nor ended"),
            }
        }
    }

    /// Where it listens on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Publishes a message with mosquitto_pub.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        let mut client = spawn(self.client("mosquitto_pub").args(["-q", "1", "-t", topic, "-m", payload]));
        assert!(client.wait().unwrap().success(), "mosquitto_pub failed");
    }

    /// Subscribes with mosquitto_sub, and waits until the broker has acknowledged it.
    pub(crate) fn subscribe(&self, topic: &str) -> Subscriber {
        let limit = LIMIT.as_secs().to_string();
        let mut client = self.client("mosquitto_sub");
        client
            .args(["-i", "subscriber", "-C", "1", "-W", &limit, "-t", topic, "-F", "received %p"])
            .stdout(Stdio::piped());
        let mut child = spawn(&mut client);
        let output = lines(child.stdout.take().unwrap());
        // Its own word of it would stay in the buffer of its stdout.
        while !self.log.recv_timeout(LIMIT).expect("nobody subscribed").contains("Sending SUBACK to subscriber") {}
        Subscriber { child, output }
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

/// A mosquitto_sub that waits for one message.
pub(crate) struct Subscriber {
    child: Child,
    output: Receiver<String>,
}

impl Subscriber {
    /// The payload of the message.
    pub(crate) fn message(self) -> String {
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
        io::ErrorKind::NotFound => panic!(
            "{} is not installed, and these tests need it: on Debian, apt-get install mosquitto mosquitto-clients",
            command.get_program().display()
        ),
        _ => panic!("{}: {error}", command.get_program().display()),
    })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Debian puts it where only root's PATH leads.
const MOSQUITTO: &str = if cfg!(target_os = "linux") { "/usr/sbin/mosquitto" } else { "mosquitto" };
