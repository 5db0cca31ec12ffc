//! Clouds whose devices register themselves over MQTT (manual 1.17), with their logins.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::Cloud;
use super::devices::State;
use super::gate::{Refusal, SIGNATURE, Shown, UNKNOWN, form, let_in, wrong};
use super::signature::{Hash, hex};
use crate::broker::{Admission, Announcement, Code};

/// The client id holds what is to be known of the signature, as key=value pairs in any order.
pub(super) fn alibaba(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal = (Code::Identifier, "the client id is not {id}|{key}={value},...|");
    let (id, pairs) = shown.client_id.split_once('|').ok_or(FORM)?;
    let pairs = pairs.strip_suffix('|').ok_or(FORM)?;
    let mut said = BTreeMap::new();
    for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or(FORM)?;
        if said.insert(key, value).is_some() {
            return Err(form("the client id says something twice"));
        }
    }
    let (name, product) =
        shown.user_name.rsplit_once('&').ok_or(form("the user name is not {devicename}&{productkey}"))?;
    let shown = Alibaba { id, name, product, said, password: shown.password, secure: shown.secure };
    match shown.said.get("authType").copied() {
        None => shown.login(state),
        Some("register") => shown.register(state, true),
        Some("regnwl") => shown.register(state, false),
        Some("connwl") => shown.login_with_token(state),
        Some(_) => Err(form("the client id announces an unknown authType")),
    }
}

struct Alibaba<'a> {
    id: &'a str,
    name: &'a str,
    product: &'a str,
    said: BTreeMap<&'a str, &'a str>,
    password: &'a str,
    secure: bool,
}

impl Alibaba<'_> {
    fn login(&self, state: &mut State) -> Result<Admission, Refusal> {
        match self.said.get("securemode").copied() {
            Some("2") if self.secure => {}
            Some("2") => return Err(wrong("securemode announces TLS, and there is none")),
            Some("3") => {}
            _ => return Err(form("securemode is neither 2 nor 3")),
        }
        let device = &state.device(Cloud::Alibaba, self.product, self.name).ok_or(UNKNOWN)?.device;
        let mut signed =
            BTreeMap::from([("clientId", self.id), ("deviceName", self.name), ("productKey", self.product)]);
        signed.extend(self.said.get_key_value("timestamp"));
        self.check(&device.secret, &signed)?;
        let_in(device.allowed)
    }

    /// Over TLS only. The answer comes unasked.
    fn register(&self, state: &mut State, named: bool) -> Result<Admission, Refusal> {
        if !self.secure || self.said.get("securemode") != Some(&"2") {
            return Err(wrong("devices register over TLS only, with securemode=2"));
        }
        let random = *self.said.get("random").ok_or(form("the client id holds no random"))?;
        let secret = state.product(Cloud::Alibaba, self.product).ok_or(UNKNOWN)?.secret.clone();
        let signed = [("deviceName", self.name), ("productKey", self.product), ("random", random)];
        self.check(&secret, &BTreeMap::from(signed))?;
        if !state.is_fresh(format!("alibaba\n{}\n{}\n{random}", self.product, self.name)) {
            return Err(wrong("the random was used before"));
        }
        let entry = state.registering(Cloud::Alibaba, self.product, self.name, named).ok_or(UNKNOWN)?;
        let_in(entry.device.allowed)?;
        let (product, name) = (self.product, self.name);
        let (topic, payload) = if named {
            let secret = &entry.device.secret;
            ("/ext/register", json!({"deviceSecret": secret, "productKey": product, "deviceName": name}))
        } else {
            let (client, token) = (client_without_list(product, name), &entry.token);
            let named = json!({"clientId": client, "productKey": product, "deviceName": name, "deviceToken": token});
            ("/ext/regnwl", named)
        };
        let announcement = Announcement {
            after: Duration::ZERO,
            topic: topic.into(),
            payload: payload.to_string().into_bytes().into(),
        };
        Ok(Admission { only: Some("/ext/".into()), announcement: Some(announcement) })
    }

    fn login_with_token(&self, state: &mut State) -> Result<Admission, Refusal> {
        let entry = state.device(Cloud::Alibaba, self.product, self.name).ok_or(UNKNOWN)?;
        if entry.token.is_empty() || *entry.token != *self.password {
            return Err(wrong("the token is wrong"));
        }
        if self.id != client_without_list(self.product, self.name) {
            return Err(form("the client id is not the one that was given"));
        }
        let_in(entry.device.allowed)
    }

    /// Keys and values, strung together in the order of the keys. Official SDKs send digits in either case.
    fn check(&self, secret: &str, signed: &BTreeMap<&str, &str>) -> Result<(), Refusal> {
        let method = self.said.get("signmethod").ok_or(form("the client id holds no signmethod"))?;
        let hash = Hash::named(method, "hmac").ok_or(form("signmethod is none of hmacmd5, hmacsha1 and hmacsha256"))?;
        let signed: String = signed.iter().flat_map(|(key, value)| [*key, *value]).collect();
        let due = hex(&hash.hmac(secret.as_bytes(), signed.as_bytes()));
        if !secret.is_empty() && self.password.eq_ignore_ascii_case(&due) { Ok(()) } else { Err(SIGNATURE) }
    }
}

/// What a device is to call itself that has no place on the list of its product.
fn client_without_list(product: &str, name: &str) -> String {
    format!("{product}.{name}")
}

/// The client id says what the password proves.
pub(super) fn unicom(state: &mut State, shown: &Shown<'_>) -> Result<Admission, Refusal> {
    const FORM: Refusal =
        (Code::Identifier, "the client id is not {deviceid}|{productkey}|{signmethod}|{authtype}|{operator}");
    let client = Unicom::parse(shown.client_id).ok_or(FORM)?;
    let (name, product) =
        shown.user_name.split_once('|').ok_or(form("the user name is not {devicekey}|{productkey}"))?;
    if product != client.product {
        return Err(form("client id and user name are of different products"));
    }
    if client.method != "0" {
        return Err(wrong("this stand-in knows no signature but HMAC-SHA256 (0)"));
    }
    let signed = format!("{}{name}{product}", client.id);
    let check = |secret: &str| {
        let due = hex(&Hash::Sha256.hmac(secret.as_bytes(), signed.as_bytes()));
        if !secret.is_empty() && shown.password == due { Ok(()) } else { Err(SIGNATURE) }
    };
    match client.auth {
        Auth::Device => {
            let device = &state.device(Cloud::Unicom, product, name).ok_or(UNKNOWN)?.device;
            check(&device.secret)?;
            let_in(device.allowed)
        }
        Auth::Token => {
            let entry = state.device(Cloud::Unicom, product, name).ok_or(UNKNOWN)?;
            if entry.token.is_empty() || *entry.token != *shown.password {
                return Err(wrong("the token is wrong"));
            }
            let_in(entry.device.allowed)
        }
        Auth::Register | Auth::AutoRegister => {
            let named = client.auth == Auth::Register;
            check(&state.product(Cloud::Unicom, product).ok_or(UNKNOWN)?.secret)?;
            let entry = state.registering(Cloud::Unicom, product, name, named).ok_or(UNKNOWN)?;
            let_in(entry.device.allowed)?;
            Ok(Admission { only: Some(format!("$sys/{product}/{name}/ext/").into()), announcement: None })
        }
    }
}

/// What a device hears when it asks. The form of the message is this stand-in's: no document has it.
pub(super) fn unicom_subscribed(state: &mut State, client: &str, filter: &str) -> Option<Announcement> {
    let client = Unicom::parse(client)?;
    let (name, kind) =
        filter.strip_prefix("$sys/")?.strip_prefix(client.product)?.strip_prefix('/')?.split_once('/')?;
    let product = client.product;
    let entry = state.device(Cloud::Unicom, product, name)?;
    let payload = match (client.auth, kind) {
        (Auth::Register, "ext/regist") => {
            json!({"productKey": product, "deviceKey": name, "deviceSecret": entry.device.secret})
        }
        (Auth::AutoRegister, "ext/autoregist") => {
            json!({"productKey": product, "deviceKey": name, "token": entry.token})
        }
        _ => return None,
    };
    Some(Announcement { after: Duration::ZERO, topic: filter.into(), payload: payload.to_string().into_bytes().into() })
}

struct Unicom<'a> {
    id: &'a str,
    product: &'a str,
    method: &'a str,
    auth: Auth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    Device,
    Register,
    AutoRegister,
    Token,
}

impl Unicom<'_> {
    fn parse(client: &str) -> Option<Unicom<'_>> {
        let mut parts = client.split('|');
        let (id, product, method, auth, operator) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let auth = match auth {
            "0" => Auth::Device,
            "1" => Auth::Register,
            "2" => Auth::AutoRegister,
            "-2" => Auth::Token,
            _ => return None,
        };
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let known = matches!(operator, "0" | "1" | "2" | "3" | "4") && matches!(method, "0" | "1");
        (plain && known && parts.next().is_none()).then_some(Unicom { id, product, method, auth })
    }
}
