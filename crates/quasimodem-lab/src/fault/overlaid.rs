//! The radio side as the module finds it while faults last: what there is, with what they make of it on top.

use quasimodem_core::{Change, Radio};

use super::row::Overlay;

/// What faults hide. Nothing is set back: when they are over, what there is then shows again.
#[derive(Default)]
pub(super) struct Overlaid {
    last: Overlay,
    /// What there is, as far as a fault hides it.
    base: Option<Radio>,
    /// What the modem knew when it was looked at last.
    seen: Option<Radio>,
}

impl Overlaid {
    /// What the modem has to be told so that it finds this.
    pub(super) fn follow(&mut self, overlay: Overlay, modem: Radio) -> Vec<Change> {
        // What the host did meanwhile may undo it; what the modem does not take is not told again.
        if overlay == self.last && (overlay == Overlay::default() || self.seen == Some(modem)) {
            return Vec::new();
        }
        self.seen = Some(modem);
        let base = *self.base.get_or_insert(modem);
        let mut changes = Vec::new();
        if let Some(sim) = overlay.sim.or(self.last.sim.map(|_| base.sim)).filter(|sim| *sim != modem.sim) {
            changes.push(Change::Sim(sim));
        }
        let wanted = overlay.registration.or(self.last.registration.map(|_| base.registration));
        let begins = overlay.registration != self.last.registration;
        // Where the host has switched the radio off, nothing is found.
        if let Some(wanted) = wanted.filter(|wanted| modem.on && *wanted != modem.registration)
            && (begins || modem.registration.is_registered())
        {
            changes.push(Change::Registration(wanted));
        }
        if let Some(signal) = overlay
            .signal
            .or(self.last.signal.map(|_| base.signal).filter(|_| modem.on))
            .filter(|signal| *signal != modem.signal)
        {
            changes.push(Change::Signal(signal.0, signal.1));
        }
        self.last = overlay;
        if overlay == Overlay::default() {
            self.base = None;
        }
        changes
    }

    /// What there is where faults hide it.
    pub(super) fn base(&self, modem: Radio) -> Radio {
        self.base.unwrap_or(modem)
    }

    /// Whether the modem may have to be told of something: what faults make of the radio side was undone.
    pub(super) fn is_stale(&self, modem: Radio) -> bool {
        self.base.is_some() && self.seen != Some(modem)
    }

    /// What of a change reaches the modem now.
    pub(super) fn change(&mut self, change: Change) -> Option<Change> {
        let Some(base) = &mut self.base else { return Some(change) };
        match change {
            Change::Sim(sim) if self.last.sim.is_some() => base.sim = sim,
            Change::Registration(registration) if self.last.registration.is_some() => base.registration = registration,
            Change::Signal(rssi, ber) if self.last.signal.is_some() => base.signal = (rssi, ber),
            other => return Some(other),
        }
        None
    }
}
