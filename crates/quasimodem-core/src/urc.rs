//! How the lines look that the host is told unasked.

use core::fmt::{self, Write};

use crate::client_id::ClientId;
use crate::message::{Topic, parts};
use crate::mqtt::Qos;
use crate::outbox::{Kind, ModemLine, Outbox};
use crate::profile::Profile;
use crate::radio::put_cell;
use crate::reports::{Owed, Registered, Report};
use crate::settings::{Settings, UrcPayload};
use crate::sink::Sink;
use crate::visible::put_visible;

impl Report {
    /// Prints it.
    pub(crate) fn print(&self, settings: &Settings, profile: &Profile, out: &mut Outbox) {
        match self {
            Report::Result(Owed { command, client, status, .. }) => {
                line(out, format_args!("{command}: {client},{}", u8::from(*status == Some(true))));
            }
            Report::Break(client, cause) => line(out, format_args!("+MQTTBREAK: {client},{}", *cause as u8)),
            Report::Arrived(client, qos, topic, payload) => {
                line(out, format_args!("+MQTTMSGI: {client},{},{topic},{payload}", qos.number()));
            }
            Report::Cloud(told) => {
                let mut piece = out.serial(Kind::Urc);
                piece.put(b"\r\n");
                let _ = told.put(settings.escapes, &mut piece);
                piece.put(b"\r\n");
            }
            Report::Registered(client, registered) => {
                let Registered { by, topic, name } = &**registered;
                print_name(format_args!("{client},{},{topic}", *by as u8), name, settings, out);
            }
            // Names are the session's, which is not at hand here.
            Report::Names(_) | Report::Message(..) => {}
            Report::Banner => line(out, format_args!("{}", settings.banner.as_deref().unwrap_or_default())),
            Report::Ready => line(out, format_args!("+SIM READY")),
            Report::Registration(command, stat) => {
                let cell =
                    fmt::from_fn(|f| if profile.tells_location(command.0) { put_cell(*stat, f) } else { Ok(()) });
                line(out, format_args!("{command}: {}{cell}", *stat as u8));
            }
            Report::Call { address: Some(address), .. } => line(out, format_args!("+MIPCALL: {address}")),
            Report::Call { address: None, .. } => line(out, format_args!("+MIPCALL: 0")),
        }
    }
}

/// Tells the host by the ring indicator that something unsolicited comes.
pub(crate) fn ring(settings: &Settings, out: &mut Outbox) {
    let pulse = settings.ri_pulse;
    if !pulse.is_zero() {
        out.line(ModemLine::RiPulse(pulse));
    }
}

/// Prints `+MQTTMSG`, as several messages if the payload is longer than the model reports (manual 1.9).
pub(crate) fn print_message(
    client: ClientId,
    qos: Qos,
    topic: Topic<'_>,
    payload: &[u8],
    settings: &Settings,
    out: &mut Outbox,
) {
    for part in parts(payload, usize::from(settings.model.message)) {
        let mut piece = out.serial(Kind::Urc);
        let _ = write!(piece, "\r\n+MQTTMSG: {client},{},", qos.number());
        match topic {
            Topic::Name(name) => put_text(name, settings, &mut piece),
            Topic::Id(id) | Topic::Registered(id, _) => {
                let _ = write!(piece, "{id}");
            }
        }
        piece.put(b",");
        put_text(part, settings, &mut piece);
        piece.put(b"\r\n");
    }
}

/// Prints `+MQTTSNREG: ` with a topic name behind what stands in front of it (manual 1.14).
pub(crate) fn print_name(front: fmt::Arguments<'_>, name: &str, settings: &Settings, out: &mut Outbox) {
    let mut piece = out.serial(Kind::Urc);
    let _ = write!(piece, "\r\n+MQTTSNREG: {front},");
    put_text(name.as_bytes(), settings, &mut piece);
    piece.put(b"\r\n");
}

/// Text of the network in quotes.
fn put_text(text: &[u8], settings: &Settings, to: &mut (impl Sink + Write)) {
    to.put(b"\"");
    match settings.urc_payload {
        UrcPayload::Escaped => put_visible(text, to),
        UrcPayload::Raw => to.put(text),
    }
    to.put(b"\"");
}

fn line(out: &mut Outbox, text: fmt::Arguments<'_>) {
    let _ = write!(out.serial(Kind::Urc), "\r\n{text}\r\n");
}
