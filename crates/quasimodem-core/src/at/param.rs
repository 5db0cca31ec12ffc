//! Parameters of commands: what they are, their bounds, and how `=?` prints these.

use core::fmt::{self, Display};

use crate::client_id::ClientId;
use crate::model::Model;

/// One parameter of a command.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The specification's name of it, without the angle brackets.
    pub name: &'static str,
    /// What it is.
    pub kind: ParamKind,
    /// Whether it may be left out. All behind it are optional too.
    pub optional: bool,
    /// Whether no log may show it.
    pub secret: bool,
}

/// What a parameter is, with its bounds.
#[derive(Clone, Copy, Debug)]
pub enum ParamKind {
    /// The number of a client.
    Client(Clients),
    /// A decimal number.
    Number {
        /// The smallest.
        min: u32,
        /// The greatest.
        max: u32,
        /// The greatest that the model at hand offers, where models differ.
        offered: Option<fn(&Model) -> u32>,
    },
    /// One of these numbers, ascending.
    OneOf(&'static [u32]),
    /// One of these words, in capitals or not.
    Word(&'static [&'static str]),
    /// 0 or 1, in quotes or not.
    Switch,
    /// UTF-8 text without NUL, up to so many bytes.
    Text(Limit),
    /// Any bytes, up to so many.
    Bytes(Limit),
    /// Name or address of a peer, up to so many characters. `=?` prints the parameter's name in place of a bound.
    Host(usize),
    /// A topic name, up to so many bytes (MQTT 4.7). Escapes apply.
    TopicName(usize),
    /// A topic name or nothing, up to so many bytes. Escapes apply.
    WillTopic(usize),
    /// A topic filter, up to so many bytes (MQTT 4.7). Escapes apply.
    TopicFilter(usize),
    /// Quoted: a payload up to so many bytes, escapes apply. An unquoted number: the size of raw data to follow.
    Payload {
        /// Bytes at most, of both.
        max: usize,
        /// The smallest size of raw data.
        min_size: u32,
    },
    /// A payload up to so many bytes. Escapes apply.
    Message(usize),
    /// Whatever stands there, up to a `;`. It is not looked at.
    Anything,
}

/// Which clients a command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clients {
    /// MQTT: 1 and 2.
    Mqtt,
    /// MQTT-SN: 101 and 102.
    MqttSn,
    /// All that the model has.
    All,
}

/// A greatest length in bytes.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// The same for all models.
    Fixed(usize),
    /// The model's own.
    Of(fn(&Model) -> u16),
}

impl Param {
    /// The client that the command is for.
    pub(crate) const fn client(clients: Clients) -> Param {
        Param::new("Clientid", ParamKind::Client(clients))
    }

    /// A number within bounds.
    pub(crate) const fn number(name: &'static str, min: u32, max: u32) -> Param {
        Param::new(name, ParamKind::Number { min, max, offered: None })
    }

    pub(crate) const fn new(name: &'static str, kind: ParamKind) -> Param {
        Param { name, kind, optional: false, secret: false }
    }

    /// The same, but it may be left out.
    pub(crate) const fn optional(self) -> Param {
        Param { optional: true, ..self }
    }

    /// The same, but no log may show it.
    pub(crate) const fn secret(self) -> Param {
        Param { secret: true, ..self }
    }
}

impl Param {
    /// The bounds as `=?` prints them for this model.
    pub fn range(self, model: &'static Model) -> impl Display {
        fmt::from_fn(move |f| match self.kind {
            ParamKind::Client(clients) => {
                let mut separator = '(';
                for id in clients.of(model) {
                    write!(f, "{separator}{id}")?;
                    separator = ',';
                }
                f.write_str(")")
            }
            ParamKind::Number { min, max, offered } => {
                let max = offered.map_or(max, |offered| offered(model));
                match max - min {
                    0 => write!(f, "({min})"),
                    1 => write!(f, "({min},{max})"),
                    _ => write!(f, "({min}-{max})"),
                }
            }
            ParamKind::Text(limit) | ParamKind::Bytes(limit) => limit.of(model).fmt(f),
            ParamKind::OneOf(numbers) => {
                let mut separator = '(';
                for number in numbers {
                    write!(f, "{separator}{number}")?;
                    separator = ',';
                }
                f.write_str(")")
            }
            ParamKind::Word(words) => {
                let mut separator = '(';
                for word in words {
                    write!(f, "{separator}\"{word}\"")?;
                    separator = ',';
                }
                f.write_str(")")
            }
            ParamKind::Switch => f.write_str("(0,1)"),
            ParamKind::Anything => Ok(()),
            ParamKind::Host(_) => write!(f, "(<\"{}\">)", self.name),
            ParamKind::TopicName(max)
            | ParamKind::WillTopic(max)
            | ParamKind::TopicFilter(max)
            | ParamKind::Message(max)
            | ParamKind::Payload { max, .. } => max.fmt(f),
        })
    }
}

impl ParamKind {
    /// Whether quotes and text are due.
    pub const fn is_text(self) -> bool {
        !matches!(self, ParamKind::Client(_) | ParamKind::Number { .. } | ParamKind::OneOf(_) | ParamKind::Switch)
    }

    /// Whether this is a topic.
    pub(crate) const fn is_topic(self) -> bool {
        matches!(self, ParamKind::TopicName(_) | ParamKind::WillTopic(_) | ParamKind::TopicFilter(_))
    }

    /// Whether this is a topic or a payload: backslash escapes apply inside its quotes, and as the last parameter it
    /// takes the rest of the line, up to the last quote, so that JSON with bare quotes comes through.
    pub(crate) const fn is_free_text(self) -> bool {
        matches!(
            self,
            ParamKind::TopicName(_)
                | ParamKind::WillTopic(_)
                | ParamKind::TopicFilter(_)
                | ParamKind::Message(_)
                | ParamKind::Payload { .. }
        )
    }
}

impl Clients {
    /// The ids of these clients that the model has, ascending.
    pub fn of(self, model: &'static Model) -> impl Iterator<Item = ClientId> {
        ClientId::ALL.into_iter().filter(move |id| match self {
            Clients::Mqtt => !id.is_sn(),
            Clients::MqttSn => id.is_sn() && model.sn,
            Clients::All => !id.is_sn() || model.sn,
        })
    }
}

impl Limit {
    /// The limit that holds for the model.
    pub fn of(self, model: &Model) -> usize {
        match self {
            Limit::Fixed(max) => max,
            Limit::Of(max) => usize::from(max(model)),
        }
    }
}
