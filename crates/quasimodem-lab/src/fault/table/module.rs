//! Faults of the module itself: commands, and what it prints.

use quasimodem_core::{Form, Kind as PieceKind, Verdict};

use super::super::hand::{Hand, Parcel, Wait, lose};
use super::super::row::{Act, Due, Layer, Pieces, Row};
use super::{CLIENT, copies};
use crate::flat::{Key, Kind, Values};

/// What faults of commands are about.
const COMMANDS: &[Key] = &[
    COMMAND,
    Key {
        key: "form",
        kind: Kind::Word(&["exec", "read", "test", "set"]),
        default: "",
        meaning: "Its form: AT+X, AT+X?, AT+X=? or AT+X=…",
    },
];

const COMMAND: Key = Key {
    key: "command",
    kind: Kind::Command,
    default: "",
    meaning: "The command, such as +MQTTOPEN, perhaps with a * at its end.",
};

/// What faults of lines are about.
const LINES: &[Key] = &[LINE, CLIENT];

const LINE: Key =
    Key { key: "line", kind: Kind::Text, default: "", meaning: "How the line begins, such as +MQTTPUB: 1." };

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "command-error",
        layer: Layer::Module,
        summary: "A command is refused and not carried out: ERROR, or +CME ERROR where AT+CMEE lets it.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(0, 999),
            default: "",
            meaning: "<err> of +CME ERROR (27.007 9.2); ERROR, if left out.",
        }],
        matches: COMMANDS,
        act: Act::Commands(None, refuse),
        example: "command-error code=14 command=+MIPCALL times=3",
        source: "an L610 answered AT+MIPCALL three times with ERROR; ubxlib#287",
    },
    Row {
        name: "command-lost",
        layer: Layer::Module,
        summary: "A command is not carried out, and neither it nor the rest of its line is answered.",
        params: &[],
        matches: COMMANDS,
        act: Act::Commands(None, |_| Verdict::Ignore),
        example: "command-lost command=+CSQ times=1",
        source: "modules that miss a line: pycom#225, zephyr#82370",
    },
    Row {
        name: "final-delay",
        layer: Layer::Module,
        summary: "A final result code comes late, and what the host types meanwhile is not read before.",
        params: &[Key {
            key: "ms",
            kind: Kind::Millis,
            default: "200",
            meaning: "How many milliseconds; of a range, drawn anew each time.",
        }],
        matches: &[LINE, COMMAND],
        act: Act::Pieces(Pieces::Of(PieceKind::Final), |hand| {
            let time = hand.time("ms");
            hand.hold(Wait::Long(time));
        }),
        example: "final-delay command=+MQTTOPEN ms=89..202",
        source: "an L610 took 89 to 202 ms for the OK of AT+MQTTOPEN, 0.5 to 2.5 s for that of AT+CGATT=1",
    },
    Row {
        name: "final-lost",
        layer: Layer::Module,
        summary: "A command is carried out, but its final result code never comes.",
        params: &[],
        matches: &[LINE, COMMAND],
        act: Act::Pieces(Pieces::Of(PieceKind::Final), lose),
        example: "final-lost nth=5",
        source: "hosts that wait for ever: particle#2065, esp-protocols#426",
    },
    Row {
        name: "echo-lost",
        layer: Layer::Module,
        summary: "What the host types is not echoed, though ATE1 holds.",
        params: &[],
        matches: &[],
        act: Act::Pieces(Pieces::Of(PieceKind::Echo), lose),
        example: "echo-lost times=1",
        source: "hosts that count lines from the echo",
    },
    Row {
        name: "prompt-lost",
        layer: Layer::Module,
        summary: "The > that asks for raw data never comes; ERROR follows 20 s later, if the host waits.",
        params: &[],
        matches: &[],
        act: Act::Pieces(Pieces::Of(PieceKind::Prompt), lose),
        example: "prompt-lost times=1",
        source: "esp-at#1027, walter-esp-idf#166",
    },
    Row {
        name: "answer-truncate",
        layer: Layer::Module,
        summary: "An answer, a result or another line that the modem prints breaks off, and the next one comes right behind it.",
        params: &[Key {
            key: "bytes",
            kind: Kind::Number(0, 4096),
            default: "",
            meaning: "How many bytes of its text come; half of them, if left out.",
        }],
        matches: &[
            LINE,
            CLIENT,
            Key {
                key: "kind",
                kind: Kind::Word(&["info", "final", "urc"]),
                default: "",
                meaning: "What kind of line.",
            },
        ],
        act: Act::Pieces(Pieces::Lines, truncate),
        example: "answer-truncate bytes=4 line=+CSQ times=1",
        source: "receivers that overflow: AltSoftSerial#45",
    },
    Row {
        name: "urc-lost",
        layer: Layer::Module,
        summary: "An unsolicited result code, or the result of a command, never comes.",
        params: &[],
        matches: LINES,
        act: Act::Pieces(Pieces::Of(PieceKind::Urc), lose),
        example: "urc-lost line=+MQTTPUB client=1 times=1",
        source: "hosts that flush their input before they type",
    },
    Row {
        name: "urc-delay",
        layer: Layer::Module,
        summary: "An unsolicited result code, or the result of a command, comes late; those of one client keep their order, other lines do not wait.",
        params: &[Key {
            key: "ms",
            kind: Kind::Millis,
            default: "1000",
            meaning: "How many milliseconds; of a range, drawn anew each time.",
        }],
        matches: LINES,
        act: Act::Pieces(Pieces::Of(PieceKind::Urc), |hand| {
            let time = hand.time("ms");
            hand.hold(Wait::Aside(time));
        }),
        example: "urc-delay line=+MQTTOPEN ms=1411..4572",
        source: "an L610 told +MQTTOPEN: 1,0 between 1.4 and 4.6 s after its OK",
    },
    Row {
        name: "urc-duplicate",
        layer: Layer::Module,
        summary: "An unsolicited result code, or the result of a command, is told more than once.",
        params: &[Key { key: "copies", kind: Kind::Number(1, 5), default: "1", meaning: "How many more there are." }],
        matches: LINES,
        act: Act::Pieces(Pieces::Of(PieceKind::Urc), |hand| {
            let copies = usize::from(hand.values.byte("copies"));
            let parcels = std::mem::take(hand.parcels);
            hand.parcels.extend(parcels.iter().flat_map(|piece| std::iter::repeat_n(piece.clone(), 1 + copies)));
        }),
        example: "urc-duplicate line=+MQTTOPEN times=1",
        source: "a module that told +CEREG twice: zephyr#98478",
    },
    Row {
        name: "urc-inside",
        layer: Layer::Module,
        summary: "A line comes where none may: between a command and its result. No state changes.",
        params: &[
            Key { key: "text", kind: Kind::Text, default: "+SIM READY", meaning: "The line, without its line ends." },
            Key {
                key: "place",
                kind: Kind::Word(&["after-echo", "after-info", "before-final"]),
                default: "before-final",
                meaning: "In front of the first line of the answer, behind a line of information, or in front of the final result code.",
            },
        ],
        matches: &[COMMAND],
        act: Act::Pieces(Pieces::At, |hand| {
            let line = format!("\r\n{}\r\n", hand.values.text("text").unwrap_or_default());
            let is_behind = hand.values.text("place") == Some("after-info");
            let place = if is_behind { hand.parcels.len() } else { 0 };
            hand.parcels.insert(place, Parcel::new(line));
        }),
        example: "urc-inside place=after-echo command=+CGATT",
        source: "an L610 said +SIM READY between the echo of AT+CGATT=1 and its OK; RIOT PR#20062",
    },
    Row {
        name: "ready-lost",
        layer: Layer::Module,
        summary: "+SIM READY never comes, or late.",
        params: &[Key {
            key: "ms",
            kind: Kind::Millis,
            default: "",
            meaning: "How many milliseconds late; never, if left out.",
        }],
        matches: &[],
        act: Act::Pieces(Pieces::Urc("+SIM READY"), |hand| {
            if hand.values.span("ms").is_some() {
                let time = hand.time("ms");
                hand.hold(Wait::Aside(time));
            } else {
                lose(hand);
            }
        }),
        example: "ready-lost ms=2500",
        source: "hosts that wait 30 s for it, and then never connect",
    },
    Row {
        name: "attach-slow",
        layer: Layer::Module,
        summary: "AT+CGATT=… and AT+MIPCALL=… take long to answer, and what the host types meanwhile is not read before.",
        params: &[Key {
            key: "ms",
            kind: Kind::Millis,
            default: "518..2496",
            meaning: "How many milliseconds; of a range, drawn anew each time.",
        }],
        matches: &[],
        act: Act::Pieces(Pieces::Final(&["+CGATT", "+MIPCALL"]), |hand| {
            let time = hand.time("ms");
            hand.hold(Wait::Long(time));
        }),
        example: "attach-slow ms=5000",
        source: "an L610 that had just started took 518 and 2,496 ms for AT+CGATT=1",
    },
    Row {
        name: "data-call-refused",
        layer: Layer::Module,
        summary: "AT+MIPCALL=… is refused: ERROR, or +CME ERROR where AT+CMEE lets it.",
        params: &[Key {
            key: "code",
            kind: Kind::Number(0, 999),
            default: "",
            meaning: "<err> of +CME ERROR (27.007 9.2); ERROR, if left out.",
        }],
        matches: &[],
        act: Act::Commands(Some(("+MIPCALL", Form::Set)), refuse),
        example: "data-call-refused times=3",
        source: "an L610 answered AT+MIPCALL=1 three times with ERROR; kura#2827",
    },
    Row {
        name: "urc-inject",
        layer: Layer::Module,
        summary: "The host reads a line that the module never meant; no state changes.",
        params: &[
            Key { key: "text", kind: Kind::Text, default: "RDY", meaning: "The line, without its line ends." },
            Key { key: "copies", kind: Kind::Number(1, 1000), default: "1", meaning: "How many times it comes." },
            Key {
                key: "gap",
                kind: Kind::Time,
                default: "0s",
                meaning: "How much later each comes than the one before.",
            },
        ],
        matches: &[],
        act: Act::Once(|values| {
            let line = format!("\r\n{}\r\n", values.text("text").unwrap_or_default());
            copies(values, |_| Due::Print(line.as_bytes().into()))
        }),
        example: "urc-inject text='+CREG: 0' on=at.final count=3",
        source: "tests of what hosts do with lines of others: zephyr#77881",
    },
];

fn refuse(values: &Values) -> Verdict {
    Verdict::Refuse(values.number("code").and_then(|code| u16::try_from(code).ok()))
}

fn truncate(hand: &mut Hand<'_>) {
    let bytes = hand.values.number("bytes");
    hand.each(|piece| {
        let lead = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let text = piece.trim_ascii().len();
        let most = bytes.map_or(text / 2, |bytes| usize::try_from(bytes).unwrap_or(text));
        piece.truncate(lead + most.min(text));
    });
}
