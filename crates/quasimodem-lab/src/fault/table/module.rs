//! Faults of the module itself: commands, and what it prints.

use quasimodem_core::{Kind as PieceKind, Verdict};

use super::super::row::{Act, Due, Layer, Pieces, Row};
use super::CLIENT;
use crate::flat::{Key, Kind, Values};

/// What faults of commands are about.
const COMMANDS: &[Key] = &[
    Key {
        key: "command",
        kind: Kind::Command,
        default: "",
        meaning: "The command, such as +MQTTOPEN, perhaps with a * at its end.",
    },
    Key {
        key: "form",
        kind: Kind::Word(&["exec", "read", "test", "set"]),
        default: "",
        meaning: "Its form: AT+X, AT+X?, AT+X=? or AT+X=…",
    },
];

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
        act: Act::Commands(|values| Verdict::Refuse(values.number("code").and_then(|code| u16::try_from(code).ok()))),
        example: "command-error code=14 command=+MIPCALL times=3",
        source: "an L610 answered AT+MIPCALL three times with ERROR; ubxlib#287",
    },
    Row {
        name: "command-lost",
        layer: Layer::Module,
        summary: "A command is not carried out, and neither it nor the rest of its line is answered.",
        params: &[],
        matches: COMMANDS,
        act: Act::Commands(|_| Verdict::Ignore),
        example: "command-lost command=+CSQ times=1",
        source: "modules that miss a line: pycom#225, zephyr#82370",
    },
    Row {
        name: "final-lost",
        layer: Layer::Module,
        summary: "A command is carried out, but its final result code never comes.",
        params: &[],
        matches: &[LINE],
        act: Act::Pieces(Pieces::Of(PieceKind::Final), |_, pieces| pieces.clear()),
        example: "final-lost nth=5",
        source: "hosts that wait for ever: particle#2065, esp-protocols#426",
    },
    Row {
        name: "echo-lost",
        layer: Layer::Module,
        summary: "What the host types is not echoed, though ATE1 holds.",
        params: &[],
        matches: &[],
        act: Act::Pieces(Pieces::Of(PieceKind::Echo), |_, pieces| pieces.clear()),
        example: "echo-lost times=1",
        source: "hosts that count lines from the echo",
    },
    Row {
        name: "prompt-lost",
        layer: Layer::Module,
        summary: "The > that asks for raw data never comes; ERROR follows 20 s later, if the host waits.",
        params: &[],
        matches: &[],
        act: Act::Pieces(Pieces::Of(PieceKind::Prompt), |_, pieces| pieces.clear()),
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
        act: Act::Pieces(Pieces::Of(PieceKind::Urc), |_, pieces| pieces.clear()),
        example: "urc-lost line=+MQTTPUB client=1 times=1",
        source: "hosts that flush their input before they type",
    },
    Row {
        name: "urc-duplicate",
        layer: Layer::Module,
        summary: "An unsolicited result code, or the result of a command, is told more than once.",
        params: &[Key { key: "copies", kind: Kind::Number(1, 5), default: "1", meaning: "How many more there are." }],
        matches: LINES,
        act: Act::Pieces(Pieces::Of(PieceKind::Urc), |values, pieces| {
            let copies = usize::from(values.byte("copies"));
            *pieces = pieces.iter().flat_map(|piece| std::iter::repeat_n(piece.clone(), 1 + copies)).collect();
        }),
        example: "urc-duplicate line=+MQTTOPEN times=1",
        source: "a module that told +CEREG twice: zephyr#98478",
    },
    Row {
        name: "urc-inject",
        layer: Layer::Module,
        summary: "The host reads a line that the module never meant; no state changes.",
        params: &[
            Key { key: "text", kind: Kind::Text, default: "RDY", meaning: "The line, without its line ends." },
            Key { key: "copies", kind: Kind::Number(1, 200), default: "1", meaning: "How many times it comes." },
        ],
        matches: &[],
        act: Act::Once(|values| {
            let line = format!("\r\n{}\r\n", values.text("text").unwrap_or_default());
            Due::Print(line.repeat(usize::from(values.byte("copies"))).into_bytes().into())
        }),
        example: "urc-inject text='+CREG: 0' on=at.final count=3",
        source: "tests of what hosts do with lines of others: zephyr#77881",
    },
];

fn truncate(values: &Values, pieces: &mut Vec<Vec<u8>>) {
    for piece in pieces {
        let lead = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let text = piece.trim_ascii().len();
        let most = values.number("bytes").map_or(text / 2, |bytes| usize::try_from(bytes).unwrap_or(text));
        piece.truncate(lead + most.min(text));
    }
}
