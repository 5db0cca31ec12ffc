//! What happened and why, as values: traces, logs, `AT+CEER` and metrics live on these.

use core::fmt;

use crate::at::Refusal;
use crate::client_id::ClientId;
use crate::failure::{Cause, Failure};
use crate::marked::Marked;
use crate::mqtt::{OddAck, OddMessage};
use crate::sn::{Malformed, ReturnCode};

/// Something worth telling that needs nothing done.
#[derive(Clone, Debug)]
pub enum Note<'a> {
    /// The module starts anew: it was switched on, or reset.
    Starts,
    /// The host completed this command line; NULs and what stood in front of `AT` are left out, secrets are marked.
    Typed(Marked<'a>),
    /// The host sent bytes that belong to no command: in front of its `AT`, or on a line without one. Blanks and the ends
    /// of lines are not counted.
    Skipped {
        /// Bytes other than NUL.
        size: usize,
        /// NULs, also those within a command.
        nuls: usize,
        /// The line that they were on is over, and was no command.
        ended: bool,
    },
    /// The host is asked for this many bytes of raw data.
    Asked(usize),
    /// The host sent raw data, or a part of it.
    Data {
        /// So many bytes of it.
        size: usize,
        /// So many bytes that the host sent behind them are still to be read.
        behind: usize,
        /// Whether no log may show them.
        secret: bool,
    },
    /// The command just typed was answered with an error, and this is why.
    Refused(&'a Refusal),
    /// A connection could not be opened.
    OpenFailed(ClientId, &'a Failure),
    /// A registration at a cloud failed.
    ErrandFailed(&'a Failure),
    /// An open connection was lost.
    Broken(ClientId, &'a Failure, Cause),
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
    /// The host closed this connection with so many messages unread, which are forgotten.
    Unread(ClientId, usize),
    /// The host left, and so many bytes of a line without its end.
    HalfLine(usize),
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

impl Note<'_> {
    /// Whether it only says what the host's bytes were, which those see anyway who are shown the bytes.
    pub fn is_of_bytes(&self) -> bool {
        matches!(self, Note::Typed(_) | Note::Skipped { .. } | Note::Asked(_) | Note::Data { .. })
    }
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Starts => f.write_str("the module starts"),
            Note::Typed(line) => write!(f, "typed {line:?}"),
            Note::Skipped { size, nuls, ended } => {
                let place = if *ended { "on a line without AT" } else { "outside of commands" };
                write!(f, "skipped {} bytes {place}, {nuls} of them NUL", size + nuls)
            }
            Note::Asked(size) => write!(f, "asked for {size} bytes of raw data"),
            Note::Data { size, secret, .. } => {
                write!(f, "took {size} {}bytes of raw data", if *secret { "secret " } else { "" })
            }
            Note::Refused(refusal) => write!(f, "refused: {refusal}"),
            Note::OpenFailed(client, failure) => write!(f, "client {client} not opened: {failure}"),
            Note::ErrandFailed(failure) => write!(f, "registration failed: {failure}"),
            Note::Broken(client, failure, _) => write!(f, "client {client} broken: {failure}"),
            Note::Dropped(client, count) => write!(f, "client {client}: no room for {count} messages of QoS 0"),
            Note::Rejected(client, command, code) => write!(f, "client {client}: {command} {code}"),
            Note::Ignored(client, malformed) => write!(f, "client {client}: ignored a datagram: {malformed}"),
            Note::NotNamed(client) => write!(f, "client {client}: no room for another topic name of the gateway"),
            Note::TwoTopics(client, id) => write!(
                f,
                "client {client}: topic id {id} is a predefined one and one of the connection; typed, it means what it \
                 meant first (sn_predefined decides, sn_names shows names)"
            ),
            Note::Unread(client, count) => write!(f, "client {client}: closed, unread messages forgotten: {count}"),
            Note::HalfLine(bytes) => {
                write!(f, "the host left {bytes} bytes of a line without its end, a carriage return")
            }
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

/// A note as an outbox keeps it; what it borrows stands in the bytes of its entry.
#[derive(Clone)]
pub(crate) enum StoredNote {
    Starts,
    Typed,
    Skipped { size: usize, nuls: usize, ended: bool },
    Asked(usize),
    Data { size: usize, behind: usize, secret: bool },
    Refused(Refusal),
    OpenFailed(ClientId, Failure),
    ErrandFailed(Failure),
    Broken(ClientId, Failure, Cause),
    Late(ClientId, &'static str),
    Dropped(ClientId, usize),
    Rejected(ClientId, &'static str, ReturnCode),
    Ignored(ClientId, Malformed),
    NotNamed(ClientId),
    TwoTopics(ClientId, u16),
    Unread(ClientId, usize),
    HalfLine(usize),
    OddAck(ClientId, OddAck),
    OddMessage(ClientId, OddMessage),
    Forgotten(usize),
    KeyForgotten,
    BadFile(Failure),
}

impl StoredNote {
    pub(crate) fn lend<'a>(&'a self, text: Marked<'a>) -> Note<'a> {
        match self {
            StoredNote::Starts => Note::Starts,
            StoredNote::Typed => Note::Typed(text),
            StoredNote::Skipped { size, nuls, ended } => Note::Skipped { size: *size, nuls: *nuls, ended: *ended },
            StoredNote::Asked(size) => Note::Asked(*size),
            StoredNote::Data { size, behind, secret } => Note::Data { size: *size, behind: *behind, secret: *secret },
            StoredNote::Refused(refusal) => Note::Refused(refusal),
            StoredNote::OpenFailed(client, failure) => Note::OpenFailed(*client, failure),
            StoredNote::ErrandFailed(failure) => Note::ErrandFailed(failure),
            StoredNote::Broken(client, failure, cause) => Note::Broken(*client, failure, *cause),
            StoredNote::Late(client, command) => Note::Late(*client, command),
            StoredNote::Dropped(client, count) => Note::Dropped(*client, *count),
            StoredNote::Rejected(client, command, code) => Note::Rejected(*client, command, *code),
            StoredNote::Ignored(client, malformed) => Note::Ignored(*client, *malformed),
            StoredNote::NotNamed(client) => Note::NotNamed(*client),
            StoredNote::TwoTopics(client, id) => Note::TwoTopics(*client, *id),
            StoredNote::Unread(client, count) => Note::Unread(*client, *count),
            StoredNote::HalfLine(bytes) => Note::HalfLine(*bytes),
            StoredNote::OddAck(client, odd) => Note::OddAck(*client, *odd),
            StoredNote::OddMessage(client, odd) => Note::OddMessage(*client, *odd, text.text()),
            StoredNote::Forgotten(count) => Note::Forgotten(*count),
            StoredNote::KeyForgotten => Note::KeyForgotten,
            StoredNote::BadFile(failure) => Note::BadFile(failure),
        }
    }
}
