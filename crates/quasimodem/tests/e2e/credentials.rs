//! What clouds want to see, from the shell: the same cases as in the core's tests.

use std::fs;
use std::path::Path;

use quasimodem_core::cloud::{Cloud, Tencent};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Outcome, run_to_end};

fn cases(cloud: &str) -> Vec<Value> {
    list(cloud, "logins")
}

fn list(cloud: &str, name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../quasimodem-core/tests/vectors").join(cloud);
    let file: Value = serde_json::from_str(&fs::read_to_string(path.with_extension("json")).unwrap()).unwrap();
    file[name].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} in {case}"))
}

fn number(case: &Value, name: &str) -> String {
    case[name].as_i64().unwrap_or_else(|| panic!("{name} in {case}")).to_string()
}

/// Runs it with the secret on stdin.
fn run(arguments: &[&str], secret: &str) -> Outcome {
    run_to_end(&[&["credentials"], arguments, &["--secret-file", "-"]].concat(), secret)
}

/// It must print what the SDK printed.
fn prints(case: &Value, arguments: &[&str], secret: &str) {
    let outcome = run(&[arguments, &["--json"]].concat(), secret);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{arguments:?}");
    let printed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(printed["username"], case["username"], "{arguments:?}");
    assert_eq!(printed["password"], case["password"], "{arguments:?}");
    // Baidu leaves it open.
    let client_id = case.get("clientid").unwrap_or(&case["devicekey"]);
    assert_eq!(printed["client_id"], *client_id, "{arguments:?}");
}

#[test]
fn vectors_of_tencent() {
    for case in cases("tencent").iter().filter(|case| case["devicesecret"] != "") {
        let (user, password) = (text(case, "username"), text(case, "password"));
        let [_, app_id, connection, expiry] = user.split(';').collect::<Vec<_>>().try_into().unwrap();
        let hash = password.split_once(";hmac").unwrap().1;
        let names = [text(case, "productkey"), text(case, "devicename")];
        let options = ["--app-id", app_id, "--connection", connection, "--expiry", expiry, "--hash", hash];
        prints(case, &[&["tencent"], &names[..], &options].concat(), text(case, "devicesecret"));
        if app_id == Tencent::APP_ID.to_string() && expiry == Tencent::NEVER.to_string() {
            let arguments = [&["tencent"], &names[..], &["--connection", connection]].concat();
            prints(case, &arguments, text(case, "devicesecret"));
        }
    }
}

#[test]
fn vectors_of_huawei() {
    // 2023-11-14, 22 h.
    for case in cases("huawei").iter().filter(|case| text(case, "clientid").ends_with("2023111422")) {
        let mut arguments = vec!["huawei", text(case, "deviceid"), "--time", "1700000000"];
        if text(case, "clientid").contains("_0_1_") {
            arguments.push("--check-time");
        }
        prints(case, &arguments, text(case, "devicesecret"));
    }
}

#[test]
fn vectors_of_tuya() {
    for case in cases("tuya") {
        if case["activated"] == true {
            prints(&case, &["tuya", text(&case, "devid")], text(&case, "seckey"));
        } else {
            prints(&case, &["tuya-bind", text(&case, "uuid")], text(&case, "authkey"));
        }
    }
}

#[test]
fn vectors_of_onenet() {
    for case in cases("onenet") {
        let (et, names) = (number(&case, "et"), [text(&case, "productid"), text(&case, "devicename")]);
        let options = ["--hash", text(&case, "method"), "--resource", text(&case, "resource"), "--expiry", &et];
        prints(&case, &[&["onenet"], &names[..], &options].concat(), text(&case, "accesskey"));
    }
}

#[test]
fn vectors_of_baidu() {
    for case in cases("baidu") {
        let hash = text(&case, "algorithm").to_ascii_lowercase();
        let arguments = ["baidu", text(&case, "iotcoreid"), text(&case, "devicekey"), "--hash", &hash];
        prints(&case, &arguments, text(&case, "devicesecret"));
    }
}

#[test]
fn vectors_of_aep() {
    for case in cases("aep") {
        let arguments = ["aep", text(&case, "productid"), text(&case, "devicenumber"), text(&case, "aepusername")];
        prints(&case, &arguments, text(&case, "token"));
    }
}

#[test]
fn vectors_of_unicom() {
    for case in cases("unicom") {
        let operator = number(&case, "operator");
        let auth = match case["authtype"].as_i64().unwrap() {
            0 => "device",
            2 => "unregistered",
            -2 => "token",
            other => panic!("{other}"),
        };
        let names = [text(&case, "productkey"), text(&case, "devicekey")];
        let options = ["--device-id", text(&case, "deviceid"), "--auth", auth, "--operator", &operator];
        prints(&case, &[&["unicom"], &names[..], &options].concat(), text(&case, "secret"));
    }
}

#[test]
fn alibaba_in_all_forms() {
    let cases = cases("alibaba");
    let case = cases.iter().find(|case| case["sdk"] == "c_linksdk_4.2.0").unwrap();
    let names = ["alibaba", text(case, "productkey"), text(case, "devicename")];
    let (secret, user, password) = (text(case, "devicesecret"), text(case, "username"), text(case, "password"));
    let id = format!("{}.{}", names[1], names[2]);
    let client = |mode: u8| format!("{id}|timestamp=2524608000000,securemode={mode},signmethod=hmacsha256|");
    let plain = run(&names, secret).stdout;
    assert_eq!(plain, format!("username: {user}\npassword: {password}\nclient id: {}\n", client(3)));
    let at = run(&[&names[..], &["--tls", "--at"]].concat(), secret).stdout;
    assert_eq!(at, format!("AT+MQTTUSER=1,\"{user}\",\"{password}\",\"{}\"\n", client(2)));

    let document = cases.iter().find(|case| case["sdk"] == "document").unwrap();
    // Without a number to sign.
    let none = run(&[&names[..], &["--timestamp", "none", "--at"]].concat(), secret).stdout;
    assert!(none.ends_with(&format!("\"{id}|securemode=3,signmethod=hmacsha256|\"\n")), "{none}");
    let options = ["--hash", "sha1", "--id", "12345", "--timestamp", "789"];
    let printed = run(&[&["alibaba", "pk", "device"], &options[..]].concat(), "secret").stdout;
    assert!(printed.contains(text(document, "password")), "{printed}");
    assert!(printed.ends_with("\nclient id: 12345|timestamp=789,securemode=3,signmethod=hmacsha1|\n"), "{printed}");
}

/// The SDKs say more in their client ids, which is not signed.
#[test]
fn vectors_of_alibaba() {
    for case in cases("alibaba") {
        let (id, rest) = text(&case, "clientid").split_once('|').unwrap();
        let value = |key: &str| {
            rest.trim_end_matches('|').split(',').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).unwrap()
        };
        let hash = value("signmethod").strip_prefix("hmac").unwrap();
        let names = [text(&case, "productkey"), text(&case, "devicename")];
        let mut options = vec!["--id", id, "--timestamp", value("timestamp"), "--hash", hash, "--json"];
        options.extend((case["tls"] == 1).then_some("--tls"));
        options.extend(text(&case, "password").contains(char::is_lowercase).then_some("--small"));
        let outcome = run(&[&["alibaba"], &names[..], &options].concat(), text(&case, "devicesecret"));
        let printed: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(printed["username"], case["username"], "{case}");
        assert_eq!(printed["password"], case["password"], "{case}");
    }
}

#[test]
fn vectors_of_alibaba_for_registrations() {
    for case in &list("alibaba", "registrations") {
        let random = number(case, "random");
        let names = [text(case, "productkey"), text(case, "devicename")];
        let mut arguments = [&["alibaba-register"], &names[..], &["--random", &random]].concat();
        arguments.extend((case["no_whitelist"] == 1).then_some("--unlisted"));
        prints(case, &arguments, text(case, "productsecret"));
    }
    let twice = [(); 2].map(|()| run(&["alibaba-register", "p", "d", "--instance", "iot-1"], "s").stdout);
    assert!(twice[0] != twice[1] && twice[0].contains(",instanceId=iot-1|\n"), "{twice:?}");
}

#[test]
fn baidu_leaves_more_open() {
    // Hashed with another implementation of MD5.
    let options = ["--time", "1700000000", "--client-id", "any"];
    let printed = run(&[&["baidu", "avslzjf", "device1"], &options[..]].concat(), "lWvGGoMxvbDwavDc").stdout;
    let due = "username: thingidp@avslzjf|device1|1700000000|MD5\npassword: 4cf8180857bd16bc6c887b57983b56e3\nclient id: any\n";
    assert_eq!(printed, due);
    let printed = run(&["baidu", "avslzjf", "device1", "--time", "none"], "lWvGGoMxvbDwavDc").stdout;
    assert!(printed.starts_with("username: thingidp@avslzjf|device1|MD5\npassword: c0479fbb47103a9d"), "{printed}");
}

#[test]
fn the_line_can_be_typed() {
    let line = run(&["baidu", "core", "key", "--at"], "secret").stdout;
    let typed = format!("ATE0\r{}\r", line.trim_end());
    let outcome = run_to_end(&["run"], &typed);
    assert!(outcome.stdout.ends_with("\r\nOK\r\n\r\nOK\r\n"), "{}", outcome.stdout);
}

#[test]
fn secrets_come_from_anywhere() {
    let due = run(&["baidu", "core", "key"], "s3cret").stdout;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("key.txt").into_os_string().into_string().unwrap();
    for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
        assert_eq!(run(&["baidu", "core", "key"], text).stdout, due, "{text:?}");
        fs::write(&path, text).unwrap();
        let outcome = run_to_end(&["credentials", "baidu", "core", "key", "--secret-file", &path], "");
        assert_eq!(outcome.stdout, due, "{text:?}");
    }
    assert_eq!(run_to_end(&["credentials", "baidu", "core", "key", "--secret", "s3cret"], "").stdout, due);
    let dash = run_to_end(&["credentials", "baidu", "core", "key", "--secret", "-s"], "");
    assert_eq!(dash.stdout, run(&["baidu", "core", "key"], "-s").stdout);
    assert_ne!(run(&["baidu", "core", "key"], "s3cret ").stdout, due, "a space belongs to the secret");
}

#[test]
fn what_depends_on_time_and_chance_is_taken_from_the_system() {
    let tencent = || run(&["tencent", "p", "d"], "c2VjcmV0").stdout;
    let (one, other) = (tencent(), tencent());
    assert!(one.starts_with("username: pd;21010406;") && one != other, "{one}{other}");
    let onenet = run(&["onenet", "p", "d"], "c2VjcmV0").stdout;
    let et: u64 = onenet.split_once("&et=").unwrap().1.split_once('&').unwrap().0.parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let year = 365 * 24 * 60 * 60;
    assert!((now + year - 60..=now + year).contains(&et), "{et} at {now}");
    let huawei = run(&["huawei", "d"], "s").stdout;
    assert!(huawei.contains("client id: d_0_0_20"), "{huawei}");
}

#[test]
fn mistakes_are_told_without_the_secret() {
    let nowhere = ["--secret-file", "/nowhere/key"];
    let cases: &[(&[&str], &[&str], &str, &str)] = &[
        (&["tencent", "p", "d"], &["--secret-file", "-"], "hunter2!", "<devicesecret> is not base64"),
        (&["tencent", "", "d"], &["--secret-file", "-"], "c2VjcmV0", "<productkey> is empty"),
        (&["baidu", "c", "k"], &["--secret-file", "-"], "", "<devicesecret> is empty"),
        (
            &["baidu", "c", "k"],
            &["--secret-file", "-"],
            "hunter2\nmore",
            "<devicesecret> holds a quote or a control character",
        ),
        (&["baidu", "c", "k\""], &["--secret", "hunter2"], "", "<devicekey> holds a quote or a control character"),
        (&["huawei", "d", "--time", "-99999999999"], &["--secret", "hunter2"], "", "the time is out of range"),
        (
            &["baidu", "c", "k"],
            &nowhere,
            "",
            "can't read a secret from /nowhere/key: No such file or directory (os error 2)",
        ),
        (&["baidu", "c", "k"], &[], "", "--secret"),
        (&["baidu", "c", "k"], &["--secret", "hunter2", "--secret-file", "-"], "", "cannot be used with"),
        (&["baidu", "c", "k", "--json", "--at"], &["--secret", "hunter2"], "", "cannot be used with"),
        (&["baidu", "c", "k", "--hash", "sha1"], &["--secret", "hunter2"], "", "expected one of md5, sha256"),
        (&["onenet", "p", "d", "--resource", "all"], &["--secret", "hunter2"], "", "expected device or product"),
        (&["unicom", "p", "d"], &["--secret", "hunter2"], "", "--device-id <ID>"),
        (
            &["unicom", "p", "d", "--device-id", "i", "--operator", "5"],
            &["--secret", "hunter2"],
            "",
            "5 is not in 0..=4",
        ),
        (&["amazon"], &[], "", "its devices show certificates"),
        (&["baidu", "c", "k", "--time", "now"], &["--secret", "hunter2"], "", "expected a number or none"),
    ];
    for (arguments, secret, typed, words) in cases {
        let outcome = run_to_end(&[&["credentials"], *arguments, *secret].concat(), typed);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{arguments:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("hunter2"), "{arguments:?}: {}", outcome.stderr);
    }
    let long = run(&["baidu", "c", "k"], &"x".repeat(5000));
    assert_eq!(long.code, Some(2));
    assert!(long.stderr.contains("it has more than 4096 bytes"), "{}", long.stderr);
}

#[test]
fn each_cloud_is_offered() {
    let help = run_to_end(&["credentials", "--help"], "").stdout;
    for cloud in Cloud::ALL {
        let line = help.lines().find(|line| line.split_whitespace().next() == Some(cloud.name()));
        let line = line.unwrap_or_else(|| panic!("{cloud} is not offered"));
        assert!(line.contains(&format!("(AT+MQTTAUTHCFG={})", cloud.number())), "{line}");
    }
    let help = run_to_end(&["lab", "--help"], "").stdout;
    let cloud = help.split_once("--cloud ").unwrap().1.split_once("\n\n").unwrap().0;
    for name in Cloud::ALL.map(Cloud::name) {
        assert!(cloud.contains(name), "lab --help does not offer {name}: {cloud}");
    }
}
