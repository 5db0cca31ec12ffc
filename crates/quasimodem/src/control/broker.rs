//! The lab's broker.

use axum::http::StatusCode;
use quasimodem_core::mqtt;
use quasimodem_lab::order::Order;
use serde_json::{Value as Json, json};

use super::events::{gone, since};
use super::journal::KEPT;
use super::problem::Problem;
use super::routes::{Answered, Asked, answer};
use super::{App, bad};
use crate::lab::Peers;

pub(super) async fn show(asked: Asked) -> Answered {
    let Peers { broker, broker_at: address, .. } = lab(&asked.app)?;
    let usage = broker.usage();
    answer(
        StatusCode::OK,
        json!({
            "host": address.ip().to_string(), "port": address.port(), "connections": usage.connections,
            "clients": usage.clients, "sessions": usage.sessions, "subscriptions": usage.subscriptions,
            "retained": usage.retained, "queued": usage.queued, "in_flight": usage.in_flight,
        }),
    )
}

/// Sessions of an answer, at most.
const SESSIONS: usize = 1000;

pub(super) async fn sessions(asked: Asked) -> Answered {
    let sessions = lab(&asked.app)?.broker.sessions(SESSIONS);
    let sessions: Vec<Json> = sessions
        .iter()
        .map(|session| {
            json!({
                "client_id": &*session.client, "connected": session.is_connected, "clean": session.clean,
                "subscriptions": session.filters, "queued": session.queued, "in_flight": session.in_flight,
            })
        })
        .collect();
    answer(StatusCode::OK, json!({ "sessions": sessions }))
}

/// What stands in for clouds, and where it is found under which name.
pub(super) async fn clouds(asked: Asked) -> Answered {
    let places: Vec<Json> = lab(&asked.app)?
        .places
        .iter()
        .map(|(host, port, address)| {
            let at = json!({"host": address.ip().to_string(), "port": address.port()});
            json!({ "host": host, "port": port, "at": at })
        })
        .collect();
    answer(StatusCode::OK, json!({ "places": places }))
}

pub(super) async fn messages(asked: Asked) -> Answered {
    lab(&asked.app)?;
    published(&asked, "broker.published")
}

/// The messages of which this event tells.
pub(super) fn published(asked: &Asked, event: &str) -> Answered {
    let since = since(asked)?.unwrap_or_default();
    let filter = asked.query.get("topic");
    if let Some(filter) = filter.filter(|filter| !mqtt::is_filter(filter)) {
        let detail = format!("topic is {filter:?}, expected a topic or an MQTT filter");
        return Err(Problem::bad_value(detail).with("pointer", "topic"));
    }
    let entries = asked.app.journal.since(since, KEPT).map_err(gone)?;
    let published = entries.iter().filter(|entry| entry.name == event).map(|entry| entry.json());
    let is_meant = |message: &&Json| {
        let topic = message.get("topic").and_then(Json::as_str).unwrap_or_default();
        filter.is_none_or(|filter| mqtt::matches(filter, topic))
    };
    let messages: Vec<&Json> = published.filter(is_meant).collect();
    answer(StatusCode::OK, json!({ "messages": messages, "seq": asked.app.journal.newest() }))
}

pub(super) async fn publish(asked: Asked) -> Answered {
    order(&asked, "broker-publish", asked.pairs()?).await
}

pub(super) async fn restart(asked: Asked) -> Answered {
    order(&asked, "broker-restart", asked.pairs()?).await
}

pub(super) async fn kick(asked: Asked) -> Answered {
    let client_id = asked.named("client_id").to_owned();
    order(&asked, "broker-kick", vec![("client_id".to_owned(), client_id)]).await
}

/// Gives an order to one of the lab's peers.
pub(super) async fn order(asked: &Asked, name: &str, pairs: Vec<(String, String)>) -> Answered {
    lab(&asked.app)?;
    let order = Order::from_pairs(name, pairs).map_err(|wrong| bad(&wrong))?;
    answer(StatusCode::OK, json!({ "seq": asked.app.carry_out(0, order).await? }))
}

/// The lab's peers.
pub(super) fn lab(app: &App) -> Result<&Peers, Problem> {
    app.scene.peers.as_ref().ok_or_else(|| {
        let detail = "this run has no broker and no gateway of its own: quasimodem lab has them";
        Problem::new(StatusCode::CONFLICT, "no-lab", detail)
    })
}
