//! What turns pieces and packets into blocks: interfaces, addresses, times.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use quasimodem_core::{ClientId, Instant, Link, literal_address};

use super::pcapng::{self, EXPORTED, IP, P2p, Route};
use super::{Blocks, Crossed, Form, Packet};
use crate::event::Names;

pub(super) struct Writer<B> {
    blocks: B,
    /// Microseconds from 1970 to the start.
    start: u64,
    modems: Names,
    /// The interfaces that are there: of which station, and for what.
    interfaces: BTreeMap<(usize, u16), u32>,
    /// The addresses that stand for names.
    names: BTreeMap<String, Ipv4Addr>,
    /// Links that were opened.
    opened: u16,
    /// Ports of gateways of which it was said how to read them.
    ports: Vec<u16>,
}

/// What a module says its address is.
const MODULE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const MODULE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

/// From where on addresses stand for names (RFC 2544).
const NAMED: u32 = 0xC612_0001;

/// The first port that a system takes for a connection (RFC 6335 6).
const FIRST_PORT: u16 = 49_152;

impl<B: Blocks> Writer<B> {
    pub(super) fn new(modems: Names, start: u64, mut blocks: B) -> Writer<B> {
        blocks.block(pcapng::section(
            "AT commands, MQTT and HTTP are exported PDUs, above TLS; MQTT-SN is UDP, to be read with -d \
             udp.port==1884,mqttsn, or what port the gateway has. The module is 10.0.0.2; addresses of 198.18.0.0/15 stand \
             for names. Secrets are stars.",
            concat!("quasimodem ", env!("CARGO_PKG_VERSION")),
        ));
        Writer {
            blocks,
            start,
            modems,
            interfaces: BTreeMap::new(),
            names: BTreeMap::new(),
            opened: 0,
            ports: Vec::new(),
        }
    }

    /// The way of a new link, from the module to a host.
    pub(super) fn route(&mut self, host: &str, port: u16) -> Route {
        let address = literal_address(host).unwrap_or_else(|| IpAddr::V4(self.address_of(host)));
        let own = if address.is_ipv4() { MODULE.into() } else { MODULE_V6.into() };
        let own_port = FIRST_PORT + self.opened % (u16::MAX - FIRST_PORT);
        self.opened = self.opened.wrapping_add(1);
        Route { from: (own, own_port), to: (address, port) }
    }

    /// The address that stands for a name.
    fn address_of(&mut self, host: &str) -> Ipv4Addr {
        if let Some(address) = self.names.get(host) {
            return *address;
        }
        let count = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let address = Ipv4Addr::from_bits(NAMED + count % 0xFFFF);
        self.blocks.block(pcapng::name(address, host));
        // So many that the first ones come again.
        if self.names.len() < 0xFFFF {
            self.names.insert(host.into(), address);
        }
        address
    }

    /// What to tell Wireshark about the port of a gateway, said once for each.
    pub(super) fn how_to_read(&mut self, link: Link, route: Route) -> Option<String> {
        let port = route.to.1;
        if !ClientId::from_number(link.0.into())?.is_sn() || self.ports.contains(&port) {
            return None;
        }
        self.ports.push(port);
        Some(format!("MQTT-SN: read this with -d udp.port=={port},mqttsn"))
    }

    /// Writes what crossed a serial line.
    pub(super) fn crossed(&mut self, station: usize, crossed: &Crossed<'_>, comments: &mut Vec<String>) {
        let Crossed { when, direction, is_data, shown } = *crossed;
        let tags = pcapng::tags(if is_data { Err("raw data") } else { Ok("at") }, direction, None);
        self.pdu(when, station, tags, shown, shown.len(), comments);
    }

    /// Writes what went over a link.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        station: usize,
        direction: P2p,
        route: Route,
        packet: &Packet<'_>,
        comments: &mut Vec<String>,
    ) {
        let dissector = match packet.form {
            Form::Mqtt => Ok("mqtt"),
            Form::Http => Ok("http"),
            Form::Data => Err("unknown"),
            Form::Datagram => {
                let bytes = pcapng::datagram(route, packet.shown);
                let interface = self.interface(station, IP);
                return self.write(now, interface, &bytes, bytes.len(), comments);
            }
        };
        let tags = pcapng::tags(dissector, direction, Some(route));
        self.pdu(now, station, tags, packet.shown, packet.length, comments);
    }

    /// Writes comments with nothing that they are about.
    pub(super) fn only_comments(&mut self, now: Instant, station: usize, comments: &mut Vec<String>) {
        if !comments.is_empty() {
            let tags = pcapng::tags(Err("note"), P2p::Received, None);
            self.pdu(now, station, tags, &[], 0, comments);
        }
    }

    fn pdu(
        &mut self,
        when: Instant,
        station: usize,
        tags: Vec<u8>,
        shown: &[u8],
        length: usize,
        comments: &mut Vec<String>,
    ) {
        let mut bytes = tags;
        let length = bytes.len() + length;
        bytes.extend_from_slice(shown);
        let interface = self.interface(station, EXPORTED);
        self.write(when, interface, &bytes, length, comments);
    }

    fn write(&mut self, when: Instant, interface: u32, bytes: &[u8], length: usize, comments: &mut Vec<String>) {
        let micros = self.start.saturating_add(when.as_micros());
        self.blocks.block(pcapng::packet(interface, micros, bytes, length, comments));
        comments.clear();
    }

    /// The interface of a station for packets of this kind, which is written before its first packet.
    fn interface(&mut self, station: usize, link_type: u16) -> u32 {
        let next = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        *self.interfaces.entry((station, link_type)).or_insert_with(|| {
            let name = self.modems.of(station).unwrap_or_else(|| format!("modem{}", station + 1).into());
            let comment = if link_type == IP { "MQTT-SN" } else { "AT, MQTT, HTTP" };
            self.blocks.block(pcapng::interface(link_type, &name, comment));
            next
        })
    }

    pub(super) fn end(&mut self) {
        self.blocks.end();
    }

    pub(super) fn into_blocks(self) -> B {
        self.blocks
    }
}
