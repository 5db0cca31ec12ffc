//! Scripts and what their hosts hear.

use quasimodem_core::{Imei, Instant};
use quasimodem_lab::event::{Event, Stamp};
use quasimodem_lab::script::{Host, Input, Kept, Mode, Outbox, Program, Who};

use crate::reader::Reader;

/// Up to the first NUL it is a script, and then what its host hears and when, whatever it types. Whoever writes a
/// mistake is told where; the deadline always moves.
pub fn script(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, events) = data.split_at(end);
    let text = String::from_utf8_lossy(text);
    let program = match Program::parse(&text, &[("given", b"from outside")]) {
        Ok(program) => std::sync::Arc::new(program),
        Err(mistake) => {
            let lines = text.lines().count().max(1);
            assert!((1..=lines).contains(&mistake.line) && !mistake.words.is_empty(), "{mistake}");
            return;
        }
    };
    let stamp = Stamp { seq: 1, t: Instant::START, wall: None, station: None, modem: None };
    let (client_id, topic, size, qos, retain, will) = ("me", "t", 1, 0, false, false);
    let event =
        Kept::new(&stamp, &Event::BrokerPublished { client_id, topic, payload: Some("p"), size, qos, retain, will });
    for mode in [Mode::Strict, Mode::Tolerant] {
        let who = Who { modem: "modem".into(), index: 1, imei: Imei::default(), seed: 1 };
        let mut host = Host::new(program.clone(), who, mode);
        let mut reader = Reader::new(events.get(1..).unwrap_or_default());
        let (mut now, mut out) = (Instant::START, Outbox::default());
        host.handle(now, Input::Tick, &mut out);
        while !reader.is_empty() {
            let input = match reader.byte() % 5 {
                0 => Input::Reopened,
                4 => Input::Event(&event),
                1 | 2 => Input::Bytes(reader.bytes()),
                _ => {
                    now = host.deadline().unwrap_or(now);
                    Input::Tick
                }
            };
            out.clear();
            host.handle(now, input, &mut out);
            assert!(host.deadline().is_none_or(|deadline| deadline > now), "the deadline did not move");
            assert!(mode == Mode::Tolerant || out.events.is_empty(), "a test tells no events");
            if let Some(outcome) = host.outcome() {
                assert!(mode == Mode::Strict && host.is_over() && host.deadline().is_none());
                assert!(outcome.is_ok() || outcome.is_err_and(|failure| failure.line <= text.lines().count()));
            }
        }
    }
}
