//! A host program: it types, and knows byte by byte what it wants to read.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::LIMIT;

/// What the modem tells each host that comes.
pub(crate) const GREETING: &str = "\r\n+SIM READY\r\n";

/// A host at a PTY or a TCP port.
pub(crate) struct Host {
    port: OwnedFd,
    /// What came and was not expected yet.
    unread: Vec<u8>,
    /// All that went to and fro, for the report of a failure.
    record: String,
}

impl Host {
    /// Opens a serial port, and is greeted.
    pub(crate) fn open(path: impl AsRef<Path>) -> Host {
        Host::join(path).greeted()
    }

    /// Opens a serial port that another host has open.
    pub(crate) fn join(path: impl AsRef<Path>) -> Host {
        // The flags are i32 in std and u32 in rustix.
        let no_terminal = OFlags::NOCTTY.bits().cast_signed();
        let file = OpenOptions::new().read(true).write(true).custom_flags(no_terminal).open(path).unwrap();
        Host::new(file.into())
    }

    /// Connects to a TCP port, and is greeted.
    pub(crate) fn connect(address: &str) -> Host {
        Host::knock(address).greeted()
    }

    /// Connects to a TCP port that another host has.
    pub(crate) fn knock(address: &str) -> Host {
        Host::new(TcpStream::connect(address).unwrap().into())
    }

    /// Uses an open port.
    pub(crate) fn new(port: OwnedFd) -> Host {
        fcntl_setfl(&port, OFlags::NONBLOCK).unwrap();
        Host { port, unread: Vec::new(), record: String::new() }
    }

    /// Reads what the modem tells each host that comes.
    pub(crate) fn greeted(mut self) -> Host {
        self.expect(GREETING);
        self
    }

    /// Types a line.
    pub(crate) fn send(&mut self, line: &str) {
        self.write(format!("{line}\r").as_bytes());
    }

    /// Types a line that is answered with its echo and `OK`.
    pub(crate) fn command(&mut self, line: &str) {
        self.send(line);
        self.expect(&format!("{line}\r\nOK\r\n"));
    }

    /// Loads a file by AT+GTSSLFILE.
    pub(crate) fn load(&mut self, file: &str, pem: &str) {
        self.type_file(file, pem);
        self.expect("\r\nOK\r\n");
    }

    /// The same without its result.
    pub(crate) fn type_file(&mut self, file: &str, pem: &str) {
        let line = format!("AT+GTSSLFILE=\"{file}\",{}", pem.len());
        self.send(&line);
        self.expect(&format!("{line}\r\n> \r\n"));
        self.write(pem.as_bytes());
    }

    /// Reads exactly this.
    pub(crate) fn expect(&mut self, text: &str) {
        while self.unread.len() < text.len() && text.as_bytes().starts_with(&self.unread) {
            assert!(self.read(), "the port ended before {text:?} came:{}", self.record);
        }
        assert!(self.unread.starts_with(text.as_bytes()), "expected {text:?}:{}", self.record);
        self.unread.drain(..text.len());
    }

    /// Reads the next line that is not empty.
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|end| end == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).take(end).collect();
                if !line.is_empty() {
                    return String::from_utf8(line).unwrap();
                }
            } else {
                assert!(self.read(), "the port ended before a line did:{}", self.record);
            }
        }
    }

    /// Reads exactly these, in the order in which they come.
    pub(crate) fn expect_in_any_order(&mut self, texts: &[&str]) {
        let mut due = texts.to_vec();
        let whole = self.take(texts.iter().map(|text| text.len()).sum());
        let mut rest = whole.as_str();
        while let Some(index) = due.iter().position(|text| rest.starts_with(text)) {
            rest = &rest[due.remove(index).len()..];
        }
        assert!(due.is_empty(), "expected {due:?}:{}", self.record);
    }

    /// Reads so many bytes, which must be text.
    pub(crate) fn take(&mut self, count: usize) -> String {
        while self.unread.len() < count {
            assert!(self.read(), "the port ended too soon:{}", self.record);
        }
        String::from_utf8(self.unread.drain(..count).collect()).unwrap()
    }

    /// Waits until there is something to read, and leaves it unread.
    pub(crate) fn wait_readable(&self) {
        self.wait(PollFlags::IN);
    }

    /// Writes the same line until the port takes no more.
    pub(crate) fn flood(&mut self, line: &str) {
        let lines = format!("{line}\r").repeat(100);
        for _ in 0..100_000 {
            match rustix::io::write(&self.port, lines.as_bytes()) {
                Ok(_) => {}
                Err(Errno::AGAIN) => return,
                Err(error) => panic!("can't write: {error}"),
            }
        }
        panic!("the port takes anything");
    }

    /// Over TCP: says that nothing more will be typed.
    pub(crate) fn finish(&mut self) {
        TcpStream::from(self.port.try_clone().unwrap()).shutdown(Shutdown::Write).unwrap();
    }

    /// Reads that the other side closed, and nothing else.
    pub(crate) fn expect_end(mut self) {
        let ended = !self.read();
        assert!(ended && self.unread.is_empty(), "expected the end:{}", self.record);
    }

    /// Writes these bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        self.record += &format!("\n> {:?}", String::from_utf8_lossy(bytes));
        while !bytes.is_empty() {
            self.wait(PollFlags::OUT);
            let count = rustix::io::write(&self.port, bytes).unwrap();
            bytes = &bytes[count..];
        }
    }

    /// Reads what there is, at least one byte; `false` at the end.
    fn read(&mut self) -> bool {
        self.wait(PollFlags::IN);
        let mut bytes = [0; 4096];
        let count = match rustix::io::read(&self.port, &mut bytes) {
            Ok(count) => count,
            Err(Errno::IO) => 0,
            Err(error) => panic!("can't read: {error}:{}", self.record),
        };
        let bytes = &bytes[..count];
        self.record += &format!("\n< {:?}", String::from_utf8_lossy(bytes));
        self.unread.extend_from_slice(bytes);
        count > 0
    }

    fn wait(&self, flags: PollFlags) {
        let end = Instant::now() + LIMIT;
        let mut polled = [PollFd::new(&self.port, flags)];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match poll(&mut polled, Some(&left.try_into().unwrap())) {
                Ok(0) => panic!("nothing happens any more:{}", self.record),
                Ok(_) => return,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
            }
        }
    }
}
