//! The same over MQTT-SN: a modem with the clients 101 and 102, the lab gateway and the lab broker, over a network that
//! loses datagrams, doubles them and changes their order, all drawn from one number.
//!
//! In every other run that is not all: the gateway is silent or starts anew, says things that nobody asked for or that it
//! said long ago, the SIM goes, the host resets the modem, and both clients may have the same client id. Then this ends, and
//! all must go well again.
//!
//! ```
//! let summary = quasimodem_lab::simulation::sn::run(2)?;
//! assert!(summary.lost > 0);
//! # Ok::<(), Box<quasimodem_lab::simulation::sn::Failure>>(())
//! ```
//!
//! # What must hold
//!
//! - Each command that was answered OK gets its one result in time, in the order of the commands of its client and name.
//!   Command lines are echoed if and only if the echo is on.
//! - What is reported as published at QoS 1 or 2 has reached a subscriber then, under the topic that the host meant and with
//!   that payload; at QoS 2 once, and nothing of QoS 2 ever twice. A number that the host writes for a topic keeps its
//!   meaning.
//! - What the broker takes at QoS 1 or 2 for a client that is subscribed arrives at its host, for as long as the session
//!   lasts, in spite of breaks: at QoS 2 once, if the network brings no copies late. What is too long comes in parts, whole.
//! - What was in flight when the connection of a kept session broke goes on with the next one. No identifier is used for
//!   another message as long as the gateway may hold one.
//! - A gateway that is silent for the keep-alive time, and for that of a ping, is given up. No connection ends for less, nor
//!   because of what a gateway says twice or unasked.
//! - A connection that is lost leaves the will that the gateway has accepted last, once; one that is closed leaves none. The
//!   modem tells the will that its host has set.
//! - When nothing goes wrong any more, clients come back, and what they ask for succeeds.
//! - In the end all is quiet: nobody is owed anything, no link is open, no timer runs, and the gateway holds nothing of
//!   clients that are gone.

mod host;
mod network;
mod numbers;
mod watch;
mod wills;
mod world;

use std::fmt;
use std::time::Duration;

use quasimodem_core::Modem;

use self::world::World;

/// How much happened in a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Commands that were accepted.
    pub commands: usize,
    /// Results that told of success.
    pub successes: usize,
    /// Messages that came from the modem to the broker.
    pub published: usize,
    /// Messages of QoS 1 and 2 that came from the broker to the host.
    pub delivered: usize,
    /// Connections that broke.
    pub breaks: usize,
    /// Messages that were taken up after a break.
    pub resumes: usize,
    /// Messages that were published to the number of a topic.
    pub numbers: usize,
    /// Wills that were published.
    pub wills: usize,
    /// How often a modem was reset.
    pub resets: usize,
    /// How often the gateway started anew.
    pub restarts: usize,
    /// How often one client took the other one's place at the gateway.
    pub takeovers: usize,
    /// Datagrams that were sent.
    pub datagrams: usize,
    /// Datagrams that were lost.
    pub lost: usize,
    /// Virtual time that passed.
    pub time: Duration,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Summary) {
        self.commands += other.commands;
        self.successes += other.successes;
        self.published += other.published;
        self.delivered += other.delivered;
        self.breaks += other.breaks;
        self.resumes += other.resumes;
        self.numbers += other.numbers;
        self.wills += other.wills;
        self.resets += other.resets;
        self.restarts += other.restarts;
        self.takeovers += other.takeovers;
        self.datagrams += other.datagrams;
        self.lost += other.lost;
        self.time += other.time;
    }
}

/// A run in which something did not hold. `Display` prints all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
    /// What happened before, one thing a line.
    pub log: Vec<String>,
    /// What the modem saw and did up to then, to be replayed by [`transcript::run`](crate::transcript::run).
    pub transcript: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.transcript)?;
        self.log.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(f, "seed {} over MQTT-SN: {}", self.seed, self.what)
    }
}

/// Runs the scenario of a seed and checks it.
pub fn run(seed: u64) -> Result<Summary, Box<Failure>> {
    let mut world = World::draw(seed);
    world.play().map(|()| world.summary()).map_err(|_| failure(seed, World::play))
}

/// The transcript of the modem in the run of a seed.
pub fn transcript(seed: u64) -> String {
    failure(seed, World::play).transcript
}

/// The modem after the run of a seed, when its host has let the gateway forget its clients and set all afresh, and one that
/// was just switched on and did nothing but that. Nothing tells them apart, or something stayed behind.
pub fn rested(seed: u64) -> Result<(Modem, Modem), Box<Failure>> {
    let rest = |mut world: World, play: fn(&mut World) -> Result<(), String>| {
        play(&mut world).and_then(|()| world.begin_anew()).map(|()| world.into_modem())
    };
    let used = rest(World::draw(seed), World::play).map_err(|_| {
        failure(seed, |world| {
            world.play()?;
            world.begin_anew()
        })
    })?;
    let fresh = rest(World::draw(seed), |_| Ok(())).map_err(|_| failure(seed, World::begin_anew))?;
    Ok((used, fresh))
}

/// The same once more, with somebody who takes notes.
fn failure(seed: u64, play: impl Fn(&mut World) -> Result<(), String>) -> Box<Failure> {
    let mut world = World::draw(seed);
    world.take_notes();
    let what = play(&mut world).err().unwrap_or_else(|| "nothing goes wrong".into());
    let (log, transcript) = world.into_notes(&what);
    Box::new(Failure { seed, what, log, transcript })
}
