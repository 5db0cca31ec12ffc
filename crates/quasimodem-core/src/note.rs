//! What happened and why, as values: traces, logs, `AT+CEER` and metrics live on these.

use alloc::boxed::Box;
use core::fmt;

use crate::at::{NotAHost, Refusal};
use crate::client::ClientId;
use crate::cloud::{BadAnswer, BadHttp};
use crate::mqtt::{OddAck, OddMessage, TooLarge, Violation};
use crate::net::{Why, Words};
use crate::outbox::Marked;
use crate::sn::{Malformed, ReturnCode};

/// Something worth telling that needs nothing done.
#[derive(Clone, Debug)]
pub enum Note<'a> {
    /// The host completed this command line; NULs and what stood in front of `AT` are left out, secrets are marked.
    Typed(Marked<'a>),
    /// The host sent these bytes, which are secret as a whole, as raw data or a part of it.
    SecretData(Marked<'a>),
    /// The command just typed was answered with an error, and this is why.
    Refused(&'a Refusal),
    /// A connection could not be opened.
    OpenFailed(ClientId, &'a Failure),
    /// A registration at a cloud failed.
    ErrandFailed(&'a Failure),
    /// An open connection was lost.
    Broken(ClientId, &'a Failure),
    /// The time of an asynchronous command ran out, so its result is 0.
    Late(ClientId, &'static str),
    /// So many messages of QoS 0 came before the link ended, and there was no room for them.
    Dropped(ClientId, usize),
    /// The gateway answered this command with a return code that refuses it, so its result is 0.
    Rejected(ClientId, &'static str, ReturnCode),
    /// A datagram of the gateway was ignored.
    Ignored(ClientId, Malformed),
    /// The gateway gave a topic name an id, and there was no room for it.
    NotNamed(ClientId),
    /// This number is a predefined topic id as well as one of the connection. Typed, it means what it meant first.
    TwoTopics(ClientId, u16),
    /// The broker sent an acknowledgement that is not as it should be; the connection goes on.
    OddAck(ClientId, OddAck),
    /// The broker sent a message to this topic that is not as it should be; the connection goes on.
    OddMessage(ClientId, OddMessage, &'a str),
    /// What this many kept MQTT sessions without a connection had left to send again was forgotten: there was no room.
    Forgotten(usize),
    /// The certificate that the host just loaded is another's, so the key that was there is forgotten.
    KeyForgotten,
    /// What the host just loaded was not taken, and this is why.
    BadFile(&'a Failure),
}

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
    /// There is no SIM card.
    NoSim,
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

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Typed(line) => write!(f, "typed {line:?}"),
            Note::SecretData(data) => write!(f, "took {} secret bytes of raw data", data.bytes().len()),
            Note::Refused(refusal) => write!(f, "refused: {refusal}"),
            Note::OpenFailed(client, failure) => write!(f, "client {client} not opened: {failure}"),
            Note::ErrandFailed(failure) => write!(f, "registration failed: {failure}"),
            Note::Broken(client, failure) => write!(f, "client {client} broken: {failure}"),
            Note::Dropped(client, count) => write!(f, "client {client}: no room for {count} messages of QoS 0"),
            Note::Rejected(client, command, code) => write!(f, "client {client}: {command} {code}"),
            Note::Ignored(client, malformed) => write!(f, "client {client}: ignored a datagram: {malformed}"),
            Note::NotNamed(client) => write!(f, "client {client}: no room for another topic name of the gateway"),
            Note::TwoTopics(client, id) => write!(
                f,
                "client {client}: topic id {id} is a predefined one and one of the connection; typed, it means what it \
                 meant first (sn_predefined decides, sn_names shows names)"
            ),
            Note::OddAck(client, odd) => write!(f, "client {client}: the broker sent {odd}"),
            Note::OddMessage(client, OddMessage::Another(id), topic) => write!(
                f,
                "client {client}: the broker sent another message as #{id}, to {topic:?}, before its PUBREL (MQTT 2.3.1); \
                 it is reported"
            ),
            Note::OddMessage(client, OddMessage::NoDup(id), topic) => write!(
                f,
                "client {client}: the broker sent #{id}, to {topic:?}, once more without DUP (MQTT-3.3.1-1); it is not \
                 reported again"
            ),
            Note::OddMessage(client, OddMessage::Skipped(large), topic) => {
                write!(f, "client {client}: skipped a message {large}, to {topic:?}")
            }
            Note::Forgotten(1) => f.write_str("no room: what a kept session left to send again is forgotten"),
            Note::Forgotten(count) => write!(f, "no room: what {count} kept sessions left to send again is forgotten"),
            Note::KeyForgotten => {
                f.write_str("the former key does not belong to the new certificate, and is forgotten")
            }
            Note::BadFile(failure) => failure.fmt(f),
            Note::Late(client, command) => write!(f, "client {client}: no answer to {command} in time"),
        }
    }
}

impl Failure {
    /// `<code>` of `AT+CEER`: 700 to 704 for CONNACK 1 to 5 (manual 2.1), others by what failed.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Failure::Refused(code) => 699 + u16::from(*code),
            Failure::Link(Why::NoSuchName(_) | Why::NotResolved(..)) | Failure::NotAHost(_) => 1,
            Failure::Link(Why::Tls(_)) => 3,
            Failure::Link(_) | Failure::NoConnack { .. } | Failure::Unexplained { .. } => 2,
            Failure::NoAnswer | Failure::ConnackLate { .. } => 4,
            Failure::NoPingResponse | Failure::GatewaySilent => 5,
            Failure::Violation(_) | Failure::SpeaksTls => 6,
            Failure::NoDataCall => 7,
            Failure::NotRegistered | Failure::NoSim => 8,
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
                write!(f, "{}; perhaps another client connected as {}", ended(*reset), Words(client_id))
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
                Words(client_id)
            ),
            Failure::TooLarge(large) => write!(f, "the broker sent a message {large}"),
            Failure::TakenOver(by) => write!(f, "client {by} connected with the same client id"),
            Failure::NoDataCall => f.write_str("the data call ended"),
            Failure::NotRegistered => f.write_str("the module is not registered"),
            Failure::NoSim => f.write_str("no SIM card"),
            Failure::NotGranted => f.write_str("the broker did not grant the subscription"),
            Failure::NoData => f.write_str("the raw data did not come in time"),
            Failure::ClosedByHost => f.write_str("ended by the host"),
            Failure::BadFile(said) => write!(f, "TLS: the file can't be used: {}", Words(said)),
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

/// The words of a CONNACK return code (MQTT 3.2.2.3), as the manual has them for its codes 700 to 704 (manual 2.1).
pub(crate) const fn connack_words(code: u8) -> &'static str {
    match code {
        1 => "Unacceptable protocol version",
        2 => "Identifier rejected",
        3 => "Server unavailable",
        4 => "Bad user name or password",
        5 => "Not authorized",
        _ => "reserved return code",
    }
}

/// A note as an outbox keeps it; what it borrows stands in the bytes of its entry.
pub(crate) enum StoredNote {
    Typed,
    SecretData,
    Refused(Refusal),
    OpenFailed(ClientId, Failure),
    ErrandFailed(Failure),
    Broken(ClientId, Failure),
    Late(ClientId, &'static str),
    Dropped(ClientId, usize),
    Rejected(ClientId, &'static str, ReturnCode),
    Ignored(ClientId, Malformed),
    NotNamed(ClientId),
    TwoTopics(ClientId, u16),
    OddAck(ClientId, OddAck),
    OddMessage(ClientId, OddMessage),
    Forgotten(usize),
    KeyForgotten,
    BadFile(Failure),
}

impl StoredNote {
    pub(crate) fn lend<'a>(&'a self, text: Marked<'a>) -> Note<'a> {
        match self {
            StoredNote::Typed => Note::Typed(text),
            StoredNote::SecretData => Note::SecretData(text),
            StoredNote::Refused(refusal) => Note::Refused(refusal),
            StoredNote::OpenFailed(client, failure) => Note::OpenFailed(*client, failure),
            StoredNote::ErrandFailed(failure) => Note::ErrandFailed(failure),
            StoredNote::Broken(client, failure) => Note::Broken(*client, failure),
            StoredNote::Late(client, command) => Note::Late(*client, command),
            StoredNote::Dropped(client, count) => Note::Dropped(*client, *count),
            StoredNote::Rejected(client, command, code) => Note::Rejected(*client, command, *code),
            StoredNote::Ignored(client, malformed) => Note::Ignored(*client, *malformed),
            StoredNote::NotNamed(client) => Note::NotNamed(*client),
            StoredNote::TwoTopics(client, id) => Note::TwoTopics(*client, *id),
            StoredNote::OddAck(client, odd) => Note::OddAck(*client, *odd),
            StoredNote::OddMessage(client, odd) => Note::OddMessage(*client, *odd, text.text()),
            StoredNote::Forgotten(count) => Note::Forgotten(*count),
            StoredNote::KeyForgotten => Note::KeyForgotten,
            StoredNote::BadFile(failure) => Note::BadFile(failure),
        }
    }
}
