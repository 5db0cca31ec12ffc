//! Every check of the simulation can fail: what happened in a run that holds is falsified, and the check says so.

use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::mqtt::{Connect, Packet, PacketId, Publish, Qos, Will};
use quasimodem_core::{ClientId, Instant, Link};
use quasimodem_lab::broker::{Message, Note};
use quasimodem_lab::simulation::{self, CHECKS, Entry, Invariant, Saw, Scenario, What, check};

/// Falsifies the first run for which `falsify` finds something to falsify, and expects that this breaks `due`.
#[track_caller]
fn breaks(due: Invariant, falsify: impl Fn(&mut Scenario, &mut Vec<Entry>) -> bool) {
    for seed in 0..200 {
        let mut scenario = Scenario::draw(seed).unwrap();
        let mut entries = simulation::log(seed);
        check(&scenario, &entries, CHECKS).unwrap();
        if falsify(&mut scenario, &mut entries) {
            let broken = check(&scenario, &entries, CHECKS).expect_err("nobody noticed");
            assert_eq!(broken.invariant, due, "seed {seed}: {broken}");
            return;
        }
    }
    panic!("there is nothing to falsify");
}

/// Lets unsolicited results follow one another, so that one too many is that and nothing else.
fn without_gaps(scenario: &mut Scenario) {
    scenario.stations.iter_mut().for_each(|station| station.settings.urc_gap = Duration::ZERO);
}

fn station(entry: &Entry) -> Option<(usize, &Saw)> {
    match &entry.what {
        What::Station(station, saw) => Some((*station, saw)),
        What::Broker(..) | What::Restarted(_) => None,
    }
}

fn printed(entry: &Entry) -> Option<&[u8]> {
    match station(entry)?.1 {
        Saw::Printed(bytes) => Some(bytes),
        _ => None,
    }
}

/// Exactly one unsolicited result code that begins so.
fn urc(entry: &Entry, start: &str) -> bool {
    printed(entry).is_some_and(|bytes| {
        let line = bytes.strip_prefix(b"\r\n").and_then(|bytes| bytes.strip_suffix(b"\r\n")).unwrap_or_default();
        line.starts_with(start.as_bytes()) && !line.contains(&b'\r')
    })
}

fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    Packet::decode(bytes).ok()
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    bytes
}

fn insert(entries: &mut Vec<Entry>, at: usize, station: usize, saw: Saw) {
    let entry = Entry { at: entries[at].at, what: What::Station(station, saw) };
    entries.insert(at, entry);
}

#[test]
fn bytes_that_belong_to_nothing() {
    breaks(Invariant::Bytes, |_, entries| {
        let found = entries.iter().position(|entry| urc(entry, "+MQTT"));
        found.is_some_and(|at| {
            let (whose, _) = station(&entries[at]).unwrap();
            insert(entries, at + 1, whose, Saw::Printed(b"\r\n+NOISE: 1\r\n".to_vec()));
            true
        })
    });
}

#[test]
fn a_line_without_its_end() {
    breaks(Invariant::Bytes, |_, entries| {
        let found = entries.iter().position(|entry| urc(entry, "+MQTT"));
        found.is_some_and(|at| {
            let What::Station(_, Saw::Printed(bytes)) = &mut entries[at].what else { return false };
            bytes.pop();
            true
        })
    });
}

#[test]
fn a_command_without_an_answer() {
    breaks(Invariant::Answers, |_, entries| {
        entries.iter_mut().any(|entry| match &mut entry.what {
            What::Station(_, Saw::Printed(bytes)) if bytes.ends_with(b"\r\nOK\r\n") => {
                bytes.truncate(bytes.len() - 6);
                true
            }
            _ => false,
        })
    });
}

#[test]
fn an_event_inside_a_half_typed_line() {
    breaks(Invariant::Urc, |_, entries| {
        let found = entries.iter().enumerate().find_map(|(at, entry)| match station(entry) {
            Some((whose, Saw::Typed(bytes))) if bytes == b"AT+MQTT" => Some((at, whose)),
            _ => None,
        });
        found.is_some_and(|(at, whose)| {
            let done = |entry: &Entry| matches!(entry.what, What::Station(_, Saw::Done(..)));
            let end = at + entries[at..].iter().position(done).unwrap();
            insert(entries, end, whose, Saw::Printed(b"\r\n+SIM READY\r\n".to_vec()));
            true
        })
    });
}

#[test]
fn an_event_in_the_gap_after_another() {
    breaks(Invariant::Urc, |scenario, entries| {
        let found = entries.iter().enumerate().find_map(|(at, entry)| {
            let (whose, _) = station(entry).filter(|_| urc(entry, "+SIM READY"))?;
            let gap = scenario.stations.get(whose)?.settings.urc_gap;
            (!gap.is_zero()).then_some((at, whose))
        });
        found.is_some_and(|(at, whose)| {
            insert(entries, at + 1, whose, Saw::Printed(b"\r\n+SIM READY\r\n".to_vec()));
            true
        })
    });
}

#[test]
fn an_event_before_a_host_has_emptied_its_buffer() {
    breaks(Invariant::Urc, |scenario, entries| {
        let found = entries.iter().enumerate().find_map(|(at, entry)| match station(entry)? {
            (whose, Saw::Attached(true)) if scenario.stations.get(whose)?.settings.ready_delay.is_some() => {
                Some((at, whose))
            }
            _ => None,
        });
        found.is_some_and(|(at, whose)| {
            insert(entries, at + 1, whose, Saw::Printed(b"\r\n+SIM READY\r\n".to_vec()));
            true
        })
    });
}

#[test]
fn a_result_that_comes_twice() {
    breaks(Invariant::Results, |scenario, entries| {
        without_gaps(scenario);
        let found = entries.iter().rposition(|entry| urc(entry, "+MQTTPUB: "));
        found.is_some_and(|at| {
            let again = entries[at].clone();
            entries.insert(at, again);
            true
        })
    });
}

#[test]
fn a_result_that_never_comes() {
    breaks(Invariant::Results, |_, entries| {
        let found = entries.iter().rposition(|entry| urc(entry, "+MQTTPUB: "));
        found.map(|at| entries.remove(at)).is_some()
    });
}

#[test]
fn a_break_that_is_not_told() {
    breaks(Invariant::Results, |_, entries| {
        let found = entries.iter().position(|entry| urc(entry, "+MQTTBREAK: "));
        found.map(|at| entries.remove(at)).is_some()
    });
}

#[test]
fn a_result_for_what_did_not_happen() {
    breaks(Invariant::Reported, |_, entries| {
        let accepted = |entry: &Entry| {
            matches!(&entry.what, What::Broker(_, Note::Published { qos: Qos::AtLeastOnce, will: false, message, .. })
                if !message.payload.starts_with(b"p9-"))
        };
        // It must be reported as done, and that only once accepted.
        let found = entries.iter().position(accepted);
        let reported = found.is_some_and(|at| entries[at..].iter().take(60).any(|entry| urc(entry, "+MQTTPUB: 1,1")));
        let single = entries.iter().filter(|entry| accepted(entry)).count() == 1;
        reported && single && found.map(|at| entries.remove(at)).is_some()
    });
}

#[test]
fn an_acknowledged_message_that_the_host_never_sees() {
    breaks(Invariant::Kept, |_, entries| {
        let told = |entry: &Entry| ["+MQTTMSG: 1,2", "+MQTTMSG: 1,1"].iter().any(|start| urc(entry, start));
        // Closing the client may discard the last.
        let found = entries.iter().position(told);
        let is_one_of_many = entries.iter().filter(|entry| told(entry)).count() > 1;
        is_one_of_many && found.map(|at| entries.remove(at)).is_some()
    });
}

#[test]
fn a_message_of_qos_0_that_is_told_twice() {
    breaks(Invariant::Once, |scenario, entries| {
        without_gaps(scenario);
        let found = entries.iter().rposition(|entry| urc(entry, "+MQTTMSG: 1,0"));
        found.is_some_and(|at| {
            let again = entries[at].clone();
            entries.insert(at, again);
            true
        })
    });
}

#[test]
fn a_message_of_qos_2_that_is_taken_over_twice() {
    breaks(Invariant::Once, |scenario, entries| {
        let received = entries.iter().enumerate().find_map(|(at, entry)| match station(entry)? {
            (whose, Saw::Received(link, bytes)) => match packet(bytes)? {
                Packet::Publish(Publish { id: Some(id), qos: Qos::ExactlyOnce, payload, retain: false, .. }) => {
                    let token = String::from_utf8_lossy(payload).split('.').next()?.to_string();
                    (scenario.messages.get(&token)?.qos == 2).then_some((at, whose, *link, id))
                }
                _ => None,
            },
            _ => None,
        });
        let Some((at, whose, link, id)) = received else { return false };
        let released = Saw::Sent(link, encoded(&Packet::Pubcomp(id)));
        let Some(end) = entries[at..].iter().position(|entry| station(entry) == Some((whose, &released))) else {
            return false;
        };
        let again = entries[at].what.clone();
        insert(entries, at + end + 1, whose, Saw::Sent(link, encoded(&Packet::Pubrec(id))));
        let time = entries[at + end].at;
        entries.insert(at + end + 1, Entry { at: time, what: again });
        true
    });
}

#[test]
fn messages_out_of_order() {
    breaks(Invariant::Order, |scenario, entries| {
        let last = scenario.messages.len();
        scenario.messages.values_mut().for_each(|message| message.number = last - message.number);
        // Where two of them came at all.
        check(scenario, entries, CHECKS).is_err()
    });
}

#[test]
fn a_message_that_a_subscriber_never_gets() {
    breaks(Invariant::Delivery, |scenario, entries| {
        let filter = |entry: &Entry| match &entry.what {
            What::Broker(0, Note::Subscribed { client, filter, granted: Some(Qos::ExactlyOnce) })
                if &**filter == "#" =>
            {
                Some(client.clone())
            }
            _ => None,
        };
        let Some(client) = entries.iter().find_map(filter) else { return false };
        let ends = |entry: &Entry| match &entry.what {
            What::Broker(0, Note::SessionEnded { client: of, .. } | Note::Unsubscribed { client: of, .. }) => {
                *of == client
            }
            What::Restarted(_) => true,
            What::Broker(..) | What::Station(..) => false,
        };
        let published = |token: &str| {
            let start = format!("{token}.");
            entries.iter().any(|entry| {
                matches!(&entry.what, What::Broker(0, Note::Published { message, .. })
                    if message.payload.starts_with(start.as_bytes()))
            })
        };
        let unpublished = scenario.messages.iter().find(|(token, message)| message.qos == 2 && !published(token));
        let Some((_, known)) = unpublished.filter(|_| !entries.iter().any(ends)) else { return false };
        let message = Message { topic: known.topic.into(), payload: known.payload.clone().into() };
        let note = Note::Published {
            client: "somebody".into(),
            message: Arc::new(message),
            qos: Qos::ExactlyOnce,
            retain: known.retain,
            dup: false,
            id: None,
            will: false,
        };
        let at = entries.last().unwrap().at;
        entries.push(Entry { at, what: What::Broker(0, note) });
        true
    });
}

#[test]
fn a_payload_that_changed() {
    breaks(Invariant::Payload, |_, entries| {
        entries.iter_mut().any(|entry| match &mut entry.what {
            What::Broker(0, Note::Published { message, .. }) => {
                let mut payload = message.payload.to_vec();
                payload.push(b'!');
                *message = Arc::new(Message { topic: message.topic.clone(), payload: payload.into() });
                true
            }
            _ => false,
        })
    });
}

#[test]
fn an_acknowledgement_of_nothing() {
    breaks(Invariant::Protocol, |_, entries| {
        entries.iter_mut().any(|entry| match &mut entry.what {
            What::Station(_, Saw::Sent(_, bytes)) if matches!(packet(bytes), Some(Packet::Puback(_))) => {
                *bytes = encoded(&Packet::Puback(PacketId::MAX));
                true
            }
            _ => false,
        })
    });
}

#[test]
fn more_messages_than_the_pool_holds() {
    breaks(Invariant::Memory, |scenario, entries| {
        let Some((_, known)) = scenario.messages.iter().find(|(_, message)| message.qos == 1) else { return false };
        let opened = entries.iter().position(|entry| matches!(station(entry), Some((0, Saw::Opened(Link(1))))));
        let Some(at) = opened else { return false };
        for id in (1..=33).rev().filter_map(PacketId::new) {
            let publish = Publish {
                topic: known.topic,
                payload: &known.payload,
                qos: Qos::AtLeastOnce,
                retain: false,
                dup: false,
                id: Some(id),
            };
            insert(entries, at, 0, Saw::Sent(Link(1), encoded(&Packet::Puback(id))));
            insert(entries, at, 0, Saw::Received(Link(1), encoded(&Packet::Publish(publish))));
        }
        true
    });
}

#[test]
fn a_deadline_that_stands_still() {
    breaks(Invariant::Quiet, |_, entries| {
        let at = Instant::START;
        entries.iter_mut().any(|entry| match &mut entry.what {
            What::Station(_, Saw::Done(deadline, _)) => {
                *deadline = Some(at);
                true
            }
            _ => false,
        })
    });
}

#[test]
fn a_connection_that_ends_over_something_harmless() {
    breaks(Invariant::Patient, |_, entries| {
        let found = entries.iter().position(|entry| urc(entry, "+MQTTOPEN: 1,1"));
        found.is_some_and(|at| {
            let (whose, _) = station(&entries[at]).unwrap();
            let client = ClientId::from_number(1).unwrap();
            insert(entries, at + 1, whose, Saw::Blamed(client, "an acknowledgement nobody waits for".into()));
            true
        })
    });
}

#[test]
fn a_silent_broker_that_is_never_given_up() {
    breaks(Invariant::Alive, |_, entries| {
        // In the end client 1 is connected, and has nothing to do but to ping.
        let at = entries.last().unwrap().at + Duration::from_secs(1000);
        entries.push(Entry { at, what: What::Station(0, Saw::Done(None, false)) });
        true
    });
}

#[test]
fn a_will_that_the_host_did_not_set() {
    breaks(Invariant::Payload, |_, entries| {
        entries.iter_mut().any(|entry| {
            let What::Station(_, Saw::Sent(Link(1), bytes)) = &mut entry.what else { return false };
            let Some(Packet::Connect(connect)) = packet(bytes) else { return false };
            let Some(will) = connect.will else { return false };
            let other = Will { payload: b"another", ..will };
            *bytes = encoded(&Packet::Connect(Connect { will: Some(other), ..connect }));
            true
        })
    });
}

#[test]
fn a_close_without_a_disconnect() {
    breaks(Invariant::Protocol, |_, entries| {
        let found = entries.iter().position(|entry| match station(entry) {
            Some((_, Saw::Sent(_, bytes))) => packet(bytes) == Some(Packet::Disconnect),
            _ => false,
        });
        found.map(|at| entries.remove(at)).is_some()
    });
}
