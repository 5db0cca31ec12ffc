//! Who may ask: loopback is open to each program of the machine, and to each web page that its user looks at.
//!
//! A page of another origin can send what a form can send, without asking; a page whose name was led to this machine
//! (DNS rebinding) is of our origin but for that name. So the name, the origin and the type of what comes are checked with
//! each request, token or not. There are no cookies, and no origin is let in.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};

use super::App;
use super::problem::Problem;

/// What a request has to show.
pub(crate) struct Guard {
    /// Names that it may call us by, in lower case, with the port where it is not the usual one.
    pub(crate) hosts: Vec<String>,
    /// Whose Host is checked without its port: a socket has none.
    pub(crate) is_unix: bool,
    pub(crate) token: Option<Token>,
    /// Nothing may be changed.
    pub(crate) read_only: bool,
}

/// What those who may ask know.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// Reads it from a file that nobody else can read.
    pub(crate) fn read(path: &Path) -> Result<Token, String> {
        let at = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("can't read the token in {at}: {error}"))?;
        let token = text.trim();
        if token.len() < LEAST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{at} holds no token: expected one line of {LEAST} letters and digits at least"));
        }
        let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
        if mode & OTHERS != 0 {
            return Err(format!("others can read the token in {at}: chmod 600 {at}"));
        }
        Ok(Token(token.into()))
    }

    /// Whether this is it. Digests are compared, so that the time says nothing of where they differ.
    fn is(&self, shown: &str) -> bool {
        digest(&SHA256, self.0.as_bytes()).as_ref() == digest(&SHA256, shown.as_bytes()).as_ref()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Characters of a token, at least.
const LEAST: usize = 16;

/// The permissions of others than the owner.
const OTHERS: u32 = 0o077;

impl Guard {
    fn check(&self, method: &Method, is_open: bool, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let known = if self.is_unix { host.split(':').next().unwrap_or_default() } else { &host };
        if hosts.next().is_some() || !self.hosts.iter().any(|name| name == known) {
            let detail = format!("there is no {host:?} here; it is called {}", self.hosts.join(", "));
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", detail));
        }
        if let Some(origin) = text(header::ORIGIN)
            && origin.to_ascii_lowercase() != format!("http://{host}")
        {
            let detail = format!("pages of {origin:?} have no business here");
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail));
        }
        if let Some(token) = self.token.as_ref().filter(|_| !is_open) {
            let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
            if !shown.is_some_and(|shown| token.is(shown)) {
                let detail = "expected the header Authorization: Bearer with the token of --control-token-file";
                return Err(Problem::new(StatusCode::UNAUTHORIZED, "token", detail));
            }
        }
        if matches!(*method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        if self.read_only {
            let detail = "nothing can be changed here: --control-read-only";
            return Err(Problem::new(StatusCode::FORBIDDEN, "read-only", detail));
        }
        let has_body = headers.contains_key(header::TRANSFER_ENCODING)
            || text(header::CONTENT_LENGTH).is_some_and(|size| size != "0");
        if *method != Method::POST && !has_body {
            return Ok(());
        }
        // A form of another page can send no JSON without asking, and is not answered when it asks.
        let kind = text(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let detail = format!("the body is {kind:?}, expected Content-Type: application/json");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", detail));
        }
        Ok(())
    }
}

/// Lets through what may ask.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_open = app.is_open(request.uri().path());
    let mut response = match app.guard.check(request.method(), is_open, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        // The page has a policy of its own.
        response.headers_mut().entry(name).or_insert(header::HeaderValue::from_static(value));
    }
    response
}

/// What each answer tells a browser.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let hosts = ["localhost:5100", "127.0.0.1:5100"].map(String::from).into();
        Guard { hosts, is_unix: false, token: None, read_only: false }
    }

    fn status(guard: &Guard, method: &Method, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        guard.check(method, false, &map).map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn names_origins_and_types_are_checked() {
        let json = ("content-type", "application/json; charset=utf-8");
        let ours = ("host", "LocalHost:5100");
        for (headers, due) in [
            (&[ours, json][..], 200),
            (&[ours, json, ("origin", "http://localhost:5100")], 200),
            (&[ours, json, ("origin", "http://127.0.0.1:5100")], 403),
            (&[ours, json, ("origin", "http://evil.test")], 403),
            (&[ours, json, ("origin", "null")], 403),
            (&[("host", "evil.test:5100"), json], 421),
            (&[("host", "localhost"), json], 421),
            (&[("host", "localhost:5100"), ("host", "evil.test:5100"), json], 421),
            (&[json], 421),
            (&[ours], 415),
            (&[ours, ("content-length", "0")], 415),
            (&[ours, ("content-type", "text/plain")], 415),
            (&[ours, ("content-type", "application/x-www-form-urlencoded")], 415),
        ] {
            assert_eq!(status(&guard(), &Method::POST, headers), due, "{headers:?}");
        }
        assert_eq!(status(&guard(), &Method::GET, &[ours]), 200);
    }

    #[test]
    fn tokens_and_reading_alone() {
        let token = Some(Token("0123456789abcdef".into()));
        let guard = Guard { token, read_only: true, ..guard() };
        let ours = ("host", "localhost:5100");
        let shown = ("authorization", "Bearer 0123456789abcdef");
        assert_eq!(status(&guard, &Method::GET, &[ours]), 401);
        assert_eq!(status(&guard, &Method::GET, &[ours, ("authorization", "Bearer 0123456789abcdeF")]), 401);
        assert_eq!(status(&guard, &Method::GET, &[ours, shown]), 200);
        assert_eq!(status(&guard, &Method::DELETE, &[ours, shown, ("content-type", "application/json")]), 403);
        assert_eq!(format!("{:?}", guard.token), "Some(Token(…))");
    }
}
