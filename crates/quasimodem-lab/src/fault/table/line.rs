//! Faults of the serial line.

use super::super::hand::Parcel;
use super::super::row::{Act, Layer, Pieces, Row, Spoiled};
use crate::flat::{Key, Kind, Values};

const DIRECTION: Key = Key {
    key: "dir",
    kind: Kind::Word(&["to-host", "to-module"]),
    default: "to-host",
    meaning: "What the host reads, or what it types.",
};

/// What faults of bytes are about.
const BYTES: &[Key] = &[DIRECTION];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "serial-loss",
        layer: Layer::Serial,
        summary: "Letters are missing in what the host reads or types: lines that match nothing, ERROR, raw data that never ends.",
        params: &[
            Key { key: "rate", kind: Kind::Chance, default: "0.0001", meaning: "How many of the bytes." },
            Key { key: "burst", kind: Kind::Number(1, 64), default: "1", meaning: "How many are lost together." },
        ],
        matches: BYTES,
        act: Act::Bytes(|values, draws, _, _| {
            let is_lost = draws.fraction() < values.chance("rate").unwrap_or_default();
            is_lost.then(|| Spoiled::Lost(values.number("burst").unwrap_or(1)))
        }),
        example: "serial-loss rate=0.002 dir=to-host",
        source: "UARTs without flow control: mbed-os#10957, esp-at#455",
    },
    Row {
        name: "serial-corrupt",
        layer: Layer::Serial,
        summary: "Letters are others in what the host reads or types; those above 0x7f stop readers of UTF-8.",
        params: &[
            Key { key: "rate", kind: Kind::Chance, default: "0.00001", meaning: "How many of the bytes." },
            Key {
                key: "mode",
                kind: Kind::Word(&["flip", "high", "replace"]),
                default: "flip",
                meaning: "One bit flips, the highest bit is set, or it is any other byte.",
            },
        ],
        matches: BYTES,
        act: Act::Bytes(|values, draws, (_, byte), _| {
            if draws.fraction() >= values.chance("rate").unwrap_or_default() {
                return None;
            }
            let chance = draws.byte();
            let other = match values.text("mode") {
                Some("high") => byte | 0x80,
                Some("replace") => byte.wrapping_add(chance.max(1)),
                _ => byte ^ (1 << (chance % 8)),
            };
            (other != byte).then_some(Spoiled::Is(other))
        }),
        example: "serial-corrupt rate=0.001 mode=high",
        source: "long cables and wrong levels: arduino-esp32#2198",
    },
    Row {
        name: "serial-overrun",
        layer: Layer::Serial,
        summary: "The host empties its receiver too slowly: the newest bytes of what comes fast are lost.",
        params: &[
            Key {
                key: "fifo",
                kind: Kind::Number(16, 4096),
                default: "1024",
                meaning: "Characters that its receiver holds.",
            },
            Key {
                key: "rate",
                kind: Kind::Number(300, 4_000_000),
                default: "115200",
                meaning: "How fast it empties it, in bits a second, ten a character.",
            },
        ],
        matches: &[],
        act: Act::Bytes(|values, _, (now, _), receiver| {
            let number = |key| f64::from(values.number(key).and_then(|number| u32::try_from(number).ok()).unwrap_or(1));
            receiver.overruns(now, number("fifo"), number("rate") / 10.0).then_some(Spoiled::Lost(1))
        }),
        example: "serial-overrun fifo=128",
        source: "drivers that lose what they don't read in time: zephyr#71767",
    },
    Row {
        name: "serial-noise",
        layer: Layer::Serial,
        summary: "Bytes without a meaning come in front of what the module prints.",
        params: &[
            Key { key: "size", kind: Kind::Number(1, 64), default: "5", meaning: "How many." },
            Key {
                key: "place",
                kind: Kind::Word(&["before-answer", "before-echo", "idle"]),
                default: "before-answer",
                meaning: "In front of information and final result codes, of the echo, or of what comes unasked.",
            },
        ],
        matches: &[],
        act: Act::Pieces(Pieces::At, |hand| {
            let noise: Vec<u8> =
                (0..hand.values.number("size").unwrap_or(1)).map(|_| hand.draws.byte() | 0x80).collect();
            hand.parcels.insert(0, Parcel::new(noise));
        }),
        example: "serial-noise place=before-echo nth=3",
        source: "an L610 sent five bytes in front of the echo of AT+CGPADDR",
    },
    Row {
        name: "serial-slice",
        layer: Layer::Serial,
        summary: "What the host reads or types arrives in small slices, some time apart.",
        params: &[
            Key { key: "size", kind: Kind::Number(1, 64), default: "1", meaning: "Bytes of a slice." },
            Key { key: "gap", kind: Kind::Time, default: "20ms", meaning: "The time from one to the next." },
            DIRECTION,
        ],
        matches: &[],
        act: Act::Line(|values, to_host, wiring| {
            if is_way(values, to_host) {
                let size = values.number("size").and_then(|size| usize::try_from(size).ok()).unwrap_or(1);
                wiring.slice = (size, values.time("gap").unwrap_or_default());
            }
        }),
        example: "serial-slice size=4 gap=20ms",
        source: "hosts that drop lines which they do not read at once",
    },
    Row {
        name: "serial-merge",
        layer: Layer::Serial,
        summary: "What the host reads comes together: OK, a result and unsolicited ones in one read.",
        params: &[
            Key { key: "window", kind: Kind::Period, default: "16ms", meaning: "For how long bytes are gathered." },
            DIRECTION,
        ],
        matches: &[],
        act: Act::Line(|values, to_host, wiring| {
            if is_way(values, to_host) {
                wiring.window = values.time("window").unwrap_or_default();
            }
        }),
        example: "serial-merge window=200ms",
        source: "USB adapters gather for 16 ms; three +MQTTMSGI in one read put a driver out of step for ever",
    },
    Row {
        name: "serial-stall",
        layer: Layer::Serial,
        summary: "Nothing arrives on the line, and all of it when it is over; the module stops to read the network once much waits.",
        params: &[Key {
            key: "dir",
            kind: Kind::Word(&["both", "to-host", "to-module"]),
            default: "both",
            meaning: "What the host reads, what it types, or both.",
        }],
        matches: &[],
        act: Act::Line(|values, to_host, wiring| wiring.stalled |= is_way(values, to_host)),
        example: "serial-stall on='client.open client=1' lasts=5s",
        source: "modules that say nothing for a minute or two: ubxlib#71",
    },
    Row {
        name: "baud-mismatch",
        layer: Layer::Serial,
        summary: "Host and module go by different rates: both read what means nothing, and nothing is answered.",
        params: &[Key {
            key: "rate",
            kind: Kind::Number(300, 4_000_000),
            default: "9600",
            meaning: "The host's rate; the module's is 115200.",
        }],
        matches: &[],
        act: Act::Line(|values, _, wiring| {
            let rate = values.number("rate").unwrap_or_default();
            wiring.rate = if rate == 115_200 { 0 } else { rate };
        }),
        example: "baud-mismatch rate=9600 lasts=10s",
        source: "modules that keep the rate of their last host: zephyr PR#96830, T-Call-SIM800#254",
    },
    Row {
        name: "module-freeze",
        layer: Layer::Module,
        summary: "The module is dead to its host: no echo, no answer, nothing unasked, and what is typed is lost.",
        params: &[Key {
            key: "what",
            kind: Kind::Word(&["at", "all"]),
            default: "at",
            meaning: "Only its commands, or its connections as well: then the broker publishes the will. The module's own timers go on.",
        }],
        matches: &[],
        act: Act::Freeze(|values| values.text("what") == Some("all")),
        example: "module-freeze on='client.open client=1' lasts=40s",
        source: "an L610 did not answer for more than 40 s; particle PR#2940",
    },
];

fn is_way(values: &Values, to_host: bool) -> bool {
    match values.text("dir") {
        Some("to-host") => to_host,
        Some("to-module") => !to_host,
        _ => true,
    }
}
