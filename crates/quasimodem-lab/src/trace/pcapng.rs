//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng), and the tags of PDUs that Wireshark exports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `LINKTYPE_WIRESHARK_UPPER_PDU`: tags that name a dissector, then its bytes.
pub(super) const EXPORTED: u16 = 252;

/// `LINKTYPE_RAW`: an IP packet.
pub(super) const IP: u16 = 101;

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

/// The block that says by which name an address goes here.
pub(super) fn name(address: Ipv4Addr, name: &str) -> Vec<u8> {
    let mut block = Block::new(4);
    let value = [&address.octets(), name.as_bytes(), &[0]].concat();
    block.option(1, &value);
    block.end_of_options();
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

/// Where a PDU comes from and goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Route {
    pub(super) from: (IpAddr, u16),
    pub(super) to: (IpAddr, u16),
}

impl Route {
    pub(super) fn back(self) -> Route {
        Route { from: self.to, to: self.from }
    }
}

/// The tags in front of bytes for the dissector of this name. Those that no dissector knows go to `data`, which shows in the
/// list what they are called here.
pub(super) fn tags(dissector: Result<&str, &str>, direction: P2p, route: Option<Route>) -> Vec<u8> {
    let mut tags = Vec::new();
    let mut tag = |kind: u16, value: &[u8]| {
        tags.extend_from_slice(&kind.to_be_bytes());
        tags.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        tags.extend_from_slice(value);
    };
    tag(12, dissector.unwrap_or("data").as_bytes());
    if let Some(Route { from, to }) = route {
        for ((address, _), v4) in [(from, 20), (to, 21)] {
            match address {
                IpAddr::V4(address) => tag(v4, &address.octets()),
                IpAddr::V6(address) => tag(v4 + 2, &address.octets()),
            }
        }
        // TCP.
        tag(24, &2_u32.to_be_bytes());
        tag(25, &u32::from(from.1).to_be_bytes());
        tag(26, &u32::from(to.1).to_be_bytes());
    }
    if let Err(called) = dissector {
        tag(33, called.as_bytes());
    }
    tag(35, &(direction as u32).to_be_bytes());
    tag(0, &[]);
    tags
}

/// A UDP datagram in an IP packet, with its checksums. Both ends are of the same family; longer data than a datagram holds is
/// cut.
pub(super) fn datagram(Route { from, to }: Route, data: &[u8]) -> Vec<u8> {
    let data = data.get(..data.len().min(MAX_DATA)).unwrap_or_default();
    let length = u16::try_from(UDP_HEADER + data.len()).unwrap_or(u16::MAX);
    let mut udp = Vec::with_capacity(usize::from(length));
    for field in [from.1, to.1, length, 0] {
        udp.extend_from_slice(&field.to_be_bytes());
    }
    udp.extend_from_slice(data);
    let (mut packet, addresses) = match (from.0, to.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (v4(from, to, length), [from.octets(), to.octets()].concat()),
        (from, to) => {
            let v6 = |address| match address {
                IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
                IpAddr::V6(address) => address,
            };
            let (from, to) = (v6(from), v6(to));
            (v6_header(from, to, length), [from.octets(), to.octets()].concat())
        }
    };
    let pseudo = [addresses.as_slice(), &[0, UDP], &length.to_be_bytes()].concat();
    let sum = match checksum(&[&pseudo, &udp]) {
        // Zero would mean that there is none.
        0 => u16::MAX,
        sum => sum,
    };
    if let Some(place) = udp.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend_from_slice(&udp);
    packet
}

const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const V4_HEADER: u16 = 20;
/// What fits into an IPv4 packet.
const MAX_DATA: usize = 65_507;

fn v4(from: Ipv4Addr, to: Ipv4Addr, length: u16) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend_from_slice(&length.saturating_add(V4_HEADER).to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, 0, 64, UDP, 0, 0]);
    header.extend_from_slice(&from.octets());
    header.extend_from_slice(&to.octets());
    let sum = checksum(&[&header]);
    if let Some(place) = header.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    header
}

fn v6_header(from: Ipv6Addr, to: Ipv6Addr, length: u16) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&[UDP, 64]);
    header.extend_from_slice(&from.octets());
    header.extend_from_slice(&to.octets());
    header
}

/// RFC 1071; all parts but the last one have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let high = pair.first().copied().unwrap_or_default();
        let low = pair.get(1).copied().unwrap_or_default();
        sum += u32::from(u16::from_be_bytes([high, low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}
