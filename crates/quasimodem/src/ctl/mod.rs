//! `quasimodem ctl` and `quasimodem status`: control from a shell.

mod client;
mod found;
mod words;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use self::client::{Client, Failed, encoded};
pub(crate) use self::found::Entry;
use self::found::{Since, Target};
use crate::{log, print};

/// Exit codes beside 0: what was waited for did not come, or a fault did not hit; nobody answers; the run says no.
const NOT_MET: u8 = 1;
const NOBODY: u8 = 3;
const REFUSED: u8 = 4;

/// Where control is, and how its answers are shown.
#[derive(Args)]
pub(crate) struct Connection {
    /// Where control answers: http://HOST:PORT, HOST:PORT, PORT or unix:PATH; by default $QUASIMODEM_CONTROL, or the only run
    /// of this user that has control.
    #[arg(long, global = true, value_name = "WHERE")]
    control: Option<String>,

    /// The file with its token, if it wants one; by default $QUASIMODEM_TOKEN_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<std::path::PathBuf>,

    /// Print the answer as it came, as JSON.
    #[arg(long, global = true)]
    json: bool,
}

/// What `quasimodem status` takes.
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    connection: Connection,
}

/// What `quasimodem ctl` takes.
#[derive(Args)]
pub(crate) struct Ctl {
    #[command(flatten)]
    connection: Connection,

    #[command(subcommand)]
    verb: Verb,
}

/// What can be asked and told.
#[derive(Subcommand)]
enum Verb {
    /// How the modems are.
    State,
    /// The faults, with what they matched and hit.
    Faults,
    /// Let this go wrong from now on: its name, then KEY=VALUE. `quasimodem faults` lists what there is.
    ///
    /// It takes the place of a fault that has its id.
    Fault {
        /// The name of the fault.
        #[arg(value_parser = fault_names())]
        name: String,
        /// Its keys; modem=NAME is whose it is.
        #[arg(value_name = "KEY=VALUE", value_parser = pair)]
        keys: Vec<(String, String)>,
    },
    /// A fault is over, or all are; what they did stays counted.
    Clear {
        /// The id of the fault.
        id: Option<String>,
    },
    /// A fault begins now, as if the event had come that it waits for, or ends.
    Trigger {
        /// The id of the fault.
        id: String,
        /// begin or end.
        #[arg(default_value = "begin", value_parser = ["begin", "end"])]
        to: String,
    },
    /// Change what the module finds at the radio side: stat=2 rssi=99 sim=out call=down address=10.0.0.9.
    Radio {
        /// What changes.
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
        keys: Vec<(String, String)>,
        #[command(flatten)]
        of: Of,
    },
    /// Switch the module, or reset it.
    Power {
        /// reset, off, on, or new: another one of its kind takes its place.
        #[arg(value_parser = ["reset", "off", "on", "new"])]
        state: String,
        #[command(flatten)]
        of: Of,
    },
    /// Print a line, of which the modem knows nothing.
    Urc {
        /// The line, such as '+CREG: 4'.
        text: String,
        #[command(flatten)]
        of: Of,
    },
    /// Type a line at the modem while no host has its port; `events` tells what it answers.
    Console {
        /// The line, such as AT+CSQ.
        text: String,
        /// Without an end of line behind it, as raw data wants it.
        #[arg(long)]
        raw: bool,
        #[command(flatten)]
        of: Of,
    },
    /// Begin anew in one step: faults as at the start, modems as out of their boxes, broker and gateway empty. Hosts stay.
    Reset {
        /// What faults draw from, from here on.
        #[arg(long)]
        seed: Option<u64>,
        /// Leave broker and gateway as they are.
        #[arg(long)]
        keep_peers: bool,
    },
    /// Wait until an event came, or a modem is in a state. Exits with 1 if it does not.
    ///
    /// What came before the last order, or before what the last wait of this shell's user returned, does not count.
    Wait {
        /// Such as 'client.broken client=1 cause=2' or 'state client=1 stage=open'.
        until: String,
        /// How long it may take, with its unit.
        #[arg(long, value_name = "TIME", default_value = "10s")]
        timeout: String,
        /// How often it is to come.
        #[arg(long, value_name = "N", default_value_t = 1)]
        count: u64,
        /// Count from behind this event; 0 is the oldest that is still there.
        #[arg(long, value_name = "SEQ")]
        since: Option<u64>,
    },
    /// What happened, a line of JSON each.
    Events {
        /// Only this one, or those that begin so before a *.
        event: Option<String>,
        /// Only behind this one; 0 is the oldest that is still there.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        since: u64,
        /// Go on with what happens.
        #[arg(short, long)]
        follow: bool,
    },
    /// Whether all faults hit as often as was expected. Exits with 1 if not.
    Verify,
    /// What happened, as far as it is still there: events, which `quasimodem timeline` draws, the transcript of the first modem,
    /// or packets for Wireshark.
    Journal {
        /// ndjson, at or pcapng.
        #[arg(long, default_value = "ndjson", value_parser = ["ndjson", "at", "pcapng"])]
        format: String,
    },
    /// The lab's broker.
    #[command(subcommand)]
    Broker(Broker),
    /// The lab's gateway for MQTT-SN.
    #[command(subcommand)]
    Gateway(Gateway),
}

/// Which modem is meant.
#[derive(Args)]
struct Of {
    /// Which modem, where there are several.
    #[arg(long, value_name = "NAME")]
    modem: Option<String>,
}

/// What the lab's broker can be asked and told.
#[derive(Subcommand)]
enum Broker {
    /// What it holds.
    Show,
    /// The messages that it took.
    Messages {
        /// Only those of this topic, or that an MQTT filter fits.
        topic: Option<String>,
    },
    /// It takes a message, as if a client had published it.
    Publish {
        /// Where to.
        topic: String,
        /// What.
        #[arg(default_value = "")]
        payload: String,
        /// Its QoS, 0 to 2.
        #[arg(long, default_value_t = 0)]
        qos: u8,
        /// Keep it for those who subscribe later.
        #[arg(long)]
        retain: bool,
    },
    /// It ends the connection of a client.
    Kick {
        /// The client id.
        client_id: String,
    },
    /// It goes down and comes up again.
    Restart {
        /// Without kept sessions and retained messages.
        #[arg(long)]
        forget: bool,
    },
}

/// What the lab's gateway can be asked and told.
#[derive(Subcommand)]
enum Gateway {
    /// What it holds.
    Show,
    /// The messages that it passed on to the broker.
    Messages {
        /// Only those of this topic, or that an MQTT filter fits.
        topic: Option<String>,
    },
    /// It ends the connection of a client, as if it were lost.
    Kick {
        /// The client id.
        client_id: String,
    },
    /// It goes down and comes up again, and knows no client.
    Restart,
}

fn fault_names() -> clap::builder::PossibleValuesParser {
    quasimodem_lab::fault::ROWS.iter().map(|row| row.name).collect::<Vec<_>>().into()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as times=1")?;
    Ok((key.into(), value.into()))
}

/// Does what a verb says.
pub(crate) fn ctl(Ctl { connection, verb }: Ctl) -> ExitCode {
    exit(connection, |client, as_json| client.carry_out(verb, as_json))
}

/// Says in a line a modem how it is.
pub(crate) fn status(Status { connection }: Status) -> ExitCode {
    exit(connection, |client, as_json| client.show("GET", "/modems", None, as_json, words::state))
}

fn exit(connection: Connection, run: impl FnOnce(&mut Client, bool) -> Result<ExitCode, Failed>) -> ExitCode {
    let outcome = Target::find(connection.control, connection.token_file)
        .and_then(Client::connect)
        .and_then(|mut client| run(&mut client, connection.json));
    outcome.unwrap_or_else(|failed| {
        let (code, words) = match failed {
            Failed::Usage(words) => (2, words),
            Failed::Nobody(words) => (NOBODY, words),
            Failed::Refused(words) => (REFUSED, words),
        };
        log::say(format_args!("quasimodem: {words}"));
        ExitCode::from(code)
    })
}

impl Client {
    fn carry_out(&mut self, verb: Verb, as_json: bool) -> Result<ExitCode, Failed> {
        let order = |keys: Vec<(String, String)>| {
            Json::from(keys.into_iter().map(|(key, value)| (key, json!(value))).collect::<Map<String, Json>>())
        };
        match verb {
            Verb::State => self.show("GET", "/modems", None, as_json, words::state),
            Verb::Faults => self.show("GET", "/faults", None, as_json, words::faults),
            Verb::Fault { name, keys } => {
                let id = keys.iter().find(|(key, _)| key == "id").map_or(&name, |(_, id)| id);
                let path = format!("/faults/{}", encoded(id));
                let mut body = order(keys);
                body["fault"] = json!(name);
                self.show("PUT", &path, Some(&body), as_json, words::faults)
            }
            Verb::Clear { id: None } => self.show("DELETE", "/faults", None, as_json, words::nothing),
            Verb::Clear { id: Some(id) } => {
                self.show("DELETE", &format!("/faults/{}", encoded(&id)), None, as_json, words::nothing)
            }
            Verb::Trigger { id, to } => {
                let path = format!("/faults/{}/trigger", encoded(&id));
                self.show("POST", &path, Some(&json!({ "to": to })), as_json, words::nothing)
            }
            Verb::Radio { keys, of } => self.tell_modem("PATCH", of, "radio", &order(keys), as_json),
            Verb::Power { state, of } => self.tell_modem("POST", of, "power", &json!({ "state": state }), as_json),
            Verb::Urc { text, of } => self.tell_modem("POST", of, "urc", &json!({ "text": text }), as_json),
            Verb::Console { text, raw, of } => {
                let body = json!({ "text": text, "enter": !raw });
                self.tell_modem("POST", of, "console", &body, as_json)
            }
            Verb::Reset { seed, keep_peers } => {
                let mut body = json!({ "peers": if keep_peers { "keep" } else { "empty" } });
                if let Some(seed) = seed {
                    body["seed"] = json!(seed);
                }
                self.show("POST", "/reset", Some(&body), as_json, words::nothing)
            }
            Verb::Wait { until, timeout, count, since } => self.wait(&until, &timeout, count, since, as_json),
            Verb::Events { event, since, follow } => {
                let event = event.map(|event| format!("&event={}", encoded(&event))).unwrap_or_default();
                let path = format!("/events?since={since}{event}");
                if follow {
                    return self.follow(&path);
                }
                self.show("GET", &format!("{path}&limit=10000"), None, as_json, words::events)
            }
            Verb::Verify => {
                let answer = self.ask("GET", "/verify", None)?;
                let ok = answer.get("ok").and_then(Json::as_bool) == Some(true);
                shown(&answer, as_json, words::verify);
                Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(NOT_MET) })
            }
            Verb::Journal { format } => Ok(print(&self.bytes("GET", &format!("/journal?format={format}"), None)?)),
            Verb::Broker(broker) => self.broker(broker, as_json),
            Verb::Gateway(gateway) => self.gateway(gateway, as_json),
        }
    }

    fn broker(&mut self, broker: Broker, as_json: bool) -> Result<ExitCode, Failed> {
        match broker {
            Broker::Show => self.show("GET", "/broker", None, as_json, words::pairs),
            Broker::Messages { topic } => self.messages("broker", topic, as_json),
            Broker::Publish { topic, payload, qos, retain } => {
                let body = json!({ "topic": topic, "payload": payload, "qos": qos, "retain": retain });
                self.show("POST", "/broker/publish", Some(&body), as_json, words::nothing)
            }
            Broker::Kick { client_id } => {
                let path = format!("/broker/clients/{}/kick", encoded(&client_id));
                self.show("POST", &path, Some(&json!({})), as_json, words::nothing)
            }
            Broker::Restart { forget } => {
                self.show("POST", "/broker/restart", Some(&json!({ "keep": !forget })), as_json, words::nothing)
            }
        }
    }

    fn gateway(&mut self, gateway: Gateway, as_json: bool) -> Result<ExitCode, Failed> {
        match gateway {
            Gateway::Show => self.show("GET", "/gateway", None, as_json, words::pairs),
            Gateway::Messages { topic } => self.messages("gateway", topic, as_json),
            Gateway::Kick { client_id } => {
                let path = format!("/gateway/clients/{}/kick", encoded(&client_id));
                self.show("POST", &path, Some(&json!({})), as_json, words::nothing)
            }
            Gateway::Restart => self.show("POST", "/gateway/restart", Some(&json!({})), as_json, words::nothing),
        }
    }

    fn messages(&mut self, of: &str, topic: Option<String>, as_json: bool) -> Result<ExitCode, Failed> {
        let topic = topic.map(|topic| format!("?topic={}", encoded(&topic))).unwrap_or_default();
        self.show("GET", &format!("/{of}/messages{topic}"), None, as_json, words::messages)
    }

    fn tell_modem(&mut self, method: &str, of: Of, what: &str, body: &Json, as_json: bool) -> Result<ExitCode, Failed> {
        let modem = match of.modem {
            Some(modem) => modem,
            None => self.only_modem()?,
        };
        self.show(method, &format!("/modems/{}/{what}", encoded(&modem)), Some(body), as_json, words::nothing)
    }

    /// The only modem of the run.
    fn only_modem(&mut self) -> Result<String, Failed> {
        let run = self.ask("GET", "/run", None)?;
        let modems = run.get("modems").and_then(Json::as_array).cloned().unwrap_or_default();
        let names: Vec<&str> = modems.iter().filter_map(|modem| modem.get("modem")?.as_str()).collect();
        match names.as_slice() {
            [one] => Ok((*one).to_owned()),
            names => Err(Failed::Usage(format!("which modem? --modem {}", names.join(", --modem ")))),
        }
    }

    fn wait(
        &mut self,
        until: &str,
        timeout: &str,
        count: u64,
        since: Option<u64>,
        as_json: bool,
    ) -> Result<ExitCode, Failed> {
        let run = self.ask("GET", "/run", None)?;
        let mut kept = Since::of(&run);
        let ordered = run.get("ordered").and_then(Json::as_u64).unwrap_or_default();
        let since = since.unwrap_or_else(|| kept.seq().max(ordered));
        let (until, timeout) = (encoded(until), encoded(timeout));
        let path = format!("/wait?until={until}&timeout={timeout}&count={count}&since={since}");
        let answer = self.ask("GET", &path, None)?;
        let met = answer.get("met").and_then(Json::as_bool) == Some(true);
        if met && let Some(seq) = answer.get("seq").and_then(Json::as_u64) {
            kept.keep(seq);
        }
        shown(&answer, as_json, words::waited);
        Ok(if met { ExitCode::SUCCESS } else { ExitCode::from(NOT_MET) })
    }

    fn show(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        as_json: bool,
        words: fn(&Json) -> String,
    ) -> Result<ExitCode, Failed> {
        let answer = self.ask(method, path, body)?;
        shown(&answer, as_json, words);
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(answer: &Json, as_json: bool, words: fn(&Json) -> String) {
    let text = if as_json { format!("{answer}\n") } else { words(answer) };
    print(text.as_bytes());
}
