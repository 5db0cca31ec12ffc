//! `+MQTTAUTHCFG`: the logins of the official SDKs come in, and everything near them does not.

use quasimodem_core::Secret;
use quasimodem_core::cloud::{Baidu, Hash, Huawei, OneNet, Resource, Tencent};
use quasimodem_lab::cloud::{Cloud, Device};

use crate::rig::{Login, NOW, answer, device, login, product, text, vectors};

/// Checks that a login comes in, and nothing that differs in one character of any of its parts, and no other device's.
fn comes_in_alone(device: &Device, time: i64, tls: bool, login: Login<'_>) {
    let product = (device.cloud == Cloud::OneNet).then(|| product(Cloud::OneNet, &device.product, &device.secret));
    let answer = |device: &Device, login: Login<'_>| answer(device, product.as_ref(), time, tls, login);
    assert_eq!(answer(device, login), "connack 0", "{login:?}");
    let other = if device.secret.ends_with("AAA=") { "BBBB" } else { "AAA=" };
    let stranger = Device { secret: format!("AAAAAAAAAAAAAAAA{other}").into(), ..device.clone() };
    let by_product = login.2.contains("res=products%2F") && !login.2.contains("%2Fdevices%2F");
    if !by_product {
        assert_eq!(answer(&stranger, login), "connack 4", "another secret: {login:?}");
    }
    assert_eq!(answer(&Device { allowed: false, ..device.clone() }, login), "connack 5", "{login:?}");
    let (client, user, password) = login;
    for wrong in changed(password) {
        assert_ne!(answer(device, (client, user, &wrong)), "connack 0", "password {wrong}");
    }
    assert_ne!(answer(device, (client, user, "")), "connack 0");
    // An account that is not known can't be wrong.
    if user.is_empty() {
        return;
    }
    for wrong in changed(user) {
        assert_ne!(answer(device, (client, &wrong, password)), "connack 0", "user {wrong}");
    }
    assert_ne!(answer(device, (client, "", password)), "connack 0");
}

/// The text with another character in some places, with one more, and with one less.
fn changed(text: &str) -> Vec<String> {
    let places = [0, text.len() / 3, text.len() / 2, text.len() - 1];
    let mut all: Vec<String> = vec![format!("{text}0"), format!("0{text}"), text[..text.len() - 1].into()];
    for place in places {
        let mut bytes = text.as_bytes().to_vec();
        // A letter of the other case would be the same digit.
        bytes[place] = if bytes[place] == b'!' { b'?' } else { b'!' };
        all.push(String::from_utf8(bytes).unwrap());
    }
    all
}

#[test]
fn alibaba_as_its_sdks_log_in() {
    for case in vectors("alibaba", "logins", 17) {
        let device =
            device(Cloud::Alibaba, text(&case, "productkey"), text(&case, "devicename"), text(&case, "devicesecret"));
        comes_in_alone(&device, NOW, case["tls"] == 1, login(&case));
        // What is signed is what the client id begins with, and the time that it holds.
        let (client, user, password) = login(&case);
        for wrong in [format!("x{client}"), client.replace("timestamp=", "timestamp=1")] {
            assert_eq!(answer(&device, None, NOW, false, (&wrong, user, password)), "connack 4", "{wrong}");
        }
        // Digits in either case are sent by SDKs.
        let password = [password.to_ascii_uppercase(), password.to_ascii_lowercase()];
        for password in &password {
            assert_eq!(answer(&device, None, NOW, false, (client, user, password)), "connack 0");
        }
    }
}

#[test]
fn alibaba_announces_tls_truly() {
    let case = &vectors("alibaba", "logins", 17)[0];
    let device = device(Cloud::Alibaba, text(case, "productkey"), text(case, "devicename"), text(case, "devicesecret"));
    let (client, user, password) = login(case);
    let client = client.replace("securemode=3", "securemode=2");
    assert_eq!(answer(&device, None, NOW, true, (&client, user, password)), "connack 0");
    assert_eq!(answer(&device, None, NOW, false, (&client, user, password)), "connack 4");
}

#[test]
fn alibaba_of_another_form_gets_2() {
    let device = device(Cloud::Alibaba, "pk", "dn", "s");
    for (client, user) in [
        ("id", "dn&pk"),
        ("id|securemode=3,signmethod=hmacsha1", "dn&pk"),
        ("id|securemode=3,signmethod|", "dn&pk"),
        ("id|securemode=3,securemode=3,signmethod=hmacsha1|", "dn&pk"),
        ("id|signmethod=hmacsha1|", "dn&pk"),
        ("id|securemode=4,signmethod=hmacsha1|", "dn&pk"),
        ("id|securemode=3|", "dn&pk"),
        ("id|securemode=3,signmethod=hmacsm3|", "dn&pk"),
        ("id|securemode=3,signmethod=hmacsha1,authType=other|", "dn&pk"),
        ("id|securemode=3,signmethod=hmacsha1|", "dn"),
    ] {
        assert_eq!(answer(&device, None, NOW, true, (client, user, "x")), "connack 2", "{client} {user}");
    }
    assert_eq!(answer(&device, None, NOW, false, ("id|securemode=3,signmethod=hmacsha1|", "no&pk", "x")), "connack 4");
}

#[test]
fn tencent_as_its_sdks_log_in() {
    for case in vectors("tencent", "logins", 16) {
        // Devices without a key can't be registered here.
        if text(&case, "devicesecret").is_empty() {
            continue;
        }
        let device =
            device(Cloud::Tencent, text(&case, "productkey"), text(&case, "devicename"), text(&case, "devicesecret"));
        comes_in_alone(&device, NOW, false, login(&case));
    }
}

#[test]
fn tencent_signatures_expire() {
    let mut device = device(Cloud::Tencent, "P", "d", "bGFi");
    let of = |expiry| {
        let tencent = Tencent {
            product_id: "P",
            device_name: "d",
            device_secret: Secret("bGFi"),
            app_id: Tencent::APP_ID,
            connection: "abcde",
            expiry,
            hash: Hash::Sha256,
        };
        tencent.credentials().unwrap()
    };
    for (expiry, due) in [(NOW, "connack 0"), (NOW - 1, "connack 4")] {
        let login = of(expiry.cast_unsigned());
        let login = (&*login.client_id, &*login.username, &*login.password.0);
        assert_eq!(answer(&device, None, NOW, false, login), due);
        assert_eq!(answer(&device, None, NOW, false, ("Px", login.1, login.2)), "connack 2", "another client id");
    }
    for user in ["Pd;1;abcde", "Pd;1;abcde;x", "Pd;x;abcde;1", "Pd;1;;1", "Pd;1;a-b;1", "Pd;1;abcde;1;1"] {
        assert_eq!(answer(&device, None, NOW, false, ("Pd", user, "00;hmacsha1")), "connack 2", "{user}");
    }
    for password in ["", "00", "00;sha1", "00;hmacmd5"] {
        assert_eq!(answer(&device, None, NOW, false, ("Pd", "Pd;1;a;9", password)), "connack 2", "{password}");
    }
    // Registered without a key: there is nothing to log in with.
    device.secret = "".into();
    let login = of(NOW.cast_unsigned());
    assert_eq!(answer(&device, None, NOW, false, (&login.client_id, &login.username, &login.password.0)), "connack 4");
}

#[test]
fn huawei_as_its_sdks_log_in() {
    for case in vectors("huawei", "logins", 16) {
        let device = device(Cloud::Huawei, "", text(&case, "deviceid"), text(&case, "devicesecret"));
        // What is checked is checked by the hour in the client id.
        let checked = text(&case, "clientid").contains("_0_1_");
        let hour = &text(&case, "clientid")[text(&case, "clientid").len() - 10..];
        match (checked, hour) {
            (false, _) => comes_in_alone(&device, NOW, false, login(&case)),
            (true, "2023111422") => comes_in_alone(&device, NOW, false, login(&case)),
            (true, "1970010100") => comes_in_alone(&device, 0, false, login(&case)),
            (true, _) => assert_eq!(answer(&device, None, 4_000_000_000, false, login(&case)), "connack 4"),
        }
    }
}

#[test]
fn huawei_checks_the_hour_if_it_is_asked_to() {
    let device = device(Cloud::Huawei, "", "d_0_1_x", "s");
    let of = |checks_time| {
        let huawei = Huawei { device_id: "d_0_1_x", device_secret: Secret("s"), checks_time, time: NOW };
        huawei.credentials().unwrap()
    };
    let hour = NOW - NOW % 3600;
    for (time, due) in [
        (hour - 3601, "connack 4"),
        (hour - 3600, "connack 0"),
        (NOW, "connack 0"),
        (hour + 7199, "connack 0"),
        (hour + 7200, "connack 4"),
    ] {
        let [unchecked, checked] = [of(false), of(true)];
        let login = (&*checked.client_id, &*checked.username, &*checked.password.0);
        assert_eq!(answer(&device, None, time, false, login), due, "{}", time - hour);
        let login = (&*unchecked.client_id, &*unchecked.username, &*unchecked.password.0);
        assert_eq!(answer(&device, None, time, false, login), "connack 0");
    }
    for client in
        ["d_0_0", "d_0_0_20231114", "d_1_0_2023111422", "d_0_2_2023111422", "d_0_0_202311142x", "e_0_0_2023111422"]
    {
        assert_eq!(answer(&device, None, NOW, false, (client, "d", "x")), "connack 2", "{client}");
    }
}

#[test]
fn onenet_as_its_sample_logs_in() {
    for case in vectors("onenet", "logins", 18) {
        let device =
            device(Cloud::OneNet, text(&case, "productid"), text(&case, "devicename"), text(&case, "accesskey"));
        let et = case["et"].as_i64().unwrap_or_else(|| text(&case, "et").parse().unwrap());
        comes_in_alone(&device, et.min(NOW), false, login(&case));
        let key = product(Cloud::OneNet, text(&case, "productid"), text(&case, "accesskey"));
        assert_eq!(answer(&device, Some(&key), et + 1, false, login(&case)), "connack 4", "expired");
    }
}

#[test]
fn onenet_passwords_are_for_one_device() {
    let [mine, his] = ["mine", "his"].map(|name| device(Cloud::OneNet, "p", name, "bGFi"));
    let onenet = OneNet {
        product_id: "p",
        device_name: "mine",
        access_key: Secret("bGFi"),
        resource: Resource::Device,
        hash: Hash::Sha1,
        expiry: OneNet::NEVER,
    };
    let token = onenet.credentials().unwrap().password.0;
    assert_eq!(answer(&mine, None, NOW, false, ("mine", "p", &token)), "connack 0");
    assert_eq!(answer(&his, None, NOW, false, ("his", "p", &token)), "connack 4");
    for wrong in [
        token.replace("version=2018-10-31", "version=2020-05-29"),
        token.replace("method=sha1", "method=sha512"),
        token.replace("method=sha1", "method=sha1&method=sha1"),
        token.replace("&method=sha1", ""),
        token.replace("res=", "rest="),
        format!("{token}&more=1"),
        format!("{token}%"),
    ] {
        assert_eq!(answer(&mine, None, NOW, false, ("mine", "p", &wrong)), "connack 2", "{wrong}");
    }
}

#[test]
fn baidu_as_its_sdk_logs_in() {
    for case in vectors("baidu", "logins", 10) {
        let device =
            device(Cloud::Baidu, text(&case, "iotcoreid"), text(&case, "devicekey"), text(&case, "devicesecret"));
        let (user, password) = (text(&case, "username"), text(&case, "password"));
        let time = user.split('|').nth(2).unwrap().parse().unwrap();
        comes_in_alone(&device, if time == 0 { NOW } else { time }, false, ("any", user, password));
        for (offset, due) in [(600, "connack 0"), (-600, "connack 0"), (601, "connack 4"), (-601, "connack 4")] {
            let due = if time == 0 { "connack 0" } else { due };
            assert_eq!(answer(&device, None, time + offset, false, ("any", user, password)), due, "{user} {offset}");
        }
    }
}

#[test]
fn baidu_without_a_time_hashes_0() {
    let device = device(Cloud::Baidu, "core", "key", "secret");
    let baidu = Baidu {
        core_id: "core",
        device_key: "key",
        device_secret: Secret("secret"),
        hash: Hash::Md5,
        time: None,
        client_id: None,
    };
    let password = baidu.credentials().unwrap().password.0;
    assert_eq!(answer(&device, None, NOW, false, ("", "thingidp@core|key|MD5", &password)), "connack 0");
    for user in ["core|key|0|MD5", "thingidp@core|key", "thingidp@core|key|0|SHA1", "thingidp@core|key|x|MD5"] {
        assert_eq!(answer(&device, None, NOW, false, ("", user, &password)), "connack 2", "{user}");
    }
}

#[test]
fn aep_compares() {
    for case in vectors("aep", "logins", 2) {
        let secret = text(&case, "token");
        let mut device = device(Cloud::Aep, text(&case, "productid"), text(&case, "devicenumber"), secret);
        device.account = text(&case, "aepusername").into();
        comes_in_alone(&device, NOW, false, login(&case));
        // The account is not always known.
        device.account = "".into();
        assert_eq!(answer(&device, None, NOW, false, (login(&case).0, "anybody", secret)), "connack 0");
    }
}

#[test]
fn amazon_wants_tls() {
    let anybody = device(Cloud::Aep, "p", "d", "t");
    let answer = |tls, client| {
        let registry = crate::rig::registry(None, Some(anybody.clone()));
        crate::rig::knock(&mut crate::rig::broker(Cloud::Amazon, &registry, NOW), tls, (client, "", "")).1
    };
    // That the certificate is right was seen to in the handshake.
    assert_eq!(answer(true, "thing"), "connack 0");
    assert_eq!(answer(false, "thing"), "connack 5");
    assert_eq!(answer(true, ""), "connack 2");
}

#[test]
fn unicom_as_its_sdks_log_in() {
    let mut checked = 0;
    for case in vectors("unicom", "logins", 7) {
        if case["authtype"] != 0 {
            continue;
        }
        let device = device(Cloud::Unicom, text(&case, "productkey"), text(&case, "devicekey"), text(&case, "secret"));
        comes_in_alone(&device, NOW, false, login(&case));
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn unicom_of_another_form_gets_2() {
    let device = device(Cloud::Unicom, "pk", "dk", "s");
    for client in
        ["id|pk|0|0", "id|pk|0|0|0|0", "id|pk|0|4|0", "id|pk|0|0|5", "id|pk|2|0|0", "|pk|0|0|0", "a b|pk|0|0|0"]
    {
        assert_eq!(answer(&device, None, NOW, false, (client, "dk|pk", "x")), "connack 2", "{client}");
    }
    assert_eq!(answer(&device, None, NOW, false, ("id|pk|0|0|0", "dk|other", "x")), "connack 2");
    assert_eq!(answer(&device, None, NOW, false, ("id|pk|1|0|0", "dk|pk", "x")), "connack 4");
}

#[test]
fn tuya_as_its_sdks_log_in() {
    let mut checked = 0;
    for case in vectors("tuya", "logins", 12) {
        if case["activated"] == true {
            continue;
        }
        let device = device(Cloud::Tuya, "p", text(&case, "uuid"), text(&case, "authkey"));
        comes_in_alone(&device, NOW, true, login(&case));
        assert_eq!(answer(&device, None, NOW, false, login(&case)), "connack 5", "without TLS");
        let (client, user, password) = login(&case);
        assert_eq!(answer(&device, None, NOW, true, ("acon_", user, password)), "connack 2");
        assert_eq!(
            answer(&device, None, NOW, true, (&client[5..], &user[5..], password)),
            "connack 4",
            "not activated"
        );
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn no_text_is_no_login() {
    let registry = crate::rig::registry(None, Some(device(Cloud::Aep, "p", "d", "t")));
    let mut lab = crate::rig::broker(Cloud::Aep, &registry, NOW);
    let peer = lab.connected();
    // A password of one byte that is not UTF-8.
    lab.sends(peer, b"\x10\x14\0\x04MQTT\x04\xc2\0\0\0\x02pd\0\x01u\0\x01\xff");
    lab.hears(peer, &["connack 2", "closed"]);
}

#[test]
fn nobody_tells_secrets() {
    let device = device(Cloud::Aep, "p", "d", "hidden");
    let product = product(Cloud::Alibaba, "p", "hidden");
    let registry = crate::rig::registry(Some(product.clone()), Some(device.clone()));
    let all = format!("{device:?} {product:?} {registry:?}");
    assert!(!all.contains("hidden"), "{all}");
}
