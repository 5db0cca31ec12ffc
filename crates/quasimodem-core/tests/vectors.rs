//! What the clouds' own SDKs print, against what is computed here. `vectors/` says where each comes from.

use std::fs;
use std::path::Path;

use quasimodem_core::Secret;
use quasimodem_core::cloud::tuya::{self, Activation, FrameKey};
use quasimodem_core::cloud::{
    Aep, Alibaba, AlibabaRegistration, Baidu, Credentials, Flaw, Hash, Huawei, OneNet, Resource, Tencent, TencentApi,
    TencentRegistered, TencentRegistration, TuyaBind, TuyaDevice, Unicom, UnicomAuth,
};
use serde_json::Value;

/// One case of a file.
struct Case(Value);

impl Case {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.0))
    }

    fn secret(&self, name: &str) -> Secret<&str> {
        Secret(self.text(name))
    }

    fn number(&self, name: &str) -> i64 {
        self.0[name].as_i64().unwrap_or_else(|| panic!("{name} in {}", self.0))
    }

    /// What the SDK printed must be what was computed.
    fn expects(&self, found: &Result<Credentials, Flaw>) {
        let found = found.as_ref().unwrap_or_else(|flaw| panic!("{flaw}: {}", self.0));
        assert_eq!(found.username, self.text("username"), "{}", self.0);
        assert_eq!(found.password.0, self.text("password"), "{}", self.0);
        assert_eq!(found.client_id, self.text("clientid"), "{}", self.0);
    }
}

fn cases(cloud: &str, list: &str, count: usize) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(cloud).with_extension("json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = file[list].as_array().unwrap().iter().cloned().map(Case).collect();
    // A file that lost its cases must not pass.
    assert_eq!(cases.len(), count, "{cloud} {list}");
    cases
}

/// The pairs between the bars of a client id.
fn pairs(client_id: &str) -> (&str, Vec<(&str, &str)>) {
    let (id, rest) = client_id.split_once('|').unwrap();
    let pairs = rest.strip_suffix('|').unwrap().split(',').filter_map(|pair| pair.split_once('='));
    (id, pairs.collect())
}

#[test]
fn alibaba() {
    for case in cases("alibaba", "logins", 17) {
        let (id, theirs) = pairs(case.text("clientid"));
        let value = |key| theirs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value).unwrap();
        let alibaba = Alibaba {
            product_key: case.text("productkey"),
            device_name: case.text("devicename"),
            device_secret: case.secret("devicesecret"),
            tls: case.number("tls") == 1,
            hash: Hash::by_name(value("signmethod").strip_prefix("hmac").unwrap(), Hash::ALL).unwrap(),
            id: Some(id),
            timestamp: Some(value("timestamp").parse().unwrap()),
            // The SDKs of other languages print small letters.
            capitals: case.text("password").contains(char::is_uppercase),
        };
        let ours = alibaba.credentials().unwrap();
        assert_eq!(ours.username, case.text("username"), "{}", case.0);
        assert_eq!(ours.password.0, case.text("password"), "{}", case.0);
        // All that decides how the cloud checks; the rest of theirs names their software.
        let (our_id, our_pairs) = pairs(&ours.client_id);
        assert_eq!(our_id, id);
        assert!(our_pairs.iter().all(|pair| theirs.contains(pair)), "{our_pairs:?} in {theirs:?}");
        if case.text("sdk").starts_with("c_") {
            assert_eq!(Alibaba { id: None, ..alibaba }.credentials(), Ok(ours), "our own choices are those of C SDKs");
        }
    }
}

#[test]
fn alibaba_registration() {
    for case in cases("alibaba", "registrations", 5) {
        let registration = AlibabaRegistration {
            product_key: case.text("productkey"),
            product_secret: case.secret("productsecret"),
            device_name: case.text("devicename"),
            random: case.number("random").try_into().unwrap(),
            instance: None,
            listed: case.number("no_whitelist") == 0,
        };
        let ours = registration.credentials().unwrap();
        assert_eq!(ours.username, case.text("username"));
        assert_eq!(ours.password.0, case.text("password"));
        assert_eq!(ours.client_id, case.text("clientid"));
        let instance = AlibabaRegistration { instance: Some("iot-1"), ..registration }.credentials().unwrap();
        assert_eq!(instance.client_id, ours.client_id.replace("sha256|", "sha256,instanceId=iot-1|"));
        assert_eq!(instance.password, ours.password);
    }
}

#[test]
fn tencent() {
    for case in cases("tencent", "logins", 16) {
        let words: Vec<&str> = case.text("username").split(';').collect();
        let method = case.text("password").split_once(";hmac").unwrap().1;
        let tencent = Tencent {
            product_id: case.text("productkey"),
            device_name: case.text("devicename"),
            device_secret: case.secret("devicesecret"),
            app_id: words[1].parse().unwrap(),
            connection: case.text("connid"),
            expiry: words[3].parse().unwrap(),
            hash: Hash::by_name(method, Tencent::HASHES).unwrap(),
        };
        if case.text("devicesecret").is_empty() {
            // The SDKs sign with nothing; here that is a mistake.
            assert_eq!(tencent.credentials(), Err(Flaw::Empty("devicesecret")));
        } else {
            case.expects(&tencent.credentials());
        }
        if case.text("sdk") == "c_sdk_3.2.3_32bit_long" {
            let own = Tencent { app_id: Tencent::APP_ID, expiry: Tencent::NEVER, hash: Tencent::HASH, ..tencent };
            assert_eq!(own.credentials(), tencent.credentials(), "our own choices are those of the C SDK");
        }
    }
}

fn tencent_registration(case: &Case) -> TencentRegistration<'_> {
    TencentRegistration {
        url: case.text("url"),
        product_id: case.text("productkey"),
        product_secret: case.secret("productsecret"),
        device_name: case.text("devicename"),
        timestamp: case.number("timestamp"),
        nonce: case.number("nonce").try_into().unwrap(),
    }
}

#[test]
fn tencent_registration_requests() {
    for case in cases("tencent", "registrations", 10) {
        let registration = tencent_registration(&case);
        let request = registration.request().unwrap();
        assert_eq!(request.body, case.text("body"));
        let scheme = if request.tls { "https" } else { "http" };
        let port = if [80, 443].contains(&request.port) { String::new() } else { format!(":{}", request.port) };
        assert_eq!(format!("{scheme}://{}{port}{}", request.host, request.target), case.text("url"));
        let ours = request.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let mut ours: Vec<(String, String)> = ours.collect();
        ours.sort();
        let theirs = case.0["headers"].as_object().unwrap().iter();
        let mut theirs: Vec<(String, String)> =
            theirs.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap().into())).collect();
        theirs.sort();
        assert_eq!(ours, theirs);
        assert_eq!(registration.api() == TencentApi::Old, case.text("api") == "old");
    }
}

#[test]
fn tencent_registration_answers() {
    for case in cases("tencent", "registrations", 10) {
        let registration = tencent_registration(&case);
        let payload = case.text("payload");
        let body = match registration.api() {
            TencentApi::Signed => {
                format!("{{\"Response\":{{\"Len\":53,\"Payload\":\"{payload}\",\"RequestId\":\"x\"}}}}")
            }
            TencentApi::Old => format!("{{\"code\":0,\"message\":\"\",\"len\":53,\"payload\":\"{payload}\"}}"),
        };
        let psk = TencentRegistered::Key(Secret(case.text("psk").into()));
        assert_eq!(registration.answer(body.as_bytes()), Ok(psk));
    }
    for case in cases("tencent", "answers", 1) {
        let registration = TencentRegistration {
            url: "http://a.example/device/register",
            product_id: "p",
            product_secret: case.secret("productsecret"),
            device_name: "d",
            timestamp: 0,
            nonce: 0,
        };
        let body = format!("{{\"Response\":{{\"Payload\":\"{}\"}}}}", case.text("payload"));
        let psk = TencentRegistered::Key(Secret(case.text("psk").into()));
        assert_eq!(registration.answer(body.as_bytes()), Ok(psk));
    }
}

/// Seconds since 1970 of `YYYYMMDDHH`.
fn seconds(hour: &str) -> i64 {
    let part = |from: usize, to: usize| hour[from..to].parse::<u8>().unwrap();
    let month = time::Month::try_from(part(4, 6)).unwrap();
    let date = time::Date::from_calendar_date(hour[..4].parse().unwrap(), month, part(6, 8)).unwrap();
    date.with_hms(part(8, 10), 59, 59).unwrap().assume_utc().unix_timestamp()
}

#[test]
fn huawei() {
    let mut counted_up = 0;
    for case in cases("huawei", "logins", 16) {
        let (rest, hour) = case.text("clientid").rsplit_once('_').unwrap();
        counted_up += usize::from(hour != case.text("utc_hour"));
        let huawei = Huawei {
            device_id: case.text("deviceid"),
            device_secret: case.secret("devicesecret"),
            checks_time: rest.ends_with("_1"),
            time: seconds(hour),
        };
        case.expects(&huawei.credentials());
    }
    assert_eq!(counted_up, 2, "only the C SDK counts hours up, where the hash holds a zero byte");
}

#[test]
fn tuya() {
    for case in cases("tuya", "logins", 12) {
        let (key, secret) = if case.0["activated"] == true { ("localkey", "localkey") } else { ("authkey", "authkey") };
        let (credentials, topics) = if case.0["activated"] == true {
            let device = TuyaDevice { device_id: case.text("devid"), secret_key: case.secret("seckey") };
            (device.credentials(), tuya::device_topics(device.device_id))
        } else {
            let bind = TuyaBind { uuid: case.text("uuid"), auth_key: case.secret("authkey") };
            (bind.credentials(), (tuya::bind_topic(bind.uuid), String::new()))
        };
        case.expects(&credentials);
        if case.text("sdk") == "c" {
            assert_eq!(topics.0, case.text("topic_in"));
            assert_eq!(topics.1, case.0["topic_out"].as_str().unwrap_or_default());
            // The SDK takes any local key; here it must be a whole key.
            let theirs = FrameKey::new(key, case.secret("payload_key"));
            assert_eq!(FrameKey::new(key, case.secret(secret)), theirs);
        }
    }
}

fn activation(case: &Case) -> Activation<'_> {
    Activation {
        token: case.secret("token"),
        product_key: case.text("productkey"),
        uuid: case.text("uuid"),
        auth_key: case.secret("authkey"),
        timestamp: case.number("timestamp"),
    }
}

#[test]
fn tuya_activation() {
    for case in cases("tuya", "activations", 5) {
        let activation = activation(&case);
        let request = activation.request("a2.tuyacn.com").unwrap();
        assert!(request.tls);
        let line = format!("POST https://{}:{}{}", request.host, request.port, request.target);
        assert_eq!(line, case.text("request"));
        let headers: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(Value::from(headers), case.0["headers"]);
        assert_eq!(request.body, case.text("body"));
        let device = activation.answer(case.text("answer").as_bytes()).unwrap();
        let result = &case.0["result"];
        assert_eq!(device.device_id, result["devId"]);
        assert_eq!(device.secret_key.0, result["secKey"]);
        assert_eq!(device.local_key.0, result["localKey"]);
    }
}

#[test]
fn onenet() {
    for case in cases("onenet", "logins", 18) {
        let onenet = OneNet {
            product_id: case.text("productid"),
            device_name: case.text("devicename"),
            access_key: case.secret("accesskey"),
            resource: Resource::by_name(case.text("resource")).unwrap(),
            hash: Hash::by_name(case.text("method"), Hash::ALL).unwrap(),
            expiry: case.number("et").try_into().unwrap(),
        };
        case.expects(&onenet.credentials());
    }
}

#[test]
fn baidu() {
    for case in cases("baidu", "logins", 10) {
        let baidu = Baidu {
            core_id: case.text("iotcoreid"),
            device_key: case.text("devicekey"),
            device_secret: case.secret("devicesecret"),
            hash: Hash::by_name(&case.text("algorithm").to_ascii_lowercase(), Baidu::HASHES).unwrap(),
            time: Some(0),
            client_id: None,
        };
        let found = baidu.credentials().unwrap();
        let omitted = Baidu { time: None, client_id: Some("any"), ..baidu }.credentials().unwrap();
        assert_eq!(omitted.username, case.text("username").replace("|0|", "|"));
        assert_eq!((&omitted.password, &*omitted.client_id), (&found.password, "any"));
        assert_eq!((&*found.username, &*found.password.0), (case.text("username"), case.text("password")));
        assert_eq!(found.client_id, case.text("devicekey"));
    }
}

#[test]
fn aep() {
    for case in cases("aep", "logins", 2) {
        let aep = Aep {
            product_id: case.text("productid"),
            device_number: case.text("devicenumber"),
            token: case.secret("token"),
            username: case.text("aepusername"),
        };
        case.expects(&aep.credentials());
    }
}

#[test]
fn unicom() {
    for case in cases("unicom", "logins", 7) {
        let secret = case.secret("secret");
        let unicom = Unicom {
            device_id: case.text("deviceid"),
            device_key: case.text("devicekey"),
            product_key: case.text("productkey"),
            auth: match case.number("authtype") {
                0 => UnicomAuth::Device(secret),
                1 => UnicomAuth::Registered(secret),
                2 => UnicomAuth::Unregistered(secret),
                _ => UnicomAuth::Token(secret),
            },
            operator: case.number("operator").try_into().unwrap(),
        };
        case.expects(&unicom.credentials());
        // Both ways of registering sign alike.
        if let UnicomAuth::Unregistered(secret) = unicom.auth {
            let registered = Unicom { auth: UnicomAuth::Registered(secret), ..unicom }.credentials().unwrap();
            assert_eq!(registered.password.0, case.text("password"));
            assert_eq!(registered.client_id, case.text("clientid").replace("|0|2|", "|0|1|"));
        }
    }
}
