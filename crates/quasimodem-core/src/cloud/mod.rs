//! Clouds: what a device must present to log in, or to register itself.
//!
//! All of this is computed from inputs alone. Time and randomness are among the inputs, so that the same inputs give
//! the same credentials. Nothing here touches the network: what is to be sent is returned, and what came is taken in.
//!
//! ```
//! use quasimodem_core::Secret;
//! use quasimodem_core::cloud::Baidu;
//!
//! let device = Baidu {
//!     core_id: "avslzjf",
//!     device_key: "device1",
//!     device_secret: Secret("lWvGGoMxvbDwavDc"),
//!     hash: Baidu::HASH,
//!     time: Some(0),
//!     client_id: None,
//! };
//! let login = device.credentials()?;
//! assert_eq!(login.username, "thingidp@avslzjf|device1|0|MD5");
//! assert_eq!(login.password.0, "c0479fbb47103a9d7cf4f9fdf7e97324");
//! assert_eq!(login.client_id, "device1");
//! # Ok::<(), quasimodem_core::cloud::Flaw>(())
//! ```
//!
//! `docs/CLOUDS.md` tells for each cloud where its formula comes from and what it was checked against.

mod answer;
mod choices;
mod credentials;
mod endpoints;
mod hash;
mod http;
mod kind;
mod registration;
mod seal;
pub mod tuya;
mod unicom;

pub use answer::{ANSWER_MAX, BadAnswer};
pub use choices::{BaiduTime, Choices, Expiry, UnicomId};
pub use credentials::{
    Aep, Alibaba, Baidu, Credentials, Flaw, Huawei, OneNet, Resource, Tencent, TuyaBind, TuyaDevice, Unicom, UnicomAuth,
};
pub use endpoints::TuyaEndpoints;
pub use hash::Hash;
pub(crate) use http::put_request;
pub use http::{BadHttp, read_answer};
pub use kind::Cloud;
pub use registration::{
    ALIBABA_TOPIC, AlibabaRegistered, AlibabaRegistration, HttpRequest, TencentApi, TencentRegistered,
    TencentRegistration, alibaba_instance, unicom_topic,
};
pub use unicom::UnicomRegistered;
