//! MQTT 3.1.1 (OASIS Standard, 29 October 2014) as a codec: no I/O, no state, both roles.
//!
//! [`frame_len`] finds the end of a packet in a stream, [`Packet::decode`] reads it and checks every byte,
//! [`Packet::encode`] writes it. A packet borrows from the bytes it was read from. As text, a packet is one line:
//! [`Packet`] implements `Display`, and [`parse_words`] reads the same form.
//!
//! ```
//! use quasimodem_core::mqtt::{Packet, frame_len, parse_words};
//!
//! let bytes = [0x30, 0x06, 0x00, 0x03, b'a', b'/', b'b', b'1', 0xd0];
//! assert_eq!(frame_len(&bytes, 1024), Ok(Some(8)));
//! let packet = Packet::decode(&bytes[..8])?;
//! assert_eq!(packet.to_string(), r#"publish "a/b" q0 "1""#);
//! assert_eq!(parse_words(&packet.to_string()), Ok(bytes[..8].to_vec()));
//! # Ok::<(), quasimodem_core::mqtt::Violation>(())
//! ```

mod body;
mod connack;
mod decode;
mod flights;
mod id_set;
mod ids;
mod kept;
mod odd;
mod oversize;
mod packet;
mod qos;
mod session;
#[cfg(test)]
mod tests;
mod topic;
mod violation;
mod words;

pub(crate) use connack::connack_words;
pub use decode::frame_len;
pub(crate) use decode::is_publish;
pub(crate) use ids::PacketIds;
pub(crate) use kept::{KeptSessions, Key};
pub use odd::{OddAck, OddMessage, TooLarge};
pub use packet::{Connect, Filters, Packet, Publish, Will};
pub use qos::{PacketId, Qos};
pub(crate) use session::{Event, Odd, Session, TLS_RECORD, Wire};
pub use topic::{is_filter, is_name, matches};
pub use violation::Violation;
pub use words::parse_words;
