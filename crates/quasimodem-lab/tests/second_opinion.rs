//! A codec that shares nothing with ours reads every packet that modems and broker send in the simulation, and reads
//! the same.

use std::collections::BTreeMap;

use mqtt_proto::v3;
use mqtt_proto::{Pid, QosPid};
use quasimodem_core::mqtt::{Connect, Packet, PacketId, Publish, Qos, Will, frame_len};
use quasimodem_lab::simulation::{self, Saw, What};

#[test]
fn another_codec_reads_the_same() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for seed in 0..300 {
        let mut partial = BTreeMap::<_, Vec<u8>>::new();
        for entry in simulation::log(seed) {
            let What::Station(station, saw) = entry.what else { continue };
            match saw {
                Saw::Sent(_, bytes) => compare(&bytes, &mut seen),
                Saw::Linked(link, ..) => {
                    partial.remove(&(station, link));
                }
                Saw::Received(link, bytes) => {
                    let waiting = partial.entry((station, link)).or_default();
                    waiting.extend(bytes);
                    while let Some(length) = frame_len(waiting, usize::MAX).unwrap().filter(|it| *it <= waiting.len()) {
                        compare(&waiting.drain(..length).collect::<Vec<u8>>(), &mut seen);
                    }
                }
                _ => {}
            }
        }
    }
    // All that a modem can send or get.
    assert_eq!(seen.len(), 14, "{seen:?}");
}

#[track_caller]
fn compare(bytes: &[u8], seen: &mut BTreeMap<&str, usize>) {
    let ours = Packet::decode(bytes).unwrap();
    let theirs = v3::Packet::decode(bytes).unwrap().expect("they want more bytes");
    let kind = same(&ours, &theirs).unwrap_or_else(|| panic!("{ours} is {theirs:?}"));
    *seen.entry(kind).or_default() += 1;
    assert_eq!(theirs.encode().unwrap().as_ref(), bytes, "{ours} is written in another way");
}

/// The name of the packet, if both say the same.
fn same(ours: &Packet<'_>, theirs: &v3::Packet) -> Option<&'static str> {
    let (holds, kind) = match (ours, theirs) {
        (Packet::Connect(ours), v3::Packet::Connect(theirs)) => (same_connect(ours, theirs), "connect"),
        (Packet::Connack { session_present, code }, v3::Packet::Connack(theirs)) => {
            (*session_present == theirs.session_present && *code == theirs.code as u8, "connack")
        }
        (Packet::Publish(ours), v3::Packet::Publish(theirs)) => (same_publish(ours, theirs), "publish"),
        (Packet::Puback(ours), v3::Packet::Puback(theirs)) => (same_id(*ours, *theirs), "puback"),
        (Packet::Pubrec(ours), v3::Packet::Pubrec(theirs)) => (same_id(*ours, *theirs), "pubrec"),
        (Packet::Pubrel(ours), v3::Packet::Pubrel(theirs)) => (same_id(*ours, *theirs), "pubrel"),
        (Packet::Pubcomp(ours), v3::Packet::Pubcomp(theirs)) => (same_id(*ours, *theirs), "pubcomp"),
        (Packet::Subscribe { id, filters }, v3::Packet::Subscribe(theirs)) => {
            let ours = filters.iter().map(|(filter, qos)| (filter.to_string(), qos.map(Qos::number)));
            let filters = theirs.topics.iter().map(|(filter, qos)| (filter.to_string(), Some(*qos as u8)));
            (same_id(*id, theirs.pid) && ours.eq(filters), "subscribe")
        }
        (Packet::Suback { id, codes }, v3::Packet::Suback(theirs)) => {
            let theirs_codes = theirs.topics.iter().map(|code| *code as u8);
            (same_id(*id, theirs.pid) && codes.iter().copied().eq(theirs_codes), "suback")
        }
        (Packet::Unsubscribe { id, filters }, v3::Packet::Unsubscribe(theirs)) => {
            let ours = filters.iter().map(|(filter, _)| filter.to_string());
            (same_id(*id, theirs.pid) && ours.eq(theirs.topics.iter().map(ToString::to_string)), "unsubscribe")
        }
        (Packet::Unsuback(ours), v3::Packet::Unsuback(theirs)) => (same_id(*ours, *theirs), "unsuback"),
        (Packet::Pingreq, v3::Packet::Pingreq) => (true, "pingreq"),
        (Packet::Pingresp, v3::Packet::Pingresp) => (true, "pingresp"),
        (Packet::Disconnect, v3::Packet::Disconnect) => (true, "disconnect"),
        _ => (false, ""),
    };
    holds.then_some(kind)
}

fn same_id(ours: PacketId, theirs: Pid) -> bool {
    ours.get() == theirs.value()
}

fn same_publish(ours: &Publish<'_>, theirs: &v3::Publish) -> bool {
    let (qos, id) = match theirs.qos_pid {
        QosPid::Level0 => (0, None),
        QosPid::Level1(id) => (1, Some(id.value())),
        QosPid::Level2(id) => (2, Some(id.value())),
    };
    (ours.dup, ours.retain, ours.qos.number()) == (theirs.dup, theirs.retain, qos)
        && ours.id.map(PacketId::get) == id
        && ours.topic == &*theirs.topic_name
        && ours.payload == &theirs.payload[..]
}

fn same_connect(ours: &Connect<'_>, theirs: &v3::Connect) -> bool {
    let same_will = |ours: &Will<'_>, theirs: &v3::LastWill| {
        (ours.qos.number(), ours.retain) == (theirs.qos as u8, theirs.retain)
            && ours.topic == &*theirs.topic_name
            && ours.payload == &theirs.message[..]
    };
    ours.client_id == theirs.client_id.to_string()
        && (ours.clean_session, ours.keep_alive) == (theirs.clean_session, theirs.keep_alive)
        && match (&ours.will, &theirs.last_will) {
            (Some(ours), Some(theirs)) => same_will(ours, theirs),
            (None, None) => true,
            _ => false,
        }
        && ours.user_name == theirs.username.as_deref()
        && ours.password == theirs.password.as_ref().map(|password| &password[..])
}
