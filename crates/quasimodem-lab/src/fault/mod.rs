//! Faults: what goes wrong on purpose, by name.
//!
//! One more fault is a row of [`ROWS`] and the function that it names. What a user says of it, in whatever form, is a flat
//! list of keys and values ([`Spec`]); a [`Plan`] decides which packets are hit, and [`Filters`] do it on the links of a
//! station. Where there is no fault, nothing of this is there.

mod carried;
mod clock;
mod drawn;
mod filters;
mod hand;
mod held;
mod item;
mod life;
mod line;
mod marks;
mod overlaid;
mod plan;
mod row;
mod spec;
mod table;

pub(crate) use self::drawn::draw;
pub use self::filters::Filters;
pub(crate) use self::plan::hash;
pub use self::plan::{Happened, Known, Plan, Stage, Unhit};
#[cfg(test)]
pub(crate) use self::row::{Act, Packets};
pub use self::row::{COMMON, Due, Layer, Row};
pub use self::spec::{Cue, Order, Spec};
pub use self::table::{ALIASES, ROWS};
