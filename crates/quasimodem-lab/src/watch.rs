//! The seam at which everything that a station does can be seen: logs, transcripts, events and judges are watches and
//! nothing else.
//!
//! A watch is told of each call of [`Modem::handle`], in real time as in virtual time, and of what happens around it. It
//! decides nothing. Where nobody watches, nothing is paid.

use std::fmt::Display;

use quasimodem_core::{Input, Instant, Link, Modem, Outbox};

use crate::event::Event;
use crate::fault::Happened;
use crate::network::Wire;
use crate::{broker, gateway};

/// Sees what happens to stations, which go by their numbers, and to the peers of a lab. Each method does nothing unless it
/// is written.
pub trait Watch {
    /// A modem took an input in, and this is what it made of it; `modem` is as it is after that, and `out` holds all that
    /// this input caused, and no more.
    fn modem(&mut self, _now: Instant, _station: usize, _input: &Input<'_>, _modem: &Modem, _out: &Outbox) {}

    /// A host came to a module that is not ours, or left it: nothing but its [bytes](Watch::serial) tells of that one.
    fn host(&mut self, _now: Instant, _station: usize, _here: bool) {}

    /// Bytes crossed the serial line of a station, after all that delays or changes them.
    fn serial(&mut self, _now: Instant, _station: usize, _way: Way, _bytes: &[u8]) {}

    /// Something happened to a link that neither the modem asked for nor is told of.
    fn link(&mut self, _now: Instant, _station: usize, _link: Link, _what: &OnLink<'_>) {}

    /// Bytes went out over a link of a station, above TLS: what the modem sent, as far as faults let it go on, and as they
    /// changed it. What comes over links is an input of the modem.
    fn sent(&mut self, _now: Instant, _station: usize, _link: Link, _bytes: &[u8]) {}

    /// A fault is there, hit something at a station, or will hit nothing more.
    fn fault(&mut self, _now: Instant, _station: usize, _what: &Happened<'_>) {}

    /// In virtual time: a modem's link is this wire from here on; to this broker it is the peer of the same number.
    fn linked(&mut self, _now: Instant, _station: usize, _link: Link, _wire: Wire, _broker: usize) {}

    /// A broker of the lab did something; `which` counts from 0.
    fn broker(&mut self, _now: Instant, _which: usize, _note: &broker::Note) {}

    /// A server of the lab that is neither broker nor gateway did something: what stands in for a cloud.
    fn server(&mut self, _now: Instant, _name: &'static str, _note: &dyn Display) {}

    /// Whether it hears of messages that pass through servers. If nobody does, they are not even noted where that takes
    /// memory.
    fn hears_messages(&self) -> bool {
        true
    }

    /// The gateway did something.
    fn gateway(&mut self, _now: Instant, _note: &gateway::Note) {}

    /// The brokers went down and came up again, with their sessions (`keep`) or without.
    fn restarted(&mut self, _now: Instant, _keep: bool) {}

    /// A part of the program has something to say of itself.
    fn remark(&mut self, _now: Instant, _of: Of, _weight: Weight, _words: &dyn Display) {}

    /// What nothing else tells: that a run begins or ends.
    fn run(&mut self, _now: Instant, _event: &Event<'_>) {}
}

/// Who makes a remark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// The serial end of a station.
    Station(usize),
    /// A part of the program that goes by this name: a server, say.
    Part(&'static str),
}

/// How much a remark matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Worth a word to those who asked what happens.
    Detail,
    /// Worth a word in any case: nothing else tells why something does not work.
    Warning,
}

/// Which way bytes go on a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the host to the modem.
    ToModem,
    /// From the modem to the host.
    ToHost,
}

/// What happens to a link besides what the modem does and hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnLink<'a> {
    /// It leads elsewhere than the modem asked for.
    Led {
        /// Name or address.
        host: &'a str,
        /// Port, 1 to 65535.
        port: u16,
    },
    /// TLS was agreed on, in these words: its version, cipher suite and ALPN.
    Secured(&'a str),
    /// A datagram of so many bytes was thrown away, and why.
    Lost(usize, &'static str),
}

/// What holds several watches, and is one by that: each of them sees all.
pub trait Watches {
    /// Shows something to one after the other.
    fn each(&mut self, show: &mut dyn FnMut(&mut dyn Watch));
}

impl Watches for Vec<Box<dyn Watch + Send>> {
    fn each(&mut self, show: &mut dyn FnMut(&mut dyn Watch)) {
        self.iter_mut().for_each(|watch| show(&mut **watch));
    }
}

/// Two watches.
pub(crate) struct Both<'a>(pub(crate) &'a mut dyn Watch, pub(crate) &'a mut dyn Watch);

impl Watches for Both<'_> {
    fn each(&mut self, show: &mut dyn FnMut(&mut dyn Watch)) {
        show(self.0);
        show(self.1);
    }
}

impl<W: Watches> Watch for W {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.each(&mut |watch| watch.modem(now, station, input, modem, out));
    }

    fn host(&mut self, now: Instant, station: usize, here: bool) {
        self.each(&mut |watch| watch.host(now, station, here));
    }

    fn serial(&mut self, now: Instant, station: usize, way: Way, bytes: &[u8]) {
        self.each(&mut |watch| watch.serial(now, station, way, bytes));
    }

    fn link(&mut self, now: Instant, station: usize, link: Link, what: &OnLink<'_>) {
        self.each(&mut |watch| watch.link(now, station, link, what));
    }

    fn sent(&mut self, now: Instant, station: usize, link: Link, bytes: &[u8]) {
        self.each(&mut |watch| watch.sent(now, station, link, bytes));
    }

    fn fault(&mut self, now: Instant, station: usize, what: &Happened<'_>) {
        self.each(&mut |watch| watch.fault(now, station, what));
    }

    fn linked(&mut self, now: Instant, station: usize, link: Link, wire: Wire, broker: usize) {
        self.each(&mut |watch| watch.linked(now, station, link, wire, broker));
    }

    fn broker(&mut self, now: Instant, which: usize, note: &broker::Note) {
        self.each(&mut |watch| watch.broker(now, which, note));
    }

    fn gateway(&mut self, now: Instant, note: &gateway::Note) {
        self.each(&mut |watch| watch.gateway(now, note));
    }

    fn server(&mut self, now: Instant, name: &'static str, note: &dyn Display) {
        self.each(&mut |watch| watch.server(now, name, note));
    }

    fn restarted(&mut self, now: Instant, keep: bool) {
        self.each(&mut |watch| watch.restarted(now, keep));
    }

    fn remark(&mut self, now: Instant, of: Of, weight: Weight, words: &dyn Display) {
        self.each(&mut |watch| watch.remark(now, of, weight, words));
    }

    fn run(&mut self, now: Instant, event: &Event<'_>) {
        self.each(&mut |watch| watch.run(now, event));
    }
}
