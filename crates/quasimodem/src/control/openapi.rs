//! The description of the API, made of the tables of routes, faults and orders (OpenAPI 3.1).

use axum::http::header;
use axum::response::IntoResponse;
use quasimodem_lab::fault;
use quasimodem_lab::flat::{Key, Kind};
use quasimodem_lab::order;
use serde_json::{Map, Value as Json, json};

use super::routes::{Answered, Asked, BASE, ROUTES, Route, Takes};

pub(super) async fn serve(_: Asked) -> Answered {
    Ok(([(header::CONTENT_TYPE, "application/json")], openapi()).into_response())
}

/// The description, as a document.
pub(crate) fn openapi() -> String {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    let mut schemas = Map::from_iter([
        ("fault".to_owned(), json!({ "oneOf": fault::ROWS.iter().map(of_fault).collect::<Vec<Json>>() })),
        ("common".to_owned(), object("What all faults have.", fault::COMMON.iter(), &[])),
        ("problem".to_owned(), problem()),
    ]);
    for row in order::ROWS.iter().filter(|row| row.name != "fault") {
        let mut schema = object(row.summary, row.keys.iter(), &[]);
        schema["additionalProperties"] = json!(false);
        schemas.insert(row.name.into(), schema);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "quasimodem",
            "version": "v1",
            "description": "Reaches into a run: state, faults, radio, power, events, waits, and the lab's broker. Answers and \
                            names only grow.",
        },
        "servers": [{ "url": BASE }],
        "paths": paths,
        "components": { "schemas": schemas },
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn operation(route: &Route) -> Json {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = route.query.iter().map(
        |(name, meaning)| json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } }),
    );
    let parameters: Vec<Json> = in_path.chain(in_query).collect();
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let body = match route.takes {
        Takes::Nothing => None,
        Takes::Fault => Some(schema("fault")),
        Takes::Faults => Some(json!({
            "type": "object", "required": ["faults"],
            "properties": { "faults": { "type": "array", "items": schema("fault") } },
        })),
        Takes::Order(name) => Some(schema(name)),
    };
    let content = |of: &str, schema: Json| json!({ of: { "schema": schema } });
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "2XX": { "description": "Done." },
            "default": { "description": "What was wrong.", "content": content("application/problem+json", schema("problem")) },
        },
    });
    if let Some(body) = body {
        operation["requestBody"] = json!({ "content": content("application/json", body) });
    }
    operation
}

fn of_fault(row: &fault::Row) -> Json {
    let mut schema = object(row.summary, row.params.iter().chain(row.matches), &["fault"]);
    schema["allOf"] = json!([{ "$ref": "#/components/schemas/common" }]);
    schema["unevaluatedProperties"] = json!(false);
    schema["properties"]["fault"] = json!({ "const": row.name });
    schema["properties"]["modem"] =
        json!({ "type": "string", "description": "Whose it is; without it, each modem's." });
    schema
}

fn object<'a>(summary: &str, keys: impl Iterator<Item = &'a Key>, required: &[&str]) -> Json {
    let properties: Map<String, Json> = keys.map(|key| (key.key.to_owned(), of_key(key))).collect();
    json!({
        "type": "object", "description": summary, "properties": properties, "required": required,
    })
}

fn of_key(Key { kind, default, meaning, .. }: &Key) -> Json {
    let mut schema = match kind {
        Kind::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Client | Kind::MqttClient => json!({ "type": "integer" }),
        Kind::Chance => json!({ "type": ["number", "string"] }),
        _ => json!({ "type": ["string", "integer"] }),
    };
    let expected = if matches!(kind, Kind::Number(..) | Kind::Word(_) | Kind::Flag) {
        String::new()
    } else {
        format!(" Expected: {kind}.")
    };
    schema["description"] = json!(format!("{meaning}{expected}"));
    if !default.is_empty() {
        schema["default"] = match kind {
            Kind::Number(..) | Kind::Flag => serde_json::from_str(default).unwrap_or_else(|_| json!(default)),
            _ => json!(default),
        };
    }
    schema
}

fn problem() -> Json {
    json!({
        "type": "object",
        "description": "What was wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
            "detail": { "type": "string" },
            "pointer": { "type": "string", "description": "Where in the body or the query it stands." },
            "did_you_mean": { "type": "string", "description": "The word that was probably meant." },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The description of the repository is that of the tables.
    #[test]
    fn the_description_is_fresh() {
        let committed = include_str!("../../../../docs/openapi.json");
        assert_eq!(committed, openapi(), "docs/openapi.json is old: CONTRIBUTING says how it is made");
    }
}
