//! rtnetlink(7): asks the kernel about one interface, and hears that something changed.
//!
//! Three requests without options, and five fields of what comes back; a crate for all of rtnetlink would bring five more
//! with it, procedural macros among them. Numbers are those of the kernel's `linux/rtnetlink.h` and its kin.

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::Coverage;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::serial::pty::register;

/// Kinds of messages.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;

/// NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x1 | 0x300;

/// RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV4_ROUTE.
const GROUPS: u32 = 0x1 | 0x10 | 0x40;

/// Sizes of headers: of a message, and behind it `ifinfomsg`, `ifaddrmsg` and `rtmsg`.
const NLMSGHDR: usize = 16;
const IFINFOMSG: usize = 16;
const IFADDRMSG: usize = 8;
const RTMSG: usize = 12;

/// Kinds of attributes.
const IFLA_IFNAME: u16 = 3;
const IFLA_OPERSTATE: u16 = 16;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_MULTIPATH: u16 = 9;

/// Flags of a link.
const IFF_UP: u32 = 0x1;
const IFF_LOWER_UP: u32 = 0x1_0000;

/// States of RFC 2863: drivers that don't tell theirs are unknown, as modems often are.
const IF_OPER_UNKNOWN: u8 = 0;
const IF_OPER_UP: u8 = 6;

/// Of an address: another one of the same network.
const IFA_F_SECONDARY: u8 = 0x1;

const AF_INET: u8 = 2;
const RTN_UNICAST: u8 = 1;

/// The kernel fills no more than 32 KiB at once.
const ANSWER: usize = 32 * 1024;

/// It answers at once; this only keeps a modem from hanging if it does not.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the interface of this name has for a modem. One that is not there has nothing.
pub(super) fn coverage(name: &str) -> io::Result<Coverage> {
    let mut link = None;
    dump(RTM_GETLINK, RTM_NEWLINK, IFINFOMSG, |header, attributes| {
        if attribute(attributes, IFLA_IFNAME).is_some_and(|found| found.strip_suffix(&[0]) == Some(name.as_bytes())) {
            let (Some(index), Some(flags)) = (number(header, 4), number(header, 8)) else { return };
            let state = attribute(attributes, IFLA_OPERSTATE).and_then(|state| state.first().copied());
            let is_up = flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP;
            link = Some((index, is_up && matches!(state, None | Some(IF_OPER_UNKNOWN | IF_OPER_UP))));
        }
    })?;
    let Some((link, true)) = link else { return Ok(Coverage::None) };

    let mut address = None;
    dump(RTM_GETADDR, RTM_NEWADDR, IFADDRMSG, |header, attributes| {
        let is_first = header.get(2).is_some_and(|flags| flags & IFA_F_SECONDARY == 0);
        if header.first() == Some(&AF_INET) && is_first && number(header, 4) == Some(link) && address.is_none() {
            // Where there is a peer, the address of that kind is the peer's.
            let found = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS));
            address = found.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(Ipv4Addr::from);
        }
    })?;
    let Some(address) = address else { return Ok(Coverage::NoData) };

    let mut leads_out = false;
    dump(RTM_GETROUTE, RTM_NEWROUTE, RTMSG, |header, attributes| {
        // To everywhere, in whatever table.
        let is_default =
            header.first() == Some(&AF_INET) && header.get(1) == Some(&0) && header.get(7) == Some(&RTN_UNICAST);
        let by = |attributes| attribute(attributes, RTA_OIF).and_then(|bytes| number(bytes, 0));
        leads_out |= is_default && (by(attributes) == Some(link) || hops(attributes).any(|hop| hop == link));
    })?;
    Ok(if leads_out { Coverage::Data(address) } else { Coverage::NoData })
}

/// The interfaces of a route over several (`rtnexthop`: length, flags, hops, index).
fn hops(attributes: &[u8]) -> impl Iterator<Item = u32> {
    let mut rest = attribute(attributes, RTA_MULTIPATH).unwrap_or_default();
    std::iter::from_fn(move || {
        let (index, length) = (number(rest, 4)?, usize::from(short(rest, 0)?));
        rest = rest.get(aligned(length).max(8)..).unwrap_or_default();
        Some(index)
    })
}

/// Asks for all things of a kind; `each` is given the header and the attributes of each.
fn dump(request: u16, answer: u16, header: usize, mut each: impl FnMut(&[u8], &[u8])) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    send(&socket, &asking(request, header), SendFlags::empty())?;
    let mut chunk = vec![0; ANSWER];
    loop {
        let (count, _) = match recv(&socket, &mut chunk[..], RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            received => received?,
        };
        let mut rest = chunk.get(..count).unwrap_or_default();
        while let Some(((kind, message), after)) = next_message(rest) {
            rest = after;
            match kind {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => {
                    let code = number(message, 0).unwrap_or_default().cast_signed();
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
                _ if kind == answer => {
                    if let Some((header, attributes)) = message.split_at_checked(header) {
                        each(header, attributes);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A request for all things of a kind, of IPv4 where there are families: links have none, and their zero is IPv4's as well.
fn asking(request: u16, header: usize) -> Vec<u8> {
    let length = NLMSGHDR + header;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or_default().to_ne_bytes());
    bytes.extend(request.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.resize(NLMSGHDR, 0);
    bytes.push(if request == RTM_GETLINK { 0 } else { AF_INET });
    bytes.resize(length, 0);
    bytes
}

/// A message: its kind and its content.
type Message<'a> = (u16, &'a [u8]);

/// The first message, and what stands behind it.
fn next_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = number(bytes, 0)?.try_into().ok()?;
    let message = ((short(bytes, 4)?), bytes.get(NLMSGHDR..length)?);
    Some((message, bytes.get(aligned(length)..).unwrap_or_default()))
}

/// The value of an attribute, if it is there (`rtattr`: length, kind, value).
fn attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(short(bytes, 0)?);
        let value = bytes.get(4..length)?;
        // The two bits on top are flags.
        if short(bytes, 2)? & 0x3fff == kind {
            return Some(value);
        }
        bytes = bytes.get(aligned(length)..)?;
    }
}

/// Messages and attributes begin at multiples of four.
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + size_of::<u16>())?.try_into().ok()?))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + size_of::<u32>())?.try_into().ok()?))
}

/// Hears of changes of any link, address or route, but not of which.
pub(super) struct Changes(AsyncFd<Arc<OwnedFd>>);

impl Changes {
    pub(super) fn new() -> io::Result<Changes> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Changes(register(socket.into(), Interest::READABLE)?))
    }

    /// Waits for the next one. [`skip`](Self::skip) must follow.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        Ok(())
    }

    /// Skips all that came.
    pub(super) fn skip(&mut self) -> io::Result<()> {
        loop {
            // One byte is enough: the rest of a message goes with it.
            match recv(&self.0, &mut [0; 1][..], RecvFlags::empty()) {
                // What the kernel had no room for were changes as well.
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
