//! Tuya: frames of its protocol 2.2, and how a device that a user took is activated.
//!
//! Source: `tuya-iot-link-sdk-embedded-c`.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde_json::Value;

use super::answer::{self, BadAnswer};
use super::credentials::{Flaw, check, percent_encoded};
use super::hash::{Hash, from_base64, hex, upper_hex};
use super::registration::HttpRequest;
use super::seal::{self, Key};
use crate::secret::Secret;

/// The key of frames and of the activation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameKey(Secret<Key>);

impl FrameKey {
    /// The first 16 bytes of `<authkey>` before the activation, of `localKey` after it.
    pub fn new(name: &'static str, Secret(text): Secret<&str>) -> Result<FrameKey, Flaw> {
        check(&[(name, text)])?;
        seal::key_of(text).map(|key| FrameKey(Secret(key))).ok_or(Flaw::TooShort(name, seal::BLOCK))
    }
}

/// A payload of MQTT messages from and to Tuya: `2.2`, checksum, sequence and source in 4 bytes each, sealed data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Counts the frames of a sender.
    pub sequence: u32,
    /// Where it comes from. The SDK writes 1 in the byte order of its machine, so these are just bytes.
    pub source: [u8; 4],
    /// JSON, which may hold secrets.
    pub data: Secret<Vec<u8>>,
}

impl Frame {
    const VERSION: &[u8; 3] = b"2.2";

    /// Its bytes.
    pub fn encode(&self, FrameKey(Secret(key)): &FrameKey) -> Vec<u8> {
        let mut checked = Vec::from(self.sequence.to_be_bytes());
        checked.extend(self.source);
        checked.extend(seal::seal_ecb(key, &self.data.0));
        let mut bytes = Vec::from(*Frame::VERSION);
        bytes.extend(crc32(&checked).to_be_bytes());
        bytes.extend(checked);
        bytes
    }

    /// Reads a frame, which must be all of the bytes.
    pub fn decode(bytes: &[u8], FrameKey(Secret(key)): &FrameKey) -> Result<Frame, BadAnswer> {
        if bytes.len() > answer::ANSWER_MAX {
            return Err(BadAnswer::TooLong);
        }
        let rest = bytes.strip_prefix(Frame::VERSION).ok_or(BadAnswer::NotAFrame)?;
        let (checksum, checked) = rest.split_first_chunk().ok_or(BadAnswer::NotAFrame)?;
        let (sequence, rest) = checked.split_first_chunk().ok_or(BadAnswer::NotAFrame)?;
        let (source, sealed) = rest.split_first_chunk().ok_or(BadAnswer::NotAFrame)?;
        if u32::from_be_bytes(*checksum) != crc32(checked) {
            return Err(BadAnswer::Checksum);
        }
        let data = Secret(seal::open_ecb(key, sealed).ok_or(BadAnswer::Sealed("data"))?);
        Ok(Frame { sequence: u32::from_be_bytes(*sequence), source: *source, data })
    }
}

/// CRC-32 of ISO 3309, as in zip files.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Where a device that is not activated hears that a user takes it.
pub fn bind_topic(uuid: &str) -> String {
    format!("d/ai/{uuid}")
}

/// Where an activated device listens, and where it publishes.
pub fn device_topics(device_id: &str) -> (String, String) {
    (format!("smart/device/in/{device_id}"), format!("smart/device/out/{device_id}"))
}

/// What the cloud tells a device that a user takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindToken {
    /// To be shown at the activation.
    pub token: Secret<String>,
    /// The part of the world, `AY`, `AZ`, `EU` …
    pub region: String,
    /// `pro` or `pre`.
    pub environment: String,
}

/// Reads the data of a frame: the token that a user sent (protocol 46), or `None` if the frame is about something else.
pub fn bind_token(data: &[u8]) -> Result<Option<BindToken>, BadAnswer> {
    const BIND: u64 = 46;
    let message = answer::parse(data)?;
    if message.get("protocol").and_then(Value::as_u64).ok_or(BadAnswer::Missing("protocol"))? != BIND {
        return Ok(None);
    }
    let data = message.get("data").ok_or(BadAnswer::Missing("data"))?;
    Ok(Some(BindToken {
        token: Secret(answer::text(data, "token")?),
        region: answer::text(data, "region")?,
        environment: answer::text(data, "env")?,
    }))
}

/// Whether the data of a frame tell that the device belongs to nobody any more (protocol 11).
pub fn is_reset(data: &[u8]) -> bool {
    const RESET: u64 = 11;
    let message = answer::parse(data).ok();
    message.is_some_and(|message| message.get("protocol").and_then(Value::as_u64) == Some(RESET))
}

/// The request that makes a device a user's, and the answer to it.
#[derive(Clone, Copy, Debug)]
pub struct Activation<'a> {
    /// [`BindToken::token`].
    pub token: Secret<&'a str>,
    /// The product's key.
    pub product_key: &'a str,
    /// The device's UUID.
    pub uuid: &'a str,
    /// Its key, of 16 bytes at least.
    pub auth_key: Secret<&'a str>,
    /// Seconds since 1970.
    pub timestamp: i64,
}

/// What Tuya gave a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activated {
    /// `devId`, for [`TuyaDevice`](super::TuyaDevice).
    pub device_id: String,
    /// `secKey`, for the same.
    pub secret_key: Secret<String>,
    /// `localKey`, for [`FrameKey`].
    pub local_key: Secret<String>,
}

impl Activation<'_> {
    /// What to ask this host, which the token's region decides.
    pub fn request(&self, host: &str) -> Result<HttpRequest, Flaw> {
        let Activation { token: Secret(token), product_key, uuid, auth_key: Secret(auth_key), timestamp } = *self;
        let key = self.key()?;
        check(&[("token", token), ("productkey", product_key), ("uuid", uuid)])?;
        let signed = format!("a=tuya.device.active||et=1||t={timestamp}||uuid={uuid}||v=4.4||{auth_key}");
        let sign = hex(&Hash::Md5.digest(signed.as_bytes()));
        let uuid = percent_encoded(uuid);
        let plain = format!(
            "{{\"token\":{},\"softVer\":\"1.0.0\",\"productKey\":{},\"protocolVer\":\"2.2\",\"baselineVer\":\"40.07\",\
             \"options\": \"{{\\\"isFK\\\":false}}\",\"devAttribute\":2048,\"cadVer\":\"1.0.3\",\"cdVer\":\"1.0.0\",\
             \"t\":{timestamp}}}",
            answer::quoted(token),
            answer::quoted(product_key)
        );
        Ok(HttpRequest {
            tls: true,
            host: host.into(),
            port: 443,
            target: format!("/d.json?a=tuya.device.active&et=1&t={timestamp}&uuid={uuid}&v=4.4&sign={sign}"),
            headers: vec![
                ("User-Agent", "TUYA_IOT_SDK".into()),
                ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8".into()),
            ],
            body: format!("data={}", upper_hex(&seal::seal_ecb(&key, plain.as_bytes()))),
        })
    }

    /// Reads the body of the answer.
    pub fn answer(&self, body: &[u8]) -> Result<Activated, BadAnswer> {
        let sealed = || BadAnswer::Sealed("result");
        let key = self.key().map_err(|_| sealed())?;
        let answer = answer::parse(body)?;
        let Some(result) = answer.get("result").and_then(Value::as_str) else {
            return Err(failure(&answer).unwrap_or(BadAnswer::Missing("result")));
        };
        let bytes = from_base64(result).ok_or_else(sealed)?;
        let plain = seal::open_ecb(&key, &bytes).ok_or_else(sealed)?;
        let plain = answer::parse(&plain).map_err(|_| sealed())?;
        if let Some(failure) = failure(&plain) {
            return Err(failure);
        }
        let device = plain.get("result").ok_or(BadAnswer::Missing("result"))?;
        Ok(Activated {
            device_id: answer::text(device, "devId")?,
            secret_key: Secret(answer::text(device, "secKey")?),
            local_key: Secret(answer::text(device, "localKey")?),
        })
    }

    fn key(&self) -> Result<Key, Flaw> {
        FrameKey::new("authkey", self.auth_key).map(|FrameKey(Secret(key))| key)
    }
}

/// What the cloud says if it says that it failed.
fn failure(answer: &Value) -> Option<BadAnswer> {
    let failed = answer.get("success").and_then(Value::as_bool) == Some(false);
    failed.then(|| answer::refused(answer.get("errorCode"), answer.get("errorMsg")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
