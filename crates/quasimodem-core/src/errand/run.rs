//! Errands in the course of a turn.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::goal::{Around, Kept, Step};
use super::talk::Heard;
use super::told::TuyaEvent;
use super::{Errand, Goal, PATIENCE, PAUSE, Speech, Target, Told, Tuya};
use crate::at::Problem;
use crate::client_id::ClientId;
use crate::cloud::tuya::{self, Frame};
use crate::cloud::{self, ANSWER_MAX};
use crate::failure::Failure;
use crate::mqtt::{self, Wire};
use crate::net::{Transport, Why};
use crate::note::StoredNote;
use crate::reports::Report;
use crate::time::Instant;
use crate::turn::Turn;

impl Turn<'_> {
    /// Begins a registration, whose result the host is owed. There is one errand at a time.
    pub(crate) fn start_registration(&mut self, goal: Goal, first: (Speech, Target)) -> Result<(), Problem> {
        let until = self.now + PATIENCE;
        self.start(goal, first, Some(until))
    }

    /// Begins to wait for the user of a Tuya device.
    pub(crate) fn start_binding(&mut self, device: Tuya, first: (Speech, Target)) -> Result<(), Problem> {
        self.start(Goal::Tuya(Box::new(device)), first, None)
    }

    fn start(&mut self, goal: Goal, (speech, target): (Speech, Target), until: Option<Instant>) -> Result<(), Problem> {
        let cloud = self.modem.new_cloud();
        if cloud.errand.is_some() {
            return Err(Problem::Busy);
        }
        cloud.errand = Some(Errand { until, owed: until.is_some(), goal, speech, received: Vec::new() });
        match self.modem.bearer.carries() {
            Ok(()) => self.go_to(target),
            Err((failure, _)) => self.errand_failed(failure),
        }
        Ok(())
    }

    fn go_to(&mut self, target: Target) {
        let until = self.now + PATIENCE;
        if let Some((errand, _)) = self.errand() {
            errand.set_step(Some(until));
        }
        if let Transport::Tls(_) = target.transport {
            self.modem.forget_tls_error();
        }
        self.out.open(Errand::LINK, target.transport, &target.host, target.port);
    }

    /// Stops an errand; whether there was one of this kind.
    pub(crate) fn stop_errand(&mut self, which: impl FnOnce(&Goal) -> bool) -> bool {
        let Some(cloud) = self.modem.cloud() else { return false };
        let Some(errand) = cloud.errand.take_if(|errand| which(&errand.goal)) else { return false };
        if errand.is_listening() {
            self.out.close(Errand::LINK);
        }
        self.modem.tidy();
        true
    }

    pub(crate) fn errand_opened(&mut self) {
        let Some((errand, mut wire)) = self.errand() else { return };
        match &mut errand.speech {
            Speech::Mqtt(talk) => talk.opened(&mut wire),
            Speech::Http(request) => cloud::put_request(request, &mut wire.out.send(wire.link)),
            Speech::Pause(_) => {}
        }
    }

    pub(crate) fn errand_received(&mut self, bytes: &[u8]) {
        let Some((errand, _)) = self.errand() else { return };
        errand.received.extend_from_slice(bytes);
        if let Err(failure) = self.hear(false) {
            self.out.close(Errand::LINK);
            self.errand_failed(failure);
        }
    }

    pub(crate) fn errand_closed(&mut self, why: Why) {
        let answered = why == Why::Ended && matches!(self.errand(), Some((Errand { speech: Speech::Http(_), .. }, _)));
        let failed = if answered { self.hear(true) } else { Err(Failure::Link(why)) };
        if let Err(failure) = failed {
            self.errand_failed(failure);
        }
    }

    /// What is due.
    pub(crate) fn settle_errand(&mut self) {
        let now = self.now;
        let Some((errand, mut wire)) = self.errand() else { return };
        if errand.until.is_some_and(|until| until <= now) {
            self.out.close(Errand::LINK);
            return self.errand_failed(Failure::NoAnswer);
        }
        match &mut errand.speech {
            Speech::Mqtt(talk) => {
                if let Err(failure) = talk.settle(&mut wire) {
                    self.out.close(Errand::LINK);
                    self.errand_failed(failure);
                }
            }
            Speech::Pause(until) if *until <= now => self.bind_again(),
            Speech::Http(_) | Speech::Pause(_) => {}
        }
    }

    /// The network is gone.
    pub(crate) fn errand_stranded(&mut self, failure: &Failure) {
        let Some((errand, _)) = self.errand() else { return };
        if errand.is_listening() {
            self.out.close(Errand::LINK);
            self.errand_failed(failure.clone());
        }
    }

    /// A device that waits for its user goes back to where it waits.
    fn bind_again(&mut self) {
        let (now, tls, carries) = (self.now, self.modem.tls.clone(), self.modem.bearer.carries().is_ok());
        let Some((errand, _)) = self.errand() else { return };
        let Goal::Tuya(device) = &errand.goal else {
            debug_assert!(false, "only Tuya's activation comes here");
            return;
        };
        match device.bind(now, &tls) {
            Ok((speech, target)) if carries => {
                errand.speech = speech;
                self.go_to(target);
            }
            _ => errand.speech = Speech::Pause(now + PAUSE),
        }
    }

    /// Works on what came; `ended`: nothing more will.
    fn hear(&mut self, mut ended: bool) -> Result<(), Failure> {
        while let Some((errand, mut wire)) = self.errand() {
            let received = core::mem::take(&mut errand.received);
            let step = match &mut errand.speech {
                Speech::Pause(_) => return Ok(()),
                Speech::Http(_) => {
                    let Some(body) = cloud::read_answer(&received, ended).map_err(Failure::Http)? else {
                        errand.received = received;
                        return Ok(());
                    };
                    let body = body.into_owned();
                    self.with_goal(|goal, around| goal.answer(&body, around))?
                }
                Speech::Mqtt(talk) => {
                    let length = mqtt::frame_len(&received, ANSWER_MAX).map_err(Failure::Violation)?;
                    let Some((frame, rest)) = length.and_then(|length| received.split_at_checked(length)) else {
                        errand.received = received;
                        return Ok(());
                    };
                    errand.received = rest.to_vec();
                    match talk.packet(&mut wire, frame)? {
                        Heard::Nothing => Step::Wait,
                        Heard::Listening => {
                            errand.set_step(None);
                            errand.goal.listening()
                        }
                        Heard::Message(topic, payload) => {
                            self.with_goal(|goal, around| goal.message(topic, payload, around))?
                        }
                    }
                }
            };
            let goes_on = matches!(step, Step::Next(..));
            self.take_step(step, ended);
            // What is said next is said on another link.
            ended &= !goes_on;
        }
        Ok(())
    }

    fn with_goal(
        &mut self,
        work: impl FnOnce(&mut Goal, &Around<'_>) -> Result<Step, Failure>,
    ) -> Result<Step, Failure> {
        let around = Around { clock: self.modem.cloud_clock(self.now), tls: &self.modem.tls.clone() };
        match self.modem.cloud().and_then(|cloud| cloud.errand.as_mut()) {
            Some(errand) => work(&mut errand.goal, &around),
            None => Ok(Step::Wait),
        }
    }

    /// `ended`: the link is gone already.
    fn take_step(&mut self, step: Step, ended: bool) {
        match step {
            Step::Wait => {}
            Step::Tell(told) => self.tell(told),
            Step::Next(speech, target, told) => {
                if !ended {
                    self.say_goodbye();
                }
                if let Some((errand, _)) = self.errand() {
                    errand.speech = speech;
                    errand.received = Vec::new();
                }
                self.go_to(target);
                if let Some(told) = told {
                    self.tell(told);
                }
            }
            Step::Done(told, kept) => {
                if !ended {
                    self.say_goodbye();
                }
                if let Some(cloud) = self.modem.cloud() {
                    cloud.errand = None;
                    match kept {
                        Kept::Nothing => {}
                        Kept::Unicom(kept) => cloud.unicom = Some(kept),
                        Kept::Tuya(kept) => cloud.tuya = Some(kept),
                    }
                }
                self.modem.tidy();
                told.into_iter().for_each(|told| self.tell(told));
            }
        }
    }

    /// Closes the link in order.
    fn say_goodbye(&mut self) {
        if let Some((errand, mut wire)) = self.errand()
            && let Speech::Mqtt(talk) = &errand.speech
        {
            talk.end(&mut wire);
        }
        self.out.close(Errand::LINK);
    }

    /// The link is gone, and why.
    fn errand_failed(&mut self, failure: Failure) {
        let now = self.now;
        self.out.note(StoredNote::ErrandFailed(failure.clone()));
        self.modem.failed(failure);
        let Some(cloud) = self.modem.cloud() else { return };
        let Some(errand) = &mut cloud.errand else { return };
        errand.received = Vec::new();
        match &errand.goal {
            Goal::Tuya(device) if device.is_binding() => {
                errand.speech = Speech::Pause(now + PAUSE);
                errand.set_step(None);
            }
            goal => {
                let told = goal.failed();
                cloud.errand = None;
                self.modem.tidy();
                self.tell(told);
            }
        }
    }

    fn errand(&mut self) -> Option<(&mut Errand, Wire<'_>)> {
        let (errand, ids) = self.modem.errand_and_ids()?;
        Some((errand, Wire { now: self.now, link: Errand::LINK, ids, out: self.out }))
    }

    fn tell(&mut self, told: Told) {
        self.modem.reports.push(Report::Cloud(Box::new(told)));
    }

    /// Whether an errand is under way.
    pub(crate) fn is_busy_with_cloud(&mut self) -> bool {
        self.errand().is_some()
    }

    /// `<actiontype>` 0: no user can take the device any more, and nothing of it is told.
    pub(crate) fn stop_tuya(&mut self) {
        if self.stop_errand(|goal| matches!(goal, Goal::Tuya(_))) {
            self.tell(Told::Event(TuyaEvent::BindStop));
        }
        if let Some(device) = self.tuya() {
            device.on = false;
        }
    }

    /// `<actiontype>` 1 for a device that is activated already: what to connect with.
    pub(crate) fn start_kept_tuya(&mut self, uuid: &str) -> Option<Told> {
        let device = self.modem.cloud()?.tuya.as_mut().filter(|device| *device.uuid == *uuid)?;
        device.on = true;
        Some(device.told())
    }

    /// A client was connected; it may be the Tuya device.
    pub(crate) fn tuya_connected(&mut self, client: ClientId) {
        let name = self.modem.user(client).map(|user| user.name.clone());
        if let Some(device) = self.tuya()
            && name.as_deref() == Some(&device.login.username)
        {
            device.client = Some(client);
            self.tell_if_on(TuyaEvent::MqttConnected);
        }
    }

    /// A client is not connected any more.
    pub(crate) fn tuya_disconnected(&mut self, client: ClientId) {
        if let Some(device) = self.tuya()
            && device.client.take_if(|of| *of == client).is_some()
        {
            self.tell_if_on(TuyaEvent::MqttDisconnect);
        }
    }

    /// A client got a message, which may tell the Tuya device that it belongs to nobody any more.
    pub(crate) fn tuya_message(&mut self, client: ClientId, topic: &str, payload: &[u8]) {
        let Some(device) = self.tuya() else { return };
        let (own, _) = tuya::device_topics(&device.login.username);
        let is_reset = device.client == Some(client)
            && own == topic
            && Frame::decode(payload, &device.key).is_ok_and(|frame| tuya::is_reset(&frame.data.0));
        if is_reset {
            self.tell_if_on(TuyaEvent::Reset);
            if let Some(cloud) = self.modem.cloud() {
                cloud.tuya = None;
            }
            self.modem.tidy();
        }
    }

    fn tell_if_on(&mut self, event: TuyaEvent) {
        if self.tuya().is_some_and(|device| device.on) {
            self.tell(Told::Event(event));
        }
    }

    fn tuya(&mut self) -> Option<&mut super::TuyaKept> {
        self.modem.cloud()?.tuya.as_mut()
    }
}
