//! What the program can say of itself: models, settings and commands, all read from the tables that it runs on.

mod facts;
mod json;
mod markdown;
mod pages;
mod table;

use quasimodem_core::{COMMANDS, Command, MODELS, Model, SETTINGS, Settings};
use quasimodem_lab::event::{self, Event};
use quasimodem_lab::fault::{self, ALIASES, ROWS};
use quasimodem_lab::flat::{Key, meant};
use quasimodem_lab::script::{BuiltInScript, SCRIPTS};

use self::facts::{forms, test_answer};
use self::table::{Row, table};
use crate::cli::{Commands, Events, Faults};

/// Makes a list.
type List = fn() -> String;

/// Lists for programs, each of JSON, by their names.
pub(crate) const CATALOG: &[(&str, List)] = &[
    ("commands", || json::array(COMMANDS, <&Model>::default())),
    ("events", event::schema),
    ("faults", json::faults),
    ("orders", json::orders),
];

/// The models, with what distinguishes them.
pub(crate) fn models() -> String {
    table(&models_head(), &models_rows())
        + "\nNumbers are bytes at most: user name, password and client id of AT+MQTTUSER, client id of AT+MQTTSNCID, payload \
           of one\n+MQTTMSG.\n"
}

/// The settings, with their defaults.
pub(crate) fn settings() -> String {
    table(&["key", "default", "expected", "meaning"].map(String::from), &settings_rows())
}

/// The scripts that are always there, or the text of one.
pub(crate) fn scripts(name: Option<&str>, as_json: bool) -> Result<String, String> {
    let Some(name) = name else {
        if as_json {
            return Ok(json::scripts());
        }
        let rows: Vec<Row> = SCRIPTS.iter().map(|script| vec![script.name.into(), script.summary().into()]).collect();
        return Ok(table(&["script", "what its host does"].map(String::from), &rows));
    };
    let names: Vec<&str> = SCRIPTS.iter().map(|script| script.name).collect();
    let known = BuiltInScript::named(name).map(|script| script.text.to_owned());
    known.ok_or_else(|| format!("there is no script {name:?}{}; there are {}", meant(name, &names), names.join(", ")))
}

/// The faults, each with its keys.
pub(crate) fn faults(options: &Faults) -> String {
    if options.json {
        return json::faults();
    }
    if options.markdown {
        return pages::faults();
    }
    let words = |keys: &[Key]| keys.iter().map(|key| key.key).collect::<Vec<_>>().join(" ");
    let rows: Vec<Row> = ROWS
        .iter()
        .map(|row| vec![row.name.into(), words(row.params), words(row.matches), row.summary.into()])
        .collect();
    let keys = ROWS.iter().flat_map(fault::Row::keys);
    let mut known: Vec<Row> = Vec::new();
    for Key { key, kind, default, meaning } in keys {
        let row: Row = [key, &*kind.to_string(), default, meaning].map(String::from).into();
        if !known.contains(&row) {
            known.push(row);
        }
    }
    let aliases: Vec<Row> = ALIASES.iter().map(|(name, meaning)| vec![(*name).into(), (*meaning).into()]).collect();
    table(&["fault", "its own keys", "what it is about", "what it does"].map(String::from), &rows)
        + "\n"
        + &table(&["short name", "stands for"].map(String::from), &aliases)
        + "\n"
        + &table(&["key", "expected", "default", "meaning"].map(String::from), &known)
}

/// The events, each with its fields; those in brackets may be left out.
pub(crate) fn events(options: &Events) -> String {
    if options.schema {
        return event::schema();
    }
    if options.markdown {
        return pages::events();
    }
    let rows: Vec<Row> = Event::ROWS
        .iter()
        .map(|row| {
            let fields = row.fields.iter().map(|field| match field.optional {
                true => format!("[{}]", field.key),
                false => field.key.into(),
            });
            vec![row.name.into(), fields.collect::<Vec<String>>().join(" "), row.meaning.into()]
        })
        .collect();
    table(&["event", "fields", "meaning"].map(String::from), &rows)
        + "\nAll have event, seq, t (seconds since the start) and wall; those of a modem have modem. --schema tells what the \
           fields mean.\n"
}

/// The commands, in the form that was asked for.
pub(crate) fn commands(options: &Commands) -> String {
    let model: &Model = options.model.unwrap_or_default();
    let known: Vec<&Command> =
        COMMANDS.iter().copied().filter(|command| options.model.is_none_or(|model| (command.on)(model))).collect();
    if options.markdown {
        markdown::page(&known, model)
    } else if options.json {
        json::array(&known, model)
    } else {
        list(&known, model)
    }
}

/// One line for each command, and one for its answer to `=?`.
fn list(known: &[&Command], model: &'static Model) -> String {
    let mut rows = Vec::new();
    for command in known {
        rows.push(vec![format!("AT{}", command.name), forms(command).join(" "), command.summary.into()]);
        for answer in test_answer(command, model) {
            rows.push(vec![String::new(), String::new(), answer]);
        }
    }
    let head = ["command", "forms", "what it does, and what =? answers"].map(String::from);
    let mut text = table(&head, &rows);
    text += &format!("\nBounds are those of {model}. Forms: = sets, ? tells, =? tells what can be set, - does.\n");
    text
}

fn models_head() -> [String; 10] {
    ["model", "series", "MQTT-SN", "clouds", "TLS", "user name", "password", "client id", "SN client id", "message"]
        .map(String::from)
}

fn models_rows() -> Vec<Row> {
    let yes = |has| String::from(if has { "yes" } else { "-" });
    let row = |model: &'static Model| {
        vec![
            if *model == *<&Model>::default() { format!("{model} (default)") } else { model.name.into() },
            model.series.into(),
            yes(model.sn),
            yes(model.cloud),
            yes(model.tls),
            model.user_name.to_string(),
            model.password.to_string(),
            model.client_id.to_string(),
            if model.sn { model.sn_client_id.to_string() } else { "-".into() },
            model.message.to_string(),
        ]
    };
    MODELS.iter().map(row).collect()
}

fn settings_rows() -> Vec<Row> {
    let defaults = Settings::default();
    let row = |setting: &quasimodem_core::Setting| {
        vec![setting.key.into(), (setting.value)(&defaults), setting.expected.into(), setting.meaning.into()]
    };
    SETTINGS.iter().map(row).collect()
}
