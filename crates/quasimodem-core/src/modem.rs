//! The modem: one call in, one outbox out.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::{self, Write};
use core::mem;
use core::time::Duration;

use crate::at::{self, Answer, Assembler, Command, ErrorStyle, Problem, Refusal, Returns, Step};
use crate::bearer::Bearer;
use crate::client::{Client, ClientId};
use crate::commands::RawData;
use crate::input::{Host, Input};
use crate::mqtt::{self, Event, Progress, Publish, Session, Violation, Wire};
use crate::net::Port;
use crate::note::{Failure, StoredNote};
use crate::outbox::{Kind, Outbox, Piece, Sink};
use crate::reports::{self, Cause, Message, Report, Reports, Ticket};
use crate::settings::{Imei, Settings};
use crate::time::Instant;

/// How long a half-typed line keeps unsolicited results waiting after its last byte.
const TYPING: Duration = Duration::from_millis(500);

/// Largest packet that a broker may send, in bytes.
const PACKET_MAX: usize = 60 * 1024;

/// Bytes of a line that `A/` can repeat.
const REPEAT_MAX: usize = 23;

/// A cellular module.
///
/// It does nothing by itself: a driver tells it what happened with [`handle`](Self::handle), carries out what the
/// outbox then says, and comes back at the [`deadline`](Self::deadline). See the crate's documentation.
pub struct Modem {
    pub(crate) settings: Arc<Settings>,
    pub(crate) imei: Imei,
    pub(crate) bearer: Bearer,
    pub(crate) echo: bool,
    pub(crate) clients: [Client; ClientId::MQTT],
    line: Assembler,
    last_line: LastLine,
    /// When the last byte of a half-typed line came.
    typed_at: Option<Instant>,
    /// Raw data that the host was asked for.
    raw: Option<RawData>,
    attached: bool,
    /// The driver has more serial output waiting than it likes.
    full: bool,
    /// Until then no unsolicited result follows the last final one.
    quiet_until: Instant,
    pub(crate) reports: Reports,
}

/// What `A/` repeats.
struct LastLine {
    bytes: [u8; REPEAT_MAX],
    length: u8,
}

/// A modem with what one call of `handle` brings.
pub(crate) struct Turn<'a> {
    pub(crate) modem: &'a mut Modem,
    pub(crate) now: Instant,
    pub(crate) out: &'a mut Outbox,
    /// The next information line is the first of its command.
    pub(crate) fresh_info: bool,
    /// A command line is being carried out.
    busy: bool,
}

impl Modem {
    /// A module that was just switched on, with nobody at its serial end.
    pub fn new(settings: Arc<Settings>, imei: Imei) -> Modem {
        Modem {
            echo: settings.echo,
            settings,
            imei,
            bearer: Bearer::default(),
            clients: Default::default(),
            line: Assembler::default(),
            last_line: LastLine { bytes: [0; REPEAT_MAX], length: 0 },
            typed_at: None,
            raw: None,
            attached: false,
            full: false,
            quiet_until: Instant::START,
            reports: Reports::default(),
        }
    }

    /// Takes in what happened at `now`, and puts all that it causes behind what the outbox holds.
    ///
    /// First settles what was due at `now`. `now` must not be earlier than at the call before.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        let mut turn = Turn { modem: self, now, out, fresh_info: true, busy: false };
        turn.settle();
        turn.take_in(input);
        turn.flush();
    }

    /// When [`handle`](Self::handle) must be called again, with [`Input::Tick`] if nothing else happened. `None`:
    /// not before something happens. A call at the deadline always moves it.
    pub fn deadline(&self) -> Option<Instant> {
        let printing = if self.reports.is_ready() { self.free_at() } else { None };
        let raw = self.raw.as_ref().map(RawData::until);
        let sessions = self.clients.iter().filter_map(|client| client.session.as_ref());
        let sessions = sessions.map(|session| session.deadline()).min();
        [printing, self.reports.deadline(), raw, sessions].into_iter().flatten().min()
    }

    /// Whether the driver may bring bytes from this port.
    pub fn wants(&self, port: Port) -> bool {
        match port {
            Port::Serial => !self.full,
            Port::Link(link) => {
                let session = ClientId::of_link(link).and_then(|id| self.clients[id.index()].session.as_ref());
                session.is_some_and(|session| session.wants())
            }
        }
    }

    /// The host switched the module off: connections are closed in order, everything else is forgotten.
    ///
    /// What the outbox then holds is the last that the modem has to say; it may not be used any more.
    pub fn power_off(&mut self, now: Instant, out: &mut Outbox) {
        for (id, client) in ClientId::mqtt().zip(&mut self.clients) {
            if let Some(mut session) = client.session.take() {
                session.disconnect(&mut Wire { now, link: id.link(), out });
                out.close(id.link());
            }
        }
        *self = Modem::new(self.settings.clone(), self.imei);
    }

    /// The MQTT client with that id; those of MQTT-SN are never connected.
    pub(crate) fn client(&mut self, id: ClientId) -> Result<&mut Client, Problem> {
        self.clients.get_mut(id.index()).ok_or(Problem::NotConnected)
    }

    /// When the line is free for unsolicited results; `None`: not before something else happens.
    fn free_at(&self) -> Option<Instant> {
        if !self.attached || self.full || self.raw.is_some() {
            return None;
        }
        let typing = self.typed_at.map(|typed_at| typed_at + TYPING);
        Some(typing.map_or(self.quiet_until, |typing| typing.max(self.quiet_until)))
    }
}

impl Turn<'_> {
    /// Does everything that is due.
    fn settle(&mut self) {
        for id in ClientId::mqtt() {
            if let Ok((session, mut wire)) = self.session(id)
                && let Err(failure) = session.settle(&mut wire)
            {
                self.out.close(id.link());
                self.lost(id, failure, Cause::Broker);
            }
        }
        if self.modem.raw.as_ref().is_some_and(|raw| raw.until() <= self.now)
            && let Some(raw) = self.modem.raw.take()
        {
            let row = raw.row();
            self.refuse(Refusal { command: row.name, problem: Problem::NoData }, row.errors);
        }
        let out = &mut *self.out;
        self.modem.reports.settle(self.now, |client, command| {
            out.note(StoredNote::Late(client, command.name));
        });
        self.flush();
    }

    fn take_in(&mut self, input: Input<'_>) {
        match input {
            Input::Serial(bytes) => self.serial(bytes),
            Input::Host(Host::Attached) => self.modem.attached = true,
            Input::Host(Host::Detached) => {
                self.modem.attached = false;
                self.modem.line.reset();
                self.modem.typed_at = None;
                self.modem.raw = None;
            }
            Input::Opened(link) => {
                if let Some(id) = ClientId::of_link(link)
                    && let Ok((session, mut wire)) = self.session(id)
                {
                    session.link_opened(&mut wire);
                }
            }
            Input::Received(link, bytes) => {
                if let Some(id) = ClientId::of_link(link) {
                    self.received(id, bytes);
                }
            }
            Input::Closed(link, why) => {
                if let Some(id) = ClientId::of_link(link) {
                    self.lost(id, Failure::Link(why), Cause::Broker);
                }
            }
            Input::Full(port) => self.set_full(port, true),
            Input::Free(port) => self.set_full(port, false),
            Input::Bearer(change) => {
                self.modem.bearer.apply(change);
                if let Err((failure, cause)) = self.modem.bearer.carries() {
                    self.lose_all(&failure, cause);
                }
            }
            Input::Line(_) | Input::Resolved(..) | Input::Tick => {}
        }
    }

    fn set_full(&mut self, port: Port, full: bool) {
        match port {
            Port::Serial => self.modem.full = full,
            Port::Link(link) => {
                if let Some(id) = ClientId::of_link(link)
                    && let Ok((session, _)) = self.session(id)
                {
                    session.set_full(full);
                }
            }
        }
    }

    fn serial(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        let mut buffer = self.modem.line.begin(self.out);
        loop {
            if self.modem.raw.is_some() {
                if !rest.is_empty() && self.modem.line.takes_line_feed() {
                    rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                }
                if !self.raw(&mut rest) {
                    break;
                }
                self.flush();
                continue;
            }
            let echo = self.modem.echo;
            match self.modem.line.take(&mut rest, &mut buffer.bytes, echo, self.out) {
                Step::More => break,
                Step::Line => {
                    self.modem.last_line.remember(&buffer.bytes);
                    self.line(&mut buffer.bytes);
                    buffer.bytes.clear();
                }
                Step::Repeat => {
                    let (mut line, length) = (self.modem.last_line.bytes, self.modem.last_line.length);
                    match line.get_mut(..usize::from(length)) {
                        Some(line) if !line.is_empty() => self.line(line),
                        _ => self.refuse(Refusal { command: "", problem: Problem::UnknownCommand }, ErrorStyle::Plain),
                    }
                }
                Step::Overlong => {
                    let problem = Problem::LineTooLong(at::LINE_MAX);
                    self.refuse(Refusal { command: "", problem }, ErrorStyle::Plain);
                }
            }
            self.flush();
        }
        self.modem.line.end(buffer, self.out);
        self.modem.typed_at = self.modem.line.is_half_typed().then_some(self.now);
    }

    /// A whole line, from `AT` on.
    fn line(&mut self, line: &mut [u8]) {
        self.modem.typed_at = None;
        self.busy = true;
        self.out.note_typed(line);
        at::run_line(self, line);
        self.busy = false;
    }

    /// Takes raw data from the front of `rest` and tells whether that was all of it.
    fn raw(&mut self, rest: &mut &[u8]) -> bool {
        if !self.modem.raw.as_mut().is_some_and(|raw| raw.take(rest)) {
            return false;
        }
        if let Some(raw) = self.modem.raw.take() {
            let row = raw.row();
            self.busy = true;
            match raw.done(self) {
                Ok(_) => self.ok(),
                Err(problem) => self.refuse(Refusal { command: row.name, problem }, row.errors),
            }
            self.busy = false;
        }
        true
    }

    /// Asks the host for raw data.
    pub(crate) fn ask_for(&mut self, raw: RawData) {
        self.out.serial(Kind::Prompt).put(b"\r\n> \r\n");
        self.modem.raw = Some(raw);
    }

    /// Writes one information line.
    pub(crate) fn info(&mut self, write: impl FnOnce(&mut Piece<'_>) -> fmt::Result) {
        let mut piece = self.out.serial(Kind::Info);
        if mem::take(&mut self.fresh_info) {
            piece.put(b"\r\n");
        }
        let _ = write(&mut piece);
        piece.put(b"\r\n");
    }

    /// Ends the line with `OK`.
    pub(crate) fn ok(&mut self) {
        self.final_result(format_args!("OK"));
    }

    /// Ends the line with an error.
    pub(crate) fn refuse(&mut self, refusal: Refusal, style: ErrorStyle) {
        self.out.note(StoredNote::Refused(refusal));
        match (style, refusal.problem.cme()) {
            (ErrorStyle::Cme, Some(cme)) => self.final_result(format_args!("+CME ERROR: {}", cme.code)),
            _ => self.final_result(format_args!("ERROR")),
        }
    }

    fn final_result(&mut self, text: fmt::Arguments<'_>) {
        let _ = write!(self.out.serial(Kind::Final), "\r\n{text}\r\n");
        self.modem.quiet_until = self.now + self.modem.settings.gap;
    }

    /// Marks as secret what was typed of the line from this byte on.
    pub(crate) fn hide_typed_from(&mut self, from: usize) {
        self.out.hide_typed_from(from);
    }

    /// Marks the secrets of a set form whose arguments begin at `from`. Reads no quotes, so that it errs on the side
    /// of hiding too much whatever was typed.
    pub(crate) fn hide_secrets(&mut self, row: &Command, line: &[u8], from: usize) {
        let Some(first) = row.params.iter().position(|param| param.secret) else { return };
        let mut commas = line.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b',').map(|(at, _)| at);
        let hide = if first == 0 { None } else { commas.nth(first - 1) };
        self.out.hide_typed_from(hide.map_or(from, |comma| comma + 1));
    }

    /// Notes that the host is owed a result of this command.
    pub(crate) fn owe(&mut self, command: &'static Command, client: ClientId) -> (Ticket, Instant) {
        let within = match command.returns {
            Returns::Urc { within } | Returns::Final { within } => within,
            Returns::Now => Duration::ZERO,
        };
        let until = self.now + within;
        (self.modem.reports.owe(command, client, until), until)
    }

    /// Carries out a request to a client's broker whose result comes later; it is owed unless `send` refuses.
    pub(crate) fn request(
        &mut self,
        command: &'static Command,
        client: ClientId,
        send: impl FnOnce(&mut Session, &mut Wire<'_>, Ticket) -> Result<Progress, Problem>,
    ) -> Result<Answer, Problem> {
        let (ticket, _) = self.owe(command, client);
        let sent = self.session(client).and_then(|(session, mut wire)| send(session, &mut wire, ticket));
        match sent {
            Ok(Progress::Flying) => {}
            Ok(Progress::Done) => self.modem.reports.decide(ticket, true),
            Err(problem) => {
                self.modem.reports.forget(ticket);
                return Err(problem);
            }
        }
        Ok(Answer::Done)
    }

    /// The session of a client and its way out.
    pub(crate) fn session(&mut self, client: ClientId) -> Result<(&mut Session, Wire<'_>), Problem> {
        let session = self.modem.client(client)?.session.as_deref_mut().ok_or(Problem::NotConnected)?;
        Ok((session, Wire { now: self.now, link: client.link(), out: self.out }))
    }

    /// Prints what may be printed, and goes on with packets that waited for that.
    fn flush(&mut self) {
        loop {
            let max = usize::from(self.modem.settings.model.message);
            while self.is_free()
                && let Some(report) = self.modem.reports.pop()
            {
                report.print(max, self.out);
            }
            let paused = ClientId::mqtt().find(|id| {
                let session = self.modem.clients[id.index()].session.as_ref();
                session.is_some_and(|session| session.is_paused()) && self.modem.reports.has_room(*id, 0)
            });
            match paused {
                Some(id) => self.received(id, &[]),
                None => return,
            }
        }
    }

    fn is_free(&self) -> bool {
        !self.busy && self.modem.free_at().is_some_and(|free_at| free_at <= self.now)
    }

    /// Bytes from a broker, behind those that wait.
    fn received(&mut self, id: ClientId, chunk: &[u8]) {
        let Ok((session, _)) = self.session(id) else { return };
        let owned = session.take_partial(chunk);
        let bytes = if owned.is_empty() { chunk } else { &owned };
        let mut taken = 0;
        let paused = loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let frame = match mqtt::frame_len(rest, PACKET_MAX) {
                Ok(Some(length)) => rest.get(..length),
                Ok(None) => None,
                Err(violation) => return self.broken(id, violation),
            };
            let Some(frame) = frame else { break false };
            if !self.modem.reports.has_room(id, frame.len()) {
                break true;
            }
            taken += frame.len();
            if let Err(violation) = self.packet(id, frame) {
                return self.broken(id, violation);
            }
        };
        if let Ok((session, wire)) = self.session(id) {
            session.keep(wire.now, owned, chunk, taken, paused);
        }
    }

    fn packet(&mut self, id: ClientId, frame: &[u8]) -> Result<(), Violation> {
        let Ok((session, mut wire)) = self.session(id) else { return Ok(()) };
        match session.packet(&mut wire, frame)? {
            Event::Nothing => {}
            Event::Opened(ticket) => self.modem.reports.decide(ticket, true),
            Event::Done(ticket, status) => self.modem.reports.decide(ticket, status),
            Event::Refused(code) => {
                self.out.close(id.link());
                self.lost(id, Failure::Refused(code), Cause::Broker);
            }
            Event::Message(message) => self.message(id, &message),
        }
        Ok(())
    }

    fn message(&mut self, id: ClientId, message: &Publish<'_>) {
        if self.is_free() && !self.modem.reports.is_ready() {
            let max = usize::from(self.modem.settings.model.message);
            reports::print_message(id, message.qos, message.topic.as_bytes(), message.payload, max, self.out);
        } else {
            let message = Message::new(message.qos, message.topic, message.payload);
            self.modem.reports.push(Report::Message(id, Box::new(message)));
        }
    }

    fn broken(&mut self, id: ClientId, violation: Violation) {
        self.out.close(id.link());
        self.lost(id, Failure::Violation(violation), Cause::Broker);
    }

    fn lose_all(&mut self, failure: &Failure, cause: Cause) {
        for id in ClientId::mqtt() {
            if self.modem.clients[id.index()].session.is_some() {
                self.out.close(id.link());
                self.lost(id, failure.clone(), cause);
            }
        }
    }

    /// A connection is gone: what it owed is reported as 0, then the break, unless it was never open.
    fn lost(&mut self, id: ClientId, failure: Failure, cause: Cause) {
        let Some(session) = self.modem.clients[id.index()].session.take() else { return };
        let reports = &mut self.modem.reports;
        if session.is_open() {
            self.out.note(StoredNote::Broken(id, failure));
            reports.fail_all(id);
            reports.push(Report::Break(id, cause));
        } else {
            self.out.note(StoredNote::OpenFailed(id, failure));
            if let Some(ticket) = session.opening() {
                reports.decide(ticket, false);
            }
        }
    }
}

impl LastLine {
    fn remember(&mut self, line: &[u8]) {
        self.length = 0;
        if let Some(bytes) = self.bytes.get_mut(..line.len()) {
            bytes.copy_from_slice(line);
            self.length = u8::try_from(line.len()).unwrap_or(0);
        }
    }
}

impl fmt::Debug for Modem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modem({}, {})", self.settings.model.name, self.imei)
    }
}
