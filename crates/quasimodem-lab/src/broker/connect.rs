//! How a client comes (MQTT 3.1) and goes.

use std::sync::Arc;

use quasimodem_core::Instant;
use quasimodem_core::mqtt::{Connect, Packet, Will};

use super::Broker;
use super::authority::{Admission, Login};
use super::budget::Budget;
use super::config::Code;
use super::connection::{Open, Phase};
use super::note::{Client, End, Loss, Message, Note};
use super::outbox::{Outbox, Peer};
use super::session::{Parcel, Session};

impl Broker {
    /// A CONNECT, the first packet of a connection.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        peer: Peer,
        connect: &Connect<'_>,
        out: &mut Outbox,
    ) -> Result<(), End> {
        let Admission { only, announcement } = match self.check(connect).and_then(|()| self.ask(now, peer, connect)) {
            Ok(admission) => admission,
            Err((code, why)) => {
                out.send(peer, &Packet::Connack { session_present: false, code: code.number() });
                out.note(Note::Refused { peer, client: connect.client_id.into(), code, why });
                // MQTT-3.2.2-5, and MQTT-3.1.4-5: what the client sent after the CONNECT is not looked at.
                return Err(End::Refused(code));
            }
        };
        let client = match connect.client_id {
            "" => self.new_id(),
            id => id.into(),
        };
        if self.sessions.len() >= self.config.limits.sessions
            && !self.sessions.contains_key(&client)
            && let Some((_, absent)) = self.idle.pop_first()
        {
            self.end_session(&absent, true, out);
        }
        // Before a clean session is begun, since the will of the older connection is due now and may be for it.
        if let Some(older) = self.sessions.get(&client).and_then(|session| session.peer) {
            self.close(older, End::TakenOver(peer), out);
        }
        if connect.clean_session {
            self.end_session(&client, false, out);
        }
        let (session_present, says_dup) = (self.sessions.contains_key(&client), self.says_dup());
        out.send(peer, &Packet::Connack { session_present, code: 0 });
        let clean = connect.clean_session;
        out.note(Note::Connected { peer, client: client.clone(), clean, session_present });
        let session =
            self.sessions.entry(client.clone()).or_insert_with(|| Session::new(client.clone(), self.budget.clone()));
        session.peer = Some(peer);
        if let Some(key) = session.idle.take() {
            self.idle.remove(&key);
        }
        session.clean = clean;
        if let Some(connection) = self.connections.get_mut(&peer) {
            let will = connect.will.map(|will| parcel(will, &self.budget));
            self.strangers.remove(&(connection.since, peer));
            connection.phase = Phase::Open(Open { client, keep_alive: connect.keep_alive, will, only });
            self.clients += 1;
            session.resume(connection.link(peer), &self.config.limits, says_dup, out);
        }
        if let Some(announcement) = announcement {
            self.announce(now, peer, announcement, out);
        }
        Ok(())
    }

    /// Ends a connection, with everything that follows from it.
    pub(super) fn close(&mut self, peer: Peer, why: End, out: &mut Outbox) {
        let Some(connection) = self.connections.remove(&peer) else { return };
        self.partial_bytes -= connection.partial.len();
        if let Some(timer) = connection.timer {
            self.timers.remove(&(timer, peer));
        }
        self.strangers.remove(&(connection.since, peer));
        if let Some(due) = connection.announced {
            self.announcements.remove(&(due, peer));
        }
        if why != End::Gone {
            out.close(peer);
        }
        out.note(Note::Ended { peer, client: connection.client().cloned(), why });
        let Phase::Open(Open { client, will, .. }) = connection.phase else { return };
        self.clients -= 1;
        if let Some(session) = self.sessions.get_mut(&client) {
            let clean = session.clean;
            for parcel in session.detach() {
                out.note(parcel.dropped(&client, Loss::Offline));
            }
            if clean {
                self.end_session(&client, false, out);
            } else {
                self.left += 1;
                self.idle.insert(session.rest(self.left), client.clone());
            }
        }
        // MQTT-3.1.2-8: however the connection ends, unless a DISCONNECT came [MQTT-3.14.4-3].
        if let Some(will) = will
            && why != End::Disconnect
        {
            self.publish_will(&client, &will, out);
        }
    }

    pub(super) fn end_session(&mut self, client: &Client, made_room: bool, out: &mut Outbox) {
        let Some(session) = self.sessions.remove(client) else { return };
        if let Some(key) = session.idle {
            self.idle.remove(&key);
        }
        for filter in session.filters.iter() {
            self.subscriptions.remove(filter, client);
        }
        out.note(Note::SessionEnded { client: client.clone(), undelivered: session.undelivered(), made_room });
    }

    /// Why a CONNECT is refused. Whoever is not let in changes nothing: no session, no older connection, no will.
    fn check(&mut self, connect: &Connect<'_>) -> Result<(), (Code, &'static str)> {
        let Connect { client_id, clean_session, user_name, password, level, ref will, .. } = *connect;
        let limits = self.config.limits;
        if level != Connect::LEVEL {
            return Err((Code::Version, "the protocol level is not 4 (MQTT-3.1.2-2)"));
        }
        if let Some(code) = self.refuses_all().or_else(|| self.config.refusal(client_id)) {
            return Err((code, "refused on demand"));
        }
        if client_id.is_empty() && !clean_session {
            return Err((Code::Identifier, "an empty client id without a clean session (MQTT-3.1.3-8)"));
        }
        if client_id.len() > limits.client_id_bytes {
            return Err((Code::Identifier, "the client id is too long (MQTT-3.1.3-9)"));
        }
        self.config.admit(user_name, password).map_err(|code| (code, "user name and password"))?;
        let session = self.sessions.get(client_id);
        let takes_over = session.is_some_and(|session| session.peer.is_some());
        if self.clients >= limits.clients && !takes_over {
            return Err((Code::Unavailable, "too many clients"));
        }
        if self.sessions.len() >= limits.sessions && session.is_none() && self.idle.is_empty() {
            return Err((Code::Unavailable, "too many sessions, all of them in use"));
        }
        if will.is_some() && self.budget.held() > limits.held_bytes {
            return Err((Code::Unavailable, "no room to hold its will"));
        }
        Ok(())
    }

    /// Asks the authority, if there is one.
    fn ask(&self, now: Instant, peer: Peer, connect: &Connect<'_>) -> Result<Admission, (Code, &'static str)> {
        let Some(authority) = &self.config.authority else { return Ok(Admission::default()) };
        let Connect { client_id, user_name, password, .. } = *connect;
        let secure = self.connections.get(&peer).is_some_and(|connection| connection.secure);
        authority.admit(&Login { client_id, user_name, password, secure, time: self.time(now) })
    }

    /// A client id that no session has [MQTT-3.1.3-6].
    fn new_id(&mut self) -> Client {
        loop {
            self.given_ids += 1;
            let id = format!("auto-{}", self.given_ids);
            if !self.sessions.contains_key(id.as_str()) {
                return id.into();
            }
        }
    }
}

fn parcel(will: Will<'_>, budget: &Budget) -> Parcel {
    let message = Message { topic: will.topic.into(), payload: will.payload.into() };
    Parcel { message: budget.hold(Arc::new(message)), qos: will.qos, retain: will.retain, is_private: false }
}
