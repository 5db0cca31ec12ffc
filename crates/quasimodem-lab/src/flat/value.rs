//! The values of keys, as they are written.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use quasimodem_core::mqtt;
use quasimodem_core::{COMMANDS, ClientId, Link};

use crate::event::{BadCondition, Condition};
use crate::transcript;

/// What the values of a key look like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// A whole number of this range.
    Number(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A name of letters, digits, `-`, `_` and `.`.
    Name,
    /// A client that speaks MQTT.
    MqttClient,
    /// A client.
    Client,
    /// The type of a packet or message, perhaps with a `*` at its end for anything.
    Type,
    /// A topic, or an MQTT filter for several.
    Topic,
    /// A chance: from 0 to 1, or a percentage.
    Chance,
    /// A time with its unit.
    Time,
    /// A time with its unit, longer than nothing.
    Period,
    /// A time with its unit, or a range of them.
    Span,
    /// A number of milliseconds, or a range of them.
    Millis,
    /// A day, as seconds since 1970.
    Date,
    /// A time with its unit, perhaps less than nothing, in seconds.
    Shift,
    /// Which of the matches: `3`, `2..5`, `3,7` or `every 10`.
    Ranks,
    /// How many: `2`, `>=1`.
    Count,
    /// `true` or `false`.
    Flag,
    /// Any text.
    Text,
    /// The name of a topic, without `+` and `#`.
    TopicName,
    /// A packet, in the words of transcripts or as bytes.
    Packet,
    /// A command that the modem knows, perhaps with a `*` at its end for several.
    Command,
    /// The strength of a signal.
    Rssi,
    /// An IPv4 address.
    Address,
    /// An event, and what its fields are to be.
    Condition,
}

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Number(u64),
    Text(String),
    Chance(f64),
    Time(Duration),
    Span((Duration, Duration)),
    Shift(i64),
    Ranks(Ranks),
    Count(RangeInclusive<u64>),
    Flag(bool),
    Address(Ipv4Addr),
    Condition(Condition),
}

/// Which of the matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ranks {
    Every(u64),
    /// In order, apart from each other.
    Of(Vec<RangeInclusive<u64>>),
}

impl Ranks {
    pub(crate) fn contain(&self, rank: u64) -> bool {
        match self {
            Ranks::Every(step) => rank.is_multiple_of(*step),
            Ranks::Of(ranges) => {
                let place = ranges.partition_point(|range| *range.end() < rank);
                ranges.get(place).is_some_and(|range| range.contains(&rank))
            }
        }
    }
}

impl Kind {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// What is expected there.
    pub(super) fn read(self, text: &str) -> Result<Value, String> {
        if let Kind::Condition = self {
            return Ok(Value::Condition(text.parse().map_err(|bad: BadCondition| bad.to_string())?));
        }
        if let (Kind::Span | Kind::Millis, Some((least, most))) = (self, text.split_once(".."))
            && self.read(least).is_ok()
            && self.read(most).is_ok()
            && self.plain(text).is_none()
        {
            return Err(format!("expected the lesser end first, as {}..{}", most.trim(), least.trim()));
        }
        if let (Kind::Time | Kind::Period | Kind::Span | Kind::Millis, true) = (self, self.is_too_long(text)) {
            return Err(format!("expected at most {} days", MOST.as_secs() / 86_400));
        }
        self.plain(text).ok_or_else(|| format!("expected {self}"))
    }

    /// Whether a time in it is a time, and longer than any may be.
    fn is_too_long(self, text: &str) -> bool {
        let read = if self == Kind::Millis { |text: &str| number(text).map(Duration::from_millis) } else { any_time };
        text.split("..").filter_map(|text| read(text.trim())).any(|time| time > MOST)
    }

    fn plain(self, text: &str) -> Option<Value> {
        Some(match self {
            Kind::Number(min, max) => {
                let number = number(text).filter(|number| (min..=max).contains(number))?;
                Value::Number(number)
            }
            Kind::Word(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(text))?;
                Value::Text((*word).into())
            }
            Kind::Name => is_name(text).then(|| Value::Text(text.into()))?,
            Kind::MqttClient => client(text, false)?,
            Kind::Client => client(text, true)?,
            Kind::Type => TYPES.iter().any(|kind| is_meant(text, kind)).then(|| Value::Text(text.into()))?,
            Kind::Topic => mqtt::is_filter(text).then(|| Value::Text(text.into()))?,
            Kind::Chance => Value::Chance(chance(text)?),
            Kind::Time => Value::Time(time(text)?),
            Kind::Period => Value::Time(time(text).filter(|time| time.as_micros() > 0)?),
            Kind::Span => Value::Span(range(text, time)?),
            Kind::Millis => {
                Value::Span(range(text, |text| number(text).map(Duration::from_millis).filter(|time| *time <= MOST))?)
            }
            Kind::Date => Value::Number(date(text)?),
            Kind::Shift => {
                let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
                Value::Shift(sign * i64::try_from(any_time(text)?.as_secs()).ok()?)
            }
            Kind::Ranks => Value::Ranks(ranks(text)?),
            Kind::Count => Value::Count(count(text)?),
            Kind::Flag => Value::Flag(text.parse().ok()?),
            Kind::Text => Value::Text(text.into()),
            Kind::TopicName => mqtt::is_name(text).then(|| Value::Text(text.into()))?,
            // Of which protocol it is, the client says.
            Kind::Packet => [1, 101]
                .iter()
                .any(|client| transcript::packet(Link(*client), text).is_ok())
                .then(|| Value::Text(text.into()))?,
            Kind::Command => Value::Text(command(text)?.into()),
            Kind::Rssi => Value::Number(number(text).filter(|rssi| matches!(rssi, 0..=31 | 99))?),
            Kind::Address => Value::Address(text.parse().ok()?),
            Kind::Condition => return None,
        })
    }
}

/// What is expected there.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Number(min, u64::MAX) => write!(f, "a number from {min} on"),
            Kind::Number(min, max) => write!(f, "a number from {min} to {max}"),
            Kind::Word(words) => f.write_str(&words.join(", ")),
            Kind::Name => f.write_str("a name of letters, digits, -, _ and ."),
            Kind::MqttClient => f.write_str("1 or 2"),
            Kind::Client => f.write_str("1, 2, 101 or 102"),
            Kind::Type => f.write_str("a type of MQTT or MQTT-SN, such as PUBACK or PUB*"),
            Kind::Topic => f.write_str("a topic, or a filter with + and #"),
            Kind::Chance => f.write_str("a chance from 0 to 1, or such as 30%"),
            Kind::Time => f.write_str("a time with its unit, such as 500ms, 1.5s or 2min"),
            Kind::Period => f.write_str("a time with its unit, more than 0, such as 500ms, 1.5s or 2min"),
            Kind::Span => f.write_str("a time with its unit, or a range such as 500ms..2s"),
            Kind::Millis => f.write_str("a number of milliseconds, or a range such as 90..200"),
            Kind::Date => f.write_str("a day from 1970 on, such as 2026-07-20"),
            Kind::Shift => f.write_str("a time with its unit, such as -1h or 90s"),
            Kind::Ranks => f.write_str("3, 2..5, 3,7 or \"every 10\""),
            Kind::Count => f.write_str("a count, such as 2 or >=1"),
            Kind::Flag => f.write_str("true or false"),
            Kind::Text => f.write_str("a text"),
            Kind::TopicName => f.write_str("a topic without + and #"),
            Kind::Packet => f.write_str("a packet, such as \"puback #7\" or \"hex f0 00\""),
            Kind::Command => f.write_str("a command that the modem knows, such as +MQTTOPEN or +MQTT*"),
            Kind::Rssi => f.write_str("0 to 31, or 99"),
            Kind::Address => f.write_str("an IPv4 address"),
            Kind::Condition => f.write_str("an event, such as client.broken client=1"),
        }
    }
}

/// A client, if it speaks MQTT or may speak either.
fn client(text: &str, may_be_sn: bool) -> Option<Value> {
    let client = text.parse().ok().and_then(ClientId::from_number).filter(|client| may_be_sn || !client.is_sn())?;
    Some(Value::Number(client.number().into()))
}

/// The name of a command, without the `AT` that it may be said with.
fn command(text: &str) -> Option<&str> {
    let name = match text.split_at_checked(2) {
        Some((at, name)) if at.eq_ignore_ascii_case("AT") && !name.is_empty() => name,
        _ => text,
    };
    COMMANDS.iter().any(|row| is_meant(name, row.name)).then_some(name)
}

/// Whether it is a name of letters, digits, `-`, `_` and `.`.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(fits)
}

/// Whether a type, a command, a host or an event is meant, by its name or by its beginning and a `*`.
pub fn is_meant(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => kind.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
        None => kind.eq_ignore_ascii_case(wanted),
    }
}

/// The types of MQTT 3.1.1 and of MQTT-SN 1.2, and what can't be read.
const TYPES: &[&str] = &[
    "ADVERTISE",
    "CONNACK",
    "CONNECT",
    "DISCONNECT",
    "ENCAPSULATED",
    "GWINFO",
    "PINGREQ",
    "PINGRESP",
    "PUBACK",
    "PUBCOMP",
    "PUBLISH",
    "PUBREC",
    "PUBREL",
    "REGACK",
    "REGISTER",
    "SEARCHGW",
    "SUBACK",
    "SUBSCRIBE",
    "UNSUBACK",
    "UNSUBSCRIBE",
    "WILLMSG",
    "WILLMSGREQ",
    "WILLMSGRESP",
    "WILLMSGUPD",
    "WILLTOPIC",
    "WILLTOPICREQ",
    "WILLTOPICRESP",
    "WILLTOPICUPD",
    "unknown",
];

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn chance(text: &str) -> Option<f64> {
    let (text, scale) = text.strip_suffix('%').map_or((text, 1.0), |text| (text, 100.0));
    let chance: f64 = text.parse().ok()?;
    let chance = chance / scale;
    (0.0..=1.0).contains(&chance).then_some(chance)
}

/// A time with its unit, from microseconds to hours; at most a year.
pub fn time(text: &str) -> Option<Duration> {
    any_time(text).filter(|time| *time <= MOST)
}

/// The longest time that anything takes: sums of some are still times.
const MOST: Duration = Duration::from_secs(366 * 86_400);

fn any_time(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Seconds since 1970 at the beginning of a day (Hinnant, "chrono-compatible low-level date algorithms").
fn date(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=days).contains(&day) {
        return None;
    }
    // Years begin with March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let since_0 = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    since_0.checked_sub(719_468).map(|days| days * 86_400)
}

/// One value, or two that are the ends of a range.
fn range<T: PartialOrd + Copy>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<(T, T)> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (read(least.trim())?, read(most.trim())?);
    (least <= most).then_some((least, most))
}

fn ranks(text: &str) -> Option<Ranks> {
    if let Some(step) = text.strip_prefix("every ") {
        return step.trim().parse().ok().filter(|step| *step > 0).map(Ranks::Every);
    }
    let ranges = text.split(',').map(|part| match part.split_once("..") {
        Some((first, last)) => Some(first.trim().parse().ok()?..=last.trim().parse().ok()?),
        None => part.trim().parse().ok().map(|rank| rank..=rank),
    });
    let ranges: Vec<RangeInclusive<u64>> = ranges.collect::<Option<_>>()?;
    let are_ranges = ranges.iter().all(|range| *range.start() > 0 && range.start() <= range.end());
    are_ranges.then(|| Ranks::Of(merged(ranges)))
}

/// The same in order, none of which touches another.
fn merged(mut ranges: Vec<RangeInclusive<u64>>) -> Vec<RangeInclusive<u64>> {
    ranges.sort_unstable_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=(*last.end()).max(*range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// How many: `2`, or `>=1`.
pub fn count(text: &str) -> Option<RangeInclusive<u64>> {
    match text.strip_prefix(">=") {
        Some(least) => Some(least.trim().parse().ok()?..=u64::MAX),
        None => text.parse().ok().map(|count| count..=count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_the_wrong_way_round_and_a_time_too_long_are_told() {
        for (kind, text, words) in [
            (Kind::Span, "3s..1s", "expected the lesser end first, as 1s..3s"),
            (Kind::Millis, "300..100", "expected the lesser end first, as 100..300"),
            (Kind::Millis, "99999999999999", "expected at most 366 days"),
            (Kind::Time, "999999999h", "expected at most 366 days"),
            (Kind::Span, "1s..999999999h", "expected at most 366 days"),
            (Kind::Span, "1s..x", "expected a time with its unit, or a range such as 500ms..2s"),
        ] {
            assert_eq!(kind.read(text).unwrap_err(), words, "{text}");
        }
        assert!(Kind::Millis.read("89..202").is_ok() && Kind::Time.read("24h").is_ok());
    }
}
