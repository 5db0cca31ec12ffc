//! A client of control, as small as one can be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::LIMIT;
use crate::program::{Program, command};

/// Where control of a run answers.
pub(crate) struct Api {
    address: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }
}

/// A lab with control, and its modem at a TCP port.
pub(crate) fn lab(options: &[&str]) -> (Program, Api) {
    lab_at("tcp:0", "0", options)
}

/// A lab whose modem and control are there.
pub(crate) fn lab_at(at: &str, control: &str, options: &[&str]) -> (Program, Api) {
    let mut command = command(&["lab", "--mqtt", "0", "--at", at, "--control", control]);
    command.args(options);
    let mut program = Program::start_after(command, "control at http://");
    let address = program.place().split('/').next().unwrap().to_owned();
    program.wait_ready();
    (program, Api { address })
}

impl Api {
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Sends JSON.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("Content-Type", "application/json")], body)
    }

    /// Sends exactly these headers beside the length, and the usual Host unless there is one.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = self.open(method, path, headers, body);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), text: text.into() }
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut request = format!("{method} /api/v1{path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.address);
        }
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Follows events from behind this one.
    pub(crate) fn follow(&self, since: u64) -> impl Iterator<Item = Value> + use<> {
        let since = since.to_string();
        let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", &*since)];
        let lines = BufReader::new(self.open("GET", "/events", &headers, "")).lines();
        lines.map_while(Result::ok).filter_map(|line| {
            // Chunks of HTTP have lines of their own.
            serde_json::from_str(line.strip_prefix("data: ")?).ok()
        })
    }
}
