//! MQTT-SN 1.2 (International Business Machines, 14 November 2013) as a codec: no I/O, no state, both roles.
//!
//! [`Packet::decode`] reads a datagram and checks every byte that means something, [`Packet::put`] writes one. A
//! packet borrows from the datagram it was read from. As text, a packet is one line: [`Packet`] implements `Display`,
//! and [`parse_words`] reads the same form.
//!
//! ```
//! use quasimodem_core::sn::{Packet, parse_words};
//!
//! let datagram = [0x08, 0x0c, 0x20, 0x00, 0x05, 0x00, 0x07, b'1'];
//! let packet = Packet::decode(&datagram)?;
//! assert_eq!(packet.to_string(), r#"publish @5 q1 #7 "1""#);
//! assert_eq!(parse_words(&packet.to_string()), Ok(datagram.to_vec()));
//! # Ok::<(), quasimodem_core::sn::Malformed>(())
//! ```

mod decode;
mod ids;
mod names;
mod packet;
mod predefined;
mod requests;
mod session;
mod subject;
#[cfg(test)]
mod tests;
mod traffic;
mod wire;
mod words;

pub use decode::Malformed;
pub(crate) use names::{Names, Registrar};
pub use packet::{Connect, MAX_DATAGRAM, MsgId, Packet, Publish, ReturnCode, Topic, TopicId, WillTopic};
pub use predefined::Predefined;
pub(crate) use requests::{End, Outcome};
pub(crate) use session::{Event, Greeting, Kept, Room, Session, Settled, say_will_message, say_will_topic};
pub(crate) use subject::Subject;
pub(crate) use wire::Wire;
pub use words::parse_words;
