//! What errands are for, and where each step leads.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::talk::Talk;
use super::told::{AlibabaDevice, TuyaEvent};
use super::{Speech, Target, Told, TuyaKept, UnicomKept};
use crate::cloud::tuya::{self, Activation, BindToken, Frame, FrameKey};
use crate::cloud::{
    ALIBABA_TOPIC, AlibabaRegistration, Credentials, Flaw, HttpRequest, TencentRegistration, TuyaBind, TuyaDevice,
    TuyaEndpoints, UnicomRegistered,
};
use crate::failure::Failure;
use crate::net::Transport;
use crate::secret::Secret;
use crate::time::Instant;
use crate::tls::TlsProfile;

/// What is wanted.
pub(crate) enum Goal {
    /// The secret of a device at Alibaba.
    Alibaba { product_key: Box<str>, device_name: Box<str> },
    /// The key of a device at Tencent.
    Tencent { url: Box<str>, product_id: Box<str>, product_secret: Secret<Box<str>>, device_name: Box<str> },
    /// The secret or the token of a device at China Unicom DMP, which publishes it there.
    Unicom { product_key: Box<str>, device_key: Box<str>, topic: Box<str> },
    /// To be a Tuya device.
    Tuya(Box<Tuya>),
}

/// A Tuya device that is not activated.
pub(crate) struct Tuya {
    pub(crate) product_key: Box<str>,
    pub(crate) uuid: Box<str>,
    pub(crate) auth_key: Secret<Box<str>>,
    key: FrameKey,
    phase: TuyaPhase,
}

enum TuyaPhase {
    /// No user can take it yet.
    Starting,
    /// It waits for a user, of which the host was told.
    Binding,
    /// A user came, and it asks where the user's cloud is.
    Asking(BindToken),
    /// It asks that cloud to know it.
    Activating(BindToken, TuyaEndpoints, i64),
}

/// What a step led to.
pub(super) enum Step {
    /// To be heard on.
    Wait,
    /// To be told, and to be heard on.
    Tell(Told),
    /// To another place.
    Next(Speech, Target, Option<Told>),
    /// To the end.
    Done(Vec<Told>, Kept),
}

/// What is kept for later.
pub(super) enum Kept {
    Nothing,
    Unicom(UnicomKept),
    Tuya(TuyaKept),
}

/// What a step may need.
pub(super) struct Around<'a> {
    /// Seconds since 1970, if the modem knows.
    pub(super) clock: Option<i64>,
    pub(super) tls: &'a Arc<TlsProfile>,
}

/// Where devices wait for their users.
const TUYA_BIND: (&str, u16) = ("m2.tuyacn.com", 8883);

impl Tuya {
    /// A device that begins to wait for its user.
    pub(crate) fn new(product_key: &str, uuid: &str, auth_key: &str) -> Result<Tuya, Flaw> {
        TuyaBind { uuid, auth_key: Secret(auth_key) }.credentials()?;
        if product_key.is_empty() {
            return Err(Flaw::Empty("productkey"));
        }
        Ok(Tuya {
            product_key: product_key.into(),
            uuid: uuid.into(),
            auth_key: Secret(auth_key.into()),
            key: FrameKey::new("authkey", Secret(auth_key))?,
            phase: TuyaPhase::Starting,
        })
    }

    /// What is said first, and where.
    pub(crate) fn bind(&self, now: Instant, tls: &Arc<TlsProfile>) -> Result<(Speech, Target), Flaw> {
        let bind = TuyaBind { uuid: &self.uuid, auth_key: Secret(&self.auth_key.0) };
        let talk = Talk::new(now, bind.credentials()?, Some(tuya::bind_topic(&self.uuid).into()));
        let (host, port) = TUYA_BIND;
        let target = Target { transport: Transport::Tls(tls.clone()), host: host.into(), port };
        Ok((Speech::Mqtt(Box::new(talk)), target))
    }

    /// Whether it still waits for its user, so that a broken link is no more than a delay.
    pub(crate) fn is_binding(&self) -> bool {
        matches!(self.phase, TuyaPhase::Starting | TuyaPhase::Binding)
    }

    /// A frame came for a device that waits. Others may send there too, so that what is none is passed over.
    fn frame(&mut self, payload: &[u8], tls: &Arc<TlsProfile>) -> Step {
        let frame = Frame::decode(payload, &self.key);
        let Ok(Some(token)) = frame.and_then(|frame| tuya::bind_token(&frame.data.0)) else { return Step::Wait };
        let request = TuyaEndpoints::request(&token);
        self.phase = TuyaPhase::Asking(token);
        to(request, tls, Some(Told::Event(TuyaEvent::BindTokenOn)))
    }

    fn answer(&mut self, body: &[u8], around: &Around<'_>) -> Result<Step, Failure> {
        match &self.phase {
            TuyaPhase::Starting | TuyaPhase::Binding => Ok(Step::Wait),
            TuyaPhase::Asking(token) => {
                let endpoints = TuyaEndpoints::answer(body).map_err(Failure::Answer)?;
                let timestamp = around.clock.ok_or(Failure::NoClock)?;
                let (host, port) = endpoints.http.clone();
                let request = self.activation(token, timestamp).request(&host).map_err(|_| Failure::NoAnswer)?;
                let request = HttpRequest { port, ..request };
                let tls = with_root(around.tls, endpoints.root.as_deref());
                self.phase = TuyaPhase::Activating(token.clone(), endpoints, timestamp);
                Ok(to(request, &tls, None))
            }
            TuyaPhase::Activating(token, endpoints, timestamp) => {
                let activated = self.activation(token, *timestamp).answer(body).map_err(Failure::Answer)?;
                let device =
                    TuyaDevice { device_id: &activated.device_id, secret_key: Secret(&activated.secret_key.0) };
                let unusable = |_| Failure::Answer(crate::cloud::BadAnswer::Missing("localKey"));
                let login = device.credentials().map_err(unusable)?;
                let key = FrameKey::new("localKey", Secret(&activated.local_key.0)).map_err(unusable)?;
                let (host, port) = endpoints.mqtt.clone();
                let kept = TuyaKept { uuid: self.uuid.clone(), login, key, host, port, on: true, client: None };
                let told = Vec::from([Told::Event(TuyaEvent::ActivateSuccessed), kept.told()]);
                Ok(Step::Done(told, Kept::Tuya(kept)))
            }
        }
    }

    fn activation<'a>(&'a self, token: &'a BindToken, timestamp: i64) -> Activation<'a> {
        Activation {
            token: Secret(&token.token.0),
            product_key: &self.product_key,
            uuid: &self.uuid,
            auth_key: Secret(&self.auth_key.0),
            timestamp,
        }
    }
}

impl TuyaKept {
    /// The line that tells what to connect with.
    pub(crate) fn told(&self) -> Told {
        Told::Login { host: self.host.clone(), port: self.port, login: self.login.clone() }
    }
}

impl Goal {
    /// What is told when the cloud begins to listen.
    pub(super) fn listening(&mut self) -> Step {
        match self {
            // Told once, however often it comes back: nobody may be there to hear it.
            Goal::Tuya(device) if matches!(device.phase, TuyaPhase::Starting) => {
                device.phase = TuyaPhase::Binding;
                Step::Tell(Told::Event(TuyaEvent::BindStart))
            }
            _ => Step::Wait,
        }
    }

    /// The cloud published something.
    pub(super) fn message(&mut self, topic: &str, payload: &[u8], around: &Around<'_>) -> Result<Step, Failure> {
        match self {
            Goal::Alibaba { product_key, device_name } if topic == ALIBABA_TOPIC => {
                let registration = AlibabaRegistration {
                    product_key,
                    product_secret: Secret(""),
                    device_name,
                    random: 0,
                    instance: None,
                    listed: true,
                };
                let registered = registration.answer(payload).map_err(Failure::Answer)?;
                let device = AlibabaDevice {
                    product_key: String::from(&**product_key),
                    device_name: String::from(&**device_name),
                    device_secret: registered.device_secret,
                };
                Ok(Step::Done(Vec::from([Told::Alibaba(Some(device))]), Kept::Nothing))
            }
            Goal::Unicom { product_key, device_key, topic: own } if *topic == **own => {
                let registered = UnicomRegistered::answer(payload).map_err(Failure::Answer)?;
                let told = Told::Unicom(Some(registered.clone()));
                let (product_key, device_key) = (product_key.clone(), device_key.clone());
                let kept = UnicomKept { product_key, device_key, registered };
                Ok(Step::Done(Vec::from([told]), Kept::Unicom(kept)))
            }
            Goal::Tuya(device) => Ok(device.frame(payload, around.tls)),
            _ => Ok(Step::Wait),
        }
    }

    /// A request was answered.
    pub(super) fn answer(&mut self, body: &[u8], around: &Around<'_>) -> Result<Step, Failure> {
        match self {
            Goal::Tencent { url, product_id, product_secret, device_name } => {
                let registration = TencentRegistration {
                    url,
                    product_id,
                    product_secret: Secret(&product_secret.0),
                    device_name,
                    timestamp: 0,
                    nonce: 0,
                };
                let registered = registration.answer(body).map_err(Failure::Answer)?;
                Ok(Step::Done(Vec::from([Told::Tencent(Some(registered))]), Kept::Nothing))
            }
            Goal::Tuya(device) => device.answer(body, around),
            Goal::Alibaba { .. } | Goal::Unicom { .. } => Ok(Step::Wait),
        }
    }

    /// What is told when it failed.
    pub(super) fn failed(&self) -> Told {
        match self {
            Goal::Alibaba { .. } => Told::Alibaba(None),
            Goal::Tencent { .. } => Told::Tencent(None),
            Goal::Unicom { .. } => Told::Unicom(None),
            Goal::Tuya(_) => Told::Event(TuyaEvent::BindStop),
        }
    }
}

/// A talk as an MQTT client with these credentials.
pub(crate) fn talk(now: Instant, credentials: Credentials, filter: Option<&str>) -> Speech {
    Speech::Mqtt(Box::new(Talk::new(now, credentials, filter.map(Into::into))))
}

/// A request, and where it goes.
pub(crate) fn post(request: HttpRequest, tls: &Arc<TlsProfile>) -> (Speech, Target) {
    let transport = if request.tls { Transport::Tls(tls.clone()) } else { Transport::Tcp };
    // An address of version 6 stands in brackets in a URL only.
    let host = request.host.trim_start_matches('[').trim_end_matches(']').into();
    let target = Target { transport, host, port: request.port };
    (Speech::Http(Box::new(request)), target)
}

fn to(request: HttpRequest, tls: &Arc<TlsProfile>, told: Option<Told>) -> Step {
    let (speech, target) = post(request, tls);
    Step::Next(speech, target, told)
}

/// The profile, with one more root. It came over a verified connection; without it nothing but this cloud's own root
/// would do.
fn with_root(tls: &Arc<TlsProfile>, root: Option<&[u8]>) -> Arc<TlsProfile> {
    let Some(root) = root else { return tls.clone() };
    let roots = [tls.roots.as_deref().unwrap_or_default(), b"\n", root].concat();
    Arc::new(TlsProfile { roots: Some(roots.into()), ..(**tls).clone() })
}
