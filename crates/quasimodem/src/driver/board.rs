//! What is so around the machine, at work on a driver's modem; faults and orders lie above it.

use std::io;
use std::task::{Context, Poll};

use quasimodem_core::{Change, Coverage, Input, Radio, Registration};
use tokio::sync::mpsc::Receiver;

use super::{Desk, Driver, Lent};
use crate::board::{Board, News};
use crate::serial::SerialEnd;

/// What a modem follows.
pub(super) struct Followed {
    news: Receiver<News>,
    /// `<rssi>`, if that is followed.
    rssi: Option<u8>,
    /// The signal when it was looked at last.
    seen: (u8, u8),
}

/// `<ber>` that nobody knows (27.007 8.5).
const BER: u8 = 99;

impl<E: SerialEnd> Driver<E> {
    /// Lets the modem follow this. What the network has at the start is in its settings.
    pub(crate) fn follow(&mut self, Board { coverage: _, rssi, news }: Board, Desk { lent, .. }: &mut Desk) {
        if let Some(change) = rssi.and_then(|rssi| self.shown(Change::Signal(rssi, BER))) {
            self.handle(Input::Bearer(change), lent);
        }
        self.followed = Some(Box::new(Followed { news, rssi, seen: self.base().signal }));
    }

    /// An order has the last word on the signal until that changes.
    pub(super) fn ordered(&mut self) {
        let signal = self.base().signal;
        if let Some(followed) = &mut self.followed {
            followed.seen = signal;
        }
    }

    /// Brings the modem one thing that changed, and again what it forgot thereof; whether there was any.
    pub(super) fn poll_board(&mut self, cx: &mut Context<'_>, lent: &mut Lent) -> io::Result<bool> {
        let Some(followed) = &mut self.followed else { return Ok(false) };
        let news = followed.news.poll_recv(cx);
        let mut tells = false;
        match news {
            Poll::Ready(Some(News::Coverage(coverage))) => self.cover(cx, coverage, lent)?,
            Poll::Ready(Some(News::Signal(rssi))) => {
                followed.rssi = Some(rssi);
                tells = true;
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        let base = self.base();
        // A module that registers takes the signal for good.
        if let Some(followed) = &self.followed
            && let Some(rssi) = followed.rssi
            && base.on
            && (tells || base.registration.is_registered() && base.signal != followed.seen)
        {
            if let Some(change) = self.shown(Change::Signal(rssi, BER)) {
                self.feed(cx, Input::Bearer(change), lent)?;
            }
            self.ordered();
        }
        Ok(matches!(news, Poll::Ready(Some(_))))
    }

    /// The network has something else: first the data call goes, so that connections break for that, then the registration.
    fn cover(&mut self, cx: &mut Context<'_>, coverage: Coverage, lent: &mut Lent) -> io::Result<()> {
        self.feed(cx, Input::Bearer(Change::Coverage(coverage)), lent)?;
        let base = self.base();
        let is_there = coverage != Coverage::None;
        let registration = match base.registration {
            Registration::Searching if is_there && base.on && base.sim.is_ready() => Registration::Home,
            Registration::Home | Registration::Roaming if !is_there => Registration::Searching,
            // Where the host or an order has decided otherwise, it stays so.
            _ => return Ok(()),
        };
        if let Some(change) = self.shown(Change::Registration(registration)) {
            self.feed(cx, Input::Bearer(change), lent)?;
        }
        Ok(())
    }

    /// The radio side as it is without faults, but for the host's switch.
    fn base(&self) -> Radio {
        let radio = self.modem.radio();
        match &self.filters {
            Some(filters) => Radio { on: radio.on, ..filters.base(radio) },
            None => radio,
        }
    }
}
