//! `--timing` and `quasimodem timing`: how slow the module is.

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use clap::Args;
use quasimodem_lab::flat::meant;
use quasimodem_lab::timing::{Learned, NAMES, Profile};
use serde_json::json;

/// Which profile, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// The profile, by its name or its file.
    #[arg(value_name = "NAME|FILE.toml")]
    name: Option<String>,

    /// As JSON: an array of objects, or one.
    #[arg(long)]
    json: bool,
}

/// The profile that makes nothing late.
const NONE: &str = "none";

/// Reads a profile, by its name or from its file; `None` for `none`. The error names the file and the line.
pub(crate) fn open(name: &str) -> Result<Option<Learned>, String> {
    if name == NONE {
        return Ok(None);
    }
    if let Some(profile) = Profile::named(name) {
        return Ok(Some(Learned { profile, answers: Vec::new() }));
    }
    let text = fs::read_to_string(name).map_err(|error| match is_file(name) {
        true => format!("--timing: can't read {name}: {error}"),
        false => format!(
            "--timing: there is no profile {name:?}{}; there are none, {}, and files such as ./module.toml",
            meant(name, &[&[NONE][..], &NAMES].concat()),
            NAMES.join(", ")
        ),
    })?;
    Learned::parse(&text).map(Some).map_err(|bad| format!("{name}:{bad}"))
}

/// Takes any text: what is wrong with it is told when it is opened.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn parse(text: &str) -> Result<String, Infallible> {
    Ok(text.into())
}

/// What a configuration file in this folder means by a name.
pub(crate) fn beside(name: &str, folder: &Path) -> String {
    if is_file(name) { folder.join(name).display().to_string() } else { name.into() }
}

fn is_file(name: &str) -> bool {
    name.contains('/') || name.ends_with(".toml")
}

/// The profiles, or one as a file has it.
pub(crate) fn list(options: &Options) -> Result<String, String> {
    match (&options.name, options.json) {
        (None, true) => {
            let all: Vec<_> = NAMES.into_iter().filter_map(Profile::named).map(|profile| object(&profile)).collect();
            Ok(format!("{:#}\n", json!(all)))
        }
        (None, false) => {
            let about = |name: &str| Profile::named(name).map(|profile| profile.source).unwrap_or_default();
            let rows = NAMES.map(|name| format!("{name:<10} {}\n", about(name)));
            Ok(format!("{NONE:<10} nothing is late (the default)\n{}", rows.concat()))
        }
        (Some(name), false) => match Profile::text_of(name) {
            Some(text) => Ok(text),
            None => Ok(open(name)?.map_or_else(
                || "# Nothing is late: there is no profile to print.\n".into(),
                |learned| learned.profile.to_string(),
            )),
        },
        (Some(name), true) => {
            Ok(open(name)?.map_or_else(|| "null\n".into(), |learned| format!("{:#}\n", object(&learned.profile))))
        }
    }
}

fn object(profile: &Profile) -> serde_json::Value {
    let times = profile.times.iter().map(|time| {
        let (key, numbers) = time.spread.as_millis();
        let mut row = json!({
            "command": time.command,
            "form": time.form_name(),
            "of": time.of.name(),
            "when": time.when.as_ref().map(ToString::to_string),
            "source": time.source.as_ref().unwrap_or(&profile.source),
        });
        row[key] = json!(numbers);
        row
    });
    let times: Vec<_> = times.collect();
    json!({ "profile": profile.name, "source": profile.source, "line": profile.line, "time": times })
}
