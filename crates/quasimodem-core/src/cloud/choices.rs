//! What clouds leave to the device, and what this one does.

use core::time::Duration;

use super::credentials::{Alibaba, Baidu, OneNet, Resource, Tencent};
use super::hash::Hash;

/// Choices behind `+MQTTAUTHCFG`, of which its parameters say nothing.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Alibaba: the hash of the signature.
    pub alibaba_hash: Hash,
    /// Tencent: the hash of the signature.
    pub tencent_hash: Hash,
    /// Tencent: `sdkappid`, which tells the cloud what software it talks to.
    pub tencent_app_id: u32,
    /// Tencent: how long the signature holds; zero: [`Tencent::NEVER`].
    pub tencent_lifetime: Duration,
    /// Huawei: whether the cloud shall check the time in the client id.
    pub huawei_checks_time: bool,
    /// OneNET: the hash of the signature.
    pub onenet_hash: Hash,
    /// OneNET: what the access key belongs to.
    pub onenet_resource: Resource,
    /// OneNET: how long the signature holds; zero: [`OneNet::NEVER`].
    pub onenet_lifetime: Duration,
    /// Baidu: the hash of the password.
    pub baidu_hash: Hash,
    /// China Unicom DMP: what stands in for the device id, which the command does not have.
    pub unicom_device_id: UnicomId,
    /// China Unicom DMP: the operator of the SIM card, 0 to 4.
    pub unicom_operator: u8,
}

/// What stands in for the device id at China Unicom DMP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnicomId {
    /// The IMEI.
    Imei,
    /// `<devicekey>`.
    DeviceKey,
}

impl UnicomId {
    const ALL: [UnicomId; 2] = [UnicomId::Imei, UnicomId::DeviceKey];

    /// The name, as the setting has it.
    pub const fn name(self) -> &'static str {
        match self {
            UnicomId::Imei => "imei",
            UnicomId::DeviceKey => "devicekey",
        }
    }

    /// The one with that name.
    pub fn by_name(name: &str) -> Option<UnicomId> {
        UnicomId::ALL.into_iter().find(|id| id.name() == name)
    }
}

impl Default for Choices {
    fn default() -> Choices {
        Choices {
            alibaba_hash: Alibaba::HASH,
            tencent_hash: Tencent::HASH,
            tencent_app_id: Tencent::APP_ID,
            tencent_lifetime: Duration::ZERO,
            huawei_checks_time: false,
            onenet_hash: OneNet::HASH,
            onenet_resource: Resource::Device,
            onenet_lifetime: OneNet::LIFETIME,
            baidu_hash: Baidu::HASH,
            unicom_device_id: UnicomId::Imei,
            unicom_operator: 0,
        }
    }
}
