//! Stand-ins for the clouds behind `+MQTTAUTHCFG` and `+MQTTAUTHDYN`: they know products and devices, and refuse whoever
//! shows anything else than what the real cloud asks for.
//!
//! A [`Registry`] holds what a cloud knows, and all that stand in for it share it:
//!
//! - a [`Gate`] is the [`Authority`](crate::broker::Authority) of a lab broker: it checks logins, and runs the
//!   registrations that go over MQTT;
//! - an [`http::Server`] is where devices of Tencent register themselves, and those of Tuya find their way and are
//!   activated.
//!
//! What a login *announces* is what it is checked against: the hash, the time, the order of what is signed are read from
//! it, as the clouds do. The formulas are written down here a second time, on purpose: a modem and its judge must not
//! share a misreading. `tests/cloud/` holds both against what the official SDKs produce.
//!
//! # What the documents leave open
//!
//! - A client id, user name or password that is not of the cloud's form is answered with 2; an unknown device, a wrong,
//!   expired or replayed signature with 4, so that names can't be tried out; a device that is not allowed with 5.
//! - A device may register itself as often as it likes, and gets the same secret.

mod devices;
mod gate;
pub mod http;
mod login;
mod places;
mod registration;
mod samples;
mod seal;
mod signature;
mod tencent;
mod tuya;

use std::fmt;

pub use self::devices::{BadEntry, Device, Fault, Parameters, Product, Registry, Timing};
pub use self::gate::Gate;
pub use self::places::{Place, Security, Service, places};
pub use self::samples::samples;

/// The clouds of `<cloudtype>` (manual 1.18).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cloud {
    /// Alibaba Cloud IoT Platform.
    Alibaba = 1,
    /// Tencent Cloud IoT Hub.
    Tencent = 2,
    /// Huawei Cloud IoTDA.
    Huawei = 3,
    /// Tuya.
    Tuya = 4,
    /// China Mobile OneNET.
    OneNet = 5,
    /// Baidu IoT Core.
    Baidu = 6,
    /// AWS IoT Core: who comes in is decided by the certificate of the TLS connection.
    Amazon = 7,
    /// China Telecom AEP, also called CTWing.
    Aep = 8,
    /// China Unicom DMP.
    Unicom = 9,
}

impl Cloud {
    /// All of them, in the order of the manual.
    pub const ALL: [Cloud; 9] = [
        Cloud::Alibaba,
        Cloud::Tencent,
        Cloud::Huawei,
        Cloud::Tuya,
        Cloud::OneNet,
        Cloud::Baidu,
        Cloud::Amazon,
        Cloud::Aep,
        Cloud::Unicom,
    ];

    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Cloud::Alibaba => "alibaba",
            Cloud::Tencent => "tencent",
            Cloud::Huawei => "huawei",
            Cloud::Tuya => "tuya",
            Cloud::OneNet => "onenet",
            Cloud::Baidu => "baidu",
            Cloud::Amazon => "amazon",
            Cloud::Aep => "aep",
            Cloud::Unicom => "unicom",
        }
    }

    /// The one with that name.
    pub fn by_name(name: &str) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| cloud.name() == name)
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
