//! What is told of a module that is not ours, from the bytes that pass on its serial line.
//!
//! Two modems of our own help to read what the host types: one finds lines in it, as a module does, and carries none of them out;
//! another one, new for each line, says what of it is secret.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quasimodem_core::{
    COMMANDS, Command, Effect, Form, Gate, Host, Imei, Input, Instant, Modem, Note, Outbox, Settings, Verdict,
};

use super::Event;
use super::reporter::tell_line;
use super::secrets::Secrets;
use super::station::{OPEN, Station, asynchronous, asynchronous_command, commands};
use super::table::Endpoint;
use crate::output::{Kind, PROMPT, Reader, kind};
use crate::watch::Way;

/// A tapped line.
pub(super) struct Tapped {
    settings: Arc<Settings>,
    /// It finds lines.
    finder: Modem,
    out: Outbox,
    reader: Reader,
    /// The lines that await their final result codes.
    typed: VecDeque<Typed>,
    /// Bytes of raw data that are due.
    due: usize,
    /// The last byte of the host was a carriage return.
    after_cr: bool,
    /// By which lines clients were opened that are open, or are being opened.
    clients: BTreeMap<u8, u64>,
}

struct Typed {
    line: u64,
    bytes: Vec<u8>,
    /// As it may be shown.
    text: String,
    is_echoed: bool,
}

/// Lines that may be typed ahead of their answers.
const AHEAD: usize = 256;

/// Why the module says so; it keeps it to itself.
const WHY: &str = "the module says so";

/// A gate through which no command goes.
struct Closed;

impl Gate for Closed {
    fn command(&mut self, _: &'static str, _: Form) -> Verdict {
        Verdict::Ignore
    }
}

impl Default for Tapped {
    fn default() -> Tapped {
        let settings = Arc::new(Settings { echo: false, ..Settings::default() });
        let (mut finder, mut out) = (Modem::new(settings.clone(), Imei::default()), Outbox::default());
        finder.handle(Instant::START, Input::Host(Host::Attached), &mut out);
        Tapped {
            settings,
            finder,
            out,
            reader: Reader::default(),
            typed: VecDeque::new(),
            due: 0,
            after_cr: false,
            clients: BTreeMap::new(),
        }
    }
}

impl Tapped {
    /// A host comes or goes.
    pub(super) fn host(&mut self, here: bool, at: &mut Station, tell: &mut dyn FnMut(Event<'_>)) {
        at.forget_host(tell);
        let (clients, settings) = (std::mem::take(&mut self.clients), self.settings.clone());
        *self = Tapped { clients, settings, ..Tapped::default() };
        tell(if here { Event::Attached {} } else { Event::Detached {} });
    }

    /// Bytes passed.
    pub(super) fn passed(
        &mut self,
        now: Instant,
        way: Way,
        bytes: &[u8],
        at: &mut Station,
        secrets: &mut Secrets,
        tell: &mut dyn FnMut(Event<'_>),
    ) {
        match way {
            Way::ToModem => self.typed(now, bytes, at, secrets, tell),
            Way::ToHost => self.said(bytes, at, secrets, tell),
        }
    }

    fn typed(
        &mut self,
        now: Instant,
        bytes: &[u8],
        at: &mut Station,
        secrets: &mut Secrets,
        tell: &mut dyn FnMut(Event<'_>),
    ) {
        at.host.bytes_came(bytes, now);
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.due > 0 {
                if std::mem::take(&mut self.after_cr) && rest.starts_with(b"\n") {
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                let size = self.due.min(rest.len());
                self.due -= size;
                rest = rest.get(size..).unwrap_or_default();
                at.host.data_came(size, rest.len(), bytes, tell);
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map_or(rest.len(), |end| end + 1);
            let (piece, behind) = rest.split_at(end);
            rest = behind;
            self.out.clear();
            self.finder.handle_through(now, Input::Serial(piece), &mut self.out, &mut Closed);
            for effect in self.out.effects() {
                match effect {
                    Effect::Note(Note::Skipped { size, nuls, ended }) => at.host.skipped(size, nuls, ended, tell),
                    Effect::Note(Note::Typed(line)) => {
                        let text = text(line.bytes(), &self.settings, secrets);
                        let came = at.line_came(line.bytes());
                        tell_line(&came, at.host.line, &text, tell);
                        if self.typed.len() == AHEAD {
                            self.typed.pop_front();
                        }
                        let bytes = line.bytes().into();
                        self.typed.push_back(Typed { line: at.host.line, bytes, text, is_echoed: false });
                    }
                    _ => {}
                }
            }
        }
        self.after_cr = bytes.last() == Some(&b'\r');
        at.host.bytes_ended(bytes);
    }

    fn said(&mut self, bytes: &[u8], at: &mut Station, secrets: &mut Secrets, tell: &mut dyn FnMut(Event<'_>)) {
        let mut rest = bytes;
        while let Some(line) = self.reader.line(&mut rest).map(Cow::into_owned) {
            self.line_said(&line, at, secrets, tell);
        }
        // Not all modules end the line of their prompt.
        if !self.typed.is_empty() && matches!(self.reader.half(), PROMPT | b">") {
            self.reader.clear();
            self.line_said(PROMPT, at, secrets, tell);
        }
    }

    fn line_said(&mut self, line: &[u8], at: &mut Station, secrets: &mut Secrets, tell: &mut dyn FnMut(Event<'_>)) {
        // Modules echo what comes, also ahead of the answers that they still owe.
        let is_echo = |typed: &&mut Typed| !typed.is_echoed && kind(line, Some(&typed.bytes)) == Kind::Echo;
        if let Some(typed) = self.typed.iter_mut().find(is_echo) {
            typed.is_echoed = true;
            return tell(Event::Echo { line: typed.line, text: &typed.text });
        }
        let said = String::from_utf8_lossy(line);
        let shown = shown(&said, &self.settings, secrets);
        let Some(typed) = self.typed.front() else { return self.told_unasked(&said, &shown, at, tell) };
        let (number, text) = (typed.line, &*shown);
        match kind(line, None) {
            Kind::Prompt => {
                self.due = declared(&typed.bytes).unwrap_or(0);
                at.host.asked(self.due);
                tell(Event::Prompt { line: number, size: u64::try_from(self.due).unwrap_or(u64::MAX) });
            }
            Kind::Final => {
                self.due = 0;
                at.host.raw_is_over(None, tell);
                tell(Event::Final { line: number, text, why: None });
                let typed = self.typed.pop_front().map(|typed| typed.bytes).unwrap_or_default();
                if matches!(text, "OK" | "0") {
                    at.accepted(asynchronous(&typed), number);
                    self.opening(&typed, number, tell);
                }
            }
            Kind::Other | Kind::Echo => match answered(&typed.bytes, &said) {
                Some(Some(command)) if command.has_secret() => {
                    tell(Event::Info { line: number, text: &hidden(text, secrets) });
                }
                Some(_) => tell(Event::Info { line: number, text }),
                None => self.told_unasked(&said, &shown, at, tell),
            },
        }
    }

    /// A result, or what nobody asked for, and how it may be shown.
    fn told_unasked(&mut self, text: &str, shown: &str, at: &mut Station, tell: &mut dyn FnMut(Event<'_>)) {
        let (line, why) = at.line_of_result(text);
        tell(Event::Urc { line, text: shown, why: why.as_deref() });
        let numbers = |name: &str| {
            let (client, status) = text.strip_prefix(name)?.strip_prefix(": ")?.split_once(',')?;
            Some((client.parse::<u8>().ok()?, status.parse::<u8>().ok()?))
        };
        if let Some((client, status)) = numbers(OPEN) {
            let line = self.clients.get(&client).copied();
            if status == 1 {
                tell(Event::ClientOpen { client, line });
            } else {
                self.clients.remove(&client);
                tell(Event::ClientFailed { client, line, code: 0, why: WHY });
            }
        } else if let Some((client, cause)) = numbers("+MQTTBREAK") {
            let line = self.clients.remove(&client);
            tell(Event::ClientBroken { client, line, cause, code: 0, why: WHY });
        } else if let Some((client, 1)) = numbers("+MQTTCLOSE") {
            self.clients.remove(&client);
            tell(Event::ClientClosed { client, line });
        }
    }

    /// Tells of the connections that a line which was answered OK asks for.
    fn opening(&mut self, line: &[u8], number: u64, tell: &mut dyn FnMut(Event<'_>)) {
        for command in commands(line) {
            let Some(arguments) = set_form(command, OPEN) else { continue };
            let words: Vec<&str> = arguments.split(',').map(|word| word.trim().trim_matches('"')).collect();
            if let [client, host, port, ..] = words.as_slice()
                && let (Ok(client), Ok(port)) = (client.parse(), port.parse())
            {
                self.clients.insert(client, number);
                tell(Event::ClientOpening { client, line: number, to: Endpoint { host, port } });
            }
        }
    }
}

/// A line of the host as it may be shown.
fn text(line: &[u8], settings: &Arc<Settings>, secrets: &mut Secrets) -> String {
    let (mut judge, mut out) = (Modem::new(settings.clone(), Imei::default()), Outbox::default());
    judge.handle(Instant::START, Input::Host(Host::Attached), &mut out);
    out.clear();
    judge.handle(Instant::START, Input::Serial(&[line, b"\r"].concat()), &mut out);
    let text = out.effects().find_map(|effect| match effect {
        Effect::Note(Note::Typed(line)) => Some(secrets.text(line)),
        _ => None,
    });
    text.unwrap_or_default()
}

/// A line of the module as it may be shown: an echo that is no line of the host any more as a line of the host, and what a
/// command says that knows secrets without what is quoted.
fn shown<'a>(said: &'a str, settings: &Arc<Settings>, secrets: &mut Secrets) -> Cow<'a, str> {
    if said.trim_start().get(..2).is_some_and(|start| start.eq_ignore_ascii_case("AT")) {
        return text(said.trim_start().as_bytes(), settings, secrets).into();
    }
    let name = said.split_once(": ").map_or(said, |(name, _)| name);
    if row(name.as_bytes()).is_some_and(Command::has_secret) { hidden(said, secrets).into() } else { said.into() }
}

/// The command of a line that this one may answer; `None`: it answers none of them. `Some(None)`: any of them.
fn answered(line: &[u8], text: &str) -> Option<Option<&'static Command>> {
    let Some(name) = text.split_once(": ").map(|(name, _)| name).filter(|name| name.starts_with('+')) else {
        let rows = commands(line).filter_map(row);
        return Some(rows.into_iter().find(|row| row.has_secret()));
    };
    let command = commands(line).find(|command| named(command, name))?;
    // The result of an asynchronous command comes behind its OK: before that it is another one's.
    let is_result = asynchronous_command(command).is_some();
    (!is_result).then(|| row(command))
}

fn row(command: &[u8]) -> Option<&'static Command> {
    COMMANDS.iter().copied().find(|row| named(command, row.name))
}

/// Whether a command has this name.
fn named(command: &[u8], name: &str) -> bool {
    let (head, tail) = command.split_at_checked(name.len()).unwrap_or((command, &[]));
    head.eq_ignore_ascii_case(name.as_bytes()) && !tail.first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The arguments of a command that sets something, if it has this name.
fn set_form<'a>(command: &'a [u8], name: &str) -> Option<&'a str> {
    let arguments = command.get(name.len()..)?.trim_ascii_start().strip_prefix(b"=")?;
    named(command, name).then(|| std::str::from_utf8(arguments).ok()).flatten()
}

/// The bytes of raw data that the last command of a line announces: its last parameter.
fn declared(line: &[u8]) -> Option<usize> {
    let last = commands(line).last()?.rsplit(|byte| *byte == b',').next()?;
    std::str::from_utf8(last.trim_ascii()).ok()?.parse().ok()
}

/// An answer that may hold secrets: all of it that is quoted is one.
fn hidden(text: &str, secrets: &mut Secrets) -> String {
    let pieces = text.split('"').enumerate();
    pieces.map(|(index, piece)| if index % 2 == 0 { piece.into() } else { secrets.name(piece.as_bytes()) }).collect()
}
