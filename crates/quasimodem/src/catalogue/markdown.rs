//! docs/COMMANDS.md.

use std::fmt::Write;

use quasimodem_core::{Command, ErrorStyle, MODELS, Model, Needs, Param, Returns};

use super::facts::{bounds, errors, models_of, names, needs, parameters, returns, syntax, test_answer};
use super::table::{Row, markdown as table};
use super::{models_head, models_rows, settings_rows};

/// All that is known of these commands, with the `=?` answers of this model.
pub(super) fn page(known: &[&Command], model: &'static Model) -> String {
    let mut page = format!(
        "# Commands\n\n\
         What can be typed at the modem, how it answers, and where models differ; written by `quasimodem commands \
         --markdown`.\n\n\
         Unless something else is said, a command answers at once, with an information line if there is something to tell \
         and with\n`OK`; an error is answered `+CME ERROR: <err>`; all models have the command; and it needs nothing. (`=?` never \
         needs anything.)\nAnswers to `=?` are those of {model}. The [models](#models) and the \
         [settings](#settings) stand at the end.\n"
    );
    for (section, source) in SECTIONS {
        let commands: Vec<&Command> = known.iter().copied().filter(|command| source_of(command) == *source).collect();
        if !commands.is_empty() {
            let _ = write!(page, "\n## {section}\n\n{}", contents(&commands, model));
            page.extend(commands.iter().filter(|command| has_entry(command)).map(|command| entry(command, model)));
        }
    }
    let _ = write!(page, "\n## Models\n\n{}", table(&models_head(), &models_rows()));
    page += "\nNumbers are bytes at most: user name, password and client id of `AT+MQTTUSER`, client id of \
             `AT+MQTTSNCID`, payload of\none `+MQTTMSG`.\n";
    let settings: Vec<Row> = settings_rows().into_iter().map(|row| quoted(row, 1)).collect();
    let head = ["setting", "default", "expected", "meaning"].map(String::from);
    let _ =
        write!(page, "\n## Settings\n\nFor `--set KEY=VALUE` and configuration files.\n\n{}", table(&head, &settings));
    page
}

/// A table of a section's commands, with all there is to say of those that take next to nothing.
fn contents(commands: &[&Command], model: &'static Model) -> String {
    let row = |command: &&Command| {
        if has_entry(command) {
            let name = format!("AT{}", command.name);
            return vec![format!("[`{name}`](#{})", anchor(&name)), escaped(command.summary), command.source.into()];
        }
        let forms: Vec<String> = syntax(command).iter().map(|form| format!("`{form}`")).collect();
        let mut words = escaped(command.summary);
        for param in parameters(command) {
            let _ = write!(words, " `{}`: {}.", param.name, escaped(&bounds(command, param)));
        }
        for answer in test_answer(command, model) {
            let _ = write!(words, " `=?` answers `{answer}`.");
        }
        words += &remarks(command);
        vec![forms.join(" "), words, command.source.into()]
    };
    let head = ["command", "what it does", "source"].map(String::from);
    table(&head, &commands.iter().map(row).collect::<Vec<Row>>())
}

/// Whether there is more to say of a command than a line of a table holds.
fn has_entry(command: &Command) -> bool {
    parameters(command).len() > 1 || command.returns != Returns::Now || source_of(command) == SECTIONS[0].1
}

fn entry(command: &Command, model: &'static Model) -> String {
    let mut entry = format!("\n### AT{}\n\n{} ({})\n\n```\n", command.name, escaped(command.summary), command.source);
    entry.extend(syntax(command).into_iter().map(|line| line + "\n"));
    entry.extend(test_answer(command, model).into_iter().map(|line| line + "\n"));
    entry += "```\n";
    let row = |param: &Param| {
        let mut name = format!("`{}`", param.name);
        name += if param.optional { ", optional" } else { "" };
        name += if param.secret { ", secret" } else { "" };
        vec![name, escaped(&bounds(command, param))]
    };
    let rows: Vec<Row> = parameters(command).into_iter().map(row).collect();
    if !rows.is_empty() {
        let head = ["parameter", "what it may be"].map(String::from);
        let _ = write!(entry, "\n{}", table(&head, &rows));
    }
    let remarks = remarks(command);
    if !remarks.is_empty() {
        let _ = writeln!(entry, "\n{}", remarks.trim_start());
    }
    entry
}

/// What the page does not say of all commands, in sentences with a space in front.
fn remarks(command: &Command) -> String {
    let mut remarks = String::new();
    if command.returns != Returns::Now {
        let _ = write!(remarks, " It {}.", returns(command));
    }
    if command.errors != ErrorStyle::Cme {
        let _ = write!(remarks, " An error is `{}`.", errors(command.errors));
    }
    for case in command.cases.iter().filter(|case| case.errors != command.errors) {
        let _ = write!(remarks, " An error of the form {} is `{}`.", case.number(), errors(case.errors));
    }
    if command.needs != Needs::Nothing {
        let _ = write!(remarks, " It needs a {}.", needs(command));
    }
    let models = models_of(command);
    if models.len() < MODELS.len() {
        let _ = write!(remarks, " Only on {}.", names(&models));
    }
    remarks
}

/// As GitHub makes them of headings.
fn anchor(heading: &str) -> String {
    heading.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The first word of where a command is specified.
fn source_of(command: &Command) -> &'static str {
    command.source.split(' ').next().unwrap_or_default()
}

/// The first cells as code.
fn quoted(row: Row, cells: usize) -> Row {
    let code = |(index, cell): (usize, String)| if index < cells { format!("`{cell}`") } else { escaped(&cell) };
    row.into_iter().enumerate().map(code).collect()
}

/// What would be markup stands as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('<', "&lt;").replace('|', "\\|")
}

/// Headings, and the first word of the sources below them. A test holds that each command has one.
const SECTIONS: &[(&str, &str)] = &[
    ("MQTT (Fibocom's MQTT manual)", "manual"),
    ("The line (V.250)", "V.250"),
    ("The line (Hayes)", "Hayes"),
    ("Device and network (3GPP 27.007)", "27.007"),
    ("Short messages (3GPP 27.005)", "27.005"),
    ("Fibocom's own", "Fibocom"),
];

#[cfg(test)]
mod tests {
    use quasimodem_core::COMMANDS;

    use super::*;

    #[test]
    fn every_command_has_a_section_and_an_anchor_of_its_own() {
        let mut anchors = Vec::new();
        for command in COMMANDS {
            assert!(SECTIONS.iter().any(|(_, source)| source_of(command) == *source), "{}", command.source);
            let anchor = anchor(&format!("AT{}", command.name));
            assert!(!anchors.contains(&anchor), "{anchor}");
            anchors.push(anchor);
        }
    }
}
