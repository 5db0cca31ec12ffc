//! What there is to know of faults while they are there.

use quasimodem_core::Instant;
use serde_json::{Map, Value as Json, json};

use super::{Fault, Plan, Unhit};

/// How a fault is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// The name of its row.
    pub fault: &'static str,
    /// Its keys as they were said, in order.
    pub keys: Vec<(String, String)>,
    /// Where it is in its life.
    pub stage: Stage,
    /// How many things it was about.
    pub matches: u64,
    /// How many it hit.
    pub hits: u64,
    /// In words, that it did not hit as often as is expected, if it did not.
    pub unhit: Option<String>,
    /// What would have been a match but for one key, in words.
    pub near: Vec<String>,
}

/// Where a fault is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It waits for its time or its event.
    Waiting,
    /// It may hit.
    Armed,
    /// It lasts.
    Active,
    /// It hit as often as it may.
    Spent,
    /// It is over.
    Cleared,
}

impl Stage {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Armed => "armed",
            Stage::Active => "active",
            Stage::Spent => "spent",
            Stage::Cleared => "cleared",
        }
    }
}

impl Known {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Cleared
    }

    /// As programs read it.
    pub fn json(&self) -> Json {
        let keys: Map<String, Json> = self.keys.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut known = json!({
            "id": self.id, "fault": self.fault, "keys": keys, "state": self.stage.word(),
            "matches": self.matches, "hits": self.hits,
        });
        if let (Some(unhit), Some(known)) = (&self.unhit, known.as_object_mut()) {
            known.insert("unhit".into(), json!(unhit));
        }
        known
    }
}

impl Plan {
    /// How all faults are, those that are over included.
    pub fn known(&self, now: Instant) -> Vec<Known> {
        let unhit = self.unhit();
        self.faults.iter().map(|fault| fault.known(now, (self.seed, self.modem), &unhit)).collect()
    }
}

impl Fault {
    /// Whether it has begun to last in this turn.
    fn lasts(&self, turn: u64) -> bool {
        let works = self.verdicts.iter().any(|((.., of), works)| *of == turn && *works);
        self.spec.row.class() == "state" && (works || self.episode == Some((turn, true)))
    }

    fn known(&self, now: Instant, seeds: (u64, u64), unhit: &[Unhit]) -> Known {
        let turn = self.turn(now, seeds);
        let stage = match turn {
            _ if self.life.is_over() => Stage::Cleared,
            Some(turn) if self.spent == Some(turn) => Stage::Spent,
            Some(turn) if self.lasts(turn) => Stage::Active,
            Some(_) => Stage::Armed,
            None => Stage::Waiting,
        };
        Known {
            id: self.id.clone(),
            fault: self.spec.row.name,
            keys: self.spec.said.clone(),
            stage,
            matches: self.matches,
            hits: self.hits,
            near: self.near.words(),
            unhit: unhit.iter().find(|unhit| unhit.id == self.id).map(ToString::to_string),
        }
    }
}
