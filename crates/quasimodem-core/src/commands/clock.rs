//! The clock (27.007 8.15, 8.40): the network's, or the one that the host set.

use core::fmt::Write;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::shown;
use crate::at::{Answer, Args, Command, Limit, Param, ParamKind, Problem};
use crate::profile::HostClock;
use crate::turn::Turn;

pub(super) const CCLK: Command = Command {
    name: "+CCLK",
    source: "27.007 8.15",
    summary: "Tells the wall clock, or sets it: \"yy/MM/dd,hh:mm:ss±zz\", zz being quarters of an hour. Clouds \
              and certificates go by it. What was set counts until the program ends, or until AT+CTZU=1.",
    params: &[Param::new("time", ParamKind::Text(Limit::Fixed(20)))],
    set: Some(set),
    read: Some(|turn, _| {
        let seconds = turn.modem.clock(turn.now).unwrap_or(UNSET);
        let zone = turn.modem.rare().and_then(|rare| rare.clock).map_or(0, |clock| clock.zone);
        let offset = UtcOffset::from_whole_seconds(i32::from(zone) * QUARTER).unwrap_or(UtcOffset::UTC);
        let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let time = time.checked_to_offset(offset).unwrap_or(time);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        turn.info(|line| {
            let (year, month) = (year.rem_euclid(100), u8::from(month));
            write!(line, "+CCLK: \"{year:02}/{month:02}/{day:02},{hour:02}:{minute:02}:{second:02}{zone:+03}\"")
        });
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// 1980-01-06T00:00:00Z, as modules show it before a network told the time.
const UNSET: i64 = 315_964_800;

/// Seconds of a time zone's unit.
const QUARTER: i32 = 15 * 60;

/// The zones that 27.007 8.15 has, in quarters of an hour.
const ZONE_MAX: i8 = 96;

/// The first year, of two digits, that belongs to the 20th century: a clock that was never set shows 1980.
const CENTURY: i32 = 80;

fn set(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    let (local, zone) = parse(args.text(0)).ok_or(Problem::NotATime("time"))?;
    let seconds = local.assume_utc().unix_timestamp() - i64::from(i32::from(zone) * QUARTER);
    let clock = HostClock { seconds, at: turn.now, zone };
    turn.modem.change_rare(|rare| rare.clock = Some(clock));
    // A clock that follows the network would not stay as it was set.
    shown::set(turn, &CTZU, 0, 0);
    Ok(Answer::Done)
}

/// Reads `yy/MM/dd,hh:mm:ss±zz`, the zone perhaps left out.
fn parse(text: &str) -> Option<(PrimitiveDateTime, i8)> {
    let (time, zone) = match text.find(['+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, "+00"),
    };
    let [year, month, day, hour, minute, second] = numbers(time, [b'/', b'/', b',', b':', b':'])?;
    let year = i32::from(year);
    let year = if year < CENTURY { 2000 + year } else { 1900 + year };
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let time = Time::from_hms(hour, minute, second).ok()?;
    let (sign, digits) = zone.split_at_checked(1)?;
    let [quarters] = numbers(digits, [])?;
    let quarters = i8::try_from(quarters).ok().filter(|quarters| *quarters <= ZONE_MAX)?;
    Some((PrimitiveDateTime::new(date, time), if sign == "-" { -quarters } else { quarters }))
}

/// Numbers of two digits with these characters between them.
fn numbers<const N: usize, const M: usize>(text: &str, separators: [u8; M]) -> Option<[u8; N]> {
    let mut numbers = [0; N];
    let mut rest = text.as_bytes();
    for (place, number) in numbers.iter_mut().enumerate() {
        if let Some(separator) = place.checked_sub(1).and_then(|before| separators.get(before)) {
            rest = rest.strip_prefix(&[*separator])?;
        }
        let (&[tens, ones], behind) = rest.split_first_chunk()?;
        if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
            return None;
        }
        *number = (tens - b'0') * 10 + (ones - b'0');
        rest = behind;
    }
    rest.is_empty().then_some(numbers)
}

pub(super) const CTZU: Command = Command {
    name: "+CTZU",
    source: "27.007 8.40",
    summary: "Lets the clock follow the network (1), or leaves it as the host sets it (0).",
    params: &[Param::number("onoff", 0, 1)],
    set: Some(|turn, args| {
        if args.flag(0) && turn.modem.rare().is_some() {
            turn.modem.change_rare(|rare| rare.clock = None);
        }
        shown::set(turn, &CTZU, 0, args.small(0));
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let follows = shown::value(turn, &CTZU, 0);
        turn.info(|line| write!(line, "+CTZU: {follows}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};
