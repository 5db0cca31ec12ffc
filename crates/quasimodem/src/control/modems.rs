//! The run and its modems.

use std::sync::atomic::Ordering;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use quasimodem_lab::order::Order;
use serde_json::{Value as Json, json};

use super::journal::KEPT;
use super::problem::Problem;
use super::routes::{Answered, Asked, answer};
use super::{App, bad, suggest};
use crate::catalogue;

pub(super) async fn run(asked: Asked) -> Answered {
    let scene = &asked.app.scene;
    let modems: Vec<Json> = (0..scene.ports.len()).map(|station| head(&asked.app, station)).collect();
    let at = |address: std::net::SocketAddr| json!({"host": address.ip().to_string(), "port": address.port()});
    let mut run = json!({
        "version": env!("CARGO_PKG_VERSION"), "seed": scene.seed, "modems": modems, "seq": asked.app.journal.newest(),
        "ordered": asked.app.ordered.load(Ordering::Relaxed),
        "epoch": asked.app.journal.epoch(), "pid": std::process::id(), "read_only": asked.app.guard.read_only,
    });
    if let Some(peers) = &scene.peers {
        (run["broker"], run["gateway"]) = (at(peers.broker_at), at(peers.gateway_at));
    }
    answer(StatusCode::OK, run)
}

pub(super) async fn catalog(asked: Asked) -> Answered {
    let what = asked.named("what");
    let Some((_, text)) = catalogue::CATALOG.iter().find(|(name, _)| *name == what) else {
        let names: Vec<&str> = catalogue::CATALOG.iter().map(|(name, _)| *name).collect();
        let detail = format!("there is no list of {what:?}; there are {}", names.join(", "));
        return Err(suggest(Problem::not_found(detail), quasimodem_lab::flat::nearest(what, &names)));
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], text()).into_response())
}

pub(super) async fn list(asked: Asked) -> Answered {
    let mut modems = Vec::new();
    for station in 0..asked.app.scene.ports.len() {
        modems.push(state(&asked.app, station).await?);
    }
    answer(StatusCode::OK, json!({ "modems": modems }))
}

pub(super) async fn one(asked: Asked) -> Answered {
    answer(StatusCode::OK, state(&asked.app, station(&asked)?).await?)
}

pub(super) async fn radio(asked: Asked) -> Answered {
    order(asked, "radio").await
}

pub(super) async fn power(asked: Asked) -> Answered {
    order(asked, "power").await
}

pub(super) async fn urc(asked: Asked) -> Answered {
    order(asked, "urc").await
}

pub(super) async fn console(asked: Asked) -> Answered {
    order(asked, "console").await
}

/// All begins anew; what is asked for without `since` counts from there.
pub(super) async fn reset(asked: Asked) -> Answered {
    let order = Order::from_pairs("reset", asked.pairs()?).map_err(|wrong| bad(&wrong))?;
    let before = asked.app.carry_out(0, order).await?;
    let since = asked.app.journal.since(before, KEPT).unwrap_or_default();
    let reset = since.iter().rfind(|entry| entry.name == "run.reset");
    let seq = reset.map_or(before, |reset| reset.seq);
    asked.app.ordered.fetch_max(seq, Ordering::Relaxed);
    answer(StatusCode::OK, json!({ "seq": seq, "epoch": asked.app.journal.epoch() }))
}

async fn order(asked: Asked, name: &str) -> Answered {
    let station = station(&asked)?;
    let order = Order::from_pairs(name, asked.pairs()?).map_err(|wrong| bad(&wrong))?;
    if matches!(&order, Order::Radio(changes) if changes.is_empty()) {
        return Err(Problem::bad_value("expected what is to change, such as {\"stat\": 2}"));
    }
    let seq = asked.app.carry_out(station, order).await?;
    answer(StatusCode::OK, json!({ "seq": seq }))
}

/// The station of the modem that the path names.
fn station(asked: &Asked) -> Result<usize, Problem> {
    let [station] = asked.app.stations(Some(asked.named("modem")))?[..] else {
        return Err(Problem::bad_value("expected one modem"));
    };
    Ok(station)
}

fn head(app: &App, station: usize) -> Json {
    json!({"modem": app.name(station), "port": app.scene.ports.get(station)})
}

async fn state(app: &App, station: usize) -> Result<Json, Problem> {
    let state = app.look(station).await?;
    let (mut json, head) = (state.json(), head(app, station));
    let faults: Vec<Json> = state.faults.iter().map(quasimodem_lab::fault::Known::json).collect();
    if let (Some(json), Json::Object(head)) = (json.as_object_mut(), head) {
        json.extend(head);
        json.insert("faults".into(), faults.into());
    }
    Ok(json)
}
