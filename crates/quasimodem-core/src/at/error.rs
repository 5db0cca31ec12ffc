//! Why a command is refused, and what the host reads of it.

use core::fmt;
use core::time::Duration;

use super::host::NotAHost;
use crate::cloud::Flaw;
use crate::mqtt::connack_words;
use crate::radio::Sim;
use crate::sn::ReturnCode;

/// A refused command and the reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The name of the command; empty where the line names none that exists.
    pub command: &'static str,
    /// The reason.
    pub problem: Problem,
}

/// Why a command is answered with an error. Names in it are the manual's names of parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// No such command.
    UnknownCommand,
    /// It is answered like this by configuration, with the number of a `+CME ERROR`.
    Configured(Option<u16>),
    /// A fault that was asked for answers it like this, with the number of a `+CME ERROR`.
    Fault(Option<u16>),
    /// The model does not have the command.
    NotOnThisModel,
    /// The command does not have this form (`=`, `?`, `=?` or none).
    NoSuchForm,
    /// The line was longer than this many bytes.
    LineTooLong(usize),
    /// `A/` without a line that could be repeated.
    NothingToRepeat,
    /// A parameter is missing.
    Missing(&'static str),
    /// Something stands behind the last parameter.
    TooManyParameters,
    /// A number was expected.
    NotANumber(&'static str),
    /// The number is outside of these bounds.
    OutOfRange(&'static str, u32, u32),
    /// The number names a client that the model does not have, or that the command is not for.
    NoSuchClient,
    /// A quote does not close, or something stands behind the one that closes.
    BadQuotes(&'static str),
    /// `“` or `”` stands where `"` is due.
    CurlyQuotes(&'static str),
    /// The text is empty.
    Empty(&'static str),
    /// The text is longer than this many bytes.
    TooLong(&'static str, usize),
    /// The text is not UTF-8, or holds NUL.
    NotText(&'static str),
    /// Not a topic name: it holds a wildcard (MQTT 4.7.1).
    BadTopicName(&'static str),
    /// Not a topic filter: `#` or `+` shares a level, or `#` is not the last (MQTT 4.7.1).
    BadTopicFilter(&'static str),
    /// Not the name or address of a peer.
    NotAHost(&'static str, NotAHost),
    /// The text is none of these words.
    NotOneOf(&'static str, &'static [&'static str]),
    /// The model does not offer this value.
    NotOffered(&'static str),
    /// TLS is not available.
    NoTls,
    /// MQTT-SN has no TLS.
    NoDtls,
    /// The client is connected or being connected.
    AlreadyOpen,
    /// Another registration at a cloud is under way.
    Busy,
    /// The client is not connected.
    NotConnected,
    /// So many packets wait for their acknowledgement already.
    TooManyInFlight(u16),
    /// So many messages wait to be read or acknowledged that there is no room for another.
    NoMemory,
    /// The connection has so many topic names already.
    TooManyNames(usize),
    /// The host was shown this topic id, but the name that it stood for had to make room for others.
    LostTopicId(u16),
    /// The network does not take more bytes at the moment.
    LinkFull,
    /// Of the raw data only so many bytes of so many came within this time.
    NoData(usize, usize, Duration),
    /// The file can't be used for TLS; `AT+CEER` says why.
    BadFile,
    /// The line DTR fell when so many bytes of so many of the raw data had come.
    DtrFell(usize, usize),
    /// A name could not be looked up.
    NotResolved,
    /// The broker refused the connection with this CONNACK return code.
    ConnectRefused(u8),
    /// What was given is not what the cloud's formula needs.
    Cloud(Flaw),
    /// What the cloud needs is longer than `+MQTTUSER` takes of this parameter, in bytes.
    TooLongForUser(&'static str, usize),
    /// Not `yy/MM/dd,hh:mm:ss±zz` (27.007 8.15), or no such time.
    NotATime(&'static str),
    /// Satellite navigation is off.
    NoReceiver,
    /// The wall clock is not set.
    NoClock,
    /// The gateway refused the connection with this CONNACK return code.
    ConnectRejected(ReturnCode),
    /// The SIM card is not ready.
    Sim(Sim),
    /// Not registered to a network.
    NotRegistered,
    /// No data call.
    NoDataCall,
}

/// A `+CME ERROR` of 27.007 9.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cme {
    /// `<err>` with `AT+CMEE=1`.
    pub code: u16,
    /// `<err>` with `AT+CMEE=2`.
    pub text: &'static str,
}

impl Problem {
    /// What the host is told with `+CME ERROR`; `None`: always plain `ERROR`.
    pub const fn cme(self) -> Option<Cme> {
        let (code, text) = match self {
            Problem::Configured(code) | Problem::Fault(code) => {
                let Some(code) = code else { return None };
                return Some(Cme { code, text: "configured error" });
            }
            Problem::UnknownCommand | Problem::NotOnThisModel | Problem::LineTooLong(_) | Problem::NothingToRepeat => {
                return None;
            }
            Problem::AlreadyOpen
            | Problem::Busy
            | Problem::NotConnected
            | Problem::TooManyInFlight(_)
            | Problem::LinkFull
            | Problem::ConnectRejected(_)
            | Problem::NotResolved
            | Problem::NoClock
            | Problem::NoReceiver
            | Problem::NoData(..)
            | Problem::DtrFell(..) => (3, "operation not allowed"),
            Problem::NotOffered(_) | Problem::NoTls | Problem::NoDtls | Problem::NoSuchForm => {
                (4, "operation not supported")
            }
            Problem::ConnectRefused(code) => {
                return Some(Cme { code: 699 + code as u16, text: connack_words(code) });
            }
            Problem::NoMemory | Problem::TooManyNames(_) => (20, "memory full"),
            Problem::Sim(sim) => sim.error(),
            Problem::NotRegistered => (30, "no network service"),
            Problem::NoDataCall => (148, "unspecified GPRS error"),
            Problem::Missing(_)
            | Problem::TooManyParameters
            | Problem::NotANumber(_)
            | Problem::OutOfRange(..)
            | Problem::NoSuchClient
            | Problem::BadQuotes(_)
            | Problem::CurlyQuotes(_)
            | Problem::Empty(_)
            | Problem::TooLong(..)
            | Problem::NotText(_)
            | Problem::NotATime(_)
            | Problem::NotOneOf(..)
            | Problem::NotAHost(..)
            | Problem::BadFile
            | Problem::Cloud(_)
            | Problem::TooLongForUser(..)
            | Problem::BadTopicName(_)
            | Problem::LostTopicId(_)
            | Problem::BadTopicFilter(_) => (50, "incorrect parameters"),
        };
        Some(Cme { code, text })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.command.is_empty() { self.problem.fmt(f) } else { write!(f, "{}: {}", self.command, self.problem) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Problem::Configured(_) => f.write_str("answered as configured"),
            Problem::Fault(_) => f.write_str("refused by a fault"),
            Problem::UnknownCommand => f.write_str("unknown command"),
            Problem::NotOnThisModel => f.write_str("this model does not have it"),
            Problem::NoSuchForm => f.write_str("it does not have this form"),
            Problem::LineTooLong(max) => write!(f, "the line is longer than {max} bytes"),
            Problem::NothingToRepeat => f.write_str("there is no line to repeat, or it was too long to be kept"),
            Problem::Missing(name) => write!(f, "<{name}> is missing"),
            Problem::TooManyParameters => f.write_str("unexpected text after the last parameter"),
            Problem::NotANumber(name) => write!(f, "<{name}> is not a number"),
            Problem::OutOfRange(name, min, max) => write!(f, "<{name}> is not within {min} to {max}"),
            Problem::NoSuchClient => f.write_str("no such client id"),
            Problem::BadQuotes(name) => write!(f, "<{name}> has unbalanced quotes"),
            Problem::CurlyQuotes(name) => write!(f, "<{name}> uses curly quotes, use \" instead"),
            Problem::Empty(name) => write!(f, "<{name}> is empty"),
            Problem::TooLong(name, max) => write!(f, "<{name}> is longer than {max} bytes"),
            Problem::NotText(name) => write!(f, "<{name}> is not UTF-8 without NUL"),
            Problem::BadTopicName(name) => write!(f, "<{name}> holds a wildcard"),
            Problem::BadTopicFilter(name) => write!(f, "<{name}> is not a topic filter"),
            Problem::NotAHost(name, what) => write!(f, "<{name}> {what}"),
            Problem::NotOneOf(name, words) => {
                write!(f, "<{name}> is none of")?;
                words.iter().try_for_each(|word| write!(f, " {word}"))
            }
            Problem::NotOffered(name) => write!(f, "this model does not offer this <{name}>"),
            Problem::NoTls => f.write_str("TLS is not available"),
            Problem::NoDtls => f.write_str("MQTT-SN has no TLS"),
            Problem::AlreadyOpen => f.write_str("the client is open already"),
            Problem::Busy => f.write_str("another registration is under way"),
            Problem::NotConnected => f.write_str("the client is not connected"),
            Problem::TooManyInFlight(max) => write!(f, "{max} packets wait for their acknowledgement already"),
            Problem::NoMemory => f.write_str("too many messages wait to be read or acknowledged"),
            Problem::TooManyNames(max) => write!(f, "the connection has {max} topic names already"),
            Problem::LostTopicId(id) => {
                write!(f, "the name that topic id {id} stood for had to make room for others; write the name itself")
            }
            Problem::LinkFull => f.write_str("the network does not take more bytes at the moment"),
            Problem::NotResolved => f.write_str("the name can't be looked up"),
            Problem::ConnectRefused(code) => write!(f, "refused by the broker: {}", connack_words(code)),
            Problem::ConnectRejected(code) => write!(f, "refused by the gateway: {code}"),
            Problem::DtrFell(..) => f.write_str("DTR fell before the data was complete"),
            Problem::NoData(came, of, time) => {
                write!(f, "the data did not come in time: {came} of {of} bytes came in {} s", time.as_secs())
            }
            Problem::BadFile => f.write_str("the data can't be used"),
            Problem::Cloud(flaw) => flaw.fmt(f),
            Problem::TooLongForUser(name, max) => {
                write!(f, "<{name}> would be longer than the {max} bytes that +MQTTUSER takes on this model")
            }
            Problem::NotATime(name) => write!(f, "<{name}> is not a time like 26/07/20,06:51:36+00"),
            Problem::NoReceiver => f.write_str("satellite navigation is off: AT+GTGPSPOWER=1 switches it on"),
            Problem::NoClock => f.write_str("the wall clock is not set, and this needs the time"),
            Problem::Sim(sim) => f.write_str(sim.words()),
            Problem::NotRegistered => f.write_str("not registered to a network"),
            Problem::NoDataCall => f.write_str("no data call"),
        }
    }
}
