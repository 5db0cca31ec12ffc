//! The table of orders.

use quasimodem_core::mqtt::Qos;
use quasimodem_core::{Change, Power, Registration};

use super::{Make, Order, Reset, Row};
use crate::broker;
use crate::fault::{self, Cue};
use crate::flat::{Bad, Key, Kind, Values};
use crate::gateway;
use crate::transcript::{POWERS, SIMS};

/// The id of a fault.
const ID: Key = Key { key: "id", kind: Kind::Name, default: "", meaning: "The id of the fault." };

/// A client of the broker or the gateway.
const CLIENT_ID: Key = Key { key: "client_id", kind: Kind::Text, default: "", meaning: "The client id." };

/// All orders, by their names.
pub const ROWS: &[Row] = &[
    Row {
        name: "broker-kick",
        summary: "The broker ends the connection of a client, without a word; its will is published.",
        keys: &[CLIENT_ID],
        needs: &["client_id"],
        example: "broker-kick client_id=me",
        make: Make::Values(|values| {
            Order::Broker(broker::Order::Kick(values.text("client_id").unwrap_or_default().into()))
        }),
    },
    Row {
        name: "broker-publish",
        summary: "The broker takes a message, as if another client had published it.",
        keys: &[
            Key { key: "topic", kind: Kind::TopicName, default: "", meaning: "Where to." },
            Key { key: "payload", kind: Kind::Text, default: "", meaning: "What; nothing, if left out." },
            Key { key: "qos", kind: Kind::Number(0, 2), default: "0", meaning: "Its QoS." },
            Key { key: "retain", kind: Kind::Flag, default: "false", meaning: "Whether it is retained." },
        ],
        needs: &["topic"],
        example: "broker-publish topic=down/1 payload='reboot now' qos=1",
        make: Make::Values(|values| {
            Order::Broker(broker::Order::Publish {
                topic: values.text("topic").unwrap_or_default().into(),
                payload: values.text("payload").unwrap_or_default().as_bytes().into(),
                qos: Qos::from_number(values.byte("qos")).unwrap_or(Qos::AtMostOnce),
                retain: values.flag("retain") == Some(true),
            })
        }),
    },
    Row {
        name: "broker-restart",
        summary: "The broker goes down and comes up again: all its connections end.",
        keys: &[Key {
            key: "keep",
            kind: Kind::Flag,
            default: "true",
            meaning: "Whether kept sessions and retained messages are still there.",
        }],
        needs: &[],
        example: "broker-restart keep=false",
        make: Make::Values(|values| Order::Broker(broker::Order::Restart { keep: values.flag("keep") != Some(false) })),
    },
    Row {
        name: "clear",
        summary: "A fault is over, or all are; what they have done stays counted.",
        keys: &[ID],
        needs: &[],
        example: "clear id=packet-drop",
        make: Make::Values(|values| Order::Fault(fault::Order::Clear(values.text("id").map(Into::into)))),
    },
    Row {
        name: "console",
        summary: "Types a line at the modem, as a host would, while none has its port; events tell what it answers.",
        keys: &[
            Key { key: "text", kind: Kind::Text, default: "", meaning: "What is typed." },
            Key {
                key: "enter",
                kind: Kind::Flag,
                default: "true",
                meaning: "Whether the end of a line follows; not to raw data.",
            },
        ],
        needs: &["text"],
        example: "console text=AT+CSQ",
        make: Make::Values(|values| {
            let mut typed = values.text("text").unwrap_or_default().as_bytes().to_owned();
            if values.flag("enter") != Some(false) {
                typed.push(b'\r');
            }
            Order::Console(typed)
        }),
    },
    Row {
        name: "fault",
        summary: "A fault is there from now on, in the place of one that has its id: its name and its keys follow.",
        keys: &[],
        needs: &[],
        example: "fault packet-drop type=PUBACK times=1",
        make: Make::Text(|text| -> Result<Order, Bad> { Ok(Order::Fault(fault::Order::Put(text.parse()?))) }),
    },
    Row {
        name: "gateway-kick",
        summary: "The gateway ends the connection of a client with DISCONNECT, as if it were lost; its will is published.",
        keys: &[CLIENT_ID],
        needs: &["client_id"],
        example: "gateway-kick client_id=me",
        make: Make::Values(|values| {
            Order::Gateway(gateway::Order::Kick(values.text("client_id").unwrap_or_default().into()))
        }),
    },
    Row {
        name: "gateway-restart",
        summary: "The gateway goes down and comes up again, and knows no client; nobody is told.",
        keys: &[],
        needs: &[],
        example: "gateway-restart",
        make: Make::Values(|_| Order::Gateway(gateway::Order::Restart)),
    },
    Row {
        name: "reset",
        summary: "All begins anew in one step: faults as at the start, modems as out of their boxes, broker and gateway empty. \
                  Hosts, ports and addresses stay.",
        keys: &[
            Key {
                key: "seed",
                kind: Kind::Number(0, u64::MAX),
                default: "",
                meaning: "What faults draw from, from here on; as before, if left out.",
            },
            Key {
                key: "peers",
                kind: Kind::Word(&["empty", "keep"]),
                default: "empty",
                meaning: "Whether broker and gateway are emptied as well.",
            },
        ],
        needs: &[],
        example: "reset seed=7",
        make: Make::Values(|values| {
            let keeps_peers = values.text("peers") == Some("keep");
            Order::Reset(Reset { seed: values.number("seed"), keeps_peers })
        }),
    },
    Row {
        name: "trigger",
        summary: "A fault begins now, as if the event had come that it waits for, or ends.",
        keys: &[
            ID,
            Key { key: "to", kind: Kind::Word(&["begin", "end"]), default: "begin", meaning: "What it is to do." },
        ],
        needs: &["id"],
        example: "trigger id=packet-drop",
        make: Make::Values(|values| {
            let cue = if values.text("to") == Some("end") { Cue::End } else { Cue::Begin };
            Order::Fault(fault::Order::Cue(values.text("id").unwrap_or_default().into(), cue))
        }),
    },
    Row {
        name: "power",
        summary: "The power of the module is switched, its reset pin pulled, or a new one of its kind takes its place.",
        keys: &[Key {
            key: "state",
            kind: Kind::Word(&["reset", "off", "on", "new"]),
            default: "",
            meaning: "What becomes of it.",
        }],
        needs: &["state"],
        example: "power state=reset",
        make: Make::Values(|values| Order::Power(named(POWERS, values.text("state")).unwrap_or(Power::Reset))),
    },
    Row {
        name: "radio",
        summary: "What the module finds at the radio side changes; what is left out stays.",
        keys: &[
            Key {
                key: "sim",
                kind: Kind::Word(&["in", "out", "pin", "busy", "failure"]),
                default: "",
                meaning: "The SIM card.",
            },
            Key { key: "stat", kind: Kind::Number(0, 5), default: "", meaning: "The registration (27.007 7.2)." },
            Key {
                key: "rssi",
                kind: Kind::Rssi,
                default: "",
                meaning: "The strength of the signal (27.007 8.5): 0 to 31, 99 if it is not known.",
            },
            Key { key: "call", kind: Kind::Word(&["down"]), default: "", meaning: "The data call ends." },
            Key {
                key: "address",
                kind: Kind::Address,
                default: "",
                meaning: "The data call comes up with this address.",
            },
            Key {
                key: "clock",
                kind: Kind::Number(0, 253_402_300_799),
                default: "",
                meaning: "The network's time, in seconds since 1970.",
            },
        ],
        needs: &[],
        example: "radio stat=2 rssi=99",
        make: Make::Values(radio),
    },
    Row {
        name: "urc",
        summary: "The modem prints this line, if a host is there, and knows nothing of it: no state changes.",
        keys: &[Key { key: "text", kind: Kind::Text, default: "", meaning: "The line, without its ends." }],
        needs: &["text"],
        example: "urc text='+CREG: 4'",
        make: Make::Values(|values| {
            // One line: no text of it makes two.
            let text = values.text("text").unwrap_or_default().replace(['\r', '\n'], " ");
            Order::Print(format!("\r\n{text}\r\n").into())
        }),
    },
];

fn radio(values: &Values) -> Order {
    let sim = named(SIMS, values.text("sim")).map(Change::Sim);
    let stat = values.number("stat").and_then(|_| Registration::from_number(values.byte("stat")));
    let registration = stat.map(Change::Registration);
    // The error rate is not known (27.007 8.5).
    let signal = values.number("rssi").map(|_| Change::Signal(values.byte("rssi"), 99));
    let call = values.address("address").map(|address| Change::DataCall(Some(address)));
    let down = values.text("call").map(|_| Change::DataCall(None));
    let clock = values.number("clock").and_then(|seconds| i64::try_from(seconds).ok()).map(Change::Clock);
    Order::Radio([sim, registration, signal, down, call, clock].into_iter().flatten().collect())
}

fn named<T: Copy>(words: &[(&'static str, T)], word: Option<&str>) -> Option<T> {
    words.iter().find(|(of, _)| Some(*of) == word).map(|(_, state)| *state)
}
