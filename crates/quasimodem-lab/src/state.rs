//! How a station is, for those who ask.

use std::fmt;
use std::str::FromStr;

use quasimodem_core::{ClientId, Condition, Connection, Instant, Modem, Radio, Sim};
use serde_json::{Map, Value as Json, json};

use crate::event::{self, BadCondition};
use crate::fault::{Filters, Known};
use crate::flat::meant;
use crate::transcript::{SIMS, word_for};

/// How a modem is, with its faults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// Whether it runs.
    pub power: Condition,
    /// Whether a host has its serial port open.
    pub host: bool,
    /// The radio side as the modem finds it.
    pub radio: Radio,
    /// The radio side without what faults make of it.
    pub base: Radio,
    /// Its clients, in the order of their numbers.
    pub clients: Vec<Client>,
    /// Why a connection failed or ended the last time: number and words, as `AT+CEER` tells them.
    pub failure: Option<(u16, String)>,
    /// Its faults.
    pub faults: Vec<Known>,
}

/// How a client is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    /// Its number.
    pub client: u8,
    /// How far its connection is; `None`: it has none.
    pub connection: Option<Connection>,
    /// Messages that its host has not read.
    pub unread: usize,
}

/// What is waited for: an event, or how a modem is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Until {
    /// An event, such as `client.broken client=1`.
    Event(event::Condition),
    /// A state, such as `state client=1 stage=open`.
    State(Due),
}

/// How a modem is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due(Vec<(&'static str, String)>);

impl State {
    /// How a modem is, and what faults at work on it are.
    pub fn of(now: Instant, modem: &Modem, filters: Option<&Filters>) -> State {
        let radio = modem.radio();
        let client =
            |id: ClientId| Client { client: id.number(), connection: modem.connection(id), unread: modem.unread(id) };
        State {
            power: modem.condition(),
            host: modem.has_host(),
            radio,
            base: filters.map_or(radio, |filters| filters.base(radio)),
            clients: ClientId::ALL.into_iter().map(client).collect(),
            failure: modem.last_failure().map(|failure| (failure.code(), failure.to_string())),
            faults: filters.map(|filters| filters.plan().known(now)).unwrap_or_default(),
        }
    }

    /// As programs read it; without its faults.
    pub fn json(&self) -> Json {
        let clients = self
            .clients
            .iter()
            .map(|client| json!({"client": client.client, "stage": stage(client.connection), "unread": client.unread}));
        let clients: Vec<Json> = clients.collect();
        let failure = self.failure.as_ref().map(|(code, why)| json!({"code": code, "why": why}));
        json!({
            "power": power(self.power), "host": self.host, "radio": radio(&self.radio), "base": radio(&self.base),
            "clients": clients, "failure": failure,
        })
    }

    /// The values of the keys of [`Due`]; of what is a client's, those of this one.
    fn value(&self, key: &str, client: Option<&Client>) -> Option<String> {
        Some(match key {
            "power" => power(self.power).into(),
            "host" => self.host.to_string(),
            "sim" => sim(self.radio.sim).into(),
            "stat" => (self.radio.registration as u8).to_string(),
            "rssi" => self.radio.signal.0.to_string(),
            "call" => if self.radio.address.is_some() { "up" } else { "down" }.into(),
            "address" => self.radio.address?.to_string(),
            "failure" => self.failure.as_ref()?.0.to_string(),
            "client" => client?.client.to_string(),
            "stage" => stage(client?.connection).into(),
            "unread" => client?.unread.to_string(),
            _ => return None,
        })
    }
}

/// The keys of a state that is waited for, and what their values are.
const KEYS: &[(&str, &[&str])] = &[
    ("modem", &[]),
    ("power", &["on", "starting", "off"]),
    ("host", &["true", "false"]),
    ("sim", &["in", "out", "pin", "failure", "busy"]),
    ("stat", &["0", "1", "2", "3", "4", "5"]),
    ("rssi", &[]),
    ("call", &["up", "down"]),
    ("address", &[]),
    ("failure", &[]),
    ("client", &["1", "2", "101", "102"]),
    ("stage", &["closed", "opening", "open", "closing"]),
    ("unread", &[]),
];

/// What a state begins with where events have their names.
const STATE: &str = "state";

impl Due {
    /// Whether a modem of that name is so; of what is a client's, whether one client is.
    pub fn fits(&self, modem: &str, state: &State) -> bool {
        let Due(due) = self;
        let fits = |client: Option<&Client>| {
            due.iter().all(|(key, due)| match *key {
                "modem" => modem == due,
                key => state.value(key, client).is_some_and(|value| value == *due),
            })
        };
        fits(None) || state.clients.iter().any(|client| fits(Some(client)))
    }
}

impl FromStr for Until {
    type Err = BadUntil;

    fn from_str(text: &str) -> Result<Until, BadUntil> {
        if text.split_whitespace().next() != Some(STATE) {
            return text.parse().map(Until::Event).map_err(BadUntil::Event);
        }
        let words = shlex::split(text).ok_or(BadUntil::Event(BadCondition::Quotes))?;
        let mut due = Vec::new();
        for word in words.iter().skip(1) {
            let (key, value) =
                word.split_once('=').ok_or_else(|| BadUntil::Event(BadCondition::NoValue(word.clone())))?;
            let (key, values) =
                KEYS.iter().find(|(known, _)| *known == key).ok_or_else(|| BadUntil::NoKey(key.into()))?;
            if !values.is_empty() && !values.contains(&value) {
                return Err(BadUntil::Value(key, value.into(), values));
            }
            due.push((*key, value.into()));
        }
        if due.is_empty() { Err(BadUntil::Nothing) } else { Ok(Until::State(Due(due))) }
    }
}

/// Why something can't be waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadUntil {
    /// It is no event.
    Event(BadCondition),
    /// A state says nothing.
    Nothing,
    /// A state has no such key.
    NoKey(String),
    /// A key has no such value: both, and which it has.
    Value(&'static str, String, &'static [&'static str]),
}

impl fmt::Display for BadUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadUntil::Event(bad) => bad.fmt(f),
            BadUntil::Nothing => f.write_str("expected what the state is to be, such as state client=1 stage=open"),
            BadUntil::NoKey(key) => {
                let keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
                write!(f, "a state has no {key:?}{}; it has {}", meant(key, &keys), keys.join(", "))
            }
            BadUntil::Value(key, value, values) => {
                write!(f, "{key} is {value:?}{}, expected one of {}", meant(value, values), values.join(", "))
            }
        }
    }
}

impl std::error::Error for BadUntil {}

fn power(condition: Condition) -> &'static str {
    match condition {
        Condition::Off => "off",
        Condition::Starting => "starting",
        Condition::On => "on",
    }
}

fn stage(connection: Option<Connection>) -> &'static str {
    match connection {
        None => "closed",
        Some(Connection::Opening) => "opening",
        Some(Connection::Open) => "open",
        Some(Connection::Closing) => "closing",
    }
}

fn sim(sim: Sim) -> &'static str {
    word_for(SIMS, &sim)
}

fn radio(radio: &Radio) -> Json {
    let Radio { on, sim: card, registration, signal: (rssi, ber), address } = radio;
    let mut all = Map::from_iter([
        ("on".to_owned(), json!(on)),
        ("sim".to_owned(), json!(sim(*card))),
        ("stat".to_owned(), json!(*registration as u8)),
        ("rssi".to_owned(), json!(rssi)),
        ("ber".to_owned(), json!(ber)),
    ]);
    all.insert("address".to_owned(), json!(address.map(|address| address.to_string())));
    all.into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quasimodem_core::{Change, Host, Imei, Input, Outbox, Registration, Settings};

    use super::*;
    use crate::fault::Plan;

    fn modem(inputs: &[Input<'_>]) -> Modem {
        let settings = Settings { gap: Duration::ZERO, ..Settings::default() };
        let (mut modem, mut outbox) = (Modem::new(settings.into(), Imei::default()), Outbox::default());
        for input in inputs {
            modem.handle(Instant::START, input.clone(), &mut outbox);
            outbox.clear();
        }
        modem
    }

    fn fits(text: &str, state: &State) -> bool {
        match text.parse() {
            Ok(Until::State(due)) => due.fits("modem", state),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_state_says_what_the_modem_knows() {
        let open = b"AT+MQTTOPEN=1,\"192.0.2.1\",1883,1,60\r";
        let inputs = [Input::Host(Host::Attached), Input::Bearer(Change::Signal(12, 99)), Input::Serial(open)];
        let state = State::of(Instant::START, &modem(&inputs), None);
        for (text, is) in [
            ("state client=1 stage=opening", true),
            ("state client=1 stage=open", false),
            ("state client=2 stage=closed", true),
            ("state stage=opening client=2", false),
            ("state host=true rssi=12 stat=1 power=on sim=in call=up", true),
            ("state host=false", false),
            ("state modem=modem unread=0", true),
            ("state modem=other", false),
            ("state failure=4", false),
        ] {
            assert_eq!(fits(text, &state), is, "{text}");
        }
        assert_eq!(state.json()["clients"][0]["stage"], "opening");
        assert_eq!(state.json()["radio"]["rssi"], 12);
    }

    /// What a fault makes of the radio side hides what there is, and both can be seen.
    #[test]
    fn base_and_effect_are_told_apart() {
        let (mut modem, mut outbox) = (modem(&[]), Outbox::default());
        let plan = Plan::new(&["coverage-lost".parse().unwrap()], 1, 0, Instant::START).unwrap();
        let mut filters = Filters::new(plan);
        while let Some(due) = filters.take_due(Instant::START, &modem, &mut |_| ()) {
            if let crate::fault::Due::Input(input) = due {
                modem.handle(Instant::START, input, &mut outbox);
            }
        }
        let state = State::of(Instant::START, &modem, Some(&filters));
        assert_eq!((state.radio.registration, state.base.registration), (Registration::Searching, Registration::Home));
        assert_eq!(state.faults[0].json()["state"], "active");
        assert_eq!(state.faults[0].hits, 1);
    }

    #[test]
    fn what_can_not_be_waited_for_is_said() {
        for (text, words) in [
            ("state", "expected what the state is to be, such as state client=1 stage=open"),
            ("state clent=1", "a state has no \"clent\", perhaps \"client\"; it has modem, "),
            ("state stage=opne", "stage is \"opne\", perhaps \"open\", expected one of closed, "),
            ("state open", "expected KEY"),
            ("client.opne", "there is no event \"client.opne\", perhaps \"client.open\""),
        ] {
            let bad = text.parse::<Until>().unwrap_err().to_string();
            let words = if text == "state open" { "expected FIELD=VALUE, found \"open\"" } else { words };
            assert!(bad.starts_with(words), "{bad}");
        }
    }
}
