//! What a client says of the port, and what it is answered (RFC 2217 3).

use super::{COM_PORT, Event, IAC, SB, SE};

/// What a client asks; the answer has [`ANSWER`] added.
const SIGNATURE: u8 = 0;
const SET_BAUDRATE: u8 = 1;
const SET_DATASIZE: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOPSIZE: u8 = 4;
const SET_CONTROL: u8 = 5;
const NOTIFY_LINESTATE: u8 = 6;
const NOTIFY_MODEMSTATE: u8 = 7;
const FLOWCONTROL_SUSPEND: u8 = 8;
const FLOWCONTROL_RESUME: u8 = 9;
const SET_LINESTATE_MASK: u8 = 10;
const SET_MODEMSTATE_MASK: u8 = 11;
const PURGE_DATA: u8 = 12;

const ANSWER: u8 = 100;

/// Values of SET-CONTROL.
mod set_control {
    pub(super) const ASK_FLOW: u8 = 0;
    pub(super) const NO_FLOW: u8 = 1;
    pub(super) const HARDWARE_FLOW: u8 = 3;
    pub(super) const ASK_BREAK: u8 = 4;
    pub(super) const BREAK_ON: u8 = 5;
    pub(super) const BREAK_OFF: u8 = 6;
    pub(super) const ASK_DTR: u8 = 7;
    pub(super) const DTR_ON: u8 = 8;
    pub(super) const DTR_OFF: u8 = 9;
    pub(super) const ASK_RTS: u8 = 10;
    pub(super) const RTS_ON: u8 = 11;
    pub(super) const RTS_OFF: u8 = 12;
    pub(super) const ASK_FLOW_IN: u8 = 13;
    pub(super) const NO_FLOW_IN: u8 = 14;
    pub(super) const HARDWARE_FLOW_IN: u8 = 16;
    pub(super) const DCD_FLOW: u8 = 17;
    pub(super) const DTR_FLOW_IN: u8 = 18;
    pub(super) const DSR_FLOW: u8 = 19;
}

/// Lines of the modem state; their changes are the lower bits.
pub(super) const CD: u8 = 0x80;
pub(super) const RI: u8 = 0x40;
const DSR: u8 = 0x20;
const CTS: u8 = 0x10;

/// The line state of a port with nothing to send, and of one that lost bytes.
const EMPTY: u8 = 0x60;
const OVERRUN: u8 = 0x02;

/// A serial port as a client sees it. There is no line behind it, so that all settings are possible.
#[derive(Debug)]
pub(super) struct Port {
    signature: &'static str,
    pub(super) rate: Option<u32>,
    data_bits: u8,
    parity: u8,
    stop_bits: u8,
    flow: u8,
    flow_in: u8,
    broken: bool,
    dtr: bool,
    pub(super) rts: bool,
    pub(super) suspended: bool,
    modem_state: u8,
    modem_mask: u8,
    line_mask: u8,
}

impl Port {
    /// 8N1 without flow control, DTR and RTS on.
    pub(super) fn new(signature: &'static str) -> Port {
        Port {
            signature,
            rate: None,
            data_bits: 8,
            parity: 1,
            stop_bits: 1,
            flow: set_control::NO_FLOW,
            flow_in: set_control::NO_FLOW_IN,
            broken: false,
            dtr: true,
            rts: true,
            suspended: false,
            modem_state: DSR | CTS,
            modem_mask: 0xff,
            line_mask: 0,
        }
    }

    /// Hears what stands in a subnegotiation. What is no request is ignored, one for a value that does not exist is answered
    /// with the value that holds.
    pub(super) fn hear(&mut self, request: &[u8], wire: &mut Vec<u8>) -> Option<Event> {
        let (&code, value) = request.split_first()?;
        let byte = value.first().copied();
        let mut event = None;
        match code {
            // With text it is the client's own.
            SIGNATURE if value.is_empty() => answer(code, self.signature.as_bytes(), wire),
            SET_BAUDRATE => {
                let wanted = u32::from_be_bytes(value.try_into().ok()?);
                if wanted > 0 && self.rate != Some(wanted) {
                    self.rate = Some(wanted);
                    event = Some(Event::Settings);
                }
                answer(code, &self.rate.unwrap_or(DEFAULT_RATE).to_be_bytes(), wire);
            }
            SET_DATASIZE => event = set(&mut self.data_bits, byte?, 5..=8, code, wire),
            SET_PARITY => event = set(&mut self.parity, byte?, 1..=5, code, wire),
            SET_STOPSIZE => event = set(&mut self.stop_bits, byte?, 1..=3, code, wire),
            SET_CONTROL => event = self.control(byte?, wire),
            NOTIFY_LINESTATE => answer(code, &[EMPTY], wire),
            NOTIFY_MODEMSTATE => self.notify_modem_state(wire),
            FLOWCONTROL_SUSPEND => self.suspended = true,
            FLOWCONTROL_RESUME => self.suspended = false,
            SET_LINESTATE_MASK => {
                self.line_mask = byte?;
                answer(code, &[self.line_mask], wire);
            }
            SET_MODEMSTATE_MASK => {
                self.modem_mask = byte?;
                answer(code, &[self.modem_mask], wire);
            }
            PURGE_DATA => {
                event = Some(match byte? {
                    1 => Event::PurgeOutput,
                    2 => Event::PurgeInput,
                    3 => Event::PurgeBoth,
                    _ => return None,
                });
                answer(code, value.get(..1)?, wire);
            }
            _ => {}
        }
        event
    }

    fn control(&mut self, wanted: u8, wire: &mut Vec<u8>) -> Option<Event> {
        use set_control::*;
        let before = self.dtr;
        match wanted {
            NO_FLOW..=HARDWARE_FLOW | DCD_FLOW | DSR_FLOW => self.flow = wanted,
            NO_FLOW_IN..=HARDWARE_FLOW_IN | DTR_FLOW_IN => self.flow_in = wanted,
            BREAK_ON | BREAK_OFF => self.broken = wanted == BREAK_ON,
            DTR_ON | DTR_OFF => self.dtr = wanted == DTR_ON,
            RTS_ON | RTS_OFF => self.rts = wanted == RTS_ON,
            _ => {}
        }
        let holds = match wanted {
            ASK_FLOW..=HARDWARE_FLOW | DCD_FLOW | DSR_FLOW => self.flow,
            ASK_FLOW_IN..=HARDWARE_FLOW_IN | DTR_FLOW_IN => self.flow_in,
            ASK_BREAK..=BREAK_OFF => {
                if self.broken {
                    BREAK_ON
                } else {
                    BREAK_OFF
                }
            }
            ASK_DTR..=DTR_OFF => {
                if self.dtr {
                    DTR_ON
                } else {
                    DTR_OFF
                }
            }
            ASK_RTS..=RTS_OFF => {
                if self.rts {
                    RTS_ON
                } else {
                    RTS_OFF
                }
            }
            _ => return None,
        };
        answer(SET_CONTROL, &[holds], wire);
        (self.dtr != before).then_some(Event::Dtr(self.dtr))
    }

    /// Tells the state of the modem's lines.
    pub(super) fn notify_modem_state(&self, wire: &mut Vec<u8>) {
        answer(NOTIFY_MODEMSTATE, &[self.modem_state & self.modem_mask], wire);
    }

    /// Switches a line of the modem, and tells a client that wants to know it.
    pub(super) fn set_modem_state(&mut self, line: u8, on: bool, tell: bool, wire: &mut Vec<u8>) {
        let before = self.modem_state;
        self.modem_state = if on { before | line } else { before & !line };
        // Of the ring indicator only the end is a change (RFC 2217 3, trailing-edge ring detector).
        let change = if line == RI && on { 0 } else { line >> 4 };
        if self.modem_state != before && tell && (line | change) & self.modem_mask != 0 {
            answer(NOTIFY_MODEMSTATE, &[(self.modem_state | change) & self.modem_mask], wire);
        }
    }

    /// Tells a client that wants to know it that bytes were lost.
    pub(super) fn notify_overrun(&self, wire: &mut Vec<u8>) {
        if self.line_mask & OVERRUN != 0 {
            answer(NOTIFY_LINESTATE, &[(EMPTY | OVERRUN) & self.line_mask], wire);
        }
    }
}

/// What is answered to who asks for the rate before it set one.
const DEFAULT_RATE: u32 = 115_200;

/// Sets a value that is within the range, and answers the one that holds. 0 asks.
fn set(value: &mut u8, wanted: u8, range: std::ops::RangeInclusive<u8>, code: u8, wire: &mut Vec<u8>) -> Option<Event> {
    let before = *value;
    if range.contains(&wanted) {
        *value = wanted;
    }
    answer(code, &[*value], wire);
    (*value != before).then_some(Event::Settings)
}

fn answer(code: u8, value: &[u8], wire: &mut Vec<u8>) {
    wire.extend([IAC, SB, COM_PORT, code + ANSWER]);
    for &byte in value {
        wire.push(byte);
        if byte == IAC {
            wire.push(IAC);
        }
    }
    wire.extend([IAC, SE]);
}
