//! Faults of the radio side: what lasts lies on top of what there is, and nothing is set back.

use std::time::Duration;

use quasimodem_core::{Change, Input, Power, Registration};

use super::super::row::{Act, Clock, Due, Layer, Row};
use super::once;
use crate::flat::{Key, Kind, Values};
use crate::transcript::SIMS;

/// Where nothing is known (27.007 8.5).
const NO_SIGNAL: (u8, u8) = (99, 99);

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "coverage-lost",
        layer: Layer::Radio,
        summary: "The network is out of reach: +MIPCALL: 0, +MQTTBREAK with cause 3, and CEREG and CSQ say so.",
        params: &[Key {
            key: "stat",
            kind: Kind::Number(0, 4),
            default: "2",
            meaning: "The registration meanwhile (27.007 7.2).",
        }],
        matches: &[],
        act: Act::Radio(|values, overlay| {
            (overlay.registration, overlay.signal) = (Some(registration(values)), Some(NO_SIGNAL));
        }),
        example: "coverage-lost at=60s lasts=25s",
        source: "tunnels, lifts and cellars: zephyr#77881, zephyr#98478",
    },
    Row {
        name: "registration",
        layer: Layer::Radio,
        summary: "The network answers otherwise: 3 denies, 5 is roaming.",
        params: &[Key {
            key: "stat",
            kind: Kind::Number(0, 5),
            default: "3",
            meaning: "The registration meanwhile (27.007 7.2).",
        }],
        matches: &[],
        act: Act::Radio(|values, overlay| overlay.registration = Some(registration(values))),
        example: "registration stat=3 lasts=1min",
        source: "SIM cards that are not for this network: LilyGo-Modem-Series#474",
    },
    Row {
        name: "signal",
        layer: Layer::Radio,
        summary: "AT+CSQ tells another strength. By itself no packet is lost.",
        params: &[
            Key { key: "rssi", kind: Kind::Rssi, default: "5", meaning: "<rssi> (27.007 8.5)." },
            Key { key: "ber", kind: Kind::Number(0, 99), default: "99", meaning: "<ber> (27.007 8.5)." },
        ],
        matches: &[],
        act: Act::Radio(|values, overlay| overlay.signal = Some((values.byte("rssi"), values.byte("ber")))),
        example: "signal rssi=7 lasts=30s",
        source: "an L610 that has just started says 0,0; hosts wait for 10 to 31",
    },
    Row {
        name: "sim",
        layer: Layer::Radio,
        summary: "The SIM card is not there or not ready: AT+CPIN? and commands answer so, and connections break.",
        params: &[Key {
            key: "state",
            kind: Kind::Word(&["out", "pin", "busy", "failure"]),
            default: "out",
            meaning: "How it is meanwhile.",
        }],
        matches: &[],
        act: Act::Radio(|values, overlay| {
            let state = values.text("state");
            overlay.sim = SIMS.iter().find(|(word, _)| Some(*word) == state).map(|(_, sim)| *sim);
        }),
        example: "sim state=out on='client.open client=1' lasts=10s",
        source: "loose holders and cards that start late: ubxlib#287, kura#2820",
    },
    Row {
        name: "data-call-lost",
        layer: Layer::Radio,
        summary: "The network ends the data call: +MIPCALL: 0, and +MQTTBREAK with cause 2.",
        params: &[],
        matches: &[],
        act: Act::Once(|_| once(Due::Input(Input::Bearer(Change::DataCall(None))))),
        example: "data-call-lost every=1h jitter=5min",
        source: "networks that end it each hour: SIM7000#182",
    },
    Row {
        name: "address-changed",
        layer: Layer::Radio,
        summary: "The module has another address from now on: its connections carry nothing any more, and nobody is told.",
        params: &[Key { key: "ip", kind: Kind::Address, default: "10.0.0.3", meaning: "The new address." }],
        matches: &[],
        act: Act::Once(|values| {
            let address = Input::Bearer(Change::DataCall(values.address("ip")));
            vec![(Duration::ZERO, Due::Input(address)), (Duration::ZERO, Due::Silence)]
        }),
        example: "address-changed on='client.open client=1' after=30s",
        source: "an L610 had another address each session",
    },
    Row {
        name: "clock-wrong",
        layer: Layer::Radio,
        summary: "The network's time is wrong: AT+CCLK? says so, TLS finds certificates not yet valid, clouds refuse logins. What the host sets counts more.",
        params: &[
            Key {
                key: "time",
                kind: Kind::Date,
                default: "1980-01-06",
                meaning: "When it begins, the clock says this day, 00:00 UTC, and goes on.",
            },
            Key {
                key: "offset",
                kind: Kind::Shift,
                default: "",
                meaning: "It is wrong by this instead, such as -1h or 90s.",
            },
        ],
        matches: &[],
        act: Act::Radio(|values, overlay| {
            let day = values.number("time").and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or_default();
            overlay.clock = Some(values.shift("offset").map_or(Clock::At(day), Clock::Off));
        }),
        example: "clock-wrong time=2000-01-01 lasts=1min",
        source: "modules that begin at the epoch of GPS: MKRNB#12, esp-at#432",
    },
    Row {
        name: "data-stall",
        layer: Layer::Radio,
        summary: "All commands are answered, but the network carries nothing: what was sent comes when it is over, datagrams never, and nobody is told.",
        params: &[],
        matches: &[],
        act: Act::Links(|_, _, _, manner| manner.stalled = true),
        example: "data-stall on='client.open client=1' lasts=10s",
        source: "operators whose routes fail: particle PR#2940",
    },
    Row {
        name: "module-reboot",
        layer: Layer::Radio,
        summary: "The module starts anew: connections end without a DISCONNECT, settings are gone, +SIM READY comes.",
        params: &[],
        matches: &[],
        act: Act::Once(|_| once(Due::Input(Input::Power(Power::Reset)))),
        example: "module-reboot on='client.open client=1' after=5s",
        source: "brown-outs and watchdogs: TinyGSM#608, zephyr PR#98656",
    },
];

fn registration(values: &Values) -> Registration {
    Registration::from_number(values.byte("stat")).unwrap_or(Registration::None)
}
