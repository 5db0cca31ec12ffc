//! The topic ids of one client (MQTT-SN 6.5).

use super::config::Config;

/// Which id stands for which name, the oldest first.
#[derive(Default)]
pub(super) struct Topics {
    entries: Vec<Entry>,
    bytes: usize,
    /// The id that was given last.
    last: u16,
}

struct Entry {
    id: u16,
    name: Box<str>,
    /// The client asked for it.
    asked: bool,
    knows: Knows,
}

/// What the client knows of an id, in this connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Knows {
    /// Nothing: it must be told before it gets a message.
    Nothing,
    /// What it stands for.
    Name,
    /// It did not want to know.
    Refused,
}

impl Topics {
    pub(super) fn find(&self, name: &str) -> Option<(u16, Knows)> {
        self.entries.iter().find(|entry| &*entry.name == name).map(|entry| (entry.id, entry.knows))
    }

    pub(super) fn name(&self, id: u16) -> Option<&str> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| &*entry.name)
    }

    /// The id of a name that the client asks for, and that it knows with the answer.
    pub(super) fn ask(&mut self, name: &str, config: &Config) -> Option<u16> {
        let id = self.add(name, config)?;
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.asked = true;
            entry.knows = Knows::Name;
        }
        Some(id)
    }

    /// The id of a name, a new one if there was none. `None`: there is no room.
    pub(super) fn add(&mut self, name: &str, config: &Config) -> Option<u16> {
        if let Some((id, _)) = self.find(name) {
            return Some(id);
        }
        let limits = &config.limits;
        while self.entries.len() >= limits.topics || self.bytes + name.len() > limits.topic_bytes {
            let oldest = self.entries.iter().position(|entry| !entry.asked)?;
            let entry = self.entries.remove(oldest);
            self.bytes -= entry.name.len();
        }
        let id = self.unused_id(config)?;
        self.bytes += name.len();
        self.entries.push(Entry { id, name: name.into(), asked: false, knows: Knows::Nothing });
        Some(id)
    }

    pub(super) fn set(&mut self, id: u16, knows: Knows) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.knows = knows;
        }
    }

    /// A new connection: the client may have lost its memory.
    pub(super) fn forget_what_is_known(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.knows = Knows::Nothing);
    }

    pub(super) fn clear(&mut self) {
        *self = Topics::default();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Not one of the predefined, so that who sees only the number knows which topic it is; and not a recent one, which
    /// the client may still take for what it stood for.
    fn unused_id(&mut self, config: &Config) -> Option<u16> {
        for _ in 0..u16::MAX {
            self.last = if self.last >= 0xfffe { 1 } else { self.last + 1 };
            if self.name(self.last).is_none() && !config.predefined.contains_key(&self.last) {
                return Some(self.last);
            }
        }
        None
    }
}
