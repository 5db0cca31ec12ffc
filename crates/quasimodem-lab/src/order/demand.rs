//! What faults demand of the peers of a lab while they last.

use super::Order;
use crate::{broker, cloud, gateway};

/// What a fault demands of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Demand {
    Broker(broker::Demand),
    Gateway(gateway::Demand),
    Clouds(cloud::Demand),
}

impl Demand {
    /// The order that makes it under a name, or takes it back.
    pub(crate) fn order(self, name: Box<str>, begins: bool) -> Order {
        match self {
            Demand::Broker(demand) => Order::Broker(broker::Order::Demand(name, begins.then_some(demand))),
            Demand::Gateway(demand) => Order::Gateway(gateway::Order::Demand(name, begins.then_some(demand))),
            Demand::Clouds(demand) => Order::Clouds(cloud::Order::Demand(name, begins.then_some(demand))),
        }
    }
}
