//! The words that a host types, from the command table.

use std::collections::BTreeSet;
use std::fmt::Write;

use quasimodem_core::{COMMANDS, Clients, Model, ParamKind};

/// A dictionary for libFuzzer: each form of each command, and values of their parameters at their bounds.
pub fn dictionary() -> String {
    let mut words = BTreeSet::from(
        ["A/", "ATE0Q0V1\r", "\r", "\n", "\x1b", "\x1a", "\x08", ";", ",", "\"", "\\"].map(String::from),
    );
    words.insert("\\22".into());
    for row in COMMANDS {
        let name = row.name;
        if row.is_basic() {
            words.extend([name.into(), format!("AT{name}\r"), format!("{name}0"), format!("{name}1")]);
            continue;
        }
        words.insert(format!(";{name}"));
        let forms = [(row.has_exec(), "\r"), (row.has_read(), "?\r"), (row.has_test(), "=?\r"), (row.has_set(), "=")];
        words.extend(forms.into_iter().filter(|(has, _)| *has).map(|(_, form)| format!("AT{name}{form}")));
        words.extend(row.cases.iter().map(|case| format!("AT{name}={},", case.number())));
        for param in row.set_forms().flat_map(|(params, _)| params) {
            match param.kind {
                ParamKind::Client(clients) => {
                    let model: &'static Model = Default::default();
                    let clients = if clients == Clients::MqttSn { Clients::All } else { clients };
                    words.extend(clients.of(model).map(|id| format!("={id},")));
                }
                ParamKind::Number { min, max, .. } => {
                    words.extend([format!(",{min}"), format!(",{max}"), format!(",{}", u64::from(max) + 1)]);
                }
                ParamKind::OneOf(numbers) => words.extend(numbers.iter().map(|number| format!(",{number}"))),
                ParamKind::Word(choice) => words.extend(choice.iter().map(|word| format!("=\"{word}\","))),
                ParamKind::Switch => words.extend([",1".into(), ",\"1\"".into()]),
                ParamKind::Payload { max, min_size } => words.extend([format!(",{min_size}\r"), format!(",{max}\r")]),
                ParamKind::WillTopic(_) => words.extend([",\"\"".into(), ",\"a/b\"".into()]),
                ParamKind::TopicFilter(_) => words.extend([",\"a/+\"".into(), ",\"#\"".into()]),
                ParamKind::Text(_)
                | ParamKind::Bytes(_)
                | ParamKind::Host(_)
                | ParamKind::TopicName(_)
                | ParamKind::Message(_)
                | ParamKind::Anything => {
                    words.insert(",\"a\"".into());
                }
            }
        }
    }
    let mut text = String::from("# Made from the command table; README.md says how.\n");
    for word in words {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(byte.into()),
                _ => write!(text, "\\x{byte:02X}").expect("a string takes everything"),
            }
        }
        text.push_str("\"\n");
    }
    text
}
