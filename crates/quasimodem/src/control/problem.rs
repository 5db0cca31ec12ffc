//! What was wrong with a request (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

/// An answer that says what was wrong, what was expected and, where it is known, the nearest right thing.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Which kind it is: the end of its URN.
    kind: &'static str,
    detail: String,
    /// What else is known.
    more: Vec<(&'static str, Json)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, kind, detail: detail.into(), more: Vec::new() }
    }

    /// The same, and this.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Json>) -> Problem {
        self.more.push((key, value.into()));
        self
    }

    /// What was asked for is not there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// A value that can't be used.
    pub(crate) fn bad_value(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-value", detail)
    }

    /// The program ends.
    pub(crate) fn ending() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ending", "the run ends")
    }

    /// Too much of something at one time.
    pub(crate) fn too_many(what: &str, most: usize) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", format!("there are {most} {what} already"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:quasimodem:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.more.into_iter().map(|(key, value)| (key.to_owned(), value)));
        }
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}
