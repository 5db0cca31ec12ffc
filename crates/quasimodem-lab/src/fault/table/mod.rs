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

/// All faults: what the radio side, the module, names and links, and packets do wrong.
pub const ROWS: &[Row] = &ROWS_OF_ALL;

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
    let (mut layer, mut count) = (0, 0);
    while layer < LAYERS.len() {
        let mut place = 0;
        while place < LAYERS[layer].len() {
            rows[count] = LAYERS[layer][place];
            (place, count) = (place + 1, count + 1);
        }
        layer += 1;
    }
    rows
};

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
