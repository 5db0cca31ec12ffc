//! Drives one modem: brings it what happens at its serial end, its links and the clock, and carries out what it wants.

mod board;
#[cfg(test)]
mod budget;
mod faults;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{SystemTime, UNIX_EPOCH};

use quasimodem_core::{Change, Effect, Host, Input, Instant, Link, Modem, ModemLine, Outbox, Port, Power, Settings};
use quasimodem_lab::fault::Filters;
use quasimodem_lab::order::Inbox;
use quasimodem_lab::watch::{OnLink, Way};
use tokio::time;

use self::board::Followed;
use self::faults::tells;
use crate::host_map::HostMap;
use crate::link::{self, Links};
use crate::queue::Crossed;
use crate::serial::output::{Next, Output};
use crate::serial::{Event, SerialEnd};
use crate::tls::Tls;
use crate::watching::Watching;

/// What drivers of one thread are lent while they are polled.
pub(crate) struct Desk {
    lent: Lent,
    /// Where what is read is put.
    chunk: Box<[u8; Input::CHUNK]>,
}

/// What a driver works with.
struct Lent {
    /// Empty before and after each call.
    outbox: Outbox,
    watching: Watching,
    inbox: Arc<Inbox>,
    /// Of the run, from which faults draw.
    seed: u64,
}

impl Desk {
    pub(crate) fn new(watching: Watching, inbox: Arc<Inbox>, seed: u64) -> Desk {
        Desk { lent: Lent { outbox: Outbox::default(), watching, inbox, seed }, chunk: Box::new([0; Input::CHUNK]) }
    }

    /// Faults that come from here on draw from this.
    pub(crate) fn draw_from(&mut self, seed: u64) {
        self.lent.seed = seed;
    }
}

/// A modem with its serial end and its links.
///
/// All of it is one future without a task of its own: who polls it lends it a desk, so that many modems of one thread
/// can share one, and each owns no buffer but for what waits to be written.
pub(crate) struct Driver<E> {
    /// Its number, by which watches know it.
    station: usize,
    /// What goes wrong with packets, if anything does.
    filters: Option<Box<Filters>>,
    /// What its radio side follows, if anything.
    followed: Option<Box<Followed>>,
    modem: Modem,
    end: E,
    host: HostState,
    output: Output,
    /// Some output may not have left the serial end's own buffers.
    unflushed: bool,
    links: Links,
    start: time::Instant,
}

/// Why a modem ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// Its host left, and no other can come.
    HostLeft,
    /// Its host typed Ctrl-C at a terminal.
    Interrupted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HostState {
    Absent,
    /// Nobody has the port, but somebody typed by an order; what the modem answers is for those who watch.
    Console,
    Attached,
    /// It can't be written to any more; what it wrote is still to be read.
    Deaf,
    /// It writes nothing more; what is due to it, results included, is still to be written.
    Finished,
}

impl<E: SerialEnd> Driver<E> {
    /// A modem that is just switched on.
    pub(crate) fn new(
        station: usize,
        modem: Modem,
        end: E,
        hosts: Arc<HostMap>,
        tls: Arc<Tls>,
        start: time::Instant,
    ) -> Driver<E> {
        Driver {
            station,
            filters: None,
            followed: None,
            modem,
            end,
            host: HostState::Absent,
            output: Output::default(),
            unflushed: false,
            links: Links::new(hosts, tls),
            start,
        }
    }

    /// What was configured anew counts from here on: for the module from its next start on.
    pub(crate) fn configure(&mut self, hosts: Arc<HostMap>, tls: Arc<Tls>, settings: Arc<Settings>) {
        self.links.configure(hosts, tls);
        self.modem.configure(settings);
    }

    /// The modem's serial end.
    pub(crate) fn end(&self) -> &E {
        &self.end
    }

    /// Runs the modem until it ends, or its serial end fails. Pending, it wants to be polled again when it is woken, or when
    /// [`wakes_at`](Self::wakes_at) says.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, Desk { lent, chunk }: &mut Desk) -> Poll<io::Result<Ended>> {
        for _ in 0..ROUNDS {
            // Each port brings one chunk a round, so that none of them keeps the others waiting.
            let mut busy = false;
            match self.poll_serial(cx, &mut **chunk, lent)? {
                Poll::Ready(Some(ended)) => return Poll::Ready(Ok(ended)),
                Poll::Ready(None) => busy = true,
                Poll::Pending => {}
            }
            busy |= self.poll_links(cx, &mut **chunk, lent)?;
            busy |= self.poll_deadline(cx, lent)?;
            busy |= self.poll_faults(cx, lent)?;
            busy |= self.poll_board(cx, lent)?;
            let waited = !self.is_written_out();
            busy |= self.settle(cx, lent)?;
            // A host that finished has waited for this.
            busy |= waited && self.is_written_out();
            if !busy {
                return Poll::Pending;
            }
        }
        // There is more to do, but this thread may have other modems.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Switches the modem off; [`poll_off`](Self::poll_off) tells when all is said.
    pub(crate) fn power_off(&mut self, Desk { lent, .. }: &mut Desk) {
        let now = self.now();
        self.modem.power_off(now, &mut lent.outbox);
        self.show(now, &Input::Power(Power::Off), lent);
        self.carry_out(lent);
    }

    /// After [`power_off`](Self::power_off): ready when links and serial end have been written out. `Interrupted` if the
    /// host does not want to wait.
    pub(crate) fn poll_off(
        &mut self,
        cx: &mut Context<'_>,
        Desk { lent, chunk }: &mut Desk,
    ) -> Poll<io::Result<Ended>> {
        while !matches!(self.host, HostState::Absent | HostState::Console | HostState::Finished) {
            match self.end.poll_event(cx, true, &mut **chunk)? {
                Poll::Ready(Event::Interrupt) => return Poll::Ready(Ok(Ended::Interrupted)),
                Poll::Ready(Event::Finished) => self.host = HostState::Finished,
                Poll::Ready(Event::Left) => self.host = HostState::Absent,
                Poll::Ready(Event::Opened | Event::Settling | Event::Bytes(_) | Event::Line(_)) => {}
                Poll::Pending => break,
            }
        }
        self.write(cx, &lent.watching)?;
        let written = matches!(self.host, HostState::Absent | HostState::Console) || self.is_written_out();
        ready!(self.links.poll_closed(cx));
        if written { Poll::Ready(Ok(Ended::HostLeft)) } else { Poll::Pending }
    }

    /// One event of the serial end.
    fn poll_serial(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut [u8],
        lent: &mut Lent,
    ) -> io::Result<Poll<Option<Ended>>> {
        let reads = self.filters.as_ref().is_none_or(|filters| filters.reads_serial());
        let wants = reads && self.host != HostState::Finished && self.modem.wants(Port::Serial);
        let event = match self.end.poll_event(cx, wants, chunk) {
            Poll::Ready(event) => event?,
            Poll::Pending if self.host == HostState::Finished && self.is_written_out() && !self.modem.owes() => {
                Event::Left
            }
            Poll::Pending => return Ok(Poll::Pending),
        };
        match event {
            Event::Opened => {
                if self.host == HostState::Console {
                    self.feed(cx, Input::Host(Host::Detached), lent)?;
                }
                self.host = HostState::Attached;
                // The clock of timers may have stood still while the machine slept.
                if let Some(seconds) = wall_clock()
                    && let Some(change) = self.shown(Change::Clock(seconds))
                {
                    self.feed(cx, Input::Bearer(change), lent)?;
                }
                self.feed(cx, Input::Host(Host::Attached), lent)?;
            }
            Event::Bytes(count) => {
                let bytes = chunk.get(..count).unwrap_or_default();
                let spoiled = self.spoiled(bytes, lent);
                self.type_in(cx, spoiled.as_deref().unwrap_or(bytes), lent)?;
            }
            Event::Settling => self.feed(cx, Input::Host(Host::Settling), lent)?,
            Event::Line(line) => self.feed(cx, Input::Line(line), lent)?,
            Event::Finished => self.host = HostState::Finished,
            Event::Left => {
                self.host = HostState::Absent;
                if let Some(filters) = &mut self.filters {
                    filters.host_left();
                }
                self.output.clear();
                self.unflushed = false;
                self.end.hang_up()?;
                // Who sees this may open the port, and find it clean.
                self.feed(cx, Input::Host(Host::Detached), lent)?;
                if !E::OUTLIVES_HOST {
                    return Ok(Poll::Ready(Some(Ended::HostLeft)));
                }
            }
            Event::Interrupt => return Ok(Poll::Ready(Some(Ended::Interrupted))),
        }
        Ok(Poll::Ready(None))
    }

    /// One event of each link, and of the look-ups.
    fn poll_links(&mut self, cx: &mut Context<'_>, chunk: &mut [u8], lent: &mut Lent) -> io::Result<bool> {
        let mut busy = false;
        // What a link brings may close and open others. One that changes its place thereby has its turn in the next round.
        let mut index = 0;
        while let Some(link) = self.links.at(index) {
            index += 1;
            let reads = self.filters.as_ref().is_none_or(|filters| filters.reads(link));
            let wants = reads && self.modem.wants(Port::Link(link));
            let Poll::Ready(event) = self.links.poll(cx, link, wants, chunk) else {
                continue;
            };
            busy = true;
            let Some(event) = self.broken(cx, link, event, chunk, lent)? else { continue };
            let long;
            let input = match event {
                link::Event::Opened(agreed) => {
                    if let Some(agreed) = agreed {
                        self.on_link(link, &OnLink::Secured(&agreed), lent);
                    }
                    Input::Opened(link)
                }
                link::Event::Received(count) => Input::Received(link, chunk.get(..count).unwrap_or_default()),
                link::Event::Long(datagram) => {
                    long = datagram;
                    Input::Received(link, &long)
                }
                link::Event::Lost(size, why) => {
                    self.on_link(link, &OnLink::Lost(size, why), lent);
                    continue;
                }
                link::Event::Closed(why) => Input::Closed(link, why),
            };
            self.feed(cx, input, lent)?;
        }
        if let Poll::Ready((query, found)) = self.links.poll_lookup(cx) {
            busy = true;
            self.feed(cx, Input::Resolved(query, found), lent)?;
        }
        // Only to forget those that are done.
        let _ = self.links.poll_closed(cx);
        Ok(busy)
    }

    /// When it must be polled again if nothing else happens; the owner has a timer for that.
    pub(crate) fn wakes_at(&self) -> Option<time::Instant> {
        let faults = self.filters.as_ref().and_then(|filters| filters.deadline(self.now(), &self.modem));
        let deadlines = self.modem.deadline().into_iter().chain(faults);
        let deadlines = deadlines.map(|deadline| self.start + deadline.since(Instant::START));
        deadlines.chain(self.end.wakes_at()).min()
    }

    /// The modem's deadline, if it has come.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, lent: &mut Lent) -> io::Result<bool> {
        let is_due = self.modem.deadline().is_some_and(|deadline| deadline <= self.now());
        if is_due {
            self.feed(cx, Input::Tick, lent)?;
        }
        Ok(is_due)
    }

    /// Tells the modem of one thing, and does what it wants then.
    fn feed(&mut self, cx: &mut Context<'_>, input: Input<'_>, lent: &mut Lent) -> io::Result<()> {
        self.handle(input, lent);
        self.settle(cx, lent)?;
        Ok(())
    }

    /// Writes what can be written, and tells the modem of the marks that are crossed thereby; whether there was any.
    fn settle(&mut self, cx: &mut Context<'_>, lent: &mut Lent) -> io::Result<bool> {
        let mut busy = false;
        loop {
            self.write(cx, &lent.watching)?;
            let (port, crossed) = if let Some(crossed) = self.output.crossed() {
                (Port::Serial, crossed)
            } else if let Some((link, crossed)) = self.links.crossed() {
                (Port::Link(link), crossed)
            } else {
                return Ok(busy);
            };
            busy = true;
            let full = crossed == Crossed::High;
            if self.filters.as_mut().is_none_or(|filters| filters.turned(port, full)) {
                self.handle(if full { Input::Full(port) } else { Input::Free(port) }, lent);
            }
        }
    }

    fn handle(&mut self, input: Input<'_>, lent: &mut Lent) {
        let now = self.now();
        let seen = lent.watching.is_on().then(|| input.clone());
        match &mut self.filters {
            None => self.modem.handle(now, input, &mut lent.outbox),
            Some(filters) => {
                let tell = &mut tells(&lent.watching, now, self.station);
                let radio = self.modem.radio();
                self.modem.handle_through(now, input, &mut lent.outbox, &mut filters.gate(now, radio, tell));
            }
        }
        if let Some(input) = seen {
            self.show(now, &input, lent);
        }
        self.carry_out(lent);
    }

    /// Lets who watches see what the modem made of an input.
    fn show(&self, now: Instant, input: &Input<'_>, lent: &Lent) {
        lent.watching.see(|watch| watch.modem(now, self.station, input, &self.modem, &lent.outbox));
    }

    fn on_link(&self, link: Link, what: &OnLink<'_>, lent: &Lent) {
        lent.watching.see(|watch| watch.link(self.now(), self.station, link, what));
    }

    fn carry_out(&mut self, lent: &mut Lent) {
        let (now, station) = (self.now(), self.station);
        for effect in lent.outbox.effects() {
            match effect {
                Effect::Serial(kind, bytes) => {
                    if matches!(self.host, HostState::Attached | HostState::Finished) {
                        match &mut self.filters {
                            None => self.output.push(bytes.bytes()),
                            Some(filters) => {
                                let pieces =
                                    filters.printed(now, kind, bytes.bytes(), &mut tells(&lent.watching, now, station));
                                pieces.iter().for_each(|piece| self.output.push(piece));
                            }
                        }
                    }
                }
                Effect::Open { link, transport, host, port } => {
                    if let Some(filters) = &mut self.filters {
                        filters.opened(link);
                        let tell = &mut tells(&lent.watching, now, station);
                        let clock = self.modem.clock(now).or_else(wall_clock);
                        if !filters.connects(now, link, &transport, (host, port), clock, tell) {
                            continue;
                        }
                    }
                    let wrong = self.filters.as_ref().and_then(|filters| filters.wrong_clock(now));
                    let clock = self.modem.host_clock(now).or(wrong);
                    if let Some((host, port)) = self.links.open(link, &transport, host, port, clock) {
                        let led = OnLink::Led { host: &host, port };
                        lent.watching.see(|watch| watch.link(now, station, link, &led));
                    }
                }
                Effect::Send(link, bytes) => match &mut self.filters {
                    None => {
                        lent.watching.see(|watch| watch.sent(now, station, link, bytes.bytes()));
                        self.links.send(link, bytes.bytes());
                    }
                    Some(filters) => {
                        let tell = &mut tells(&lent.watching, now, station);
                        for packet in filters.up(now, link, bytes.bytes(), tell) {
                            lent.watching.see(|watch| watch.sent(now, station, link, &packet));
                            self.links.send(link, &packet);
                        }
                    }
                },
                Effect::Close(link) => {
                    let last = self.filters.as_mut().map(|filters| filters.closed(link)).unwrap_or_default();
                    for bytes in &last {
                        lent.watching.see(|watch| watch.sent(now, station, link, bytes));
                        self.links.send(link, bytes);
                    }
                    self.links.close(link);
                }
                Effect::Resolve(query, family, name) => {
                    let may = self.filters.as_mut().is_none_or(|filters| {
                        filters.looks_up(now, query, name, &mut tells(&lent.watching, now, station))
                    });
                    if may {
                        self.links.resolve(query, family, name);
                    }
                }
                Effect::Line(ModemLine::Uart(uart)) => self.output.set(uart),
                Effect::Line(line) => self.end.set_line(line),
                Effect::Note(note) => {
                    if let Some(filters) = &mut self.filters {
                        filters.noted(now, &note);
                    }
                }
            }
        }
        lent.outbox.clear();
    }

    /// Writes what the serial end and the links take.
    fn write(&mut self, cx: &mut Context<'_>, watching: &Watching) -> io::Result<()> {
        self.links.poll_write(cx);
        loop {
            match self.output.next() {
                Next::Nothing => break,
                Next::Write(bytes) => match self.end.poll_write(cx, bytes)? {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(0) => {
                        self.host = HostState::Deaf;
                        self.output.clear();
                    }
                    Poll::Ready(count) => {
                        let written = bytes.get(..count).unwrap_or_default();
                        watching.see(|watch| watch.serial(watching.now(), self.station, Way::ToHost, written));
                        self.output.written(count);
                        self.unflushed = true;
                    }
                },
                Next::Set(uart) => match self.end.poll_set(cx, uart)? {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(()) => self.output.is_set(),
                },
            }
        }
        if self.unflushed
            && let Poll::Ready(result) = self.end.poll_flush(cx)
        {
            self.unflushed = false;
            result?;
        }
        Ok(())
    }

    fn is_written_out(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// The time now, asked of the clock afresh.
    fn now(&self) -> Instant {
        Instant::START + self.start.elapsed()
    }
}

/// Seconds since 1970; `None` if nobody set the clock.
pub(crate) fn wall_clock() -> Option<i64> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    time.as_secs().try_into().ok()
}

/// Rounds of one poll, before other tasks of the thread have their turn.
const ROUNDS: usize = 16;
