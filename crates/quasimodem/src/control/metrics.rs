//! Numbers for Prometheus, in its text format (version 0.0.4).

use std::fmt::{Display, Write};

use axum::http::header;
use axum::response::IntoResponse;
use quasimodem_core::{Condition, Connection};

use super::routes::{Answered, Asked};

/// What a modem's number says, and how it is found.
type OfModem = (&'static str, &'static str, fn(&quasimodem_lab::state::State) -> Option<u64>);

/// The gauges of a modem.
const OF_MODEM: &[OfModem] = &[
    ("modem_on", "Whether the module runs.", |state| Some((state.power == Condition::On).into())),
    ("modem_host", "Whether a host has the port.", |state| Some(state.host.into())),
    ("modem_registration", "The registration (27.007 7.2).", |state| Some(state.radio.registration as u64)),
    ("modem_rssi", "The strength of the signal (27.007 8.5); 99 if it is not known.", |state| {
        Some(state.radio.signal.0.into())
    }),
    ("modem_clients_open", "Clients whose connection is open.", |state| {
        let open = state.clients.iter().filter(|client| client.connection == Some(Connection::Open));
        u64::try_from(open.count()).ok()
    }),
    ("modem_unread", "Messages that the host has not read.", |state| {
        u64::try_from(state.clients.iter().map(|client| client.unread).sum::<usize>()).ok()
    }),
];

pub(super) async fn show(asked: Asked) -> Answered {
    let app = &asked.app;
    let mut text = Metrics::default();
    text.head("events_total", "counter", "Events, by name.");
    for (event, count) in app.journal.counts() {
        text.put("events_total", &[("event", event)], count);
    }
    let mut states = Vec::new();
    for station in 0..app.scene.ports.len() {
        states.push((app.name(station), app.look(station).await?));
    }
    for (name, help, number) in OF_MODEM {
        text.head(name, "gauge", help);
        for (modem, state) in &states {
            if let Some(number) = number(state) {
                text.put(name, &[("modem", modem)], number);
            }
        }
    }
    text.head("fault_matches_total", "counter", "Things that a fault was about.");
    text.head("fault_hits_total", "counter", "Things that a fault hit.");
    for (modem, state) in &states {
        for fault in &state.faults {
            let of = [("modem", &**modem), ("id", &fault.id), ("fault", fault.fault)];
            text.put("fault_matches_total", &of, fault.matches);
            text.put("fault_hits_total", &of, fault.hits);
        }
    }
    if let Some(peers) = &app.scene.peers {
        let (broker, gateway) = (peers.broker.usage(), peers.gateway.usage());
        for (name, help, number) in [
            ("broker_connections", "Connections to the broker.", broker.connections),
            ("broker_sessions", "Sessions of the broker.", broker.sessions),
            ("broker_retained", "Retained messages.", broker.retained),
            ("broker_queued", "Messages that wait at the broker.", broker.queued),
            ("gateway_clients", "Clients of the gateway.", gateway.clients),
            ("gateway_queued", "Messages that wait at the gateway.", gateway.queued),
        ] {
            text.head(name, "gauge", help);
            text.put(name, &[], number);
        }
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0).into_response())
}

#[derive(Default)]
struct Metrics(String);

impl Metrics {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP quasimodem_{name} {help}\n# TYPE quasimodem_{name} {kind}");
    }

    fn put(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "quasimodem_{name}{labels} {value}");
    }
}

/// The value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
