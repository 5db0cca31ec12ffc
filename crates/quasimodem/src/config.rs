//! What a modem is to be: the command line, over a configuration file, over the defaults.

use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{Imei, Instant, Rate, Reply, SETTINGS, Setting, Settings, Uart};
use quasimodem_lab::fault::{Plan, Spec};
use quasimodem_lab::timing::Timing;
use rustls::pki_types::CertificateDer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::board::{Interface, SignalFrom, Sources};
use crate::cli::{self, Assignment, At, Bearer, Run};
use crate::control::{self, Where};
use crate::host_map::{HostMap, Mapping};
use crate::sink::Target;
use crate::trace::{self, Traced};
use crate::{events, random, timing, tls};

/// All that is needed to run a modem.
pub(crate) struct Config {
    pub(crate) at: At,
    /// At which pace bytes go and come.
    pub(crate) pace: Option<Uart>,
    pub(crate) imei: Imei,
    pub(crate) settings: Settings,
    /// What the radio side follows.
    pub(crate) board: Sources,
    pub(crate) hosts: HostMap,
    /// What goes wrong.
    pub(crate) plan: Plan,
    /// Where events go.
    pub(crate) events: Option<Target>,
    /// Where the trace goes.
    pub(crate) trace: Option<Traced>,
    /// Whether and where it can be reached into.
    pub(crate) control: Option<control::Options>,
    /// The file of the log.
    pub(crate) log: Option<PathBuf>,
    /// Roots in the place of the operating system's.
    pub(crate) ca: Option<Vec<CertificateDer<'static>>>,
    /// How it is read again, if there is a file to read.
    pub(crate) again: Option<Again>,
}

/// A configuration that can be read again.
pub(crate) struct Again {
    run: Box<Run>,
    /// What can't change while it runs, by its keys, as it was.
    fixed: Vec<(&'static str, String)>,
}

impl Again {
    /// The file that is read.
    pub(crate) fn path(&self) -> &Path {
        self.run.config.as_deref().unwrap_or(Path::new(""))
    }

    /// Reads it again: what it says now, and the keys that changed and can't while it runs.
    pub(crate) fn read(&self) -> Result<(Config, Vec<&'static str>), String> {
        let config = Config::new((*self.run).clone())?;
        let now = config.again.iter().flat_map(|again| &again.fixed);
        let changed = self.fixed.iter().zip(now).filter(|(before, now)| before != now);
        let changed = changed.map(|((key, _), _)| *key).collect();
        Ok((config, changed))
    }
}

impl Config {
    /// Reads the files, if there are any, and puts the command line over the configuration. The error is a sentence that
    /// names the file and the line.
    pub(crate) fn new(run: Run) -> Result<Config, String> {
        let file = run.config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        let again = run.config.is_some().then(|| Again { run: Box::new(run.clone()), fixed: file.fixed() });
        let mut settings = Settings { check_files: tls::check, ..Settings::default() };
        let insecure = run.insecure_tls.then(|| Assignment::new("tls_verify", "off").ok()).flatten();
        let (bearer, interface) = match run.bearer {
            Some(Bearer::Start(start)) => (Some(start), None),
            Some(Bearer::Interface(interface)) => (None, Some(interface)),
            None => (None, file.interface),
        };
        let short = [run.model, run.gap, bearer, insecure].into_iter().flatten();
        for assignment in file.settings.into_iter().chain(run.set).chain(short) {
            assignment.apply(&mut settings).map_err(|error| error.to_string())?;
        }
        if run.cert.is_some() || run.key.is_some() || file.cert.is_some() || file.key.is_some() {
            let tls = Arc::make_mut(&mut settings.tls);
            tls.chain = run.cert.or(file.cert).as_deref().map(read_pem).transpose()?;
            tls.key = run.key.or(file.key).as_deref().map(read_pem).transpose()?;
            tls::check(tls).map_err(|words| format!("can't use --cert and --key: {words}"))?;
        }
        let learned = run.timing.or(file.timing).as_deref().map(timing::open).transpose()?.flatten();
        let (profile, learned) = learned.map_or((None, Vec::new()), |all| (Some(all.profile.clone()), all.replies()));
        settings.replies = run.answer;
        for reply in file.replies.into_iter().chain(learned) {
            if !settings.replies.iter().any(|other| other.is_for_the_same(&reply)) {
                settings.replies.push(reply);
            }
        }
        if settings.seed.is_none() {
            // Programs read it in events, and some take numbers for fractions of 53 bits.
            settings.seed = Some(random::number()? >> 11);
        }
        let at = run.at.or(run.script.map(At::Script)).or(file.at).unwrap_or_default();
        let pace = run.pace.or(file.pace);
        match (&at, pace) {
            (At::Serial(_, uart), _) => settings.uart = *uart,
            (_, Some(rate)) => settings.uart.rate = rate,
            (_, None) => {}
        }
        if let Some((mapping, before)) = HostMap::shadowed(&run.host_map) {
            return Err(format!("--host-map {mapping} never counts: {before} before it is for the same"));
        }
        settings.ready_delay.get_or_insert(match at {
            // Nobody opens these, so that nobody empties a buffer.
            At::Stdio | At::Script(_) => Duration::ZERO,
            At::Pty(_) | At::Tcp(_) | At::Rfc2217(_) | At::Serial(..) => READY_DELAY,
        });
        let control = run.control.options(file.control, file.token)?;
        let (events, trace) = (run.events.or(file.events), run.trace.or(file.trace));
        check_stdout(
            &at,
            events.as_ref().is_some_and(Target::is_stdout),
            trace.as_ref().is_some_and(Traced::is_stdout),
        )?;
        let is_paced = pace.is_some() || matches!(at, At::Serial(..));
        let slowness = profile.map(|profile| Timing::new(profile, &settings, is_paced));
        Ok(Config {
            plan: Plan::new(&[file.faults, run.fault].concat(), settings.seed.unwrap_or_default(), 0, Instant::START)
                .map_err(|error| format!("--fault: {error}"))?
                .at_pace_of(slowness),
            events,
            trace,
            control,
            log: run.log.or(file.log),
            at,
            pace: pace.map(|rate| Uart { rate, ..settings.uart }),
            imei: run.imei.or(file.imei).unwrap_or_default(),
            settings,
            board: Sources { interface, signal: run.signal_from.or(file.signal) },
            // The first that fits counts.
            hosts: HostMap(run.host_map.into_iter().chain(file.hosts).collect()),
            ca: run.ca.or(file.ca).as_deref().map(read_ca).transpose()?,
            again,
        })
    }
}

/// Only one may have stdout: the host, events or the trace.
fn check_stdout(at: &At, events: bool, trace: bool) -> Result<(), String> {
    let option = match (events, trace) {
        (true, true) => return Err("--events and --trace can't both have stdout: write one of them to a file".into()),
        (true, false) => "events",
        (false, true) => "trace",
        (false, false) => return Ok(()),
    };
    match at {
        At::Stdio | At::Script(_) => Err(format!(
            "--{option} - needs stdout for itself, where the host is now: choose --at pty or --at tcp:PORT, or write \
             {} to a file",
            if events { "events" } else { "the trace" }
        )),
        At::Pty(_) | At::Tcp(_) | At::Rfc2217(_) | At::Serial(..) if trace && io::stdout().is_terminal() => {
            Err("--trace - is for programs, and stdout is a terminal: pipe it into `tshark -r -`, or write the trace to a file"
                .into())
        }
        At::Pty(_) | At::Tcp(_) | At::Rfc2217(_) | At::Serial(..) => Ok(()),
    }
}

/// Long enough for a program on a busy machine to open a port and empty its buffer, and short for one that waits 30 s.
const READY_DELAY: Duration = Duration::from_millis(500);

/// Reads the name of a file. The error says what was expected.
fn parse_file(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("expected the name of a file") } else { Ok(text.into()) }
}

fn read_pem(path: &Path) -> Result<Box<[u8]>, String> {
    fs::read(path).map(Into::into).map_err(|error| format!("can't read {}: {error}", path.display()))
}

fn read_ca(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read_pem(path)?;
    tls::roots(&pem).map_err(|words| format!("can't use {}: {words}", path.display()))
}

/// What a configuration file says.
#[derive(Default)]
struct File {
    at: Option<At>,
    pace: Option<Rate>,
    imei: Option<Imei>,
    hosts: Vec<Mapping>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    events: Option<Target>,
    trace: Option<Traced>,
    control: Option<Where>,
    token: Option<PathBuf>,
    log: Option<PathBuf>,
    interface: Option<Interface>,
    signal: Option<SignalFrom>,
    settings: Vec<Assignment>,
    replies: Vec<Reply>,
    faults: Vec<Spec>,
    timing: Option<String>,
}

impl File {
    fn read(path: &Path) -> Result<File, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
        let mut file = File::parse(&text).map_err(|mistake| mistake.told(path, &text))?;
        // A file means its neighbours, from wherever it is read.
        let folder = path.parent().unwrap_or(Path::new(""));
        file.ca = file.ca.map(|ca| folder.join(ca));
        file.cert = file.cert.map(|cert| folder.join(cert));
        file.key = file.key.map(|key| folder.join(key));
        file.token = file.token.map(|token| folder.join(token));
        file.control = file.control.map(|control| control.beside(folder));
        file.signal = file.signal.map(|signal| signal.beside(folder));
        file.log = file.log.map(|log| folder.join(log));
        file.events = file.events.map(|events| events.beside(folder));
        file.timing = file.timing.map(|timing| timing::beside(&timing, folder));
        file.trace = file.trace.map(|trace| trace.beside(folder));
        Ok(file)
    }

    /// What can't change while a modem runs, by its keys.
    fn fixed(&self) -> Vec<(&'static str, String)> {
        let File { at, pace, imei, events, trace, control, token, log, interface, signal, faults, .. } = self;
        let seed = self.settings.iter().filter(|assignment| assignment.is_for("seed")).collect::<Vec<_>>();
        vec![
            (AT, format!("{at:?}")),
            (PACE, format!("{pace:?}")),
            (IMEI, format!("{imei:?}")),
            (EVENTS, format!("{events:?}")),
            (TRACE, format!("{trace:?}")),
            (CONTROL, format!("{control:?}")),
            (CONTROL_TOKEN_FILE, format!("{token:?}")),
            (LOG, format!("{log:?}")),
            (BEARER, format!("{interface:?}")),
            (SIGNAL_FROM, format!("{signal:?}")),
            (FAULTS, format!("{faults:?}")),
            ("seed", format!("{seed:?}")),
        ]
    }

    fn parse(text: &str) -> Result<File, Mistake> {
        let table = DeTable::parse(text).map_err(|error| Mistake::of(&error))?;
        let mut entries = Vec::new();
        flatten("", table.get_ref(), &mut entries);
        // The first mistake of the file is the first to be told.
        entries.sort_by_key(|entry| entry.span.start);
        let mut file = File::default();
        for Entry { key, span, value } in entries {
            let value = Value { subject: format!("{key} is"), value: value.get_ref(), span: value.span(), text };
            file.enter(&key, &value).map_err(|wrong| match wrong {
                Wrong::Key => Mistake::new(&span, unknown(&key)),
                Wrong::Value(mistake) => mistake,
            })?;
        }
        Ok(file)
    }

    fn enter(&mut self, key: &str, value: &Value<'_>) -> Result<(), Wrong> {
        match key {
            AT => self.at = Some(value.read(cli::parse_at)?),
            PACE => self.pace = Some(value.read(cli::parse_pace)?),
            IMEI => self.imei = Some(value.read(cli::parse_imei)?),
            CA => self.ca = Some(value.read(parse_file)?),
            CERT => self.cert = Some(value.read(parse_file)?),
            KEY => self.key = Some(value.read(parse_file)?),
            TIMING => self.timing = Some(value.read(timing::parse)?),
            BEARER => match value.read(cli::parse_bearer)? {
                Bearer::Start(start) => self.settings.push(start),
                Bearer::Interface(interface) => self.interface = Some(interface),
            },
            SIGNAL_FROM => self.signal = Some(value.read(str::parse)?),
            LOG => self.log = Some(value.read(parse_file)?),
            CONTROL => self.control = Some(value.read(str::parse)?),
            CONTROL_TOKEN_FILE => self.token = Some(value.read(parse_file)?),
            EVENTS => self.events = Some(value.read(events::parse_target)?),
            TRACE => self.trace = Some(value.read(trace::parse)?),
            HOST_MAP => {
                let DeValue::Array(mappings) = value.value else {
                    return Err(value.wrong("expected an array of NAME:PORT=ADDR:PORT").into());
                };
                for mapping in mappings.iter() {
                    let subject = format!("{HOST_MAP} has");
                    let mapping = Value { subject, value: mapping.get_ref(), span: mapping.span(), text: value.text };
                    self.hosts.push(mapping.read(str::parse)?);
                    if let Some((_, before)) = HostMap::shadowed(&self.hosts) {
                        return Err(mapping.wrong(format_args!("and {before} before it is for the same")).into());
                    }
                }
            }
            FAULTS => {
                let DeValue::Array(faults) = value.value else {
                    return Err(value.wrong("expected an array, such as [\"packet-drop type=PUBACK\"]").into());
                };
                for fault in faults.iter() {
                    let subject = format!("{FAULTS} has");
                    let fault = Value { subject, value: fault.get_ref(), span: fault.span(), text: value.text };
                    self.faults.push(fault.fault()?);
                }
            }
            ANSWERS => {
                let DeValue::Table(answers) = value.value else {
                    return Err(value.wrong("expected a table, as [answers]").into());
                };
                for (typed, answer) in answers.iter() {
                    let subject = format!("{ANSWERS} has {} as", typed.get_ref());
                    let answer = Value { subject, value: answer.get_ref(), span: answer.span(), text: value.text };
                    self.replies.push(answer.reply(typed.get_ref())?);
                }
            }
            _ if is_group(key) => return Err(value.wrong(format_args!("expected a table, as [{key}]")).into()),
            _ => {
                let setting = SETTINGS.iter().find(|setting| setting.key == key).ok_or(Wrong::Key)?;
                let assign = |text: &str| Assignment::new(key, text);
                let assignment =
                    value.read(|text| assign(text).map_err(|_| format!("expected {}", setting.expected)))?;
                self.settings.push(assignment);
            }
        }
        Ok(())
    }
}

/// A key of the file with its table's in front, and what it is.
struct Entry<'a> {
    key: String,
    span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

/// The entries of a table, and of the tables in it that hold settings.
fn flatten<'a>(group: &str, table: &'a DeTable<'a>, entries: &mut Vec<Entry<'a>>) {
    for (name, value) in table.iter() {
        let key = format!("{group}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if is_group(&key) => flatten(&format!("{key}."), inner, entries),
            _ => entries.push(Entry { key, span: name.span(), value }),
        }
    }
}

/// Whether settings have this and a dot in front of their keys.
fn is_group(name: &str) -> bool {
    let rest = |setting: &Setting| setting.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    SETTINGS.iter().any(rest)
}

/// A value of the file, and where it stands.
pub(crate) struct Value<'a> {
    /// The beginning of the sentence that says what is wrong with it.
    pub(crate) subject: String,
    pub(crate) value: &'a DeValue<'a>,
    pub(crate) span: Range<usize>,
    pub(crate) text: &'a str,
}

impl Value<'_> {
    /// Reads text, and what can be meant by it: true and false for on and off, a number for its digits.
    pub(crate) fn read<T, E: Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Mistake> {
        let text = match self.value {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Boolean(true) => "on".into(),
            DeValue::Boolean(false) => "off".into(),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => number.to_string(),
                Err(_) => return Err(self.wrong("which is too large a number")),
            },
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => String::new(),
        };
        parse(&text).map_err(|error| self.wrong(error))
    }

    /// Reads the answer to a command: one line, or several.
    fn reply(&self, typed: &str) -> Result<Reply, Mistake> {
        let expected = "expected text, or an array of texts";
        let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(expected));
        let lines = match self.value {
            DeValue::Array(lines) => lines.iter().map(|line| text(line.get_ref())).collect::<Result<Vec<_>, _>>()?,
            line => vec![text(line)?],
        };
        Reply::new(typed, lines.iter().map(String::as_str)).map_err(|error| self.wrong(error))
    }

    /// Reads a fault: a text as on the command line, or a table of its keys.
    pub(crate) fn fault(&self) -> Result<Spec, Mistake> {
        let DeValue::Table(keys) = self.value else { return self.read(str::parse) };
        let mut pairs = Vec::new();
        for (key, value) in keys.iter() {
            let subject = format!("{} is", key.get_ref());
            let value = Value { subject, value: value.get_ref(), span: value.span(), text: self.text };
            pairs.push((key.get_ref().to_string(), value.plain()?));
        }
        Spec::from_pairs(pairs).map_err(|bad| Mistake::new(&self.span, bad.to_string()))
    }

    /// A value as it is written on a command line.
    pub(crate) fn plain(&self) -> Result<String, Mistake> {
        match self.value {
            DeValue::Boolean(flag) => Ok(flag.to_string()),
            DeValue::Float(number) => Ok(number.as_str().into()),
            DeValue::String(_) | DeValue::Integer(_) => self.read(|text| Ok::<_, String>(text.into())),
            _ => Err(self.wrong("expected a text, a number, true or false")),
        }
    }

    pub(crate) fn wrong(&self, expected: impl Display) -> Mistake {
        let shown = match self.value {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Array(_) => "an array".into(),
            DeValue::Table(_) => "a table".into(),
            _ => self.text.get(self.span.clone()).unwrap_or_default().into(),
        };
        Mistake::new(&self.span, format!("{} {shown}, {expected}", self.subject))
    }
}

/// What is wrong with a file, and where in its text.
pub(crate) struct Mistake {
    at: usize,
    words: String,
}

impl Mistake {
    /// The sentence that names file and line.
    pub(crate) fn told(&self, path: &Path, text: &str) -> String {
        let before = text.as_bytes().get(..self.at).unwrap_or(text.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{}:{line}: {}", path.display(), self.words)
    }

    /// Of a text that is no TOML.
    pub(crate) fn of(error: &toml::de::Error) -> Mistake {
        Mistake { at: error.span().map_or(0, |span| span.start), words: error.message().replace('\n', "; ") }
    }

    pub(crate) fn new(span: &Range<usize>, words: String) -> Mistake {
        Mistake { at: span.start, words }
    }
}

/// What is wrong with an entry.
enum Wrong {
    Key,
    Value(Mistake),
}

impl From<Mistake> for Wrong {
    fn from(mistake: Mistake) -> Wrong {
        Wrong::Value(mistake)
    }
}

fn unknown(key: &str) -> String {
    let known: Vec<&str> = [
        AT,
        PACE,
        IMEI,
        HOST_MAP,
        CA,
        CERT,
        KEY,
        EVENTS,
        TRACE,
        LOG,
        SIGNAL_FROM,
        CONTROL,
        CONTROL_TOKEN_FILE,
        ANSWERS,
        FAULTS,
        TIMING,
    ]
    .into_iter()
    .chain(SETTINGS.iter().map(|setting| setting.key))
    .collect();
    format!("there is no key {key:?}; there are {}", known.join(", "))
}

const AT: &str = "at";
const PACE: &str = "pace";
const IMEI: &str = "imei";
const HOST_MAP: &str = "host_map";
const CA: &str = "ca";
const CERT: &str = "cert";
const KEY: &str = "key";
const EVENTS: &str = "events";
const TRACE: &str = "trace";
const LOG: &str = "log";
const BEARER: &str = "bearer";
const SIGNAL_FROM: &str = "signal_from";
const CONTROL: &str = "control";
const CONTROL_TOKEN_FILE: &str = "control_token_file";
const ANSWERS: &str = "answers";
const FAULTS: &str = "faults";
const TIMING: &str = "timing";
