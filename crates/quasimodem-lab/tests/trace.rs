//! What a trace for Wireshark shows, and what it does not. What Wireshark makes of it is tried with the program.

use std::net::Ipv6Addr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use quasimodem_core::mqtt::parse_words;
use quasimodem_core::{Change, ClientId, Effect, Host, Imei, Input, Instant, Link, Modem, Outbox, Settings, Why};
use quasimodem_lab::broker::Config;
use quasimodem_lab::event::{Event, Names};
use quasimodem_lab::fault::{Happened, Plan};
use quasimodem_lab::pipe::Conditions;
use quasimodem_lab::script::{Host as ScriptedHost, Mode, Program, Who};
use quasimodem_lab::trace::Trace;
use quasimodem_lab::watch::{OnLink, Watch, Way};
use quasimodem_lab::world::{Change as Planned, Route, World};

/// A modem that is traced, and whose host reads at once.
struct Bench {
    modem: Modem,
    out: Outbox,
    now: Instant,
    trace: Trace<Vec<u8>>,
    /// Whether what the modem writes crosses the line byte by byte.
    bytewise: bool,
    written: Vec<u8>,
}

impl Bench {
    fn new() -> Bench {
        let settings = Settings { gap: Duration::ZERO, seed: Some(7), ..Settings::default() };
        let mut bench = Bench {
            modem: Modem::new(settings.into(), Imei::default()),
            out: Outbox::default(),
            now: Instant::START,
            trace: Trace::new(Names::from_iter(["modem"]), 0, Vec::new()),
            bytewise: false,
            written: Vec::new(),
        };
        bench.feed(&Input::Host(Host::Attached));
        bench
    }

    fn feed(&mut self, input: &Input<'_>) {
        self.out.clear();
        if let Input::Serial(bytes) = input {
            self.trace.serial(self.now, 0, Way::ToModem, bytes);
        }
        self.modem.handle(self.now, input.clone(), &mut self.out);
        self.trace.modem(self.now, 0, input, &self.modem, &self.out);
        let mut written = Vec::new();
        for effect in self.out.effects() {
            match effect {
                Effect::Serial(_, marked) => written.extend_from_slice(marked.bytes()),
                Effect::Send(link, marked) => self.trace.sent(self.now, 0, link, marked.bytes()),
                _ => {}
            }
        }
        for chunk in written.chunks(if self.bytewise { 1 } else { 4096 }) {
            self.trace.serial(self.now, 0, Way::ToHost, chunk);
        }
        self.written.extend(written);
    }

    fn types(&mut self, bytes: &[u8]) {
        bytes.chunks(Input::CHUNK).for_each(|chunk| self.feed(&Input::Serial(chunk)));
    }

    fn hears(&mut self, link: Link, bytes: &[u8]) {
        self.feed(&Input::Received(link, bytes));
    }

    fn passes(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    /// All that was traced.
    fn file(mut self) -> Vec<u8> {
        self.trace.run(self.now, &Event::End {});
        self.trace.into_blocks()
    }

    /// Its packets, in words.
    fn words(self) -> Vec<String> {
        packets(&self.file()).iter().map(Packet::words).collect()
    }
}

/// A packet of a file.
struct Packet {
    link_type: u16,
    micros: u64,
    bytes: Vec<u8>,
    length: usize,
    comments: Vec<String>,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

/// Reads a file, and checks that its blocks follow each other.
fn packets(file: &[u8]) -> Vec<Packet> {
    let (mut rest, mut packets, mut interfaces) = (file, Vec::new(), Vec::new());
    while !rest.is_empty() {
        let length = u32_at(rest, 4) as usize;
        assert_eq!((length % 4, u32_at(rest, length - 4) as usize), (0, length));
        match u32_at(rest, 0) {
            1 => interfaces.push(u16_at(rest, 8)),
            6 => {
                let captured = u32_at(rest, 20) as usize;
                let mut comments = Vec::new();
                let mut at = 28 + captured.next_multiple_of(4);
                while at < length - 4 && u16_at(rest, at) == 1 {
                    let size = usize::from(u16_at(rest, at + 2));
                    comments.push(String::from_utf8(rest[at + 4..at + 4 + size].to_vec()).unwrap());
                    at += 4 + size.next_multiple_of(4);
                }
                packets.push(Packet {
                    link_type: interfaces[u32_at(rest, 8) as usize],
                    micros: u64::from(u32_at(rest, 12)) << 32 | u64::from(u32_at(rest, 16)),
                    bytes: rest[28..28 + captured].to_vec(),
                    length: u32_at(rest, 24) as usize,
                    comments,
                });
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    packets
}

impl Packet {
    /// The dissector, the direction or the way, and the bytes.
    fn words(&self) -> String {
        let comments: String = self.comments.iter().map(|comment| format!(" # {comment}")).collect();
        if self.link_type == 101 {
            let header = if self.bytes[0] == 0x45 { 20 } else { 40 };
            let port = |at: usize| u16::from_be_bytes([self.bytes[header + at], self.bytes[header + at + 1]]);
            let data = self.bytes[header + 8..].escape_ascii();
            return format!("udp {} -> {} {data}{comments}", port(0), port(2));
        }
        let (dissector, payload, way) = self.pdu();
        let length = self.length - (self.bytes.len() - payload.len());
        let cut = if length > payload.len() { format!(" of {length}") } else { String::new() };
        format!("{dissector} {way} {}{cut}{comments}", payload.escape_ascii())
    }

    fn pdu(&self) -> (String, &[u8], &'static str) {
        let (mut rest, mut dissector, mut way) = (self.bytes.as_slice(), String::new(), "");
        loop {
            let tag = u16::from_be_bytes([rest[0], rest[1]]);
            let (value, behind) = rest[4..].split_at(usize::from(u16::from_be_bytes([rest[2], rest[3]])));
            match tag {
                0 => return (dissector, behind, way),
                12 => dissector = String::from_utf8(value.to_vec()).unwrap(),
                35 => way = if value == [0, 0, 0, 0] { ">" } else { "<" },
                _ => {}
            }
            rest = behind;
        }
    }

    /// What crossed the serial line.
    fn crossed(&self, direction: &str) -> Option<&[u8]> {
        let (dissector, payload, way) = self.pdu();
        (self.link_type == 252 && ["at", "data"].contains(&&*dissector) && way == direction).then_some(payload)
    }
}

#[test]
fn a_small_file_to_the_byte() {
    let mut bench = Bench::new();
    bench.passes(1);
    bench.types(b"AT\r");
    let file = bench.file();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let section = u32_at(&file, 4) as usize;
    assert_eq!(hex(&file[..24]), format!("0a0d0d0a{}4d3c2b1a01000000ffffffffffffffff", hex(&file[4..8])));
    let interface = concat!(
        "01000000",
        "40000000",
        "fc00",
        "0000",
        "00000000",
        "01000e00",
        "41542c204d5154542c2048545450",
        "0000",
        "02000500",
        "6d6f64656d",
        "000000",
        "09000100",
        "06",
        "000000",
        "00000000",
        "40000000"
    );
    let packet = |micros: &str, direction: &str, data: &str, pad: &str| {
        let captured = 18 + data.len() / 2;
        let total = 32 + (captured).next_multiple_of(4);
        let number = |number: usize| hex(&u32::try_from(number).unwrap().to_le_bytes());
        format!(
            "06000000{total}0000000000000000{micros}{length}{length}000c00026174002300040000000{direction}00000000{data}{pad}{total}",
            total = number(total),
            length = number(captured),
        )
    };
    let expected = [
        interface,
        &packet("00000000", "1", &hex(b"\r\n+SIM READY\r\n"), ""),
        &packet("e8030000", "0", &hex(b"AT\r"), "000000"),
        &packet("e8030000", "1", &hex(b"AT"), ""),
        &packet("e8030000", "1", &hex(b"\r\nOK\r\n"), ""),
    ];
    assert_eq!(hex(&file[section..]), expected.concat());
}

/// A day of a modem: serial line, MQTT, MQTT-SN and a cloud.
fn day() -> Bench {
    let mut bench = Bench::new();
    bench.feed(&Input::Bearer(Change::Clock(1_700_000_000)));
    bench.types(b"AT+MQTTUSER=1,\"me\",\"gehe");
    bench.passes(1);
    bench.types(b"im\"\r\nAT+MQTTOPEN=1,\"broker\",1883,1,60\r\n");
    bench.trace.link(bench.now, 0, Link(1), &OnLink::Led { host: "127.0.0.1", port: 1884 });
    bench.passes(1);
    bench.feed(&Input::Opened(Link(1)));
    bench.hears(Link(1), &parse_words("connack 0").unwrap());
    bench.types(b"AT+MQTTUSER?\r");
    let publish = parse_words(r#"publish "t" q0 "payload""#).unwrap();
    bench.hears(Link(1), &publish[..5]);
    bench.hears(Link(1), &publish[5..]);
    bench.types(b"AT+MQTTOPEN=101,\"127.0.0.1\",1885,1,60\r");
    bench.feed(&Input::Opened(Link(101)));
    bench.hears(Link(101), &[3, 5, 0]);
    bench.types(b"AT+MQTTAUTHDYN=2,\"http://h/device/register\",\"pk\",\"0123456789abcdef\",\"dn\"\r");
    bench.feed(&Input::Opened(Link(201)));
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"geheim\"";
    bench.hears(Link(201), &answer[..20]);
    bench.hears(Link(201), &answer[20..]);
    bench
}

#[test]
fn a_day_in_packets() {
    let text = day().words().join("\n");
    for line in [
        r#"at > AT+MQTTUSER=1,\"me\",\"******\"\r\n"#,
        r#"at < AT+MQTTUSER=1,\"me\",\"******\""#,
        r#"at < \r\n+MQTTUSER: 1,\"me\",\"******\"\r\n"#,
        r"mqtt < 0\n\x00\x01tpayload",
        r"udp 49154 -> 1885 \x18\x04\x04\x01\x00<001010000000008101 # MQTT-SN: read this with -d udp.port==1885,mqttsn",
        r"udp 1885 -> 49154 \x03\x05\x00",
        r"http < HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n********* # registration failed: the cloud's answer: the answer is not JSON",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    assert!(text.contains(r"mqtt > \x10") && text.contains(r"\x00\x02me\x00\x06******"), "{text}");
    assert!(text.contains("http > POST /device/register HTTP/1.1"), "{text}");
    for secret in ["gehe", "heim", "0123456789abcdef"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

/// In virtual time, with a host, a broker, a network and a fault.
fn world() -> Vec<u8> {
    let script = "> AT+MQTTOPEN=1,\"broker\",1883,1,300\nwait 4s\n> AT+MQTTPUB=1,\"t\",1,0,\"a\"\nwait 4s\n";
    let who = Who { modem: "modem".into(), index: 0, imei: Imei::default(), seed: 7 };
    let host = ScriptedHost::new(Program::parse(script, &[]).unwrap().into(), who, Mode::Tolerant);
    let mut trace = Trace::new(Names::from_iter(["modem"]), 0, Vec::new());
    let mut world = World::new(7, [Config::default()]);
    let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
    let station = world.add(settings, Imei::default(), Conditions::default(), Route::default(), host);
    let fault = "packet-duplicate type=PUBACK times=1".parse().unwrap();
    world.break_by(station, Plan::new(&[fault], 7, 0, Instant::START).unwrap(), &mut trace);
    world.plan(Instant::START, Planned::Attach(station, true));
    world.pass(Instant::from_millis(20_000), &mut trace);
    trace.finish(Instant::from_millis(20_000));
    trace.into_blocks()
}

#[test]
fn two_runs_are_the_same_file() {
    assert_eq!(day().file(), day().file());
    let file = world();
    assert_eq!(file, world());
    let words: Vec<String> = packets(&file).iter().map(Packet::words).collect();
    for line in [r#"at > AT+MQTTPUB=1,\"t\",1,0,\"a\"\r"#, r"at < \r\n+MQTTPUB: 1,1\r\n"] {
        assert!(words.iter().any(|words| words == line), "{line} is not in {words:#?}");
    }
    let acknowledged: Vec<&String> = words.iter().filter(|words| words.starts_with("mqtt < @")).collect();
    let hit = format!("{} # fault packet-duplicate hits PUBACK of client 1, number 1", acknowledged[1]);
    assert!(acknowledged.len() == 2 && acknowledged[0].starts_with(&hit), "{acknowledged:#?}");
    assert!(!words.concat().contains('*'), "{words:#?}");
}

#[test]
fn times_are_those_of_the_line() {
    let mut bench = Bench::new();
    bench.types(b"AT+MIPDNS=\"host\"\r");
    bench.passes(5);
    bench.types(b"AT+CSQ\r");
    bench.passes(5);
    bench.types(b"AT");
    bench.passes(5);
    bench.types(b"\r");
    bench.passes(100_000);
    bench.feed(&Input::Tick);
    let file = bench.file();
    let of = |line: &[u8]| {
        packets(&file).iter().find(|packet| packet.crossed(">") == Some(line)).map(|packet| packet.micros)
    };
    assert_eq!((of(b"AT+CSQ\r"), of(b"AT\r")), (Some(5000), Some(15_000)));
}

#[test]
fn half_a_line_and_what_comes_between() {
    let mut bench = Bench::new();
    bench.types(b"AT+MQTTUSER=1,\"me\",\"gehe");
    bench.passes(1000);
    bench.feed(&Input::Bearer(Change::DataCall(None)));
    bench.types(b"im\"\rAT+MQTTUSER=1,\"me\",\"ge");
    bench.feed(&Input::Host(Host::Detached));
    let words = bench.words();
    let crossed: Vec<&str> = words.iter().map(String::as_str).filter(|words| words.starts_with("at ")).collect();
    assert_eq!(
        crossed,
        [
            r"at < \r\n+SIM READY\r\n",
            r"at < ************************",
            r"at < \r\n+MIPCALL: 0\r\n",
            r#"at > AT+MQTTUSER=1,\"***********\"\r # refused: +MQTTUSER: no data call"#,
            r"at < ***",
            r"at < \r\n+CME ERROR: 148\r\n",
            "at > ********************** # the host left 22 bytes of a line without its end, a carriage return",
            "at < **********************",
        ]
    );
}

#[test]
fn raw_data_is_no_command() {
    let mut bench = Bench::new();
    bench.types(b"AT+MQTTWILL=1,\"t\",0,0,4\r");
    bench.types(b"goneAT+GTSSLFILE=\"KEYFILE\",6\r");
    bench.types(b"geheimAT\r");
    let words = bench.words();
    for line in ["data > gone", r#"at > AT+GTSSLFILE=\"KEYFILE\",6\r"#, r"at > AT\r"] {
        assert!(words.iter().any(|words| words == line), "{line} is not in {words:#?}");
    }
    assert!(words.iter().any(|words| words.starts_with("data > ****** # TLS: ")), "{words:#?}");
}

#[test]
fn long_packets_are_cut_and_junk_is_hidden() {
    let mut bench = Bench::new();
    bench.types(b"AT+MQTTOPEN=1,\"2001:db8::1\",1883,1,60\r");
    bench.feed(&Input::Opened(Link(1)));
    bench.hears(Link(1), &parse_words("connack 0").unwrap());
    let mut long = vec![0x30, 0xA0, 0x8D, 0x06, 0, 1, b't'];
    long.resize(4 + 100_000, b'x');
    for chunk in long.chunks(4096) {
        bench.trace.modem(bench.now, 0, &Input::Received(Link(1), chunk), &bench.modem, &Outbox::default());
    }
    for bytes in [&[0xD0, 0][..], b"\xffsecret", b"more"] {
        bench.trace.modem(bench.now, 0, &Input::Received(Link(1), bytes), &bench.modem, &Outbox::default());
    }
    let words = bench.words();
    let last: Vec<&str> = words.iter().rev().take(4).rev().map(String::as_str).collect();
    assert!(
        last[0].starts_with(r"mqtt < 0\xa0\x8d\x06\x00\x01txxx") && last[0].ends_with("x of 100004"),
        "{}",
        last[0]
    );
    assert_eq!(last[1..], [r"mqtt < \xd0\x00", "data < *******", "data < ****"]);
}

#[test]
fn datagrams_have_their_checksums() {
    for (host, header) in [("127.0.0.1", 20), ("2001:db8::1", 40)] {
        let mut bench = Bench::new();
        bench.types(format!("AT+MQTTOPEN=101,\"{host}\",1884,1,60\r").as_bytes());
        bench.feed(&Input::Opened(Link(101)));
        let file = bench.file();
        let packets = packets(&file);
        let packet = &packets.iter().find(|packet| packet.link_type == 101).unwrap().bytes;
        let sum = |parts: &[&[u8]]| {
            let words = parts.iter().flat_map(|part| part.chunks(2));
            let sum: u32 =
                words.map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum();
            (sum & 0xffff) + (sum >> 16)
        };
        let udp = &packet[header..];
        let addresses = if header == 20 { &packet[12..20] } else { &packet[8..40] };
        assert_eq!(sum(&[addresses, &[0, 17], &udp[4..6], udp]), 0xffff);
        if header == 20 {
            assert_eq!(sum(&[&packet[..20]]), 0xffff);
            assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), packet.len());
        } else {
            assert_eq!(packet[24..40], Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets());
        }
    }
}

#[test]
fn notes_and_faults_are_comments() {
    let mut bench = Bench::new();
    bench.types(b"AT+MQTTPUB=1,\"t\",5,0,\"x\"\r");
    let hit = Happened::Hit { id: "f", fault: "packet-drop", client: ClientId::from_number(1), item: "PUBACK", nth: 2 };
    bench.trace.fault(bench.now, 0, &hit);
    bench.types(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
    bench.feed(&Input::Closed(Link(1), Why::Refused));
    bench.trace.link(bench.now, 0, Link(1), &OnLink::Secured("TLS 1.3"));
    let words = bench.words();
    for line in [
        r#"at > AT+MQTTPUB=1,\"t\",5,0,\"x\"\r # refused: +MQTTPUB: <Qos> is not within 0 to 2"#,
        r#"at > AT+MQTTOPEN=1,\"broker\",1883,1,60\r # fault f hits PUBACK of client 1, number 2"#,
        r"at < \r\n+MQTTOPEN: 1,0\r\n # link 1: connection refused # client 1 not opened: connection refused",
        "data <  # link 1: TLS 1.3",
    ] {
        assert!(words.iter().any(|words| words == line), "{line} is not in {words:#?}");
    }
}

/// What a fault made of a packet is shown as it went on, without the password that nobody marks in it.
#[test]
fn a_changed_packet_hides_its_password() {
    let mut bench = Bench::new();
    bench.types(b"AT+MQTTOPEN=1,\"broker\",1883,1,60\r");
    bench.feed(&Input::Opened(Link(1)));
    let connect = parse_words(r#"connect "other" clean keepalive 60 user "me" password "geheim""#).unwrap();
    bench.trace.sent(bench.now, 0, Link(1), &connect);
    let words = bench.words();
    assert!(words.last().unwrap().contains("other") && words.last().unwrap().ends_with("******"), "{words:#?}");
}

proptest! {
    /// Whatever crosses the line in whatever pieces: all of it is there, with its length, and the modem does the same.
    #[test]
    fn nothing_is_lost(
        chunks in vec(prop_oneof![
            vec(any::<u8>(), 0..20),
            Just(b"AT+MQTTUSER=1,\"u\",\"hunter2\"\r".to_vec()),
            Just(b"\rAT+GTSSLFILE=\"KEYFILE\",9\r".to_vec()),
            Just(b"AT+CSQ;+MIPDNS=\"h\"\rA/".to_vec()),
            Just(b"ATE0\r".to_vec()),
            "AT[A-Z+=?\"0-9,\r\n]{0,12}".prop_map(String::into_bytes),
        ], 0..12),
        cut in 1usize..30,
        bytewise in any::<bool>(),
    ) {
        let all = chunks.concat();
        let mut bench = Bench { bytewise, ..Bench::new() };
        let mut alone = Bench::new();
        for chunk in all.chunks(cut) {
            bench.feed(&Input::Serial(chunk));
            alone.out.clear();
            alone.modem.handle(alone.now, Input::Serial(chunk), &mut alone.out);
            for effect in alone.out.effects() {
                if let Effect::Serial(_, marked) = effect {
                    alone.written.extend_from_slice(marked.bytes());
                }
            }
        }
        prop_assert_eq!(&bench.written, &alone.written);
        let written = bench.written.len();
        let packets = packets(&bench.file());
        let typed: Vec<u8> = packets.iter().filter_map(|packet| packet.crossed(">")).flatten().copied().collect();
        let told = packets.iter().filter_map(|packet| packet.crossed("<")).map(<[u8]>::len).sum::<usize>();
        prop_assert_eq!((typed.len(), told), (all.len(), written));
        prop_assert!(typed.iter().zip(&all).all(|(shown, byte)| shown == byte || *shown == b'*'));
    }

    /// Whatever a broker, a gateway or a cloud sends in whatever pieces: the file is one, and what clouds say is hidden.
    #[test]
    fn peers_may_send_anything(
        chunks in vec(prop_oneof![
            vec(any::<u8>(), 0..30),
            Just(parse_words("connack 0").unwrap()),
            Just(parse_words(r#"publish "t" q1 #7 "hunter2""#).unwrap()),
            Just(parse_words(r#"connect "id" clean keepalive 60 user "me" password "hunter2""#).unwrap()),
            Just(b"HTTP/1.1 200 OK\r\nKey: hunter2\r\nContent-Length: 7\r\n\r\nhunter2".to_vec()),
            Just(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhunter2\r\n0\r\n\r\n".to_vec()),
        ], 0..8),
        cut in 1usize..40,
        asked in prop_oneof![
            Just("AT+MQTTOPEN=101,\"h\",1,1,60\r"),
            Just("AT+MQTTAUTHDYN=1,\"h\",443,\"pk\",\"0123456789abcdef\",\"dn\"\r"),
            Just("AT+MQTTAUTHDYN=2,\"http://h/device/register\",\"pk\",\"0123456789abcdef\",\"dn\"\r"),
        ],
    ) {
        let mut bench = Bench::new();
        bench.feed(&Input::Bearer(Change::Clock(1_700_000_000)));
        bench.types(asked.as_bytes());
        let link = Link(if asked.contains("101") { 101 } else { 201 });
        bench.feed(&Input::Opened(link));
        for chunk in chunks.concat().chunks(cut) {
            // Not what the modem makes of it, which ends it soon.
            bench.trace.modem(bench.now, 0, &Input::Received(link, chunk), &bench.modem, &Outbox::default());
        }
        let shown: Vec<String> = packets(&bench.file()).iter().map(Packet::words).collect();
        if link == Link(201) {
            prop_assert!(!shown.concat().contains("hunter2"), "{:#?}", shown);
        }
    }

    /// A password shows neither as it is typed nor in its echo, whatever is typed around it.
    #[test]
    fn a_password_never_shows(noise in "[ -)+-~\r\n\\x08\0]{0,20}", cut in 1usize..40, bytewise in any::<bool>()) {
        let all = format!(
            "{noise}\rAT+MQTTUSER=1,\"u\",\"hunter2\"\r\nAT+MQTTUSER?\r\nAT+GTSSLFILE=\"KEYFILE\",9\r\nhunter2\r\nAT\r{noise}"
        );
        let mut bench = Bench { bytewise, ..Bench::new() };
        bench.modem.handle(bench.now, Input::Tick, &mut bench.out);
        for chunk in all.as_bytes().chunks(cut) {
            bench.feed(&Input::Serial(chunk));
        }
        let text = bench.words().concat();
        prop_assert!(!text.contains("hunter2"), "{}", text);
    }
}
