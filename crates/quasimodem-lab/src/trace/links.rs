//! A link of a station: its packets, one by one, as far as they may be shown.

use quasimodem_core::cloud::read_answer;
use quasimodem_core::{ClientId, Link, mqtt};

use super::masks;
use super::pcapng::Route;
use crate::frames::{Frames, Piece};

/// A packet, or what else went over a link.
pub(super) struct Packet<'a> {
    pub(super) form: Form,
    /// As it may be shown.
    pub(super) shown: &'a [u8],
    /// Its length; more than what is shown if it was too long to be kept.
    pub(super) length: usize,
}

/// How a packet is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Mqtt,
    Http,
    /// A datagram of MQTT-SN.
    Datagram,
    /// No packet at all.
    Data,
}

/// A link, from one opening to the next.
pub(super) struct Wire {
    pub(super) route: Route,
    /// What is spoken; `None`: that shows the first byte.
    speaks: Option<Form>,
    /// What it is for is no client's: messages there are secrets.
    cloud: bool,
    up: Stream,
    down: Stream,
    /// What came of an answer.
    answer: Vec<u8>,
}

#[derive(Default)]
struct Stream {
    frames: Frames,
    /// Bytes still to come of a packet that is too long to be kept.
    passing: usize,
}

impl Wire {
    pub(super) fn new(link: Link, route: Route) -> Wire {
        let client = ClientId::from_number(link.0.into());
        let speaks = client.map(|client| if client.is_sn() { Form::Datagram } else { Form::Mqtt });
        Wire {
            route,
            speaks,
            cloud: client.is_none(),
            up: Stream::default(),
            down: Stream::default(),
            answer: Vec::new(),
        }
    }

    /// The modem sent these bytes; secrets that are marked are stars already.
    pub(super) fn sent(&mut self, bytes: &[u8], each: &mut dyn FnMut(Packet<'_>)) {
        let request = if masks::is_request(bytes) { Form::Http } else { Form::Mqtt };
        match *self.speaks.get_or_insert(request) {
            Form::Http => show_http(bytes, each),
            Form::Datagram => show(Form::Datagram, bytes, each),
            Form::Mqtt | Form::Data => self.up.push(bytes, self.cloud, each),
        }
    }

    /// The peer sent these.
    pub(super) fn received(&mut self, bytes: &[u8], each: &mut dyn FnMut(Packet<'_>)) {
        match self.speaks {
            Some(Form::Http) => {
                self.answer.extend_from_slice(bytes);
                if !matches!(read_answer(&self.answer, false), Ok(None)) {
                    self.show_answer(each);
                }
            }
            Some(Form::Datagram) => show(Form::Datagram, bytes, each),
            Some(Form::Mqtt | Form::Data) | None => self.down.push(bytes, self.cloud, each),
        }
    }

    /// Nothing more will come.
    pub(super) fn ended(&mut self, each: &mut dyn FnMut(Packet<'_>)) {
        self.show_answer(each);
        for stream in [&mut self.up, &mut self.down] {
            let partial = stream.frames.take_partial();
            *stream = Stream::default();
            hide(&partial, each);
        }
    }

    fn show_answer(&mut self, each: &mut dyn FnMut(Packet<'_>)) {
        let answer = std::mem::take(&mut self.answer);
        if masks::is_answer(&answer) {
            show_http(&answer, each);
        } else {
            hide(&answer, each);
        }
    }
}

impl Stream {
    fn push(&mut self, bytes: &[u8], cloud: bool, each: &mut dyn FnMut(Packet<'_>)) {
        let Stream { frames, passing } = self;
        frames.push(bytes, &mut |piece| match piece {
            Piece::Packet(packet) => show_mqtt(packet, packet.len(), cloud, each),
            Piece::Long(begun, length) => {
                *passing = length - begun.len();
                show_mqtt(begun, length, cloud, each);
            }
            Piece::Rest(more) if *passing > 0 => *passing = passing.saturating_sub(more.len()),
            // Nobody knows what it is, and it may well be what it was told.
            Piece::Rest(junk) => hide(junk, each),
        });
    }
}

fn show_mqtt(packet: &[u8], length: usize, cloud: bool, each: &mut dyn FnMut(Packet<'_>)) {
    // Of one that is cut only the beginning is there. No other is of any length, and no cloud's is so long.
    let is_cut = length > packet.len();
    let is_sound = if is_cut { !cloud && masks::is_publish(packet) } else { mqtt::Packet::decode(packet).is_ok() };
    let mut shown = packet.to_vec();
    let form = if is_sound {
        masks::mqtt(&mut shown, cloud);
        Form::Mqtt
    } else {
        // Some other protocol looks like this, and may say what it was told.
        shown.fill(b'*');
        Form::Data
    };
    each(Packet { form, shown: &shown, length });
}

fn show_http(message: &[u8], each: &mut dyn FnMut(Packet<'_>)) {
    let mut shown = message.to_vec();
    masks::http(&mut shown);
    show(Form::Http, &shown, each);
}

fn show(form: Form, shown: &[u8], each: &mut dyn FnMut(Packet<'_>)) {
    each(Packet { form, shown, length: shown.len() });
}

fn hide(bytes: &[u8], each: &mut dyn FnMut(Packet<'_>)) {
    if !bytes.is_empty() {
        show(Form::Data, &vec![b'*'; bytes.len()], each);
    }
}
