//! Where `--events` goes.

use std::net::SocketAddr;
use std::process;

use anyhow::{Context, Result};
use quasimodem_lab::event::{Endpoint, Event, Listener, ModemAt, Names, Reporter, SCHEMA, Stamp, put_line};
use quasimodem_lab::watch::Watch;

use crate::relay::{Late, Relay};
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
    let lines = Lines { sink: target.open("events")?, lost: 0, wall: None };
    let relay = Relay::new("reporter", Reporter::new(modems, lines)).context("can't start a thread for events")?;
    Ok(Box::new(relay))
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

/// Writes each event at once. What nobody takes is left out, and said to be.
struct Lines {
    sink: Sink,
    /// Events since the last one that was taken.
    lost: u64,
    wall: Option<i64>,
}

impl Listener for Lines {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let is_end = matches!(event, Event::End {});
        let may_go_on = if self.lost == 0 { self.sink.has_room() } else { self.sink.has_room_again() };
        if !may_go_on && !is_end {
            self.lost += 1;
            return;
        }
        if self.lost > 0 {
            // Its number is that of the last one that is left out.
            let seq = stamp.seq - 1;
            let gap = Event::Gap { lost: std::mem::take(&mut self.lost) };
            self.put(&Stamp { seq, station: None, modem: None, ..*stamp }, &gap);
        }
        self.put(stamp, event);
        if is_end {
            self.sink.end();
        }
    }

    fn wall(&self) -> Option<i64> {
        self.wall
    }
}

impl Late for Lines {
    fn it_was(&mut self, wall: Option<i64>) {
        self.wall = wall;
    }
}

impl Lines {
    fn put(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        let mut line = Vec::new();
        put_line(stamp, event, &mut line);
        self.sink.put(line);
    }
}
