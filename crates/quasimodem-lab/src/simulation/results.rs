//! What the host is owed for the commands that it was told OK for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use quasimodem_core::Instant;

use super::reader::{Typed, Urc};
use super::scenario::Message;
use super::{Broken, Invariant};

/// The results of one modem.
#[derive(Default)]
pub(super) struct Results {
    /// By client and name, in the order of the commands.
    owed: BTreeMap<(u8, &'static str), VecDeque<Owed>>,
    accepted: u64,
    /// Breaks that are to be told, by client: what was accepted before them is told first.
    breaks: BTreeMap<u8, VecDeque<u64>>,
    /// Clients whose open was under way when the host left: it may have been accepted.
    unsure: BTreeSet<u8>,
}

struct Owed {
    number: u64,
    until: Instant,
    /// The token of a publish of QoS 1 or 2, or the filter of a subscription.
    what: Option<String>,
}

/// The asynchronous commands and their times (manual 1.2 to 1.7).
const COMMANDS: [(&str, u64); 5] =
    [("+MQTTOPEN", 5000), ("+MQTTCLOSE", 3000), ("+MQTTSUB", 3000), ("+MQTTUNSUB", 3000), ("+MQTTPUB", 3000)];

impl Results {
    /// A command line was answered with OK.
    pub(super) fn accepted(&mut self, typed: &Typed, message: Option<&(&String, &Message)>) {
        let Some((name, within, client)) = command(&typed.line) else { return };
        let what = match name {
            "+MQTTPUB" => message.filter(|(_, message)| message.qos > 0).map(|(token, _)| (*token).clone()),
            "+MQTTSUB" => String::from_utf8_lossy(&typed.line).split('"').nth(1).map(Into::into),
            _ => None,
        };
        self.accepted += 1;
        let owed = Owed { number: self.accepted, until: typed.at + Duration::from_millis(within), what };
        self.owed.entry((client, name)).or_default().push_back(owed);
    }

    /// The host left while this line was being answered.
    pub(super) fn left(&mut self, line: &[u8]) {
        if let Some(("+MQTTOPEN", _, client)) = command(line) {
            self.unsure.insert(client);
        }
    }

    /// The modem was reset, which drops what it owed.
    pub(super) fn reset(&mut self) {
        self.owed.clear();
        self.breaks.clear();
        self.unsure.clear();
    }

    /// An open client lost its connection.
    pub(super) fn broken(&mut self, client: u8) {
        self.breaks.entry(client).or_default().push_back(self.accepted);
    }

    /// The host is told something. `holds` says whether what a result reports as done is done.
    pub(super) fn told(&mut self, urc: &Urc, holds: impl Fn(&str, &str) -> bool) -> Result<(), Broken> {
        match urc {
            Urc::Result(name, client, status) => {
                let queue = self.owed.entry((*client, name)).or_default();
                let Some(owed) = queue.pop_front() else {
                    if *name == "+MQTTOPEN" && self.unsure.remove(client) {
                        return Ok(());
                    }
                    return Err(broken(format!("{name}: {client} is told, but nobody is owed that")));
                };
                if *name == "+MQTTCLOSE" {
                    self.check_before(*client, owed.number, "+MQTTCLOSE")?;
                }
                match &owed.what {
                    Some(what) if *status && !holds(name, what) => Err(Broken::new(
                        Invariant::Reported,
                        format!("{name}: {client},1 for {what}, of which the broker knows nothing"),
                    )),
                    _ => Ok(()),
                }
            }
            Urc::Break(client) => {
                let number = self.breaks.entry(*client).or_default().pop_front();
                let number = number.ok_or_else(|| broken(format!("a break of {client} that did not happen")))?;
                self.check_before(*client, number + 1, "+MQTTBREAK")
            }
            Urc::Message(..) | Urc::Arrived(..) | Urc::Other => Ok(()),
        }
    }

    /// The line is free: what had to be told by now was told.
    pub(super) fn check_late(&self, now: Instant) -> Result<(), Broken> {
        match self.owed.iter().find(|(_, queue)| queue.iter().any(|owed| owed.until <= now)) {
            Some(((client, name), _)) => Err(broken(format!("{name} of {client} is overdue, and the line is free"))),
            None => Ok(()),
        }
    }

    /// All is quiet: nobody is owed anything.
    pub(super) fn check_end(&self) -> Result<(), Broken> {
        if let Some((client, _)) = self.breaks.iter().find(|(_, breaks)| !breaks.is_empty()) {
            return Err(broken(format!("a break of {client} was never told")));
        }
        match self.owed.iter().find(|(_, queue)| !queue.is_empty()) {
            Some(((client, name), _)) => Err(broken(format!("{name} of {client} was never told"))),
            None => Ok(()),
        }
    }

    fn check_before(&self, whose: u8, number: u64, what: &str) -> Result<(), Broken> {
        let earlier = |(_, queue): &(&(u8, &str), &VecDeque<Owed>)| queue.iter().any(|owed| owed.number < number);
        match self.owed.iter().filter(|((client, _), _)| *client == whose).find(earlier) {
            Some(((client, name), _)) => Err(broken(format!("{what} of {client} is told before its {name}"))),
            None => Ok(()),
        }
    }
}

fn broken(what: String) -> Broken {
    Broken::new(Invariant::Results, what)
}

/// Name, time and client of a line that is the set form of an asynchronous command.
fn command(line: &[u8]) -> Option<(&'static str, u64, u8)> {
    let rest = line.strip_prefix(b"AT")?;
    let (name, within) = COMMANDS.into_iter().find(|(name, _)| {
        rest.strip_prefix(name.as_bytes()).is_some_and(|rest| matches!(rest, [b'=', b'0'..=b'9', ..]))
    })?;
    let client = rest.get(name.len() + 1).map(|digit| digit - b'0')?;
    Some((name, within, client))
}

/// The client of a line, for what is no asynchronous command.
pub(super) fn client_of(line: &[u8], name: &str) -> Option<u8> {
    let rest = line.strip_prefix(b"AT")?.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    rest.first().map(|digit| digit.wrapping_sub(b'0'))
}
