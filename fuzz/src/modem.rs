//! A whole modem: everything that can happen to it, in any order.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use quasimodem_core::{
    Change, Coverage, Escapes, Host, HostLine, Input, Instant, Link, MODELS, Port, RefusalStyle, Registration,
    Settings, Sim, Start, UrcPayload, Why,
};

use crate::reader::Reader;
use crate::rig::{Rig, Wire};

/// Reads settings off the bytes, then one event after the other.
pub fn modem(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut rig = Rig::new(settings(&mut reader), false);
    while !reader.is_empty() {
        happens(&mut rig, &mut reader);
    }
    if reader.bit() {
        rig.passes(Duration::from_secs(200));
    }
}

fn settings(reader: &mut Reader<'_>) -> Settings {
    let model = usize::from(reader.byte()) % MODELS.len();
    let flags = reader.byte();
    let flag = |bit: u8| flags >> bit & 1 == 1;
    Settings {
        model: &MODELS[model],
        echo: !flag(0),
        gap: if flag(1) { Duration::ZERO } else { Duration::from_millis(20) },
        escapes: if flag(2) { Escapes::Backslash } else { Escapes::All },
        // Only escaped are lines sure to be lines.
        urc_payload: UrcPayload::Escaped,
        refusal: if flag(3) { RefusalStyle::Cme } else { RefusalStyle::Result },
        bearer: if flag(4) { Start::Cold } else { Start::Up },
        boot: if flag(5) { Duration::from_secs(1) } else { Duration::ZERO },
        max_packet: if flag(6) { 128 } else { 60 * 1024 },
        window: if flag(7) { 1 } else { 16 },
        ..Settings::default()
    }
}

/// Lets the next event happen, if it can happen now.
fn happens(rig: &mut Rig, reader: &mut Reader<'_>) {
    match reader.byte() % 12 {
        0 | 1 => rig.types(reader.bytes()),
        2 | 3 => {
            let (link, bytes) = (link(reader), reader.bytes());
            for chunk in bytes.chunks(Input::CHUNK) {
                if rig.wires.get(&link) == Some(&Wire::Open) && rig.modem.wants(Port::Link(link)) {
                    rig.handle(Input::Received(link, chunk));
                }
            }
        }
        4 => {
            let link = link(reader);
            if rig.wires.get(&link) == Some(&Wire::Opening) {
                rig.wires.insert(link, Wire::Open);
                rig.handle(Input::Opened(link));
            }
        }
        5 => {
            let (link, why) = (link(reader), why(reader));
            if rig.wires.remove(&link).is_some() {
                rig.handle(Input::Closed(link, why));
            }
        }
        6 => {
            let host = reader.pick(&[Host::Attached, Host::Detached]);
            rig.handle(Input::Host(host));
        }
        7 => {
            let (full, port) = (reader.bit(), reader.pick(&PORTS));
            rig.handle(if full { Input::Full(port) } else { Input::Free(port) });
        }
        8 => {
            let change = change(reader);
            rig.handle(Input::Bearer(change));
        }
        9 => {
            let (good, why) = (reader.bit(), why(reader));
            if let Some(query) = rig.queries.pop() {
                let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
                rig.handle(Input::Resolved(query, if good { Ok(address) } else { Err(why) }));
            }
        }
        10 => {
            let dtr = reader.bit();
            rig.handle(Input::Line(HostLine::Dtr(dtr)));
        }
        _ => match reader.two_bytes() {
            0 => {
                let deadline = rig.modem.deadline();
                rig.passes(deadline.map_or(Duration::ZERO, |deadline| deadline.since(rig.now)));
            }
            u16::MAX => {
                // The end of time, where sums of times must not overflow.
                rig.now = Instant::from_micros(u64::MAX / 2);
                rig.handle(Input::Tick);
            }
            millis => rig.passes(Duration::from_millis(millis.into())),
        },
    }
}

// MQTT-SN came last, so that what the corpus held before means the same.
const PORTS: [Port; 6] = [
    Port::Serial,
    Port::Link(Link(1)),
    Port::Link(Link(2)),
    Port::Serial,
    Port::Link(Link(101)),
    Port::Link(Link(102)),
];

fn link(reader: &mut Reader<'_>) -> Link {
    reader.pick(&[Link(1), Link(2), Link(101), Link(102)])
}

fn why(reader: &mut Reader<'_>) -> Why {
    match reader.byte() % 6 {
        0 => Why::Ended,
        1 => Why::Reset,
        2 => Why::Refused,
        3 => Why::NoSuchName("nowhere".into()),
        _ => Why::System(5, "input/output error".into()),
    }
}

fn change(reader: &mut Reader<'_>) -> Change {
    match reader.byte() % 5 {
        0 => Change::Sim(if reader.bit() { Sim::Ready } else { Sim::Absent }),
        1 => Change::Registration(reader.pick(&[
            Registration::None,
            Registration::Home,
            Registration::Searching,
            Registration::Denied,
            Registration::Unknown,
            Registration::Roaming,
        ])),
        2 => Change::Signal(reader.byte(), reader.byte()),
        3 => Change::DataCall(reader.bit().then_some(Ipv4Addr::new(10, 0, 0, 3))),
        4 => Change::Coverage(reader.pick(&[
            Coverage::None,
            Coverage::NoData,
            Coverage::Data(Ipv4Addr::new(10, 0, 0, 4)),
        ])),
        _ => Change::Clock(i64::from_be_bytes(std::array::from_fn(|_| reader.byte()))),
    }
}
