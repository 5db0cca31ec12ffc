//! The network side of a turn: connections, requests, messages.

use alloc::boxed::Box;
use core::time::Duration;

use crate::at::{Answer, Command, Problem, Returns};
use crate::bearer::Bearer;
use crate::client::SnClients;
use crate::client_id::ClientId;
use crate::commands;
use crate::console::Console;
use crate::failure::{Cause, Failure};
use crate::message::{self, Message, Topic};
use crate::modem::Modem;
use crate::mqtt::{self, Event, KeptSessions, Odd, OddMessage, Qos, Session, TooLarge, Violation, Wire};
use crate::net::{Link, Why};
use crate::note::StoredNote;
use crate::outbox::Outbox;
use crate::owner::{OnLink, Owner};
use crate::profile::{Profile, Switches};
use crate::reports::{Report, Reports};
use crate::request::{Progress, Request, Terms};
use crate::settings::{Oversize, Settings};
use crate::sink::Sink;
use crate::ticket::Name;
use crate::ticket::Stage;
use crate::ticket::Ticket;
use crate::time::Instant;
use crate::turn::Turn;
use crate::urc;

/// What bytes of a broker begin with.
enum Next<'a> {
    /// A packet.
    Whole(&'a [u8]),
    /// A part of one, or nothing.
    Partial,
    /// This many bytes of a message that is too large.
    Skipped(usize),
}

/// What telling the host of a message takes.
pub(crate) struct Teller<'a> {
    now: Instant,
    is_free: bool,
    pub(crate) settings: &'a Settings,
    profile: &'a Profile,
    pub(crate) reports: &'a mut Reports,
    console: &'a mut Console,
    pub(crate) out: &'a mut Outbox,
}

impl Teller<'_> {
    /// Tells the host of a message, now or when it may be told.
    pub(crate) fn message(&mut self, id: ClientId, qos: Qos, topic: Topic<'_>, payload: &[u8]) {
        if self.profile.switches.has(Switches::INDICATES) {
            for part in message::parts(payload, commands::READ_MAX) {
                self.reports.push(Report::arrived(id, qos, topic, part));
            }
            self.reports.keep_unread(id, Message::new(qos, topic, payload));
        } else if self.tells_at_once(payload) {
            urc::ring(self.settings, self.out);
            urc::print_message(id, qos, topic, payload, self.settings, self.out);
            self.console.space(self.now + self.settings.urc_gap);
        } else {
            for part in message::parts(payload, self.longest_in_one_go()) {
                self.reports.push(Report::Message(id, Box::new(Message::new(qos, topic, part))));
            }
        }
    }

    /// Whether a message with this payload is printed the moment it comes.
    pub(crate) fn tells_at_once(&self, payload: &[u8]) -> bool {
        let indicates = self.profile.switches.has(Switches::INDICATES);
        let fits = payload.len() <= self.longest_in_one_go();
        !indicates && fits && self.is_free && !self.reports.is_ready()
    }

    /// The longest payload that may be printed without a gap in it. Longer ones than the model reports are several
    /// results.
    fn longest_in_one_go(&self) -> usize {
        if self.settings.urc_gap.is_zero() { usize::MAX } else { self.settings.model.message.into() }
    }
}

impl Turn<'_> {
    pub(crate) fn settle_sessions(&mut self) {
        for id in ClientId::mqtt() {
            if let Ok((session, mut wire)) = self.session(id)
                && let Err(failure) = session.settle(&mut wire)
            {
                self.out.close(id.link());
                self.lost(id, failure, Cause::Broker);
            }
        }
        ClientId::mqtt_sn().for_each(|id| self.settle_sn_session(id));
    }

    /// What happens to a link goes to its owner.
    pub(crate) fn on_link(&mut self, link: Link, what: OnLink<'_>) {
        let Some(owner) = Owner::of(link) else { return };
        match (owner, what) {
            (Owner::Errand, OnLink::Opened) => self.errand_opened(),
            (Owner::Errand, OnLink::Received(bytes)) => self.errand_received(bytes),
            (Owner::Errand, OnLink::Closed(why)) => self.errand_closed(why),
            // It says little, and waits for an answer after each word.
            (Owner::Errand, OnLink::Full(_)) => {}
            (Owner::Mqtt(id), OnLink::Opened) => {
                if let Ok((session, mut wire)) = self.session(id) {
                    session.link_opened(&mut wire);
                }
            }
            (Owner::MqttSn(id), OnLink::Opened) => {
                if let Ok((session, mut wire)) = self.sn_session(id) {
                    session.link_opened(&mut wire);
                }
            }
            (Owner::Mqtt(id), OnLink::Received(bytes)) => self.received(id, bytes),
            (Owner::MqttSn(id), OnLink::Received(datagram)) => self.sn_received(id, datagram),
            (Owner::Mqtt(id) | Owner::MqttSn(id), OnLink::Closed(why)) => self.link_closed(id, why),
            (Owner::Mqtt(id), OnLink::Full(full)) => {
                if let Ok((session, _)) = self.session(id) {
                    session.set_full(full);
                }
                self.room_came(id, full);
            }
            (Owner::MqttSn(id), OnLink::Full(full)) => {
                if let Ok((session, _)) = self.sn_session(id) {
                    session.set_full(full);
                }
                self.room_came(id, full);
            }
        }
    }

    /// Goes on with a message that waited for room, unless the link is `full`.
    fn room_came(&mut self, id: ClientId, full: bool) {
        if !full && let Some(pending) = self.take_pending_if(|pending| pending.waits_for.is_room(id)) {
            let result = pending.waits_for.room_came(self);
            self.resume(*pending, result);
        }
    }

    fn link_closed(&mut self, id: ClientId, why: Why) {
        self.take_last_words(id);
        let cause = match why {
            Why::Unreachable | Why::TimedOut | Why::System(..) => Cause::DataCall,
            _ => Cause::Broker,
        };
        self.lost(id, Failure::Link(why), cause);
    }

    /// How far a client's connection is has changed; `None`: it is gone.
    pub(crate) fn stage_changed(&mut self, id: ClientId) {
        match self.modem.stage(id) {
            Some(Stage::Open(_)) => self.tuya_connected(id),
            None => self.tuya_disconnected(id),
            Some(Stage::Opening(_) | Stage::Closing(_)) => {}
        }
    }

    /// What waited for room when the link ended: results are decided, and messages of QoS 0 are taken in as far as there
    /// is room. Others were not acknowledged, so they are the broker's to send again.
    fn take_last_words(&mut self, id: ClientId) {
        let Ok((session, _)) = self.session(id) else { return };
        let bytes = session.take_partial(&[]);
        let (mut rest, mut dropped) = (bytes.as_slice(), 0);
        while let Ok(Some(length)) = mqtt::frame_len(rest, bytes.len())
            && let Some((frame, behind)) = rest.split_at_checked(length)
        {
            rest = behind;
            let Ok((session, _)) = self.session(id) else { return };
            let Ok((event, odd)) = session.last_word(frame) else { break };
            self.note_odd(id, odd);
            match event {
                Event::Done(ticket, status) => self.modem.reports.decide(ticket, status),
                Event::Message(message) if self.modem.has_room(id, frame.len()) => {
                    self.message(id, message.qos, Topic::Name(message.topic.as_bytes()), message.payload);
                }
                Event::Message(_) => dropped += 1,
                _ => {}
            }
        }
        if dropped > 0 {
            self.out.note(StoredNote::Dropped(id, dropped));
        }
    }

    /// Notes that the host is owed a result of this command.
    pub(crate) fn owe(&mut self, command: &'static Command, client: ClientId) -> (Ticket, Instant) {
        let within = match command.returns {
            Returns::Urc { within } | Returns::Final { within } => within,
            Returns::Now => Duration::ZERO,
        };
        let until = self.now + within;
        let ticket = self.modem.tickets.next();
        self.modem.reports.owe(Name(&command.name), client, ticket, until);
        (ticket, until)
    }

    /// Carries out a request to a client's broker or gateway whose result comes later; it is owed unless the session
    /// refuses.
    pub(crate) fn request(
        &mut self,
        command: &'static Command,
        client: ClientId,
        mut request: Request<'_>,
    ) -> Result<Answer, Problem> {
        if request.may_be_kept() && self.session(client).is_ok_and(|(session, _)| session.is_kept()) {
            self.make_room(request.len());
        }
        request.fix(&self.modem.settings.sn_predefined);
        let (window, room) = (self.modem.settings.window, self.modem.pool_left());
        let (ticket, until) = self.owe(command, client);
        let terms = Terms { ticket, until, window, room };
        let taken = match Owner::from(client) {
            Owner::MqttSn(_) => {
                self.sn_session(client).and_then(|(session, mut wire)| session.request(&mut wire, request, terms))
            }
            Owner::Mqtt(_) | Owner::Errand => {
                self.session(client).and_then(|(session, mut wire)| session.request(&mut wire, request, terms))
            }
        };
        match taken {
            Ok(Progress::Flying) => self.advance(client),
            Ok(Progress::Done) => self.modem.reports.decide(ticket, true),
            Err(problem) => {
                self.modem.reports.forget(ticket);
                return Err(problem);
            }
        }
        Ok(Answer::Done)
    }

    /// The session of a client and its way out.
    pub(crate) fn session(&mut self, client: ClientId) -> Result<(&mut Session, Wire<'_>), Problem> {
        let Modem { clients, ids, .. } = &mut *self.modem;
        let of = client.mqtt_place().and_then(|place| clients.get_mut(place));
        let session = of.and_then(|client| client.session.as_deref_mut()).ok_or(Problem::NotConnected)?;
        Ok((session, Wire { now: self.now, link: client.link(), ids, out: self.out }))
    }

    /// A client whose packets wait, and for which there is room now.
    pub(crate) fn paused_with_room(&self) -> Option<ClientId> {
        ClientId::mqtt().zip(&self.modem.clients).find_map(|(id, client)| {
            let waiting = client.session.as_ref().and_then(|session| session.waiting())?;
            self.modem.has_room(id, waiting).then_some(id)
        })
    }

    /// Bytes from a broker, behind those that wait.
    pub(crate) fn received(&mut self, id: ClientId, chunk: &[u8]) {
        let Ok((session, _)) = self.session(id) else { return };
        let ticket = session.ticket();
        let owned = session.take_partial(chunk);
        let bytes = if owned.is_empty() { chunk } else { &owned };
        let mut taken = 0;
        let waiting = loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let frame = match self.next_packet(id, rest) {
                Ok(Next::Whole(frame)) => frame,
                Ok(Next::Partial) => break None,
                Ok(Next::Skipped(length)) => {
                    taken += length;
                    continue;
                }
                Err(failure) => return self.broken(id, failure),
            };
            // Only messages need room; what decides a result may pass.
            if mqtt::is_publish(frame) && !self.modem.has_room(id, frame.len()) {
                break Some(frame.len());
            }
            taken += frame.len();
            if let Err(violation) = self.packet(id, frame) {
                return self.broken(id, Failure::Violation(violation));
            }
            // What is left belongs to a connection that is gone, even if the client has another by now.
            if !self.session(id).is_ok_and(|(session, _)| session.ticket() == ticket) {
                return;
            }
        };
        if let Ok((session, wire)) = self.session(id) {
            session.keep(wire.now, owned, chunk, taken, waiting);
        }
    }

    /// What a broker's bytes begin with.
    fn next_packet<'a>(&mut self, id: ClientId, bytes: &'a [u8]) -> Result<Next<'a>, Failure> {
        let (max, oversize) = (self.modem.settings.max_packet, self.modem.settings.oversize);
        let Ok((session, mut wire)) = self.session(id) else { return Ok(Next::Partial) };
        let (skipped, end) = session.pass(&mut wire, bytes).map_err(Failure::Violation)?;
        if let Some(message) = end.as_ref().and_then(|oversize| oversize.passed()) {
            let bytes = end.as_ref().map_or(0, |oversize| oversize.size());
            let odd = OddMessage::Skipped(TooLarge { bytes, max });
            self.note_odd(id, Some(Odd::Message(odd, message.topic)));
        }
        if skipped > 0 {
            return Ok(Next::Skipped(skipped));
        }
        let Ok((session, _)) = self.session(id) else { return Ok(Next::Partial) };
        session.check_start(bytes).map_err(Failure::Violation)?;
        let limit = if mqtt::is_publish(bytes) { usize::MAX } else { max };
        match mqtt::frame_len(bytes, limit).map_err(Failure::Violation)? {
            Some(length) if length > max => match oversize {
                Oversize::Break => Err(Failure::TooLarge(TooLarge { bytes: length, max })),
                Oversize::Skip => Ok(Next::Skipped(session.skip(bytes, length))),
            },
            Some(length) => Ok(bytes.get(..length).map_or(Next::Partial, Next::Whole)),
            None => Ok(Next::Partial),
        }
    }

    fn packet(&mut self, id: ClientId, frame: &[u8]) -> Result<(), Violation> {
        let Ok((session, mut wire)) = self.session(id) else {
            debug_assert!(false, "bytes came over the link of a session");
            return Ok(());
        };
        let (event, odd) = session.packet(&mut wire, frame)?;
        self.note_odd(id, odd);
        match event {
            Event::Nothing => {}
            Event::Opened { session_present } => {
                self.resume_session(id, session_present);
                if let Ok((session, _)) = self.session(id) {
                    let ticket = session.ticket();
                    self.modem.reports.decide(ticket, true);
                }
                // Before a line that waited goes on, which may close it.
                self.stage_changed(id);
                self.connect_answered(id, Ok(()));
            }
            Event::Done(ticket, status) => {
                // Of what a broker acknowledges, only a subscription may be refused.
                if !status {
                    self.modem.failed(Failure::NotGranted);
                }
                self.modem.reports.decide(ticket, status);
            }
            Event::Refused(code) => {
                self.connect_refused(id, Failure::Refused(code), Problem::ConnectRefused(code));
            }
            Event::Message(message) => {
                self.tuya_message(id, message.topic, message.payload);
                self.message(id, message.qos, Topic::Name(message.topic.as_bytes()), message.payload);
            }
        }
        Ok(())
    }

    fn note_odd(&mut self, id: ClientId, odd: Option<Odd<'_>>) {
        match odd {
            None => {}
            Some(Odd::Ack(odd)) => drop(self.out.note(StoredNote::OddAck(id, odd))),
            Some(Odd::Message(odd, topic)) => {
                self.out.note(StoredNote::OddMessage(id, odd)).put(topic.as_bytes());
            }
        }
    }

    /// A broker accepted a connection. Whatever it held of this session, under whichever client number, is with the new
    /// connection now: an older one ends [MQTT-3.1.4-2], and what either left is taken up, or forgotten as the broker did.
    fn resume_session(&mut self, id: ClientId, session_present: bool) {
        debug_assert!(self.modem.is_open(id), "the broker has just accepted it");
        let key = self.session(id).ok().and_then(|(session, _)| session.key().cloned());
        let Some(key) = key else { return };
        for other in ClientId::mqtt().filter(|other| *other != id) {
            if self.session(other).is_ok_and(|(session, _)| session.is_open() && session.key() == Some(&key)) {
                self.out.close(other.link());
                self.take_last_words(other);
                self.lost(other, Failure::TakenOver(id), Cause::Broker);
            }
        }
        let kept = self.modem.kept().and_then(|sessions| sessions.take(&key));
        self.modem.tidy();
        if let Ok((session, mut wire)) = self.session(id) {
            session.resume(&mut wire, kept, session_present);
        }
    }

    /// A broker or a gateway does not accept a connection.
    pub(crate) fn connect_refused(&mut self, id: ClientId, failure: Failure, problem: Problem) {
        let Some(Stage::Opening(ticket)) = self.modem.stage(id) else {
            debug_assert!(false, "only a connection that is being opened is refused");
            return;
        };
        self.out.close(id.link());
        self.lost(id, failure, Cause::Broker);
        if self.modem.console.pending().is_some_and(|pending| pending.waits_for.is_connect(id)) {
            self.modem.reports.forget(ticket);
        }
        self.connect_answered(id, Err(problem));
    }

    /// Ends an open whose final result code waits for the broker.
    pub(crate) fn connect_answered(&mut self, id: ClientId, result: Result<(), Problem>) {
        if let Some(pending) = self.take_pending_if(|pending| pending.waits_for.is_connect(id)) {
            self.resume(*pending, result);
        }
    }

    /// Tells the host of a message, now or when it may be told.
    pub(crate) fn message(&mut self, id: ClientId, qos: Qos, topic: Topic<'_>, payload: &[u8]) {
        self.teller().0.message(id, qos, topic, payload);
    }

    /// What telling the host takes, and the MQTT-SN clients, which hold the names of topics.
    pub(crate) fn teller(&mut self) -> (Teller<'_>, Option<&mut SnClients>) {
        let is_free = self.is_free();
        let Modem { settings, profile, reports, console, sn, .. } = &mut *self.modem;
        let teller = Teller { now: self.now, is_free, settings, profile, reports, console, out: self.out };
        (teller, sn.as_deref_mut())
    }

    fn broken(&mut self, id: ClientId, failure: Failure) {
        self.out.close(id.link());
        self.lost(id, failure, Cause::Broker);
    }

    /// A connection is gone: what it owed is reported as 0, then the break, unless it was not open.
    pub(crate) fn lost(&mut self, id: ClientId, failure: Failure, cause: Cause) {
        let Some(stage) = self.modem.stage(id) else { return };
        let failure = self.explained(id, failure);
        self.end(id);
        if let Stage::Closing(ticket) = stage {
            return self.modem.reports.decide(ticket, true);
        }
        self.modem.failed(failure.clone());
        let reports = &mut self.modem.reports;
        if let Stage::Opening(ticket) = stage {
            let refused = matches!(failure, Failure::Refused(_) | Failure::Rejected(_));
            self.out.note(StoredNote::OpenFailed(id, failure));
            reports.decide(ticket, false);
            if !refused {
                self.connect_answered(id, Ok(()));
            }
        } else {
            self.out.note(StoredNote::Broken(id, failure, cause));
            reports.fail_all(id);
            reports.push(Report::Break(id, cause));
            self.stage_changed(id);
            if let Some(pending) = self.take_pending_if(|pending| pending.waits_for.is_room(id)) {
                self.resume(*pending, Err(Problem::NotConnected));
            }
        }
    }

    /// Says what probably is behind an end without a reason.
    fn explained(&mut self, id: ClientId, failure: Failure) -> Failure {
        let reset = match failure {
            Failure::Link(Why::Ended) => false,
            Failure::Link(Why::Reset) => true,
            Failure::Violation(mqtt::TLS_RECORD) => return Failure::SpeaksTls,
            _ => return failure,
        };
        let Ok((session, _)) = self.session(id) else { return failure };
        match session.awaits_connack() {
            Some(plain) => Failure::NoConnack { reset, plain },
            None if session.is_open() => {
                let print = session.print();
                let mut others = ClientId::mqtt().filter(|other| *other != id);
                let rival =
                    others.find(|other| self.session(*other).is_ok_and(|(other, _)| other.is_same_client(print)));
                if let Some(rival) = rival {
                    return Failure::TakenOver(rival);
                }
                Failure::Unexplained { reset, client_id: commands::client_id(self.modem, id).into() }
            }
            None => failure,
        }
    }

    /// Drops all connections and what they owe, without a word to the brokers.
    pub(crate) fn forget_sessions(&mut self) {
        for id in ClientId::ALL {
            if self.modem.stage(id).is_some() {
                self.out.close(id.link());
                self.end(id);
            }
        }
        self.stop_errand(|_| true);
    }

    /// Ends a client's connection, if it has one.
    pub(crate) fn end(&mut self, id: ClientId) {
        let forgotten = self.modem.end(id);
        self.note_forgotten(forgotten);
    }

    /// Makes room for a message that is to be kept, at the cost of what sessions without a connection left.
    pub(crate) fn make_room(&mut self, bytes: usize) {
        let mut forgotten = 0;
        while bytes > self.modem.pool_left() && self.modem.kept().is_some_and(KeptSessions::forget_oldest) {
            forgotten += 1;
        }
        self.note_forgotten(forgotten);
    }

    fn note_forgotten(&mut self, sessions: usize) {
        if sessions > 0 {
            self.modem.tidy();
            self.out.note(StoredNote::Forgotten(sessions));
        }
    }

    /// Changes the radio side and follows it up: tells the host, and ends connections that it no longer carries.
    pub(crate) fn change_bearer(&mut self, change: impl FnOnce(&mut Bearer, Instant, &Settings)) {
        let before = self.modem.bearer;
        change(&mut self.modem.bearer, self.now, &self.modem.settings);
        let bearer = self.modem.bearer;
        let reports = &mut self.modem.reports;
        if bearer.sim.is_ready() && !before.sim.is_ready() {
            reports.push(Report::Ready);
        }
        if bearer.registration != before.registration {
            for network in self.modem.profile.registration_urcs() {
                reports.push(Report::Registration(network, bearer.registration));
            }
        }
        if before.address.is_some() && bearer.address.is_none() {
            reports.push(Report::Call { address: None, asked: false });
        }
        if let Err((failure, cause)) = bearer.carries() {
            self.errand_stranded(&failure);
            let before = ClientId::ALL.map(|id| (id, self.modem.stage(id)));
            for (id, stage) in before {
                // A line that went on when the one before was lost may have closed or opened others.
                if stage.is_some() && self.modem.stage(id) == stage {
                    self.out.close(id.link());
                    self.lost(id, failure.clone(), cause);
                }
            }
        }
    }
}
