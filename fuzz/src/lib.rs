//! What the fuzz targets do with their bytes. Whatever these are, none may panic; where a contract can be checked on
//! the way, it is.

mod broker;
mod com_port;
mod datagram;
mod dictionary;
mod gateway;
mod http;
mod json;
mod lab_cloud;
mod modem;
mod packet;
mod reader;
mod rig;
mod script;
mod serial;
mod tuya;

pub use broker::broker;
pub use com_port::com_port;
pub use datagram::datagram;
pub use dictionary::dictionary;
pub use gateway::gateway;
pub use http::http;
pub use json::json;
pub use lab_cloud::lab_cloud;
pub use modem::modem;
pub use packet::packet;
pub use script::script;
pub use serial::serial;
pub use tuya::tuya;

/// What takes the bytes of a fuzz target.
pub type Body = fn(&[u8]);

/// The targets by name; each has a directory of that name in `corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("serial", serial),
    ("packet", packet),
    ("datagram", datagram),
    ("modem", modem),
    ("broker", broker),
    ("gateway", gateway),
    ("com_port", com_port),
    ("tuya", tuya),
    ("http", http),
    ("json", json),
    ("lab_cloud", lab_cloud),
    ("script", script),
];
