//! A modem whose events are told.

use std::time::Duration;

use quasimodem_core::{Imei, Input, Instant, Modem, Outbox, Oversize, Settings};
use quasimodem_lab::event::{Event, Listener, Names, Reporter, Stamp, put_line};
use quasimodem_lab::watch::Watch;

/// Keeps the lines.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Vec<u8>);

impl Listener for Lines {
    fn event(&mut self, stamp: &Stamp<'_>, event: &Event<'_>) {
        put_line(stamp, event, &mut self.0);
    }
}

/// A modem that is watched.
pub(crate) struct Bench {
    modem: Modem,
    pub(crate) outbox: Outbox,
    pub(crate) now: Instant,
    pub(crate) reporter: Reporter<Lines>,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(Settings { gap: Duration::ZERO, oversize: Oversize::Skip, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Bench {
        Bench {
            modem: Modem::new(settings.into(), Imei::default()),
            outbox: Outbox::default(),
            now: Instant::START,
            reporter: Reporter::new(Names::from_iter(["modem"]), Lines::default()),
        }
    }

    pub(crate) fn feed(&mut self, input: &Input<'_>) {
        self.outbox.clear();
        self.modem.handle(self.now, input.clone(), &mut self.outbox);
        self.reporter.modem(self.now, 0, input, &self.modem, &self.outbox);
    }

    pub(crate) fn types(&mut self, line: &str) {
        self.feed(&Input::Serial(format!("{line}\r").as_bytes()));
    }

    pub(crate) fn passes(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    /// The events since the last time, without what all have.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let lines = std::mem::take(self.lines());
        let lines = String::from_utf8(lines).unwrap();
        let told = lines.lines().map(|line| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(json["modem"], "modem", "{line}");
            line.replacen(r#","modem":"modem""#, "", 1)
        });
        let told = told.map(|line| {
            let own = line.find(r#","seq":"#).unwrap();
            let behind = line[own..].match_indices(',').nth(2).map_or(line.len() - 1, |(at, _)| own + at);
            format!(
                "{} {}",
                &line[r#"{"event":""#.len()..own - 1],
                line[behind..line.len() - 1].trim_start_matches(',')
            )
        });
        told.collect()
    }

    pub(crate) fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.reporter.listener_mut().0
    }
}
