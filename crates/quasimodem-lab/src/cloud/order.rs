//! What somebody outside tells what stands in for clouds.

use super::devices::{Fault, Registry};
use crate::broker::Code;

/// What somebody outside tells the stand-ins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// This is demanded of them under this name from here on, or nothing more.
    Demand(Box<str>, Option<Demand>),
}

/// What they are to do for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// Spoil each answer.
    Spoil(Fault),
    /// Let nobody in.
    Refuse(Code),
}

impl Registry {
    /// Carries out an order, for all clouds.
    pub fn order(&self, order: Order) {
        let Order::Demand(name, demand) = order;
        let demands = &mut self.lock().demands;
        match demand {
            Some(demand) => drop(demands.insert(name, demand)),
            None => drop(demands.remove(&name)),
        }
    }

    /// With what logins are refused.
    pub(super) fn refuses(&self) -> Option<Code> {
        self.lock().demands.values().find_map(|demand| match demand {
            Demand::Refuse(code) => Some(*code),
            Demand::Spoil(_) => None,
        })
    }
}
