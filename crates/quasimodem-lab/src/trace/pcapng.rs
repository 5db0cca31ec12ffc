//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng), and the tags of PDUs that Wireshark exports.

/// `LINKTYPE_WIRESHARK_UPPER_PDU`: tags that name a dissector, then its bytes.
pub(super) const EXPORTED: u16 = 252;

/// Bytes of a comment at most; an option holds 65535.
const COMMENT_MAX: usize = 1000;

/// The block that a file begins with.
pub(super) fn section(comment: &str, program: &str) -> Vec<u8> {
    let mut block = Block::new(0x0A0D_0D0A);
    // Byte order, version 1.0, and a length that is not known yet.
    block.u32(0x1A2B_3C4D);
    block.u16(1);
    block.u16(0);
    block.0.extend_from_slice(&(-1_i64).to_le_bytes());
    block.option(option::COMMENT, comment.as_bytes());
    block.option(option::USER_APPLICATION, program.as_bytes());
    block.end_of_options();
    block.end()
}

/// The block of an interface, whose times are microseconds.
pub(super) fn interface(link_type: u16, name: &str, comment: &str) -> Vec<u8> {
    let mut block = Block::new(1);
    block.u16(link_type);
    block.u16(0);
    // No limit for the length of packets.
    block.u32(0);
    block.option(option::COMMENT, comment.as_bytes());
    block.option(option::INTERFACE_NAME, name.as_bytes());
    block.option(option::TIME_RESOLUTION, &[6]);
    block.end_of_options();
    block.end()
}

/// The block of a packet of so many bytes, of which these are there, at so many microseconds since 1970.
pub(super) fn packet(interface: u32, micros: u64, bytes: &[u8], length: usize, comments: &[String]) -> Vec<u8> {
    let mut block = Block::new(6);
    block.u32(interface);
    block.u32(u32::try_from(micros >> 32).unwrap_or(u32::MAX));
    block.u32(u32::try_from(micros & 0xffff_ffff).unwrap_or(u32::MAX));
    block.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    block.u32(u32::try_from(length).unwrap_or(u32::MAX));
    block.0.extend_from_slice(bytes);
    block.pad();
    for comment in comments {
        let end = comment.floor_char_boundary(COMMENT_MAX);
        block.option(option::COMMENT, comment.get(..end).unwrap_or_default().as_bytes());
    }
    if !comments.is_empty() {
        block.end_of_options();
    }
    block.end()
}

/// Numbers of options.
mod option {
    pub(super) const COMMENT: u16 = 1;
    pub(super) const INTERFACE_NAME: u16 = 2;
    pub(super) const USER_APPLICATION: u16 = 4;
    pub(super) const TIME_RESOLUTION: u16 = 9;
}

/// A block in the making: its type, and a place for its length.
struct Block(Vec<u8>);

impl Block {
    fn new(kind: u32) -> Block {
        let mut block = Block(Vec::new());
        block.u32(kind);
        block.u32(0);
        block
    }

    fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.u16(code);
        self.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.0.extend_from_slice(value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default());
        self.pad();
    }

    fn end_of_options(&mut self) {
        self.u32(0);
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn end(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() + 4).unwrap_or(u32::MAX);
        self.u32(length);
        if let Some(place) = self.0.get_mut(4..8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.0
    }
}

/// Which way bytes go between a host and its modem, as Wireshark's AT dissector takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum P2p {
    /// By the host.
    Sent = 0,
    /// From the modem.
    Received = 1,
}

/// The tags in front of bytes for the dissector of this name. Those that no dissector knows go to `data`, which shows in the
/// list what they are called here.
pub(super) fn tags(dissector: Result<&str, &str>, direction: P2p) -> Vec<u8> {
    let mut tags = Vec::new();
    let mut tag = |kind: u16, value: &[u8]| {
        tags.extend_from_slice(&kind.to_be_bytes());
        tags.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        tags.extend_from_slice(value);
    };
    tag(12, dissector.unwrap_or("data").as_bytes());
    if let Err(called) = dissector {
        tag(33, called.as_bytes());
    }
    tag(35, &(direction as u32).to_be_bytes());
    tag(0, &[]);
    tags
}
