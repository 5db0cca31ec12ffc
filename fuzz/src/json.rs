//! What clouds answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quasimodem_core::Secret;
use quasimodem_core::cloud::tuya::{Activation, Frame, FrameKey};
use quasimodem_core::cloud::{
    AlibabaRegistration, BadAnswer, TencentRegistered, TencentRegistration, TuyaEndpoints, UnicomRegistered,
};

/// A secret of 16 bytes; it is also the key of Tuya's answers.
const SECRET: Secret<&str> = Secret("0123456789abcdef");

/// The first byte says whose answer the rest is. What is taken from it can be printed as a line.
pub fn json(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    match kind % 7 {
        0 => {
            let registration = AlibabaRegistration {
                product_key: "pk",
                product_secret: SECRET,
                device_name: "dn",
                random: 1,
                instance: None,
                listed: true,
            };
            check(registration.answer(body), |device| vec![device.device_secret.0]);
        }
        kind @ (1 | 2) => {
            let url = if kind == 1 { "http://a.example/device/register" } else { "http://a.example/register/dev" };
            let registration = TencentRegistration {
                url,
                product_id: "p",
                product_secret: SECRET,
                device_name: "d",
                timestamp: 0,
                nonce: 0,
            };
            check(registration.answer(body), |device| match device {
                TencentRegistered::Certificate => vec![],
                TencentRegistered::Key(key) => vec![key.0],
            });
        }
        5 => check(UnicomRegistered::answer(body), |device| vec![device.device_secret.0, device.token.0]),
        6 => check(TuyaEndpoints::answer(body), |found| vec![found.http.0, found.mqtt.0]),
        kind => {
            let activation =
                Activation { token: Secret("t"), product_key: "pk", uuid: "u", auth_key: SECRET, timestamp: 0 };
            // Sealed, or as it is.
            let answer = if kind == 3 { activation.answer(body) } else { activation.answer(sealed(body).as_bytes()) };
            check(answer, |device| vec![device.device_id, device.secret_key.0, device.local_key.0]);
        }
    }
}

fn check<T>(answer: Result<T, BadAnswer>, texts: impl FnOnce(T) -> Vec<String>) {
    let texts = match answer {
        Ok(device) => texts(device),
        Err(bad) => vec![bad.to_string()],
    };
    for text in texts {
        assert!(!text.contains(|letter: char| letter.is_control() || letter == '"'), "{text:?} is no part of a line");
        assert!(text.len() < 2000, "{} bytes", text.len());
    }
}

/// An answer of Tuya's: frames and answers are sealed alike.
fn sealed(plain: &[u8]) -> String {
    let key = FrameKey::new("authkey", SECRET).expect("it has 16 bytes");
    let frame = Frame { sequence: 0, source: [0; 4], data: Secret(plain.to_vec()) }.encode(&key);
    format!("{{\"result\":\"{}\"}}", STANDARD.encode(&frame[15..]))
}
