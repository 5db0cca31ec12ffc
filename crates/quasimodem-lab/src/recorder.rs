//! What one modem saw and did, as a transcript that [`transcript::run`] replays.

use std::fmt::{self, Write};
use std::time::Duration;

use quasimodem_core::{
    Change, ClientId, Effect, Host, HostLine, Imei, Input, Instant, Kind, Link, Marked, Modem, Note, Outbox, Port,
    SETTINGS, Settings, Why,
};

use crate::transcript::{POWERS, SIMS, word_for};

use crate::watch::Watch;
use crate::{tls_words, transcript};

/// Writes a transcript of one modem while it runs. `Display` gives what was recorded so far.
///
/// It is the [`Watch`] of one station, and must be told of every call of [`Modem::handle`], from the first on.
pub struct Recorder {
    secrets: Secrets,
    now: Instant,
    /// The deadline of the modem after the last call.
    deadline: Option<Instant>,
    entries: Vec<Entry>,
    /// Where the bytes begin of which it is not known yet what they are.
    line: usize,
    /// Where those begin that the current call brings.
    chunk: usize,
}

/// Whether a transcript shows what no log may show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secrets {
    /// As they are: the transcript can be replayed.
    Shown,
    /// A `*` for each byte. What the host types counts as secret until it is known what it is.
    Hidden,
}

enum Entry {
    /// A line as it is.
    Line(String),
    /// `>>`, and whether it is known what of it is secret.
    Typed(Vec<u8>),
    /// `<<`, in pieces; those of an echo are marked.
    Written(Vec<(bool, Vec<u8>)>),
}

impl Recorder {
    /// Begins the transcript of a modem that is just being made.
    pub fn new(settings: &Settings, imei: Imei, secrets: Secrets) -> Recorder {
        let mut entries: Vec<Entry> = SETTINGS
            .iter()
            .map(|setting| Entry::Line(format!("{} {}", setting.key, (setting.value)(settings))))
            .collect();
        entries.push(Entry::Line(format!("imei {imei}")));
        entries.push(Entry::Line("attach later".into()));
        let deadline = Modem::new(settings.clone().into(), imei).deadline();
        let line = entries.len();
        Recorder { secrets, now: Instant::START, deadline, entries, line, chunk: line }
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
            Input::Serial(bytes) => return self.entries.push(Entry::Typed(bytes.to_vec())),
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
            Input::Bearer(Change::Clock(seconds)) => format!("! clock {seconds}"),
        };
        // Either may be the end of a half-typed line, of which nobody will tell what is secret.
        if let Input::Host(_) | Input::Line(HostLine::Dtr(false)) = input {
            self.settle(None);
        }
        self.push(line);
    }

    /// Whether secrets are to be hidden on this link: one that belongs to no client leads to a cloud.
    fn hides(&self, link: Link) -> bool {
        self.secrets == Secrets::Hidden && ClientId::from_number(link.0.into()).is_none()
    }

    /// Pieces that follow each other are one line of the transcript.
    fn written(&mut self, kind: Kind, marked: Marked<'_>) {
        let echo = kind == Kind::Echo;
        let bytes = match self.secrets {
            Secrets::Hidden if !echo => marked.redacted(),
            Secrets::Hidden | Secrets::Shown => marked.bytes().to_vec(),
        };
        match self.entries.last_mut() {
            Some(Entry::Written(pieces)) => pieces.push((echo, bytes)),
            _ => self.entries.push(Entry::Written(vec![(echo, bytes)])),
        }
    }

    /// It is known what of the typed line is secret.
    fn typed(&mut self, line: Marked<'_>) {
        let secrets: Vec<&[u8]> =
            line.secrets().filter_map(|secret| line.bytes().get(secret)).filter(|secret| !secret.is_empty()).collect();
        self.settle(Some(&secrets));
    }

    /// Hides these secrets in what was typed and echoed of the line, or all of it.
    fn settle(&mut self, secrets: Option<&[&[u8]]>) {
        if self.secrets == Secrets::Hidden {
            let entries = self.entries.get_mut(self.line..).unwrap_or_default();
            hide(entries.iter_mut().filter_map(Entry::typed), secrets);
            hide(entries.iter_mut().flat_map(Entry::echoed), secrets);
        }
        self.line = self.chunk;
    }

    /// Raw data of the current call are secret, in front of what else it brings.
    fn secret_data(&mut self, data: Marked<'_>) {
        if self.secrets == Secrets::Hidden {
            let entries = self.entries.get_mut(self.chunk..).unwrap_or_default();
            hide(entries.iter_mut().filter_map(Entry::typed), Some(&[data.bytes()]));
        }
    }

    fn push(&mut self, line: String) {
        self.entries.push(Entry::Line(line));
    }
}

/// Notes what it was given, and all that it did.
impl Watch for Recorder {
    fn modem(&mut self, now: Instant, _: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.time(now, matches!(input, Input::Tick));
        self.chunk = self.entries.len();
        self.input(input);
        // In front, so that they don't cut in two what was written.
        for effect in out.effects() {
            if let Effect::Note(note) = effect
                && !matches!(note, Note::Typed(_) | Note::SecretData(_))
            {
                self.push(format!("? {note}"));
            }
        }
        for effect in out.effects() {
            match effect {
                Effect::Serial(kind, marked) => self.written(kind, marked),
                Effect::Note(Note::Typed(line)) => self.typed(line),
                Effect::Note(Note::SecretData(data)) => self.secret_data(data),
                Effect::Note(_) => {}
                Effect::Resolve(_, family, name) => self.push(format!("~ {}", transcript::look_up(family, name))),
                Effect::Send(link, marked) if self.hides(link) => self.push(format!("~ {link} {}", said(link, marked))),
                other => self.push(format!("~ {}", transcript::words(&other))),
            }
        }
        if matches!(input, Input::Serial(bytes) if bytes.ends_with(b"\r") || bytes.ends_with(b"\n")) {
            self.line = self.entries.len();
        }
        self.deadline = modem.deadline();
    }
}

/// Finds each secret where the pieces are put together, and masks it.
fn hide<'a>(pieces: impl Iterator<Item = &'a mut Vec<u8>>, secrets: Option<&[&[u8]]>) {
    let pieces: Vec<&mut Vec<u8>> = pieces.collect();
    let mut all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    match secrets {
        None => all.fill(b'*'),
        Some(secrets) => {
            for secret in secrets {
                let found = all.windows(secret.len()).rposition(|window| window == *secret);
                // A line with a backspace in it is not found as it was taken: then all of it is hidden.
                let hidden = found.map_or(0..all.len(), |at| at..at + secret.len());
                all.get_mut(hidden).unwrap_or_default().fill(b'*');
            }
        }
    }
    let mut rest = all.into_iter();
    for piece in pieces {
        piece.iter_mut().zip(&mut rest).for_each(|(byte, hidden)| *byte = hidden);
    }
}

impl Entry {
    fn typed(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Entry::Typed(bytes) => Some(bytes),
            Entry::Line(_) | Entry::Written(_) => None,
        }
    }

    fn echoed(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        let pieces = match self {
            Entry::Written(pieces) => pieces.as_mut_slice(),
            Entry::Line(_) | Entry::Typed(_) => &mut [],
        };
        pieces.iter_mut().filter(|(echo, _)| *echo).map(|(_, bytes)| bytes)
    }
}

impl fmt::Display for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let pending = self.secrets == Secrets::Hidden && index >= self.line;
            let stars = |bytes: &[u8]| vec![b'*'; bytes.len()];
            match entry {
                Entry::Line(line) => f.write_str(line)?,
                Entry::Typed(bytes) if pending => write!(f, ">> {}", Escaped(&stars(bytes)))?,
                Entry::Typed(bytes) => write!(f, ">> {}", Escaped(bytes))?,
                Entry::Written(pieces) => {
                    let shown =
                        |(echo, bytes): &(bool, Vec<u8>)| if *echo && pending { stars(bytes) } else { bytes.clone() };
                    let bytes = pieces.iter().flat_map(shown).collect::<Vec<u8>>();
                    write!(f, "<< {}", Escaped(&bytes))?;
                }
            }
            f.write_char('\n')?;
        }
        Ok(())
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
