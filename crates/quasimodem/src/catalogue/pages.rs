//! docs/EVENTS.md and docs/FAULTS.md.

use std::fmt::Write;

use quasimodem_lab::event::{Event, Field, Form};
use quasimodem_lab::fault::{ALIASES, COMMON, ROWS};
use quasimodem_lab::flat::Key;
use quasimodem_lab::order;

use super::table::{Row, markdown as table};

/// All events, with their fields.
pub(super) fn events() -> String {
    let mut page = "# Events\n\nWhat `--events` tells, a line of JSON each; written by `quasimodem events --markdown`.\n\n\
                    All have `event` (the name), `seq` (counts the events of a run from 1), `t` (seconds since the start) and, in \
                    real time,\n`wall` (RFC 3339); those of a modem have `modem` (its name). Fields and events are only \
                    added; `quasimodem events --schema`\nprints the JSON schema. Secrets are masked, and equal ones have the \
                    same number. `channel`\nis reserved for a second channel of AT commands, and left out while that is 0.\n"
        .to_owned();
    for row in Event::ROWS {
        let _ = write!(page, "\n## {}\n\n{}\n", row.name, row.meaning);
        if !row.fields.is_empty() {
            let head = ["field", "is", "means"].map(String::from);
            let rows: Vec<Row> = row.fields.iter().map(field).collect();
            let _ = write!(page, "\n{}", table(&head, &rows));
        }
    }
    page
}

fn field(field: &Field) -> Row {
    let form = match field.form {
        Form::Flag => "true or false",
        Form::Count => "a whole number from 0 on",
        Form::Number => "a whole number",
        Form::Seconds => "seconds",
        Form::Text => "text",
        Form::Counts => "an array of whole numbers",
        Form::Endpoint => "an object with `host` and `port`",
        Form::Modems => "an array of objects with `modem` and `port`",
    };
    let optional = if field.optional { ", may be left out" } else { "" };
    vec![format!("`{}`", field.key), format!("{form}{optional}"), field.meaning.into()]
}

/// All faults and orders, with their keys.
pub(super) fn faults() -> String {
    let mut page = "# Faults and orders\n\nWhat goes wrong on purpose, as `--fault` and configuration files say it; written by \
                    `quasimodem faults --markdown`.\n\nA fault is its name and its keys, as `NAME key=value …`; values with blanks are \
                    quoted as in a shell.\n"
        .to_owned();
    let head = ["key", "expected", "default", "means"].map(String::from);
    for row in ROWS {
        let own: Vec<Row> = row.params.iter().chain(row.matches).map(key).collect();
        let own = if own.is_empty() { String::new() } else { format!("\n{}", table(&head, &own)) };
        let needs = row.needs().map(|_| " Needs the lab (`quasimodem lab`).").unwrap_or_default();
        let (name, summary, example, source) = (row.name, row.summary, row.example, row.source);
        let _ = write!(page, "\n## {name}\n\n{summary}{needs}\n\n`{example}`\n{own}\nSource: {source}.\n");
    }
    let aliases: Vec<Row> =
        ALIASES.iter().map(|(name, meaning)| vec![format!("`{name}`"), format!("`{meaning}`")]).collect();
    let _ = write!(page, "\n## Short names\n\n{}", table(&["name", "stands for"].map(String::from), &aliases));
    let common: Vec<Row> = COMMON.iter().map(key).collect();
    let _ = write!(page, "\n## Keys of all faults\n\n{}", table(&head, &common));
    page += "\n## Orders\n\nWhat somebody outside tells a running modem or the lab's broker, said in the same way: in the library \
             (`Modem::order`), in scripts (`!`).\n";
    for row in order::ROWS {
        let _ = write!(page, "\n### {}\n\n{} `{}`\n", row.name, row.summary, row.example);
        if !row.keys.is_empty() {
            let keys: Vec<Row> = row.keys.iter().map(key).collect();
            let _ = write!(page, "\n{}", table(&head, &keys));
        }
    }
    page
}

fn key(Key { key, kind, default, meaning }: &Key) -> Row {
    vec![format!("`{key}`"), kind.to_string(), (*default).into(), (*meaning).into()]
}
