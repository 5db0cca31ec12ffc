//! A gateway behind a network that loses, doubles and reorders datagrams: results come once and in time, what is told
//! as sent was sent, and messages of QoS 2 come once, both ways.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::Bench;
use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::mqtt::Qos;
use quasimodem_core::sn::{Connect, Packet, Publish, ReturnCode, Topic, TopicId};
use quasimodem_core::{Effect, Input, Instant, Link, Settings};

const LINK: Link = Link(101);

/// How long the gateway waits for an acknowledgement; longer than anything is delayed, so that what was sent again
/// never overtakes what was sent first.
const GATEWAY_RETRY: Duration = Duration::from_millis(600);

/// What becomes of the next datagram.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Late,
    Twice,
    Lost,
}

/// What happens next, to the modem or to the gateway.
enum Event {
    ToModem(Vec<u8>),
    ToGateway(Vec<u8>),
    /// The gateway sends what is not acknowledged.
    Retry,
    Typed(usize),
}

/// A gateway that keeps to the specification, with one message in flight to the client.
#[derive(Default)]
struct Gateway {
    connected: bool,
    names: Vec<String>,
    /// Payloads of messages that arrived, each as often as it counts.
    arrived: Vec<String>,
    /// Identifiers of QoS 2 that are not released.
    unreleased: Vec<u16>,
    /// Messages for the client: QoS and payload. The first is in flight.
    downlink: Vec<(Qos, String)>,
    released: bool,
    sent: bool,
    next_id: u16,
    /// Messages whose end the client confirmed.
    confirmed: Vec<String>,
}

struct World {
    bench: Bench,
    gateway: Gateway,
    events: BTreeMap<(Instant, u32), Event>,
    count: u32,
    fates: Vec<Fate>,
    /// All that was printed, with its time.
    printed: Vec<(Instant, String)>,
}

impl World {
    fn at(&mut self, time: Instant, event: Event) {
        self.count += 1;
        self.events.insert((time, self.count), event);
    }

    fn travel(&mut self, event: impl Fn() -> Event) {
        let now = self.bench.now + Duration::from_millis(10);
        match self.fates.pop().unwrap_or(Fate::Arrives) {
            Fate::Arrives => self.at(now, event()),
            Fate::Late => self.at(now + Duration::from_millis(200), event()),
            Fate::Twice => {
                self.at(now, event());
                self.at(now, event());
            }
            Fate::Lost => {}
        }
    }

    /// Brings an input and carries its effects out.
    fn handle(&mut self, input: Input<'_>) {
        self.bench.handle(input);
        let printed = self.bench.printed();
        if !printed.is_empty() {
            self.printed.push((self.bench.now, printed));
        }
        let sends = self.bench.outbox.effects().filter_map(|effect| match effect {
            Effect::Send(_, marked) => Some(marked.bytes().to_vec()),
            _ => None,
        });
        for datagram in sends.collect::<Vec<_>>() {
            self.travel(|| Event::ToGateway(datagram.clone()));
        }
    }

    fn say(&mut self, packet: Packet<'_>) {
        let mut datagram = Vec::new();
        packet.put(&mut datagram);
        self.travel(|| Event::ToModem(datagram.clone()));
    }

    /// Lets time pass until nothing is left to do, for two minutes at most.
    fn run(&mut self, lines: &[String]) {
        let end = self.bench.now + Duration::from_secs(120);
        loop {
            let event = self.events.first_key_value().map(|((time, _), _)| *time);
            let deadline = self.bench.modem.deadline();
            let Some(next) = [event, deadline].into_iter().flatten().min().filter(|next| *next < end) else { return };
            self.bench.now = next;
            if event != Some(next) {
                self.handle(Input::Tick);
                continue;
            }
            match self.events.pop_first().unwrap().1 {
                Event::ToModem(datagram) => self.handle(Input::Received(LINK, &datagram)),
                Event::ToGateway(datagram) => self.gateway_takes(&datagram),
                Event::Retry => {
                    self.gateway_sends();
                    self.at(next + GATEWAY_RETRY, Event::Retry);
                }
                Event::Typed(index) => self.handle(Input::Serial(format!("{}\r", lines[index]).as_bytes())),
            }
        }
    }

    fn gateway_takes(&mut self, datagram: &[u8]) {
        const OK: ReturnCode = ReturnCode::Accepted;
        match Packet::decode(datagram).expect("what the modem sends is a message") {
            Packet::Connect(Connect { .. }) => {
                self.gateway.connected = true;
                self.say(Packet::Connack(OK));
            }
            Packet::Register { id, name, .. } => {
                let topic = self.gateway.id_of(name);
                self.say(Packet::Regack { topic, id, code: OK });
            }
            Packet::Subscribe { id, topic: Topic::Name(name), qos, .. } => {
                let topic = self.gateway.id_of(name);
                self.say(Packet::Suback { qos, topic, id, code: OK });
            }
            Packet::Unsubscribe { id, .. } => self.say(Packet::Unsuback(id)),
            Packet::Publish(Publish { topic, payload, qos: Some(qos), id, .. }) => {
                let payload = String::from_utf8(payload.to_vec()).unwrap();
                let TopicId::Normal(number) = topic else { panic!("{topic}") };
                if usize::from(number) > self.gateway.names.len() {
                    return self.say(Packet::Puback { topic: number, id, code: ReturnCode::InvalidTopicId });
                }
                match qos {
                    Qos::AtMostOnce => self.gateway.arrived.push(payload),
                    Qos::AtLeastOnce => {
                        self.gateway.arrived.push(payload);
                        self.say(Packet::Puback { topic: number, id, code: OK });
                    }
                    Qos::ExactlyOnce => {
                        if !self.gateway.unreleased.contains(&id) {
                            self.gateway.unreleased.push(id);
                            self.gateway.arrived.push(payload);
                        }
                        self.say(Packet::Pubrec(id));
                    }
                }
            }
            Packet::Pubrel(id) => {
                self.gateway.unreleased.retain(|unreleased| *unreleased != id);
                self.say(Packet::Pubcomp(id));
            }
            Packet::Pingreq { .. } => self.say(Packet::Pingresp),
            Packet::Puback { id, code: OK, .. } | Packet::Pubcomp(id) if id == self.gateway.next_id => self.confirmed(),
            Packet::Pubrec(id) if id == self.gateway.next_id && self.gateway.sent => {
                self.gateway.released = true;
                self.say(Packet::Pubrel(id));
            }
            _ => {}
        }
    }

    fn confirmed(&mut self) {
        if self.gateway.sent {
            let (_, payload) = self.gateway.downlink.remove(0);
            self.gateway.confirmed.push(payload);
            self.gateway.released = false;
            self.gateway.sent = false;
        }
    }

    /// Sends the first message, or sends it again.
    fn gateway_sends(&mut self) {
        let Some((qos, payload)) = self.gateway.downlink.first().cloned().filter(|_| self.gateway.connected) else {
            return;
        };
        let dup = std::mem::replace(&mut self.gateway.sent, true);
        if !dup {
            self.gateway.next_id += 1;
        }
        let id = self.gateway.next_id;
        if self.gateway.released {
            return self.say(Packet::Pubrel(id));
        }
        let topic = TopicId::Predefined(900);
        self.say(Packet::Publish(Publish {
            topic,
            payload: payload.as_bytes(),
            qos: Some(qos),
            retain: false,
            dup,
            id,
        }));
        if qos == Qos::AtMostOnce {
            self.confirmed();
        }
    }
}

impl Gateway {
    fn id_of(&mut self, name: &str) -> u16 {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        u16::try_from(place + 1).unwrap()
    }
}

/// A line of the host, with QoS and the number of a name.
#[derive(Clone, Copy, Debug)]
enum Typed {
    Publish(u8, u8),
    Subscribe(u8),
    Unsubscribe(u8),
    Register(u8),
}

fn typed() -> impl Strategy<Value = Typed> {
    prop_oneof![
        5 => (0..3_u8, 0..3_u8).prop_map(|(qos, name)| Typed::Publish(qos, name)),
        1 => (0..3_u8).prop_map(Typed::Subscribe),
        1 => (0..3_u8).prop_map(Typed::Unsubscribe),
        1 => (0..3_u8).prop_map(Typed::Register),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![4 => Just(Fate::Arrives), 1 => Just(Fate::Late), 1 => Just(Fate::Twice), 2 => Just(Fate::Lost)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_bad_network_keeps_the_promises(
        typed in vec((typed(), 0..1500_u64), 1..12),
        downlink in vec(0..3_u8, 0..8),
        fates in vec(fate(), 0..120),
    ) {
        let mut bench = Bench::new(&Settings::default());
        bench.types("AT+MQTTOPEN=101,\"gateway.example\",10000,1,300");
        let downlink: Vec<_> = downlink
            .iter()
            .enumerate()
            .map(|(index, qos)| (Qos::from_number(*qos).unwrap(), format!("down{index}.")))
            .collect();
        let mut world = World {
            bench,
            gateway: Gateway { downlink: downlink.clone(), ..Gateway::default() },
            events: BTreeMap::new(),
            count: 0,
            // What connects gets through: that is not the matter here.
            fates: fates.into_iter().rev().chain([Fate::Arrives; 2]).collect(),
            printed: Vec::new(),
        };
        let mut time = world.bench.now + Duration::from_millis(100);
        let mut lines = Vec::new();
        for (index, (line, pause)) in typed.iter().enumerate() {
            let text = match line {
                Typed::Publish(qos, name) => format!("AT+MQTTPUB=101,\"name/{name}\",{qos},0,\"up{index}.\""),
                Typed::Subscribe(name) => format!("AT+MQTTSUB=101,\"name/{name}\",1"),
                Typed::Unsubscribe(name) => format!("AT+MQTTUNSUB=101,\"name/{name}\""),
                Typed::Register(name) => format!("AT+MQTTSNREG=101,\"name/{name}\""),
            };
            time = time + Duration::from_millis(*pause);
            lines.push((text, time));
            world.at(time, Event::Typed(index));
        }
        world.at(world.bench.now + Duration::from_millis(50), Event::Retry);
        world.handle(Input::Opened(LINK));
        let texts: Vec<_> = lines.iter().map(|(text, _)| text.clone()).collect();
        world.run(&texts);

        let all: String = world.printed.iter().map(|(_, text)| &**text).collect();
        prop_assert!(!all.contains("ERROR") && !all.contains("+MQTTBREAK"), "{all}");
        // Results by the name of their command, in order, each in time.
        for name in ["+MQTTPUB", "+MQTTSUB", "+MQTTUNSUB", "+MQTTSNREG"] {
            let asked: Vec<_> = lines.iter().filter(|(text, _)| text.contains(&format!("AT{name}="))).collect();
            let results: Vec<_> = world
                .printed
                .iter()
                .flat_map(|(time, text)| text.split("\r\n").map(move |line| (*time, line)))
                .filter_map(|(time, line)| {
                    let rest = line.strip_prefix(&format!("{name}: 101,"))?;
                    Some((time, rest.starts_with('1')))
                })
                .collect();
            prop_assert_eq!(results.len(), asked.len(), "{}: {}", name, all);
            for ((text, typed_at), (told_at, status)) in asked.iter().zip(results) {
                prop_assert!(told_at.since(*typed_at) <= Duration::from_secs(3), "{text} is late");
                let Some(payload) = text.split('"').nth(3) else { continue };
                let arrived = world.gateway.arrived.iter().filter(|arrived| *arrived == payload).count();
                match text.split(',').nth(2) {
                    Some("1") => prop_assert!(!status || arrived > 0, "{text} is told as sent"),
                    Some("2") => prop_assert!(arrived <= 1 && (!status || arrived == 1), "{text} arrived {arrived}"),
                    _ => {}
                }
            }
        }
        for (qos, payload) in &downlink {
            let told = all.matches(&format!("+MQTTMSG: 101,{},900,\"{payload}\"", qos.number())).count();
            let confirmed = world.gateway.confirmed.contains(payload);
            match qos {
                Qos::AtMostOnce => {}
                Qos::AtLeastOnce => prop_assert!(!confirmed || told > 0, "{payload} is lost"),
                Qos::ExactlyOnce => prop_assert!(told <= 1 && (!confirmed || told == 1), "{payload} came {told} times"),
            }
        }
        prop_assert_eq!(world.gateway.confirmed.len(), downlink.len(), "the modem answers in the end");
    }
}
