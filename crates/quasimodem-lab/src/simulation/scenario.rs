//! What a run consists of, drawn from its seed: modems, what their hosts do, and what goes wrong when.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{
    Change as Radio, DefaultClientId, Escapes, Imei, Instant, Link, MODELS, RefusalStyle, Registration, Settings, Sim,
    UrcPayload,
};

use quasimodem_core::mqtt::Qos;

use crate::broker::{Code, Refusal};
use crate::network::Answer;
use crate::pipe::Conditions;
use crate::random::Random;
use crate::script::{BadScript, Expected, Reaction, Script, Step};
use crate::world::{Change, Manners, Route};

/// Everything that the seed decides.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The modems and their hosts.
    pub stations: Vec<Station>,
    /// How many brokers there are.
    pub brokers: usize,
    /// What goes wrong, and when. All of it is over at `quiet`.
    pub faults: Vec<(Instant, Change)>,
    /// From here on nothing goes wrong.
    pub quiet: Instant,
    /// All messages that hosts may publish, by the tokens that their payloads begin with.
    pub messages: Messages,
}

/// Messages by their tokens.
pub type Messages = BTreeMap<String, Message>;

/// One modem.
#[derive(Clone, Debug)]
pub struct Station {
    /// Its settings.
    pub settings: Settings,
    /// Its name.
    pub imei: Imei,
    /// The serial line.
    pub serial: Conditions,
    /// The way into the network.
    pub route: Route,
    /// What the host does.
    pub script: Arc<Script>,
    /// What it does in the end, so that nothing stays unread.
    pub last_script: Arc<Script>,
    /// What it does to begin anew.
    pub fresh_script: Arc<Script>,
}

/// A message that a host may publish. No two have the same payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Station and client, and which of theirs it is.
    pub from: (usize, u8),
    /// Ascends in the order of publication, whatever the client.
    pub number: usize,
    /// Where to.
    pub topic: &'static str,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether it is retained.
    pub retain: bool,
    /// It begins with the token and a full stop.
    pub payload: Vec<u8>,
    /// It is a will, which is published each time when a connection goes without a word.
    pub will: bool,
}

const TOPICS: [&str; 4] = ["t", "a/b", "a/c/d", "up/1"];
/// The brokers' hosts in the spellings that hosts use, by the brokers' places.
const HOSTS: [&[&str]; 2] = [&["broker", "broker", "BROKER", "Broker."], &["broker1", "Broker1", "broker1."]];

/// Lines after which a modem knows nothing any more.
pub(super) const RESETS: [&str; 3] = ["AT+CFUN=1,1", "AT+CFUN=15", "AT+RESET"];

/// Who publishes without a modem; no station has this index.
const OUTSIDER: usize = 9;

const FILTERS: [&str; 6] = ["t", "a/b", "a/#", "#", "+", "up/+"];

/// Longer than a host may be stopped or away: one that gives up waiting for a prompt would type a line as data.
const PATIENT: Duration = Duration::from_secs(90);

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Result<Scenario, BadScript> {
        let mut random = Random::new(seed);
        let quiet = Instant::START + random.millis(10_000, 90_000);
        let count = random.pick([1, 1, 2, 2, 3, 4, 5]);
        let calm = random.chance(15);
        let mut messages = Messages::new();
        let mut stations = Vec::new();
        let mut faults = Vec::new();
        let brokers = random.pick([1, 1, HOSTS.len()]);
        for index in 0..count {
            let station = Drawing { random: &mut random, index, brokers, calm, messages: &mut messages }.station()?;
            if !calm {
                draw_faults(&mut random, index, station.route, quiet, &mut faults);
            }
            stations.push(station);
        }
        if !calm {
            for _ in 0..random.pick([0, 0, 1, 2]) {
                let at = Instant::START + random.time(Duration::ZERO, quiet.since(Instant::START));
                faults.push((at, Change::Restart { keep: random.chance(50) }));
            }
            if random.chance(20) {
                let at = Instant::START + random.time(Duration::ZERO, quiet.since(Instant::START));
                let code = random.pick([Code::Version, Code::Identifier, Code::Unavailable, Code::NotAuthorized]);
                let times = Some(random.pick([1, 2, 5]));
                faults.push((at, Change::Refuse(Refusal { client: None, times, code })));
            }
            if random.chance(30) {
                let manners = Manners { repeats: random.pick([0, 10, 50]), strays: random.pick([0, 10, 50]) };
                faults.push((Instant::START, Change::Manners(manners)));
            }
        }
        faults.extend([(quiet, Change::RefuseNobody), (quiet, Change::Manners(Manners::default()))]);
        // Where there are gaps between unsolicited results, a long message is several of them, and not one piece.
        let whole = stations.iter().all(|station| station.settings.urc_gap.is_zero());
        let sizes: &[usize] = if whole { &[10, 1000, 1024, 1025, 1500, 1501, 3000] } else { &[10, 1000, 1024] };
        draw_outsiders(&mut random, brokers, sizes, quiet, &mut messages, &mut faults);
        Ok(Scenario { stations, brokers, faults, quiet, messages })
    }
}

/// The message whose token stands in this text.
pub(super) fn find<'a>(messages: &'a Messages, text: &[u8]) -> Option<(&'a String, &'a Message)> {
    let starts = text.windows(2).enumerate().filter(|(_, two)| two[0] == b'p' && two[1].is_ascii_digit());
    starts.filter_map(|(at, _)| text.get(at..)).find_map(|text| {
        let token = text.split(|byte| *byte == b'.').next()?;
        messages.get_key_value(std::str::from_utf8(token).ok()?)
    })
}

/// One station in the making.
struct Drawing<'a> {
    random: &'a mut Random,
    index: usize,
    brokers: usize,
    /// Nothing goes wrong.
    calm: bool,
    messages: &'a mut Messages,
}

impl Drawing<'_> {
    fn station(&mut self) -> Result<Station, BadScript> {
        let index = u64::try_from(self.index).unwrap_or_default();
        let imei = Imei::from_number(1_010_000_000_008 + 10 * index).unwrap_or_default();
        let random = &mut *self.random;
        let settings = Settings {
            model: &MODELS[random.between(0, MODELS.len() - 1)],
            echo: random.chance(60),
            gap: Duration::from_millis(random.pick([0, 20, 20, 100])),
            refusal: if random.chance(20) { RefusalStyle::Cme } else { RefusalStyle::Result },
            urc_payload: if random.chance(20) { UrcPayload::Raw } else { UrcPayload::Escaped },
            window: random.pick([1, 4, 16, 16]),
            ready_on_attach: random.chance(70),
            seed: random.chance(50).then(|| random.bits()),
            urc_gap: Duration::from_millis(random.pick([0, 0, 50])),
            msgi_hold: Duration::from_millis(random.pick([0, 300, 5000])),
            ready_delay: random.pick([None, Some(Duration::from_millis(500))]),
            ..Settings::default()
        };
        let route = Route { conditions: draw_conditions(random), ..Route::default() };
        let serial = Conditions {
            delay: (Duration::ZERO, random.millis(0, 20)),
            per_byte: Duration::from_micros(random.pick([0, 87, 1042])),
            chunk: random.pick([3, 16, 64, 4096]),
            window: random.pick([64, 1024, 65536]),
            high: random.pick([64, 512, 8192]),
            low: random.pick([0, 32]),
        };
        let imei_alone = settings.model.default_client_id == DefaultClientId::Imei;
        // Both clients throw each other out again and again.
        let rivals = self.random.chance(8);
        let named: Vec<u8> = [1, 2].into_iter().filter(|_| imei_alone || rivals || self.random.chance(50)).collect();
        let index = self.index;
        let id = |client| {
            let who = if rivals { 0 } else { client };
            if named.contains(&client) { format!("s{index}c{who}") } else { String::new() }
        };
        let users: Vec<Step> = named
            .iter()
            .map(|client| {
                let line = format!("AT+MQTTUSER={client},\"u\",\"secret\",\"{}\"", id(*client));
                Step::command(&line, PATIENT)
            })
            .collect();
        let script = self.script(&users, rivals, matches!(settings.escapes, Escapes::All | Escapes::Hex))?.into();
        let fresh_script = fresh_script(index, [&id(1), &id(2)], self.brokers)?.into();
        let last_script = last_script(if rivals { &[1] } else { &[1, 2] })?.into();
        Ok(Station { settings, imei, serial, route, script, last_script, fresh_script })
    }

    fn script(&mut self, users: &[Step], rivals: bool, escapes: bool) -> Result<Script, BadScript> {
        let mut steps = users.to_vec();
        // It would wait for results in words.
        let terse = self.calm && self.random.chance(40);
        let clients = if rivals { 2 } else { self.random.pick([1, 1, 2]) };
        let granted: &[u8] = if rivals { &[0, 1] } else { &[0, 1, 2, 2] };
        for client in 1..=clients {
            if self.random.chance(20) {
                self.will(client, &mut steps);
            }
            self.open(client, &mut steps);
            if self.random.chance(80) {
                self.subscribe(client, granted, &mut steps);
            }
        }
        for _ in 0..self.random.between(3, 60) {
            let client = u8::try_from(self.random.between(1, clients)).unwrap_or(1);
            match self.random.below(100) {
                0..50 => self.publish(client, escapes, &mut steps),
                50..55 => self.open(client.into(), &mut steps),
                55..62 => self.subscribe(client.into(), granted, &mut steps),
                62..66 => {
                    let filter = self.random.pick(FILTERS);
                    self.asynchronous(&format!("AT+MQTTUNSUB={client},\"{filter}\""), "+MQTTUNSUB", &mut steps);
                }
                66..70 => self.asynchronous(&format!("AT+MQTTCLOSE={client}"), "+MQTTCLOSE", &mut steps),
                70..75 => {
                    let mode = self.random.pick([0, 1, 1]);
                    steps.push(Step::command(&format!("AT+MQTTCONF={mode}"), PATIENT));
                }
                75..80 => steps.push(Step::command(&format!("AT+MQTTREAD={client}"), PATIENT)),
                80..85 if terse => self.talk_tersely(&mut steps),
                80..85 => self.talk(&mut steps),
                85 => self.will(client.into(), &mut steps),
                86 => {
                    steps.push(Step::command(self.random.pick(RESETS), PATIENT));
                    steps.extend_from_slice(users);
                    self.open(client.into(), &mut steps);
                }
                _ => steps.push(Step::Wait(self.random.millis(0, 2000))),
            }
        }
        let mut reactions = if self.random.chance(80) && !terse { reactions() } else { Vec::new() };
        if !rivals && !terse && self.random.chance(70) {
            for client in 1..=clients {
                let open = format!("AT+MQTTOPEN={client},\"broker\",1883,0,10");
                reactions.push(Reaction::command(&format!("+MQTTBREAK: {client},"), &open, PATIENT));
            }
        }
        Script::new(steps, reactions)
    }

    fn open(&mut self, client: usize, steps: &mut Vec<Step>) {
        let (clean, keep_alive) = (self.random.pick([0, 0, 1]), self.random.pick([1, 3, 10, 60]));
        let place = if self.random.chance(70) { 0 } else { self.random.between(0, self.brokers - 1) };
        let hosts = HOSTS.get(place).copied().unwrap_or_default();
        let host = hosts.get(self.random.between(0, hosts.len().max(1) - 1)).copied().unwrap_or_default();
        let line = format!("AT+MQTTOPEN={client},\"{host}\",1883,{clean},{keep_alive}");
        steps.push(Step::command(&line, PATIENT));
        steps.push(Step::expect(Expected::prefix(&format!("+MQTTOPEN: {client},")), Duration::from_secs(6)));
    }

    fn subscribe(&mut self, client: usize, granted: &[u8], steps: &mut Vec<Step>) {
        let qos = granted.get(self.random.between(0, granted.len() - 1)).copied().unwrap_or_default();
        let filter = self.random.pick(FILTERS);
        self.asynchronous(&format!("AT+MQTTSUB={client},\"{filter}\",{qos}"), "+MQTTSUB", steps);
    }

    /// A command, and its result, if the host cares.
    fn asynchronous(&mut self, line: &str, name: &str, steps: &mut Vec<Step>) {
        steps.push(Step::command(line, PATIENT));
        if self.random.chance(60) {
            steps.push(Step::expect(Expected::prefix(name), Duration::from_secs(4)));
        }
    }

    /// The will of the connections to come.
    fn will(&mut self, client: usize, steps: &mut Vec<Step>) {
        let client = u8::try_from(client).unwrap_or(1);
        let number = self.messages.len();
        let token = format!("p{}-{client}-{number}", self.index);
        let (topic, qos, retain) = (self.random.pick(TOPICS), self.random.pick([0, 1, 2]), self.random.chance(10));
        let payload = format!("{token}.no word");
        let line = format!("AT+MQTTWILL={client},\"{topic}\",{qos},{},\"{payload}\"", u8::from(retain));
        steps.push(Step::command(&line, PATIENT));
        let from = (self.index, client);
        let message = Message { from, number, topic, qos, retain, payload: payload.into(), will: true };
        self.messages.insert(token, message);
    }

    fn publish(&mut self, client: u8, escapes: bool, steps: &mut Vec<Step>) {
        let number = self.messages.len();
        let token = format!("p{}-{client}-{number}", self.index);
        let (topic, qos, retain) = (self.random.pick(TOPICS), self.random.pick([0, 1, 2, 2]), self.random.chance(4));
        let size = self.random.pick([0, 0, 5, 30, 200, 900]);
        let mut payload = format!("{token}.").into_bytes();
        for _ in 0..self.random.between(0, size) {
            // No A: data that comes when it is not asked for must not look like a command.
            payload.push(self.random.pick(*b"bcdef0123456789 ,;.\"\\\r\n\t\x7f{}\xc3\xa4"));
        }
        let head = format!("AT+MQTTPUB={client},\"{topic}\",{qos},{}", u8::from(retain));
        if self.random.chance(50) {
            steps.push(Step::data(&format!("{head},{}", payload.len()), &payload, PATIENT));
        } else {
            payload.retain(u8::is_ascii);
            let mut text = String::new();
            for &byte in &payload {
                if escapes && (byte.is_ascii_control() || matches!(byte, b'"' | b'\\')) {
                    let _ = write!(text, "\\{byte:02X}");
                } else {
                    text.push(char::from(byte));
                }
            }
            steps.push(Step::command(&format!("{head},\"{text}\""), PATIENT));
        }
        if self.random.chance(40) {
            let result = Expected::prefix(&format!("+MQTTPUB: {client},"));
            steps.push(Step::expect(result, Duration::from_secs(4)));
        }
        let message = Message { from: (self.index, client), number, topic, qos, retain, payload, will: false };
        self.messages.insert(token, message);
    }

    /// What has nothing to do with MQTT, or goes wrong at once.
    fn talk(&mut self, steps: &mut Vec<Step>) {
        match self.random.below(6) {
            5 => steps.push(Step::command(self.random.pick(["ATE0", "ATE1"]), PATIENT)),
            0 => {
                let line = self.random.pick(["AT", "ATI", "AT+MQTTOPEN?", "AT+CSQ;+CGSN", "AT+MIPDNS=\"broker\""]);
                steps.push(Step::command(line, PATIENT));
            }
            1 => {
                let line = self.random.pick(["AT+NO", "AT+MQTTPUB=9,\"t\",0,0,\"x\"", "AT+MQTTSUB=1", "AT+MQTTREAD=7"]);
                steps.push(Step::command(line, PATIENT));
            }
            // Somebody who thinks while typing.
            2 => {
                steps.push(Step::Send((*b"AT+MQTT").into()));
                steps.push(Step::Wait(self.random.millis(0, 1500)));
                steps.push(Step::command("CONF?", PATIENT));
            }
            3 => {
                steps.push(Step::Send((*b"AT\rATI\r\nAT+CSQ\r").into()));
                // Or an answer would be taken for that to the next command.
                steps.extend([(); 3].map(|()| Step::expect(Expected::exact("OK"), PATIENT)));
            }
            _ => steps.push(Step::Send((*b"nothing\r\n").into())),
        }
    }

    /// Without result codes, or with digits in their place: nobody waits for them.
    fn talk_tersely(&mut self, steps: &mut Vec<Step>) {
        let (on, off) = self.random.pick([("ATV0\r", "ATV1"), ("ATQ1\r", "ATQ0")]);
        for line in [on, self.random.pick(TERSE), self.random.pick(TERSE)] {
            steps.extend([Step::Send(line.as_bytes().into()), Step::Wait(Duration::from_millis(700))]);
        }
        // This one is answered in words again.
        steps.push(Step::command(off, PATIENT));
    }
}

/// Lines that may be answered in digits, or not at all, between those that switch to that and back.
const TERSE: [&str; 3] = ["AT\r", "AT+NO\r", "AT+MQTTCONF?\r"];

/// Reads what comes.
fn reactions() -> Vec<Reaction> {
    let read = |client| Reaction::command(&format!("+MQTTMSGI: {client},"), &format!("AT+MQTTREAD={client}"), PATIENT);
    vec![read(1), read(2)]
}

/// Opens what is not open, so that kept sessions bring what they have, and reads all.
fn last_script(clients: &[u8]) -> Result<Script, BadScript> {
    let mut steps =
        vec![Step::Send((*b"\r").into()), Step::command("AT", PATIENT), Step::Wait(Duration::from_secs(100))];
    for client in clients {
        steps.push(Step::command(&format!("AT+MQTTOPEN={client},\"broker\",1883,0,60"), PATIENT));
        steps.push(Step::expect(Expected::prefix(&format!("+MQTTOPEN: {client},")), Duration::from_secs(6)));
    }
    for client in [1, 2] {
        let from = u16::try_from(steps.len()).unwrap_or_default();
        steps.push(Step::command(&format!("AT+MQTTREAD={client}"), PATIENT));
        steps.push(Step::Wait(Duration::from_millis(200)));
        steps.push(Step::Repeat { from, times: Some(100) });
    }
    Script::new(steps, reactions())
}

/// Closes what may be open, lets the brokers forget the sessions, and connects both clients as if for the first time.
/// Whatever can differ from modem to modem by what its host stored is stored anew, and the last failure is the same.
fn fresh_script(index: usize, client_ids: [&str; 2], brokers: usize) -> Result<Script, BadScript> {
    let mut steps = vec![Step::Send((*b"\r").into()), Step::command("AT", PATIENT)];
    for (client, client_id) in [1, 2].into_iter().zip(client_ids) {
        let open = |host: &str| Step::command(&format!("AT+MQTTOPEN={client},\"{host}\",1883,1,60"), PATIENT);
        let close = Step::command(&format!("AT+MQTTCLOSE={client}"), PATIENT);
        let expect = |name| Step::expect(Expected::prefix(&format!("{name}: {client},")), Duration::from_secs(6));
        let user = |id: &str| Step::command(&format!("AT+MQTTUSER={client},\"\",\"\",\"{id}\""), PATIENT);
        steps.extend([close.clone(), Step::Wait(Duration::from_secs(1))]);
        // Without a SIM a host can't say who it is, so that it may have used the default client id.
        for client_id in ["", client_id] {
            steps.push(user(client_id));
            for host in HOSTS.iter().take(brokers).filter_map(|hosts| hosts.first()) {
                steps.extend([open(host), expect("+MQTTOPEN"), close.clone(), expect("+MQTTCLOSE")]);
            }
        }
        steps.extend([
            user(&format!("fresh{index}c{client}")),
            Step::command(&format!("AT+MQTTWILL={client},\"t\",0,0,\"w\""), PATIENT),
            open("broker"),
            close,
            expect("+MQTTCLOSE"),
            open("broker"),
            expect("+MQTTOPEN"),
            Step::Wait(Duration::from_secs(1)),
        ]);
    }
    Script::new(steps, [])
}

/// Messages of others, some of them longer than a modem reports at once.
fn draw_outsiders(
    random: &mut Random,
    brokers: usize,
    sizes: &[usize],
    quiet: Instant,
    messages: &mut Messages,
    faults: &mut Vec<(Instant, Change)>,
) {
    let mut times: Vec<Instant> = (0..random.pick([0, 0, 3, 10]))
        .map(|_| Instant::START + random.time(Duration::ZERO, quiet.since(Instant::START)))
        .collect();
    times.sort_unstable();
    for at in times {
        let number = messages.len();
        let token = format!("p{OUTSIDER}-0-{number}");
        let (topic, qos) = (random.pick(TOPICS), random.pick([0, 1, 2]));
        let size = sizes.get(random.between(0, sizes.len() - 1)).copied().unwrap_or_default();
        let mut payload = format!("{token}.").into_bytes();
        payload.extend((payload.len()..size).map(|place| b"bcdef\r\n\"0123"[place % 12]));
        let message =
            Message { from: (OUTSIDER, 0), number, topic, qos, retain: false, payload: payload.clone(), will: false };
        messages.insert(token, message);
        let qos = Qos::from_number(qos).unwrap_or(Qos::AtMostOnce);
        faults.push((at, Change::Publish { broker: random.between(0, brokers - 1), topic, payload, qos }));
    }
}

fn draw_conditions(random: &mut Random) -> Conditions {
    let slow = random.pick([0, 5, 50, 300]);
    Conditions {
        delay: (Duration::from_millis(slow / 4), Duration::from_millis(slow)),
        per_byte: Duration::from_micros(random.pick([0, 0, 10, 500])),
        chunk: random.pick([7, 100, 1460, 4096]),
        window: random.pick([256, 4096, 65536]),
        high: random.pick([100, 2000, 16384]),
        low: random.pick([0, 50]),
    }
}

fn draw_faults(random: &mut Random, station: usize, route: Route, quiet: Instant, faults: &mut Vec<(Instant, Change)>) {
    let whole = quiet.since(Instant::START);
    for _ in 0..random.pick([0, 2, 4, 8, 16]) {
        let from = Instant::START + random.time(Duration::ZERO, whole);
        let longest = random.pick([300, 3000, 15_000]);
        let to = quiet.min(from + random.millis(1, longest));
        let mut during = |change, back| faults.extend([(from, change), (to, back)]);
        match random.below(13) {
            12 => during(
                Change::Bearer(station, Radio::Sim(Sim::Absent)),
                Change::Bearer(station, Radio::Sim(Sim::Ready)),
            ),
            0..5 => {
                let link = Link(random.pick([1, 1, 2]));
                let learns =
                    [None, Some(Duration::ZERO), Some(Duration::from_millis(700)), Some(Duration::from_secs(9))];
                let (modem, broker) = (random.pick(learns), random.pick(learns));
                faults.push((from, Change::Cut { station, link, modem, broker }));
            }
            5 => during(Change::Route(station, Route { held: true, ..route }), Change::Route(station, route)),
            6 => {
                let answer = random.pick([Answer::Refuse, Answer::Silence]);
                during(Change::Route(station, Route { answer, ..route }), Change::Route(station, route));
            }
            7 => {
                let conditions = draw_conditions(random);
                during(Change::Route(station, Route { conditions, ..route }), Change::Route(station, route));
            }
            8 => during(Change::Stop(station, true), Change::Stop(station, false)),
            9 => during(Change::Attach(station, false), Change::Attach(station, true)),
            10 => {
                let gone = Registration::Searching;
                during(
                    Change::Bearer(station, Radio::Registration(gone)),
                    Change::Bearer(station, Radio::Registration(Registration::Home)),
                );
                let address = Some([10, 0, 0, 2].into());
                faults.push((to, Change::Bearer(station, Radio::DataCall(address))));
            }
            _ => {
                let address = Some([10, 0, 0, 3].into());
                let (down, up) = (Radio::DataCall(None), Radio::DataCall(address));
                during(Change::Bearer(station, down), Change::Bearer(station, up));
            }
        }
    }
    // Faults of the same kind may overlap, so that one ends what another began: in the end all are over.
    let address = Some([10, 0, 0, 2].into());
    faults.extend([
        (quiet, Change::Route(station, route)),
        (quiet, Change::Stop(station, false)),
        (quiet, Change::Attach(station, true)),
        (quiet, Change::Bearer(station, Radio::Sim(Sim::Ready))),
        (quiet, Change::Bearer(station, Radio::Registration(Registration::Home))),
        (quiet, Change::Bearer(station, Radio::DataCall(address))),
    ]);
}
