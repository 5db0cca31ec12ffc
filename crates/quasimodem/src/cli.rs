//! The command line: what was typed, checked, as values. Nothing happens while it is being parsed.

mod bearer;
mod ends;
mod examples;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use quasimodem_core::{BadSetting, Imei, MODELS, Model, Rate, Reply, Settings, mqtt};
use quasimodem_lab::broker::{Code, Refusal, User};
use quasimodem_lab::fault::Spec;
use rustls::pki_types::ServerName;

pub(crate) use self::bearer::{Bearer, parse_bearer};
pub(crate) use self::ends::{At, HostAt, Tap, To, parse_at};
use crate::board::SignalFrom;
use crate::control::ControlArgs;
use crate::credentials;
use crate::ctl;
use crate::events;
use crate::gateway;
use crate::host_map::Mapping;
use crate::lab::CloudArgs;
use crate::random;
use crate::replay;
use crate::simulate;
use crate::sink::Target;
use crate::timeline;
use crate::timing;
use crate::trace::{self, Traced};

/// A cellular module in software: type AT commands at it, and it speaks MQTT to any broker.
///
/// Without a command it is `quasimodem lab`: a modem to type at, and a broker and a gateway for it to talk to.
#[derive(Parser)]
#[command(version, after_help = examples::EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run one modem until its host leaves (stdio) or a signal comes (elsewhere).
    #[command(after_help = examples::RUN_EXAMPLES)]
    Run(Box<Run>),
    /// Run one modem, and beside it a broker and a gateway for it to talk to.
    ///
    /// The lab broker speaks MQTT 3.1.1 to any client, the gateway before it MQTT-SN 1.2. They keep everything in memory
    /// only: sessions and retained messages are gone when they end.
    #[command(after_help = examples::LAB_EXAMPLES)]
    Lab(Box<Lab>),
    /// Run a gateway for MQTT-SN 1.2 before any broker of MQTT 3.1.1, until a signal comes.
    ///
    /// It keeps topic ids and wills in memory only. Clients of MQTT-SN have no passwords: let only those reach it that may
    /// reach the broker.
    ///
    /// It does not answer clients behind forwarders (MQTT-SN 5.5) and is not found by multicast (6.1): clients need its
    /// address. Predefined topic ids (--predefined) and the user at the broker (--user) are the same for all clients. It
    /// connects to its broker without TLS.
    #[command(after_help = examples::GATEWAY_EXAMPLES)]
    Gateway(gateway::Alone),
    /// Reach into a run that has --control: faults, radio, waits, events, the broker.
    ///
    /// Exits with 0 when it is done, with 1 if what was waited for did not come or a fault did not hit, with 2 if it was asked
    /// in a way that can't be, with 3 if nobody answers, and with 4 if the run says no.
    #[command(after_help = examples::CTL_EXAMPLES)]
    Ctl(Box<ctl::Ctl>),
    /// Say how the modems of a run with --control are, in a line each; exits with 3 if nobody answers.
    Status(ctl::Status),
    /// Sit between a host and a real module, and tell what they say.
    ///
    /// Bytes pass as they are, whether anybody reads the events or not. What the module keeps to itself, such as why it refuses
    /// a command and what crosses its links, is not told. --learn writes down how long it takes, and what it answers to commands
    /// that ours does not know. Only bytes pass: AT+IPR makes the module speak at a rate that the tap
    /// does not follow, and other lines of a serial port end here.
    #[command(after_help = examples::TAP_EXAMPLES)]
    Tap(Tap),
    /// List the modules that it can be, and what they can do.
    #[command(after_help = "Examples:\n  quasimodem models\n  quasimodem run --model MC615")]
    Models,
    /// List the AT commands.
    #[command(after_help = examples::COMMANDS_EXAMPLES)]
    Commands(Commands),
    /// List the settings that --set and configuration files know.
    #[command(after_help = examples::SETTINGS_EXAMPLES)]
    Settings,
    /// List the faults that --fault knows.
    #[command(after_help = examples::FAULTS_EXAMPLES)]
    Faults(Faults),
    /// List the profiles that --timing knows, or print one as the file that it takes.
    #[command(after_help = examples::TIMING_EXAMPLES)]
    Timing(timing::Options),
    /// List the events that --events tells.
    Events(Events),
    /// Draw what --events wrote as a page: who said what to whom, when, and how long it took.
    ///
    /// One file that opens in any browser and fetches nothing. Lines that are no events are told by their numbers and left out.
    #[command(after_help = examples::TIMELINE_EXAMPLES)]
    Timeline(timeline::Options),
    /// Type what a host once typed, and compare the answers with those in its log.
    ///
    /// LOG is from --events or --trace FILE.at, or a terminal's with TX and RX (or arrows) in front of its lines. Broker (ports 1883,
    /// 8883 of any host) and gateway (1884) are the lab's, in virtual time. Exits with 1 if text or order differ.
    #[command(after_help = examples::REPLAY_EXAMPLES)]
    Replay(replay::Options),
    /// Compute what a cloud wants to see of a device: user name, password and client id.
    ///
    /// It is what AT+MQTTAUTHCFG prints, for those who want it without a modem. Nothing is sent anywhere.
    #[command(after_help = examples::CREDENTIALS_EXAMPLES)]
    Credentials(credentials::Options),
    /// Play a scenario in virtual time: modems, their hosts, what goes wrong, and what is expected of that.
    ///
    /// The same seed plays the same to the last byte. Exits with 1 where something was not as expected, with a transcript of the
    /// modem up to then, and with 2 for a file that can't be read. Without a file it runs the simulations that the project tests
    /// itself with.
    #[command(after_help = examples::SIMULATE_EXAMPLES)]
    Simulate(Box<simulate::Options>),
    /// List the scripts that are always there, or print one.
    Scripts {
        /// The one to print.
        name: Option<String>,
        /// List them as JSON.
        #[arg(long, conflicts_with = "name")]
        json: bool,
    },
    /// Print a completion script for a shell.
    #[command(after_help = examples::COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// How faults are listed.
#[derive(Args)]
pub(crate) struct Faults {
    /// As an array of JSON objects, with all that is known of each fault.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// As a page, with what orders there are.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// How events are listed.
#[derive(Args)]
pub(crate) struct Events {
    /// As a JSON schema (2020-12) of one line.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) schema: bool,
    /// As a page.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// How to run a modem. What is not said here is asked of the configuration file.
#[derive(Args, Clone, Default)]
pub(crate) struct Run {
    /// Where the host sits: stdio (the default), pty, pty:LINK, tcp:PORT, tcp:ADDR:PORT, rfc2217:PORT, rfc2217:ADDR:PORT
    /// or serial:PATH@RATE.
    ///
    /// `pty` makes a new pseudo-terminal and prints its path; with LINK, a symbolic link of that name leads to it for as
    /// long as the modem runs, and LINK.lock beside it keeps others from taking it. `tcp` listens, on 127.0.0.1 unless told otherwise; port 0 takes a free one. A terminal at
    /// stdio is set to raw mode; Ctrl-C ends the program.
    ///
    /// `serial` is a real port, such as serial:/dev/ttyS1@115200; behind a comma may stand its frame, 8N1 unless told
    /// otherwise, and behind another rtscts or xonxoff. AT+IPR, AT+ICF and AT+IFC change them. A port that vanishes is
    /// looked for until it is back. `rfc2217` is like `tcp`, with the rate and the lines of a serial port.
    #[arg(long, value_name = "WHERE", value_parser = parse_at)]
    pub(crate) at: Option<At>,

    /// Let bytes go and come at so many bits a second, as on a real line. What overruns a receiver's FIFO (1024 bytes)
    /// without flow control is lost.
    ///
    /// AT+IPR changes the pace.
    #[arg(long, value_name = "BAUD", value_parser = parse_pace)]
    pub(crate) pace: Option<Rate>,

    /// Let the host be this script. Exits with 0 if all went as written, with 1 and the line if an answer differs or is
    /// missing, with 2 and the line if the script can't be read.
    ///
    /// A line `> AT…` is typed and must be answered OK, or what `< ERROR` below it says; `>> …` below it is typed after the
    /// prompt, and `< …` must come. $name in it keeps the text in its place, and is put in elsewhere; $$ is a dollar sign.
    /// `within 5s` sets how long each may take (10 s at first), # begins a comment. There are also `not <`, `wait`, `repeat`,
    /// `on <`, `again`, `count`, orders (`!`) and events (`~`): docs/SCRIPTS.md has the language. All that the modem says is written to stdout.
    #[arg(long, value_name = "FILE", conflicts_with = "at", value_hint = ValueHint::FilePath)]
    pub(crate) script: Option<PathBuf>,

    /// The module to be; `quasimodem models` lists them.
    #[arg(long, value_name = "MODEL", value_parser = parse_model)]
    pub(crate) model: Option<Assignment>,

    /// The 15 digits that name the module; DIGITS+N is the Nth number after them, +N the Nth after the usual one, random any.
    ///
    /// It is the client id of hosts that choose none, and two modems with the same one take each other's place at a broker.
    #[arg(long, value_name = "DIGITS|+N|random", value_parser = parse_imei)]
    pub(crate) imei: Option<Imei>,

    /// Milliseconds of quiet between a final result and the next unsolicited one.
    #[arg(long, value_name = "MS", value_parser = parse_gap)]
    pub(crate) gap: Option<Assignment>,

    /// Start with the data call up, or cold: still searching, and the host dials; or follow an interface, such as if:wwan0.
    ///
    /// While its link is down or it is not there, there is no registration; without an IPv4 address and a default route no data
    /// call, which otherwise has its address. With --set bearer=cold the host dials.
    #[arg(long, value_name = "up|cold|if:NAME", value_parser = parse_bearer)]
    pub(crate) bearer: Option<Bearer>,

    /// Let AT+CSQ answer what is in FILE, or what ModemManager knows (its mmcli is asked each 10 s).
    ///
    /// The file has 0 to 31 or 99 (27.007 8.5), or decibels with their unit, such as -85 dBm, and is looked at each second.
    #[arg(long, value_name = "FILE|modemmanager")]
    pub(crate) signal_from: Option<SignalFrom>,

    /// Any setting, such as echo=off; `quasimodem settings` lists them. Repeatable; the last one counts.
    ///
    /// --model, --gap and --bearer are short for it, and count more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_assignment)]
    pub(crate) set: Vec<Assignment>,

    /// Connect to ADDR:PORT when the host asks for NAME:PORT. Repeatable; the first that fits counts.
    ///
    /// Names and addresses may stand on both sides, an IPv6 address in brackets; case does not matter. `*` as NAME is any
    /// name, as PORT any port; behind the equals sign it is the port that the host asked for. Names that the host looks up
    /// by AT+MIPDNS are not mapped.
    #[arg(long, value_name = "NAME:PORT=ADDR:PORT")]
    pub(crate) host_map: Vec<Mapping>,

    /// Answer a command that the modem does not know, such as "AT+QCFG? => +QCFG: 1 | OK". Repeatable.
    ///
    /// The last line is OK, ERROR or +CME ERROR: and a number. A * at the end of the command stands for anything; the
    /// command that fits exactly counts more, and then the longest. Commands of the modem itself can't be changed.
    #[arg(long, value_name = "COMMAND => ANSWER")]
    pub(crate) answer: Vec<Reply>,

    /// Over TLS, trust the roots in this file (PEM) instead of the operating system's. What the host loads by
    /// AT+GTSSLFILE counts more.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,

    /// Over TLS, show this certificate and those that signed it (PEM), as if the host had loaded it as CAFILE.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of --cert (PEM), as if the host had loaded it as KEYFILE.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Over TLS, take any certificate of a server, until the host says AT+GTSSLMODE=1. For tests only.
    ///
    /// Short for --set tls_verify=off.
    #[arg(long)]
    pub(crate) insecure_tls: bool,

    /// Read options from a TOML file; the command line counts more.
    ///
    /// It may hold at = "pty", pace = 115200, imei = "001010000000008", ca = "ca.pem", cert = "modem.pem", key = "modem.key", events = "events.json",
    /// trace = "modem.pcapng", log = "modem.log", host_map = ["broker.example:1883=127.0.0.1:1883"] and all of `quasimodem settings` by their keys, those with a dot
    /// also in a table named cloud. A table named answers has what --answer says, as "AT+QCFG?" = ["+QCFG: 1", "OK"].
    /// Values are text as for --set; on and off may be true and false, numbers bare.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// Let this go wrong, such as "packet-drop type=PUBACK nth=2 times=1". Repeatable; `quasimodem faults` lists what there is.
    ///
    /// Behind the name stand KEY=VALUE; values with blanks need quotes within. A fault that never hit is told in the end,
    /// and with --script is a failure, unless it says optional=true.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<Spec>,

    /// Let answers and results take as long as on a real module: none (the default), l610-2026, limits, or a file;
    /// `quasimodem timing` lists profiles.
    ///
    /// Echo comes at once and the answer later; what is typed meanwhile is read after it. limits is 0.9 of the longest times
    /// of the manual. A file is as `quasimodem timing l610-2026` prints it, or as `quasimodem tap --learn` writes it; its answers
    /// to commands that the modem does not know count as well, less than those of --answer.
    #[arg(long, value_name = "none|NAME|FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) timing: Option<String>,

    /// Write what happens to FILE, to the open descriptor fd:N or to stdout (-), a line of JSON each.
    ///
    /// `quasimodem events` lists what there is. Secrets are masked. On stdout stands nothing else then, so - needs a host
    /// that is elsewhere (--at).
    #[arg(long, value_name = "FILE|fd:N|-", value_parser = events::parse_target)]
    pub(crate) events: Option<Target>,

    /// Write what crosses the serial line and the links, above TLS, to FILE.pcapng or to stdout (-) for Wireshark, or to
    /// FILE.at as a transcript.
    ///
    /// AT commands, MQTT and HTTP are decoded on any port; for MQTT-SN Wireshark needs -d udp.port==1884,mqttsn, with the
    /// gateway's port. Secrets are stars, each in its place. What can't be written any more, on a full disk say, is said
    /// once, and the modem goes on; the exit code stays as it is. To look on: `quasimodem lab --at pty --trace - | tshark -r -`.
    #[arg(long, value_name = "FILE.pcapng|FILE.at|-", value_parser = trace::parse, value_hint = ValueHint::FilePath)]
    pub(crate) trace: Option<Traced>,

    #[command(flatten)]
    pub(crate) control: ControlArgs,

    /// Write the log to FILE as well, with the time, and with all that is typed and answered whatever -v says.
    ///
    /// What was there stays. A file of 10 MiB becomes FILE.1, and the one before it FILE.2, up to FILE.4. What can't be written
    /// any more, on a full disk say, is said once, and the modem goes on.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) log: Option<PathBuf>,

    /// Say on stderr what is connected, what breaks and why; -vv also all that is typed and answered; -vvv also packets.
    ///
    /// In the end it says which commands were typed that the modem does not know. Secrets are masked. In systemd's journal
    /// lines have priorities; NO_COLOR takes the colours off a terminal.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How to run a modem, a broker and a gateway.
#[derive(Args)]
#[command(group = ArgGroup::new("secured").multiple(true).args(["mqtts", "cloud"]))]
pub(crate) struct Lab {
    #[command(flatten)]
    pub(crate) run: Run,

    /// Where the broker listens: PORT of 127.0.0.1, or ADDR:PORT. Port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = MQTT, value_parser = parse_mqtt)]
    pub(crate) mqtt: SocketAddr,

    /// Take connections over TLS as well: PORT of 127.0.0.1, or ADDR:PORT.
    ///
    /// The broker's certificate is signed by a root of the lab, which the modem beside it trusts. For others, see --tls-dir.
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_mqtt)]
    pub(crate) mqtts: Option<SocketAddr>,

    /// Keep the lab's root in this directory: ca.pem for those who are to trust the broker, and its key.
    ///
    /// What is there is used again. Without it the root is a new one each time, and only the modem of the lab trusts it.
    #[arg(long, value_name = "DIR", requires = "secured", value_hint = ValueHint::DirPath)]
    pub(crate) tls_dir: Option<PathBuf>,

    /// Put this name or address into the broker's certificate, besides localhost, 127.0.0.1, ::1 and the address of
    /// --mqtts. Repeatable.
    #[arg(long, value_name = "NAME", requires = "mqtts", value_parser = parse_name)]
    pub(crate) name: Vec<String>,

    /// Over TLS, let only clients with a certificate in; one is put beside ca.pem as client.pem and client.key.
    #[arg(long, requires_all = ["mqtts", "tls_dir"])]
    pub(crate) client_auth: bool,

    /// Let only this user in; wrong passwords are answered with 4, no user name with 5. Repeatable. Without it, everybody
    /// may come in.
    ///
    /// Other users of this machine can see command lines: take a password that is for the lab only.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = parse_user)]
    pub(crate) user: Vec<User>,

    /// Refuse connections with this CONNACK code, 1 to 5: all, or so many. Repeatable, one after the other.
    #[arg(long, value_name = "CODE[:TIMES]", value_parser = parse_refusal)]
    pub(crate) refuse: Vec<Refusal>,

    /// Refuse subscriptions with 0x80 if this filter matches theirs, read as a topic. Repeatable.
    #[arg(long, value_name = "FILTER", value_parser = parse_filter)]
    pub(crate) refuse_filter: Vec<Box<str>>,

    /// Where the gateway for MQTT-SN listens: PORT of 127.0.0.1, or ADDR:PORT. By default 127.0.0.1:1884, or a free port
    /// if --mqtt takes one.
    ///
    /// Its clients have no passwords: where there are users they all come in as the first --user.
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_mqtt)]
    pub(crate) sn: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) tuning: gateway::Tuning,

    #[command(flatten)]
    pub(crate) clouds: CloudArgs,
}

/// Which commands to list, and how.
#[derive(Args)]
pub(crate) struct Commands {
    /// Only what this model has, with its bounds. Without it: all commands, with the bounds of the default model.
    #[arg(long, value_name = "MODEL", value_parser = known_model)]
    pub(crate) model: Option<&'static Model>,

    /// As a page of Markdown, with parameters, times, errors and models.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,

    /// As an array of JSON objects, with all that is known of each command.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A setting and a value that it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Assignment {
    key: String,
    value: String,
}

impl Cli {
    /// What is to be done; ends the program if that can't be told.
    pub(crate) fn ask() -> Command {
        let parsed = Cli::try_parse().unwrap_or_else(|error| without_secrets(error).exit());
        parsed.command.unwrap_or_else(|| Command::Lab(Box::default()))
    }
}

/// Takes what may be a secret out of the words about a command line: the value of an option that has one in it, and a word
/// that belongs to no option, such as a user with a password, or a secret behind the names of a device.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = text(&error, ContextKind::InvalidArg);
    let hidden = || ContextValue::String("***".into());
    match error.kind() {
        ErrorKind::ValueValidation if SECRETIVE.iter().any(|option| argument.starts_with(option)) => {
            error.insert(ContextKind::InvalidValue, hidden());
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            error.insert(ContextKind::InvalidArg, hidden());
        }
        _ => {}
    }
    error
}

/// Options whose values may hold a password, also where it does not belong.
const SECRETIVE: [&str; 2] = ["--user ", "--broker "];

/// What `quasimodem lab` does without options.
impl Default for Lab {
    fn default() -> Lab {
        Lab {
            run: Run::default(),
            mqtt: MQTT,
            mqtts: None,
            tls_dir: None,
            name: Vec::new(),
            client_auth: false,
            user: Vec::new(),
            refuse: Vec::new(),
            refuse_filter: Vec::new(),
            sn: None,
            tuning: gateway::Tuning::default(),
            clouds: CloudArgs::default(),
        }
    }
}

impl Assignment {
    /// Checks the key and the value.
    pub(crate) fn new(key: &str, value: &str) -> Result<Assignment, BadSetting> {
        let assignment = Assignment { key: key.into(), value: value.into() };
        assignment.apply(&mut Settings::default())?;
        Ok(assignment)
    }

    /// Whether it is for this key.
    pub(crate) fn is_for(&self, key: &str) -> bool {
        self.key == key
    }

    /// Sets it.
    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<(), BadSetting> {
        settings.set(&self.key, &self.value)
    }
}

/// Reads a rate. The error says what was expected.
pub(crate) fn parse_pace(text: &str) -> Result<Rate, String> {
    let rate = text.parse().ok().and_then(Rate::new);
    rate.ok_or_else(|| format!("expected a rate from 1 to {} bits a second, such as 115200", Rate::MAX))
}

/// Reads an IMEI. The error says what was expected.
pub(crate) fn parse_imei(text: &str) -> Result<Imei, String> {
    if text == "random" {
        return Ok(Imei::from_serial(random::number()?));
    }
    let (digits, next) = text.split_once('+').map_or((text, None), |(digits, next)| (digits, Some(next)));
    let imei = if digits.is_empty() && next.is_some() { Some(Imei::default()) } else { digits.parse().ok() };
    let imei = match (imei, next) {
        (Some(imei), Some(next)) => {
            next.parse::<u32>().ok().map(|next| Imei::from_serial(imei.serial() + u64::from(next)))
        }
        (imei, _) => imei,
    };
    imei.ok_or_else(|| {
        format!(
            "expected {} decimal digits, such digits with +1 or another number after them, +1 alone, or random",
            Imei::DIGITS
        )
    })
}

pub(crate) fn parse_mqtt(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected PORT or ADDR:PORT with an IP address, such as 0, 0.0.0.0:1883 or [::1]:1883";
    parse_address(text).ok_or_else(|| expected.into())
}

pub(crate) fn parse_address(text: &str) -> Option<SocketAddr> {
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    text.parse().map(local).or_else(|_| text.parse()).ok()
}

pub(crate) fn parse_assignment(text: &str) -> Result<Assignment, String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as echo=off")?;
    Assignment::new(key, value).map_err(|error| error.to_string())
}

fn parse_gap(text: &str) -> Result<Assignment, String> {
    short_for("gap_ms", text)
}

/// The value of a setting that has an option of its own.
fn short_for(key: &str, value: &str) -> Result<Assignment, String> {
    Assignment::new(key, value).map_err(|error| match error.expected {
        Some(expected) => format!("expected {expected}"),
        None => error.to_string(),
    })
}

pub(crate) fn parse_model(name: &str) -> Result<Assignment, String> {
    known_model(name)?;
    short_for("model", name)
}

fn known_model(name: &str) -> Result<&'static Model, String> {
    Model::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        format!("no such model; known are {}", known.join(", "))
    })
}

/// A user without a colon has no password.
pub(crate) fn parse_user(text: &str) -> Result<User, &'static str> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() {
        return Err("expected NAME:PASSWORD, and the name is empty");
    }
    Ok(User { name: name.into(), password: password.as_bytes().into(), allowed: true })
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    ServerName::try_from(text).map(|_| text.into()).map_err(|_| "expected a name or an address")
}

fn parse_refusal(text: &str) -> Result<Refusal, &'static str> {
    let (code, times) = text.split_once(':').map_or((text, None), |(code, times)| (code, Some(times)));
    let codes = [Code::Version, Code::Identifier, Code::Unavailable, Code::BadPassword, Code::NotAuthorized];
    let code = codes.into_iter().find(|known| code == known.number().to_string());
    let times =
        times.map(|times| times.parse().ok().filter(|times| *times > 0)).map_or(Some(None), |times| times.map(Some));
    match (code, times) {
        (Some(code), Some(times)) => Ok(Refusal { client: None, times, code }),
        _ => Err("expected a CONNACK code from 1 to 5, or with a number of times, such as 3:2"),
    }
}

fn parse_filter(text: &str) -> Result<Box<str>, &'static str> {
    if mqtt::is_filter(text) { Ok(text.into()) } else { Err("expected a topic filter, such as secret/#") }
}

/// The port of MQTT, for this machine only.
const MQTT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);
