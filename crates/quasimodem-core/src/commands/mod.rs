//! The rows of all commands: first those of V.250 and 27.007, then those of the manual in its order.

mod basic;
mod clock;
mod cloud;
mod device;
mod gnss;
mod network;
mod open;
mod pending;
mod profile;
mod publish;
mod raw;
mod receive;
mod registration;
mod shown;
mod sn;
mod subscribe;
mod tls;
mod user;
mod will;

pub(crate) use open::client_id;
pub(crate) use pending::Pending;
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
    &basic::AND_W,
    &basic::AND_C,
    &basic::AND_D,
    &basic::AND_K,
    &basic::AND_S,
    &basic::I,
    &basic::H,
    &basic::L,
    &basic::M,
    &basic::P,
    &basic::T,
    &basic::X,
    &shown::S0,
    &shown::S2,
    &shown::S3,
    &shown::S4,
    &shown::S5,
    &shown::S6,
    &shown::S7,
    &shown::S8,
    &shown::S10,
    &shown::S12,
    &shown::FCLASS,
    &device::CMEE,
    &device::CEER,
    &device::CGMI,
    &device::CGMM,
    &device::CGMR,
    &device::GMI,
    &device::GMM,
    &device::GMR,
    &device::GCAP,
    &device::CGSN,
    &device::GSN,
    &device::CFSN,
    &device::CPAS,
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
    &network::CESQ,
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
    &clock::CCLK,
    &clock::CTZU,
    &shown::CTZR,
    &shown::CGEREP,
    &shown::CSCS,
    &shown::CMGF,
    &gnss::GTGPSPOWER,
    &gnss::GTGPS,
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
