//! The rows of all commands, in the manual's order, behind the basic ones.

mod basic;
mod open;
mod publish;
mod raw;
mod subscribe;
mod user;
mod will;

pub(crate) use raw::RawData;

use core::time::Duration;

use crate::at::{Command, Returns};

/// All commands. A test holds the names to be unique.
pub const COMMANDS: &[&Command] = &[
    &basic::AT_E,
    &basic::AT_I,
    &user::MQTTUSER,
    &open::MQTTOPEN,
    &open::MQTTCLOSE,
    &subscribe::MQTTSUB,
    &subscribe::MQTTUNSUB,
    &publish::MQTTPUB,
    &will::MQTTWILL,
];

/// Manual 1.5 to 1.7, 1.12: bytes of a topic.
const TOPIC: usize = 255;

/// Manual 1.7, 1.12: bytes of a payload.
const PAYLOAD: usize = 1024;

/// A result that comes within the 3000 ms of most asynchronous commands.
const URC_3S: Returns = Returns::Urc { within: Duration::from_millis(3000) };
