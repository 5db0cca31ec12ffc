//! Waits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use quasimodem_lab::state::{BadUntil, Due, Until};
use serde_json::{Value as Json, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout_at};

use super::events::{gone, since};
use super::journal::KEPT;
use super::problem::Problem;
use super::routes::{Answered, Asked, answer};
use super::{App, WAITS};

/// How long a wait takes at most, unless it says otherwise, and if it does.
const TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long a modem is left alone between two looks.
const REST: Duration = Duration::from_millis(2);

/// Events that nearly were what is waited for, in an answer that it did not come.
const NEAREST: usize = 5;

pub(super) async fn wait(asked: Asked) -> Answered {
    let app = asked.app.clone();
    let _permit = app.waits.try_acquire().map_err(|_| Problem::too_many("waits", WAITS))?;
    let expected = "expected an event or a state, such as client.broken client=1 or state client=1 stage=open";
    let until = asked.query.get("until").ok_or_else(|| Problem::bad_value(expected).with("pointer", "until"))?;
    let until: Until =
        until.parse().map_err(|bad: BadUntil| Problem::bad_value(bad.to_string()).with("pointer", "until"))?;
    let limit = match asked.query.get("timeout") {
        None => TIMEOUT,
        Some(text) => quasimodem_lab::flat::time(text).filter(|limit| *limit <= LONGEST).ok_or_else(|| {
            let detail =
                format!("timeout is {text:?}, expected a time with its unit of at most 24h, such as 500ms or 5s");
            Problem::bad_value(detail).with("pointer", "timeout")
        })?,
    };
    let count: u64 = asked.value("count", "a whole number of at least 1")?.unwrap_or(1);
    if count == 0 {
        return Err(Problem::bad_value("count is 0, expected a whole number of at least 1").with("pointer", "count"));
    }
    let until_when = Instant::now() + limit;
    let since = since(&asked)?;
    match until {
        Until::State(due) => state(&app, &due, until_when).await,
        Until::Event(condition) => {
            let since = since.unwrap_or_else(|| app.ordered.load(Ordering::Relaxed));
            event(&app, &condition, since, count, until_when).await
        }
    }
}

/// Waits for an event so many times, behind that one.
async fn event(
    app: &App,
    condition: &quasimodem_lab::event::Condition,
    since: u64,
    count: u64,
    until: Instant,
) -> Answered {
    let (mut news, mut ending, mut seq, mut came) = (app.journal.news(), app.ending.clone(), since, 0);
    let epoch = app.journal.epoch();
    let mut nearly: Vec<Json> = Vec::new();
    loop {
        news.borrow_and_update();
        // What left the journal while this waited is no reason to say that nothing came.
        for entry in app.journal.since(seq, KEPT).map_err(gone)? {
            seq = entry.seq;
            if entry.name != condition.event() {
                continue;
            }
            match condition.misfit(entry.json()) {
                None => came += 1,
                Some(why) => {
                    nearly.push(json!({ "why": why, "event": entry.json() }));
                    nearly.drain(..nearly.len().saturating_sub(NEAREST));
                }
            }
            if came == count {
                return answer(StatusCode::OK, json!({ "met": true, "seq": seq, "event": entry.json() }));
            }
        }
        goes_on(app, epoch, &ending)?;
        let next = async {
            tokio::select! {
                _ = news.changed() => (),
                _ = ending.changed() => (),
            }
        };
        if timeout_at(until, next).await.is_err() {
            return answer(StatusCode::OK, json!({ "met": false, "seq": seq, "count": came, "nearest": nearly }));
        }
    }
}

/// Nobody waits for what comes behind a reset, or the end.
fn goes_on(app: &App, epoch: u64, ending: &Receiver<bool>) -> Result<(), Problem> {
    if *ending.borrow() {
        return Err(Problem::ending());
    }
    if app.journal.epoch() != epoch {
        let detail = "all began anew meanwhile: what was waited for belonged to what was before";
        return Err(Problem::new(StatusCode::CONFLICT, "epoch", detail));
    }
    Ok(())
}

/// Waits until some modem is so.
async fn state(app: &App, due: &Due, until: Instant) -> Answered {
    let (mut news, mut ending, epoch) = (app.journal.news(), app.ending.clone(), app.journal.epoch());
    loop {
        news.borrow_and_update();
        let mut seen = Vec::new();
        for station in 0..app.scene.ports.len() {
            let (name, state) = (app.name(station), app.look(station).await?);
            let mut json = state.json();
            json["modem"] = json!(name);
            if due.fits(&name, &state) {
                let seq = app.journal.newest();
                return answer(StatusCode::OK, json!({ "met": true, "seq": seq, "state": json }));
            }
            seen.push(json);
        }
        goes_on(app, epoch, &ending)?;
        // What changes a state is an event, as far as anybody could see it.
        let next = async {
            sleep(REST).await;
            tokio::select! {
                _ = news.changed() => (),
                _ = ending.changed() => (),
            }
        };
        if timeout_at(until, next).await.is_err() {
            return answer(StatusCode::OK, json!({ "met": false, "seq": app.journal.newest(), "nearest": seen }));
        }
    }
}
