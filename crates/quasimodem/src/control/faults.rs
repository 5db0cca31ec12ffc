//! Faults.

use axum::http::StatusCode;
use quasimodem_lab::fault::{self, Known, Spec};
use quasimodem_lab::flat::Bad;
use quasimodem_lab::order::Order;
use serde_json::{Value as Json, json};

use super::problem::Problem;
use super::routes::{Answered, Asked, answer, pairs};
use super::{App, bad};

pub(super) async fn list(asked: Asked) -> Answered {
    answer(StatusCode::OK, json!({ "faults": all(&asked.app, None).await? }))
}

pub(super) async fn one(asked: Asked) -> Answered {
    answer(StatusCode::OK, json!({ "faults": of(&asked.app, asked.named("id")).await? }))
}

pub(super) async fn put(asked: Asked) -> Answered {
    let mut object = asked.object()?;
    let id = asked.named("id").to_owned();
    if let Some(other) = object.insert("id".into(), json!(id)).filter(|other| *other != json!(id)) {
        return Err(
            Problem::bad_value(format!("the id is {other} in the body, and {id:?} in the path")).with("pointer", "/id")
        );
    }
    arm(asked.app, object, true).await
}

pub(super) async fn post(asked: Asked) -> Answered {
    let object = asked.object()?;
    arm(asked.app, object, false).await
}

/// A fault is there from now on; in the place of another that has its id, if it may `replace` that.
async fn arm(app: App, object: serde_json::Map<String, Json>, replace: bool) -> Answered {
    let (stations, spec) = read(&app, object)?;
    let id = spec.id().unwrap_or(spec.name()).to_owned();
    let mut is_new = true;
    for station in &stations {
        for known in known(&app, *station).await?.iter().filter(|known| known.id == id && !known.is_over()) {
            is_new = false;
            if !replace && !spec.is_said_by(known) {
                let detail =
                    format!("there is a fault {id:?} already that says something else: PUT it, or choose another id");
                return Err(Problem::new(StatusCode::CONFLICT, "same-id", detail));
            }
        }
    }
    let mut seq = 0;
    for station in stations {
        let order = Order::Fault(fault::Order::Put(spec.clone()));
        seq = app.carry_out(station, order).await?;
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    answer(status, json!({ "id": id, "seq": seq, "faults": of(&app, &id).await? }))
}

pub(super) async fn batch(asked: Asked) -> Answered {
    let mut object = asked.object()?;
    let Some(Json::Array(list)) = object.remove("faults").filter(|_| object.is_empty()) else {
        return Err(
            Problem::bad_value("expected {\"faults\": […]}, each as in POST /faults").with("pointer", "/faults")
        );
    };
    let mut of_station: Vec<Vec<Spec>> = vec![Vec::new(); asked.app.scene.ports.len()];
    for (place, item) in list.into_iter().enumerate() {
        let at = |problem: Problem| problem.with("pointer", format!("/faults/{place}"));
        let Json::Object(fault) = item else { return Err(at(Problem::bad_value("expected an object"))) };
        let (stations, spec) = read(&asked.app, fault).map_err(at)?;
        for station in stations {
            of_station.get_mut(station).into_iter().for_each(|specs| specs.push(spec.clone()));
        }
    }
    let mut seq = asked.app.journal.newest();
    for (station, specs) in of_station.into_iter().enumerate().filter(|(_, specs)| !specs.is_empty()) {
        seq = asked.app.carry_out(station, Order::Fault(fault::Order::PutAll(specs))).await?;
    }
    answer(StatusCode::OK, json!({ "seq": seq }))
}

pub(super) async fn delete(asked: Asked) -> Answered {
    let id = asked.named("id").to_owned();
    each(&asked, &id, || fault::Order::Clear(Some(id.clone()))).await
}

pub(super) async fn clear(asked: Asked) -> Answered {
    let mut seq = 0;
    for station in asked.app.stations(asked.query.get("modem").map(String::as_str))? {
        seq = asked.app.carry_out(station, Order::Fault(fault::Order::Clear(None))).await?;
    }
    answer(StatusCode::OK, json!({ "seq": seq }))
}

pub(super) async fn trigger(asked: Asked) -> Answered {
    let id = asked.named("id").to_owned();
    let pairs = [("id".to_owned(), id.clone())].into_iter().chain(asked.pairs()?);
    let Order::Fault(fault::Order::Cue(_, cue)) = Order::from_pairs("trigger", pairs).map_err(|wrong| bad(&wrong))?
    else {
        return Err(Problem::bad_value("expected to=begin or to=end"));
    };
    each(&asked, &id, || fault::Order::Cue(id.clone(), cue)).await
}

/// Tells the fault of this id something, at each modem that has it.
async fn each(asked: &Asked, id: &str, order: impl Fn() -> fault::Order) -> Answered {
    let mut seq = None;
    for station in asked.app.stations(asked.query.get("modem").map(String::as_str))? {
        if known(&asked.app, station).await?.iter().any(|known| known.id == id) {
            seq = Some(asked.app.carry_out(station, Order::Fault(order())).await?);
        }
    }
    match seq {
        Some(seq) => answer(StatusCode::OK, json!({ "seq": seq })),
        None => Err(nobody(&asked.app, id).await?),
    }
}

pub(super) async fn verify(asked: Asked) -> Answered {
    let mut unhit = Vec::new();
    for station in 0..asked.app.scene.ports.len() {
        for known in known(&asked.app, station).await? {
            if let Some(words) = &known.unhit {
                let Known { id, fault, matches, hits, .. } = &known;
                let modem = asked.app.name(station);
                unhit.push(json!({
                    "modem": modem, "id": id, "fault": fault, "matches": matches, "hits": hits, "why": words,
                    "near": known.near,
                }));
            }
        }
    }
    answer(StatusCode::OK, json!({ "ok": unhit.is_empty(), "unhit": unhit }))
}

/// A fault, and the stations that it is for.
fn read(app: &App, mut object: serde_json::Map<String, Json>) -> Result<(Vec<usize>, Spec), Problem> {
    let modem = match object.remove("modem") {
        None => None,
        Some(Json::String(modem)) => Some(modem),
        Some(_) => return Err(Problem::bad_value("modem is no text, expected its name").with("pointer", "/modem")),
    };
    let spec = Spec::from_pairs(pairs(object)?).map_err(|wrong| bad(&wrong))?;
    Ok((app.stations(modem.as_deref())?, spec))
}

async fn known(app: &App, station: usize) -> Result<Vec<Known>, Problem> {
    Ok(app.look(station).await?.faults)
}

/// The faults of all modems; of this id, if one is named.
async fn all(app: &App, id: Option<&str>) -> Result<Vec<Json>, Problem> {
    let mut all = Vec::new();
    for station in 0..app.scene.ports.len() {
        for known in known(app, station).await?.iter().filter(|known| id.is_none_or(|id| known.id == id)) {
            let mut json = known.json();
            if let Some(json) = json.as_object_mut() {
                json.insert("modem".into(), json!(app.name(station)));
            }
            all.push(json);
        }
    }
    Ok(all)
}

async fn of(app: &App, id: &str) -> Result<Vec<Json>, Problem> {
    let faults = all(app, Some(id)).await?;
    if faults.is_empty() { Err(nobody(app, id).await?) } else { Ok(faults) }
}

/// There is no fault of this id.
async fn nobody(app: &App, id: &str) -> Result<Problem, Problem> {
    let mut ids = Vec::new();
    for station in 0..app.scene.ports.len() {
        ids.extend(known(app, station).await?.into_iter().map(|known| known.id));
    }
    Ok(bad(&Bad::NoFault(id.into(), ids)))
}
