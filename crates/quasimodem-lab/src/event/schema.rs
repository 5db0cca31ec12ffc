//! The schema of events, as programs read it.

use serde_json::{Map, Value as Json, json};

use super::row::{Field, Form, Row};
use super::{Event, SCHEMA};

/// A JSON schema (2020-12) of one line of events. Fields may be added to it, and events; readers take no offence at either.
pub fn schema() -> String {
    let events: Vec<Json> = Event::ROWS.iter().map(event).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "quasimodem events",
        "description": format!("One line of --events. Version {SCHEMA}."),
        "type": "object",
        "required": ["event", "seq", "t"],
        "properties": {
            "event": { "type": "string", "description": "What happened." },
            "seq": { "type": "integer", "minimum": 1, "description": "Counts the events of a run." },
            "t": { "type": "number", "minimum": 0, "description": "Seconds since the start." },
            "wall": { "type": "string", "description": "What time it was (RFC 3339); left out in virtual time." },
            "modem": { "type": "string", "description": "The modem at which it happened." },
        },
        "anyOf": events,
    });
    format!("{schema:#}\n")
}

fn event(row: &Row) -> Json {
    let mut properties = Map::new();
    properties.insert("event".into(), json!({ "const": row.name }));
    for field in row.fields {
        properties.insert(field.key.into(), property(field));
    }
    let required: Vec<&str> = row.fields.iter().filter(|field| !field.optional).map(|field| field.key).collect();
    json!({ "description": row.meaning, "properties": properties, "required": required })
}

fn property(field: &Field) -> Json {
    let object = |properties: Json, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required });
    let mut property = match field.form {
        Form::Flag => json!({ "type": "boolean" }),
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Number => json!({ "type": "integer" }),
        Form::Seconds => json!({ "type": "number", "minimum": 0 }),
        Form::Text => json!({ "type": "string" }),
        Form::Counts => json!({ "type": "array", "items": { "type": "integer", "minimum": 0 } }),
        Form::Endpoint => {
            object(json!({ "host": { "type": "string" }, "port": { "type": "integer" } }), &["host", "port"])
        }
        Form::Modems => {
            let modem = json!({ "modem": { "type": "string" }, "port": { "type": "string" } });
            json!({ "type": "array", "items": object(modem, &["modem", "port"]) })
        }
    };
    property["description"] = field.meaning.into();
    property
}
