//! What a modem holds and allocates, counted by the allocator.
#![expect(unsafe_code, reason = "a global allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::mqtt::{Packet, parse_words};
use quasimodem_core::{
    Effect, Host, Imei, Input, Instant, Link, Modem, Outbox, Oversize, Port, Settings, TlsProfile, Why, sn,
};

/// Invariant: what a connected, idle modem holds at most, next to what the host stored in it.
const IDLE_MAX: usize = 512;

/// What it may hold more if its client speaks MQTT-SN: a session has names, and what a gateway may have lost.
const SN_IDLE_MAX: usize = 512;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain cells of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(layout.size())));
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Where client 101 is.
const SN_LINK: Link = Link(101);

/// A modem with the broker at its other end played by the test.
struct Bench {
    modem: Modem,
    outbox: Outbox,
    now: Instant,
}

impl Bench {
    /// A modem with a host.
    fn new(outbox: Outbox) -> Bench {
        let modem = Modem::new(Settings::default().into(), Imei::default());
        let mut bench = Bench { modem, outbox, now: Instant::START };
        bench.handle(Input::Host(Host::Attached));
        bench
    }

    /// A modem whose client 1 is connected, subscribed and has nothing to do.
    fn connected(outbox: Outbox) -> Bench {
        let mut bench = Bench::new(outbox);
        bench.connect();
        bench
    }

    fn connect(&mut self) {
        self.types("AT+MQTTOPEN=1,\"broker.example\",1883,1,300\r");
        self.handle(Input::Opened(Link(1)));
        self.receives("connack 0");
        self.types("AT+MQTTSUB=1,\"topic\",0\r");
        self.receives("suback #1 0");
        self.passes();
    }

    /// Connects client 101 to a gateway, and publishes to a name, so that it has an id.
    fn connect_sn(&mut self) {
        self.types("AT+MQTTOPEN=101,\"gateway.example\",10000,1,300\r");
        self.handle(Input::Opened(SN_LINK));
        self.receives_sn("connack 0");
        self.types("AT+MQTTSUB=101,\"topic\",0\r");
        self.receives_sn("suback #1 @5 q0 0");
        self.passes();
    }

    fn receives_sn(&mut self, words: &str) {
        self.handle(Input::Received(SN_LINK, &sn::parse_words(words).unwrap()));
    }

    fn handle(&mut self, input: Input<'_>) {
        self.outbox.clear();
        self.modem.handle(self.now, input, &mut self.outbox);
    }

    fn types(&mut self, text: &str) {
        self.handle(Input::Serial(text.as_bytes()));
    }

    fn receives(&mut self, words: &str) {
        self.handle(Input::Received(Link(1), &parse_words(words).unwrap()));
    }

    /// Lets the gap behind a final result pass.
    fn passes(&mut self) {
        self.now = self.now + Duration::from_millis(20);
        self.handle(Input::Tick);
    }
}

/// What many modems hold together: their settings.
fn shared() -> usize {
    let before = HELD.get();
    let settings = Arc::new(Settings::default());
    let shared = HELD.get() - before;
    drop(settings);
    shared
}

fn allocations(work: impl FnOnce()) -> usize {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

#[test]
fn a_connected_modem_is_small() {
    let mut outbox = Outbox::default();
    // The outbox is the driver's and grows with its first use.
    outbox = Bench::connected(outbox).outbox;
    let shared = shared();
    let before = HELD.get();
    let bench = Bench::connected(outbox);
    let heap = HELD.get() - before - shared;
    let all = size_of::<Modem>() + heap;
    println!("a connected modem holds {all} bytes, {heap} of them on the heap");
    assert!(all <= IDLE_MAX, "{all} bytes");
    drop(bench);
}

/// What a modem holds in each state, next to what the host stored in it.
#[test]
fn every_idle_state_is_small() {
    let stored = |text: &str| text.len();
    let user = ("somebody", "a password of some length", "a client id");
    let will = ("last/words", "gone");
    let state = |name: &str, own: usize, prepare: &dyn Fn(&mut Bench)| {
        // Fills the outbox to the size that this state needs, so that only the modem's own memory is counted.
        let mut outbox = Bench::connected(Outbox::default()).outbox;
        for counted in [false, true] {
            let shared = shared();
            let before = HELD.get();
            let mut bench = Bench::new(outbox);
            prepare(&mut bench);
            bench.outbox.clear();
            let held = size_of::<Modem>() + HELD.get() - before - shared;
            if counted {
                println!("{name}: {held} bytes, {own} of them the host's");
                assert!(held <= IDLE_MAX + own, "{name}: {held} bytes, {own} of them the host's");
            }
            outbox = bench.outbox;
        }
    };
    state("switched on", 0, &|_| {});
    state("connected", 0, &Bench::connect);
    state("both clients connected", 200, &|bench| {
        bench.connect();
        bench.types("AT+MQTTOPEN=2,\"broker.example\",1883,1,300\r");
        bench.handle(Input::Opened(Link(2)));
        bench.handle(Input::Received(Link(2), &parse_words("connack 0").unwrap()));
        bench.passes();
    });
    state("an MQTT-SN client connected", SN_IDLE_MAX, &Bench::connect_sn);
    state("an MQTT-SN client after a burst of requests and messages", SN_IDLE_MAX, &|bench| {
        bench.connect_sn();
        for id in 1..=16 {
            bench.types("AT+MQTTPUB=101,\"ab\",2,0,\"x\"\r");
            bench.receives_sn(&format!("publish @5 q2 #{id} \"y\""));
        }
        for id in 1..=16 {
            // The SUBSCRIBE had the first identifier.
            bench.receives_sn(&format!("pubrec #{}", id + 1));
            bench.receives_sn(&format!("pubcomp #{}", id + 1));
            bench.receives_sn(&format!("pubrel #{id}"));
        }
        bench.passes();
        bench.types("AT+MQTTCLOSE?\r");
        assert!(format!("{:?}", bench.outbox).contains("+MQTTCLOSE: 101"), "the connection lasted");
    });
    state("connected after an MQTT-SN client was closed", 0, &|bench| {
        bench.connect_sn();
        bench.types("AT+MQTTCLOSE=101\r");
        bench.receives_sn("disconnect");
        bench.passes();
        bench.connect();
    });
    state("connected after a kept session of MQTT-SN that left nothing", 0, &|bench| {
        bench.types("AT+MQTTOPEN=101,\"gateway.example\",10000,0,300\r");
        bench.handle(Input::Opened(SN_LINK));
        bench.receives_sn("connack 0");
        bench.types("AT+MQTTCLOSE=101\r");
        bench.receives_sn("disconnect");
        bench.passes();
        bench.connect();
    });
    let own = stored(user.0) + stored(user.1) + stored(user.2) + stored(will.0) + stored(will.1) + 120;
    state("user and will set", own, &|bench| {
        bench.types(&format!("AT+MQTTUSER=1,\"{}\",\"{}\",\"{}\"\r", user.0, user.1, user.2));
        bench.types(&format!("AT+MQTTWILL=1,\"{}\",1,0,\"{}\"\r", will.0, will.1));
        bench.connect();
    });
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "x".repeat(2000));
    state("roots loaded", pem.len() + size_of::<TlsProfile>() + 2 * size_of::<usize>(), &|bench| {
        bench.types(&format!("AT+GTSSLFILE=\"TRUSTFILE\",{}\r", pem.len()));
        bench.types(&pem);
        bench.types("AT+MQTTOPEN=1,\"broker.example\",8883,1,300,2\r");
        bench.handle(Input::Opened(Link(1)));
        bench.receives("connack 0");
        bench.passes();
    });
    state("certificates loaded and forgotten by a reset", 0, &|bench| {
        bench.types(&format!("AT+GTSSLFILE=\"TRUSTFILE\",{}\r", pem.len()));
        bench.types(&pem);
        bench.types("AT+CFUN=1,1\r");
        bench.passes();
        bench.connect();
    });
    state("after a burst of requests and messages", 0, &|bench| {
        bench.connect();
        for id in 1..=16 {
            bench.types("AT+MQTTPUB=1,\"t\",2,0,\"x\"\r");
            bench.receives(&format!("publish \"t\" q2 #{id} \"y\""));
        }
        for id in 1..=16 {
            // The SUBSCRIBE had the first identifier.
            bench.receives(&format!("pubrec #{}", id + 1));
            bench.receives(&format!("pubcomp #{}", id + 1));
            bench.receives(&format!("pubrel #{id}"));
        }
        bench.passes();
        bench.types("AT+MQTTCLOSE?\r");
        assert!(format!("{:?}", bench.outbox).contains("+MQTTCLOSE: 1"), "the connection lasted");
    });
    state("settings stored and brought back, and the clock set and left to the network", 0, &|bench| {
        bench.types("ATS0=1;+CMGF=1;+CCLK=\"26/07/20,06:51:36+32\";+GTGPSPOWER=1\r");
        bench.types("AT&F;+CTZU=1;+GTGPSPOWER=0\r");
        bench.passes();
        bench.connect();
    });
    state("after 3000 QoS 2 messages in flight", 0, &|bench| {
        bench.connect();
        (1..=3000).for_each(|id| bench.receives(&format!("publish \"t\" q2 #{id} \"y\"")));
        (1..=3000).for_each(|id| bench.receives(&format!("pubrel #{id}")));
    });
    state("3000 QoS 2 messages in flight", 3072 + 3000 / 8, &|bench| {
        bench.connect();
        (1..=3000).for_each(|id| bench.receives(&format!("publish \"t\" q2 #{id} \"y\"")));
    });
    state("in a message that is skipped", 112, &|bench| {
        bench.modem = Modem::new(Settings { oversize: Oversize::Skip, ..Settings::default() }.into(), Imei::default());
        bench.handle(Input::Host(Host::Attached));
        bench.connect();
        bench.handle(Input::Received(Link(1), b"\x30\xff\xff\xff\x7f\0\x01t"));
        (0..1000).for_each(|_| bench.handle(Input::Received(Link(1), &[0; Input::CHUNK])));
    });
    // Why the connection was lost, for AT+CEER, and the room of the reports that it caused.
    let loss = 128;
    state("a kept session that went on", "broker.example 1883 0010100000000081".len() + loss, &|bench| {
        for connack in ["connack 0", "connack 0 session"] {
            bench.types("AT+MQTTOPEN=1,\"broker.example\",1883,0,300\r");
            bench.handle(Input::Opened(Link(1)));
            bench.receives(connack);
            bench.types("AT+MQTTPUB=1,\"t\",2,0,\"x\"\r");
            if connack == "connack 0" {
                bench.handle(Input::Closed(Link(1), Why::Reset));
                bench.passes();
            }
        }
        ["pubrec #1", "pubcomp #1", "pubrec #2", "pubcomp #2"].iter().for_each(|words| bench.receives(words));
        bench.passes();
    });
    state("a command typed in two pieces", 0, &|bench| {
        bench.connect();
        bench.types("AT+MQTTPUB=1,\"t\",0,0,\"");
        bench.types(&format!("{}\"\r", "x".repeat(1000)));
        bench.passes();
    });
    state("a message that came in pieces", 0, &|bench| {
        bench.connect();
        let packet = parse_words(&format!("publish \"t\" q0 \"{}\"", "x".repeat(1000))).unwrap();
        packet.chunks(100).for_each(|chunk| bench.handle(Input::Received(Link(1), chunk)));
    });
    state("an unread message", "topic".len() + 500 + 120, &|bench| {
        bench.connect();
        bench.types("AT+MQTTCONF=1\r");
        bench.receives(&format!("publish \"topic\" q0 \"{}\"", "x".repeat(500)));
        bench.passes();
    });
    state("an unread message of many", "topic".len() + 500 + 120, &|bench| {
        bench.connect();
        bench.types("AT+MQTTCONF=1\r");
        for _ in 0..32 {
            bench.receives(&format!("publish \"topic\" q0 \"{}\"", "x".repeat(500)));
        }
        for _ in 1..32 {
            bench.types("AT+MQTTREAD=1\r");
        }
        bench.passes();
    });
    state("after messages that were read", 0, &|bench| {
        bench.connect();
        bench.types("AT+MQTTCONF=1\r");
        (0..2).for_each(|_| bench.receives("publish \"topic\" q0 \"x\""));
        (0..2).for_each(|_| bench.types("AT+MQTTREAD=1\r"));
        bench.passes();
    });
    state("after messages that waited", 0, &|bench| {
        bench.connect();
        bench.handle(Input::Full(Port::Serial));
        for _ in 0..32 {
            bench.receives("publish \"topic\" q0 \"x\"");
        }
        bench.handle(Input::Free(Port::Serial));
    });
    state("a kept flight", 2 * 500 + 120, &|bench| {
        bench.types("AT+MQTTOPEN=1,\"broker.example\",1883,0,300\r");
        bench.handle(Input::Opened(Link(1)));
        bench.receives("connack 0");
        bench.types(&format!("AT+MQTTPUB=1,\"t\",1,0,\"{}\"\r", "x".repeat(500)));
        bench.handle(Input::Closed(Link(1), Why::Reset));
        bench.passes();
    });
}

/// Publishing at QoS 0 to a known name, and receiving; what may be sent again has to be kept.
#[test]
fn mqtt_sn_allocates_nothing_in_the_steady_state() {
    let mut bench = Bench::new(Outbox::default());
    bench.connect_sn();
    let publish = format!("AT+MQTTPUB=101,\"topic\",0,0,\"{}\"\r", "x".repeat(1024));
    let message = sn::parse_words(&format!("publish @5 q1 #1 \"{}\"", "x".repeat(1024))).unwrap();
    let mut round = || {
        bench.types(&publish);
        bench.passes();
        assert!(written_ends(&bench.outbox, b"\r\n+MQTTPUB: 101,1\r\n"));
        bench.handle(Input::Received(SN_LINK, &message));
        assert!(written_ends(&bench.outbox, b"x\"\r\n"));
    };
    round();
    assert_eq!(allocations(round), 0);
}

/// Whether what was written last ends so.
fn written_ends(outbox: &Outbox, end: &[u8]) -> bool {
    let written = outbox.effects().filter_map(|effect| match effect {
        Effect::Serial(_, line) => Some(line.bytes()),
        _ => None,
    });
    written.last().is_some_and(|line| line.ends_with(end))
}

#[test]
fn nothing_is_allocated_in_the_steady_state() {
    let test_own = allocations(|| drop((String::from("x"), vec![1u8])));
    assert_eq!(test_own, 2, "the counter counts");
    let mut round = Round::new(Bench::connected(Outbox::default()));
    round.run();
    assert_eq!(allocations(|| round.run()), 0);
}

/// Short commands, a long publish at QoS 0 and one at QoS 1 with their results, and a message.
struct Round {
    bench: Bench,
    publish: String,
    publish_qos_1: String,
    message: Vec<u8>,
    id: u16,
}

impl Round {
    fn new(bench: Bench) -> Round {
        let payload = "x".repeat(1024);
        Round {
            bench,
            publish: format!("AT+MQTTPUB=1,\"topic\",0,0,\"{payload}\"\r"),
            publish_qos_1: format!("AT+MQTTPUB=1,\"topic\",1,0,\"{payload}\"\r"),
            message: parse_words(&format!("publish \"topic\" q0 \"{payload}\"")).unwrap(),
            id: 1,
        }
    }

    fn run(&mut self) {
        self.bench.types("AT\r");
        self.bench.types("AT+MQTTCLOSE?\r");
        self.bench.types(&self.publish);
        self.bench.passes();
        self.printed("\r\n+MQTTPUB: 1,1\r\n");
        self.bench.handle(Input::Received(Link(1), &self.message));
        self.printed("\r\n+MQTTMSG: 1,0,\"topic\",\"xxx");
        self.bench.types(&self.publish_qos_1);
        self.id += 1;
        let [high, low] = self.id.to_be_bytes();
        self.bench.handle(Input::Received(Link(1), &[0x40, 2, high, low]));
        self.bench.passes();
        self.printed("\r\n+MQTTPUB: 1,1\r\n");
    }

    fn printed(&self, start: &str) {
        let begins = |effect| matches!(effect, Effect::Serial(_, line) if line.bytes().starts_with(start.as_bytes()));
        assert!(self.bench.outbox.effects().any(begins), "{start:?} is not in {:?}", self.bench.outbox);
    }
}

/// Modems in one process, each at the other end of an in-memory link to a peer that echoes its messages.
const FLEET: usize = 2000;

#[test]
fn a_fleet_shares_one_outbox() {
    let mut outbox = Outbox::default();
    let settings = Arc::new(Settings::default());
    let mut modems = Vec::with_capacity(FLEET);
    let before = HELD.get();
    for number in 0..FLEET {
        let imei = Imei::from_number(1_000_000_000_000 + number as u64).unwrap();
        let mut modem = Modem::new(settings.clone(), imei);
        outbox.clear();
        modem.handle(Instant::START, Input::Host(Host::Attached), &mut outbox);
        modems.push(modem);
    }
    let script = [
        ("AT+MQTTOPEN=1,\"peer\",1883,1,60\r", "+MQTTOPEN: 1,1"),
        ("AT+MQTTSUB=1,\"t\",0\r", "+MQTTSUB: 1,1"),
        ("AT+MQTTPUB=1,\"t\",0,0,\"hello\"\r", "+MQTTMSG: 1,0,\"t\",\"hello\""),
    ];
    for (step, (line, due)) in script.into_iter().enumerate() {
        let now = Instant::from_millis(1000 * step as u64);
        for modem in &mut modems {
            let printed = exchange(modem, &mut outbox, now, line);
            assert!(printed.contains(due), "{line} was answered {printed:?}");
        }
    }
    let each = (HELD.get() - before) / FLEET + size_of::<Modem>();
    println!("{FLEET} connected modems hold {each} bytes each");
    assert!(each <= IDLE_MAX, "{each} bytes each");
}

/// Types a line, plays the peer until the modem has nothing more to say for a second, and gives what was printed.
fn exchange(modem: &mut Modem, outbox: &mut Outbox, now: Instant, line: &str) -> String {
    let mut printed = String::new();
    let mut answers: Vec<Vec<u8>> = Vec::new();
    let mut opened = false;
    let mut input = Some(Input::Serial(line.as_bytes()));
    let until = now + Duration::from_millis(500);
    let mut at = now;
    loop {
        outbox.clear();
        match input.take() {
            Some(input) => modem.handle(at, input, outbox),
            None if mem::take(&mut opened) => modem.handle(at, Input::Opened(Link(1)), outbox),
            None => match (answers.pop(), modem.deadline()) {
                (Some(answer), _) => modem.handle(at, Input::Received(Link(1), &answer), outbox),
                (None, Some(deadline)) if deadline <= until => {
                    at = deadline;
                    modem.handle(at, Input::Tick, outbox);
                }
                _ => return printed,
            },
        }
        for effect in outbox.effects() {
            match effect {
                Effect::Open { .. } => opened = true,
                Effect::Serial(_, marked) => printed.push_str(&String::from_utf8_lossy(marked.bytes())),
                Effect::Send(_, marked) => {
                    let mut answer = Vec::new();
                    match Packet::decode(marked.bytes()).unwrap() {
                        Packet::Connect(_) => Packet::Connack { session_present: false, code: 0 }.encode(&mut answer),
                        Packet::Subscribe { id, .. } => Packet::Suback { id, codes: &[0] }.encode(&mut answer),
                        message @ Packet::Publish(_) => message.encode(&mut answer),
                        other => panic!("unexpected: {other}"),
                    }
                    answers.push(answer);
                }
                _ => {}
            }
        }
    }
}
