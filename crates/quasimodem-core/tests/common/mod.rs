//! A modem whose driver is the test.
#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

use quasimodem_core::mqtt::parse_words;
use quasimodem_core::{Effect, Host, Imei, Input, Instant, Kind, Link, Modem, Outbox, Settings};

/// A modem, the time, and what the last call caused.
pub(crate) struct Bench {
    pub(crate) modem: Modem,
    pub(crate) outbox: Outbox,
    pub(crate) now: Instant,
}

impl Bench {
    /// A modem without echo and gap, with a host.
    pub(crate) fn new(settings: &Settings) -> Bench {
        let settings = Settings { echo: false, gap: Duration::ZERO, ready_on_attach: false, ..settings.clone() };
        let modem = Modem::new(settings.into(), Imei::default());
        let mut bench = Bench { modem, outbox: Outbox::default(), now: Instant::START };
        bench.handle(Input::Host(Host::Attached));
        bench
    }

    /// The same, with client 1 connected.
    pub(crate) fn connected(settings: &Settings) -> Bench {
        let mut bench = Bench::new(settings);
        bench.types("AT+MQTTOPEN=1,\"broker.example\",1883,1,300");
        bench.handle(Input::Opened(Link(1)));
        assert_eq!(bench.receives("connack 0"), "\r\n+MQTTOPEN: 1,1\r\n");
        bench
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.modem.handle(self.now, input, &mut self.outbox);
    }

    /// Types a line and gives what was printed.
    pub(crate) fn types(&mut self, line: &str) -> String {
        self.sends(format!("{line}\r").as_bytes())
    }

    /// Sends bytes of the host and gives what was printed.
    pub(crate) fn sends(&mut self, bytes: &[u8]) -> String {
        let mut printed = String::new();
        for chunk in bytes.chunks(Input::CHUNK) {
            self.handle(Input::Serial(chunk));
            printed.push_str(&self.printed());
        }
        printed
    }

    /// Brings a packet of the broker of client 1 in words, and gives what was printed.
    pub(crate) fn receives(&mut self, words: &str) -> String {
        let packet = parse_words(words).unwrap_or_else(|error| panic!("{words}: {error}"));
        let mut printed = String::new();
        for chunk in packet.chunks(Input::CHUNK) {
            self.handle(Input::Received(Link(1), chunk));
            printed.push_str(&self.printed());
        }
        printed
    }

    /// What the last call wrote to the host, but for echo.
    pub(crate) fn printed(&self) -> String {
        let pieces = self.outbox.effects().filter_map(|effect| match effect {
            Effect::Serial(kind, marked) if kind != Kind::Echo => {
                Some(String::from_utf8_lossy(marked.bytes()).into_owned())
            }
            _ => None,
        });
        pieces.collect()
    }

    /// What the last call would put into a log, a line an effect.
    pub(crate) fn log(&self) -> String {
        let lines = self.outbox.effects().map(|effect| match effect {
            Effect::Note(note) => note.to_string(),
            other => format!("{other:?}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
