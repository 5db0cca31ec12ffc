//! Reads everything that a modem writes to its host, byte for byte, by itself: what the modem says of its output (kinds,
//! notes) is not looked at.

use std::collections::VecDeque;
use std::time::Duration;

use quasimodem_core::{Instant, RefusalStyle, Settings, UrcPayload};

use super::scenario::Messages;
use super::{Broken, Invariant};

/// How long a half-typed line keeps unsolicited results waiting.
const TYPING: Duration = Duration::from_millis(500);

/// How many gaps what waits for one waits at most.
const GAPS: u32 = 5;

/// One end of a serial line, as the host's side sees it.
pub(super) struct Reader {
    settings: Settings,
    /// Whether there is an echo after a start.
    echo: bool,
    /// What `ATV` and `ATQ` set.
    style: Style,
    attached: bool,
    full: bool,
    typing: Typing,
    /// What the modem has to write next, in order.
    due: VecDeque<Due>,
    raw: Option<Raw>,
    /// Information lines of the command that is being answered.
    info: Vec<Vec<u8>>,
    /// When the last byte of a half-typed line came.
    typed_at: Option<Instant>,
    /// When the last final result code came.
    answered_at: Option<Instant>,
    /// When it was told something unasked.
    told_at: Option<Instant>,
    /// When it opened the port, if it has not written since.
    opened_at: Option<Instant>,
    /// When the first came since the line was free.
    busy_since: Option<Instant>,
    /// The modem's deadline, and, where something may be told in front of what is due, the `typed_at` that counts for
    /// it: what is due is settled before an input is taken in, and lines that come together are answered one by one.
    deadline: Option<Instant>,
    before: Option<Option<Instant>>,
}

/// A command line in the making.
#[derive(Default)]
struct Typing {
    line: Vec<u8>,
    /// The line began with `AT`.
    open: bool,
    after_a: Option<u8>,
    after_cr: bool,
}

enum Due {
    Echo(Vec<u8>),
    Answer(Typed),
}

/// How result codes are written (V.250 6.2.5 and 6.2.6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Words,
    /// `ATV0`
    Digits,
    /// `ATQ1`
    Nothing,
}

impl Style {
    /// That of the answer to this line, and from then on.
    fn of_answer(self, line: &[u8]) -> Style {
        match line {
            b"ATV0" => Style::Digits,
            b"ATQ1" => Style::Nothing,
            b"ATV1" | b"ATQ0" => Style::Words,
            _ => self,
        }
    }

    /// The whole answer to one of the few lines that are typed then; `mode` is what `+MQTTCONF?` says.
    fn answer(self, line: &[u8], echo: bool, mode: u8) -> Option<String> {
        let echoed = if echo { "\r" } else { "" };
        let (info, code) = match line {
            b"AT+MQTTCONF?" => (format!("+MQTTCONF: {mode}\r\n"), '0'),
            b"AT+NO" => (String::new(), '4'),
            b"AT" | b"ATV0" | b"ATQ1" => (String::new(), '0'),
            _ => return None,
        };
        match self {
            Style::Words => None,
            Style::Digits => Some(format!("{echoed}{info}{code}\r")),
            Style::Nothing if info.is_empty() => Some(echoed.into()),
            Style::Nothing => Some(format!("\r\n{info}")),
        }
    }
}

/// A command line that the host completed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Typed {
    pub(super) line: Vec<u8>,
    /// When the modem had all of it.
    pub(super) at: Instant,
    /// The data behind a prompt.
    pub(super) data: Option<Vec<u8>>,
}

struct Raw {
    typed: Typed,
    size: usize,
    bytes: Vec<u8>,
}

/// What the host read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// A command line was answered.
    Answer {
        typed: Typed,
        ok: bool,
    },
    /// `+MQTTREAD`: client, QoS, topic and payload, if there was a message.
    Read(u8, Option<(u8, Vec<u8>, Vec<u8>)>),
    Urc(Urc),
}

/// An unsolicited result code that the manual knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Urc {
    /// Name, client, status.
    Result(&'static str, u8, bool),
    /// Client.
    Break(u8),
    /// Client, QoS, topic, token.
    Message(u8, u8, Vec<u8>, String),
    /// Client, QoS, lengths of topic and payload.
    Arrived(u8, u8, usize, usize),
    /// `+SIM READY`, `+CREG` and the like.
    Other,
}

impl Urc {
    /// Whose it is; 0: nobody's.
    pub(super) fn client(&self) -> u8 {
        match self {
            Urc::Result(_, client, _) | Urc::Break(client) | Urc::Message(client, ..) | Urc::Arrived(client, ..) => {
                *client
            }
            Urc::Other => 0,
        }
    }
}

impl Reader {
    pub(super) fn new(settings: Settings) -> Reader {
        Reader {
            echo: settings.echo,
            style: Style::Words,
            settings,
            attached: false,
            full: false,
            typing: Typing::default(),
            due: VecDeque::new(),
            raw: None,
            info: Vec::new(),
            typed_at: None,
            answered_at: None,
            told_at: None,
            opened_at: None,
            busy_since: None,
            deadline: None,
            before: None,
        }
    }

    /// A host came or went. Gives the line that was being answered when it went.
    pub(super) fn attached(&mut self, now: Instant, attached: bool) -> Option<Vec<u8>> {
        self.attached = attached;
        self.opened_at = attached.then_some(now);
        if attached {
            // What began with the host before means nothing to this one.
            (self.answered_at, self.told_at, self.busy_since) = (None, None, None);
        }
        let mut left = None;
        if !attached {
            left = self.due.pop_front().and_then(|due| match due {
                Due::Answer(typed) => Some(typed.line),
                Due::Echo(_) => None,
            });
            self.due.clear();
            self.raw = None;
            self.info.clear();
            self.typing = Typing::default();
            self.typed_at = None;
        }
        left
    }

    pub(super) fn full(&mut self, full: bool) {
        self.full = full;
    }

    pub(super) fn typed(&mut self, now: Instant, bytes: &[u8]) {
        let settles = self.deadline.is_some_and(|deadline| deadline <= now);
        self.before = (settles && self.due.is_empty() && self.raw.is_none()).then_some(self.typed_at);
        if !bytes.is_empty() {
            self.opened_at = None;
        }
        for &byte in bytes {
            let after_cr = std::mem::take(&mut self.typing.after_cr);
            if let Some(raw) = &mut self.raw {
                if !(after_cr && byte == b'\n' && raw.bytes.is_empty()) {
                    raw.bytes.push(byte);
                }
                if let Some(raw) = self.raw.take_if(|raw| raw.bytes.len() == raw.size) {
                    self.due.push_back(Due::Answer(Typed { at: now, data: Some(raw.bytes), ..raw.typed }));
                }
                continue;
            }
            match byte {
                0 => self.typing.after_cr = after_cr,
                b'\n' if after_cr => {}
                b'\r' | b'\n' => {
                    let Typing { line, open, .. } = std::mem::take(&mut self.typing);
                    self.typing.after_cr = byte == b'\r';
                    if open {
                        self.due.push_back(Due::Answer(Typed { line, at: now, data: None }));
                    }
                }
                _ if self.typing.open => self.put(&[byte]),
                b't' | b'T' if self.typing.after_a.is_some() => {
                    self.typing.open = true;
                    let a = self.typing.after_a.take().unwrap_or_default();
                    self.put(&[a, byte]);
                }
                _ => self.typing.after_a = byte.eq_ignore_ascii_case(&b'a').then_some(byte),
            }
        }
        self.typed_at = self.typing.open.then_some(now);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.typing.line.extend_from_slice(bytes);
        if self.settings.echo {
            match self.due.back_mut() {
                Some(Due::Echo(echo)) => echo.extend_from_slice(bytes),
                _ => self.due.push_back(Due::Echo(bytes.to_vec())),
            }
        }
    }

    /// Reads what the modem wrote in one call, or a part of that which ends between two lines.
    pub(super) fn printed(
        &mut self,
        now: Instant,
        bytes: &[u8],
        messages: &Messages,
        mut heard: impl FnMut(Heard) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        if !self.attached {
            return Ok(());
        }
        let mut rest = bytes;
        self.terse_answers(now, &mut rest)?;
        while !rest.is_empty() {
            // Data that did not come in time is answered while nobody expects it.
            if let Some(raw) = self.raw.take_if(|_| rest.starts_with(b"\r\nERROR\r\n")) {
                self.due.push_front(Due::Answer(raw.typed));
            }
            if let Some(typed_at) = self.before {
                if let Ok(urc) = self.urc(&mut rest, messages) {
                    self.check_quiet(self.held_up_by(now, typed_at), &urc)?;
                    self.told_at = Some(now);
                    heard(Heard::Urc(urc))?;
                    continue;
                }
                self.before = None;
            }
            match self.due.front_mut() {
                Some(Due::Echo(echo)) => {
                    rest = rest
                        .strip_prefix(echo.as_slice())
                        .ok_or_else(|| stray(format!("the echo {} is due, not {}", show(echo), show(rest))))?;
                    self.due.pop_front();
                    self.terse_answers(now, &mut rest)?;
                }
                Some(Due::Answer(_)) => {
                    self.answer(now, &mut rest, &mut heard)?;
                    self.terse_answers(now, &mut rest)?;
                }
                None => {
                    let urc = self.urc(&mut rest, messages)?;
                    self.check_quiet(self.held_up(now), &urc)?;
                    self.told_at = Some(now);
                    heard(Heard::Urc(urc))?;
                }
            }
        }
        Ok(())
    }

    /// The call is over: what had to come has come.
    pub(super) fn done(&mut self, now: Instant, deadline: Option<Instant>) -> Result<(), Broken> {
        self.terse_answers(now, &mut &[][..])?;
        self.deadline = deadline;
        self.before = None;
        if self.is_free(now) {
            self.busy_since = None;
        }
        match self.due.front() {
            None => Ok(()),
            Some(Due::Echo(echo)) => Err(stray(format!("no echo of {}", show(echo)))),
            Some(Due::Answer(typed)) => {
                // A message of QoS 0 may wait for room on its link.
                let waits = typed.line.starts_with(b"AT+MIPDNS=")
                    || typed.line.starts_with(b"AT+MQTTPUB=")
                    || self.settings.refusal == RefusalStyle::Cme && typed.line.starts_with(b"AT+MQTTOPEN=");
                let over = now.since(typed.at) >= Duration::from_secs(60)
                    || !typed.line.starts_with(b"AT+MIPDNS=") && now.since(typed.at) > Duration::from_secs(1);
                if waits && !over {
                    return Ok(());
                }
                Err(Broken::new(Invariant::Answers, format!("{} is not answered", show(&typed.line))))
            }
        }
    }

    /// Whether the modem may print unsolicited results, and must if it has any.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        let rested = self.answered_at.is_none_or(|at| now >= at + self.settings.gap);
        self.attached && !self.full && rested && self.held_up(now).is_none()
    }

    /// What forbids an unsolicited result now.
    fn held_up(&self, now: Instant) -> Option<&'static str> {
        if self.raw.is_some() {
            return Some("while raw data is due");
        }
        if !self.due.is_empty() {
            return Some("inside a response");
        }
        self.held_up_by(now, self.typed_at)
    }

    fn held_up_by(&self, now: Instant, typed_at: Option<Instant>) -> Option<&'static str> {
        if typed_at.is_some_and(|at| now < at + TYPING) {
            return Some("into a half-typed line");
        }
        let delay = self.settings.ready_delay.unwrap_or_default();
        if self.opened_at.is_some_and(|at| now < at + delay) {
            return Some("to a host that may still empty its buffer");
        }
        if self.told_at.is_some_and(|at| now < at + self.settings.urc_gap) {
            return Some("within the gap after another one");
        }
        // A host that never pauses holds up what waits for five gaps at most.
        let patient = self.busy_since.is_some_and(|at| now < at + GAPS * self.settings.gap);
        if patient && self.answered_at.is_some_and(|at| now < at + self.settings.gap) {
            return Some("within the gap behind a final result code");
        }
        None
    }

    fn check_quiet(&self, held_up: Option<&'static str>, urc: &Urc) -> Result<(), Broken> {
        let what = held_up.or(self.full.then_some("while the host's buffer is full"));
        match what {
            Some(what) => Err(Broken::new(Invariant::Urc, format!("{urc:?} {what}"))),
            None => Ok(()),
        }
    }

    /// Answers without words, some of them without a byte.
    fn terse_answers(&mut self, now: Instant, rest: &mut &[u8]) -> Result<(), Broken> {
        while let Some(Due::Answer(typed)) = self.due.front()
            && let style = self.style.of_answer(&typed.line)
            && style != Style::Words
        {
            let echo = self.settings.echo;
            let mut due = [0, 1].into_iter().filter_map(|mode| style.answer(&typed.line, echo, mode));
            let after = due.find_map(|due| rest.strip_prefix(due.as_bytes()));
            *rest = after.ok_or_else(|| stray(format!("{} answers {}", show(rest), show(&typed.line))))?;
            self.style = style;
            self.due.pop_front();
            self.answered_at = Some(now);
            self.busy_since.get_or_insert(now);
            self.before = Some(None);
        }
        Ok(())
    }

    /// One line of a response.
    fn answer(
        &mut self,
        now: Instant,
        rest: &mut &[u8],
        heard: &mut impl FnMut(Heard) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let Some(Due::Answer(typed)) = self.due.front() else { return Ok(()) };
        let framed = rest.strip_prefix(b"\r\n");
        let text = match framed {
            Some(text) => text,
            None if !self.info.is_empty() => rest,
            None => return Err(stray(format!("{} answers {}", show(rest), show(&typed.line)))),
        };
        if let Some(read) = text.strip_prefix(b"+MQTTREAD: ")
            && typed.line.starts_with(b"AT+MQTTREAD=")
            && typed.line.get(12) != Some(&b'?')
        {
            let (client, message, after) = read_message(read).ok_or_else(|| stray(show(text)))?;
            *rest = after;
            self.info.push(b"+MQTTREAD".to_vec());
            return heard(Heard::Read(client, message));
        }
        let (text, after) = line(text).ok_or_else(|| stray(format!("no line end behind {}", show(text))))?;
        *rest = after;
        let ok = text == b"OK";
        if text == b"> " && self.info.is_empty() {
            let size = data_size(&typed.line).ok_or_else(|| stray(format!("a prompt for {}", show(&typed.line))))?;
            self.raw = Some(Raw { typed: typed.clone(), size, bytes: Vec::new() });
            self.due.pop_front();
        } else if ok || text == b"ERROR" || text.starts_with(b"+CME ERROR: ") {
            if framed.is_none() {
                return Err(stray(format!("{} without a line end in front", show(text))));
            }
            let typed = typed.clone();
            self.due.pop_front();
            self.info.clear();
            self.answered_at = Some(now);
            self.busy_since.get_or_insert(now);
            self.before = Some(None);
            self.style = self.style.of_answer(&typed.line);
            match typed.line.as_slice() {
                b"ATE0" | b"ATE1" if ok => self.settings.echo = typed.line.ends_with(b"1"),
                b"AT+CFUN=1,1" | b"AT+CFUN=15" | b"AT+RESET" if ok => self.settings.echo = self.echo,
                _ => {}
            }
            heard(Heard::Answer { typed, ok })?;
        } else if belongs(text, &typed.line) {
            self.info.push(text.to_vec());
        } else {
            return Err(stray(format!("{} inside the response to {}", show(text), show(&typed.line))));
        }
        Ok(())
    }

    fn urc(&self, rest: &mut &[u8], messages: &Messages) -> Result<Urc, Broken> {
        let unknown = || stray(format!("{} is nothing that a modem says unasked", show(rest)));
        let text = rest.strip_prefix(b"\r\n").ok_or_else(unknown)?;
        if let Some(message) = text.strip_prefix(b"+MQTTMSG: ") {
            let raw = self.settings.urc_payload == UrcPayload::Raw;
            let max = usize::from(self.settings.model.message);
            let (urc, after) = message_urc(message, raw, max, messages).ok_or_else(unknown)?;
            *rest = after;
            return Ok(urc);
        }
        let (text, after) = line(text).ok_or_else(unknown)?;
        let urc = short_urc(text).ok_or_else(unknown)?;
        *rest = after;
        Ok(urc)
    }
}

const RESULTS: [&str; 5] = ["+MQTTOPEN", "+MQTTCLOSE", "+MQTTSUB", "+MQTTUNSUB", "+MQTTPUB"];

fn short_urc(text: &[u8]) -> Option<Urc> {
    let text = std::str::from_utf8(text).ok()?;
    if text == "+SIM READY" {
        return Some(Urc::Other);
    }
    let (name, values) = text.split_once(": ")?;
    let numbers: Option<Vec<usize>> = values.split(',').map(|number| number.parse().ok()).collect();
    let client = |number: usize| u8::try_from(number).ok().filter(|client| matches!(client, 1 | 2));
    match (name, numbers.as_deref()) {
        ("+MIPCALL" | "+CREG" | "+CGREG" | "+CEREG", _) => Some(Urc::Other),
        ("+MQTTBREAK", Some(&[id, cause])) if (1..=3).contains(&cause) => Some(Urc::Break(client(id)?)),
        ("+MQTTMSGI", Some(&[id, qos @ 0..=2, topic, payload])) => {
            Some(Urc::Arrived(client(id)?, u8::try_from(qos).ok()?, topic, payload))
        }
        (_, Some(&[id, status @ 0..=1])) => {
            let name = RESULTS.into_iter().find(|known| *known == name)?;
            Some(Urc::Result(name, client(id)?, status == 1))
        }
        _ => None,
    }
}

/// `1,2,"topic","payload"` and the line end. Which message it is says the token in front of the payload; the rest of it
/// must be that message, in several results if it has more than `max` bytes.
fn message_urc<'a>(text: &'a [u8], raw: bool, max: usize, messages: &Messages) -> Option<(Urc, &'a [u8])> {
    let (client, rest) = number(text, b",")?;
    let (qos, rest) = number(rest, b",\"")?;
    let (topic, mut rest) = split(rest, b"\",\"")?;
    let head = text.get(..text.len() - rest.len())?;
    let (token, _) = split(rest, b".")?;
    let token = std::str::from_utf8(token).ok()?;
    let message = messages.get(token)?;
    for (index, part) in message.payload.chunks(max).enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b"\r\n+MQTTMSG: ")?.strip_prefix(head)?;
        }
        let mut due = Vec::new();
        for &byte in part {
            if byte.is_ascii_control() && !raw {
                due.extend_from_slice(format!("\\{byte:02X}").as_bytes());
            } else {
                due.push(byte);
            }
        }
        rest = rest.strip_prefix(due.as_slice())?.strip_prefix(b"\"\r\n")?;
    }
    let urc = Urc::Message(u8::try_from(client).ok()?, u8::try_from(qos).ok()?, topic.to_vec(), token.into());
    Some((urc, rest))
}

type Read<'a> = (u8, Option<(u8, Vec<u8>, Vec<u8>)>, &'a [u8]);

/// `1,2,5,7,"topic","payload"` by the lengths, or `1,0,0,0`, and the line end.
fn read_message(text: &[u8]) -> Option<Read<'_>> {
    let (client, rest) = number(text, b",")?;
    let client = u8::try_from(client).ok()?;
    if let Some(rest) = rest.strip_prefix(b"0,0,0\r\n") {
        return Some((client, None, rest));
    }
    let (qos, rest) = number(rest, b",")?;
    let (topic_len, rest) = number(rest, b",")?;
    let (payload_len, rest) = number(rest, b",\"")?;
    let (topic, rest) = rest.split_at_checked(topic_len)?;
    let (payload, rest) = rest.strip_prefix(b"\",\"")?.split_at_checked(payload_len)?;
    let message = (u8::try_from(qos).ok()?, topic.to_vec(), payload.to_vec());
    Some((client, Some(message), rest.strip_prefix(b"\"\r\n")?))
}

fn number<'a>(text: &'a [u8], end: &[u8]) -> Option<(usize, &'a [u8])> {
    let (digits, rest) = split(text, end)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

fn split<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = text.windows(at.len()).position(|window| window == at)?;
    Some((text.get(..place)?, text.get(place + at.len()..)?))
}

fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    split(text, b"\r\n")
}

/// `<Datasize>` of a publish.
fn data_size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.starts_with("AT+MQTTPUB="))?;
    line.rsplit_once(',')?.1.parse().ok()
}

/// Whether an information line may answer this command line.
fn belongs(text: &[u8], line: &[u8]) -> bool {
    if line.starts_with(b"ATI") {
        return !text.starts_with(b"+");
    }
    match split(text, b": ") {
        Some((name, _)) => line.windows(name.len()).any(|window| window == name),
        // The serial number.
        None => line.ends_with(b"+CGSN") && text.iter().all(u8::is_ascii_digit),
    }
}

fn stray(what: String) -> Broken {
    Broken::new(Invariant::Bytes, what)
}

pub(super) fn show(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let short: String = text.chars().take(120).collect();
    format!("{short:?}")
}
