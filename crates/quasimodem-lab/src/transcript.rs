//! Transcripts: what a host types, what the modem does and answers, and when, as text that runs.
//!
//! ```
//! let transcript = r#"
//! model MC615
//! ## The broker never answers.
//! > AT+MQTTOPEN=1,"broker.example",1883,1,60
//! ~ 1 open tcp broker.example:1883
//! < OK
//! @ 5000ms
//! ~ 1 close
//! < +MQTTOPEN: 1,0
//! "#;
//! quasimodem_lab::transcript::run(transcript).unwrap();
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `model L610`, `gap_ms 20` … | settings by their names ([`SETTINGS`]), in front of everything else |
//! | `imei …` | the IMEI, there too |
//! | `answer AT+X? => +X: 1 \| OK` | a line of its own there: what a command that the modem does not know is answered |
//! | `attach later` | there too: no host is attached at the start, and what the modem tells the first one is shown |
//! | `# …` | a comment |
//! | `> text` | the host types the text and a carriage return; its echo is checked too |
//! | `>> bytes` | the host sends exactly these bytes (`\r`, `\n`, `\\`, `\xHH`) |
//! | `< text` | the modem prints this line, in one piece |
//! | `<< bytes` | the modem wrote exactly these bytes, echo and line ends included |
//! | `~ 1 open tcp host:port`, `~ 1 send packet`, `~ 1 close` | the modem asks the network; packets in words: of MQTT-SN for clients 101 and 102, else of MQTT |
//! | `! 1 opened`, `! 1 packet`, `! 1 closed reset` | the network answers |
//! | `! 1 hex 20 02` | with any bytes, like a part of a packet |
//! | `~ 201 send text POST …`, `! 201 text HTTP/1.1 …` | HTTP, with the escapes of `>>` |
//! | `! 1 closed system 111 words`, `! 1 closed not resolved name words` | for any reason |
//! | `! 1 closed tls unknown root issuer`, `! 1 closed tls expired end now`, `! 1 closed tls wrong name asked presented` | and TLS for any of its own |
//! | `~ 1 open tls+roots+identity+unverified+1.2 host:port` | what of a TLS profile is not as usual |
//! | `~ resolve name`, `~ resolve v4 name`, `! resolved 10.1.2.3`, `! not resolved` | the modem asks for an address, and gets one or none |
//! | `! serial full`, `! 1 free`, `! host detached`, `! host settling`, `! sim out`, `! power reset`, `! registration 0`, `! call down`, `! coverage nodata` | more from outside |
//! | `! signal 20,99`, `! clock 1784530296` | and more; the clock in seconds since 1970 |
//! | `! line dtr off` | the host changes a line of the port |
//! | `~ uart 9600 8N1 rtscts`, `~ dcd on`, `~ ri 100ms` | the modem sets the port and its lines |
//! | `@ 5000ms` | time moves on by so much, to the deadline, which must be this one; `us` for microseconds |
//! | `wait 100ms` | time moves on by so much, and the deadline is later |
//! | `late 1ms` | time moves on by so much, and the deadline is now or over, but the next line is the first that the modem hears of it |
//! | `tick` | nothing happened, but the modem is called |
//! | `echo off` | from here on the host expects no echo |
//! | `? words` | a note with these words came with what the last input caused |
//!
//! The host is attached at the start, and what the modem tells it then is not shown. Whatever the modem does that no line expects is a failure.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use quasimodem_core::{
    BadReply, Change, ClientId, Coverage, Effect, Family, Host, HostLine, Imei, Input, Instant, Kind, Link, Modem,
    ModemLine, Outbox, Port, Power, Query, Registration, SETTINGS, Settings, Sim, Transport, Why, mqtt, sn,
};

use crate::tls_words;

/// Where a transcript is wrong, or the modem is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Line in the transcript, from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub what: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Trouble {}

/// Runs a transcript to its end, or to the first trouble.
pub fn run(text: &str) -> Result<(), Trouble> {
    let mut runner = Runner::default();
    let last = runner.lines(text)?;
    if runner.modem.is_none() {
        return Err(Trouble { line: last.max(1), what: "nothing happens here: no line begins with > or !".into() });
    }
    runner.expect_nothing().map_err(|what| Trouble { line: last, what })
}

/// What the modem writes during a transcript, piece by piece, with its echo on or off from the start. What the
/// transcript expects counts for nothing here; the trouble is one that keeps it from being played.
pub fn output(text: &str, echo: bool) -> Result<Vec<(Kind, Vec<u8>)>, Trouble> {
    let mut runner = Runner { listens: Some(echo), ..Runner::default() };
    runner.lines(text)?;
    Ok(runner.written)
}

#[derive(Default)]
struct Runner {
    /// Nothing is expected, and the echo is like this.
    listens: Option<bool>,
    /// All that went to the host, if somebody listens.
    written: Vec<(Kind, Vec<u8>)>,
    header: Header,
    modem: Option<Modem>,
    /// What the modem asked for last.
    query: Option<Query>,
    now: Option<Instant>,
    echo: bool,
    seen: VecDeque<Seen>,
    notes: Vec<String>,
    outbox: Outbox,
}

/// What stands before all that happens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub(crate) settings: Settings,
    pub(crate) imei: Imei,
    attach_later: bool,
}

/// Something that the modem did.
enum Seen {
    Serial(Kind, Vec<u8>),
    /// In the words of a `~` line.
    Network(String),
}

impl Seen {
    fn written(self) -> Option<(Kind, Vec<u8>)> {
        match self {
            Seen::Serial(kind, bytes) => Some((kind, bytes)),
            Seen::Network(_) => None,
        }
    }
}

type Result1 = Result<(), String>;

impl Runner {
    /// Runs all lines; the number of the last.
    fn lines(&mut self, text: &str) -> Result<usize, Trouble> {
        let mut last = 0;
        for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
            last = index + 1;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                self.line(line).map_err(|what| Trouble { line: last, what })?;
            }
        }
        Ok(last)
    }

    fn line(&mut self, line: &str) -> Result1 {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        if self.modem.is_none() && self.header.line(line)? {
            return Ok(());
        }
        if self.modem.is_none() {
            self.header.settings.echo = self.listens.unwrap_or(self.header.settings.echo);
            self.echo = self.header.settings.echo;
            self.modem = Some(Modem::new(self.header.settings.clone().into(), self.header.imei));
            self.now = Some(Instant::START);
            if !self.header.attach_later {
                self.handle(Input::Host(Host::Attached))?;
                self.seen.clear();
            }
        }
        let needs_more = matches!(sign, ">" | ">>" | "<" | "<<" | "~" | "!" | "@" | "wait" | "late" | "echo" | "?");
        if needs_more && rest.trim().is_empty() {
            return Err(format!("nothing follows {sign}; see the table of the transcript format"));
        }
        if sign == "tick" && !rest.is_empty() {
            return Err(format!("nothing may follow {sign}, found {rest:?}"));
        }
        match sign {
            "<" | "<<" | "~" | "?" if self.listens.is_some() => Ok(()),
            ">" => self.types(rest),
            ">>" => self.handle(Input::Serial(&unescape(rest)?)),
            "<" => self.expect_line(rest),
            "<<" => self.expect_bytes(&unescape(rest)?),
            "~" => self.expect_network(rest),
            "!" => self.outside(rest),
            "@" => self.deadline(duration(rest)?),
            "wait" => self.wait(duration(rest)?),
            "late" => self.late(duration(rest)?),
            "tick" => self.handle(Input::Tick),
            "echo" => on_or_off(rest).map(|on| self.echo = on),
            "?" => self.expect_note(rest),
            _ if is_header(sign) => Err(format!("{sign} must come before all that happens")),
            _ => Err(format!("no line begins with {sign:?}; see the table of the transcript format")),
        }
    }

    fn handle(&mut self, input: Input<'_>) -> Result1 {
        self.expect_nothing()?;
        self.notes.clear();
        let (Some(modem), Some(now)) = (&mut self.modem, self.now) else { return Ok(()) };
        self.outbox.clear();
        modem.handle(now, input, &mut self.outbox);
        for effect in self.outbox.effects() {
            match effect {
                Effect::Resolve(query, family, name) => {
                    self.query = Some(query);
                    self.seen.push_back(Seen::Network(look_up(family, name)));
                }
                Effect::Note(note) => self.notes.push(note.to_string()),
                Effect::Serial(kind, marked) => self.seen.push_back(Seen::Serial(kind, marked.bytes().to_vec())),
                other => self.seen.push_back(Seen::Network(words(&other))),
            }
        }
        if self.listens.is_some() {
            self.written.extend(self.seen.drain(..).filter_map(Seen::written));
        }
        match modem.deadline() {
            Some(deadline) if deadline <= now => Err(format!("the deadline {deadline:?} is not later than {now:?}")),
            _ => Ok(()),
        }
    }

    fn types(&mut self, text: &str) -> Result1 {
        self.handle(Input::Serial(format!("{text}\r").as_bytes()))?;
        let command = text.to_ascii_uppercase().find("AT").map_or("", |at| &text[at..]);
        let mut echoed = Vec::new();
        while let Some(Seen::Serial(Kind::Echo, bytes)) = self.seen.front() {
            echoed.extend_from_slice(bytes);
            self.seen.pop_front();
        }
        let due = if self.echo { command } else { "" };
        if echoed == due.as_bytes() || self.listens.is_some() {
            return Ok(());
        }
        Err(format!("expected the echo {due:?}, found {:?}", String::from_utf8_lossy(&echoed)))
    }

    fn expect_line(&mut self, text: &str) -> Result1 {
        match self.seen.pop_front() {
            Some(Seen::Serial(kind, bytes)) if kind != Kind::Echo => {
                let line = String::from_utf8_lossy(&bytes);
                let inner = line.strip_prefix("\r\n").or((kind == Kind::Info).then_some(&*line));
                let inner =
                    inner.and_then(|inner| inner.strip_suffix("\r\n")).ok_or(format!("not framed: {line:?}"))?;
                if inner.trim_end() == text { Ok(()) } else { Err(format!("expected {text:?}, found {inner:?}")) }
            }
            other => Err(format!("expected the line {text:?}, found {}", found(other.as_ref()))),
        }
    }

    fn expect_bytes(&mut self, due: &[u8]) -> Result1 {
        let mut bytes = Vec::new();
        while let Some(Seen::Serial(_, piece)) = self.seen.front() {
            bytes.extend_from_slice(piece);
            self.seen.pop_front();
        }
        if bytes == due { Ok(()) } else { Err(format!("expected {}, found {}", escape(due), escape(&bytes))) }
    }

    fn expect_network(&mut self, due: &str) -> Result1 {
        match self.seen.pop_front() {
            Some(Seen::Network(words)) if words == due => Ok(()),
            other => Err(format!("expected ~ {due}, found {}", found(other.as_ref()))),
        }
    }

    fn expect_note(&mut self, due: &str) -> Result1 {
        if self.notes.iter().any(|note| note.contains(due)) {
            return Ok(());
        }
        Err(format!("expected a note with {due:?}, found {:?}", self.notes))
    }

    fn expect_nothing(&mut self) -> Result1 {
        match self.seen.front() {
            None => Ok(()),
            other => Err(format!("nothing expects this before here: {}", found(other))),
        }
    }

    fn deadline(&mut self, after: Duration) -> Result1 {
        let Some(now) = self.now else { return Ok(()) };
        match self.modem.as_ref().and_then(Modem::deadline) {
            Some(deadline) if deadline == now + after => {
                self.now = Some(deadline);
                self.handle(Input::Tick)
            }
            Some(deadline) => Err(format!("the deadline is after {:?}", deadline.since(now))),
            None => Err("there is no deadline".into()),
        }
    }

    fn wait(&mut self, time: Duration) -> Result1 {
        let Some(now) = self.now else { return Ok(()) };
        match self.modem.as_ref().and_then(Modem::deadline) {
            Some(deadline) if deadline <= now + time => {
                Err(format!("the deadline is after {:?}, use @", deadline.since(now)))
            }
            _ => {
                self.now = Some(now + time);
                Ok(())
            }
        }
    }

    fn late(&mut self, time: Duration) -> Result1 {
        let Some(now) = self.now else { return Ok(()) };
        match self.modem.as_ref().and_then(Modem::deadline) {
            Some(deadline) if deadline <= now + time => {
                self.now = Some(now + time);
                Ok(())
            }
            Some(deadline) => Err(format!("the deadline is after {:?}, use wait", deadline.since(now))),
            None => Err("there is no deadline, use wait".into()),
        }
    }

    fn outside(&mut self, text: &str) -> Result1 {
        let (whom, what) = text.split_once(' ').ok_or("expected ! and what happens to whom")?;
        let port = whom.parse().map_or(Port::Serial, |number| Port::Link(Link(number)));
        let input = match (whom, port, what) {
            ("host", _, "attached") => Input::Host(Host::Attached),
            ("host", _, "settling") => Input::Host(Host::Settling),
            ("host", _, "detached") => Input::Host(Host::Detached),
            ("resolved", _, address) => {
                let query = self.query.take().ok_or("the modem asked for no address")?;
                let address = address.parse().map_err(|_| format!("expected an address, found {address:?}"))?;
                Input::Resolved(query, Ok(address))
            }
            ("not", _, "resolved") => {
                let query = self.query.take().ok_or("the modem asked for no address")?;
                Input::Resolved(query, Err(Why::NoSuchName("it".into())))
            }
            ("clock", _, seconds) => {
                let seconds = seconds.parse().map_err(|_| format!("expected seconds, found {seconds:?}"))?;
                Input::Bearer(Change::Clock(seconds))
            }
            ("signal", _, what) => {
                let (rssi, ber) = what.split_once(',').ok_or("expected <rssi>,<ber>")?;
                let number = |text: &str| text.parse().map_err(|_| format!("expected a number, found {text:?}"));
                Input::Bearer(Change::Signal(number(rssi)?, number(ber)?))
            }
            ("sim", ..) => Input::Bearer(Change::Sim(state_of(SIMS, what)?)),
            ("power", ..) => Input::Power(state_of(POWERS, what)?),
            ("registration", ..) => Input::Bearer(Change::Registration(registration(what)?)),
            ("call", _, "down") => Input::Bearer(Change::DataCall(None)),
            ("call", ..) => {
                let address = what.strip_prefix("up ").and_then(|address| address.parse().ok());
                Input::Bearer(Change::DataCall(Some(address.ok_or("expected down or up and an IPv4 address")?)))
            }
            ("coverage", _, "none") => Input::Bearer(Change::Coverage(Coverage::None)),
            ("coverage", _, "nodata") => Input::Bearer(Change::Coverage(Coverage::NoData)),
            ("coverage", _, address) => {
                let address = address.parse().map_err(|_| "expected none, nodata or an IPv4 address")?;
                Input::Bearer(Change::Coverage(Coverage::Data(address)))
            }
            ("line", _, "dtr on") => Input::Line(HostLine::Dtr(true)),
            ("line", _, "dtr off") => Input::Line(HostLine::Dtr(false)),
            ("serial", ..) | (_, Port::Link(_), "full" | "free") => match what {
                "full" => Input::Full(port),
                "free" => Input::Free(port),
                _ => return Err("expected full or free".into()),
            },
            (_, Port::Link(link), "opened") => Input::Opened(link),
            (_, Port::Link(link), what) => {
                if let Some(why) = what.strip_prefix("closed ") {
                    return self.handle(Input::Closed(link, cause(why)?));
                }
                if self.modem.as_ref().is_some_and(|modem| !modem.wants(port)) {
                    return Err(format!("the modem does not want bytes from link {link}"));
                }
                let bytes = match what.strip_prefix("text ") {
                    Some(text) => unescape(text)?,
                    None => packet(link, what)?,
                };
                return self.handle(Input::Received(link, &bytes));
            }
            _ => return Err(format!("nobody is called {whom:?} here")),
        };
        self.handle(input)
    }
}

impl Header {
    /// Takes pairs of setting and value; false if the line is none.
    pub(crate) fn line(&mut self, line: &str) -> Result<bool, String> {
        if let Some(reply) = line.strip_prefix("answer ") {
            self.settings.replies.push(reply.parse().map_err(|error: BadReply| error.to_string())?);
            return Ok(true);
        }
        let mut words = line.split_whitespace();
        let is_first = words.clone().next().is_some_and(is_header);
        while let Some(key) = words.next() {
            if !is_header(key) {
                return if is_first { Err(format!("there is no setting {key:?}")) } else { Ok(false) };
            }
            let value = words.next().ok_or(format!("{key} needs a value"))?;
            match (key, value) {
                ("imei", _) => self.imei = value.parse().map_err(|error| format!("{error}"))?,
                ("attach", "later") => self.attach_later = true,
                ("attach", _) => return Err("expected attach later".into()),
                _ => self.settings.set(key, value).map_err(|error| error.to_string())?,
            }
        }
        Ok(true)
    }
}

/// Whether a line is one of those in front of all that happens.
pub(crate) fn is_header_line(line: &str) -> bool {
    let (key, value) = line.split_once(' ').unwrap_or((line, ""));
    !value.is_empty() && (is_header(key) || key == "answer")
}

/// Whether a line of settings may have this in front of a value.
fn is_header(key: &str) -> bool {
    matches!(key, "imei" | "attach") || SETTINGS.iter().any(|setting| setting.key == key)
}

/// A look-up in the words of a `~` line.
pub(crate) fn look_up(family: Family, name: &str) -> String {
    match family {
        Family::V4 => format!("resolve v4 {name}"),
        Family::V6 => format!("resolve v6 {name}"),
        Family::Any => format!("resolve {name}"),
    }
}

/// The word for what a link is made by.
pub(crate) fn transport(transport: &Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Tls(_) => "tls",
        Transport::Udp => "udp",
    }
}

/// An effect in the words of a `~` line.
pub(crate) fn words(effect: &Effect<'_>) -> String {
    match effect {
        Effect::Open { link, transport, host, port } => {
            let transport = match transport {
                Transport::Tcp => "tcp".into(),
                Transport::Tls(profile) => tls_words::profile(profile),
                Transport::Udp => "udp".into(),
            };
            format!("{link} open {transport} {host}:{port}")
        }
        Effect::Send(link, marked) => match packet_words(*link, marked.bytes()) {
            Ok(packet) => format!("{link} send {packet}"),
            Err(_) if marked.bytes().starts_with(b"POST ") => format!("{link} send text {}", escape(marked.bytes())),
            Err(violation) => format!("{link} send a bad packet: {violation}"),
        },
        Effect::Close(link) => format!("{link} close"),
        Effect::Line(ModemLine::Uart(uart)) => format!("uart {uart}"),
        Effect::Line(ModemLine::Dcd(on)) => format!("dcd {}", if *on { "on" } else { "off" }),
        Effect::Line(ModemLine::RiPulse(pulse)) => format!("ri {}ms", pulse.as_millis()),
        other => format!("{other:?}"),
    }
}

/// A packet in words: on the links of clients 101 and 102 of MQTT-SN, on others of MQTT.
pub(crate) fn packet_words(link: Link, bytes: &[u8]) -> Result<String, String> {
    if speaks_sn(link) {
        sn::Packet::decode(bytes).map(|packet| packet.to_string()).map_err(|malformed| malformed.to_string())
    } else {
        mqtt::Packet::decode(bytes).map(|packet| packet.to_string()).map_err(|violation| violation.to_string())
    }
}

/// The bytes of such a packet.
pub(crate) fn packet(link: Link, words: &str) -> Result<Vec<u8>, String> {
    if speaks_sn(link) { sn::parse_words(words) } else { mqtt::parse_words(words) }
}

/// Whether a link carries MQTT-SN.
pub(crate) fn speaks_sn(link: Link) -> bool {
    ClientId::from_number(link.0.into()).is_some_and(ClientId::is_sn)
}

fn found(seen: Option<&Seen>) -> String {
    match seen {
        None => "nothing".into(),
        Some(Seen::Serial(kind, bytes)) => format!("{kind:?} {}", escape(bytes)),
        Some(Seen::Network(words)) => format!("~ {words}"),
    }
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("expected on or off, found {text:?}")),
    }
}

/// Reads a time of a transcript.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let micros = text.strip_suffix("us").and_then(|micros| micros.parse().ok()).map(Duration::from_micros);
    let millis = || text.strip_suffix("ms").and_then(|millis| millis.parse().ok()).map(Duration::from_millis);
    micros.or_else(millis).ok_or(format!("expected a time like 500ms, found {text:?}"))
}

/// Words for states, both ways.
pub(crate) type Words<T> = [(&'static str, T)];

pub(crate) const SIMS: &Words<Sim> =
    &[("in", Sim::Ready), ("out", Sim::Absent), ("pin", Sim::Pin), ("failure", Sim::Failure), ("busy", Sim::Busy)];

pub(crate) const POWERS: &Words<Power> =
    &[("reset", Power::Reset), ("off", Power::Off), ("on", Power::On), ("new", Power::New)];

/// The word for a state.
pub(crate) fn word_for<T: PartialEq>(words: &Words<T>, state: &T) -> &'static str {
    words.iter().find(|(_, of)| of == state).map_or("", |(word, _)| word)
}

fn state_of<T: Copy>(words: &Words<T>, text: &str) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, state)| *state).ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("expected one of {}, found {text:?}", all.join(", "))
    })
}

fn registration(text: &str) -> Result<Registration, String> {
    let found = text.parse().ok().and_then(Registration::from_number);
    found.ok_or_else(|| format!("expected a registration state from 0 to 5, found {text:?}"))
}

fn cause(text: &str) -> Result<Why, String> {
    Ok(match text {
        "ended" => Why::Ended,
        "reset" => Why::Reset,
        "ended by a fault" => Why::Fault(false),
        "reset by a fault" => Why::Fault(true),
        "refused" => Why::Refused,
        "unreachable" => Why::Unreachable,
        "timed out" => Why::TimedOut,
        _ => {
            let no_reason = || format!("no reason is called {text:?}");
            let words = |prefix| text.strip_prefix(prefix).ok_or_else(no_reason);
            let pair = |prefix| words(prefix).map(|words| words.split_once(' ').unwrap_or((words, "")));
            if let Ok(name) = words("no such name ") {
                Why::NoSuchName(name.into())
            } else if let Ok(said) = words("tls ") {
                Why::Tls(tls_words::parse(said).ok_or_else(no_reason)?)
            } else if let Ok((name, said)) = pair("not resolved ") {
                Why::NotResolved(name.into(), said.into())
            } else {
                let (code, said) = pair("system ")?;
                Why::System(code.parse().map_err(|_| no_reason())?, said.into())
            }
        }
    })
}

pub(crate) fn escape(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

/// The bytes of a text with the escapes of `>>`.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escape.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let digits = escape.get(1..3).ok_or("expected two hex digits behind \\x")?;
                (u8::from_str_radix(digits, 16).map_err(|_| format!("not hex: {digits}"))?, 3)
            }
            _ => return Err(format!("unknown escape: \\{escape}")),
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}
