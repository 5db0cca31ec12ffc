//! The table of routes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on};
use axum::{Json as Body, Router};
use quasimodem_lab::flat::{meant, nearest};
use serde_json::{Map, Value as Json};

use super::problem::Problem;
use super::{App, broker, events, faults, gateway, guard, metrics, modems, openapi, page, suggest, wait};

/// A route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Below [`BASE`].
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// What may stand behind the `?`, each with its meaning.
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) takes: Takes,
    handle: Handler,
}

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// There is none.
    Nothing,
    /// A fault: `fault` is its name, `modem` whose it is, everything else its keys.
    Fault,
    /// A list of such faults, in `faults`.
    Faults,
    /// The keys of this order.
    Order(&'static str),
}

type Handler = fn(Asked) -> Pin<Box<dyn Future<Output = Answered> + Send>>;

/// What comes of a request.
pub(crate) type Answered = Result<Response, Problem>;

/// A request.
pub(crate) struct Asked {
    pub(crate) app: App,
    /// What stands for the names in braces.
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

/// What all paths begin with.
pub(crate) const BASE: &str = "/api/v1";

/// Bytes of a body, at most.
const BODY: usize = 64 * 1024;

macro_rules! routes {
    ($($method:literal $path:literal $summary:literal [$($key:literal: $meaning:literal),*] $takes:expr => $handle:path;)*) => {
        /// All routes.
        pub(crate) const ROUTES: &[Route] = &[$(Route {
            method: $method,
            path: $path,
            summary: $summary,
            query: &[$(($key, $meaning)),*],
            takes: $takes,
            handle: |asked| Box::pin($handle(asked)),
        }),*];
    };
}

use Takes::{Fault, Faults, Nothing, Order};

routes! {
    "GET" "/run" "What runs: version, seed, modems, broker and gateway, and the newest event." [] Nothing => modems::run;
    "GET" "/metrics" "Numbers for Prometheus." [] Nothing => metrics::show;
    "GET" "/openapi.json" "This description." [] Nothing => openapi::serve;
    "GET" "/catalog/{what}" "What there is: faults, events, orders or commands." [] Nothing => modems::catalog;
    "GET" "/modems" "The modems, each with its state." [] Nothing => modems::list;
    "GET" "/modems/{modem}" "A modem: host, power, radio with and without faults, clients, last failure, faults." []
        Nothing => modems::one;
    "PATCH" "/modems/{modem}/radio" "Changes what the modem finds at the radio side, below what faults make of it." []
        Order("radio") => modems::radio;
    "POST" "/modems/{modem}/power" "Switches the module, or resets it." [] Order("power") => modems::power;
    "POST" "/modems/{modem}/urc" "Prints a line, of which the modem knows nothing." [] Order("urc") => modems::urc;
    "POST" "/modems/{modem}/console" "Types a line at the modem while no host has its port; events tell what it answers."
        [] Order("console") => modems::console;
    "POST" "/reset" "All begins anew in one step, and a new epoch: faults as at the start, modems as out of their boxes, \
        broker and gateway empty; hosts, ports and addresses stay." [] Order("reset") => modems::reset;
    "GET" "/faults" "The faults of all modems, with what they matched and hit." [] Nothing => faults::list;
    "POST" "/faults" "A fault is there from now on; if one of its id says something else, that is refused (409)." []
        Fault => faults::post;
    "DELETE" "/faults" "All faults are over; what they did stays counted." ["modem": "Only those of this modem."]
        Nothing => faults::clear;
    "GET" "/faults/{id}" "A fault, of each modem that has it." [] Nothing => faults::one;
    "PUT" "/faults/{id}" "A fault of this id is there from now on, in the place of another that has it." []
        Fault => faults::put;
    "DELETE" "/faults/{id}" "A fault is over; what it did stays counted." ["modem": "Only that of this modem."]
        Nothing => faults::delete;
    "POST" "/faults/{id}/trigger" "A fault begins now, as if the event had come that it waits for, or ends." []
        Order("trigger") => faults::trigger;
    "POST" "/faults:batch" "All these faults are there, from one instant on; or none, if one of them can't be read." []
        Faults => faults::batch;
    "GET" "/events" "Events, as JSON, or as a stream where text/event-stream is accepted." [
        "since": "Only those behind this number; 0, the default, is the oldest that is still there.",
        "event": "Only this one, or those that begin so before a *.",
        "modem": "Only those of this modem.",
        "limit": "How many at most; 1000 unless told otherwise."
    ] Nothing => events::list;
    "GET" "/wait" "Waits until an event came, or a modem is in a state." [
        "until": "What is waited for: an event and its fields, as in client.broken client=1, or state client=1 stage=open.",
        "since": "Events behind this number count; without it, behind the last order.",
        "count": "How often it is to come; 1 unless told otherwise.",
        "timeout": "How long it may take, with its unit; 10s unless told otherwise."
    ] Nothing => wait::wait;
    "GET" "/verify" "Whether all faults hit as often as was expected." [] Nothing => faults::verify;
    "GET" "/journal" "What happened, as far as it is still there." [
        "format": "ndjson, a line of JSON each event; at, the transcript of the first modem; pcapng, for Wireshark."
    ] Nothing => events::journal;
    "GET" "/broker" "The lab's broker, and what it holds." [] Nothing => broker::show;
    "GET" "/broker/sessions" "The sessions that the lab's broker has." [] Nothing => broker::sessions;
    "GET" "/clouds" "What stands in for clouds: names and ports, and where they lead." [] Nothing => broker::clouds;
    "GET" "/broker/messages" "The messages that the lab's broker took." [
        "topic": "Only those of this topic, or that an MQTT filter fits.",
        "since": "Only those behind this event."
    ] Nothing => broker::messages;
    "POST" "/broker/publish" "The lab's broker takes a message, as if a client had published it." []
        Order("broker-publish") => broker::publish;
    "POST" "/broker/clients/{client_id}/kick" "The lab's broker ends the connection of a client." []
        Nothing => broker::kick;
    "POST" "/broker/restart" "The lab's broker goes down and comes up again." [] Order("broker-restart") => broker::restart;
    "GET" "/gateway" "The lab's gateway for MQTT-SN, and what it holds." [] Nothing => gateway::show;
    "GET" "/gateway/messages" "The messages that the lab's gateway passed on to the broker." [
        "topic": "Only those of this topic, or that an MQTT filter fits.",
        "since": "Only those behind this event."
    ] Nothing => gateway::messages;
    "POST" "/gateway/clients/{client_id}/kick" "The lab's gateway ends the connection of a client, as if it were lost."
        [] Nothing => gateway::kick;
    "POST" "/gateway/restart" "The lab's gateway goes down and comes up again, and knows no client."
        [] Order("gateway-restart") => gateway::restart;
}

/// What answers requests.
pub(super) fn router(app: &App) -> Router {
    let mut router = Router::new().route("/", get(page::serve));
    for route in ROUTES {
        let filter =
            MethodFilter::try_from(axum::http::Method::from_bytes(route.method.as_bytes()).unwrap_or_default());
        let Ok(filter) = filter else { continue };
        let handler = async move |State(app): State<App>,
                                  Path(path): Path<BTreeMap<String, String>>,
                                  Query(query): Query<Vec<(String, String)>>,
                                  headers: HeaderMap,
                                  body: Result<Bytes, BytesRejection>| {
            let answered = match Asked::new(route, app, path, query, headers, body) {
                Ok(asked) => (route.handle)(asked).await,
                Err(problem) => Err(problem),
            };
            answered.unwrap_or_else(IntoResponse::into_response)
        };
        router = router.route(&format!("{BASE}{}", route.path), on(filter, handler));
    }
    router
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app.clone())
}

async fn nowhere(uri: axum::http::Uri) -> Problem {
    let paths: Vec<String> = ROUTES.iter().map(|route| format!("{BASE}{}", route.path)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let nearest = nearest(uri.path(), &paths);
    suggest(
        Problem::not_found(format!("there is nothing at {}; {BASE}/openapi.json lists what there is", uri.path())),
        nearest,
    )
}

async fn not_so(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let detail = format!("{method} means nothing at {}; {BASE}/openapi.json lists what there is", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

impl Asked {
    fn new(
        route: &Route,
        app: App,
        path: BTreeMap<String, String>,
        pairs: Vec<(String, String)>,
        headers: HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Asked, Problem> {
        let mut query = BTreeMap::new();
        for (key, value) in pairs {
            let known: Vec<&str> = route.query.iter().map(|(key, _)| *key).collect();
            if !known.contains(&&*key) {
                let has = if known.is_empty() {
                    "there is none here".into()
                } else {
                    format!("there are {}", known.join(", "))
                };
                let problem = Problem::bad_value(format!("there is no {key:?}{}; {has}", meant(&key, &known)));
                return Err(suggest(problem, nearest(&key, &known)));
            }
            query.insert(key, value);
        }
        let body = body.map_err(|rejection| {
            Problem::new(rejection.status(), "body", format!("the body is no body, or larger than {BODY} bytes"))
        })?;
        Ok(Asked { app, path, query, headers, body })
    }

    /// A part of the path.
    pub(crate) fn named(&self, key: &str) -> &str {
        self.path.get(key).map_or("", String::as_str)
    }

    /// A value of the query, read.
    pub(crate) fn value<T: FromStr>(&self, key: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.query.get(key) else { return Ok(None) };
        let bad = |_| Problem::bad_value(format!("{key} is {text:?}, expected {expected}")).with("pointer", key);
        text.parse().map(Some).map_err(bad)
    }

    /// The body, as an object; nothing is an empty one.
    pub(crate) fn object(&self) -> Result<Map<String, Json>, Problem> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        let bad = |why: String| Problem::new(StatusCode::BAD_REQUEST, "not-json", why);
        match serde_json::from_slice(&self.body) {
            Ok(Json::Object(object)) => Ok(object),
            Ok(other) => Err(bad(format!("the body is {}, expected an object", shape(&other)))),
            Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
        }
    }

    /// The same as the keys of a table.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, Problem> {
        pairs(self.object()?)
    }
}

/// An object as the keys of a table: texts, numbers and flags.
pub(crate) fn pairs(object: Map<String, Json>) -> Result<Vec<(String, String)>, Problem> {
    let pair = |(key, value): (String, Json)| match value {
        Json::String(text) => Ok((key, text)),
        Json::Number(number) => Ok((key, number.to_string())),
        Json::Bool(flag) => Ok((key, flag.to_string())),
        other => {
            let detail = format!("{key} is {}, expected a text, a number, true or false", shape(&other));
            Err(Problem::bad_value(detail).with("pointer", format!("/{key}")))
        }
    };
    object.into_iter().map(pair).collect()
}

fn shape(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a flag",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// An answer with this status and this JSON.
pub(crate) fn answer(status: StatusCode, json: Json) -> Answered {
    Ok((status, Body(json)).into_response())
}
