//! What a run consists of, drawn from its seed: modems, what their hosts do, and what goes wrong when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{
    Change as Radio, DefaultClientId, Imei, Instant, Link, MODELS, RefusalStyle, Registration, Settings, Sim,
    UrcPayload,
};

use quasimodem_core::mqtt::Qos;

use crate::broker::{Code, Refusal};
use crate::network::Answer;
use crate::pipe::Conditions;
use crate::random::Random;
use crate::script::{Mistake, Program};
use crate::world::{Change, Manners, Route};

use super::draft::{Draft, PATIENT};

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
    pub script: Arc<Program>,
    /// What it does in the end, so that nothing stays unread.
    pub last_script: Arc<Program>,
    /// What it does to begin anew.
    pub fresh_script: Arc<Program>,
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

impl Scenario {
    /// The scenario of a seed.
    pub fn draw(seed: u64) -> Result<Scenario, Mistake> {
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
    fn station(&mut self) -> Result<Station, Mistake> {
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
        let users: Vec<String> =
            named.iter().map(|client| format!("AT+MQTTUSER={client},\"u\",\"secret\",\"{}\"", id(*client))).collect();
        let script = self.script(&users, rivals).program()?;
        let fresh_script = fresh_script(index, [&id(1), &id(2)], self.brokers).program()?;
        let last_script = last_script(if rivals { &[1] } else { &[1, 2] }).program()?;
        Ok(Station { settings, imei, serial, route, script, last_script, fresh_script })
    }

    fn script(&mut self, users: &[String], rivals: bool) -> Draft {
        let mut steps = Draft::default();
        users.iter().for_each(|line| steps.command(line));
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
                0..50 => self.publish(client, &mut steps),
                50..55 => self.open(client.into(), &mut steps),
                55..62 => self.subscribe(client.into(), granted, &mut steps),
                62..66 => {
                    let filter = self.random.pick(FILTERS);
                    self.asynchronous(&format!("AT+MQTTUNSUB={client},\"{filter}\""), "+MQTTUNSUB", &mut steps);
                }
                66..70 => self.asynchronous(&format!("AT+MQTTCLOSE={client}"), "+MQTTCLOSE", &mut steps),
                70..75 => {
                    let mode = self.random.pick([0, 1, 1]);
                    steps.command(format_args!("AT+MQTTCONF={mode}"));
                }
                75..80 => steps.command(format_args!("AT+MQTTREAD={client}")),
                80..85 if terse => self.talk_tersely(&mut steps),
                80..85 => self.talk(&mut steps),
                85 => self.will(client.into(), &mut steps),
                86 => {
                    steps.command(self.random.pick(RESETS));
                    users.iter().for_each(|line| steps.command(line));
                    self.open(client.into(), &mut steps);
                }
                _ => steps.wait(self.random.between(1, 2000)),
            }
        }
        if self.random.chance(80) && !terse {
            steps.read_what_comes();
        }
        if !rivals && !terse && self.random.chance(70) {
            for client in 1..=clients {
                let open = format!("AT+MQTTOPEN={client},\"broker\",1883,0,10");
                steps.whenever(&format!("+MQTTBREAK: {client},"), &open);
            }
        }
        steps
    }

    fn open(&mut self, client: usize, steps: &mut Draft) {
        let (clean, keep_alive) = (self.random.pick([0, 0, 1]), self.random.pick([1, 3, 10, 60]));
        let place = if self.random.chance(70) { 0 } else { self.random.between(0, self.brokers - 1) };
        let hosts = HOSTS.get(place).copied().unwrap_or_default();
        let host = hosts.get(self.random.between(0, hosts.len().max(1) - 1)).copied().unwrap_or_default();
        let line = format!("AT+MQTTOPEN={client},\"{host}\",1883,{clean},{keep_alive}");
        steps.command(line);
        steps.expect(6, format_args!("+MQTTOPEN: {client},$_"));
    }

    fn subscribe(&mut self, client: usize, granted: &[u8], steps: &mut Draft) {
        let qos = granted.get(self.random.between(0, granted.len() - 1)).copied().unwrap_or_default();
        let filter = self.random.pick(FILTERS);
        self.asynchronous(&format!("AT+MQTTSUB={client},\"{filter}\",{qos}"), "+MQTTSUB", steps);
    }

    /// A command, and its result, if the host cares.
    fn asynchronous(&mut self, line: &str, name: &str, steps: &mut Draft) {
        steps.command(line);
        if self.random.chance(60) {
            steps.expect(4, format_args!("{name}$_"));
        }
    }

    /// The will of the connections to come.
    fn will(&mut self, client: usize, steps: &mut Draft) {
        let client = u8::try_from(client).unwrap_or(1);
        let number = self.messages.len();
        let token = format!("p{}-{client}-{number}", self.index);
        let (topic, qos, retain) = (self.random.pick(TOPICS), self.random.pick([0, 1, 2]), self.random.chance(10));
        let payload = format!("{token}.no word");
        let line = format!("AT+MQTTWILL={client},\"{topic}\",{qos},{},\"{payload}\"", u8::from(retain));
        steps.command(line);
        let from = (self.index, client);
        let message = Message { from, number, topic, qos, retain, payload: payload.into(), will: true };
        self.messages.insert(token, message);
    }

    fn publish(&mut self, client: u8, steps: &mut Draft) {
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
            steps.data(format_args!("{head},{}", payload.len()), &payload);
        } else {
            payload.retain(u8::is_ascii);
            let text = payload.iter().map(|&byte| match byte {
                b'"' | b'\\' => format!("\\{byte:02X}"),
                _ if byte.is_ascii_control() => format!("\\{byte:02X}"),
                _ => char::from(byte).into(),
            });
            steps.command(format_args!("{head},\"{}\"", text.collect::<String>()));
        }
        if self.random.chance(40) {
            steps.expect(4, format_args!("+MQTTPUB: {client},$_"));
        }
        let message = Message { from: (self.index, client), number, topic, qos, retain, payload, will: false };
        self.messages.insert(token, message);
    }

    /// What has nothing to do with MQTT, or goes wrong at once.
    fn talk(&mut self, steps: &mut Draft) {
        match self.random.below(6) {
            5 => steps.command(self.random.pick(["ATE0", "ATE1"])),
            0 => {
                steps.command(self.random.pick(["AT", "ATI", "AT+MQTTOPEN?", "AT+CSQ;+CGSN", "AT+MIPDNS=\"broker\""]));
            }
            1 => {
                let lines = ["AT+NO", "AT+MQTTPUB=9,\"t\",0,0,\"x\"", "AT+MQTTSUB=1", "AT+MQTTREAD=7"];
                steps.command(self.random.pick(lines));
            }
            // Somebody who thinks while typing.
            2 => {
                steps.send("AT+MQTT");
                steps.wait(self.random.between(1, 1500));
                steps.command("CONF?");
            }
            3 => {
                steps.send("AT\\rATI\\r\\nAT+CSQ\\r");
                // Or an answer would be taken for that to the next command.
                (0..3).for_each(|_| steps.expect(PATIENT, "OK"));
            }
            _ => steps.send("nothing\\r\\n"),
        }
    }

    /// Without result codes, or with digits in their place: nobody waits for them.
    fn talk_tersely(&mut self, steps: &mut Draft) {
        let (on, off) = self.random.pick([("ATV0", "ATV1"), ("ATQ1", "ATQ0")]);
        for line in [on, self.random.pick(TERSE), self.random.pick(TERSE)] {
            steps.send(format_args!("{line}\\r"));
            steps.wait(700);
        }
        // This one is answered in words again.
        steps.command(off);
    }
}

/// Lines that may be answered in digits, or not at all, between those that switch to that and back.
const TERSE: [&str; 3] = ["AT", "AT+NO", "AT+MQTTCONF?"];

/// Opens what is not open, so that kept sessions bring what they have, and reads all.
fn last_script(clients: &[u8]) -> Draft {
    let mut steps = Draft::default();
    steps.send("\\r");
    steps.command("AT");
    steps.wait(100_000);
    for client in clients {
        steps.command(format_args!("AT+MQTTOPEN={client},\"broker\",1883,0,60"));
        steps.expect(6, format_args!("+MQTTOPEN: {client},$_"));
    }
    for client in [1, 2] {
        steps.within(PATIENT);
        steps.line("repeat 100");
        steps.command(format_args!("AT+MQTTREAD={client}"));
        steps.wait(200);
        steps.line("end");
    }
    steps.read_what_comes();
    steps
}

/// Closes what may be open, lets the brokers forget the sessions, and connects both clients as if for the first time.
/// Whatever can differ from modem to modem by what its host stored is stored anew, and the last failure is the same.
fn fresh_script(index: usize, client_ids: [&str; 2], brokers: usize) -> Draft {
    let mut steps = Draft::default();
    steps.send("\\r");
    steps.command("AT");
    for (client, client_id) in [1, 2].into_iter().zip(client_ids) {
        let open =
            |steps: &mut Draft, host: &str| steps.command(format_args!("AT+MQTTOPEN={client},\"{host}\",1883,1,60"));
        let close = |steps: &mut Draft| steps.command(format_args!("AT+MQTTCLOSE={client}"));
        let expect = |steps: &mut Draft, name| steps.expect(6, format_args!("{name}: {client},$_"));
        let user = |steps: &mut Draft, id| steps.command(format_args!("AT+MQTTUSER={client},\"\",\"\",\"{id}\""));
        close(&mut steps);
        // What ends now is none of what begins.
        steps.wait(1000);
        // Without a SIM a host can't say who it is, so that it may have used the default client id.
        for client_id in ["", client_id] {
            user(&mut steps, client_id);
            for host in HOSTS.iter().take(brokers).filter_map(|hosts| hosts.first()) {
                open(&mut steps, host);
                expect(&mut steps, "+MQTTOPEN");
                close(&mut steps);
                expect(&mut steps, "+MQTTCLOSE");
            }
        }
        user(&mut steps, &format!("fresh{index}c{client}"));
        steps.command(format_args!("AT+MQTTWILL={client},\"t\",0,0,\"w\""));
        // Open or not yet, it has a result.
        open(&mut steps, "broker");
        close(&mut steps);
        expect(&mut steps, "+MQTTOPEN");
        expect(&mut steps, "+MQTTCLOSE");
        open(&mut steps, "broker");
        expect(&mut steps, "+MQTTOPEN");
        steps.wait(1000);
    }
    steps
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
