//! Where messages went: what each client of each modem received, acknowledged and told its host.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quasimodem_core::mqtt::{Packet, Publish, frame_len};

use super::reader::{Urc, show};
use super::scenario::{Message, Messages};
use super::{Broken, Invariant};

/// One client of a modem, as the receiver of messages.
#[derive(Default)]
pub(super) struct Receiver {
    /// What came of a packet that is not whole.
    partial: Vec<u8>,
    /// Messages that came on this connection and wait to be acknowledged.
    unacknowledged: VecDeque<Got>,
    /// Messages of QoS 0. Nobody knows when a modem takes them from the network.
    unsure: VecDeque<Got>,
    /// The session of each client id at each broker, by the broker's place.
    sessions: BTreeMap<(usize, String), Session>,
    /// That of the connection at hand.
    at: (usize, String),
    /// What the modem took over and has to tell the host.
    owed: VecDeque<Got>,
    /// `+MQTTMSGI` that are to come.
    arrived: VecDeque<(u8, usize, usize)>,
    /// Tokens that come more than once by right: the broker accepted them again, or kept them for subscribers.
    again: BTreeSet<String>,
    /// What the host has read of a message that is longer than it reads at once.
    begun: Vec<u8>,
}

/// A session, as far as both sides remember it.
#[derive(Default)]
struct Session {
    /// Exchanges of QoS 2 whose PUBREL has not come.
    unreleased: BTreeMap<u16, String>,
    /// How often each token was delivered.
    counts: BTreeMap<String, u32>,
    /// The newest message of each publisher, topic and QoS.
    newest: BTreeMap<Stream, usize>,
}

impl Session {
    /// One side forgot it: what is sent again comes again.
    fn forget(&mut self) {
        self.unreleased.clear();
        self.counts.clear();
        self.newest.retain(|(.., qos, _), _| *qos == 0);
    }
}

/// Publisher (station and client), topic, QoS, and whether messages are read or told.
type Stream = ((usize, u8), &'static str, u8, bool);

#[derive(Clone, Debug)]
struct Got {
    token: String,
    topic: String,
    qos: u8,
    retain: bool,
    id: Option<u16>,
    size: usize,
    /// It is to be read with `+MQTTREAD`.
    read: bool,
}

/// `INBOX` and `POOL` of the core.
const MESSAGES_MAX: usize = 32;
const BYTES_MAX: usize = 64 << 10;

/// Bytes of a payload that `+MQTTREAD` gives at once (manual 1.11).
const READ_MAX: usize = 1024;

impl Receiver {
    /// The broker accepted a message once more.
    pub(super) fn comes_again(&mut self, token: &str) {
        self.again.insert(token.into());
    }

    /// The modem was reset, and knows nothing any more.
    pub(super) fn reset(&mut self) {
        self.closed();
        self.owed.clear();
        self.unsure.clear();
        self.sessions.values_mut().for_each(Session::forget);
    }

    /// A new connection begins, to this broker.
    pub(super) fn linked(&mut self, broker: usize) {
        self.at = (broker, String::new());
        self.partial.clear();
        self.unacknowledged.clear();
    }

    /// Bytes came from the broker.
    pub(super) fn received(&mut self, bytes: &[u8], kept: bool, messages: &Messages) -> Result<(), Broken> {
        self.partial.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.partial);
        let mut rest = bytes.as_slice();
        while let Ok(Some(length)) = frame_len(rest, usize::MAX)
            && let Some((frame, behind)) = rest.split_at_checked(length)
        {
            rest = behind;
            match Packet::decode(frame) {
                Ok(Packet::Connack { session_present, code: 0 }) if !(kept && session_present) => {
                    self.session().forget();
                }
                Ok(Packet::Publish(publish)) => self.got(&publish, messages)?,
                Ok(_) => {}
                Err(violation) => return Err(Broken::new(Invariant::Protocol, violation.to_string())),
            }
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    /// The place of the broker that it is connected to.
    pub(super) fn broker(&self) -> usize {
        self.at.0
    }

    fn session(&mut self) -> &mut Session {
        self.sessions.entry(self.at.clone()).or_default()
    }

    fn got(&mut self, publish: &Publish<'_>, messages: &Messages) -> Result<(), Broken> {
        let (token, _) = known(messages, publish.topic, publish.payload)?;
        let got = Got {
            token: token.clone(),
            topic: publish.topic.into(),
            qos: publish.qos.number(),
            retain: publish.retain,
            id: publish.id.map(u16::from),
            size: publish.topic.len() + publish.payload.len(),
            read: false,
        };
        if got.qos == 0 {
            self.unsure.push_back(got);
        } else {
            self.unacknowledged.push_back(got);
        }
        Ok(())
    }

    /// The modem sent a packet. Gives the token of a message of QoS 1 or 2 that it took over with it.
    pub(super) fn sent(&mut self, bytes: &[u8], read: bool, messages: &Messages) -> Result<Option<String>, Broken> {
        let (id, qos) = match Packet::decode(bytes) {
            Ok(Packet::Connect(connect)) => {
                self.at.1 = connect.client_id.into();
                return Ok(None);
            }
            Ok(Packet::Puback(id)) => (u16::from(id), 1),
            Ok(Packet::Pubrec(id)) => (u16::from(id), 2),
            Ok(Packet::Pubcomp(id)) => {
                self.session().unreleased.remove(&u16::from(id));
                return Ok(None);
            }
            Ok(_) => return Ok(None),
            Err(violation) => return Err(Broken::new(Invariant::Protocol, violation.to_string())),
        };
        let place = self.unacknowledged.iter().position(|got| got.id == Some(id) && got.qos == qos);
        let got = place.and_then(|place| self.unacknowledged.remove(place));
        let Some(got) = got else {
            let what = format!("QoS {qos} #{id} is acknowledged, but it did not come");
            return Err(Broken::new(Invariant::Protocol, what));
        };
        // The broker may have ended the exchange with a rival, and begun another one with the same identifier.
        if qos == 2 && self.session().unreleased.insert(id, got.token.clone()).is_some_and(|token| token == got.token) {
            return Ok(None);
        }
        let got = Got { read, ..got };
        self.check_order(&got, messages)?;
        if read {
            let payload = got.size - got.topic.len();
            let parts = (0..payload.max(1)).step_by(READ_MAX).map(|start| READ_MAX.min(payload - start));
            self.arrived.extend(parts.map(|part| (qos, got.topic.len(), part)));
        }
        let token = got.token.clone();
        self.owed.push_back(got);
        let (count, size) = (self.owed.len(), self.owed.iter().map(|got| got.size).sum::<usize>());
        if count > MESSAGES_MAX || size > BYTES_MAX {
            return Err(Broken::new(Invariant::Memory, format!("{count} messages of {size} bytes wait")));
        }
        Ok(Some(token))
    }

    /// Each message once per session, but for QoS 1, and those of a publisher in their order.
    fn check_order(&mut self, got: &Got, messages: &Messages) -> Result<(), Broken> {
        let exempt = got.retain || self.again.contains(&got.token);
        let known = messages.get(&got.token).filter(|message| !exempt && !message.will);
        let Some(message) = known else { return Ok(()) };
        let session = self.session();
        let count = session.counts.entry(got.token.clone()).or_default();
        *count += 1;
        if *count > 1 {
            // The publisher may have sent it again too.
            if got.qos == 1 || message.qos == 1 {
                return Ok(());
            }
            return Err(Broken::new(Invariant::Once, format!("{} at QoS {} comes twice", got.token, got.qos)));
        }
        let newest = session.newest.entry((message.from, message.topic, got.qos, got.read)).or_default();
        if *newest > message.number {
            let what = format!("{} comes behind number {newest} of the same publisher, topic and QoS", got.token);
            return Err(Broken::new(Invariant::Order, what));
        }
        *newest = message.number;
        Ok(())
    }

    /// The host is told something.
    pub(super) fn told(&mut self, urc: &Urc, messages: &Messages) -> Result<(), Broken> {
        match urc {
            Urc::Message(_, qos, topic, token) => self.reported(false, *qos, topic, token, messages),
            Urc::Arrived(_, 1.., topic, payload) => {
                let due = self.arrived.pop_front();
                let fits =
                    due.is_some_and(|(_, due_topic, due_payload)| (due_topic, due_payload) == (*topic, *payload));
                if fits { Ok(()) } else { Err(lost(format!("{urc:?}, but {due:?} is to be told"))) }
            }
            Urc::Arrived(..) | Urc::Result(..) | Urc::Break(_) | Urc::Other => Ok(()),
        }
    }

    /// The host read the oldest message, or there is none.
    pub(super) fn read(&mut self, message: Option<&(u8, Vec<u8>, Vec<u8>)>, messages: &Messages) -> Result<(), Broken> {
        let Some((qos, topic, payload)) = message else {
            return match self.owed.iter().find(|got| got.read) {
                Some(got) => Err(lost(format!("nothing to read, but {} was acknowledged", got.token))),
                None => Ok(()),
            };
        };
        self.begun.extend_from_slice(payload);
        let text = self.begun.clone();
        let token = match known(messages, &String::from_utf8_lossy(topic), &text) {
            Ok((token, _)) => token,
            // The rest is still to be read.
            Err(_) if payload.len() == READ_MAX => {
                let parts = if *qos == 0 { 0 } else { text.len() / READ_MAX };
                self.forget_what_was_read(parts);
                return Ok(());
            }
            Err(broken) => return Err(broken),
        };
        self.begun.clear();
        self.reported(true, *qos, topic, token, messages)
    }

    /// Of what a host reads before it is told of it, it is not told any more; the oldest is told first, and of that so
    /// many parts are read.
    fn forget_what_was_read(&mut self, parts: usize) {
        let of = |got: &Got| (got.size - got.topic.len()).div_ceil(READ_MAX).max(1);
        let unread = self.owed.iter().filter(|got| got.read).map(of).sum::<usize>().saturating_sub(parts);
        self.arrived.drain(..self.arrived.len().saturating_sub(unread));
    }

    fn reported(&mut self, read: bool, qos: u8, topic: &[u8], token: &str, messages: &Messages) -> Result<(), Broken> {
        let fits = |got: &Got| got.token == token && got.qos == qos && got.topic.as_bytes() == topic;
        if qos == 0 {
            // If one of them was retained, nobody can tell which of them is told.
            if self.unsure.iter().any(|got| fits(got) && got.retain) {
                self.again.insert(token.into());
            }
            let place = self.unsure.iter().position(fits);
            let Some(got) = place.and_then(|place| self.unsure.remove(place)) else {
                return Err(Broken::new(Invariant::Once, format!("{token} at QoS 0 is told more often than it came")));
            };
            return self.check_order(&Got { read, ..got }, messages);
        }
        let place = self.owed.iter().position(|got| got.read == read);
        let oldest = place.and_then(|place| self.owed.get(place));
        if !oldest.is_some_and(fits) {
            let due = oldest.map(|got| &got.token);
            return Err(lost(format!("{token} at QoS {qos} is told, but {due:?} is the oldest")));
        }
        place.map(|place| self.owed.remove(place));
        self.forget_what_was_read(0);
        Ok(())
    }

    /// The host closed the client, which discards what it had to read. What only waits for the line is still told.
    pub(super) fn closed(&mut self) {
        self.owed.retain(|got| !got.read);
        self.arrived.clear();
        self.begun.clear();
    }

    /// All is quiet, and everything was read.
    pub(super) fn check_end(&self) -> Result<(), Broken> {
        match self.owed.front() {
            Some(got) => Err(lost(format!("{} was acknowledged and never told", got.token))),
            None => Ok(()),
        }
    }
}

/// The message that a payload is, unchanged.
pub(super) fn known<'a>(
    messages: &'a Messages,
    topic: &str,
    payload: &[u8],
) -> Result<(&'a String, &'a Message), Broken> {
    let token = payload.split(|byte| *byte == b'.').next().and_then(|token| std::str::from_utf8(token).ok());
    let found = token.and_then(|token| messages.get_key_value(token));
    match found.filter(|(_, message)| message.payload == payload && message.topic == topic) {
        Some(found) => Ok(found),
        None => {
            let what = format!("nobody publishes {} to {topic:?}", show(payload));
            Err(Broken::new(Invariant::Payload, what))
        }
    }
}

fn lost(what: String) -> Broken {
    Broken::new(Invariant::Kept, what)
}
