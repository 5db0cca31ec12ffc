//! How slow a module is: timing profiles as data, each time with its source.
//!
//! A profile says how long after a command its answer comes, and how long after its final result code its result. `none` is
//! nothing at all; [`NAMES`] are shipped, others come from files ([`Learned`]). No curve is fitted: of five samples or more
//! one is drawn, of fewer any time between the least and the most, and where least, median and most are known, either half
//! in half of the cases. A draw depends on seed, modem, command and how often it was drawn, and on nothing else.

mod learn;
mod slowness;
mod text;

use std::time::Duration;

use quasimodem_core::{COMMANDS, Form, Returns, Settings};

use crate::random::Random;

pub use self::learn::Lessons;
pub(crate) use self::slowness::Slowness;
pub use self::text::{Answer, BadTiming, Learned};

/// The profiles that are shipped, besides `none`.
pub const NAMES: [&str; 2] = ["l610-2026", "limits"];

/// Times of a module.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// Where its times are from.
    pub source: String,
    /// The times hold what the serial line takes at this rate, in bits a second.
    pub line: Option<u32>,
    /// The times; the first that fits counts.
    pub times: Vec<Time>,
}

/// How long something takes.
#[derive(Clone, PartialEq, Debug)]
pub struct Time {
    /// The command, without `AT` but for that alone: `+CSQ`.
    pub command: String,
    /// The form that it is about; `None`: each.
    pub form: Option<Form>,
    /// What it is the time of.
    pub of: Of,
    /// When it counts; `None`: always.
    pub when: Option<When>,
    /// From what it is drawn.
    pub spread: Spread,
    /// Where it is from, if its profile does not say it.
    pub source: Option<String>,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// The answer, from the end of the command line: information responses, prompt and final result code.
    Final,
    /// The result of an asynchronous command, from its final result code.
    Result,
}

/// When a time counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    /// The module was registered when the command came, or was not.
    Attached(bool),
    /// The data call was up when the command came, or was not.
    Call(bool),
    /// The final result code begins so, or the last number of the result is this.
    Says(String),
}

/// From what a time is drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Spread {
    /// What was seen.
    Samples(Vec<Duration>),
    /// Least and most.
    Range(Duration, Duration),
    /// Least, median and most.
    Median(Duration, Duration, Duration),
}

/// A profile at a modem.
#[derive(Clone, Debug)]
pub struct Timing {
    pub(crate) profile: Profile,
    /// Quiet between a final result code and what nobody asked for.
    pub(crate) gap: Duration,
    /// Something else takes the line's own time.
    pub(crate) is_paced: bool,
}

impl Timing {
    /// At a modem of these settings; `is_paced` if its bytes take the time of a serial line besides.
    pub fn new(profile: Profile, settings: &Settings, is_paced: bool) -> Timing {
        Timing { profile, gap: settings.gap, is_paced }
    }
}

impl Profile {
    /// One of those that are shipped.
    pub fn named(name: &str) -> Option<Profile> {
        match name {
            "l610-2026" => Learned::parse(L610).ok().map(|learned| learned.profile),
            "limits" => Some(Profile::limits()),
            _ => None,
        }
    }

    /// The text of one that is shipped, as a file has it.
    pub fn text_of(name: &str) -> Option<String> {
        match name {
            "l610-2026" => Some(L610.into()),
            "limits" => Some(Profile::limits().to_string()),
            _ => None,
        }
    }

    /// Final result codes and results that come when 0.9 of the manual's times have passed.
    fn limits() -> Profile {
        let late = |within: Duration| Spread::Range(within * 9 / 10, within * 9 / 10);
        let times = COMMANDS.iter().filter_map(|row| {
            let (of, within, words) = match row.returns {
                Returns::Now => return None,
                Returns::Final { within } => (Of::Final, within, "Max Response Duration"),
                Returns::Urc { within } => (Of::Result, within, "Max Result Returning Duration"),
            };
            Some(Time {
                command: row.name.into(),
                form: Some(Form::Set),
                of,
                when: None,
                spread: late(within),
                source: Some(format!("{}: {words} of {} s", row.source, within.as_secs_f64())),
            })
        });
        Profile {
            name: "limits".into(),
            source: "0.9 of the longest times that the manual allows".into(),
            line: None,
            times: times.collect(),
        }
    }
}

impl Spread {
    /// Draws a time.
    fn draw(&self, chance: &mut Random) -> Duration {
        match self {
            Spread::Samples(samples) if samples.len() >= ENOUGH => {
                samples.get(chance.between(0, samples.len() - 1)).copied().unwrap_or_default()
            }
            Spread::Samples(samples) => {
                let (least, most) = (samples.iter().min(), samples.iter().max());
                chance.time(least.copied().unwrap_or_default(), most.copied().unwrap_or_default())
            }
            Spread::Range(least, most) => chance.time(*least, *most),
            Spread::Median(least, median, _) if chance.chance(50) => chance.time(*least, *median),
            Spread::Median(_, median, most) => chance.time(*median, *most),
        }
    }

    /// All that it says in milliseconds, and by which key files have it.
    pub fn as_millis(&self) -> (&'static str, Vec<f64>) {
        let millis = |time: &Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        match self {
            Spread::Samples(samples) => ("samples_ms", samples.iter().map(millis).collect()),
            Spread::Range(least, most) => ("range_ms", [least, most].map(millis).into()),
            Spread::Median(least, median, most) => ("range_ms", [least, median, most].map(millis).into()),
        }
    }
}

/// So many samples are drawn from as they are.
const ENOUGH: usize = 5;

const L610: &str = include_str!("l610-2026.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_profiles_are_what_their_texts_say() {
        for name in NAMES {
            let (profile, text) = (Profile::named(name).unwrap(), Profile::text_of(name).unwrap());
            assert_eq!(Learned::parse(&text).unwrap().profile, profile, "{name}");
            assert_eq!(Learned::parse(&profile.to_string()).unwrap().profile, profile, "{name}");
            assert!(profile.times.iter().all(|time| time.source.is_some()), "{name}");
        }
    }

    #[test]
    fn draws_stay_within_what_was_seen() {
        let ms = Duration::from_millis;
        let mut chance = Random::new(1);
        let few = Spread::Samples(vec![ms(9), ms(3)]);
        let many = Spread::Samples((1..=5).map(|n| ms(10 * n)).collect());
        let halves = Spread::Median(ms(1), ms(2), ms(100));
        let mut below = 0;
        for _ in 0..1000 {
            assert!((ms(3)..=ms(9)).contains(&few.draw(&mut chance)));
            assert_eq!(many.draw(&mut chance).as_millis() % 10, 0);
            below += usize::from(halves.draw(&mut chance) <= ms(2));
        }
        assert!((450..550).contains(&below), "{below}");
    }
}
