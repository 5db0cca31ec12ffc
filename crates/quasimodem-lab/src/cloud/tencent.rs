//! Tencent: how a device registers itself over HTTP, by the interface of today and by the one before it.

use serde_json::{Value, json};

use super::Cloud;
use super::devices::State;
use super::http::{Request, Response};
use super::seal::{self, Key};
use super::signature::{Hash, base64, hex};

/// How far a request's time may be from the cloud's (document 1105/41917). Seconds.
const TOLERANCE: u64 = 5 * 60;

const IV: Key = [b'0'; 16];

/// Answers a request at the gateway.
pub(super) fn answer(state: &mut State, request: &Request<'_>, time: i64) -> Response {
    match (request.method, request.path) {
        ("POST", "/device/register") => {
            let mut id = hex(&state.bytes::<16>());
            for dash in [20, 16, 12, 8] {
                id.insert(dash, '-');
            }
            let (answer, note) = match signed(state, request, time) {
                Ok(payload) => (json!({"Len": payload.1, "Payload": payload.0, "RequestId": id}), DONE),
                Err((code, words)) => (json!({"Error": {"Code": code, "Message": words}, "RequestId": id}), words),
            };
            Response::json(&json!({"Response": answer}), note)
        }
        ("POST", "/register/dev") => match old(state, request, time) {
            Ok((payload, len)) => {
                Response::json(&json!({"code": 0, "message": "", "len": len, "payload": payload}), DONE)
            }
            Err((code, words)) => Response::json(&json!({"code": code.number(), "message": words}), words),
        },
        (_, "/device/register" | "/register/dev") => Response::status(405, "only POST"),
        _ => Response::status(404, "no such path"),
    }
}

const DONE: &str = "registered a device";

/// Why a request is refused.
type Refusal<C> = (C, &'static str);

/// The signature stands in headers.
fn signed(state: &mut State, request: &Request<'_>, time: i64) -> Result<(String, usize), Refusal<&'static str>> {
    const FAILURE: &str = "AuthFailure.SignatureFailure";
    const EXPIRED: &str = "AuthFailure.SignatureExpire";
    const MISSING: &str = "MissingParameter";
    let header = |name, words| request.header(name).ok_or((MISSING, words));
    let algorithm = header("X-TC-Algorithm", "there is no X-TC-Algorithm")?;
    let timestamp = header("X-TC-Timestamp", "there is no X-TC-Timestamp")?;
    let nonce = header("X-TC-Nonce", "there is no X-TC-Nonce")?;
    let signature = header("X-TC-Signature", "there is no X-TC-Signature")?;
    let host = request.header("Host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let hash = Hash::named(&algorithm.to_ascii_lowercase(), "hmac").filter(|hash| *hash != Hash::Md5);
    let hash = hash.ok_or((FAILURE, "the algorithm is neither hmacsha256 nor hmacsha1"))?;
    let body: Value = serde_json::from_slice(request.body).map_err(|_| ("InvalidParameter", "the body is not JSON"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let product = text("ProductId").ok_or((MISSING, "there is no ProductId"))?;
    let device = text("DeviceName").ok_or((MISSING, "there is no DeviceName"))?;
    let secret = state.product(Cloud::Tencent, product).ok_or(("NoSuchProduct", "no such product"))?.secret.clone();
    let digest = hex(&Hash::Sha256.digest(request.body));
    let (path, query) = (request.path, request.query);
    let signed = format!("POST\n{host}\n{path}\n{query}\n{algorithm}\n{timestamp}\n{nonce}\n{digest}");
    if signature != base64(&hash.hmac(secret.as_bytes(), signed.as_bytes())) {
        return Err((FAILURE, "the signature is wrong"));
    }
    if !is_now(timestamp.parse().ok(), time) {
        return Err((EXPIRED, "the time is not now"));
    }
    if !state.is_fresh(format!("tencent\n{product}\n{device}\n{timestamp}\n{nonce}")) {
        return Err((FAILURE, "the nonce was used before"));
    }
    registered(state, product, device, &secret).ok_or(("ResourceNotFound.DeviceNotExist", "no such device"))
}

/// Why the old interface refuses.
#[derive(Clone, Copy)]
enum Old {
    Malformed = 1001,
    NoSuchProduct = 1002,
    Signature = 1003,
    Expired = 1004,
    NoSuchDevice = 1005,
}

impl Old {
    fn number(self) -> u16 {
        self as u16
    }
}

/// The signature stands in the body; what is encoded are its digits.
fn old(state: &mut State, request: &Request<'_>, time: i64) -> Result<(String, usize), Refusal<Old>> {
    let body: Value = serde_json::from_slice(request.body).map_err(|_| (Old::Malformed, "the body is not JSON"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |name: &str| body.get(name).and_then(Value::as_i64);
    let (Some(product), Some(device), Some(signature)) = (text("productId"), text("deviceName"), text("signature"))
    else {
        return Err((Old::Malformed, "a field is missing"));
    };
    let (Some(nonce), Some(timestamp)) = (number("nonce"), number("timestamp")) else {
        return Err((Old::Malformed, "nonce or timestamp is missing"));
    };
    let secret = state.product(Cloud::Tencent, product).ok_or((Old::NoSuchProduct, "no such product"))?.secret.clone();
    let signed = format!("deviceName={device}&nonce={nonce}&productId={product}&timestamp={timestamp}");
    if signature != base64(hex(&Hash::Sha1.hmac(secret.as_bytes(), signed.as_bytes())).as_bytes()) {
        return Err((Old::Signature, "the signature is wrong"));
    }
    if !is_now(Some(timestamp), time) {
        return Err((Old::Expired, "the time is not now"));
    }
    if !state.is_fresh(format!("tencent\n{product}\n{device}\n{timestamp}\n{nonce}")) {
        return Err((Old::Signature, "the nonce was used before"));
    }
    registered(state, product, device, &secret).ok_or((Old::NoSuchDevice, "no such device"))
}

fn is_now(said: Option<i64>, time: i64) -> bool {
    said.is_some_and(|said| said.abs_diff(time) <= TOLERANCE)
}

/// What the device is told, sealed, and how long it is in plain.
fn registered(state: &mut State, product: &str, device: &str, secret: &str) -> Option<(String, usize)> {
    let certificates = state.product(Cloud::Tencent, product)?.certificates;
    let (certificate, private) = (base64(&state.bytes::<300>()), base64(&state.bytes::<160>()));
    let entry = state.registering(Cloud::Tencent, product, device, false)?;
    if !entry.device.allowed {
        return None;
    }
    let plain = if certificates {
        // Of the right form; there is no authority behind it.
        let pem = |label, text| format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        let (certificate, private) = (pem("CERTIFICATE", certificate), pem("RSA PRIVATE KEY", private));
        json!({"encryptionType": 1, "clientCert": certificate, "clientKey": private})
    } else {
        json!({"encryptionType": 2, "psk": entry.device.secret})
    };
    let plain = plain.to_string();
    Some((base64(&seal::seal_cbc(&seal::key(secret)?, &IV, plain.as_bytes())), plain.len()))
}
