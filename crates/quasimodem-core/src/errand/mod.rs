//! What the module does on the network for itself, over a link that belongs to no client: registering at clouds
//! (manual 1.17), and becoming a Tuya device (manual 1.18).
//!
//! An errand asks at one place after the other: each time a link is opened, something is said, and what is heard leads to
//! the next step. Where it leads to stands in [`goal`]; how it is said in [`talk`] (MQTT) and in
//! [`crate::cloud::read_answer`] (HTTP).

mod goal;
mod run;
mod talk;
mod told;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub(crate) use self::goal::{Goal, Tuya, post, talk};
pub(crate) use self::talk::Talk;
pub(crate) use self::told::Told;
use crate::client_id::ClientId;
use crate::cloud::tuya::FrameKey;
use crate::cloud::{Credentials, HttpRequest, UnicomRegistered};
use crate::net::{Link, Transport};
use crate::time::Instant;

/// How long a registration may take, and each step of what has no limit of its own. The manual's 1000 ms are for the
/// `OK`: a registration takes several round trips.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long an errand without a limit of its own waits before it tries again.
const PAUSE: Duration = Duration::from_secs(5);

/// What a modem has to do with clouds.
#[derive(Default)]
pub(crate) struct Clouds {
    /// What is under way.
    pub(crate) errand: Option<Errand>,
    /// The last registration at China Unicom DMP.
    pub(crate) unicom: Option<UnicomKept>,
    /// The Tuya device that the module is.
    pub(crate) tuya: Option<TuyaKept>,
}

/// Something under way.
pub(crate) struct Errand {
    /// When it has failed, or what is waited for now has; `None`: a user decides how long it takes.
    until: Option<Instant>,
    /// Whether the host waits for its end, which comes within the time of a registration.
    owed: bool,
    goal: Goal,
    speech: Speech,
    /// What came of an answer that is not complete.
    received: Vec<u8>,
}

/// What is said on the link.
pub(crate) enum Speech {
    /// MQTT.
    Mqtt(Box<Talk>),
    /// HTTP, one request.
    Http(Box<HttpRequest>),
    /// Nothing, until it is tried again.
    Pause(Instant),
}

/// Where a link leads to.
pub(crate) struct Target {
    pub(crate) transport: Transport,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A registration that is answered again without asking the cloud (`<clearflag>` 0).
pub(crate) struct UnicomKept {
    pub(crate) product_key: Box<str>,
    pub(crate) device_key: Box<str>,
    pub(crate) registered: UnicomRegistered,
}

/// A Tuya device, from its activation on.
pub(crate) struct TuyaKept {
    pub(crate) uuid: Box<str>,
    /// What a client connects with; the user name is the device's id.
    pub(crate) login: Credentials,
    /// What the cloud's messages are sealed with.
    pub(crate) key: FrameKey,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether its events are told (`<actiontype>` 1).
    pub(crate) on: bool,
    /// The client that is connected as this device.
    pub(crate) client: Option<ClientId>,
}

impl Errand {
    /// The link of errands.
    pub(crate) const LINK: Link = Link(201);

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let speech = match &self.speech {
            Speech::Mqtt(talk) => talk.deadline(),
            Speech::Http(_) => None,
            Speech::Pause(until) => Some(*until),
        };
        [self.until, speech].into_iter().flatten().min()
    }

    /// Whether the link may be read.
    pub(crate) fn is_listening(&self) -> bool {
        !matches!(self.speech, Speech::Pause(_))
    }

    /// Whether the host waits for its end.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    /// Only a user may take as long as he likes: where none is waited for, each step has its time.
    fn set_step(&mut self, until: Option<Instant>) {
        if !self.owed {
            self.until = until;
        }
    }
}

impl Clouds {
    /// Whether there is nothing of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.errand.is_none() && self.unicom.is_none() && self.tuya.is_none()
    }
}
