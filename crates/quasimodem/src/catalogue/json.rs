//! Commands for programs: an array of objects whose fields stay as they are. New fields may come.

use quasimodem_core::{Case, Command, Model, Param, ParamKind, Returns};
use quasimodem_lab::fault::{COMMON, ROWS, Row};
use quasimodem_lab::flat::{Key, Kind};
use quasimodem_lab::order;
use quasimodem_lab::script::{BuiltInScript, SCRIPTS};
use serde_json::{Value, json};

use super::facts::{errors, ids, models_of, needs, syntax, test_answer, variants};

/// The array, and a line end.
pub(super) fn array(known: &[&Command], model: &'static Model) -> String {
    let array: Value = known.iter().map(|command| object(command, model)).collect();
    format!("{array:#}\n")
}

/// The array of faults, and a line end.
pub(super) fn faults() -> String {
    let object = |row: &Row| {
        json!({
            "name": row.name,
            "layer": row.layer.word(),
            "class": row.class(),
            "summary": row.summary,
            "needs": row.needs(),
            "parameters": keys(row.params),
            "matches": keys(row.matches),
            "common": keys(COMMON),
            "example": row.example,
            "source": row.source,
        })
    };
    let array: Value = ROWS.iter().map(object).collect();
    format!("{array:#}\n")
}

/// The array of orders, and a line end.
pub(super) fn orders() -> String {
    let object = |row: &order::Row| json!({ "name": row.name, "summary": row.summary, "parameters": keys(row.keys), "example": row.example });
    let array: Value = order::ROWS.iter().map(object).collect();
    format!("{array:#}\n")
}

/// The array of scripts that are always there, and a line end.
pub(super) fn scripts() -> String {
    let object =
        |script: &BuiltInScript| json!({ "name": script.name, "summary": script.summary(), "text": script.text });
    let array: Value = SCRIPTS.iter().map(object).collect();
    format!("{array:#}\n")
}

fn keys(keys: &[Key]) -> Value {
    let object = |Key { key, kind, default, meaning }: &Key| {
        let default = Some(default).filter(|default| !default.is_empty());
        let values = match kind {
            Kind::Word(words) => json!(words),
            Kind::Flag => json!([true, false]),
            _ => Value::Null,
        };
        json!({ "key": key, "expected": kind.to_string(), "default": default, "meaning": meaning, "values": values })
    };
    keys.iter().map(object).collect()
}

fn object(command: &Command, model: &'static Model) -> Value {
    let (returns, within) = match command.returns {
        Returns::Now => ("now", None),
        Returns::Final { within } => ("final", Some(within)),
        Returns::Urc { within } => ("urc", Some(within)),
    };
    let test = test_answer(command, model).join("\n");
    json!({
        "name": format!("AT{}", command.name),
        "source": command.source,
        "summary": command.summary,
        "forms": syntax(command),
        "parameters": command.params.iter().map(|param| parameter(command, param)).collect::<Value>(),
        "cases": command.cases.iter().map(|case| self::case(command, case)).collect::<Value>(),
        "returns": returns,
        "within_ms": within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX)),
        "errors": errors(command.errors),
        "needs": needs(command),
        "models": names(&models_of(command)),
        "test": (!test.is_empty()).then_some(test),
    })
}

/// One of several set forms; the first of its parameters has but one value.
fn case(command: &Command, case: &Case) -> Value {
    json!({
        "number": case.number(),
        "parameters": case.params.iter().map(|param| parameter(command, param)).collect::<Value>(),
        "errors": errors(case.errors),
    })
}

fn parameter(command: &Command, param: &Param) -> Value {
    let bounds = |(mut bounds, models): (Value, Vec<&'static Model>)| {
        if let Some(object) = bounds.as_object_mut() {
            object.insert("models".into(), names(&models));
        }
        bounds
    };
    json!({
        "name": param.name,
        "kind": kind(param.kind),
        "optional": param.optional,
        "secret": param.secret,
        "bounds": variants(command, |model| bounds_on(param.kind, model)).into_iter().map(bounds).collect::<Value>(),
    })
}

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Client(_) => "client",
        ParamKind::Number { .. } => "number",
        ParamKind::OneOf(_) => "one_of",
        ParamKind::Word(_) => "word",
        ParamKind::Switch => "switch",
        ParamKind::Text(_) => "text",
        ParamKind::Bytes(_) => "bytes",
        ParamKind::Host(_) => "host",
        ParamKind::TopicName(_) => "topic_name",
        ParamKind::WillTopic(_) => "will_topic",
        ParamKind::TopicFilter(_) => "topic_filter",
        ParamKind::Payload { .. } => "payload",
        ParamKind::Message(_) => "message",
        ParamKind::Anything => "anything",
    }
}

fn bounds_on(kind: ParamKind, model: &'static Model) -> Value {
    match kind {
        ParamKind::Client(clients) => json!({ "values": ids(clients, model) }),
        ParamKind::Number { min, max, offered } => {
            json!({ "min": min, "max": offered.map_or(max, |offered| offered(model)) })
        }
        ParamKind::OneOf(numbers) => json!({ "values": numbers }),
        ParamKind::Word(words) => json!({ "values": words }),
        ParamKind::Switch => json!({ "values": [0, 1] }),
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => json!({ "max_bytes": limit.of(model) }),
        ParamKind::Host(max) => json!({ "max_characters": max }),
        ParamKind::TopicName(max)
        | ParamKind::WillTopic(max)
        | ParamKind::TopicFilter(max)
        | ParamKind::Message(max) => {
            json!({ "max_bytes": max })
        }
        ParamKind::Payload { max, min_size } => json!({ "max_bytes": max, "min_size": min_size }),
        ParamKind::Anything => json!({}),
    }
}

fn names(models: &[&Model]) -> Value {
    models.iter().map(|model| model.name).collect()
}
