//! The lab's gateway.

use axum::http::StatusCode;
use serde_json::json;

use super::broker::{lab, order, published};
use super::routes::{Answered, Asked, answer};
use crate::lab::Peers;

pub(super) async fn show(asked: Asked) -> Answered {
    let Peers { gateway, gateway_at: address, .. } = lab(&asked.app)?;
    let usage = gateway.usage();
    answer(
        StatusCode::OK,
        json!({
            "host": address.ip().to_string(), "port": address.port(), "clients": usage.clients,
            "sessions": usage.sessions, "topics": usage.topics, "queued": usage.queued, "requests": usage.requests,
        }),
    )
}

pub(super) async fn messages(asked: Asked) -> Answered {
    lab(&asked.app)?;
    published(&asked, "gateway.published")
}

pub(super) async fn kick(asked: Asked) -> Answered {
    let client_id = asked.named("client_id").to_owned();
    order(&asked, "gateway-kick", vec![("client_id".to_owned(), client_id)]).await
}

pub(super) async fn restart(asked: Asked) -> Answered {
    order(&asked, "gateway-restart", asked.pairs()?).await
}
