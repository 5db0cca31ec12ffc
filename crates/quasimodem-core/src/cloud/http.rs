//! HTTP/1.1 as far as registrations need it (RFC 9112): one POST on a connection, and its answer, which may be anything.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use httparse::{Header, Status};

use super::answer::ANSWER_MAX;
use super::registration::HttpRequest;
use crate::sink::Sink;

/// Headers of an answer at most; one with more is refused.
const HEADERS_MAX: usize = 64;

/// Why an answer can't be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadHttp {
    /// Head and body are longer than this many bytes together.
    TooLong(usize),
    /// The head, or the size of a chunk, is not HTTP.
    NotHttp,
    /// The body comes in a form that was not asked for.
    Coding(String),
    /// The connection ended before the answer did.
    CutShort,
    /// The server answered with this status in place of 200.
    Status(u16),
}

impl fmt::Display for BadHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadHttp::TooLong(max) => write!(f, "the answer is longer than {max} bytes"),
            BadHttp::NotHttp => f.write_str("the answer is not HTTP"),
            BadHttp::Coding(coding) => write!(f, "the answer is coded as {}", coding.escape_debug()),
            BadHttp::CutShort => f.write_str("the connection ended before the answer did"),
            BadHttp::Status(status) => write!(f, "the server answered with status {status}"),
        }
    }
}

impl core::error::Error for BadHttp {}

/// Writes a POST. The body is secret: it holds signatures and sealed keys, and so may target and headers.
pub(crate) fn put_request(request: &HttpRequest, to: &mut impl Sink) {
    let usual = if request.tls { 443 } else { 80 };
    to.put(b"POST ");
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    to.put(path.as_bytes());
    if !query.is_empty() {
        to.put(b"?");
        to.put_secret(query.as_bytes());
    }
    to.put(b" HTTP/1.1\r\nHost: ");
    to.put(request.host.as_bytes());
    if request.port != usual {
        to.put(alloc::format!(":{}", request.port).as_bytes());
    }
    to.put(b"\r\n");
    for (name, value) in &request.headers {
        to.put(name.as_bytes());
        to.put(b": ");
        to.put_secret(value.as_bytes());
        to.put(b"\r\n");
    }
    to.put(alloc::format!("Content-Length: {}\r\nConnection: close\r\n\r\n", request.body.len()).as_bytes());
    to.put_secret(request.body.as_bytes());
}

/// Reads an answer from all that came so far; `ended`: nothing more will come. The body of one with status 200, or
/// `None` while it is not complete.
pub fn read_answer(bytes: &[u8], ended: bool) -> Result<Option<Cow<'_, [u8]>>, BadHttp> {
    let answer = read(bytes, ended)?;
    if answer.is_none() && bytes.len() > ANSWER_MAX {
        return Err(BadHttp::TooLong(ANSWER_MAX));
    }
    match answer {
        None if ended => Err(BadHttp::CutShort),
        answer => Ok(answer),
    }
}

fn read(bytes: &[u8], ended: bool) -> Result<Option<Cow<'_, [u8]>>, BadHttp> {
    let mut rest = bytes;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let Status::Complete(length) = head.parse(rest).map_err(|_| BadHttp::NotHttp)? else { return Ok(None) };
        rest = rest.get(length..).unwrap_or_default();
        match head.code.unwrap_or_default() {
            // Nobody asked for an upgrade, so that other answers of this kind are announcements.
            100 | 102..=199 => {}
            200 => return body(head.headers, rest, ended),
            status => return Err(BadHttp::Status(status)),
        }
    }
}

fn body<'a>(headers: &[Header<'_>], rest: &'a [u8], ended: bool) -> Result<Option<Cow<'a, [u8]>>, BadHttp> {
    let values = |name: &'static str| {
        headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    };
    let coding = |value: &[u8]| BadHttp::Coding(String::from_utf8_lossy(value).into_owned());
    if let Some(value) = values("Content-Encoding").find(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(coding(value));
    }
    let mut codings = values("Transfer-Encoding");
    if let Some(value) = codings.next() {
        // RFC 9112 6.1: with a length beside it, the message may be forged.
        let plain = value.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        if !plain || values("Content-Length").next().is_some() {
            return Err(coding(value));
        }
        return Ok(chunks(rest)?.map(Cow::Owned));
    }
    let mut lengths = values("Content-Length");
    let Some(length) = lengths.next() else { return Ok(ended.then_some(Cow::Borrowed(rest))) };
    if lengths.any(|other| other != length) || !length.iter().all(u8::is_ascii_digit) {
        return Err(BadHttp::NotHttp);
    }
    let length: usize =
        core::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok()).ok_or(BadHttp::NotHttp)?;
    if length > ANSWER_MAX {
        return Err(BadHttp::TooLong(ANSWER_MAX));
    }
    Ok(rest.get(..length).map(Cow::Borrowed))
}

/// The body behind its chunks (RFC 9112 7.1); what follows the last one is of no use.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, BadHttp> {
    let mut body = Vec::new();
    loop {
        let Status::Complete((start, size)) = httparse::parse_chunk_size(rest).map_err(|_| BadHttp::NotHttp)? else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        let size = usize::try_from(size).ok().filter(|size| *size <= ANSWER_MAX);
        let end = start + size.ok_or(BadHttp::TooLong(ANSWER_MAX))?;
        let Some(chunk) = rest.get(start..end) else { return Ok(None) };
        body.extend_from_slice(chunk);
        match rest.get(end..end + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Err(BadHttp::NotHttp),
            None => return Ok(None),
        }
        rest = rest.get(end + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;

    fn complete(answer: &str) -> Result<String, BadHttp> {
        let body = read_answer(answer.as_bytes(), true)?.expect("it is complete or an error");
        Ok(String::from_utf8(body.into_owned()).unwrap())
    }

    #[test]
    fn a_request_is_what_servers_expect() {
        let request = HttpRequest {
            tls: false,
            host: "a.example".into(),
            port: 8080,
            target: "/b?c=d".into(),
            headers: vec![("X-Y", "z".into())],
            body: "{}".into(),
        };
        let mut bytes = Vec::new();
        put_request(&request, &mut bytes);
        let text = "POST /b?c=d HTTP/1.1\r\nHost: a.example:8080\r\nX-Y: z\r\nContent-Length: 2\r\n\
                    Connection: close\r\n\r\n{}";
        assert_eq!(String::from_utf8(bytes), Ok(text.into()));
    }

    #[test]
    fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            assert_eq!(complete(answer), Ok("hello".into()), "{answer:?}");
        }
    }

    #[test]
    fn an_answer_that_is_not_complete_is_waited_for() {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        // The end of the last line of the body may be left out.
        for length in 0..whole.len() - 2 {
            assert_eq!(read_answer(&whole.as_bytes()[..length], false), Ok(None), "{length}");
            assert_eq!(read_answer(&whole.as_bytes()[..length], true), Err(BadHttp::CutShort), "{length}");
        }
        let until_closed = b"HTTP/1.1 200 OK\r\n\r\nhello";
        assert_eq!(read_answer(until_closed, false), Ok(None));
    }

    #[test]
    fn what_can_not_be_used_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", ANSWER_MAX + 1);
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(ANSWER_MAX));
        let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let cases: [(&str, BadHttp); 14] = [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", BadHttp::Status(404)),
            ("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", BadHttp::Status(302)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", BadHttp::Status(101)),
            ("SSH-2.0-OpenSSH\r\n", BadHttp::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", BadHttp::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", BadHttp::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", BadHttp::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", BadHttp::Coding("gzip".into())),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", BadHttp::Coding("gzip, chunked".into())),
            (&format!("{chunk}zz\r\n"), BadHttp::NotHttp),
            (&format!("{chunk}1\r\nabc"), BadHttp::NotHttp),
            (&format!("{chunk}fffff\r\n"), BadHttp::TooLong(ANSWER_MAX)),
            (&long, BadHttp::TooLong(ANSWER_MAX)),
            (&headers, BadHttp::NotHttp),
        ];
        for (answer, failure) in cases {
            assert_eq!(complete(answer), Err(failure), "{answer:?}");
        }
        assert_eq!(read_answer(endless.as_bytes(), false), Err(BadHttp::TooLong(ANSWER_MAX)));
    }
}
