//! Basic commands of V.250.

use core::fmt::{self, Write};

use crate::at::{Answer, Args, Command, ErrorStyle, Param, Problem};
use crate::modem::Turn;
use crate::outbox::Sink;
use crate::reports;

pub(super) const AT_E: Command = Command {
    name: "E",
    source: "V.250 6.2.4",
    summary: "Sends what the host types back to it, or not.",
    params: &[Param::number("value", 0, 1).optional()],
    errors: ErrorStyle::Plain,
    test: false,
    set: Some(set_echo),
    ..Command::ROW
};

fn set_echo(turn: &mut Turn<'_>, args: &Args<'_>) -> Result<Answer, Problem> {
    turn.modem.echo = args.flag(0);
    Ok(Answer::Done)
}

pub(super) const AT_I: Command = Command {
    name: "I",
    source: "V.250 6.1.3",
    summary: "Tells who made the module, its model and its version.",
    params: &[Param::number("value", 0, 0).optional()],
    errors: ErrorStyle::Plain,
    test: false,
    set: Some(identify),
    ..Command::ROW
};

fn identify(turn: &mut Turn<'_>, _: &Args<'_>) -> Result<Answer, Problem> {
    let model = turn.modem.settings.model.name;
    turn.info(|line| line.write_str("Fibocom"));
    turn.info(|line| line.write_str(model));
    turn.info(|line| line.write_str(concat!("quasimodem ", env!("CARGO_PKG_VERSION"))));
    Ok(Answer::Done)
}

/// Writes a string constant: control characters as `\HH` (V.250 5.4.2.2), everything else as it was stored.
pub(super) fn put_quoted(text: &[u8], to: &mut (impl Sink + Write)) -> fmt::Result {
    to.put(b"\"");
    reports::put_visible(text, to);
    to.put(b"\"");
    Ok(())
}
