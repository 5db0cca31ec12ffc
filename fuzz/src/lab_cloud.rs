//! The lab's stand-ins for clouds: an endpoint that is asked anything, and a gate that is shown anything.

use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Connect, Filters, Packet, PacketId, Qos, is_filter};
use quasimodem_lab::broker::{Broker, Config, Effect, Input, Outbox, Peer};
use quasimodem_lab::cloud::http::{Api, Note, Server};
use quasimodem_lab::cloud::{Cloud, Fault, Gate, Registry, samples};

use crate::reader::Reader;

/// The first bit says which of the two.
pub fn lab_cloud(data: &[u8]) {
    let mut reader = Reader::new(data);
    let registry = Registry::new(1);
    let (products, devices) = samples();
    products.into_iter().for_each(|product| registry.add_product(product).expect("a sample is right"));
    devices.into_iter().for_each(|device| registry.add_device(device).expect("a sample is right"));
    if reader.bit() { gate(&mut reader, &registry) } else { endpoint(&mut reader, &registry) }
}

/// When it is.
const NOW: i64 = 1_700_000_000;

/// One device after the other shows what it has, and listens.
fn gate(reader: &mut Reader<'_>, registry: &Registry) {
    let cloud = reader.pick(&Cloud::ALL);
    let authority = Some(Arc::new(Gate::new(cloud, registry.clone())) as _);
    let mut broker = Broker::new(Config { authority, ..Config::default() });
    let mut outbox = Outbox::default();
    let mut handle = |input: Input<'_>| {
        outbox.clear();
        broker.handle(Instant::START, input, &mut outbox);
        assert!(broker.deadline().is_none_or(|deadline| deadline > Instant::START), "the deadline did not move");
        outbox.effects().any(|effect| matches!(effect, Effect::Close(_)))
    };
    handle(Input::Clock(NOW));
    for peer in (1..).map(Peer) {
        if reader.is_empty() {
            return;
        }
        handle(Input::Connected(peer));
        if reader.bit() {
            handle(Input::Secured(peer));
        }
        let [client, user] = [(); 2].map(|()| String::from_utf8_lossy(reader.bytes()).replace('\0', ""));
        let connect = Connect {
            client_id: &client,
            clean_session: true,
            keep_alive: 0,
            will: None,
            user_name: Some(&user),
            password: Some(reader.bytes()),
            level: Connect::LEVEL,
        };
        let mut bytes = Vec::new();
        Packet::Connect(connect).encode(&mut bytes);
        let filter = String::from_utf8_lossy(reader.bytes()).replace('\0', "");
        if handle(Input::Received(peer, &bytes)) || !is_filter(&filter) {
            continue;
        }
        bytes.clear();
        let filters = [(&*filter, Qos::AtLeastOnce)];
        let id = PacketId::new(1).expect("1 is one");
        Packet::Subscribe { id, filters: Filters::with_qos(&filters) }.encode(&mut bytes);
        handle(Input::Received(peer, &bytes));
    }
}

/// Connections come, ask, wait and go.
fn endpoint(reader: &mut Reader<'_>, registry: &Registry) {
    let mut server = Server::new(reader.pick(&[Api::Tencent, Api::Tuya]), registry.clone());
    let mut outbox = Outbox::<Note>::default();
    let mut now = Instant::START;
    server.handle(now, Input::Clock(NOW), &mut outbox);
    let mut peers: Vec<Peer> = Vec::new();
    let mut count = 0;
    while !reader.is_empty() {
        outbox.clear();
        let action = reader.byte() % 8;
        let index = usize::from(reader.byte());
        let peer = if peers.is_empty() { Peer(0) } else { peers[index % peers.len()] };
        match action {
            0 => {
                count += 1;
                peers.push(Peer(count));
                server.handle(now, Input::Connected(Peer(count)), &mut outbox);
            }
            1..=4 => {
                let bytes = reader.bytes();
                if server.wants(peer) {
                    server.handle(now, Input::Received(peer, bytes), &mut outbox);
                }
            }
            5 => {
                peers.retain(|other| *other != peer);
                server.handle(now, Input::Gone(peer), &mut outbox);
            }
            6 => {
                now = match reader.two_bytes() {
                    0 => server.deadline().map_or(now, |deadline| deadline.max(now)),
                    millis => now + Duration::from_millis(millis.into()),
                };
                server.handle(now, Input::Tick, &mut outbox);
            }
            _ => {
                let number = reader.two_bytes();
                let faults = [
                    Fault::Slow(Duration::from_millis(number.into())),
                    Fault::Silent,
                    Fault::Truncated(number.into()),
                    Fault::Chunked,
                    Fault::Status(100 + number % 900),
                    Fault::Garbage,
                ];
                registry.spoil(faults[index % faults.len()], Some(1));
            }
        }
        assert!(server.deadline().is_none_or(|deadline| deadline > now), "the deadline did not move");
        for effect in outbox.effects() {
            match effect {
                Effect::Send(peer, _) => assert!(peers.contains(&peer), "bytes for peer {peer}"),
                Effect::Close(peer) => {
                    assert!(peers.contains(&peer), "peer {peer} was closed twice");
                    peers.retain(|other| *other != peer);
                }
                Effect::Note(note) => assert!(!note.to_string().is_empty()),
            }
        }
    }
}
