//! Settings that hosts make and read back: of calls and messages that this module does not have (V.250, 27.007, 27.005).

use core::fmt::Write;

use super::basic::BASIC;
use crate::at::{Answer, Args, Command, Param, ParamKind, Problem};
use crate::turn::Turn;

/// What is not 0 at power-up, by the command and the place of the parameter.
const AT_POWER_UP: &[(&str, usize, u8)] = &[
    ("S2", 0, b'+'),
    ("S3", 0, b'\r'),
    ("S4", 0, b'\n'),
    ("S5", 0, 8),
    ("S6", 0, 2),
    ("S7", 0, 60),
    ("S8", 0, 2),
    ("S10", 0, 14),
    ("S12", 0, 50),
    ("+CTZU", 0, 1),
    ("+CSCS", 0, 1),
];

/// A parameter of such a command as it is now.
pub(super) fn value(turn: &Turn<'_>, row: &Command, place: usize) -> u8 {
    let set = turn.modem.rare().and_then(|rare| rare.shown.get(row.name, place));
    set.unwrap_or_else(|| at_power_up(row, place))
}

fn at_power_up(row: &Command, place: usize) -> u8 {
    let known = AT_POWER_UP.iter().find(|(name, of, _)| *name == row.name && *of == place);
    known.map_or(0, |(_, _, value)| *value)
}

pub(super) fn set(turn: &mut Turn<'_>, row: &Command, place: usize, value: u8) {
    let changed = (value != at_power_up(row, place)).then_some(value);
    turn.modem.change_rare(|rare| rare.shown.set(row.name, place, changed));
}

/// Keeps the parameters that were given.
fn keep(turn: &mut Turn<'_>, args: &Args<'_>, row: &Command) -> Result<Answer, Problem> {
    for place in (0..row.params.len()).filter(|place| args.number(*place).is_some()) {
        set(turn, row, place, args.small(place));
    }
    Ok(Answer::Done)
}

/// Prints all parameters.
fn show(turn: &mut Turn<'_>, row: &Command) -> Result<Answer, Problem> {
    let values: [u8; 2] = core::array::from_fn(|place| value(turn, row, place));
    turn.info(|line| {
        write!(line, "{}: {}", row.name, values[0])?;
        if row.params.len() > 1 { write!(line, ",{}", values[1]) } else { Ok(()) }
    });
    Ok(Answer::Done)
}

/// A row of such a setting.
macro_rules! shown {
    ($row:ident, $name:literal, $source:literal, $summary:literal, $params:expr) => {
        pub(super) const $row: Command = Command {
            name: $name,
            source: $source,
            summary: $summary,
            params: $params,
            set: Some(|turn, args| keep(turn, args, &$row)),
            read: Some(|turn, _| show(turn, &$row)),
            ..Command::ROW
        };
    };
}

shown!(
    CTZR,
    "+CTZR",
    "27.007 8.41",
    "Selects whether a change of the time zone is told; kept, but no network here changes it.",
    &[Param::number("onoff", 0, 3)]
);
shown!(
    CGEREP,
    "+CGEREP",
    "27.007 10.1.19",
    "Selects what is told of the packet service; kept, but there is no +CGEV here: +CREG=1 and +MIPCALL tell.",
    &[Param::number("mode", 0, 2), Param::number("bfr", 0, 1).optional()]
);
shown!(
    CMGF,
    "+CMGF",
    "27.005 3.2.3",
    "Selects how short messages are written; kept, but there are none here.",
    &[Param::number("mode", 0, 1)]
);
shown!(
    FCLASS,
    "+FCLASS",
    "27.007 C.2.1",
    "Selects data (0), the only mode here.",
    &[Param::new("n", ParamKind::OneOf(&[0]))]
);

const CHARACTER_SETS: &[&str] = &["GSM", "IRA", "UCS2"];

pub(super) const CSCS: Command = Command {
    name: "+CSCS",
    source: "27.007 5.5",
    summary: "Selects the character set of the telephone book and of short messages; kept, but there are none here.",
    params: &[Param::new("chset", ParamKind::Word(CHARACTER_SETS))],
    set: Some(|turn, args| {
        let named = |set: &&str| set.eq_ignore_ascii_case(args.text(0));
        let place = CHARACTER_SETS.iter().position(named).and_then(|place| u8::try_from(place).ok());
        set(turn, &CSCS, 0, place.unwrap_or_default());
        Ok(Answer::Done)
    }),
    read: Some(|turn, _| {
        let place = usize::from(value(turn, &CSCS, 0));
        let set = CHARACTER_SETS.get(place).copied().unwrap_or_default();
        turn.info(|line| write!(line, "+CSCS: \"{set}\""));
        Ok(Answer::Done)
    }),
    ..Command::ROW
};

/// A row of an S-parameter; it is shown with three digits (V.250 5.3.2).
macro_rules! register {
    ($row:ident, $name:literal, $source:literal, $min:literal to $max:literal, $summary:literal) => {
        pub(super) const $row: Command = Command {
            name: $name,
            source: $source,
            summary: $summary,
            params: &[Param::number("value", $min, $max)],
            set: Some(|turn, args| keep(turn, args, &$row)),
            read: Some(|turn, _| {
                let value = value(turn, &$row, 0);
                turn.info(|line| write!(line, "{value:03}"));
                Ok(Answer::Done)
            }),
            ..BASIC
        };
    };
}

register!(S0, "S0", "V.250 6.3.8", 0 to 255, "Rings before a call is answered, 0 never; kept, as there are no telephone calls here.");
register!(S2, "S2", "Hayes S2", 0 to 255, "The character that leaves data mode if it comes three times; kept, as there is no data mode here.");
register!(S3, "S3", "V.250 6.2.1", 13 to 13, "The character that ends a command line; it can't be changed.");
register!(S4, "S4", "V.250 6.2.2", 10 to 10, "The character that follows it in answers; it can't be changed.");
register!(S5, "S5", "V.250 6.2.3", 8 to 8, "The character that takes the last one back; it can't be changed.");
register!(S6, "S6", "V.250 6.3.9", 2 to 10, "Seconds before dialling; kept, as there are no telephone calls here.");
register!(S7, "S7", "V.250 6.3.10", 1 to 255, "Seconds for a call to come about; kept, as there are no telephone calls here.");
register!(S8, "S8", "V.250 6.3.11", 0 to 255, "Seconds that a comma in a number waits; kept, as there are no telephone calls here.");
register!(S10, "S10", "V.250 6.3.12", 1 to 254, "Tenths of a second without a carrier that end a call; kept, as there is no carrier here.");
register!(S12, "S12", "Hayes S12", 0 to 255, "Fiftieths of a second of quiet around the characters of S2; kept, as there is no data mode here.");
