//! What devices log in with, cloud by cloud (manual 1.18).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;

use super::hash::{Hash, base64, from_base64, hex, upper_hex};
use crate::random;
use crate::secret::Secret;

/// User name, password and client id of an MQTT connection. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
    /// Client id.
    pub client_id: String,
}

/// Why nothing can be computed from what was given. Names are the manual's (1.17, 1.18), or of what it does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The formula needs it, and it is empty.
    Empty(&'static str),
    /// It holds a quote or a control character, so that what is made of it could not be typed into a command.
    NotPrintable(&'static str),
    /// It is a key, and it is not base64.
    NotBase64(&'static str),
    /// It is a key of AES-128, and has less than so many bytes.
    TooShort(&'static str, usize),
    /// The cloud does not take signatures with this hash.
    NoSuchHash(Hash),
    /// The time has no calendar date of four digits.
    NoSuchTime,
    /// Not `http://` or `https://`, a host, perhaps a port, and a path.
    NotAUrl,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Empty(name) => write!(f, "<{name}> is empty"),
            Flaw::NotPrintable(name) => write!(f, "<{name}> holds a quote or a control character"),
            Flaw::NotBase64(name) => write!(f, "<{name}> is not base64"),
            Flaw::TooShort(name, min) => write!(f, "<{name}> is shorter than {min} bytes"),
            Flaw::NoSuchHash(hash) => write!(f, "this cloud does not know signatures with {hash}"),
            Flaw::NoSuchTime => f.write_str("the time is out of range"),
            Flaw::NotAUrl => f.write_str("<url> is not http:// or https:// with a host and a path, without a query"),
        }
    }
}

impl core::error::Error for Flaw {}

/// Alibaba Cloud IoT Platform (`1`): the client id says how it was signed, and the cloud checks it as said.
///
/// Source: `dev_sign` and `core_auth` of Alibaba's C SDKs, and help.aliyun.com document 73742.
#[derive(Clone, Copy, Debug)]
pub struct Alibaba<'a> {
    /// `ProductKey`.
    pub product_key: &'a str,
    /// `DeviceName`.
    pub device_name: &'a str,
    /// `DeviceSecret`.
    pub device_secret: Secret<&'a str>,
    /// Whether the connection is one over TLS; says nothing but `securemode`.
    pub tls: bool,
    /// The hash of the signature: [`Alibaba::HASH`] unless there is a reason.
    pub hash: Hash,
    /// What the client id begins with; `None`: product key and device name, as Alibaba's C SDKs have it.
    pub id: Option<&'a str>,
    /// A number that is signed with the rest, if there is one; it need not be a time. Alibaba's C SDKs always take
    /// [`Alibaba::TIMESTAMP`].
    pub timestamp: Option<u64>,
    /// Whether the password is in capitals, as in Alibaba's C SDKs. Those of other languages print small letters.
    pub capitals: bool,
}

impl Alibaba<'_> {
    /// As Alibaba's C SDKs sign.
    pub const HASH: Hash = Hash::Sha256;

    /// As Alibaba's C SDKs have it: 2050-01-01 in milliseconds.
    pub const TIMESTAMP: u64 = 2_524_608_000_000;

    /// The client id says all that decides how the cloud checks, and no more.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Alibaba { product_key, device_name, device_secret: Secret(secret), tls, hash, id, timestamp, capitals } =
            *self;
        check(&[("productkey", product_key), ("devicename", device_name), ("devicesecret", secret)])?;
        let id = match id {
            Some(id) => id.into(),
            None => format!("{product_key}.{device_name}"),
        };
        check(&[("clientid", &id)])?;
        let (signed, told) = match timestamp {
            Some(timestamp) => (format!("timestamp{timestamp}"), format!("timestamp={timestamp},")),
            None => Default::default(),
        };
        let signed = format!("clientId{id}deviceName{device_name}productKey{product_key}{signed}");
        let signature = hash.hmac(secret.as_bytes(), signed.as_bytes());
        let mode = if tls { 2 } else { 3 };
        Ok(Credentials {
            username: format!("{device_name}&{product_key}"),
            password: Secret(if capitals { upper_hex(&signature) } else { hex(&signature) }),
            client_id: format!("{id}|{told}securemode={mode},signmethod=hmac{hash}|"),
        })
    }
}

/// Tencent Cloud IoT Hub and IoT Explorer (`2`).
///
/// Source: `qcloud-iot-sdk-embedded-c`, `iot-device-python`, Tencent Cloud documents 1105/41501 and 634/46346.
#[derive(Clone, Copy, Debug)]
pub struct Tencent<'a> {
    /// `ProductId`.
    pub product_id: &'a str,
    /// `DeviceName`.
    pub device_name: &'a str,
    /// The device's key, base64.
    pub device_secret: Secret<&'a str>,
    /// `sdkappid`: [`Tencent::APP_ID`] unless there is a reason.
    pub app_id: u32,
    /// `connid`: five random letters or digits.
    pub connection: &'a str,
    /// Until when the signature holds: seconds since 1970, or [`Tencent::NEVER`].
    pub expiry: u64,
    /// The hash of the signature, one of [`Tencent::HASHES`].
    pub hash: Hash,
}

impl Tencent<'_> {
    /// The hashes that the cloud knows.
    pub const HASHES: &'static [Hash] = &[Hash::Sha1, Hash::Sha256];

    /// As Tencent's C SDK signs.
    pub const HASH: Hash = Hash::Sha1;

    /// `sdkappid` of Tencent's C SDK.
    pub const APP_ID: u32 = 21_010_406;

    /// The expiry that Tencent's C SDK takes for none on a module of 32 bits.
    pub const NEVER: u64 = 2_147_483_647;

    /// A `connid` made of a random number.
    pub fn connection_id(random: u64) -> String {
        random::letters::<5>(random).into_iter().map(char::from).collect()
    }

    /// `<productkey>` of the manual is the product id.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Tencent { product_id, device_name, device_secret, app_id, connection, expiry, hash } = *self;
        check(&[("productkey", product_id), ("devicename", device_name), ("connid", connection)])?;
        let key = key_from_base64("devicesecret", device_secret)?;
        if !Self::HASHES.contains(&hash) {
            return Err(Flaw::NoSuchHash(hash));
        }
        let client_id = format!("{product_id}{device_name}");
        let username = format!("{client_id};{app_id};{connection};{expiry}");
        let password = Secret(format!("{};hmac{hash}", hex(&hash.hmac(&key, username.as_bytes()))));
        Ok(Credentials { username, password, client_id })
    }
}

/// Huawei Cloud IoTDA (`3`).
///
/// Source: `huaweicloud-iot-device-sdk-c` and `-python`, Huawei Cloud document iot_03_3202. The C SDK counts the hour
/// up if the hash holds a zero byte, since it measures it as text; this is not repeated here.
#[derive(Clone, Copy, Debug)]
pub struct Huawei<'a> {
    /// The device id, often product id and node id with `_` between.
    pub device_id: &'a str,
    /// The device's secret.
    pub device_secret: Secret<&'a str>,
    /// Whether the cloud shall check the time.
    pub checks_time: bool,
    /// Seconds since 1970; the hour counts.
    pub time: i64,
}

impl Huawei<'_> {
    /// The hour is the key and the secret the message, though it looks swapped.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Huawei { device_id, device_secret: Secret(secret), checks_time, time } = *self;
        check(&[("deviceid", device_id), ("devicesecret", secret)])?;
        let time = OffsetDateTime::from_unix_timestamp(time).map_err(|_| Flaw::NoSuchTime)?;
        let (year, month, day) = time.to_calendar_date();
        if !(0..=9999).contains(&year) {
            return Err(Flaw::NoSuchTime);
        }
        let hour = format!("{year:04}{:02}{day:02}{:02}", u8::from(month), time.hour());
        Ok(Credentials {
            username: device_id.into(),
            password: Secret(hex(&Hash::Sha256.hmac(hour.as_bytes(), secret.as_bytes()))),
            client_id: format!("{device_id}_0_{}_{hour}", u8::from(checks_time)),
        })
    }
}

/// Tuya (`4`), a device that is not activated yet.
///
/// Source: `mqtt_service` of `tuya-iot-link-sdk-embedded-c`.
#[derive(Clone, Copy, Debug)]
pub struct TuyaBind<'a> {
    /// The device's UUID.
    pub uuid: &'a str,
    /// Its key.
    pub auth_key: Secret<&'a str>,
}

impl TuyaBind<'_> {
    /// For [`tuya::bind_topic`](super::tuya::bind_topic), where the cloud tells that a user takes the device.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let TuyaBind { uuid, auth_key: Secret(auth_key) } = *self;
        check(&[("uuid", uuid), ("authkey", auth_key)])?;
        let id = format!("acon_{uuid}");
        Ok(Credentials { username: id.clone(), password: tuya_password(auth_key), client_id: id })
    }
}

/// Tuya (`4`), a device that is activated.
///
/// Source: as [`TuyaBind`].
#[derive(Clone, Copy, Debug)]
pub struct TuyaDevice<'a> {
    /// `devId` of the activation.
    pub device_id: &'a str,
    /// `secKey` of the activation.
    pub secret_key: Secret<&'a str>,
}

impl TuyaDevice<'_> {
    /// For the topics of [`tuya::device_topics`](super::tuya::device_topics).
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let TuyaDevice { device_id, secret_key: Secret(secret_key) } = *self;
        check(&[("devid", device_id), ("seckey", secret_key)])?;
        let id = String::from(device_id);
        Ok(Credentials { username: id.clone(), password: tuya_password(secret_key), client_id: id })
    }
}

/// The middle half of the MD5 of a key.
fn tuya_password(key: &str) -> Secret<String> {
    let digest = Hash::Md5.digest(key.as_bytes());
    Secret(hex(digest.get(4..12).unwrap_or_default()))
}

/// China Mobile OneNET (`5`).
///
/// Source: the Python sample of the document on tokens at open.iot.10086.cn.
#[derive(Clone, Copy, Debug)]
pub struct OneNet<'a> {
    /// The product's id.
    pub product_id: &'a str,
    /// The device's name.
    pub device_name: &'a str,
    /// The key of the device or the product, as `resource` says, base64.
    pub access_key: Secret<&'a str>,
    /// What the key belongs to.
    pub resource: Resource,
    /// The hash of the signature: [`OneNet::HASH`] unless there is a reason.
    pub hash: Hash,
    /// Until when the password holds: seconds since 1970, or [`OneNet::NEVER`].
    pub expiry: u64,
}

/// What an access key of OneNET belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// One device.
    Device,
    /// The product, and so all its devices.
    Product,
}

impl Resource {
    const ALL: [Resource; 2] = [Resource::Device, Resource::Product];

    /// The name, as the setting has it.
    pub const fn name(self) -> &'static str {
        match self {
            Resource::Device => "device",
            Resource::Product => "product",
        }
    }

    /// The one with that name.
    pub fn by_name(name: &str) -> Option<Resource> {
        Resource::ALL.into_iter().find(|resource| resource.name() == name)
    }
}

impl OneNet<'_> {
    /// The shortest, so that the password fits into the 128 bytes that some models take; it keys a HMAC, which MD5 still
    /// holds.
    pub const HASH: Hash = Hash::Md5;

    /// How long a password holds unless something else is said: a year.
    pub const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// An expiry that stands for none: the year 2999.
    pub const NEVER: u64 = 32_472_115_200;

    /// The password is the whole token.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        const VERSION: &str = "2018-10-31";
        let OneNet { product_id, device_name, access_key, resource, hash, expiry } = *self;
        check(&[("productid", product_id), ("devicename", device_name)])?;
        let key = key_from_base64("accesskey", access_key)?;
        let resource = match resource {
            Resource::Device => format!("products/{product_id}/devices/{device_name}"),
            Resource::Product => format!("products/{product_id}"),
        };
        let signed = format!("{expiry}\n{hash}\n{resource}\n{VERSION}");
        let sign = base64(&hash.hmac(&key, signed.as_bytes()));
        let (resource, sign) = (percent_encoded(&resource), percent_encoded(&sign));
        let token = format!("version={VERSION}&res={resource}&et={expiry}&method={hash}&sign={sign}");
        Ok(Credentials { username: product_id.into(), password: Secret(token), client_id: device_name.into() })
    }
}

/// Baidu IoT Core (`6`).
///
/// Source: `SignatureGenerator` of Baidu's Java SDK, cloud.baidu.com/doc/IoTCore/s/Akck4811r.
#[derive(Clone, Copy, Debug)]
pub struct Baidu<'a> {
    /// `IoTCoreId`.
    pub core_id: &'a str,
    /// `DeviceKey`.
    pub device_key: &'a str,
    /// `DeviceSecret`.
    pub device_secret: Secret<&'a str>,
    /// The hash of the password, one of [`Baidu::HASHES`].
    pub hash: Hash,
    /// Seconds since 1970, which must be those of the cloud within ten minutes; 0: it is not known. `None`: the user name
    /// has none, which means the same as 0.
    pub time: Option<u64>,
    /// The client id, which is free; `None`: the device key, which keeps devices apart.
    pub client_id: Option<&'a str>,
}

impl Baidu<'_> {
    /// The hashes that the cloud knows.
    pub const HASHES: &'static [Hash] = &[Hash::Md5, Hash::Sha256];

    /// The one that is used most.
    pub const HASH: Hash = Hash::Md5;

    /// A plain hash, without a key.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Baidu { core_id, device_key, device_secret: Secret(secret), hash, time, client_id } = *self;
        let client_id = client_id.unwrap_or(device_key);
        check(&[("iotcoreid", core_id), ("devicekey", device_key), ("devicesecret", secret)])?;
        if !Self::HASHES.contains(&hash) {
            return Err(Flaw::NoSuchHash(hash));
        }
        check(&[("clientid", client_id)])?;
        let name = hash.name().to_ascii_uppercase();
        let told = time.map(|time| format!("{time}|")).unwrap_or_default();
        let hashed = format!("{device_key}&{}&{name}{secret}", time.unwrap_or(0));
        Ok(Credentials {
            username: format!("thingidp@{core_id}|{device_key}|{told}{name}"),
            password: Secret(hex(&hash.digest(hashed.as_bytes()))),
            client_id: client_id.into(),
        })
    }
}

/// China Telecom AEP, also called CTWing (`8`): nothing is computed.
///
/// Source: public code of devices that log in there; none of China Telecom's own was at hand.
#[derive(Clone, Copy, Debug)]
pub struct Aep<'a> {
    /// The product's id.
    pub product_id: &'a str,
    /// The device's number.
    pub device_number: &'a str,
    /// The token of the device, or of its product.
    pub token: Secret<&'a str>,
    /// The name of the account; it may be empty.
    pub username: &'a str,
}

impl Aep<'_> {
    /// The client id is product id and device number.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Aep { product_id, device_number, token: Secret(token), username } = *self;
        check(&[("productid", product_id), ("devicenumber", device_number), ("token", token)])?;
        check_printable("aepusername", username)?;
        Ok(Credentials {
            username: username.into(),
            password: Secret(token.into()),
            client_id: format!("{product_id}{device_number}"),
        })
    }
}

/// China Unicom DMP (`9`), signed with HMAC-SHA256 (its signing method 0).
///
/// Source: `cuiot-cloud-adapter`, and China Unicom's Java demo of a device.
#[derive(Clone, Copy, Debug)]
pub struct Unicom<'a> {
    /// The device's id.
    pub device_id: &'a str,
    /// The device's key, which is its name.
    pub device_key: &'a str,
    /// The product's key.
    pub product_key: &'a str,
    /// What proves the device to be itself.
    pub auth: UnicomAuth<'a>,
    /// The operator of the SIM card: 0 unknown, 1 Unicom, 2 Mobile, 3 Telecom, 4 Broadcast.
    pub operator: u8,
}

/// What proves a device to be itself at China Unicom DMP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnicomAuth<'a> {
    /// The device's secret.
    Device(Secret<&'a str>),
    /// The product's secret, to register a device that the cloud knows.
    Registered(Secret<&'a str>),
    /// The product's secret, to register a device that the cloud does not know.
    Unregistered(Secret<&'a str>),
    /// A token from registering as unknown.
    Token(Secret<&'a str>),
}

impl Unicom<'_> {
    /// The greatest number of an operator.
    pub const OPERATOR_MAX: u8 = 4;

    /// The password is a signature, or the token itself.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let Unicom { device_id, device_key, product_key, auth, operator } = *self;
        check(&[("deviceid", device_id), ("devicekey", device_key), ("productkey", product_key)])?;
        let (kind, name, secret) = match auth {
            UnicomAuth::Device(Secret(secret)) => (0, "devicesecret", secret),
            UnicomAuth::Registered(Secret(secret)) => (1, "productsecret", secret),
            UnicomAuth::Unregistered(Secret(secret)) => (2, "productsecret", secret),
            UnicomAuth::Token(Secret(token)) => (-2, "token", token),
        };
        check(&[(name, secret)])?;
        let password = match auth {
            UnicomAuth::Token(Secret(token)) => token.into(),
            _ => {
                let signed = format!("{device_id}{device_key}{product_key}");
                hex(&Hash::Sha256.hmac(secret.as_bytes(), signed.as_bytes()))
            }
        };
        Ok(Credentials {
            username: format!("{device_key}|{product_key}"),
            password: Secret(password),
            client_id: format!("{device_id}|{product_key}|0|{kind}|{operator}"),
        })
    }
}

/// Refuses what is empty, and what could not be typed.
pub(super) fn check(fields: &[(&'static str, &str)]) -> Result<(), Flaw> {
    fields.iter().try_for_each(
        |(name, text)| {
            if text.is_empty() { Err(Flaw::Empty(name)) } else { check_printable(name, text) }
        },
    )
}

/// Refuses what could not be typed between quotes.
pub(super) fn check_printable(name: &'static str, text: &str) -> Result<(), Flaw> {
    if is_printable(text) { Ok(()) } else { Err(Flaw::NotPrintable(name)) }
}

pub(super) fn is_printable(text: &str) -> bool {
    !text.contains(|letter: char| letter == '"' || letter.is_control())
}

fn key_from_base64(name: &'static str, Secret(text): Secret<&str>) -> Result<Vec<u8>, Flaw> {
    if text.is_empty() {
        return Err(Flaw::Empty(name));
    }
    from_base64(text).ok_or(Flaw::NotBase64(name))
}

/// Everything but the unreserved characters of RFC 3986 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).collect()
}
