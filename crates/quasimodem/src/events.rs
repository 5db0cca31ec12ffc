//! Where `--events` goes.

use std::net::SocketAddr;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use quasimodem_lab::event::{Endpoint, Event, Listener, ModemAt, Names, Reporter, SCHEMA, Stamp, put_line};
use quasimodem_lab::watch::Watch;

use crate::sink::{Sink, Target};
use crate::watching::Watching;

/// Reads FILE, fd:N or -.
pub(crate) fn parse_target(text: &str) -> Result<Target, String> {
    match text.strip_prefix("fd:") {
        _ if text.is_empty() => Err("expected FILE, fd:N or -".into()),
        None if text == "-" => Ok(Target::Stdout),
        None => Ok(Target::File(text.into())),
        Some(number) => {
            let number = number.parse::<u16>();
            number
                .map(|number| Target::Descriptor(number.into()))
                .map_err(|_| format!("expected fd: and a number, such as fd:3, found {text:?}"))
        }
    }
}

/// A watch that writes events of the modems of these names.
pub(crate) fn open(target: &Target, modems: Names) -> Result<Box<dyn Watch + Send>> {
    Ok(Box::new(Reporter::new(modems, Lines(target.open("events")?))))
}

/// What is there when a run begins.
#[derive(Default)]
pub(crate) struct Ready {
    pub(crate) seed: Option<u64>,
    /// Names, and where their hosts find them.
    pub(crate) modems: Vec<(String, String)>,
    pub(crate) broker: Option<SocketAddr>,
    pub(crate) gateway: Option<SocketAddr>,
    /// Where control answers.
    pub(crate) api: Option<String>,
}

impl Ready {
    /// Says so.
    pub(crate) fn tell(&self, watching: &Watching) {
        let host = |address: Option<SocketAddr>| address.map(|address| (address.ip().to_string(), address.port()));
        let (broker, gateway) = (host(self.broker), host(self.gateway));
        let modems: Vec<ModemAt<'_>> = self.modems.iter().map(|(modem, port)| ModemAt { modem, port }).collect();
        let event = Event::Ready {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            seed: self.seed,
            modems: &modems,
            broker: broker.as_ref().map(|(host, port)| Endpoint { host, port: *port }),
            gateway: gateway.as_ref().map(|(host, port)| Endpoint { host, port: *port }),
            pid: Some(process::id()),
            api: self.api.as_deref(),
        };
        watching.see(|watch| watch.run(watching.now(), &event));
    }
}

/// Writes each event at once.
struct Lines(Sink);

impl Listener for Lines {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        self.0.put(line);
        if let Event::End {} = event {
            self.0.end();
        }
    }

    fn wall(&self) -> Option<i64> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        time.as_millis().try_into().ok()
    }
}
