//! The clouds' endpoints over HTTP/1.1 (RFC 9112), in the same shape as the [broker](crate::broker), and with its words.
//!
//! # Contracts
//!
//! - [`Server::handle`] first settles what was due at `now`, then takes the input in; a call at the deadline always moves
//!   it. Before a peer is read, [`Server::wants`] is asked: while an answer is held back, the peer is not read.
//! - No input makes the server panic. A connection holds at most [`REQUEST_MAX`] bytes; what does not fit, or is no
//!   request, is answered with its status, and the connection ends. So does one that is silent for [`PATIENCE`].

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Status};
use quasimodem_core::Instant;
use serde_json::Value;

use super::devices::{Fault, Registry};
use super::{tencent, tuya};
use crate::broker::{Effect, Input, Outbox, Peer};

/// Bytes of a request at most, head and body.
pub const REQUEST_MAX: usize = 16 << 10;

/// Headers of a request at most.
const HEADERS_MAX: usize = 64;

/// Connections at most; for one more, the one that has been silent for the longest time is closed.
const CONNECTIONS_MAX: usize = 1000;

/// How long a connection may be silent.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of a chunk, where an answer comes in chunks.
const CHUNK: usize = 7;

/// What an endpoint knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Api {
    /// Tencent's gateway: `/device/register`, and `/register/dev` as it was before.
    Tencent,
    /// Tuya: `/v1/url_config` and `/d.json`.
    Tuya,
}

/// A server of one cloud's endpoint.
pub struct Server {
    api: Api,
    registry: Registry,
    connections: BTreeMap<Peer, Connection>,
    /// Seconds from the beginning of 1970 to the driver's start.
    epoch: i64,
}

/// What happened, for a log. No secret is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A request was answered.
    Answered {
        /// On which connection.
        peer: Peer,
        /// Method and path.
        request: Box<str>,
        /// The status of the answer.
        status: u16,
        /// What came of it.
        what: &'static str,
        /// How the answer is spoiled, if it is.
        fault: Option<Fault>,
    },
    /// A connection ended with something that is no request.
    Bad {
        /// Which one.
        peer: Peer,
        /// The status of the answer.
        status: u16,
        /// What is wrong.
        what: &'static str,
    },
}

struct Connection {
    /// What came and is not answered yet.
    unread: Vec<u8>,
    /// When something came last.
    heard: Instant,
    answer: Answer,
}

/// What is on its way to the peer.
enum Answer {
    Nothing,
    /// Held back.
    Due {
        at: Instant,
        bytes: Vec<u8>,
        close: bool,
    },
    /// There is none, and the peer waits for it.
    Never,
}

impl Server {
    /// An endpoint that nobody has asked yet.
    pub fn new(api: Api, registry: Registry) -> Server {
        Server { api, registry, connections: BTreeMap::new(), epoch: 0 }
    }

    /// Settles what is due at `now`, then takes the input in. See the contracts of this [module](self).
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox<Note>) {
        self.settle(now, out);
        match input {
            Input::Connected(peer) => {
                if self.connections.len() >= CONNECTIONS_MAX {
                    self.make_room(out);
                }
                let fresh = Connection { unread: Vec::new(), heard: now, answer: Answer::Nothing };
                self.connections.entry(peer).or_insert(fresh);
            }
            Input::Received(peer, bytes) => {
                if let Some(connection) = self.connections.get_mut(&peer) {
                    connection.heard = now;
                    connection.unread.extend_from_slice(bytes);
                    self.work(now, peer, out);
                }
            }
            Input::Gone(peer) => {
                self.connections.remove(&peer);
            }
            Input::Clock(time) => self.epoch = time.saturating_sub(seconds(now)),
            // An answer is small, and only one is on its way to a peer.
            Input::Secured(_) | Input::Full(_) | Input::Free(_) | Input::Tick => {}
        }
    }

    /// When to call [`handle`](Self::handle) with [`Input::Tick`] if nothing else happens before; `None`: never.
    pub fn deadline(&self) -> Option<Instant> {
        self.connections.values().map(Connection::due).min()
    }

    /// Whether this peer may be read.
    pub fn wants(&self, peer: Peer) -> bool {
        self.connections.get(&peer).is_some_and(|connection| matches!(connection.answer, Answer::Nothing))
    }

    /// Closes the connection that has been silent for the longest time, so that there is room for another. False: there is
    /// none.
    pub fn make_room(&mut self, out: &mut Outbox<Note>) -> bool {
        let oldest = self.connections.iter().min_by_key(|(_, connection)| connection.heard).map(|(peer, _)| *peer);
        if let Some(peer) = oldest {
            self.connections.remove(&peer);
            out.close(peer);
        }
        oldest.is_some()
    }

    fn settle(&mut self, now: Instant, out: &mut Outbox<Note>) {
        let due: Vec<Peer> =
            self.connections.iter().filter(|(_, connection)| connection.due() <= now).map(|(peer, _)| *peer).collect();
        for peer in due {
            let Some(connection) = self.connections.get_mut(&peer) else { continue };
            match mem::replace(&mut connection.answer, Answer::Nothing) {
                Answer::Due { bytes, close, .. } => {
                    connection.heard = now;
                    self.send(peer, &bytes, close, out);
                    self.work(now, peer, out);
                }
                Answer::Nothing | Answer::Never => {
                    self.connections.remove(&peer);
                    out.close(peer);
                }
            }
        }
    }

    /// Answers the requests that are whole, one after the other.
    fn work(&mut self, now: Instant, peer: Peer, out: &mut Outbox<Note>) {
        while let Some(connection) = self.connections.get_mut(&peer)
            && matches!(connection.answer, Answer::Nothing)
            && !connection.unread.is_empty()
        {
            let unread = mem::take(&mut connection.unread);
            let (len, response, keep, request) = match Request::parse(&unread) {
                Ok(None) => {
                    connection.unread = unread;
                    return;
                }
                Ok(Some((request, len))) => {
                    let time = self.epoch.saturating_add(seconds(now));
                    let state = &mut *self.registry.lock();
                    let response = match self.api {
                        Api::Tencent => tencent::answer(state, &request, time),
                        Api::Tuya => tuya::answer(state, &request, time),
                    };
                    let name: String = request.path.chars().filter(|letter| !letter.is_control()).take(80).collect();
                    (len, response, request.keep, format!("{} {name}", request.method))
                }
                Err(Response { status, what, body, .. }) => {
                    out.note(Note::Bad { peer, status, what });
                    let bytes = Response { status, what, body }.encode(false, false);
                    self.send(peer, &bytes, true, out);
                    return;
                }
            };
            let (status, what) = (response.status, response.what);
            let fault = self.spoil(now, peer, &response, keep, out);
            out.note(Note::Answered { peer, request: request.into(), status, what, fault });
            if let Some(connection) = self.connections.get_mut(&peer) {
                connection.unread = unread.get(len..).unwrap_or_default().into();
            }
        }
    }

    /// Sends an answer as the next fault leaves it.
    fn spoil(
        &mut self,
        now: Instant,
        peer: Peer,
        response: &Response,
        keep: bool,
        out: &mut Outbox<Note>,
    ) -> Option<Fault> {
        let fault = self.registry.lock().fault(true);
        let (bytes, close) = match fault {
            None | Some(Fault::Slow(_) | Fault::Silent) => (response.encode(keep, false), !keep),
            Some(Fault::Chunked) => (response.encode(keep, true), !keep),
            Some(Fault::Truncated(len)) => {
                let bytes = response.encode(keep, false);
                (bytes.get(..len).unwrap_or(&bytes).into(), true)
            }
            Some(Fault::Status(status)) => {
                (Response { status, what: "a fault", body: Vec::new() }.encode(keep, false), !keep)
            }
            Some(Fault::Garbage) => (self.registry.lock().noise(), true),
        };
        let answer = match fault {
            Some(Fault::Slow(time)) if !time.is_zero() => Answer::Due { at: now + time, bytes, close },
            Some(Fault::Silent) => Answer::Never,
            _ => {
                self.send(peer, &bytes, close, out);
                return fault;
            }
        };
        if let Some(connection) = self.connections.get_mut(&peer) {
            connection.answer = answer;
        }
        fault
    }

    fn send(&mut self, peer: Peer, bytes: &[u8], close: bool, out: &mut Outbox<Note>) {
        out.write(peer, |buffer| buffer.extend_from_slice(bytes));
        if close {
            self.connections.remove(&peer);
            out.close(peer);
        }
    }
}

impl Connection {
    fn due(&self) -> Instant {
        match self.answer {
            Answer::Nothing | Answer::Never => self.heard + PATIENCE,
            Answer::Due { at, .. } => at,
        }
    }
}

fn seconds(now: Instant) -> i64 {
    i64::try_from(now.since(Instant::START).as_secs()).unwrap_or(i64::MAX)
}

/// One request, whole.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Without its question mark.
    pub(super) query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    pub(super) body: &'a [u8],
    /// Whether the connection goes on.
    keep: bool,
}

impl<'a> Request<'a> {
    /// The request at the beginning and its length; `None`: there is more to come.
    fn parse(bytes: &'a [u8]) -> Result<Option<(Request<'a>, usize)>, Response> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = match parsed.parse(bytes) {
            Ok(Status::Complete(head)) => head,
            Ok(Status::Partial) if bytes.len() >= REQUEST_MAX => {
                return Err(Response::status(431, "the head is too long"));
            }
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Response::status(431, "there are too many headers")),
            Err(httparse::Error::Version) => return Err(Response::status(505, "not HTTP/1.0 or 1.1")),
            Err(_) => return Err(Response::status(400, "not a request")),
        };
        let mut named = Vec::with_capacity(parsed.headers.len());
        for header in parsed.headers.iter() {
            let value = str::from_utf8(header.value).map_err(|_| Response::status(400, "a header is no text"))?;
            named.push((header.name, value.trim()));
        }
        let all = |name: &'static str| {
            named.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        };
        if all("Transfer-Encoding").next().is_some() {
            return Err(Response::status(501, "bodies in chunks are not taken"));
        }
        if parsed.version == Some(1) && all("Host").count() != 1 {
            return Err(Response::status(400, "there is not one Host"));
        }
        let mut lengths = all("Content-Length");
        let length = match lengths.next() {
            // Digits only: parse takes a sign.
            Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text
                .parse()
                .ok()
                .filter(|length| *length <= REQUEST_MAX)
                .ok_or(Response::status(413, "the body is too long"))?,
            Some(_) => return Err(Response::status(400, "Content-Length is no number")),
            None if parsed.method == Some("POST") => return Err(Response::status(411, "there is no Content-Length")),
            None => 0,
        };
        if lengths.next().is_some() {
            return Err(Response::status(400, "Content-Length comes twice"));
        }
        let whole = head + length;
        if whole > REQUEST_MAX {
            return Err(Response::status(413, "the request is too long"));
        }
        let Some(body) = bytes.get(head..whole) else { return Ok(None) };
        let asked = all("Connection").flat_map(|value| value.split(',')).map(str::trim);
        let keep = asked.fold(parsed.version == Some(1), |keep, option| {
            !option.eq_ignore_ascii_case("close") && (keep || option.eq_ignore_ascii_case("keep-alive"))
        });
        let target = parsed.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = parsed.method.unwrap_or_default();
        Ok(Some((Request { method, path, query, headers: named, body, keep }, whole)))
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// An answer.
pub(super) struct Response {
    status: u16,
    body: Vec<u8>,
    /// For the log.
    what: &'static str,
}

impl Response {
    /// A body of JSON.
    pub(super) fn json(body: &Value, what: &'static str) -> Response {
        Response { status: 200, body: body.to_string().into(), what }
    }

    /// No body.
    pub(super) fn status(status: u16, what: &'static str) -> Response {
        Response { status, body: Vec::new(), what }
    }

    fn encode(&self, keep: bool, chunked: bool) -> Vec<u8> {
        let (status, connection) = (self.status, if keep { "keep-alive" } else { "close" });
        let head =
            format!("HTTP/1.1 {status} {}\r\nServer: quasimodem-lab\r\nConnection: {connection}\r\n", reason(status));
        let mut bytes = head.into_bytes();
        if !self.body.is_empty() {
            bytes.extend_from_slice(b"Content-Type: application/json; charset=utf-8\r\n");
        }
        if chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in self.body.chunks(CHUNK) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// The words of a status (RFC 9110 15); those of others are nobody's concern.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Other",
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Answered { peer, request, status, what, fault } => {
                write!(f, "{request} on {peer} answered with {status}: {what}")?;
                fault.map_or(Ok(()), |fault| write!(f, ", spoiled: {fault:?}"))
            }
            Note::Bad { peer, status, what } => write!(f, "connection {peer} ended with {status}: {what}"),
        }
    }
}

/// An effect of a server.
pub type ServerEffect<'a> = Effect<'a, Note>;
