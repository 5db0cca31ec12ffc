//! A host with its modem played by the test.

use quasimodem_core::{Imei, Instant};
use quasimodem_lab::script::{Event, Host, Input, Mistake, Mode, Outbox, Program, Who};

pub(crate) struct Rig {
    pub(crate) host: Host,
    pub(crate) now: Instant,
    pub(crate) events: Vec<Event>,
}

/// A script in which `$given` is known, and stands for `from outside`.
pub(crate) fn parse(text: &str) -> Result<Program, Mistake> {
    Program::parse(text, &[("given", b"from outside")])
}

impl Rig {
    pub(crate) fn new(text: &str, mode: Mode) -> Rig {
        let program = parse(text).unwrap_or_else(|mistake| panic!("{mistake}\n{text}"));
        let who = Who { modem: "modem3".into(), index: 2, imei: Imei::default(), seed: 7 };
        Rig { host: Host::new(program.into(), who, mode), now: Instant::START, events: Vec::new() }
    }

    /// What the host types then.
    pub(crate) fn handle(&mut self, input: Input<'_>) -> String {
        let mut outbox = Outbox::default();
        self.host.handle(self.now, input, &mut outbox);
        assert!(self.host.deadline().is_none_or(|deadline| deadline > self.now), "the deadline did not move");
        self.events.append(&mut outbox.events);
        String::from_utf8(outbox.bytes).unwrap()
    }

    /// What it types when it begins.
    pub(crate) fn begins(&mut self) -> String {
        self.handle(Input::Tick)
    }

    pub(crate) fn hears(&mut self, text: &str) -> String {
        self.handle(Input::Bytes(text.as_bytes()))
    }

    /// What it types at its deadline.
    pub(crate) fn waits(&mut self) -> String {
        self.now = self.host.deadline().unwrap();
        self.handle(Input::Tick)
    }

    /// Milliseconds since the start up to its deadline.
    pub(crate) fn deadline(&self) -> Option<u128> {
        self.host.deadline().map(|deadline| deadline.since(Instant::START).as_millis())
    }

    /// How a test ended, if it has.
    pub(crate) fn outcome(&self) -> Option<Result<(), String>> {
        self.host.outcome().map(|outcome| outcome.map_err(ToString::to_string))
    }
}

/// What a test types when it hears these, one after the other, and how it ends.
pub(crate) fn run(text: &str, hears: &[&str]) -> (String, Option<Result<(), String>>) {
    let mut rig = Rig::new(text, Mode::Strict);
    let mut typed = rig.begins();
    for text in hears {
        typed += &rig.hears(text);
    }
    (typed, rig.outcome())
}
