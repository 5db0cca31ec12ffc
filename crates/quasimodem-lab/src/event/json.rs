//! Events as lines of JSON (NDJSON).

use std::io::Write;
use std::time::Duration;

use quasimodem_core::Instant;
use time::OffsetDateTime;

use super::row::Value;
use super::table::Endpoint;
use super::{Event, Stamp};

/// Puts an event as one line of JSON, with its line feed: what all events have first, then its own fields.
pub fn put_line(stamp: &Stamp<'_>, event: &Event<'_>, to: &mut Vec<u8>) {
    let Stamp { seq, t, wall, modem, .. } = stamp;
    put(to, format_args!(r#"{{"event":"{}","seq":{seq},"t":"#, event.name()));
    put_seconds(t.since(Instant::START), to);
    if let Some(wall) = wall {
        to.extend_from_slice(b",\"wall\":\"");
        put_wall(*wall, to);
        to.push(b'"');
    }
    if let Some(modem) = modem {
        to.extend_from_slice(b",\"modem\":");
        put_text(modem, to);
    }
    event.fields(&mut |key, value| {
        put(to, format_args!(",\"{key}\":"));
        match value {
            Value::Flag(flag) => put(to, format_args!("{flag}")),
            Value::Number(number) => put(to, format_args!("{number}")),
            Value::Seconds(time) => put_seconds(time, to),
            Value::Text(text) => put_text(text, to),
            Value::Counts(counts) => put_array(counts, to, |count, to| put(to, format_args!("{count}"))),
            Value::Endpoint(Endpoint { host, port }) => {
                to.extend_from_slice(b"{\"host\":");
                put_text(host, to);
                put(to, format_args!(",\"port\":{port}}}"));
            }
            Value::Modems(modems) => put_array(modems, to, |at, to| {
                to.extend_from_slice(b"{\"modem\":");
                put_text(at.modem, to);
                to.extend_from_slice(b",\"port\":");
                put_text(at.port, to);
                to.push(b'}');
            }),
        }
    });
    to.extend_from_slice(b"}\n");
}

/// Puts a time in milliseconds since 1970 as RFC 3339 has it; one that no calendar has, as 1970.
pub fn put_wall(millis: i64, to: &mut Vec<u8>) {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let ((year, month, day), (hour, minute, second, milli)) = (time.to_calendar_date(), time.to_hms_milli());
    let month = u8::from(month);
    put(to, format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"));
}

fn put_array<T>(values: &[T], to: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    to.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            to.push(b',');
        }
        put(value, to);
    }
    to.push(b']');
}

/// With microseconds, which is what the modem counts.
fn put_seconds(time: Duration, to: &mut Vec<u8>) {
    put(to, format_args!("{}.{:06}", time.as_secs(), time.subsec_micros()));
}

fn put_text(text: &str, to: &mut Vec<u8>) {
    // A vector takes all that is written to it.
    let _ = serde_json::to_writer(to, text);
}

fn put(to: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = to.write_fmt(text);
}
