//! Which telnet options are on (RFC 854, RFC 1143).

use super::{COM_PORT, DO, DONT, IAC, WILL, WONT};

/// RFC 856.
const BINARY: u8 = 0;
/// RFC 857: the modem echoes, so the client need not.
const ECHO: u8 = 1;
/// RFC 858.
const SUPPRESS_GO_AHEAD: u8 = 3;

/// The options that are known, and whether a client may have them too.
const KNOWN: [(u8, bool); 4] = [(BINARY, true), (ECHO, false), (SUPPRESS_GO_AHEAD, true), (COM_PORT, true)];

/// How often a client may switch options off; then what is off stays off. Two sides whose words crossed could else go on for
/// ever, each taking the other's answers for wishes (RFC 1143).
const PATIENCE: u8 = 8;

/// Who does what an option says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Server,
    Client,
}

/// The options of both sides.
#[derive(Debug)]
pub(super) struct Options {
    server: [Has; KNOWN.len()],
    client: [Has; KNOWN.len()],
    /// How often the client may still switch something off.
    patience: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Has {
    Off,
    /// Asked for; the answer is due.
    Asked,
    On,
}

impl Default for Options {
    fn default() -> Options {
        Options { server: [Has::Off; _], client: [Has::Off; _], patience: PATIENCE }
    }
}

impl Options {
    /// Asks for all that is known.
    pub(super) fn ask(&mut self, wire: &mut Vec<u8>) {
        for (index, (option, both)) in KNOWN.into_iter().enumerate() {
            // A server of ports wants a client's word that it knows them; its own is the answer to it.
            if option != COM_PORT {
                self.server[index] = Has::Asked;
                wire.extend([IAC, WILL, option]);
            }
            if both {
                self.client[index] = Has::Asked;
                wire.extend([IAC, DO, option]);
            }
        }
    }

    /// Hears `WILL`, `WONT`, `DO` or `DONT`, and answers if that changes something; whether the option of serial ports
    /// came on. A refusal of what is off is never answered, so that two sides can't go on for ever.
    pub(super) fn hear(&mut self, verb: u8, option: u8, wire: &mut Vec<u8>) -> bool {
        let was_com_port = self.com_port();
        let (side, on) = match verb {
            DO => (Side::Server, true),
            DONT => (Side::Server, false),
            WILL => (Side::Client, true),
            _ => (Side::Client, false),
        };
        let (yes, no) = if side == Side::Server { (WILL, WONT) } else { (DO, DONT) };
        let known = KNOWN.into_iter().position(|(known, both)| known == option && (both || side == Side::Server));
        let sides = if side == Side::Server { &mut self.server } else { &mut self.client };
        let Some(has) = known.and_then(|index| sides.get_mut(index)) else {
            if on {
                wire.extend([IAC, no, option]);
            }
            return false;
        };
        match (*has, on) {
            (Has::Off, true) if self.patience == 0 => {
                wire.extend([IAC, no, option]);
                return false;
            }
            (Has::Off, true) => wire.extend([IAC, yes, option]),
            (Has::On, false) => {
                self.patience = self.patience.saturating_sub(1);
                wire.extend([IAC, no, option]);
            }
            _ => {}
        }
        *has = if on { Has::On } else { Has::Off };
        !was_com_port && self.com_port()
    }

    /// Whether this side sends all eight bits as they are.
    pub(super) fn binary(&self, side: Side) -> bool {
        self.has(side, BINARY)
    }

    /// Whether the client knows of serial ports.
    pub(super) fn com_port(&self) -> bool {
        self.has(Side::Client, COM_PORT) || self.has(Side::Server, COM_PORT)
    }

    fn has(&self, side: Side, option: u8) -> bool {
        let sides = if side == Side::Server { &self.server } else { &self.client };
        KNOWN.iter().zip(sides).any(|((known, _), has)| *known == option && *has == Has::On)
    }
}
