//! A script in the making, as text.

use std::fmt::{Display, Write};
use std::sync::Arc;

use crate::script::{Mistake, Program};

/// Steps of a host, in the order in which they are written.
#[derive(Default)]
pub(super) struct Draft {
    text: String,
    /// The seconds that count for each wait from here on.
    within: u64,
}

/// Seconds for a final result: longer than a host may be stopped or away, since one that gives up waiting for a prompt
/// would type a line as data.
pub(super) const PATIENT: u64 = 90;

impl Draft {
    /// What hosts share.
    pub(super) fn program(&self) -> Result<Arc<Program>, Mistake> {
        Program::parse(&self.text, &[]).map(Arc::new)
    }

    /// Types a line and waits for its final result. There MUST be no dollar sign and no control character in it.
    pub(super) fn command(&mut self, line: impl Display) {
        self.within(PATIENT);
        self.line(format_args!("> {line}"));
    }

    /// The same, and types data once the modem asks for it.
    pub(super) fn data(&mut self, line: impl Display, data: &[u8]) {
        self.command(line);
        self.text.push_str(">> ");
        for &byte in data {
            let _ = match byte {
                b'\\' | b'$' => write!(self.text, "\\x{byte:02x}"),
                0x20..0x7f => write!(self.text, "{}", char::from(byte)),
                _ => write!(self.text, "\\x{byte:02x}"),
            };
        }
        self.text.push('\n');
    }

    /// Types bytes, with the escapes of `>>`, and waits for nothing.
    pub(super) fn send(&mut self, bytes: impl Display) {
        // Right below a command they would be its data.
        self.wait(1);
        self.line(format_args!(">> {bytes}"));
    }

    /// Waits for a line, so many seconds.
    pub(super) fn expect(&mut self, seconds: u64, line: impl Display) {
        self.within(seconds);
        self.line(format_args!("< {line}"));
    }

    /// Does nothing for so many milliseconds.
    pub(super) fn wait(&mut self, millis: usize) {
        self.line(format_args!("wait {millis}ms"));
    }

    /// Types a line whenever one comes that begins so.
    pub(super) fn whenever(&mut self, beginning: &str, line: &str) {
        self.within(PATIENT);
        self.line(format_args!("on < {beginning}$_\n  > {line}\nend"));
    }

    /// Reads messages when they are told.
    pub(super) fn read_what_comes(&mut self) {
        for client in [1, 2] {
            self.whenever(&format!("+MQTTMSGI: {client},"), &format!("AT+MQTTREAD={client}"));
        }
    }

    /// Gives each wait from here on so many seconds, to the end of the block.
    pub(super) fn within(&mut self, seconds: u64) {
        if self.within != seconds {
            self.within = seconds;
            self.line(format_args!("within {seconds}s"));
        }
    }

    /// Another line.
    pub(super) fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.text, "{line}");
    }
}
