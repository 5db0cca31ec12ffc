//! The work that is measured, by time and by instructions alike.

mod gateway;

use std::fmt;
use std::time::Duration;

use quasimodem_core::mqtt::parse_words;
use quasimodem_core::{Host, Imei, Input, Instant, Link, Modem, Outbox, Settings, sn};

use quasimodem_lab::watch::Watch;

pub use self::gateway::{GatewayBench, GatewayWork};

/// What a connected modem does over and over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// `AT+MQTTCLOSE?`.
    ShortCommand,
    /// `AT+MQTTPUB` at QoS 0 with a quoted payload of 1 KiB, to its result.
    Publish,
    /// The same at QoS 1, with the broker's acknowledgement.
    PublishQos1,
    /// `AT+MQTTPUB` over MQTT-SN at QoS 1, with the gateway's acknowledgement.
    SnPublishQos1,
    /// A message of 64 bytes at QoS 0 from the broker, to its `+MQTTMSG`.
    ShortMessage,
    /// The same with 1 KiB.
    LongMessage,
    /// A call when nothing is due.
    Idle,
}

impl Work {
    /// All that is measured.
    pub const ALL: [Work; 7] = [
        Work::ShortCommand,
        Work::Publish,
        Work::PublishQos1,
        Work::SnPublishQos1,
        Work::ShortMessage,
        Work::LongMessage,
        Work::Idle,
    ];
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Work::ShortCommand => "short command",
            Work::Publish => "publish 1 KiB at QoS 0",
            Work::PublishQos1 => "publish 1 KiB at QoS 1",
            Work::SnPublishQos1 => "publish 1 KiB at QoS 1 over MQTT-SN",
            Work::ShortMessage => "message of 64 B",
            Work::LongMessage => "message of 1 KiB",
            Work::Idle => "idle tick",
        })
    }
}

/// Where client 101 is.
const SN_LINK: Link = Link(101);

/// A modem that is ready to do its work any number of times.
pub struct Bench {
    modem: Modem,
    outbox: Outbox,
    work: Work,
    /// What is typed or received each time.
    bytes: Vec<u8>,
    /// The identifier of the last packet that was acknowledged.
    id: u16,
    /// Who sees all of it, if anybody does.
    watch: Option<Box<dyn Watch>>,
}

impl Bench {
    /// A modem with its client 1 connected and subscribed, that has done the work before: buffers have their size.
    pub fn new(work: Work) -> Bench {
        Bench::watched_by(work, None)
    }

    /// The same, which somebody watches.
    pub fn watched_by(work: Work, watch: Option<Box<dyn Watch>>) -> Bench {
        // Without the quiet time behind a final result code, so that no result waits for the clock.
        let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
        let modem = Modem::new(settings.into(), Imei::default());
        let mut bench = Bench { modem, outbox: Outbox::default(), work, bytes: work.bytes(), id: 1, watch };
        let packet = |words| parse_words(words).unwrap_or_default();
        bench.handle(Input::Host(Host::Attached));
        bench.handle(Input::Serial(b"AT+MQTTOPEN=1,\"broker.example\",1883,1,300\r"));
        bench.handle(Input::Opened(Link(1)));
        bench.handle(Input::Received(Link(1), &packet("connack 0")));
        bench.handle(Input::Serial(b"AT+MQTTSUB=1,\"topic\",0\r"));
        bench.handle(Input::Received(Link(1), &packet("suback #1 0")));
        if work == Work::SnPublishQos1 {
            let message = |words| sn::parse_words(words).unwrap_or_default();
            bench.handle(Input::Serial(b"AT+MQTTOPEN=101,\"gateway.example\",10000,1,300\r"));
            bench.handle(Input::Opened(SN_LINK));
            bench.handle(Input::Received(SN_LINK, &message("connack 0")));
            bench.handle(Input::Serial(b"AT+MQTTSUB=101,\"topic\",0\r"));
            bench.handle(Input::Received(SN_LINK, &message("suback #2 @5 q0 0")));
            // Both clients count together.
            bench.id += 1;
        }
        bench.run();
        bench
    }

    /// Does the work once.
    pub fn run(&mut self) {
        self.outbox.clear();
        let input = match self.work {
            Work::ShortCommand | Work::Publish | Work::PublishQos1 | Work::SnPublishQos1 => Input::Serial(&self.bytes),
            Work::ShortMessage | Work::LongMessage => Input::Received(Link(1), &self.bytes),
            Work::Idle => Input::Tick,
        };
        self.modem.handle(Instant::START, input.clone(), &mut self.outbox);
        if let Some(watch) = &mut self.watch {
            watch.modem(Instant::START, 0, &input, &self.modem, &self.outbox);
        }
        self.id = self.id.checked_add(1).unwrap_or(1);
        let [high, low] = self.id.to_be_bytes();
        match self.work {
            Work::PublishQos1 => self.handle(Input::Received(Link(1), &[0x40, 2, high, low])),
            Work::SnPublishQos1 => self.handle(Input::Received(SN_LINK, &[7, 0x0d, 0, 5, high, low, 0])),
            _ => {}
        }
    }

    /// What the work caused the last time it was done.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn handle(&mut self, input: Input<'_>) {
        let Some(watch) = &mut self.watch else {
            return self.modem.handle(Instant::START, input, &mut self.outbox);
        };
        // It is shown what this input causes, and no more.
        self.outbox.clear();
        self.modem.handle(Instant::START, input.clone(), &mut self.outbox);
        watch.modem(Instant::START, 0, &input, &self.modem, &self.outbox);
    }
}

impl Work {
    fn bytes(self) -> Vec<u8> {
        let publish = |client: u8, qos: u8| {
            format!("AT+MQTTPUB={client},\"topic\",{qos},0,\"{}\"\r", "x".repeat(1024)).into_bytes()
        };
        let message = |size| parse_words(&format!("publish \"topic\" q0 \"{}\"", "x".repeat(size))).unwrap_or_default();
        match self {
            Work::ShortCommand => b"AT+MQTTCLOSE?\r".into(),
            Work::Publish => publish(1, 0),
            Work::PublishQos1 => publish(1, 1),
            Work::SnPublishQos1 => publish(101, 1),
            Work::ShortMessage => message(64),
            Work::LongMessage => message(1024),
            Work::Idle => Vec::new(),
        }
    }
}
