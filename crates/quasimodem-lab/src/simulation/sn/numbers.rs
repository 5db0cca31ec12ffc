//! What the numbers of topics mean to a host: what they stood for when it first wrote them or was first shown them.

use std::collections::BTreeMap;

use crate::random::Random;

/// The predefined topics of the gateway, from 1 on. Nobody uses their names.
pub(super) const PREDEFINED: [&str; 3] = ["known/1", "known/2", "known/3"];

#[derive(Default)]
pub(super) struct Numbers {
    meanings: BTreeMap<u16, Meaning>,
    /// What was written for the first time, in a line that has no answer yet.
    new: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Meaning {
    Predefined,
    Name(String),
}

impl Numbers {
    /// The host writes a number: gives the topic that it means; empty: one that the gateway does not know.
    pub(super) fn write(&mut self, number: u16) -> String {
        self.new = (!self.meanings.contains_key(&number)).then_some(number);
        match self.meanings.entry(number).or_insert(Meaning::Predefined) {
            Meaning::Predefined => predefined(number).into(),
            Meaning::Name(name) => name.clone(),
        }
    }

    /// The final result code of a line. One that is refused, since the client is not open any more, says nothing of a number.
    pub(super) fn answered(&mut self, accepted: bool) {
        let new = self.new.take();
        if let Some(number) = new.filter(|_| !accepted) {
            self.meanings.remove(&number);
        }
    }

    /// The host is told that the gateway gave a name a number.
    pub(super) fn show_name(&mut self, number: u16, name: &str) {
        if self.meanings.get(&number) != Some(&Meaning::Predefined) {
            self.meanings.insert(number, Meaning::Name(name.into()));
        }
    }

    /// The host is shown a message of this topic with a number.
    pub(super) fn show_topic(&mut self, number: u16, topic: &str) -> Result<(), String> {
        if predefined(number) == topic {
            self.meanings.entry(number).or_insert(Meaning::Predefined);
            return Ok(());
        }
        match self.meanings.entry(number).or_insert_with(|| Meaning::Name(topic.into())) {
            Meaning::Name(name) if name == topic => Ok(()),
            other => Err(format!("a message of {topic:?} comes as one of {number}, which is {other:?} to the host")),
        }
    }

    /// Some number with a topic.
    pub(super) fn any(&self, random: &mut Random) -> Option<(u16, String)> {
        let place = random.between(0, self.meanings.len().saturating_sub(1));
        let (number, meaning) = self.meanings.iter().nth(place)?;
        let topic = match meaning {
            Meaning::Predefined => predefined(*number),
            Meaning::Name(name) => name,
        };
        (!topic.is_empty()).then(|| (*number, topic.into()))
    }

    /// The number of a topic.
    pub(super) fn of(&self, topic: &str) -> Option<u16> {
        let means = |(number, meaning): (&u16, &Meaning)| match meaning {
            Meaning::Predefined => predefined(*number) == topic,
            Meaning::Name(name) => name == topic,
        };
        self.meanings.iter().find(|entry| means(*entry)).map(|(number, _)| *number)
    }

    /// The session ended.
    pub(super) fn forget(&mut self) {
        self.meanings.clear();
    }
}

fn predefined(number: u16) -> &'static str {
    PREDEFINED.get(usize::from(number).wrapping_sub(1)).copied().unwrap_or_default()
}
