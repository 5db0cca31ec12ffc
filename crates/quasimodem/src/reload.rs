//! SIGHUP: a service reads its configuration again.

use std::fs::File;
use std::sync::Arc;

use quasimodem_core::Settings;
use rustls::pki_types::CertificateDer;

use crate::config::Again;
use crate::host_map::{HostMap, Mapping};
use crate::log;
use crate::tls::Tls;
use crate::watching::Voice;

/// What a running modem needs to be configured anew.
pub(crate) struct Reload {
    again: Again,
    /// Where the lab beside it leads names, and the root that it trusts.
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) root: Option<CertificateDer<'static>>,
    /// From which it drew its seed.
    pub(crate) seed: Option<u64>,
    pub(crate) voice: Voice,
}

/// What counts from now on.
pub(crate) struct Fresh {
    pub(crate) hosts: Arc<HostMap>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) settings: Arc<Settings>,
}

/// Where a run has no terminal whose end SIGHUP tells, it asks for the configuration to be read again.
pub(crate) fn is_wanted() -> bool {
    File::open("/dev/tty").is_err()
}

impl Reload {
    pub(crate) fn new(again: Again, seed: Option<u64>, voice: Voice) -> Reload {
        Reload { again, mappings: Vec::new(), root: None, seed, voice }
    }

    /// Reads the configuration again, and says what comes of that; `None`: all stays as it is.
    pub(crate) fn read(&self) -> Option<Fresh> {
        let path = self.again.path().display();
        let (mut config, fixed) = match self.again.read() {
            Ok(read) => read,
            Err(words) => {
                log::say(format_args!("the configuration stays as it is: {words}"));
                return None;
            }
        };
        let restart = match fixed.is_empty() {
            true => String::new(),
            false => format!("; {} changed as well, and needs a restart of quasimodem", fixed.join(", ")),
        };
        log::say(format_args!(
            "read {path} again: connections go by it from now on, the module from its next start on{restart}"
        ));
        config.hosts.0.extend(self.mappings.iter().cloned());
        config.settings.seed = self.seed;
        let voice = self.voice.clone();
        let tls = Tls::new(config.ca, self.root.clone());
        let tls = tls.reporting_to(move |weight, words| voice.say(weight, words)).into();
        Some(Fresh { hosts: config.hosts.into(), tls, settings: config.settings.into() })
    }
}
