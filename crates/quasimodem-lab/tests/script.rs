//! Hosts, by what they type and when.

use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_lab::script::{BadScript, Event, Expected, Host, Input, Outbox, Reaction, Script, Step, Then};

const SECOND: Duration = Duration::from_secs(1);

struct Rig {
    host: Host,
    now: Instant,
    events: Vec<Event>,
}

impl Rig {
    fn new(steps: impl Into<Box<[Step]>>, reactions: impl Into<Box<[Reaction]>>) -> Rig {
        let host = Host::new(Arc::new(Script::new(steps, reactions).unwrap()));
        Rig { host, now: Instant::START, events: Vec::new() }
    }

    /// What the host types then.
    fn handle(&mut self, input: Input<'_>) -> String {
        let mut outbox = Outbox::default();
        self.host.handle(self.now, input, &mut outbox);
        assert!(self.host.deadline().is_none_or(|deadline| deadline > self.now), "the deadline did not move");
        self.events.append(&mut outbox.events);
        String::from_utf8(outbox.bytes).unwrap()
    }

    fn hears(&mut self, text: &str) -> String {
        self.handle(Input::Bytes(text.as_bytes()))
    }

    fn waits(&mut self) -> String {
        self.now = self.host.deadline().unwrap();
        self.handle(Input::Tick)
    }
}

#[test]
fn a_command_waits_for_its_answer() {
    let mut rig = Rig::new([Step::command("AT", SECOND), Step::command("ATI", SECOND)], []);
    assert_eq!(rig.handle(Input::Tick), "AT\r");
    assert_eq!(rig.hears("AT\r\n"), "");
    assert_eq!(rig.hears("OK\r\n"), "ATI\r");
    assert_eq!(rig.waits(), "");
    assert_eq!(rig.events, [Event::NoFinal(Some(1)), Event::Ended]);
    assert!(rig.host.is_over());
}

#[test]
fn data_is_sent_behind_the_prompt_only() {
    let steps = [Step::data("AT+MQTTPUB=1,\"t\",0,0,2", b"\r\n", SECOND), Step::data("AT+X", b"x", SECOND)];
    let mut rig = Rig::new(steps, []);
    assert_eq!(rig.handle(Input::Tick), "AT+MQTTPUB=1,\"t\",0,0,2\r");
    assert_eq!(rig.hears("\r\n> \r\n"), "\r\n");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+X\r");
    assert_eq!(rig.hears("\r\nERROR\r\n"), "");
    assert_eq!(rig.events, [Event::Ended]);
}

#[test]
fn a_line_in_pieces_is_expected() {
    let mut rig = Rig::new([Step::expect(Expected::prefix("+MQTTOPEN: 1,"), SECOND), Step::command("AT", SECOND)], []);
    assert_eq!(rig.handle(Input::Tick), "");
    assert_eq!(rig.hears("\r\n+MQTTO") + &rig.hears("PEN: 1,1\r"), "AT\r");
}

#[test]
fn loops_end_or_not() {
    let nap = Step::Wait(SECOND);
    let steps = [
        Step::Send((*b"a").into()),
        Step::Send((*b"b").into()),
        Step::Repeat { from: 1, times: Some(2) },
        nap.clone(),
        Step::Repeat { from: 0, times: None },
    ];
    let mut rig = Rig::new(steps, []);
    assert_eq!(rig.handle(Input::Tick), "abb");
    assert_eq!((rig.waits(), rig.waits()), ("abb".into(), "abb".into()));
    let forever = |from| Step::Repeat { from, times: None };
    assert_eq!(Script::new([forever(0)], []), Err(BadScript::NoSuchStep(0)));
    assert_eq!(Script::new([nap.clone(), Step::Send((*b"a").into()), forever(1)], []), Err(BadScript::NeverWaits(2)));
    let lost = Reaction { on: Expected::exact("x"), then: Then::Go(2) };
    assert_eq!(Script::new([nap], [lost]), Err(BadScript::NoSuchStep(0)));
}

#[test]
fn reactions_wait_for_the_command_at_hand() {
    let read = Reaction::command("+MQTTMSGI: 1,", "AT+MQTTREAD=1", SECOND);
    let again = Reaction { on: Expected::prefix("+MQTTBREAK: 1,"), then: Then::Go(0) };
    let mut rig = Rig::new([Step::command("AT", SECOND), Step::Wait(SECOND)], [read, again]);
    assert_eq!(rig.handle(Input::Tick), "AT\r");
    assert_eq!(rig.hears("\r\n+MQTTMSGI: 1,0,1,1\r\n\r\n+MQTTMSGI: 1,0,1,1\r\n"), "");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+MQTTREAD=1\r");
    assert_eq!(rig.hears("\r\nOK\r\n"), "AT+MQTTREAD=1\r");
    assert_eq!(rig.hears("\r\nOK\r\n"), "");
    assert_eq!(rig.hears("\r\n+MQTTBREAK: 1,1\r\n"), "AT\r");
}
