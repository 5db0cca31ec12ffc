//! The table of faults, by layers.

mod links;
mod module;
mod packets;
mod radio;

use super::row::Row;
use crate::flat::{Key, Kind};

/// All faults: what the radio side, the module, names and links, and packets do wrong.
pub const ROWS: &[Row] = &ROWS_OF_ALL;

const LAYERS: [&[Row]; 4] = [radio::ROWS, module::ROWS, links::ROWS, packets::ROWS];

const COUNT: usize = radio::ROWS.len() + module::ROWS.len() + links::ROWS.len() + packets::ROWS.len();

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
