//! What `AT&F`, `ATZ` and `AT&W` do.

use alloc::boxed::Box;

use crate::modem::Modem;
use crate::profile::{Profile, Shown, Stored, Switches};

impl Modem {
    /// `AT&W`.
    pub(super) fn store_profile(&mut self) {
        let profile = self.profile;
        self.change_rare(|rare| rare.stored = Some(Box::new(Stored { profile, shown: rare.shown.clone() })));
    }

    /// Brings back what was stored; if nothing was, what the module has at power-up.
    pub(crate) fn recall_profile(&mut self) {
        let Some(stored) = self.rare().and_then(|rare| rare.stored.as_ref()) else { return self.factory_profile() };
        let (profile, shown) = (stored.profile, stored.shown.clone());
        self.set_profile(profile);
        // How messages are reported is no setting of the interpreter, and a module forgets it when it is off.
        self.profile.switches.set(Switches::INDICATES, false);
        self.change_rare(|rare| rare.shown = shown);
    }

    /// Brings back what the module has at power-up.
    pub(super) fn factory_profile(&mut self) {
        self.set_profile(Profile::new(&self.settings));
        if self.rare().is_some() {
            self.change_rare(|rare| rare.shown = Shown::default());
        }
    }

    /// The serial port stays as it is set, and so does what waits to be set.
    fn set_profile(&mut self, profile: Profile) {
        let Profile { uart, switches, .. } = self.profile;
        self.profile = Profile { uart, ..profile };
        self.profile.switches.set(Switches::UART, switches.has(Switches::UART));
    }
}
