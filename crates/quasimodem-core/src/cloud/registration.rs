//! How devices register themselves (manual 1.17): what is to be sent, and what the answer says.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::Value;

use super::answer::{self, BadAnswer};
use super::credentials::{Credentials, Flaw, check};
use super::hash::{Hash, base64, from_base64, hex, upper_hex};
use super::seal::{self, Key};
use crate::secret::Secret;

/// Alibaba (`1`): a connection over TLS, on which the cloud publishes the device's secret to [`ALIBABA_TOPIC`] without
/// being asked.
///
/// Source: `dynreg-mqtt` of Alibaba's C Link SDK.
#[derive(Clone, Copy, Debug)]
pub struct AlibabaRegistration<'a> {
    /// `ProductKey`.
    pub product_key: &'a str,
    /// `ProductSecret`.
    pub product_secret: Secret<&'a str>,
    /// `DeviceName`.
    pub device_name: &'a str,
    /// A random number.
    pub random: u32,
    /// The instance of the cloud, see [`alibaba_instance`].
    pub instance: Option<&'a str>,
    /// Whether the cloud knows the device by name. One that it does not know gets a token in place of a secret, on another
    /// topic; neither [`answer`](Self::answer) nor `+MQTTAUTHDYN` has a place for that.
    pub listed: bool,
}

/// Where Alibaba publishes the device's secret.
pub const ALIBABA_TOPIC: &str = "/ext/register";

/// What Alibaba gave a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlibabaRegistered {
    /// `DeviceSecret`.
    pub device_secret: Secret<String>,
}

impl AlibabaRegistration<'_> {
    /// What to connect with.
    pub fn credentials(&self) -> Result<Credentials, Flaw> {
        let AlibabaRegistration { product_key, product_secret: Secret(secret), device_name, random, instance, listed } =
            *self;
        check(&[("productkey", product_key), ("productsecret", secret), ("devicename", device_name)])?;
        let kind = if listed { "register" } else { "regnwl" };
        let instance = instance.map(|instance| format!(",instanceId={instance}")).unwrap_or_default();
        let signed = format!("deviceName{device_name}productKey{product_key}random{random}");
        Ok(Credentials {
            username: format!("{device_name}&{product_key}"),
            password: Secret(upper_hex(&Hash::Sha256.hmac(secret.as_bytes(), signed.as_bytes()))),
            client_id: format!(
                "{device_name}.{product_key}|random={random},authType={kind},securemode=2,signmethod=hmacsha256\
                 {instance}|"
            ),
        })
    }

    /// Reads what the cloud published.
    pub fn answer(&self, payload: &[u8]) -> Result<AlibabaRegistered, BadAnswer> {
        let answer = answer::parse(payload)?;
        for (field, own) in [("productKey", self.product_key), ("deviceName", self.device_name)] {
            if answer::text(&answer, field)? != own {
                return Err(BadAnswer::OtherDevice(field));
            }
        }
        Ok(AlibabaRegistered { device_secret: Secret(answer::text(&answer, "deviceSecret")?) })
    }
}

/// The instance that a host name of Alibaba names: `X` of `X.mqtt.iothub.aliyuncs.com`.
pub fn alibaba_instance(host: &str) -> Option<&str> {
    let instance = host.strip_suffix(".mqtt.iothub.aliyuncs.com")?;
    (!instance.is_empty() && !instance.contains('.')).then_some(instance)
}

/// A request to be made over HTTP (RFC 9112); what its transport adds is not in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpRequest {
    /// Whether it goes over TLS.
    pub tls: bool,
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path, and query if there is one.
    pub target: String,
    /// Names and values of headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a POST.
    pub body: String,
}

/// Tencent (`2`): a POST to a URL that also tells which of two interfaces it is.
///
/// Source: `iot-device-python`, `qcloud-iot-sdk-embedded-c`, Tencent Cloud documents 1105/41820 and 1081/47612.
#[derive(Clone, Copy, Debug)]
pub struct TencentRegistration<'a> {
    /// `http://` or `https://`, host, perhaps a port, and a path.
    pub url: &'a str,
    /// `ProductId`.
    pub product_id: &'a str,
    /// `ProductSecret`, of 16 bytes at least.
    pub product_secret: Secret<&'a str>,
    /// `DeviceName`.
    pub device_name: &'a str,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// A random number.
    pub nonce: u32,
}

/// Which interface of Tencent a URL leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TencentApi {
    /// The signature stands in headers.
    Signed,
    /// `/register/dev`: the signature stands in the body.
    Old,
}

/// What Tencent gave a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TencentRegistered {
    /// `<encryptiontype>` 1: a certificate and its key, for which `+MQTTAUTHDYN` has no place.
    Certificate,
    /// `<encryptiontype>` 2: the device's key, base64.
    Key(Secret<String>),
}

impl TencentRegistration<'_> {
    /// As Tencent's SDKs have it.
    const IV: Key = [b'0'; seal::BLOCK];

    /// What to ask.
    pub fn request(&self) -> Result<HttpRequest, Flaw> {
        self.key()?;
        check(&[("productkey", self.product_id), ("devicename", self.device_name)])?;
        let Url { tls, host, port, path } = Url::parse(self.url).ok_or(Flaw::NotAUrl)?;
        let (headers, body) = match self.api() {
            TencentApi::Signed => self.signed(host, path),
            TencentApi::Old => self.old(),
        };
        Ok(HttpRequest { tls, host: host.into(), port, target: path.into(), headers, body })
    }

    /// The interface that the URL leads to.
    pub fn api(&self) -> TencentApi {
        if self.url.ends_with("/register/dev") { TencentApi::Old } else { TencentApi::Signed }
    }

    fn signed(&self, host: &str, path: &str) -> (Vec<(&'static str, String)>, String) {
        let TencentRegistration { product_id, product_secret: Secret(secret), device_name, timestamp, nonce, .. } =
            *self;
        let (id, name) = (answer::quoted(product_id), answer::quoted(device_name));
        let body = format!("{{\"ProductId\":{id},\"DeviceName\":{name}}}");
        let hash = hex(&Hash::Sha256.digest(body.as_bytes()));
        let signed = format!("POST\n{host}\n{path}\n\nhmacsha256\n{timestamp}\n{nonce}\n{hash}");
        let signature = base64(&Hash::Sha256.hmac(secret.as_bytes(), signed.as_bytes()));
        let headers = vec![
            ("Content-Type", "application/json; charset=utf-8".into()),
            ("X-TC-Algorithm", "hmacsha256".into()),
            ("X-TC-Timestamp", format!("{timestamp}")),
            ("X-TC-Nonce", format!("{nonce}")),
            ("X-TC-Signature", signature),
        ];
        (headers, body)
    }

    fn old(&self) -> (Vec<(&'static str, String)>, String) {
        let TencentRegistration { product_id, product_secret: Secret(secret), device_name, timestamp, nonce, .. } =
            *self;
        let signed = format!("deviceName={device_name}&nonce={nonce}&productId={product_id}&timestamp={timestamp}");
        // The digits in base64, not what they stand for.
        let signature = base64(hex(&Hash::Sha1.hmac(secret.as_bytes(), signed.as_bytes())).as_bytes());
        let (id, name) = (answer::quoted(product_id), answer::quoted(device_name));
        let body = format!(
            "{{\"deviceName\":{name},\"nonce\":{nonce},\"productId\":{id},\"timestamp\":{timestamp},\
             \"signature\":\"{signature}\"}}"
        );
        let headers = vec![
            ("Accept", "text/xml,application/json;*/*".into()),
            ("Content-Type", "application/x-www-form-urlencoded".into()),
        ];
        (headers, body)
    }

    /// Reads the body of the answer.
    pub fn answer(&self, body: &[u8]) -> Result<TencentRegistered, BadAnswer> {
        let answer = answer::parse(body)?;
        let payload = match self.api() {
            TencentApi::Signed => {
                let response = answer.get("Response").ok_or(BadAnswer::Missing("Response"))?;
                if let Some(error) = response.get("Error") {
                    return Err(answer::refused(error.get("Code"), error.get("Message")));
                }
                response.get("Payload").and_then(Value::as_str).ok_or(BadAnswer::Missing("Payload"))?
            }
            TencentApi::Old => {
                let code = answer.get("code");
                if code.and_then(Value::as_i64) != Some(0) {
                    return Err(answer::refused(code, answer.get("message")));
                }
                answer.get("payload").and_then(Value::as_str).ok_or(BadAnswer::Missing("payload"))?
            }
        };
        self.open(payload)
    }

    fn open(&self, payload: &str) -> Result<TencentRegistered, BadAnswer> {
        let sealed = || BadAnswer::Sealed("payload");
        let key = self.key().map_err(|_| sealed())?;
        let bytes = from_base64(payload).ok_or_else(sealed)?;
        let plain = seal::open_cbc(&key, &Self::IV, &bytes).ok_or_else(sealed)?;
        // With another key there is anything but JSON.
        let plain = answer::parse(&plain).map_err(|_| sealed())?;
        match plain.get("encryptionType").and_then(Value::as_u64) {
            Some(1) => Ok(TencentRegistered::Certificate),
            Some(2) => Ok(TencentRegistered::Key(Secret(answer::text(&plain, "psk")?))),
            _ => Err(BadAnswer::Missing("encryptionType")),
        }
    }

    fn key(&self) -> Result<Key, Flaw> {
        let Secret(secret) = self.product_secret;
        check(&[("productsecret", secret)])?;
        seal::key_of(secret).ok_or(Flaw::TooShort("productsecret", seal::BLOCK))
    }
}

/// Where China Unicom DMP (`3`) publishes what it gives a device, by whether the cloud knows the device. What to
/// connect with is in [`Unicom`](super::Unicom); the form of what is published is not known.
pub fn unicom_topic(product_key: &str, device_key: &str, registered: bool) -> String {
    let kind = if registered { "regist" } else { "autoregist" };
    format!("$sys/{product_key}/{device_key}/ext/{kind}")
}

/// The parts of a URL that a request needs.
struct Url<'a> {
    tls: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl Url<'_> {
    fn parse(url: &str) -> Option<Url<'_>> {
        // A space or a line end in it could make another request of it.
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['?', '#', '@', '"', '\\']) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let tls = scheme.eq_ignore_ascii_case("https");
        if !tls && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let end = if authority.starts_with('[') {
            authority.find(']')? + 1
        } else {
            authority.find(':').unwrap_or(authority.len())
        };
        let (host, port) = authority.split_at(end);
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if port.is_empty() => {
                if tls {
                    443
                } else {
                    80
                }
            }
            None => return None,
        };
        let path = if path.is_empty() { "/" } else { path };
        (!host.is_empty()).then_some(Url { tls, host, port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parts = |url| Url::parse(url).map(|url| (url.tls, url.host, url.port, url.path));
        assert_eq!(parts("http://a.example/b/c"), Some((false, "a.example", 80, "/b/c")));
        assert_eq!(parts("HTTPS://a.example"), Some((true, "a.example", 443, "/")));
        assert_eq!(parts("http://127.0.0.1:8080/x"), Some((false, "127.0.0.1", 8080, "/x")));
        assert_eq!(parts("http://[::1]:1/x"), Some((false, "[::1]", 1, "/x")));
        for wrong in [
            "",
            "http:",
            "http://",
            "ftp://a/b",
            "http:///b",
            "http://a:0/",
            "http://a:65536/",
            "http://a:b/",
            "http://[::1/",
            "http://[::1]x/",
            "http://a/b?c",
            "http://a/b#c",
            "http://u@a/",
            "http://a/b c",
            "http://a/\r\nX: y",
            "http://ä/",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn instances_of_alibaba() {
        assert_eq!(alibaba_instance("iot-x1.mqtt.iothub.aliyuncs.com"), Some("iot-x1"));
        for other in
            ["iot-as-mqtt.cn-shanghai.aliyuncs.com", ".mqtt.iothub.aliyuncs.com", "a.b.mqtt.iothub.aliyuncs.com"]
        {
            assert_eq!(alibaba_instance(other), None);
        }
    }
}
