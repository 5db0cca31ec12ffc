//! The table of faults, by layers.

mod inject;
mod lab;
mod line;
mod links;
mod module;
mod packets;
mod radio;
mod tls;

use std::time::Duration;

use super::row::{Due, Row};
use crate::flat::{Key, Kind, Values};

/// All faults: those that people use daily, then the others by their layers.
pub const ROWS: &[Row] = &ROWS_OF_ALL;

/// Short names that stand for a fault and some of its keys.
pub const ALIASES: &[(&str, &str)] = &[
    ("puback-lost", "packet-drop type=PUBACK"),
    ("connack-lost", "packet-drop type=CONNACK"),
    ("pingresp-lost", "packet-drop type=PINGRESP"),
    ("nat-timeout", "link-half-open"),
    ("airplane", "coverage-lost stat=0"),
    ("sn-forget-topic", "sn-reject type=PUBACK code=2"),
];

/// Those that people use daily; the rest is by layers.
const DAILY: [&str; 12] = [
    "packet-drop",
    "packet-delay",
    "connack-code",
    "suback-failure",
    "coverage-lost",
    "link-end",
    "link-half-open",
    "connect-refused",
    "command-error",
    "final-delay",
    "urc-lost",
    "module-reboot",
];

const LAYERS: [&[Row]; 8] =
    [radio::ROWS, module::ROWS, line::ROWS, links::ROWS, tls::ROWS, packets::ROWS, inject::ROWS, lab::ROWS];

const COUNT: usize = {
    let (mut layer, mut count) = (0, 0);
    while layer < LAYERS.len() {
        count += LAYERS[layer].len();
        layer += 1;
    }
    count
};

const ROWS_OF_ALL: [Row; COUNT] = {
    let mut rows = [LAYERS[0][0]; COUNT];
    let mut count = 0;
    while count < DAILY.len() {
        rows[count] = row(DAILY[count]);
        count += 1;
    }
    let mut layer = 0;
    while layer < LAYERS.len() {
        let mut place = 0;
        while place < LAYERS[layer].len() {
            if !is_daily(LAYERS[layer][place].name) {
                rows[count] = LAYERS[layer][place];
                count += 1;
            }
            place += 1;
        }
        layer += 1;
    }
    rows
};

/// The row of a name that there is.
#[expect(clippy::panic, reason = "while it is compiled: a name above that no row has")]
const fn row(name: &str) -> Row {
    let mut layer = 0;
    while layer < LAYERS.len() {
        let mut place = 0;
        while place < LAYERS[layer].len() {
            if is_same(LAYERS[layer][place].name, name) {
                return LAYERS[layer][place];
            }
            place += 1;
        }
        layer += 1;
    }
    panic!("no row has this name")
}

const fn is_daily(name: &str) -> bool {
    let mut place = 0;
    while place < DAILY.len() {
        if is_same(DAILY[place], name) {
            return true;
        }
        place += 1;
    }
    false
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut place = 0;
    while place < one.len() && place < other.len() && one[place] == other[place] {
        place += 1;
    }
    one.len() == other.len() && place == one.len()
}

/// The client whose it is.
const CLIENT: Key = Key { key: "client", kind: Kind::Client, default: "", meaning: "The client whose it is." };

/// One thing, at once.
fn once(due: Due) -> Vec<(Duration, Due)> {
    vec![(Duration::ZERO, due)]
}

/// As many as `copies` says, each `gap` later than the one before; they are numbered from 1.
fn copies(values: &Values, make: impl Fn(u32) -> Due) -> Vec<(Duration, Due)> {
    let count = values.number("copies").and_then(|copies| u32::try_from(copies).ok()).unwrap_or(1);
    let gap = values.time("gap").unwrap_or_default();
    (1..=count).map(|number| (gap.saturating_mul(number - 1), make(number))).collect()
}
