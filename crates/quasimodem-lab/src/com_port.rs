//! A serial port over telnet (RFC 2217), the server's side, as a filter without I/O: what the client sends goes in, the
//! host's bytes and what is to be answered come out.
//!
//! ```
//! use quasimodem_lab::com_port::{ComPort, Event};
//!
//! let mut port = ComPort::new("example");
//! let (mut data, mut wire) = (Vec::new(), Vec::new());
//! // Data, the escaped byte 255, and SET-CONTROL: DTR off.
//! let mut bytes = &b"AT\xff\xff\xff\xfa\x2c\x05\x09\xff\xf0"[..];
//! assert_eq!(port.take(&mut bytes, &mut data, &mut wire), Some(Event::Dtr(false)));
//! assert_eq!((&data[..], &wire[..]), (&b"AT\xff"[..], &b"\xff\xfa\x2c\x69\x09\xff\xf0"[..]));
//! ```

mod control;
mod options;

use control::Port;
use options::{Options, Side};

/// The telnet connection of one client, and the port as the client set it.
#[derive(Debug)]
pub struct ComPort {
    options: Options,
    port: Port,
    state: State,
    /// The subnegotiation at hand, without its frame.
    sub: Vec<u8>,
    /// The last byte of data was a carriage return: an NVT has a NUL or a line feed behind it (RFC 854).
    cr: Ends,
}

/// Something that the client wants of the port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It switched the line DTR.
    Dtr(bool),
    /// It set the rate or the frame; [`ComPort::rate`] tells.
    Settings,
    /// What waits to be sent to the client is to be thrown away.
    PurgeOutput,
    /// What the client sent and nobody took yet is to be thrown away.
    PurgeInput,
    /// Both.
    PurgeBoth,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Data,
    /// Behind IAC.
    Command,
    /// Behind `WILL`, `WONT`, `DO` or `DONT`.
    Option(u8),
    /// In a subnegotiation.
    Sub,
    /// In one, behind IAC.
    SubCommand,
    /// In one that is longer than [`SUB_MAX`]: it is dropped.
    Overlong,
    OverlongCommand,
}

#[derive(Clone, Copy, Default, Debug)]
struct Ends {
    input: bool,
    output: bool,
}

impl ComPort {
    /// A port for a new client, which may ask for the signature.
    pub fn new(signature: &'static str) -> ComPort {
        ComPort {
            options: Options::default(),
            port: Port::new(signature),
            state: State::Data,
            sub: Vec::new(),
            cr: Ends::default(),
        }
    }

    /// What is said to a client that just came.
    pub fn greet(&mut self, wire: &mut Vec<u8>) {
        self.options.ask(wire);
    }

    /// Takes bytes of the client until it wants something, or all. The host's bytes are put behind `data`, answers behind
    /// `wire`: at most [`ANSWER_MAX`] bytes for each of the client's.
    pub fn take(&mut self, bytes: &mut &[u8], data: &mut Vec<u8>, wire: &mut Vec<u8>) -> Option<Event> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.state == State::Data && !self.cr.input {
                let run = bytes.iter().position(|byte| matches!(*byte, IAC | CR)).unwrap_or(bytes.len());
                if run > 0 {
                    let (plain, rest) = bytes.split_at(run);
                    data.extend_from_slice(plain);
                    *bytes = rest;
                    continue;
                }
            }
            *bytes = rest;
            let event = self.take_byte(byte, data, wire);
            if event.is_some() {
                return event;
            }
        }
        None
    }

    fn take_byte(&mut self, byte: u8, data: &mut Vec<u8>, wire: &mut Vec<u8>) -> Option<Event> {
        match self.state {
            State::Data if byte == IAC => self.state = State::Command,
            State::Data => {
                let after_cr = std::mem::replace(&mut self.cr.input, byte == CR && !self.options.binary(Side::Client));
                if !(after_cr && byte == 0) {
                    data.push(byte);
                }
            }
            State::Command => {
                self.state = State::Data;
                match byte {
                    IAC => {
                        self.cr.input = false;
                        data.push(IAC);
                    }
                    SB => {
                        self.sub.clear();
                        self.state = State::Sub;
                    }
                    WILL | WONT | DO | DONT => self.state = State::Option(byte),
                    // The others, a break among them, mean nothing to a modem.
                    _ => {}
                }
            }
            State::Option(verb) => {
                self.state = State::Data;
                if self.options.hear(verb, byte, wire) {
                    self.port.notify_modem_state(wire);
                }
            }
            State::Sub if byte == IAC => self.state = State::SubCommand,
            State::Overlong if byte == IAC => self.state = State::OverlongCommand,
            State::Sub => self.put_sub(byte),
            State::Overlong => {}
            State::SubCommand | State::OverlongCommand => match byte {
                IAC if self.state == State::SubCommand => {
                    self.state = State::Sub;
                    self.put_sub(IAC);
                }
                IAC => self.state = State::Overlong,
                SE => {
                    let whole = std::mem::replace(&mut self.state, State::Data) == State::SubCommand;
                    if whole && let Some((&COM_PORT, request)) = self.sub.split_first() {
                        return self.port.hear(request, wire);
                    }
                }
                // A subnegotiation that another command cuts off is none.
                _ => {
                    self.state = State::Command;
                    return self.take_byte(byte, data, wire);
                }
            },
        }
        None
    }

    fn put_sub(&mut self, byte: u8) {
        if self.sub.len() < SUB_MAX {
            self.sub.push(byte);
        } else {
            self.state = State::Overlong;
        }
    }

    /// Puts bytes for the client behind `wire`, in telnet's writing.
    pub fn put(&mut self, data: &[u8], wire: &mut Vec<u8>) {
        let binary = self.options.binary(Side::Server);
        for &byte in data {
            if std::mem::take(&mut self.cr.output) && byte != LF {
                wire.push(0);
            }
            self.cr.output = byte == CR && !binary;
            wire.push(byte);
            if byte == IAC {
                wire.push(IAC);
            }
        }
    }

    /// Whether the client wants no data at the moment.
    pub fn is_suspended(&self) -> bool {
        self.port.suspended
    }

    /// The line RTS, as the client set it.
    pub fn rts(&self) -> bool {
        self.port.rts
    }

    /// Bits a second, as the client set them; `None` before it did.
    pub fn rate(&self) -> Option<u32> {
        self.port.rate
    }

    /// Switches the data carrier detect line, and tells the client.
    pub fn set_dcd(&mut self, on: bool, wire: &mut Vec<u8>) {
        self.port.set_modem_state(control::CD, on, self.options.com_port(), wire);
    }

    /// Switches the ring indicator, and tells the client.
    pub fn set_ri(&mut self, on: bool, wire: &mut Vec<u8>) {
        self.port.set_modem_state(control::RI, on, self.options.com_port(), wire);
    }

    /// Tells the client how the lines are.
    pub fn tell_lines(&mut self, wire: &mut Vec<u8>) {
        if self.options.com_port() {
            self.port.notify_modem_state(wire);
        }
    }

    /// Tells the client, if it wants to know, that bytes for it were lost.
    pub fn overrun(&mut self, wire: &mut Vec<u8>) {
        if self.options.com_port() {
            self.port.notify_overrun(wire);
        }
    }
}

/// Bytes that are answered to one of the client at most: to the last one of a subnegotiation that asks for the signature.
pub const ANSWER_MAX: usize = 64;

/// Bytes of a subnegotiation that are looked at; RFC 2217 has none longer but for a client's signature.
const SUB_MAX: usize = 64;

const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// RFC 2217: COM-PORT-OPTION.
const COM_PORT: u8 = 44;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
