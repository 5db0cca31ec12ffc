//! What happened, as it happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use quasimodem_lab::event::Event;
use quasimodem_lab::flat::{is_meant, meant, nearest};
use serde_json::{Value as Json, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch::Receiver;

use super::journal::{Entry, Gone, KEPT};
use super::problem::Problem;
use super::routes::{Answered, Asked};
use super::{App, STREAMS, suggest};

/// Events of an answer, unless more are asked for.
const LIMIT: usize = 1000;

/// Events that are taken out of the journal at one time.
const PAGE: usize = 256;

pub(super) async fn list(asked: Asked) -> Answered {
    let only = Only::of(&asked)?;
    let since = since(&asked)?;
    let accept = asked.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("text/event-stream") {
        return stream(asked.app, since.unwrap_or_default(), only);
    }
    let limit = asked.value("limit", "a whole number")?.unwrap_or(LIMIT);
    let entries = asked.app.journal.since(since.unwrap_or_default(), KEPT).map_err(gone)?;
    let fitting: Vec<_> = entries.iter().filter(|entry| only.fits(entry)).take(limit).collect();
    let seq = if fitting.len() < limit { entries.last() } else { fitting.last().copied() };
    let seq = seq.map_or(since.unwrap_or_default(), |entry| entry.seq);
    // They are JSON already.
    let events: Vec<&str> = fitting.iter().map(|entry| &*entry.line).collect();
    let text = format!("{{\"events\":[{}],\"seq\":{seq}}}", events.join(","));
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The form in which a journal is asked for.
const FORMATS: [&str; 3] = ["ndjson", "at", "pcapng"];

pub(super) async fn journal(asked: Asked) -> Answered {
    let format = asked.query.get("format").map_or(FORMATS[0], String::as_str);
    let (kept, content_type) = match format {
        "ndjson" => return lines(&asked),
        "at" => (&asked.app.lines, "text/plain; charset=utf-8"),
        "pcapng" => (&asked.app.packets, "application/octet-stream"),
        other => {
            let detail = format!("format is {other:?}{}, expected {}", meant(other, &FORMATS), FORMATS.join(", "));
            return Err(suggest(Problem::bad_value(detail).with("pointer", "format"), nearest(other, &FORMATS)));
        }
    };
    match kept.file() {
        // A transcript without its beginning replays nothing.
        (_, true) if format == "at" => {
            let detail = "the beginning of the transcript is gone; --trace FILE.at keeps it";
            Err(Problem::new(StatusCode::GONE, "gone", detail))
        }
        (file, _) => Ok(([(header::CONTENT_TYPE, content_type)], file).into_response()),
    }
}

fn lines(asked: &Asked) -> Answered {
    let entries = asked.app.journal.since(0, KEPT).map_err(gone)?;
    let text: String = entries.iter().flat_map(|entry| [&*entry.line, "\n"]).collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

/// Behind which event is asked, if that is said, in the query or as readers of streams say where they were. A number that
/// no event has yet is of another run: that nothing came behind it would be no answer.
pub(super) fn since(asked: &Asked) -> Result<Option<u64>, Problem> {
    let last = asked.headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let since = asked.value("since", "the number of an event")?.or(last);
    let newest = asked.app.journal.newest();
    if let Some(since) = since.filter(|since| *since > newest) {
        let detail = format!("since is {since}, and the newest event is {newest}: a number of another run?");
        return Err(Problem::bad_value(detail).with("pointer", "since"));
    }
    Ok(since)
}

/// Some of what was asked for is gone.
pub(super) fn gone(Gone(oldest): Gone) -> Problem {
    let detail =
        format!("events behind that one are gone; the oldest that is still there is {oldest}, and since=0 means it");
    Problem::new(StatusCode::GONE, "gone", detail).with("oldest", oldest)
}

/// Which events are asked for.
struct Only {
    event: Option<String>,
    modem: Option<String>,
}

impl Only {
    fn of(asked: &Asked) -> Result<Only, Problem> {
        let event = asked.query.get("event").cloned();
        if let Some(name) = &event
            && !Event::ROWS.iter().any(|row| is_meant(name, row.name))
        {
            let names: Vec<&str> = Event::ROWS.iter().map(|row| row.name).collect();
            let problem = Problem::bad_value(format!("there is no event {name:?}{}", meant(name, &names)));
            return Err(suggest(problem.with("pointer", "event"), nearest(name, &names)));
        }
        let modem = asked.query.get("modem").cloned();
        asked.app.stations(modem.as_deref())?;
        Ok(Only { event, modem })
    }

    fn fits(&self, entry: &Entry) -> bool {
        let is_of = |modem: &String| entry.json().get("modem").and_then(Json::as_str) == Some(modem);
        self.event.as_ref().is_none_or(|name| is_meant(name, entry.name)) && self.modem.as_ref().is_none_or(is_of)
    }
}

/// A reader of the journal that goes on where it is. It holds a page at most, however slow who reads it is.
struct Follower {
    app: App,
    only: Only,
    news: Receiver<u64>,
    ending: Receiver<bool>,
    seq: u64,
    page: VecDeque<Arc<Entry>>,
    _permit: OwnedSemaphorePermit,
}

fn stream(app: App, since: u64, only: Only) -> Answered {
    let permit = app.streams.clone().try_acquire_owned().map_err(|_| Problem::too_many("streams", STREAMS))?;
    let (news, ending) = (app.journal.news(), app.ending.clone());
    let follower = Follower { app, only, news, ending, seq: since, page: VecDeque::new(), _permit: permit };
    let events = stream::unfold(follower, |mut follower| async {
        follower.next().await.map(|event| (Ok::<_, Infallible>(event), follower))
    });
    let response: Response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    Ok(response)
}

impl Follower {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            while let Some(entry) = self.page.pop_front() {
                self.seq = entry.seq;
                if self.only.fits(&entry) {
                    return Some(sse::Event::default().id(entry.seq.to_string()).data(&*entry.line));
                }
            }
            self.news.borrow_and_update();
            match self.app.journal.since(self.seq, PAGE) {
                Err(Gone(oldest)) => {
                    // Whoever reads learns what was passed over.
                    let lagged = json!({ "since": self.seq, "oldest": oldest });
                    self.seq = oldest - 1;
                    return Some(sse::Event::default().event("lagged").data(lagged.to_string()));
                }
                Ok(entries) if !entries.is_empty() => self.page = entries.into(),
                Ok(_) if *self.ending.borrow() => return None,
                Ok(_) => {
                    tokio::select! {
                        news = self.news.changed() => news.ok()?,
                        ending = self.ending.changed() => ending.ok()?,
                    }
                }
            }
        }
    }
}
