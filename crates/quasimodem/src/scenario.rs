//! Scenario files: TOML, read into what the library plays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{Imei, SETTINGS, Settings};
use quasimodem_lab::fault::Spec;
use quasimodem_lab::flat::{self, meant};
use quasimodem_lab::order::{For, Order};
use quasimodem_lab::scenario::{Expect, Scenario, Station, Step};
use quasimodem_lab::script::{BuiltInScript, EVERY, Mode, Program};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::{Assignment, parse_imei};
use crate::config::{Mistake, Value};
use crate::tls;

/// How long it takes, if nothing says so.
const LASTS: Duration = Duration::from_secs(600);

/// Modems at most.
const MODEMS: u64 = 100_000;

const KEYS: [&str; 14] = [
    "seed", "for", "modems", "modem", "model", "settings", "script", "chat", "strict", "names", "faults", "radio",
    "order", "expect",
];

/// Reads a file. The error is a sentence that names it and the line.
pub(crate) fn read(path: &Path) -> Result<Scenario, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(|mistake| mistake.told(path, &text))
}

/// What holds for each modem unless its own table says otherwise.
#[derive(Clone, Default)]
struct Common {
    settings: Vec<Assignment>,
    script: Option<Named>,
    strict: Option<bool>,
}

/// A script by its name, or its text, and where that stands.
#[derive(Clone)]
struct Named {
    name: String,
    is_text: bool,
    span: std::ops::Range<usize>,
}

fn parse(text: &str, folder: &Path) -> Result<Scenario, Mistake> {
    let table = DeTable::parse(text).map_err(|error| Mistake::of(&error))?;
    let table = table.get_ref();
    let mut common = Common::default();
    let mut scenario = Scenario { seed: 1, lasts: LASTS, stations: Vec::new(), steps: Vec::new(), expects: Vec::new() };
    let (mut count, mut faults, mut given) = (None, Vec::new(), vec![("every".to_owned(), EVERY.to_owned())]);
    let (mut modems, mut steps) = (Vec::new(), Vec::new());
    for (key, value) in table.iter() {
        let name = key.get_ref().as_ref();
        let at = field(name, value, text);
        match name {
            "seed" => scenario.seed = at.read(|text| text.parse().map_err(|_| "expected a whole number"))?,
            "for" => scenario.lasts = time(&at)?,
            "modems" => {
                let expected = format!("expected a number from 1 to {MODEMS}");
                let read = |text: &str| text.parse().ok().filter(|count| (1..=MODEMS).contains(count)).ok_or(expected);
                count = Some((at.read(read)?, key.span()));
            }
            "model" => {
                common.settings.insert(0, at.read(|text| Assignment::new("model", text).map_err(|e| e.to_string()))?);
            }
            "settings" => common.settings.extend(settings(&at)?),
            "script" => common.script = Some(named(&at, false)?),
            "chat" => common.script = Some(named(&at, true)?),
            "strict" => common.strict = Some(flag(&at)?),
            "names" => {
                for (name, value) in table_of(&at)?.iter() {
                    let value = field(name.get_ref(), value, text).plain()?;
                    given.retain(|(known, _)| known != name.get_ref().as_ref());
                    given.push((name.get_ref().to_string(), value));
                }
            }
            "faults" => faults = specs(&at)?,
            "modem" => modems = tables(&at)?,
            "radio" => steps.extend(tables(&at)?.into_iter().map(|(table, span)| (table, span, true))),
            "order" => steps.extend(tables(&at)?.into_iter().map(|(table, span)| (table, span, false))),
            "expect" => {
                for (table, span) in tables(&at)? {
                    scenario.expects.push(expect(table, &span, text)?);
                }
            }
            _ => return Err(unknown(&key.span(), "a scenario", name, &KEYS)),
        }
    }
    if let (Some((_, span)), false) = (&count, modems.is_empty()) {
        return Err(Mistake::new(span, "modems and [[modem]] say the same: one of them is enough".into()));
    }
    let reader = Reader { text, folder, given, common, faults };
    if modems.is_empty() {
        let count = count.map_or(1, |(count, _)| count);
        for number in 1..=count {
            let name = if count == 1 { "modem".into() } else { format!("modem{number}") };
            scenario.stations.push(reader.station(None, name, number - 1)?);
        }
    }
    let several = modems.len() > 1;
    for (number, (table, span)) in (1..).zip(&modems) {
        let name = if several { format!("modem{number}") } else { "modem".into() };
        let station = reader.station(Some(table), name, number - 1)?;
        if let Some(same) = scenario.stations.iter().position(|other| other.name == station.name) {
            return Err(Mistake::new(span, format!("{:?} is the name of modem {} already", station.name, same + 1)));
        }
        scenario.stations.push(station);
    }
    for (table, span, is_radio) in steps {
        scenario.steps.push(step(table, &span, is_radio, text, &scenario.stations)?);
    }
    Ok(scenario)
}

/// What stations are made of.
struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    given: Vec<(String, String)>,
    common: Common,
    faults: Vec<Spec>,
}

impl Reader<'_> {
    fn station(&self, table: Option<&DeTable<'_>>, mut name: String, number: u64) -> Result<Station, Mistake> {
        let Common { settings: mut assignments, mut script, mut strict } = self.common.clone();
        let (mut imei, mut faults) = (Imei::from_serial(Imei::default().serial() + number), self.faults.clone());
        for (key, value) in table.into_iter().flat_map(DeTable::iter) {
            let at = field(key.get_ref(), value, self.text);
            match key.get_ref().as_ref() {
                "name" => {
                    let is_name = |text: &str| {
                        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
                    };
                    let read = |text: &str| Some(text.to_owned()).filter(|text| is_name(text));
                    name = at.read(|text| read(text).ok_or("expected letters, digits, -, _ and ."))?;
                }
                "model" => assignments.push(at.read(|text| Assignment::new("model", text).map_err(|e| e.to_string()))?),
                "imei" => imei = at.read(parse_imei)?,
                "settings" => assignments.extend(settings(&at)?),
                "script" => script = Some(named(&at, false)?),
                "chat" => script = Some(named(&at, true)?),
                "strict" => strict = Some(flag(&at)?),
                "faults" => faults.extend(specs(&at)?),
                other => {
                    let keys = ["name", "model", "imei", "settings", "script", "chat", "strict", "faults"];
                    return Err(unknown(&key.span(), "a modem", other, &keys));
                }
            }
        }
        let mut settings = Settings { check_files: tls::check, ..Settings::default() };
        for assignment in &assignments {
            assignment.apply(&mut settings).map_err(|bad| Mistake::new(&(0..0), bad.to_string()))?;
        }
        let script = script.map(|named| self.script(&named, strict)).transpose()?;
        Ok(Station { name, settings, imei, script, faults })
    }

    /// A script that is always there, or a file beside the scenario. Only a file is a test, unless it is said otherwise.
    fn script(&self, named: &Named, strict: Option<bool>) -> Result<(Arc<Program>, Mode), Mistake> {
        let (text, place, is_test) = match BuiltInScript::named(&named.name) {
            _ if named.is_text => (named.name.clone(), PathBuf::from("chat"), true),
            Some(script) => (script.text.to_owned(), PathBuf::from(script.name), false),
            None => {
                let path = self.folder.join(&named.name);
                let text = fs::read_to_string(&path).map_err(|error| {
                    let names: Vec<&str> = quasimodem_lab::script::SCRIPTS.iter().map(|script| script.name).collect();
                    let words = format!(
                        "script is {:?}{}, and can't be read: {error}; always there are {}",
                        named.name,
                        meant(&named.name, &names),
                        names.join(", ")
                    );
                    Mistake::new(&named.span, words)
                })?;
                (text, path, true)
            }
        };
        let ports = [("broker", "1883"), ("sn", "1884")].map(|(name, port)| (name.to_owned(), port.to_owned()));
        let given: Vec<(String, String)> = ports.into_iter().chain(self.given.iter().cloned()).collect();
        let given: Vec<(&str, &[u8])> = given.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let program = Program::parse(&text, &given).map_err(|mistake| {
            Mistake::new(&named.span, format!("{}:{}: {}", place.display(), mistake.line, mistake.words))
        })?;
        let mode = if strict.unwrap_or(is_test) { Mode::Strict } else { Mode::Tolerant };
        Ok((program.into(), mode))
    }
}

/// An order at a time: of the radio side, whose keys stand beside it, or any other as text.
fn step(
    table: &DeTable<'_>,
    span: &std::ops::Range<usize>,
    is_radio: bool,
    text: &str,
    stations: &[Station],
) -> Result<Step, Mistake> {
    let (mut at, mut station, mut pairs, mut order) = (None, None, Vec::new(), None);
    for (key, value) in table.iter() {
        let value = field(key.get_ref(), value, text);
        match key.get_ref().as_ref() {
            "at" => at = Some(time(&value)?),
            "modem" => {
                let place = |name: &str| stations.iter().position(|station| station.name == name);
                let names: Vec<&str> = stations.iter().take(20).map(|station| station.name.as_str()).collect();
                let no = |name: &str| format!("and there is no such modem{}", meant(name, &names));
                station = Some(value.read(|name| place(name).ok_or_else(|| no(name)))?);
            }
            "order" if !is_radio => {
                order = Some(value.read(|text| text.parse::<Order>().map_err(|bad| bad.to_string()))?);
            }
            name if is_radio => pairs.push((name.to_owned(), value.plain()?)),
            other => return Err(unknown(&key.span(), "an order", other, &["at", "modem", "order"])),
        }
    }
    let at = at.ok_or_else(|| Mistake::new(span, "it has no time: expected at = \"10s\"".into()))?;
    if is_radio {
        order = Some(Order::from_pairs("radio", pairs).map_err(|bad| Mistake::new(span, bad.to_string()))?);
    }
    let order = order.ok_or_else(|| Mistake::new(span, "expected order = \"broker-restart\", or another".into()))?;
    if let Some(fault) = order.needs_clouds() {
        return Err(Mistake::new(span, flat::Bad::NoClouds(fault).to_string()));
    }
    let station = if order.whom() == For::Station { station } else { Some(0) };
    Ok(Step { at, station, order })
}

fn expect(table: &DeTable<'_>, span: &std::ops::Range<usize>, text: &str) -> Result<Expect, Mistake> {
    let (mut until, mut count, mut by) = (None, 1..=u64::MAX, None);
    for (key, value) in table.iter() {
        let value = field(key.get_ref(), value, text);
        match key.get_ref().as_ref() {
            "event" => until = Some(value.read(|text| text.parse().map(|until| (until, text.to_owned())))?),
            "state" => {
                let state = |text: &str| format!("state {text}");
                until = Some(value.read(|text| state(text).parse().map(|until| (until, state(text))))?);
            }
            "count" => {
                count = value.read(|text| flat::count(text).ok_or("expected a count, such as 2, 0 or \">=3\""))?;
            }
            "by" => by = Some(time(&value)?),
            other => return Err(unknown(&key.span(), "an expectation", other, &["event", "state", "count", "by"])),
        }
    }
    let expected = "expected event = \"client.open client=1\", or state = \"client=1 stage=open\"";
    let (until, text) = until.ok_or_else(|| Mistake::new(span, expected.into()))?;
    Ok(Expect { until, text, count, by })
}

fn settings(value: &Value<'_>) -> Result<Vec<Assignment>, Mistake> {
    let mut all = Vec::new();
    for (key, entry) in table_of(value)?.iter() {
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key.get_ref().as_ref()) else {
            return Err(unknown(&key.span(), "a modem", key.get_ref(), &known));
        };
        let entry = field(setting.key, entry, value.text);
        let assign =
            |text: &str| Assignment::new(setting.key, text).map_err(|_| format!("expected {}", setting.expected));
        all.push(entry.read(assign)?);
    }
    Ok(all)
}

fn specs(value: &Value<'_>) -> Result<Vec<Spec>, Mistake> {
    let DeValue::Array(faults) = value.value else {
        return Err(value.wrong("expected an array, such as [\"packet-drop type=PUBACK\"]"));
    };
    let each = faults.iter().map(|fault| {
        let spec = field("faults has", fault, value.text).fault()?;
        match spec.needs_clouds() {
            Some(fault) => Err(Mistake::new(&value.span, flat::Bad::NoClouds(fault).to_string())),
            None => Ok(spec),
        }
    });
    each.collect()
}

fn named(value: &Value<'_>, is_text: bool) -> Result<Named, Mistake> {
    let name =
        value.read(|text| if text.is_empty() { Err("expected a file or a name") } else { Ok(text.to_owned()) })?;
    Ok(Named { name, is_text, span: value.span.clone() })
}

fn flag(value: &Value<'_>) -> Result<bool, Mistake> {
    match value.value {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err(value.wrong("expected true or false")),
    }
}

fn time(value: &Value<'_>) -> Result<Duration, Mistake> {
    value.read(|text| flat::time(text).ok_or("expected a time with its unit, such as \"90s\" or \"24h\""))
}

fn field<'a>(name: &str, value: &'a Spanned<DeValue<'a>>, text: &'a str) -> Value<'a> {
    let subject = if name.ends_with(" has") { name.to_owned() } else { format!("{name} is") };
    Value { subject, value: value.get_ref(), span: value.span(), text }
}

fn table_of<'a>(value: &Value<'a>) -> Result<&'a DeTable<'a>, Mistake> {
    match value.value {
        DeValue::Table(table) => Ok(table),
        _ => Err(value.wrong("expected a table")),
    }
}

/// The tables of an array of them, and where they stand.
fn tables<'a>(value: &Value<'a>) -> Result<Vec<(&'a DeTable<'a>, std::ops::Range<usize>)>, Mistake> {
    let DeValue::Array(all) = value.value else { return Err(value.wrong("expected tables, as [[…]]")) };
    let each = all.iter().map(|one| match one.get_ref() {
        DeValue::Table(table) => Ok((table, one.span())),
        _ => Err(value.wrong("expected tables, as [[…]]")),
    });
    each.collect()
}

fn unknown(span: &std::ops::Range<usize>, what: &str, key: &str, known: &[&str]) -> Mistake {
    Mistake::new(span, format!("{what} has no {key:?}{}; it has {}", meant(key, known), known.join(", ")))
}
