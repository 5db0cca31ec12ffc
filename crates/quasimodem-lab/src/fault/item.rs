//! What a fault may be about.

use quasimodem_core::{ClientId, Form, Kind, literal_address, mqtt};

use super::row::Act;
use crate::facts::Facts;
use crate::flat::{Values, is_meant};

/// Something that happens at a station, as it was made, before any fault touched it.
pub(super) enum Item<'a> {
    /// A packet on its way.
    Packet(Packet<'a>),
    /// A piece that the modem prints.
    Piece(Piece<'a>),
    /// A byte on the serial line, on its way to the host or from it.
    Byte(bool),
    /// A command that the host typed.
    Command(&'static str, Form),
    /// An attempt to connect: of which client, where to, and by what.
    Connect(Option<ClientId>, &'a str, u16, &'static str),
    /// A name that is looked up.
    Lookup(&'a str),
}

/// A piece that the modem prints.
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    /// Without its line ends.
    pub(super) text: &'a str,
    /// The last command that the host typed, and its form.
    pub(super) command: (&'static str, Option<Form>),
    /// Whether it is the first that answers that command.
    pub(super) first: bool,
}

pub(super) struct Packet<'a> {
    client: ClientId,
    /// Sent by the modem.
    up: bool,
    facts: Facts<'a>,
}

impl<'a> Packet<'a> {
    pub(super) fn new(client: ClientId, up: bool, bytes: &'a [u8]) -> Packet<'a> {
        Packet { client, up, facts: Facts::of(client.link(), bytes) }
    }

    fn fits(&self, values: &Values) -> bool {
        let direction = if self.up { "up" } else { "down" };
        let Facts { kind, topic: of_topic, qos: of_qos, id: of_id, .. } = &self.facts;
        values.text("dir").is_none_or(|dir| dir == direction)
            && values.text("type").is_none_or(|wanted| is_meant(wanted, kind))
            && values.text("topic").is_none_or(|filter| of_topic.is_some_and(|name| mqtt::matches(filter, name)))
            && values.number("qos").is_none_or(|qos| of_qos.is_some_and(|of| u64::from(of.number()) == qos))
            && values.number("packet_id").is_none_or(|id| of_id.is_some_and(|of| u64::from(of) == id))
    }
}

impl Item<'_> {
    /// Whether a fault that does this is about it.
    pub(super) fn fits(&self, act: &Act, values: &Values) -> bool {
        let is_kind = match (self, act) {
            (Item::Byte(to_host), Act::Bytes(_)) => {
                values.text("dir").unwrap_or(TO_HOST) == if *to_host { TO_HOST } else { "to-module" }
            }
            (Item::Packet(packet), Act::Packets(only, _)) => {
                only.have(packet.facts.kind, packet.client.is_sn()) && packet.fits(values)
            }
            (Item::Piece(piece), Act::Pieces(only, _)) => {
                let kinds = values.text("kind").is_none_or(|wanted| wanted == word(piece.kind));
                let commands = values.text("command").is_none_or(|wanted| is_meant(wanted, piece.command.0));
                kinds && commands && only.have(piece, values) && is_line(values, piece.text)
            }
            (Item::Command(name, form), Act::Commands(only, _)) => {
                only.is_none_or(|only| only == (*name, *form))
                    && values.text("command").is_none_or(|wanted| is_meant(wanted, name))
                    && values.text("form").is_none_or(|wanted| wanted == form_word(*form))
            }
            (Item::Connect(_, host, ..), Act::Names(_)) if literal_address(host).is_some() => false,
            (Item::Connect(.., transport), Act::Handshakes(_)) if *transport != "tls" => false,
            (Item::Connect(_, host, port, transport), Act::Connects(_) | Act::Names(_) | Act::Handshakes(_)) => {
                values.text("host").is_none_or(|wanted| is_meant(wanted, host))
                    && values.number("port").is_none_or(|wanted| wanted == u64::from(*port))
                    && values.text("transport").is_none_or(|wanted| wanted == *transport)
            }
            (Item::Lookup(name), Act::Lookups(_)) => values.text("host").is_none_or(|wanted| is_meant(wanted, name)),
            _ => false,
        };
        let client = self.client().map(|client| u64::from(client.number()));
        is_kind && values.number("client").is_none_or(|wanted| client == Some(wanted))
    }

    /// Whose it is, if it is a client's.
    pub(super) fn client(&self) -> Option<ClientId> {
        match self {
            Item::Packet(packet) => Some(packet.client),
            Item::Connect(client, ..) => *client,
            // The results of clients begin with their numbers.
            Item::Piece(Piece { kind: Kind::Urc, text, .. }) => {
                let (_, rest) = text.split_once(": ")?;
                let number = rest.split(',').next()?.trim().parse().ok()?;
                text.starts_with("+MQTT").then(|| ClientId::from_number(number))?
            }
            Item::Piece(..) | Item::Byte(_) | Item::Command(..) | Item::Lookup(_) => None,
        }
    }

    /// What it is called, without what could be secret.
    pub(super) fn name(&self) -> String {
        match self {
            Item::Packet(packet) => packet.facts.kind.into(),
            Item::Piece(Piece { kind: kind @ (Kind::Info | Kind::Urc | Kind::Final), text, .. }) => {
                format!("{} {}", word(*kind), text.split(':').next().unwrap_or_default())
            }
            Item::Piece(piece) => word(piece.kind).into(),
            Item::Byte(_) => "a byte".into(),
            Item::Command(name, _) => format!("AT{name}"),
            Item::Connect(_, host, port, _) => format!("{host}:{port}"),
            Item::Lookup(name) => (*name).into(),
        }
    }
}

/// The direction of the line that most faults are about.
const TO_HOST: &str = "to-host";

/// Whether a line begins as it is to begin.
fn is_line(values: &Values, text: &str) -> bool {
    values.text("line").is_none_or(|start| text.starts_with(start))
}

/// The word for a kind of piece.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Echo => "echo",
        Kind::Info => "info",
        Kind::Final => "final",
        Kind::Urc => "urc",
        Kind::Prompt => "prompt",
    }
}

fn form_word(form: Form) -> &'static str {
    match form {
        Form::Exec => "exec",
        Form::Read => "read",
        Form::Test => "test",
        Form::Set => "set",
    }
}
