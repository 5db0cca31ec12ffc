//! The wills that must be published, read from the datagrams that come to the gateway: one for each connection that is
//! lost, none for one that is closed.

use std::collections::BTreeMap;

use quasimodem_core::Instant;
use quasimodem_core::sn::Packet;

use super::network::Arrived;
use crate::gateway::{End, Note, Peer};

/// A topic and a message.
type Will = (String, String);

#[derive(Default)]
pub(super) struct Wills {
    /// What was said from each address; an address is that of one connection.
    said: BTreeMap<Peer, Said>,
    /// Who is connected, and from where.
    connected: BTreeMap<String, Peer>,
    /// What is kept with sessions, for clients that connect without a word of a will (MQTT-SN 6.3).
    kept: BTreeMap<String, Words>,
    due: BTreeMap<Will, Due>,
}

#[derive(Clone, Default)]
struct Words {
    topic: Option<String>,
    message: Option<String>,
    /// The gateway may have it, and may not.
    doubtful: bool,
}

#[derive(Default)]
struct Said {
    words: Words,
    client: String,
    keep_alive: u16,
    clean: bool,
    will: bool,
    /// The last datagram came then.
    heard: Option<Instant>,
    closed: bool,
}

/// How often a will must be published, and how often it may be: a gateway that ends takes with it what waits.
#[derive(Default)]
struct Due {
    least: usize,
    most: usize,
}

impl Wills {
    /// A datagram comes to the gateway.
    pub(super) fn came(&mut self, now: Instant, peer: Peer, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else { return };
        let connected = self.connected.values().any(|other| *other == peer);
        let said = self.said.entry(peer).or_default();
        said.heard = Some(now);
        match packet {
            Packet::Connect(connect) => {
                (said.keep_alive, said.clean, said.will) = (connect.duration, connect.clean, connect.will);
                said.client = connect.client_id.into();
            }
            // Copies of what was said before come late, and change nothing.
            Packet::Willtopic(Some(will)) if !connected => said.words.topic = Some(will.topic.into()),
            Packet::Willmsg(message) if !connected => {
                said.words.message = Some(text(message));
                // Another connection may take the place of this one before the broker has answered: it finds this will,
                // unless a copy of the CONNECT had begun the exchange anew, for which this was not the answer.
                if !said.clean && said.words.topic.is_some() {
                    let kept = Words { doubtful: true, ..said.words.clone() };
                    self.kept.insert(said.client.clone(), kept);
                }
            }
            Packet::Willtopicupd(Some(will)) if connected => {
                said.words.topic = Some(will.topic.into());
            }
            Packet::Willmsgupd(message) if connected => said.words.message = Some(text(message)),
            Packet::Disconnect { .. } => said.closed = true,
            _ => {}
        }
    }

    /// The gateway tells what happened.
    pub(super) fn told(&mut self, now: Instant, note: &Note) -> Result<(), String> {
        match note {
            Note::Connected { peer, client, .. } => {
                self.connected.insert(client.to_string(), *peer);
                let said = self.said.entry(*peer).or_default();
                if let Some(kept) = self.kept.remove(&**client)
                    && !said.clean
                    && !said.will
                {
                    said.words = kept;
                }
            }
            Note::Ended { client, why } => {
                let Some(peer) = self.connected.remove(&**client) else { return Ok(()) };
                let Some(said) = self.said.remove(&peer) else { return Ok(()) };
                if !said.clean {
                    self.kept.insert(client.to_string(), said.words.clone());
                }
                let silent = said.heard.is_none_or(|heard| now.since(heard).as_secs() >= u64::from(said.keep_alive));
                match why {
                    End::Disconnect if !said.closed => {
                        return Err(format!("the gateway takes {client:?} for closed, which said no DISCONNECT"));
                    }
                    End::Disconnect => return Ok(()),
                    End::Silent if !silent => {
                        return Err(format!("the gateway takes {client:?} for lost, which it heard a moment ago"));
                    }
                    _ => {}
                }
                if let Words { topic: Some(topic), message: Some(message), doubtful } = said.words {
                    let due = self.due.entry((topic, message)).or_default();
                    due.least += usize::from(!doubtful);
                    due.most += 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The gateway starts anew, and knows nobody.
    pub(super) fn restarted(&mut self, arrived: &Arrived) {
        self.connected.clear();
        self.kept.clear();
        self.said.clear();
        for (will, due) in &mut self.due {
            due.least = due.least.min(times(will, arrived));
        }
    }

    /// All is quiet: what was due has come, and nothing else.
    pub(super) fn check(&self, arrived: &Arrived) -> Result<(), String> {
        for (will, Due { least, most }) in &self.due {
            let times = times(will, arrived);
            if times < *least || times > *most {
                return Err(format!(
                    "the will {will:?} was published {times} times, {least} to {most} times it was due"
                ));
            }
        }
        let wills = arrived.iter().filter(|(message, _)| message.starts_with('w'));
        for (message, topic) in wills.flat_map(|(message, topics)| topics.iter().map(move |topic| (message, topic))) {
            if !self.due.contains_key(&(topic.clone(), message.clone())) {
                return Err(format!("the will {message} was published to {topic:?}, and never due"));
            }
        }
        Ok(())
    }
}

fn times((topic, message): &Will, arrived: &Arrived) -> usize {
    arrived.get(message).map_or(0, |topics| topics.iter().filter(|other| *other == topic).count())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
