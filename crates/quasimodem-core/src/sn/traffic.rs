//! What MQTT-SN brings to a turn: datagrams, requests, and what comes of them.

use alloc::boxed::Box;

use super::{End, Event, Malformed, Outcome, Packet, Room, Session, Settled, TopicId, Wire};
use crate::at::Problem;
use crate::client::SnClient;
use crate::client_id::ClientId;
use crate::commands;
use crate::failure::{Cause, Failure};
use crate::message::Topic;
use crate::modem::Modem;
use crate::mqtt::Qos;
use crate::note::StoredNote;
use crate::reports::{Registered, Report};
use crate::sn::Registrar;
use crate::ticket::Stage;
use crate::turn::Turn;
use crate::urc;
use crate::will::StoredWill;

/// Names that the answer to `+MQTTSNREG?` tells of each connection (manual 1.14).
const NAMES_TOLD: usize = 5;

const TOO_LONG: Malformed =
    Malformed::Broken { rule: "max_packet", what: "the message is longer than the modem takes" };

impl Turn<'_> {
    /// The session of an MQTT-SN client and its way out.
    pub(crate) fn sn_session(&mut self, client: ClientId) -> Result<(&mut Session, Wire<'_>), Problem> {
        let (client, wire) = self.sn_client(client).ok_or(Problem::NotConnected)?;
        Ok((client.session.as_deref_mut().ok_or(Problem::NotConnected)?, wire))
    }

    /// An MQTT-SN client, if there is something of it, and its way out.
    fn sn_client(&mut self, id: ClientId) -> Option<(&mut SnClient, Wire<'_>)> {
        let Modem { sn, ids, settings, .. } = &mut *self.modem;
        let client = sn.as_mut()?.get_mut(id.sn_place()?)?;
        let (retry, retries) = (settings.sn_retry, settings.sn_retries);
        let wire = Wire { now: self.now, link: id.link(), ids, out: self.out, retry, retries, sent: false };
        Some((client, wire))
    }

    pub(crate) fn settle_sn_session(&mut self, id: ClientId) {
        while let Ok((session, mut wire)) = self.sn_session(id) {
            match session.settle(&mut wire) {
                Settled::Nothing => break,
                Settled::Ended(outcome) => self.conclude(id, outcome),
                Settled::Closed => self.sn_closed(id),
                Settled::Lost(failure) => {
                    self.out.close(id.link());
                    self.lost(id, failure, Cause::Broker);
                }
            }
        }
        self.advance(id);
    }

    /// A datagram from a gateway.
    pub(crate) fn sn_received(&mut self, id: ClientId, datagram: &[u8]) {
        let room = Room {
            inbox: self.modem.has_room(id, datagram.len()),
            pool: self.modem.pool_left(),
            fits: datagram.len() <= self.modem.settings.max_packet,
        };
        let Ok((session, mut wire)) = self.sn_session(id) else { return };
        let packet = match Packet::decode(datagram) {
            Ok(packet) => packet,
            Err(malformed) => return self.ignored(id, malformed),
        };
        match session.packet(&mut wire, &packet, room) {
            Event::Nothing => {}
            Event::Opened => {
                if let Stage::Open(ticket) = session.stage() {
                    self.modem.reports.decide(ticket, true);
                }
                if let Some(client) = self.modem.sn_client_mut(id) {
                    client.kept = None;
                }
                self.stage_changed(id);
                self.connect_answered(id, Ok(()));
            }
            Event::Refused(code) => {
                self.connect_refused(id, Failure::Rejected(code), Problem::ConnectRejected(code));
            }
            Event::Disconnected => {
                self.out.close(id.link());
                let client_id = commands::client_id(self.modem, id).into();
                self.lost(id, Failure::Disconnected { client_id }, Cause::Broker);
            }
            Event::Closed => self.sn_closed(id),
            Event::Ended(outcome) => self.conclude(id, outcome),
            Event::Message { topic, qos, payload } => self.sn_message(id, topic, qos, payload),
            Event::Named(topic, name) => {
                let registered = Registered { by: Registrar::Gateway, topic, name: name.into() };
                self.modem.reports.push(Report::Registered(id, Box::new(registered)));
            }
            Event::WillTopicWanted => self.say_will(id, super::say_will_topic),
            Event::WillMessageWanted => self.say_will(id, super::say_will_message),
            Event::Dropped => drop(self.out.note(StoredNote::Dropped(id, 1))),
            Event::TooLong => self.ignored(id, TOO_LONG),
            Event::NotNamed => drop(self.out.note(StoredNote::NotNamed(id))),
        }
        self.advance(id);
    }

    fn ignored(&mut self, id: ClientId, malformed: Malformed) {
        self.out.note(StoredNote::Ignored(id, malformed));
    }

    /// Tells the gateway of the will that is kept, if there is one.
    fn say_will(&mut self, id: ClientId, say: fn(&StoredWill, &mut Wire<'_>)) {
        if let Some((SnClient { will: Some(will), session: Some(_), .. }, mut wire)) = self.sn_client(id)
            && will.has_topic()
        {
            say(will, &mut wire);
        }
    }

    fn sn_message(&mut self, id: ClientId, topic: TopicId, qos: Qos, payload: &[u8]) {
        let (mut teller, clients) = self.teller();
        let (settings, at_once) = (teller.settings, teller.tells_at_once(payload));
        let names = clients.and_then(|clients| clients.get_mut(id.sn_place()?)?.names());
        let told = match (&topic, names) {
            (TopicId::Short(name), _) => Topic::Name(name),
            (TopicId::Normal(number), Some(names)) => {
                let by_name = settings.sn_names || settings.sn_predefined.contains(*number);
                let by_name = by_name || names.is_others(*number);
                if at_once && !by_name {
                    names.show(*number);
                }
                match names.name(*number) {
                    Some(name) if by_name => Topic::Name(name.as_bytes()),
                    Some(name) => Topic::Registered(*number, name.as_bytes()),
                    None => Topic::Id(*number),
                }
            }
            (TopicId::Predefined(number), names) => {
                let is_meant = settings.sn_predefined.contains(*number);
                if !is_meant && names.is_some_and(|names| !names.show_predefined(*number)) {
                    teller.out.note(StoredNote::TwoTopics(id, *number));
                }
                let name = settings.sn_predefined.name(*number).filter(|_| settings.sn_names);
                name.map_or(Topic::Id(*number), |name| Topic::Name(name.as_bytes()))
            }
            (TopicId::Normal(number), None) => Topic::Id(*number),
        };
        teller.message(id, qos, told, payload);
    }

    /// The host is told that an id stands for a name.
    pub(crate) fn show_name(&mut self, id: ClientId, number: u16, name: &str) {
        let named = self.modem.settings.sn_predefined.contains(number);
        let Some(names) = self.modem.sn_client_mut(id).and_then(|client| client.names()) else { return };
        if named || names.is_predefined(number) {
            self.out.note(StoredNote::TwoTopics(id, number));
        } else if names.name(number) == Some(name) {
            names.show(number);
        }
    }

    /// Sends what may go now to a gateway.
    pub(crate) fn advance(&mut self, id: ClientId) {
        while let Ok((session, mut wire)) = self.sn_session(id)
            && let Some(outcome) = session.advance(&mut wire)
        {
            self.conclude(id, outcome);
        }
    }

    /// Reports how a request ended, and keeps what it changed.
    fn conclude(&mut self, id: ClientId, outcome: Outcome) {
        let Outcome { ticket: Some(ticket), end } = outcome else { return };
        let command = self.modem.reports.undecided(ticket).map_or("", |command| command.0);
        let status = match end {
            End::Done => true,
            End::Registered(topic, name) => return self.modem.reports.registered(ticket, topic, name),
            End::WillTopic(new) => {
                if let Some(client) = self.modem.sn_client_mut(id) {
                    let payload = client.will.take().map(|will| will.payload).unwrap_or_default();
                    client.will = new.map(|new| {
                        Box::new(StoredWill { topic: new.topic, qos: new.qos, retain: new.retain, payload })
                    });
                }
                true
            }
            End::WillMessage(payload) => {
                match self.modem.sn_client_mut(id).map(|client| &mut client.will) {
                    Some(Some(will)) => will.payload = payload,
                    Some(none) => *none = Some(Box::new(StoredWill::of_message(payload))),
                    None => {}
                }
                true
            }
            End::Rejected(code) => {
                self.out.note(StoredNote::Rejected(id, command, code));
                self.modem.failed(Failure::Rejected(code));
                false
            }
            End::Unanswered => {
                self.out.note(StoredNote::Late(id, command));
                self.modem.failed(Failure::NoAnswer);
                false
            }
        };
        self.modem.reports.decide(ticket, status);
    }

    /// The gateway confirmed that the host closed the connection, or does not answer.
    fn sn_closed(&mut self, id: ClientId) {
        self.out.close(id.link());
        // A connection that is being closed is not lost, whatever the reason.
        self.lost(id, Failure::ClosedByHost, Cause::Broker);
    }

    /// Prints the newest names of a client's connection, the newest last.
    pub(crate) fn print_names(&mut self, id: ClientId) {
        let (teller, clients) = self.teller();
        let client = id.sn_place().and_then(|place| clients?.get_mut(place));
        let Some(session) = client.and_then(|client| client.session.as_mut()) else { return };
        let names = session.names_mut();
        for (topic, name) in names.newest(NAMES_TOLD) {
            urc::print_name(format_args!("{id},{topic}"), name, teller.settings, teller.out);
        }
        names.show_newest(NAMES_TOLD, |number| teller.settings.sn_predefined.contains(number));
    }
}
