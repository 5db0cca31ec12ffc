//! Why a connection or a command failed, for `AT+CEER`, `+MQTTBREAK` and notes.

use alloc::boxed::Box;
use core::fmt;

use crate::at::NotAHost;
use crate::client_id::ClientId;
use crate::cloud::{BadAnswer, BadHttp};
use crate::mqtt::{TooLarge, Violation, connack_words};
use crate::net::Why;
use crate::radio::Sim;
use crate::sn::ReturnCode;
use crate::visible::Foreign;

/// Why a connection failed or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The link below it.
    Link(Why),
    /// The peer ended or reset the link before it answered the CONNECT, which was sent without TLS, or over it.
    NoConnack {
        /// Not in order.
        reset: bool,
        /// Without TLS.
        plain: bool,
    },
    /// The peer answered a CONNECT with a record of TLS.
    SpeaksTls,
    /// The broker ended or reset an open connection of this client id without a word, as brokers do when another client
    /// takes it over.
    Unexplained {
        /// Not in order.
        reset: bool,
        /// Whom the broker knows the connection as.
        client_id: Box<str>,
    },
    /// The broker did not answer a PINGREQ in time.
    NoPingResponse,
    /// The link was not open, or a request not answered, within the time of the command.
    NoAnswer,
    /// The peer did not answer the CONNECT within the time of the command.
    ConnackLate {
        /// Without TLS.
        plain: bool,
    },
    /// The broker broke a rule of the standard.
    Violation(Violation),
    /// The broker sent a message that the modem does not take.
    TooLarge(TooLarge),
    /// The broker refused with this CONNACK return code.
    Refused(u8),
    /// The gateway did not answer a PINGREQ, however often it was asked.
    GatewaySilent,
    /// The gateway refused with this CONNACK return code.
    Rejected(ReturnCode),
    /// The gateway sent a DISCONNECT, as it does if it does not know a client any more, or if another takes it over.
    Disconnected {
        /// Whom the gateway knew the connection as.
        client_id: Box<str>,
    },
    /// This client of the same modem connected to the same broker with the same client id.
    TakenOver(ClientId),
    /// The data call ended.
    NoDataCall,
    /// The modem lost its registration.
    NotRegistered,
    /// The SIM card is not ready.
    Sim(Sim),
    /// The broker did not grant a subscription.
    NotGranted,
    /// The raw data that a command asked for did not come, or not all of it.
    NoData,
    /// The host closed the connection while it was being opened.
    ClosedByHost,
    /// The server's answer is not HTTP that can be used.
    Http(BadHttp),
    /// The cloud's answer can't be used.
    Answer(BadAnswer),
    /// The wall clock is not set.
    NoClock,
    /// What the host typed as name or address of the peer is neither.
    NotAHost(NotAHost),
    /// A certificate or key that the host loaded can't be used, in the TLS library's words.
    BadFile(Box<str>),
}

impl Failure {
    /// `<code>` of `AT+CEER`: 700 to 704 for CONNACK 1 to 5 (manual 2.1), others by what failed.
    pub fn code(&self) -> u16 {
        match self {
            Failure::Refused(code) => 699 + u16::from(*code),
            Failure::Link(Why::NoSuchName(_) | Why::NotResolved(..)) | Failure::NotAHost(_) => 1,
            Failure::Link(Why::Tls(_)) => 3,
            Failure::Link(_) | Failure::NoConnack { .. } | Failure::Unexplained { .. } => 2,
            Failure::NoAnswer | Failure::ConnackLate { .. } => 4,
            Failure::NoPingResponse | Failure::GatewaySilent => 5,
            Failure::Violation(_) | Failure::SpeaksTls => 6,
            Failure::NoDataCall => 7,
            Failure::NotRegistered | Failure::Sim(_) => 8,
            Failure::ClosedByHost => 9,
            Failure::Rejected(_) => 10,
            Failure::Disconnected { .. } => 11,
            Failure::BadFile(_) => 3,
            Failure::Http(_) | Failure::Answer(_) => 12,
            Failure::NoClock => 13,
            Failure::TakenOver(_) => 14,
            Failure::TooLarge(_) => 15,
            Failure::NotGranted => 16,
            Failure::NoData => 17,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Link(why) => why.fmt(f),
            Failure::NoConnack { reset, plain } => {
                write!(f, "{} without a CONNACK{}", ended(*reset), perhaps_tls(*plain))
            }
            Failure::ConnackLate { plain } => write!(f, "no CONNACK in time{}", perhaps_tls(*plain)),
            Failure::SpeaksTls => f.write_str("the peer answers with TLS; this port is for TLS"),
            Failure::Unexplained { reset, client_id } => {
                write!(f, "{}; perhaps another client connected as {}", ended(*reset), Foreign(client_id))
            }
            Failure::NoPingResponse => f.write_str("the broker does not answer pings"),
            Failure::NoAnswer => f.write_str("no answer in time"),
            Failure::Violation(violation) => write!(f, "the broker broke the protocol: {violation}"),
            Failure::Refused(code) => write!(f, "refused by the broker: {}", connack_words(*code)),
            Failure::GatewaySilent => f.write_str("the gateway does not answer pings"),
            Failure::Rejected(code) => write!(f, "refused by the gateway: {code}"),
            Failure::Disconnected { client_id } => write!(
                f,
                "ended by the gateway; perhaps it has forgotten the client, or another connected as {}",
                Foreign(client_id)
            ),
            Failure::TooLarge(large) => write!(f, "the broker sent a message {large}"),
            Failure::TakenOver(by) => write!(f, "client {by} connected with the same client id"),
            Failure::NoDataCall => f.write_str("the data call ended"),
            Failure::NotRegistered => f.write_str("the module is not registered"),
            Failure::Sim(sim) => f.write_str(sim.words()),
            Failure::NotGranted => f.write_str("the broker did not grant the subscription"),
            Failure::NoData => f.write_str("the raw data did not come in time"),
            Failure::ClosedByHost => f.write_str("ended by the host"),
            Failure::BadFile(said) => write!(f, "TLS: the file can't be used: {}", Foreign(said)),
            Failure::NotAHost(what) => write!(f, "the host {what}"),
            Failure::Http(bad) => bad.fmt(f),
            Failure::Answer(bad) => write!(f, "the cloud's answer: {bad}"),
            Failure::NoClock => f.write_str("the wall clock is not set"),
        }
    }
}

fn perhaps_tls(plain: bool) -> &'static str {
    if plain { "; perhaps this port is for TLS" } else { "" }
}

fn ended(reset: bool) -> Why {
    if reset { Why::Reset } else { Why::Ended }
}

/// `<Cause>` of `+MQTTBREAK` (manual 1.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The broker closed the connection, or did not answer a ping.
    Broker = 1,
    /// The data call ended.
    DataCall = 2,
    /// The module was deregistered.
    Deregistered = 3,
}
