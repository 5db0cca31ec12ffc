//! Who comes in at a cloud's broker.

use super::devices::Registry;
use super::{Cloud, login, registration, tuya};
use crate::broker::{Admission, Announcement, Authority, Code, Login};

/// Decides about logins as one cloud does.
#[derive(Clone, Debug)]
pub struct Gate {
    cloud: Cloud,
    registry: Registry,
}

/// Why a login is refused.
pub(super) type Refusal = (Code, &'static str);

impl Gate {
    /// The gate of this cloud.
    pub fn new(cloud: Cloud, registry: Registry) -> Gate {
        Gate { cloud, registry }
    }

    fn check(&self, shown: &Shown<'_>) -> Result<Admission, Refusal> {
        let state = &mut *self.registry.lock();
        match self.cloud {
            Cloud::Alibaba => registration::alibaba(state, shown),
            Cloud::Tencent => login::tencent(state, shown),
            Cloud::Huawei => login::huawei(state, shown),
            Cloud::Tuya => tuya::login(state, shown),
            Cloud::OneNet => login::onenet(state, shown),
            Cloud::Baidu => login::baidu(state, shown),
            Cloud::Amazon => login::amazon(shown),
            Cloud::Aep => login::aep(state, shown),
            Cloud::Unicom => registration::unicom(state, shown),
        }
    }
}

impl Authority for Gate {
    fn admit(&self, login: &Login<'_>) -> Result<Admission, Refusal> {
        if let Some(code) = self.registry.refuses() {
            return Err((code, "a fault refuses everybody"));
        }
        let password = login.password.map_or(Some(""), |password| str::from_utf8(password).ok());
        let shown = Shown {
            client_id: login.client_id,
            user_name: login.user_name.unwrap_or_default(),
            password: password.ok_or((Code::Identifier, "the password is no text"))?,
            secure: login.secure,
            time: login.time,
        };
        let mut admission = self.check(&shown)?;
        admission.announcement = admission.announcement.and_then(|announcement| self.registry.spoiled(announcement));
        Ok(admission)
    }

    fn subscribed(&self, client: &str, filter: &str, time: i64) -> Option<Announcement> {
        let announcement = {
            let state = &mut *self.registry.lock();
            match self.cloud {
                Cloud::Tuya => tuya::subscribed(state, client, filter, time),
                Cloud::Unicom => registration::unicom_subscribed(state, client, filter),
                _ => None,
            }
        };
        self.registry.spoiled(announcement?)
    }

    fn announced(&self, client: &str, topic: &str) {
        if self.cloud == Cloud::Tuya {
            tuya::announced(&mut self.registry.lock(), client, topic);
        }
    }
}

/// What a device shows: texts, since all clouds have them.
pub(super) struct Shown<'a> {
    pub(super) client_id: &'a str,
    pub(super) user_name: &'a str,
    pub(super) password: &'a str,
    pub(super) secure: bool,
    /// Seconds since 1970.
    pub(super) time: i64,
}

/// Client id, user name or password are not of the cloud's form.
pub(super) fn form(why: &'static str) -> Refusal {
    (Code::Identifier, why)
}

/// They don't prove who the device is.
pub(super) fn wrong(why: &'static str) -> Refusal {
    (Code::BadPassword, why)
}

pub(super) const UNKNOWN: Refusal = (Code::BadPassword, "no such device");
pub(super) const SIGNATURE: Refusal = (Code::BadPassword, "the signature is wrong");

/// What a device gets that has proved who it is.
pub(super) fn let_in(allowed: bool) -> Result<Admission, Refusal> {
    if allowed { Ok(Admission::default()) } else { Err((Code::NotAuthorized, "the device is not allowed")) }
}
