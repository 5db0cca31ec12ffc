//! One call of [`Modem::handle`]: what is due, then the input, then what may be printed.

use alloc::boxed::Box;
use core::fmt::{self, Write};
use core::mem;
use core::ops::Range;

use crate::at::{self, Answer, Command, ErrorStyle, Form, Gate, Problem, Refusal, Step, Verdict};
use crate::bearer::{Bearer, Outlook};
use crate::client;
use crate::commands::Pending;
use crate::failure::Failure;
use crate::input::{Host, HostLine, Input, Power};
use crate::modem::{Modem, State};
use crate::net::Port;
use crate::note::StoredNote;
use crate::outbox::{Kind, ModemLine, Outbox, Piece};
use crate::owner::OnLink;
use crate::profile::Switches;
use crate::random;
use crate::reports::{Report, Reports};
use crate::sink::Sink;
use crate::time::Instant;
use crate::uart::Uart;
use crate::urc;

/// A modem with what one call brings.
pub(crate) struct Turn<'a> {
    pub(crate) modem: &'a mut Modem,
    pub(crate) now: Instant,
    pub(crate) out: &'a mut Outbox,
    /// The next information line is the first of its command.
    pub(crate) fresh_info: bool,
    /// What is to be done once the line at hand is answered.
    pub(crate) then: Option<fn(&mut Self)>,
    /// What ended the line at hand, while it may still have to be echoed.
    line_end: Option<u8>,
    /// The line at hand is the one that the newest note is of, and not the rest of one, of which all was hidden.
    noted: bool,
    /// A command line is being carried out.
    busy: bool,
    /// Who is asked before a command is carried out.
    gate: Option<&'a mut dyn Gate>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        modem: &'a mut Modem,
        now: Instant,
        out: &'a mut Outbox,
        gate: Option<&'a mut dyn Gate>,
    ) -> Turn<'a> {
        Turn { gate, modem, now, out, fresh_info: true, then: None, line_end: None, noted: false, busy: false }
    }

    pub(crate) fn take(&mut self, input: Input<'_>) {
        if let Input::Host(Host::Detached) = input {
            // What is due by now would be said to nobody: it waits for the next host.
            self.modem.console.detach();
        }
        self.settle();
        self.take_in(input);
        self.settle_registration();
        // What the input made due at once, like the PINGREQ of a connection that was long in the making.
        self.settle_sessions();
        self.flush();
    }

    /// Does everything that is due.
    fn settle(&mut self) {
        if matches!(self.modem.state, State::Booting(until) if until <= self.now) {
            self.modem.state = State::On;
        }
        self.change_bearer(Bearer::settle);
        self.settle_registration();
        self.settle_sessions();
        self.settle_errand();
        if self.modem.console.raw().is_some_and(|raw| raw.until() <= self.now)
            && let Some(raw) = self.modem.console.take_raw()
        {
            let row = raw.row();
            self.modem.failed(Failure::NoData);
            self.refuse(Refusal { command: row.name, problem: raw.missed() }, row.errors);
        }
        let now = self.now;
        if let Some(pending) = self.take_pending_if(|pending| pending.until <= now) {
            let late = pending.waits_for.late(self);
            self.resume(*pending, late);
        }
        let (out, mut late) = (&mut *self.out, false);
        self.modem.reports.settle(self.now, |client, command| {
            out.note(StoredNote::Late(client, command.0));
            late = true;
        });
        if late {
            self.modem.failed(Failure::NoAnswer);
        }
        self.flush();
    }

    /// Goes on with a command that waits for the registration, once that is decided.
    fn settle_registration(&mut self) {
        while let Some(then) = self.modem.console.pending().and_then(|pending| pending.waits_for.registration()) {
            let result = match self.modem.bearer.outlook() {
                Outlook::Registered => Ok(()),
                Outlook::Searching => return,
                Outlook::Hopeless(problem) => Err(problem),
            };
            let Some(pending) = self.take_pending_if(|_| true) else {
                debug_assert!(false, "it was pending a moment ago");
                return;
            };
            match result {
                Ok(()) => then(self),
                Err(_) => self.failed_to_register(),
            }
            self.resume(*pending, result);
        }
    }

    /// Keeps for `AT+CEER` that a command failed for want of a registration.
    pub(crate) fn failed_to_register(&mut self) {
        let failure = match self.modem.bearer.sim {
            sim if sim.is_ready() => Failure::NotRegistered,
            sim => Failure::Sim(sim),
        };
        self.modem.failed(failure);
    }

    fn take_in(&mut self, input: Input<'_>) {
        match input {
            Input::Serial(bytes) => self.serial(bytes),
            Input::Host(Host::Attached) => self.attached(),
            Input::Host(Host::Settling) => self.let_settle(),
            Input::Host(Host::Detached) => {
                let left = self.modem.console.line.half_typed();
                if left > 0 {
                    self.out.note(StoredNote::HalfLine(left));
                }
                self.modem.console.reset();
            }
            Input::Opened(link) => self.on_link(link, OnLink::Opened),
            Input::Received(link, bytes) => self.on_link(link, OnLink::Received(bytes)),
            Input::Closed(link, why) => self.on_link(link, OnLink::Closed(why)),
            Input::Full(Port::Link(link)) => self.on_link(link, OnLink::Full(true)),
            Input::Free(Port::Link(link)) => self.on_link(link, OnLink::Full(false)),
            Input::Full(Port::Serial) => self.modem.console.full = true,
            Input::Free(Port::Serial) => self.modem.console.full = false,
            Input::Bearer(change) => self.change_bearer(|bearer, now, settings| bearer.apply(now, change, settings)),
            Input::Resolved(query, answer) => {
                if let Some(pending) = self.take_pending_if(|pending| pending.waits_for.is_query(query)) {
                    let result = pending.waits_for.resolved(self, answer);
                    self.resume(*pending, result);
                }
            }
            Input::Line(HostLine::Dtr(false)) if self.modem.profile.switches.has(Switches::DTR) => self.dtr_fell(),
            // A serial port has no moment at which somebody opens it.
            Input::Line(HostLine::Dtr(true)) if self.modem.state == State::Off => self.boot(),
            // Hosts raise it when they open their end.
            Input::Line(HostLine::Dtr(true)) => self.let_settle(),
            Input::Power(Power::On) if self.modem.state == State::Off => self.boot(),
            Input::Power(Power::Reset) if self.modem.state != State::Off => self.boot(),
            Input::Power(Power::Off) => self.halt(),
            Input::Power(Power::New) => {
                self.modem.forget_stored();
                let uart = self.modem.settings.uart;
                if core::mem::replace(&mut self.modem.profile.uart, uart) != uart {
                    self.out.line(ModemLine::Uart(uart));
                }
                self.boot();
            }
            Input::Line(HostLine::Dtr(false)) | Input::Power(_) | Input::Tick => {}
        }
    }

    fn attached(&mut self) {
        self.modem.console.attach();
        self.let_settle();
        let modem = &mut *self.modem;
        // It has not seen the indication that another host did not follow.
        modem.reports.release();
        if modem.state == State::Off {
            self.boot();
        } else if modem.settings.ready_on_attach && modem.bearer.sim.is_ready() {
            modem.reports.push_ready();
        }
    }

    /// See [`Console::let_settle`](crate::console::Console::let_settle).
    fn let_settle(&mut self) {
        let until = self.now + self.modem.settings.ready_delay.unwrap_or_default();
        self.modem.console.let_settle(until);
    }

    /// What `AT&D1` and `AT&D2` ask for. V.250 speaks of the online data state; raw data is the only one here, and there
    /// is no call to clear.
    fn dtr_fell(&mut self) {
        self.modem.console.reset_line();
        if let Some(raw) = self.modem.console.take_raw() {
            let row = raw.row();
            self.refuse(Refusal { command: row.name, problem: raw.broken_off() }, row.errors);
        }
    }

    /// Changes how the serial port is set, once the line at hand is answered.
    pub(crate) fn set_uart(&mut self, change: impl FnOnce(&mut Uart)) {
        change(&mut self.modem.profile.uart);
        self.modem.profile.switches.set(Switches::UART, true);
    }

    /// Switches the carrier detect line as `AT&C` wants it by now, if it was otherwise before.
    pub(crate) fn dcd_was(&mut self, before: bool) {
        let now = self.modem.profile.switches.has(Switches::DCD);
        if now != before {
            self.out.line(ModemLine::Dcd(now));
        }
    }

    /// Tells the host by the ring indicator that something unsolicited comes.
    pub(crate) fn ring(&mut self) {
        urc::ring(&self.modem.settings, self.out);
    }

    /// Starts the module anew. Its connections end without a DISCONNECT, as they do on a real one.
    pub(crate) fn boot(&mut self) {
        self.restart();
        self.out.note(StoredNote::Starts);
        let until = self.now + self.modem.settings.boot;
        self.modem.state = if until <= self.now { State::On } else { State::Booting(until) };
    }

    /// Switches the module off.
    pub(crate) fn halt(&mut self) {
        self.restart();
        // It says nothing until it is switched on.
        self.modem.reports = Reports::default();
        self.modem.state = State::Off;
    }

    fn restart(&mut self) {
        self.forget_sessions();
        let dcd = self.modem.profile.switches.has(Switches::DCD);
        self.modem.restart(self.now);
        self.dcd_was(dcd);
    }

    /// Bytes of the host.
    fn serial(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.modem.console.heard(self.now);
        }
        let mut rest = bytes;
        let mut buffer = self.modem.console.line.begin(self.out);
        while self.modem.state == State::On {
            if let Some(pending) = self.modem.console.pending_mut() {
                pending.backlog.extend_from_slice(rest);
                break;
            }
            if let Some(raw) = self.modem.console.raw() {
                let since = self.now.since(raw.since());
                if let Some((&first, behind)) = rest.split_first()
                    && self.modem.console.line.is_line_end(first, since)
                {
                    rest = behind;
                }
                if !self.raw(&mut rest) {
                    break;
                }
                self.flush();
                continue;
            }
            let echo = self.modem.profile.switches.has(Switches::ECHO);
            match self.modem.console.line.take(&mut rest, &mut buffer.bytes, echo, self.out) {
                Step::More => break,
                Step::Line(end) => {
                    self.line_end = echo.then_some(end);
                    self.modem.console.last_line.remember(&buffer.bytes);
                    self.line(&mut buffer.bytes);
                }
                Step::Repeat => {
                    self.modem.console.last_line.recall(&mut buffer.bytes);
                    if buffer.bytes.is_empty() {
                        let nothing = Refusal { command: "", problem: Problem::NothingToRepeat };
                        self.refuse(nothing, ErrorStyle::Plain);
                    } else {
                        self.line(&mut buffer.bytes);
                    }
                }
                Step::Overlong(end) => {
                    self.line_end = echo.then_some(end);
                    let problem = Problem::LineTooLong(at::LINE_MAX);
                    self.refuse(Refusal { command: "", problem }, ErrorStyle::Plain);
                }
            }
            self.line_end = None;
            buffer.bytes.clear();
            self.flush();
        }
        if self.modem.state != State::On {
            buffer.bytes.clear();
        }
        let console = &mut self.modem.console;
        console.line.end(buffer, self.out);
        console.typed(console.line.is_half_typed().then_some(self.now));
    }

    /// A whole line, from `AT` on.
    fn line(&mut self, line: &mut [u8]) {
        self.modem.console.typed(None);
        self.out.note_typed(line);
        self.noted = true;
        self.carry_out(line, at::PREFIX);
        self.noted = false;
    }

    /// The commands of a line from `at` on, and what they ask for behind its end.
    fn carry_out(&mut self, line: &mut [u8], at: usize) {
        self.busy = true;
        at::run_line(self, line, at);
        self.busy = false;
        if let Some(then) = self.then.take() {
            then(self);
        }
    }

    /// Takes raw data from the front of `rest` and tells whether that was all of it.
    fn raw(&mut self, rest: &mut &[u8]) -> bool {
        let Some(raw) = self.modem.console.raw_mut() else {
            debug_assert!(false, "it waits for raw data");
            return false;
        };
        let before = rest.len();
        let complete = raw.take(rest);
        let size = before - rest.len();
        if size > 0 {
            self.out.note(StoredNote::Data { size, behind: rest.len(), secret: raw.is_secret() });
        }
        if !complete {
            return false;
        }
        if let Some(mut raw) = self.modem.console.take_raw() {
            let (row, mut behind) = (raw.row(), raw.take_rest());
            self.busy = true;
            match raw.done(self) {
                Ok(Answer::Done) => self.carry_out(&mut behind, 0),
                Ok(answer) => self.wait_for(answer, &behind),
                Err(problem) => self.refuse(Refusal { command: row.name, problem }, row.errors),
            }
            self.busy = false;
        }
        true
    }

    /// Asks what becomes of a command.
    pub(crate) fn ask(&mut self, row: &'static Command, form: Form) -> Verdict {
        self.gate.as_mut().map_or(Verdict::Pass, |gate| gate.command(row.name, form))
    }

    /// Waits for what a command waits for, with the commands behind it.
    pub(crate) fn wait_for(&mut self, answer: Answer, rest: &[u8]) {
        let line_end = self.line_end.take();
        match answer {
            Answer::Done => {}
            // What waits for the line goes on after the gap.
            Answer::Never => self.end_line(),
            Answer::Raw(mut raw) => {
                self.out.serial(Kind::Prompt).put(b"\r\n> \r\n");
                self.out.note(StoredNote::Asked(raw.size()));
                raw.set_rest(rest);
                self.modem.console.wait_for_raw(raw);
            }
            Answer::Later(mut pending) => {
                pending.line_end = line_end;
                pending.rest = rest.into();
                self.modem.console.wait_for_command(pending);
            }
        }
    }

    /// Takes up the line that waits, if it waits for that.
    pub(crate) fn take_pending_if(&mut self, fits: impl FnOnce(&Pending) -> bool) -> Option<Box<Pending>> {
        let pending = self.modem.console.take_pending_if(fits)?;
        self.line_end = pending.line_end;
        Some(pending)
    }

    /// Goes on with a line whose command waited for its end: with the answer, the rest of the line, and what the host
    /// sent meanwhile.
    pub(crate) fn resume(&mut self, mut pending: Pending, result: Result<(), Problem>) {
        match result {
            Ok(()) => self.carry_out(&mut pending.rest, 0),
            Err(problem) => self.refuse(Refusal { command: pending.row.name, problem }, pending.row.errors),
        }
        self.line_end = None;
        self.flush();
        // Raw data of size 0 is complete without a byte.
        if !pending.backlog.is_empty() || self.modem.console.raw().is_some() {
            self.serial(&pending.backlog);
        }
    }

    /// Echoes the end of the line, since what follows has no line end in front (V.250 6.2.4 wants an echo of each byte;
    /// where a line end follows, hosts that read answers by length are better off without).
    fn echo_line_end(&mut self) {
        if let Some(end) = self.line_end.take() {
            self.out.serial(Kind::Echo).put_secret(&[end]);
        }
    }

    /// Writes one information line.
    pub(crate) fn info(&mut self, write: impl FnOnce(&mut Piece<'_>) -> fmt::Result) {
        self.info_of(|_, line| write(line));
    }

    /// Writes one information line of what the modem holds.
    pub(crate) fn info_of(&mut self, write: impl FnOnce(&Modem, &mut Piece<'_>) -> fmt::Result) {
        let headed = mem::take(&mut self.fresh_info) && self.modem.profile.switches.has(Switches::VERBOSE);
        if headed {
            self.line_end = None;
        } else {
            self.echo_line_end();
        }
        let mut piece = self.out.serial(Kind::Info);
        if headed {
            piece.put(b"\r\n");
        }
        let _ = write(self.modem, &mut piece);
        piece.put(b"\r\n");
    }

    /// Ends the line with `OK`.
    pub(crate) fn ok(&mut self) {
        self.final_result("OK", b'0');
    }

    /// Ends the line with an error.
    pub(crate) fn refuse(&mut self, refusal: Refusal, style: ErrorStyle) {
        if let Problem::NotAHost(_, what) = refusal.problem {
            self.modem.failed(Failure::NotAHost(what));
        }
        self.out.note(StoredNote::Refused(refusal));
        match (style, self.modem.profile.cmee, refusal.problem.cme()) {
            (ErrorStyle::Cme, 1, Some(cme)) => self.final_line(format_args!("+CME ERROR: {}", cme.code)),
            (ErrorStyle::Cme, 2, Some(cme)) => self.final_line(format_args!("+CME ERROR: {}", cme.text)),
            _ => self.final_result("ERROR", b'4'),
        }
    }

    /// A result code of V.250 5.7.1, in words or as a digit.
    fn final_result(&mut self, words: &str, digit: u8) {
        if self.modem.profile.switches.has(Switches::VERBOSE) {
            return self.final_line(format_args!("{words}"));
        }
        if !self.modem.profile.switches.has(Switches::QUIET) {
            self.echo_line_end();
            self.out.serial(Kind::Final).put(&[digit, b'\r']);
        }
        self.end_line();
    }

    fn final_line(&mut self, text: fmt::Arguments<'_>) {
        if !self.modem.profile.switches.has(Switches::QUIET) {
            self.line_end = None;
            let _ = write!(self.out.serial(Kind::Final), "\r\n{text}\r\n");
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.echo_line_end();
        let gap = self.modem.settings.gap;
        let modem = &mut *self.modem;
        if modem.profile.switches.set(Switches::UART, false) {
            self.out.line(ModemLine::Uart(modem.profile.uart));
        }
        modem.console.answered(self.now, gap, modem.reports.is_ready());
    }

    /// A number that nobody foresees who does not know the seed; another one at each call.
    pub(crate) fn random(&mut self) -> u64 {
        let modem = &mut *self.modem;
        let count = modem.tickets.next().number().into();
        let inputs = [modem.imei.number(), self.now.as_micros(), count];
        inputs.into_iter().fold(modem.settings.seed.unwrap_or_default(), random::mix)
    }

    /// Marks as secret what was typed of the line from this byte on.
    pub(crate) fn hide_typed_from(&mut self, from: usize) {
        self.hide_typed(from..usize::MAX);
    }

    /// Marks as secret what was typed of the line at these places.
    pub(crate) fn hide_typed(&mut self, places: Range<usize>) {
        if self.noted {
            self.out.hide_typed(places);
        }
    }

    /// Prints what may be printed, and goes on with packets that waited for that.
    pub(crate) fn flush(&mut self) {
        loop {
            while self.is_free()
                && let Some(report) = self.modem.reports.pop()
            {
                self.print(&report);
                self.modem.console.told();
                let hold = self.modem.settings.msgi_hold;
                if let Report::Arrived(client, ..) = report
                    && !hold.is_zero()
                {
                    self.modem.reports.hold(client, self.now + hold);
                }
            }
            match self.paused_with_room() {
                Some(id) => self.received(id, &[]),
                None => return,
            }
        }
    }

    fn print(&mut self, report: &Report) {
        // An answer does not ring, even if it comes behind its OK.
        if let Report::Names(client) = report {
            return self.print_names(*client);
        }
        self.ring();
        match report {
            Report::Message(client, message) => {
                let (topic, payload) = message.topic_and_payload();
                let (teller, clients) = self.teller();
                let topic = client::shown(*client, topic, teller.settings, clients);
                urc::print_message(*client, message.qos(), topic, payload, teller.settings, teller.out);
            }
            Report::Registered(client, registered) => self.show_name(*client, registered.topic, &registered.name),
            _ => {}
        }
        report.print(&self.modem.settings, &self.modem.profile, self.out);
        self.space();
    }

    /// Lets the gap begin that is due after an unsolicited result.
    pub(crate) fn space(&mut self) {
        self.modem.console.space(self.now + self.modem.settings.urc_gap);
    }

    pub(crate) fn is_free(&self) -> bool {
        !self.busy && self.modem.free_at().is_some_and(|free_at| free_at <= self.now)
    }
}
