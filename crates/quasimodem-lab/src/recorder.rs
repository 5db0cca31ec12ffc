//! What one modem saw and did, as a transcript that [`transcript::run`] replays.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::Duration;

use quasimodem_core::{
    Change, ClientId, Coverage, Effect, Host, HostLine, Imei, Input, Instant, Kind, Link, Marked, Modem, Note, Outbox,
    Port, SETTINGS, Settings, Why,
};

use crate::judged::{self, Typed};
use crate::transcript::{POWERS, SIMS, word_for};
use crate::watch::Watch;
use crate::{tls_words, transcript};

/// Writes a transcript of one modem while it runs. `Display` gives what was recorded and not [taken](Self::take).
///
/// It is the [`Watch`] of one station, and must be told of every call of [`Modem::handle`], from the first on.
pub struct Recorder {
    secrets: Secrets,
    now: Instant,
    /// The deadline of the modem after the last call.
    deadline: Option<Instant>,
    entries: VecDeque<Entry>,
    /// Before this one, all is judged.
    open: usize,
    typed: Typed,
}

/// Whether a transcript shows what no log may show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrets {
    /// As they are: the transcript can be replayed.
    Shown,
    /// A `*` for each byte. What the host types counts as secret until it is known what it is. Passwords stay as they are
    /// with each other, so that the transcript can be replayed, but what is said and heard on links to clouds does not.
    Hidden,
}

enum Entry {
    /// A line as it is.
    Line(String),
    /// `>>`, and how much of it may be shown.
    Typed { bytes: Vec<u8>, judged: usize },
    /// `<<`, in pieces.
    Written(Vec<Piece>),
}

struct Piece {
    bytes: Vec<u8>,
    /// Whether it may be shown; an echo may not, before its line is complete.
    judged: bool,
}

/// Entries that wait until it is known what was typed.
const WAITING: usize = 10_000;

impl Recorder {
    /// Begins the transcript of a modem that is just being made.
    pub fn new(settings: &Settings, imei: Imei, secrets: Secrets) -> Recorder {
        let mut entries: VecDeque<Entry> = SETTINGS
            .iter()
            .map(|setting| Entry::Line(format!("{} {}", setting.key, (setting.value)(settings))))
            .collect();
        entries.extend(settings.replies.iter().map(|reply| Entry::Line(format!("answer {reply}"))));
        entries.push_back(Entry::Line(format!("imei {imei}")));
        entries.push_back(Entry::Line("attach later".into()));
        let deadline = Modem::new(settings.clone().into(), imei).deadline();
        let open = entries.len();
        Recorder { secrets, now: Instant::START, deadline, entries, open, typed: Typed::default() }
    }

    /// Gives the lines that nothing changes any more, and forgets them.
    pub fn take(&mut self) -> String {
        if self.entries.len() > WAITING {
            self.give_up();
        }
        let mut text = String::new();
        // What is written next may belong to the last one.
        while self.open > 0 && self.entries.len() > 1 {
            self.open -= 1;
            if let Some(entry) = self.entries.pop_front() {
                let _ = writeln!(text, "{entry}");
            }
        }
        text
    }

    /// Adds a comment.
    pub fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.push(format!("# {line}"));
        }
    }

    /// Time moves on to the moment of an input.
    fn time(&mut self, now: Instant, tick: bool) {
        let passed = now.since(self.now);
        let overdue = self.deadline.is_some_and(|deadline| deadline <= now);
        if tick && self.deadline == Some(now) {
            self.push(format!("@ {}", time(passed)));
        } else if overdue {
            self.push(format!("late {}", time(passed)));
        } else if !passed.is_zero() {
            self.push(format!("wait {}", time(passed)));
        }
        if tick && self.deadline != Some(now) {
            self.push("tick".into());
        }
        self.now = now;
    }

    fn input(&mut self, input: &Input<'_>) {
        let line = match input {
            Input::Tick => return,
            Input::Serial(bytes) => return self.serial(bytes),
            Input::Host(Host::Attached) => "! host attached".into(),
            Input::Host(Host::Settling) => "! host settling".into(),
            Input::Host(Host::Detached) => "! host detached".into(),
            Input::Line(HostLine::Dtr(on)) => format!("! line dtr {}", if *on { "on" } else { "off" }),
            Input::Opened(link) => format!("! {link} opened"),
            Input::Received(link, bytes) if self.hides(*link) => format!("! {link} {}", heard(*link, bytes)),
            Input::Received(link, bytes) => format!("! {link} {}", received(*link, bytes)),
            Input::Closed(link, why) => format!("! {link} closed {}", reason(why)),
            Input::Resolved(_, Ok(address)) => format!("! resolved {address}"),
            Input::Resolved(_, Err(_)) => "! not resolved".into(),
            Input::Full(port) => format!("! {} full", whose(*port)),
            Input::Free(port) => format!("! {} free", whose(*port)),
            Input::Bearer(Change::Sim(sim)) => format!("! sim {}", word_for(SIMS, sim)),
            Input::Power(power) => format!("! power {}", word_for(POWERS, power)),
            Input::Bearer(Change::Registration(registration)) => format!("! registration {}", *registration as u8),
            Input::Bearer(Change::Signal(rssi, ber)) => format!("! signal {rssi},{ber}"),
            Input::Bearer(Change::DataCall(None)) => "! call down".into(),
            Input::Bearer(Change::DataCall(Some(address))) => format!("! call up {address}"),
            Input::Bearer(Change::Coverage(Coverage::None)) => "! coverage none".into(),
            Input::Bearer(Change::Coverage(Coverage::NoData)) => "! coverage nodata".into(),
            Input::Bearer(Change::Coverage(Coverage::Data(address))) => format!("! coverage {address}"),
            Input::Bearer(Change::Clock(seconds)) => format!("! clock {seconds}"),
        };
        // Either may be the end of a half-typed line, of which nobody will tell what is secret.
        if let Input::Host(Host::Attached | Host::Detached) | Input::Line(HostLine::Dtr(false)) = input {
            self.give_up();
        }
        self.push(line);
    }

    /// Whether secrets are to be hidden on this link: one that belongs to no client leads to a cloud.
    fn hides(&self, link: Link) -> bool {
        self.secrets == Secrets::Hidden && ClientId::from_number(link.0.into()).is_none()
    }

    /// The host sent bytes.
    fn serial(&mut self, bytes: &[u8]) {
        let judged = if self.secrets == Secrets::Shown { bytes.len() } else { 0 };
        self.entries.push_back(Entry::Typed { bytes: bytes.to_vec(), judged });
        if self.secrets == Secrets::Hidden {
            self.typed.push(bytes);
        }
    }

    /// Pieces that follow each other are one line of the transcript.
    fn written(&mut self, kind: Kind, marked: Marked<'_>) {
        let piece = match (self.secrets, kind) {
            (Secrets::Shown, _) => Piece { bytes: marked.bytes().to_vec(), judged: true },
            (Secrets::Hidden, Kind::Echo) => {
                let bytes = marked.bytes().to_vec();
                Piece { judged: bytes.iter().all(|byte| judged::is_end(*byte)), bytes }
            }
            (Secrets::Hidden, _) => Piece { bytes: judged::shown(marked), judged: true },
        };
        match self.entries.back_mut() {
            Some(Entry::Written(pieces)) => pieces.push(piece),
            _ => self.entries.push_back(Entry::Written(vec![piece])),
        }
    }

    /// Nobody will tell what is secret of what was typed.
    fn give_up(&mut self) {
        self.typed.give_up();
        self.echoed(None);
        self.judge();
    }

    /// What was echoed is judged: it is of this line, or nobody knows of which.
    fn echoed(&mut self, line: Option<Marked<'_>>) {
        let open = self.entries.range_mut(self.open.min(self.entries.len())..);
        let pieces: Vec<&mut Piece> = open.flat_map(Entry::pieces).filter(|piece| !piece.judged).collect();
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
        let mut shown = judged::echo(&all, line).into_iter();
        for piece in pieces {
            piece.bytes.iter_mut().zip(&mut shown).for_each(|(byte, shown)| *byte = shown);
            piece.judged = true;
        }
    }

    /// Puts what is judged by now into its entries.
    fn judge(&mut self) {
        let mut shown = Vec::new();
        self.typed.take(|_, piece| shown.extend_from_slice(piece));
        let mut shown = shown.into_iter();
        for entry in self.entries.range_mut(self.open.min(self.entries.len())..) {
            if let Entry::Typed { bytes, judged } = entry {
                for (byte, shown) in bytes.iter_mut().skip(*judged).zip(&mut shown) {
                    *byte = shown;
                    *judged += 1;
                }
            }
        }
        while self.entries.get(self.open).is_some_and(Entry::is_judged) {
            self.open += 1;
        }
    }

    fn push(&mut self, line: String) {
        self.entries.push_back(Entry::Line(line));
    }
}

/// Notes what it was given, and all that it did.
impl Watch for Recorder {
    fn modem(&mut self, now: Instant, _: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.time(now, matches!(input, Input::Tick));
        self.input(input);
        // In front, so that they don't cut in two what was written.
        for effect in out.effects() {
            if let Effect::Note(note) = effect
                && !note.is_of_bytes()
            {
                self.push(format!("? {note}"));
            }
        }
        for effect in out.effects() {
            match effect {
                Effect::Serial(kind, marked) => self.written(kind, marked),
                Effect::Note(Note::Typed(line)) => {
                    self.typed.line(line);
                    self.echoed(Some(line));
                }
                Effect::Note(Note::Data { size, behind, secret }) => self.typed.data(size, behind, secret),
                Effect::Note(_) => {}
                Effect::Resolve(_, family, name) => self.push(format!("~ {}", transcript::look_up(family, name))),
                Effect::Send(link, marked) if self.hides(link) => self.push(format!("~ {link} {}", said(link, marked))),
                other => self.push(format!("~ {}", transcript::words(&other))),
            }
        }
        self.judge();
        self.deadline = modem.deadline();
    }
}

impl Entry {
    fn is_judged(&self) -> bool {
        match self {
            Entry::Line(_) => true,
            Entry::Typed { bytes, judged } => *judged == bytes.len(),
            Entry::Written(pieces) => pieces.iter().all(|piece| piece.judged),
        }
    }

    fn pieces(&mut self) -> impl Iterator<Item = &mut Piece> {
        let pieces = match self {
            Entry::Written(pieces) => pieces.as_mut_slice(),
            Entry::Line(_) | Entry::Typed { .. } => &mut [],
        };
        pieces.iter_mut()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Line(line) => f.write_str(line),
            Entry::Typed { bytes, judged } => {
                let (shown, rest) = bytes.split_at_checked(*judged).unwrap_or((bytes, &[]));
                write!(f, ">> {}", Escaped(&[shown, &judged::stars(rest)].concat()))
            }
            Entry::Written(pieces) => {
                let shown = |piece: &Piece| match piece.judged {
                    true => piece.bytes.clone(),
                    false => judged::stars(&piece.bytes),
                };
                write!(f, "<< {}", Escaped(&pieces.iter().flat_map(shown).collect::<Vec<u8>>()))
            }
        }
    }
}

impl fmt::Display for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// Bytes as `>>` and `<<` lines have them.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.len().saturating_sub(1);
        for (index, &byte) in self.0.iter().enumerate() {
            match byte {
                b'\r' => f.write_str("\\r")?,
                b'\n' => f.write_str("\\n")?,
                b'\\' => f.write_str("\\\\")?,
                // Spaces at the ends of a line get lost.
                b' ' if index == 0 || index == last => f.write_str("\\x20")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

/// A packet in words if the words say all, else the bytes.
fn received(link: Link, bytes: &[u8]) -> String {
    let words = transcript::packet_words(link, bytes).ok();
    let words = words.filter(|words| transcript::packet(link, words).is_ok_and(|same| same == bytes));
    words.unwrap_or_else(|| {
        let mut hex = String::from("hex");
        for byte in bytes {
            let _ = write!(hex, " {byte:02x}");
        }
        hex
    })
}

/// What is said to a cloud; packets hide their passwords in words.
fn said(link: Link, marked: Marked<'_>) -> String {
    match transcript::packet_words(link, marked.bytes()) {
        Ok(packet) => format!("send {packet}"),
        Err(_) => format!("send text {}", transcript::escape(&marked.redacted())),
    }
}

/// What a cloud says: what is no message holds no secret, and all else may.
fn heard(link: Link, bytes: &[u8]) -> String {
    match transcript::packet_words(link, bytes) {
        Ok(words) if !words.starts_with("publish ") => words,
        _ => format!("text {}", "*".repeat(bytes.len())),
    }
}

fn reason(why: &Why) -> String {
    match why {
        Why::Ended => "ended".into(),
        Why::Reset => "reset".into(),
        Why::Refused => "refused".into(),
        Why::Unreachable => "unreachable".into(),
        Why::TimedOut => "timed out".into(),
        Why::NoSuchName(name) => format!("no such name {name}"),
        Why::NotResolved(name, said) => format!("not resolved {name} {}", one_line(said)),
        Why::Tls(failure) => format!("tls {}", tls_words::put(failure)),
        Why::Fault(false) => "ended by a fault".into(),
        Why::Fault(true) => "reset by a fault".into(),
        Why::System(code, said) => format!("system {code} {}", one_line(said)),
    }
}

/// Words of others, which stay within their line.
pub(crate) fn one_line(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn whose(port: Port) -> String {
    match port {
        Port::Serial => "serial".into(),
        Port::Link(link) => link.to_string(),
    }
}

fn time(time: Duration) -> String {
    let micros = time.as_micros();
    if micros.is_multiple_of(1000) { format!("{}ms", micros / 1000) } else { format!("{micros}us") }
}
