//! Events: what happens, typed, for people and programs; the same in real and in virtual time.
//!
//! One more event is a row of [`Event::ROWS`] and the place in [`Reporter`] that tells it; its line of JSON, its schema and its
//! page follow from the row.

#[macro_use]
mod making;

mod condition;
mod from_host;
mod json;
mod names;
mod reporter;
mod row;
mod schema;
mod secrets;
mod station;
mod table;
mod tapped;
mod traffic;

use quasimodem_core::Instant;

pub use self::condition::{BadCondition, Condition};
pub use self::json::{put_line, put_wall};
pub use self::names::Names;
pub use self::reporter::{Listener, Reporter};
pub use self::row::{Field, Form, Row, Value};
pub use self::schema::schema;
pub use self::station::Seen;
pub use self::table::{Endpoint, Event, ModemAt};

/// The version of the schema: it grows only if programs that read events have to change.
pub const SCHEMA: u32 = 1;

/// When and at which modem an event happened.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// Counts the events of a run from 1.
    pub seq: u64,
    /// When, since the start.
    pub t: Instant,
    /// What time it was, in milliseconds since 1970; `None` in virtual time, so that runs of one seed are the same.
    pub wall: Option<i64>,
    /// The station, by its number; `None` for what is no modem's.
    pub station: Option<usize>,
    /// The name of its modem.
    pub modem: Option<&'a str>,
}
