//! Datagrams through the lab gateway.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use quasimodem_core::{Instant, mqtt, sn};
use quasimodem_lab::gateway::{Config, Effect, Gateway, Input, Link, Outbox, Peer};

/// What a gateway does over and over, for one of a thousand clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GatewayWork {
    /// A PUBLISH of 64 bytes at QoS 0 from a client, to the broker.
    Up,
    /// The same at QoS 1, with the broker's PUBACK to the client.
    UpQos1,
    /// A PUBLISH of 64 bytes at QoS 0 from the broker, to a client.
    Down,
    /// The same at QoS 1, with the client's PUBACK to the broker.
    DownQos1,
    /// A PINGREQ of a client, answered.
    Ping,
    /// A datagram that is none of MQTT-SN.
    Junk,
}

impl GatewayWork {
    /// All that is measured.
    pub const ALL: [GatewayWork; 6] = [
        GatewayWork::Up,
        GatewayWork::UpQos1,
        GatewayWork::Down,
        GatewayWork::DownQos1,
        GatewayWork::Ping,
        GatewayWork::Junk,
    ];
}

impl fmt::Display for GatewayWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GatewayWork::Up => "gateway: 64 B up at QoS 0",
            GatewayWork::UpQos1 => "gateway: 64 B up at QoS 1",
            GatewayWork::Down => "gateway: 64 B down at QoS 0",
            GatewayWork::DownQos1 => "gateway: 64 B down at QoS 1",
            GatewayWork::Ping => "gateway: ping",
            GatewayWork::Junk => "gateway: junk",
        })
    }
}

/// A gateway with a thousand clients, that is ready to do its work any number of times.
pub struct GatewayBench {
    gateway: Gateway,
    outbox: Outbox,
    /// The client in the middle, and its link.
    peer: Peer,
    link: Link,
    /// What comes in, and the answer to what goes out then.
    first: Bytes,
    second: Bytes,
}

/// Something that comes to the gateway.
enum Bytes {
    Datagram(Vec<u8>),
    Packet(Vec<u8>),
    None,
}

const CLIENTS: u16 = 1000;

impl GatewayBench {
    /// A gateway that has done the work before: buffers have their size.
    pub fn new(work: GatewayWork) -> GatewayBench {
        let datagram = |words: &str| Bytes::Datagram(sn::parse_words(words).unwrap_or_default());
        let packet = |words: &str| Bytes::Packet(mqtt::parse_words(words).unwrap_or_default());
        let payload = "x".repeat(64);
        let publish = |qos| datagram(&format!("publish short \"ab\" {qos} \"{payload}\""));
        let message = |qos| packet(&format!("publish \"ab\" {qos} \"{payload}\""));
        let (first, second) = match work {
            GatewayWork::Up => (publish("q0"), Bytes::None),
            GatewayWork::UpQos1 => (publish("q1 #1"), packet("puback #1")),
            GatewayWork::Down => (message("q0"), Bytes::None),
            GatewayWork::DownQos1 => (message("q1 #1"), datagram("puback #1 @0 0")),
            GatewayWork::Ping => (datagram("pingreq"), Bytes::None),
            GatewayWork::Junk => (Bytes::Datagram(b"GET / HTTP/1.1\r\n\r\n".into()), Bytes::None),
        };
        let mut outbox = Outbox::default();
        // As where nobody watches.
        outbox.note_messages(false);
        let mut bench = GatewayBench {
            gateway: Gateway::new(Config::default()),
            outbox,
            peer: at(0),
            link: Link(0),
            first,
            second,
        };
        for number in 0..CLIENTS {
            let link = bench.connect(number);
            if number == CLIENTS / 2 {
                (bench.peer, bench.link) = (at(number), link);
            }
        }
        bench.run();
        bench
    }

    /// Does the work once.
    pub fn run(&mut self) {
        self.outbox.clear();
        let GatewayBench { gateway, outbox, peer, link, first, second } = self;
        for bytes in [first, second] {
            match bytes {
                Bytes::Datagram(bytes) => gateway.handle(Instant::START, Input::Datagram(*peer, bytes), outbox),
                Bytes::Packet(bytes) => gateway.handle(Instant::START, Input::Received(*link, bytes), outbox),
                Bytes::None => {}
            }
        }
    }

    /// What the work caused the last time it was done.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn connect(&mut self, number: u16) -> Link {
        let connect = sn::parse_words(&format!("connect \"client-{number}\" clean keepalive 0")).unwrap_or_default();
        self.handle(Input::Datagram(at(number), &connect));
        let opened = self.outbox.effects().find_map(|effect| match effect {
            Effect::Open(link) => Some(link),
            _ => None,
        });
        let link = opened.unwrap_or(Link(0));
        self.handle(Input::Opened(link));
        self.handle(Input::Received(link, &[0x20, 2, 0, 0]));
        link
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.gateway.handle(Instant::START, input, &mut self.outbox);
    }
}

fn at(number: u16) -> Peer {
    Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 10_000 + number)))
}
