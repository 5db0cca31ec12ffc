//! Bad days: modems on which faults of the whole table fall, drawn from one number. What a host sees meanwhile may be anything;
//! when they are over, all must go well again.
//!
//! ```
//! let summary = quasimodem_lab::simulation::bad_days::run(1)?;
//! assert!(summary.faults > 0);
//! # Ok::<(), Box<quasimodem_lab::simulation::bad_days::Failure>>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quasimodem_core::{Imei, Input, Instant, Modem, Outbox, Settings};

use crate::broker;
use crate::fault::{self, Happened};
use crate::gateway;
use crate::order::Order;
use crate::pipe::Conditions;
use crate::random::Random;
use crate::recorder::{Recorder, Secrets};
use crate::script::{Host, Mistake, Mode, Program, Who};
use crate::watch::Watch;
use crate::world::{Change, Route, Sites, World};

/// How much happened in a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Faults that were drawn.
    pub faults: usize,
    /// What they hit.
    pub hits: usize,
    /// Calls of `handle` of all modems.
    pub calls: usize,
    /// Virtual time that passed.
    pub time: Duration,
}

/// A run in which something did not go well when all was over. `Display` prints all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// In words.
    pub what: String,
    /// Its faults, each with the modem and the time in milliseconds.
    pub faults: Vec<String>,
    /// What the modem saw and did.
    pub transcript: String,
}

/// How long faults fall, and after which time all are over.
const STORM: Duration = Duration::from_secs(60);
const OVER: Duration = Duration::from_secs(80);

/// How long hosts may take to find their way back, and how long what follows may take.
const BACK: Duration = Duration::from_secs(180);
const WELL: Duration = Duration::from_secs(120);

/// A host that takes what comes.
const HARDENED: &str = r#"
repeat
  within 3s
  > AT+CSQ
  > AT+MQTTOPEN=1,"broker",1883,${random 0..1},${random 5..30}
  < +MQTTOPEN: 1,1
  > AT+MQTTSUB=1,"t",${random 0..2}
  > AT+MQTTPUB=1,"t",${random 0..2},0,"$seq"
  > AT+MQTTPUB=1,"a/b",1,0,$size
  >> ${random 1000..9999}
  > AT+MQTTOPEN=101,"gateway",1884,1,${random 5..30}
  > AT+MQTTPUB=101,"a/b",1,0,"$seq"
  > AT+MIPDNS="broker"
  wait 2s
  > AT+CEER
  > AT+MIPCALL=1
end
"#;

/// It finds its way back: raw data that the modem may wait for times out, half a line ends, and the host dials.
const BACK_AGAIN: &str = r"
wait 25s
>> \r
wait 2s
> ATE1V1Q0
> AT+CFUN=1
wait 40s
> AT+MIPCALL=1
wait 5s
> AT+MQTTCLOSE=1
> AT+MQTTCLOSE=101
wait 60s
";

/// All goes well.
const ALL_WELL: &str = r#"
> AT
> AT+MQTTOPEN=1,"broker",1883,1,60
< +MQTTOPEN: 1,1
> AT+MQTTSUB=1,"back/$index",1
< +MQTTSUB: 1,1
> AT+MQTTPUB=1,"back/$index",1,0,$size
>> here
< +MQTTPUB: 1,1
< +MQTTMSG: 1,1,"back/$index","here"
> AT+MQTTCLOSE=1
< +MQTTCLOSE: 1,1
> AT+MQTTOPEN=101,"gateway",1884,1,60
< +MQTTOPEN: 101,1
> AT+MQTTPUB=101,"a/b",1,0,"here"
< +MQTTPUB: 101,1
> AT+MQTTCLOSE=101
< +MQTTCLOSE: 101,1
"#;

/// Runs the bad day of a seed.
pub fn run(seed: u64) -> Result<Summary, Box<Failure>> {
    let mut day = Day::new(seed, false);
    day.play().map_err(|what| {
        // What happened is written down only where somebody reads it.
        let mut day = Day::new(seed, true);
        let _ = day.play();
        let transcript = day.seen.recorder.map(|mut recorder| {
            recorder.comment(&what);
            recorder.to_string()
        });
        Box::new(Failure { seed, what, faults: day.faults, transcript: transcript.unwrap_or_default() })
    })
}

struct Day {
    world: World,
    hosts: Vec<(Imei, u32)>,
    faults: Vec<String>,
    seen: Seen,
    seed: u64,
}

#[derive(Default)]
struct Seen {
    calls: usize,
    hits: usize,
    recorder: Option<Recorder>,
}

impl Watch for Seen {
    fn modem(&mut self, now: Instant, station: usize, input: &Input<'_>, modem: &Modem, out: &Outbox) {
        self.calls += 1;
        if let Some(recorder) = self.recorder.as_mut().filter(|_| station == 0) {
            recorder.modem(now, station, input, modem, out);
        }
    }

    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        self.hits += usize::from(matches!(what, Happened::Hit { .. }));
    }
}

impl Day {
    fn new(seed: u64, recorded: bool) -> Day {
        let mut random = Random::new(seed ^ 0xbad_da7);
        let mut world = World::new(seed, [broker::Config::default()]);
        world.set_gateway(gateway::Config::default());
        world.set_sites(Sites::ByPort);
        let (mut hosts, mut faults, mut seen) = (Vec::new(), Vec::new(), Seen::default());
        for index in 0..u32::try_from(random.between(1, 2)).unwrap_or(1) {
            let imei = Imei::from_serial(Imei::default().serial() + u64::from(index));
            let settings = Settings {
                gap: random.millis(0, 100),
                search: random.millis(0, 5000),
                boot: random.millis(0, 5000),
                ..Settings::default()
            };
            if recorded && index == 0 {
                seen.recorder = Some(Recorder::new(&settings, imei, Secrets::Shown));
            }
            hosts.push((imei, index));
            let host = host(HARDENED, (imei, index), seed, Mode::Tolerant);
            let Ok(host) = host else { continue };
            let station = world.add(settings, imei, Conditions::default(), Route::default(), host);
            world.plan(Instant::START, Change::Attach(station, true));
            for number in 0..random.between(1, 4) {
                let text = format!("{} id=f{number}", fault::draw(&mut random));
                let at = Instant::START + random.time(Duration::ZERO, STORM);
                if let Ok(spec) = text.parse() {
                    let order = Order::Fault(fault::Order::Put(spec));
                    world.plan(at, Change::Order(station, order));
                    faults.push(format!("{station} {} {text}", at.since(Instant::START).as_millis()));
                }
            }
            world.plan(Instant::START + OVER, Change::Order(station, Order::Fault(fault::Order::Clear(None))));
        }
        Day { world, hosts, faults, seen, seed }
    }

    fn play(&mut self) -> Result<Summary, String> {
        let over = Instant::START + OVER;
        self.pass(over)?;
        self.give(BACK_AGAIN, Mode::Tolerant)?;
        self.pass(over + BACK)?;
        self.give(ALL_WELL, Mode::Strict)?;
        self.pass(over + BACK + WELL)?;
        for station in 0..self.world.stations() {
            match self.world.host(station).and_then(Host::outcome) {
                Some(Ok(())) => {}
                Some(Err(failure)) => return Err(format!("modem {station}: {failure}")),
                None => return Err(format!("modem {station}: its host never ends")),
            }
            if self.world.modem(station).is_some_and(Modem::owes) {
                return Err(format!("modem {station} owes its host something in the end"));
            }
        }
        let time = self.world.now().since(Instant::START);
        Ok(Summary { faults: self.faults.len(), hits: self.seen.hits, calls: self.seen.calls, time })
    }

    fn give(&mut self, program: &str, mode: Mode) -> Result<(), String> {
        for (station, who) in self.hosts.clone().into_iter().enumerate() {
            let host = host(program, who, self.seed, mode).map_err(|mistake| mistake.to_string())?;
            self.world.give(station, host, &mut self.seen);
        }
        Ok(())
    }

    /// Lets all happen up to then; nothing may happen for ever at one time.
    fn pass(&mut self, end: Instant) -> Result<(), String> {
        for _ in 0..STEPS {
            if !self.world.step(end, &mut self.seen) {
                self.world.rest_until(end);
                return Ok(());
            }
        }
        Err("something happens over and over".into())
    }
}

/// Steps up to a time, at most: many times what any takes.
const STEPS: usize = 2_000_000;

fn host(program: &str, (imei, index): (Imei, u32), seed: u64, mode: Mode) -> Result<Host, Mistake> {
    let who = Who { modem: format!("modem{}", index + 1).into(), index, imei, seed };
    Ok(Host::new(Arc::new(Program::parse(program, &[])?), who, mode))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, what, faults, transcript } = self;
        writeln!(f, "bad day {seed}: {what}")?;
        faults.iter().try_for_each(|fault| writeln!(f, "fault at modem and millisecond {fault}"))?;
        f.write_str(transcript)
    }
}

impl std::error::Error for Failure {}
