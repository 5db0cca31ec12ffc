//! Orders: what somebody outside tells a station or a peer of the lab, by name.
//!
//! One more order is a row of [`ROWS`] and what it makes of its values. They reach stations by the [`Inbox`] of their thread,
//! and a [`World`](crate::world::World) by its plan.

mod demand;
mod inbox;
mod table;

use std::str::FromStr;

use quasimodem_core::{Change, Power};

use crate::broker;
use crate::cloud;
use crate::fault;
use crate::flat::{self, Bad, Key, Named, Values};
use crate::gateway;

pub(crate) use self::demand::Demand;
pub use self::inbox::{Answer, Inbox, Look, Mail};
pub use self::table::ROWS;

/// A row of the table of orders.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, in words with `-`.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its keys; of `fault` they are those of the fault.
    pub keys: &'static [Key],
    /// Those that it can't do without.
    pub(crate) needs: &'static [&'static str],
    /// One that may be given.
    pub example: &'static str,
    pub(crate) make: Make,
}

/// What an order is made of: its values, or what stands behind its name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    Values(fn(&Values) -> Order),
    Text(fn(&str) -> Result<Order, Bad>),
}

/// An order, read and checked: `fault packet-drop type=PUBACK`, `radio stat=2`, `broker-kick client_id=me`.
#[derive(Clone, Debug)]
pub enum Order {
    /// Faults change.
    Fault(fault::Order),
    /// The modem is told of this.
    Radio(Vec<Change>),
    /// The power of the module changes.
    Power(Power),
    /// The modem prints this, and knows nothing of it.
    Print(Vec<u8>),
    /// Somebody types this at the modem while no host has its port.
    Console(Vec<u8>),
    /// The broker of the lab does this.
    Broker(broker::Order),
    /// The gateway of the lab does this.
    Gateway(gateway::Order),
    /// What stands in for clouds does this.
    Clouds(cloud::Order),
    /// All begins anew.
    Reset(Reset),
}

/// How a run begins anew: faults as at its start, modems as out of their boxes, brokers and gateway empty. Hosts, ports and
/// addresses stay.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Reset {
    /// What faults draw from, from here on; `None`: what they did before.
    pub seed: Option<u64>,
    /// The broker and the gateway stay as they are.
    pub keeps_peers: bool,
}

/// Whom an order is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    /// A station.
    Station,
    /// The broker or the gateway of the lab, which not every run has.
    Peer,
    /// All of them together.
    Run,
}

impl FromStr for Order {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Order, Bad> {
        Order::of(ROWS, text)
    }
}

impl Order {
    /// An order with its keys as they stand in a table.
    ///
    /// # Errors
    ///
    /// There is no such order or key, or a value is not what is expected.
    pub fn from_pairs(name: &str, pairs: impl IntoIterator<Item = (String, String)>) -> Result<Order, Bad> {
        let pairs = pairs.into_iter().map(|(key, value)| format!("{key}={value}"));
        let words: Vec<String> = [name.to_owned()].into_iter().chain(pairs).collect();
        Order::of_words(ROWS, &words)
    }

    /// An order of a table.
    pub(crate) fn of(rows: &'static [Row], text: &str) -> Result<Order, Bad> {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Some(make) = rows.iter().find_map(|row| match row.make {
            Make::Text(make) if row.name == name => Some(make),
            _ => None,
        }) {
            return make(rest);
        }
        Order::of_words(rows, &shlex::split(text).ok_or(Bad::Quotes)?)
    }

    fn of_words(rows: &'static [Row], words: &[String]) -> Result<Order, Bad> {
        let (row, values) = flat::from_words(words, rows)?;
        if let Some(key) = row.needs.iter().find(|key| !values.has(key)) {
            return Err(Bad::Missing(row.name, key));
        }
        let Make::Values(make) = row.make else { return Err(Bad::NoValue(row.name.into())) };
        Ok(make(&values))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Order::Fault(fault::Order::Put(_) | fault::Order::PutAll(_)) => "fault",
            Order::Fault(fault::Order::Clear(_)) => "clear",
            Order::Fault(fault::Order::Cue(..)) => "trigger",
            Order::Radio(_) => "radio",
            Order::Power(_) => "power",
            Order::Print(_) => "urc",
            Order::Console(_) => "console",
            Order::Broker(broker::Order::Publish { .. }) => "broker-publish",
            Order::Broker(broker::Order::Kick(_)) => "broker-kick",
            Order::Broker(broker::Order::Restart { .. }) => "broker-restart",
            Order::Gateway(gateway::Order::Kick(_)) => "gateway-kick",
            Order::Gateway(gateway::Order::Restart) => "gateway-restart",
            Order::Reset(_) => "reset",
            Order::Broker(broker::Order::TakeOver(_)) => "broker-takeover",
            // Only faults demand something.
            Order::Broker(broker::Order::Demand(..))
            | Order::Gateway(gateway::Order::Demand(..))
            | Order::Clouds(cloud::Order::Demand(..)) => "fault",
        }
    }

    /// The fault or client that it names and that has to be there.
    pub(crate) fn names(&self) -> Option<&str> {
        match self {
            Order::Fault(fault::Order::Clear(id)) => id.as_deref(),
            Order::Fault(fault::Order::Cue(id, _)) => Some(id),
            Order::Broker(broker::Order::Kick(client)) | Order::Gateway(gateway::Order::Kick(client)) => Some(client),
            _ => None,
        }
    }

    /// A fault that it puts and that only a lab has.
    pub fn needs_lab(&self) -> Option<&'static str> {
        match self {
            Order::Fault(fault::Order::Put(spec)) => spec.needs_lab(),
            Order::Fault(fault::Order::PutAll(specs)) => specs.iter().find_map(fault::Spec::needs_lab),
            _ => None,
        }
    }

    /// A fault that it puts and that needs clouds.
    pub fn needs_clouds(&self) -> Option<&'static str> {
        match self {
            Order::Fault(fault::Order::Put(spec)) => spec.needs_clouds(),
            Order::Fault(fault::Order::PutAll(specs)) => specs.iter().find_map(fault::Spec::needs_clouds),
            _ => None,
        }
    }

    /// Whom it is for.
    pub fn whom(&self) -> For {
        match self {
            Order::Broker(_) | Order::Gateway(_) | Order::Clouds(_) => For::Peer,
            Order::Reset(_) => For::Run,
            Order::Fault(_) | Order::Radio(_) | Order::Power(_) | Order::Print(_) | Order::Console(_) => For::Station,
        }
    }
}

impl Named for Row {
    const WHAT: &'static str = "an order";
    const EXAMPLE: &'static str = "fault packet-drop type=PUBACK";

    fn name(&self) -> &'static str {
        self.name
    }

    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter()
    }
}
