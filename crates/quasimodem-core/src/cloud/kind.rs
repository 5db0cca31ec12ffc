//! Which clouds there are.

use core::fmt;

/// The clouds of `<cloudtype>` (manual 1.18). Who adds one is led by the compiler to what it needs.
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

    /// The one of that number.
    pub fn from_number(number: u32) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| u32::from(cloud.number()) == number)
    }

    /// `<cloudtype>`.
    pub const fn number(self) -> u8 {
        self as u8
    }

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

// As many as there are, in the order of their numbers, from 1.
const _: () = {
    let mut place = 0;
    while place < Cloud::ALL.len() {
        assert!(Cloud::ALL[place].number() as usize == place + 1);
        place += 1;
    }
    assert!(Cloud::Unicom.number() as usize == Cloud::ALL.len());
};

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
