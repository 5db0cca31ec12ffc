//! Reading the fields of a packet.

use super::qos::{PacketId, Qos};
use super::topic::{check_common, check_wildcards};
use super::violation::Violation;

/// What of a packet's variable header and payload is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) bytes: &'a [u8],
    /// What is broken if the bytes are too few or too many.
    pub(super) section: &'static str,
}

impl<'a> Body<'a> {
    /// A topic filter, and the QoS after it if there is to be one.
    pub(super) fn filter(&mut self, with_qos: bool) -> Result<(&'a str, Option<Qos>), Violation> {
        let filter = self.text()?;
        check_common(filter)?;
        check_wildcards(filter)?;
        if !with_qos {
            return Ok((filter, None));
        }
        match Qos::from_number(self.byte()?) {
            Some(qos) => Ok((filter, Some(qos))),
            None => Err(Violation { rule: "MQTT-3.8.3-4", what: "a requested QoS is not 0, 1 or 2" }),
        }
    }

    pub(super) fn id(&mut self, rule: &'static str) -> Result<PacketId, Violation> {
        PacketId::new(self.number()?).ok_or(Violation { rule, what: "the packet identifier is 0" })
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Violation> {
        let Ok(text) = core::str::from_utf8(self.data()?) else {
            return Err(Violation { rule: "MQTT-1.5.3-1", what: "a string is not well-formed UTF-8" });
        };
        if text.contains('\0') {
            return Err(Violation { rule: "MQTT-1.5.3-2", what: "a string holds U+0000" });
        }
        Ok(text)
    }

    /// Bytes after their length.
    pub(super) fn data(&mut self) -> Result<&'a [u8], Violation> {
        let len = usize::from(self.number()?);
        self.take(len)
    }

    pub(super) fn number(&mut self) -> Result<u16, Violation> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Violation> {
        self.bytes.split_off_first().copied().ok_or(self.too_short())
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Violation> {
        self.bytes.split_off(..len).ok_or(self.too_short())
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.bytes)
    }

    fn too_short(&self) -> Violation {
        Violation { rule: self.section, what: "the packet is shorter than its fields" }
    }
}
