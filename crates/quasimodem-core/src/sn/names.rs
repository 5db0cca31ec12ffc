//! The topic names that a client and its gateway have ids for (MQTT-SN 6.5), and what a number means to the host.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::TopicId;
use super::ids::Ids;
use super::subject::Subject;
use crate::at::Problem;
use crate::lean;

/// Names that a client remembers. Those that the gateway gave ids for unasked make room for others: it tells them again.
pub(crate) const NAMES_MAX: usize = 64;

/// Ranges of predefined ids that messages of the gateway may add; the host's own are bounded by the pool.
const SEEN_MAX: usize = 64;

/// Names by the ids that the gateway gave, the newest last. Short names are not among them, nor are predefined ids,
/// whose numbers mean something else.
///
/// A number that the host types means what it stood for when the host first wrote it or was first shown it, as long as
/// the session lasts: a predefined topic, or the name that came with it. So ids that were given in silence are nobody's
/// meaning.
#[derive(Default)]
pub(crate) struct Names {
    list: Vec<Entry>,
    /// Numbers that are predefined ids to the host.
    predefined: Ids,
    /// Numbers that the host was shown with names that had to make room.
    lost: Ids,
}

struct Entry {
    id: u16,
    name: Box<str>,
    /// Who asked for the id.
    by: Registrar,
    /// The host was shown the id.
    shown: bool,
    /// The id stands for it at the gateway. If not, it is only what the host means by the number.
    valid: bool,
    /// The gateway said so in this connection. One that began anew may have given the id to another name since.
    fresh: bool,
}

/// `<Status>` of `+MQTTSNREG`: who asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Registrar {
    Client = 1,
    Gateway = 2,
}

impl Names {
    /// The name that an id stands for at the gateway.
    pub(crate) fn name(&self, id: u16) -> Option<&str> {
        self.list.iter().find(|entry| entry.valid && entry.id == id).map(|entry| &*entry.name)
    }

    /// Whether the gateway told the id in this connection.
    pub(super) fn is_fresh(&self, id: u16) -> bool {
        self.list.iter().any(|entry| entry.fresh && entry.id == id)
    }

    /// The newest id of a name, if the gateway told it in this connection: what may be sent.
    pub(crate) fn id(&self, name: &str) -> Option<u16> {
        self.list.iter().rfind(|entry| entry.fresh && *entry.name == *name).map(|entry| entry.id)
    }

    /// What stands for a topic in a PUBLISH; `None`: the name is to be registered first.
    pub(super) fn topic_id(&self, subject: Subject<&str>) -> Option<TopicId> {
        match subject {
            Subject::Name(name) => self.id(name).map(TopicId::Normal),
            Subject::Number(number) | Subject::Predefined(number) => Some(TopicId::Predefined(number)),
            Subject::Short(name) => Some(TopicId::Short(name)),
        }
    }

    /// Whether a name has a place already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.list.iter().any(|entry| entry.valid && *entry.name == *name)
    }

    /// The gateway tells an id that is known.
    pub(super) fn confirm(&mut self, id: u16) {
        self.list.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.fresh = entry.valid);
    }

    /// A new connection begins: what the gateway sends is still understood, but before anything is sent it is asked again.
    pub(super) fn reconnect(&mut self) {
        self.list.iter_mut().for_each(|entry| entry.fresh = false);
    }

    /// The gateway was asked for an id, and no answer was heard: it may have given one that stood for something else in
    /// the connection before.
    pub(super) fn distrust_old(&mut self) {
        self.list.retain_mut(|entry| {
            entry.valid &= entry.fresh;
            entry.valid || entry.shown
        });
    }

    /// The host writes a number. From now on it means what it means now, for which there are so many bytes of room.
    pub(super) fn write(&mut self, number: u16, room: usize) -> Result<(), Problem> {
        if self.predefined.contains(number) || self.shown(number).is_some() {
            return Ok(());
        }
        if self.lost.contains(number) {
            return Err(Problem::LostTopicId(number));
        }
        if room < Ids::RANGE {
            return Err(Problem::NoMemory);
        }
        self.predefined.insert(number);
        Ok(())
    }

    /// What the host means.
    pub(super) fn resolve<'a>(&'a self, subject: Subject<&'a str>) -> Subject<&'a str> {
        match subject {
            Subject::Number(number) if self.predefined.contains(number) => Subject::Predefined(number),
            Subject::Number(number) => self.shown(number).map_or(Subject::Predefined(number), Subject::Name),
            _ => subject,
        }
    }

    /// The name with which the host was shown an id.
    fn shown(&self, id: u16) -> Option<&str> {
        self.list.iter().find(|entry| entry.shown && entry.id == id).map(|entry| &*entry.name)
    }

    /// The host is shown a predefined id; tells whether it means that to the host.
    pub(crate) fn show_predefined(&mut self, number: u16) -> bool {
        let free = self.shown(number).is_none() && !self.lost.contains(number);
        if free && self.predefined.ranges() < SEEN_MAX {
            self.predefined.insert(number);
        }
        free
    }

    /// Whether the number is a predefined id to the host.
    pub(crate) fn is_predefined(&self, number: u16) -> bool {
        self.predefined.contains(number)
    }

    /// Whether a number is another topic's to the host than the one that it stands for at the gateway: a message is then
    /// shown with the name.
    pub(crate) fn is_others(&self, number: u16) -> bool {
        let shown = self.list.iter().find(|entry| entry.shown && entry.id == number);
        self.predefined.contains(number) || shown.map_or(self.lost.contains(number), |entry| !entry.valid)
    }

    /// The host is shown the id of a name. If the number was a predefined id to it before, it remains that.
    pub(crate) fn show(&mut self, id: u16) {
        if self.name(id).is_none() {
            return;
        }
        self.list.retain(|entry| entry.valid || entry.id != id);
        self.list.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.shown = true);
    }

    /// The host is shown the newest names with their ids, at most so many, but for those whose numbers are fixed.
    pub(crate) fn show_newest(&mut self, count: usize, is_fixed: impl Fn(u16) -> bool) {
        let mut ids = [0; NAMES_MAX];
        let newest = self.newest(count).map(|(id, _)| id).filter(|id| !is_fixed(*id));
        let shown = ids.iter_mut().zip(newest).map(|(place, id)| *place = id).count();
        ids.iter().take(shown).for_each(|id| self.show(*id));
    }

    /// Remembers a name. If there is no room, one is forgotten: an old id of a name that has a newer one, else the gateway's
    /// oldest.
    ///
    /// A name keeps the ids that it had before: a gateway may go on to use them.
    pub(crate) fn insert(&mut self, id: u16, name: &str, by: Registrar) {
        let is_same = |entry: &Entry| entry.id == id && *entry.name == *name;
        let shown = match self.list.iter().position(is_same) {
            Some(place) => self.list.remove(place).shown,
            None => false,
        };
        self.forget(id);
        if self.list.len() >= NAMES_MAX {
            let renamed = (0..self.list.len()).find(|place| self.is_renamed(*place));
            let spare = renamed.or_else(|| self.list.iter().position(|entry| entry.by == Registrar::Gateway));
            // Without either, it is the number's own former name.
            let spare = spare.or_else(|| self.list.iter().position(|entry| !entry.valid)).unwrap_or(0);
            let entry = self.list.remove(spare);
            if entry.shown {
                self.lost.insert(entry.id);
            }
        }
        lean::push(&mut self.list, Entry { id, name: name.into(), by, shown, valid: true, fresh: true });
    }

    /// The id stands for nothing at the gateway. What the host means by it stays.
    pub(crate) fn forget(&mut self, id: u16) {
        self.list.retain_mut(|entry| {
            entry.valid &= entry.id != id;
            entry.fresh &= entry.valid;
            entry.valid || entry.shown
        });
    }

    /// How many more names fit.
    pub(crate) fn room(&self) -> usize {
        let stays = |(place, entry): &(usize, &Entry)| entry.by == Registrar::Client && !self.is_renamed(*place);
        NAMES_MAX - self.list.iter().enumerate().filter(stays).count()
    }

    /// The newest names with their ids, at most so many, the newest last.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = (u16, &str)> {
        let valid = || self.list.iter().filter(|entry| entry.valid);
        valid().skip(valid().count().saturating_sub(count)).map(|entry| (entry.id, &*entry.name))
    }

    /// Bytes of all names and numbers.
    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.list.iter().map(|entry| entry.name.len()).sum();
        names + self.predefined.bytes() + self.lost.bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.predefined.is_empty() && self.lost.is_empty()
    }

    /// Whether the name at this place has a newer id.
    fn is_renamed(&self, place: usize) -> bool {
        let (old, newer) = (self.list.get(place), self.list.get(place + 1..).unwrap_or_default());
        old.is_some_and(|old| newer.iter().any(|entry| entry.name == old.name))
    }
}
