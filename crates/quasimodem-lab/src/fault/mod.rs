//! Faults: what goes wrong on purpose, by name.
//!
//! One more fault is a row of [`ROWS`] and the function that it names. What a user says of it, in whatever form, is a flat
//! list of keys and values ([`Spec`]).

mod row;
mod spec;
mod table;
mod value;

pub use self::row::{COMMON, Key, Row};
pub use self::spec::{BadSpec, Spec};
pub use self::table::ROWS;
pub use self::value::Kind;
