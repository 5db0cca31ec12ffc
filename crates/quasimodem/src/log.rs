//! What the program says on stderr and in the file of `--log`: where the modem is, why it ended, and with `-v` what it does.
//!
//! No secret gets here: typed lines are shown as [`Marked`] shows them, of packets what events tell of them, and bytes that
//! nobody has marked are not shown.

mod out;
mod unknown;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use quasimodem_core::{
    Effect, Failure, Host, Imei, Input, Instant, Kind, Link, Marked, Modem, Note, Outbox, Problem, Transport,
};
use quasimodem_lab::broker;
use quasimodem_lab::event::{Event, Listener, Names, Reporter, Stamp, Value};
use quasimodem_lab::fault::Happened;
use quasimodem_lab::gateway;
use quasimodem_lab::watch::{Of, OnLink, Watch, Weight};

use self::out::{Rank, put};
use self::unknown::Unknown;
use crate::watching::Watches;

/// Starts the log: with `-v` (1) connections, breaks and why, with `-vv` also all that is typed and answered, with `-vvv` also
/// packets.
pub(crate) fn init(verbosity: u8) {
    out::init(verbosity);
}

/// From here on the log also goes to this file, with all that is typed and answered.
pub(crate) fn open(path: &Path) -> Result<()> {
    out::open(path).with_context(|| format!("can't write the log to {}", path.display()))
}

/// Waits until all of it is written, but not for ever.
pub(crate) fn end() {
    out::end();
}

/// Writes a line, whatever the verbosity.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    put(Rank::Notice, line);
}

/// The same of what kept the program from doing what it should.
pub(crate) fn fail(line: fmt::Arguments<'_>) {
    put(Rank::Error, line);
}

/// The watches that serve people who read.
pub(crate) fn watches(names: &Names) -> Watches {
    let mut watches: Watches = vec![Box::new(Hints(names.clone()))];
    let verbosity = out::verbosity();
    if verbosity >= 1 {
        watches.push(Box::new(Log { names: names.clone(), typed: String::new(), unknown: Unknown::default() }));
    }
    if verbosity >= 3 {
        watches.push(Box::new(Reporter::new(names.clone(), Packets)));
    }
    watches
}

/// Tells whether a terminal at stdin is in raw mode, in which a line feed does not return to the left margin.
pub(crate) fn set_raw(raw: bool) {
    out::set_raw(raw);
}

/// What modems of these names, their links and the lab's peers do, for those who asked by `-v` or by `--log`.
struct Log {
    names: Names,
    /// The line that was typed last.
    typed: String,
    unknown: Unknown,
}

/// Writes a line that is worth `-v`.
macro_rules! info {
    ($($words:tt)*) => {
        put(Rank::Connection, format_args!($($words)*))
    };
}

impl Watch for Log {
    fn modem(&mut self, _: Instant, _: usize, input: &Input<'_>, _: &Modem, out: &Outbox) {
        match input {
            Input::Host(Host::Attached) => info!("host attached"),
            Input::Host(Host::Detached) => info!("host gone"),
            Input::Opened(link) => info!("link {link}: open"),
            Input::Closed(link, why) => put(Rank::Trouble, format_args!("link {link}: {why}")),
            Input::Tick
            | Input::Received(..)
            | Input::Serial(_)
            | Input::Host(Host::Settling)
            | Input::Line(_)
            | Input::Resolved(..)
            | Input::Full(_)
            | Input::Free(_)
            | Input::Bearer(_)
            | Input::Power(_) => {}
        }
        out.effects().for_each(|effect| self.effect(&effect));
    }

    fn link(&mut self, _: Instant, _: usize, link: Link, what: &OnLink<'_>) {
        match what {
            OnLink::Led { host, port } => info!("link {link}: led to {host}:{port} by the host map"),
            OnLink::Secured(agreed) => info!("link {link}: {agreed}"),
            OnLink::Lost(size, why) => {
                put(Rank::Trouble, format_args!("link {link}: lost a datagram of {size} bytes: {why}"));
            }
        }
    }

    fn fault(&mut self, _: Instant, _: usize, what: &Happened<'_>) {
        put(Rank::Trouble, format_args!("{what}"));
    }

    fn broker(&mut self, _: Instant, _: usize, note: &broker::Note) {
        info!("broker: {note}");
    }

    fn server(&mut self, _: Instant, name: &'static str, note: &dyn fmt::Display) {
        info!("{name}: {note}");
    }

    fn gateway(&mut self, _: Instant, note: &gateway::Note) {
        info!("gateway: {note}");
    }

    fn remark(&mut self, _: Instant, of: Of, weight: Weight, words: &dyn fmt::Display) {
        if weight == Weight::Detail {
            info!("{}: {words}", name(&self.names, of));
        }
    }

    fn run(&mut self, _: Instant, event: &Event<'_>) {
        if let (Event::End {}, false) = (event, self.unknown.is_empty()) {
            info!("{}", self.unknown);
        }
    }
}

impl Log {
    /// What a modem wants done, or tells.
    fn effect(&mut self, effect: &Effect<'_>) {
        match effect {
            Effect::Serial(Kind::Final | Kind::Urc | Kind::Info, bytes) => {
                put(Rank::Line, format_args!("answered {}", Trimmed(*bytes)));
            }
            Effect::Open { link, transport, host, port } => {
                let over = match transport {
                    Transport::Tcp => "",
                    Transport::Tls(_) => " over TLS",
                    Transport::Udp => " over UDP",
                };
                info!("link {link}: opening {host}:{port}{over}");
            }
            Effect::Close(link) => info!("link {link}: closed by the modem"),
            Effect::Resolve(_, _, name) => info!("looking up {name}"),
            Effect::Note(note) => self.note(note),
            // A note tells what a prompt asks for, and events tell packets, which are whole there.
            Effect::Serial(Kind::Echo | Kind::Prompt, _) | Effect::Line(_) | Effect::Send(..) => {}
        }
    }

    fn note(&mut self, note: &Note<'_>) {
        let rank = match note {
            Note::Typed(line) => {
                self.typed = String::from_utf8_lossy(&line.redacted()).into_owned();
                Rank::Line
            }
            note if note.is_of_bytes() => Rank::Line,
            Note::Refused(refusal) => {
                if refusal.problem == Problem::UnknownCommand {
                    // The refusal does not tell which of the line it was.
                    let name = self.unknown.count(&self.typed);
                    return put(Rank::Trouble, format_args!("refused: {name}: {}", refusal.problem));
                }
                Rank::Trouble
            }
            Note::Starts => Rank::Connection,
            _ => Rank::Trouble,
        };
        put(rank, format_args!("{note}"));
    }
}

/// The watches of a tap that serve people who read: a module that is not ours says nothing but its lines.
pub(crate) fn of_tap(names: &Names) -> Watches {
    match out::verbosity() {
        0 => Vec::new(),
        _ => vec![Box::new(Reporter::new(names.clone(), Lines))],
    }
}

/// What a tap sees, for those who asked by `-v` or by `--log`.
struct Lines;

impl Listener for Lines {
    fn event(&mut self, _: &Stamp<'_>, event: &Event<'_>) {
        match event {
            Event::Attached {} => info!("host attached"),
            Event::Detached {} => info!("host gone"),
            Event::Typed { text, .. } => put(Rank::Line, format_args!("typed {text:?}")),
            Event::Prompt { size, .. } => put(Rank::Line, format_args!("waits for {size} bytes of raw data")),
            Event::Info { text, .. } | Event::Final { text, .. } | Event::Urc { text, .. } => {
                put(Rank::Line, format_args!("answered {text:?}"));
            }
            Event::ClientOpen { client, .. } => info!("client {client}: open"),
            Event::ClientFailed { client, .. } => put(Rank::Trouble, format_args!("client {client}: not opened")),
            Event::ClientBroken { client, cause, .. } => {
                put(Rank::Trouble, format_args!("client {client}: broken, cause {cause}"));
            }
            Event::ClientClosed { client, .. } => info!("client {client}: closed"),
            _ => {}
        }
    }
}

/// Packets of links, for those who asked by `-vvv`.
struct Packets;

impl Listener for Packets {
    fn event(&mut self, _: &Stamp<'_>, event: &Event<'_>) {
        let way = match event.name() {
            "packet.up" => "sent",
            "packet.down" => "received",
            _ => return,
        };
        let (mut words, mut end) = (String::new(), String::new());
        event.fields(&mut |key, value| {
            let word = match (key, value) {
                ("link", Value::Number(link)) => format!("link {link}: {way}"),
                ("type" | "flags", Value::Text(text)) => format!(" {text}"),
                ("size", Value::Number(size)) => {
                    end = format!(", {size} bytes");
                    return;
                }
                ("packet_id", Value::Number(id)) => format!(" #{id}"),
                // The network's text.
                ("topic", Value::Text(topic)) => format!(" {topic:?}"),
                (key, Value::Number(number)) => format!(" {key} {number}"),
                (key, Value::Flag(flag)) => format!(" {key} {flag}"),
                (key, Value::Text(text)) => format!(" {key} {text:?}"),
                (key, Value::Counts(counts)) => format!(" {key} {counts:?}"),
                _ => return,
            };
            words += &word;
        });
        put(Rank::Packet, format_args!("{words}{end}"));
    }
}

/// The watch that tells people what they have to know and what they probably do wrong, whether they asked for the log or not.
struct Hints(Names);

impl Watch for Hints {
    fn hears_messages(&self) -> bool {
        false
    }

    fn modem(&mut self, _: Instant, _: usize, _: &Input<'_>, _: &Modem, out: &Outbox) {
        for effect in out.effects() {
            if let Effect::Note(Note::Broken(
                _,
                Failure::Unexplained { client_id, .. } | Failure::Disconnected { client_id },
                _,
            )) = effect
            {
                taken_over(client_id);
            }
        }
    }

    fn remark(&mut self, _: Instant, of: Of, weight: Weight, words: &dyn fmt::Display) {
        if weight == Weight::Warning {
            put(Rank::Warning, format_args!("{}: {words}", name(&self.0, of)));
        }
    }
}

/// Who makes a remark.
fn name(names: &Names, of: Of) -> Arc<str> {
    match of {
        Of::Station(station) => names.of(station).unwrap_or_else(|| "modem".into()),
        Of::Part(name) => name.into(),
    }
}

/// A broker or a gateway ended a connection, perhaps because another client has this id. With the usual IMEI that is
/// probably another modem of this program, which is worth a word in any case, but not again and again: they do it to
/// each other.
fn taken_over(client_id: &str) {
    let usual = Imei::default();
    if client_id.starts_with(&usual.to_string()) && !HINTED.swap(true, Ordering::Relaxed) {
        put(
            Rank::Warning,
            format_args!(
                "the connection of {client_id} was ended: another modem with the IMEI {usual}? \
             --imei +1 or --imei random gives this one another"
            ),
        );
    }
}

static HINTED: AtomicBool = AtomicBool::new(false);

/// A result, without the empty lines around it.
struct Trimmed<'a>(Marked<'a>);

impl fmt::Display for Trimmed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0.redacted().trim_ascii()))
    }
}
