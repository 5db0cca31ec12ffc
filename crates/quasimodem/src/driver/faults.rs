//! Faults and orders at work on a driver's modem.

use std::io;
use std::task::Context;

use quasimodem_core::{Change, Host, Input, Instant, Link, Port, Power};
use quasimodem_lab::fault::{Due, Filters, Happened, Plan, Unhit};
use quasimodem_lab::flat::Bad;
use quasimodem_lab::order::Order;
use quasimodem_lab::state::State;
use quasimodem_lab::watch::Way;

use super::{Desk, Driver, HostState, Lent, wall_clock};
use crate::link;
use crate::serial::SerialEnd;
use crate::watching::Watching;

impl<E: SerialEnd> Driver<E> {
    /// Lets faults work on what goes over links, in the place of those that did.
    pub(crate) fn break_by(&mut self, plan: Plan, Desk { lent, .. }: &Desk) {
        let (filters, now) = (self.filters(plan), self.now());
        filters.announce(&mut tells(&lent.watching, now, self.station));
        self.filters = Some(filters);
        self.listen(lent);
    }

    /// Carries out what somebody outside tells this modem, now.
    ///
    /// # Errors
    ///
    /// It names a fault that is not there.
    pub(crate) fn order(&mut self, order: Order, Desk { lent, .. }: &mut Desk) -> Result<(), Bad> {
        let mut outcome = Ok(());
        match order {
            Order::Radio(changes) => {
                for change in changes {
                    if let Some(change) = self.shown(change) {
                        self.handle(Input::Bearer(change), lent);
                    }
                }
                self.ordered();
            }
            Order::Power(power) => self.handle(Input::Power(power), lent),
            Order::Print(bytes) => self.print(&bytes),
            Order::Console(bytes) => outcome = self.console(&bytes, lent),
            Order::Fault(order) => {
                let (now, station) = (self.now(), self.station);
                let mut filters = match self.filters.take() {
                    Some(filters) => filters,
                    None => self.filters(Plan::empty(lent.seed, station)),
                };
                outcome = filters.plan_mut().order(order, now, &mut tells(&lent.watching, now, station));
                self.filters = Some(filters);
                self.listen(lent);
            }
            // These are no station's.
            Order::Broker(_) | Order::Gateway(_) | Order::Clouds(_) | Order::Reset(_) => {}
        }
        outcome
    }

    /// Somebody types at the modem while no host does.
    fn console(&mut self, bytes: &[u8], lent: &mut Lent) -> Result<(), Bad> {
        match self.host {
            HostState::Absent => {
                self.host = HostState::Console;
                self.handle(Input::Host(Host::Attached), lent);
            }
            HostState::Console => {}
            HostState::Attached | HostState::Deaf | HostState::Finished => return Err(Bad::HasHost),
        }
        if !self.modem.wants(Port::Serial) {
            return Err(Bad::Busy);
        }
        let typed = self.spoiled(bytes, lent).unwrap_or_else(|| bytes.to_owned());
        for chunk in typed.chunks(Input::CHUNK) {
            lent.watching.see(|watch| watch.serial(self.now(), self.station, Way::ToModem, chunk));
            self.handle(Input::Serial(chunk), lent);
        }
        Ok(())
    }

    /// The first half of a reset: faults are over, and the module is off.
    pub(crate) fn forget(&mut self, Desk { lent, .. }: &mut Desk) {
        let (now, station) = (self.now(), self.station);
        if let Some(filters) = &mut self.filters {
            filters.plan_mut().end_all(&mut tells(&lent.watching, now, station));
        }
        self.handle(Input::Power(Power::Off), lent);
    }

    /// The second half: another module of its kind starts, with the faults of the beginning.
    pub(crate) fn begin_anew(&mut self, seed: u64, desk: &mut Desk) {
        let plan = self.filters.take().map(|filters| filters.into_plan());
        self.handle(Input::Power(Power::New), &mut desk.lent);
        if let Some(seconds) = wall_clock() {
            self.handle(Input::Bearer(Change::Clock(seconds)), &mut desk.lent);
        }
        if let Some(mut plan) = plan {
            plan.begin_anew(seed, self.now());
            self.break_by(plan, desk);
        }
    }

    /// The host reads this, if there is one, and the modem knows nothing of it.
    fn print(&mut self, bytes: &[u8]) {
        if matches!(self.host, HostState::Attached | HostState::Finished) {
            self.output.push(bytes);
        }
    }

    /// What of a change of the radio side reaches the modem now, while faults may hide it.
    pub(super) fn shown(&mut self, change: Change) -> Option<Change> {
        let now = self.now();
        match &mut self.filters {
            Some(filters) => filters.changes(now, change),
            None => Some(change),
        }
    }

    /// How it is, and its faults are.
    pub(crate) fn state(&self) -> State {
        State::of(self.now(), &self.modem, self.filters.as_deref())
    }

    /// Lets the host know, if it gives orders, that one could not be carried out.
    pub(crate) fn refused(&mut self, bad: &Bad) {
        self.end.refused(bad);
    }

    /// Faults at work on the links that there are.
    fn filters(&self, plan: Plan) -> Box<Filters> {
        Box::new(Filters::around(plan, (0..).map_while(|index| self.links.at(index))))
    }

    /// What faults wait for is listened for from here on.
    fn listen(&self, lent: &Lent) {
        if let Some(filters) = &self.filters
            && lent.inbox.listen(self.station, filters.plan())
        {
            lent.watching.hang(Box::new(lent.inbox.ears()));
        }
    }

    /// The faults that did not hit as often as was expected.
    pub(crate) fn unhit(&self) -> Vec<Unhit> {
        self.filters.as_ref().map(|filters| filters.unhit()).unwrap_or_default()
    }

    /// What faults make of what happens at a link; they bring to the modem what goes on of it. `None`: nothing else does.
    pub(super) fn broken(
        &mut self,
        cx: &mut Context<'_>,
        link: Link,
        event: link::Event,
        chunk: &[u8],
        lent: &mut Lent,
    ) -> io::Result<Option<link::Event>> {
        let (now, station) = (self.now(), self.station);
        let Some(filters) = &mut self.filters else { return Ok(Some(event)) };
        let aligned = self.modem.is_between_packets(link);
        let watching = lent.watching.clone();
        let tell = &mut tells(&watching, now, station);
        let (packets, end) = match event {
            link::Event::Received(count) => {
                (filters.down(now, link, chunk.get(..count).unwrap_or_default(), aligned, tell), None)
            }
            link::Event::Long(datagram) => (filters.down(now, link, &datagram, aligned, tell), None),
            link::Event::Closed(why) => {
                let (rest, why) = filters.ended(now, link, why, tell);
                (rest, why.map(link::Event::Closed))
            }
            other => return Ok(Some(other)),
        };
        let connection = filters.connection(link);
        for packet in &packets {
            self.feed(cx, Input::Received(link, packet), lent)?;
            // It may have made the modem close the link, and open it anew.
            if self.filters.as_ref().is_some_and(|filters| filters.connection(link) != connection) {
                return Ok(None);
            }
        }
        Ok(end)
    }

    /// What the host typed, as faults let it arrive; `None`: as it is.
    pub(super) fn spoiled(&mut self, bytes: &[u8], lent: &Lent) -> Option<Vec<u8>> {
        let (now, station) = (self.now(), self.station);
        let filters = self.filters.as_mut()?;
        Some(filters.typed(now, bytes, &mut tells(&lent.watching, now, station)))
    }

    /// Brings the modem what the host typed.
    pub(super) fn type_in(&mut self, cx: &mut Context<'_>, bytes: &[u8], lent: &mut Lent) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        lent.watching.see(|watch| watch.serial(self.now(), self.station, Way::ToModem, bytes));
        self.feed(cx, Input::Serial(bytes), lent)
    }

    /// Does all that is due in the name of faults, before anything else comes between; whether there was anything.
    pub(super) fn poll_faults(&mut self, cx: &mut Context<'_>, lent: &mut Lent) -> io::Result<bool> {
        let (now, station, mut any) = (self.now(), self.station, false);
        while let Some(filters) = &mut self.filters {
            let due = filters.take_due(now, &self.modem, &mut tells(&lent.watching, now, station));
            let Some(due) = due else { break };
            any = true;
            self.carry_out_due(cx, due, lent)?;
        }
        Ok(any)
    }

    fn carry_out_due(&mut self, cx: &mut Context<'_>, due: Due, lent: &mut Lent) -> io::Result<()> {
        let (now, station) = (self.now(), self.station);
        match due {
            Due::Input(input) => self.feed(cx, input, lent)?,
            Due::Print(bytes) => self.print(&bytes),
            Due::Type(bytes) => self.type_in(cx, &bytes, lent)?,
            Due::Arrive(link, bytes) => self.feed(cx, Input::Received(link, &bytes), lent)?,
            Due::Send(link, bytes) => {
                lent.watching.see(|watch| watch.sent(now, station, link, &bytes));
                self.links.send(link, &bytes);
            }
            Due::Peer(order) => {
                // There is room for more than faults of a modem can order at once.
                lent.inbox.put(self.station, order);
            }
            // These are put among what is held.
            Due::Inject(..) | Due::Silence => {}
            Due::End(client, why) => {
                let links: Vec<Link> = (0..).map_while(|index| self.links.at(index)).collect();
                for link in links.into_iter().filter(|link| client.is_none_or(|client| client == link.0)) {
                    self.links.close(link);
                    if let Some(filters) = &mut self.filters {
                        filters.closed(link);
                    }
                    self.feed(cx, Input::Closed(link, why.clone()), lent)?;
                }
            }
        }
        Ok(())
    }
}

/// Shows what faults do to who watches.
pub(super) fn tells(watching: &Watching, now: Instant, station: usize) -> impl FnMut(Happened<'_>) {
    move |what| watching.see(|watch| watch.fault(now, station, &what))
}
