//! What a row of the table of faults is made of.

use std::net::IpAddr;
use std::time::Duration;

use quasimodem_core::{Form, Input, Instant, Kind as PieceKind, Link, Registration, Sim, Verdict, Why};

use super::hand::{Draws, Hand};
use super::item::Piece;
use super::line::Receiver;
use crate::flat::{Key, Kind, Values};
use crate::order::{Demand, Order};

/// A fault.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, in words with `-`.
    pub name: &'static str,
    /// Where it sits.
    pub layer: Layer,
    /// What it does, and what the host sees of it.
    pub summary: &'static str,
    /// Its own keys.
    pub params: &'static [Key],
    /// The keys that say what it is about; without any it is about all.
    pub matches: &'static [Key],
    /// What it does.
    pub(crate) act: Act,
    /// One that may be said.
    pub example: &'static str,
    /// Where it was seen or measured.
    pub source: &'static str,
}

/// Where faults sit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// The radio side, and the module's power.
    Radio,
    /// Commands, and what the module prints.
    Module,
    /// The serial line.
    Serial,
    /// Names and links.
    Link,
    /// Packets of MQTT and MQTT-SN.
    Packet,
    /// The lab's own broker and gateway.
    Lab,
    /// What stands in for clouds in the lab.
    Cloud,
}

impl Layer {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Radio => "radio",
            Layer::Module => "module",
            Layer::Serial => "serial",
            Layer::Link => "link",
            Layer::Packet => "packet",
            Layer::Lab => "lab",
            Layer::Cloud => "cloud",
        }
    }
}

/// What a fault does, and to what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Changes the packets that go on in the place of one that was hit; more may be behind it in the list.
    Packets(Packets, fn(&mut Hand<'_>)),
    /// Changes what the modem prints, piece by piece.
    Pieces(Pieces, fn(&mut Hand<'_>)),
    /// Decides about a command before it is carried out; about this one in this form only, if one is named.
    Commands(Option<(&'static str, Form)>, fn(&Values) -> Verdict),
    /// Decides about an attempt to connect; `None`: nobody ever answers.
    Connects(fn(&Values) -> Option<Why>),
    /// Decides how a TLS handshake fails, and after which time; `None`: it does not.
    Handshakes(fn(&Values, &Attempt<'_>) -> Option<(Duration, Why)>),
    /// Decides about an attempt to connect to a name, which is not found.
    Names(fn(&Values, &str) -> Why),
    /// Answers in the place of the resolver that a host asks by itself.
    Lookups(fn(&Values, &str) -> Result<IpAddr, Why>),
    /// While it lasts, links carry what goes up (`true`) or comes down otherwise.
    Links(fn(&Values, bool, &mut Draws, &mut Manner)),
    /// Changes what arrives on the serial line, byte by byte, with the time and the byte; `None`: nothing.
    Bytes(fn(&Values, &mut Draws, (Instant, u8), &mut Receiver) -> Option<Spoiled>),
    /// While it lasts, the serial line carries what goes to the host (`true`) or comes from it otherwise.
    Line(fn(&Values, bool, &mut Wiring)),
    /// While it lasts, nothing goes over the serial line; whether nothing goes over links either.
    Freeze(fn(&Values) -> bool),
    /// While it lasts, the radio side is otherwise.
    Radio(fn(&Values, &mut Overlay)),
    /// While it lasts, this is demanded of a peer of the lab.
    Demand(fn(&Values) -> Demand),
    /// A peer of the lab does this once, when it begins.
    Peer(fn(&Values) -> Order),
    /// Happens once, when it begins: these, each after its time.
    Once(fn(&Values) -> Vec<(Duration, Due)>),
}

/// An attempt to agree on TLS.
pub(crate) struct Attempt<'a> {
    /// The name or address that was asked for.
    pub(crate) host: &'a str,
    /// The time by the module's clock, in seconds since 1970, if it is known.
    pub(crate) clock: Option<i64>,
    /// Whether certificates are checked.
    pub(crate) verifies: bool,
}

/// Which packets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packets {
    /// All.
    All,
    /// Of MQTT, of this type.
    Mqtt(&'static str),
    /// All of MQTT, which come in a stream.
    Streamed,
    /// Datagrams: those of MQTT-SN.
    Datagrams,
}

impl Packets {
    /// Whether a packet of this type is meant, of MQTT-SN or not.
    pub(super) fn have(self, kind: &str, is_sn: bool) -> bool {
        match self {
            Packets::All => true,
            Packets::Streamed => !is_sn,
            Packets::Mqtt(only) => !is_sn && only == kind,
            Packets::Datagrams => is_sn,
        }
    }
}

/// How one direction of a link carries bytes while faults last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Manner {
    /// So much later.
    pub(crate) delay: Duration,
    /// At so many bits a second; 0: at any.
    pub(crate) rate: u64,
    /// In slices of so many bytes (0: whole), so far apart.
    pub(crate) slice: (usize, Duration),
    /// Not, and never again on this connection.
    pub(crate) dead: bool,
    /// Not as long as this lasts.
    pub(crate) stalled: bool,
}

/// What becomes of a byte on the serial line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spoiled {
    /// It is lost, and of those behind it so many that it are this number.
    Lost(u64),
    /// It is another.
    Is(u8),
}

/// How one direction of the serial line carries bytes while faults last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Wiring {
    /// In slices of so many bytes (0: whole), so far apart.
    pub(crate) slice: (usize, Duration),
    /// Gathered for this time.
    pub(crate) window: Duration,
    /// Not as long as this lasts.
    pub(crate) stalled: bool,
    /// Not at all.
    pub(crate) lost: bool,
    /// As garbage, to a host of this rate; 0: as they are.
    pub(crate) rate: u64,
}

/// What of it that the modem prints.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pieces {
    /// Pieces of this kind.
    Of(PieceKind),
    /// Where the key `place` says.
    At,
    /// Unsolicited ones that begin so.
    Urc(&'static str),
    /// The final results of these commands, where they set something.
    Final(&'static [&'static str]),
    /// Information, results and unsolicited ones: neither echo nor the prompt.
    Lines,
}

impl Pieces {
    /// Whether a piece is meant.
    pub(super) fn have(self, piece: &Piece<'_>, values: &Values) -> bool {
        let Piece { kind, text, command: (name, form), first } = piece;
        match self {
            Pieces::Of(only) => only == *kind,
            Pieces::Urc(start) => *kind == PieceKind::Urc && text.starts_with(start),
            Pieces::Final(commands) => *kind == PieceKind::Final && *form == Some(Form::Set) && commands.contains(name),
            Pieces::At => match values.text("place") {
                Some("before-echo") => *kind == PieceKind::Echo,
                Some("after-echo") => *first,
                Some("before-answer") => matches!(kind, PieceKind::Info | PieceKind::Final),
                Some("after-info") => *kind == PieceKind::Info,
                Some("before-final") => *kind == PieceKind::Final,
                _ => *kind == PieceKind::Urc,
            },
            Pieces::Lines => !matches!(kind, PieceKind::Echo | PieceKind::Prompt),
        }
    }
}

impl Act {
    /// What it is about: one of it, and several; `None`: it just begins.
    pub(super) fn things(&self) -> Option<[&'static str; 2]> {
        match self {
            Act::Packets(..) => Some(["packet", "packets"]),
            Act::Pieces(..) => Some(["line", "lines"]),
            Act::Commands(..) => Some(["command", "commands"]),
            Act::Handshakes(_) => Some(["handshake", "handshakes"]),
            Act::Connects(_) | Act::Names(_) => Some(["attempt to connect", "attempts to connect"]),
            Act::Lookups(_) => Some(["look-up", "look-ups"]),
            Act::Bytes(_) => Some(["byte", "bytes"]),
            Act::Links(_) | Act::Line(_) | Act::Freeze(_) => Some(["connection or line", "connections or lines"]),
            Act::Radio(_) | Act::Demand(_) | Act::Peer(_) | Act::Once(_) => None,
        }
    }
}

/// What the module finds at the radio side while faults last; `None`: what there is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Overlay {
    pub(crate) sim: Option<Sim>,
    pub(crate) registration: Option<Registration>,
    pub(crate) signal: Option<(u8, u8)>,
    pub(crate) clock: Option<Clock>,
}

/// A clock that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    /// It began at this time, in seconds since 1970.
    At(i64),
    /// By so many seconds.
    Off(i64),
}

/// What is to be brought to a modem, or done at its links, in the name of a fault.
#[derive(Clone, Debug)]
pub enum Due {
    /// The modem is told of this.
    Input(Input<'static>),
    /// The link of the client of this number, or all links, end for this reason.
    End(Option<u8>, Why),
    /// The host reads this, which the modem did not print, or has printed before.
    Print(Box<[u8]>),
    /// This came over a link, or did before.
    Arrive(Link, Box<[u8]>),
    /// The host typed this before.
    Type(Box<[u8]>),
    /// This goes out over a link.
    Send(Link, Box<[u8]>),
    /// This comes over a link (`false`) or goes out over it, though nobody sent it, in its place behind what is on its way.
    Inject(Link, bool, Box<[u8]>),
    /// No connection carries anything any more, and nobody is told.
    Silence,
    /// A peer of the lab does this.
    Peer(Order),
}

impl Row {
    /// How it acts: on each thing that it is about (`each`), while it lasts (`state`), or once, when it begins (`once`).
    pub fn class(&self) -> &'static str {
        match self.act {
            Act::Radio(_) | Act::Links(_) | Act::Line(_) | Act::Freeze(_) | Act::Demand(_) => "state",
            Act::Once(_) | Act::Peer(_) => "once",
            _ => "each",
        }
    }

    /// What it can't do without: `lab`, peers of ours; `None`: it works with every broker.
    pub fn needs(&self) -> Option<&'static str> {
        matches!(self.act, Act::Demand(_) | Act::Peer(_)).then_some("lab")
    }

    /// All keys of this fault: its own, what it is about, and those that all faults have.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.params.iter().chain(self.matches).chain(COMMON)
    }
}

/// The keys that all faults have.
pub const COMMON: &[Key] = &[
    Key {
        key: "id",
        kind: Kind::Name,
        default: "",
        meaning: "Its name in events and counts; if left out, the name of the fault, from the second of that name on with its number (packet-drop-2). What is drawn depends on it.",
    },
    Key {
        key: "nth",
        kind: Kind::Ranks,
        default: "",
        meaning: "Which of the matches of a scope may be hit, from 1; all, if left out.",
    },
    Key {
        key: "chance",
        kind: Kind::Chance,
        default: "1",
        meaning: "How many of these are hit. Drawn anew for each, by seed, id, scope and number, so that nothing else changes it.",
    },
    Key {
        key: "times",
        kind: Kind::Number(1, u64::MAX),
        default: "",
        meaning: "How often it hits in a scope, then it is spent; without end, if left out.",
    },
    Key {
        key: "per",
        kind: Kind::Word(&["modem", "client", "link", "fault"]),
        default: "modem",
        meaning: "The scope in which nth and times count: a modem, each of its clients, each connection, or all modems (fault): then which of them is hit is not the same in each run in real time.",
    },
    Key { key: "at", kind: Kind::Time, default: "", meaning: "When it begins, from the start of the run." },
    Key {
        key: "on",
        kind: Kind::Condition,
        default: "",
        meaning: "The event with which it begins, such as on='client.open client=1'.",
    },
    Key { key: "count", kind: Kind::Number(1, u64::MAX), default: "1", meaning: "How often that event has to come." },
    Key {
        key: "rearm",
        kind: Kind::Flag,
        default: "false",
        meaning: "Whether it begins again each time that the event has come so often; 10 ms later at the earliest.",
    },
    Key {
        key: "after",
        kind: Kind::Time,
        default: "0s",
        meaning: "How long behind that event it begins; without one, how long after it was made.",
    },
    Key {
        key: "every",
        kind: Kind::Period,
        default: "",
        meaning: "It begins again each time that so much time has passed; each time nth and times count anew.",
    },
    Key {
        key: "jitter",
        kind: Kind::Time,
        default: "0s",
        meaning: "By how much of each period it begins late at most; drawn as chance is.",
    },
    Key {
        key: "lasts",
        kind: Kind::Period,
        default: "",
        meaning: "When it stops to match, from when it began; never, if left out.",
    },
    Key {
        key: "until",
        kind: Kind::Condition,
        default: "",
        meaning: "The event with which it is over, or waits to begin again (rearm).",
    },
    Key {
        key: "lease",
        kind: Kind::Period,
        default: "",
        meaning: "It is over unless it is said again in this time: nothing stays of a test that died.",
    },
    Key {
        key: "order",
        kind: Kind::Number(0, 1000),
        default: "0",
        meaning: "Of several that hit one packet the lower acts first, then the earlier one.",
    },
    Key {
        key: "seed",
        kind: Kind::Number(0, u64::MAX),
        default: "",
        meaning: "What is drawn is drawn from this and the seed of the run; its id, if left out.",
    },
    Key {
        key: "delay",
        kind: Kind::Span,
        default: "0s",
        meaning: "How long after the hit its effect comes; drawn anew for each hit from a range such as 1s..3s. What comes after a packet or line that waits, waits as well.",
    },
    Key { key: "expect", kind: Kind::Count, default: ">=1", meaning: "How often it has to hit in the end." },
    Key { key: "optional", kind: Kind::Flag, default: "false", meaning: "Whether it may hit never." },
];
