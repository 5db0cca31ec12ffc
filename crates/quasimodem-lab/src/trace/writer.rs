//! What turns pieces and packets into blocks: interfaces, addresses, times.

use std::collections::BTreeMap;

use quasimodem_core::Instant;

use super::pcapng::{self, EXPORTED, P2p};
use super::{Blocks, Crossed};

pub(super) struct Writer<B> {
    blocks: B,
    /// Microseconds from 1970 to the start.
    start: u64,
    /// The names of the modems.
    modems: Vec<String>,
    /// The interfaces that are there: of which station, and for what.
    interfaces: BTreeMap<(usize, u16), u32>,
}

impl<B: Blocks> Writer<B> {
    pub(super) fn new(modems: impl IntoIterator<Item = String>, start: u64, mut blocks: B) -> Writer<B> {
        blocks.block(pcapng::section(
            "AT commands are exported PDUs. Secrets are stars.",
            concat!("quasimodem ", env!("CARGO_PKG_VERSION")),
        ));
        Writer { blocks, start, modems: modems.into_iter().collect(), interfaces: BTreeMap::new() }
    }

    /// Writes what crossed a serial line.
    pub(super) fn crossed(&mut self, station: usize, crossed: &Crossed<'_>, comments: &mut Vec<String>) {
        let Crossed { when, direction, is_data, shown } = *crossed;
        let tags = pcapng::tags(if is_data { Err("raw data") } else { Ok("at") }, direction);
        self.pdu(when, station, tags, shown, shown.len(), comments);
    }

    /// Writes comments with nothing that they are about.
    pub(super) fn only_comments(&mut self, now: Instant, station: usize, comments: &mut Vec<String>) {
        if !comments.is_empty() {
            let tags = pcapng::tags(Err("note"), P2p::Received);
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
            let name = self.modems.get(station).map_or_else(|| format!("modem{}", station + 1), Clone::clone);
            self.blocks.block(pcapng::interface(link_type, &name, "AT"));
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
