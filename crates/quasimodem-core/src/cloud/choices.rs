//! What clouds leave to the device, and what this one does.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use super::credentials::{Alibaba, Baidu, OneNet, Resource, Tencent};
use super::hash::Hash;

/// Choices behind `+MQTTAUTHCFG` and `+MQTTAUTHDYN`, of which their parameters say nothing.
#[derive(Clone, Debug)]
pub struct Choices {
    /// What time it is for clouds, in seconds since 1970; `None`: that of the wall clock.
    pub time: Option<u32>,
    /// Alibaba: the hash of the signature.
    pub alibaba_hash: Hash,
    /// Alibaba: what stands between product key and device name in the client id.
    pub alibaba_joint: char,
    /// Alibaba: the number that is signed with the rest, if there is one.
    pub alibaba_timestamp: Option<u64>,
    /// Alibaba: whether the password is in capitals.
    pub alibaba_capitals: bool,
    /// Tencent: the hash of the signature.
    pub tencent_hash: Hash,
    /// Tencent: `sdkappid`, which tells the cloud what software it talks to.
    pub tencent_app_id: u32,
    /// Tencent: the id of the connection; `None`: a random one each time.
    pub tencent_connection: Option<Box<str>>,
    /// Tencent: until when the signature holds.
    pub tencent_expiry: Expiry,
    /// Huawei: whether the cloud shall check the time in the client id.
    pub huawei_checks_time: bool,
    /// OneNET: the hash of the signature.
    pub onenet_hash: Hash,
    /// OneNET: what the access key belongs to.
    pub onenet_resource: Resource,
    /// OneNET: until when the signature holds.
    pub onenet_expiry: Expiry,
    /// Baidu: the hash of the password.
    pub baidu_hash: Hash,
    /// Baidu: the time in the user name.
    pub baidu_time: BaiduTime,
    /// Baidu: whether the client id is `<iotcoreid>`, and not `<devicekey>`.
    pub baidu_core_id: bool,
    /// China Unicom DMP: the device id, which the command does not have.
    pub unicom_device_id: UnicomId,
    /// China Unicom DMP: the operator of the SIM card, 0 to 4.
    pub unicom_operator: u8,
}

/// Until when something holds that was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expiry {
    /// Seconds since 1970; `None`: the lifetime decides.
    pub at: Option<u64>,
    /// From now on; zero: for ever.
    pub lifetime: Duration,
}

/// The time that a device shows to Baidu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaiduTime {
    /// This one, in seconds since 1970; 0 says that it is not known.
    At(u64),
    /// What time it is.
    Clock,
    /// None.
    Omitted,
}

impl BaiduTime {
    /// What the setting means by this.
    pub fn by_name(name: &str) -> Option<BaiduTime> {
        match name {
            "clock" => Some(BaiduTime::Clock),
            "none" => Some(BaiduTime::Omitted),
            time => time.parse().ok().map(BaiduTime::At),
        }
    }
}

/// As the setting has it.
impl fmt::Display for BaiduTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BaiduTime::At(time) => time.fmt(f),
            BaiduTime::Clock => f.write_str("clock"),
            BaiduTime::Omitted => f.write_str("none"),
        }
    }
}

/// The device id at China Unicom DMP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnicomId {
    /// The IMEI.
    Imei,
    /// `<devicekey>`.
    DeviceKey,
    /// This one.
    Given(Box<str>),
}

impl UnicomId {
    /// Characters of an id at most.
    const MAX: usize = 48;

    /// As the setting has it.
    pub fn name(&self) -> &str {
        match self {
            UnicomId::Imei => "imei",
            UnicomId::DeviceKey => "devicekey",
            UnicomId::Given(id) => id,
        }
    }

    /// The id of a device.
    pub(crate) fn of<'a>(&'a self, imei: &'a str, device_key: &'a str) -> &'a str {
        match self {
            UnicomId::Imei => imei,
            UnicomId::DeviceKey => device_key,
            UnicomId::Given(id) => id,
        }
    }

    /// What the setting means by this.
    pub fn by_name(name: &str) -> Option<UnicomId> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match name {
            "imei" => Some(UnicomId::Imei),
            "devicekey" => Some(UnicomId::DeviceKey),
            id => (plain && (1..=UnicomId::MAX).contains(&id.len())).then(|| UnicomId::Given(id.into())),
        }
    }
}

impl Default for Choices {
    fn default() -> Choices {
        Choices {
            time: None,
            alibaba_hash: Alibaba::HASH,
            alibaba_joint: '.',
            alibaba_timestamp: Some(Alibaba::TIMESTAMP),
            alibaba_capitals: true,
            tencent_hash: Tencent::HASH,
            tencent_app_id: Tencent::APP_ID,
            tencent_connection: None,
            tencent_expiry: Expiry { at: None, lifetime: Duration::ZERO },
            huawei_checks_time: false,
            onenet_hash: OneNet::HASH,
            onenet_resource: Resource::Device,
            onenet_expiry: Expiry { at: None, lifetime: OneNet::LIFETIME },
            baidu_hash: Baidu::HASH,
            baidu_time: BaiduTime::At(0),
            baidu_core_id: false,
            unicom_device_id: UnicomId::Imei,
            unicom_operator: 0,
        }
    }
}
