//! What the datagrams between the modem and its gateway tell of one client, and what must follow from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quasimodem_core::mqtt::Qos;
use quasimodem_core::sn::{Packet, ReturnCode};
use quasimodem_core::{Instant, Settings};

/// Messages of QoS 1 and 2 that were sent and not answered to the end, by their identifiers, for as long as the gateway
/// keeps the session. The gateway may hold them, or the broker after it.
pub(super) type Unanswered = BTreeMap<u16, (Qos, Box<[u8]>)>;

/// The will as the host has set it: topic, QoS and message.
pub(super) type Will = (String, Qos, String);

pub(super) struct Watch {
    keep_alive: Duration,
    clean: bool,
    /// How long a PINGREQ may be without an answer.
    ping_within: Duration,
    will: Option<Will>,
    /// What the modem last updated of it: the gateway may have accepted that before the host is told.
    new_topic: Option<(String, Qos)>,
    new_message: Option<Box<[u8]>>,
    /// The gateway accepted the connection, and the link is there.
    connected: bool,
    /// When something came last.
    heard: Instant,
    /// When the first PINGREQ was sent that has no answer.
    pinged: Option<Instant>,
    /// The gateway said DISCONNECT.
    dismissed: bool,
    /// The modem said DISCONNECT.
    left: bool,
    /// The identifier that was used last.
    last_id: u16,
    /// The message of QoS 1 or 2 that was sent last, if it is not answered.
    flight: Option<Flight>,
    /// A message to be taken up at the next CONNACK.
    to_resume: Option<u16>,
    resumed: Option<Resumed>,
    /// Messages of QoS 2 that the modem received and the gateway has not released.
    unreleased: BTreeSet<u16>,
    /// How often a message was taken up.
    pub(super) resumes: usize,
}

struct Flight {
    id: u16,
    payload: Box<[u8]>,
}

/// A message of the connection before that was sent again.
struct Resumed {
    id: u16,
    at: Instant,
    copies: u32,
}

/// What may come late: timers of the modem are exact, but the host's line may be busy.
const SLACK: Duration = Duration::from_millis(300);

/// How long a message of the connection before is sent again, and when at the latest for the second time.
const RESUMED: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(1500);

impl Watch {
    pub(super) fn new(settings: &Settings, clean: bool, keep_alive: u16) -> Watch {
        let tries = u32::from(settings.sn_retries) + 1;
        Watch {
            keep_alive: Duration::from_secs(keep_alive.into()),
            clean,
            ping_within: Duration::from_secs(5).max(settings.sn_retry * tries),
            will: None,
            new_topic: None,
            new_message: None,
            connected: false,
            heard: Instant::START,
            pinged: None,
            dismissed: false,
            left: false,
            last_id: 0,
            flight: None,
            to_resume: None,
            resumed: None,
            unreleased: BTreeSet::new(),
            resumes: 0,
        }
    }

    /// An identifier that was not used for long.
    pub(super) fn strange_id(&self) -> u16 {
        self.last_id.wrapping_add(20_000).max(1)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected && !self.left
    }

    /// The modem has another will, or none: from the next connect on it tells the gateway of it, or if it is asked again.
    pub(super) fn will_is(&mut self, will: Option<Will>) {
        self.will = will;
        (self.new_topic, self.new_message) = (None, None);
    }

    pub(super) fn link_opened(&mut self) {
        (self.connected, self.pinged, self.dismissed, self.left) = (false, None, false, false);
    }

    pub(super) fn link_closed(&mut self) {
        self.connected = false;
    }

    /// The modem sends a datagram.
    pub(super) fn sent(&mut self, now: Instant, bytes: &[u8], unanswered: &mut Unanswered) -> Result<(), String> {
        let packet = Packet::decode(bytes).map_err(|why| format!("the modem sends {bytes:02x?}: {why}"))?;
        match packet {
            Packet::Connect(connect) if connect.will != self.will.is_some() => {
                return Err(format!("{packet}, but the host set {:?}", self.will));
            }
            Packet::Willtopic(topic) => {
                let told = topic.map(|topic| (topic.topic, topic.qos));
                let new = self.new_topic.as_ref().map(|(topic, qos)| (topic.as_str(), *qos));
                let will = self.will.as_ref().map(|(topic, qos, _)| (topic.as_str(), *qos));
                if told != will && (told.is_none() || told != new) {
                    return Err(format!("{packet}, but the host set {:?}", self.will));
                }
            }
            Packet::Willmsg(message)
                if self.will.as_ref().is_none_or(|(.., will)| will.as_bytes() != message)
                    && self.new_message.as_deref() != Some(message) =>
            {
                return Err(format!("{packet}, but the host set {:?}", self.will));
            }
            Packet::Willtopicupd(topic) => self.new_topic = topic.map(|topic| (topic.topic.into(), topic.qos)),
            Packet::Willmsgupd(message) => self.new_message = Some(message.into()),
            Packet::Pingreq { .. } => {
                self.pinged.get_or_insert(now);
            }
            Packet::Disconnect { .. } => {
                self.left = true;
                self.resumed = None;
            }
            Packet::Publish(publish) if publish.qos > Some(Qos::AtMostOnce) => {
                let other = unanswered.get(&publish.id).filter(|(_, payload)| **payload != *publish.payload);
                if let Some((_, other)) = other {
                    let other = String::from_utf8_lossy(other);
                    return Err(format!(
                        "#{} is given to another message than {other:.20?}, which was not answered",
                        publish.id
                    ));
                }
                self.last_id = publish.id;
                let payload: Box<[u8]> = publish.payload.into();
                unanswered.insert(publish.id, (publish.qos.unwrap_or(Qos::AtMostOnce), payload.clone()));
                self.flight = Some(Flight { id: publish.id, payload });
                self.sent_again(publish.id);
            }
            Packet::Pubrel(id) => self.sent_again(id),
            Packet::Register { id, .. } | Packet::Subscribe { id, .. } | Packet::Unsubscribe { id, .. } => {
                if unanswered.contains_key(&id) {
                    return Err(format!("{packet} is given the identifier of a message that was not answered"));
                }
                self.last_id = id;
                if let (Packet::Register { .. }, Some(resumed)) = (packet, &mut self.resumed) {
                    // Its name comes first.
                    resumed.copies += 1;
                    self.to_resume = None;
                }
            }
            Packet::Pubrec(id) => {
                self.unreleased.insert(id);
            }
            Packet::Pubcomp(id) => {
                self.unreleased.remove(&id);
            }
            _ => {}
        }
        Ok(())
    }

    fn sent_again(&mut self, id: u16) {
        if self.to_resume == Some(id) {
            self.to_resume = None;
            self.resumes += 1;
        }
        if let Some(resumed) = self.resumed.as_mut().filter(|resumed| resumed.id == id) {
            resumed.copies += 1;
        }
    }

    /// A datagram comes to the modem. Tells whether it is a message that the host must not hear of once more.
    pub(super) fn came(&mut self, now: Instant, bytes: &[u8], unanswered: &mut Unanswered) -> bool {
        let Ok(packet) = Packet::decode(bytes) else { return false };
        self.heard = now;
        match packet {
            Packet::Connack(ReturnCode::Accepted) if !self.connected => {
                self.connected = true;
                if self.clean {
                    unanswered.clear();
                    self.unreleased.clear();
                    (self.flight, self.to_resume) = (None, None);
                }
                self.resumed = self.to_resume.map(|id| Resumed { id, at: now, copies: 0 });
            }
            Packet::Pingresp => self.pinged = None,
            Packet::Disconnect { .. } => self.dismissed = true,
            Packet::Puback { id, code, .. } => {
                // What ends an exchange of QoS 2 is PUBCOMP, or a refusal.
                let ends = unanswered.get(&id).is_none_or(|(qos, _)| *qos == Qos::AtLeastOnce || !code.is_accepted());
                if ends {
                    self.answered(id, unanswered);
                }
            }
            // Another client with the same client id may have ended the session meanwhile.
            Packet::Pubcomp(id) if unanswered.get(&id).is_none_or(|(qos, _)| *qos == Qos::ExactlyOnce) => {
                self.answered(id, unanswered);
            }
            Packet::Publish(publish) => {
                return publish.qos == Some(Qos::ExactlyOnce) && self.unreleased.contains(&publish.id);
            }
            _ => {}
        }
        false
    }

    fn answered(&mut self, id: u16, unanswered: &mut Unanswered) {
        unanswered.remove(&id);
        self.flight.take_if(|flight| flight.id == id);
        self.resumed.take_if(|resumed| resumed.id == id);
        self.to_resume.take_if(|due| *due == id);
    }

    /// The modem took in what came, and said all that it has to say.
    pub(super) fn check(&self, now: Instant) -> Result<(), String> {
        match (&self.resumed, self.to_resume) {
            (Some(_), Some(id)) => return Err(format!("#{id} of the connection before is not sent again")),
            (Some(resumed), None) if self.is_connected() && resumed.copies < 2 && now > resumed.at + AGAIN => {
                return Err(format!("#{} of the connection before is not sent a second time", resumed.id));
            }
            _ => {}
        }
        let given_up = self.heard + self.keep_alive + self.ping_within + SLACK;
        if self.is_connected() && now > given_up {
            return Err(format!("nothing came since {:?}, and the client is still open", self.heard));
        }
        Ok(())
    }

    /// When [`check`](Self::check) may find something that nothing else leads to.
    pub(super) fn due(&self) -> Option<Instant> {
        self.is_connected().then(|| self.heard + self.keep_alive + self.ping_within + SLACK + SLACK)
    }

    /// The host is told of a break, and of these messages that failed with it.
    pub(super) fn broke(
        &mut self,
        now: Instant,
        cause: u8,
        carried: bool,
        failed: impl Fn(&[u8]) -> bool,
    ) -> Result<(), String> {
        let silent = self.pinged.is_some_and(|pinged| now.since(pinged) + SLACK >= self.ping_within);
        let fits = match cause {
            1 => self.dismissed || silent,
            _ => !carried,
        };
        if !fits {
            return Err(format!("a break of cause {cause}, for no reason"));
        }
        self.connected = false;
        let resuming = self.resumed.take().is_some_and(|resumed| now < resumed.at + RESUMED);
        let flight = self.flight.as_ref().filter(|flight| resuming || failed(&flight.payload));
        self.to_resume = flight.filter(|_| !self.clean).map(|flight| flight.id);
        Ok(())
    }

    /// The host is told that the client is closed.
    pub(super) fn closed(&self) -> Result<(), String> {
        if self.left { Ok(()) } else { Err("closed without a DISCONNECT".into()) }
    }

    /// The modem was reset, and has forgotten all.
    pub(super) fn reset(&mut self) {
        self.connected = false;
        self.unreleased.clear();
        (self.flight, self.to_resume, self.resumed) = (None, None, None);
    }
}
