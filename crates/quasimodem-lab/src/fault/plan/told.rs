//! What is told of faults.

use std::fmt;
use std::ops::RangeInclusive;

use quasimodem_core::ClientId;

/// What a fault did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened<'a> {
    /// It is there and may hit from now on, or from the time on that it says; one that waits for an event says so when it
    /// begins.
    Armed {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
    },
    /// It hit something.
    Hit {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
        /// The client whose it was, if it was a client's.
        client: Option<ClientId>,
        /// What it hit: the type of a packet, a command, a kind of line and its beginning, a host, a name; `it` for what just
        /// happens.
        item: &'a str,
        /// Which of the matches of its scope it was, from 1.
        nth: u64,
    },
    /// It hit as often as it may; said where the modem is the scope (`per=modem`), since others may get new scopes.
    Spent {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
    },
    /// It was taken away, an event ended it, or nobody said it again in time; a fault that waits to begin again is not.
    Cleared {
        /// Its id.
        id: &'a str,
        /// The name of its row.
        fault: &'a str,
    },
}

impl fmt::Display for Happened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Happened::Armed { id, fault } => write!(f, "fault {id} is there: {fault}"),
            Happened::Hit { id, client: Some(client), item, nth, .. } => {
                write!(f, "fault {id} hits {item} of client {client}, number {nth}")
            }
            Happened::Hit { id, item, nth, .. } => write!(f, "fault {id} hits {item}, number {nth}"),
            Happened::Spent { id, .. } => write!(f, "fault {id} is spent"),
            Happened::Cleared { id, .. } => write!(f, "fault {id} is over"),
        }
    }
}

/// A fault that did not hit as often as was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unhit {
    /// Its id.
    pub id: String,
    /// How many things it was about.
    pub matches: u64,
    /// How many it hit.
    pub hits: u64,
    /// How many it was to hit.
    pub expected: RangeInclusive<u64>,
    /// What would have been a match but for one key, in words.
    pub near: Vec<String>,
    /// What it is about: one of it, and several; `None`: it just begins.
    pub(in crate::fault) things: Option<[&'static str; 2]>,
    /// The event that it waits for and that never came.
    pub(in crate::fault) waits: Option<String>,
}

/// What became of it, and what was expected.
impl fmt::Display for Unhit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unhit { id, matches, hits, expected, near, things, waits } = self;
        let [one, several] = things.unwrap_or(["time", "times"]);
        let things_of = if *matches == 1 { one } else { several };
        match (hits, matches, things, waits) {
            (0, 0, _, Some(event)) => write!(f, "fault {id} was never hit: it begins with {event}, which never came")?,
            (0, 0, Some(_), None) => write!(f, "fault {id} was never hit: nothing came that it is about")?,
            (0, 0, None, None) => write!(f, "fault {id} was never hit: it never began")?,
            (0, _, Some(_), _) => write!(f, "fault {id} was never hit: {matches} {things_of} came that it is about")?,
            (0, _, None, _) => write!(f, "fault {id} was never hit: it began {matches} {things_of} and met nothing")?,
            (_, _, Some(_), _) => write!(f, "fault {id} hit {hits} of {matches} {things_of} that it is about")?,
            (_, _, None, _) => write!(f, "fault {id} hit {hits} of the {matches} {things_of} that it began")?,
        }
        if *hits == 0 && !near.is_empty() {
            write!(f, ", but {}", near.join(", "))?;
        }
        match (expected.start(), expected.end()) {
            (1, &u64::MAX) => f.write_str("; optional=true if that may be"),
            (least, &u64::MAX) => write!(f, "; expected were {least} at least"),
            (exactly, _) => write!(f, "; expected were {exactly}"),
        }
    }
}
