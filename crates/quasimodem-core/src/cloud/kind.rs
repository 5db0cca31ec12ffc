//! Which clouds there are.

use core::fmt;

/// One row a cloud, in the order of the manual: they are numbered from 1 on.
macro_rules! clouds {
    ($($(#[doc = $meaning:literal])* $cloud:ident = $name:literal,)*) => {
        /// The clouds of `<cloudtype>` (manual 1.18). Who adds one is led by the compiler and by tests to what it needs.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Cloud {
            $($(#[doc = $meaning])* $cloud,)*
        }

        impl Cloud {
            /// All of them, in the order of their numbers.
            pub const ALL: [Cloud; [$($name),*].len()] = [$(Cloud::$cloud),*];

            /// The name, in lower case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Cloud::$cloud => $name,)*
                }
            }
        }
    };
}

clouds! {
    /// Alibaba Cloud IoT Platform.
    Alibaba = "alibaba",
    /// Tencent Cloud IoT Hub.
    Tencent = "tencent",
    /// Huawei Cloud IoTDA.
    Huawei = "huawei",
    /// Tuya.
    Tuya = "tuya",
    /// China Mobile OneNET.
    OneNet = "onenet",
    /// Baidu IoT Core.
    Baidu = "baidu",
    /// AWS IoT Core: who comes in is decided by the certificate of the TLS connection.
    Amazon = "amazon",
    /// China Telecom AEP, also called CTWing.
    Aep = "aep",
    /// China Unicom DMP.
    Unicom = "unicom",
}

impl Cloud {
    /// The one of that number.
    pub fn from_number(number: u32) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| u32::from(cloud.number()) == number)
    }

    /// `<cloudtype>`, from 1 on.
    pub const fn number(self) -> u8 {
        self as u8 + 1
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
