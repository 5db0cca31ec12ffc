//! Answers of control, in words for people.

use serde_json::Value as Json;

/// A line a modem.
pub(super) fn state(answer: &Json) -> String {
    each(answer, "modems", |modem| {
        let radio = |key: &str| text(&modem["radio"][key]);
        let host = if modem["host"] == true { "host attached" } else { "no host" };
        let call =
            modem["radio"]["address"].as_str().map_or("no data call".into(), |address| format!("data call {address}"));
        let open = modem["clients"].as_array().into_iter().flatten().filter(|client| client["stage"] != "closed");
        let clients: String = open
            .map(|client| {
                let unread = client["unread"].as_u64().filter(|unread| *unread > 0);
                let unread = unread.map(|unread| format!(" ({unread} unread)")).unwrap_or_default();
                format!(", client {} {}{unread}", client["client"], text(&client["stage"]))
            })
            .collect();
        format!(
            "{} on {}: {}, {host}, sim {}, registration {}, signal {}, {call}{clients}\n",
            text(&modem["modem"]),
            text(&modem["port"]),
            text(&modem["power"]),
            radio("sim"),
            radio("stat"),
            radio("rssi"),
        )
    })
}

/// A line a fault.
pub(super) fn faults(answer: &Json) -> String {
    each(answer, "faults", |fault| {
        let keys = fault["keys"].as_object().into_iter().flatten().filter(|(key, _)| *key != "id");
        let keys: String = keys.map(|(key, value)| format!(" {key}={}", text(value))).collect();
        let (id, name) = (text(&fault["id"]), text(&fault["fault"]));
        let id = if id == name { String::new() } else { format!(" id={id}") };
        let counts = format!("{} matches, {} hits", fault["matches"], fault["hits"]);
        format!("{}: {name}{id}{keys}: {}, {counts}\n", text(&fault["modem"]), text(&fault["state"]))
    })
}

pub(super) fn events(answer: &Json) -> String {
    each(answer, "events", |event| format!("{event}\n"))
}

pub(super) fn messages(answer: &Json) -> String {
    each(answer, "messages", |message| {
        let payload = message.get("payload").map_or_else(|| format!("{} bytes", message["size"]), ToString::to_string);
        format!("{} from {}: {payload}\n", message["topic"], message["client_id"])
    })
}

/// What a wait came to.
pub(super) fn waited(answer: &Json) -> String {
    if answer["met"] == true {
        let what = answer.get("event").or_else(|| answer.get("state"));
        return what.map(|what| format!("{what}\n")).unwrap_or_default();
    }
    let mut words = "it did not come in time".to_owned();
    if answer["count"].as_u64().is_some_and(|count| count > 0) {
        words = format!("it came {} times in time", answer["count"]);
    }
    let nearest = answer["nearest"].as_array().into_iter().flatten();
    let nearest: String = nearest
        .map(|near| match near.get("why") {
            Some(why) => format!("  {}: {}\n", text(why), near["event"]),
            None => format!("  {near}\n"),
        })
        .collect();
    if nearest.is_empty() { words + "\n" } else { format!("{words}; nearest was\n{nearest}") }
}

pub(super) fn verify(answer: &Json) -> String {
    if answer["ok"] == true {
        return "all faults hit as was expected\n".into();
    }
    each(answer, "unhit", |unhit| format!("{}: {}\n", text(&unhit["modem"]), text(&unhit["why"])))
}

/// A line a key.
pub(super) fn pairs(answer: &Json) -> String {
    answer.as_object().into_iter().flatten().map(|(key, value)| format!("{key} {}\n", text(value))).collect()
}

/// It was done.
pub(super) fn nothing(_: &Json) -> String {
    String::new()
}

fn each(answer: &Json, key: &str, line: impl Fn(&Json) -> String) -> String {
    answer[key].as_array().into_iter().flatten().map(line).collect()
}

/// A value as it is read, without quotes; what it is made of is JSON, and so are its control characters.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) if !text.chars().any(char::is_control) => text.clone(),
        other => other.to_string(),
    }
}
