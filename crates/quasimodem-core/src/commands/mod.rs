//! The rows of all commands: first those of V.250 and 27.007, then those of the manual in its order.

mod basic;
mod cloud;
mod device;
mod network;
mod open;
mod pending;
mod profile;
mod publish;
mod raw;
mod receive;
mod registration;
mod sn;
mod subscribe;
mod tls;
mod user;
mod will;

pub(crate) use basic::put_quoted;
pub(crate) use network::{Context, put_cell};
pub(crate) use pending::Pending;
pub(crate) use profile::{Profile, Switches};
pub(crate) use raw::RawData;
pub(crate) use receive::READ_MAX;

use core::time::Duration;

use crate::at::{Command, Returns};

/// All commands. A test holds the names to be unique.
pub const COMMANDS: &[&Command] = &[
    &basic::E,
    &basic::V,
    &basic::Q,
    &basic::Z,
    &basic::AND_F,
    &basic::AND_C,
    &basic::AND_D,
    &basic::I,
    &device::CMEE,
    &device::CEER,
    &device::CGMI,
    &device::CGMM,
    &device::CGMR,
    &device::CGSN,
    &device::GSN,
    &device::CFSN,
    &device::CFUN,
    &device::RESET,
    &device::CPWROFF,
    &device::CIMI,
    &device::CCID,
    &device::ICCID,
    &device::IPR,
    &device::IFC,
    &device::ICF,
    &device::GTSET,
    &device::GTRAT,
    &device::GTWAKE,
    &network::CPIN,
    &network::CSQ,
    &network::CREG,
    &network::CGREG,
    &network::CEREG,
    &network::COPS,
    &network::CGATT,
    &network::CGDCONT,
    &network::CGPADDR,
    &network::CGACT,
    &network::MIPCALL,
    &network::MIPDNS,
    &network::CCLK,
    &tls::GTSSLMODE,
    &tls::GTSSLVER,
    &tls::GTSSLFILE,
    &tls::GTSSLERR,
    &user::MQTTUSER,
    &open::MQTTOPEN,
    &open::MQTTCLOSE,
    &subscribe::MQTTSUB,
    &subscribe::MQTTUNSUB,
    &publish::MQTTPUB,
    &receive::MQTTCONF,
    &receive::MQTTREAD,
    &will::MQTTWILL,
    &sn::MQTTSNCID,
    &sn::MQTTSNREG,
    &sn::MQTTWTOPICUD,
    &sn::MQTTWMSGUD,
    &registration::MQTTAUTHDYN,
    &cloud::MQTTAUTHCFG,
];

/// Manual 1.5 to 1.7, 1.12, 1.14, 1.15: bytes of a topic.
const TOPIC: usize = 255;

/// Manual 1.7, 1.12, 1.16: bytes of a payload.
const PAYLOAD: usize = 1024;

/// A result that comes within the 3000 ms of most asynchronous commands.
const URC_3S: Returns = Returns::Urc { within: Duration::from_millis(3000) };
