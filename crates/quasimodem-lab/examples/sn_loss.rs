//! How often requests over MQTT-SN fail on a lossy way to the gateway, in virtual time:
//! `cargo run --release -p quasimodem-lab --example sn_loss -- 10000 [sn_retry_ms=700 …]` prints the table of
//! docs/PERFORMANCE.md, for so many seeds and these settings.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::sn::{Packet, Publish, parse_words};
use quasimodem_core::{Effect, Host, Imei, Input, Instant, Kind, Link, Modem, Outbox, Settings};

const LINK: Link = Link(101);

/// A datagram's way to the gateway or back.
const WAY: Duration = Duration::from_millis(40);

/// The gateway's way to its broker and back.
const BROKER: Duration = Duration::from_millis(60);

/// What is tried: a name, what the host does before anything is lost, and then.
pub(crate) struct Trial {
    /// For the table.
    pub(crate) name: &'static str,
    before: &'static [&'static str],
    then: &'static str,
    /// What it ends with if all is well.
    good: &'static str,
    /// What it ends with if not.
    bad: &'static str,
}

const OPEN: &str = "AT+MQTTOPEN=101,\"g\",10000,1,60";
const NAMED: &[&str] = &[OPEN, "AT+MQTTSNREG=101,\"a/b\""];

/// All trials. A ping is tried by waiting for it.
pub(crate) const TRIALS: &[Trial] = &[
    Trial { name: "OPEN", before: &[], then: OPEN, good: "+MQTTOPEN: 101,1", bad: "+MQTTOPEN: 101,0" },
    Trial {
        name: "OPEN with a will",
        before: &["AT+MQTTWILL=101,\"w\",1,0,\"x\""],
        then: OPEN,
        good: "+MQTTOPEN: 101,1",
        bad: "+MQTTOPEN: 101,0",
    },
    Trial {
        name: "SUB",
        before: &[OPEN],
        then: "AT+MQTTSUB=101,\"a/b\",1",
        good: "+MQTTSUB: 101,1",
        bad: "+MQTTSUB: 101,0",
    },
    Trial {
        name: "WMSGUD",
        before: &[OPEN],
        then: "AT+MQTTWMSGUD=101,\"x\"",
        good: "+MQTTWMSGUD: 101,1",
        bad: "+MQTTWMSGUD: 101,0",
    },
    Trial {
        name: "PUB, QoS 1",
        before: NAMED,
        then: "AT+MQTTPUB=101,\"a/b\",1,0,\"x\"",
        good: "+MQTTPUB: 101,1",
        bad: "+MQTTPUB: 101,0",
    },
    Trial {
        name: "PUB, QoS 2",
        before: NAMED,
        then: "AT+MQTTPUB=101,\"a/b\",2,0,\"x\"",
        good: "+MQTTPUB: 101,1",
        bad: "+MQTTPUB: 101,0",
    },
    Trial {
        name: "PUB, QoS 1, new name",
        before: &[OPEN],
        then: "AT+MQTTPUB=101,\"a/b\",1,0,\"x\"",
        good: "+MQTTPUB: 101,1",
        bad: "+MQTTPUB: 101,0",
    },
    Trial {
        name: "PUB, QoS 2, new name",
        before: &[OPEN],
        then: "AT+MQTTPUB=101,\"a/b\",2,0,\"x\"",
        good: "+MQTTPUB: 101,1",
        bad: "+MQTTPUB: 101,0",
    },
    Trial { name: "ping", before: &[OPEN], then: "", good: "pingresp", bad: "+MQTTBREAK: 101,1" },
    Trial { name: "CLOSE", before: &[OPEN], then: "AT+MQTTCLOSE=101", good: "disconnect", bad: "+MQTTCLOSE: 101,1" },
];

/// What came of the runs of a trial.
#[derive(Clone, Copy, Default)]
pub(crate) struct Outcome {
    /// Runs that failed.
    pub(crate) failed: u32,
    /// Datagrams of the modem, of all runs.
    pub(crate) sent: u32,
}

/// Runs a trial once for each seed, with so many datagrams of a hundred lost each way.
pub(crate) fn try_all(trial: &Trial, settings: &Arc<Settings>, loss: u64, seeds: u32) -> Outcome {
    let mut outcome = Outcome::default();
    for seed in 0..seeds {
        let mut world = World::new(settings.clone(), u64::from(seed));
        for line in trial.before {
            world.types(line);
            world.runs(|_| false);
        }
        (world.loss, world.sent) = (loss, 0);
        world.seen.clear();
        if trial.then.is_empty() {
            world.runs(|world| world.sent > 0);
        } else {
            world.types(trial.then);
        }
        world.runs(|world| [trial.good, trial.bad].iter().any(|end| world.seen.contains(end)));
        outcome.failed += u32::from(!world.seen.contains(trial.good));
        outcome.sent += world.sent;
    }
    outcome
}

/// Its time, a number that keeps the order, whether it goes to the modem, and the datagram.
type Arrival = Reverse<(Instant, u64, bool, Vec<u8>)>;

/// A modem, its gateway, and what is on the way between them.
struct World {
    modem: Modem,
    outbox: Outbox,
    now: Instant,
    loss: u64,
    random: u64,
    /// Datagrams by the time of their arrival; to the modem, or from it.
    on_the_way: BinaryHeap<Arrival>,
    count: u64,
    sent: u32,
    /// Lines for the host, and what the gateway said last.
    seen: String,
}

impl World {
    fn new(settings: Arc<Settings>, seed: u64) -> World {
        let mut world = World {
            modem: Modem::new(settings, Imei::default()),
            outbox: Outbox::default(),
            now: Instant::START,
            loss: 0,
            random: seed,
            on_the_way: BinaryHeap::new(),
            count: 0,
            sent: 0,
            seen: String::new(),
        };
        world.step(Input::Host(Host::Attached));
        world
    }

    fn types(&mut self, line: &str) {
        self.step(Input::Serial(format!("{line}\r").as_bytes()));
    }

    /// Goes on until that is so, or nothing is left but a ping that is far off.
    fn runs(&mut self, is_over: impl Fn(&World) -> bool) {
        let pinging = self.on_the_way.is_empty() && self.seen.is_empty() && self.sent == 0;
        let end = self.now + Duration::from_secs(if pinging { 300 } else { 50 });
        while !is_over(self) {
            let arrival = self.on_the_way.peek().map(|Reverse((at, ..))| *at);
            let Some(next) = [arrival, self.modem.deadline()].into_iter().flatten().min().filter(|next| *next < end)
            else {
                return;
            };
            self.now = self.now.max(next);
            let arrived = arrival.is_some_and(|at| at <= self.now).then(|| self.on_the_way.pop()).flatten();
            match arrived {
                Some(Reverse((_, _, true, bytes))) => self.step(Input::Received(LINK, &bytes)),
                Some(Reverse((_, _, false, bytes))) => self.gateway(&bytes),
                None => self.step(Input::Tick),
            }
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let mut outbox = std::mem::take(&mut self.outbox);
        outbox.clear();
        self.modem.handle(self.now, input, &mut outbox);
        let mut opens = false;
        for effect in outbox.effects() {
            match effect {
                Effect::Open { .. } => opens = true,
                Effect::Send(_, marked) => {
                    self.sent += 1;
                    self.carry(false, Duration::ZERO, marked.bytes().into());
                }
                Effect::Serial(Kind::Urc, marked) => self.seen.push_str(&String::from_utf8_lossy(marked.bytes())),
                _ => {}
            }
        }
        self.outbox = outbox;
        if opens {
            self.step(Input::Opened(LINK));
        }
    }

    /// Answers as a gateway does; it makes no difference between copies.
    fn gateway(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else { return };
        let (answer, delay) = match packet {
            Packet::Connect(connect) if connect.will => ("willtopicreq".into(), Duration::ZERO),
            Packet::Connect(_) => ("connack 0".into(), BROKER),
            Packet::Willtopic(_) => ("willmsgreq".into(), Duration::ZERO),
            Packet::Willmsg(_) => ("connack 0".into(), BROKER),
            Packet::Register { id, .. } => (format!("regack #{id} @1 0"), Duration::ZERO),
            Packet::Publish(Publish { qos: Some(qos), id, .. }) if qos.number() == 2 => {
                (format!("pubrec #{id}"), BROKER)
            }
            Packet::Publish(Publish { id, .. }) => (format!("puback #{id} @1 0"), BROKER),
            Packet::Pubrel(id) => (format!("pubcomp #{id}"), BROKER),
            Packet::Subscribe { id, .. } => (format!("suback #{id} @1 q1 0"), BROKER),
            Packet::Willmsgupd(_) => ("willmsgresp 0".into(), Duration::ZERO),
            Packet::Pingreq { .. } => ("pingresp".into(), Duration::ZERO),
            Packet::Disconnect { .. } => ("disconnect".into(), Duration::ZERO),
            _ => return,
        };
        // What the host is told nothing of counts when the gateway hears it.
        if let Packet::Disconnect { .. } = packet {
            self.seen.push_str("disconnect");
        }
        self.carry(true, delay, parse_words(&answer).expect("these are words"));
    }

    fn carry(&mut self, to_modem: bool, delay: Duration, bytes: Vec<u8>) {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.random;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (number ^ number >> 31) % 100 < self.loss {
            return;
        }
        if to_modem && Packet::decode(&bytes) == Ok(Packet::Pingresp) {
            self.seen.push_str("pingresp");
        }
        self.count += 1;
        self.on_the_way.push(Reverse((self.now + delay + WAY, self.count, to_modem, bytes)));
    }
}

#[allow(dead_code, reason = "a test takes the rest of this file")]
fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let seeds = words.next().map_or(Ok(1000), |seeds| seeds.parse());
    let mut settings = Settings { echo: false, gap: Duration::ZERO, ..Settings::default() };
    let set = |word: String| match word.split_once('=') {
        Some((key, value)) => settings.set(key, value).map_err(|bad| bad.to_string()),
        None => Err(format!("{word:?} is not KEY=VALUE")),
    };
    let seeds: u32 = match (seeds, words.try_for_each(set)) {
        (Ok(seeds), Ok(())) => seeds,
        (Err(error), _) => return complain(&error.to_string()),
        (_, Err(error)) => return complain(&error),
    };
    let settings = Arc::new(settings);
    println!("| | 0 % lost | 10 % | 30 % | 50 % |\n|---|---|---|---|---|");
    for trial in TRIALS {
        let cells = [0, 10, 30, 50].map(|loss| {
            let Outcome { failed, sent } = try_all(trial, &settings, loss, seeds);
            let per_run = |number: u32| f64::from(number) / f64::from(seeds.max(1));
            format!("{:.2} % ({:.1})", 100.0 * per_run(failed), per_run(sent))
        });
        println!("| {} | {} |", trial.name, cells.join(" | "));
    }
    ExitCode::SUCCESS
}

#[allow(dead_code, reason = "a test takes the rest of this file")]
fn complain(error: &str) -> ExitCode {
    eprintln!("sn_loss: {error}");
    ExitCode::FAILURE
}
