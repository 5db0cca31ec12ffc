//! What holds for all inputs, tried with random ones.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::mqtt::{Packet, parse_words};
use quasimodem_core::{
    Change, ClientId, Coverage, Effect, Host, HostLine, Imei, Input, Instant, Kind, Link, MODELS, Modem, Outbox, Port,
    Power, Query, RefusalStyle, Registration, Settings, Sim, Start, Why, sn,
};

/// Something that happens to a modem.
#[derive(Clone, Debug)]
enum Event {
    Typed(Vec<u8>),
    Answered(Link, Vec<u8>),
    Opened(Link),
    Closed(Link),
    Host(Host),
    Full(Port),
    Free(Port),
    Power(Power),
    Bearer(Change),
    Line(HostLine),
    Resolved(bool),
    Deadline,
    Passed(u64),
}

/// The link of registrations at clouds.
const CLOUD: Link = Link(201);

/// Those of clients, and that of clouds.
const LINKS: usize = ClientId::ALL.len() + 1;

/// What links may do at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Wire {
    #[default]
    Closed,
    Opening,
    Open,
}

/// A modem with a driver that keeps the contracts and checks those of the modem.
struct Rig {
    modem: Modem,
    outbox: Outbox,
    now: Instant,
    wires: [Wire; LINKS],
    /// What the modem asked for and was not told.
    queries: Vec<Query>,
    /// All that was written to the host.
    serial: Vec<u8>,
    finals: usize,
    /// `ATV0` may have been typed.
    terse: bool,
}

impl Rig {
    fn new(settings: Settings) -> Rig {
        let modem = Modem::new(settings.into(), Imei::default());
        let mut rig = Rig {
            modem,
            outbox: Outbox::default(),
            now: Instant::START,
            wires: Default::default(),
            queries: Vec::new(),
            serial: Vec::new(),
            finals: 0,
            terse: false,
        };
        rig.handle(Input::Host(Host::Attached));
        rig
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.modem.handle(self.now, input, &mut self.outbox);
        if let Some(deadline) = self.modem.deadline() {
            assert!(deadline > self.now, "the deadline {deadline:?} did not move on from {:?}", self.now);
        }
        let mut header_due = true;
        for effect in self.outbox.effects() {
            match effect {
                Effect::Serial(kind, marked) => {
                    let text = marked.bytes();
                    // Nothing of the modem's own is glued to an echo.
                    let begins = matches!(self.serial.last(), None | Some(b'\r' | b'\n')) || text.starts_with(b"\r\n");
                    assert!(kind == Kind::Echo || begins, "{marked:?} does not begin a line");
                    match kind {
                        Kind::Echo => {}
                        Kind::Info => {
                            // With ATV0 an information response has no line end in front.
                            let headed = text.starts_with(b"\r\n");
                            assert!(text.ends_with(b"\r\n") && (!header_due || headed || self.terse), "{marked:?}");
                        }
                        Kind::Prompt => assert_eq!(text, b"\r\n> \r\n"),
                        Kind::Final if self.terse && matches!(text, b"0\r" | b"4\r") => {}
                        Kind::Final | Kind::Urc => {
                            let inner = text.strip_prefix(b"\r\n").and_then(|text| text.strip_suffix(b"\r\n"));
                            let inner = inner.unwrap_or_else(|| panic!("not framed: {marked:?}"));
                            assert!(!inner.iter().any(u8::is_ascii_control), "more than one line: {marked:?}");
                        }
                    }
                    header_due = kind != Kind::Info;
                    self.finals += usize::from(kind == Kind::Final);
                    self.serial.extend_from_slice(text);
                }
                Effect::Open { link, .. } => *wire(&mut self.wires, link) = Wire::Opening,
                Effect::Close(link) => *wire(&mut self.wires, link) = Wire::Closed,
                Effect::Send(link, marked) => {
                    assert!(*wire(&mut self.wires, link) == Wire::Open, "bytes for a link that is not open");
                    if link == CLOUD {
                        let is_http = marked.bytes().starts_with(b"POST ");
                        assert!(is_http || Packet::decode(marked.bytes()).is_ok(), "what clouds are told is a whole");
                    } else if link.0 > 100 {
                        sn::Packet::decode(marked.bytes()).expect("what the modem sends is a message");
                    } else {
                        Packet::decode(marked.bytes()).expect("what the modem sends is a packet");
                    }
                }
                Effect::Resolve(query, ..) => {
                    assert!(!self.queries.contains(&query), "two queries have one number");
                    self.queries.push(query);
                }
                Effect::Line(_) | Effect::Note(_) => {}
            }
        }
    }

    /// Lets an event happen if it can at the moment.
    fn happens(&mut self, event: &Event) {
        match event {
            Event::Typed(bytes) => {
                self.terse |= bytes.iter().any(|byte| byte.eq_ignore_ascii_case(&b'V'));
                for chunk in bytes.chunks(Input::CHUNK) {
                    if self.modem.wants(Port::Serial) {
                        self.handle(Input::Serial(chunk));
                    }
                }
            }
            Event::Answered(link, bytes) => {
                if *wire(&mut self.wires, *link) == Wire::Open && self.modem.wants(Port::Link(*link)) {
                    self.handle(Input::Received(*link, bytes));
                }
            }
            Event::Opened(link) => {
                if *wire(&mut self.wires, *link) == Wire::Opening {
                    *wire(&mut self.wires, *link) = Wire::Open;
                    self.handle(Input::Opened(*link));
                }
            }
            Event::Closed(link) => {
                if *wire(&mut self.wires, *link) != Wire::Closed {
                    *wire(&mut self.wires, *link) = Wire::Closed;
                    self.handle(Input::Closed(*link, Why::Reset));
                }
            }
            Event::Host(host) => self.handle(Input::Host(*host)),
            Event::Full(port) => self.handle(Input::Full(*port)),
            Event::Free(port) => self.handle(Input::Free(*port)),
            Event::Bearer(change) => self.handle(Input::Bearer(*change)),
            Event::Power(power) => self.handle(Input::Power(*power)),
            Event::Line(line) => self.handle(Input::Line(*line)),
            Event::Resolved(found) => {
                if let Some(query) = self.queries.pop() {
                    let address = [10, 1, 2, 3].into();
                    self.handle(Input::Resolved(query, if *found { Ok(address) } else { Err(Why::TimedOut) }));
                }
            }
            Event::Deadline => {
                if let Some(deadline) = self.modem.deadline() {
                    self.now = deadline;
                    self.handle(Input::Tick);
                }
            }
            Event::Passed(millis) => {
                self.now = self.now + Duration::from_millis(*millis);
                self.handle(Input::Tick);
            }
        }
    }
}

fn wire(wires: &mut [Wire; LINKS], link: Link) -> &mut Wire {
    let place = ClientId::ALL.into_iter().position(|id| id.link() == link);
    assert!(place.is_some() || link == CLOUD, "{link:?} is nobody's");
    &mut wires[place.unwrap_or(LINKS - 1)]
}

fn command() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "AT\r",
        "ATE0\r",
        "ATE1V0\r",
        "AT V0 E1\n",
        "ATQ1\r\n",
        "ATE1Q0V1\r",
        "AT+CSQ\x7fQ ; + C M E E ?\r",
        "ATE1;I\r\n",
        "A/",
        "AT+MQTTOPEN=1,\"broker\",1883,1,60\r",
        "AT+MQTTOPEN=2,\"broker\",1883,0,1\r",
        "AT+MQTTOPEN=1,\"broker\",1883,1,60\r",
        "AT+MQTTUSER=1,\"u\",\"p\",\"c\"\r",
        "AT+MQTTUSER?\r",
        "AT+MQTTCLOSE=1\r",
        "AT+MQTTCLOSE?;+MQTTOPEN?\n",
        "AT+MQTTSUB=1,\"a/#\",2\r",
        "AT+MQTTSUB=2,\"+\",0\r",
        "AT+MQTTUNSUB=1,\"a\"\r",
        "AT+MQTTPUB=1,\"a\",0,0,\"{\"x\":\"\\22\\\\\"}\"\r",
        "AT+MQTTPUB=1,\"a\",1,1,\"\"\r",
        "AT+MQTTPUB=1,\"a\",2,0,\"two\"\r",
        "AT+MQTTPUB=1,\"a\",0,0,7\r",
        "AT+MQTTPUB=2,\"a\",1,0,3\r\nabc",
        "AT+MQTTWILL=1,\"w\",1,1,\"gone\"\r",
        "AT+MQTTWILL=1,\"w\",1,1,4\r",
        "AT+MQTTWILL?\r",
        "AT+MQTTSUB=?\r",
        "AT+MQTTOPEN=101,\"gateway\",10000,1,60\r",
        "AT+MQTTOPEN=101,\"gateway\",10000,0,1\r",
        "AT+MQTTWILL=101,\"w\",1,1,\"gone\"\r",
        "AT+MQTTCLOSE=101\r",
        "AT+MQTTSUB=101,\"a/b\",2\r",
        "AT+MQTTUNSUB=101,5\r",
        "AT+MQTTPUB=101,\"a/b\",0,0,\"x\"\r",
        "AT+MQTTPUB=101,\"a/b\",2,0,\"x\"\r",
        "AT+MQTTPUB=101,5,1,0,3\rabc",
        "AT+MQTTSNREG=101,\"c/d\"\r",
        "AT+MQTTSNREG?\r",
        "AT+MQTTWTOPICUD=101,1,1,\"t\"\r",
        "AT+MQTTWMSGUD=101,\"m\"\r",
        "AT+MQTTCONF=1\r",
        "AT+MQTTREAD=101\r",
        "AT+MQTTCONF=0;+MQTTREAD=1\r",
        "AT+MQTTOPEN=1,\"broker\",1883,1,60;+MQTTSUB=1,\"a\",0;+MQTTCLOSE=1\r",
        "AT+MQTTOPEN=1,\"broker\",8883,1,60,2;+CFUN=1,1\r",
        "AT+MQTTOPEN=102,\"gateway\",10000,1,60\r",
        "AT+MIPDNS=\"name\"\r",
        "AT+MIPDNS=\"name\";+MQTTOPEN=2,\"broker\",1883,1,60\r",
        "AT+MIPCALL=0;+MIPCALL=1\r",
        "AT+CFUN=1,1\r",
        "AT+CFUN=0\r",
        "AT+CFUN=1\r",
        "AT+CPWROFF\r",
        "AT&C0&D1;+IPR=9600\r",
        "ATZ\r",
        "ATS0=1S7?&W\r",
        "AT+CCLK=\"26/07/20,06:51:36+32\";+CCLK?\r",
        "AT+GTGPSPOWER=1;+GTGPS?\r",
        "AT+COPS=?;+CESQ\r",
        "AT+GTSSLFILE=\"TRUSTFILE\",4;+CSQ\rnone",
        "AT+MQTTAUTHDYN=1,\"cloud\",443,\"pk\",\"secret\",\"dn\"\r",
        "AT+MQTTAUTHDYN=2,\"http://h/device/register\",\"pk\",\"IXcbsCxtjPHYqG5YJ6p7LXv3\",\"dn\"\r",
        "AT+MQTTAUTHDYN=3,\"pk\",\"secret\",\"dk\",0,1\r",
        "AT+MQTTAUTHCFG=4,1,\"78iln8xbfqhhjsrk\",\"tuya0bce44f023d59393\",\"BvSknOsD5DG2cBASZe0Q2kKYnJdMcjA8\"\r",
        "AT+MQTTAUTHCFG=4,0\r",
    ]);
    prop_oneof![
        6 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
        1 => vec(prop::sample::select(b"AT+MQUSERPB=?,;\"\\12 \r\n\0/&I".to_vec()), 0..60),
    ]
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "connack 0",
        "connack 0",
        "connack 0",
        "connack 5",
        "suback #1 0",
        "suback #2 128",
        "unsuback #2",
        "puback #1",
        "pubrec #1",
        "pubcomp #1",
        "puback #2",
        "pingresp",
        "publish \"a\" q0 \"x\"",
        "publish \"a/b\" q1 #1 \"\\r\\nOK\\r\\n\"",
        "publish \"a/b\" q2 #2 \"y\"",
        "pubrel #2",
    ]);
    prop_oneof![
        9 => words.prop_map(|words| parse_words(words).unwrap()),
        1 => vec(any::<u8>(), 1..30),
        1 => (0..3000usize).prop_map(|size| parse_words(&format!("publish \"big\" q0 \"{}\"", "z".repeat(size))).unwrap()),
    ]
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "connack 0",
        "connack 0",
        "connack 0",
        "connack 1",
        "willtopicreq",
        "willmsgreq",
        "register #1 @5 \"a/b\"",
        "register #2 @6 \"\\r\\nOK\\r\\n\"",
        "regack #1 @5 0",
        "regack #2 @6 0",
        "regack #2 @6 1",
        "suback #1 @5 q1 0",
        "unsuback #2",
        "puback #1 @5 0",
        "puback #2 @5 2",
        "puback #0 @5 2",
        "pubrec #1",
        "pubcomp #1",
        "pubrec #2",
        "pubcomp #2",
        "willtopicresp 0",
        "willmsgresp 0",
        "pingreq",
        "pingresp",
        "disconnect",
        "publish @5 q0 \"x\"",
        "publish @5 q1 #1 \"\\r\\nOK\\r\\n\"",
        "publish short \"\\r\\n\" q2 #2 \"y\"",
        "pubrel #2",
    ]);
    prop_oneof![
        9 => words.prop_map(|words| sn::parse_words(words).unwrap()),
        1 => vec(any::<u8>(), 0..30),
        1 => (0..3000usize).prop_map(|size| {
            sn::parse_words(&format!("publish short \"ab\" q0 \"{}\"", "z".repeat(size))).unwrap()
        }),
    ]
}

/// What a cloud may say.
fn told() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "connack 0",
        "connack 0",
        "connack 4",
        "suback #1 1",
        "suback #1 1",
        "pingresp",
        "publish \"/ext/register\" q1 #7 \"{\\\"deviceSecret\\\":\\\"s\\\",\\\"productKey\\\":\\\"pk\\\",\\\"deviceName\\\":\\\"dn\\\"}\"",
        "publish \"$sys/pk/dk/ext/regist\" q0 \"{\\\"deviceSecret\\\":\\\"s\\\"}\"",
        "publish \"$sys/pk/dk/ext/regist\" q2 #3 \"nonsense\"",
    ]);
    prop_oneof![
        9 => words.prop_map(|words| parse_words(words).unwrap()),
        1 => Just(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec()),
        1 => Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        1 => vec(any::<u8>(), 1..30),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let link = || prop::sample::select(vec![Link(1), Link(2), Link(101), Link(102), CLOUD]);
    let port =
        || prop::sample::select(vec![Port::Serial, Port::Link(Link(1)), Port::Link(Link(2)), Port::Link(Link(101))]);
    let changes = prop::sample::select(vec![
        Change::Clock(1_700_000_000),
        Change::Sim(Sim::Absent),
        Change::Sim(Sim::Pin),
        Change::Sim(Sim::Ready),
        Change::Registration(Registration::Searching),
        Change::Registration(Registration::Home),
        Change::DataCall(None),
        Change::Coverage(Coverage::None),
        Change::Coverage(Coverage::NoData),
        Change::Coverage(Coverage::Data([10, 0, 0, 4].into())),
        Change::DataCall(Some([10, 0, 0, 3].into())),
    ]);
    prop_oneof![
        10 => command().prop_map(Event::Typed),
        8 => (prop::sample::select(vec![Link(1), Link(1), Link(2)]), packet())
            .prop_map(|(link, packet)| Event::Answered(link, packet)),
        8 => datagram().prop_map(|datagram| Event::Answered(Link(101), datagram)),
        3 => told().prop_map(|told| Event::Answered(CLOUD, told)),
        1 => any::<bool>().prop_map(Event::Resolved),
        1 => any::<bool>().prop_map(|on| Event::Line(HostLine::Dtr(on))),
        5 => link().prop_map(Event::Opened),
        1 => link().prop_map(Event::Closed),
        1 => prop::sample::select(vec![Host::Attached, Host::Attached, Host::Settling, Host::Detached]).prop_map(Event::Host),
        1 => port().prop_map(Event::Full),
        2 => port().prop_map(Event::Free),
        1 => changes.prop_map(Event::Bearer),
        1 => prop::sample::select(vec![Power::Reset, Power::Off, Power::On]).prop_map(Event::Power),
        4 => Just(Event::Deadline),
        3 => (0..2000u64).prop_map(Event::Passed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Nothing panics, the deadline moves, and every line is whole, whatever happens.
    #[test]
    fn any_events_keep_the_contracts(
        model in 0..MODELS.len(),
        gap in 0..2u64,
        boot in 0..2u64,
        cme in any::<bool>(),
        waits in any::<bool>(),
        events in vec(event(), 0..60),
    ) {
        let refusal = if cme { RefusalStyle::Cme } else { RefusalStyle::Result };
        let (gap, boot) = (Duration::from_millis(20 * gap), Duration::from_secs(boot));
        let mut settings = Settings { model: &MODELS[model], gap, boot, refusal, ..Settings::default() };
        if waits {
            settings.urc_gap = Duration::from_millis(70);
            settings.msgi_hold = Duration::from_millis(300);
            settings.ready_delay = Some(Duration::from_millis(500));
            settings.banner = Some("AT command ready".into());
            settings.bearer = Start::Cold;
        }
        let mut rig = Rig::new(settings);
        for event in &events {
            rig.happens(event);
        }
    }

    /// How the host's bytes are cut into chunks changes nothing.
    #[test]
    fn chunks_mean_nothing(lines in vec(command(), 1..12), cuts in vec(1..40usize, 0..30)) {
        let bytes = lines.concat();
        let mut whole = Rig::new(Settings::default());
        whole.happens(&Event::Typed(bytes.clone()));
        let mut cut = Rig::new(Settings::default());
        let mut rest = &bytes[..];
        let mut sizes = cuts.iter().cycle();
        while !rest.is_empty() {
            let size = sizes.next().map_or(rest.len(), |size| (*size).min(rest.len()));
            cut.happens(&Event::Typed(rest[..size].to_vec()));
            rest = &rest[size..];
        }
        prop_assert_eq!(String::from_utf8_lossy(&whole.serial), String::from_utf8_lossy(&cut.serial));
    }

    /// Each command line gets one final result, at once (without Q and V, which change what it looks like).
    #[test]
    fn a_line_gets_one_final_result(text in "[ -PR-UW-pr-uw-~]{0,60}") {
        let mut rig = Rig::new(Settings::default());
        rig.happens(&Event::Typed(format!("AT{text}\r").into_bytes()));
        prop_assert_eq!(rig.finals, 1);
    }

    /// A gateway that sends anything at all is answered or ignored, and what it sends moves each deadline.
    #[test]
    fn datagrams_harm_nobody(
        lines in vec(command(), 0..4),
        datagrams in vec(prop_oneof![datagram(), vec(any::<u8>(), 0..200)], 0..30),
    ) {
        let mut rig = Rig::new(Settings::default());
        rig.happens(&Event::Typed(b"AT+MQTTOPEN=101,\"gateway\",10000,1,60\r".to_vec()));
        rig.happens(&Event::Opened(Link(101)));
        rig.happens(&Event::Answered(Link(101), sn::parse_words("connack 0").unwrap()));
        lines.into_iter().for_each(|line| rig.happens(&Event::Typed(line)));
        for datagram in datagrams {
            rig.happens(&Event::Answered(Link(101), datagram));
            rig.happens(&Event::Deadline);
        }
    }

    /// A connection that sends anything at all is answered or ended, and the modem goes on.
    #[test]
    fn bytes_of_a_broker_harm_nobody(bytes in vec(any::<u8>(), 0..200), before in packet()) {
        let mut rig = Rig::new(Settings::default());
        rig.happens(&Event::Typed(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r".to_vec()));
        rig.happens(&Event::Opened(Link(1)));
        rig.happens(&Event::Answered(Link(1), parse_words("connack 0").unwrap()));
        rig.happens(&Event::Answered(Link(1), before));
        rig.happens(&Event::Answered(Link(1), bytes));
        rig.happens(&Event::Passed(20));
        let before = rig.finals;
        rig.happens(&Event::Typed(b"AT\r".to_vec()));
        prop_assert_eq!(rig.finals, before + 1);
    }
}
