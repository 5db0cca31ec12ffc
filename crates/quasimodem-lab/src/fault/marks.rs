//! Which ports are full, of those who carry for them and by what is held back: the modem hears of both as of one.

use std::collections::BTreeSet;

use quasimodem_core::{Input, Port};

/// Ports that are full.
#[derive(Default)]
pub(super) struct Marks {
    carried: BTreeSet<Port>,
    held: BTreeSet<Port>,
}

impl Marks {
    /// Who carries for a port says that it is full, or free again; whether the modem is told.
    pub(super) fn turned(&mut self, port: Port, full: bool) -> bool {
        if full {
            self.carried.insert(port)
        } else {
            self.carried.remove(&port)
        };
        !self.held.contains(&port)
    }

    /// Too much is held back for a port, or nothing any more; what the modem is told.
    pub(super) fn held(&mut self, port: Port, is_full: bool, is_free: bool) -> Option<Input<'static>> {
        let turned = if is_full { self.held.insert(port) } else { is_free && self.held.remove(&port) };
        let tells = turned && !self.carried.contains(&port);
        tells.then_some(if is_full { Input::Full(port) } else { Input::Free(port) })
    }

    /// Whether too much is held back for a port.
    pub(super) fn is_held(&self, port: Port) -> bool {
        self.held.contains(&port)
    }

    /// A port begins anew.
    pub(super) fn forget(&mut self, port: Port) {
        self.carried.remove(&port);
        self.held.remove(&port);
    }
}
