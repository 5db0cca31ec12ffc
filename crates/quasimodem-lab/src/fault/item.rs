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

    fn check(&self, values: &Values, keys: &mut Keys) {
        let Facts { topic: of_topic, qos: of_qos, id: of_id, .. } = &self.facts;
        keys.want("dir", values.text("dir").is_none_or(|dir| dir == self.direction()));
        keys.want(
            "topic",
            values.text("topic").is_none_or(|filter| of_topic.is_some_and(|name| mqtt::matches(filter, name))),
        );
        let qos = of_qos.map(|qos| u64::from(qos.number()));
        keys.want("qos", values.number("qos").is_none_or(|wanted| qos == Some(wanted)));
        keys.want("packet_id", values.number("packet_id").is_none_or(|wanted| of_id.map(u64::from) == Some(wanted)));
    }

    fn direction(&self) -> &'static str {
        if self.up { "up" } else { "down" }
    }
}

/// Whether a fault is about something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It is about other things.
    Other,
    /// But for this key it would be.
    But(&'static str),
    /// It is.
    Full,
}

/// The keys that something does not fit.
#[derive(Default)]
struct Keys {
    unmet: u8,
    last: &'static str,
}

impl Keys {
    fn want(&mut self, key: &'static str, fits: bool) {
        if !fits {
            (self.unmet, self.last) = (self.unmet.saturating_add(1), key);
        }
    }

    fn fit(self) -> Fit {
        match self.unmet {
            0 => Fit::Full,
            1 => Fit::But(self.last),
            _ => Fit::Other,
        }
    }
}

impl Item<'_> {
    /// Whether a fault that does this is about it. What it is, such as the type of a packet, must be right for it to be near.
    pub(super) fn fit(&self, act: &Act, values: &Values) -> Fit {
        let mut keys = Keys::default();
        let is_kind = match (self, act) {
            (Item::Byte(to_host), Act::Bytes(_)) => {
                values.text("dir").unwrap_or(TO_HOST) == if *to_host { TO_HOST } else { "to-module" }
            }
            (Item::Packet(packet), Act::Packets(only, _)) => {
                packet.check(values, &mut keys);
                only.have(packet.facts.kind, packet.client.is_sn())
                    && values.text("type").is_none_or(|wanted| is_meant(wanted, packet.facts.kind))
            }
            (Item::Piece(piece), Act::Pieces(only, _)) => {
                keys.want("line", values.text("line").is_none_or(|start| piece.text.starts_with(start)));
                values.text("kind").is_none_or(|wanted| wanted == word(piece.kind))
                    && values.text("command").is_none_or(|wanted| is_meant(wanted, piece.command.0))
                    && only.have(piece, values)
            }
            (Item::Command(name, form), Act::Commands(only, _)) => {
                keys.want("form", values.text("form").is_none_or(|wanted| wanted == form_word(*form)));
                only.is_none_or(|only| only == (*name, *form))
                    && values.text("command").is_none_or(|wanted| is_meant(wanted, name))
            }
            (Item::Connect(_, host, ..), Act::Names(_)) if literal_address(host).is_some() => false,
            (Item::Connect(.., transport), Act::Handshakes(_)) if *transport != "tls" => false,
            (Item::Connect(_, host, port, transport), Act::Connects(_) | Act::Names(_) | Act::Handshakes(_)) => {
                keys.want("host", values.text("host").is_none_or(|wanted| is_meant(wanted, host)));
                keys.want("port", values.number("port").is_none_or(|wanted| wanted == u64::from(*port)));
                keys.want("transport", values.text("transport").is_none_or(|wanted| wanted == *transport));
                true
            }
            (Item::Lookup(name), Act::Lookups(_)) => {
                keys.want("host", values.text("host").is_none_or(|wanted| is_meant(wanted, name)));
                true
            }
            _ => false,
        };
        if !is_kind {
            return Fit::Other;
        }
        let client = self.client().map(|client| u64::from(client.number()));
        keys.want("client", values.number("client").is_none_or(|wanted| client == Some(wanted)));
        keys.fit()
    }

    /// What it is called, with the key that does not fit as it is here, where that is no secret.
    pub(super) fn but(&self, key: &'static str) -> String {
        let name = self.name();
        let found = match (self, key) {
            (_, "client") => self.client().map(|client| client.to_string()),
            (Item::Packet(packet), "dir") => Some(packet.direction().into()),
            (Item::Packet(packet), "topic") => packet.facts.topic.map(str::to_owned),
            (Item::Packet(packet), "qos") => packet.facts.qos.map(|qos| qos.number().to_string()),
            (Item::Packet(packet), "packet_id") => packet.facts.id.map(|id| id.to_string()),
            (Item::Command(_, form), "form") => Some(form_word(*form).into()),
            (Item::Connect(_, host, ..), "host") => Some((*host).into()),
            (Item::Connect(_, _, port, _), "port") => Some(port.to_string()),
            (Item::Connect(.., transport), "transport") => Some((*transport).into()),
            _ => None,
        };
        match found {
            // What strangers send may be long, and hold anything.
            Some(found) => format!("{name} with {key}={:.60}", found.escape_debug().to_string()),
            None => format!("{name} with another {key}"),
        }
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
