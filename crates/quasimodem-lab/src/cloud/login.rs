//! Logins that need nothing but a formula (manual 1.18), checked by what they announce.

use time::{Date, Month, UtcDateTime};

use super::Cloud;
use super::devices::State;
use super::gate::{Refusal, SIGNATURE, Shown, UNKNOWN, form, let_in, wrong};
use super::signature::{Hash, base64, from_base64, hex, percent_decoded};
use crate::broker::{Admission, Code};

/// The user name says what the password signs, and until when; the password says with which hash.
pub(super) fn tencent(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal = (Code::Identifier, "the user name is not {client id};{sdkappid};{connid};{expiry}");
    let mut parts = shown.user_name.split(';');
    let mut part = || parts.next().ok_or(FORM);
    let (client, app, connection, expiry) = (part()?, part()?, part()?, part()?);
    let expiry: u64 = expiry.parse().map_err(|_| FORM)?;
    let connected = !connection.is_empty() && connection.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if parts.next().is_some() || app.parse::<u32>().is_err() || !connected {
        return Err(FORM);
    }
    if client != shown.client_id {
        return Err(form("the user name does not begin with the client id"));
    }
    let (signature, hash) = shown.password.split_once(';').ok_or(form("the password names no hash"))?;
    let hash = Hash::named(hash, "hmac").filter(|hash| *hash != Hash::Md5);
    let hash = hash.ok_or(form("the hash is neither hmacsha1 nor hmacsha256"))?;
    let device = &state.joined(Cloud::Tencent, client).ok_or(UNKNOWN)?.device;
    let key = from_base64(&device.secret).filter(|key| !key.is_empty()).ok_or(UNKNOWN)?;
    if signature != hex(&hash.hmac(&key, shown.user_name.as_bytes())) {
        return Err(SIGNATURE);
    }
    if expiry < u64::try_from(shown.time).unwrap_or_default() {
        return Err(wrong("the signature has expired"));
    }
    let_in(device.allowed)
}

/// The client id says whether its hour is checked. The hour is the key and the secret the message.
pub(super) fn huawei(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal = (Code::Identifier, "the client id is not {device id}_0_{0 or 1}_{YYYYMMDDHH}");
    let mut parts = shown.client_id.rsplitn(4, '_');
    let mut part = || parts.next().ok_or(FORM);
    let (hour, checked, kind, id) = (part()?, part()?, part()?, part()?);
    if kind != "0" || !matches!(checked, "0" | "1") {
        return Err(FORM);
    }
    if hour.len() != 10 || !hour.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORM);
    }
    if id != shown.user_name {
        return Err(form("the client id does not begin with the user name"));
    }
    let device = &state.device(Cloud::Huawei, "", id).ok_or(UNKNOWN)?.device;
    if shown.password != hex(&Hash::Sha256.hmac(hour.as_bytes(), device.secret.as_bytes())) {
        return Err(SIGNATURE);
    }
    // This hour, the one before, and the next. Where it is not checked it need not even be one.
    let is_now = |begins: i64| (shown.time.div_euclid(3600) - begins.div_euclid(3600)).abs() <= 1;
    if checked == "1" && !hour_begins(hour).is_some_and(is_now) {
        return Err(wrong("the hour of the client id is not now"));
    }
    let_in(device.allowed)
}

/// Seconds from the beginning of 1970 to an hour written `YYYYMMDDHH`.
fn hour_begins(text: &str) -> Option<i64> {
    let number = |from, to| text.get(from..to)?.parse::<u8>().ok();
    let month = Month::try_from(number(4, 6)?).ok()?;
    let date = Date::from_calendar_date(text.get(..4)?.parse().ok()?, month, number(6, 8)?).ok()?;
    let time = date.with_hms(number(8, 10)?, 0, 0).ok()?;
    Some(UtcDateTime::new(time.date(), time.time()).unix_timestamp())
}

/// The password is a query that says what it is for, until when, and how it was signed.
pub(super) fn onenet(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal = (Code::Identifier, "the password is not version, res, et, method and sign");
    const VERSION: &str = "2018-10-31";
    let (mut version, mut resource, mut expiry, mut method, mut sign) = (None, None, None, None, None);
    for pair in shown.password.split('&') {
        let (name, value) = pair.split_once('=').ok_or(FORM)?;
        let value = percent_decoded(value).ok_or(form("the password is not percent-encoded"))?;
        let place = match name {
            "version" => &mut version,
            "res" => &mut resource,
            "et" => &mut expiry,
            "method" => &mut method,
            "sign" => &mut sign,
            _ => return Err(FORM),
        };
        if place.replace(value).is_some() {
            return Err(FORM);
        }
    }
    let (Some(version), Some(resource), Some(expiry), Some(method), Some(sign)) =
        (version, resource, expiry, method, sign)
    else {
        return Err(FORM);
    };
    let hash = Hash::named(&method, "").ok_or(form("the method is none of md5, sha1 and sha256"))?;
    if version != VERSION {
        return Err(form("the version is not 2018-10-31"));
    }
    let (product, name) = (shown.user_name, shown.client_id);
    let product_key = state.product(Cloud::OneNet, product).map(|product| product.secret.clone());
    let device = &state.device(Cloud::OneNet, product, name).ok_or(UNKNOWN)?.device;
    let key = if resource == format!("products/{product}/devices/{name}") {
        Some(device.secret.clone())
    } else if resource == format!("products/{product}") {
        product_key
    } else {
        return Err(wrong("the password is for something else"));
    };
    let key = key.and_then(|key| from_base64(&key)).filter(|key| !key.is_empty()).ok_or(UNKNOWN)?;
    let signed = format!("{expiry}\n{method}\n{resource}\n{version}");
    if sign != base64(&hash.hmac(&key, signed.as_bytes())) {
        return Err(SIGNATURE);
    }
    if expiry.parse::<i64>().map_err(|_| FORM)? < shown.time {
        return Err(wrong("the password has expired"));
    }
    let_in(device.allowed)
}

/// The user name says what is hashed, and how. A time of 0 is none.
pub(super) fn baidu(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal = (Code::Identifier, "the user name is not thingidp@{iotcoreid}|{devicekey}|{time}|{hash}");
    const TOLERANCE: u64 = 10 * 60;
    let rest = shown.user_name.strip_prefix("thingidp@").ok_or(FORM)?;
    let parts: Vec<&str> = rest.split('|').collect();
    let (core, key, time, name) = match *parts {
        [core, key, time, name] => (core, key, time, name),
        [core, key, name] => (core, key, "0", name),
        _ => return Err(FORM),
    };
    let hash = match name {
        "MD5" => Hash::Md5,
        "SHA256" => Hash::Sha256,
        _ => return Err(form("the hash is neither MD5 nor SHA256")),
    };
    let announced: i64 = time.parse().map_err(|_| FORM)?;
    let device = &state.device(Cloud::Baidu, core, key).ok_or(UNKNOWN)?.device;
    let secret = &device.secret;
    if shown.password != hex(&hash.digest(format!("{key}&{time}&{name}{secret}").as_bytes())) {
        return Err(SIGNATURE);
    }
    if announced != 0 && announced.abs_diff(shown.time) > TOLERANCE {
        return Err(wrong("the time is not now"));
    }
    let_in(device.allowed)
}

/// Whoever got through the handshake has shown its certificate.
pub(super) fn amazon(shown: &Shown<'_>) -> Result<Admission, Refusal> {
    if shown.client_id.is_empty() {
        return Err(form("the client id is empty"));
    }
    let_in(shown.secure)
}

/// Nothing is computed.
pub(super) fn aep(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    let device = &state.joined(Cloud::Aep, shown.client_id).ok_or(UNKNOWN)?.device;
    if *device.secret != *shown.password {
        return Err(wrong("the token is wrong"));
    }
    if !device.account.is_empty() && *device.account != *shown.user_name {
        return Err(wrong("the user name is wrong"));
    }
    let_in(device.allowed)
}
