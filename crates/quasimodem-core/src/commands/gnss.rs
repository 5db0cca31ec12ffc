//! Satellite navigation, as modules with a receiver have it. There is none here, so that it never knows where it is.

use core::fmt::Write;

use crate::at::{Answer, Command, Param, Problem, Test};
use crate::turn::Turn;

pub(super) const GTGPSPOWER: Command = Command {
    name: "+GTGPSPOWER",
    source: "Fibocom +GTGPSPOWER",
    summary: "Switches satellite navigation on (1) or off (0); there is no receiver here.",
    params: &[Param::number("power", 0, 1)],
    set: Some(|turn, args| {
        let on = args.flag(0);
        turn.modem.change_rare(|rare| rare.gnss = on);
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let on = u8::from(is_on(turn));
        turn.info(|line| write!(line, "+GTGPSPOWER: {on}"));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// NMEA 0183, with nothing received: no time, no place, no satellite.
const NOTHING_RECEIVED: [&str; 4] =
    ["$GNRMC,,V,,,,,,,,,,N*4D", "$GNGGA,,,,,,0,,,,,,,,*78", "$GPGSA,A,1,,,,,,,,,,,,,,,,*32", "$GPGSV,1,1,0,1*54"];

pub(super) const GTGPS: Command = Command {
    name: "+GTGPS",
    source: "Fibocom +GTGPS",
    summary: "Tells where the module is, in sentences of NMEA 0183; those here say that nothing is received.",
    test: Test::Words(&["\"RMC\",\"GGA\",\"GSA\",\"GSV\""]),
    ..Command::telling(|turn, _| {
        if !is_on(turn) {
            return Err(Problem::NoReceiver);
        }
        turn.info(|line| line.write_str("+GTGPS: "));
        for sentence in NOTHING_RECEIVED {
            turn.info(|line| line.write_str(sentence));
        }
        Ok(Answer::Done)
    })
};

fn is_on(turn: &Turn<'_>) -> bool {
    turn.modem.rare().is_some_and(|rare| rare.gnss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_with_their_checksums() {
        for sentence in NOTHING_RECEIVED {
            let (body, sum) = sentence.strip_prefix('$').and_then(|rest| rest.split_once('*')).unwrap();
            let due = body.bytes().fold(0, |sum, byte| sum ^ byte);
            assert_eq!(u8::from_str_radix(sum, 16), Ok(due), "{sentence}");
        }
    }
}
