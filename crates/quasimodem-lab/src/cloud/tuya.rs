//! Tuya: who comes in, how a user takes a device and removes it, and how it is activated.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Cloud;
use super::devices::{Active, Bond, State};
use super::gate::{Refusal, SIGNATURE, Shown, UNKNOWN, form, let_in};
use super::http::{Request, Response};
use super::places::REGIONS;
use super::seal::{self, Key};
use super::signature::{Hash, base64, from_hex, hex, percent_decoded};
use crate::broker::{Admission, Announcement, Code};

/// How long a user waits for a device to be activated. Seconds.
const PATIENCE: i64 = 10 * 60;

/// A device that nobody has taken is there to hear that somebody does, and for nothing else.
pub(super) fn login(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    if shown.client_id != shown.user_name {
        return Err(form("client id and user name are not the same"));
    }
    if !shown.secure {
        return Err((Code::NotAuthorized, "this cloud wants TLS"));
    }
    if let Some(uuid) = shown.client_id.strip_prefix("acon_") {
        let device = &state.device_by_uuid(uuid).ok_or(UNKNOWN)?.device;
        check(shown.password, &device.secret)?;
        let_in(device.allowed)?;
        return Ok(Admission { only: Some(bind_topic(uuid).into()), announcement: None });
    }
    let (entry, active) = state.active(shown.client_id).ok_or(UNKNOWN)?;
    check(shown.password, &active.secret_key)?;
    let_in(entry.device.allowed)
}

fn check(password: &str, key: &str) -> Result<(), Refusal> {
    let digest = hex(&Hash::Md5.digest(key.as_bytes()));
    if digest.get(8..24) == Some(password) { Ok(()) } else { Err(SIGNATURE) }
}

/// What a device hears after it began to listen: that a user takes it, or removes it.
pub(super) fn subscribed(state: &mut State, client: &str, filter: &str, time: i64) -> Option<Announcement> {
    if let Some(uuid) = client.strip_prefix("acon_") {
        let after = state.timing.scan.filter(|_| filter == bind_topic(uuid))?;
        let token = format!("{}{}", REGIONS.first()?.name, state.letters(6));
        return scanned(state, uuid, &token, time).map(|announcement| Announcement { after, ..announcement });
    }
    let after = state.timing.unbind.filter(|_| filter == device_topic(client))?;
    removed(state, client, time).map(|announcement| Announcement { after, ..announcement })
}

/// A user takes a device: what the device is told. He waits from when it may have heard of it.
pub(super) fn scanned(state: &mut State, uuid: &str, token: &str, time: i64) -> Option<Announcement> {
    let wait = state.timing.scan.unwrap_or_default().as_secs().cast_signed();
    let region = REGIONS.iter().find(|region| token.starts_with(region.name))?;
    let entry = state.device_by_uuid(uuid)?;
    let data = json!({"token": token, "region": region.name, "env": "pro"});
    let payload = json!({"protocol": 46, "t": time, "data": data}).to_string();
    let frame = frame(&seal::key(&entry.device.secret)?, 1, payload.as_bytes());
    entry.bond = Bond::Offered { token: token.into(), until: time.saturating_add(PATIENCE).saturating_add(wait) };
    Some(Announcement { after: Duration::ZERO, topic: bind_topic(uuid).into(), payload: frame.into() })
}

/// A user removes a device: what the device is told. It is gone once it has been told.
pub(super) fn removed(state: &mut State, id: &str, time: i64) -> Option<Announcement> {
    let (_, active) = state.active(id)?;
    let payload = json!({"protocol": 11, "t": time, "data": {"gwId": id}}).to_string();
    let frame = frame(&seal::key(&active.local_key)?, 1, payload.as_bytes());
    Some(Announcement { after: Duration::ZERO, topic: device_topic(id).into(), payload: frame.into() })
}

/// A device that was removed is nobody's, and can't log in any more.
pub(super) fn announced(state: &mut State, client: &str, topic: &str) {
    if topic == device_topic(client)
        && let Some((entry, _)) = state.active(client)
    {
        entry.bond = Bond::Nobody;
    }
}

fn bind_topic(uuid: &str) -> String {
    format!("d/ai/{uuid}")
}

fn device_topic(id: &str) -> String {
    format!("smart/device/in/{id}")
}

impl State {
    fn device_by_uuid(&mut self, uuid: &str) -> Option<&mut super::devices::Entry> {
        self.joined(Cloud::Tuya, uuid)
    }
}

/// A message of protocol 2.2: version, checksum, sequence, source, sealed data.
fn frame(key: &Key, sequence: u32, data: &[u8]) -> Vec<u8> {
    let checked = [&sequence.to_be_bytes()[..], &1_u32.to_be_bytes(), &seal::seal_ecb(key, data)].concat();
    [&b"2.2"[..], &crc32(&checked).to_be_bytes(), &checked].concat()
}

/// ISO 3309, with the polynomial reflected.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Answers a request at one of Tuya's endpoints.
pub(super) fn answer(state: &mut State, request: &Request<'_>, time: i64) -> Response {
    match (request.method, request.path) {
        ("POST", "/v1/url_config") => url_config(state, request),
        ("POST", "/d.json") => device(state, request, time),
        (_, "/v1/url_config" | "/d.json") => Response::status(405, "only POST"),
        _ => Response::status(404, "no such path"),
    }
}

/// Which hosts a device of this region is to talk to, and which root it is to trust.
fn url_config(state: &State, request: &Request<'_>) -> Response {
    let Ok(asked) = serde_json::from_slice::<Value>(request.body) else {
        return Response::status(400, "the body is not JSON");
    };
    let region = asked.get("region").and_then(Value::as_str).unwrap_or("AY");
    let Some(region) = REGIONS.iter().find(|known| known.name == region) else {
        return Response::status(400, "no such region");
    };
    let roots = if state.root.is_empty() { Vec::new() } else { vec![base64(&state.root)] };
    let mut answer = Map::from_iter([("ttl".into(), json!(600)), ("caArr".into(), json!(roots))]);
    for entry in asked.get("config").and_then(Value::as_array).into_iter().flatten() {
        let Some(key) = entry.get("key").and_then(Value::as_str) else { continue };
        let address = match key {
            "httpsSelfUrl" => format!("https://{}/d.json", region.endpoint),
            "mqttsSelfUrl" => format!("{}:8883", region.broker),
            _ => continue,
        };
        answer.insert(key.into(), json!({"addr": address}));
    }
    Response::json(&answer.into(), "told hosts")
}

/// The devices' interface: who asks is a UUID before the activation, a device id after it.
fn device(state: &mut State, request: &Request<'_>, time: i64) -> Response {
    let Some(said) = query(request.query) else {
        return refused("ILLEGAL_PARAM", "the query can't be read", time, None);
    };
    let get = |name: &str| said.get(name).map_or("", String::as_str);
    let (entry_key, active) = match (get("uuid"), get("devId")) {
        (uuid, "") => match state.device_by_uuid(uuid) {
            Some(entry) => (entry.device.secret.clone(), None),
            None => return refused("ILLEGAL_CLIENT_ID", "no such device", time, None),
        },
        (_, id) => match state.active(id) {
            Some((_, active)) => (active.secret_key.clone(), Some(active)),
            None => return refused("ILLEGAL_CLIENT_ID", "no such device", time, None),
        },
    };
    let Some(key) = seal::key(&entry_key) else {
        return refused("ILLEGAL_CLIENT_ID", "the key is too short", time, None);
    };
    let mut signed: String =
        said.iter().filter(|(name, _)| **name != "sign").map(|(name, value)| format!("{name}={value}||")).collect();
    signed += &entry_key;
    if get("sign") != hex(&Hash::Md5.digest(signed.as_bytes())) {
        return refused("SIGN_INVALID", "the signature is wrong", time, None);
    }
    if get("et") != "1" {
        return refused("ILLEGAL_PARAM", "this stand-in knows et=1 only", time, None);
    }
    if !get("t").parse::<i64>().is_ok_and(|said| said.abs_diff(time) <= PATIENCE.unsigned_abs()) {
        return refused("TIME_INVALID", "the time is not now", time, Some(&key));
    }
    let data = request.body.strip_prefix(b"data=").and_then(|digits| str::from_utf8(digits).ok()).and_then(from_hex);
    let plain = data.and_then(|sealed| seal::open_ecb(&key, &sealed));
    let Some(asked) = plain.and_then(|plain| serde_json::from_slice::<Value>(&plain).ok()) else {
        return refused("ILLEGAL_PARAM", "the data can't be opened", time, None);
    };
    match (get("a"), active) {
        ("tuya.device.active", None) => activate(state, get("uuid"), &asked, time, &key),
        ("tuya.device.reset", Some(active)) => {
            if let Some((entry, _)) = state.active(&active.id) {
                entry.bond = Bond::Nobody;
            }
            sealed(&json!({"result": {}, "t": time, "success": true}), &key, time, "reset a device")
        }
        _ => refused("API_NOT_EXIST", "no such interface", time, Some(&key)),
    }
}

/// Makes the device the user's who sent the token: once, and while he waits.
fn activate(state: &mut State, uuid: &str, asked: &Value, time: i64, key: &Key) -> Response {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let active = Active {
        id: format!("6c{}", state.letters(20)).into(),
        secret_key: state.letters(16).into(),
        local_key: state.letters(16).into(),
    };
    let Some(entry) = state.device_by_uuid(uuid) else {
        return refused("ILLEGAL_CLIENT_ID", "no such device", time, None);
    };
    if *entry.device.product != *text("productKey") {
        return refused("PRODUCT_NOT_MATCH", "the device is of another product", time, Some(key));
    }
    match &entry.bond {
        Bond::Offered { token, until } if **token == *text("token") && time <= *until => {}
        _ => return refused("TOKEN_EXPIRE", "nobody waits with this token", time, Some(key)),
    }
    let Active { id, secret_key, local_key } = &active;
    let result =
        json!({"devId": id, "secKey": secret_key, "localKey": local_key, "schemaId": "000001", "schema": "[]"});
    entry.bond = Bond::Active(active);
    sealed(&json!({"result": result, "t": time, "success": true}), key, time, "activated a device")
}

/// The pairs of a query, by name; none may come twice.
fn query(query: &str) -> Option<BTreeMap<&str, String>> {
    let mut pairs = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if pairs.insert(name, percent_decoded(value)?).is_some() {
            return None;
        }
    }
    Some(pairs)
}

fn refused(code: &str, why: &'static str, time: i64, key: Option<&Key>) -> Response {
    let answer = json!({"success": false, "errorCode": code, "errorMsg": why, "t": time});
    match key {
        Some(key) => sealed(&answer, key, time, why),
        None => Response::json(&answer, why),
    }
}

fn sealed(answer: &Value, key: &Key, time: i64, note: &'static str) -> Response {
    let result = base64(&seal::seal_ecb(key, answer.to_string().as_bytes()));
    Response::json(&json!({"result": result, "t": time, "sign": "lab"}), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
